"""Is a model's expected shortfall large enough: its measure alone, beside the value at risk of the same scenarios.

What a requirement adds to its measure (a floor, charges, a stressed period) would hide a shortfall that is too small:
both are asked for without it, as variants, from the same cube, by the same rule.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from loadline.backtest.day import Day
from loadline.backtest.shortfall import Critical, Shortfall, acerbi_szekely, critical_values
from loadline.backtest.study import series
from loadline.foundation.errors import InputError
from loadline.rulebooks.parameters import Version

ADDED = (
    "stress.weight", "correlation_break.weight", "floor.notional",
    "liquidity.spread", "liquidity.impact", "liquidity.vol_spread",
)  # fmt: skip
"""Parameters that add something to the measure; none of them moves a scenario."""
DEGREES, SIZE, DRAWS, SEED = 5.0, 0.05, 4000, 1
"""Of the critical values: PnL is Student t, a right forecast is rejected with 5 %."""


@dataclass(frozen=True)
class Measure:
    """A model that measures expected shortfall at ``level``: the names of the variants that are its ES and its VaR."""

    level: float
    shortfall: str
    at_risk: str
    variants: Mapping[str, Mapping[str, object]]


def measure_of(name: str, version: Version) -> Measure | str:
    """Return what a model's version measures, or why it has no expected shortfall that could be tested."""
    has = version.parameters
    if "measure.kind" not in has or "measure.level" not in has:
        return "the rulebook measures no expected shortfall"
    if version.text("measure.kind") != "es":
        return "it measures value at risk"
    alone: dict[str, object] = {path: 0.0 for path in ADDED if path in has}
    shortfall, at_risk = f"{name}: ES alone", f"{name}: VaR alone"
    variants = {shortfall: alone, at_risk: {**alone, "measure.kind": "var"}}
    return Measure(version.number("measure.level"), shortfall, at_risk, variants)


def variants_of(measure: Measure | str) -> Mapping[str, Mapping[str, object]]:
    """Return the variants that a model needs to be tested, none where it cannot be."""
    return {} if isinstance(measure, str) else measure.variants


@dataclass(frozen=True)
class Tested:
    """Acerbi and Székely's statistics of one book at a ``level``: of all dates, and by phase without overlaps.

    ``critical``: of a phase, below which they fall with 5 % if the forecast is right.
    """

    level: float
    dates: int
    whole: Shortfall
    phases: tuple[Shortfall, ...]
    critical: Critical | None

    @property
    def z1(self) -> float | None:
        """The least of all phases, None where none has an exceedance."""
        return min((p.z1 for p in self.phases if p.z1 is not None), default=None)

    @property
    def z2(self) -> float | None:
        """The least of all phases."""
        return min((p.z2 for p in self.phases), default=None)

    def as_json(self) -> dict[str, Any]:
        """Return plain data."""

        def told(s: Shortfall) -> dict[str, Any]:
            return {"exceedances": s.exceedances, "z1": s.z1, "z2": s.z2}

        limit = None if self.critical is None else {"z1": self.critical.z1, "z2": self.critical.z2}
        return {"level": self.level, "dates": self.dates, **told(self.whole), "worst_z1": self.z1, "worst_z2": self.z2,
                "critical": limit, "phases": [told(p) for p in self.phases], "why": None}  # fmt: skip


def shortfall_of(days: Sequence[Day], account: str, measure: Measure, phases: Sequence[Sequence[int]]) -> Tested:
    """Return the statistics of one book.

    ``phases``: times (epoch ms) of dates that do not overlap. Raises ``InputError`` for a book without an answer, or
    whose expected shortfall is 0 on a date.
    """
    es, var = (series(days, account, name) for name in (measure.shortfall, measure.at_risk))
    if not np.array_equal(es.at, var.at):
        raise InputError("its two measures have not the same dates", remedy="see the gaps")
    if not (es.margin > 0).all():
        raise InputError("its expected shortfall is 0 on some date", remedy="look at books that can lose")
    rate = 1.0 - measure.level

    def of(rows: np.ndarray) -> Shortfall:
        return acerbi_szekely(-es.loss[rows], var.margin[rows], es.margin[rows], rate)

    parts = [np.flatnonzero(np.isin(es.at, np.asarray(p, np.int64))) for p in phases]
    parts = [p for p in parts if len(p) > 1]
    critical = _critical(len(parts[0]), round(rate, 9)) if parts else None
    return Tested(measure.level, len(es.at), of(np.arange(len(es.at))), tuple(of(p) for p in parts), critical)


@lru_cache
def _critical(trials: int, rate: float) -> Critical:
    """``shortfall.critical_values``: many books have as many dates."""
    return critical_values(trials, rate, DEGREES, size=SIZE, draws=DRAWS, seed=SEED)
