"""The compiled loops of ``net``: one row after the other, from 0.0."""

from __future__ import annotations

import numpy as np
from numba import njit

from loadline.kernels.compiled import OPTIONS


@njit(cache=True, **OPTIONS)
def sum_rows(x: np.ndarray, starts: np.ndarray, out: np.ndarray) -> None:
    """Add rows of ``x`` (N, S) from ``starts`` (M + 1,) on into ``out`` (M, S)."""
    width = x.shape[1]
    for m in range(out.shape[0]):
        g, end = starts[m], starts[m + 1]
        for s in range(width):
            out[m, s] = 0.0
        # Four rows per trip over the accumulators, still added left to right: a quarter of the loads and stores.
        while g + 4 <= end:
            for s in range(width):
                out[m, s] = (((out[m, s] + x[g, s]) + x[g + 1, s]) + x[g + 2, s]) + x[g + 3, s]
            g += 4
        while g < end:
            for s in range(width):
                out[m, s] = out[m, s] + x[g, s]
            g += 1


@njit(cache=True, **OPTIONS)
def sum_scalars(x: np.ndarray, starts: np.ndarray, out: np.ndarray) -> None:
    """Add numbers of ``x`` (N,) from ``starts`` (M + 1,) on into ``out`` (M,)."""
    for m in range(out.size):
        total = 0.0
        for g in range(starts[m], starts[m + 1]):
            total += x[g]
        out[m] = total
