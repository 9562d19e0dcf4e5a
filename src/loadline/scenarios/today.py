"""The volatility that scenarios are rescaled to: never below its own past, never rising faster than margin may.

Both look at the whole path of forecasts up to today, from which they follow: nothing is carried over from yesterday's
run. A forecast other than the filter's own moves the requirement before prices do.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Sequence

import numpy as np

from loadline.foundation.errors import InputError
from loadline.foundation.table import Floats, Ints
from loadline.foundation.units import MS_PER_DAY
from loadline.scenarios.moves import Moves, stressed

RISE = 0.10
"""The largest rise of margin in a day by default, a fraction."""
LEAST = 250
"""Forecasts before a quantile of the past means anything."""


def above_past(sigma: Floats, quantile: float, *, least: int = LEAST) -> Floats:
    """Return a path of volatility, nowhere below a quantile of itself up to then.

    ``sigma``: (T,), NaN where there was none yet; ``quantile``: 0 to 1, the order statistic at or below it; ``least``:
    how many forecasts there must be before it holds. Raises ``InputError`` for another quantile.

    >>> above_past(np.array([0.04, 0.02, 0.03, 0.01]), 0.5, least=2).tolist()
    [0.04, 0.02, 0.03, 0.02]
    """
    if not 0.0 <= quantile <= 1.0:
        raise InputError(f"a quantile of {quantile}", remedy="give a share between 0 and 1")
    seen: list[float] = []
    out = np.array(sigma, np.float64)
    for t, x in enumerate(out.tolist()):
        if not np.isfinite(x):
            continue
        insort(seen, x)
        if len(seen) >= least:
            out[t] = max(x, seen[int(quantile * (len(seen) - 1))])
    return out


def slowed(sigma: Floats, still: float, *, rise: float = RISE, time: Ints | None = None) -> Floats:
    """Return a path of volatility that lets margin rise by no more than a fraction of itself in a day.

    ``sigma``: (T,), NaN where there was none yet; ``still``: the part of margin that does not move with it, as
    volatility (``still_parts``); ``rise``: 0.10 for 10 % of margin; ``time``: (T,) epoch ms, days apart if left out.

    Margin is proportional to ``sigma + still``, so ``s_t = min(sigma_t, s_(t-1) + ((1 + rise)^days - 1) (s_(t-1) +
    still))``: with a ``still`` as large as the volatility itself, volatility may rise by 20 % where margin may by 10 %.
    Raises ``InputError`` for a limit that is not positive.

    >>> slowed(np.array([0.02, 0.08, 0.01]), 0.02).round(6).tolist()
    [0.02, 0.024, 0.01]
    """
    if not (np.isfinite(rise) and rise > 0 and still >= 0):
        raise InputError(f"a speed limit of {rise} with a still part of {still}", remedy="give 0.10 for 10 % a day")
    days = np.ones(len(sigma)) if time is None else np.diff(time, prepend=time[:1]) / MS_PER_DAY
    grown = np.expm1(days * np.log1p(rise))
    out, before = np.array(sigma, np.float64), np.nan
    for t, x in enumerate(out.tolist()):
        if np.isfinite(before) and np.isfinite(x):
            out[t] = min(x, before + grown[t] * (before + still))
        before = out[t] if np.isfinite(x) else before
    return out


def still_parts(
    moves: Moves, *, damping: float = 0.5, level: float = 0.975, stress: int = 250, stress_weight: float = 0.25
) -> Floats:
    """Return (N,) the part of each asset's margin that does not move with today's volatility, in units of it.

    Of one coin, margin is ``(1 - w) ((1 - d) z sigma + d r) + w s``, with the expected shortfall ``z`` of standardised
    returns, ``r`` of returns and ``s`` of the stressed period, damping d and stress weight w. So it moves with
    ``sigma + still``, ``still = (d r + s w / (1 - w)) / ((1 - d) z)``: the lesser of long and short. The cap of the
    filter and a tail that changes its scenarios are left out. Infinite where nothing moves.
    """
    if damping >= 1.0 or stress_weight >= 1.0:
        return np.full(len(moves.names), np.inf)
    rows = stressed(moves, stress) if stress_weight > 0 else np.empty(0, np.int64)
    out = np.full(len(moves.names), np.inf)
    for side in (1.0, -1.0):
        for n in range(len(out)):
            r, z = side * moves.spot[:, n], side * moves.spot[:, n] / moves.sigma[:, n]
            then = _shortfall(r[rows], level) if len(rows) else 0.0
            still = damping * _shortfall(r, level) + stress_weight / (1.0 - stress_weight) * then
            unit = (1.0 - damping) * _shortfall(z, level)
            out[n] = min(out[n], still / unit if unit > 0 else np.inf)
    return out


def today(
    path: Floats,
    days: Floats,
    *,
    still: Floats | None = None,
    rise: float | None = RISE,
    quantile: float = 0.0,
    time: Ints | None = None,
) -> Floats:
    """Return (N,) the volatility of each asset over its own period from now on, with both tools applied.

    ``path``: (T, N) forecasts of volatility **per day** up to now (``history_moves.daily``), NaN where there was none;
    ``days``: (N,) liquidation periods; ``still``: (N,) as ``still_parts`` gives them, 0 if left out; ``rise``: of
    margin in a day, None for no limit; ``quantile``: of its own past, 0 for no floor; ``time``: (T,) epoch ms.
    Raises ``InputError`` naming what has no forecast now.
    """
    root = np.sqrt(np.asarray(days, np.float64))
    part = np.zeros(len(root)) if still is None else np.asarray(still, np.float64)
    out = np.empty(len(root))
    for n in range(len(root)):
        sigma = path[:, n] * root[n]
        if quantile > 0:
            sigma = above_past(sigma, quantile)
        if rise is not None and np.isfinite(part[n]):
            sigma = slowed(sigma, float(part[n]), rise=rise, time=time)
        out[n] = sigma[-1]
    if not np.isfinite(out).all():
        missing = np.flatnonzero(~np.isfinite(out)).tolist()
        raise InputError(f"no volatility now of assets {missing}", remedy="leave them out, or give later bars")
    return out


def predicted(forecasts: Sequence[Floats], weights: Sequence[float] | None = None) -> Floats:
    """Return (N,) one volatility from several forecasts of it: the root of the mean of their variances.

    ``forecasts``: (N,) each, over the same period (exponential weights, log-HAR, implied vol times the root of the
    period in years), NaN where one has none for an asset: it is then the mean of the others. ``weights``: one for each
    forecast, equal if left out. Raises ``InputError`` where an asset has none at all.

    >>> predicted([np.array([0.03, 0.02]), np.array([0.05, np.nan])]).round(6).tolist()
    [0.041231, 0.02]
    """
    each = np.array(forecasts, np.float64)
    share = np.ones(len(each)) if weights is None else np.asarray(weights, np.float64)
    known = np.isfinite(each) & (share > 0)[:, None]
    total = (known * share[:, None]).sum(0)
    if (total <= 0).any():
        raise InputError("an asset has no forecast at all", remedy="give exponential weights with a weight above 0")
    return np.asarray(np.sqrt((np.where(known, each, 0.0) ** 2 * share[:, None]).sum(0) / total))


def _shortfall(gains: Floats, level: float) -> float:
    """The mean loss beyond a level, positive, at least 0."""
    worst = np.sort(gains)
    size = len(worst) * (1.0 - level)
    share = np.clip(size - np.arange(len(worst)), 0.0, 1.0)
    return max(float(-(worst * share).sum() / size), 0.0)
