"""Binance portfolio margin (unified maintenance ratio): standard margins of every wallet pooled, no scenarios.

``uniMMR = adjusted equity / maintenance margin``; the account is liquidated at ``liquidation.ratio``, so maintenance is
that times the maintenance margin, and what collateral rates and open orders take from equity is asked here instead.
Each symbol has a table of brackets: ``sum of rate x part`` is the venue's ``rate x notional - maintenance amount``.
Sources: binance.toml.
"""

from __future__ import annotations

import numpy as np

from loadline.foundation.errors import InputError
from loadline.model.book import Book
from loadline.model.cube import Cube
from loadline.model.instruments import PayoffForm
from loadline.rulebooks import blocks
from loadline.rulebooks.brackets import charged, check_tables
from loadline.rulebooks.parameters import Version
from loadline.rulebooks.rulebook import Requirement, Rulebook, no_scenarios, no_shock
from loadline.tape.term import Term, add_up, worst_of


def margin(book: Book, cube: Cube, p: Version) -> Requirement:
    """Return initial and maintenance requirement, USD; raises ``RuleError`` where the book holds options."""
    u = book.universe
    if u.option.any() and (book.held & u.option).any():
        raise InputError("binance: no coefficients of option margin are published at hand", remedy="leave options out")
    inverse = u.instruments.form == PayoffForm.INVERSE
    sides = {"linear": u.future & ~inverse, "inverse": inverse}
    # a linear notional and its brackets are in the quote currency, an inverse one's in coins
    notional = np.where(inverse, u.size, u.size * u.quotes.forward)
    dollars = np.where(inverse, u.index, u.fx)

    def maintained(side: str, mask: np.ndarray) -> Term:
        size = book.only(mask) * book.each(notional)
        cost = charged(size, book, p, side, u.pairs) * book.each(dollars)
        return cost.net("account").named(f"{side} futures maintenance")

    held = add_up([maintained(side, mask) for side, mask in sides.items()])
    leverage = np.where(inverse, p.number("leverage.inverse"), p.number("leverage.linear"))
    posted = book.each(np.where(u.future, notional * dollars / leverage, 0.0))
    initial = (book.quantity * posted).size().net("account").named("futures initial")

    # loans, and what an asset counts for: all of a debt, a part of what is owned
    owned = blocks.assets(book)
    loans = add_up([x.losses() for x in owned.values()]).named("loans")
    cut = [(-x).losses() * (1.0 - float(p.get("collateral.rate", c))) for c, x in owned.items()]
    less = add_up([c.named(f"collateral rate of {n}") for n, c in zip(owned, cut, strict=True)]).named("collateral")
    if book.has_orders:
        fills = book.order * book.each(cube.base * u.fx) - book.order_cost * book.each(u.fx)
        less = less + fills.losses().net("account").named("open loss")
        initial = initial + (book.order * posted).size().net("account").named("open orders")
    pooled = (held + loans * p.number("loan.maintenance")).named("maintenance margin")
    initial = (initial + loans * (1.0 / (p.number("loan.leverage") - 1.0))).named("initial margin")
    restricted = (pooled * p.number("restriction.ratio")).named("below which only reducing orders are taken")
    maintenance = pooled * p.number("liquidation.ratio") + less
    return Requirement(
        initial=(worst_of(initial, restricted) + less).named("initial"),
        maintenance=maintenance.named("maintenance"),
        equity=blocks.carried_equity(book),
        parts={"pooled": pooled, "collateral": less, "loans": loans, **{f"asset {c}": x for c, x in owned.items()}},
    )


def check(p: Version) -> None:
    """Refuse tables whose bounds and rates do not fit."""
    check_tables(p, ("linear.bounds", "linear.rates"), ("inverse.bounds", "inverse.rates"))


ASSUMED = "binance: a template: brackets, collateral rates and leverage stand in for live tables of the venue"
RULEBOOKS = {
    "binance": Rulebook(
        name="binance",
        title="Binance portfolio margin (unified maintenance ratio)",
        status="template",
        margin=margin,
        scenarios=no_scenarios,
        shock=no_shock,
        needs=("index", "forward"),
        check=check,
        notes=(ASSUMED, "what is owed and what is owned of one currency are counted net"),
    )
}
