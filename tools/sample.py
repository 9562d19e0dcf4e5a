"""Generate the embedded sample: a market of about 800 instruments and five accounts, from the parameters below.

``python -m tools.sample`` writes ``src/loadline/data/sample``; the same parameters give the same bytes. Nothing was
ever quoted: prices, vols and accounts are made here. Option marks are Black-76 of one surface per coin, so that the
market is free of arbitrage:

* forwards ``F(τ) = S exp(c(τ) τ)``, carry ``c(τ) = long + (short - long) exp(-τ / scale)``;
* at-the-money vol ``s(τ)`` of the same shape, total variance ``θ = s² τ`` rising in τ;
* smiles are SSVI, ``w(k) = θ/2 (1 + ρ φ k + sqrt((φ k + ρ)² + 1 - ρ²))`` with ``φ = η / sqrt(θ (1 + θ))``: free of
  butterfly and calendar arbitrage for ``η (1 + |ρ|) <= 2``. Source: J. Gatheral and A. Jacquier, *Arbitrage-free SVI
  volatility surfaces*, Quantitative Finance 14 (2014) 59-71, remark 4.4.
"""

import math
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from loadline.foundation.units import MS_PER_YEAR, parse_time
from loadline.io.snapshot_writer import write_market
from loadline.io.venues.deribit_names import Contract, contract, future_name, option_name
from loadline.kernels.black76 import value1
from loadline.kernels.surface import svi_vol
from loadline.model.instruments import NO_EXPIRY, Instruments, Kind, PayoffForm
from loadline.model.market import Market, Quotes
from tools.sample_accounts import holdings

FOLDER = Path(__file__).resolve().parent.parent / "src" / "loadline" / "data" / "sample"

AS_OF = "2026-06-01T08:00:00Z"
SEED = 20260601  # of the market maker's legs; nothing else is drawn
FX = {"USDC": 0.9998, "USDT": 1.0003}
OPTION_EXPIRIES = (  # days, weeks, months and quarters, 08:00 UTC
    "2026-06-02", "2026-06-03", "2026-06-05", "2026-06-12", "2026-06-19", "2026-06-26",
    "2026-07-31", "2026-08-28", "2026-09-25", "2026-12-25", "2027-03-26",
)  # fmt: skip
FUTURE_EXPIRIES = ("2026-06-05", "2026-06-26", "2026-07-31", "2026-09-25", "2026-12-25", "2027-03-26")
CASH_EXPIRIES = ("2026-06-05", "2026-06-26", "2026-09-25")  # of options settled in USDC
STEPS = (10, 20, 25, 50, 100, 200, 250, 500, 1000, 2000, 2500, 5000, 10000, 20000)
LADDER = (-1.9, 2.3)  # strikes reach this far, in standard deviations of log price
STRIKES, CASH_STRIKES = 21, 11  # at most, per expiry
SPREAD = 0.015  # half the bid-ask spread, of the mark


@dataclass(frozen=True)
class Coin:
    """What the market of one coin is made from; curves are (short end, long end, scale in years)."""

    name: str
    spot: float
    carry: tuple[float, float, float]
    vol: tuple[float, float, float]
    rho: float
    eta: float
    tick: float  # of futures, USD
    premium: float  # of perpetuals over spot


COINS = (
    Coin("BTC", 84_000.0, (0.035, 0.06, 0.3), (0.41, 0.53, 0.35), rho=-0.14, eta=1.25, tick=2.5, premium=0.0002),
    Coin("ETH", 2_900.0, (0.03, 0.055, 0.3), (0.6, 0.7, 0.35), rho=-0.06, eta=1.1, tick=0.05, premium=0.0001),
)


def curve(points: tuple[float, float, float], tau: float) -> float:
    """The level of a curve at ``tau`` years."""
    short, long, scale = points
    return long + (short - long) * math.exp(-tau / scale)


def forward(coin: Coin, tau: float) -> float:
    """The forward in USD, to the cent."""
    return round(coin.spot * math.exp(curve(coin.carry, tau) * tau), 2)


def smile(coin: Coin, tau: float, price: float, strikes: np.ndarray) -> np.ndarray:
    """The vol of each strike, to 1e-6: SSVI written as raw SVI."""
    theta = curve(coin.vol, tau) ** 2 * tau
    phi = coin.eta / math.sqrt(theta * (1.0 + theta))
    flat = 1.0 - coin.rho**2
    raw = (theta * flat / 2, theta * phi / 2, coin.rho, -coin.rho / phi, math.sqrt(flat) / phi)
    vol, _ = svi_vol(strikes, price, tau, *raw)
    return np.round(vol, 6)


def ladder(coin: Coin, tau: float, price: float, most: int) -> np.ndarray:
    """Strikes around the forward: the finest usual step of which at most ``most`` fit."""
    deviation = curve(coin.vol, tau) * math.sqrt(tau)
    low, high = (price * math.exp(x * deviation) for x in LADDER)
    for step in STEPS:
        first, last = math.ceil(low / step), math.floor(high / step)
        if last - first < most:
            return np.arange(first, last + 1) * float(step)
    raise ValueError("no step is wide enough")


def years(date: str) -> tuple[int, float]:
    """The expiry in epoch ms and in years from the snapshot."""
    expiry = parse_time(f"{date}T08:00:00Z")
    return expiry, (expiry - parse_time(AS_OF)) / MS_PER_YEAR


class Rows:
    """Instruments and their quotes, collected row by row."""

    def __init__(self) -> None:
        self.contracts: list[Contract] = []
        self.quotes: list[dict[str, float]] = []

    def add(self, row: Contract | None, price: float, mark: float, bid: float, ask: float, vol: float) -> None:
        """One contract: ``price`` the forward, quote currency; a bid below one tick is not quoted."""
        assert row is not None
        self.contracts.append(row)
        quote = {"forward": price, "vol": vol, "mark": mark, "bid": bid if bid > 0 else math.nan, "ask": ask}
        self.quotes.append(quote)

    def future(self, coin: Coin, name: str, expiry: int, price: float, cash: str | None) -> None:
        """A perpetual, a dated future or a pair, quoted a tick or two wide."""
        kind = Kind.FUTURE if expiry != NO_EXPIRY else Kind.PERPETUAL if "-" in name else Kind.SPOT
        row = contract(name, coin.name, kind, expiry=expiry, strike=math.nan, right=0, cash=cash)
        ticks = math.floor(price / coin.tick)
        self.add(row, price, price, round(ticks * coin.tick, 2), round((ticks + 1) * coin.tick, 2), math.nan)

    def options(self, coin: Coin, date: str, most: int, cash: str | None) -> None:
        """Calls and puts of one expiry, at Black-76 of the smile, quoted on the venue's ticks."""
        expiry, tau = years(date)
        price = round(forward(coin, tau) / FX[cash], 2) if cash else forward(coin, tau)
        strikes = np.repeat(ladder(coin, tau, price, most), 2)
        rights = np.tile([1.0, -1.0], len(strikes) // 2)
        vols = smile(coin, tau, price, strikes)
        n = len(strikes)
        worth = value1(np.full(n, price), strikes, vols, np.full(n, tau), rights) / (1.0 if cash else price)
        base = f"{coin.name}_{cash}" if cash else coin.name
        for strike, right, vol, exact in zip(*(x.tolist() for x in (strikes, rights, vols, worth)), strict=True):
            mark = round(exact, 4 if cash else 8)
            tick = coin.tick if cash else 0.0001 if mark < 0.005 else 0.0005
            half = max(SPREAD * mark, 0.6 * tick)
            bid, ask = math.floor((mark - half) / tick), math.ceil((mark + half) / tick)
            name = option_name(base, expiry, strike, int(right))
            row = contract(name, coin.name, Kind.OPTION, expiry=expiry, strike=strike, right=int(right), cash=cash)
            self.add(row, price, mark, round(bid * tick, 4), round(ask * tick, 4), vol)


def market() -> Market:
    """The whole snapshot."""
    rows = Rows()
    for coin in COINS:
        usdc = FX["USDC"]
        perpetual = coin.spot * (1.0 + coin.premium)
        rows.future(coin, f"{coin.name}_USDC", NO_EXPIRY, round(coin.spot / usdc, 2), "USDC")
        rows.future(coin, f"{coin.name}-PERPETUAL", NO_EXPIRY, round(perpetual, 2), None)
        rows.future(coin, f"{coin.name}_USDC-PERPETUAL", NO_EXPIRY, round(perpetual / usdc, 2), "USDC")
        for date in FUTURE_EXPIRIES:
            expiry, tau = years(date)
            rows.future(coin, future_name(coin.name, expiry), expiry, forward(coin, tau), None)
        for date in OPTION_EXPIRIES:
            rows.options(coin, date, STRIKES, None)
        for date in CASH_EXPIRIES:
            rows.options(coin, date, CASH_STRIKES, "USDC")
    quotes = {name: np.array([q[name] for q in rows.quotes]) for name in rows.quotes[0]}
    return Market(
        as_of=parse_time(AS_OF),
        instruments=Instruments.from_rows(rows.contracts),
        quotes=Quotes.of(**quotes),
        index={coin.name: coin.spot for coin in COINS},
        fx=FX,
        notes=("sample market: made by tools/sample.py, never quoted",),
    )


def main(folder: Path = FOLDER) -> None:
    """Write every file of the sample."""
    folder.mkdir(parents=True, exist_ok=True)
    made = market()
    write_market(made, folder / "market.json")
    for name, text in holdings(made, SEED).items():
        (folder / name).write_text(text, encoding="utf-8")
    options = int((made.instruments.form >= PayoffForm.COIN_OPTION).sum())
    size = sum(path.stat().st_size for path in folder.iterdir())
    print(f"{len(made.instruments)} instruments, {options} of them options; {size / 1000:.0f} kB in {folder.name}/")


if __name__ == "__main__":
    main(*(Path(a) for a in sys.argv[1:2]))
