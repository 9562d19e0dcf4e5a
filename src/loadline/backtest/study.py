"""What many dates say of a model: coverage, spacing of breaches, losses beyond margin, cost and procyclicality."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from loadline.backtest import coverage
from loadline.backtest.coverage import Zone
from loadline.backtest.day import Day
from loadline.backtest.procyclicality import peak_to_trough, rise_within
from loadline.backtest.shortfall import uncovered
from loadline.foundation.errors import InputError
from loadline.foundation.table import Floats, Ints
from loadline.foundation.units import MS_PER_DAY

RATE = 0.01
"""The breach rate that margins are held against."""
RISE_DAYS = 5.0
"""Within how many days the largest rise of a requirement is looked for."""
ZONES: tuple[Zone, ...] = ("green", "yellow", "red")


@dataclass(frozen=True, eq=False)
class Series:
    """One book under one model, (T,) each: times (epoch ms), and requirement and losses as fractions of notional.

    Dates without a number are left out and counted: ``gaps``.
    """

    account: str
    model: str
    at: Ints
    margin: Floats
    loss: Floats
    worst: Floats
    gaps: int = 0

    @property
    def breached(self) -> Any:
        """(T,) whether the loss at the end point was larger than the margin."""
        return self.loss > self.margin

    def at_rows(self, rows: Ints | Sequence[int]) -> Series:
        """Return some of the dates."""
        at = np.asarray(rows, np.int64)
        return Series(self.account, self.model, self.at[at], self.margin[at], self.loss[at], self.worst[at], self.gaps)

    def with_margin(self, margin: Floats, model: str) -> Series:
        """Return the same losses against another margin."""
        return Series(self.account, model, self.at, margin, self.loss, self.worst, self.gaps)


def series(days: Sequence[Day], account: str, model: str) -> Series:
    """Return one book under one model from the dates of a run; raises ``InputError`` where it has no answer at all."""
    rows, gaps = [], 0
    for day in days:
        if account not in day.accounts:
            gaps += 1
            continue
        k = day.accounts.index(account)
        values = (day.models[model].initial[k], day.loss[k], day.worst[k])
        if any(v is None for v in values):
            gaps += 1
            continue
        rows.append((day.at, *(float(v or 0.0) / day.notional[k] for v in values)))
    if not rows:
        raise InputError(f"{account} has no answer under {model}", remedy="see why each date has none: the gaps")
    at, margin, loss, worst = (np.array(x) for x in zip(*rows, strict=True))
    return Series(account, model, at.astype(np.int64), np.maximum(margin, 0.0), loss, worst, gaps)


@dataclass(frozen=True)
class Phase:
    """Dates a horizon apart, so that no two losses overlap: the tests that need independent dates.

    ``kupiec``, ``conditional``, ``independence``: p-values; ``too_many``: the one-sided p-value; ``most``: breaches in
    the worst 250 dates in a row; ``zone``: Basel's for all of these dates; ``power``: against true rates of 2 and 3 %.
    """

    dates: int
    breaches: int
    kupiec: float
    too_many: float
    independence: float
    conditional: float
    most: int
    zone: Zone
    power: Mapping[float, float]


@dataclass(frozen=True)
class Verdict:
    """One book under one model. Rates and means are of all dates, overlapping ones too; ``phases`` hold the tests.

    ``mean``, ``beyond``, ``largest``: fractions of notional; ``path``: the breach rate on the worst path;
    ``peak_to_trough``, ``rise``: of the requirement per notional, the rise within ``rise_days`` (``None``: a margin of
    0).
    """

    account: str
    model: str
    dates: int
    gaps: int
    breaches: int
    rate: float
    path: float
    mean: float
    beyond: float
    largest: float
    ratio: float
    peak_to_trough: float | None
    rise: float | None
    rise_days: float
    phases: tuple[Phase, ...]

    @property
    def coverage(self) -> float:
        """The share of dates whose loss the margin covered."""
        return 1.0 - self.rate

    @property
    def kupiec(self) -> float:
        """The smallest two-sided p-value of all phases."""
        return min(p.kupiec for p in self.phases)

    @property
    def too_many(self) -> float:
        """The smallest one-sided p-value of all phases."""
        return min(p.too_many for p in self.phases)

    @property
    def independence(self) -> float:
        """The smallest p-value of spacing alone."""
        return min(p.independence for p in self.phases)

    @property
    def conditional(self) -> float:
        """The smallest p-value of number and spacing together."""
        return min(p.conditional for p in self.phases)

    @property
    def most(self) -> int:
        """The most breaches in 250 dates in a row, over all phases."""
        return max(p.most for p in self.phases)

    @property
    def zone(self) -> Zone:
        """Basel's zone of the worst phase."""
        return max((p.zone for p in self.phases), key=ZONES.index)

    def as_json(self) -> dict[str, Any]:
        """Return plain data; of all phases the worst number, None where there is no phase."""
        plain = asdict(self)
        phases, _ = plain.pop("phases"), plain.pop("rise_days")
        worst = ("kupiec", "too_many", "independence", "conditional", "most", "zone")
        told = {name: getattr(self, name) if self.phases else None for name in worst}
        return plain | {"coverage": self.coverage, **told, "phases": phases}


@lru_cache
def _power(dates: int, rate: float, true: float) -> float:
    """``coverage.power``: many series are of one length."""
    return coverage.power(dates, rate, true)


def phase(breached: Sequence[bool], rate: float = RATE) -> Phase:
    """Return the tests of dates that do not overlap.

    >>> phase([False] * 240 + [True] * 10).zone
    'red'
    """
    hits, n = int(sum(breached)), len(breached)
    clusters = coverage.christoffersen(breached, rate)
    powers = {true: _power(n, rate, true) for true in (0.02, 0.03)}
    return Phase(
        n,
        hits,
        clusters.unconditional.p_value,
        coverage.too_many(hits, n, rate),
        clusters.independence.p_value,
        clusters.conditional.p_value,
        coverage.most_in_window(breached),
        coverage.traffic_light(hits, n, rate).zone,
        powers,
    )


def phased(s: Series, phases: int) -> list[Series]:
    """Return the dates of a daily series by phase: those whose day's number leaves the same rest by ``phases``."""
    day = s.at // MS_PER_DAY
    return [s.at_rows(np.flatnonzero(day % phases == k)) for k in range(phases)]


def judge(s: Series, phases: Sequence[Series], days: float = RISE_DAYS) -> Verdict:
    """Return the verdict on a series; ``phases``: its dates that do not overlap; ``days``: that a rise may take.

    Raises ``InputError`` for a series of one date.
    """
    if len(s.at) < 2:
        raise InputError(f"{s.account} has {len(s.at)} dates", remedy="give a longer history")
    beyond = uncovered(s.loss, s.margin)
    positive = bool((s.margin > 0).all())
    return Verdict(
        s.account,
        s.model,
        len(s.at),
        s.gaps,
        int(s.breached.sum()),
        float(s.breached.mean()),
        float((s.worst > s.margin).mean()),
        float(s.margin.mean()),
        beyond.mean,
        beyond.largest,
        float((s.loss / s.margin).max()) if positive else float("inf"),
        peak_to_trough(s.margin) if positive else None,
        rise_within(s.margin, s.at, days) if positive else None,
        days,
        tuple(phase(p.breached.tolist()) for p in phases if len(p.at) > 1),
    )
