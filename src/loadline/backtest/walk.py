"""The tail model as it would have been calibrated at each date of a backtest, from what was known at that date.

It is ``engine.tail_model.model_at`` that makes it, as it makes what ``loadline calibrate`` writes; nothing later is
looked at.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from loadline.backtest.run import told
from loadline.engine.calibration_facts import spread_of
from loadline.engine.engine import Chosen, choose_rulebook
from loadline.engine.recipe import Recipe
from loadline.engine.tail_model import TailModel, model_at, newest, refuse_measured, surfaces_of
from loadline.forecast.volatility import ewma
from loadline.foundation.table import Floats, Ints, content_hash
from loadline.foundation.units import MS_PER_DAY
from loadline.foundation.version import __version__
from loadline.model.history import History
from loadline.rulebooks.rulebook import load
from loadline.scenarios.chain_history import with_chains
from loadline.scenarios.stress import STABLECOINS
from loadline.scenarios.surface_moves import SurfaceMoves, Surfaces

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


@dataclass(frozen=True, eq=False)
class Walk:
    """A model of a backtest: that of each date from the history up to it.

    ``history``: bars, ``implied`` where known; ``track``: volatility on times finer than the bars', where it is known;
    ``surfaces``: moves over the same horizon, used once they are over; ``spreads``: of vol at 30 days, by coin;
    ``changes``: parameters of ``tail`` by path; ``slack_ms``: how far a bar may lie from its time.
    """

    name: str
    history: History
    names: tuple[str, ...]
    recipe: Recipe = field(default_factory=Recipe)
    track: Track | None = None
    surfaces: tuple[SurfaceMoves, ...] = ()
    spreads: Mapping[str, Surfaces] = field(default_factory=dict)
    changes: Mapping[str, Any] = field(default_factory=dict)
    null: tuple[str, ...] = ()
    variants: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    scale: float = 1.0
    slack_ms: int = 0

    @cached_property
    def identity(self) -> str:
        """The content hash of bars, volatilities, surfaces, recipe and parameters."""
        fine = () if self.track is None else (self.track.time, self.track.names, self.track.variance)
        moves = [x for m in self.surfaces for x in (m.coin, m.start, m.end, m.residual)]
        quoted = [x for c, s in sorted(self.spreads.items()) for x in (c, s.time, s.spread)]
        how = (repr(self.recipe), self.names, told({self.name: self.changes}), self.null, told(self.variants))
        return content_hash(
            self.history.identity, *fine, *moves, *quoted, *how, self.scale, self.slack_ms, __version__
        )  # fmt: skip

    def model(self, as_of: int) -> TailModel:
        """Return the model of a date (epoch ms); raises ``InputError`` where too little is known by then."""
        variance = None
        if self.track is not None:
            variance = dict(zip(self.track.names, self.track.at([as_of])[0].tolist(), strict=True))
        return model_at(
            newest(self.history.until(as_of))[0],
            as_of,
            self.names,
            self.recipe,
            surface=[m for m in (x.until(as_of) for x in self.surfaces) if len(m.start)],
            spreads={c: spread_of(s.until(as_of)) for c, s in self.spreads.items()},
            slack_ms=self.slack_ms,
            changes=self.changes,
            variance=variance,
        )

    def notes(self, as_of: int) -> tuple[str, ...]:
        """Return the rules that the model of a date (epoch ms) was made by; raises ``InputError`` as ``model``."""
        return (*newest(self.history.until(as_of))[1], *self.model(as_of).measured.notes)

    def at(self, as_of: int) -> Chosen:
        """Return ``tail`` with the scenarios of a date (epoch ms)."""
        return Chosen(load("tail"), self.model(as_of).version)


def walked(
    name: str,
    history: History,
    *,
    names: Sequence[str] | None = None,
    recipe: Recipe | None = None,
    track: Track | None = None,
    surfaces: Sequence[SurfaceMoves] = (),
    chains: Mapping[str, Surfaces] | None = None,
    null: Sequence[str] = (),
    parameters: Mapping[str, object] | None = None,
    variants: Mapping[str, Mapping[str, object]] | None = None,
    slack_ms: int = 0,
) -> Walk:
    """Return a model that is calibrated at each date as ``engine.calibrate.calibrate`` would.

    ``names``: of the coins, all but stablecoins if left out; ``surfaces``: moves of vol surfaces, or ``chains`` that
    they and levels of vol are taken from; ``parameters``: of ``tail``, by their path, over those that are calibrated;
    ``variants``: see ``run.Model``. Raises ``RuleError`` for a parameter that ``tail`` has not.
    """
    how, given = recipe or Recipe(), chains or {}
    grown, _ = with_chains(history, given)
    bare = dict.fromkeys(n.partition("#")[0] for n in grown.names)
    chosen = tuple(names) if names is not None else tuple(n for n in bare if n not in STABLECOINS)
    found = tuple(surfaces) or surfaces_of(given, how, chosen)
    changes = dict(parameters or {})
    refuse_measured(changes)
    choose_rulebook("tail", int(grown.time[-1]), changes)  # a word that fits none is told here
    return Walk(name, grown, chosen, how, track, found, given, changes, tuple(null), dict(variants or {}),
                slack_ms=slack_ms)  # fmt: skip
