"""No liquidation within a move of price: after the plan the engine's own search finds none there."""

from dataclasses import replace

import numpy as np
import pytest

from loadline.engine.engine import choose_rulebook
from loadline.engine.liquidation import distance
from loadline.engine.result import MarginResult
from loadline.engine.surface import wallets
from loadline.foundation.errors import InputError
from loadline.model.positions import Portfolio
from loadline.optimize.asking import read_limits
from loadline.optimize.building import Venue, build
from loadline.optimize.distance import Floor, guard, missed
from loadline.optimize.moves import moves_of
from loadline.optimize.optimizer import optimize
from loadline.optimize.plan import Plan, PlanStatus
from loadline.optimize.problem import Problem
from loadline.optimize.site import Site
from tests.optimize import problems
from tests.optimize.test_optimizer import SOME


def thin(rulebook: str, *limits: str, cash: float = 0.0, account: str = "strangle", **more: object) -> Problem:
    """The strangle with little to spare."""
    portfolio, market = problems.made()
    mine = portfolio.only([account])
    b = mine.balances
    amount = np.where(b.currency == "USDC", b.amount + cash, b.amount)
    book = Portfolio(mine.positions, b.replace(amount=amount))
    venue = Venue(account, choose_rulebook(rulebook, market.as_of))
    return build(book, market, [venue], SOME, read_limits(limits), **more)  # type: ignore[arg-type]


def after(problem: Problem, plan: Plan) -> Portfolio:
    """What is held after a plan, from its trades."""
    moves = moves_of(problem)
    z = np.zeros(len(moves))
    rows = {n: k for k, n in enumerate(problem.candidates.instrument.tolist())}
    for t in plan.trades:
        z[(moves.buys if t.quantity > 0 else moves.sells)[rows[t.instrument]]] = abs(t.lots)
    return Site(problem, problem.asks[0], moves).after(z)


RULES = ("deribit-xpm", "deribit-spm", "derive", "paradex-pm", "tail")


@pytest.mark.parametrize("rulebook", RULES)
def test_the_model_is_the_rule_in_the_moved_market(rulebook: str) -> None:
    """Equity less maintenance at random trades: the guard's tape against the engine, which shifts and margins anew."""
    problem = thin(rulebook, "liquidation:BTC=12%", "liquidation=8%")
    moves, rng = moves_of(problem), np.random.default_rng(3)
    home = Site(problem, problem.asks[0], moves)
    for ask in problem.guards:
        site = Site(problem, ask, moves)
        assert ask.moved is not None
        names = [ask.moved.underlying] if ask.moved.underlying else None
        for _ in range(3):
            z = np.floor(moves.upper * rng.random(len(moves)) * (rng.random(len(moves)) < 0.2))
            left = -float(site.shortfall(site.values(z)).sum())
            known = 0.0
            for wallet in wallets(home.after(z), problem.market, ask.rulebook, "strangle"):
                answer = wallet.moving(names).at(ask.moved.move, 0.0)[0]
                assert isinstance(answer, MarginResult)
                known += answer.maintenance_excess * answer.usd
            assert left == pytest.approx(known, rel=5e-9 if rulebook == "deribit-spm" else 1e-9)  # rounds coins


@pytest.mark.parametrize("rulebook", ["deribit-xpm", "derive"])
def test_no_liquidation_within_the_floor(rulebook: str) -> None:
    now = distance(wallets(thin(rulebook).portfolio, problems.made()[1], rulebook, "strangle")[0], "spot", (-0.9, 2.0))
    ends = {"down": now.down.move, "up": now.up.move}
    assert all(x is not None for x in ends.values())
    low, high = 1.25 * ends["down"], 1.25 * ends["up"]  # type: ignore[operator]
    problem = thin(rulebook, f"liquidation={100 * low}%..{100 * high}%")
    plan = optimize(problem)
    free = optimize(thin(rulebook))
    assert plan.status is PlanStatus.OPTIMAL and plan.objective > free.objective
    wallet = wallets(after(problem, plan), problem.market, rulebook, "strangle")[0]
    reached = distance(wallet, "spot", (low * 0.999, high * 0.999))
    assert reached.nearest is None
    held = [b for b in plan.bindings if b.name.startswith("liquidation")]
    assert any(b.shadow > 0 for b in held) and all(b.change >= -1.0 for b in held)
    assert any("is liquidated at" in note for note in plan.notes)


BUTTERFLY = {"BTC-12JUN26-84000-C": -40.0, "BTC-12JUN26-90000-C": 80.0, "BTC-12JUN26-96000-C": -40.0}


def test_what_lies_between_the_ends_is_found() -> None:
    """Short both wings, long the middle: worst off half a wing away, safe at either end."""
    market, rule = problems.made()[1], choose_rulebook("tail", problems.made()[1].as_of)
    book = problems.holding("a", BUTTERFLY, 97_000.0)
    dips = [w.moving(["BTC"]).maintenance_excess(x, 0.0) for w in wallets(book, market, rule, "a") for x in (0.05, 0.3)]
    assert dips[0] < 0 < dips[1]
    problem = build(book, market, [Venue("a", rule)], SOME, read_limits(["liquidation:BTC=30%"]), rate=0.0)
    ends = tuple(g for g in problem.guards if g.moved is not None and abs(g.moved.move) == 0.3)
    problem = replace(problem, guards=ends)
    plan = optimize(problem)
    assert plan.status is PlanStatus.OPTIMAL
    assert {b.name for b in plan.bindings if b.name.startswith("liquidation")} > {g.cover for g in ends}
    wallet = wallets(after(problem, plan), market, rule, "a")[0].moving(["BTC"])
    for move in np.linspace(-0.3, 0.3, 25).round(3).tolist():
        answer = wallet.at(move, 0.0)[0]
        assert answer.maintenance_excess >= -2e-6 * answer.equity  # type: ignore[union-attr]


def test_the_shadow_price_of_a_floor_is_a_derivative() -> None:
    """A dollar of equity: the wallet gets one more, or one less."""
    bounds = {}
    for cash in (-1.0, 0.0, 1.0):
        plan = optimize(thin("deribit-xpm", "liquidation=15%", cash=cash))
        bounds[cash] = plan.bound
        if cash == 0.0:
            worth = sum(b.shadow for b in plan.bindings if b.name.startswith("liquidation"))
    assert worth > 0
    dollar = problems.made()[1].price("USDC")
    looser, tighter = (bounds[0.0] - bounds[1.0]) / dollar, (bounds[-1.0] - bounds[0.0]) / dollar
    assert looser * (1 - 1e-6) <= worth <= tighter * (1 + 1e-6)


def test_floors_are_read_and_refused() -> None:
    assert read_limits(["liquidation:BTC=15%", "liquidation=-20%..30%"]).floors == (
        Floor("BTC", -0.15, 0.15),
        Floor("", -0.2, 0.3),
    )
    for bad in ("liquidation=15", "liquidation=-100%..5%", "liquidation=5%..10%", "liquidation:BTC:x=5%"):
        with pytest.raises(InputError):
            read_limits([bad])
    with pytest.raises(InputError, match="no price of XYZ"):
        thin("derive", "liquidation:XYZ=5%")


def test_what_there_was_no_time_for_is_told() -> None:
    more = Floor("BTC", -0.3, 0.3).at(problems.made()[1], 0.05)
    rule = choose_rulebook("tail", problems.made()[1].as_of)
    assert missed([guard("a", rule, more)]) == ("within the floor: liquidation of a at BTC +5.0%, and time was up",)
