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
"""Rows up to which an ordinary stable sort is as fast as packing keys."""


def sorting(account: Ints, item: Ints, items: int) -> Ints:
    """Return the stable order of rows by (account, item): (P,) row numbers.

    Account, item and row number are packed into one integer where they fit: sorting those in place needs no order of
    its own, and no two are equal.
    """
    n = len(account)
    row, width = n.bit_length(), max(items, 1).bit_length()
    if n <= FEW or row + width + int(account.max()).bit_length() > 62:
        return np.argsort(account * max(items, 1) + item, kind="stable")
    key = ((account << width) | item) << row
    key |= np.arange(n)
    if (key[1:] > key[:-1]).all():
        return np.arange(n)
    key.sort()
    key &= (1 << row) - 1
    return key


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
        self.order = sorting(account, item, classes.size["position"])
        self.owner, self.item = account[self.order], item[self.order]
        n = len(self.item)
        other_account = self.owner[1:] != self.owner[:-1]
        self._first: dict[str, Ints] = {"position": np.arange(n)}
        self._new: dict[str, NDArray[np.bool_]] = {}
        for level in LEVELS[1:-1]:  # a finer class changes wherever a coarser one does
            code = classes.code[level][self.item]
            new = np.ones(n, np.bool_)
            np.logical_or(other_account, code[1:] != code[:-1], out=new[1:])
            self._new[level], self._first[level] = new, np.flatnonzero(new)
        self.size = {level: len(self._first[level]) for level in LEVELS[:-1]} | {"account": len(self.accounts)}
        self.classes = {level: classes.code[level][self.item[self._first[level]]] for level in LEVELS[1:-1]}
        self.classes["position"] = self.item
        self.owner_of = {level: self.owner[self._first[level]] for level in LEVELS[1:-1]}
        self.owner_of |= {"position": self.owner, "account": np.arange(len(self.accounts))}
        self._groups: dict[str, Ints] = {}
        self._starts: dict[tuple[str, str], Ints] = {}
        self.columns: dict[tuple[str, str], Floats] = {}
        self.recorded: frozenset[str] | None = None

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

    def only(self, accounts: Ints) -> Frame:
        """Return some ``accounts``, rising, as a frame of their own."""
        starts = self.starts("position", "account")
        count = np.diff(starts)[accounts]
        ends = np.cumsum(count)
        rows = np.repeat(starts[accounts] - ends + count, count) + np.arange(int(count.sum()))
        owner = np.repeat(np.arange(len(accounts)), count)
        names = [self.accounts[n] for n in accounts.tolist()] if isinstance(self.accounts, tuple) else range(len(count))
        found = Frame(self.classes_of, owner, self.item[rows], names, self.sums)
        for (level, name), values in self.columns.items():
            found.columns[level, name] = values[rows if level == "position" else accounts]
        return found

    def _group_at(self, level: str, position: Ints) -> Ints:
        """The first group of a level that begins at or after some positions; the number of groups after the last."""
        if level == "position":
            return position
        if level not in self._groups:
            self._groups[level] = np.append(np.cumsum(self._new[level]) - 1, self.size[level])
        return self._groups[level][position]

    def starts(self, fine: str, coarse: str) -> Ints:
        """Return (groups of ``coarse`` + 1,) where each begins among the groups of ``fine``."""
        if (fine, coarse) not in self._starts:
            if coarse != "account":
                begins = np.append(self._first[coarse], len(self.item))
            elif fine == "position":
                begins = np.zeros(len(self.accounts) + 1, np.int64)
                np.cumsum(np.bincount(self.owner, minlength=len(self.accounts)), out=begins[1:])
            else:
                begins = self.starts("position", "account")
            self._starts[fine, coarse] = self._group_at(fine, begins)
        return self._starts[fine, coarse]

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

    @cached_property
    def by_item(self) -> tuple[Ints, Ints]:
        """(items + 1,) where each item's holders begin, and (P,) who they are, account by account."""
        items = self.classes_of.size["position"]
        narrow = self.item.astype(np.uint16) if items <= 1 << 16 else self.item  # sorted by radix
        order = np.argsort(narrow, kind="stable")
        return np.append(0, np.cumsum(np.bincount(self.item, minlength=items))), self.owner[order]

    def label(self, level: str, group: int) -> str:
        """Return the text of one group."""
        if level == "account":
            return str(self.accounts[group])
        return self.classes_of.labels[level][self.classes[level][group]]
