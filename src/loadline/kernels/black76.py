"""Undiscounted Black-76 values and sensitivities, several hundred scenarios of every option at a time.

F forward, K strike, v = σ√τ total vol, w = +1 call and -1 put:

    V  = w (F N(w d1) - K N(w d2)),    d1 = ln(F/K)/v + v/2,    d2 = ln(F/K)/v - v/2

Source: F. Black, *The pricing of commodity contracts*, Journal of Financial Economics 3 (1976) 167-179.

Derivation used below. F n(d1) = K n(d2), so one exponential serves both terms: with g = F n(d1) and the Mills ratio
R(a) = N(-a) / n(a), the product F N(w d1) is g R(|d1|) where w d1 < 0 and F - g R(|d1|) elsewhere; likewise for K and
d2. An option out of the money becomes g (R(|d1|) - R(|d2|)) and keeps relative accuracy far into the tail.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from loadline.kernels.arrays import plain
from loadline.kernels.compiled import Compiled
from loadline.kernels.implied import ImpliedStatus, implied_vol
from loadline.kernels.vectormath import (
    FAR,
    absolute,
    density,
    greater,
    lesser,
    log,
    mills,
    norm_cdf,
    norm_pdf,
    where_less,
    where_number,
)

__all__ = [
    "TOTAL_VOL_CAP",
    "ImpliedStatus",
    "greeks",
    "implied_vol",
    "norm_cdf",
    "norm_pdf",
    "value",
    "value1",
]

TOTAL_VOL_CAP = 24.0  # from here on a call is worth F and a put K to the last bit: N(12) = 1 - 2e-33
AT_ONCE = 4096  # values that numpy works on together: its intermediate arrays stay in the second-level cache
LOOPS = Compiled("loadline.kernels.black76_loops", 1 << 21)


# The formula in four parts, since a compiled loop over one part sees more of the next elements than one over all.
def distances(F: Any, K: Any, v: Any) -> Any:
    """Give d1 and d2."""
    h = log(F / K) / v
    return h + 0.5 * v, h - 0.5 * v


def shared(F: Any, d1: Any) -> Any:
    """Give g = F n(d1) = K n(d2)."""
    return F * density(d1)


def side(P: Any, g: Any, d: Any, w: Any) -> Any:
    """Give P N(w d), where P n(d) = g."""
    tail = g * mills(lesser(FAR, absolute(d)))
    return where_less(w * d, 0.0, tail, P - tail)


def bounded(F: Any, K: Any, v: Any, w: Any, x: Any, y: Any) -> Any:
    """Give w (x - y) within its bounds, which also settle the edges where the formula is void.

    Strike 0: call F, put 0; forward 0; total vol 0; total vol at the cap.
    """
    intrinsic = greater(w * (F - K), 0.0)
    bound = where_less(0.0, w, F, K)
    inside = greater(intrinsic, lesser(bound, w * (x - y)))
    inside = where_less(v, TOTAL_VOL_CAP, inside, bound)
    inside = where_less(0.0, v, inside, intrinsic)
    return where_number(F + K + v, inside, np.nan)  # selections drop NaN; put it back


def slopes(F: Any, K: Any, sigma: Any, root: Any, w: Any) -> Any:
    """Give delta, gamma, vega and theta."""
    v = sigma * root
    d1 = log(F / K) / v + 0.5 * v
    n = density(d1)
    delta = w * side(1.0, n, d1, w)
    beyond = where_less(0.0, w * (F - K), 1.0, where_less(0.0, absolute(F - K), 0.0, 0.5))
    edge = where_less(v, TOTAL_VOL_CAP, w * beyond, greater(w, 0.0))
    live = where_less(
        0.0, F, where_less(0.0, K, where_less(0.0, v, where_less(v, TOTAL_VOL_CAP, 1.0, 0.0), 0.0), 0.0), 0.0
    )
    lost = where_number(F + K + v, 0.0, np.nan)
    return (
        where_less(0.0, live, delta, edge) + lost,
        where_less(0.0, live, n / (F * v), 0.0) + lost,
        where_less(0.0, live, F * n * root, 0.0) + lost,
        where_less(0.0, live, -0.5 * F * n * sigma / root, 0.0) + lost,
    )


def _with_numpy(
    F: np.ndarray, K: np.ndarray, sigma: np.ndarray, tau: np.ndarray, w: np.ndarray, out: np.ndarray
) -> None:
    """Fill (N, S) values some rows at a time; F and sigma (N, S) or (N, 1), the others (N,)."""
    step = max(1, AT_ONCE // max(out.shape[1], 1))
    with np.errstate(all="ignore"):
        for lo in range(0, len(out), step):
            r = slice(lo, lo + step)
            f, k, v, right = F[r], K[r, None], sigma[r] * _root(tau[r, None]), w[r, None]
            d1, d2 = distances(f, k, v)
            g = shared(f, d1)
            out[r] = bounded(f, k, v, right, side(f, g, d1, right), side(k, g, d2, right))


def _root(tau: np.ndarray) -> np.ndarray:
    root: np.ndarray = np.sqrt(np.where(tau > 0.0, tau, tau * 0.0))  # NaN stays NaN
    return root


def value(
    forward: np.ndarray,
    strike: np.ndarray,
    vol: np.ndarray,
    tau: np.ndarray,
    right: np.ndarray,
    *,
    out: np.ndarray | None = None,
) -> np.ndarray:
    """Give the undiscounted Black-76 value of every option in every scenario.

    forward: (N, S) or (N, 1), quote currency, >= 0.
    strike:  (N,), quote currency, >= 0.
    vol:     (N, S) or (N, 1), 1/√year; below 0 it counts as 0.
    tau:     (N,), years; at or below 0 the option is expired.
    right:   (N,), +1 call, -1 put.
    out:     (N, S) float64, C order, written to if given.
    Returns  (N, S), quote currency per unit of the underlying, at expiry (multiply by a discount factor yourself).

    V = w (F N(w d1) - K N(w d2)), kept between max(w (F - K), 0) and F (call) or K (put). Total vol σ√τ at or above
    24 gives the upper bound, total vol 0 the lower one; strike 0 gives F (call) or 0 (put). NaN in, NaN out.
    Source: Black (1976), see the head of this file. Error below 1e-15 of max(F, K); out of the money also below 1e-12
    of the value itself for total vol above 0.02 (both measured against 50-digit arithmetic).

    >>> import numpy as np
    >>> one = np.ones(2)
    >>> value(np.array([[100.0, 110.0]] * 2), 100 * one, np.array([[0.5]] * 2), 0.25 * one, np.array([1, -1])).round(4)
    array([[ 9.9476, 16.1904],
           [ 9.9476,  6.1904]])
    """
    n = np.size(strike)
    shape = (n, max(np.shape(forward)[1], np.shape(vol)[1]))
    if out is None:
        out = np.empty(shape)
    elif out.shape != shape:
        raise ValueError(f"out has shape {out.shape}, the values have {shape}")
    F, sigma = plain(forward, (n, np.shape(forward)[1])), plain(vol, (n, np.shape(vol)[1]))
    if not {F.shape[1], sigma.shape[1]} <= {1, shape[1]}:
        raise ValueError(f"forward {F.shape} and vol {sigma.shape} do not agree on the scenarios")
    K, years, w = plain(strike, (n,)), plain(tau, (n,)), plain(right, (n,))
    loops = LOOPS.asked(out.size)
    if loops is None:
        _with_numpy(F, K, sigma, years, w, out)
    else:
        loops.fill(F, K, sigma, years, w, *loops.room(), out)
    return out


def value1(forward: np.ndarray, strike: np.ndarray, vol: np.ndarray, tau: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Give the undiscounted Black-76 value of every option in one state, bit for bit what `value` gives.

    forward, strike: (N,), quote currency; vol: (N,), 1/√year; tau: (N,), years; right: (N,), +1 call, -1 put.
    Returns (N,), quote currency per unit of the underlying. Equation, edges and source as in `value`.

    >>> import numpy as np
    >>> value1(np.array([100.0]), np.array([100.0]), np.array([0.5]), np.array([0.25]), np.array([1.0])).round(4)
    array([9.9476])
    """
    row = np.shape(strike)
    F, K, sigma, years, w = (plain(x, row) for x in (forward, strike, vol, tau, right))
    out, loops = np.empty(row), LOOPS.asked(np.size(strike))
    if loops is None:
        _with_numpy(F[:, None], K, sigma[:, None], years, w, out[:, None])
    else:
        loops.fill1(F, K, sigma, years, w, *loops.room(), out)
    return out


def greeks(
    forward: np.ndarray, strike: np.ndarray, vol: np.ndarray, tau: np.ndarray, right: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Give the undiscounted forward sensitivities of every option: delta, gamma, vega, theta.

    forward, strike: (N,), quote currency; vol: (N,), 1/√year; tau: (N,), years; right: (N,), +1 call, -1 put.
    Returns four arrays (N,): delta dV/dF, 1; gamma d²V/dF², 1/quote currency; vega dV/dσ, quote currency per 1.00 of
    vol; theta dV/dt = -dV/dτ with F and σ held, quote currency per year of calendar time (negative).

    delta = w N(w d1), gamma = n(d1) / (F v), vega = F n(d1) √τ, theta = -F n(d1) σ / (2 √τ). At zero total vol the
    option is its intrinsic value: delta is 0 or w, and w/2 exactly at the strike (the limit τ → 0 there); gamma, vega
    and theta are 0. From total vol 24 on a call is the forward (delta 1) and a put its strike (delta 0).
    Source: Black (1976), see the head of this file.

    >>> import numpy as np
    >>> x = [np.array([v]) for v in (100.0, 110.0, 0.5, 0.25, 1.0)]
    >>> [float(g.round(4)[0]) for g in greeks(*x)]
    [0.3989, 0.0154, 19.3029, -19.3029]
    """
    row = np.shape(strike)
    F, K, sigma, years, w = (plain(x, row) for x in (forward, strike, vol, tau, right))
    out, loops = np.empty((4, *row)), LOOPS.asked(np.size(strike))
    if loops is None:
        with np.errstate(all="ignore"):
            out[:] = slopes(F, K, sigma, _root(years), w)
    else:
        loops.fill_greeks(F, K, sigma, years, w, out)
    return out[0], out[1], out[2], out[3]
