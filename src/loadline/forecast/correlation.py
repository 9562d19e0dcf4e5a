"""Correlation as it stood at a given time: exponentially weighted, shrunk towards one common value, with gaps allowed.

Correlations measured from few returns are too far apart. They are drawn together by as much as their own sampling error
says: the intensity is estimated, not chosen.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from loadline.foundation.errors import InputError
from loadline.foundation.table import Floats, Ints
from loadline.model.history import History

FEWEST = 20
"""Returns in common below which a pair has no correlation of its own."""


@dataclass(frozen=True, eq=False)
class Correlation:
    """Correlations of N assets.

    ``values``: (N, N), positive semidefinite, ones on the diagonal; ``names``: of the assets; ``common``: the value
    they were drawn towards; ``intensity``: by how much, 0 not at all, 1 wholly; ``effective``: (N, N) number of equally
    weighted returns with as much information; ``notes``: what was missing and what was done.
    """

    values: Floats
    names: tuple[str, ...]
    common: float
    intensity: float
    effective: Floats
    notes: tuple[str, ...] = ()


def correlation_of(
    history: History, *, as_of: int, steps: int = 1, decay: float = 0.97, names: Sequence[str] | None = None
) -> Correlation:
    """Return the correlation of returns over ``steps`` steps, from what was known at ``as_of`` (epoch ms)."""
    known = history.until(as_of) if names is None else history.until(as_of).select(names)
    return shrunk(known.returns(steps), decay=decay, names=known.names)


def shrunk(
    returns: Floats, *, decay: float = 0.97, names: Sequence[str] = (), intensity: float | None = None
) -> Correlation:
    """Return exponentially weighted correlation, shrunk towards the mean of all pairs.

    ``returns``: (T, N) in order of time, NaN where an asset has none; ``decay``: weight kept per row; ``intensity``:
    0 to 1, estimated where it is None. A pair with fewer than 20 returns in common takes the common value and is named.
    Raises ``InputError`` for an infinite return, an asset that never moved, or a decay not above 0 and at most 1.

    ``R = (1 - a) R_ewma + a ((1 - c) I + c 1 1')``, ``a = sum Var(r_ij) / sum (r_ij - c)^2`` over pairs, cut at 0
    and 1, where ``c`` is the mean correlation. Source: Ledoit and Wolf, *Honey, I shrunk the sample covariance matrix*
    (2004), for the target; Schäfer and Strimmer (2005) for the intensity on correlations. Ours are the weights in it
    and ``Var(r)`` by the delta method, since theirs leaves out that variances are estimated, too, which at
    correlations of 0.9 is fifty times too much. Rows are taken as independent: overlapping returns are not.

    >>> found = shrunk(np.array([[1.0, 1.0], [-1.0, -1.0], [1.0, 0.9]] * 20), decay=0.99, names=["BTC", "ETH"])
    >>> bool(found.values[0, 1] > 0.99)
    True
    """
    r = np.asarray(returns, np.float64)
    n = r.shape[1]
    labels = tuple(names) or tuple(str(i) for i in range(n))
    if not 0.0 < decay <= 1.0 or np.isinf(r).any():
        raise InputError(
            f"correlation of returns that are {'not ' if np.isinf(r).any() else ''}finite with a decay of {decay}",
            remedy="give the weight kept per row, 0.97, and finite returns, NaN where there is none",
        )
    weight = decay ** np.arange(len(r) - 1, -1, -1.0)
    z, still = standardised(r, weight)
    if still.any():
        named = ", ".join(np.array(labels)[still])
        raise InputError(f"no returns but 0 of {named}", remedy="leave out what does not move")
    has = np.isfinite(z)
    pairs, effective, raw, error = _pairs(np.nan_to_num(z), has.astype(np.float64), weight)
    off = ~np.eye(n, dtype=np.bool_)
    known = off & (pairs >= FEWEST)
    common = float(raw[known].mean()) if known.any() else 0.0
    spread = float(((raw - common)[known] ** 2).sum())
    share = intensity
    if share is None:
        share = 1.0 if spread == 0.0 else float(np.clip(error[known].sum() / spread, 0.0, 1.0))
    if not 0.0 <= share <= 1.0:
        raise InputError(f"an intensity of {share}", remedy="give a share between 0 and 1")
    values = np.where(known, (1.0 - share) * raw + share * common, common)
    np.fill_diagonal(values, 1.0)
    notes = [
        f"{labels[i]} and {labels[j]}: {int(pairs[i, j])} returns in common, correlation taken as {common:.3g}"
        for i, j in zip(*np.nonzero(np.triu(off & ~known)), strict=True)
    ]
    values = np.tril(values) + np.tril(values, -1).T  # sums in another order leave the last bit apart
    values, clipped = semidefinite(values)
    if clipped > 1e-9:
        notes.append(f"made positive semidefinite: correlations moved by up to {clipped:.2g}")
    return Correlation(values, labels, common, share, effective, tuple(notes))


def standardised(returns: Floats, weight: Floats) -> tuple[Floats, Ints]:
    """Return (T, N) returns over their weighted root mean square, and (N,) which assets never moved."""
    has = np.isfinite(returns)
    square = (weight[:, None] * np.where(has, returns, 0.0) ** 2).sum(0)
    total = (weight[:, None] * has).sum(0)
    still = ~(square > 0)
    return returns / np.sqrt(np.where(still, 1.0, square / np.maximum(total, 1e-300))), still


def _pairs(z: Floats, has: Floats, weight: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    """(N, N) rows in common, their effective number, weighted correlation, and its sampling variance."""
    w = weight[:, None]
    both = has.T @ (w * has)
    squares = has.T @ (w * w * has)
    safe = np.maximum(both, 1e-300)
    own = np.sqrt(np.maximum(((z * z).T @ (w * has)) / safe, 1e-300))  # root mean square of each over common rows
    scale = own * own.T
    raw = np.clip((z.T @ (w * z)) / safe / scale, -1.0, 1.0)
    # The influence of a row on r is x y - r (x^2 + y^2) / 2 with x, y of unit size; its square, as matrix products.
    ww, z2, z3 = w * w, z * z, z**3
    mixed = (z3.T @ (ww * z)) / (own**3 * own.T)
    fourth = ((z2 * z2).T @ (ww * has)) / own**4
    spread = (1.0 + 0.5 * raw**2) * (z2.T @ (ww * z2)) / scale**2 - raw * (mixed + mixed.T)
    spread += 0.25 * raw**2 * (fourth + fourth.T)
    return has.T @ has, both**2 / np.maximum(squares, 1e-300), raw, np.maximum(spread, 0.0) / safe**2


def semidefinite(values: Floats) -> tuple[Floats, float]:
    """Return the correlation matrix with negative eigenvalues cut off and its diagonal at one, and the largest change.

    Pairs measured on unlike rows may contradict each other. Source: the spectral method of Rebonato and Jäckel (1999).

    >>> semidefinite(np.array([[1.0, 0.9, -0.9], [0.9, 1.0, 0.9], [-0.9, 0.9, 1.0]]))[0].round(3).diagonal().tolist()
    [1.0, 1.0, 1.0]
    """
    lambdas, vectors = np.linalg.eigh(values)
    if lambdas.min() >= 0.0:
        return values, 0.0
    root = vectors * np.sqrt(np.maximum(lambdas, 0.0))
    root /= np.linalg.norm(root, axis=1, keepdims=True)
    found = root @ root.T
    found = 0.5 * (found + found.T)
    np.fill_diagonal(found, 1.0)
    return found, float(np.abs(found - values).max())
