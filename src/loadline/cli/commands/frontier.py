"""``loadline frontier``: what requirement can be had at what cost, or for how much of the view."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from loadline.cli.amounts import amount
from loadline.cli.commands.optimize import SECONDS, problem_of
from loadline.cli.environment import Environment, ExitCode
from loadline.cli.faults import refuse
from loadline.cli.inputs import read_inputs
from loadline.cli.json_out import envelope
from loadline.cli.parser import Request
from loadline.cli.render import Column, Outcome, Screen
from loadline.cli.searching import searching
from loadline.cli.tables import draw_market, draw_warnings
from loadline.cli.wishes import together
from loadline.foundation.errors import SolveError

if TYPE_CHECKING:
    from loadline.optimize.budget import Budget
    from loadline.optimize.problem import Problem

RATES = (0.0, 0.03, 0.1, 0.2, 0.35, 0.6, 1.0, 1.8, 3.0, 6.0, 12.0, 30.0)
VIEWS = (0.0, 0.05, 0.1, 0.2, 0.35, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0)
"""Factors on the cost of capital, and on the limits that keep the view."""


@dataclass(frozen=True, slots=True)
class Step:
    """One point of the frontier: ``factor`` on what was varied; USD."""

    factor: float
    requirement: float
    cost: float
    trades: int
    status: str


def frontier(request: Request, env: Environment) -> Outcome:
    """Answer ``loadline frontier``."""
    inputs = read_inputs(request, env)
    against = request.get("against", "cost")
    asked = together(request, inputs)
    if len(asked) != 1:
        refuse(f"the book has {len(asked)} accounts: whose frontier?", "--account, or --venues for several together")
    problem = problem_of(request, inputs, asked[0])
    with searching(env, f"walking the frontier of {asked[0].name}", request.get("time", 6 * SECONDS) / 1000) as search:
        steps = walked(problem, against, search.budget)
    across = "cost of trading, USD" if against == "cost" else "the view may move by this share of its limits"
    written = []
    if request.get("plot"):
        from loadline.cli.plan_plot import write_curve

        points = [(s.cost if against == "cost" else s.factor, s.requirement) for s in steps]
        written.append(write_curve(request["plot"], points, across, "initial requirement, USD"))

    def document() -> Mapping[str, Any]:
        results = [{"name": asked[0].name, "against": against, "points": [asdict(s) for s in steps]}]
        return envelope(inputs.market, results, inputs.warnings, **({"written": written} if written else {}))

    def draw(screen: Screen) -> None:
        draw_market(screen, inputs.market)
        screen.heading(asked[0].name, f"requirement against {across}")
        head = ("capital cost ×" if against == "cost" else "limits ×", "requirement", "cost", "trades", "")
        columns = [Column(h, right=n < 4) for n, h in enumerate(head)]
        rows = [
            (f"{s.factor:g}", amount(s.requirement, "USD"), amount(s.cost, "USD"), str(s.trades), s.status)
            for s in steps
        ]
        screen.table(columns, rows)
        screen.say()
        for text in written:
            screen.paragraph(text, "dim")
        draw_warnings(screen, inputs.warnings)

    return Outcome(ExitCode.OK, document, draw)


def walked(problem: Problem, against: str, budget: Budget) -> list[Step]:
    """Return the optimum at each factor; raises ``SolveError`` where there is none at all."""
    from loadline.optimize.optimizer import optimize
    from loadline.optimize.view import tightened

    steps = []
    for factor in RATES if against == "cost" else VIEWS:
        if against == "cost":
            here = replace(problem, asks=tuple(replace(a, rate=a.rate * factor) for a in problem.asks))
        else:
            here = replace(problem, limits=tightened(problem.limits, factor))
        plan = optimize(here, budget)
        asked = sum(a.usd(a.after) for a, k in zip(plan.accounts, problem.asks, strict=True) if k.rate)
        steps.append(Step(factor, asked, plan.cost, len(plan.trades), plan.words))
        if plan.because:
            raise SolveError(plan.words, remedy="see loadline optimize")
        if budget.over():
            break
    return steps
