"""Books of options on every snapshot of the chains: the model, its controls and the venues, one journal each."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from loadline.backtest.dates_hit import DatesHit, dates_hit
from loadline.backtest.day import Day
from loadline.backtest.families import TWELVE, Size
from loadline.backtest.replay import Window, windows
from loadline.backtest.run import Case, Model, Shipped, run
from loadline.foundation.units import MS_PER_DAY
from tools.validation import models
from tools.validation.data import COINS, Data
from tools.validation.models import CORE, MORE, SEED, SPOT_ONLY, STUDY_LEVEL, TOOLS, es, set_aside, tail, var, venues

WITH_TOOLS, STUDY, VAR_95, VAR_975 = "tail with tools", es(STUDY_LEVEL), var(0.95), var(0.975)
VARIANTS = models.at_levels((STUDY_LEVEL,), (0.95, 0.975))
TRIED = (
    ("damping 0.5", 0.5, 0.0),
    ("damping 0.25", 0.25, 0.0),
    ("damping 0.75", 0.75, 0.0),
    ("damping 0.5, half-life 2 years", 0.5, 730.0),
)
"""Names, dampings and half-lives of history's weights in days that were tried."""
SMALL, LARGE, HUGE = 1e6, 50e6, 500e6
WIDE = (Shipped("deribit-xpm", label="deribit-xpm, 500 m", scale=HUGE / SMALL),)
"""For the 200-leg book once more: 500 m USD gross, ten times its notional, as the study normalised it."""
Told = Callable[[str], Callable[[int, int], None]]


@dataclass(frozen=True)
class Measured:
    """The dates of each run by its name: ``two`` and ``one`` day ahead, and the ``controls`` two days ahead."""

    runs: Mapping[str, list[Day]]

    def dates(self, name: str, aside: bool | None = None) -> list[Day]:
        """Return the dates of a run: all, those of the weeks set aside, or the others."""
        days = self.runs[name]
        marked = set_aside([d.at for d in days])
        return [d for d, m in zip(days, marked, strict=True) if aside is None or m == aside]

    def test(
        self, name: str, model: str, *, aside: bool | None = None, divide: float = 1.0, horizon: float = 2.0
    ) -> DatesHit:
        """Return the dates-hit test of a model, in as many phases as there are dates in a horizon."""
        every = float(np.median(np.diff([d.at for d in self.runs[name]]))) / MS_PER_DAY
        phases = min(max(round(horizon / every), 1), 8)
        slack = min(horizon / 2 / phases, 0.25)
        days = self.dates(name, aside)
        return dates_hit(days, model, TWELVE, horizon=horizon, divide=divide, phases=phases, slack=slack)


def cases(data: Data, every: int = 1) -> dict[str, tuple[Case, Sequence[Window]]]:
    """Return what is asked, and on which dates, by the name of the run; ``every``: n-th snapshot of the main run."""
    two, one = data.moves(2), data.moves(1)
    bars, track = data.bars, data.track
    dates = {h: windows(data.chains.times, h) for h in (1, 2)}

    def case(days: int, *models: Model) -> Case:
        return Case((*TWELVE, *MORE), COINS, Size(usd=SMALL), models, float(days), SEED)

    core = tail("tail", 2, bars, track, two, variants=VARIANTS)
    tools = tail(WITH_TOOLS, 2, bars, track, two, recipe=TOOLS)
    controls = (
        tail("spot only", 2, bars, track, two, changes=SPOT_ONLY),
        tail("no clock roll", 2, bars, track, two, changes={"options.roll": "off"}),
    )
    day = tail("tail", 1, bars, track, one), tail(WITH_TOOLS, 1, bars, track, one, recipe=TOOLS)
    return {
        "two": (case(2, core, tools, *venues(), *venues(LARGE / SMALL)), dates[2][::every]),
        "wide": (Case(("market-maker",), COINS, Size(usd=SMALL), WIDE, 2.0, SEED), dates[2][::every]),
        "controls": (case(2, *controls), dates[2][::every]),
        "one": (case(1, *day), dates[1][::4]),
    }


def measured(data: Data, folder: Path, told: Told, every: int = 1) -> Measured:
    """Return every run; ``folder``: for the journals."""
    found = {}
    for name, (case, dates) in cases(data, every).items():
        journal = folder / f"chains-{name}.jsonl"
        found[name] = run(case, data.chains, dates, journal=journal, told=told(f"chains, {name}"))
    return Measured(found)


def variants(data: Data) -> tuple[Case, list[Window]]:
    """Return other choices of the filter and of history's weights, every two days of weeks that are not set aside."""
    dates: list[Window] = []
    every = windows(data.chains.times, 2)
    for window, aside in zip(every, set_aside([w.at for w in every]), strict=True):
        if not aside and (not dates or window.at - dates[-1].at >= 0.9 * MS_PER_DAY):
            dates.append(window)
    models = [
        tail(name, 2, data.bars, data.track, data.moves(2), recipe=replace(CORE, damping=damping, half_life=half_life),
             variants={f"{name}, VaR {100 * p:g}": {"measure.kind": "var", "measure.level": p} for p in (0.95, 0.99)})
        for name, damping, half_life in TRIED
    ]  # fmt: skip
    return Case((*TWELVE, *MORE), COINS, Size(usd=SMALL), tuple(models), 2.0, SEED), dates[::2]


def tried(data: Data, folder: Path, told: Told) -> list[Day]:
    """Return the dates of ``variants``."""
    case, dates = variants(data)
    return run(case, data.chains, dates, journal=folder / "chains-tune.jsonl", told=told("what else was tried"))
