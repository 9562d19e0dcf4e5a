"""What a tail model charges beside the tail: leaving a large position, wide vol markets, and basis."""

from __future__ import annotations

import numpy as np

from loadline.model.book import Book
from loadline.model.greeks import unit_greeks
from loadline.rulebooks.blocks import traded_parameter
from loadline.rulebooks.parameters import Version
from loadline.tape.term import Term, worst_of


def liquidity(book: Book, p: Version) -> Term:
    """Return what closing an account costs, PnL-signed, per account.

    Equations, per underlying with net delta D in USD: ``|D| h + Y s |D|^1.5 / sqrt(depth + volume days)``; s the daily
    volatility; per expiry with net vega per 1.00 of vol: ``|vega| w (30 / days)^power``, days at least 1.
    Source: the square-root law of impact, J. Gatheral, *No-dynamic-arbitrage and market impact* (2010).
    """
    u, greeks = book.universe, unit_greeks(book.universe)

    def own(name: str) -> np.ndarray:
        return traded_parameter(u, p, name)

    delta = (book.quantity * book.each(greeks.delta_usd)).net("unit").named("net delta")
    spread = (delta.size() * book.each(own("liquidity.spread"), "unit")).net("account").named("half spread")
    daily = own("volatility.spot") / np.sqrt(p.number("horizon.year"))
    capacity = own("liquidity.depth") + own("liquidity.volume") * own("horizon.days")
    steep = own("liquidity.impact") * daily / np.sqrt(np.maximum(capacity, 1.0))
    impact = (delta.power(1.5) * book.each(steep, "unit")).net("account").named("impact of size")
    vega = (book.quantity * book.each(100.0 * greeks.vega_usd)).net("expiry").named("net vega")
    tenor = (30.0 / np.maximum(u.days, 1.0)) ** own("liquidity.vol_power")
    wide = (vega.size() * book.each(own("liquidity.vol_spread") * tenor, "expiry")).net("account")
    return (spread + impact + wide.named("half spread of vol")).named("liquidity")


def least(book: Book, p: Version) -> Term:
    """Return the least that basis may cost: a share of the larger side, PnL-signed, per account.

    Sides are the net delta of each expiry (perpetuals and wallets are expiries of their own), long and short, USD.
    """
    side = (book.quantity * book.each(unit_greeks(book.universe).delta_usd)).net("expiry")
    short, long = side.losses().net("unit"), (-side).losses().net("unit")
    rate = book.each(traded_parameter(book.universe, p, "floor.notional"), "unit")
    return (worst_of(long.named("long"), short.named("short")) * rate).net("account").named("least for basis")
