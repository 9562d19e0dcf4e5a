"""Expected shortfall under another's hand: the same problem written for cvxpy and solved by Clarabel, to 1e-8."""

import numpy as np
import pytest

from loadline.engine.engine import evaluate
from loadline.optimize.moves import moves_of
from loadline.optimize.optimizer import optimize
from loadline.optimize.problem import Limit, Problem
from loadline.optimize.site import Site
from tests.optimize import problems


def drawn(seed: int) -> Problem:
    """A random book of options and delta-one contracts with a limit."""
    rng = np.random.default_rng(seed)
    names = problems.listed(rng, 12)
    held = {n: float(q) for n, q in zip(problems.listed(rng, 8, (3,)), rng.normal(0, 20, 8).round(1), strict=True)}
    weights = dict(zip(names, rng.normal(size=12), strict=True))
    return problems.problem(
        "a",
        "tail",
        names,
        rate=0.05,
        portfolio=problems.holding("a", held, 1e6),
        limits=(Limit("one", weights, -30.0, 30.0),),
    )


@pytest.mark.parametrize("seed", range(3))
def test_clarabel_finds_the_same_optimum(seed: int) -> None:
    cp = pytest.importorskip("cvxpy", reason="cvxpy with Clarabel is a check, not a dependency")
    problem = drawn(seed)
    moves = moves_of(problem)
    site = Site(problem, problem.asks[0], moves)
    level = float(problem.asks[0].rulebook.version.number("measure.level"))
    some = np.zeros(len(moves))
    some[moves.buys] = 1.0  # unit PnL of every row, by the cube and not by the tape
    full = evaluate(problem.asks[0].rulebook, site.after(some), problem.market, ["a"])
    cube, u = full.cube, full.book.universe
    row = {str(n): k for k, n in enumerate(u.instruments.id.tolist())}
    ids = site.universe.instruments.id[site.frame.item].tolist()
    unit = np.stack([cube.unit_pnl("scenario")[row[n]] for n in ids])
    weight = cube.scenarios.weight / cube.scenarios.weight.sum()
    q = site.quantity
    a = np.zeros((len(ids), len(moves)))
    np.add.at(a, (q.row, q.col), q.weight)
    y, h, t = cp.Variable(len(moves)), cp.Variable(), cp.Variable(unit.shape[1])  # shares of bounds, thousands of USD
    z = cp.multiply(moves.upper, y)
    held = q.constant + (a * moves.upper) @ y
    pnl = 1e-3 * (unit.T @ q.constant) + 1e-3 * (unit.T @ (a * moves.upper)) @ y
    shortfall = -h + (weight / (1.0 - level)) @ t
    cut = problem.asks[0].rulebook.version.parameter("collateral.haircut")
    lost = sum(
        1e-3 * float(cut.of(n) or 0.0) * problem.market.price(n) * cp.pos(held[k])
        for k, n in enumerate(ids)
        if n not in problem.market.instruments and float(cut.of(n) or 0.0)
    )
    need = cp.pos(shortfall) + lost
    c = problem.candidates
    limit = problem.limits[0]
    assert isinstance(limit, Limit)
    each = np.array([limit.weights[n] for n in c.instrument.tolist()]) * c.lot
    rules = [t >= 0, t >= h - pnl, y >= 0, y <= 1]
    change = np.concatenate([each, -each]) @ z
    rules += [change <= 30.0, change >= -30.0]
    other = cp.Problem(cp.Minimize(problem.asks[0].rate * need + 1e-3 * (moves.cost @ z)), rules)
    other.solve(solver=cp.CLARABEL, tol_gap_abs=1e-11, tol_gap_rel=1e-11, tol_feas=1e-11)
    assert other.status == "optimal"
    plan = optimize(problem)
    assert plan.objective == pytest.approx(1e3 * float(other.value), rel=1e-8)
