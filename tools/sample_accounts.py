"""Five accounts with characters for the sample: what they hold, owe and have on order."""

import math
import random
from collections.abc import Mapping

import numpy as np

from loadline.foundation.units import parse_time
from loadline.model.book import resolve
from loadline.model.greeks import unit_greeks
from loadline.model.instruments import Instruments, Kind, PayoffForm
from loadline.model.market import Market
from loadline.model.positions import Portfolio, Positions

ACCOUNTS = {  # account -> owner; the calendar and basis traders are one house
    "covered-call": "Alder",
    "strangle": "Birch",
    "calendar": "Cedar",
    "maker": "Dogwood",
    "basis": "Cedar",
}
VENUE = "deribit"
BALANCES: Mapping[str, Mapping[str, float]] = {
    "covered-call": {"BTC": 55.0, "ETH": 600.0},
    "strangle": {"BTC": 2.5, "ETH": 20.0, "USDC": 60_000.0},
    "calendar": {"BTC": 8.0, "ETH": 100.0, "USDC": 100_000.0},
    "maker": {"BTC": 30.0, "ETH": 500.0, "USDC": 1_000_000.0, "USDT": 250_000.0},
    "basis": {"BTC": 12.0, "ETH": 80.0, "USDC": 150_000.0},
}
COVERED = (("BTC", "2026-06-26", 0.25, 20.0), ("BTC", "2026-07-31", 0.2, 20.0), ("BTC", "2026-09-25", 0.15, 15.0),
           ("ETH", "2026-06-26", 0.25, 300.0), ("ETH", "2026-07-31", 0.2, 300.0))  # fmt: skip
STRANGLES = (("BTC", "2026-06-12", 0.2, 8.0), ("BTC", "2026-06-26", 0.15, 12.0), ("ETH", "2026-06-26", 0.2, 120.0))
CALENDARS = (("BTC", "2026-06-26", "2026-09-25", 15.0), ("BTC", "2026-07-31", "2026-12-25", 10.0),
             ("ETH", "2026-06-26", "2026-12-25", 250.0))  # fmt: skip
BASIS = (("BTC", "2026-12-25", 4_000_000.0), ("BTC", "2026-09-25", 2_000_000.0), ("ETH", "2026-12-25", 900_000.0))
LAST_SETTLEMENT = -0.006  # move of every price since the settlement before this snapshot
LEGS = 200
SIZES = {"BTC": (0.5, 10.0), "ETH": (5.0, 150.0)}  # coins per leg of the market maker


class Chain:
    """The market as a trader reads it: options by coin, expiry and delta."""

    def __init__(self, market: Market) -> None:
        self.market, self.instruments = market, market.instruments
        rows = Positions.from_rows(
            {"account": "x", "instrument": i, "quantity": 1.0, "unsettled": 0.0, "entry": math.nan}
            for i in market.instruments.id.tolist()
        )
        universe = resolve(Portfolio(rows), market, coin_of, ("x",)).universe
        self.delta = dict(zip(universe.instruments.id.tolist(), unit_greeks(universe).delta.tolist(), strict=True))

    def options(self, coin: str, date: str = "", *, cash: bool = False) -> list[str]:
        """The options on a coin, of one expiry if one is named, in the market's order."""
        i = self.instruments
        form = PayoffForm.CASH_OPTION if cash else PayoffForm.COIN_OPTION
        mine = (i.underlying == coin) & (i.form == form)
        if date:
            mine &= i.expiry == parse_time(f"{date}T08:00:00Z")
        found: list[str] = i.id[mine].tolist()
        return found

    def nearest(self, coin: str, date: str, delta: float) -> str:
        """The option whose delta is nearest; a negative one asks for a put."""
        right = 1 if delta > 0 else -1
        names = [n for n in self.options(coin, date) if self.instruments[n]["right"] == right]
        return min(names, key=lambda n: abs(self.delta[n] - delta))

    def future(self, coin: str, date: str) -> str:
        """The dated inverse future."""
        i = self.instruments
        mine = (i.underlying == coin) & (i.kind == Kind.FUTURE) & (i.expiry == parse_time(f"{date}T08:00:00Z"))
        return str(i.id[mine][0])

    def price(self, name: str) -> float:
        """The mark."""
        return float(self.market.quotes.mark[self.instruments.index[name]])

    def quote(self, name: str, side: str) -> float:
        """The best bid or ask."""
        return float(getattr(self.market.quotes, side)[self.instruments.index[name]])


def coin_of(instruments: Instruments) -> np.ndarray:
    """The underlying, as the risk unit that nothing here looks at."""
    return instruments.underlying


def covered_call(chain: Chain) -> dict[str, float]:
    """Sells calls on coins it owns."""
    return {chain.nearest(coin, date, delta): -size for coin, date, delta, size in COVERED}


def strangle(chain: Chain) -> dict[str, float]:
    """Sells calls and puts out of the money, with little to spare."""
    sides = [(coin, date, sign * delta, size) for coin, date, delta, size in STRANGLES for sign in (1, -1)]
    return {chain.nearest(coin, date, delta): -size for coin, date, delta, size in sides}


def calendar(chain: Chain) -> dict[str, float]:
    """Sells the near straddle and buys the far one at the same delta."""
    held: dict[str, float] = {}
    for coin, near, far, size in CALENDARS:
        for delta in (0.5, -0.5):
            held[chain.nearest(coin, near, delta)] = -size
            held[chain.nearest(coin, far, delta)] = size
    return held


def basis(chain: Chain) -> dict[str, float]:
    """Sells the dated future and buys the perpetual, in equal dollars."""
    held: dict[str, float] = {}
    for coin, date, usd in BASIS:
        held[chain.future(coin, date)] = -usd
        held[f"{coin}-PERPETUAL"] = held.get(f"{coin}-PERPETUAL", 0.0) + usd
    return held


def maker(chain: Chain, seed: int) -> dict[str, float]:
    """Holds 200 legs, options of every expiry either way, and flattens its delta with futures and perpetuals."""
    draw = random.Random(seed).random  # the one generator whose stream Python keeps from version to version
    held: dict[str, float] = {}
    hedges = {"BTC": ("BTC-PERPETUAL", "BTC_USDC-PERPETUAL"), "ETH": ("ETH-PERPETUAL", "ETH_USDC-PERPETUAL")}
    futures = {c: [chain.future(c, d) for d in ("2026-06-26", "2026-09-25")] for c in hedges}
    options = LEGS - sum(map(len, hedges.values())) - sum(map(len, futures.values()))
    pools = {("BTC", False): 0.5, ("ETH", False): 0.36, ("BTC", True): 0.1, ("ETH", True): 0.04}
    counts = [round(options * share) for share in pools.values()]
    counts[0] += options - sum(counts)
    for (coin, cash), count in zip(pools, counts, strict=True):
        # legs a market maker is left with: not worthless, not deep in the money
        pool = [n for n in chain.options(coin, cash=cash) if 0.04 < abs(chain.delta[n]) < 0.65]
        low, high = SIZES[coin]
        step = 0.1 if coin == "BTC" else 1.0
        for _ in range(count):
            name = pool.pop(int(draw() * len(pool)))
            size = round(round((low + (high - low) * draw() ** 2) / step) * step, 1)
            held[name] = size if draw() < 0.49 else -size
    for coin, (inverse, linear) in hedges.items():
        spot = chain.market.price(coin)
        for name, share in zip(futures[coin], (0.25, -0.15), strict=True):
            held[name] = float(round(share * 1e6 * (1 if coin == "BTC" else 0.3) / 10) * 10)
        net = BALANCES["maker"][coin]  # neutral in dollars: the coins in the wallet are hedged too
        net += sum(q * chain.delta[n] for n, q in held.items() if chain.instruments[n]["underlying"] == coin)
        held[linear] = round(-0.3 * net, 2)
        net += held[linear] * chain.delta[linear]
        held[inverse] = float(round(-net * spot * (chain.price(inverse) / spot) / 10) * 10)
    return held


def holdings(market: Market, seed: int) -> dict[str, str]:
    """The text of every file but the market's."""
    chain = Chain(market)
    books = {
        "covered-call": covered_call(chain),
        "strangle": strangle(chain),
        "calendar": calendar(chain),
        "maker": maker(chain, seed),
        "basis": basis(chain),
    }
    lines = {name: [head] for name, head in HEADS.items()}
    for account, owner in ACCOUNTS.items():
        lines["accounts.csv"].append(f"{account},{owner},{VENUE},")
        lines["balances.csv"] += [f"{account},{ccy},{amount:g}" for ccy, amount in BALANCES[account].items()]
        for name, quantity in books[account].items():
            lines["positions.csv"].append(f"{account},{name},{quantity:.12g},{since_settlement(chain, name, quantity)}")
    lines["orders.csv"] += [",".join(map(str, row)) for row in orders(chain, books)]
    return {name: "\n".join(rows) + "\n" for name, rows in lines.items()}


HEADS = {
    "accounts.csv": "account,owner,venue,rulebook",
    "balances.csv": "account,currency,amount",
    "positions.csv": "account,instrument,quantity,entry price,unsettled pnl",
    "orders.csv": "account,instrument,side,quantity,limit price",
}


def since_settlement(chain: Chain, name: str, quantity: float) -> str:
    """Entry price (the last settlement's) and pnl since, of futures; both blank for options, which carry their mark."""
    form = chain.instruments[name]["form"]
    if form not in (PayoffForm.INVERSE, PayoffForm.LINEAR):
        return ","
    price = chain.price(name)
    entry = round(price / (1.0 + LAST_SETTLEMENT), 2)
    gain = quantity * (1.0 / entry - 1.0 / price if form == PayoffForm.INVERSE else price - entry)
    return f"{entry:.12g},{gain:.8f}"


def orders(chain: Chain, books: Mapping[str, Mapping[str, float]]) -> list[tuple[str, str, str, str, str]]:
    """Resting orders: the strangle seller would sell more and buy some back, the market maker quotes both sides."""
    found = []
    short = list(books["strangle"])
    for name, side, size in ((short[0], "sell", 2.0), (short[3], "buy", 6.0)):
        found.append(
            ("strangle", name, side, f"{size:g}", f"{chain.quote(name, 'ask' if side == 'sell' else 'bid'):g}")
        )
    for name in list(books["maker"])[:6]:
        size = "1" if name.startswith("BTC") else "10"
        found.append(("maker", name, "buy", size, f"{chain.quote(name, 'bid'):g}"))
        found.append(("maker", name, "sell", size, f"{chain.quote(name, 'ask'):g}"))
    return found
