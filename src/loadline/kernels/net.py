"""Sums within groups of rows that lie next to each other, added one row at a time in their order.

`np.add.reduceat` adds pairwise inside a group and differs from a running sum in the last bit for about half of all
groups. A rule that rounds, or that names the worst scenario, can turn that bit into another answer; so the order of
addition is part of the contract here, and every path (eager, planned, incremental) keeps it.
"""

from __future__ import annotations

import numpy as np

from loadline.kernels.arrays import plain
from loadline.kernels.compiled import Compiled

__all__ = ["group_starts", "segment_sum"]


LOOPS = Compiled("loadline.kernels.net_loops", 100_000)


def _with_numpy(x: np.ndarray, starts: np.ndarray, out: np.ndarray) -> None:
    out[:] = 0.0
    places = starts.tolist()
    for total, g, end in zip(out, places[:-1], places[1:], strict=True):
        for row in x[g:end]:
            np.add(total, row, total)


def segment_sum(x: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """Give the sum of each segment of rows, adding one row after the other from 0.0.

    x:      (G, S) or (G,), any unit; rows sorted by segment.
    starts: (M + 1,), row numbers, ascending, first >= 0 and last <= G; segment m is rows starts[m] to starts[m + 1].
    Returns (M, S) or (M,), the unit of x; an empty segment gives 0.0.

    out[m, s] = ((0.0 + x[starts[m], s]) + x[starts[m] + 1, s]) + ..., in exactly this order: bit for bit the sum of
    the plain loop, however many segments or columns are summed together.

    >>> import numpy as np
    >>> segment_sum(np.array([[1.0, 10.0], [2.0, 20.0], [3.0, 30.0]]), np.array([0, 2, 2, 3]))
    array([[ 3., 30.],
           [ 0.,  0.],
           [ 3., 30.]])
    """
    x, starts = plain(x), plain(starts, dtype=np.int64)
    if starts.size == 0 or starts[0] < 0 or starts[-1] > x.shape[0]:  # compiled loops check no index
        raise ValueError(f"segments must lie within the {x.shape[0]} rows and have one start more than segments")
    out, loops = np.empty((starts.size - 1, *x.shape[1:])), LOOPS.asked(len(x))
    if loops is not None:
        (loops.sum_scalars if x.ndim == 1 else loops.sum_rows)(x, starts, out)
    elif x.ndim == 1:
        _with_numpy(x[:, None], starts, out[:, None])
    else:
        _with_numpy(x, starts, out)
    return out


def group_starts(codes: np.ndarray, groups: int | None = None) -> np.ndarray:
    """Give where each group of equal codes starts, with the number of rows as the last entry.

    codes:  (G,), integer codes in ascending order.
    groups: number of groups M if the codes are 0 to M - 1 and some may be absent (they become empty segments);
            without it every run of equal codes is a group.
    Returns (M + 1,) int64, row numbers, as `segment_sum` takes them.

    >>> import numpy as np
    >>> group_starts(np.array([0, 0, 2]))
    array([0, 2, 3])
    >>> group_starts(np.array([0, 0, 2]), groups=4)
    array([0, 2, 2, 3, 3])
    """
    codes = np.asarray(codes)
    if groups is not None:
        return np.searchsorted(codes, np.arange(groups + 1)).astype(np.int64)
    if codes.size == 0:
        return np.zeros(1, dtype=np.int64)
    inner = np.flatnonzero(codes[1:] != codes[:-1]) + 1
    return np.concatenate(([0], inner, [codes.size])).astype(np.int64)
