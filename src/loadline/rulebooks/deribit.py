"""Deribit portfolio margin, version 4: the extended risk matrix, kept apart by wallet (S:PM) or across them (X:PM).

Step numbers follow the algorithm on the rulebook's page; steps 1 to 9 stand in deribit_matrix.py. What the venue does
not publish is a *reading*: a parameter ``reading.NAME`` with its alternatives. Sources: the venue's API reference and
documents, per parameter in deribit.toml.
"""

from __future__ import annotations

import numpy as np

from loadline.foundation.table import Floats, Texts
from loadline.foundation.units import parse_time
from loadline.model.book import Book
from loadline.model.cube import Cube
from loadline.model.instruments import Instruments, Kind
from loadline.model.universe import Universe
from loadline.rulebooks import blocks
from loadline.rulebooks.deribit_matrix import (
    Matrix,
    aggregated,
    matrix_of,
    order_losses,
    risk_vector,
    scenarios,
    shock,
    wallets,
    worst_case,
)
from loadline.rulebooks.parameters import Version
from loadline.rulebooks.rulebook import Requirement, Rulebook
from loadline.tape.term import Term, worst_of


def roll_shock(book: Book, p: Version, m: Matrix, money: Floats, *, cross: bool) -> Term:
    """Return the roll shock (10): every expiry bucket's net delta at its annual move, gross over buckets.

    ``money``: (N,), one coin in the unit of the cells. Equation: ``|delta| max(min_move, annual_move tau)``.
    """
    u, keys = book.universe, wallets(book.universe, cross)
    annual = p.each("roll.annual_move", keys)
    tenor = np.expm1(annual * u.tau) if p.text("reading.roll") == "exp" else annual * u.tau
    rate = book.each(np.maximum(p.each("roll.min_move", keys), tenor) * money, "expiry")
    deltas = book.each(blocks.venue_deltas(u, p.text("reading.roll_options")) * m.decay)
    return ((book.only(~u.spot) * deltas).net("expiry").size() * rate).net("unit").named("roll shock")


def delta_shock(book: Book, p: Version, m: Matrix, money: Floats) -> Term:
    """Return the delta shock (11): long options may offset futures and short options, never turn or enlarge them.

    ``money``: (N,), one coin in the unit of the cells. Equation, d the delta so netted: ``|d| min(slope max(|d| -
    threshold / index, 0), cap)``.
    """
    u = book.universe
    option = book.each(np.where(u.option, blocks.venue_deltas(u, "counted") * m.decay, 0.0))
    futures = (book.only(u.future) * book.each(u.size * m.decay)).net("unit")
    short = (book.only(u.option).losses() * option).net("unit") + futures
    both = (book.only(u.option) * option).net("unit") + futures
    delta = (-worst_of(-both, -short)).losses() - (-worst_of(both, short)).losses()
    ramp = {"ramp": p.each("delta_shock.slope", u.pairs), "cap": p.each("delta_shock.cap", u.pairs)}
    ramp["start"] = p.each("delta_shock.threshold", u.pairs) / u.index
    charge = delta.tiered(rate=0.0, **{name: book.each(values, "unit") for name, values in ramp.items()})
    return (charge * book.each(money, "unit")).named("delta shock")


def _margin(book: Book, cube: Cube, p: Version, *, cross: bool) -> Requirement:
    """Return the requirement per risk unit, in coin (a segregated coin wallet) or USD, then per account."""
    u, m = book.universe, matrix_of(book, cube, p, cross=cross)
    vector = risk_vector(book, cube, p, m, cross=cross)
    cells = aggregated(book, cube, p, m, vector, cross=cross)
    worst = worst_case(cells, "worst case")
    money = np.where(m.coin, 1.0, u.index * m.dollar)  # one coin in the unit of the cells
    roll, delta = roll_shock(book, p, m, money, cross=cross), delta_shock(book, p, m, money)
    # 13. totals: maintenance on the risk matrix alone; add-ons, orders and haircuts enter initial only
    matrix = (worst + roll + delta).named("risk matrix")
    given = sum(p.each(f"addon.{name}", u.pairs) for name in ("mmp", "spot", "orders"))
    initial = matrix + book.each(-np.asarray(given), "unit", name="given add-ons")
    if book.has_orders:
        filled = vector + order_losses(book, cube, m, cross=cross)
        with_orders = worst_case(aggregated(book, cube, p, m, filled, cross=cross), "worst case with orders")
        initial = initial + (with_orders - worst).named("open orders")
    cut = u.quotes.forward * blocks.wallet_parameter(u, p, "collateral.haircut") * cross
    initial = initial + (blocks.owned(book) * book.each(cut)).net("unit").named("haircuts")
    return Requirement(
        initial=initial.net("account").rounded(9).named("initial"),
        maintenance=(matrix * p.number("factor.maintenance")).net("account").named("maintenance"),
        equity=blocks.carried_equity(book, m.dollar),
        parts={"cells": vector, "aggregated": cells, "worst": worst, "roll": roll, "delta": delta, "matrix": matrix},
        notes=_observed(u, p),
    )


def _observed(u: Universe, p: Version) -> tuple[str, ...]:
    """Notes on parameters that were first seen after the moment they are used for."""
    seen = {n: p.parameter("observed.date").of(n) for n in u.pairs.names}
    late = {n: str(d) for n, d in seen.items() if d and parse_time(str(d)) > u.as_of}
    return tuple(f"deribit: {n} parameters are those first observed on {date}" for n, date in late.items())


def segregated(book: Book, cube: Cube, p: Version) -> Requirement:
    """Return the S:PM requirement, in the wallet's currency."""
    return _margin(book, cube, p, cross=False)


def cross(book: Book, cube: Cube, p: Version) -> Requirement:
    """Return the X:PM requirement, in USD."""
    return _margin(book, cube, p, cross=True)


def wallet_pair(instruments: Instruments, p: Version) -> Texts:
    """Return the risk unit inside a wallet: the coin, or the pair with the stablecoin it settles in."""
    pair = np.char.add(np.char.add(instruments.underlying, "_"), instruments.settle)
    own = (instruments.settle == instruments.underlying) | instruments.is_kind(Kind.SPOT)
    return np.where(own, instruments.underlying, pair)


ORDERS = "open orders: the worst subset filled in each cell (the venue's own formula is not published)"
RULEBOOKS = {
    "deribit-spm": Rulebook(
        name="deribit-spm",
        title="Deribit segregated portfolio margin (S:PM)",
        status="to the last digit for futures; documented only for options",
        margin=segregated,
        scenarios=scenarios,
        shock=shock,
        unit=wallet_pair,
        segregated=True,
        notes=(ORDERS,),
    ),
    "deribit-xpm": Rulebook(
        name="deribit-xpm",
        title="Deribit cross portfolio margin (X:PM)",
        status="to display rounding for futures; documented only for options",
        margin=cross,
        scenarios=scenarios,
        shock=shock,
        notes=(ORDERS,),
    ),
}
