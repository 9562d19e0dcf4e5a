"""Today's volatility by other forecasts than the filter's own, so that the requirement moves before the price does.

What a forecast says is mixed with the others by variance, on the path of the filter's own: floor and speed limit then
act on the mixture. Where a forecast cannot be told, the others stand, and it is said.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from loadline.forecast.models import OF_RETURNS, PATHS, Periods, periods_of
from loadline.foundation.errors import InputError, LoadlineError
from loadline.foundation.table import Floats, Ints
from loadline.foundation.units import MS_PER_DAY
from loadline.model.history import History
from loadline.scenarios.today import predicted

OWN, IMPLIED = "own", "implied"
"""The filter's own exponential weights; and implied vol of 30 days as it stands."""
KNOWN = (OWN, IMPLIED, *PATHS)
"""What today's volatility may be a mixture of."""


def predicted_path(
    history: History,
    names: Sequence[str],
    days: Floats,
    path: Floats,
    time: Ints,
    forecasts: Sequence[str],
    *,
    lag_ms: int = MS_PER_DAY,
) -> tuple[Floats, tuple[str, ...]]:
    """Return (K, N) the volatility of a day that some forecasts give together, and notes of those that gave none.

    ``names``: of the assets, with liquidation periods ``days`` (N,) over which forecasts look ahead; ``path``: (K, N)
    the filter's own at ``time`` (K,), epoch ms, by which everything must have been known; ``forecasts``: which, from
    ``KNOWN``; ``lag_ms``: an implied vol counts as known only this long after its time. An asset that no forecast can
    be told of keeps the filter's own. Raises ``InputError`` naming forecasts that there are not.
    """
    strange = [f for f in forecasts if f not in KNOWN]
    if strange or not forecasts:
        raise InputError(f"no forecast {', '.join(strange) or 'is named'}", remedy=f"choose from {', '.join(KNOWN)}")
    parts, notes = [], []
    for forecast in forecasts:
        part = np.full(path.shape, np.nan)
        for n, name in enumerate(names):
            try:
                part[:, n] = _told(history, name, float(days[n]), path[:, n], time, forecast, lag_ms)
            except LoadlineError as error:
                notes.append(f"{name}: no forecast {forecast!r}: {error.what}")
                continue
            if not np.isfinite(part[-1, n]):
                notes.append(f"{name}: no forecast {forecast!r} now")
        parts.append(part)
    silent = ~np.isfinite(np.array(parts)).any(0)
    parts[0] = np.where(silent & np.isfinite(path), path, parts[0])
    known = np.isfinite(np.array(parts)).any(0)
    mixed = predicted([np.where(known, p, 1.0).ravel() for p in parts]).reshape(path.shape)
    return np.where(known, mixed, np.nan), tuple(notes)


def _told(history: History, name: str, days: float, path: Floats, time: Ints, forecast: str, lag_ms: int) -> Floats:
    """(K,) one forecast of one asset, volatility of a day, as it was known at each time."""
    if forecast == OWN:
        return path
    if forecast == IMPLIED:
        column = history.implied[:, history.names.index(name)]
        rows = np.flatnonzero(np.isfinite(column))
        return _known(history.time[rows] + lag_ms, column[rows] / np.sqrt(365.0), time, 3 * MS_PER_DAY)
    periods = periods_of(history, name, int(time[-1]))
    if not periods.fine and forecast not in OF_RETURNS:
        raise InputError("it stands on bars finer than a day", remedy="give hourly bars")
    variance = PATHS[forecast](periods, max(round(days), 1))
    return _known(_ends(periods), np.sqrt(variance), time, MS_PER_DAY)


def _ends(periods: Periods) -> Ints:
    """(T,) when each period was over, epoch ms."""
    return np.asarray(periods.realised.day + MS_PER_DAY, np.int64)


def _known(when: Ints, values: Floats, time: Ints, longest: int) -> Floats:
    """(K,) the last value at or before each time, NaN where it is older than ``longest`` ms."""
    if not len(when):
        return np.full(len(time), np.nan)
    at = np.searchsorted(when, time, "right") - 1
    age = time - when[np.maximum(at, 0)]
    return np.where((at >= 0) & (age <= longest), values[np.maximum(at, 0)], np.nan)
