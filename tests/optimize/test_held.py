"""A rule that looks at what is held: bounded from below and above whatever is traded, and certified where they meet."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loadline.engine.engine import margins
from loadline.engine.result import MarginResult
from loadline.optimize.moves import Moves, moves_of
from loadline.optimize.optimizer import optimize
from loadline.optimize.plan import PlanStatus
from loadline.optimize.problem import Problem
from loadline.optimize.site import Site
from tests.optimize import problems
from tests.optimize.test_brute_force import best_of_all, drawn

ACCOUNTS = ("strangle", "calendar", "basis", "maker", "covered-call")


def made(seed: int, count: int = 14) -> tuple[Problem, Moves, Site]:
    rng = np.random.default_rng(seed)
    account = str(rng.choice(ACCOUNTS))
    names = list(dict.fromkeys([*problems.listed(rng, count, (3,)), *problems.listed(rng, 3, (1, 2))]))
    reach = float(rng.choice([5.0, 40.0, 400.0]))
    base = problems.problem(account, "derive-srm", names)
    c = problems.candidates(account, names, reach=reach)
    problem = Problem(base.portfolio, base.market, c, base.asks)
    moves = moves_of(problem)
    return problem, moves, Site(problem, problem.asks[0], moves)


def required(site: Site, z: np.ndarray) -> float:
    found = margins(site.after(z), site.market, site.ask.rulebook)
    return sum(r.initial * r.usd for r in found if isinstance(r, MarginResult))


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10**6))
def test_the_rule_lies_between_its_bounds(seed: int) -> None:
    problem, moves, above = made(seed)
    near, far = (Site(problem, problem.asks[0], moves, above, wide) for wide in (False, True))
    rng = np.random.default_rng(seed)
    for share in (0.1, 0.5, 1.0):
        z = np.round(moves.upper * rng.random(len(moves)) * (rng.random(len(moves)) < share))
        z[moves.buys] *= rng.random() < 0.7  # books that only sell, too
        need, room = required(above, z), 1e-9 * max(1.0, required(above, z))
        values = [s.requirement(s.values(z)) for s in (near, far, above)]
        assert values[0] <= values[1] + room <= need + 2 * room <= values[2] + 3 * room


def test_seen_as_held_asks_for_too_much() -> None:
    """Short calls and a candidate of a higher strike that is not traded: the settlement there is none of theirs."""
    held = {"BTC-26JUN26-92000-C": -10.0, "BTC-26JUN26-92000-P": 10.0}
    book = problems.holding("a", held, 1e6)
    listed = problems.made()[1].instruments.id.tolist()
    strikes = sorted(int(n.split("-")[2]) for n in listed if n.startswith("BTC-26JUN26-") and n.endswith("-C"))
    names = [f"BTC-26JUN26-{strikes[-1]}-C", "BTC-26JUN26-92000-C"]
    beyond = 10.0 * (strikes[-1] - 92_000)
    assert beyond > 0
    problem = problems.problem("a", "derive-srm", names, portfolio=book)
    moves = moves_of(problem)
    above = Site(problem, problem.asks[0], moves)
    below = Site(problem, problem.asks[0], moves, above, True)
    parts = [t.numbers().min() for s in (above, below) for t in _named(s, "maximum loss")]
    assert parts[0] == pytest.approx(parts[1] - beyond)
    z = np.zeros(len(moves))
    assert below.requirement(below.values(z)) == pytest.approx(required(above, z), rel=1e-12)


def _named(site: Site, name: str) -> list:  # type: ignore[type-arg]
    from loadline.tape.pull import in_order

    return [t for t in in_order(site.initial) if t.name == name]


def test_most_small_problems_are_certified() -> None:
    """Against every point in lots, margined anew on what is then held."""
    seen = []
    for seed in range(31, 131, 10):
        problem = drawn(seed, 3, 1)
        assert problem.asks[0].rulebook.rule.name == "derive-srm"
        best, plan = best_of_all(problem, 1, anew=True), optimize(problem)
        assert plan.bound <= best * (1 + 1e-9) <= plan.objective * (1 + 2e-9)
        seen.append(plan.status in (PlanStatus.OPTIMAL, PlanStatus.WITHIN) and plan.objective <= best * (1 + 2e-4))
    assert sum(seen) >= 8


@pytest.mark.parametrize("step", [30, pytest.param(12, marks=pytest.mark.slow)])
def test_a_whole_chain_is_certified(step: int) -> None:
    from tests.optimize.test_optimizer import usual

    problem = usual("basis", "derive-srm")
    some = problem.candidates.take(np.arange(0, len(problem.candidates), step))
    plan = optimize(Problem(problem.portfolio, problem.market, some, problem.asks, problem.limits))
    assert plan.status is PlanStatus.OPTIMAL and plan.bound > 0 and not plan.notes
