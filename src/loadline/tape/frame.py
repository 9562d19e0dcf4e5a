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


class Frame:
    """Positions sorted by (account, item), and the groups they fall into.

    ``sums`` adds segments of rows; a compiled kernel may stand in for ``segment_sums`` if it gives the same bits.

    ``account``: (P,) account number; ``item``: (P,) row of ``classes``; ``accounts``: names. ``order`` is the sorting
    applied, ``item`` and ``owner`` the sorted columns. ``columns[level, name]`` hold what differs between accounts.
    ``recorded``: on a blank frame, the columns that are there without numbers; else None.
    """

    def __init__(
        self,
        classes: Classes,
        account: Ints,
        item: Ints,
        accounts: Sequence[str],
        sums: Callable[[Floats, Ints], Floats] = segment_sums,
    ) -> None:
        self.classes_of, self.accounts, self.sums = classes, tuple(accounts), sums
        self.order = np.argsort(account * max(classes.size["position"], 1) + item, kind="stable")
        self.owner, self.item = account[self.order], item[self.order]
        n = len(self.item)
        first: dict[str, Ints] = {"position": np.arange(n)}
        group: dict[str, Ints] = {"position": np.arange(n)}
        key = self.owner
        for level in ("unit", "expiry", "strike"):  # a boundary of a coarse level stays one below it
            key = key * max(classes.size[level], 1) + classes.code[level][self.item]
            new = np.ones(n, np.bool_)
            new[1:] = key[1:] != key[:-1]
            first[level], group[level] = np.flatnonzero(new), np.cumsum(new) - 1
        self.size = {level: len(first[level]) for level in LEVELS[:-1]} | {"account": len(self.accounts)}
        self.classes = {level: classes.code[level][self.item[first[level]]] for level in LEVELS[:-1]}
        self.owner_of = {level: self.owner[first[level]] for level in LEVELS[:-1]}
        self.owner_of["account"] = np.arange(len(self.accounts))
        self._first, self._group = first, group
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

    def starts(self, fine: str, coarse: str) -> Ints:
        """Return (groups of ``coarse`` + 1,) where each begins among the groups of ``fine``."""
        if (fine, coarse) not in self._starts:
            if coarse == "account":
                cut = np.searchsorted(self.owner_of[fine], np.arange(len(self.accounts) + 1))
            else:
                cut = np.append(self._group[fine][self._first[coarse]], self.size[fine])
            self._starts[fine, coarse] = cut.astype(np.int64, copy=False)
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

    def label(self, level: str, group: int) -> str:
        """Return the text of one group."""
        return self.accounts[group] if level == "account" else self.classes_of.labels[level][self.classes[level][group]]
