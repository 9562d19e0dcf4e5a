"""Principal components of surface moves: how few numbers say most of what surfaces do, and what each of them means."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from loadline.foundation.errors import InputError
from loadline.foundation.table import Floats


@dataclass(frozen=True, eq=False)
class Components:
    """K components of moves on a grid of tenors and moneyness.

    ``share``: (K,) of variance explained, falling; ``loading``: (K, A, B), each of unit length; ``word``: (K,) what it
    mostly is; ``parts``: (K,) by word, the share of its square.
    """

    share: Floats
    loading: Floats
    word: tuple[str, ...]
    parts: tuple[dict[str, float], ...]


def components(moves: Floats, count: int = 3) -> Components:
    """Return the leading principal components of moves, (R, A, B), about their mean.

    ``B`` runs over moneyness from the put wing to the call wing, with nodes that are symmetric about zero. The square
    of each component is split: what is odd in moneyness is *skew*; the mean over moneyness is *level*, or *term* where
    it changes its sign over tenors; the rest is *wings*. It is called by its largest part, and signed so that the mean
    (level), the rise in moneyness (skew), in tenor (term) or away from the money (wings) is positive. Raises
    ``InputError`` for too few moves, or moves with gaps.

    >>> up = np.ones((1, 2, 3)) * np.array([-0.1, 0.1, 0.2])[:, None, None]
    >>> found = components(up, 1)
    >>> found.share.round(3).tolist(), found.word
    ([1.0], ('level',))
    """
    x = np.asarray(moves, np.float64)
    if len(x) <= count or not np.isfinite(x).all():
        raise InputError(f"{len(x)} moves for {count} components", remedy="give more snapshots, without gaps")
    flat = x.reshape(len(x), -1)
    _, size, vectors = np.linalg.svd(flat - flat.mean(0), full_matrices=False)
    total = float((size**2).sum())
    share = size[:count] ** 2 / total if total > 0 else np.zeros(min(count, len(size)))
    split = [_split(v) for v in vectors[:count].reshape(-1, *x.shape[1:])]
    loading = np.array([v for v, _ in split])
    parts = tuple(p for _, p in split)
    return Components(share, loading, tuple(max(p, key=lambda w: p[w]) for p in parts), parts)


def _split(v: Floats) -> tuple[Floats, dict[str, float]]:
    """One loading, (A, B), with its sign, and the share of its square by word."""
    odd = 0.5 * (v - v[:, ::-1])
    even = v - odd
    middle = np.repeat(even.mean(1, keepdims=True), v.shape[1], axis=1)
    along = middle[:, 0]
    same = float((np.where(along * along.sum() > 0, along, 0.0) ** 2).sum()) >= 0.9 * float((along**2).sum())
    parts = {"skew": odd, "level" if same else "term": middle, "wings": even - middle}
    square = {w: float((p**2).sum()) for w, p in parts.items()}
    word = max(square, key=lambda w: square[w])
    tilt = np.linspace(-1.0, 1.0, v.shape[0]) if v.shape[0] > 1 else np.ones(1)
    sides = np.linspace(-1.0, 1.0, v.shape[1]) if v.shape[1] > 1 else np.ones(1)
    by = {
        "skew": odd.sum(0) @ sides,
        "level": along.sum(),
        "term": along @ tilt,
        "wings": (even - middle).sum(0) @ (sides**2 - (sides**2).mean()),
    }
    return v * (-1.0 if by[word] < 0 else 1.0), square
