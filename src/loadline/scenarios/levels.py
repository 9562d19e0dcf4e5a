"""Moves of implied vol where none was recorded: what a price move of that size does to vol, plus a drawn remainder.

Vol indices begin in November 2022, the crashes that a margin model must know in March 2020. So a scenario from before
takes the mean move of vol given its price move, and one of the remainders that were seen since.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from loadline.foundation.errors import InputError
from loadline.foundation.table import Bools, Floats

FEWEST = 60
"""Moves of vol below which nothing is fitted."""


@dataclass(frozen=True, eq=False)
class LevelModel:
    """``level = c0 + c1 z + c2 |z| + c3 min(z, 0)^2 + remainder``, z the price move over its own volatility.

    ``coefficients``: (4,); ``remainder``: (R,) the ones that were seen; ``fit``: R2 of the regression; ``seen``: the
    smallest and largest ``z`` of its rows, beyond which the mean goes on as a straight line; ``source``: of what.
    """

    coefficients: Floats
    remainder: Floats
    fit: float
    seen: tuple[float, float]
    source: str

    def mean(self, z: Floats) -> Floats:
        """Return the mean log move of vol given price moves ``z`` in standard deviations; NaN where ``z`` is."""
        x = np.clip(z, *self.seen)
        # A square fitted on moves of six deviations would make a vol of twenty times of the sixteen of March 2020; the
        # straight line from there on makes it three to four times, which is near what options traded at.
        _, slope, size, square = self.coefficients
        steep = slope + size * np.sign(x) + 2.0 * square * np.minimum(x, 0.0)
        return np.asarray(features(x) @ self.coefficients + steep * (z - x))

    def scaled(self, factor: float) -> LevelModel:
        """Return the model of moves ``factor`` times as large."""
        return LevelModel(self.coefficients * factor, self.remainder * factor, self.fit, self.seen, self.source)


def features(z: Floats) -> Floats:
    """Return (..., 4) what the mean move is linear in, of price moves ``z`` (...,) in standard deviations.

    >>> features(np.array([-2.0])).tolist()
    [[1.0, -2.0, 2.0, 4.0]]
    """
    z = np.asarray(z, np.float64)
    return np.stack([np.ones(z.shape), z, np.abs(z), np.minimum(z, 0.0) ** 2], axis=-1)


def fit_levels(level: Floats, z: Floats, source: str = "") -> LevelModel:
    """Return the regression of vol moves on price moves, (T,) each, over the rows that have both.

    Raises ``InputError`` for fewer than 60 of them.
    """
    rows = np.isfinite(level) & np.isfinite(z)
    if rows.sum() < FEWEST:
        raise InputError(f"{int(rows.sum())} moves of implied vol, a fit needs {FEWEST}", remedy="give more of them")
    x, y = features(z[rows]), level[rows]
    found, *_ = np.linalg.lstsq(x, y, rcond=None)
    left = y - x @ found
    seen = float(z[rows].min()), float(z[rows].max())
    said = source or f"{int(rows.sum())} moves"
    return LevelModel(np.asarray(found, np.float64), left, float(1.0 - left.var() / y.var()), seen, said)


def fill_levels(
    level: Floats, z: Floats, scale: Floats, reference: int, model: LevelModel, seed: int
) -> tuple[Floats, Bools]:
    """Return (S, N) moves of vol with the missing ones filled, and which of them were.

    ``level``, ``z``: (S, N); ``scale``: (N,) how many times the reference's moves an asset's are. Where the reference
    has a move, an asset without one takes that, scaled. Where it has none, every asset takes its own mean move given
    its own price move, and one remainder is drawn for all of them, so that vols still move together.
    """
    out, missing = level.copy(), ~np.isfinite(level)
    draw = np.random.default_rng(seed).integers(len(model.remainder), size=len(level))
    common = np.where(missing[:, reference], model.remainder[draw], 0.0)
    for n in range(level.shape[1]):
        own = np.where(missing[:, reference], model.mean(z[:, n]) + common, level[:, reference])
        out[missing[:, n], n] = (scale[n] * own)[missing[:, n]]
    return out, missing
