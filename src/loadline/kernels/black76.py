"""Undiscounted Black-76 values and sensitivities, several hundred scenarios of every option at a time.

F forward, K strike, v = σ√τ total vol, w = +1 call and -1 put:

    V  = w (F N(w d1) - K N(w d2)),    d1 = ln(F/K)/v + v/2,    d2 = ln(F/K)/v - v/2

Source: F. Black, *The pricing of commodity contracts*, Journal of Financial Economics 3 (1976) 167-179.

Derivation used below. F n(d1) = K n(d2), so one exponential serves both terms: with g = F n(d1) and the Mills ratio
R(a) = N(-a) / n(a), the product F N(w d1) is g R(|d1|) where w d1 < 0 and F - g R(|d1|) elsewhere; likewise for K and
d2. An option out of the money becomes g (R(|d1|) - R(|d2|)) and keeps relative accuracy far into the tail.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from loadline.kernels.vectormath import FAR, INV_SQRT_2PI, exp, log, mills, norm_cdf, norm_pdf

__all__ = ["TOTAL_VOL_CAP", "norm_cdf", "norm_pdf", "value", "value1"]

TOTAL_VOL_CAP = 24.0  # from here on a call is worth F and a put K to the last bit: N(12) = 1 - 2e-33


@njit(inline="always", error_model="numpy")
def _black(F: float, K: float, v: float, w: float) -> float:
    """Give one undiscounted value; every special case is a selection, so the loop around it stays a vector loop."""
    h = log(F / K) / v
    d1 = h + 0.5 * v
    d2 = h - 0.5 * v
    a1 = abs(d1)
    a2 = abs(d2)
    a1 = a1 if a1 < FAR else FAR
    a2 = a2 if a2 < FAR else FAR
    g = F * (INV_SQRT_2PI * exp(-0.5 * d1 * d1))
    x = g * mills(a1)
    y = g * mills(a2)
    x = x if w * d1 < 0.0 else F - x
    y = y if w * d2 < 0.0 else K - y
    value = w * (x - y)
    intrinsic = w * (F - K)
    intrinsic = intrinsic if intrinsic > 0.0 else 0.0
    bound = F if w > 0.0 else K
    # The bounds also settle the edges where the formula above is void: strike 0 (call F, put 0) and forward 0.
    value = value if value < bound else bound
    value = value if value > intrinsic else intrinsic
    value = value if v < TOTAL_VOL_CAP else bound
    value = value if v > 0.0 else intrinsic
    check = F + K + v  # selections drop NaN; put it back
    return value if check == check else math.nan


@njit(inline="always", error_model="numpy")
def _root(tau: float) -> float:
    return math.sqrt(tau if tau > 0.0 else tau * 0.0)  # NaN stays NaN


@njit(cache=True, nogil=True, error_model="numpy")
def _fill(F: np.ndarray, K: np.ndarray, sigma: np.ndarray, tau: np.ndarray, w: np.ndarray, out: np.ndarray) -> None:
    options, scenarios = out.shape
    for i in range(options):
        strike, root, side = K[i], _root(tau[i]), w[i]
        for s in range(scenarios):
            out[i, s] = _black(F[i, s], strike, sigma[i, s] * root, side)


@njit(cache=True, nogil=True, error_model="numpy")
def _fill1(F: np.ndarray, K: np.ndarray, sigma: np.ndarray, tau: np.ndarray, w: np.ndarray, out: np.ndarray) -> None:
    for i in range(out.size):
        out[i] = _black(F[i], K[i], sigma[i] * _root(tau[i]), w[i])


def _plain(x: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Lay out as C-ordered float64 of this shape; a wrong shape must fail here, compiled loops check no index."""
    return np.ascontiguousarray(np.broadcast_to(x, shape), dtype=np.float64)


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
    Source: Black (1976), see the head of this file. Error below 1e-14 of max(F, K) (measured).

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
    row = (n,)
    _fill(_plain(forward, shape), _plain(strike, row), _plain(vol, shape), _plain(tau, row), _plain(right, row), out)
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
    out = np.empty(row)
    _fill1(_plain(forward, row), _plain(strike, row), _plain(vol, row), _plain(tau, row), _plain(right, row), out)
    return out
