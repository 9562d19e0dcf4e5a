"""``loadline compare``: a book under every rulebook that can speak of it, beside isolated margin."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rich.text import Text

from loadline.cli.amounts import amount, percent
from loadline.cli.choosing import asked_for, every_rulebook, with_settings
from loadline.cli.commands.margin import verdict
from loadline.cli.environment import Environment
from loadline.cli.inputs import Inputs, answers, insist, read_inputs
from loadline.cli.json_out import answers_as_json, envelope
from loadline.cli.parser import Request
from loadline.cli.render import Cell, Column, Outcome, Screen
from loadline.cli.tables import STYLES, draw_gaps, draw_market, draw_notes, draw_warnings
from loadline.engine.result import MarginResult, Status
from loadline.foundation.errors import LoadlineError, Reason, Unavailable

if TYPE_CHECKING:
    from loadline.engine.engine import Answer

ISOLATED = "isolated"
"""The rulebook without offsets, which efficiency is measured against."""
COLUMNS = (
    Column("rulebook", folds=True),
    Column("initial", right=True),
    Column("maintenance", right=True),
    Column("excess", right=True),
    Column("efficiency", right=True),
)


@dataclass(frozen=True, slots=True)
class Line:
    """One account under one rulebook, in USD: wallets that a rulebook keeps apart are added up."""

    account: str
    rulebook: str
    version: str
    initial: float
    maintenance: float
    excess: float
    efficiency: float | None
    status: Status

    def as_json(self) -> dict[str, Any]:
        """Return the line as plain data."""
        return {
            "account": self.account,
            "rulebook": self.rulebook,
            "version": self.version,
            "initial_usd": self.initial,
            "maintenance_usd": self.maintenance,
            "excess_usd": self.excess,
            "efficiency": self.efficiency,
            "status": self.status.value,
        }


def compare(request: Request, env: Environment) -> Outcome:
    """Answer ``loadline compare``."""
    inputs = read_inputs(request, env)
    as_of = inputs.market.as_of
    failed: dict[str, LoadlineError] = {}
    if request.get("rulebook"):
        chosen = [c for c, _ in asked_for(request, inputs.portfolio, as_of)]
        if ISOLATED not in (c.rule.name for c in chosen):
            chosen = [c for c in every_rulebook(as_of)[0] if c.rule.name == ISOLATED] + chosen
    else:
        every, failed = every_rulebook(as_of)
        chosen = with_settings(every, request.get("set", ()))
    found = [a for c in chosen for a in answers(inputs, c, env)]
    # of all rulebooks, one whose venue does not list what is held is no failure; of those asked for by name, it is
    owed = [a for a in found if request.get("rulebook") or getattr(a, "reason", None) is not Reason.UNSUPPORTED]
    insist(request, owed)
    lines = compared(found)

    def document() -> Mapping[str, Any]:
        said = {name: error.what for name, error in failed.items()}
        comparison = [line.as_json() for line in lines]
        return envelope(inputs.market, answers_as_json(found), inputs.warnings, comparison=comparison, not_loaded=said)

    def draw(screen: Screen) -> None:
        draw_market(screen, inputs.market)
        draw_comparison(screen, inputs, lines)
        draw_gaps(screen, [a for a in owed if isinstance(a, Unavailable)])
        draw_unlisted(screen, [a for a in found if a not in owed])
        draw_failed(screen, failed)
        draw_notes(screen, found, inputs.market)
        draw_warnings(screen, inputs.warnings)

    return Outcome(verdict(owed, check=False), document, draw)


def draw_unlisted(screen: Screen, found: Sequence[Answer]) -> None:
    """Name the rulebooks of venues that do not list what some accounts hold."""
    names = dict.fromkeys(a.rulebook for a in found)
    if names:
        screen.say()
        text = f"not listed by the venues of {', '.join(names)}: what some accounts hold; --json says what"
        screen.paragraph(text, "dim", "  ", "")


def compared(found: Sequence[Answer]) -> list[Line]:
    """Return one line per account and rulebook, by account; an account of which a part is unavailable has none."""
    gone = {(a.account, a.rulebook) for a in found if isinstance(a, Unavailable)}
    parts: dict[tuple[str, str], list[MarginResult]] = {}
    for a in found:
        if isinstance(a, MarginResult) and (a.account, a.rulebook) not in gone:
            parts.setdefault((a.account, a.version), []).append(a)
    initial = {key: sum(r.initial * r.usd for r in rs) for key, rs in parts.items()}
    base = {account: initial[account, v] for (account, v), rs in parts.items() if rs[0].rulebook == ISOLATED}
    out = []
    for (account, version), results in parts.items():
        alone = base.get(account, 0.0)
        worst = max((r.status for r in results), key=list(Status).index)
        out.append(
            Line(
                account,
                results[0].rulebook,
                version,
                initial[account, version],
                sum(r.maintenance * r.usd for r in results),
                sum(r.excess * r.usd for r in results),
                1.0 - initial[account, version] / alone if alone > 0 else None,
                worst,
            )
        )
    return sorted(out, key=lambda line: line.account)


def draw_comparison(screen: Screen, inputs: Inputs, lines: Sequence[Line]) -> None:
    """Draw one table for each account, the least requirement marked."""
    for account in inputs.accounts:
        mine = [line for line in lines if line.account == account]
        if not mine:
            continue
        least = min(line.initial for line in mine)
        rows: list[Sequence[Cell]] = []
        for line in mine:
            style = "green" if line.initial == least and len(mine) > 1 else ""
            rows.append(
                (
                    Text(line.version, style),
                    Text(amount(line.initial, "USD"), style),
                    amount(line.maintenance, "USD"),
                    Text(amount(line.excess, "USD"), STYLES[line.status] if line.status is not Status.OK else ""),
                    "" if line.rulebook == ISOLATED else percent(line.efficiency),
                )
            )
        screen.heading(account, "in USD; efficiency: 1 - initial / initial under isolated")
        screen.table(COLUMNS, rows)
        screen.say()


def draw_failed(screen: Screen, failed: Mapping[str, LoadlineError]) -> None:
    """Say which rulebooks could not be loaded."""
    for error in failed.values():
        screen.paragraph(error.what, "yellow", "  ", "")
    if failed:
        screen.say()
