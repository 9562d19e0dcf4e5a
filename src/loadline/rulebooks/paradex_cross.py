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


def by_strike(u: Universe, values: Floats, rows: Bools) -> Floats:
    """Return (N,) for each strike one of ``values`` (N,), that at the first of ``rows`` (N,) in it; 0 without one."""
    codes, out = u.classes.code["strike"], np.zeros(u.classes.size["strike"])
    found, first = np.unique(codes[rows], return_index=True)
    out[found] = values[rows][first]
    return out[codes]


def cross(book: Book, cube: Cube, p: Version) -> Requirement:
    """Return the XM requirement: market by market, then per risk unit, then per account.

    A market is a strike's calls, a strike's puts, or a bucket's futures: contracts that differ in their settlement
    alone count as one.
    """
    u = book.universe
    future = blocks.traded_parameter(u, p, "cross.imf") * marks(u)
    kept = future * blocks.traded_parameter(u, p, "cross.mmf_factor")
    opening, holding = option_rates(u, p, "initial"), option_rates(u, p, "maintenance")
    fee, size, right = fees(u, p), book.each(u.size), u.instruments.right
    markets: list[tuple[str, Bools, Sides, Sides]] = [
        ("futures", u.future, (future, future), (kept, kept)),
        ("calls", u.option & (right > 0), opening, holding),
        ("puts", u.option & (right < 0), opening, holding),
    ]
    terms: dict[str, list[Term]] = {"initial": [], "initial_fees": [], "maintenance": [], "maintenance_fees": []}
    opened: dict[str, Term] = {}
    for name, rows, initial_rates, maintenance_rates in markets:

        def rate(values: Floats, rows: Bools = rows) -> Term:
            return book.each(by_strike(u, values, rows), "strike")

        def margin(bought: Term, sold: Term, rates: Sides, kind: str, name: str = name) -> None:
            asked = worst_of(bought * rate(rates[0]), sold * rate(rates[1]))
            terms[kind].append(asked.net("unit").named(name))
            terms[f"{kind}_fees"].append((worst_of(bought, sold) * rate(fee)).net("unit").named(f"fees on {name}"))

        held = (book.only(rows) * size).net("strike")
        margin((-held).losses(), held.losses(), maintenance_rates, "maintenance")
        if book.has_orders:  # as if one whole side were filled: buys onto what is held, or sells
            orders = book.order * book.each(np.where(rows, u.size, 0.0))
            buys, sells = (-orders).losses().net("strike"), orders.losses().net("strike")
            margin((buys - held).losses(), (sells + held).losses(), initial_rates, "initial")
            opened |= {f"{name}_bought": (buys - held).losses(), f"{name}_sold": (sells + held).losses()}
        else:
            margin((-held).losses(), held.losses(), initial_rates, "initial")
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
        needs=("index", "forward", "mark"),
        currency="USDC",
        cash=True,
        notes=("open orders: the side that asks more, market by market, initial only",),
    ),
}
