"""How sure a mean or a ratio is, when neighbouring dates say the same: whole weeks are drawn, not dates."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from loadline.foundation.errors import InputError
from loadline.foundation.table import Floats, Ints
from loadline.foundation.units import MS_PER_DAY

MONDAY = 4 * MS_PER_DAY
"""The first Monday of the epoch, 5 January 1970."""


def week_of(times: Sequence[int] | Ints) -> Ints:
    """Return (T,) the number of the ISO week (Monday to Sunday, UTC) that each instant lies in, 0 for the first.

    >>> week_of([0, MONDAY, MONDAY + 7 * MS_PER_DAY]).tolist()
    [-1, 0, 1]
    """
    return np.asarray((np.asarray(times, np.int64) - MONDAY) // (7 * MS_PER_DAY))


@dataclass(frozen=True)
class Interval:
    """A statistic and the ends between which it lies in 90 % of resamples."""

    value: float
    low: float
    high: float


def interval(
    times: Sequence[int] | Ints,
    statistic: Callable[[Ints], float],
    *,
    draws: int = 1000,
    seed: int = 0,
    level: float = 0.90,
) -> Interval:
    """Return a statistic of dates with its bootstrap interval: as many weeks are drawn, with return, as there are.

    ``times``: (T,) epoch ms; ``statistic``: of rows of them, NaN where it has no value. Raises ``InputError`` for fewer
    than two weeks or draws. Source: Künsch (1989), Annals of Statistics 17, block bootstrap; blocks are calendar weeks.

    >>> interval([0, MONDAY, MONDAY + 7 * MS_PER_DAY], lambda rows: float(len(rows)), draws=10).value
    3.0
    """
    week = week_of(times)
    names, place = np.unique(week, return_inverse=True)
    if len(names) < 2 or draws < 2:
        raise InputError(f"{len(names)} weeks, {draws} draws", remedy="give two weeks of dates or more, and draw often")
    blocks = [np.flatnonzero(place == k) for k in range(len(names))]
    rng = np.random.default_rng(seed)
    many = len(blocks)
    weeks = (rng.integers(0, many, many) for _ in range(draws))
    found = np.array([statistic(np.concatenate([blocks[k] for k in drawn])) for drawn in weeks])
    found = found[np.isfinite(found)]
    ends = np.quantile(found, [(1 - level) / 2, (1 + level) / 2]) if len(found) else (np.nan, np.nan)
    return Interval(statistic(np.arange(len(week))), float(ends[0]), float(ends[1]))


def equal_coverage(margin: Floats, loss: Floats, level: float = 0.975) -> float:
    """Return the mean margin scaled by its own quantile of loss over margin: what it costs to cover ``level``.

    ``margin``, ``loss``: (T,) USD; in sample, so it flatters every model alike.

    >>> equal_coverage(np.array([2.0, 2.0]), np.array([1.0, 1.0]))
    1.0
    """
    scale = float(np.quantile(loss / margin, level))
    return max(scale, 0.0) * float(margin.mean())
