"""``optimize``: the least cost of capital and trading that still keeps the limits, with a certificate."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from loadline.engine.engine import margins
from loadline.engine.result import MarginResult
from loadline.foundation.errors import InputError, SolveError, Unavailable
from loadline.foundation.table import Floats
from loadline.model.positions import Portfolio
from loadline.optimize.budget import Budget
from loadline.optimize.certify import searched
from loadline.optimize.distance import crossed, missed, reaches
from loadline.optimize.duals import bindings, weights
from loadline.optimize.moves import DUST, Moves, moves_of
from loadline.optimize.plan import Account, Plan, PlanStatus, Posted, Trade, Transfer
from loadline.optimize.problem import Problem
from loadline.optimize.programme import Progress
from loadline.optimize.search import CLOSED, Found
from loadline.optimize.site import Site
from loadline.tape.refusal import NotLowered, refused

USEFUL = 0.25
"""The widest gap, a share of the objective, that is called near."""
CROSSED = 1e-6
"""How far, relative, a bound may lie above the plan by rounding."""
AGREE = 1e-8
"""How far, relative, the rule run again may be from its tape before the plan says so."""

AFTERWARDS = 1.5
"""Times what margining the book took that is kept back for margining it again after the search."""


def optimize(problem: Problem, budget: Budget | None = None, progress: Progress | None = None) -> Plan:
    """Return the best plan that the time allows, margined again from the start, and how near the best it is.

    ``budget``: a clock and when to stop, none by default; ``progress``: told (incumbent, bound) in USD during branch
    and bound. What cannot be done is a status with its reason (``PlanStatus``); raises ``InputError`` where the account
    cannot be margined as it stands, or HiGHS is not installed.
    """
    budget = Budget() if budget is None else budget
    began = budget.left()
    before = [_answers(problem.portfolio.only([a.account]), problem, n) for n, a in enumerate(problem.asks)]
    searching = budget.less(AFTERWARDS * (began - budget.left())) if np.isfinite(began) else budget
    moves = moves_of(problem)
    sites = [Site(problem, ask, moves) for ask in (*problem.asks, *problem.guards)]
    nothing = np.zeros(len(moves))
    why = [f"{s.ask.account} under {s.ask.rulebook.rule.name}: {text}" for s in sites for text in refused(s.side)]
    if why:
        return _plan(problem, moves, sites, before, before, nothing, None, PlanStatus.REFUSED, tuple(why))
    try:
        found = searched(problem, sites, moves, searching, progress)
    except NotLowered as error:
        return _plan(problem, moves, sites, before, before, nothing, None, PlanStatus.REFUSED, (error.what,))
    if not found.point.feasible:
        return _without(problem, moves, sites, before, found, budget)
    z = found.point.z
    held = [(site, site.after(z)) for site in sites[: len(problem.asks)]]
    more = crossed(problem, held) if problem.guards else ()
    if more and not budget.over():  # liquidated between the moves that were asked for
        return optimize(replace(problem, guards=(*problem.guards, *more)), budget, progress)
    if problem.guards:
        problem = replace(problem, notes=(*problem.notes, *missed(more), *reaches(problem, held)))
    after = [_answers(book, problem, n) for n, (_, book) in enumerate(held)]
    plan = _plan(problem, moves, sites, before, after, z, found, None, ())
    if plan.status is PlanStatus.STOPPED and budget.stopped is not None and budget.stopped():
        return replace(plan, words=plan.words.replace("at the time limit", "on request"))
    return plan


def _answers(portfolio: Portfolio, problem: Problem, n: int) -> tuple[MarginResult, ...]:
    found = margins(portfolio, problem.market, problem.asks[n].rulebook)
    bad = [a for a in found if isinstance(a, Unavailable)]
    if bad:
        raise InputError(f"cannot be margined: {bad[0]}", remedy=bad[0].remedy)
    return tuple(a for a in found if isinstance(a, MarginResult))


def _without(
    problem: Problem,
    moves: Moves,
    sites: list[Site],
    before: list[tuple[MarginResult, ...]],
    found: Found,
    budget: Budget,
) -> Plan:
    """No plan: the limits contradict each other, or time was up before one was found."""
    status = PlanStatus.STOPPED
    because: tuple[str, ...] = ("no plan within the limits was found in time",)
    if found.status == "infeasible":
        status, because = PlanStatus.INFEASIBLE, tuple(found.programme.conflict(budget.left, budget.over))
    elif found.status not in ("stopped", "optimal", "time limit reached"):
        raise SolveError(f"the solver ended with status {found.status!r}", remedy="try other limits, and report it")
    return _plan(problem, moves, sites, before, before, np.zeros(len(moves)), found, status, because)


def _plan(
    problem: Problem,
    moves: Moves,
    sites: list[Site],
    before: list[tuple[MarginResult, ...]],
    after: list[tuple[MarginResult, ...]],
    z: Floats,
    found: Found | None,
    status: PlanStatus | None,
    because: tuple[str, ...],
) -> Plan:
    rule = [a.rulebook.rule.name for a in problem.asks]
    accounts = tuple(
        Account(ask.account, name, ask.rate, b, a)
        for ask, name, b, a in zip(problem.asks, rule, before, after, strict=True)
    )
    cost = float(moves.cost @ z)
    start = sum(a.rate * a.usd(a.before, k.side) for a, k in zip(accounts, problem.asks, strict=True))
    objective = sum(a.rate * a.usd(a.after, k.side) for a, k in zip(accounts, problem.asks, strict=True)) + cost
    notes = list(problem.notes)
    if (
        found is not None
        and abs(objective - found.point.objective) > AGREE * max(1.0, abs(objective))
        and status is None
    ):
        by = objective - found.point.objective
        notes.append(f"the rule run again from the start differs from its tape by {by:,.2f} USD; it is what counts")
    unsettled = [s.ask.rulebook.rule.name for s in sites if not s.settled]
    if unsettled and not (found is not None and np.isfinite(found.bound)):
        notes.append(f"{', '.join(unsettled)} looks at what is held: nothing bounds it over all that could be")
    bound = -np.inf if found is None or status is not None else found.bound
    if bound > objective + CROSSED * max(1.0, abs(objective)):
        notes.append(
            f"the solver's bound, {bound:,.2f} USD, lies above the plan: it is not believed, nothing is certified"
        )
        bound = -np.inf
    bound = min(bound, objective)
    if status is None:
        assert found is not None
        status = _status(found, objective, bound)
    trades = _trades(problem, moves, z)
    floors = np.concatenate([problem.candidates.floored_buy, problem.candidates.floored_sell])
    plan = Plan(
        status=status,
        words="",
        because=because,
        accounts=accounts,
        trades=trades,
        transfers=_transfers(moves, z),
        posted=_posted(problem, moves, z),
        start=start,
        objective=objective,
        bound=bound,
        cost=cost,
        days=problem.days,
        bindings=bindings(found, z) if found is not None else (),
        weights=weights(found, z) if found is not None else (),
        notes=tuple(notes),
        candidates=len(problem.candidates),
        floored=int((floors & (moves.upper[moves.trading] > 0)).sum()),
        rounds=found.programme.rounds if found is not None else 0,
        nodes=found.programme.nodes if found is not None else 0,
    )
    return replace(plan, words=words(plan))


def _status(found: Found, objective: float, bound: float) -> PlanStatus:
    ended = found.status == "optimal"  # anything else: time was up, or the solver gave up; the bound holds all the same
    if not np.isfinite(bound):
        return PlanStatus.LOCAL if ended else PlanStatus.STOPPED
    if objective - bound <= CLOSED * max(1.0, abs(objective)):
        return PlanStatus.OPTIMAL
    if not ended:
        return PlanStatus.STOPPED
    return PlanStatus.WITHIN if objective - bound <= USEFUL * abs(objective) else PlanStatus.LOCAL


def words(plan: Plan) -> str:
    """Return the status as a sentence that promises no more than the certificate.

    Two gaps are told, since a small share of an objective can be a large one of a small saving.
    """
    gap, saving = plan.gap, plan.gap_of_saving
    near = "" if gap is None or gap >= 1.0 else f"within {100 * gap:.2g} % of the objective"
    near += "" if not near or saving is None else f" ({100 * saving:.2g} % of the saving)"
    if plan.status is PlanStatus.OPTIMAL:
        return "optimal"
    if plan.status is PlanStatus.WITHIN:
        return near
    if plan.status is PlanStatus.LOCAL and near:
        return f"local: better than today; all that is certified is {near}"
    if plan.status is PlanStatus.LOCAL:
        return "local: better than today; how near the best it is, is not certified"
    if plan.status is PlanStatus.STOPPED:
        return f"stopped at the time limit{', ' + near if near else ''}"
    if plan.status is PlanStatus.INFEASIBLE:
        return f"infeasible because of: {'; '.join(plan.because)}"
    return f"refused: {'; '.join(plan.because)}"


def _trades(problem: Problem, moves: Moves, z: Floats) -> tuple[Trade, ...]:
    c, out = problem.candidates, []
    pressed = dict(zip(moves.impacted.tolist(), moves.paid(z)[moves.impacts].tolist(), strict=True))
    for n in range(len(c)):
        for column, sign, price, floored in (
            (moves.buys[n], 1.0, c.price_buy[n], c.floored_buy[n]),
            (moves.sells[n], -1.0, c.price_sell[n], c.floored_sell[n]),
        ):
            lots = float(z[column])
            if lots > DUST:
                where = (str(c.account[n]), str(c.instrument[n]))
                amount = sign * lots * float(c.lot[n])
                impact = pressed.get(n, 0.0) * lots / float(z[moves.buys[n]] + z[moves.sells[n]])
                paid = lots * float(moves.cost[column]) + impact
                out.append(Trade(*where, amount, sign * lots, float(price), paid, bool(floored), impact))
    return tuple(sorted(out, key=lambda t: (t.account, -abs(t.cost), t.instrument)))


def _transfers(moves: Moves, z: Floats) -> tuple[Transfer, ...]:
    out = []
    for column, source, to, name in moves.transfers:
        if z[column] > DUST:
            each = next(e.quantity for e in moves.effects if e.column == column and e.account == to)
            out.append(Transfer(source, to, name, each * float(z[column]), float(moves.cost[column] * z[column])))
    return tuple(out)


def _posted(problem: Problem, moves: Moves, z: Floats) -> tuple[Posted, ...]:
    out = []
    for p, (add, take) in zip(problem.postings, moves.postings.tolist(), strict=True):
        amount = float(z[add] - z[take])
        if abs(amount) > DUST:
            out.append(
                Posted(p.account, p.currency, amount, float(moves.cost[add] * z[add] + moves.cost[take] * z[take]))
            )
    return tuple(out)
