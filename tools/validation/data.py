"""What the validation reads: price histories, implied vols and option chains, joined by rules that are told here.

* Ten coins, daily: perpetuals from 2023 on, Yahoo before, joined in returns.
* Bitcoin and ether beside chains: the same bars, bitcoin's hourly spot bars after them; where a chain has a snapshot in
  the last six hours of a day, close and 30-day vol of that day are its nearest forward and its level.
* Vol before the chains is the daily index of bitcoin's 30-day vol; ether's moves are scaled from bitcoin's there, and
  before November 2022 both are by regression on the price move (``scenarios.levels``).
* Surface moves: from the chains of 2026 once they have ended; before any has, those of bitcoin's chain of summer 2021
  for both coins.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import polars as pl

from loadline.backtest.replay import Chains, file_hash
from loadline.backtest.walk import Track
from loadline.foundation.units import MS_PER_DAY
from loadline.io.bars import Source
from loadline.io.chain_surfaces import read_surfaces
from loadline.io.history import read_history
from loadline.model.history import History
from loadline.scenarios.surface_moves import SurfaceMoves, Surfaces, surface_moves

TEN = ("BTC", "ETH", "ADA", "BCH", "BNB", "DOGE", "LINK", "LTC", "TRX", "XRP")
COINS = ("BTC", "ETH")
HOUR = 3_600_000
PERPETUALS, YAHOO = "ohlcv_1h_binance_usdm_perp_2023_2026", "ohlcv_1d_yahoo_2014_2025"
SPOT, OLD = "ohlcv_1h_binance_spot_BTC_2021_2026", "ohlcv_1h_binance_spot_BTC_ETH_2017_2022"
ALTS = "ohlcv_1h_binance_spot_alts_2017_2022"
CLOSES = "close_1h_binance_spot_2021_2025"
DVOL = "dvol_BTC_1d_2022_2025"


@dataclass(frozen=True)
class Data:
    """The folder, and what was made of it: each read once, when it is first asked for."""

    folder: Path

    def price(self, name: str) -> Path:
        """Return a file of prices."""
        return self.folder / "prices" / f"{name}.parquet"

    @property
    def yahoo(self) -> Source:
        """Daily bars whose volume is in USD."""
        return Source(self.price(YAHOO), volume="usd")

    @property
    def chain_files(self) -> list[Path]:
        """The chains with marks, by month."""
        return sorted((self.folder / "options").glob("deribit_*_chain_202[56]-??.parquet"))

    @property
    def files(self) -> list[Path]:
        """Every file that is read."""
        prices = [self.price(n) for n in (PERPETUALS, YAHOO, SPOT, OLD, ALTS, CLOSES)]
        old = self.folder / "options" / "deribit_BTC_chain_eod_2021-06_07.parquet"
        return [*prices, self.folder / "derivs" / f"{DVOL}.parquet", old, *self.chain_files]

    @cached_property
    def hashes(self) -> dict[str, str]:
        """SHA-256 of every file by its name."""
        return {f.name: file_hash(f) for f in self.files}

    @cached_property
    def ten(self) -> History:
        """Daily closes of ten coins."""
        symbols = [c + quote for c in TEN for quote in ("USDT", "-USD")]
        found = read_history([self.price(PERPETUALS), self.yahoo], symbols=symbols, step_ms=MS_PER_DAY)
        return found.select(TEN)

    @cached_property
    def hourly(self) -> History:
        """Hourly closes of ten coins: perpetuals from 2023, spot before."""
        files = [self.price(n) for n in (PERPETUALS, OLD, ALTS, CLOSES)]
        return read_history(files, symbols=[f"{c}USDT" for c in TEN], step_ms=HOUR).select(TEN)

    @cached_property
    def two(self) -> History:
        """Daily closes of bitcoin and ether without chains."""
        files = [*(self.price(n) for n in (PERPETUALS, SPOT, OLD)), self.yahoo]
        symbols = [c + quote for c in COINS for quote in ("USDT", "-USD")]
        return read_history(files, symbols=symbols, step_ms=MS_PER_DAY).select(COINS)

    @cached_property
    def chains(self) -> Chains:
        """Every snapshot."""
        return Chains.of(self.chain_files)

    @cached_property
    def surfaces(self) -> dict[str, Surfaces]:
        """Vol surfaces of every snapshot, by coin."""
        return read_surfaces(self.chain_files).by_coin

    @cached_property
    def index_of_vol(self) -> tuple[np.ndarray, np.ndarray]:
        """Days (epoch ms of their end) and level of bitcoin's 30-day vol index, as decimals."""
        frame = pl.read_parquet(self.folder / "derivs" / f"{DVOL}.parquet").sort("ts")
        day = frame["ts"].dt.epoch("ms").to_numpy() // MS_PER_DAY * MS_PER_DAY + MS_PER_DAY
        return day, frame["dvol"].to_numpy() / 100.0

    @cached_property
    def bars(self) -> History:
        """Daily closes of bitcoin and ether with 30-day vols, chains where there are some."""
        plain = self.two
        last = max(int(s.time[-1]) for s in self.surfaces.values()) // MS_PER_DAY * MS_PER_DAY
        day = np.arange(int(plain.time[0]), last + MS_PER_DAY, MS_PER_DAY)
        close = np.full((len(day), 2), np.nan)
        implied = np.full((len(day), 2), np.nan)
        close[(plain.time - day[0]) // MS_PER_DAY] = plain.close
        at, level = self.index_of_vol
        inside = (at >= day[0]) & (at <= last)
        implied[(at[inside] - day[0]) // MS_PER_DAY, 0] = level[inside]
        for n, coin in enumerate(COINS):
            s = self.surfaces[coin]
            forward, vol = s.near_forward(), s.level()
            end = -(-s.time // MS_PER_DAY) * MS_PER_DAY
            for k in np.flatnonzero(end - s.time <= 6 * HOUR).tolist():  # the last one of a day stands
                row = int((end[k] - day[0]) // MS_PER_DAY)
                if row < len(day) and np.isfinite(forward[k]):
                    close[row, n], implied[row, n] = forward[k], vol[k]
        return History.of(day, COINS, close, step=MS_PER_DAY, implied=implied, source=plain.source)

    @cached_property
    def track(self) -> Track:
        """Volatility of bitcoin and ether on daily bars, and on every snapshot where there are chains."""
        return self.track_of(0.97)

    def track_of(self, decay: float) -> Track:
        """Return the same with another decay."""
        times = sorted({*self.bars.time.tolist(), *(t for s in self.surfaces.values() for t in s.time.tolist())})
        time = np.array(times, np.int64)
        close = np.full((len(time), 2), np.nan)
        close[np.searchsorted(time, self.bars.time)] = self.bars.close
        for n, coin in enumerate(COINS):
            s = self.surfaces[coin]
            close[np.searchsorted(time, s.time), n] = s.near_forward()
        return Track.of(time, COINS, close, decay)

    def moves(self, days: int) -> tuple[SurfaceMoves, ...]:
        """Return how surfaces moved over so many days: summer 2021 for both coins from bitcoin, then the chains."""
        path = self.folder / "options" / "deribit_BTC_chain_eod_2021-06_07.parquet"
        old = surface_moves(read_surfaces([path]).by_coin["BTC"], days * MS_PER_DAY)
        found = []
        for coin in COINS:
            new = surface_moves(self.surfaces[coin], days * MS_PER_DAY)
            columns = ("start", "end", "level", "spot", "total", "residual")
            both = {c: np.concatenate([getattr(old, c), getattr(new, c)]) for c in columns}
            found.append(replace(new, **both))
        return tuple(found)
