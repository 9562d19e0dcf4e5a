"""Forecasts as tables and as plain data: models down, horizons across, what was realised, how good each has been."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from loadline.cli.amounts import count
from loadline.cli.render import Cell, Column, Screen
from loadline.foundation.units import format_time

if TYPE_CHECKING:
    from loadline.forecast.models import Forecast
    from loadline.forecast.scores import Score, Scores
    from loadline.forecast.spikes import Graded, Spike

HOUR, DAY = 3_600_000, 86_400_000
HORIZONS: Mapping[str, tuple[int, int]] = {"1h": (HOUR, 1), "1d": (DAY, 1), "2d": (DAY, 2)}
"""Word -> length of a period, and periods ahead."""
YEAR = 365 * DAY
WITHIN = 24
"""Hours in which a spike is looked for."""
RIVAL = "EWMA 0.97"
"""The model that each is tested against: what margin rests on where nothing else is chosen."""
SIZE = 0.10
"""The best model is outside the confidence set with this probability."""


@dataclass(frozen=True)
class Last:
    """The last whole period as it was realised: variance, the same without jumps, whether one is flagged, how often."""

    variance: float
    bipower: float
    jump: bool
    jumps: float


@dataclass(frozen=True)
class View:
    """One coin over one horizon: every model's forecast, or why there is none, and scores where asked for.

    ``last``: only where bars are finer than the period: a single return tells no jump.
    """

    coin: str
    horizon: str
    as_of: int
    periods: int
    found: tuple[Forecast, ...]
    scores: Scores | None
    why: str = ""
    last: Last | None = None

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
            if self.scores is not None and f.model in self.scores.models:
                row |= score_as_json(self.scores.models[f.model])
            models.append(row)
        when = {"coin": self.coin, "horizon": self.horizon, "as_of": format_time(self.as_of), "periods": self.periods}
        told = self.last
        realised = None if told is None else {
            "vol": self.vol(told.variance), "bipower": self.vol(told.bipower), "jump": told.jump,
            "jump_rate": told.jumps,
        }  # fmt: skip
        out = when | {"realised": realised, "models": models, "why": self.why or None}
        return out | ({"confidence_set": self.scores.why or None} if self.scores is not None else {})


def score_as_json(score: Score) -> dict[str, Any]:
    """Return the score of one model as plain data."""
    out: dict[str, Any] = {"qlike": score.qlike, "mse": score.mse, "scored": score.periods}
    test = score.test
    tested = test is not None and math.isfinite(test.statistic)
    out["against_rival"] = {"t": test.statistic, "p_value": test.p_value} if test is not None and tested else None
    return out | {"in_confidence_set": score.kept}


@dataclass(frozen=True)
class Spiked:
    """How likely volatility is to double within a day: the answer and, where asked for, how good such answers were."""

    coin: str
    found: Spike | None
    why: str = ""
    graded: Graded | None = None
    ungraded: str = ""

    def as_json(self, *, scored: bool) -> dict[str, Any]:
        """Return it as plain data."""
        out: dict[str, Any] = {
            "coin": self.coin,
            "within_hours": WITHIN,
            "probability": None,
            "base_rate": None,
            "why": self.why or None,
        }
        if self.found is not None:
            out |= {"probability": self.found.probability, "base_rate": self.found.base}
        if not scored:
            return out
        if self.graded is None:
            return out | {"scores": None, "scores_why": self.ungraded or None}
        g = self.graded
        warnings = {k: None if math.isnan(v) else v for k, v in asdict(g.warnings).items()}
        found = {"bars": g.bars, "base_rate": g.base, "pr_auc": g.area, "pr_auc_of_rule": g.simple, **warnings}
        return out | {"scores": found, "scores_why": None}


def draw_coin(screen: Screen, views: Sequence[View], spiked: Spiked) -> None:
    """Draw one table: models down, horizons across; below it why something is absent, scores, and the spike."""
    told = [v for v in views if v.found]
    coin = views[0].coin
    if not told:
        screen.paragraph(f"{coin}: {'; '.join(dict.fromkeys(v.why for v in views))}", "yellow")
        return
    ends = ", ".join(dict.fromkeys(format_time(v.as_of) for v in told))
    screen.heading(f"{coin}: volatility ahead, per year", f"as of {ends}")
    heads = [Column("model"), *(Column(v.horizon, right=True) for v in told)]
    screen.table(heads, [(f.model, *(vol_text(v, v.found[n]) for v in told)) for n, f in enumerate(told[0].found)])
    draw_realised(screen, told)
    draw_reasons(screen, views)
    for v in told:
        if v.scores is not None:
            draw_scores(screen, v, v.scores)
    draw_spike(screen, spiked)
    screen.say()


def draw_realised(screen: Screen, told: Sequence[View]) -> None:
    """Say what was realised in the last whole period of each length, and whether it held a jump."""
    said: set[int] = set()
    for v in told:
        length, last = HORIZONS[v.horizon][0], v.last
        if last is None or length in said:
            continue
        said.add(length)
        unit = "hour" if length == HOUR else "day"
        jump = "a jump is flagged" if last.jump else "no jump"
        screen.paragraph(
            f"the last {unit} had {v.vol(last.variance):.1%}, bipower {v.vol(last.bipower):.1%}: {jump}; "
            f"{last.jumps:.1%} of {count(v.periods, unit)} had one", "", "    ", "  "
        )  # fmt: skip


def draw_reasons(screen: Screen, views: Sequence[View]) -> None:
    """Say why models, or whole horizons, have no forecast."""
    told = [v for v in views if v.found]
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


def draw_scores(screen: Screen, view: View, scores: Scores) -> None:
    """Draw how good each model has been over one horizon, the best first."""
    if not scores.models:
        screen.paragraph(f"{view.horizon}: no scores: {scores.why}", "dim", "    ", "  ")
        return
    heads = [Column(f"{view.horizon}, out of sample"), *(Column(h, right=True) for h in ("QLIKE", "MSE", "t"))]
    heads += [Column(f"{1 - SIZE:.0%} set")] if not scores.why else []
    rows: list[Sequence[Cell]] = []
    for name, s in sorted(scores.models.items(), key=lambda pair: pair[1].qlike):
        t = "" if s.test is None else f"{s.test.statistic:+.1f}"
        row = (name, f"{s.qlike:.4f}", f"{s.mse:.3g}", t)
        rows.append(row if scores.why else (*row, "yes" if s.kept else ""))
    screen.say()
    screen.table(heads, rows)
    many = next(iter(scores.models.values())).periods
    text = f"{many:,} forecasts; MSE of variance per period; t: Diebold and Mariano's of QLIKE against {RIVAL}"
    text += f"; no confidence set: {scores.why}" if scores.why else ""
    screen.paragraph(text, "dim", "    ", "  ")


def draw_spike(screen: Screen, spiked: Spiked) -> None:
    """Say how likely a spike is, and how good such answers have been where that was asked for."""
    found, g = spiked.found, spiked.graded
    if found is None:
        screen.paragraph(f"no probability of a spike: {spiked.why}", "dim", "    ", "  ")
    else:
        said = f"volatility doubles within {WITHIN} hours with a probability of {found.probability:.1%}"
        screen.paragraph(
            f"{said}; it did so after {found.base:.1%} of the {found.fitted:,} hours before", "", "    ", "  "
        )
    if g is not None:
        w = g.warnings
        said = f"out of sample, {g.bars:,} hours: PR-AUC {g.area:.3f}, {g.simple:.3f} by last day over last week, "
        said += f"{g.base:.3f} blind"
        if w.onsets and w.warned:
            said += f"; {w.warned} of {count(w.onsets, 'onset')} had an alarm before, "
            said += f"{w.lead:.0f} hours ahead at the median"
        screen.paragraph(said, "dim", "    ", "  ")
    elif spiked.ungraded and found is not None:
        screen.paragraph(f"no scores of it: {spiked.ungraded}", "dim", "    ", "  ")


def vol_text(view: View, found: Forecast) -> str:
    """Return a forecast in percent a year."""
    return "-" if found.variance is None else f"{view.vol(found.variance):.1%}"
