"""Impact, stresses, distance to liquidation and exposure at once, in lots, against every point there is."""

from dataclasses import replace

import numpy as np
import pytest

from loadline.optimize.distance import Floor, guards
from loadline.optimize.moves import moves_of
from loadline.optimize.optimizer import optimize
from loadline.optimize.plan import PlanStatus
from loadline.optimize.problem import Bound, ExposureCap, Problem
from loadline.optimize.programme import Programme
from loadline.optimize.site import Site
from loadline.optimize.stress import read_stress, stress_cap
from tests.optimize.test_brute_force import best_of_all, drawn

REACH = 2


def limited(seed: int) -> Problem:
    """A random problem with bounds that some of its points break."""
    rng = np.random.default_rng(seed)
    base = drawn(seed, 3, REACH)
    c = base.candidates
    base = replace(base, candidates=c.replace(impact=rng.uniform(0.1, 1.0, len(c)) * c.buy / np.sqrt(c.lot)))
    ask = base.asks[0]
    names = [*base.portfolio.positions.instrument.tolist(), *c.instrument.tolist()]
    cap = stress_cap(read_stress("BTC-15%,ETH+20%,vol+25%"), np.inf, base.portfolio, base.market, names)
    exposed = ExposureCap("exposure", {ask.account: 0.5}, np.inf)
    moves = moves_of(base)
    programme = Programme(base, [Site(base, ask, moves)], moves)
    free = programme.solve().best.z
    limits: list[Bound] = list(base.limits)
    for bound in (cap, exposed):
        there, then = (programme.change(bound, z) for z in (np.zeros(len(moves)), free))
        limits.append(replace(bound, high=max(there, then) - rng.uniform(0.0, 0.5) * abs(then - there)))
    floors = guards(base.market, [(ask.account, ask.rulebook)], [Floor("BTC", -0.1, 0.1)])
    some = tuple(g for g in floors if g.moved is not None and abs(g.moved.move) == 0.1)
    return replace(base, limits=tuple(limits), guards=some)


SEEDS = [s for s in range(24) if s % 10 in (0, 2, 3, 4)]
"""deribit-xpm, derive, tail and derive-v1."""


@pytest.mark.parametrize("seed", [*SEEDS[:6], *(pytest.param(s, marks=pytest.mark.slow) for s in SEEDS[6:])])
def test_the_best_of_all_points_is_found_within_every_limit(seed: int) -> None:
    problem = limited(seed)
    best, plan = best_of_all(problem, REACH), optimize(problem)
    if not np.isfinite(best):
        assert plan.status is PlanStatus.INFEASIBLE and plan.because
        return
    assert plan.bound <= best * (1 + 1e-9)
    if len([n for n in plan.bindings if n.name.startswith("liquidation")]) == len(problem.guards):
        assert plan.objective == pytest.approx(best, rel=2e-4, abs=1e-6)
    assert plan.objective >= best * (1 - 1e-9)  # moves that entered later only take points away


def test_the_limits_do_bind_in_some() -> None:
    costs = []
    for seed in SEEDS[:4]:
        problem = limited(seed)
        free = best_of_all(replace(problem, limits=problem.limits[:1], guards=()), REACH)
        costs.append(best_of_all(problem, REACH) > free * (1 + 1e-6))
    assert any(costs)
