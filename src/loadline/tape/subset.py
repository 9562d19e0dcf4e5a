"""A plan run again for some accounts of a book: those that stand on a constant which moved.

Parameters and market reach a plan only as constants by class. An account's numbers follow from its columns and the
constants of the classes that it holds, so where neither moved the numbers have not either, to the last bit. The same
is true of each of its units: what they gave is kept, and only units that hold what moved are worked out again.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from loadline.tape.again import Again
from loadline.tape.compiled import compiled
from loadline.tape.frame import LEVELS, Floats, Frame, Ints
from loadline.tape.plan import Plan, spread
from loadline.tape.recorded import Pass, Recording, Step
from loadline.tape.spelling import Spot

Bools = NDArray[np.bool_]
PART = 1024
"""Accounts that one call works on where there are several workers."""
BARE, STALE, PASSING = 0, 1, 2
"""What is known of a unit: nothing but zeros passes it by, it is to be worked out, or other numbers do pass it by."""


class Listed(Again):
    """The loops of some accounts, those that ``which`` lists; what the next ones have is asked for ahead of time.

    An account whose turn comes is rarely the neighbour of the last one, so the machine does not foresee where it lies.
    Units keep the numbers that they gave, and expiries those that they add to the account past their unit; no rows,
    since one for each would be many cubes. What positions add to the account past their unit is often zero; where all
    of it is, they are not looked at: a total begins at +0 and so is never -0, and no zero changes it.
    """

    name = "some"
    first = ("lo", "hi", "out", "which", "stale_unit", "kept_unit", "kept_expiry")

    def __init__(self, recording: Recording) -> None:
        self._here = 0
        self._watched: frozenset[Step] = frozenset()
        super().__init__(recording, ("unit",), ("expiry",), rows=False)

    def _pass(self, job: Pass) -> None:
        super()._pass(job)
        self._lines[self._here : self._here] = [" " * 8 + line for line in self._near()]

    def _every(self, level: str, first: str, last: str) -> list[str]:
        if level != "account":
            return super()._every(level, first, last)
        self._here = len(self._lines) + 2
        return ["for listed in range(lo, hi):", "    account = which[listed]"]

    def _rows_ahead(self, read: Iterable[Step], parts: Sequence[tuple[int, int]]) -> list[str]:
        return []  # what moved is few rows, the same for every account: they are near

    def _keeps(self, s: Step, gathers: Sequence[Step]) -> bool:
        past = s.level == "unit" or (s.level == "expiry" and any(g.level == "account" for g in gathers))
        return past and s.axis is None

    def _around(self, level: str, deeper: Sequence[Step]) -> tuple[list[str], list[str], list[str]]:
        past = [g for g in deeper if g.args[0].level != "expiry" or g.axis is not None]
        self._watched = frozenset(past if all(g.op == "net" and g.axis is None for g in past) else ())
        after = f"    stale_unit[unit] = {PASSING} if passing else {BARE}"
        return ["    passing = False"], [after], [f"    passing = stale_unit[unit] == {PASSING}"]

    def _needed(self, deeper: Sequence[Step]) -> str:
        return "if passing:" if deeper and self._watched.issuperset(deeper) else ""

    def _added(self, gathers: Iterable[Step], seen: str, at: Spot, depth: int) -> None:
        super()._added(gathers, seen, at, depth)
        if not self._passed_over and self._watched.intersection(gathers):
            self._say(depth, f"passing |= {seen} != 0.0")

    def _near(self) -> list[str]:
        """Lines that ask for what later accounts have: coarse levels first, because these say where the finer lie."""
        levels, args, lines = ["account"], self.words.args, list[str]()
        while finer := [level for level in LEVELS if f"starts_{level}_{levels[-1]}" in args]:
            levels.append(finer[-1])
        for n, level in enumerate(levels):
            lines.append(f"ahead = which[min(listed + {len(levels) + 1 - n}, hi - 1)]")
            lines += [f"ahead = starts_{levels[k + 1]}_{levels[k]}[ahead]" for k in range(n)]
            more = ("", " + 8") if n > 1 else ("",)  # an account has few units, but more of what is finer
            lines += [f"fetch1({name}, ahead{m})" for name, what in args.items() if _lies(what) == level for m in more]
            lines += [f"fetch1(stale_{level}, ahead)"] if level in self.levels else []
            lines += [f"fetch1(kept_{level}, ahead * wide_{level}{m})" for m in more] if level in self.width else []
        return lines


def _lies(what: Sequence[Any]) -> str | None:
    """The level whose groups an argument has an entry for, if it is of a book."""
    kind, *key = what
    return str(key[0] if kind == "column" else key[-1]) if kind in ("starts", "classes", "column") else None


class Kept:
    """What the units of a book gave when they were last worked out; all are stale at first.

    A unit is worked out by one thread, with its account.
    """

    def __init__(self, frame: Frame) -> None:
        self.frame = frame
        self.state = np.full(frame.size["unit"], STALE, np.uint8)
        self._gave: list[Floats] = []

    def run(self, plan: Plan, accounts: Ints, out: Floats, workers: int = 1) -> None:
        """Write into ``out`` (accounts of the frame, outputs) what a plan gives for some accounts, rising.

        Bit for bit what ``plan.run`` gives there, if what has moved since the last run was told (``touched``); the
        other rows of ``out`` stay. ``workers``: threads.
        """
        if not len(accounts):
            return
        written = plan.other(Listed)
        if written is None:  # blocks of scenarios pass by: better past all accounts together, as a book of their own
            whole = len(accounts) == len(self.frame.accounts)
            out[accounts] = plan.run(self.frame if whole else self.frame.only(accounts), workers)
            return
        room = [n * self.frame.size[level] for level, n in written.width.items()]
        if [len(x) for x in self._gave] != room:
            self._gave = [np.zeros(n) for n in room]
        step = PART if workers > 1 else len(accounts)
        given = (out, accounts, self.state, *self._gave, *plan.bound(self.frame, written))
        run = compiled(written.text, plan.cache, "some")
        spread(run, range(0, len(accounts) + step, step), len(accounts), given, workers)

    def touched(self, items: Bools, rows: Ints | None = None) -> Ints:
        """Return the accounts, rising, that hold any of some items or own any of some rows; their units are now stale.

        ``items``: (N,) a mask; ``rows``: rows of the frame whose columns have changed.
        """
        if items.all():
            self.state[:] = STALE
            return np.arange(len(self.frame.accounts))
        starts, units = self._by_item
        found = np.zeros(len(self.state), np.bool_)
        for item in np.flatnonzero(items).tolist():
            found[units[starts[item] : starts[item + 1]]] = True
        if rows is not None:
            found[self._unit[rows]] = True
        self.state[found] = STALE
        owner = self._owner[found]
        return owner[np.append(True, owner[1:] != owner[:-1])] if len(owner) else owner

    @cached_property
    def _owner(self) -> Ints:
        """(units,) the account of each."""
        return self.frame.owner[self.frame.starts("position", "unit")[:-1]]

    @property
    def _unit(self) -> Ints:
        """(P,) the unit of each row."""
        return np.repeat(np.arange(len(self.state)), np.diff(self.frame.starts("position", "unit")))

    @cached_property
    def _by_item(self) -> tuple[Ints, Ints]:
        """(items + 1,) where each item's holders begin, and (P,) their units."""
        item, items = self.frame.item, self.frame.classes_of.size["position"]
        narrow = item.astype(np.uint16) if items <= 1 << 16 else item  # sorted by radix
        counts = np.bincount(item, minlength=items)
        return np.append(0, np.cumsum(counts)), self._unit[np.argsort(narrow, kind="stable")]
