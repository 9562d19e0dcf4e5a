"""Books with characters on a real option chain: the same recipe and the same seed at any snapshot give the same book.

Options are taken from those with a two-sided quote, by days to expiry and delta; futures and perpetuals are those that
the chain implies. Sizes are stated in coins, as a trader would.
"""

from __future__ import annotations

import math
import random
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from loadline.foundation.units import MS_PER_DAY
from loadline.model.book import resolve
from loadline.model.greeks import unit_greeks
from loadline.model.instruments import NO_EXPIRY, Instruments, Kind, PayoffForm
from loadline.model.market import Market
from loadline.model.positions import Balances, Portfolio, Positions

COINS = ("BTC", "ETH")
MAKER = "maker"
LEGS = 300
CAPITAL: Mapping[str, Mapping[str, float]] = {
    "covered-call": {"BTC": 50.0, "ETH": 800.0},
    "strangle": {"BTC": 7.5, "ETH": 160.0, "USDC": 60_000.0},
    "calendar": {"BTC": 7.0, "ETH": 130.0, "USDC": 100_000.0},
    MAKER: {"BTC": 50.0, "ETH": 900.0, "USDC": 1_200_000.0},
    "perp-long": {"BTC": 6.0, "USDC": 880_000.0},
    "basis": {"BTC": 30.0, "ETH": 500.0},
}
"""What each account brings: wallet balances, chosen so that every portfolio rulebook admits it on a calm day."""

CHARACTERS: Mapping[str, str] = {
    "covered-call": "sells calls on the coins it owns",
    "strangle": "sells puts and calls out of the money",
    "calendar": "sells near straddles, buys far ones",
    MAKER: "market maker: no delta, vega bought and sold alike",
    "perp-long": "long perpetuals at three times its capital",
    "basis": "sells dated futures against coins and perpetuals",
}
"""What each account does."""


@dataclass(frozen=True)
class Chain:
    """A market as a trader reads it: options by coin, days to expiry and delta; futures by coin and days."""

    market: Market
    delta: Mapping[str, float]
    net_delta: Mapping[str, float]
    vega: Mapping[str, float]
    expiry: Mapping[str, int]
    right: Mapping[str, int]

    @classmethod
    def of(cls, market: Market) -> Chain:
        """Return a market with the sensitivities of every contract in it."""
        ids = market.instruments.id
        rows = Positions.from_rows(
            {"account": "x", "instrument": i, "quantity": 1.0, "unsettled": 0.0, "entry": math.nan}
            for i in ids.tolist()
        )
        u = resolve(Portfolio(rows), market, underlying_of, ("x",)).universe
        unit, names = unit_greeks(u), u.instruments.id.tolist()
        columns = (unit.delta, unit.net_delta, unit.vega)
        sensitivities = (dict(zip(names, column.tolist(), strict=True)) for column in columns)
        given = (market.instruments.expiry, market.instruments.right)
        return cls(market, *sensitivities, *(dict(zip(ids.tolist(), c.tolist(), strict=True)) for c in given))

    def options(self, coin: str, *, two_sided: bool = True) -> list[str]:
        """Return the coin options on a coin with a bid and an ask, in the market's order."""
        i, q = self.market.instruments, self.market.quotes
        mine = (i.underlying == coin) & (i.form == PayoffForm.COIN_OPTION) & (q.vol > 0) & (q.mark > 0)
        if two_sided:
            mine &= (q.bid > 0) & (q.ask > q.bid)
        found: list[str] = i.id[mine].tolist()
        return found

    def days(self, name: str) -> float:
        """Return the days to expiry; infinite for a perpetual."""
        expiry = self.expiry[name]
        return math.inf if expiry == NO_EXPIRY else (expiry - self.market.as_of) / MS_PER_DAY

    def nearest(self, coin: str, days: float, delta: float) -> str:
        """Return the option of the expiry nearest to ``days`` whose delta is nearest; a negative one asks for a put."""
        right = 1 if delta > 0 else -1
        names = [n for n in self.options(coin) if self.right[n] == right]
        when = min({self.days(n) for n in names}, key=lambda d: abs(d - days))
        return min((n for n in names if self.days(n) == when), key=lambda n: abs(self.delta[n] - delta))

    def future(self, coin: str, days: float) -> str:
        """Return the dated inverse future nearest to ``days``."""
        i = self.market.instruments
        mine = i.id[(i.underlying == coin) & (i.kind == Kind.FUTURE) & (i.form == PayoffForm.INVERSE)].tolist()
        return min(mine, key=lambda n: abs(self.days(n) - days))

    def size(self, name: str) -> float:
        """Return the coins that one unit of quantity is worth."""
        row = self.market.instruments[name]
        price = float(self.market.quotes.forward[self.market.instruments.index[name]])
        return float(row["multiplier"] / price if row["form"] == PayoffForm.INVERSE else row["multiplier"])


def underlying_of(instruments: Instruments) -> np.ndarray:
    """Return the underlying as the risk unit."""
    return instruments.underlying


Held = dict[str, float]


def put(held: Held, name: str, quantity: float) -> None:
    """Add to a holding."""
    held[name] = held.get(name, 0.0) + quantity


def covered_call(chain: Chain) -> Held:
    """Sells calls on the coins in its wallet, one for one."""
    held: Held = {}
    for coin, days, delta, coins in (
        ("BTC", 10, 0.25, 15.0), ("BTC", 24, 0.25, 20.0), ("BTC", 52, 0.2, 15.0),
        ("ETH", 10, 0.25, 300.0), ("ETH", 24, 0.2, 500.0),
    ):  # fmt: skip
        put(held, chain.nearest(coin, days, delta), -coins)
    return held


def strangle(chain: Chain) -> Held:
    """Sells puts and calls out of the money, weeks out."""
    held: Held = {}
    for coin, days, delta, coins in (
        ("BTC", 10, 0.15, 10.0), ("BTC", 24, 0.15, 15.0), ("ETH", 10, 0.15, 200.0), ("ETH", 24, 0.2, 400.0),
    ):  # fmt: skip
        for sign in (1, -1):
            put(held, chain.nearest(coin, days, sign * delta), -coins)
    return held


def calendar(chain: Chain) -> Held:
    """Sells the near straddle and buys the far one."""
    held: Held = {}
    for coin, near, far, coins in (("BTC", 10, 52, 15.0), ("BTC", 24, 143, 10.0), ("ETH", 10, 52, 500.0)):
        for delta in (0.5, -0.5):
            put(held, chain.nearest(coin, near, delta), -coins)
            put(held, chain.nearest(coin, far, delta), coins)
    return held


def perpetual_long(chain: Chain) -> Held:
    """Is long perpetuals of some three times its capital, part of which is in the coin it is long."""
    price = chain.market.index["BTC"]
    return {"BTC_USDC-PERPETUAL": 42.0, "BTC-PERPETUAL": 10.0 * round(1.2 * price)}


def basis(chain: Chain) -> Held:
    """Sells dated futures against the coins it holds and against perpetuals."""
    held: Held = {}
    for coin, coins, rolls in (("BTC", 30.0, 150.0), ("ETH", 500.0, 4000.0)):
        price = chain.market.index[coin]
        put(held, chain.future(coin, 52), -10.0 * round(coins * price / 10))
        put(held, chain.future(coin, 143), -10.0 * round(rolls * price / 10))
        put(held, f"{coin}-PERPETUAL", 10.0 * round(rolls * price / 10))
    return held


def maker(chain: Chain, seed: int, legs: int = LEGS) -> Held:
    """Holds options of every expiry either way, longs and shorts of equal vega, and no delta in dollars.

    Each expiry's delta is met by its future, the wallet's coins and what is left by perpetuals.
    """
    draw = random.Random(seed).random  # the one generator whose stream Python keeps from version to version
    held: Held = {}
    for coin, (low, high), step in (("BTC", (0.2, 25.0), 0.1), ("ETH", (2.0, 400.0), 1.0)):
        pool = [n for n in chain.options(coin) if 0.03 < abs(chain.delta[n]) < 0.8 and chain.days(n) > 0.2]
        futures = {n: chain.future(coin, chain.days(n)) for n in pool}
        hedges = [f"{coin}-PERPETUAL", f"{coin}_USDC-PERPETUAL"]
        count = legs // 2 - len(hedges) - len(set(futures.values()))
        names = sorted(pool, key=lambda n: draw())[:count]
        sizes = {n: low * (high / low) ** draw() * (1 if draw() < 0.5 else -1) for n in names}
        long, short = (sum(abs(q) * chain.vega[n] for n, q in sizes.items() if q * s > 0) for s in (1, -1))
        for n, q in sizes.items():  # as much vega bought as sold
            held[n] = step * round(q * math.sqrt(short / long if q > 0 else long / short) / step) or step
        for future in sorted(set(futures.values())):
            net = sum(held[n] * chain.net_delta[n] for n in names if futures[n] == future)
            held[future] = -10.0 * round(net / chain.size(future) / 10) or 10.0
        left = sum(held[n] * chain.net_delta[n] for n in (*names, *set(futures.values()))) + CAPITAL[MAKER][coin]
        held[hedges[1]] = round(-0.4 * left, 2)
        held[hedges[0]] = -10.0 * round((left + held[hedges[1]]) / chain.size(hedges[0]) / 10)
    return held


def books(market: Market, seed: int = 7) -> Portfolio:
    """Return the six accounts at a snapshot, their positions just opened at mark."""
    chain = Chain.of(market)
    held = {
        "covered-call": covered_call(chain),
        "strangle": strangle(chain),
        "calendar": calendar(chain),
        MAKER: maker(chain, seed),
        "perp-long": perpetual_long(chain),
        "basis": basis(chain),
    }
    mark = market.quotes.mark
    return Portfolio(
        Positions.from_rows(
            {
                "account": account,
                "instrument": name,
                "quantity": quantity,
                "unsettled": 0.0,
                "entry": float(mark[market.instruments.index[name]]),
            }
            for account, rows in held.items()
            for name, quantity in rows.items()
        ),
        Balances.from_rows(
            {"account": account, "currency": currency, "amount": amount}
            for account, wallet in CAPITAL.items()
            for currency, amount in wallet.items()
        ),
    )
