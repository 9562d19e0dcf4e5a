"""Generation 3: value at risk or expected shortfall by full revaluation over a scenario set.

Scenarios: a seeded Monte Carlo from a given covariance, or a joint spot x vol grid with probabilities. Expected
shortfall is Rockafellar and Uryasev's (2002) with a fractional boundary scenario; value at risk is the order statistic
number ceil(n (1 - level)) of the rising PnL (by cumulative weight where scenarios are weighted).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from loadline.foundation.table import Labels
from loadline.model.book import Book
from loadline.model.cube import Cube, Shocked, spot_moves, vol_instructions
from loadline.model.scenario_set import Scenarios
from loadline.model.universe import STABLE, Universe
from loadline.rulebooks import blocks, factors
from loadline.rulebooks.parameters import Version
from loadline.rulebooks.rulebook import Requirement, Rulebook
from loadline.scenarios.grid import grid
from loadline.scenarios.montecarlo import montecarlo
from loadline.tape.term import Term


def scenarios(universe: Universe, p: Version) -> Scenarios:
    """Return the joint scenarios of every underlying over the horizon; stablecoins do not move.

    All coins that have parameters are drawn, held or not: nobody's scenarios depend on what others hold.
    """
    named = universe.underlyings.names
    held = [n for n in named if n not in STABLE]
    known = [n for n in p.parameter("volatility.spot").by_key if n not in STABLE]
    coins = known + [n for n in held if n not in known]
    if not held:
        return Scenarios.of([("now", "grid", 0.0, 0.0, 1.0)])
    if p.scenarios is not None:
        return given(universe, p.scenarios)
    covariance = factors.factor_covariance(Labels.ordered(coins), p)[:, :2, :, :2]
    n = len(coins)
    joint = covariance.transpose(1, 0, 3, 2).reshape(2 * n, 2 * n)  # all prices, then all vols
    if p.text("scenarios.kind") == "grid":
        sd = np.sqrt(np.diag(joint))
        nodes = {k: int(p.number(f"scenarios.{k}")) for k in ("spot_nodes", "vol_nodes")}
        reach, between = p.number("scenarios.reach"), p.number("correlation.spot_vol")
        found = grid(coins, sd[:n], sd[n:], correlation=between, reach=reach, **nodes)
    else:
        degrees = p.number("scenarios.degrees")
        count, seed = int(p.number("scenarios.count")), int(p.number("scenarios.seed"))
        found = montecarlo(coins, joint, count=count, seed=seed, degrees=degrees or None)
    mine = [coins.index(n) for n in held]
    still = [s for s in named if s in STABLE]
    zero = np.zeros((len(found), len(still)))
    spot, vol = np.hstack([found.spot[:, mine], zero]), np.hstack([found.vol[:, mine], zero])
    return Scenarios(found.label, found.family, (*held, *still), spot, vol, np.ones(spot.shape), found.weight)


def given(universe: Universe, found: Scenarios) -> Scenarios:
    """Return the set that comes with the version; stablecoins that it does not move stand still."""
    still = tuple(n for n in universe.underlyings.names if n in STABLE and n not in found.underlyings)
    zero = np.zeros((len(found), len(still)))
    spot, vol = np.hstack([found.spot, zero]), np.hstack([found.vol, zero])
    return replace(found, underlyings=(*found.underlyings, *still), spot=spot, vol=vol, dampening=np.ones(spot.shape))


def tail_with(version: Version, scenarios: Scenarios) -> Version:
    """Return a version of ``tail`` that margins with this set instead of making its own."""
    return replace(version, scenarios=scenarios)


def shock(universe: Universe, moves: Scenarios, p: Version) -> Shocked:
    """Return forwards moved with their underlying, and vols moved by tenor; the smile keeps its moneyness."""
    q = universe.quotes
    forward = q.forward[:, None] * (1.0 + spot_moves(universe, moves))
    scale = factors.tenor_scale(universe, p)[:, None]
    vol = np.nan_to_num(q.vol)[:, None] * np.maximum(1.0 + scale * vol_instructions(universe, moves), 0.0)
    return Shocked(forward, vol)


def margin(book: Book, cube: Cube, p: Version) -> Requirement:
    """Return initial and maintenance requirement per account, in USD at each scenario's prices."""
    from loadline.kernels.tail import TailMeasure  # compiled code: loaded on first use

    u, weight = book.universe, cube.scenarios.weight
    weights = None if (weight == weight[0]).all() else weight
    pnl = (book.quantity * cube.term(cube.unit_pnl("scenario"))).net("account")
    pending = (book.unsettled * cube.term(cube.fx - u.fx[:, None])).net("account").named("unsettled pnl")
    pnl = (pnl + pending).named("scenario PnL")
    measure = p.text("measure.kind")
    level, days = p.number("measure.level"), p.number("horizon.days")
    choose = TailMeasure(measure, level, weights)
    said = f"{'expected shortfall' if measure == 'es' else 'value at risk'} {level:.4g}, {days:g} days"

    def tail(x: Term) -> Term:
        return x.tail("scenario", choose, said).losses().named(said)

    risk = tail(pnl)
    initial = risk
    if book.has_orders:
        fills = book.order * cube.term(cube.value * cube.fx) - book.order_cost * cube.term(cube.fx)
        filled = tail((pnl + fills.losses().net("account")).named("scenario PnL, losing orders filled"))
        initial = filled
    return Requirement(
        initial=(initial + blocks.haircuts(book, p)).named("initial"),
        maintenance=(risk * p.number("factor.maintenance")).named("maintenance"),
        equity=blocks.carried_equity(book),
        parts={"scenario_pnl": pnl, "risk": risk},
        notes=(f"{said}, {len(cube.scenarios)} scenarios ({p.text('scenarios.kind')})",),
    )


RULEBOOKS = {
    "tail": Rulebook(
        name="tail",
        title="Value at risk and expected shortfall over joint scenarios (generation 3)",
        status="documented only",
        margin=margin,
        scenarios=scenarios,
        shock=shock,
        liquidated_as="model",
        notes=("open orders: in each scenario those that lose are filled, initial only",),
    )
}
