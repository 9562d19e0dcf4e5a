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

from loadline.kernels.arrays import plain
from loadline.kernels.implied import ImpliedStatus, implied_vol
from loadline.kernels.vectormath import FAR, INV_SQRT_2PI, exp, log, mills, norm_cdf, norm_pdf

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

BLOCK = 256  # elements worked on together: eight arrays of 2 kB stay in the first-level cache
TOTAL_VOL_CAP = 24.0  # from here on a call is worth F and a put K to the last bit: N(12) = 1 - 2e-33


@njit(error_model="numpy")
def _block(F: np.ndarray, K: np.ndarray, v: np.ndarray, w: np.ndarray, scratch: np.ndarray, out: np.ndarray) -> None:
    """Value one block of options, element by element.

    Four short loops instead of one: a processor looks only so many instructions ahead, and in one long loop it waits
    for the chain ln → exp → R of one element before it sees the next (measured: 14 against 10 ns per value).
    """
    n = out.size
    d1, d2, g, x = scratch[0, :n], scratch[1, :n], scratch[2, :n], scratch[3, :n]
    for j in range(n):
        h = log(F[j] / K[j]) / v[j]
        d1[j] = h + 0.5 * v[j]
        d2[j] = h - 0.5 * v[j]
    for j in range(n):
        g[j] = F[j] * (INV_SQRT_2PI * exp(-0.5 * d1[j] * d1[j]))
    for j in range(n):
        a = abs(d1[j])
        tail = g[j] * mills(a if a < FAR else FAR)
        x[j] = tail if w[j] * d1[j] < 0.0 else F[j] - tail
    for j in range(n):
        a = abs(d2[j])
        tail = g[j] * mills(a if a < FAR else FAR)
        y = tail if w[j] * d2[j] < 0.0 else K[j] - tail
        value = w[j] * (x[j] - y)
        intrinsic = w[j] * (F[j] - K[j])
        intrinsic = intrinsic if intrinsic > 0.0 else 0.0
        bound = F[j] if w[j] > 0.0 else K[j]
        # The bounds also settle the edges where the formula is void: strike 0 (call F, put 0) and forward 0.
        value = value if value < bound else bound
        value = value if value > intrinsic else intrinsic
        value = value if v[j] < TOTAL_VOL_CAP else bound
        value = value if v[j] > 0.0 else intrinsic
        check = F[j] + K[j] + v[j]  # selections drop NaN; put it back
        out[j] = value if check == check else math.nan


@njit(inline="always", error_model="numpy")
def _root(tau: float) -> float:
    return math.sqrt(tau if tau > 0.0 else tau * 0.0)  # NaN stays NaN


@njit(cache=True, nogil=True, error_model="numpy")
def _fill(F: np.ndarray, K: np.ndarray, sigma: np.ndarray, tau: np.ndarray, w: np.ndarray, out: np.ndarray) -> None:
    """Cut options × scenarios into blocks across row ends, so that 31 scenarios run as fast as 512."""
    options, scenarios = out.shape
    flat = out.reshape(-1)
    inputs, scratch = np.empty((4, BLOCK)), np.empty((4, BLOCK))
    i, s = 0, 0
    for start in range(0, options * scenarios, BLOCK):
        n = min(BLOCK, options * scenarios - start)
        j = 0
        while j < n:
            m = min(scenarios - s, n - j)
            f, k, v, side = inputs[0, j : j + m], inputs[1, j : j + m], inputs[2, j : j + m], inputs[3, j : j + m]
            root = _root(tau[i])
            f[:] = F[i, s : s + m] if F.shape[1] > 1 else F[i, 0:1]
            k[:] = K[i]
            v[:] = sigma[i, s : s + m] if sigma.shape[1] > 1 else sigma[i, 0:1]
            v *= root
            side[:] = w[i]
            j += m
            s += m
            if s == scenarios:
                i, s = i + 1, 0
        _block(inputs[0, :n], inputs[1, :n], inputs[2, :n], inputs[3, :n], scratch, flat[start : start + n])


@njit(cache=True, nogil=True, error_model="numpy")
def _fill1(F: np.ndarray, K: np.ndarray, sigma: np.ndarray, tau: np.ndarray, w: np.ndarray, out: np.ndarray) -> None:
    total, scratch = np.empty(BLOCK), np.empty((4, BLOCK))
    for start in range(0, out.size, BLOCK):
        end = min(start + BLOCK, out.size)
        v = total[: end - start]
        for j in range(v.size):
            v[j] = sigma[start + j] * _root(tau[start + j])
        _block(F[start:end], K[start:end], v, w[start:end], scratch, out[start:end])


@njit(cache=True, nogil=True, error_model="numpy")
def _fill_greeks(
    F: np.ndarray, K: np.ndarray, sigma: np.ndarray, tau: np.ndarray, w: np.ndarray, out: np.ndarray
) -> None:
    for i in range(F.size):
        root = _root(tau[i])
        v = sigma[i] * root
        d1 = log(F[i] / K[i]) / v + 0.5 * v
        a = abs(d1)
        density = INV_SQRT_2PI * exp(-0.5 * d1 * d1)
        tail = density * mills(a if a < FAR else FAR)
        delta = w[i] * (tail if w[i] * d1 < 0.0 else 1.0 - tail)
        beyond = 1.0 if w[i] * (F[i] - K[i]) > 0.0 else (0.5 if F[i] == K[i] else 0.0)
        edge = w[i] * beyond if v < TOTAL_VOL_CAP else (1.0 if w[i] > 0.0 else 0.0)
        live = v > 0.0 and v < TOTAL_VOL_CAP and F[i] > 0.0 and K[i] > 0.0
        check = F[i] + K[i] + v
        lost = 0.0 if check == check else math.nan
        out[0, i] = (delta if live else edge) + lost
        out[1, i] = (density / (F[i] * v) if live else 0.0) + lost
        out[2, i] = (F[i] * density * root if live else 0.0) + lost
        out[3, i] = (-0.5 * F[i] * density * sigma[i] / root if live else 0.0) + lost


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
    row = (n,)
    F, sigma = plain(forward, (n, np.shape(forward)[1])), plain(vol, (n, np.shape(vol)[1]))
    if not {F.shape[1], sigma.shape[1]} <= {1, shape[1]}:
        raise ValueError(f"forward {F.shape} and vol {sigma.shape} do not agree on the scenarios")
    _fill(F, plain(strike, row), sigma, plain(tau, row), plain(right, row), out)
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
    _fill1(plain(forward, row), plain(strike, row), plain(vol, row), plain(tau, row), plain(right, row), out)
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
    out = np.empty((4, *row))
    F, K, sigma, years, w = (plain(x, row) for x in (forward, strike, vol, tau, right))
    _fill_greeks(F, K, sigma, years, w, out)
    return out[0], out[1], out[2], out[3]
