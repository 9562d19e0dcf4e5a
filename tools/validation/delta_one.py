"""Ten books without options over eight years: the engine's requirement at every day's close, losses 1 and 2 days on."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from loadline.backtest.day import Day
from loadline.backtest.families import Size
from loadline.backtest.replay import Prices, windows
from loadline.backtest.run import Case, run
from loadline.backtest.study import Series, Verdict, judge, phased, series
from loadline.foundation.units import MS_PER_DAY, parse_time
from loadline.model.history import History
from tools.validation.data import HOUR, TEN, Data
from tools.validation.models import LEVEL, SEED, TOOLS, at_levels, tail

START = parse_time("2018-06-01")
FAMILIES = ("perp-long", "perp-short", "basket-long", "basket-short", "pair", "against-all", "all-against")
BOOKS: Mapping[str, str] = {
    "BTC long": "BTC perp-long", "BTC short": "BTC perp-short", "ETH long": "ETH perp-long",
    "ETH short": "ETH perp-short", "ten long": "BTC basket-long", "ten short": "BTC basket-short",
    "BTC-ETH": "BTC pair", "ETH-BTC": "ETH pair", "BTC-alts": "BTC against-all", "alts-BTC": "BTC all-against",
}  # fmt: skip
"""The books of the study and the accounts they are."""
CORE, WITH_TOOLS = "tail", "tail with tools"
LEVELS = (0.955, 0.96, 0.965, 0.97, 0.975, 0.98, 0.985)
"""Of the expected shortfall: what ``level`` chooses among."""
VAR_99 = 0.99
VARIANTS = at_levels(LEVELS, (LEVEL, VAR_99))


def weights(label: str) -> np.ndarray:
    """Return (10,) USD held in each coin per USD of notional."""
    one, other, even = np.eye(10)[0], np.eye(10)[1], np.full(10, 0.1)
    alts = np.array([0.0, *[1.0 / 9.0] * 9])
    own = {"BTC": one, "ETH": other, "ten": even, "BTC-ETH": one - other, "ETH-BTC": other - one}
    own |= {"BTC-alts": one - alts, "alts-BTC": alts - one}
    head, _, way = label.partition(" ")
    return np.asarray(own[head] * (-1.0 if way == "short" else 1.0))


@dataclass(frozen=True)
class DeltaOne:
    """The dates by horizon, and the losses on the worst hourly close by horizon and book, (T,) fractions or NaN."""

    days: Mapping[int, list[Day]]
    path: Mapping[int, Mapping[str, np.ndarray]]

    def series(self, horizon: int, label: str, model: str) -> Series:
        """Return a book under a model."""
        plain = series(self.days[horizon], BOOKS[label], model)
        at = {d.at: k for k, d in enumerate(self.days[horizon])}
        path = self.path[horizon][label][[at[t] for t in plain.at.tolist()]]
        worst = np.where(np.isfinite(path), np.fmax(path, plain.loss), np.nan)
        return Series(label, model, plain.at, plain.margin, plain.loss, worst, plain.gaps)

    def verdict(self, horizon: int, label: str, model: str) -> Verdict:
        """Return its verdict, in as many phases as the horizon has days."""
        s = self.series(horizon, label, model)
        return judge(s, phased(s, horizon))


def measured(data: Data, folder: Path, told: Callable[[str], Callable[[int, int], None]],
             horizons: Sequence[int] = (1, 2)) -> DeltaOne:  # fmt: skip
    """Return every date from June 2018 on; ``folder``: for the journals."""
    bars = data.ten
    prices = Prices(bars)
    found = {}
    for days in horizons:
        models = (
            tail(CORE, days, bars, null=(), variants=VARIANTS),
            tail(WITH_TOOLS, days, bars, null=(), recipe=TOOLS),
        )
        dates = [w for w in windows(prices.times, days) if w.at >= START]
        case = Case(FAMILIES, ("BTC", "ETH"), Size(usd=1.0), models, float(days), SEED)
        journal = folder / f"delta-one-{days}.jsonl"
        found[days] = run(case, prices, dates, journal=journal, told=told(f"delta-one, {days} days"))
    return DeltaOne(found, {h: paths(data.hourly, [d.at for d in days], h) for h, days in found.items()})


def paths(hourly: History, at: list[int], days: int) -> dict[str, np.ndarray]:
    """Return by book the largest loss at any hourly close within the horizon, (T,) per notional; NaN without bars."""
    order = [hourly.names.index(c) for c in TEN]
    close, time = hourly.close[:, order], hourly.time
    out = {label: np.full(len(at), np.nan) for label in BOOKS}
    held = {label: weights(label) for label in BOOKS}
    for n, t in enumerate(at):
        row = int(np.searchsorted(time, t))
        if row >= len(time) or time[row] != t:
            continue
        end = int(np.searchsorted(time, t + days * MS_PER_DAY, side="right"))
        gain = close[row + 1 : end] / close[row] - 1.0
        for label, w in held.items():
            mine = np.flatnonzero(w)
            pnl = gain[:, mine] @ w[mine]
            known = pnl[np.isfinite(pnl)]
            if len(known) >= 0.9 * days * MS_PER_DAY / HOUR:
                out[label][n] = -known.min()
    return out
