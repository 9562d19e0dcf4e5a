"""``loadline optimize``: the trades that free the most capital per dollar, with a certificate."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from loadline.cli.environment import Environment, ExitCode
from loadline.cli.faults import refuse
from loadline.cli.inputs import read_inputs
from loadline.cli.inputs import refused as lost
from loadline.cli.json_out import answers_as_json, envelope
from loadline.cli.parser import Request
from loadline.cli.render import Outcome, Screen
from loadline.cli.searching import processor, searching
from loadline.cli.tables import draw_gaps, draw_market, draw_warnings
from loadline.cli.wish_files import assets, stresses
from loadline.cli.wishes import Asked, deadline, limits, most_trades, number, together, wishes
from loadline.foundation.errors import InputError, Reason, Unavailable

if TYPE_CHECKING:
    from loadline.cli.inputs import Inputs
    from loadline.optimize.plan import Plan
    from loadline.optimize.problem import Problem

SECONDS = 10_000
"""Milliseconds of processor time that a search gets where nothing else is said."""


@dataclass(frozen=True)
class Made:
    """One plan: whose it is, and the processor and wall seconds it took."""

    name: str
    plan: Plan
    seconds: tuple[float, float]

    def as_json(self) -> dict[str, Any]:
        """Return the plan as plain data."""
        cpu, wall = self.seconds
        return {"name": self.name, **self.plan.as_json(), "seconds": {"processor": cpu, "wall": wall}}


def optimize(request: Request, env: Environment) -> Outcome:
    """Answer ``loadline optimize``."""
    inputs = read_inputs(request, env)
    if request.get("move_positions") and not request.get("venues"):
        refuse("--move-positions needs several own accounts", "name them in --venues")
    found: list[Made] = []
    gaps = [lost(a, "optimize", d) for a, d in inputs.lost.items()]
    for asked in together(request, inputs):
        try:
            problem = problem_of(request, inputs, asked)
            found.append(solved(request, env, asked.name, problem))
        except InputError as error:
            if len(inputs.accounts) == 1 or request.get("venues"):
                raise
            gaps.append(Unavailable(asked.name, asked.venues[0].rulebook.rule.name, Reason.UNSUPPORTED, (error.what,),
                                    error.remedy or "see the message"))  # fmt: skip
    written = []
    if request.get("plot"):
        from loadline.cli.plan_plot import write_plans

        written.append(write_plans(request["plot"], [(m.name, m.plan) for m in found]))

    def document() -> Mapping[str, Any]:
        results = [*(m.as_json() for m in found), *answers_as_json(gaps)]
        return envelope(inputs.market, results, inputs.warnings, **({"written": written} if written else {}))

    def draw(screen: Screen) -> None:
        from loadline.cli.plan_view import draw_plan

        draw_market(screen, inputs.market)
        for m in found:
            draw_plan(screen, m.plan, m.name, m.seconds)
        draw_gaps(screen, gaps)
        for text in written:
            screen.paragraph(text, "dim")
        draw_warnings(screen, inputs.warnings)

    return Outcome(code(found, gaps), document, draw)


def problem_of(request: Request, inputs: Inputs, asked: Asked) -> Problem:
    """Return the problem of some accounts as the command line describes it."""
    from loadline.optimize.building import build

    return build(
        inputs.portfolio,
        inputs.market,
        asked.venues,
        wishes(request),
        limits(request),
        rate=number(request, "rate", "--rate", 0.2),
        days=number(request, "days", "--days", 30.0),
        lots=bool(request.get("lots")),
        most_trades=most_trades(request),
        rescue=bool(request.get("rescue")),
        assets=assets(request),
        moving=bool(request.get("move_positions")),
        stresses=stresses(request),
        deadline=deadline(request),
    )


def solved(request: Request, env: Environment, name: str, problem: Problem) -> Made:
    """Return the plan of one problem."""
    from loadline.optimize.optimizer import optimize as answer

    clock = processor(env)
    cpu, wall = clock(), env.clock()
    with searching(env, f"optimizing {name}", request.get("time", SECONDS) / 1000.0) as search:
        plan = answer(problem, search.budget, search.tell)
    return Made(name, plan, (clock() - cpu, env.clock() - wall))


def code(found: list[Made], gaps: list[Unavailable]) -> ExitCode:
    """Return how the run ended: an account without a plan is one that could not be answered."""
    from loadline.optimize.plan import PlanStatus

    without = [m for m in found if m.plan.status in (PlanStatus.INFEASIBLE, PlanStatus.REFUSED)]
    return ExitCode.MISSING_DATA if gaps or without else ExitCode.OK
