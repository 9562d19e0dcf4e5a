"""Eight numbers at a time are what one at a time are, bit for bit."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numba import njit

from loadline.tape.lanes import (
    absolute8,
    below,
    by_sign8,
    every,
    greater8,
    least,
    lesser8,
    load,
    lowest_bit,
    part8,
    pick,
    rint8,
    store,
    where_less8,
)

NUMBERS = st.floats(-1e6, 1e6) | st.sampled_from([0.0, -0.0, 0.5, 1.5, -2.5, 1e300])


@njit
def several(out, R, A, q):  # type: ignore[no-untyped-def]
    x, y = load(R, 8), pick(A, 1, 2, 8)
    store(out, 0, x + q * y)
    store(out, 8, -(x - y) / (1.0 - absolute8(x)))
    store(out, 16, by_sign8(x, y, 2.0) - rint8(x))
    store(out, 24, lesser8(0.0, x) + greater8(x, y))
    store(out, 32, part8(x, y) * every(q))
    out[40] = least(x)
    store(out, 41, where_less8(x, q, y, 3.0))
    mask, at = below(R, 1, R[3]), 49
    while mask != np.uint64(0):
        out[at] = lowest_bit(mask)
        mask &= mask - np.uint64(1)
        at += 1


@given(st.lists(NUMBERS, min_size=114, max_size=114))
def test_lanes_are_numbers(given: list[float]) -> None:
    R, A, q = np.array(given[:65]), np.array(given[65:113]).reshape(1, 3, 16), given[113]
    A, out = np.concatenate([A * 0.0, A]), np.full(49 + 64, -1.0)
    several(out, R, A, q)
    x, y, row = R[8:16], A[1, 2, 8:], R[1:65]
    with np.errstate(all="ignore"):
        ratio = np.where(x > 0, x / y, 0.0)
        want = [
            x + q * y,
            -(x - y) / (1.0 - np.abs(x)),
            np.where(x >= 0, y, 2.0) - np.rint(x),
            np.where(x < 0, x, 0.0) + np.where(y > x, y, x),
            ratio * q,
            [x.min()],
            np.where(x < q, y, 3.0),
            np.flatnonzero(row < R[3]),
            np.full(64 - (row < R[3]).sum(), -1.0),
        ]
    assert np.array_equal(out, np.concatenate(want), equal_nan=True)
