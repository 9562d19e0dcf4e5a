"""Orderly Network cross margin: a rate per market that grows with the notional of the position, no offsets.

The liquidation prices of the venue's SDK are orderly_prices.py. Sources in orderly.toml.
"""

from __future__ import annotations

import numpy as np

from loadline.model.book import Book
from loadline.model.cube import Cube
from loadline.rulebooks import blocks
from loadline.rulebooks.parameters import Version
from loadline.rulebooks.protocol import perpetuals_only
from loadline.rulebooks.rulebook import Requirement, Rulebook, no_scenarios, no_shock
from loadline.tape.term import Term, worst_of


def margin(book: Book, cube: Cube, p: Version) -> Requirement:
    """Return initial and maintenance requirement: market by market, summed."""
    u = book.universe
    keys, held = u.underlyings, perpetuals_only(book, "Orderly")
    price = book.each(np.where(held, u.size * u.quotes.forward, 0.0))
    base, floor = p.each("maintenance.base", keys), p.each("initial.base", keys)
    factor, power = p.each("initial.factor", keys), p.number("initial.power")
    # 1. a market's notional at mark; 2. the rate is the base, or grows with a power of the notional
    notional = (book.quantity * price).net("strike").named("notional")

    def charge(x: Term, least: np.ndarray, growth: np.ndarray) -> Term:
        growing = x.power(1.0 + power) * book.each(growth, "strike")
        return worst_of(x.size() * book.each(least, "strike"), growing.named("growing with size"))

    maintenance = charge(notional, base, base / floor * factor).net("account")
    # 3. initial: no less than the leverage chosen; orders count on the side that makes the position larger
    least = np.maximum(floor, 1.0 / p.each("initial.leverage", keys))
    initial = charge(notional, least, factor).named("positions")
    if book.has_orders:
        buys = notional + (book.order.signed_scale(gain=1.0, loss=0.0) * price).net("strike")
        sells = notional + (book.order.losses() * price).net("strike")
        both = (charge(buys, least, factor).named("all buys"), charge(sells, least, factor).named("all sells"))
        initial = worst_of(initial, *both)
    # 4. what of other coins does not count is asked for on both sides
    rate = 1.0 / blocks.stable_price(u)
    haircut = blocks.haircuts(book, p) * rate
    return Requirement(
        initial=(initial.net("account") + haircut).named("initial"),
        maintenance=(maintenance + haircut).named("maintenance"),
        equity=blocks.carried_equity(book, rate),
        parts={"notional": notional, "positions": initial},
    )


RULEBOOKS = {
    "orderly": Rulebook(
        name="orderly",
        title="Orderly Network cross margin",
        status="exact",
        margin=margin,
        scenarios=no_scenarios,
        shock=no_shock,
        needs=("index", "forward"),
        currency="USDC",
        cash=True,
        notes=("open orders: the side that makes a position larger, initial only",),
    )
}
