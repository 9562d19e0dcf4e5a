"""How a tail model is calibrated: every choice, with its default."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite

from loadline.foundation.errors import InputError
from loadline.scenarios.copula_moves import MARGINS, TAILS
from loadline.scenarios.predict import OWN
from loadline.scenarios.today import REFILL

MOST_DRAWN = 1_000_000
"""Scenarios that may be drawn at most, as for ``tail`` on a given covariance."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a model is calibrated.

    ``days``: the shortest liquidation period; ``start``: of the first scenario, epoch ms, earlier where ``least`` days
    have not passed since; ``damping``, ``cap``: of the filter (``scenarios.historical.filtered``); ``half_life``: days
    in which a move comes to count half, 0: all count alike; ``stress``: scenarios in the stressed period,
    ``stress_weight``: its share; ``decay``: of the exponential weights; ``size``: USD that are to be closed within the
    period, at ``participation`` of what trades on a day, in ``longest`` days at most; ``half_spread``: fraction of
    price, of every coin; ``impact``: daily volatilities at a trade as large as what trades; ``vol_spread``: half the
    spread of vol at 30 days; ``floor``: fraction of notional; ``rise``: of margin in a day by volatility alone, 0 for
    no limit, and ``vol_floor``: quantile of its own past that volatility does not fall below, 0 for none
    (``scenarios.today``); ``long_run``: days of the period whose volatility is another floor, 0 for none; ``buffer``:
    share of margin on top in calm times, used up while it rises, and ``refill``: share by which it grows again on a day
    without a rise; ``forecast``: what the volatility of today is a mixture of (``scenarios.predict``); ``drawn``:
    scenarios from a copula in place of those of history, 0 for history, without a stressed period; ``margins``,
    ``tails``: what each asset's variance and quantiles go by then (``scenarios.copula_moves``); ``seed``: of all that
    is drawn; ``level``: confidence of the expected shortfall, above 0.5 and below 1, chosen on 2018 to 2021 and
    confirmed on the years after (``docs/validation.md``). Raises ``InputError`` for what is outside, all at once.
    """

    days: float = 2.0
    start: int = 1_514_764_800_000  # 2018-01-01
    least: float = 1000.0
    damping: float = 0.5
    cap: float = 3.0
    half_life: float = 0.0
    stress: int = 250
    stress_weight: float = 0.25
    decay: float = 0.97
    size: float = 10e6
    participation: float = 0.1
    longest: float = 10.0
    half_spread: float = 0.0005
    impact: float = 1.0
    vol_spread: float = 0.006
    floor: float = 0.005
    rise: float = 0.1
    vol_floor: float = 0.0
    long_run: float = 0.0
    buffer: float = 0.0
    refill: float = REFILL
    forecast: tuple[str, ...] = (OWN,)
    drawn: int = 0
    margins: str = MARGINS[0]
    tails: str = TAILS[0]
    seed: int = 20260101
    level: float = 0.965

    def __post_init__(self) -> None:
        shares = ("stress_weight", "vol_floor", "buffer", "refill")
        wrong = [f"{n.replace('_', ' ')} {getattr(self, n):g}" for n in shares if not 0.0 <= getattr(self, n) <= 1.0]
        remedies = ["give shares between 0 and 1, 0.25 for 25 %"] if wrong else []
        if not 0.5 < self.level < 1.0:
            wrong.append(f"an expected shortfall at the level {self.level:g}")
            remedies.append("give a confidence above 0.5 and below 1, 0.965 for 96.5 %")
        if not (isfinite(self.size) and self.size > 0.0):
            wrong.append(f"a size of {self.size:g} USD")
            remedies.append("give a size above 0")
        if not (isfinite(self.long_run) and self.long_run >= 0.0):
            wrong.append(f"a long run of {self.long_run:g} days")
            remedies.append("give days, 3650 for ten years, 0 for no floor")
        if not 0 <= self.drawn <= MOST_DRAWN or self.drawn % 2:
            wrong.append(f"{self.drawn:,} scenarios drawn")
            remedies.append(f"draw an even number, {MOST_DRAWN:,} at most")
        if self.margins not in MARGINS or self.tails not in TAILS:
            wrong.append(f"margins by {self.margins!r} with tails {self.tails!r}")
            remedies.append(f"choose from {', '.join(MARGINS)}, and from {', '.join(TAILS)}")
        if wrong:
            raise InputError("; ".join(wrong), remedy="; ".join(remedies))
