"""Black-Scholes on spot with the normal cdf of Abramowitz and Stegun, as some venues price inside their margin rules.

S spot, K strike, r rate, τ years, v = σ√τ, w = +1 call and -1 put:

    V = w (S N(w d1) - K exp(-rτ) N(w d2)),    d1 = (ln(S/K) + (r + σ²/2) τ) / v,    d2 = d1 - v

with N(x) = (1 + erf(x/√2)) / 2 and, for x >= 0, erf(x) ≈ 1 - (a1 t + a2 t² + … + a5 t⁵) exp(-x²), t = 1 / (1 + p x).
Source: M. Abramowitz and I. Stegun, *Handbook of Mathematical Functions*, formula 7.1.26 (error up to 1.5e-7): too
coarse to price with, but a venue's own margin cannot be matched to more digits without it. Nothing is clipped, so a
worthless option may come out at some -1e-12. For everything else use ``black76``.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from loadline.kernels.arrays import plain
from loadline.kernels.vectorcode import OPTIONS
from loadline.kernels.vectormath import exp, log

__all__ = ["delta", "norm_cdf", "value"]

A1, A2, A3, A4, A5, P = 0.254829592, -0.284496736, 1.421413741, -1.453152027, 1.061405429, 0.3275911
SQRT_2 = 1.4142135623730951


@njit(inline="always", **OPTIONS)
def _cdf(x: float) -> float:
    a = abs(x) / SQRT_2
    t = 1.0 / (1.0 + P * a)
    y = 1.0 - (((((A5 * t + A4) * t) + A3) * t + A2) * t + A1) * t * exp(-a * a)
    return 0.5 * (1.0 - y) if x < 0.0 else 0.5 * (1.0 + y)


@njit(cache=True, **OPTIONS)
def _fill_cdf(x: np.ndarray, out: np.ndarray) -> None:
    for i in range(x.size):
        out[i] = _cdf(x[i])


@njit(cache=True, **OPTIONS)
def _fill(
    S: np.ndarray,
    K: np.ndarray,
    sigma: np.ndarray,
    tau: np.ndarray,
    rate: np.ndarray,
    w: np.ndarray,
    out: np.ndarray,
    slope: bool,
) -> None:
    options, scenarios = out.shape
    for i in range(options):
        root, paid = np.sqrt(tau[i]), K[i] * exp(-rate[i] * tau[i])
        for j in range(scenarios):
            v = sigma[i, j] * root
            d1 = (log(S[i, j] / K[i]) + (rate[i] + 0.5 * sigma[i, j] * sigma[i, j]) * tau[i]) / v
            up = _cdf(w[i] * d1)
            inside = w[i] * (S[i, j] - K[i])
            check = S[i, j] + K[i] + v + rate[i]  # selections drop NaN; put it back
            if check != check:
                out[i, j] = check
            elif slope:
                step = 1.0 if inside > 0.0 else 0.0
                out[i, j] = w[i] * (up if v > 0.0 else step)
            else:
                alive = w[i] * (S[i, j] * up - paid * _cdf(w[i] * (d1 - v)))
                out[i, j] = alive if v > 0.0 else max(inside, 0.0)


def norm_cdf(x: np.ndarray) -> np.ndarray:
    """Give the approximate standard normal distribution function of every element.

    x: any shape, 1 (standard deviations). Returns the same shape, 1 (probability), within 7.5e-8 of the truth.

    >>> import numpy as np
    >>> norm_cdf(np.array([-1.96, 1.96])).round(6)
    array([0.024998, 0.975002])
    """
    x = plain(x)
    out = np.empty(x.size)
    _fill_cdf(x.reshape(-1), out)
    return out.reshape(x.shape)


def _each(S: np.ndarray, K: np.ndarray, sigma: np.ndarray, *columns: np.ndarray, slope: bool) -> np.ndarray:
    n, (_, m) = len(K), np.broadcast_shapes(S.shape, sigma.shape)
    out = np.empty((n, m))
    tau, rate, w = (plain(c, (n,)) for c in columns)
    _fill(plain(S, (n, m)), plain(K, (n,)), plain(sigma, (n, m)), tau, rate, w, out, slope)
    return out


def value(
    S: np.ndarray, K: np.ndarray, sigma: np.ndarray, tau: np.ndarray, rate: np.ndarray, w: np.ndarray
) -> np.ndarray:
    """Give the value of one option on one unit, per option and scenario.

    ``S``: (N, M) or (N, 1), spot, quote currency, above 0; ``K``: (N,), strike, quote currency, above 0; ``sigma``:
    (N, M) or (N, 1), vol, 1/√year; ``tau``: (N,), years; ``rate``: (N,), continuous, per year; ``w``: (N,), +1 call,
    -1 put. Returns (N, M), quote currency; intrinsic value where σ√τ is 0.

    >>> import numpy as np
    >>> one = np.ones(1)
    >>> value(np.array([[100.0]]), 100 * one, np.array([[0.2]]), one, 0 * one, one).round(4)
    array([[7.9656]])
    """
    return _each(S, K, sigma, tau, rate, w, slope=False)


def delta(
    S: np.ndarray, K: np.ndarray, sigma: np.ndarray, tau: np.ndarray, rate: np.ndarray, w: np.ndarray
) -> np.ndarray:
    """Give the spot delta of one option, per option and scenario: w N(w d1); arguments as in ``value``.

    Returns (N, M), 1; where σ√τ is 0 it is w in the money and 0 elsewhere.

    >>> import numpy as np
    >>> one = np.ones(1)
    >>> delta(np.array([[100.0]]), 100 * one, np.array([[0.2]]), one, 0 * one, -one).round(4)
    array([[-0.4602]])
    """
    return _each(S, K, sigma, tau, rate, w, slope=True)
