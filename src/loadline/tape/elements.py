"""The elements of a term, numbered row by row, and the pieces that a kinked operation is made of at each of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from loadline.tape.frame import Floats, Ints
from loadline.tape.term import Term, lifted

FINE = 1e6
"""Rounding at this many steps per unit or more is a known, small error; coarser rounding is a rule of its own."""


def shape(t: Term) -> tuple[int, int]:
    """Return (rows, columns) of a term that has numbers."""
    rows, columns = t.numbers().shape
    return int(rows), int(columns)


def source(t: Term, a: Term, idx: Ints) -> Ints:
    """Return the element of argument ``a``, at the same level as ``t``, behind elements ``idx``, (N,), of ``t``."""
    width, own = shape(t)[1], shape(a)[1]
    return idx // width * own + (idx % width if own > 1 else 0)


def constant_at(t: Term, a: Term, idx: Ints) -> Floats:
    """Return the numbers of a constant argument behind elements ``idx``, (N,), of ``t``."""
    values = lifted(a, t.level, t.frame)
    width = shape(t)[1]
    row = idx // width if len(values) > 1 else np.zeros(len(idx), np.int64)
    return np.asarray(values[row, idx % width if values.shape[1] > 1 else 0], np.float64)


@dataclass(frozen=True, slots=True)
class Kink:
    """Pieces ``slope x + cut``, (K, M) each; ``lowest``, ``highest``: (M,) whether the value is their min, their max.

    A piece with an infinite cut is none.
    """

    slope: Floats
    cut: Floats
    lowest: NDArray[np.bool_]
    highest: NDArray[np.bool_]

    @property
    def linear(self) -> NDArray[np.bool_]:
        """(M,) whether one piece is all there is."""
        return self.lowest & self.highest


KINKED = ("losses", "signed", "bracketed")
"""Operations that are minima or maxima of straight pieces of one argument."""


def kink(t: Term, idx: Ints, low: Floats, high: Floats) -> Kink:
    """Return the pieces of a kinked operation; ``low``, ``high`` (M,): the range of its argument at the elements.

    Where the argument never changes sign within its range, only one side is left.
    """
    n = len(idx)
    if t.op == "losses":
        gain, loss = np.zeros(n), np.ones(n)
    elif t.op == "signed":
        gain, loss = (constant_at(t, a, idx) for a in t.args[1:])
    else:
        return _bracketed(t, idx, low, high)
    gain = np.where(high <= 0, loss, gain)
    loss = np.where((low >= 0) & (high > 0), gain, loss)
    return Kink(np.stack([loss, gain]), np.zeros((2, n)), gain <= loss, gain >= loss)


def _bracketed(t: Term, idx: Ints, low: Floats, high: Floats) -> Kink:
    given = [constant_at(t, a, idx) for a in t.args[1:]]
    k = len(given) // 2
    bounds, rates = given[:k], given[k:]
    charge, cuts = [rates[0]], [np.zeros(len(idx))]
    for bound, below, rate in zip(bounds, rates, rates[1:], strict=False):
        with np.errstate(invalid="ignore"):
            cut = cuts[-1] + np.where(np.isfinite(bound), bound * (rate - below), np.inf)
        charge.append(rate)
        cuts.append(cut)
    there = [np.isfinite(c) for c in cuts]
    steps = [(b - a) * (h & i) for a, b, h, i in zip(charge, charge[1:], there, there[1:], strict=False)]
    rising = np.logical_and.reduce([s >= 0 for s in steps] or [np.ones(len(idx), bool)])
    slope = np.stack([s * r for r in charge for s in (-1.0, 1.0)])
    cut = np.stack([c for c in cuts for _ in (-1, 1)])
    never = np.where(
        slope < 0, (high <= 0) & (low < 0), low >= 0
    )  # a piece for positive sizes where there are none, and the other
    cut = np.where(never & (slope != 0), np.inf, cut)
    slope = np.where(np.isfinite(cut), slope, 0.0)
    rising &= charge[0] >= 0
    nothing = np.logical_and.reduce([(r == 0) | ~h for r, h in zip(charge, there, strict=True)])
    return Kink(slope, cut, rising, nothing)


def charged(t: Term, idx: Ints, x: Floats) -> tuple[Floats, Floats]:
    """Return (M,) charge and marginal rate of a smooth charge (``tiered``, ``power``) at sizes ``x`` >= 0."""
    if t.op == "power":
        n = constant_at(t, t.args[1], idx)
        return x**n, n * x ** (n - 1.0)
    rate, ramp, start, cap = (constant_at(t, a, idx) for a in t.args[1:])
    over = np.maximum(x - start, 0.0)
    average = np.minimum(rate + ramp * over, cap)
    inside = (x > start) & (rate + ramp * over < cap)
    return x * average, average + np.where(inside, ramp * x, 0.0)
