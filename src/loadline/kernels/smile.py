"""How far vols move when a smile keeps its moneyness while the price moves, and when its shape moves by itself."""

from __future__ import annotations

import numpy as np
from numba import njit

from loadline.kernels.arrays import plain

__all__ = ["shape_moves", "smile_factors"]


@njit(cache=True, nogil=True, error_model="numpy")
def _at(nodes: np.ndarray, values: np.ndarray, first: int, end: int, x: float) -> float:
    """The line through the nodes ``first`` to ``end``, flat beyond them."""
    if x <= nodes[first]:
        return values[first]
    if x >= nodes[end - 1]:
        return values[end - 1]
    low, high = first, end - 1
    while high - low > 1:
        middle = (low + high) // 2
        if nodes[middle] <= x:
            low = middle
        else:
            high = middle
    return values[low] + (values[high] - values[low]) * ((x - nodes[low]) / (nodes[high] - nodes[low]))


@njit(cache=True, nogil=True, error_model="numpy")
def _factors(
    x: np.ndarray, move: np.ndarray, start: np.ndarray, nodes: np.ndarray, values: np.ndarray, out: np.ndarray
) -> None:
    for n in range(out.shape[0]):
        first, end = start[n, 0], start[n, 1]
        if first == end:
            continue
        here = _at(nodes, values, first, end, x[n])
        for s in range(out.shape[1]):
            out[n, s] = _at(nodes, values, first, end, x[n] - move[n, s]) / here


def smile_factors(
    x: np.ndarray, move: np.ndarray, start: np.ndarray, nodes: np.ndarray, values: np.ndarray
) -> np.ndarray:
    """Give the factor on each vol when its smile moves along with the price.

    x: (N,), ln(strike / forward); move: (N, S), ln(forward after / before); start: (N, 2), where the nodes of each
    smile begin and end, the same number twice for none; nodes: (M,), ln(strike / forward), rising within a smile;
    values: (M,), vols, 1/sqrt(year), positive. Returns (N, S).

    factor = g(x - move) / g(x), g the line through the nodes, flat beyond the outermost; 1 without a smile.

    >>> import numpy as np
    >>> smile_factors(np.zeros(1), np.array([[0.0, -0.05, -9.0]]), np.array([[0, 2]]), np.array([0.0, 0.1]),
    ...               np.array([0.5, 0.6]))
    array([[1. , 1.1, 1.2]])
    """
    out = np.ones(move.shape)
    _factors(plain(x), plain(move), plain(start, dtype=np.int64), plain(nodes), plain(values), out)
    return out


@njit(cache=True, nogil=True, error_model="numpy")
def _shapes(
    x: np.ndarray,
    move: np.ndarray,
    deviation: np.ndarray,
    which: np.ndarray,
    nodes: np.ndarray,
    curves: np.ndarray,
    pick: np.ndarray,
    out: np.ndarray,
) -> None:
    for n in range(out.shape[0]):
        if which[n] < 0:
            continue
        for s in range(out.shape[1]):
            if pick[s] >= 0:
                curve = curves[which[n], pick[s]]
                out[n, s] = _at(nodes, curve, 0, nodes.size, (x[n] - move[n, s]) / deviation[n])


def shape_moves(
    x: np.ndarray,
    move: np.ndarray,
    deviation: np.ndarray,
    which: np.ndarray,
    nodes: np.ndarray,
    curves: np.ndarray,
    pick: np.ndarray,
) -> np.ndarray:
    """Give the log move of each vol that the shape of its surface makes.

    x, move: as in `smile_factors`; deviation: (N,), at-the-money vol sqrt(years), positive; which: (N,), the set of
    curves of each row, -1 for none; nodes: (B,), moneyness in deviations, rising; curves: (C, R, B), log moves at the
    nodes on R dates; pick: (S,), the date of each scenario, -1 for none. Returns (N, S).

    move = h((x - move) / deviation), h the line through the nodes of the picked date, flat beyond; 0 where none is.

    >>> import numpy as np
    >>> shape_moves(np.array([0.1]), np.zeros((1, 2)), np.array([0.2]), np.zeros(1, int), np.array([0.0, 1.0]),
    ...             np.array([[[0.0, 0.4]]]), np.array([0, -1]))
    array([[0.2, 0. ]])
    """
    out = np.zeros(move.shape)
    if len(curves):
        given = plain(which, dtype=np.int64), plain(nodes), plain(curves), plain(pick, dtype=np.int64)
        _shapes(plain(x), plain(move), plain(deviation), *given, out)
    return out
