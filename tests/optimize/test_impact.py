"""Square-root impact: charged in full, certified, and the least there is."""

from dataclasses import replace
from itertools import product

import numpy as np
import pytest

from loadline.engine.engine import choose_rulebook
from loadline.foundation.errors import MissingData
from loadline.model.greeks import unit_greeks
from loadline.model.instruments import Kind, PayoffForm
from loadline.model.universe import build_universe
from loadline.optimize.asking import read_limits
from loadline.optimize.building import Venue, build
from loadline.optimize.impact import Depth, Flow
from loadline.optimize.moves import moves_of
from loadline.optimize.optimizer import optimize
from loadline.optimize.plan import Plan, PlanStatus
from loadline.optimize.problem import Problem
from loadline.optimize.programme import Programme
from loadline.optimize.site import Site
from loadline.optimize.trading import Terms, Wishes, candidates
from tests.optimize import problems

CALL = "BTC-26JUN26-92000-C"


def flows(adv: float = 200.0) -> dict[str, Flow]:
    """Volumes of every contract of the sample: futures move 2.5 % a day, options by their own delta and vol."""
    i = problems.made()[1].instruments
    usd = np.where(i.kind == Kind.OPTION, 1.0, np.where(i.form == PayoffForm.INVERSE, 1000.0 * 84.0, 1.0))
    return {
        n: Flow(adv * u, float("nan") if k == Kind.OPTION else 0.025)
        for n, u, k in zip(i.id.tolist(), usd.tolist(), i.kind.tolist(), strict=True)
    }


def pressed(coefficient: float, adv: float = 200.0, *limits: str, **more: object) -> Problem:
    portfolio, market = problems.made()
    venue = Venue("strangle", choose_rulebook("deribit-xpm", market.as_of))
    wishes = Wishes(min_days=20.0, flow=Depth(flows(adv), coefficient, 0.1))
    return build(portfolio, market, [venue], wishes, read_limits(limits), **more)  # type: ignore[arg-type]


def by_formula(problem: Problem, plan: Plan, coefficient: float, adv: float = 200.0) -> float:
    """Impact of a plan's options by the formula, from the market's own columns."""
    market, total = problem.market, 0.0
    i, q = market.instruments, market.quotes
    u = build_universe(market, np.arange(len(i)), lambda x: x.underlying)
    delta = dict(zip(u.instruments.id.tolist(), unit_greeks(u).delta.tolist(), strict=True))
    for t in plan.trades:
        row = i.index[t.instrument]
        flow, size = flows(adv)[t.instrument], abs(t.quantity)
        index = market.price(str(i.underlying[row]))
        if i.kind[row] == Kind.OPTION:
            move = abs(delta[t.instrument]) * index * q.vol[row] / np.sqrt(365)
        else:
            linear = q.mark[row] * market.price(str(i.quote[row]))
            move = 0.025 * i.multiplier[row] * (1.0 if i.form[row] == PayoffForm.INVERSE else linear)
        total += coefficient * move * np.sqrt(size / flow.adv) * size
    return float(total)


@pytest.mark.parametrize("coefficient", [0.3, 1.0])
def test_the_true_cost_is_charged_and_the_plan_certified(coefficient: float) -> None:
    problem = pressed(coefficient)
    plan = optimize(problem)
    assert plan.status is PlanStatus.OPTIMAL and plan.trades and plan.impact > 0
    assert plan.impact == pytest.approx(by_formula(problem, plan, coefficient), rel=1e-9)
    displayed = {n: b + s for n, b, s in zip(problem.candidates.instrument.tolist(), problem.candidates.buy,
                                             problem.candidates.sell, strict=True)}  # fmt: skip
    assert plan.cost <= sum(abs(t.quantity) * displayed[t.instrument] for t in plan.trades) + plan.impact
    assert plan.cost == pytest.approx(sum(t.cost for t in plan.trades), rel=1e-9)
    assert plan.objective - plan.bound <= 1e-7 * plan.objective


def test_impact_leaves_the_wallet() -> None:
    """Equity after the plan has paid for impact as it has for spreads."""
    free, dear = optimize(pressed(1e-6)), optimize(pressed(1.0))
    spent = [
        sum(r.equity * r.usd for r in p.accounts[0].before) - sum(r.equity * r.usd for r in p.accounts[0].after)
        for p in (free, dear)
    ]
    assert spent[1] == pytest.approx(dear.cost, rel=1e-6) and spent[0] == pytest.approx(free.cost, rel=1e-6)


def test_no_better_point_in_continuous_sizes() -> None:
    """A random search around the optimum, and along every single trade, finds nothing lower."""
    problem = pressed(1.0, 200.0, "delta=off", "vega=off", "gamma=off", "theta=off")
    problem = replace(problem, candidates=problem.candidates.take(np.arange(0, len(problem.candidates), 4)))
    moves = moves_of(problem)
    programme = Programme(problem, [Site(problem, a, moves) for a in problem.asks], moves)
    programme.solve()
    best, at = programme.best.objective, programme.best.z
    assert best - programme.bound <= 1e-7 * best
    rng = np.random.default_rng(1)
    for _ in range(200):
        step = rng.normal(size=len(moves)) * rng.choice([1e-3, 0.1, 2.0]) * (rng.random(len(moves)) < 0.3)
        z = np.clip(at + step, 0.0, moves.upper)
        assert programme.point(z).objective >= best * (1 - 1e-8)


def test_lots_with_impact_against_every_point() -> None:
    problem = pressed(0.2, 100.0, lots=True, most_trades=2)
    few = np.flatnonzero(np.isin(problem.candidates.instrument, [CALL, "BTC-26JUN26-96000-C", "BTC-26JUN26-74000-P"]))
    c = problem.candidates.take(few)
    lot = np.full(len(c), 2.5)
    problem = replace(problem, candidates=c.replace(lot=lot, least=lot, max_buy=4 * lot, max_sell=4 * lot), limits=())
    moves = moves_of(problem)
    programme = Programme(problem, [Site(problem, a, moves) for a in problem.asks], moves)
    best = np.inf
    for lots in product(range(-4, 5), repeat=len(c)):
        signed = np.array(lots, float)
        if np.count_nonzero(signed) <= 2:
            z = np.concatenate([np.maximum(signed, 0), np.maximum(-signed, 0), np.zeros(len(moves.impacts))])
            best = min(best, programme.point(z).objective)
    plan = optimize(problem)
    assert plan.objective == pytest.approx(best, rel=2e-4) and plan.bound <= best * (1 + 1e-9)
    assert plan.impact > 0


def test_volume_lets_more_than_is_displayed_be_traded_and_caps_it() -> None:
    market = problems.made()[1]
    deep = Wishes(depth={CALL: (0.5, 0.5)}, flow=Depth(flows(), 1.0, 0.05))
    c = candidates(market, "a", {}, ["BTC"], Terms(), deep)
    at = c.instrument.tolist().index(CALL)
    assert c.max_buy[at] == pytest.approx(10.0) and c.impact[at] > 0
    shallow = replace(deep, depth={CALL: (30.0, 30.0)})
    assert candidates(market, "a", {}, ["BTC"], Terms(), shallow).max_buy[at] == 30.0
    none = replace(deep, flow=Depth(flows() | {CALL: Flow(0.0)}, 1.0, 0.05))
    assert CALL not in candidates(market, "a", {}, ["BTC"], Terms(), none).instrument


def test_a_given_vol_of_the_price_counts() -> None:
    market = problems.made()[1]
    c = candidates(market, "a", {}, ["BTC"], Terms(), Wishes(flow=Depth(flows() | {CALL: Flow(50.0, 0.4)}, 0.8)))
    at, row = c.instrument.tolist().index(CALL), market.instruments.index[CALL]
    price = market.quotes.mark[row] * market.price("BTC")
    assert c.impact[at] == pytest.approx(0.8 * 0.4 * price / np.sqrt(50.0))


def test_missing_volumes_and_vols_are_errors() -> None:
    market = problems.made()[1]
    known = flows()
    del known[CALL]
    with pytest.raises(MissingData, match=f"no average daily volume of 1 contracts: {CALL}"):
        candidates(market, "a", {}, ["BTC"], Terms(), Wishes(flow=Depth(known)))
    bare = flows() | {"BTC-PERPETUAL": Flow(1e7)}
    with pytest.raises(MissingData, match="no daily vol of BTC-PERPETUAL"):
        candidates(market, "a", {}, ["BTC"], Terms(), Wishes(flow=Depth(bare)))
