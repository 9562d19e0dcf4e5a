"""Affine expressions in the columns of a model: what an operation of the tape becomes when it is lowered."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from loadline.tape.frame import Floats, Ints


class Affine:
    """M expressions ``sum_j a_ij z_j + c_i``.

    ``row`` (rising), ``col``, ``weight``: (K,) the terms; ``constant``: (M,).

    >>> twice = Affine.columns(np.array([4, 7])).scaled(2.0)
    >>> twice.take(np.array([1, 1, 0])).col.tolist()
    [7, 7, 4]
    """

    __slots__ = ("col", "constant", "row", "weight")

    def __init__(self, row: Ints, col: Ints, weight: Floats, constant: Floats) -> None:
        self.row, self.col, self.weight, self.constant = row, col, weight, constant

    def __len__(self) -> int:
        return len(self.constant)

    @classmethod
    def constants(cls, values: Floats) -> Affine:
        """Return (M,) numbers as expressions."""
        none = np.empty(0, np.int64)
        return cls(none, none, np.empty(0), np.asarray(values, np.float64))

    @classmethod
    def columns(cls, cols: Ints, weight: Floats | float = 1.0) -> Affine:
        """Return one column per expression, times a weight; ``cols``: (M,) numbers of columns."""
        n = len(cols)
        weights = np.broadcast_to(np.asarray(weight, np.float64), n)
        return cls(np.arange(n), np.asarray(cols, np.int64), np.array(weights), np.zeros(n))

    @classmethod
    def gathered(cls, row: Ints, col: Ints, weight: Floats, constant: Floats) -> Affine:
        """Return expressions from triplets in any order.

        ``row``, ``col``, ``weight``: (K,) expression, column and factor; ``constant``: (M,) one an expression.
        """
        order = np.argsort(row, kind="stable")
        return cls(row[order], col[order], weight[order], np.asarray(constant, np.float64))

    @classmethod
    def joined(cls, parts: Sequence[Affine]) -> Affine:
        """Return the expressions of several one after the other."""
        starts = np.cumsum([0, *(len(p) for p in parts)])
        return cls(
            np.concatenate([p.row + s for p, s in zip(parts, starts, strict=False)]),
            np.concatenate([p.col for p in parts]),
            np.concatenate([p.weight for p in parts]),
            np.concatenate([p.constant for p in parts]),
        )

    def take(self, rows: Ints) -> Affine:
        """Return some expressions, repeats allowed, in a new order; ``rows``: (N,) which."""
        starts = np.searchsorted(self.row, np.arange(len(self) + 1))
        counts = np.diff(starts)[rows]
        row = np.repeat(np.arange(len(rows)), counts)
        inside = np.arange(len(row)) - np.repeat(np.cumsum(counts) - counts, counts)
        at = np.repeat(starts[:-1][rows], counts) + inside
        return Affine(row, self.col[at], self.weight[at], self.constant[rows])

    def scaled(self, factor: Floats | float) -> Affine:
        """Return every expression times its factor; what becomes 0 is left out."""
        factors = np.broadcast_to(np.asarray(factor, np.float64), len(self))
        weight = self.weight * factors[self.row]
        kept = weight != 0
        if kept.all():
            return Affine(self.row, self.col, weight, self.constant * factors)
        return Affine(self.row[kept], self.col[kept], weight[kept], self.constant * factors)

    def __add__(self, other: Affine) -> Affine:
        row = np.concatenate([self.row, other.row])
        col, weight = np.concatenate([self.col, other.col]), np.concatenate([self.weight, other.weight])
        return Affine.gathered(row, col, weight, self.constant + other.constant)

    def __sub__(self, other: Affine) -> Affine:
        return self + other.scaled(-1.0)

    def sums(self, group: Ints, groups: int) -> Affine:
        """Return the sums of the expressions that share a group, (M,) numbers below ``groups``."""
        constant = np.bincount(group, self.constant, groups).astype(np.float64)
        return Affine.gathered(group[self.row], self.col, self.weight, constant)

    def compact(self) -> Affine:
        """Return the same with every column at most once in an expression."""
        width = int(self.col.max(initial=0)) + 1
        key, place = np.unique(self.row * width + self.col, return_inverse=True)
        weight = np.bincount(place, self.weight, len(key)) if len(key) else np.empty(0)
        kept = weight != 0
        return Affine(key[kept] // width, key[kept] % width, weight[kept], self.constant)

    def values(self, z: Floats) -> Floats:
        """Return (M,) the expressions at ``z``, one number per column."""
        return np.asarray(np.bincount(self.row, self.weight * z[self.col], len(self)) + self.constant)
