"""The ragged hierarchy that accounts, risk units, expiries, strikes and positions form; no finance in it.

Things are sorted once. A class is what stands in the reference data (an expiry that exists); a group is that class
within one account (the expiry as this account holds it). Group ``g`` of a coarse level owns the finer groups
``starts[fine, coarse][g] .. [g + 1]``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

LEVELS = ("position", "strike", "expiry", "unit", "account")
"""Fine to coarse; each refines the next."""
GROUPED = LEVELS[1:-1]
RANK = {name: i for i, name in enumerate(LEVELS)}

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


class Classes:
    """Items in hierarchical order, with the class of each at every level but ``account``.

    ``code[level]``: (N,) rising class number per item (position: the item itself). ``labels[level]``: text per class.
    """

    def __init__(self, code: Mapping[str, Ints], labels: Mapping[str, Sequence[str]]) -> None:
        self.code, self.labels = code, labels
        self.size = {level: int(c[-1]) + 1 if len(c) else 0 for level, c in code.items()}
        self._up: dict[tuple[str, str], Ints] = {}
        self._first: dict[str, Ints] = {}

    def first(self, level: str) -> Ints:
        """Return (classes of ``level``,) the first item of each."""
        if level not in self._first:
            self._first[level] = np.searchsorted(self.code[level], np.arange(self.size[level]))
        return self._first[level]

    def up(self, fine: str, coarse: str) -> Ints:
        """Return (classes of ``fine``,) the class of ``coarse`` that each belongs to."""
        if (fine, coarse) not in self._up:
            out = np.zeros(self.size[fine], np.int64)
            out[self.code[fine]] = self.code[coarse]
            self._up[fine, coarse] = out
        return self._up[fine, coarse]


def segment_sums(x: Floats, starts: Ints) -> Floats:
    """Return the sum of each segment of rows, one addition at a time in row order (the order is part of the contract).

    ``x``: (G, S); ``starts``: (M + 1,). An empty segment sums to 0. Adding to 0.0 keeps -0.0 out of results.
    """
    out = np.zeros((len(starts) - 1, x.shape[1]))
    counts = np.diff(starts)
    for j in range(int(counts.max(initial=0))):  # all first rows, all second rows, ...
        have = np.flatnonzero(counts > j)
        out[have] += x[starts[have] + j]
    return out


FEW = 2000
"""Rows up to which numpy lays out a book; above, compiled loops do, which are worth loading then."""


def sorting(account: Ints, item: Ints, items: int) -> Ints:
    """Return the stable order of rows by (account, item): (P,) row numbers."""
    return np.argsort(account * np.int64(max(items, 1)) + item, kind="stable")


class Frame:
    """Positions sorted by (account, item), and the groups they fall into.

    ``sums`` adds segments of rows; a compiled kernel may stand in for ``segment_sums`` if it gives the same bits.

    ``account``: (P,) account number; ``item``: (P,) row of ``classes``; ``accounts``: names or numbers. ``order`` is
    the sorting applied, ``item`` and ``owner`` the sorted columns. ``columns[level, name]`` hold what differs between
    accounts.
    ``recorded``: on a blank frame, the columns that are there without numbers; else None.
    """

    def __init__(
        self,
        classes: Classes,
        account: Ints,
        item: Ints,
        accounts: Sequence[str] | range,
        sums: Callable[[Floats, Ints], Floats] = segment_sums,
    ) -> None:
        self.classes_of, self.sums = classes, sums
        self.accounts = accounts if isinstance(accounts, range) else tuple(accounts)
        self.columns: dict[tuple[str, str], Floats] = {}
        self.recorded: frozenset[str] | None = None
        found = None
        if len(account) > FEW:
            from loadline.tape.layout import sort_rows  # compiled code: loaded on first use

            found = sort_rows(account, item, len(self.accounts), classes.size["position"])
        if found is None:
            self.order = sorting(account, item, classes.size["position"])
            self.owner, self.item = account[self.order], item[self.order]
            starts = np.zeros(len(self.accounts) + 1, np.int64)
            np.cumsum(np.bincount(self.owner, minlength=len(self.accounts)), out=starts[1:])
        else:
            self.order, self.item, self.owner, starts = found
        self._group(starts)

    def _group(self, starts: Ints) -> None:
        """Find the groups of sorted rows; ``starts``: (accounts + 1,) the first row of each account."""
        code, n, account = self.classes_of.code, len(self.item), {"account": len(self.accounts)}
        self._first = {"account": starts}
        self.classes = {"position": self.item}
        if n > FEW:
            from loadline.tape.layout import group_rows  # compiled code: loaded on first use

            found = group_rows(starts, self.item, [code[level] for level in GROUPED])
            for level, (first, classes) in zip(GROUPED, found, strict=True):
                self._first[level], self.classes[level] = first, classes
        else:
            other = self.owner[1:] != self.owner[:-1]
            for level in GROUPED:  # a finer class changes wherever a coarser one does
                own = code[level][self.item]
                new = np.ones(n + 1, np.bool_)  # the last is where the last group ends
                np.logical_or(other, own[1:] != own[:-1], out=new[1:n])
                self._first[level] = np.flatnonzero(new)
                self.classes[level] = own[self._first[level][:-1]]
        self.size = {"position": n} | {level: len(self._first[level]) - 1 for level in GROUPED} | account
        self._starts: dict[tuple[str, str], Ints] = {}

    @classmethod
    def blank(cls, classes: Classes, columns: Iterable[str]) -> Frame:
        """Return a frame without positions and without numbers: what a rule does on it is only recorded.

        ``columns``: the names of those that the books will have for which the recording is made.
        """
        nothing = np.empty(0, np.int64)
        frame = cls(classes, nothing, nothing, ())
        frame.recorded = frozenset(columns)
        return frame

    def take(self, lo: int, hi: int) -> Frame:
        """Return accounts ``lo`` to ``hi`` as a frame of their own."""
        first, last = self.starts("position", "account")[[lo, hi]].tolist()
        part = slice(first, last)
        found = Frame(self.classes_of, self.owner[part] - lo, self.item[part], self.accounts[lo:hi], self.sums)
        for (level, name), values in self.columns.items():
            found.columns[level, name] = values[part] if level == "position" else values[lo:hi]
        return found

    def rows_of(self, accounts: Ints) -> Ints:
        """Return the rows of some ``accounts``, account by account."""
        starts = self.starts("position", "account")
        count = starts[accounts + 1] - starts[accounts]
        ends = np.cumsum(count)
        return np.asarray(np.repeat(starts[accounts] - ends + count, count) + np.arange(int(count.sum())))

    def only(self, accounts: Ints) -> Frame:
        """Return some ``accounts``, rising, as a frame of their own."""
        rows = self.rows_of(accounts)
        starts = self.starts("position", "account")
        owner = np.repeat(np.arange(len(accounts)), starts[accounts + 1] - starts[accounts])
        names: Sequence[str] | range = range(len(accounts))
        if isinstance(self.accounts, tuple):
            names = [self.accounts[n] for n in accounts.tolist()]
        found = Frame(self.classes_of, owner, self.item[rows], names, self.sums)
        for (level, name), values in self.columns.items():
            found.columns[level, name] = values[rows if level == "position" else accounts]
        return found

    def starts(self, fine: str, coarse: str) -> Ints:
        """Return (groups of ``coarse`` + 1,) where each begins among the groups of ``fine``."""
        if fine == "position":
            return self._first[coarse]
        if (fine, coarse) not in self._starts:
            first, begins = self._first[fine], self._first[coarse]
            if len(begins) > FEW:
                from loadline.tape.layout import places  # compiled code: loaded on first use

                self._starts[fine, coarse] = places(first, begins)
            else:
                self._starts[fine, coarse] = np.searchsorted(first, begins)
        return self._starts[fine, coarse]

    @cached_property
    def owner_of(self) -> Mapping[str, Ints]:
        """By level: (groups,) the account of each."""
        found = {level: self.owner[self._first[level][:-1]] for level in GROUPED}
        return found | {"position": self.owner, "account": np.arange(len(self.accounts))}

    def class_of(self, level: str, coarse: str) -> Ints:
        """Return (groups of ``level``,) the class at ``coarse`` (the same level or a coarser one) of each."""
        own = self.classes[level]
        return own if level == coarse else self.classes_of.up(level, coarse)[own]

    @cached_property
    def trivial(self) -> bool:
        """Whether positions are exactly the items, in order: constants then need no gathering."""
        return len(self.item) == self.classes_of.size["position"] and bool(
            (self.item == np.arange(len(self.item))).all()
        )

    def label(self, level: str, group: int) -> str:
        """Return the text of one group."""
        if level == "account":
            return str(self.accounts[group])
        return self.classes_of.labels[level][self.classes[level][group]]
