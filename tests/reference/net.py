"""Segment sums as the loops somebody would write first."""

import numpy as np


def segment_sum(x: np.ndarray, starts: np.ndarray) -> np.ndarray:
    out = np.zeros((len(starts) - 1, x.shape[1]))
    for m in range(len(starts) - 1):
        for s in range(x.shape[1]):
            total = 0.0
            for g in range(starts[m], starts[m + 1]):
                total = total + x[g, s]
            out[m, s] = total
    return out
