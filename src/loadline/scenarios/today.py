"""The volatility that scenarios are rescaled to: never below its past, slow to rise, and with a buffer if asked for.

All look at the whole path of forecasts up to today, from which they follow: nothing is carried over from yesterday's
run. A forecast other than the filter's own moves the requirement before prices do.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from loadline.forecast.antiprocyclical import buffered, floored
from loadline.foundation.errors import InputError
from loadline.foundation.table import Floats, Ints
from loadline.foundation.units import MS_PER_DAY
from loadline.scenarios.moves import Moves, shortfall, stressed

RISE = 0.10
"""The largest rise of margin in a day by default, a fraction."""
BUFFER = 0.25
"""The share of margin that a buffer adds in calm times, where one is asked for."""
REFILL = 0.01
"""Share of margin by which a used buffer grows on a day without a rise: from empty to 25 % in 25 of them."""
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
    out = np.array(sigma, np.float64)
    rows = np.flatnonzero(np.isfinite(out))
    values = out[rows].tolist()
    path = values[:1]
    for x, g in zip(values[1:], grown[rows[1:]].tolist(), strict=True):  # plain numbers: a backtest does it often
        path.append(min(x, path[-1] + g * (path[-1] + still)))
    out[rows] = path
    return out


def above_long_run(sigma: Floats, days: float, *, time: Ints | None = None, least: int = LEAST) -> Floats:
    """Return a path of volatility, nowhere below that of a long period up to then: the root of its mean variance.

    ``sigma``: (T,), NaN where there was none yet; ``days``: of the period, shorter while the path is; ``time``: (T,)
    epoch ms, days apart if left out; ``least``: how many forecasts there must be before it holds.

    ``f_t = max(sigma_t, sqrt(mean sigma_u^2, t - days < u <= t))``. Raises ``InputError`` for a period that is not
    positive. Source: Commission Delegated Regulation (EU) 153/2013, article 28(1)(c), there ten years.

    >>> above_long_run(np.array([0.05, 0.01, 0.01]), 2.0, least=1).round(6).tolist()
    [0.05, 0.036056, 0.01]
    """
    if not (np.isfinite(days) and days > 0):
        raise InputError(f"a long run of {days} days", remedy="give ten years, 3650 days")
    out = np.array(sigma, np.float64)
    when = np.arange(len(out)) * MS_PER_DAY if time is None else np.asarray(time, np.int64)
    rows = np.flatnonzero(np.isfinite(out))
    squares = np.concatenate([[0.0], np.cumsum(out[rows] ** 2)])
    first = np.searchsorted(when[rows], when[rows] - days * MS_PER_DAY, "right")
    seen = np.arange(1, len(rows) + 1) - first
    long_run = np.sqrt((squares[1:] - squares[first]) / seen)
    out[rows] = floored(out[rows], np.where(seen >= least, long_run, 0.0))
    return out


def with_buffer(sigma: Floats, still: float, *, buffer: float = BUFFER, refill: float = REFILL) -> Floats:
    """Return a path of volatility under which margin is ``buffer`` larger in calm times, used up while it rises.

    ``sigma``: (T,), NaN where there was none yet; ``still``: the part of margin that does not move with it, as
    volatility (``still_parts``); ``buffer``: share of margin, 0.25 for 25 %; ``refill``: share of margin by which a
    used buffer grows on each date on which volatility does not rise.

    Margin is proportional to ``c_t = sigma_t + still``, so what ``forecast.antiprocyclical.buffered`` says of ``c``
    less ``still`` is the volatility: ``m_t = max(c_t, min((1 + buffer) c_t, m_(t-1) + refill c_t [c_t <= c_(t-1)]))``,
    ``s_t = m_t - still``. Never below ``sigma``; where margin does not move with volatility there is no buffer.
    Raises ``InputError`` for shares outside 0 to 1.

    >>> with_buffer(np.array([0.02, 0.025, 0.05, 0.02]), 0.02, refill=0.0).round(6).tolist()
    [0.03, 0.03, 0.05, 0.03]
    """
    out = np.array(sigma, np.float64)
    rows = np.flatnonzero(np.isfinite(out))
    if len(rows) and np.isfinite(still):
        out[rows] = np.maximum(buffered(out[rows] + still, buffer=buffer, refill=refill) - still, out[rows])
    return out


def still_parts(
    moves: Moves, *, damping: float = 0.5, level: float, stress: int = 250, stress_weight: float = 0.25
) -> Floats:
    """Return (N,) the part of each asset's margin that does not move with today's volatility, in units of it.

    ``level``: confidence of the expected shortfall that margin is; ``damping``, ``stress``, ``stress_weight``: as in
    ``scenarios.moves.filtered_scenarios`` and ``tail``.

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
            then = shortfall(r[rows], level) if len(rows) else 0.0
            still = damping * shortfall(r, level) + stress_weight / (1.0 - stress_weight) * then
            unit = (1.0 - damping) * shortfall(z, level)
            out[n] = min(out[n], still / unit if unit > 0 else np.inf)
    return out


@dataclass(frozen=True, eq=False)
class Steps:
    """(N,) volatility over each asset's own period from now on: as forecast, then after each tool, the last counts."""

    forecast: Floats
    above_past: Floats
    above_long_run: Floats
    slowed: Floats
    buffered: Floats


def steps(
    path: Floats,
    days: Floats,
    *,
    still: Floats | None = None,
    rise: float | None = RISE,
    quantile: float = 0.0,
    long_run: float = 0.0,
    buffer: float = 0.0,
    refill: float = REFILL,
    time: Ints | None = None,
) -> Steps:
    """Return the volatility of today step by step: floors first, then the speed limit, then the buffer.

    ``path``: (T, N) forecasts of volatility **per day** up to now (``history_moves.daily``), NaN where there was none;
    ``days``: (N,) liquidation periods; ``still``: (N,) as ``still_parts`` gives them, 0 if left out; ``rise``: of
    margin in a day, None for no limit; ``quantile``: of its own past, 0 for no floor; ``long_run``: days of the period
    whose volatility is a floor, 0 for none; ``buffer``, ``refill``: shares of margin, 0 for no buffer; ``time``: (T,)
    epoch ms. Raises ``InputError`` naming what has no forecast now.
    """
    root = np.sqrt(np.asarray(days, np.float64))
    part = np.zeros(len(root)) if still is None else np.asarray(still, np.float64)
    out = np.empty((5, len(root)))
    for n in range(len(root)):
        sigma = path[:, n] * root[n]
        told = [sigma[-1]]
        if quantile > 0:
            sigma = above_past(sigma, quantile)
        told.append(sigma[-1])
        if long_run > 0:
            sigma = above_long_run(sigma, long_run, time=time)
        told.append(sigma[-1])
        if rise is not None and np.isfinite(part[n]):
            sigma = slowed(sigma, float(part[n]), rise=rise, time=time)
        told.append(sigma[-1])
        if buffer > 0:
            sigma = with_buffer(sigma, float(part[n]), buffer=buffer, refill=refill)
        out[:, n] = (*told, sigma[-1])
    if not np.isfinite(out).all():
        missing = np.flatnonzero(~np.isfinite(out).all(0)).tolist()
        raise InputError(f"no volatility now of assets {missing}", remedy="leave them out, or give later bars")
    return Steps(*out)


def today(path: Floats, days: Floats, **tools: Any) -> Floats:
    """Return (N,) the volatility of each asset over its own period from now on, all tools applied: see ``steps``."""
    return steps(path, days, **tools).buffered


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
