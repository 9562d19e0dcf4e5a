"""Paradex cross margin (XM): every market alone, open orders on the side that asks more.

As the venue's documents and its own client library say. Amounts are in USDC, which the venue counts as one dollar.
Sources per parameter in paradex_cross.toml.
"""

from __future__ import annotations

import numpy as np

from loadline.foundation.table import Bools, Floats
from loadline.model.book import Book
from loadline.model.cube import Cube
from loadline.model.universe import Universe
from loadline.rulebooks import blocks
from loadline.rulebooks.paradex_provisions import equity, fees, marks, spot_charge
from loadline.rulebooks.parameters import Version
from loadline.rulebooks.rulebook import Requirement, Rulebook, no_scenarios, no_shock
from loadline.tape.term import Term, add_up, worst_of

Sides = tuple[Floats, Floats]


def option_rates(u: Universe, p: Version, side: str) -> Sides:
    """Return (N,) what one long and one short option on one coin ask (XM 2): ``side`` initial or maintenance."""

    def of(name: str) -> Floats:
        return blocks.traded_parameter(u, p, f"cross_option.{side}_{name}")

    right = u.instruments.right
    away = np.maximum(right * (np.nan_to_num(u.instruments.strike) - u.index), 0.0)
    short = np.maximum(of("short_itm") * u.index - away, of("short_otm") * u.index)
    long = np.minimum(marks(u) * of("premium_mult"), of("long_itm") * u.index)
    return long, np.where(right < 0, np.minimum(short, of("put_cap") * u.index), short)


def cross(book: Book, cube: Cube, p: Version) -> Requirement:
    """Return the XM requirement: market by market, then per risk unit, then per account.

    A market is a strike's calls, a strike's puts, or a bucket's futures: contracts that differ in their settlement
    alone net in what they ask for.
    """
    u = book.universe
    future = blocks.traded_parameter(u, p, "cross.imf") * marks(u)
    kept = future * blocks.traded_parameter(u, p, "cross.mmf_factor")
    opening, holding = option_rates(u, p, "initial"), option_rates(u, p, "maintenance")
    fee, right = (fees(u, p),) * 2, u.instruments.right
    markets: list[tuple[str, Bools, Sides, Sides]] = [
        ("futures", u.future, (future, future), (kept, kept)),
        ("calls", u.option & (right > 0), opening, holding),
        ("puts", u.option & (right < 0), opening, holding),
    ]

    def sides(rows: Bools, rates: Sides, *, orders: bool) -> tuple[Term, Term]:
        """What bought and sold contracts ask for, as if one whole side of the orders were filled onto what is held."""
        long, short = (book.each(np.where(rows, rate, 0.0) * u.size) for rate in rates)
        bought, sold = (-(book.quantity * long)).net("strike"), (book.quantity * short).net("strike")
        if orders:
            bought = bought + (-(book.order * long)).losses().net("strike")
            sold = sold + (book.order * short).losses().net("strike")
        return bought.losses(), sold.losses()

    terms: dict[str, list[Term]] = {"initial": [], "initial_fees": [], "maintenance": [], "maintenance_fees": []}
    opened: dict[str, Term] = {}
    for name, rows, initial_rates, maintenance_rates in markets:
        for kind, rates in (("initial", initial_rates), ("maintenance", maintenance_rates)):
            orders = kind == "initial" and book.has_orders
            asked, paid = (worst_of(*sides(rows, r, orders=orders)) for r in (rates, fee))
            terms[kind].append(asked.net("unit").named(name))
            terms[f"{kind}_fees"].append(paid.net("unit").named(f"fees on {name}"))
        one = np.ones(len(u))
        opened[f"{name}_bought"], opened[f"{name}_sold"] = sides(rows, (one, one), orders=book.has_orders)
    parts = {kind: add_up(found) for kind, found in terms.items()} | opened | {"coins": spot_charge(book)}
    initial, maintenance = (parts[kind] + parts[f"{kind}_fees"] for kind in ("initial", "maintenance"))
    if book.has_orders:  # what an order would lose at once
        lost = book.order * book.each(marks(u) * u.size) - book.order_cost
        parts["open_loss"] = lost.losses().net("unit").named("open loss")
        initial = initial + parts["open_loss"]
    return Requirement(
        initial=(initial + parts["coins"]).net("account").named("initial"),
        maintenance=(maintenance + parts["coins"]).net("account").named("maintenance"),
        equity=equity(book),
        parts=parts,
    )


RULEBOOKS = {
    "paradex-xm": Rulebook(
        name="paradex-xm",
        title="Paradex cross margin (XM)",
        status="to the venue's own library",
        margin=cross,
        scenarios=no_scenarios,
        shock=no_shock,
        liquidated_as="paradex",
        needs=("index", "forward", "mark"),
        currency="USDC",
        cash=True,
        notes=("open orders: the side that asks more, market by market, initial only",),
    ),
}
