"""What every element of a tape can be while its columns stay within bounds: one forward pass of intervals."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import reduce

import numpy as np

from loadline.tape import ops
from loadline.tape.frame import Floats
from loadline.tape.term import Term, lifted

Interval = tuple[Floats, Floats]
BLOCK = 1 << 15
"""Elements multiplied at a time."""


class Ranges:
    """``columns``: (level, name) -> least and greatest value of its groups, (G,) each; others stay as they are.

    The intervals are valid, not sharp: every operation is looked at alone.
    """

    def __init__(self, columns: Mapping[tuple[str, str], Interval]) -> None:
        self._columns = columns
        self._known: dict[int, tuple[Term, Interval]] = {}

    def of(self, t: Term) -> Interval:
        """Return (rows, columns) the least and the greatest value of every element."""
        if id(t) not in self._known:
            self._known[id(t)] = (t, self._found(t))
        return self._known[id(t)][1]

    def size(self, t: Term) -> float:
        """Return the largest size of any element."""
        low, high = self.of(t)
        return float(max(np.abs(low).max(initial=0.0), np.abs(high).max(initial=0.0)))

    def _found(self, t: Term) -> Interval:
        if t.frame is None:
            return t.numbers(), t.numbers()
        if t.op == "column":
            assert t.level is not None
            found = self._columns.get((t.level, str(t.aux)))
            return (t.numbers(), t.numbers()) if found is None else (found[0][:, None], found[1][:, None])
        args = [self.of(a) if a.frame is not None else _given(t, a) for a in t.args]
        if t.op == "net":
            fine = t.args[0].level
            assert t.level is not None and fine is not None
            starts = t.frame.starts(fine, t.level)
            low, high = (t.frame.sums(np.ascontiguousarray(x, np.float64), starts) for x in args[0])
            return low, high
        return FORWARD[t.op](t, *args)


def _given(t: Term, a: Term) -> Interval:
    values = lifted(a, t.level, t.frame)
    return values, values


def _same(t: Term, x: Interval, *more: Interval) -> Interval:
    """An operation that rises with its argument."""
    rest = [m[0] for m in more]
    return ops.VALUE[t.op](t, x[0], *rest), ops.VALUE[t.op](t, x[1], *rest)


def _scale(t: Term, x: Interval, k: Interval) -> Interval:
    """A few rows at a time, so that products are still in the cache when they are compared."""
    first, last, factor = np.broadcast_arrays(x[0], x[1], k[0])
    low, high = np.empty(factor.shape), np.empty(factor.shape)
    step = max(1, BLOCK // max(1, factor.shape[-1]))
    for start in range(0, len(factor), step):
        rows = slice(start, start + step)
        a, b = first[rows] * factor[rows], last[rows] * factor[rows]
        np.minimum(a, b, out=low[rows])
        np.maximum(a, b, out=high[rows])
    return low, high


def _signed(t: Term, x: Interval, gain: Interval, loss: Interval) -> Interval:
    ends = [ops.VALUE["signed"](t, v, gain[0], loss[0]) for v in x]
    middle = np.where((x[0] < 0) & (x[1] > 0), 0.0, ends[0])  # it turns at 0
    return np.minimum(np.minimum(*ends), middle), np.maximum(np.maximum(*ends), middle)


def _charge(t: Term, x: Interval, *more: Interval) -> Interval:
    """A charge on size that rises with it."""
    most = np.maximum(np.abs(x[0]), np.abs(x[1]))
    least = np.where((x[0] < 0) & (x[1] > 0), 0.0, np.minimum(np.abs(x[0]), np.abs(x[1])))
    rest = [m[0] for m in more]
    return ops.VALUE[t.op](t, most, *rest), ops.VALUE[t.op](t, least, *rest)


def _least(t: Term, *args: Interval) -> Interval:
    return reduce(np.minimum, [a[0] for a in args]), reduce(np.minimum, [a[1] for a in args])


def _norm(t: Term, x: Interval) -> Interval:
    """A norm is at most the sum of the norms of its parts."""
    assert t.frame is not None
    most = np.maximum(np.abs(x[0]), np.abs(x[1]))
    low = np.zeros(t.numbers().shape)
    for g in range(len(low)):
        v, rows, _ = ops.stacked(t, g, most)
        low[g] = -float(v @ np.sqrt(np.maximum(np.diag(t.aux)[rows], 0.0))) if len(v) else 0.0
    return low, np.zeros(low.shape)


FORWARD: dict[str, Callable[..., Interval]] = {
    "add": lambda t, a, b: (a[0] + b[0], a[1] + b[1]),
    "sub": lambda t, a, b: (a[0] - b[1], a[1] - b[0]),
    "scale": _scale,
    "signed": _signed,
    "losses": _same,
    "tiered": _charge,
    "bracketed": _charge,
    "power": _charge,
    "rounded": _same,
    "portion": _same,
    "min": _least,
    "worst": _same,
    "total": _same,
    "tail": _same,
    "correlated": _norm,
}
