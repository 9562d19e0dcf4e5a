"""From a history, as it stood at one moment, to the joint moves a tail model is made of: price, vol level and shape.

Starts lie one step apart and end where the history does, so the latest scenario is the latest that there is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from loadline.forecast.volatility import ewma
from loadline.foundation.errors import InputError
from loadline.foundation.table import Bools, Floats, Ints
from loadline.foundation.units import MS_PER_DAY, format_time
from loadline.model.history import History
from loadline.scenarios.filling import fill_spot, fill_way
from loadline.scenarios.levels import FEWEST, LevelModel, fill_levels, fit_levels
from loadline.scenarios.moves import Moves
from loadline.scenarios.surface_moves import SurfaceMoves, residuals_of

WARM = 60
"""Returns before the first forecast of volatility that is used."""
ENOUGH = 250
"""Moves of its own below which an asset is left out."""
STALE = 5
"""Steps without a bar at the end of a history after which there is no volatility of today."""
FEW = 3
"""Defects of a history that are told where nothing of it can be used."""
PathOf = Callable[[Floats, Floats], Floats]
"""From returns (T,) and how many steps passed with each to variance per step, (T + 1,): before each, and now."""

UNKNOWN_LEVELS = LevelModel(
    np.array([-0.0094, 0.0126, 0.0034, 0.0126]),
    0.0416 * np.array([-1.63, -0.97, -0.62, -0.38, -0.17, 0.05, 0.25, 0.43, 0.65, 0.96, 1.63]),
    0.19,
    (-5.0, 5.0),
    "days of DVOL, 2022-11 to 2025-11",
)
"""What vol does in a day where nothing at all is known of it."""


@dataclass(frozen=True, eq=False)
class Measured:
    """What a history says: ``moves``; ``sigma_now`` (N,), over each asset's own period from ``as_of`` on.

    ``as_of``: epoch ms of the last bar. ``spot_filled``, ``level_filled``: (S, N) what is by rule. ``beta``: (N,) to
    the lead, in own volatilities. ``level_model``: what vol moves were filled by, ``level_scale`` (N,): how many times
    that each asset's are. ``left_out``: assets with too short a history, or one that ended early. ``notes``: every rule
    that was used. ``path``: (K, N) volatility of a day as it was forecast at each of ``path_time`` (K,), epoch ms, NaN
    where there was none.
    """

    moves: Moves
    sigma_now: Floats
    as_of: int
    spot_filled: Bools
    level_filled: Bools
    beta: Floats
    level_model: LevelModel
    level_scale: Floats
    left_out: tuple[str, ...]
    notes: tuple[str, ...]
    path: Floats
    path_time: Ints


def moves_of(history: History, **options: Any) -> Moves:
    """Return the joint moves of a history; options as in ``measured``."""
    return measured(history, **options).moves


def measured(
    history: History,
    *,
    as_of: int,
    days: float | Mapping[str, float] = 2.0,
    names: Sequence[str] | None = None,
    start: int | None = None,
    decay: float = 0.97,
    path: PathOf | None = None,
    surface: Sequence[SurfaceMoves] = (),
    every_ms: int = MS_PER_DAY,
    slack_ms: int = 0,
    implied_lag_ms: int = MS_PER_DAY,
    anchor: int | None = None,
    lead: str = "BTC",
    seed: int = 20260101,
) -> Measured:
    """Return the joint moves of a history as it stood at ``as_of`` (epoch ms); nothing later is looked at.

    ``days``: liquidation period, of all assets or by name (2 where it names none), whole steps of ``every_ms``;
    ``names``: of the assets, all if left out; ``start``: of the first scenario, epoch ms; ``decay``: of the
    exponentially weighted variance, or ``path`` for another forecast; ``surface``: residual moves of vol surfaces;
    ``slack_ms``: how far from its time a bar may lie; ``implied_lag_ms``: an implied vol counts as known only this long
    after its time; ``anchor``: a time, epoch ms, from which scenarios begin whole steps away, the end of the history if
    left out (volatility of today is that of the end in any case); ``lead``: whose dates count and who stands in for
    what was not listed; ``seed``: of what is drawn.

    Raises ``InputError`` where the history is too short, counted from ``start``, or too old.
    """
    known = _known(history, as_of, names, every_ms, slack_ms)
    if start is not None and start >= known.time[-1]:
        ends = f"begin {format_time(start)}, where the history ends {format_time(int(known.time[-1]))}"
        raise InputError(f"scenarios that {ends}", remedy="give an earlier start (--from), or a later end (--as-of)")
    options = {"start": start, "decay": decay, "path": path, "every_ms": every_ms, "slack_ms": slack_ms}
    latest = daily(known, **options)  # type: ignore[arg-type]
    found = latest if anchor is None else daily(known, ending=anchor, **options)  # type: ignore[arg-type]
    grid, close, segment, variance = found.time, found.close, found.segment, found.variance
    steps = _steps(days, known.names, every_ms)
    longest = int(steps.max())
    count = max(len(grid) - longest, 0)
    spot = _over(np.log(close), segment, steps, count)
    sigma = np.sqrt(variance[:count] * steps)
    begun = grid[:count] >= (start if start is not None else known.time[0])
    own = (np.isfinite(spot) & np.isfinite(sigma))[begun].sum(0)
    silent = _silent(latest.close, latest.time)
    since = f" since {format_time(start)[:10]}" if start is not None and start > known.time[0] else ""
    kept = [n for n in range(len(own)) if own[n] >= ENOUGH and silent[n] <= STALE * every_ms]
    if not kept:
        why = [
            f"{known.names[n]} has {own[n]} moves of its own{since}, {ENOUGH} are needed" if own[n] < ENOUGH
            else f"{known.names[n]} has no bar for {silent[n] / every_ms:.0f} steps, {STALE} are allowed"
            for n in range(len(own))
        ]  # fmt: skip
        odd = [str(d) for d in known.defects][:FEW]
        earlier = ", an earlier start (--from)" if since else ""
        raise InputError(f"no asset can be used: {'; '.join(why) or 'there is none'}", causes=" ".join(odd),
                         remedy=f"give a longer history{earlier}, or bars up to the date")  # fmt: skip
    left_out = tuple(known.names[n] for n in range(len(own)) if n not in kept)
    first = kept.index(known.names.index(lead)) if lead in [known.names[n] for n in kept] else int(np.argmax(own[kept]))
    chosen = tuple(known.names[n] for n in kept)
    spot, sigma = spot[:, kept], sigma[:, kept]
    rows = np.isfinite(spot[:, first]) & np.isfinite(sigma[:, first])
    rows &= begun
    spot, sigma = spot[rows], sigma[rows]
    filled = fill_spot(spot, sigma, chosen, first, seed)
    inner = np.arange(1, longest)
    passed = [_over(np.log(close), segment, np.minimum(steps, k), count)[:, kept][rows] for k in inner.tolist()]
    share = np.minimum(inner[:, None] / steps[kept], 1.0)
    way = fill_way(np.array(passed).reshape(len(inner), *spot.shape), share, filled, first)
    level, level_filled, model, scale, said = _levels(
        known.select(chosen), grid, as_of - implied_lag_ms, slack_ms, steps[kept], rows, filled.spot / filled.sigma,
        first, every_ms, seed,
    )  # fmt: skip
    begin = grid[:count][rows]
    period = np.asarray(steps[kept] * (every_ms / MS_PER_DAY), np.float64)
    moves = Moves(
        begin, begin + longest * every_ms, chosen, period, filled.spot, level, filled.sigma, _residual(surface, as_of),
        np.asarray(inner * (every_ms / MS_PER_DAY), np.float64), way,
    )  # fmt: skip
    notes = [*_short(chosen, filled.mask, chosen[first], filled.beta), *said]
    for n, name in enumerate(known.names):
        if name in left_out:
            old = f"the last bar lies {silent[n] / MS_PER_DAY:.0f} days back"
            few = f"fewer than {ENOUGH} moves of its own{since}"
            notes.append(f"{name}: {few if own[n] < ENOUGH else old}, left out")
    now = np.sqrt(latest.variance[-1, kept] * steps[kept])
    by_day = np.sqrt(latest.variance[:, kept] * (MS_PER_DAY / every_ms))
    return Measured(
        moves, now, int(latest.time[-1]), filled.mask, level_filled, filled.beta, model, scale, left_out, tuple(notes),
        by_day, latest.time,
    )  # fmt: skip


@dataclass(frozen=True, eq=False)
class Daily:
    """K times one step apart: ``close``, ``variance`` (K, N), the latter of the step after each time, known then.

    ``when``: (K, N) epoch ms, the times of the bars; ``segment``: (K, N) returns are taken within one number only.
    """

    time: Ints
    close: Floats
    when: Ints
    segment: Ints
    variance: Floats

    def standardised(self) -> Floats:
        """Return (K, N) the move of each step over its forecast, **ending** at each time, NaN where there is none."""
        moves = np.full(self.close.shape, np.nan)
        moves[1:] = _over(np.log(self.close), self.segment, np.ones(self.close.shape[1], np.int64), len(self.time) - 1)
        moves[1:] /= np.sqrt(self.variance[:-1])
        return moves


def daily(
    history: History,
    *,
    start: int | None = None,
    decay: float = 0.97,
    path: PathOf | None = None,
    every_ms: int = MS_PER_DAY,
    slack_ms: int = 0,
    ending: int | None = None,
) -> Daily:
    """Return a history on times one step apart that end with it, with the forecasts made at each; see ``measured``.

    ``ending``: epoch ms, the times lie whole steps from it and end at or before the history does.
    """
    grid = _grid(history, every_ms, start, ending)
    close, when, segment = sampled(history, grid, slack_ms, "close")
    variance = [
        _variance(close[:, n], when[:, n], segment[:, n], every_ms, decay, path) for n in range(len(history.names))
    ]
    return Daily(grid, close, when, segment, np.array(variance).T.reshape(close.shape))


def _known(history: History, as_of: int, names: Sequence[str] | None, every_ms: int, slack_ms: int) -> History:
    known = history.until(as_of) if names is None else history.until(as_of).select(names)
    if not len(known) or as_of - int(known.time[-1]) > 2 * every_ms:
        last = format_time(int(known.time[-1])) if len(known) else "nowhere"
        found = f"the history ends {last}, too long before {format_time(as_of)}"
        raise InputError(found, remedy="give later bars, or an earlier as_of")
    if 2 * slack_ms >= every_ms:
        raise InputError(f"a slack of {slack_ms} ms in steps of {every_ms} ms", remedy="less than half a step")
    return known


def sampled(history: History, grid: Ints, slack_ms: int, column: str) -> tuple[Floats, Ints, Ints]:
    """Return a column at the times of a grid: (K, N) its values, the times they are of, and their segments.

    The nearest bar within ``slack_ms`` counts; where there is none the value is NaN.
    """
    shape = (len(grid), len(history.names))
    values, when, segment = np.full(shape, np.nan), np.tile(grid[:, None], shape[1]), np.zeros(shape, np.int64)
    source = getattr(history, column)
    for n in range(shape[1]):
        rows = np.flatnonzero(np.isfinite(source[:, n]))
        if not len(rows):
            continue
        time = history.time[rows]
        after = np.clip(np.searchsorted(time, grid), 0, len(rows) - 1)
        before = np.maximum(after - 1, 0)
        near = np.where(np.abs(time[before] - grid) < np.abs(time[after] - grid), before, after)
        there = np.abs(time[near] - grid) <= slack_ms
        values[there, n] = source[rows[near[there]], n]
        when[there, n] = time[near[there]]
        segment[there, n] = history.segment[rows[near[there]], n]
    return values, when, segment


def _grid(history: History, every_ms: int, start: int | None, ending: int | None) -> Ints:
    """Times one step apart that end with the history; forecasts need a run-up before ``start``."""
    last, first = int(history.time[-1]), int(history.time[0])
    if ending is not None:
        last -= (last - ending) % every_ms
    if start is not None:
        first = max(first, start - 4 * WARM * every_ms)
    return np.asarray(np.arange(last, first - 1, -every_ms)[::-1], np.int64)


def _steps(days: float | Mapping[str, float], names: Sequence[str], every_ms: int) -> Ints:
    each = np.array([days.get(n, 2.0) if isinstance(days, Mapping) else days for n in names], np.float64)
    steps = each * (MS_PER_DAY / every_ms)
    whole = np.rint(steps).astype(np.int64)
    if (np.abs(steps - whole) > 1e-9).any() or (whole < 1).any():
        raise InputError(f"liquidation periods of {sorted(set(each.tolist()))} days",
                         remedy=f"give whole numbers of {every_ms / MS_PER_DAY:g} days")  # fmt: skip
    return whole


def _variance(close: Floats, when: Ints, segment: Ints, every_ms: int, decay: float, path: PathOf | None) -> Floats:
    """(K,) variance per step of what comes after each time of the grid, known then; NaN before the run-up is over."""
    out = np.full(len(close), np.nan)
    rows = np.flatnonzero(np.isfinite(close))
    held = segment[rows[1:]] == segment[rows[:-1]]
    ends = rows[1:][held]
    if len(ends) <= WARM:
        return out
    returns = np.diff(np.log(close[rows]))[held]
    passed = (np.diff(when[rows])[held] / every_ms).astype(np.float64)
    early = returns[: WARM // 2] ** 2 / passed[: WARM // 2]
    found = ewma(returns, decay, float(early.mean()), passed) if path is None else path(returns, passed)
    at = np.searchsorted(ends, np.arange(len(close)), "right")  # returns that ended by then
    ready = at >= WARM
    out[ready] = found[at[ready]]
    return np.where(out > 0, out, np.nan)


def _silent(close: Floats, grid: Ints) -> Ints:
    """(N,) ms since the last bar of each column."""
    last = [int(np.flatnonzero(np.isfinite(c))[-1]) if np.isfinite(c).any() else 0 for c in close.T]
    return np.asarray(grid[-1] - grid[last], np.int64)


def _over(logs: Floats, segment: Ints, steps: Ints, count: int) -> Floats:
    """(count, N) moves over each column's own number of steps, from each start; NaN across a seam."""
    out = np.full((count, logs.shape[1]), np.nan)
    for n, h in enumerate(steps.tolist()):
        move = logs[h : h + count, n] - logs[:count, n]
        out[:, n] = np.where(segment[h : h + count, n] == segment[:count, n], move, np.nan)
    return out


def _levels(
    history: History, grid: Ints, known_until: int, slack_ms: int, steps: Ints, rows: Bools, z: Floats,
    first: int, every_ms: int, seed: int,
) -> tuple[Floats, Bools, LevelModel, Floats, list[str]]:  # fmt: skip
    """(S, N) moves of 30-day vol, which are filled, by which model at which scale, and what is to be said of it."""
    implied, _, _ = sampled(history.until(known_until), grid, max(slack_ms, 0), "implied")
    level = _over(np.log(implied), np.zeros(implied.shape, np.int64), steps, len(rows))[rows]
    own = np.isfinite(level).sum(0)
    per_day = every_ms / MS_PER_DAY
    if own.max(initial=0) < FEWEST:
        scale = np.sqrt(steps / steps[first])
        model = UNKNOWN_LEVELS.scaled(float(np.sqrt(steps[first] * per_day)))
        filled, mask = fill_levels(level, z, scale, first, model, seed)
        given = f"{own.max()} moves of implied vol are known" if own.max() else "no implied vol was given"
        said = f"{given}: vol moves of all other scenarios by regression on {model.source}"
        return filled, mask, model, scale, [said]
    reference = first if own[first] >= FEWEST else int(np.argmax(own))
    model = fit_levels(level[:, reference], z[:, reference], f"{history.names[reference]}: {own[reference]} moves")
    scale, notes, without = np.sqrt(steps / steps[reference]), [], []
    for n, name in enumerate(history.names):
        both = np.isfinite(level[:, n]) & np.isfinite(level[:, reference])
        if n != reference and both.sum() >= FEWEST:
            scale[n] = float(np.std(level[both, n]) / np.std(level[both, reference]))
            notes.append(
                f"{name}: vol moves {scale[n]:.2g} times those of {history.names[reference]} where it has none"
            )
        elif n != reference:
            without.append(name)
    filled, mask = fill_levels(level, z, scale, reference, model, seed)
    if without:
        notes.append(f"{', '.join(without)}: no implied vol, moves as those of {history.names[reference]}")
    by_rule = int(mask[:, reference].sum())
    if by_rule:
        notes.insert(0, f"vol moves of {by_rule} of {len(mask)} scenarios by regression on the price move "
                        f"(R2 {model.fit:.2f}, {model.source})")  # fmt: skip
    return filled, mask, model, scale, notes


def _residual(surface: Sequence[SurfaceMoves], as_of: int) -> Any:
    known = [m.until(as_of) for m in surface]
    return residuals_of(known) if known and all(len(m.start) for m in known) else None


def _short(names: tuple[str, ...], mask: Bools, lead: str, beta: Floats) -> list[str]:
    return [
        f"{n}: {int(m.sum())} of {len(m)} scenarios from before its listing or in gaps, "
        f"by {b:.2f} times {lead}'s move in own volatilities and a drawn remainder"
        for n, m, b in zip(names, mask.T, beta, strict=True)
        if m.any()
    ]
