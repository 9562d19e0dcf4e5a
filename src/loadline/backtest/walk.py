"""The tail model as it would have been calibrated at each date of a backtest, from what was known at that date.

Joint moves of daily bars, each asset's rescaled by its volatility now over that before the move; vols moved with them
where they were known, by a regression on the move where they were not; surface moves of chains that had ended.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from loadline.engine.engine import Chosen, choose_rulebook
from loadline.forecast.volatility import ewma
from loadline.foundation.errors import InputError
from loadline.foundation.table import Floats, Ints, content_hash
from loadline.foundation.units import MS_PER_DAY, format_time
from loadline.model.history import History
from loadline.model.residuals import Residuals
from loadline.rulebooks.parameters import Version
from loadline.rulebooks.tail import tail_with
from loadline.scenarios.moves import Moves, filtered_scenarios

FIRST = 30
"""Returns whose mean square starts a path of volatility; there is no forecast before their end."""


@dataclass(frozen=True, eq=False)
class Track:
    """Variance per day of N assets as it was forecast at K times, NaN before there is a forecast: (K,), (K, N)."""

    time: Ints
    names: tuple[str, ...]
    variance: Floats

    @classmethod
    def of(cls, time: Ints, names: Sequence[str], close: Floats, decay: float = 0.97) -> Track:
        """Return the exponentially weighted track of prices, (K, N) USD at times (K,), however uneven.

        An asset without a price at a time keeps the forecast it had. Where a return spans several days, or part of
        one, its weight does too: see ``forecast.volatility.ewma``.
        """
        out = np.full(close.shape, np.nan)
        for n in range(close.shape[1]):
            rows = np.flatnonzero(np.isfinite(close[:, n]))
            if len(rows) <= FIRST:
                continue
            returns = np.diff(np.log(close[rows, n]))
            days = np.diff(time[rows]) / MS_PER_DAY
            first = float((returns[:FIRST] ** 2).sum() / days[:FIRST].sum())
            path = ewma(returns[FIRST:], decay, first, days[FIRST:])
            known = np.full(len(rows), np.nan)
            known[FIRST:] = path
            place = np.searchsorted(rows, np.arange(len(time)), side="right") - 1
            out[:, n] = np.where(place >= 0, known[np.maximum(place, 0)], np.nan)
        return cls(np.asarray(time, np.int64), tuple(names), out)

    def at(self, times: Ints | Sequence[int]) -> Floats:
        """Return (M, N) what was forecast at the last of its times at or before each of ``times`` (M,), epoch ms."""
        rows = np.searchsorted(self.time, np.asarray(times, np.int64), side="right") - 1
        found = self.variance[np.maximum(rows, 0)]
        return np.asarray(np.where((rows >= 0)[:, None], found, np.nan))


@dataclass(frozen=True)
class Recipe:
    """What the calibration is: see ``scenarios.moves.filtered_scenarios``.

    ``days``: the horizon; ``since``: epoch ms of the first move; ``half_life``: of weights of history in days, 0 for
    equal ones; ``stress``: moves in the stressed period; ``proxy``: whose vol moves stand in for an asset without any,
    and by how much.
    """

    days: int = 2
    damping: float = 0.5
    cap: float = 3.0
    decay: float = 0.97
    since: int = 0
    half_life: float = 0.0
    stress: int = 250
    least: int = 100
    proxy: Mapping[str, tuple[str, float]] = field(default_factory=dict)
    seed: int = 20260101

    def identity(self) -> str:
        """The content hash."""
        return content_hash(*(getattr(self, f) for f in sorted(self.__dataclass_fields__)))


@dataclass(frozen=True, eq=False)
class Walk:
    """A model of a backtest: the set of each date from bars up to it.

    ``bars``: daily closes, ``implied`` where known; ``track``: volatility, on times as fine as it is known;
    ``surfaces``: moves over the same horizon, used once they have ended; ``version``: of ``tail``.
    """

    name: str
    version: Version
    bars: History
    track: Track
    recipe: Recipe = field(default_factory=Recipe)
    surfaces: Residuals | None = None
    null: tuple[str, ...] = ()

    @property
    def identity(self) -> str:
        """The content hash of bars, volatilities, recipe and parameters."""
        surface = "" if self.surfaces is None else self.surfaces.identity
        known = (self.bars.identity, self.track.time, self.track.names, self.track.variance, surface)
        return content_hash(*known, self.recipe.identity(), self.version.identity, self.null)

    @cached_property
    def whole(self) -> Moves:
        """Every move of the bars in order of its start; a row uses nothing known after its end."""
        h, names = self.recipe.days, self.bars.names
        steps = h * MS_PER_DAY // self.bars.step
        spot, level = self.bars.returns(steps), self.bars.level_moves(steps)
        start = self.bars.time - h * MS_PER_DAY
        daily = self.track.at(start)[:, [self.track.names.index(n) for n in names]]
        for asset, (other, share) in self.recipe.proxy.items():
            if asset in names and other in names:
                a, b = names.index(asset), names.index(other)
                level[:, a] = np.where(np.isfinite(level[:, a]), level[:, a], share * level[:, b])
        rows = np.isfinite(spot).all(1) & np.isfinite(daily).all(1) & (daily > 0).all(1) & (start >= self.recipe.since)
        days = np.full(len(names), float(h))
        moved = (spot[rows], level[rows], np.sqrt(daily[rows] * h))
        return Moves(start[rows], self.bars.time[rows], names, days, *moved)

    def known(self, as_of: int) -> Moves:
        """Return the moves that had ended at ``as_of`` (epoch ms), vols filled; raises ``InputError`` for too few."""
        many = int(np.searchsorted(self.whole.end, as_of, side="right"))
        if many < self.recipe.least:
            found = f"{many} moves are known at {format_time(as_of)}, {self.recipe.least} are needed"
            raise InputError(found, remedy="give longer bars, or begin later")
        w = self.whole
        cut = Moves(w.start[:many], w.end[:many], w.names, w.days, w.spot[:many], w.level[:many], w.sigma[:many])
        return replace(cut, level=filled(cut, self.recipe.seed), residual=self._surfaces(as_of))

    def _surfaces(self, as_of: int) -> Residuals | None:
        if self.surfaces is None:
            return None
        r = self.surfaces
        ended = r.start + self.recipe.days * MS_PER_DAY <= as_of
        if not ended.any():
            return None
        return replace(r, start=r.start[ended], values={c: v[ended] for c, v in r.values.items()})

    def at(self, as_of: int) -> Chosen:
        """Return ``tail`` with the scenarios of a date (epoch ms)."""
        moves, r = self.known(as_of), self.recipe
        now = self.track.at([as_of])[0][[self.track.names.index(n) for n in moves.names]]
        weight = None
        if r.half_life:
            weight = 0.5 ** ((as_of - moves.end) / (r.half_life * MS_PER_DAY))
        found = filtered_scenarios(
            moves,
            np.sqrt(now * r.days),
            damping=r.damping,
            cap=r.cap,
            stress=r.stress,
            weight=weight,
            seed=r.seed,
        )
        return Chosen(choose_rulebook("tail", as_of).rule, tail_with(self.version, found))


def filled(moves: Moves, seed: int) -> Floats:
    """Return (S, N) moves of vol, those that are not known drawn: a regression on the spot move, and its own errors.

    On ``z``, ``|z|`` and ``min(z, 0)^2``, z the spot move in standard deviations as forecast. The errors of one date
    stand together for all assets. 0 for an asset of which fewer than 100 moves of vol are known.
    """
    out = moves.level.copy()
    z = moves.spot / moves.sigma
    draw = np.random.default_rng(seed).random(len(moves))
    for n in range(out.shape[1]):
        known = np.isfinite(out[:, n])
        if known.all():
            continue
        if known.sum() < 100:
            out[~known, n] = 0.0
            continue
        x = np.stack([np.ones(len(moves)), z[:, n], np.abs(z[:, n]), np.minimum(z[:, n], 0.0) ** 2], axis=1)
        beta = np.linalg.lstsq(x[known], out[known, n], rcond=None)[0]
        error = out[known, n] - x[known] @ beta
        drawn = error[(draw * len(error)).astype(np.int64)]
        out[:, n] = np.where(known, out[:, n], x @ beta + drawn)
    return out


def walked(
    name: str,
    bars: History,
    *,
    recipe: Recipe | None = None,
    surfaces: Residuals | None = None,
    null: Sequence[str] = (),
    **parameters: object,
) -> Walk:
    """Return a model that is calibrated at each date from daily bars.

    ``parameters``: of ``tail``, by their path with ``__`` for the dot. Raises ``InputError`` for bars that are not daily, ``RuleError`` for a parameter that ``tail`` has not.
    """
    if bars.step != MS_PER_DAY:
        raise InputError("the bars are not daily", remedy="bars.every(86_400_000)")
    how = recipe or Recipe()
    changes = {path.replace("__", "."): value for path, value in parameters.items()}
    version = choose_rulebook("tail", int(bars.time[-1]), changes).version
    return Walk(name, version, bars, Track.of(bars.time, bars.names, bars.close, how.decay), how, surfaces, tuple(null))
