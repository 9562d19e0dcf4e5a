"""Rows of a large file as numbers: accounts and instruments coded as they are read, amounts as floats.

A row with a defect stops its account, as in a small book; of the defects the first ``LISTED`` are told, all counted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np
import polars as pl
from numpy.typing import NDArray

from loadline.foundation.errors import Defect, Reason
from loadline.foundation.table import Bools, Floats, Ints
from loadline.io.cells import can_be_numbers, numbers
from loadline.io.codec import refusal
from loadline.io.holdings import PLAIN, SIDES
from loadline.io.streamed import LISTED, Batch, Stream

Codes = NDArray[np.int32]
N = TypeVar("N", bound=np.generic)
NOBODY = -1
"""The code of an empty cell."""


class Words:
    """Texts as they are met, numbered from 0; blanks around them do not count."""

    def __init__(self) -> None:
        self._categories = pl.Categories.random()
        self._kind = pl.Categorical(self._categories)
        self._kept = pl.Series([], dtype=self._kind)  # polars forgets categories that nothing uses

    def codes(self, column: pl.Series) -> Codes:
        """Return (n,) the number of each text, ``NOBODY`` where there is none."""
        texts = column if column.dtype == pl.String else column.cast(pl.String)
        codes = texts.cast(self._kind).to_physical().fill_null(2**32 - 1)
        return codes.to_numpy().astype(np.uint32, copy=False).view(np.int32)

    def texts(self) -> pl.Series:
        """Return every text met, by its number."""
        return self._categories.to_series().fill_null("")


def spelled(texts: pl.Series) -> tuple[pl.Series, Codes]:
    """Return distinct texts without blanks around them, and the number among them of each text; ``NOBODY`` for blanks.

    >>> names, number = spelled(pl.Series([" b", "a", "b", " "]))
    >>> names.to_list(), number.tolist()
    (['b', 'a'], [0, 1, 0, -1])
    """
    bare = texts.str.strip_chars()
    if bare.n_unique() == len(bare) and not (bare == "").any():
        return bare, np.arange(len(bare), dtype=np.int32)
    names = bare.filter(bare != "").unique(maintain_order=True)
    number = bare.replace_strict(names, pl.int_range(len(names), eager=True), default=NOBODY, return_dtype=pl.Int32)
    return names, number.to_numpy()


@dataclass(eq=False)
class Findings:
    """What is wrong with the rows of a venue: the first defects in full, all of them counted by reason."""

    listed: list[Defect] = field(default_factory=list)
    counts: Counter[Reason] = field(default_factory=Counter)

    def note(self, reason: Reason, many: int, defects: Callable[[int], Defect]) -> None:
        """Count so many defects, and list the first as far as there is room; ``defects(n)`` is the n-th of them."""
        if many:
            self.counts[reason] += many
            self.listed += [defects(n) for n in range(min(many, LISTED - len(self.listed)))]


@dataclass(frozen=True)
class Form:
    """The columns of a file: what is held, how much, whether a side gives the sign, a second number and its default."""

    section: str
    name: str
    amount: str
    optional: tuple[str, ...] = ("account",)
    side: str = ""
    second: str = ""
    default: float | None = None

    @property
    def required(self) -> tuple[str, ...]:
        """The columns that must be there."""
        second = (self.second,) if self.second and self.default is None else ()
        return (self.name, *((self.side,) if self.side else ()), self.amount, *second)


@dataclass(eq=False)
class Rows:
    """The rows of one file: (n,) codes of account and of instrument or currency, amount, a second amount, file row.

    ``stopped``: codes of accounts that a defect stops.
    """

    file: str
    form: Form
    account: Codes
    name: Codes
    amount: Floats
    second: Floats | None
    gaps: Ints
    stopped: list[Codes]

    def row(self, i: int) -> int:
        """Return the row of the file that row ``i`` (from 0) is, counting from 1."""
        found = i + 1
        for blank in self.gaps.tolist():
            found += blank <= found
        return int(found)


POSITIONS = Form(
    "positions",
    "instrument",
    "quantity",
    ("account", "venue", "entry_price", "unsettled_pnl"),
    "",
    "unsettled_pnl",
    0.0,
)
BALANCES = Form("balances", "currency", "amount")
ORDERS = Form("orders", "instrument", "quantity", ("account",), "side", "limit_price")


class Reader:
    """Reads the batches of one file into ``Rows``; ``alone``: the account of a file without such a column."""

    def __init__(self, source: Stream, form: Form, accounts: Words, names: Words, found: Findings, alone: str) -> None:
        self.source, self.form, self.found, self.alone = source, form, found, alone
        self.accounts, self.names = accounts, names
        self.stopped: list[Codes] = []

    def read(self, told: Callable[[int], None]) -> Rows:
        """Return all rows; ``told``: called with how many more were read. Raises ``InputError``."""
        account: list[Codes] = []
        name: list[Codes] = []
        amount: list[Floats] = []
        second: list[Floats] = []
        blank, seen = [np.empty(0, np.int64)], 0
        for batch in self.source.batches():
            account.append(self._words(batch, "account", self.accounts))
            name.append(self._words(batch, self.form.name, self.names))
            amount.append(self._numbers(batch, account[-1], self.form.amount, None))
            if self.form.side:
                amount[-1] = self._signed(batch, account[-1], amount[-1])
            if self.form.second in self.source.columns:
                second.append(self._numbers(batch, account[-1], self.form.second, self.form.default))
            last = int(batch.rows[-1]) if len(batch) else seen
            if last - seen != len(batch):
                blank.append(np.setdiff1d(np.arange(seen + 1, last + 1), batch.rows))
            told(last - seen)
            seen = last
        extra = _one(second, np.float64) if second else None
        columns = (_one(account, np.int32), _one(name, np.int32), _one(amount, np.float64), extra)
        return Rows(self.source.file, self.form, *columns, np.concatenate(blank), self.stopped)

    def _words(self, batch: Batch, column: str, words: Words) -> Codes:
        texts = batch.columns.get(column)
        if texts is None:
            texts = pl.Series([self.alone]).new_from_index(0, len(batch))
        if not (texts.dtype.is_integer() or texts.dtype in (pl.String, pl.Categorical, pl.Enum, pl.Null)):
            what = f"column {column!r} holds {texts.dtype}, not texts"
            raise refusal(Defect(Reason.UNPARSABLE, what, "write names", self.source.file, 0, column))
        return words.codes(texts)

    def _numbers(self, batch: Batch, account: Codes, column: str, default: float | None) -> Floats:
        cells = batch.columns[column]
        if not can_be_numbers(cells.dtype):
            what = f"column {column!r} holds {cells.dtype}, not numbers"
            raise refusal(Defect(Reason.UNPARSABLE, what, PLAIN, self.source.file, 0, column))
        found, title = numbers(cells), column.replace("_", " ")
        self._flag(batch, account, found.bad, Reason.UNPARSABLE, column, lambda i: f"{title}: {found.why(i)}", PLAIN)
        if default is None:
            self._flag(batch, account, found.blank, Reason.MISSING_DATA, column, lambda i: f"no {title}")
        elif found.blank.any():
            found.values[found.blank] = default
        return found.values

    def _signed(self, batch: Batch, account: Codes, size: Floats) -> Floats:
        """The quantities of orders with the sign of their side."""
        column = self.form.side
        texts = batch.columns[column].cast(pl.String).fill_null("").str.strip_chars()
        signs = texts.str.to_lowercase().replace_strict(SIDES, default=None, return_dtype=pl.Float64)
        sign = signs.fill_null(float("nan")).to_numpy()
        empty = (texts == "").to_numpy()
        self._flag(batch, account, empty, Reason.MISSING_DATA, column, lambda i: f"no {column}")
        unknown, signed = np.isnan(sign) & ~empty, size < 0
        why, remedy = Reason.INVALID_VALUE, "write the quantity without a sign; the side carries it"
        self._flag(
            batch, account, unknown, why, column, lambda i: f"side {texts[i][:40]!r} is not known", "write buy or sell"
        )
        self._flag(
            batch, account, signed, why, "quantity", lambda i: f"a quantity of {size[i]:g} beside a side", remedy
        )
        return size * sign

    def _flag(
        self,
        batch: Batch,
        account: Codes,
        wrong: Bools,
        reason: Reason,
        column: str,
        what: Callable[[int], str],
        remedy: str = "fill the cell, or drop the row",
    ) -> None:
        """Note the same defect of some rows under their accounts."""
        places = np.flatnonzero(wrong)
        if not len(places):
            return
        self.stopped.append(account[places])
        whose = batch.columns.get("account")

        def defect(n: int) -> Defect:
            i = int(places[n])
            name = self.alone if whose is None else str(whose[i]).strip()
            return Defect(reason, what(i), remedy, self.source.file, int(batch.rows[i]), column, name)

        self.found.note(reason, len(places), defect)


def _one(parts: list[NDArray[N]], kind: type[N]) -> NDArray[N]:
    """One array of the parts, which are let go of as it is made."""
    out = np.empty(sum(map(len, parts)), kind)
    at = 0
    parts.reverse()
    while parts:
        part = parts.pop()
        out[at : at + len(part)] = part
        at += len(part)
    return out
