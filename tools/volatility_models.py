"""Variance forecasts of several models from one history, each made with what was known on its day."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np

from loadline.forecast.har import SPANS, har
from loadline.forecast.realised import Realised
from loadline.forecast.volatility import ewma, fitted
from loadline.foundation.errors import InputError

WINDOW, REFIT = 1500, 30
"""Returns that GARCH is fitted to, and days between fits."""
START = 60
"""Returns whose mean square starts an exponentially weighted variance."""


@dataclass(frozen=True, eq=False)
class History:
    """One asset: periods in a row (days, or hours), what was realised in each, and its return from close to close."""

    name: str
    realised: Realised
    returns: np.ndarray
    spans: tuple[int, ...] = SPANS
    refit: int = 7
    implied: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.returns)

    def after(self, horizon: int) -> np.ndarray:
        """(T,) mean variance realised over the periods after each; NaN where they have not all come."""
        v, n = self.realised.variance, len(self) - horizon
        out = np.full(len(self), np.nan)
        for t in range(n):
            out[t] = v[t + 1 : t + 1 + horizon].mean()
        return out


def weighted(series: np.ndarray, decay: float) -> np.ndarray:
    """(T,) exponentially weighted mean square after each return, NaN at first."""
    path = ewma(series[START:], decay, float(np.mean(series[:START] ** 2)))[1:]
    return np.concatenate([np.full(START, np.nan), path])


def garch(history: History, horizon: int, *, leverage: bool) -> np.ndarray:
    """(T,) mean variance ahead by GARCH fitted anew as time passes; where a fit fails, the one before it stays."""
    r, out, model, state = history.returns, np.full(len(history), np.nan), None, 0.0
    for t in range(WINDOW // 2, len(r)):
        if (t - WINDOW // 2) % REFIT == 0:
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


def regressed(history: History, horizon: int, kind: Any, **more: Any) -> np.ndarray:
    """(T,) forecasts of a HAR model, NaN before its first fit."""
    out = np.full(len(history), np.nan)
    given = {"refit": history.refit, "spans": history.spans, "quarticity": history.realised.quarticity} | more
    found = har(history.realised.variance, horizon, kind, **given)
    out[found.place] = found.variance
    return out


def models(history: History, horizon: int) -> Mapping[str, np.ndarray]:
    """Every model's forecasts, (T,) mean variance per period over the horizon."""
    r, rv = history.returns, history.realised.variance
    made: dict[str, Callable[[], np.ndarray]] = {
        "EWMA 0.94": lambda: weighted(r, 0.94),
        "EWMA 0.97": lambda: weighted(r, 0.97),
        "EWMA 0.94 of realised": lambda: weighted(np.sqrt(rv), 0.94),
        "GARCH-t": lambda: garch(history, horizon, leverage=False),
        "GJR-t": lambda: garch(history, horizon, leverage=True),
        "HAR": lambda: regressed(history, horizon, "har"),
        "HARQ": lambda: regressed(history, horizon, "harq"),
        "log-HAR": lambda: regressed(history, horizon, "log-har"),
    }
    found = {name: make() for name, make in made.items()}
    if history.implied is not None:
        known = np.flatnonzero(np.isfinite(history.implied))
        span = slice(int(known[0]), int(known[-1]) + 1)
        part = History(history.name, part_of(history.realised, span), r[span], history.spans, history.refit)
        out = np.full(len(r), np.nan)
        out[span] = regressed(part, horizon, "log-har", also=history.implied[span], least=180)
        found["log-HAR + implied"] = out
    found["mean of log-HAR and EWMA 0.97"] = 0.5 * (found["log-HAR"] + found["EWMA 0.97"])
    return found


def part_of(r: Realised, span: slice) -> Realised:
    """Some days of it."""
    return Realised(*(x[span] for x in (r.day, r.variance, r.bipower, r.quarticity, r.jump)), r.lacking)
