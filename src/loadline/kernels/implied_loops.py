"""The compiled loops of ``implied``, whose head says what they solve and how."""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from loadline.kernels.implied import ImpliedStatus
from loadline.kernels.vectorcode import OPTIONS
from loadline.kernels.vectormath import INV_SQRT_2PI, exp, log, mills

TOTAL_VOL_CAP = 24.0  # `black76.value` is at its bound from here on
ROUNDING = 4.0 * 2.220446049250313e-16
SMALLEST = 1e-300  # time value as a share of min(F, K) below which doubles run out of digits

OK = int(ImpliedStatus.OK)
BELOW_INTRINSIC = int(ImpliedStatus.BELOW_INTRINSIC)
ABOVE_BOUND = int(ImpliedStatus.ABOVE_BOUND)
EXPIRED = int(ImpliedStatus.EXPIRED)
NOT_FINITE = int(ImpliedStatus.NOT_FINITE)
NO_TIME_VALUE = int(ImpliedStatus.NO_TIME_VALUE)


@njit(inline="always", **OPTIONS)
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


@njit(**OPTIONS)
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


@njit(cache=True, **OPTIONS)
def invert(
    price: np.ndarray,
    F: np.ndarray,
    K: np.ndarray,
    tau: np.ndarray,
    w: np.ndarray,
    vol: np.ndarray,
    status: np.ndarray,
) -> None:
    """Invert every price, or say why not: all columns (N,), units as in ``implied``; ``vol``, ``status`` are filled."""
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
