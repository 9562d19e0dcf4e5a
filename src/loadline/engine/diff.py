"""Why two answers differ: their explanations aligned, whatever they differ in (rulebook, date, market, book)."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from loadline.engine.result import MarginResult, Side
from loadline.foundation.errors import InputError
from loadline.tape.align import Aligned, align, drivers
from loadline.tape.explain import Row

Saved = Mapping[str, Any]
"""A result as ``loadline margin --json --explain`` writes it."""
Source = MarginResult | Saved | Sequence[MarginResult | Saved]
"""An answer, or the answers of the wallets that a rulebook keeps apart, of one account."""


@dataclass(frozen=True, slots=True)
class End:
    """One end of a difference: who answered, and what; amounts in the currency of the difference.

    ``rows``: the explanation of one requirement, of each wallet; the factor of a root turns it into that currency.
    """

    account: str
    version: str
    equity: float
    initial: float
    maintenance: float
    rows: tuple[tuple[Row, ...], ...]

    def as_json(self) -> dict[str, Any]:
        """Return who answered and the amounts as plain data."""
        amounts = {"equity": self.equity, "initial": self.initial, "maintenance": self.maintenance}
        return {"account": self.account, "version": self.version} | amounts


@dataclass(frozen=True, slots=True)
class Diff:
    """Two answers aligned: ``rows`` in pre-order, amounts in ``currency``; at every row the changes below it add up.

    ``side``: the requirement that is explained.
    """

    left: End
    right: End
    side: Side
    currency: str
    rows: tuple[Aligned, ...]

    @property
    def change(self) -> float:
        """The requirement of the right end less that of the left."""
        return self.rows[0].change

    def drivers(self, most: int = 3) -> list[Aligned]:
        """Return the rows that say most of the difference, the largest first."""
        return drivers(self.rows, most)

    def as_json(self, depth: int | None = None) -> dict[str, Any]:
        """Return the difference as plain data; rows that do not differ are left out, ``depth`` cuts the others."""
        kept = [r for r in self.rows if len(r.path) == 1 or r.change]
        return {
            "side": self.side,
            "currency": self.currency,
            "left": self.left.as_json(),
            "right": self.right.as_json(),
            "change": self.change,
            "rows": [row_as_json(r) for r in kept if depth is None or len(r.path) <= depth + 1],
        }


def row_as_json(row: Aligned) -> dict[str, Any]:
    """Return an aligned row as plain data; a side without such a row is null."""
    ends = {"left": row.left, "right": row.right, "change": row.change}
    return {"path": "/".join(row.path), **ends, "left_note": row.left_note, "right_note": row.right_note}


def diff(left: Source, right: Source, side: Side = "initial") -> Diff:
    """Return two answers aligned: where their difference enters, row by row.

    ``left``, ``right``: a result; a saved one (the JSON of ``loadline margin --explain``); or several, the wallets of
    an account under a rulebook that keeps them apart. Amounts are in the currency that all have in common, else in
    USD, each at its own market. Raises ``InputError`` for a saved result without explanation.

    >>> from loadline.engine.engine import margin
    >>> from loadline.io.sample import sample
    >>> portfolio, market = sample()
    >>> mine = portfolio.only(["maker"])
    >>> found = diff(margin(mine, market, "deribit-xpm"), margin(mine, market, "derive"))
    >>> found.currency, found.change == found.right.initial - found.left.initial
    ('USD', True)
    """
    sides = [_answers(left), _answers(right)]
    currencies = {_fact(x, "currency") for side_of in sides for x in side_of}
    currency = str(currencies.pop()) if len(currencies) == 1 else "USD"
    a, b = (end(answers, side, currency) for answers in sides)
    return between(a, b, side, currency)


def between(left: End, right: End, side: Side, currency: str) -> Diff:
    """Return two ends aligned; both hold the rows of ``side``, in ``currency``."""
    return Diff(left, right, side, currency, tuple(align(left.rows, right.rows)))


def _answers(source: Source) -> list[MarginResult | Saved]:
    found = [source] if isinstance(source, MarginResult | Mapping) else list(source)
    if not found:
        raise InputError("nothing to compare: one side holds no answer", remedy="see why it is unavailable")
    return found


def _fact(answer: MarginResult | Saved, name: str) -> Any:
    if isinstance(answer, MarginResult):
        return getattr(answer, name)
    if name not in answer:
        raise InputError(f"a saved result has no {name}", remedy="save it with loadline margin --json --explain")
    return answer[name]


def end(answers: Sequence[MarginResult | Saved], side: Side, currency: str) -> End:
    """Return one end of differences in ``currency``: the answers of one account's wallets, and why ``side`` is so much.

    Raises ``InputError`` for a saved result without explanation.
    """
    rates = [1.0 if _fact(x, "currency") == currency else float(_fact(x, "usd")) for x in answers]
    first = answers[0]

    def total(name: str) -> float:
        return math.fsum(rate * float(_fact(x, name)) for x, rate in zip(answers, rates, strict=True))

    rows = tuple(tuple(_in(_rows(x, side), rate)) for x, rate in zip(answers, rates, strict=True))
    names = {str(_fact(x, "version")) for x in answers}
    version = ", ".join(sorted(names))
    return End(str(_fact(first, "account")), version, total("equity"), total("initial"), total("maintenance"), rows)


def _in(rows: Sequence[Row], rate: float) -> Iterator[Row]:
    """An explanation in another currency: the factor of its root is the rate."""
    for row in rows:
        root = len(row.path) == 1
        yield Row(row.path, row.label, row.factor * rate if root else row.factor, row.value, row.note, row.leaf)


def _rows(answer: MarginResult | Saved, side: Side) -> list[Row]:
    if isinstance(answer, MarginResult):
        return answer.explain(side)
    told = answer.get("explain")
    found: list[Row] = []
    above: list[tuple[str, tuple[str, ...]]] = []
    for row in told or []:
        text, label = str(row["path"]), str(row["label"])
        # labels may hold a slash: a path ends with its label, and begins with the path of a row above
        while above and text != f"{above[-1][0]}/{label}":
            above.pop()
        path = (*above[-1][1], label) if above else (label,)
        above.append((text, path))
        if path[0] == side:
            found.append(Row(path, label, float(row["factor"]), float(row["value"] or 0.0), str(row["note"])))
    if not found:
        what = f"the saved result of {answer.get('account', '?')} has no explanation of its {side} requirement"
        raise InputError(what, remedy="save it with loadline margin --json --explain")
    return found
