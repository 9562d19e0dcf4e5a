"""One root exception, the words for what can go wrong, and the honest non-answer."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Reason(StrEnum):
    """Why something cannot be read or answered; the value is the word used in JSON and tables.

    >>> Reason("crossed").name
    'CROSSED'
    """

    MISSING_DATA = "missing_data"
    UNKNOWN_INSTRUMENT = "unknown_instrument"
    EXPIRED = "expired"
    INVALID_VALUE = "invalid_value"
    CROSSED = "crossed"
    STALE = "stale"
    DUPLICATE = "duplicate"
    UNLIKE_CURRENCIES = "unlike_currencies"
    UNPARSABLE = "unparsable"
    TRUNCATED = "truncated"
    ABSURD = "absurd"
    UNSUPPORTED = "unsupported"
    NO_PARAMETERS = "no_parameters"


@dataclass(frozen=True, slots=True)
class Defect:
    """One thing wrong with an input: what, where, and what to do about it.

    ``subject`` is the instrument, account or currency that the row speaks of, so that a defect in a row
    nobody needs can stay a warning. ``row`` counts data rows from 1; 0 means the file as a whole.
    """

    reason: Reason
    what: str
    remedy: str
    file: str = ""
    row: int = 0
    column: str = ""
    subject: str = ""

    def where(self) -> str:
        """Return ``file:row (column)``, leaving out what is not known."""
        place = self.file + (f":{self.row}" if self.row else "")
        return place + (f" ({self.column})" if self.column else "")

    def __str__(self) -> str:
        where = self.where()
        return f"{where + ': ' if where else ''}{self.what}. {self.remedy}"


class LoadlineError(Exception):
    """The root of every error that Loadline raises on purpose.

    ``what`` says what is wrong, ``where`` names the place, ``causes`` the usual ones, ``remedy`` the way out.

    >>> print(LoadlineError("no such file", where="book.csv", remedy="check the path"))
    book.csv: no such file
    Remedy: check the path
    """

    def __init__(self, what: str, *, where: str = "", causes: str = "", remedy: str = "") -> None:
        self.what, self.where, self.causes, self.remedy = what, where, causes, remedy
        parts = [f"{where}: {what}" if where else what]
        parts += [f"Usual causes: {causes}"] if causes else []
        parts += [f"Remedy: {remedy}"] if remedy else []
        super().__init__("\n".join(parts))


class InputError(LoadlineError):
    """The input is wrong; ``defects`` lists everything found, not just the first.

    >>> defect = Defect(Reason.EXPIRED, "it has expired", "Settle it.", file="book.csv", row=3)
    >>> InputError("the book has defects", defects=[defect]).defects[0].where()
    'book.csv:3'
    """

    def __init__(
        self, what: str, *, defects: Iterable[Defect] = (), where: str = "", causes: str = "", remedy: str = ""
    ) -> None:
        self.defects = tuple(defects)
        super().__init__(what, where=where, causes=causes, remedy=remedy)
        if self.defects:
            self.args = ("\n".join([str(self.args[0]), *(f"  - {d}" for d in self.defects)]),)


class MissingData(LoadlineError):
    """Something needed is not there; ``missing`` lists all of it at once.

    >>> MissingData("the market lacks", missing=["vol of A", "index of B"]).what
    'the market lacks: vol of A, index of B'
    """

    def __init__(self, what: str, *, missing: Iterable[str] = (), where: str = "", remedy: str = "") -> None:
        self.missing = tuple(missing)
        listed = what + (": " + ", ".join(self.missing) if self.missing else "")
        super().__init__(listed, where=where, remedy=remedy)


class RuleError(LoadlineError):
    """A rulebook, its parameters or an override is not valid.

    >>> isinstance(RuleError("no rulebook 'derve'", remedy="did you mean derive?"), LoadlineError)
    True
    """


class SolveError(LoadlineError):
    """A numerical search did not reach an answer that can be stood behind."""


@dataclass(frozen=True, slots=True)
class Unavailable:
    """The answer that is not there, and why: it stands in a list of results beside the good ones.

    >>> gap = Unavailable("carol", "derive", Reason.MISSING_DATA, ("vol of X",), "add it to the market file")
    >>> gap.status, gap.reason.value
    ('unavailable', 'missing_data')
    """

    account: str
    rulebook: str
    reason: Reason
    missing: tuple[str, ...]
    remedy: str
    currency: str = ""

    status = "unavailable"

    def __str__(self) -> str:
        return f"{self.account} under {self.rulebook}: {self.reason.value}: {'; '.join(self.missing)}. {self.remedy}"
