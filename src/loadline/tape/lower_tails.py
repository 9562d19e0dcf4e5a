"""What enters a model row by row as it is needed: the worst of many, the mean of the worst, smooth charges on size."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol, TypeVar

import numpy as np

from loadline.tape import ops
from loadline.tape.affine import Affine
from loadline.tape.curvature import AFFINE, CONCAVE
from loadline.tape.elements import charged, constant_at, shape
from loadline.tape.frame import Floats, Ints
from loadline.tape.lower_kinks import choose
from loadline.tape.refusal import refusal, wrong_side
from loadline.tape.term import Term

if TYPE_CHECKING:
    from loadline.tape.lower import Lowering

FEW = 3
"""Columns up to which a worst is written out at once."""
WIDE = 1500
"""On wide cubes one scenario in so many enters at a time."""
Value = Callable[[Term], Floats]
L = TypeVar("L", bound="Lazy")


class Lazy(Protocol):
    """A term whose rows enter as they are needed."""

    term: Term
    var: Ints

    def separate(self, low: Lowering, value: Value, z: Floats, batch: int) -> int:
        """Add the rows that a point ``z``, (columns,), violates and return how many."""


def violated(low: Lowering, lazy: Lazy, value: Value, z: Floats) -> Ints:
    """Return the elements whose column at ``z``, (columns,), promises more than the tape gives, beyond rounding."""
    made = np.flatnonzero(lazy.var >= 0)
    made = made[lazy.var[made] < len(z)]
    exact = value(lazy.term).ravel()[made]
    held = z[lazy.var[made]] * low.unit(lazy.term)
    return np.asarray(made[held > exact + 1e-10 * np.abs(exact) + 1e-9 * low.unit(lazy.term)])


def lowest(x: Floats, count: int) -> Ints:
    """Return where the ``count`` least of (S,) values stand, least first; the first, on a tie.

    >>> lowest(np.array([3.0, 1.0, 2.0, 1.0]), 3).tolist()
    [1, 3, 2]
    """
    if count >= len(x):
        return np.argsort(x, kind="stable")
    some = np.flatnonzero(x <= np.partition(x, count - 1)[count - 1])
    return np.asarray(some[np.argsort(x[some], kind="stable")][:count])


class Worst:
    """``v <= x_s``, one row per scenario that was ever worst."""

    def __init__(self, term: Term, var: Ints) -> None:
        self.term, self.var = term, var
        self.had: dict[int, set[int]] = {}
        self.rows: list[tuple[int, int, int]] = []
        """Element, scenario and row of the model."""

    def add(self, low: Lowering, o: int, scenarios: list[int]) -> int:
        """Add rows for some scenarios of one element; never one twice."""
        had = self.had.setdefault(o, set())
        fresh = [s for s in scenarios if s not in had]
        if fresh:
            had.update(fresh)
            width = shape(self.term.args[0])[1]
            idx = o * width + np.array(fresh)
            pnl = low.lower(self.term.args[0], idx, 1)
            rows = low.below(self.term, np.repeat(self.var[o], len(idx)), pnl, 1)
            self.rows += [(o, s, row) for s, row in zip(fresh, rows.tolist(), strict=True)]
        return len(fresh)

    def separate(self, low: Lowering, value: Value, z: Floats, batch: int) -> int:
        """Add the worst scenarios that lie below what the column promises at ``z``, (columns,)."""
        x, count = value(self.term.args[0]), 0
        for o in violated(low, self, value, z).tolist():
            order = lowest(x[o], max(batch, x.shape[1] // WIDE))
            below = order[x[o, order] < z[self.var[o]] * low.unit(self.term)]
            count += self.add(low, o, below.tolist())
        return count


def worst(low: Lowering, t: Term, idx: Ints, want: int) -> Affine:
    """Lower a worst along an axis at elements ``idx``, (N,)."""
    x = t.args[0]
    width = shape(x)[1]
    if width == 1:
        return low.lower(x, idx, want)
    var, new = low.variables(t, idx, want)
    if want < 0:
        _best(low, t, new, var)
        return low.stand_in(t, var[idx])
    lazy = _lazy(low, t, lambda: Worst(t, var))
    for o in new.tolist():
        first = [int(x.numbers()[o].argmin())] if width > FEW else list(range(width))
        lazy.add(low, o, first)
    return low.stand_in(t, var[idx])


def _lazy(low: Lowering, t: Term, make: Callable[[], L]) -> L:
    found = next((lazy for lazy in low.lazies if lazy.term is t), None)
    if found is None:
        found = make()
        low.lazies.append(found)
    return found  # type: ignore[return-value]


def _best(low: Lowering, t: Term, new: Ints, var: Ints) -> None:
    """The other side of a worst: at least the least of all scenarios, one of which is chosen."""
    if not len(new):
        return
    if low.mode == "refuse":
        raise wrong_side(t)
    low.wrong += len(new)
    x = t.args[0]
    width = shape(x)[1]
    if low.mode == "local":
        here = low.at(x)[new].argmin(1)
        low.below(t, var[new], low.lower(x, new * width + here, -1), -1)
    elif low.mode == "exact":
        span = tuple(np.ascontiguousarray(r[new].T) for r in low.ranges.of(x))
        cut = np.zeros(span[0].shape)
        choose(low, t, var[new], lambda s: low.lower(x, new * width + s, -1), cut, (span[0], span[1]), -1)
    else:
        _at_least(low, t, new, var)


def _at_least(low: Lowering, t: Term, new: Ints, var: Ints) -> None:
    """A valid, weak bound: no less than its range allows."""
    least = low.ranges.of(t)[0].ravel()[new]
    low.below(t, var[new], Affine.constants(least), -1)


class Tail:
    """Rockafellar and Uryasev: ``v = h - sum_s w_s z_s / W``, ``z_s >= h - x_s``; a scenario not yet seen has z 0."""

    def __init__(self, term: Term, var: Ints) -> None:
        self.term, self.var = term, var
        self.had: dict[int, set[int]] = {}
        self.rows: dict[int, tuple[int, int]] = {}
        measure, n = term.aux[0], shape(term.args[0])[1]
        given = measure.weights
        self.weight = np.ones(n) if given is None else np.asarray(given, np.float64)
        self.weight = self.weight / (float(self.weight.sum()) * (1.0 - measure.level))

    def first(self, o: int) -> list[int]:
        """The scenarios that fill the tail as the book stands: with fewer the level would have no upper bound."""
        order = np.argsort(self.term.args[0].numbers()[o], kind="stable")
        full = int(np.searchsorted(np.cumsum(self.weight[order]), 1.0 - 1e-12)) + 1
        return order[:full].tolist()

    def add(self, low: Lowering, o: int, scenarios: list[int]) -> int:
        """Add a column and a row for each scenario of one element that is new."""
        had = self.had.setdefault(o, set())
        fresh = np.array([s for s in scenarios if s not in had], np.int64)
        if not len(fresh):
            return 0
        had.update(fresh.tolist())
        unit, n, infinite = low.unit(self.term), len(fresh), np.full(len(fresh), np.inf)
        if o not in self.rows:
            level = low.model.columns(-infinite[:1], infinite[:1])
            gap = Affine.columns(self.var[o : o + 1]) - Affine.columns(level)
            self.rows[o] = int(level[0]), int(low.model.rows(gap, np.zeros(1), np.zeros(1))[0])
        at, row = self.rows[o]
        z = low.model.columns(np.zeros(n), infinite)
        low.model.extend(np.full(n, row), z, self.weight[fresh])
        width = shape(self.term.args[0])[1]
        x = low.lower(self.term.args[0], o * width + fresh, 1).scaled(1.0 / unit)
        held = x + Affine.columns(z) - Affine.columns(np.full(n, at))
        low.model.rows(held, np.zeros(n), infinite)
        return n

    def separate(self, low: Lowering, value: Value, z: Floats, batch: int) -> int:
        """Add the scenarios of the tail at ``z``, (columns,), and some that come next."""
        x, count = value(self.term.args[0]), 0
        for o in violated(low, self, value, z).tolist():
            order = np.argsort(x[o], kind="stable")
            full = int(np.searchsorted(np.cumsum(self.weight[order]), 1.0 - 1e-12)) + 1
            count += self.add(low, o, order[: full + max(batch, len(order) // WIDE)].tolist())
        return count


def tail(low: Lowering, t: Term, idx: Ints, want: int) -> Affine:
    """Lower an expected shortfall at elements ``idx``, (N,); a value at risk is not concave and is refused."""
    if shape(t.args[0])[1] == 1:
        return low.lower(t.args[0], idx, want)
    if getattr(t.aux[0], "measure", "") != "es":
        raise refusal(t)
    var, new = low.variables(t, idx, want)
    if want < 0:
        if len(new):
            _unbranched(low, t, len(new))
            _at_least(low, t, new, var)
        return low.stand_in(t, var[idx])
    lazy = _lazy(low, t, lambda: Tail(t, var))
    for o in new.tolist():
        lazy.add(low, o, lazy.first(o))
    return low.stand_in(t, var[idx])


def _unbranched(low: Lowering, t: Term, count: int) -> None:
    """What can be relaxed but not chosen."""
    if low.mode in ("refuse", "local"):
        raise wrong_side(t)
    low.wrong += count


class Tangent:
    """``v <= `` the tangents of a concave charge at the points that were visited."""

    def __init__(self, term: Term, var: Ints, touch: Callable[[Lowering, Tangent, int, Floats], bool]) -> None:
        self.term, self.var, self.touch = term, var, touch

    def separate(self, low: Lowering, value: Value, z: Floats, batch: int) -> int:
        """Add the tangent at ``z``, (columns,), wherever the column promises more than the charge."""
        x = value(self.term.args[0])
        return sum(self.touch(low, self, o, x) for o in violated(low, self, value, z).tolist())


def charge(low: Lowering, t: Term, idx: Ints, want: int) -> Affine:
    """Lower ``tiered`` or ``power`` at elements ``idx``, (N,): rates that rise with size, by tangents beside 0."""
    bits = low.curvature.of(t).ravel()[idx]
    free = np.flatnonzero(bits == AFFINE)
    rest = np.flatnonzero(bits != AFFINE)
    parts = [Affine.constants(np.zeros(len(free)))] if len(free) else []
    if len(rest):
        var, new = low.variables(t, idx[rest], want)
        if len(new):
            _charge(low, t, new, var, want)
        parts.append(low.stand_in(t, var[idx[rest]]))
    return Affine.joined(parts).take(np.argsort(np.concatenate([free, rest])))


def _charge(low: Lowering, t: Term, new: Ints, var: Ints, want: int) -> None:
    if want < 0:
        _unbranched(low, t, len(new))
        return _at_least(low, t, new, var)
    good = (low.curvature.of(t).ravel()[new] & CONCAVE) > 0
    lazy = _lazy(low, t, lambda: Tangent(t, var, _touch_charge))
    for o in new[good].tolist():
        for at in _ends(low, t, o):
            _touch_charge(low, lazy, o, at)
    if not good.all():
        _capped(low, t, new[~good], var)
    return None


def _ends(low: Lowering, t: Term, o: int) -> list[Floats]:
    """Where the first tangents touch: the book as it stands, and the middle of the range."""
    at = t.args[0].numbers()
    low_end, high_end = low.ranges.of(t.args[0])
    return [at, 0.5 * np.maximum(np.abs(low_end), np.abs(high_end))]


def _touch_charge(low: Lowering, lazy: Tangent, o: int, x: Floats) -> bool:
    t, idx = lazy.term, np.array([o])
    size = np.abs(np.broadcast_to(x, shape(t)).ravel()[idx])
    worth, slope = charged(t, idx, size)
    for sign in (1.0, -1.0):  # -(c + c' (|x| - s))
        line = low.times(t, 0, idx, -slope * sign, 1) + Affine.constants(slope * size - worth)
        low.below(t, lazy.var[idx], line, 1)
    return True


def _capped(low: Lowering, t: Term, new: Ints, var: Ints) -> None:
    """A charge whose rate stops rising: at least the first rate (a bound), at most the last one (a safe stand-in)."""
    if t.op != "tiered" or low.mode == "refuse":
        raise wrong_side(t)
    low.wrong += len(new)
    rate, ramp, start, cap = (constant_at(t, a, new) for a in t.args[1:])
    if (ramp < 0).any() or (rate < 0).any():
        raise wrong_side(t)
    rate = np.minimum(rate, cap)
    if low.mode == "local":
        here = np.abs(np.broadcast_to(low.at(t.args[0]), shape(t)).ravel()[new])
        if ((here > start) & ~np.isfinite(cap)).any():
            raise wrong_side(t)
        inside = np.flatnonzero(here <= start)
        for sign in (1.0, -1.0):  # stay where the first rate holds
            side = low.times(t, 0, new[inside], np.full(len(inside), sign), -1).scaled(1.0 / low.unit(t.args[0]))
            low.model.rows(side, np.full(len(side), -np.inf), start[inside] / low.unit(t.args[0]))
        rate = np.where(here <= start, rate, cap)
    low.below(t, var[new], Affine.constants(np.zeros(len(new))), 1)
    paid = np.flatnonzero(rate > 0)
    for sign in (1.0, -1.0):
        if len(paid):
            low.below(t, var[new[paid]], low.times(t, 0, new[paid], rate[paid] * sign, 1), 1)


def norm(low: Lowering, t: Term, idx: Ints, want: int) -> Affine:
    """Lower ``-sqrt(x' R x)``, R positive semidefinite, at elements ``idx``, (N,), by tangents."""
    var, new = low.variables(t, idx, want)
    if len(new) and want < 0:
        _unbranched(low, t, len(new))
        _at_least(low, t, new, var)
    elif len(new):
        if not (low.curvature.of(t).ravel()[new] & CONCAVE).all():
            raise wrong_side(t)
        low.below(t, var[new], Affine.constants(np.zeros(len(new))), 1)
        lazy = _lazy(low, t, lambda: Tangent(t, var, _touch_norm))
        for o in new.tolist():
            _touch_norm(low, lazy, o, t.args[0].numbers())
    return low.stand_in(t, var[idx])


def _touch_norm(low: Lowering, lazy: Tangent, o: int, x: Floats) -> bool:
    t = lazy.term
    v, rows, span = ops.stacked(t, o, x)
    r = t.aux[np.ix_(rows, rows)] @ v
    size = float(np.sqrt(max(v @ r, 0.0)))
    if size <= 0:
        return False
    width = shape(t.args[0])[1]
    idx = np.arange(span.start * width, span.stop * width)
    line = low.lower(t.args[0], idx, 1).scaled(-r / size).sums(np.zeros(len(idx), np.int64), 1)
    low.below(t, lazy.var[np.array([o])], line, 1)
    return True
