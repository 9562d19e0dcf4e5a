"""From the continuous optimum to a plan: whole lots, at most K instruments, pieces of the wrong curvature.

First an incumbent: prune by reweighted cost, swap by reduced cost, a small integer program. Then branch and bound over
all candidates in the model that keeps every row found so far. Whatever is found is re-margined by the tapes; the bound
is that of a relaxation, valid at any moment.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from loadline.foundation.table import Floats
from loadline.optimize.budget import Budget
from loadline.optimize.incumbent import started
from loadline.optimize.moves import Moves
from loadline.optimize.problem import Problem
from loadline.optimize.programme import Point, Programme, Progress
from loadline.optimize.site import Site
from loadline.optimize.switches import Switches, switched
from loadline.optimize.tree import Tree

CLOSED = 1e-7
"""A gap below this share of the objective is none: what rounding of tapes and solver leaves."""
CHOICES = 60
"""Binaries up to which pieces of the wrong curvature are branched on."""
LOCAL_STEPS = 6


@dataclass(frozen=True, eq=False)
class Found:
    """The best point, a bound in USD below the objective of any other, and how the search ended."""

    point: Point
    bound: float
    relaxation: float
    status: str
    programme: Programme
    prices: tuple[Floats, Floats]
    """Reduced costs and duals of the continuous problem; empty where it has no solution."""

    @property
    def gap(self) -> float:
        """USD between the best point and the bound."""
        return self.point.objective - self.bound


def closed(point: Point, bound: float) -> bool:
    """Return whether a point is optimal as far as numbers can say."""
    return point.feasible and point.objective - bound <= CLOSED * max(1.0, abs(point.objective))


def search(
    problem: Problem, sites: list[Site], moves: Moves, budget: Budget, progress: Progress | None = None
) -> Found:
    """Return the best plan that the time allows."""
    programme = Programme(problem, sites, moves)
    programme.solve(seconds=budget.left, stop=budget.over)
    relaxation = programme.bound
    if programme.answer.z is None:
        return Found(programme.best, -np.inf, -np.inf, programme.status, programme, (np.empty(0), np.empty(0)))
    prices = programme.program.prices()
    whole = problem.lots or problem.most_trades is not None
    find = _discrete if whole or (problem.candidates.least > problem.candidates.lot).any() else _continuous
    bound = find(programme, budget, progress)
    return Found(programme.best, bound, relaxation, programme.status, programme, prices)


def _continuous(programme: Programme, budget: Budget, progress: Progress | None) -> float:
    """The linear optimum; where pieces have the wrong curvature, branch on them, then descend from what is best."""
    bound = programme.bound
    if closed(programme.best, bound) or programme.wrong == 0:
        return bound
    _descend(programme, budget)
    if 0 < len(programme.binaries) <= CHOICES and not closed(programme.best, bound):
        none = np.empty(0, np.int64)
        unswitched = Switches(none, none, np.empty((0, 2), np.int64), np.empty(0), none)
        tree = Tree(programme, unswitched, True, none, budget, progress, bound=bound, gap=1e-9).run(none)
        programme.status = tree.status
        bound = max(bound, tree.bound)
    if not closed(programme.best, bound):
        _descend(programme, budget)
    return bound


def _descend(programme: Programme, budget: Budget) -> None:
    """Solve with the pieces that hold at the best point, again and again: never worse than it."""
    for _ in range(LOCAL_STEPS):
        before = programme.best.objective
        local = Programme(programme.problem, programme.sites, programme.moves, mode="local", at=programme.best.z).solve(
            seconds=budget.left, stop=budget.over
        )
        programme.offer(local.best.z)
        if budget.over() or before - programme.best.objective <= CLOSED * max(1.0, abs(before)):
            return


def _discrete(programme: Programme, budget: Budget, progress: Progress | None) -> float:
    relaxation, start = programme.bound, programme.best
    programme.best = programme.base  # the continuous optimum is no incumbent
    moves = programme.moves
    few = 0 < len(programme.binaries) <= CHOICES
    chosen = few and not closed(start, relaxation)  # where the wrong curvature is slack, leave it relaxed
    whole = np.concatenate([moves.trading, np.array([t[0] for t in moves.transfers], np.int64)])
    lots = whole if programme.problem.lots else np.empty(0, np.int64)
    support = started(programme, start.z, programme.problem.most_trades, budget)
    switches = switched(programme)
    bound = relaxation
    while True:
        tree = Tree(programme, switches, chosen, lots, budget, progress, bound=bound)
        tree.run(support)
        bound = max(bound, tree.bound)
        if chosen or not few or not _apart(programme, bound) or budget.over():
            break
        chosen = True  # it was not slack
    programme.status = tree.status
    if not programme.best.feasible and programme.status == "infeasible":  # as it is asked for: which limits conflict
        programme.program.make_integer(np.concatenate([lots, switches.cols]))
    return bound


def _apart(programme: Programme, bound: float) -> bool:
    """Return whether the best point is further from the bound than branch and bound alone leaves."""
    return programme.best.objective - bound > 2e-4 * max(1.0, abs(programme.best.objective))
