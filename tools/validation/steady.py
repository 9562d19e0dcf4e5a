"""What each tool against procyclicality costs and buys, on books without options: every fourth day, 2 days ahead."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from loadline.backtest.day import Day
from loadline.backtest.families import Size
from loadline.backtest.frontier import Point
from loadline.backtest.procyclicality import peak_to_trough
from loadline.backtest.replay import Prices, windows
from loadline.backtest.run import Case, run
from loadline.backtest.study import RATE, Series, series
from loadline.engine.recipe import Recipe
from tools.crash_day import table
from tools.validation.data import Data
from tools.validation.delta_one import BOOKS, FAMILIES, START
from tools.validation.formats import percent
from tools.validation.models import CORE, SEED, STUDY_LEVEL, TOOLS, es, tail

EVERY, DAYS = 4, 2
MEASURED = ("BTC long", "ETH long", "ten long", "alts-BTC")
"""The books of the study's own table."""
VARIANTS: Mapping[str, Recipe] = {
    "tail": CORE,
    "no damping": replace(CORE, damping=0.0),
    "damping 0.25": replace(CORE, damping=0.25),
    "damping 0.75": replace(CORE, damping=0.75),
    "EWMA 0.94": replace(CORE, decay=0.94),
    "EWMA 0.99": replace(CORE, decay=0.99),
    "half-life 2 years": replace(CORE, half_life=730.0),
    "stress weight 25 %": replace(CORE, stress_weight=TOOLS.stress_weight),
    "speed limit 10 %": replace(CORE, rise=TOOLS.rise),
    "volatility above its median": replace(CORE, vol_floor=0.5),
    "long-run floor, 10 years": replace(CORE, long_run=3650.0),
    "buffer 25 %": replace(CORE, buffer=0.25),
    "tail with tools": TOOLS,
}
"""Models by name; the last is what ``loadline calibrate`` has on by default."""


@dataclass(frozen=True)
class Row:
    """Means over books of one model: shares of dates and of notional; ``level``: mean margin scaled to 1 % breaches."""

    model: str
    breaches: float
    mean: float
    level: float
    peak: float
    spread: float
    rise: float
    beyond: float


def measured(data: Data, folder: Path, told: Callable[[str], Callable[[int, int], None]]) -> list[Day]:
    """Return every fourth date from June 2018 on under every variant; ``folder``: for the journal."""
    prices = Prices(data.ten)
    models = [tail(name, DAYS, data.ten, null=(), recipe=how) for name, how in VARIANTS.items() if name != "tail"]
    core = tail("tail", DAYS, data.ten, null=(), variants={es(STUDY_LEVEL): {"measure.level": STUDY_LEVEL}})
    dates = [w for w in windows(prices.times, DAYS) if w.at >= START][::EVERY]
    case = Case(FAMILIES, ("BTC", "ETH"), Size(usd=1.0), (core, *models), float(DAYS), SEED)
    return run(case, prices, dates, journal=folder / "delta-one-tools.jsonl", told=told("tools against procyclicality"))


def names() -> tuple[str, ...]:
    """Return every model of the table."""
    first, *others = VARIANTS
    return (first, es(STUDY_LEVEL), *others)


def row(days: list[Day], model: str) -> Row:
    """Return what a model gives on average over the books."""
    found = [series(days, BOOKS[b], model) for b in MEASURED]

    def mean(of: Callable[[Series], float]) -> float:
        return float(np.mean([of(s) for s in found]))

    return Row(
        model,
        mean(lambda s: float(s.breached.mean())),
        mean(lambda s: float(s.margin.mean())),
        mean(lambda s: float(s.margin.mean() * np.quantile(s.loss / s.margin, 1.0 - RATE))),
        mean(lambda s: float(peak_to_trough(s.margin) or np.nan)),
        mean(lambda s: float(np.quantile(s.margin, 0.99) / np.quantile(s.margin, 0.01))),
        mean(lambda s: float((s.margin[1:] / s.margin[:-1]).max() - 1.0)),
        mean(lambda s: float(np.maximum(s.loss - s.margin, 0.0).mean())),
    )


def steady_table(days: list[Day]) -> str:
    """Every model, mean over the books."""
    rows = []
    for r in (row(days, m) for m in names()):
        numbers = (percent(r.breaches, 2), percent(r.mean), percent(r.level), f"{r.peak:.1f}", f"{r.spread:.1f}")
        rows.append((r.model, *numbers, f"{r.rise:.2f}", f"{1e4 * r.beyond:.1f}"))
    head = ("model", "breaches %", "mean margin %", "scaled to 1 % breaches", "peak / trough", "99 % / 1 % quantile",
            "largest 4-day rise", "loss beyond, bp")  # fmt: skip
    return table(head, rows)


def points(days: list[Day]) -> list[Point]:
    """Return what the picture shows: coverage against cost, and against peak to trough."""
    dates = len(days) * len(MEASURED)
    return [Point(r.model, dates, 1.0 - r.breaches, r.mean, r.peak, 0) for r in (row(days, m) for m in names())]
