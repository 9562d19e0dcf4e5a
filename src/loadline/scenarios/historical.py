"""Scenarios from history: returns over a horizon as they came, and filtered to the volatility of today.

All factors of a scenario come from the same dates, so what moved together stays together.
"""

from __future__ import annotations

import numpy as np

from loadline.forecast.volatility import returns_of
from loadline.foundation.errors import InputError
from loadline.foundation.table import Floats


def overlapping(prices: Floats, horizon: int) -> Floats:
    """Return log returns over ``horizon`` steps from every date that has an end, (T - horizon, N).

    ``prices``: (T, N) positive, evenly spaced, rows are the same dates for all. Raises ``InputError`` for prices that
    are missing or not positive, or a history no longer than the horizon.

    >>> overlapping(np.array([[1.0], [2.0], [4.0]]), 2).round(6).tolist()
    [[1.386294]]
    """
    p = returns_of(prices, "price")
    if (p <= 0).any():
        raise InputError(
            "a price is not positive", remedy="leave out the dates of a delisting; a relisted symbol is new"
        )
    if not 1 <= horizon < len(p):
        raise InputError(f"{len(p)} dates and a horizon of {horizon}", remedy="give a longer history")
    return np.asarray(np.log(p[horizon:] / p[:-horizon]))


def filtered(returns: Floats, sigma: Floats, now: Floats | float, *, damping: float = 0.5, cap: float = 3.0) -> Floats:
    """Return past returns rescaled to the volatility of today.

    ``returns``: (S, N) or (S,); ``sigma``: the same shape, volatility as it was forecast before each; ``now``: (N,) or
    a number, today's, same unit; ``damping``: share of each return that stays as it came, 0.5 is the middle;
    ``cap``: the largest ``now / sigma``. Raises ``InputError`` for volatilities that are not positive.

    ``r* = (1 - damping) r min(now / sigma, cap) + damping r``.
    Source: Barone-Adesi, Giannopoulos and Vosper (1999); Hull and White (1998); the middle as clearing houses damp it.

    >>> filtered(np.array([0.02]), np.array([0.01]), 0.02).tolist()
    [0.03]
    """
    r, s, today = returns_of(returns), np.asarray(sigma, np.float64), np.asarray(now, np.float64)
    if s.shape != r.shape:
        raise InputError(f"returns of shape {r.shape}, volatility of {s.shape}", remedy="give one for each return")
    if any(not np.isfinite(x).all() or (x <= 0).any() for x in (s, today)):
        raise InputError("a volatility is missing or not positive", remedy="start the scenarios where forecasts begin")
    if not 0.0 <= damping <= 1.0 or not cap >= 1.0:
        raise InputError(f"a damping of {damping} with a cap of {cap}", remedy="damping is a share, the cap 1 or more")
    return np.asarray((1.0 - damping) * r * np.minimum(today / s, cap) + damping * r)
