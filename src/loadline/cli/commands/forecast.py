"""``loadline forecast``: what every volatility model says as of a time, and how good each has been."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from loadline.cli.environment import Environment, ExitCode
from loadline.cli.faults import AtWord, CommandLineError, defect_as_json, unknown
from loadline.cli.parser import Request
from loadline.cli.progress import working
from loadline.cli.render import Cell, Column, Outcome, Screen
from loadline.foundation.errors import LoadlineError, MissingData
from loadline.foundation.units import format_time

if TYPE_CHECKING:
    from loadline.forecast.models import Forecast, Periods
    from loadline.forecast.spikes import Spike
    from loadline.model.history import History

HOUR, DAY = 3_600_000, 86_400_000
HORIZONS: Mapping[str, tuple[int, int]] = {"1h": (HOUR, 1), "1d": (DAY, 1), "2d": (DAY, 2)}
"""Word -> length of a period, and periods ahead."""
YEAR = 365 * DAY
WITHIN = 24
"""Hours in which a spike is looked for."""


@dataclass(frozen=True)
class Score:
    """How good a model has been: mean QLIKE and squared error of variance on the periods all models forecast."""

    qlike: float
    squared: float
    periods: int


@dataclass(frozen=True)
class View:
    """One coin over one horizon: every model's forecast, or why there is none, and scores where asked for."""

    coin: str
    horizon: str
    as_of: int
    periods: int
    found: tuple[Forecast, ...]
    scores: Mapping[str, Score]
    why: str = ""

    def vol(self, variance: float) -> float:
        """Return a variance per period as volatility per year."""
        return math.sqrt(variance * YEAR / HORIZONS[self.horizon][0])

    def over(self, variance: float) -> float:
        """Return a variance per period as volatility over the horizon."""
        return math.sqrt(variance * HORIZONS[self.horizon][1])

    def as_json(self) -> dict[str, Any]:
        """Return the view as plain data."""
        models = []
        for f in self.found:
            row: dict[str, Any] = {"model": f.model, "vol": None, "vol_over_horizon": None, "why": f.why or None}
            if f.variance is not None:
                row |= {"vol": self.vol(f.variance), "vol_over_horizon": self.over(f.variance)}
            score = self.scores.get(f.model)
            if score is not None:
                row |= {"qlike": score.qlike, "mse": score.squared, "scored": score.periods}
            models.append(row)
        when = {"coin": self.coin, "horizon": self.horizon, "as_of": format_time(self.as_of), "periods": self.periods}
        return when | {"models": models, "why": self.why or None}


def forecast(request: Request, env: Environment) -> Outcome:
    """Answer ``loadline forecast``."""
    with working(env, "reading bars"):
        from loadline.io.history import read_history

        history = read_history([request["history"]])
    as_of = int(request.get("at") or history.time[-1])
    coins = asked_coins(request, history)
    names = asked_models(request)
    horizons = [request["horizon"]] if request.get("horizon") else list(HORIZONS)
    views: list[View] = []
    for coin in coins:
        for horizon in horizons:
            with working(env, f"forecasting {coin}, {horizon}"):
                views.append(viewed(history, coin, horizon, as_of, names, scored=bool(request.get("scores"))))
    told = [v for v in views if v.found]
    if not told:
        raise MissingData("no forecast can be made", missing=[f"{v.coin}, {v.horizon}: {v.why}" for v in views],
                          remedy="give finer bars, or a longer history")  # fmt: skip
    spikes: dict[str, tuple[Spike | None, str]] = {}
    for coin in coins:
        with working(env, f"how likely is a spike of {coin}"):
            spikes[coin] = spike(history, coin, as_of)
    written = []
    if request.get("plot"):
        from loadline.cli.forecast_plot import write_forecasts

        written.append(write_forecasts(request["plot"], told))

    def document() -> Mapping[str, Any]:
        asked = horizons if request.get("horizon") else None
        shown = [v for v in views if v.found or asked]
        out: dict[str, Any] = {
            "ok": True,
            "as_of": format_time(as_of),
            "source": list(history.source),
            **({"written": written} if written else {}),
            "results": [v.as_json() for v in shown],
            "spikes": [spike_as_json(coin, *found) for coin, found in spikes.items()],
            "warnings": [defect_as_json(d) for d in history.defects[:100]],
            "warnings_total": len(history.defects),
        }
        return out

    def draw(screen: Screen) -> None:
        for coin in coins:
            draw_coin(screen, [v for v in views if v.coin == coin], spikes[coin])
        if history.defects:
            screen.paragraph(f"{len(history.defects)} oddities in the bars; --json lists them", "dim")
        for text in written:
            screen.paragraph(text, "dim")

    return Outcome(ExitCode.OK, document, draw)


def asked_coins(request: Request, history: History) -> list[str]:
    """Return the coins of a request; raises ``AtWord`` for one that the history lacks."""
    asked = list(request.get("coin", ()))
    for coin in asked:
        if coin not in history.names:
            raise unknown("coin", coin, list(history.names), flag="--coin")
    return asked or list(history.names)


def asked_models(request: Request) -> list[str]:
    """Return the models of a request, all where none is named; raises ``AtWord`` for a name that is in none."""
    from loadline.forecast.models import PATHS

    found: list[str] = []
    for word in request.get("model", ()):
        same = [n for n in PATHS if n.lower() == word.lower()] or [n for n in PATHS if word.lower() in n.lower()]
        if not same:
            remedy = f"one of {', '.join(PATHS)}"
            raise AtWord(CommandLineError(f"no model {word!r}", remedy=remedy), word, "--model")
        found += same
    return list(dict.fromkeys(found)) or list(PATHS)


def viewed(history: History, coin: str, horizon: str, as_of: int, names: Sequence[str], *, scored: bool) -> View:
    """Return what the models say of one coin over one horizon."""
    from loadline.forecast.models import latest, periods_of

    length, ahead = HORIZONS[horizon]
    try:
        periods = periods_of(history, coin, as_of, length=length)
    except LoadlineError as error:
        return View(coin, horizon, as_of, 0, (), {}, error.what)
    end = int(periods.realised.day[-1]) + length
    found = tuple(latest(periods, ahead, names))
    told = [f.model for f in found if f.variance is not None]
    return View(coin, horizon, end, len(periods), found, scores(periods, ahead, told) if scored else {})


def scores(periods: Periods, ahead: int, names: Sequence[str]) -> dict[str, Score]:
    """Return how good the models have been, on the periods that all of them forecast and whose variance has come."""
    from loadline.forecast.models import models
    from loadline.forecast.scores import qlike, squared_error

    made = models(periods, ahead, names)
    target = periods.after(ahead)
    common = np.isfinite(target) & np.all([np.isfinite(f) for f in made.values()], axis=0)
    if not common.any():
        return {}
    y = target[common]
    return {
        name: Score(float(qlike(y, f[common]).mean()), float(squared_error(y, f[common]).mean()), int(common.sum()))
        for name, f in made.items()
    }


def spike(history: History, coin: str, as_of: int) -> tuple[Spike | None, str]:
    """Return the probability of a spike within a day, or why there is none."""
    from loadline.forecast.spikes import spike_at

    hourly = history
    if history.step < HOUR and HOUR % history.step == 0:
        hourly = history.every(HOUR, ending=int(history.until(as_of).time[-1]))
    if hourly.step != HOUR:
        return None, "needs hourly bars, or finer ones"
    try:
        return spike_at(hourly, coin, as_of, WITHIN), ""
    except LoadlineError as error:
        return None, f"{error.what}; {error.remedy}"


def spike_as_json(coin: str, found: Spike | None, why: str) -> dict[str, Any]:
    """Return the probability of a spike as plain data."""
    out: dict[str, Any] = {
        "coin": coin,
        "within_hours": WITHIN,
        "probability": None,
        "base_rate": None,
        "why": why or None,
    }
    if found is not None:
        out |= {"probability": found.probability, "base_rate": found.base}
    return out


def draw_coin(screen: Screen, views: Sequence[View], spiked: tuple[Spike | None, str]) -> None:
    """Draw one table: models down, horizons across; below it why something is absent, and the spike."""
    told = [v for v in views if v.found]
    coin = views[0].coin
    if not told:
        screen.paragraph(f"{coin}: {'; '.join(dict.fromkeys(v.why for v in views))}", "yellow")
        return
    ends = ", ".join(dict.fromkeys(format_time(v.as_of) for v in told))
    screen.heading(f"{coin}: volatility ahead, per year", f"as of {ends}")
    graded = [v for v in told if v.scores]
    heads = [Column("model"), *(Column(v.horizon, right=True) for v in told)]
    heads += [Column(f"QLIKE {v.horizon}", right=True) for v in graded]
    rows: list[Sequence[Cell]] = []
    for n, f in enumerate(told[0].found):
        cells = [vol_text(v, v.found[n]) for v in told]
        cells += [f"{v.scores[f.model].qlike:.4f}" if f.model in v.scores else "" for v in graded]
        rows.append((f.model, *cells))
    screen.table(heads, rows)
    reasons: dict[str, dict[str, list[str]]] = {}
    for v in told:
        for f in v.found:
            if f.variance is None:
                reasons.setdefault(f.why, {}).setdefault(f.model, []).append(v.horizon)
    for why, lacking in reasons.items():
        names = [n if len(spans) == len(told) else f"{n} ({', '.join(spans)})" for n, spans in lacking.items()]
        screen.paragraph(f"{', '.join(names)}: {why}", "dim", "    ", "  ")
    for v in views:
        if not v.found:
            screen.paragraph(f"{v.horizon}: {v.why}", "dim", "    ", "  ")
    for v in graded:
        screen.paragraph(
            f"QLIKE {v.horizon} on {next(iter(v.scores.values())).periods:,} forecasts", "dim", "    ", "  "
        )
    found, why = spiked
    if found is None:
        screen.paragraph(f"no probability of a spike: {why}", "dim", "    ", "  ")
    else:
        said = f"volatility doubles within {WITHIN} hours with a probability of {found.probability:.1%}"
        screen.paragraph(
            f"{said}; it did so after {found.base:.1%} of the {found.fitted:,} hours before", "", "    ", "  "
        )
    screen.say()


def vol_text(view: View, found: Forecast) -> str:
    """Return a forecast in percent a year."""
    return "-" if found.variance is None else f"{view.vol(found.variance):.1%}"
