"""dYdX v4 cross margin: a fraction of each position's notional, no offsets, in the protocol's integers.

Every step is a whole number of quote quantums (1e-6 USDC); a notional is cut, a requirement is rounded up. The same
arithmetic on plain integers, with the prices of a liquidation, is dydx_protocol.py. Sources in dydx.toml.
"""

from __future__ import annotations

import numpy as np

from loadline.foundation.errors import RuleError
from loadline.foundation.table import Floats
from loadline.model.book import Book
from loadline.model.cube import Cube
from loadline.rulebooks import blocks, dydx_protocol
from loadline.rulebooks.parameters import Version
from loadline.rulebooks.protocol import PPM, QUOTE, cash_of, perpetuals_only, scales, whole
from loadline.rulebooks.rulebook import Requirement, Rulebook, no_scenarios, no_shock


def initial_fractions(book: Book, p: Version, price: Floats, part: Floats, cut: Floats) -> Floats:
    """Return (N,) the initial fraction in ppm, raised with open interest, at least what the account chose.

    ``price``, ``part``, ``cut``: (N,), integers that turn quantums into quote quanta, ``price part / cut``.
    """
    keys, coins = book.universe.underlyings, book.universe.underlyings
    lots = whole(p.each("open_interest.size", coins), p.each("precision.size", coins))
    caps = (whole(p.each(f"open_interest.{n}_cap", keys), QUOTE) for n in ("lower", "upper"))
    base, custom = p.each("initial.fraction", keys), p.number("initial.custom")
    found = [
        max(dydx_protocol.initial_ppm(int(b), int(n) * int(x) * int(m) // int(d), int(lo), int(up)), int(custom))
        for b, n, x, m, d, lo, up in zip(base, lots, price, part, cut, *caps, strict=True)
    ]
    return np.array(found, np.float64)


def margin(book: Book, cube: Cube, p: Version) -> Requirement:
    """Return initial and maintenance requirement: position by position, summed."""
    u = book.universe
    keys, held = u.underlyings, perpetuals_only(book, "dYdX v4")
    # 1. sizes and oracle prices as the protocol stores them: whole numbers at fixed decimals
    lots, ticks = p.each("precision.size", keys), p.each("precision.price", keys)
    quantums = (book.only(held) * book.each(u.size * 10.0**lots)).rounded(0)
    price = whole(u.index, ticks)
    part, cut = scales(lots + ticks - QUOTE)
    # 2. notional in quote quantums, cut towards zero
    notional = quantums.portion(book.each(price * part), book.each(cut)).named("notional")
    size = notional.size()
    # 3. initial: the fraction grows with open interest; 4. maintenance: a share of the base fraction, rounded up twice
    fraction = initial_fractions(book, p, price, part, cut)
    initial = size.portion(book.each(fraction), PPM, away=True).net("account").named("quote quantums asked")
    base = size.portion(book.each(p.each("initial.fraction", keys)), PPM, away=True).named("at the base fraction")
    share = book.each(p.each("maintenance.share", keys))
    maintenance = base.portion(share, PPM, away=True).net("account").named("quote quantums asked")
    # 5. only USDC is collateral: what is owned of other coins is asked for again
    cash = cash_of(book, blocks.cash_rows(u))
    worth = np.where(u.spot & ~blocks.cash_rows(u), u.quotes.forward / blocks.stable_price(u), 0.0)
    coins = (book.quantity * book.each(worth)).net("account").named("other coins")
    haircut = (blocks.owned(book) * book.each(worth)).net("account").named("haircuts")
    return Requirement(
        initial=(initial * 10.0**-QUOTE + haircut).named("initial"),
        maintenance=(maintenance * 10.0**-QUOTE + haircut).named("maintenance"),
        equity=(cash * 10.0**-QUOTE + coins).named("equity"),
        parts={"initial quantums": initial, "maintenance quantums": maintenance, "cash": cash, "notional": notional},
    )


def check(p: Version) -> None:
    """Refuse caps the wrong way round, as the protocol does; raises ``RuleError``."""
    lower, upper = (p.parameter(f"open_interest.{n}_cap") for n in ("lower", "upper"))
    for key in {*lower.by_key, *upper.by_key, ""}:
        if lower.of(key) > upper.of(key):
            raise RuleError(
                f"{p.label}: the lower cap on open interest of {key or 'a market'} is above the upper one",
                remedy="give open_interest.lower_cap <= open_interest.upper_cap",
            )


RULEBOOKS = {
    "dydx": Rulebook(
        name="dydx",
        title="dYdX v4 cross margin",
        status="exact",
        margin=margin,
        scenarios=no_scenarios,
        shock=no_shock,
        needs=("index",),
        currency="USDC",
        cash=True,
        check=check,
        notes=(
            "of the wallet only USDC is collateral",
            "open orders are not margined: the protocol checks a fill when it comes",
        ),
    )
}
