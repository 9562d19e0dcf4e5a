"""The declared curvature of every element of a tape: the authority on what its lowering may promise.

PnL-signed: a requirement is convex exactly where its term is concave. Two bits per element, so that one bad row does
not spoil the good ones: ``CONCAVE``, ``CONVEX``, both (``AFFINE``), neither (0). Ranges decide kinks never reached.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from loadline.tape.elements import FINE, KINKED, constant_at, kink, shape
from loadline.tape.frame import Floats
from loadline.tape.ranges import Ranges
from loadline.tape.term import Term, lifted

CONCAVE, CONVEX, AFFINE = 1, 2, 3
Bits = NDArray[np.int8]
_SWAPPED = np.array([0, CONVEX, CONCAVE, AFFINE], np.int8)


class Curvature:
    """The curvature of terms within some ranges, worked out once each."""

    def __init__(self, ranges: Ranges) -> None:
        self.ranges = ranges
        self._known: dict[int, tuple[Term, Bits]] = {}

    def of(self, t: Term) -> Bits:
        """Return (rows, columns) of bits."""
        if id(t) not in self._known:
            self._known[id(t)] = (t, self._found(t))
        return self._known[id(t)][1]

    def affine(self, t: Term) -> bool:
        """Return whether every element is affine."""
        return bool((self.of(t) == AFFINE).all())

    def concave(self, t: Term) -> bool:
        """Return whether every element is concave: its lowering is exact."""
        return bool((self.of(t) & CONCAVE).all())

    def _found(self, t: Term) -> Bits:
        if t.frame is None or t.op == "column":
            return np.full(shape(t), AFFINE, np.int8)
        if t.op in KINKED:
            return self._kinked(t)
        return _RULES[t.op](self, t)

    def _kinked(self, t: Term) -> Bits:
        """Where the argument is not affine, curvature is kept if every piece is monotone the right way."""
        low, high = (np.broadcast_to(x, shape(t)).ravel() for x in self.ranges.of(t.args[0]))
        x = np.broadcast_to(self.of(t.args[0]), shape(t)).ravel()
        k = kink(t, np.arange(low.size), low, high)
        own = np.where(k.lowest, CONCAVE, 0) | np.where(k.highest, CONVEX, 0)
        there = np.isfinite(k.cut)
        rising, falling = ((s | ~there).all(0) for s in (k.slope >= 0, k.slope <= 0))
        through = np.where(rising, x, 0) | np.where(falling, _SWAPPED[x], 0)
        return (own & np.where(x == AFFINE, AFFINE, through)).astype(np.int8).reshape(shape(t))


def _spread(t: Term, bits: Bits) -> Bits:
    return np.broadcast_to(bits, shape(t))


def _every(curvature: Curvature, t: Term) -> Bits:
    """Affine combinations: what all arguments are."""
    first, *more = [_spread(t, _SWAPPED[curvature.of(a)] if swap else curvature.of(a)) for a, swap in _sides(t)]
    for bits in more:
        first = first & bits
    return first


def _sides(t: Term) -> list[tuple[Term, bool]]:
    return [(a, t.op == "sub" and i == 1) for i, a in enumerate(t.args) if a.frame is not None]


def _scale(curvature: Curvature, t: Term) -> Bits:
    bits = curvature.of(t.args[0])
    if (bits == AFFINE).all():  # whatever the factors
        return np.full(shape(t), AFFINE, np.int8)
    x, k = _spread(t, bits), np.broadcast_to(lifted(t.args[1], t.level, t.frame), shape(t))
    found: Bits = np.where(k > 0, x, np.where(k < 0, _SWAPPED[x], AFFINE)).astype(np.int8)
    return found


def _net(curvature: Curvature, t: Term) -> Bits:
    fine = t.args[0].level
    assert t.frame is not None and t.level is not None and fine is not None
    starts, x = t.frame.starts(fine, t.level), curvature.of(t.args[0])
    out = np.full(shape(t), AFFINE, np.int8)
    full = np.flatnonzero(np.diff(starts))
    if len(full):
        out[full] = np.bitwise_and.reduceat(x, starts[full], axis=0)
    return out


def _along(curvature: Curvature, t: Term) -> Bits:
    """Along an axis: sums keep what all are, minima and their means at most concave."""
    x = curvature.of(t.args[0])
    all_of: Bits = np.bitwise_and.reduce(x, axis=1, keepdims=True)
    if t.op == "total" or x.shape[1] == 1:
        return all_of
    if t.op == "tail" and getattr(t.aux[0], "measure", "es") != "es":
        return np.zeros_like(all_of)
    return all_of & CONCAVE


def matters(args: list[tuple[Floats, Floats]]) -> list[NDArray[np.bool_]]:
    """Return for each argument of a minimum whether it can ever be the least, given (low, high) of each."""
    lows, highs = (np.stack(x) for x in zip(*args, strict=True))
    best = highs.argmin(0)
    least = np.take_along_axis(highs, best[None], 0)[0]
    return [(lows[i] < least) | (best == i) for i in range(len(args))]


def _least(curvature: Curvature, t: Term) -> Bits:
    kept = matters(ranges_of(curvature.ranges, t))
    all_of = np.full(shape(t), AFFINE, np.int8)
    for a, mask in zip(t.args, kept, strict=True):
        bits = _spread(t, curvature.of(a)) if a.frame is not None else np.full(shape(t), AFFINE, np.int8)
        all_of = np.where(mask, all_of & bits, all_of)
    several = np.add.reduce([m.astype(int) for m in kept]) > 1
    return np.where(several, all_of & CONCAVE, all_of).astype(np.int8)


def ranges_of(ranges: Ranges, t: Term) -> list[tuple[Floats, Floats]]:
    """Return the range of every argument, spread over the elements of ``t``."""
    found = []
    for a in t.args:
        low, high = ranges.of(a) if a.frame is not None else (lifted(a, t.level, t.frame),) * 2
        found.append((np.broadcast_to(low, shape(t)), np.broadcast_to(high, shape(t))))
    return found


def _tiered(curvature: Curvature, t: Term) -> Bits:
    """A charge whose average rate rises without end; within its first tier it is a plain rate on size."""
    x = np.broadcast_to(curvature.of(t.args[0]), shape(t)).ravel()
    most = np.maximum(*(np.abs(np.broadcast_to(e, shape(t))).ravel() for e in curvature.ranges.of(t.args[0])))
    idx = np.arange(most.size)
    rate, ramp, start, cap = (constant_at(t, a, idx) for a in t.args[1:])
    free = (rate == 0) & ((ramp == 0) | (most <= start))
    uncapped = rate + ramp * np.maximum(most - start, 0.0) <= cap
    bits = np.where(free, AFFINE, np.where(uncapped & (x == AFFINE) & (rate >= 0) & (ramp >= 0), CONCAVE, 0))
    return bits.astype(np.int8).reshape(shape(t))


def _power(curvature: Curvature, t: Term) -> Bits:
    x = _spread(t, curvature.of(t.args[0]))
    return np.where(x == AFFINE, CONCAVE, 0).astype(np.int8)


def _norm(curvature: Curvature, t: Term) -> Bits:
    fine = t.args[0].level
    assert t.frame is not None and t.level is not None and fine is not None
    starts, x = t.frame.starts(fine, t.level), curvature.of(t.args[0])
    good = [(x[a:b] == AFFINE).all() for a, b in pairwise(starts.tolist())]
    return np.where(np.array(good)[:, None], CONCAVE, 0).astype(np.int8)


def _rounded(curvature: Curvature, t: Term) -> Bits:
    """Fine rounding is a stated error, coarse rounding a rule of its own."""
    fine = constant_at(t, t.args[1], np.zeros(1, np.int64))[0] >= FINE
    return _spread(t, curvature.of(t.args[0])) if fine else np.zeros(shape(t), np.int8)


def _none(curvature: Curvature, t: Term) -> Bits:
    return np.zeros(shape(t), np.int8)


_RULES: dict[str, Callable[[Curvature, Term], Bits]] = {
    "add": _every,
    "sub": _every,
    "scale": _scale,
    "net": _net,
    "total": _along,
    "worst": _along,
    "tail": _along,
    "min": _least,
    "tiered": _tiered,
    "power": _power,
    "correlated": _norm,
    "rounded": _rounded,
    "portion": _none,
}
