"""One layout for everything that enters a compiled loop."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

__all__ = ["plain"]


def plain(x: ArrayLike, shape: tuple[int, ...] | None = None, dtype: DTypeLike = np.float64) -> np.ndarray:
    """Give x as a read-only C-ordered array of this type and shape, without copying if it is one already.

    x: any shape that broadcasts to `shape` (None: its own), any unit. Returns `shape`, `dtype`, the unit of x.

    Numba compiles once per combination of types, and a read-only array is another type than a writable one: were
    tables (read-only) and results (writable) passed as they come, five arguments would mean up to 32 compilations.
    A shape that does not fit fails here, because compiled loops check no index.

    >>> plain([1, 2], (2, 2)).flags.writeable
    False
    """
    out = np.asarray(x)
    out = np.ascontiguousarray(out if shape is None else np.broadcast_to(out, shape), dtype=dtype)
    if out.flags.writeable:
        out = out.view()
        out.flags.writeable = False
    return out
