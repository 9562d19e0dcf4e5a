"""Variance ahead from variance realised over a day, a week and a month: HAR, its logarithm, and HARQ.

Each model is fitted anew as time passes, to the days before; a forecast at day *t* has seen days up to *t* alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from loadline.foundation.errors import InputError
from loadline.foundation.table import Floats, Ints

Kind = Literal["har", "log-har", "harq"]
SPANS = (1, 7, 30)
"""A day, a week and a month; these markets do not close."""


@dataclass(frozen=True, eq=False)
class Ahead:
    """``variance``: (F,) forecast mean variance per day over the horizon, made at the end of day ``place`` (F,)."""

    place: Ints
    variance: Floats


def features(variance: Floats, spans: tuple[int, ...] = SPANS) -> Floats:
    """Return (T, spans) mean variance over the last days, week and month; NaN until the longest span is there.

    >>> features(np.arange(1.0, 32.0))[-1].tolist()
    [31.0, 28.0, 16.5]
    """
    total = np.concatenate([[0.0], np.cumsum(variance)])
    ends = np.arange(max(spans), len(variance) + 1)
    out = np.full((len(variance), len(spans)), np.nan)
    for n, days in enumerate(spans):
        out[max(spans) - 1 :, n] = (total[ends] - total[ends - days]) / days
    return out


def har(
    variance: Floats,
    horizon: int,
    kind: Kind = "log-har",
    *,
    window: int = 1000,
    least: int = 365,
    refit: int = 7,
    spans: tuple[int, ...] = SPANS,
    quarticity: Floats | None = None,
    also: Floats | None = None,
) -> Ahead:
    """Return forecasts from every day on which the model could be fitted.

    ``variance``: (T,) realised, per day, days in a row; ``horizon``: days ahead whose mean is forecast; ``window``,
    ``least``: most and fewest past days fitted to; ``refit``: days between fits; ``quarticity``: (T,) for ``harq``;
    ``spans``: days that predictors are means over, the first of them 1 (of hourly variance: 1, 24, 168 hours);
    ``also``: (T, K) further predictors known at the end of each day (variances, such as implied ones).

    ``har``: ``v = b0 + b1 day + b2 week + b3 month``; ``log-har``: that in logarithms, with half the variance of the
    residuals added before the exponential; ``harq``: ``b1 + b4 sqrt(quarticity)`` instead of ``b1``.
    A forecast beyond what the fit has seen is cut to its largest or least; a level below the least, which may even be
    negative, says that the regression is out of its range and becomes the mean.
    Raises ``InputError`` for variances not positive, or too few days.
    Source: F. Corsi (2009), Journal of Financial Econometrics 7; T. Bollerslev, A. Patton and R. Quaedvlieg (2016),
    Journal of Econometrics 192.

    >>> v = np.exp(np.sin(np.arange(500.0) / 9))
    >>> found = har(v, 1, least=100)
    >>> float(np.abs(np.log(found.variance[:-1] / v[found.place[:-1] + 1])).max()) < 0.1
    True
    """
    v = np.asarray(variance, np.float64)
    if kind == "harq" and quarticity is None:
        raise InputError("harq needs the quarticity of each day", remedy="take it from forecast.realised")
    if v.ndim != 1 or not np.isfinite(v).all() or (v <= 0).any():
        raise InputError("a realised variance is missing or not positive", remedy="leave out days without trades")
    if horizon < 1 or len(v) < max(spans) + least + horizon:
        raise InputError(f"{len(v)} days for a horizon of {horizon}",
                         remedy=f"give {max(spans) + least + max(horizon, 1)} days or more")  # fmt: skip
    x, y = _design(v, kind, spans, quarticity, also), _target(v, horizon)
    if kind == "log-har":
        x, y = np.log(x), np.log(y)
    x = np.hstack([np.ones((len(x), 1)), x])
    place = np.arange(max(spans) - 1 + least + horizon - 1, len(v))
    out = np.empty(len(place))
    for at in range(0, len(place), refit):
        days = place[at : at + refit]
        last = days[0] - horizon  # the newest day whose target has come true
        past = slice(max(last + 1 - window, max(spans) - 1), last + 1)
        seen = y[past]
        beta, *_ = np.linalg.lstsq(x[past], seen, rcond=None)
        found = np.minimum(x[days] @ beta, seen.max())
        found = np.where(found < seen.min(), seen.min() if kind == "log-har" else seen.mean(), found)
        if kind == "log-har":
            found = np.exp(found + 0.5 * float(np.var(seen - x[past] @ beta)))
        out[at : at + refit] = found
    return Ahead(place, out)


def _design(v: Floats, kind: Kind, spans: tuple[int, ...], quarticity: Floats | None, also: Floats | None) -> Floats:
    parts = [features(v, spans)]
    if kind == "harq" and quarticity is not None:
        parts.append((np.sqrt(quarticity) * v)[:, None])
    if also is not None:
        parts.append(np.asarray(also, np.float64).reshape(len(v), -1))
    return np.hstack(parts)


def _target(v: Floats, horizon: int) -> Floats:
    """(T,) mean variance over the days after each; NaN where they have not all come."""
    out = np.full(len(v), np.nan)
    total = np.concatenate([[0.0], np.cumsum(v)])
    n = len(v) - horizon
    out[:n] = (total[1 + horizon :] - total[1 : n + 1]) / horizon
    return out
