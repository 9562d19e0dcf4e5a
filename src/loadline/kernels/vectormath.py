"""Elementary functions without branches: one text for whole arrays, for eight numbers at a time, and for one.

Called from Python they work on arrays with numpy, which needs nothing loaded. Compiled loops contain the same text
(``vectorcode.py`` tells Numba what the handful of choices below are on one number and on eight). `math.exp`,
`math.log` and `math.erfc` would be calls inside such a loop and keep it scalar; the functions here are polynomials,
divisions and selections only. None of them uses fused multiply-add or any fast-math flag, and every operation is
rounded as IEEE 754 says: the same input gives the same bits on every machine, by either way of running it.
Polynomials are summed in pairs (Estrin) rather than term after term (Horner): a loop waits for chains of dependent
operations, not for the operations themselves.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from loadline.kernels.arrays import plain

__all__ = ["exp", "log", "mills", "norm_cdf", "norm_pdf"]

INV_SQRT_2PI = 0.3989422804014327
FAR = 38.0  # standard deviations beyond which a normal tail is below the smallest double

# 1.5 * 2**52: adding it leaves the nearest integer of a small number in the low bits of the sum.
ROUNDER = 6755399441055744.0
LOG2_E = 1.4426950408889634
LN_2 = 0.6931471805599453
LN_2_HIGH = 0.6931471803691238  # ln 2 in two parts, the first with trailing zeros so that n * LN_2_HIGH is exact
LN_2_LOW = 1.9082149292705877e-10

# The exponent field is moved with unsigned arithmetic only: signed shifts and integer-to-double conversion of eight
# bytes are vector instructions on 512-bit machines alone.
SHIFT = 52
ONE_BITS = 0x3FF0000000000000
ROOT_HALF_BITS = 0x3FE6A09E667F3BCD
UP_TO_ONE = ONE_BITS - ROOT_HALF_BITS
MANTISSA = 0x000FFFFFFFFFFFFF
TWO_52_BITS = 0x4330000000000000
TWO_52_AND_BIAS = 4503599627370496.0 + 1023.0


def lesser(x: Any, y: Any) -> Any:
    """Give y where it is below x, else x."""
    return np.where(y < x, y, x)


def greater(x: Any, y: Any) -> Any:
    """Give y where it is above x, else x."""
    return np.where(y > x, y, x)


def absolute(x: Any) -> Any:
    """Give x without its sign."""
    return np.abs(x)


def where_less(x: Any, y: Any, yes: Any, no: Any) -> Any:
    """Give one of two where x is below y, the other elsewhere (also where one of them is NaN)."""
    return np.where(x < y, yes, no)


def where_number(x: Any, yes: Any, no: Any) -> Any:
    """Give one of two where x is a number, the other where it is NaN."""
    return np.where(x == x, yes, no)


def two_to(t: Any) -> Any:
    """Give 2**n for t = ROUNDER + n: the low bits of t, moved into the exponent field."""
    return ((t.view(np.uint64) << np.uint64(SHIFT)) + np.uint64(ONE_BITS)).view(np.float64)


def exponent(x: Any) -> Any:
    """Give e of x = m 2**e with m in [√½, √2)."""
    shifted = x.view(np.uint64) + np.uint64(UP_TO_ONE)
    return ((shifted >> np.uint64(SHIFT)) | np.uint64(TWO_52_BITS)).view(np.float64) - TWO_52_AND_BIAS


def mantissa(x: Any) -> Any:
    """Give m of x = m 2**e with m in [√½, √2)."""
    shifted = x.view(np.uint64) + np.uint64(UP_TO_ONE)
    return ((shifted & np.uint64(MANTISSA)) + np.uint64(ROOT_HALF_BITS)).view(np.float64)


def exp(x: Any) -> Any:
    """Give e**x for x <= 709; below -708 the answer is 0.

    x = n ln 2 + r with |r| <= ln(2) / 2, then the Taylor series of e**r to r**12 (relative remainder 2e-16) scaled by
    2**n, which is an addition to the exponent field. Relative error below 3e-16 on [-708, 709].
    """
    t = x * LOG2_E + ROUNDER
    n = t - ROUNDER
    r = (x - n * LN_2_HIGH) - n * LN_2_LOW
    r2 = r * r
    r4 = r2 * r2
    low = (0.5 + 0.16666666666666666 * r) + (4.1666666666666664e-02 + 8.333333333333333e-03 * r) * r2
    high = (1.388888888888889e-03 + 1.984126984126984e-04 * r) + (2.48015873015873e-05 + 2.755731922398589e-06 * r) * r2
    top = (2.755731922398589e-07 + 2.505210838544172e-08 * r) + 2.08767569878681e-09 * r2
    p = 1.0 + (r + r2 * (low + (high + top * r4) * r4))
    return where_less(x, -708.0, 0.0, p * two_to(t))


def log(x: Any) -> Any:
    """Give the natural logarithm of a positive normal double; 0, infinity and NaN give finite nonsense.

    x = m 2**e with m in [√½, √2), f = (m - 1) / (m + 1), ln m = 2 artanh f as its odd series to f**19 (relative
    remainder 2e-17, since |f| <= 0.172). Callers deal with the ends of the range by selection.
    """
    e = exponent(x)
    m = mantissa(x)
    f = (m - 1.0) / (m + 1.0)
    z = f * f
    z2 = z * z
    z4 = z2 * z2
    low = (1.0 / 3.0 + 1.0 / 5.0 * z) + (1.0 / 7.0 + 1.0 / 9.0 * z) * z2
    high = (1.0 / 11.0 + 1.0 / 13.0 * z) + (1.0 / 15.0 + 1.0 / 17.0 * z) * z2
    p = z * (low + (high + 1.0 / 19.0 * z4) * z4)
    return (2.0 * f + 2.0 * f * p) + e * LN_2


def mills(a: Any) -> Any:
    """Give the Mills ratio N(-a) / n(a) of the standard normal for 0 <= a <= 39.

    One rational function serves the whole range, so nothing is computed twice and selected. It is the best relative
    approximation of degree 9 over 10, found here by a Remez exchange in 60-digit arithmetic (largest error 5.2e-17);
    every coefficient is positive, so evaluation cancels nothing. The tail N(-a) = mills(a) n(a) therefore keeps its
    *relative* accuracy, which an approximation of N itself would lose.
    """
    a2 = a * a
    a4 = a2 * a2
    a8 = a4 * a4
    p0 = (360782.56024005528565 + 559127.75030564843807 * a) + (428651.65019467415998 + 208778.63277164189028 * a) * a2
    p4 = (70499.342683440507137 + 17046.026789285479223 * a) + (2950.9039682945433679 + 353.89744466940390977 * a) * a2
    p8 = 26.884045346417736207 + 0.99999999999703340274 * a
    q0 = (287862.83462246983936 + 675800.71085953076722 * a) + (737294.06971628008366 + 493516.88440596941998 * a) * a2
    q4 = (225126.93491671935508 + 73396.475189028924309 * a) + (17397.924356387238892 + 2977.7880104215460203 * a) * a2
    q8 = (354.89744472674925809 + 26.88404534580345882 * a) + a2
    return ((p0 + p4 * a4) + p8 * a8) / ((q0 + q4 * a4) + q8 * a8)


def density(d: Any) -> Any:
    """Give the standard normal density."""
    return INV_SQRT_2PI * exp(-0.5 * d * d)


def norm_cdf(x: np.ndarray) -> np.ndarray:
    """Give the standard normal distribution function of every element.

    x: any shape, 1 (standard deviations). Returns the same shape, 1 (probability); NaN stays NaN.

    N(x) = ∫ n(t) dt from -∞ to x, computed as n(|x|) mills(|x|) for x <= 0 and one minus that for x > 0. Relative
    error of the lower tail below 1e-15 for |x| < 1, growing as x² eps with the rounding of x².

    >>> import numpy as np
    >>> norm_cdf(np.array([-1.96, 0.0, 1.96])).round(6)
    array([0.024998, 0.5     , 0.975002])
    """
    x = plain(x)
    with np.errstate(all="ignore"):
        a = lesser(FAR, absolute(x))  # NaN becomes FAR here
        tail = mills(a) * density(a)
        return where_number(x, where_less(0.0, x, 1.0 - tail, tail), x)


def norm_pdf(x: np.ndarray) -> np.ndarray:
    """Give the standard normal density of every element.

    x: any shape, 1 (standard deviations). Returns the same shape, 1; NaN stays NaN.

    n(x) = exp(-x² / 2) / √(2π).

    >>> import numpy as np
    >>> norm_pdf(np.array([0.0, 1.0])).round(6)
    array([0.398942, 0.241971])
    """
    x = plain(x)
    with np.errstate(all="ignore"):
        return where_number(x, density(x), x)
