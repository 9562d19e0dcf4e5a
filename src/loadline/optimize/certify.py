"""Plans under rules that look at what is held: bounded with what is sure, sought again with all candidates as held.

The first model asks for no more than the rule will: its optimum is a bound, and its point is a plan that mostly costs
just that. Where it does not, and time is left, the same is done with a sharper, larger model, and then with one that
asks for no less than the rule. All plans are margined from the start, by the rule on what is then held, and the best
one counts.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from loadline.engine.engine import margins
from loadline.engine.result import MarginResult
from loadline.optimize.budget import Budget
from loadline.optimize.held import RULES
from loadline.optimize.moves import Moves
from loadline.optimize.problem import Problem
from loadline.optimize.programme import FEASIBLE, Point, Progress
from loadline.optimize.search import Found, closed, search
from loadline.optimize.site import Site

FIRST = 0.7
"""Share of the time that the model of the bound gets where its plan may not be allowed; else all that it takes."""


def searched(
    problem: Problem, sites: list[Site], moves: Moves, budget: Budget, progress: Progress | None = None
) -> Found:
    """Return the best plan that the time allows, with a bound that holds whatever is held; -inf where there is none."""
    open_ones = [s for s in sites if not s.settled]
    if not open_ones:
        return search(problem, sites, moves, budget, progress)
    if any(s.ask.rulebook.rule.name not in RULES for s in open_ones):
        found = search(problem, sites, moves, budget, progress)
        return replace(found, point=_true(problem, sites, found.point), bound=-np.inf)
    asked = any(np.isfinite(s.ask.cap) or s.ask.solvent for s in open_ones)
    part = budget.within(FIRST * budget.left()) if asked and np.isfinite(budget.left()) else budget
    best: Found | None = None
    bound = -np.inf
    for model in ("near", "far", "above"):
        far = model == "far"
        here = sites if model == "above" else [s if s.settled else Site(problem, s.ask, moves, s, far) for s in sites]
        found = search(problem, here, moves, budget if model == "above" else part, progress)
        if model != "above":
            bound = max(bound, found.bound)
            if not found.point.feasible and found.status == "infeasible":
                return found  # not even where less is asked for
        point = _true(problem, sites, found.point)
        good = point.feasible and (model == "above" or _allowed(sites, point))
        if best is None or (good and not (best.point.feasible and best.point.objective <= point.objective)):
            best = replace(found, point=replace(point, feasible=good))
        if closed(best.point, bound) or (best.point.feasible and budget.over()):
            break
    assert best is not None
    return replace(best, bound=bound)


def _true(problem: Problem, sites: list[Site], point: Point) -> Point:
    return replace(point, objective=objective(problem, sites, point))


def objective(problem: Problem, sites: list[Site], point: Point) -> float:
    """Return what a point comes to, USD, by the rules run from the start on what is then held; inf: no answer."""
    total = point.cost
    for site in sites[: len(problem.asks)]:
        total += site.ask.rate * _required(site, point)[0]
    return total


def _required(site: Site, point: Point) -> tuple[float, float]:
    """The requirement that counts, and by how much equity falls short of it, USD."""
    answers = margins(site.after(point.z), site.market, site.ask.rulebook)
    if not all(isinstance(a, MarginResult) for a in answers):
        return np.inf, np.inf
    found = [a for a in answers if isinstance(a, MarginResult)]
    need = sum(getattr(a, site.ask.side) * a.usd for a in found)
    return need, max(((getattr(a, site.ask.side) - a.equity) * a.usd for a in found), default=0.0)


def _allowed(sites: list[Site], point: Point) -> bool:
    """Whether a point that was found in the milder model keeps what the rules really ask for."""
    for site in sites:
        if np.isfinite(site.ask.cap) or site.ask.solvent:
            need, short = _required(site, point)
            room = FEASIBLE * max(1.0, need)
            if need > site.ask.cap + room or (site.ask.solvent and short > room):
                return False
    return True
