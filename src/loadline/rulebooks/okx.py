"""OKX portfolio margin: nine named stresses per risk unit, MR1 to MR9, joined as the venue's notice reads.

``MMR of a unit = max( max(MR1, MR2, MR6) + MR3 + MR4 + MR5, MR7 tiered ) + MR9``; ``MMR = their sum + MR8``. A risk
unit is a coin (structure ``merged``) or a coin and what its contracts settle in (``separate``). What the venue does not
publish, the formulas of MR2, MR3 and MR5, vol shocks, several rates, is written here in the plainest way that fits its
words, with parameters that say so: a template. Sources: okx.toml.
"""

from __future__ import annotations

import numpy as np

from loadline.foundation.table import Texts
from loadline.model.book import Book
from loadline.model.cube import Cube, Shocked, spot_moves, vol_instructions
from loadline.model.greeks import unit_greeks
from loadline.model.instruments import Instruments, Kind
from loadline.model.scenario_set import Scenarios
from loadline.model.universe import STABLE, Universe, pair_of
from loadline.rulebooks import blocks
from loadline.rulebooks.brackets import table
from loadline.rulebooks.okx_charges import CASH, borrowed, check, discounts, hedge_cost
from loadline.rulebooks.parameters import Version
from loadline.rulebooks.rulebook import Requirement, Rulebook
from loadline.tape.term import Term, worst_of

VOLS = {"down": -1.0, "same": 0.0, "up": 1.0}


def scenarios(universe: Universe, p: Version) -> Scenarios:
    """Return the moves of MR1 (seven of price, each with three of vol) and the two of MR6."""
    found = {}
    for name in universe.underlyings.names:
        moves = [float(m) for m in p.get("spot.moves", pair_of(name))]
        far = float(p.get("extreme.move", pair_of(name)))
        rows = [(m, v) for m in (0.0, *(s * m for m in moves for s in (1, -1))) for v in VOLS]
        listed = [(f"spot {blocks.percent(m)} vol {v}", "spot", m, VOLS[v], 1.0) for m, v in rows]
        listed += [(f"spot {blocks.percent(m)}", "extreme", m, 0.0, 1.0) for m in (far, -far)]
        still = not any(move for _, _, move, _, _ in listed)  # a stablecoin: what others do names the scenario
        found[name] = Scenarios.of([("now", *row[1:]) if still else row for row in listed])
    return Scenarios.join(found)


def shock(universe: Universe, grid: Scenarios, p: Version) -> Shocked:
    """Return forwards moved by as much money as the index moves, and vols by the power rule of the template."""
    q = universe.quotes
    dollars = np.where(universe.settles.among(*STABLE), universe.fx, 1.0)  # one unit of the quote currency
    moved = (universe.index / dollars)[:, None] * spot_moves(universe, grid)
    up, down = blocks.power_rule(universe, p, p.number("vol_shock.floor_days"), inclusive=True)
    step = vol_instructions(universe, grid)
    factor = np.where(step > 0, up[:, None], np.where(step < 0, down[:, None], 1.0))
    return Shocked(q.forward[:, None] + moved, np.nan_to_num(q.vol)[:, None] * factor)


def margin(book: Book, cube: Cube, p: Version) -> Requirement:
    """Return initial and maintenance requirement, USD."""
    u, greeks = book.universe, unit_greeks(book.universe)
    options, future = book.only(u.option), book.only(u.future)
    traded = book.only(~u.spot)
    delta = traded * book.each(greeks.delta_usd)

    # spot enters a unit as far as it hedges the unit's contracts, in USD
    coin = u.spot & ~np.isin(u.instruments.id, STABLE)
    wallet = (book.only(coin) * book.each(u.quotes.forward * p.each("spot.in_use", u.pairs))).net("unit")
    used = worst_of(-(-wallet).losses(), -delta.net("unit").losses()).named("spot in use")

    def pnl(family: str) -> Term:
        contracts = (traded * cube.term(cube.unit_pnl("scenario"), family)).net("unit").named("contracts")
        move = book.each(cube.move[:, cube.rows(family)], "unit", cube.axis(family))
        return (contracts + (used * move).named("spot in use")).named("PnL")

    cells, far = pnl("spot"), pnl("extreme")
    mr1 = cells.worst("scenario").losses().named("MR1 spot shock")
    mr6 = (far.worst("scenario").losses() * p.number("extreme.weight")).named("MR6 extreme move")
    theta = book.each(greeks.theta_usd * p.number("theta.hours") / 24.0)
    mr2 = (options * theta).net("unit").losses().named("MR2 time decay")
    weight = (30.0 / np.maximum(u.days, p.number("vega.floor_days"))) ** p.number("vega.power")
    vega = (options * book.each(greeks.vega_usd * weight * p.number("vega.points"))).net("expiry")
    mr3 = (vega.size().net("unit") - vega.net("unit").size()).named("MR3 vega between expiries")
    annual = np.maximum(p.each("basis.least", u.pairs), p.each("basis.annual", u.pairs) * u.tau)
    mr4 = (delta.net("expiry").size() * book.each(annual, "expiry")).net("unit").named("MR4 basis")
    rho = book.each(cube.base * u.fx * u.tau * p.number("rate.move"))
    mr5 = (options * rho).net("unit").size().named("MR5 interest rate")
    stressed = worst_of(mr1, mr2, mr6) + mr3 + mr4 + mr5

    fee = (future * book.each(greeks.delta_usd)).size() * book.each(p.each("minimum.future", u.pairs))
    fee = fee + options.losses() * book.each(u.size * u.index * p.each("minimum.option", u.pairs))
    base = fee.net("unit").named("MR7 before tiers")
    mr7 = base.bracketed(table(p, "minimum.bounds"), table(p, "minimum.multipliers"))
    group = np.where(u.settles.among(*CASH), u.instruments.settle, "USD")
    cash = {c: (delta * book.each((group == c).astype(float))).net("unit") for c in (*CASH, "USD")}
    mr9 = hedge_cost(cash, book, p)
    units = (worst_of(stressed.named("MR1 to MR6"), mr7.named("MR7 minimum")) + mr9).named("risk unit").net("account")

    owed = borrowed(book)
    fills = book.order * book.each(cube.base * u.fx) - book.order_cost * book.each(u.fx)
    # adjusted equity is less by these: here they are asked on both sides instead
    less = discounts(book, p)
    less = less + fills.losses().net("account").named("loss of open orders") if book.has_orders else less
    mr8 = {side: (owed * p.number(f"borrow.{side}")).named("MR8 borrowing") for side in ("initial", "maintenance")}
    initial = (units.named("risk units") * p.number("factor.initial")) + mr8["initial"] + less
    maintenance = units.named("risk units") + mr8["maintenance"] + less
    parts = {"mr1": mr1, "mr2": mr2, "mr3": mr3, "mr4": mr4, "mr5": mr5, "mr6": mr6, "mr7": base, "minimum": mr7}
    return Requirement(
        initial=initial.named("initial"),
        maintenance=maintenance.named("maintenance"),
        equity=blocks.carried_equity(book),
        parts=parts | {"mr8": mr8["maintenance"], "mr9": mr9, "cells": cells, "far": far, "units": units},
    )


def risk_unit(instruments: Instruments, p: Version) -> Texts:
    """Return the coin, or the coin and what its contracts settle in."""
    if p.structure == "merged":
        return instruments.underlying
    apart = np.isin(instruments.settle, CASH) | (instruments.settle == instruments.underlying)
    group = np.where(np.isin(instruments.settle, CASH), instruments.settle, "USD")
    group = np.where(instruments.kind == Kind.SPOT, p.text("spot.with"), group)
    joined = np.char.add(np.char.add(instruments.underlying, "-"), group)
    return np.where(apart | (instruments.kind == Kind.SPOT), joined, instruments.underlying)


ASSUMED = "okx: a template: MR2, MR3, MR5, vol shocks and some rates are assumed, see loadline rulebook show okx"
RULEBOOKS = {
    "okx": Rulebook(
        name="okx",
        title="OKX portfolio margin (MR1 to MR9)",
        status="template",
        margin=margin,
        scenarios=scenarios,
        shock=shock,
        unit=risk_unit,
        check=check,
        notes=(ASSUMED, "open orders: what each would lose at once is asked; their stress is not published"),
    )
}
