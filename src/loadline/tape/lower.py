"""Lowering: a tape written as rows of a linear model, the same walk over the same operations as its value.

PnL-signed, a requirement is convex where its term is concave. Lowering a term with ``want`` +1 makes rows such that the
model can reach the term's value and never exceed it; -1: reach and never undercut it. A negative factor turns the want
around. Minima and means of the worst enter row by row as they are needed: the tape itself is the oracle (``separate``).

Where the curvature is wrong the operation says so. ``mode``: ``refuse`` raises ``NotLowered``; ``bound`` relaxes (valid
for a certificate); ``exact`` takes a binary per choice; ``local`` takes the piece that holds at a point, which is never
better than the truth, so that a solution of it is an improvement that can be stood behind.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal, Protocol

import numpy as np

from loadline.tape import lower_kinks, lower_tails
from loadline.tape.affine import Affine
from loadline.tape.curvature import Curvature
from loadline.tape.elements import FINE, constant_at, shape, source
from loadline.tape.frame import Floats, Ints
from loadline.tape.lower_tails import Lazy
from loadline.tape.ranges import Ranges
from loadline.tape.refusal import refusal
from loadline.tape.term import Term

Mode = Literal["refuse", "bound", "exact", "local"]


class Model(Protocol):
    """What rows are written into; columns and rows only grow."""

    def columns(self, lower: Floats, upper: Floats, *, integer: bool = False) -> Ints:
        """Add columns between ``lower`` and ``upper``, (N,), and return their numbers."""

    def rows(self, expressions: Affine, lower: Floats, upper: Floats) -> Ints:
        """Add rows ``lower <= expression <= upper``, constants counted, and return their numbers."""

    def extend(self, rows: Ints, cols: Ints, weight: Floats) -> None:
        """Add new columns to rows that stand; ``rows``, ``cols``, ``weight``: (N,) where and with what factor."""


class Lowering:
    """Rows for the terms of one tape.

    ``leaves``: (level, column name) -> its groups as expressions in the model's columns; others are as they stand.
    ``at``: the value of a term at the point that mode ``local`` starts from.
    """

    def __init__(
        self,
        model: Model,
        leaves: Mapping[tuple[str, str], Affine],
        ranges: Ranges,
        *,
        mode: Mode = "refuse",
        at: Callable[[Term], Floats] | None = None,
    ) -> None:
        self.model, self.leaves, self.ranges, self.mode = model, leaves, ranges, mode
        self.curvature = Curvature(ranges)
        self.at: Callable[[Term], Floats] = at or (lambda t: t.numbers())
        self.binaries: list[Ints] = []
        self.wrong = 0
        self.lazies: list[Lazy] = []
        self._columns: dict[tuple[int, int], tuple[Term, Ints]] = {}

    def lower(self, t: Term, idx: Ints, want: int) -> Affine:
        """Return expressions for elements ``idx``, (N,), of a term; raises ``NotLowered`` naming what cannot be."""
        if t.op == "column":
            assert t.level is not None
            known = self.leaves.get((t.level, str(t.aux)))
            return Affine.constants(t.numbers().ravel()[idx]) if known is None else known.take(idx)
        if t.op not in OPERATIONS:
            raise refusal(t)
        return OPERATIONS[t.op](self, t, idx, want)

    def argument(self, t: Term, i: int, idx: Ints, want: int) -> Affine:
        """Return expressions for argument number ``i`` behind elements ``idx``, (N,), of ``t``."""
        a = t.args[i]
        if a.frame is None:
            return Affine.constants(constant_at(t, a, idx))
        return self.lower(a, source(t, a, idx), want)

    def times(self, t: Term, i: int, idx: Ints, factor: Floats, want: int) -> Affine:
        """Return an argument times (M,) factors, each element from the side that the sign of its factor asks for."""
        a = t.args[i]
        if a.frame is None or self.curvature.affine(a):
            return self.argument(t, i, idx, want).scaled(factor)
        parts, where = [], []
        for sign in (1, -1):
            some = np.flatnonzero(factor * sign > 0)
            if len(some):
                parts.append(self.argument(t, i, idx[some], want * sign).scaled(factor[some]))
                where.append(some)
        if not parts:
            return Affine.constants(np.zeros(len(idx)))
        return Affine.joined(parts).sums(np.concatenate(where), len(idx))

    def variables(self, t: Term, idx: Ints, want: int) -> tuple[Ints, Ints]:
        """Return the columns that stand for a term's elements (-1: none yet), and which of ``idx``, (N,), were new."""
        key = (id(t), want)
        if key not in self._columns:
            rows, columns = shape(t)
            self._columns[key] = (t, np.full(rows * columns, -1))
        var = self._columns[key][1]
        new = np.unique(idx[var[idx] < 0])
        infinite = np.full(len(new), np.inf)
        var[new] = self.model.columns(-infinite, infinite)
        return var, new

    def unit(self, t: Term) -> float:
        """Return the power of ten that brings a term's elements to a few thousands: a column holds value / unit."""
        size = self.ranges.size(t)
        return 10.0 ** round(np.clip(np.log10(max(size, 1e-9)) - 3.0, -9.0, 12.0)) if np.isfinite(size) else 1.0

    def stand_in(self, t: Term, cols: Ints) -> Affine:
        """Return columns ``cols``, (N,), that stand for elements of a term, as expressions."""
        return Affine.columns(cols, self.unit(t))

    def below(self, t: Term, cols: Ints, expressions: Affine, want: int) -> Ints:
        """Hold columns ``cols``, (N,), that stand for elements of a term on the wanted side of expressions."""
        unit = self.unit(t)
        gap = (self.stand_in(t, cols) - expressions).scaled(1.0 / unit)
        infinite, zero = np.full(len(cols), np.inf), np.zeros(len(cols))
        return self.model.rows(gap, -infinite if want > 0 else zero, zero if want > 0 else infinite)

    def separate(self, value: Callable[[Term], Floats], z: Floats, *, batch: int = 12) -> int:
        """Add the rows that a point violates, and return how many; ``value``: terms there, ``z``: the columns."""
        return sum(lazy.separate(self, value, z, batch) for lazy in list(self.lazies))


def _add(low: Lowering, t: Term, idx: Ints, want: int) -> Affine:
    other = want if t.op == "add" else -want
    right = low.argument(t, 1, idx, other)
    return low.argument(t, 0, idx, want) + (right if t.op == "add" else right.scaled(-1.0))


def _scale(low: Lowering, t: Term, idx: Ints, want: int) -> Affine:
    return low.times(t, 0, idx, constant_at(t, t.args[1], idx), want)


def _net(low: Lowering, t: Term, idx: Ints, want: int) -> Affine:
    a, width = t.args[0], shape(t)[1]
    assert t.frame is not None and t.level is not None and a.level is not None
    starts = t.frame.starts(a.level, t.level)
    group, column = idx // width, idx % width
    counts = np.diff(starts)[group]
    to = np.repeat(np.arange(len(idx)), counts)
    fine = np.arange(len(to)) - np.repeat(np.cumsum(counts) - counts, counts) + np.repeat(starts[group], counts)
    return low.lower(a, fine * width + column[to], want).sums(to, len(idx))


def _total(low: Lowering, t: Term, idx: Ints, want: int) -> Affine:
    width = shape(t.args[0])[1]
    to = np.repeat(np.arange(len(idx)), width)
    return low.lower(t.args[0], idx[to] * width + np.tile(np.arange(width), len(idx)), want).sums(to, len(idx))


def _rounded(low: Lowering, t: Term, idx: Ints, want: int) -> Affine:
    if (constant_at(t, t.args[1], idx) < FINE).any():
        raise refusal(t)
    return low.argument(t, 0, idx, want)


OPERATIONS: dict[str, Callable[[Lowering, Term, Ints, int], Affine]] = {
    "add": _add,
    "sub": _add,
    "scale": _scale,
    "net": _net,
    "total": _total,
    "rounded": _rounded,
    "losses": lower_kinks.kinked,
    "signed": lower_kinks.kinked,
    "bracketed": lower_kinks.kinked,
    "min": lower_kinks.least,
    "worst": lower_tails.worst,
    "tail": lower_tails.tail,
    "tiered": lower_tails.charge,
    "power": lower_tails.charge,
    "correlated": lower_tails.norm,
}
