"""Books, sizes and limits of the optimizer study: bitcoin options on a real chain, real quotes, no displayed depth.

The chains say open interest and the day's volume, not depth: a quote is taken to be good for the larger of 2 % of open
interest and 10 % of the day's volume, at most 25 coins. Perpetuals are implied by the chain: at the index, half a basis
point on either side.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from loadline.model.market import Market
from loadline.model.positions import Balances, Portfolio, Positions
from tools.crash_replay import chain_files, nearest, snapshot
from tools.real_books import Chain, Held, maker, put

PERPETUAL = "BTC-PERPETUAL"
WALLET = {"BTC": 50.0, "USDC": 1_200_000.0}
MOST, OF_INTEREST, OF_VOLUME, HALF_SPREAD = 25.0, 0.02, 0.10, 0.5e-4
LEGS = (20, 80, 200)


@dataclass(frozen=True)
class Day:
    """A snapshot with what can be traded in it: instrument -> coins at bid, at ask."""

    name: str
    market: Market
    depth: dict[str, tuple[float, float]]


def day(folder: Path, name: str, at: int) -> Day:
    """Return the market nearest to an instant, perpetual quoted, and its sizes."""
    when = nearest(folder, at)
    market = snapshot(folder, when)
    i, q = market.instruments, market.quotes
    row = i.index[PERPETUAL]
    bid, ask = q.bid.copy(), q.ask.copy()
    bid[row], ask[row] = (float(q.mark[row]) * (1.0 + s * HALF_SPREAD) for s in (-1.0, 1.0))
    market = market.replace(quotes=q.replace(bid=bid, ask=ask))
    ms = pl.col("ts").dt.timestamp("ms")
    columns = ("instrument", "open_interest", "volume_24h")
    chain = pl.scan_parquet(chain_files(folder, when)[0]).filter(ms == when).select(columns).collect()
    depth = {}
    for instrument, interest, volume in chain.iter_rows():
        size = min(MOST, max(OF_INTEREST * (interest or 0.0), OF_VOLUME * (volume or 0.0)))
        depth[instrument] = (size, size)
    depth[PERPETUAL] = (MOST * market.price("BTC"),) * 2
    return Day(name, market, depth)


def small(chain: Chain) -> Held:
    """Short strangles at five tenors, calendars, and a perpetual against their delta."""
    held: Held = {}
    for days in (10, 17, 24, 38, 52):
        for sign in (1, -1):
            put(held, chain.nearest("BTC", days, 0.15 * sign), -8.0)
    for near, far in ((10, 80), (24, 143)):
        for delta in (0.4, -0.4, 0.6, -0.6):
            put(held, chain.nearest("BTC", near, delta), -4.0)
            put(held, chain.nearest("BTC", far, delta), 4.0)
    return hedged(chain, held)


def hedged(chain: Chain, held: Held) -> Held:
    """Add perpetuals against the delta of a book and of the coins in its wallet."""
    left = sum(q * chain.net_delta[n] for n, q in held.items()) + WALLET["BTC"]
    put(held, PERPETUAL, -10.0 * round(left / chain.size(PERPETUAL) / 10))
    return held


def book(chain: Chain, legs: int, seed: int) -> Held:
    """Return a bitcoin book of some legs: the small one, or a market maker's."""
    if legs <= 20:
        return small(chain)
    return {n: q for n, q in maker(chain, seed, 2 * legs).items() if n.startswith("BTC")}


def other_side(chain: Chain, held: Held, seed: int) -> Held:
    """Return a book that holds most of the other side of one, and some of its own."""
    draw = random.Random(seed).random
    found = {n: -round(0.8 * q, 1) for n, q in held.items() if n.endswith(("-C", "-P")) and draw() < 0.75}
    for name, quantity in list(book(chain, 80, seed + 1).items())[:20]:
        if name.endswith(("-C", "-P")):
            put(found, name, quantity)
    return hedged(chain, {n: q for n, q in found.items() if q})


def portfolio(books: dict[str, Held], market: Market) -> Portfolio:
    """Return accounts, each with the same wallet."""
    mark = market.quotes.mark
    rows = [
        {
            "account": account,
            "instrument": name,
            "quantity": quantity,
            "unsettled": 0.0,
            "entry": float(mark[market.instruments.index[name]]),
        }
        for account, held in books.items()
        for name, quantity in held.items()
        if quantity
    ]
    cash = [{"account": a, "currency": c, "amount": x} for a in books for c, x in WALLET.items()]
    return Portfolio(Positions.from_rows(rows), Balances.from_rows(cash))
