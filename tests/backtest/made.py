"""A chain and a history of our own numbers that move from date to date, for replays."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from loadline.foundation.units import MS_PER_DAY, MS_PER_YEAR, parse_time
from loadline.io.venues.deribit_names import option_name
from loadline.model.history import History
from tests.io.made import coin_mark, write_chain

START = parse_time("2026-03-02T10:00:00Z")
SIX_HOURS = MS_PER_DAY // 4
EXPIRIES = tuple(parse_time(f"2026-{day}T08:00:00Z") for day in ("03-04", "03-13", "03-27", "05-29"))
SPOT = {"BTC": 80_000.0, "ETH": 2_500.0}


def path_of(coin: str, dates: int, seed: int = 3) -> np.ndarray:
    """Return the coin's price at each date: quiet, with one fall of a tenth."""
    moves = np.random.default_rng(seed + len(coin + str(SPOT[coin]))).normal(0.0, 0.004, dates)
    moves[dates // 2] -= 0.1
    return SPOT[coin] * np.exp(np.cumsum(moves))


def rows(coin: str, dates: int) -> list[dict]:
    """Return the rows of a chain over some dates six hours apart."""
    found = []
    for n, price in enumerate(path_of(coin, dates)):
        at = START + n * SIX_HOURS
        for expiry in EXPIRIES:
            if expiry <= at:
                continue
            tau = (expiry - at) / MS_PER_YEAR
            forward = price * (1.0 + 0.05 * tau)
            for k in np.linspace(0.7, 1.3, 13):
                strike, vol = round(SPOT[coin] * k, -1), 0.5 + 0.4 * (k - 1.0) ** 2
                for right in (1, -1):
                    mark = round(coin_mark(forward, strike, vol, tau, right), 4)
                    found.append(
                        {"ts": at, "currency": coin, "instrument": option_name(coin, expiry, strike, right),
                         "expiry": expiry, "strike": strike, "cp": "C" if right > 0 else "P", "bid": None, "ask": None,
                         "mark": mark, "mark_iv": vol, "forward": forward, "index": price}
                    )  # fmt: skip
    return found


def chain(folder: Path, dates: int = 20) -> list[Path]:
    """Write the chains of both coins."""
    return [write_chain(folder / f"{coin}.parquet", rows(coin, dates)) for coin in SPOT]


def history(dates: int = 600, coins: tuple[str, ...] = ("BTC", "ETH", "SOL"), seed: int = 5) -> History:
    """Return daily closes whose volatility comes and goes, with fat tails and common moves."""
    rng = np.random.default_rng(seed)
    calm = 0.02 * np.exp(0.8 * np.sin(np.arange(dates) / 40.0))[:, None]
    common, own = rng.standard_t(4, (dates, 1)), rng.standard_t(4, (dates, len(coins)))
    moves = calm * (0.8 * common + 0.6 * own) / np.sqrt(2.0)
    close = np.array([100.0 * 10**k for k in range(len(coins))]) * np.exp(np.cumsum(moves, axis=0))
    time = START - (dates - 1 - np.arange(dates)) * MS_PER_DAY
    return History.of(time, coins, close, step=MS_PER_DAY)
