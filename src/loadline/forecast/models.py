"""Every volatility model side by side on one history, each told with what was known on its day, or as of now.

Horizons are counted in periods: days, or hours where bars are finer. All forecasts are mean variances per period.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np

from loadline.forecast.har import SPANS, har
from loadline.forecast.realised import DAY, Realised, realised
from loadline.forecast.volatility import ewma, fitted
from loadline.foundation.errors import InputError, LoadlineError
from loadline.foundation.table import Floats, Ints
from loadline.model.history import History

WINDOW, REFIT = 1500, 30
"""Returns that GARCH is fitted to, and periods between fits."""
START = 60
"""Returns whose mean square starts an exponentially weighted variance."""
HOUR = 3_600_000
MEAN = "mean of log-HAR and EWMA 0.97"
IMPLIED = "log-HAR + implied"


@dataclass(frozen=True, eq=False)
class Periods:
    """One asset: periods in a row (days, or hours), what was realised in each, and its return from close to close.

    ``returns``: (T,); ``spans``: periods that HAR's predictors are means over; ``refit``: periods between its fits;
    ``implied``: (T,) variance per period told by options before the end of each, NaN where not known; ``fine``: whether
    bars are finer than periods; where they are not, what was realised is one squared return, too little for HAR.
    """

    name: str
    realised: Realised
    returns: Floats
    spans: tuple[int, ...] = SPANS
    refit: int = 7
    implied: Floats | None = None
    fine: bool = True

    def __len__(self) -> int:
        return len(self.returns)

    def after(self, horizon: int) -> Floats:
        """Return (T,) mean variance realised over the periods after each; NaN where they have not all come."""
        v, n = self.realised.variance, len(self) - horizon
        out = np.full(len(self), np.nan)
        for t in range(n):
            out[t] = v[t + 1 : t + 1 + horizon].mean()
        return out


def weighted(series: Floats, decay: float) -> Floats:
    """Return (T,) exponentially weighted mean square after each return, NaN at first."""
    if len(series) <= START:
        raise InputError(f"{len(series)} periods: {START + 1} are needed to start", remedy="give a longer history")
    path = ewma(series[START:], decay, float(np.mean(series[:START] ** 2)))[1:]
    return np.concatenate([np.full(START, np.nan), path])


def garch(periods: Periods, horizon: int, *, leverage: bool, every: int = REFIT) -> Floats:
    """Return (T,) mean variance ahead by GARCH fitted anew as time passes; where a fit fails, the one before stays."""
    r, out, model, state = periods.returns, np.full(len(periods), np.nan), None, 0.0
    for t in range(WINDOW // 2, len(r)):
        if (t - WINDOW // 2) % every == 0:
            past = r[max(t + 1 - WINDOW, 0) : t + 1]
            with suppress(InputError):
                model = fitted(past, leverage=leverage)
            if model is not None:
                state = float(model.path(past, float(past.var()))[-1])
        elif model is not None:
            state = float(model.path(r[t : t + 1], state)[-1])
        if model is not None:
            out[t] = model.ahead(state, horizon) / horizon
    return out


def garch_now(periods: Periods, horizon: int, *, leverage: bool) -> float:
    """Return mean variance ahead by GARCH fitted to the last returns; raises ``InputError`` where it cannot be."""
    past = periods.returns[-WINDOW:]
    model = fitted(past, leverage=leverage)
    return model.ahead(float(model.path(past, float(past.var()))[-1]), horizon) / horizon


def regressed(periods: Periods, horizon: int, kind: Any, **more: Any) -> Floats:
    """Return (T,) forecasts of a HAR model, NaN before its first fit."""
    out = np.full(len(periods), np.nan)
    given: dict[str, Any] = {
        "refit": periods.refit,
        "spans": periods.spans,
        "quarticity": periods.realised.quarticity,
    } | more
    found = har(periods.realised.variance, horizon, kind, **given)
    out[found.place] = found.variance
    return out


def with_implied(periods: Periods, horizon: int) -> Floats:
    """Return (T,) forecasts of log-HAR with the implied level as one more predictor, where that is known."""
    implied = periods.implied
    known = np.flatnonzero(np.isfinite(implied)) if implied is not None else np.empty(0, np.int64)
    if implied is None or not len(known) or not np.isfinite(implied[known[0] : known[-1] + 1]).all():
        raise InputError("implied vol is not in the history, or has gaps", remedy="add a column implied, one a bar")
    span = slice(int(known[0]), int(known[-1]) + 1)
    part = Periods(periods.name, part_of(periods.realised, span), periods.returns[span], periods.spans, periods.refit)
    out = np.full(len(periods), np.nan)
    out[span] = regressed(part, horizon, "log-har", also=implied[span], least=180)
    return out


def _mean(periods: Periods, horizon: int) -> Floats:
    return 0.5 * (regressed(periods, horizon, "log-har") + weighted(periods.returns, 0.97))


PATHS: Mapping[str, Callable[[Periods, int], Floats]] = {
    "EWMA 0.94": lambda p, h: weighted(p.returns, 0.94),
    "EWMA 0.97": lambda p, h: weighted(p.returns, 0.97),
    "EWMA 0.94 of realised": lambda p, h: weighted(np.sqrt(p.realised.variance), 0.94),
    "GARCH-t": lambda p, h: garch(p, h, leverage=False),
    "GJR-t": lambda p, h: garch(p, h, leverage=True),
    "HAR": lambda p, h: regressed(p, h, "har"),
    "HARQ": lambda p, h: regressed(p, h, "harq"),
    "log-HAR": lambda p, h: regressed(p, h, "log-har"),
    IMPLIED: with_implied,
    MEAN: _mean,
}
"""Every model by name: periods and horizon -> (T,) mean variance per period ahead, NaN where it has none."""


def models(periods: Periods, horizon: int, names: Iterable[str] | None = None) -> dict[str, Floats]:
    """Return every model's forecasts, (T,) mean variance per period over the horizon.

    ``names``: which models, all that the history has data for if left out.
    """
    chosen = list(PATHS) if names is None else list(names)
    if names is None and periods.implied is None:
        chosen.remove(IMPLIED)
    return {name: PATHS[name](periods, horizon) for name in chosen}


OF_RETURNS = ("EWMA 0.94", "EWMA 0.97", "GARCH-t", "GJR-t")
"""Models that need no bars finer than the period."""


@dataclass(frozen=True, slots=True)
class Forecast:
    """What one model says as of the end of the last period: ``variance`` per period, or ``None`` and ``why``."""

    model: str
    variance: float | None
    why: str = ""
    remedy: str = ""


def latest(periods: Periods, horizon: int, names: Iterable[str] | None = None) -> list[Forecast]:
    """Return every model's forecast as of the last period; one that cannot be told says why.

    ``horizon``: periods ahead; ``names``: which models, all if left out. GARCH is fitted to the newest returns.

    >>> r = np.random.default_rng(1).normal(0, 0.02, 500)
    >>> whole = Realised(DAY * np.arange(500), r**2, r**2, r**4, r > 9, np.empty(0, np.int64))
    >>> [f.model for f in latest(Periods("BTC", whole, r), 1, ["EWMA 0.97", "HARQ"]) if f.variance is not None]
    ['EWMA 0.97', 'HARQ']
    """
    return [_latest(periods, horizon, name) for name in (PATHS if names is None else names)]


def _latest(periods: Periods, horizon: int, name: str) -> Forecast:
    if not periods.fine and name not in OF_RETURNS:
        return Forecast(name, None, "stands on bars finer than the period", "give finer bars")
    try:
        if name in ("GARCH-t", "GJR-t"):
            value = garch_now(periods, horizon, leverage=name == "GJR-t")
        else:
            value = float(PATHS[name](periods, horizon)[-1])
    except LoadlineError as error:
        return Forecast(name, None, error.what, error.remedy)
    if not np.isfinite(value):
        return Forecast(name, None, "not known at this time", "give what it stands on up to this time")
    return Forecast(name, value)


def periods_of(history: History, name: str, as_of: int, *, length: int = DAY) -> Periods:
    """Return the periods of one factor that end at ``as_of`` and before it, from finer bars.

    ``as_of``: epoch ms, moved back to the last bar known by then; ``length``: of a period in ms, a day or an hour.
    Periods with fewer than nine in ten of their bars are left out. A factor whose source changed begins anew there.
    Implied variance is that known at the end of each period. Bars as long as a period are periods themselves. Raises
    ``InputError`` where bars do not make periods, or too few are left.
    """
    if history.step > length or length % history.step:
        raise InputError(
            f"bars of {history.step // 60_000} minutes do not make periods of {length // 60_000}",
            remedy="give finer bars, or ask for a longer horizon",
        )
    one = history.until(as_of).select([name])
    known = np.flatnonzero(np.isfinite(one.close[:, 0]))
    known = known[one.segment[known, 0] == one.segment[known[-1], 0]] if len(known) else known
    if len(known) < 2:
        raise InputError(f"no bars of {name} by then", remedy="ask for a later time")
    implied = one.implied[known, 0] ** 2 * length / (365.0 * DAY)
    if history.step == length:
        return _coarse(one, name, known, implied)
    end = int(one.time[known[-1]])
    scale = DAY // length
    opened = (one.time[known] - one.step - end) * scale  # periods of any length are handed over as days that end at 0
    shift = (-int(opened[0]) // DAY + 1) * DAY
    found = realised(opened + shift, one.close[known, 0], bar=one.step * scale)
    day = (opened + shift) // DAY
    last = np.flatnonzero(np.diff(day, append=day[-1] + 1))
    kept = np.isin(day[last] * DAY, found.day)
    close = one.close[known, 0][last][kept]
    implied = implied[last][kept]
    if (found.variance <= 0).any():
        raise InputError(f"{name} stood still over a whole period", remedy="leave out bars without trades")
    begins = (found.day - shift) // scale + end
    day_of = Realised(begins, found.variance, found.bipower, found.quarticity, found.jump, found.lacking)
    spans, refit = (SPANS, 7) if length == DAY else ((1, 24, 168), 168)
    returns = np.diff(np.log(close), prepend=np.log(close[0]))
    return Periods(name, day_of, returns, spans, refit, implied if np.isfinite(implied).any() else None)


def forecasts(
    history: History,
    name: str,
    as_of: int,
    *,
    length: int = DAY,
    horizon: int = 1,
    names: Iterable[str] | None = None,
) -> list[Forecast]:
    """Return what every volatility model says of one factor as of a time, from what was known by then.

    ``as_of``: epoch ms; ``length``: of a period in ms, a day or an hour; ``horizon``: periods ahead; ``names``: which
    models, all if left out. Variances are means per period; one that cannot be told says why. Raises ``InputError``
    where bars do not make periods, or too few are left.

    >>> from loadline.io.history import read_history, sample_history
    >>> bars = read_history([sample_history()])
    >>> (found,) = forecasts(bars, "BTC", int(bars.time[-1]), names=["EWMA 0.97"])
    >>> f"{(365 * found.variance) ** 0.5:.1%}"
    '25.5%'
    """
    return latest(periods_of(history, name, as_of, length=length), horizon, names)


def _coarse(one: History, name: str, known: Ints, implied: Floats) -> Periods:
    """Bars as periods: a return over missing bars counts in the one in which it ends."""
    r = np.diff(np.log(one.close[known, 0]), prepend=np.log(one.close[known[0], 0]))
    square, none = r * r, np.zeros(len(r), np.bool_)
    told = Realised(one.time[known] - one.step, square, square, square * square, none, np.empty(0, np.int64))
    return Periods(name, told, r, implied=implied if np.isfinite(implied).any() else None, fine=False)


def part_of(r: Realised, span: slice) -> Realised:
    """Return some periods of it."""
    return Realised(r.day[span], r.variance[span], r.bipower[span], r.quarticity[span], r.jump[span], r.lacking)
