"""The tail model of one moment: its scenarios and parameters, from a history up to then and a recipe."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import ceil, isfinite
from typing import Any

import numpy as np

from loadline.engine.engine import choose_rulebook
from loadline.engine.recipe import Recipe
from loadline.foundation.errors import InputError
from loadline.foundation.units import DAYS_PER_YEAR, MS_PER_DAY
from loadline.model.history import History
from loadline.rulebooks.parameters import Version
from loadline.rulebooks.tail import tail_with
from loadline.scenarios.copula_moves import MARGINS, drawn_by
from loadline.scenarios.history_moves import Measured, measured
from loadline.scenarios.moves import STRESS, Moves, filtered_scenarios
from loadline.scenarios.predict import predicted_path
from loadline.scenarios.surface_moves import SurfaceMoves, Surfaces, surface_moves
from loadline.scenarios.today import steps, still_parts

RECENT = 90
"""Days whose median is what trades on a day."""
MOST_TRADED = 1e13
"""USD a day beyond which a volume is taken for one in the wrong unit: chosen far above any market, not measured."""
SURFACE_EVERY = MS_PER_DAY // 2
"""The least time between surface moves that are kept."""
CALIBRATED: Mapping[str, Any] = {
    "options.compounding": "log",
    "options.smile": "moneyness",
    "options.roll": "on",
    "volatility.tenor_power": 0.45,
    "volatility.long_power": 0.65,
}
"""Parameters of ``tail`` on any real history: clock rolled, smiles that move along with prices, levels by tenor.

Powers: moves of a day by tenor over those at 30 days, Deribit's chains of 2021 and of January to August 2026.
"""
MEASURED: Mapping[str, str] = {
    "horizon.days": "choose the period: --horizon, or Recipe(days=...)",
    "volatility.spot": "choose the forecast: --forecast, or Recipe(forecast=...)",
}
"""Parameters that a calibration sets from the history, and what chooses them instead."""
SAME = 1e-9
"""Volatilities of a day as near as this are one."""


@dataclass(frozen=True, eq=False)
class TailModel:
    """A model of one moment: ``version`` of ``tail`` with its scenarios, and what it was made of.

    ``volume``: USD a day by coin; ``setting``: parameters by path; ``degrees``: of the copula, if there is one.
    """

    version: Version
    measured: Measured
    moves: Moves
    volume: Mapping[str, float]
    setting: Mapping[str, Any]
    degrees: float | None


def model_at(
    known: History,
    now: int,
    names: Sequence[str],
    r: Recipe,
    *,
    surface: Sequence[SurfaceMoves] = (),
    spreads: Mapping[str, float] | None = None,
    slack_ms: int = 0,
    changes: Mapping[str, Any] | None = None,
    variance: Mapping[str, float] | None = None,
) -> TailModel:
    """Return the model of a moment ``now`` (epoch ms) from a history that ends by then.

    ``names``: of the coins, those with too little history are left out; ``r``: how; ``surface``: moves of vol surfaces,
    used once they are over; ``spreads``: half the spread of vol at 30 days by coin; ``slack_ms``, ``changes``: as in
    ``calibrate``, which is this and what there is to tell; ``variance``: of a day by coin, where prices finer than the
    bars say more of now. Raises ``InputError`` for a history that is too short or too old.
    """
    r = heeded(r, changes)
    refuse_measured(changes)
    volume = traded(known)
    days = {n: period(volume.get(n, np.nan), r) for n in names}
    start = min(r.start, now - round(r.least * MS_PER_DAY)) if r.least > 0 else r.start
    found = measured(
        known, as_of=now, days=days, names=names, start=start, decay=r.decay, surface=surface, slack_ms=slack_ms,
        anchor=hour_of_vols(known), seed=r.seed,
    )  # fmt: skip
    moves, degrees = found.moves, None
    if r.drawn:
        found, drawn = drawn_by(
            known, found, margins=r.margins, kind=r.tails, count=r.drawn, seed=r.seed, decay=r.decay, start=start,
            slack_ms=slack_ms,
        )  # fmt: skip
        moves, degrees = drawn.moves, drawn.copula.degrees if len(found.moves.names) > 1 else None
    if variance is not None:
        finer = np.sqrt([[variance.get(n, np.nan) for n in moves.names]])
        before = found.path_time < now
        path, time = np.vstack([found.path[before], finer]), np.append(found.path_time[before], now)
        found = replace(found, path=path, path_time=time)
    found = held_back(found, known, moves, r)
    aged = r.half_life > 0 and not r.drawn
    weight = 0.5 ** ((now - moves.end) / (r.half_life * MS_PER_DAY)) if aged else None
    scenarios = filtered_scenarios(
        moves, found.sigma_now, damping=r.damping, cap=r.cap, stress=0 if r.drawn else r.stress, weight=weight,
        seed=r.seed,
    )  # fmt: skip
    setting = parameters(found, volume, spreads or {}, r)
    setting |= {k.removeprefix("tail."): v for k, v in (changes or {}).items()}
    base = choose_rulebook("tail", now, {f"tail.{k}": v for k, v in setting.items()}).version
    if base.number("stress.weight") > 0 and not len(scenarios.family_rows(STRESS)):
        raise InputError(f"a stress weight of {base.number('stress.weight'):g} without a stressed period",
                         causes="drawn scenarios have none" if r.drawn else "none was asked for",
                         remedy="leave the weight out, or take the scenarios of history")  # fmt: skip
    return TailModel(tail_with(base, scenarios), found, moves, volume, setting, degrees)


def refuse_measured(changes: Mapping[str, Any] | None) -> None:
    """Refuse parameters that the scenarios were measured with: changed alone, they would say what is not so."""
    given = [k.removeprefix("tail.") for k in changes or {}]
    found = {k: m for k in given for m in MEASURED if k == m or k.startswith(f"{m}.")}
    if found:
        remedy = " and ".join(MEASURED[m] for m in sorted({*found.values()}))
        raise InputError(f"{', '.join(found)} cannot be set: the scenarios are measured with it", remedy=remedy)


def heeded(r: Recipe, changes: Mapping[str, Any] | None) -> Recipe:
    """Return a recipe with those of the changed parameters (by path) that it has too: its tools reckon with them.

    >>> heeded(Recipe(), {"tail.stress.weight": 0.5, "floor.notional": 0.01}).stress_weight
    0.5
    """
    given = {k.removeprefix("tail."): v for k, v in (changes or {}).items()}

    def number(path: str, own: float) -> float:
        value = given.get(path)
        return float(value) if isinstance(value, int | float) else own

    try:
        return replace(
            r, level=number("measure.level", r.level), stress_weight=number("stress.weight", r.stress_weight)
        )
    except InputError:
        return r  # out of its bounds: the rulebook says so, by the parameter's name


def surfaces_of(chains: Mapping[str, Surfaces], r: Recipe, names: Sequence[str]) -> tuple[SurfaceMoves, ...]:
    """Return how the surfaces of some coins moved over the shortest liquidation period, of those that did."""
    found = [
        surface_moves(s, round(r.days * MS_PER_DAY), every_ms=SURFACE_EVERY) for c, s in chains.items() if c in names
    ]
    return tuple(m for m in found if len(m.start))


def held_back(found: Measured, history: History, moves: Moves, r: Recipe) -> Measured:
    """Return what was measured with today's volatility as it is forecast, over its floors, slowed and with its buffer.

    ``history``: up to now; ``moves``: those that scenarios are made of. Notes say where that is not the filter's own.
    """
    stress = 0.0 if r.drawn else r.stress_weight
    still = None
    if r.rise or r.buffer:
        still = still_parts(moves, damping=r.damping, level=r.level, stress=r.stress, stress_weight=stress)
    path, said = predicted_path(history, moves.names, moves.days, found.path, found.path_time, r.forecast)
    now = steps(
        path, moves.days, still=still, rise=r.rise or None, quantile=r.vol_floor, long_run=r.long_run, buffer=r.buffer,
        refill=r.refill, time=found.path_time,
    )  # fmt: skip
    notes = list(said)
    own_by = "exponential weights" if r.margins == MARGINS[0] or not r.drawn else r.margins
    for name, own, forecast in zip(moves.names, found.path[-1].tolist(), path[-1].tolist(), strict=True):
        if abs(forecast - own) > SAME:
            notes.append(f"{name}: the volatility of a day is {forecast:.2%} by {' and '.join(r.forecast)}, {own:.2%} "
                         f"by {own_by}")  # fmt: skip
    tools = (
        ("by its own past", now.forecast, now.above_past),
        (f"by that of the last {r.long_run:g} days", now.above_past, now.above_long_run),
        (f"under a limit of {r.rise:.0%} of margin a day", now.above_long_run, now.slowed),
        (f"with what a buffer of {r.buffer:.0%} of margin has left", now.slowed, now.buffered),
    )
    for n, name in enumerate(moves.names):
        root = np.sqrt(moves.days[n])
        for why, before, after in tools:
            was, held = float(before[n] / root), float(after[n] / root)
            if abs(held - was) > SAME:
                notes.append(f"{name}: the volatility of a day, {was:.2%}, counts as {held:.2%} {why}")
        if r.buffer and still is not None and not np.isfinite(still[n]):
            notes.append(f"{name}: no buffer, since margin does not move with volatility")
    return replace(found, sigma_now=now.buffered, notes=(*found.notes, *notes))


def newest(history: History) -> tuple[History, tuple[str, ...]]:
    """Return the history in which a symbol that was relisted means what trades under it today, and notes of that."""
    if not any("#" in name for name in history.names):
        return history, ()
    latest: dict[str, str] = {}
    for name, close in zip(history.names, history.close.T, strict=True):
        bare, _, number = name.partition("#")
        if not np.isfinite(close).any() and bare in latest:  # not relisted yet
            continue
        if int(number or 1) >= int((latest.get(bare, "").partition("#")[2]) or 1):
            latest[bare] = name
    found = history.select(list(latest.values()))
    notes = tuple(f"{bare} is {name}: what traded under it before was another asset" for bare, name in latest.items()
                  if name != bare)  # fmt: skip
    columns = {c: getattr(found, c) for c in ("volume", "implied", "segment")}
    return History.of(
        found.time, tuple(latest), found.close, step=found.step, defects=found.defects, source=found.source, **columns
    ), notes


def hour_of_vols(history: History) -> int | None:
    """Return a time of day, as one moment of it, at which nearly all implied vols are known; None where there is none.

    Moves of price and vol have to be of the same hours: a vol index of one value a day decides which.
    """
    at = history.time[np.isfinite(history.implied).any(1)]
    if history.step >= MS_PER_DAY or not len(at):
        return None
    hours, count = np.unique(at % MS_PER_DAY, return_counts=True)
    return int(hours[np.argmax(count)]) if count.max() > 3 * np.median(count) or len(hours) == 1 else None


def traded(history: History) -> dict[str, float]:
    """Return what trades on a day, USD: the median of the last 90 days of each asset that has 30 of them.

    Raises ``InputError`` for more than any market trades.
    """
    daily = history.every(MS_PER_DAY) if history.step < MS_PER_DAY else history
    recent = daily.volume[-RECENT:] * (MS_PER_DAY / daily.step)
    known = np.isfinite(recent).sum(0) >= RECENT // 3
    found = {n: float(np.nanmedian(recent[:, i])) for i, n in enumerate(daily.names) if known[i]}
    absurd = [f"{n} {v:.1e}" for n, v in found.items() if v > MOST_TRADED]
    if absurd:
        raise InputError(f"more USD a day than any market trades: {', '.join(absurd)}",
                         causes="a volume in USD that was read as coins",
                         remedy="say so: --volume usd, or Source(FILE, volume='usd')")  # fmt: skip
    return found


def period(volume: float, r: Recipe) -> float:
    """Return the liquidation period in whole days: what it takes to trade ``size`` at ``participation`` a day.

    >>> period(1e9, Recipe()), period(30e6, Recipe()), period(float("nan"), Recipe())
    (2.0, 4.0, 2.0)
    """
    if not isfinite(volume):
        return r.days
    needed = ceil(r.size / max(r.participation * volume, 1e-9))
    return float(min(max(r.days, needed), max(r.longest, r.days)))


def parameters(found: Measured, volume: Mapping[str, float], spreads: Mapping[str, float], r: Recipe) -> dict[str, Any]:
    """Return the parameters of ``tail`` that a calibration sets, by path; coins stand last in it."""
    daily = found.sigma_now / np.sqrt(found.moves.days)
    out: dict[str, Any] = {
        **CALIBRATED,
        "measure.level": r.level,
        "stress.weight": r.stress_weight if r.stress > 0 and not r.drawn else 0.0,
        "floor.notional": r.floor,
        "liquidity.spread": r.half_spread,
        "liquidity.impact": r.impact,
        "liquidity.vol_spread": r.vol_spread,
        "horizon.days": r.days,
    }
    for name, sigma, days in zip(found.moves.names, daily.tolist(), found.moves.days.tolist(), strict=True):
        out[f"volatility.spot.{name}"] = sigma * float(np.sqrt(DAYS_PER_YEAR))
        out[f"horizon.days.{name}"] = days
        if name in volume:
            out[f"liquidity.volume.{name}"] = volume[name]
        if isfinite(spreads.get(name, np.nan)):
            out[f"liquidity.vol_spread.{name}"] = spreads[name]
    return out
