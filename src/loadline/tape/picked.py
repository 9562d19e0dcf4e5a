"""Loops over groups that stand in lists: those of an account as it is, among them those that a trade has changed."""

from __future__ import annotations

from loadline.tape.again import Again
from loadline.tape.frame import RANK
from loadline.tape.recorded import Recording

PER_LEVEL = ("list", "stale", "kept")
"""What the loops are given of each level whose groups are listed."""


class Picked(Again):
    """Loops over the listed groups of ``levels``; everything that an untouched one gives is kept, rows too.

    ``fits``: whether that is of use, and finer groups of a listed one lie side by side wherever a walk goes over them.
    """

    name = "picked"

    def __init__(self, recording: Recording) -> None:
        self.first = ("lo", "hi", "out", *(f"{what}_{level}" for level in self.levels for what in PER_LEVEL))
        super().__init__(recording, self.levels, rows=True)
        chain = ("account", *self.levels)
        walks = {what[1:] for what in self.words.args.values() if what[0] == "starts"}
        outside = {(fine, coarse) for fine, coarse in walks if RANK[coarse] > RANK[chain[-1]]}
        self.fits = all(self.width.values()) and outside <= set(zip(chain[1:], chain, strict=False))

    def _every(self, level: str, first: str, last: str) -> list[str]:
        if level not in self.levels:
            return super()._every(level, first, last)
        return [f"for listed_{level} in range({first}, {last}):", f"    {level} = list_{level}[listed_{level}]"]


class ByExpiry(Picked):
    """Where all walks go from units to expiries: of a unit that a trade touches only the expiry is laid out anew."""

    levels = ("unit", "expiry")


class ByUnit(Picked):
    """Where a walk goes from units past their expiries: a unit that a trade touches is laid out anew as a whole."""

    levels = ("unit",)
