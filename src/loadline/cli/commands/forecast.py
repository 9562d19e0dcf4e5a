"""``loadline forecast``: what every volatility model says as of a time, and how good each has been."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from loadline.cli.environment import Environment, ExitCode
from loadline.cli.faults import AtWord, CommandLineError, defect_as_json, unknown
from loadline.cli.forecast_view import DAY, HORIZONS, HOUR, RIVAL, SIZE, WITHIN, Last, Spiked, View, draw_coin
from loadline.cli.parser import Request
from loadline.cli.progress import working
from loadline.cli.render import Outcome, Screen
from loadline.foundation.errors import LoadlineError, MissingData
from loadline.foundation.units import format_time

if TYPE_CHECKING:
    from loadline.forecast.models import Periods
    from loadline.forecast.scores import Scores
    from loadline.model.history import History

SILENT = 5 * DAY
"""A coin without a bar for longer has no volatility of today: as in ``loadline calibrate``."""


def forecast(request: Request, env: Environment) -> Outcome:
    """Answer ``loadline forecast``."""
    with working(env, "reading bars"):
        from loadline.io.history import read_history

        read = read_history([request["history"]])
    as_of = int(request.get("at") or read.time[-1])
    history, notes = current(read, as_of)
    coins = asked_coins(request, history, notes)
    names = asked_models(request)
    scored = bool(request.get("scores"))
    horizons = [request["horizon"]] if request.get("horizon") else list(HORIZONS)
    views: list[View] = []
    for coin in coins:
        for horizon in horizons:
            with working(env, f"forecasting {coin}, {horizon}"):
                views.append(viewed(history, coin, horizon, as_of, names, scored=scored))
    told = [v for v in views if v.found]
    if not told:
        raise MissingData("no forecast can be made", missing=[f"{v.coin}, {v.horizon}: {v.why}" for v in views],
                          remedy="give finer bars, or a longer history")  # fmt: skip
    spikes: dict[str, Spiked] = {}
    for coin in coins:
        with working(env, f"how likely is a spike of {coin}"):
            spikes[coin] = spike(history, coin, as_of, scored=scored)
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
            "spikes": [s.as_json(scored=scored) for s in spikes.values()],
            "notes": list(notes.values()),
            "warnings": [defect_as_json(d) for d in history.defects[:100]],
            "warnings_total": len(history.defects),
        }
        return out

    def draw(screen: Screen) -> None:
        for coin in coins:
            draw_coin(screen, [v for v in views if v.coin == coin], spikes[coin])
        for coin, text in notes.items():
            if coin in coins:
                screen.paragraph(text, "dim")
        if history.defects:
            screen.paragraph(f"{len(history.defects)} oddities in the bars; --json lists them", "dim")
        for text in written:
            screen.paragraph(text, "dim")

    return Outcome(ExitCode.OK, document, draw)


def current(history: History, as_of: int) -> tuple[History, dict[str, str]]:
    """Return the bars known by a time, a relisted symbol meaning what traded under it then, and a note of each."""
    from loadline.engine.tail_model import newest

    told = history.until(as_of)
    begun = [n for n, c in zip(told.names, told.close.T, strict=True) if np.isfinite(c).any()]  # not what comes later
    if not begun:
        raise MissingData(f"no forecast can be made: no bar by {format_time(as_of)}", remedy="ask for a later time")
    found, said = newest(told.select(begun))
    return found, {text.partition(" ")[0]: text for text in said}


def asked_coins(request: Request, history: History, notes: Mapping[str, str]) -> list[str]:
    """Return the coins of a request; raises ``AtWord`` for one that the history lacks."""
    asked = []
    for word in request.get("coin", ()):
        bare = word.partition("#")[0]
        coin = bare if notes.get(bare, "").startswith(f"{bare} is {word}:") else word  # LUNA#2 is what LUNA means
        if coin not in history.names:
            raise unknown("coin", word, list(history.names), flag="--coin")
        asked.append(coin)
    return list(dict.fromkeys(asked)) or list(history.names)


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


def silent(history: History, coin: str, as_of: int) -> str:
    """Return why a coin has no volatility of today, nothing where it has one."""
    known = np.flatnonzero(np.isfinite(history.close[:, history.names.index(coin)]))
    last = int(history.time[known[-1]])
    allowed = max(SILENT, 5 * history.step)
    return "" if as_of - last <= allowed else f"no bar of {coin} since {format_time(last)}"


def viewed(history: History, coin: str, horizon: str, as_of: int, names: Sequence[str], *, scored: bool) -> View:
    """Return what the models say of one coin over one horizon."""
    from loadline.forecast.models import latest, periods_of

    length, ahead = HORIZONS[horizon]
    why = silent(history, coin, as_of)
    if why:
        return View(coin, horizon, as_of, 0, (), None, why)
    try:
        periods = periods_of(history, coin, as_of, length=length)
    except LoadlineError as error:
        return View(coin, horizon, as_of, 0, (), None, error.what)
    r = periods.realised
    if not len(r):
        return View(coin, horizon, as_of, 0, (), None, "no period has nine in ten of its bars")
    end = int(r.day[-1]) + length
    found = tuple(latest(periods, ahead, names))
    told = [f.model for f in found if f.variance is not None]
    last = None
    if periods.fine:
        last = Last(float(r.variance[-1]), float(r.bipower[-1]), bool(r.jump[-1]), float(r.jump.mean()))
    return View(coin, horizon, end, len(periods), found, scores(periods, ahead, told) if scored else None, "", last)


def scores(periods: Periods, ahead: int, names: Sequence[str]) -> Scores:
    """Return how good the models have been, on the periods that all of them forecast and whose variance has come."""
    from loadline.forecast.models import models
    from loadline.forecast.scores import Scores, scored

    if not names:
        return Scores({}, "no model has a forecast")
    made = models(periods, ahead, names)
    return scored(periods.after(ahead), made, ahead, rival=RIVAL, size=SIZE)


def spike(history: History, coin: str, as_of: int, *, scored: bool) -> Spiked:
    """Return the probability of a spike within a day, or why there is none; ``scored``: and how good it has been."""
    from loadline.forecast.spikes import graded, spike_at

    hourly = history
    if history.step < HOUR and HOUR % history.step == 0:
        hourly = history.every(HOUR, ending=int(history.time[-1]))
    if hourly.step != HOUR:
        return Spiked(coin, None, "needs hourly bars, or finer ones")
    why = silent(history, coin, as_of)
    if why:
        return Spiked(coin, None, why)
    try:
        found = spike_at(hourly, coin, as_of, WITHIN)
    except LoadlineError as error:
        return Spiked(coin, None, f"{error.what}; {error.remedy}")
    try:
        return Spiked(coin, found, "", graded(hourly, coin, WITHIN) if scored else None)
    except LoadlineError as error:
        return Spiked(coin, found, "", None, f"{error.what}; {error.remedy}")
