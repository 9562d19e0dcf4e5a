"""The tail model as it would have been calibrated at each date of a backtest, from what was known at that date.

The moves are those of ``scenarios.history_moves``, which ``loadline calibrate`` takes, too; nothing later is looked at.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from loadline.backtest.run import told
from loadline.engine.calibrate import CALIBRATED
from loadline.engine.calibrate import Recipe as CalibrateRecipe
from loadline.engine.engine import Chosen, choose_rulebook
from loadline.forecast.volatility import ewma
from loadline.foundation.errors import InputError
from loadline.foundation.table import Floats, Ints, content_hash
from loadline.foundation.units import MS_PER_DAY
from loadline.foundation.version import __version__
from loadline.model.history import History
from loadline.rulebooks.parameters import Version
from loadline.rulebooks.rulebook import load
from loadline.rulebooks.tail import tail_with
from loadline.scenarios.history_moves import Measured, measured
from loadline.scenarios.moves import filtered_scenarios
from loadline.scenarios.surface_moves import SurfaceMoves

FIRST = 30
"""Returns whose mean square starts a path of volatility; there is no forecast before their end."""
USUAL = CalibrateRecipe()
"""What ``loadline calibrate`` does unless told otherwise: the defaults here are its own."""


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
    """What the calibration is: see ``scenarios.history_moves.measured`` and ``scenarios.moves.filtered_scenarios``.

    ``days``: the horizon; ``since``: epoch ms of the first move, earlier where ``least`` days have not passed since;
    ``half_life``: of weights of history in days, 0 for equal ones; ``stress``: moves in the stressed period, 0: none;
    ``level``: confidence of the expected shortfall.
    """

    days: int = 2
    damping: float = USUAL.damping
    cap: float = USUAL.cap
    decay: float = USUAL.decay
    since: int = USUAL.start
    least: int = 1000
    half_life: float = 0.0
    stress: int = 0
    seed: int = USUAL.seed
    level: float = USUAL.level

    @property
    def identity(self) -> str:
        """The content hash."""
        return content_hash(*(getattr(self, f) for f in sorted(self.__dataclass_fields__)))


@dataclass(frozen=True, eq=False)
class Walk:
    """A model of a backtest: the set of each date from bars up to it.

    ``bars``: daily closes, ``implied`` where known; ``track``: volatility on times finer than the bars', where it is
    known; ``surfaces``: moves over the same horizon, used once they are over; ``version``: of ``tail``.
    """

    name: str
    version: Version
    bars: History
    recipe: Recipe = field(default_factory=Recipe)
    track: Track | None = None
    surfaces: tuple[SurfaceMoves, ...] = ()
    null: tuple[str, ...] = ()
    variants: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    scale: float = 1.0

    @cached_property
    def identity(self) -> str:
        """The content hash of bars, volatilities, surfaces, recipe and parameters."""
        fine = () if self.track is None else (self.track.time, self.track.names, self.track.variance)
        moves = [x for m in self.surfaces for x in (m.coin, m.start, m.end, m.residual)]
        how = (self.recipe.identity, self.version.identity, self.null, told(self.variants), self.scale, __version__)
        return content_hash(self.bars.identity, *fine, *moves, *how)

    def known(self, as_of: int) -> Measured:
        """Return the moves that were over at ``as_of`` (epoch ms); raises ``InputError`` where there are too few."""
        r = self.recipe
        first = min(r.since, as_of - r.least * MS_PER_DAY)
        return measured(
            self.bars,
            as_of=as_of,
            days=float(r.days),
            start=first,
            decay=r.decay,
            surface=self.surfaces,
            seed=r.seed,
        )

    def at(self, as_of: int) -> Chosen:
        """Return ``tail`` with the scenarios of a date (epoch ms)."""
        found, r = self.known(as_of), self.recipe
        moves, now = found.moves, found.sigma_now
        if self.track is not None:
            fine = self.track.at([as_of])[0][[self.track.names.index(n) for n in moves.names]]
            now = np.sqrt(fine * moves.days)
        weight = 0.5 ** ((as_of - moves.end) / (r.half_life * MS_PER_DAY)) if r.half_life else None
        scenarios = filtered_scenarios(
            moves, now, damping=r.damping, cap=r.cap, stress=r.stress, weight=weight, seed=r.seed
        )
        return Chosen(load("tail"), tail_with(self.version, scenarios))


def walked(
    name: str,
    bars: History,
    *,
    recipe: Recipe | None = None,
    track: Track | None = None,
    surfaces: Sequence[SurfaceMoves] = (),
    null: Sequence[str] = (),
    parameters: Mapping[str, object] | None = None,
    variants: Mapping[str, Mapping[str, object]] | None = None,
) -> Walk:
    """Return a model that is calibrated at each date from daily bars.

    ``parameters``: of ``tail``, by their path, over those of ``engine.calibrate``, without charges for liquidity;
    ``variants``: see ``run.Model``. Raises ``InputError`` for bars that are not daily, ``RuleError`` for a parameter
    that ``tail`` has not.
    """
    if bars.step != MS_PER_DAY:
        raise InputError("the bars are not daily", remedy="bars.every(86_400_000)")
    how = recipe or Recipe()
    own = {"measure.level": how.level, "floor.notional": USUAL.floor, "horizon.days": float(how.days)}
    asked = {**CALIBRATED, **own, **(parameters or {})}
    weights = [asked.get("stress.weight"), *(v.get("stress.weight") for v in (variants or {}).values())]
    if any(weights) and not how.stress:
        how = replace(how, stress=USUAL.stress)
    version = choose_rulebook("tail", int(bars.time[-1]), asked).version
    return Walk(name, version, bars, how, track, tuple(surfaces), tuple(null), dict(variants or {}))
