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

Bools = NDArray[np.bool_]
PART = 1024
"""Accounts that one call works on where there are several workers."""
FEWER = ("unit",)
"""Levels whose groups keep what they gave: single numbers, since a row of scenarios for each would be many cubes."""


class Listed(Again):
    """The loops of some accounts, those that ``which`` lists; what the next ones have is asked for ahead of time.

    An account whose turn comes is rarely the neighbour of the last one, so the machine does not foresee where it lies.
    """

    name = "some"
    first = ("lo", "hi", "out", "which", "stale_unit", "kept_unit")

    def __init__(self, recording: Recording) -> None:
        self._here = 0
        super().__init__(recording, FEWER, rows=False)

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

    def _worked_out(self, level: str) -> list[str]:
        return [f"stale_{level}[{level}] = False"]

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
            if level in self.width:
                lines += [f"fetch1(stale_{level}, ahead)", f"fetch1(kept_{level}, ahead * wide_{level})"]
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
        self.stale = np.ones(frame.size["unit"], np.bool_)
        self._values = np.empty(0)

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
        room = written.width["unit"] * len(self.stale)
        if len(self._values) != room:
            self._values = np.zeros(room)
        step = PART if workers > 1 else len(accounts)
        given = (out, accounts, self.stale, self._values, *plan.bound(self.frame, written))
        run = compiled(written.text, plan.cache, "some")
        spread(run, range(0, len(accounts) + step, step), len(accounts), given, workers)

    def touched(self, items: Bools, rows: Ints | None = None) -> Ints:
        """Return the accounts, rising, that hold any of some items or own any of some rows; their units are now stale.

        ``items``: (N,) a mask; ``rows``: rows of the frame whose columns have changed.
        """
        if items.all():
            self.stale[:] = True
            return np.arange(len(self.frame.accounts))
        starts, units = self._by_item
        found = np.zeros(len(self.stale), np.bool_)
        for item in np.flatnonzero(items).tolist():
            found[units[starts[item] : starts[item + 1]]] = True
        if rows is not None:
            found[self._unit[rows]] = True
        self.stale |= found
        owner = self._owner[found]
        return owner[np.append(True, owner[1:] != owner[:-1])] if len(owner) else owner

    @cached_property
    def _owner(self) -> Ints:
        """(units,) the account of each."""
        return self.frame.owner[self.frame.starts("position", "unit")[:-1]]

    @property
    def _unit(self) -> Ints:
        """(P,) the unit of each row."""
        return np.repeat(np.arange(len(self.stale)), np.diff(self.frame.starts("position", "unit")))

    @cached_property
    def _by_item(self) -> tuple[Ints, Ints]:
        """(items + 1,) where each item's holders begin, and (P,) their units."""
        item, items = self.frame.item, self.frame.classes_of.size["position"]
        narrow = item.astype(np.uint16) if items <= 1 << 16 else item  # sorted by radix
        counts = np.bincount(item, minlength=items)
        return np.append(0, np.cumsum(counts)), self._unit[np.argsort(narrow, kind="stable")]
