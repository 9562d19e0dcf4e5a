"""The operations: what each one computes, and how a weight on its result falls on its arguments.

``VALUE[op](term, *argument values)`` computes. ``PULL[op](term, g, mode, *argument values)`` returns the weight on
each argument that is not a plain factor: mode ``"marginal"`` is the derivative, mode ``"average"`` splits the value
itself, so that weight times value re-adds exactly; they differ only where a rate moves with the size
(``tiered``, ``bracketed``).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import reduce
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from loadline.tape.term import Term

Floats = NDArray[np.float64]
Mode = Literal["marginal", "average"]


def _net(t: Term, x: Floats) -> Floats:
    assert t.frame is not None and t.level is not None and t.args[0].level is not None
    return t.frame.sums(x, t.frame.starts(t.args[0].level, t.level))


def stacked(t: Term, group: int, x: Floats) -> tuple[Floats, NDArray[np.int64], slice]:
    """Return what ``correlated`` stacks for one group: the vector (M,), its rows in R (M,), and the finer groups.

    ``x``: (finer groups, columns), the argument's values; M: the finer groups of this one times columns.
    """
    fine = t.args[0].level
    assert t.frame is not None and t.level is not None and fine is not None
    a, b = t.frame.starts(fine, t.level)[group : group + 2].tolist()
    rows = (t.frame.classes[fine][a:b, None] * x.shape[1] + np.arange(x.shape[1])).ravel()
    return x[a:b].ravel(), rows, slice(a, b)


def _correlated(t: Term, x: Floats) -> Floats:
    assert t.frame is not None and t.level is not None
    out = np.zeros((t.frame.size[t.level], 1))
    for g in range(len(out)):
        v, rows, _ = stacked(t, g, x)
        if len(v):
            pulled = _running(t.aux[np.ix_(rows, rows)] * v)
            out[g] = -np.sqrt(max(_running(v * pulled), 0.0))
    return out


def _running(x: Floats) -> Any:
    """Sums along the last axis, left to right: a plan adds in the same order, so it gets the same bits."""
    return np.add.accumulate(x, axis=-1)[..., -1]


def _rate(x: Floats, rate: Floats, ramp: Floats, start: Floats, cap: Floats) -> Floats:
    return np.asarray(np.minimum(rate + ramp * np.maximum(np.abs(x) - start, 0.0), cap))


def bracket_rate(x: Floats, *p: Floats, marginal: bool = False) -> Floats:
    """Return the average rate of a table of brackets at a size (its marginal rate: that of the bracket it ends in).

    ``p``: the upper bounds of all brackets but the last, rising (infinite: there is no further bracket), then a rate
    for each. Equation: ``sum_k rate_k * (part of |x| in bracket k) / |x|``.
    """
    size, n = np.abs(x), len(p) // 2
    bounds, rates = p[:n], p[n:]
    total = top = rates[0] + 0.0 * size
    for bound, below, rate in zip(bounds, rates, rates[1:], strict=False):
        beyond = np.maximum(size - bound, 0.0)
        with np.errstate(invalid="ignore", divide="ignore"):
            total = total + np.where(beyond > 0, beyond / size, 0.0) * (rate - below)
        top = np.where(beyond > 0, rate, top)
    return np.asarray(top if marginal else total)


def _portion(t: Term, x: Floats, part: Floats, whole: Floats) -> Floats:
    """``x * part / whole`` in integers; products that a double cannot hold are taken in Python's own."""
    product, away = np.abs(x) * part, t.aux
    if product.max(initial=0.0) < 2.0**53:  # exact, and so is the quotient's floor: it is rounded to nearest
        out = np.ceil(product / whole) if away else np.floor(product / whole)
    else:
        each = zip(*(np.broadcast_to(k, product.shape).ravel().tolist() for k in (np.abs(x), part, whole)), strict=True)
        exact = [(int(a) * int(k), int(n)) for a, k, n in each]
        out = np.array([-(-m // n) if away else m // n for m, n in exact], np.float64).reshape(product.shape)
    return np.asarray(np.copysign(out, x) + 0.0)


def _power(t: Term, x: Floats, n: Floats) -> Floats:
    """``-|x|^n`` by the platform's own ``pow``, which a plan calls too: that of NumPy differs between processors."""
    exponent = float(n.item())
    return np.array([-pow_of(v, exponent) for v in np.abs(x).ravel().tolist()], np.float64).reshape(x.shape)


def pow_of(x: float, n: float) -> float:
    """Return ``x ** n``, infinite where that is too large for a double."""
    try:
        return math.pow(x, n)
    except OverflowError:
        return math.inf


def _tail(t: Term, x: Floats) -> Floats:
    """The shares of the worst scenarios, worst first, where they are fixed; else a weight for each scenario."""
    shares = t.aux[0].shares(x.shape[1]) if hasattr(t.aux[0], "shares") else None
    if shares is not None:
        k = len(shares)
        low = np.sort(np.partition(x, k - 1, axis=1)[:, :k], axis=1)
        return np.asarray(_running(low * shares))[:, None]
    return np.einsum("gs,gs->g", t.aux[0](np.ascontiguousarray(x)), x)[:, None]


VALUE: dict[str, Callable[..., Any]] = {
    "add": lambda t, a, b: a + b,
    "sub": lambda t, a, b: a - b,
    "scale": lambda t, a, k: a * k,
    "signed": lambda t, a, gain, loss: a * np.where(a >= 0, gain, loss),
    "losses": lambda t, a: np.where(a < 0, a, 0.0),
    "tiered": lambda t, a, *p: -np.abs(a) * _rate(a, *p),
    "bracketed": lambda t, a, *p: -np.abs(a) * bracket_rate(a, *p),
    "rounded": lambda t, a, f: np.rint(a * f) / f,
    "portion": _portion,
    "power": _power,
    "min": lambda t, *xs: reduce(lambda m, x: np.where(x < m, x, m), xs),
    "net": _net,
    "worst": lambda t, a: a.min(1, keepdims=True),
    "total": lambda t, a: _running(a)[:, None],
    "tail": _tail,
    "correlated": _correlated,
}


def _pull_min(t: Term, g: Floats, mode: Mode, *xs: Floats) -> list[Floats]:
    chosen = chosen_of(*xs)
    return [g * (chosen == i) for i in range(len(xs))]


def chosen_of(*xs: Floats) -> NDArray[np.int64]:
    """Return which of several arrays holds the least value, element by element; the first, on a tie."""
    best, index = np.broadcast_arrays(xs[0], np.zeros(1, np.int64))
    for i, x in enumerate(xs[1:], 1):
        index = np.where(x < best, i, index)
        best = np.where(x < best, x, best)
    return np.asarray(index)


def _pull_net(t: Term, g: Floats, mode: Mode, x: Floats) -> list[Floats]:
    assert t.frame is not None and t.level is not None and t.args[0].level is not None
    return [np.repeat(g, np.diff(t.frame.starts(t.args[0].level, t.level)), axis=0)]


def _pull_worst(t: Term, g: Floats, mode: Mode, x: Floats) -> list[Floats]:
    out = np.zeros(x.shape)
    np.put_along_axis(out, x.argmin(1)[:, None], g, 1)
    return [out]


def _pull_tiered(t: Term, g: Floats, mode: Mode, x: Floats, *p: Floats) -> list[Floats]:
    rate, ramp, start, cap = p
    slope = _rate(x, *p)
    if mode == "marginal":
        inside = (np.abs(x) > start) & (rate + ramp * np.maximum(np.abs(x) - start, 0.0) < cap)
        slope = slope + np.where(inside, np.abs(x) * ramp, 0.0)
    return [-g * slope * np.sign(x)]


def _pull_correlated(t: Term, g: Floats, mode: Mode, x: Floats) -> list[Floats]:
    out = np.zeros(x.shape)
    for m in range(len(g)):
        v, rows, span = stacked(t, m, x)
        r = t.aux[np.ix_(rows, rows)] @ v
        norm = np.sqrt(max(v @ r, 0.0))
        if norm > 0:
            out[span] = (-g[m, 0] * r / norm).reshape(-1, x.shape[1])
    return [out]


PULL: dict[str, Callable[..., list[Floats]]] = {
    "add": lambda t, g, mode, a, b: [g, g],
    "sub": lambda t, g, mode, a, b: [g, -g],
    "scale": lambda t, g, mode, a, k: [g * k],
    "signed": lambda t, g, mode, a, gain, loss: [g * np.where(a >= 0, gain, loss)],
    "losses": lambda t, g, mode, a: [g * (a < 0)],
    "tiered": _pull_tiered,
    "bracketed": lambda t, g, mode, a, *p: [-g * bracket_rate(a, *p, marginal=mode == "marginal") * np.sign(a)],
    "rounded": lambda t, g, mode, a, f: [g],
    "power": lambda t, g, mode, a, n: [-g * (n if mode == "marginal" else 1.0) * np.abs(a) ** (n - 1.0) * np.sign(a)],
    "portion": lambda t, g, mode, a, part, whole: [g * part / whole],
    "min": _pull_min,
    "net": _pull_net,
    "worst": _pull_worst,
    "total": lambda t, g, mode, a: [np.broadcast_to(g, a.shape)],
    "tail": lambda t, g, mode, a: [g * t.aux[0](np.ascontiguousarray(a))],
    "correlated": _pull_correlated,
}
