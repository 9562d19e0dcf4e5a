"""What was said on many dates, said once: reasons and notes that differ in figures alone are of one kind."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from loadline.backtest.day import Day
from loadline.foundation.units import format_time

FIGURE = re.compile(r"[^\s(),;=]*\d[^\s(),;=]*")
"""A word with a digit in it: a number, a time, a contract."""
COIN = re.compile(r"\w+#\d+[.:]?")
"""A coin of a name that was used before, LUNA#2: no figure."""
LISTED = re.compile(r"…(?:, …)+")


@lru_cache(maxsize=4096)
def kind(text: str) -> str:
    """Return a text without its figures: numbers, times and the names of contracts.

    >>> kind("BTC has 12 moves of its own, 250 are needed (since 2026-01-02T04:00:00Z)")
    'BTC has … moves of its own, … are needed (since …)'
    >>> kind("no price on the way: BTC-27MAR26-80000-C, BTC_USDC-PERPETUAL"), kind("no price of LUNA#2")
    ('no price on the way: …, BTC_USDC-PERPETUAL', 'no price of LUNA#2')
    """
    return LISTED.sub("…", FIGURE.sub(lambda word: word[0] if COIN.fullmatch(word[0]) else "…", text))


@dataclass
class Remark:
    """One kind of remark: on which dates (epoch ms), of which books, and its words on the first of them."""

    model: str
    kind: str
    example: str
    times: list[int] = field(default_factory=list)
    accounts: dict[str, None] = field(default_factory=dict)
    varies: bool = False

    @property
    def count(self) -> int:
        """On how many books and dates, or dates where it is of no book."""
        return len(self.times)

    def as_json(self) -> dict[str, Any]:
        """Return plain data; the first and last date of it, and its words on the first."""
        said = {"reason": self.kind, "dates": self.count, "first": format_time(min(self.times))}
        return said | {"last": format_time(max(self.times)), "example": self.example}


def gathered(said: Iterable[tuple[int, str, str, str]], *, by_account: bool) -> list[Remark]:
    """Return remarks by kind, the most frequent first.

    ``said``: time, account, model and words of each; ``by_account``: whether those of two books are two.
    """
    found: dict[tuple[str, str, str], Remark] = {}
    for at, account, model, words in said:
        plain = kind(words)
        one = found.setdefault((account if by_account else "", model, plain), Remark(model, plain, words))
        one.times.append(at)
        one.accounts[account] = None
        one.varies |= words != one.example
    return sorted(found.values(), key=lambda r: -r.count)


def gaps(days: Sequence[Day], models: Iterable[str], *, by_account: bool = True) -> list[Remark]:
    """Return why books have no number on their dates; ``model`` is empty where they have none under any."""
    told = {"", *models}
    split = ((d.at, key.rpartition("|"), why) for d in days for key, why in d.gaps.items())
    said = ((at, account, model, why) for at, (account, _, model), why in split if model in told)
    return gathered(said, by_account=by_account)


def notes(days: Sequence[Day], model: str) -> list[Remark]:
    """Return what the results of one model note, and on how many dates."""
    said = ((d.at, "", model, note) for d in days for note in d.models[model].notes)
    return gathered(said, by_account=False)


@dataclass(frozen=True)
class Ahead:
    """On these dates (epoch ms) a model had parameters that are from later, ``since`` the last of them."""

    model: str
    times: tuple[int, ...]
    of: int
    since: int

    def as_json(self) -> dict[str, Any]:
        """Return plain data."""
        first, last = format_time(min(self.times)), format_time(max(self.times))
        return {"model": self.model, "dates": len(self.times), "of": self.of, "first": first, "last": last,
                "effective": format_time(self.since)}  # fmt: skip


def looks_ahead(days: Sequence[Day], model: str) -> Ahead | None:
    """Return the dates on which a model was asked with parameters from later, None for none."""
    late = {d.at: a for d in days if (a := d.models[model].ahead) is not None}
    return Ahead(model, tuple(late), len(days), max(late.values())) if late else None
