"""Elementary functions without branches, so that LLVM turns a whole loop over them into vector instructions.

`math.exp`, `math.log` and `math.erfc` are calls inside a compiled loop and keep it scalar. The functions here are
polynomials, divisions and selections only. None of them uses fused multiply-add or any fast-math flag: the same
input gives the same bits on every machine, scalar or vector. Polynomials are summed in pairs (Estrin) rather than
term after term (Horner): the loop waits for chains of dependent operations, not for the operations themselves.

They are written for Numba's inliner (`inline="always"`): each caller contains them, and LLVM vectorises the caller.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic

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
SHIFT = np.uint64(52)
ONE_BITS = np.uint64(0x3FF0000000000000)
ROOT_HALF_BITS = np.uint64(0x3FE6A09E667F3BCD)
UP_TO_ONE = np.uint64(0x3FF0000000000000 - 0x3FE6A09E667F3BCD)
MANTISSA = np.uint64(0x000FFFFFFFFFFFFF)
TWO_52_BITS = np.uint64(0x4330000000000000)
TWO_52_AND_BIAS = 4503599627370496.0 + 1023.0


def _bits_of(_context: Any, _x: Any) -> Any:
    """Reinterpret a double as an unsigned integer of eight bytes."""

    def generate(_target: Any, builder: Any, _signature: Any, args: Any) -> Any:
        return builder.bitcast(args[0], ir.IntType(64))

    return types.uint64(types.float64), generate


def _from_bits(_context: Any, _x: Any) -> Any:
    """Reinterpret an unsigned integer of eight bytes as a double."""

    def generate(_target: Any, builder: Any, _signature: Any, args: Any) -> Any:
        return builder.bitcast(args[0], ir.DoubleType())

    return types.float64(types.uint64), generate


bits_of: Any = intrinsic(_bits_of)
from_bits: Any = intrinsic(_from_bits)


@njit(inline="always", error_model="numpy")
def exp(x: float) -> float:
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
    scaled = p * from_bits((bits_of(t) << SHIFT) + ONE_BITS)
    return 0.0 if x < -708.0 else scaled


@njit(inline="always", error_model="numpy")
def log(x: float) -> float:
    """Give the natural logarithm of a positive normal double; 0, infinity and NaN give finite nonsense.

    x = m 2**e with m in [√½, √2), f = (m - 1) / (m + 1), ln m = 2 artanh f as its odd series to f**19 (relative
    remainder 2e-17, since |f| <= 0.172). Callers deal with the ends of the range by selection.
    """
    shifted = bits_of(x) + UP_TO_ONE
    e = from_bits((shifted >> SHIFT) | TWO_52_BITS) - TWO_52_AND_BIAS
    m = from_bits((shifted & MANTISSA) + ROOT_HALF_BITS)
    f = (m - 1.0) / (m + 1.0)
    z = f * f
    z2 = z * z
    z4 = z2 * z2
    low = (1.0 / 3.0 + 1.0 / 5.0 * z) + (1.0 / 7.0 + 1.0 / 9.0 * z) * z2
    high = (1.0 / 11.0 + 1.0 / 13.0 * z) + (1.0 / 15.0 + 1.0 / 17.0 * z) * z2
    p = z * (low + (high + 1.0 / 19.0 * z4) * z4)
    return (2.0 * f + 2.0 * f * p) + e * LN_2


@njit(inline="always", error_model="numpy")
def mills(a: float) -> float:
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


@njit(cache=True, nogil=True, error_model="numpy")
def _fill_cdf(x: np.ndarray, out: np.ndarray) -> None:
    for i in range(x.size):
        d = x[i]
        a = abs(d)
        a = a if a < FAR else FAR
        tail = mills(a) * (INV_SQRT_2PI * exp(-0.5 * a * a))
        upper = 1.0 - tail if d > 0.0 else tail
        out[i] = upper if d == d else d


@njit(cache=True, nogil=True, error_model="numpy")
def _fill_pdf(x: np.ndarray, out: np.ndarray) -> None:
    for i in range(x.size):
        density = INV_SQRT_2PI * exp(-0.5 * x[i] * x[i])
        out[i] = density if x[i] == x[i] else x[i]


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
    out = np.empty(x.size)
    _fill_cdf(x.reshape(-1), out)
    return out.reshape(x.shape)


def norm_pdf(x: np.ndarray) -> np.ndarray:
    """Give the standard normal density of every element.

    x: any shape, 1 (standard deviations). Returns the same shape, 1; NaN stays NaN.

    n(x) = exp(-x² / 2) / √(2π).

    >>> import numpy as np
    >>> norm_pdf(np.array([0.0, 1.0])).round(6)
    array([0.398942, 0.241971])
    """
    x = plain(x)
    out = np.empty(x.size)
    _fill_pdf(x.reshape(-1), out)
    return out.reshape(x.shape)
