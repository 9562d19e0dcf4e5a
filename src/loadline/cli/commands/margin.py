"""``loadline margin``: every account of a book under one or more rulebooks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from loadline.cli.amounts import count
from loadline.cli.choosing import asked_for
from loadline.cli.contributions_view import contributions_as_json, draw_contributions
from loadline.cli.environment import Environment, ExitCode
from loadline.cli.explain_view import draw_rows
from loadline.cli.faults import refuse
from loadline.cli.inputs import Inputs, answers, insist, read_inputs
from loadline.cli.json_out import answers_as_json, envelope
from loadline.cli.parser import Request
from loadline.cli.progress import working
from loadline.cli.render import Outcome, Screen
from loadline.cli.tables import draw_answers, draw_market, draw_notes, draw_warnings
from loadline.engine.result import MarginResult, Status
from loadline.foundation.errors import MissingData, Unavailable

if TYPE_CHECKING:
    from loadline.engine.engine import Answer, Chosen
    from loadline.engine.prepared import Contribution
    from loadline.engine.result import Side

    Lines = dict[Side, list[Contribution]]

DEPTH = 3
"""How deep trees are shown on a terminal where nothing else is asked for."""


def margin(request: Request, env: Environment) -> Outcome:
    """Answer ``loadline margin``."""
    inputs = read_inputs(request, env)
    asked = asked_for(request, inputs.portfolio, inputs.market.as_of)
    found, made = [], []
    for chosen, accounts in asked:
        own = answers(inputs.only(accounts), chosen, env)
        found += own
        if request.get("contributions"):
            with working(env, "removing positions one by one"):
                made += [by_position(inputs, a, chosen) for a in own]
    insist(request, found)
    notes = []
    if request.get("scenarios_out"):
        notes.append(write_scenarios(request["scenarios_out"], found))

    def document() -> Mapping[str, Any]:
        results = answers_as_json(found, explained=bool(request.get("explain")), depth=request.get("depth"))
        for result, lines in zip(results, made, strict=False):
            result.update({"contributions": contributions_as_json(lines)} if lines else {})
        return envelope(inputs.market, results, inputs.warnings, **({"written": notes} if notes else {}))

    def draw(screen: Screen) -> None:
        draw_margin(screen, inputs, found, request, made)
        for note in notes:
            screen.paragraph(note, "dim")

    return Outcome(verdict(found, check=bool(request.get("check"))), document, draw)


def write_scenarios(path: Path, found: Sequence[Answer]) -> str:
    """Write the scenarios and unit PnLs that the answers stand on; say what was written."""
    from loadline.io.scenario_writer import write_cube

    cubes = {id(a.tape.cube): a.tape.cube for a in found if isinstance(a, MarginResult)}
    versions = {a.version for a in found if isinstance(a, MarginResult)}
    if len(versions) > 1:
        refuse(f"--scenarios-out writes one rulebook, these are {', '.join(sorted(versions))}", "name one --rulebook")
    if not cubes:
        raise MissingData("no scenarios to write: no account is answered", remedy="see why with --table")
    if len(cubes) > 1:
        refuse(f"the answers stand on {len(cubes)} sets of scenarios", "name one --account")
    cube = next(iter(cubes.values()))
    write_cube(cube, path)
    rows, columns = count(len(cube.scenarios), "scenario"), count(len(cube.universe), "instrument")
    return f"{path}: {rows}, PnL of one contract of {columns}"


def by_position(inputs: Inputs, answer: Answer, chosen: Chosen) -> Lines:
    """Return the contributions to both requirements of an answer, none where there is no answer."""
    from loadline.engine.prepared import contributions

    if not isinstance(answer, MarginResult):
        return {}
    sides: tuple[Side, ...] = ("initial", "maintenance")
    return {s: contributions(inputs.portfolio, inputs.market, answer, s, rulebook=chosen) for s in sides}


def draw_margin(
    screen: Screen, inputs: Inputs, found: Sequence[Answer], request: Request, made: Sequence[Lines] = ()
) -> None:
    """Draw the answers, their contributions and trees if asked for, and what is to be noted."""
    draw_market(screen, inputs.market)
    draw_answers(screen, found)
    side = request.get("side", "initial")
    for answer, lines in zip(found, made, strict=False):
        if isinstance(answer, MarginResult):
            draw_contributions(screen, answer, side, lines[side])
    if request.get("explain"):
        for answer in found:
            if isinstance(answer, MarginResult):
                draw_tree(screen, answer, request)
    draw_notes(screen, found, inputs.market)
    draw_warnings(screen, inputs.warnings)


def draw_tree(screen: Screen, result: MarginResult, request: Request) -> None:
    """Draw the arithmetic of one requirement."""
    side = request.get("side", "initial")
    screen.heading(f"{result.account}: {side} requirement under {result.version}, in {result.currency}")
    draw_rows(screen, result.explain(side), result.currency, request.get("depth", DEPTH))
    screen.say()


def verdict(found: Sequence[Answer], *, check: bool) -> ExitCode:
    """Return how a run ended; a breach goes before what is missing, because it is certain."""
    if check and any(isinstance(a, MarginResult) and a.status is not Status.OK for a in found):
        return ExitCode.BREACH
    if any(isinstance(a, Unavailable) for a in found):
        return ExitCode.MISSING_DATA
    return ExitCode.OK
