"""The models of the validation, and the weeks that are set aside: fixed here, before anything was looked at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from loadline.backtest.bootstrap import week_of
from loadline.backtest.families import TWELVE
from loadline.backtest.run import Shipped
from loadline.backtest.walk import Track, Walk, walked
from loadline.engine.recipe import Recipe
from loadline.model.history import History
from loadline.scenarios.surface_moves import SurfaceMoves

SEED = 6
EVERY_THIRD = 3
"""Of the weeks (Monday to Sunday, UTC) that have snapshots, every third is set aside: nothing was chosen on them."""
CALIBRATED = Recipe()
"""What ``loadline calibrate`` writes."""
CORE = replace(CALIBRATED, stress_weight=0.0, rise=0.0, half_spread=0.0, impact=0.0, vol_spread=0.0, size=1.0)
"""The same without tools against procyclicality and without charges for liquidity, every coin over the horizon."""
TOOLS = replace(CORE, stress_weight=CALIBRATED.stress_weight, rise=CALIBRATED.rise)
"""The core with the tools that are on by default."""
DAMPING, HALF_LIFE = CORE.damping, CORE.half_life
"""The accepted model's: see the page for what was tried."""
SPOT_ONLY: Mapping[str, object] = {"options.level": "off", "options.residuals": "off", "options.roll": "off"}
LEVEL = CALIBRATED.level
"""Of the expected shortfall: what ``loadline calibrate`` writes, chosen by the rule of ``tools.validation.level``."""
STUDY_LEVEL = 0.975
"""What the study took."""
VENUES = ("deribit-xpm", "derive", "paradex-pm", "bybit", "okx", "isolated", "static")
HEDGED = ("basis", "calendar", "butterfly", "hedged-short-gamma", "market-maker")
"""The five hedged families of the bar on cost."""
MORE = ("short-straddle-weekly", "long-strangle-monthly", "alt-collateral")
"""Families beside the twelve: in the tables, not in the test."""


def es(level: float) -> str:
    """Return the name of expected shortfall at a level.

    >>> es(0.965), var(0.99)
    ('tail, ES 96.5 %', 'tail, VaR 99 %')
    """
    return f"tail, ES {100 * level:g} %"


def var(level: float) -> str:
    """Return the name of value at risk at a level."""
    return f"tail, VaR {100 * level:g} %"


def at_levels(shortfall: Sequence[float], quantile: Sequence[float] = ()) -> dict[str, dict[str, object]]:
    """Return variants of the model by name: expected shortfall at some levels, value at risk at others."""
    out: dict[str, dict[str, object]] = {es(p): {"measure.level": p} for p in shortfall}
    return out | {var(p): {"measure.kind": "var", "measure.level": p} for p in quantile}


def set_aside(times: Sequence[int]) -> list[bool]:
    """Return for each date whether its week is set aside."""
    weeks = week_of(times).tolist()
    named = sorted(set(weeks))
    kept = set(named[EVERY_THIRD - 1 :: EVERY_THIRD])
    return [w in kept for w in weeks]


def tail(
    name: str,
    days: int,
    bars: History,
    track: Track | None = None,
    surfaces: Sequence[SurfaceMoves] = (),
    *,
    recipe: Recipe = CORE,
    null: Sequence[str] = TWELVE,
    changes: Mapping[str, object] | None = None,
    variants: Mapping[str, Mapping[str, object]] | None = None,
) -> Walk:
    """Return the tail model on a history, with ``changes`` of its parameters."""
    how = replace(recipe, days=float(days))
    return walked(name, bars, recipe=how, track=track, surfaces=surfaces, null=null, parameters=changes,
                  variants=variants)  # fmt: skip


GRADED = ("deribit-xpm", "okx", "isolated")
"""Those that ask more than in proportion of large books; of the others the study says so, by measuring it."""


def venues(scale: float = 1.0) -> tuple[Shipped, ...]:
    """Return the rulebooks to compare with, for books so many times as large."""
    return tuple(
        Shipped(name, label=large(name) if scale > 1 else "", scale=scale) for name in (GRADED if scale > 1 else VENUES)
    )


def large(name: str) -> str:
    """Return the name of a rulebook for the large books."""
    return f"{name}, 50 m"


@dataclass(frozen=True)
class Bar:
    """One bar of the issue: what was asked, what was measured, and whether it is reached; ``why`` if not."""

    point: str
    asked: str
    measured: str
    reached: bool
    why: str = ""
