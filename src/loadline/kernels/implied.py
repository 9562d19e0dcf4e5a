"""Implied Black-76 volatility from undiscounted prices.

Only the time value carries information about vol, and it is the same for call and put; so every price is first
turned into the option out of the money at the same strike. With y = |ln(F/K)| and c = time value / min(F, K), which
lies in (0, 1), the equation for the total vol s is

    c(s) = N(d1) - e**y N(d2) = c*,    d1 = s/2 - y/s,    d2 = -s/2 - y/s,    c'(s) = n(d1)

c is convex up to s = √(2y), concave beyond, and nearly constant at both ends. Newton's method is run on whichever
form is close to a straight line and, started from the inflection, approaches from one side:

    below the inflection       ln c   as a function of 1/s²    (c falls like exp(-y²/(2 s²)))
    above it, c* up to ½       c      as a function of s       (concave)
    above it, c* beyond ½      ln(1 - c) as a function of s²   (1 - c falls like exp(-s²/8))

A bracket guards every step. The idea of changing the objective by region is P. Jäckel's (*By implication*, Wilmott
2006; *Let's be rational*, Wilmott 2015); the arithmetic here is our own and simpler, several steps instead of two.
"""

from __future__ import annotations

import math
from enum import IntEnum

import numpy as np
from numba import njit

from loadline.kernels.arrays import plain
from loadline.kernels.vectormath import INV_SQRT_2PI, exp, log, mills

__all__ = ["ImpliedStatus", "implied_vol"]

TOTAL_VOL_CAP = 24.0  # `black76.value` is at its bound from here on
ROUNDING = 4.0 * 2.220446049250313e-16
SMALLEST = 1e-300  # time value as a share of min(F, K) below which doubles run out of digits


class ImpliedStatus(IntEnum):
    """Why an implied vol is there or is not; the vol is NaN for everything but OK."""

    OK = 0
    BELOW_INTRINSIC = 1  # price under max(w (F - K), 0)
    ABOVE_BOUND = 2  # price at or over F (call) or K (put), or beyond what total vol 24 gives
    EXPIRED = 3  # tau <= 0
    NOT_FINITE = 4  # NaN or infinity in the price or in an argument
    NO_TIME_VALUE = 5  # price equals intrinsic value to rounding: any small vol would do


OK = int(ImpliedStatus.OK)
BELOW_INTRINSIC = int(ImpliedStatus.BELOW_INTRINSIC)
ABOVE_BOUND = int(ImpliedStatus.ABOVE_BOUND)
EXPIRED = int(ImpliedStatus.EXPIRED)
NOT_FINITE = int(ImpliedStatus.NOT_FINITE)
NO_TIME_VALUE = int(ImpliedStatus.NO_TIME_VALUE)


@njit(inline="always", error_model="numpy")
def _share(y: float, s: float) -> tuple[float, float, float]:
    """Give c(s), 1 - c(s) and c'(s), each from a formula without cancellation where that is possible."""
    h, t = y / s, 0.5 * s
    a1, a2 = min(abs(t - h), 38.0), min(t + h, 38.0)
    g = INV_SQRT_2PI * exp(-0.5 * (t - h) * (t - h))
    if t < h:
        c = g * (mills(a1) - mills(a2))
        return c, 1.0 - c, g
    rest = g * (mills(a1) + mills(a2))
    return 1.0 - rest, rest, g


@njit(error_model="numpy")
def _total_vol(y: float, c: float, rest: float) -> float:
    """Solve c(s) = c for s in (0, 24); `rest` is 1 - c. NaN if 24 is not enough."""
    if _share(y, TOTAL_VOL_CAP)[0] < c:
        return math.nan
    low, high = 0.0, TOTAL_VOL_CAP
    s = min(math.sqrt(2.0 * y), TOTAL_VOL_CAP)
    bend = 0.0
    if s > 0.0:
        bend = _share(y, s)[0]
    below = c < bend
    upper = not below and c > 0.5
    if not below:
        # First step along the tangent at the inflection; for y = 0 that is c = s / √(2π).
        d = math.sqrt(0.5 * y) - 0.5 * s
        s = min(s + (c - bend) / (INV_SQRT_2PI * exp(-0.5 * d * d)), 0.5 * (s + TOTAL_VOL_CAP))
    for _ in range(100):
        if s <= 0.0:  # the price is at the inflection y = 0 = s to rounding
            break
        value, missing, slope = _share(y, s)
        if value > c:
            high = s
        else:
            low = s
        if below and value > 0.0 and slope > 0.0:
            step = log(value / c) if value < 1e8 * c else log(value) - log(c)
            inverse = 1.0 / (s * s) + 2.0 * step * value / (slope * s * s * s)
            new = 1.0 / math.sqrt(inverse) if inverse > 0.0 else math.inf
        elif upper and missing > 0.0 and slope > 0.0:
            square = s * s + 2.0 * s * (missing / slope) * (log(missing) - log(rest))
            new = math.sqrt(square) if square > 0.0 else 0.0
        else:
            new = s + (c - value) / slope
        if abs(new - s) <= ROUNDING * s + 1e-16:
            return new
        s = new if low < new < high else 0.5 * (low + high)
    return s


@njit(cache=True, nogil=True, error_model="numpy")
def _invert(
    price: np.ndarray,
    F: np.ndarray,
    K: np.ndarray,
    tau: np.ndarray,
    w: np.ndarray,
    vol: np.ndarray,
    status: np.ndarray,
) -> None:
    for i in range(price.size):
        vol[i] = math.nan
        total = price[i] + F[i] + K[i] + tau[i] + w[i]
        if not abs(total) < math.inf:
            status[i] = NOT_FINITE
            continue
        if tau[i] <= 0.0:
            status[i] = EXPIRED
            continue
        intrinsic = max(w[i] * (F[i] - K[i]), 0.0)
        time_value = price[i] - intrinsic
        bound = min(F[i], K[i])
        # Out of the money nothing was subtracted, so the smallest price still counts; in the money the difference
        # cannot be known better than the rounding of the larger amounts.
        noise = ROUNDING * max(F[i], K[i]) if intrinsic > 0.0 else 0.0
        if time_value < -noise:
            status[i] = BELOW_INTRINSIC
        elif time_value <= noise or time_value < SMALLEST * bound:
            status[i] = NO_TIME_VALUE
        elif time_value >= bound:
            status[i] = ABOVE_BOUND
        else:
            s = _total_vol(abs(log(F[i] / K[i])), time_value / bound, (bound - time_value) / bound)
            status[i] = OK if s == s else ABOVE_BOUND
            vol[i] = s / math.sqrt(tau[i])


def implied_vol(
    price: np.ndarray, forward: np.ndarray, strike: np.ndarray, tau: np.ndarray, right: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Give the vol at which Black-76 returns each price, and a status that says why where there is none.

    price:   (N,), quote currency, undiscounted (divide by the discount factor yourself).
    forward: (N,), quote currency; strike: (N,), quote currency; tau: (N,), years; right: (N,), +1 call, -1 put.
    Returns  (vol (N,), 1/√year; status (N,) int8, see `ImpliedStatus`). Vol is NaN exactly where status is not OK.

    Solves V(σ) = price, see the head of this file. `black76.value` at the result differs from the price by less than
    1e-15 of max(F, K) (measured on 350,000 prices with total vol 1e-4 to 16). The vol itself is as good as the price
    allows: an error of that size divided by vega.

    >>> import numpy as np
    >>> one = np.ones(3)
    >>> vol, status = implied_vol(np.array([9.947645, 0.0, 100.0]), 100 * one, 100 * one, 0.25 * one, one)
    >>> vol.round(6), [ImpliedStatus(code).name for code in status]
    (array([0.5, nan, nan]), ['OK', 'NO_TIME_VALUE', 'ABOVE_BOUND'])
    """
    row = np.shape(price)
    vol, status = np.empty(row), np.empty(row, dtype=np.int8)
    inputs = (price, forward, strike, tau, right)
    p, F, K, years, w = (plain(x, row) for x in inputs)
    _invert(p, F, K, years, w, vol, status)
    return vol, status
