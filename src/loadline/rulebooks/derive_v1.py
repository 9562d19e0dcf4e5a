"""Derive portfolio margin, PMRM v1 (legacy): an undamped grid, one base asset, static charges inside the factor.

The venue speaks of net margin = equity - requirement. Sources: public cases and docs, per parameter in derive_v1.toml.
"""

from __future__ import annotations

import numpy as np

from loadline.model.book import Book
from loadline.model.cube import Cube, Shocked, spot_moves, vol_instructions
from loadline.model.scenario_set import Scenarios
from loadline.model.universe import Universe
from loadline.rulebooks import blocks
from loadline.rulebooks.parameters import Version
from loadline.rulebooks.rulebook import Requirement, Rulebook
from loadline.tape.term import worst_of

VOLS = {"down": -1.0, "none": 0.0, "up": 1.0}


def scenarios(universe: Universe, p: Version) -> Scenarios:
    """Return the regular scenarios and the two moves of the basis contingency."""
    return blocks.damped_grid(universe, p, VOLS, ("regular", "basis"))


def shock(universe: Universe, grid: Scenarios, p: Version) -> Shocked:
    """Return shocked forwards and vols; options are not discounted and a vol shock has no floor."""
    q = universe.quotes
    fixed = blocks.settled_part(universe, p.number("settlement.window"))[:, None]
    forward = (q.forward[:, None] - fixed) * (1.0 + spot_moves(universe, grid)) + fixed
    up, down = blocks.power_rule(universe, p, p.number("vol_shock.dte_floor"), inclusive=True)
    vol = np.nan_to_num(q.vol)
    ladder = np.stack([vol * down, vol, vol * up], axis=1)
    step = vol_instructions(universe, grid).astype(np.int64) + 1
    return Shocked(forward, np.take_along_axis(ladder, step, axis=1))


def margin(book: Book, cube: Cube, p: Version) -> Requirement:
    """Return initial and maintenance requirement, per risk unit, then per account."""
    u = book.universe
    keys, rate, stable = u.underlyings, blocks.rate(u, p), blocks.stable_price(u)
    cash = blocks.cash_rows(u)
    options, futures, base = book.only(u.option), book.only(u.future), book.only(u.spot & ~cash)

    # an expiry worth something when shocked is discounted, one that owes counts in full
    mark = (options * book.each(cube.base)).net("expiry").named("mark to market")
    carry = u.tau * (rate * p.number("static_discount.rate_mult") + p.number("static_discount.rate_add"))
    gain = book.each(p.number("static_discount.long") * np.exp(-carry), "expiry")
    value = (options * cube.term(cube.value, "regular")).net("expiry").named("shocked value")
    option_pnl = (value.signed_scale(gain=gain, loss=1.0) - mark).net("unit").named("options")
    moved = cube.base[:, None] * cube.move
    perpetual_pnl = (futures * cube.term(moved, "regular")).net("unit").named("perpetuals")
    base_pnl = (base * cube.term(moved / stable, "regular")).net("unit").named("base asset")
    pnl = (option_pnl + perpetual_pnl + base_pnl).named("scenario PnL")
    scan = pnl.worst("scenario").named("scanning risk")

    # the basis contingency competes with the grid
    shift = (options * cube.term(cube.value - cube.base[:, None], "basis", name="basis")).net("expiry").worst("basis")
    length = book.each(p.each("basis.add", keys) + p.each("basis.mult", keys) * u.tau, "expiry")
    basis = (shift.losses() * length).net("unit").named("basis contingency")
    worst = worst_of(scan, basis).named("worst loss")

    # static contingencies count before the loss factor, an unsure oracle after it
    per_coin = book.each(u.size)
    naked = (options * per_coin).net("strike").losses().net("unit").named("naked shorts")
    size = (futures * per_coin).net("unit").size().named("perpetual size")
    held = (-base.net("unit")).losses().named("base size")
    static = {
        "perpetual": size * book.each(p.each("contingency.perpetual", keys) * u.index, "unit"),
        "base": held * book.each(p.each("contingency.base", keys) * u.index, "unit"),
        "option": naked * book.each(p.each("contingency.option", keys) * u.index, "unit"),
    }
    static = {name: part.named(f"{name} contingency") for name, part in static.items()}
    sure = blocks.held_confidence(book)
    doubt = book.each(blocks.doubt(sure, p) * u.index, "unit")
    each = book.each(blocks.doubt(np.minimum(sure, u.quotes.confidence), p) * u.index)
    gross = ((options * per_coin).size() * each).net("unit")
    unsure = (gross + size * doubt + held * doubt).named("oracle contingency")

    peg = max(p.number("peg.threshold") - stable, 0.0) * p.number("peg.factor")
    risk = (worst + static["perpetual"] + static["base"] + static["option"]).named("risk and contingencies")
    maintenance = risk * book.each(p.each("loss_factor.maintenance", keys), "unit")
    initial = risk * book.each(p.each("loss_factor.initial", keys) + peg, "unit") + unsure
    worth = np.where(cash, 1.0, u.quotes.forward / stable) * u.spot
    equity = mark.net("account").named("options")
    equity = equity + (book.quantity * book.each(worth)).net("account").named("balances")
    equity = equity + (book.unsettled * book.each(blocks.cash_rate(u))).net("account").named("unsettled pnl")
    return Requirement(
        initial=initial.net("account").named("initial"),
        maintenance=maintenance.net("account").named("maintenance"),
        equity=equity.named("equity"),
        parts=static | {"scenario_pnl": pnl, "basis": basis, "oracle": unsure, "worst": worst},
    )


RULEBOOKS = {
    "derive-v1": Rulebook(
        name="derive-v1",
        title="Derive portfolio margin, first version (PMRM v1, legacy)",
        status="exact",
        margin=margin,
        scenarios=scenarios,
        shock=shock,
        liquidated_as="derive",
        needs=("index", "forward", "vol"),
        currency="USDC",
        cash=True,
        alone=blocks.doubtful_perpetuals,
        notes=("open orders are not margined: the venue's check leaves them out", blocks.RESTATED),
    )
}
