"""From the continuous optimum to a plan: whole lots, at most K instruments, pieces of the wrong curvature.

First an incumbent: prune by reweighted cost, swap by reduced cost, a small integer program. Then branch and bound over
all candidates in the model that keeps every row found so far. Whatever is found is re-margined by the tapes; the bound
is that of a relaxation, valid at any moment.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from loadline.foundation.table import Floats, Ints
from loadline.optimize.budget import Budget
from loadline.optimize.moves import Moves
from loadline.optimize.problem import Problem
from loadline.optimize.programme import Point, Programme, Progress
from loadline.optimize.site import Site
from loadline.tape.affine import Affine

CLOSED = 1e-7
"""A gap below this share of the objective is none: what rounding of tapes and solver leaves."""
CHOICES = 60
"""Binaries up to which pieces of the wrong curvature are branched on."""
LOCAL_STEPS = 6
ROUGH = 6
"""Rounds of separation while instruments are only being chosen."""


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
        programme.program.make_integer(programme.binaries)
        programme.program.precision(1e-9)
        bound = max(bound, _branch(programme, budget, progress))
    if not closed(programme.best, bound):
        _descend(programme, budget)
    return bound


def _branch(programme: Programme, budget: Budget, progress: Progress | None, *, chosen: bool = True) -> float:
    """Branch until no binaries are new: rows that enter late may bring some."""
    bound = -np.inf
    while True:
        before = len(programme.binaries)
        programme.solve(seconds=budget.left, stop=budget.over, progress=progress)
        bound = max(bound, programme.bound)
        new = programme.binaries[before:]
        if not len(new) or not chosen or budget.over():
            return bound
        programme.program.make_integer(new)


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
    most, relaxation = programme.problem.most_trades, programme.bound
    start = programme.best
    programme.best = programme.base  # the continuous optimum is no incumbent
    support = _support(programme, start.z, most, budget)
    program, moves = programme.program, programme.moves
    none = np.empty(0, np.int64)
    few = programme.binaries if len(programme.binaries) <= CHOICES else none
    choices = none if closed(start, relaxation) else few  # where the wrong curvature is slack, leave it relaxed
    whole = np.concatenate([moves.trading, np.array([t[0] for t in moves.transfers], np.int64)])
    whole = whole if programme.problem.lots else none
    # a small program first: it nearly always gives an incumbent
    programme.only(support)
    program.make_integer(np.concatenate([whole, choices]))
    switches = _switches(programme)
    small = budget.within(max(0.5, 0.15 * budget.left())) if np.isfinite(budget.left()) else budget
    programme.solve(seconds=small.left, stop=small.over, progress=progress)
    # then all candidates, in the model that has every row found so far
    programme.only(np.arange(len(moves.buys)))
    bound = relaxation
    if not budget.over():
        _offer_start(programme, switches)
        bound = max(bound, _branch(programme, budget, progress, chosen=len(choices) > 0))
        if len(few) and not len(choices) and _apart(programme, bound) and not budget.over():
            program.make_integer(programme.binaries)  # it was not slack
            _offer_start(programme, switches)
            bound = max(bound, _branch(programme, budget, progress))
    return bound


def _apart(programme: Programme, bound: float) -> bool:
    """Return whether the best point is further from the bound than branch and bound alone leaves."""
    return programme.best.objective - bound > 2e-4 * max(1.0, abs(programme.best.objective))


def _support(programme: Programme, z: Floats, most: int | None, budget: Budget) -> Ints:
    """At most ``most`` candidates worth trading: prune by making dear what is small, then swap by reduced cost."""
    support = programme.traded(z)
    if most is None:
        return support
    moves, n = programme.moves, len(programme.moves.buys)
    cols, cost = moves.trading, moves.cost[moves.trading] / programme.money
    saving = max(1e-9, programme.base.objective - programme.bound) / programme.money
    while len(support) > most and not budget.over():
        programme.only(support).solve(seconds=budget.left, stop=budget.over, rounds=ROUGH)
        lots = np.maximum(_lots(programme), 1.0)
        penalty = np.zeros(n)
        penalty[support] = 0.3 * saving / most / lots[support]
        programme.program.costs(cols, cost + np.concatenate([penalty, penalty]))
        programme.solve(seconds=budget.left, stop=budget.over, rounds=ROUGH)
        kept = _lots(programme)
        programme.program.costs(cols, cost)
        support = support[np.argsort(kept[support], kind="stable")[max(1, (len(support) - most) // 2) :]]
    programme.best = programme.base  # points of a reweighted problem are none of ours
    support = support[:most] if len(support) > most else support
    return _swapped(programme, support, most, budget)


def _lots(programme: Programme) -> Floats:
    z = programme.answer.z
    assert z is not None
    return np.asarray(np.maximum(z[programme.moves.buys], z[programme.moves.sells]))


def _swapped(programme: Programme, support: Ints, most: int, budget: Budget) -> Ints:
    """Put in whoever is dearest to be kept out, where that is better."""
    chosen = [int(s) for s in support]
    programme.only(support).solve(seconds=budget.left, stop=budget.over, rounds=ROUGH)
    value, half = programme.bound, 0.4 * budget.left()
    moves = programme.moves
    least = 1e-9 * max(1.0, abs(value))
    while len(chosen) < min(most, len(moves.buys)):  # room left: whoever helps most
        best = _candidates(programme, chosen)
        if not best or budget.over():
            break
        chosen.append(best[0])
        programme.only(np.array(chosen)).solve(seconds=budget.left, stop=budget.over, rounds=ROUGH)
        value = programme.bound
    for out in 2 * chosen:
        if out not in chosen or budget.left() < half or budget.over():
            continue
        rest = [x for x in chosen if x != out]
        programme.only(np.array(rest, np.int64)).solve(seconds=budget.left, stop=budget.over, rounds=ROUGH)
        for c in _candidates(programme, chosen):
            programme.only(np.array([*rest, c])).solve(seconds=budget.left, stop=budget.over, rounds=ROUGH)
            if programme.bound < value - least:
                chosen, value = [*rest, c], programme.bound
                break
    programme.best = programme.base
    return np.array(chosen, np.int64)


def _candidates(programme: Programme, without: list[int]) -> list[int]:
    """The five that the reduced costs of the last solve speak for most."""
    moves = programme.moves
    reduced, _ = programme.program.prices()
    gain = np.minimum(
        reduced[moves.buys] * np.minimum(moves.upper[moves.buys], 50.0),
        reduced[moves.sells] * np.minimum(moves.upper[moves.sells], 50.0),
    )
    gain[without] = 0.0
    return [c for c in np.argsort(gain, kind="stable")[:5].tolist() if gain[c] < 0]


def _switches(programme: Programme) -> Ints:
    """A binary per candidate, traded or not, at most K of them; where least sizes matter, one per side."""
    c, moves, program = programme.problem.candidates, programme.moves, programme.program
    most, least = programme.problem.most_trades, np.ceil(c.least / c.lot - 1e-9)
    n, small = len(moves.buys), np.flatnonzero(least > 1)
    if most is None and not len(small):
        return np.empty(0, np.int64)
    zero, infinite = np.zeros(n), np.full(n, np.inf)
    if len(small):
        sides = [(Affine.columns(cols), moves.upper[cols]) for cols in (moves.buys, moves.sells)]
    else:
        upper = np.maximum(moves.upper[moves.buys], moves.upper[moves.sells])
        sides = [(Affine.columns(moves.buys) + Affine.columns(moves.sells), upper)]
    switches = []
    for size, upper in sides:
        y = program.columns(zero, np.ones(n), integer=True)
        program.rows(size - Affine.columns(y, np.maximum(upper, 1e-9)), -infinite, zero)
        if len(small):
            program.rows((size - Affine.columns(y, least)).take(small), zero[small], infinite[small])
        switches.append(y)
    used = Affine.columns(switches[0])
    if len(small):  # not both: or one would sell what one buys, to reach the least size
        used = used + Affine.columns(switches[1])
        program.rows(used, -infinite, np.ones(n))
    if most is not None:
        program.rows(used.sums(np.zeros(n, np.int64), 1), np.array([-np.inf]), np.array([float(most)]))
    return np.concatenate(switches)


def _offer_start(programme: Programme, switches: Ints) -> None:
    """Begin with the incumbent."""
    z, moves = programme.best.z, programme.moves
    cols, values = np.arange(len(moves)), z
    if len(switches):
        used = z[moves.trading] > 1e-9
        if len(switches) == len(moves.buys):
            used = np.logical_or(*np.split(used, 2))
        cols, values = np.concatenate([cols, switches]), np.concatenate([z, used.astype(float)])
    programme.program.start(cols, values)
