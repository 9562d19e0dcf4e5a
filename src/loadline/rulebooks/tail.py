"""Generation 3: value at risk or expected shortfall by full revaluation over a scenario set.

Scenarios: a set that comes with the version (joint moves of history under today's volatility, and of a stressed
period: `scenarios.moves`), a seeded Monte Carlo from a given covariance, or a joint spot x vol grid with probabilities.
Expected shortfall is Rockafellar and Uryasev's (2002) with a fractional boundary scenario; value at risk is the order
statistic number ceil(n (1 - level)) of the rising PnL (by cumulative weight where scenarios are weighted).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from loadline.foundation.errors import RuleError
from loadline.model.book import Book
from loadline.model.cube import Cube
from loadline.model.scenario_set import Scenarios
from loadline.rulebooks import blocks
from loadline.rulebooks.parameters import Version
from loadline.rulebooks.rulebook import Requirement, Rulebook
from loadline.rulebooks.tail_charges import least, liquidity
from loadline.rulebooks.tail_shock import scenarios, shock
from loadline.scenarios.moves import STRESS
from loadline.tape.term import Term, worst_of

CHARGES = ("spread", "impact", "vol_spread")


def tail_with(version: Version, scenarios: Scenarios) -> Version:
    """Return a version of ``tail`` that margins with this set instead of making its own."""
    return replace(version, scenarios=scenarios)


def margin(book: Book, cube: Cube, p: Version) -> Requirement:
    """Return initial and maintenance requirement per account, in USD at each scenario's prices."""
    from loadline.kernels.tail import TailMeasure  # compiled code: loaded on first use

    unit, rates = cube.unit_pnl("scenario"), cube.fx - book.universe.fx[:, None]
    measure, level, days = p.text("measure.kind"), p.number("measure.level"), p.number("horizon.days")
    said = f"{'expected shortfall' if measure == 'es' else 'value at risk'} {level:.4g}, {days:g} days"
    stress, apart = p.number("stress.weight"), p.number("correlation_break.weight")
    history, stressed = families(cube, needed=stress > 0)

    def pnl(to: str, name: str, of: tuple[str, ...]) -> Term:
        held = (book.quantity * cube.term(unit, *of, name=name)).net(to)
        pending = (book.unsettled * cube.term(rates, *of, name=name)).net(to).named("unsettled pnl")
        return (held + pending).named("scenario PnL")

    def filled(to: str, name: str, of: tuple[str, ...]) -> Term:
        paid = book.order_cost * cube.term(cube.fx, *of, name=name)
        fills = book.order * cube.term(cube.value * cube.fx, *of, name=name) - paid
        return (pnl(to, name, of) + fills.losses().net(to)).named("scenario PnL, losing orders filled")

    def tail(x: Term, name: str, of: tuple[str, ...]) -> Term:
        weight = cube.scenarios.weight[cube.rows(*of)]
        choose = TailMeasure(measure, level, None if (weight == weight[0]).all() else weight)
        return x.tail(name, choose, said).losses()

    def risk(gains: Callable[[str, str, tuple[str, ...]], Term], joint: Term) -> Term:
        found = core = tail(joint, "scenario", history).named(said)
        if apart:  # underlyings no longer offset each other: expected shortfall of each by itself
            alone = tail(gains("unit", "scenario", history), "scenario", history).net("account")
            found = found * (1.0 - apart) + alone.named("each underlying alone") * apart
        if stress:
            then = tail(gains("account", "stress", stressed), "stress", stressed).named("stressed period")
            found = found * (1.0 - stress) + then * stress
        if p.parameter("floor.notional").any:
            found = worst_of(found.named("tail"), least(book, p))
        if any(p.parameter(f"liquidity.{name}").any for name in CHARGES):
            found = found + liquidity(book, p)
        return found if found is core else found.named("risk")

    joint = pnl("account", "scenario", history)
    origin = p.text("scenarios.kind") if p.scenarios is None else ", ".join((*history, *stressed)) or "a set"
    held = risk(pnl, joint)
    initial = held
    if book.has_orders:
        initial = risk(filled, filled("account", "scenario", history))
    return Requirement(
        initial=(initial + blocks.haircuts(book, p)).named("initial"),
        maintenance=(held * p.number("factor.maintenance")).named("maintenance"),
        equity=blocks.carried_equity(book),
        parts={"scenario_pnl": joint, "risk": held},
        notes=(f"{said}, {len(cube.scenarios)} scenarios ({origin})",),
    )


def families(cube: Cube, *, needed: bool) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the families of history and the stressed one; raises ``RuleError`` where a ``needed`` one is missing."""
    found = tuple(dict.fromkeys(cube.scenarios.family.tolist()))
    if STRESS not in found:
        if needed:
            raise RuleError("tail: stress.weight is above 0, and no scenario belongs to a stressed period",
                            causes="a set that is drawn, or calibrated without one",
                            remedy="calibrate a model from history, or set stress.weight to 0")  # fmt: skip
        return (), ()
    return tuple(f for f in found if f != STRESS), (STRESS,)


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
