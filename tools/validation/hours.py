"""Hour by hour through four crashes: did the requirement rise before the price fell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from loadline.backtest.families import Size, books
from loadline.backtest.replay import perpetuals
from loadline.backtest.walk import Track
from loadline.engine.engine import margins
from loadline.engine.result import MarginResult
from loadline.foundation.units import MS_PER_DAY, parse_time
from tools.validation.data import COINS, HOUR, Data
from tools.validation.models import tail

EVENTS: Sequence[tuple[str, str, int]] = (
    ("March 2020", "2020-03-12", 2),
    ("November 2022", "2022-11-07", 3),
    ("October 2025", "2025-10-10", 2),
    ("February 2026", "2026-02-04", 3),
)
"""What each is called, the midnight that is its eve, and days from there."""


@dataclass(frozen=True)
class Hours:
    """One crash and coin: hourly times, closes, and the requirement of a long perpetual, fraction of notional.

    ``low``: the row of the lowest close.
    """

    event: str
    coin: str
    time: list[int]
    close: list[float]
    margin: list[float]

    @property
    def low(self) -> int:
        """The row of the lowest close."""
        return int(np.argmin(self.close))

    @property
    def loss(self) -> float:
        """From the eve to the lowest close."""
        return 1.0 - self.close[self.low] / self.close[0]


def hours(data: Data) -> list[Hours]:
    """Return the four crashes, volatility kept up to date every hour."""
    fine = data.hourly.select(COINS)
    since = parse_time("2017-12-01")
    fine = fine.rows(np.flatnonzero(fine.time >= since))
    model = tail("tail", 2, data.two, Track.of(fine.time, COINS, fine.close), null=())
    out = []
    for event, eve, days in EVENTS:
        start = parse_time(eve)
        rows = np.flatnonzero((fine.time >= start) & (fine.time <= start + days * MS_PER_DAY))
        rows = rows[np.isfinite(fine.close[rows]).all(1)]
        asked: dict[str, list[float]] = {c: [] for c in COINS}
        for row in rows.tolist():
            at = int(fine.time[row])
            market = perpetuals(at, dict(zip(COINS, fine.close[row].tolist(), strict=True)))
            opened = books(market, ["perp-long"], COINS, Size(usd=1.0))
            for answer in margins(opened.portfolio, market, model.at(at)):
                assert isinstance(answer, MarginResult), answer
                asked[answer.account.partition(" ")[0]].append(answer.initial)
        for n, coin in enumerate(COINS):
            times, closes = fine.time[rows].tolist(), fine.close[rows, n].tolist()
            out.append(Hours(event, coin, times, closes, asked[coin]))
    assert all(h.time[1] - h.time[0] == HOUR for h in out)
    return out
