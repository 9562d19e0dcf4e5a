"""``loadline compare``: what each venue would ask for a book, how near it is to liquidating it, and why they differ."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from loadline.cli.choosing import asked_for, every_rulebook, with_settings
from loadline.cli.commands.margin import verdict
from loadline.cli.compare_view import Table, draw_legend, draw_table, draw_why
from loadline.cli.environment import Environment
from loadline.cli.inputs import Inputs, answers, insist, read_inputs
from loadline.cli.json_out import answers_as_json, envelope
from loadline.cli.parser import Request
from loadline.cli.progress import working
from loadline.cli.render import Outcome, Screen
from loadline.cli.tables import draw_gaps, draw_market, draw_notes, draw_warnings
from loadline.engine.result import MarginResult, Status
from loadline.foundation.errors import LoadlineError, Reason, Unavailable

if TYPE_CHECKING:
    from loadline.engine.engine import Answer, Chosen

ISOLATED = "isolated"
"""The rulebook without offsets, which efficiency is measured against."""
MODELS = (ISOLATED, "static", "tail")
"""Rulebooks that no venue has."""
FEW = 3
"""Rulebooks whose notes are written out."""


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
    chosen, failed = rulebooks(request, inputs)
    by_rulebook = {c.rule.name: (c, answers(inputs, c, env)) for c in chosen}
    found = [a for _, mine in by_rulebook.values() for a in mine]
    # of all rulebooks, one whose venue does not list what is held is no failure; of those asked for by name, it is
    owed = [a for a in found if request.get("rulebook") or getattr(a, "reason", None) is not Reason.UNSUPPORTED]
    insist(request, owed)
    lines = compared(found)
    tables = laid_out(request, env, inputs, by_rulebook, lines)
    written = []
    if request.get("plot"):
        from loadline.cli.compare_plot import write_comparison

        written.append(write_comparison(request["plot"], tables, inputs.market))

    def document() -> Mapping[str, Any]:
        said = {name: error.what for name, error in failed.items()}
        offers = {(t.account, o.rulebook): o.as_json(t.holding) for t in tables for o in t.offers}
        comparison = [line.as_json() | offers.get((line.account, line.rulebook), {}) for line in lines]
        more: dict[str, Any] = {"comparison": comparison, "not_loaded": said}
        more |= {"written": written} if written else {}
        return envelope(inputs.market, answers_as_json(found), inputs.warnings, **more)

    def draw(screen: Screen) -> None:
        draw_market(screen, inputs.market)
        for table in tables:
            draw_table(screen, table)
            draw_why(screen, table)
        draw_legend(screen, tables)
        draw_gaps(screen, [a for a in owed if isinstance(a, Unavailable)])
        draw_unlisted(screen, [a for a in found if isinstance(a, Unavailable) and a not in owed])
        draw_failed(screen, failed)
        draw_assumptions(screen, inputs, found)
        for text in written:
            screen.paragraph(text, "dim")
        draw_warnings(screen, inputs.warnings)

    return Outcome(verdict(owed, check=False), document, draw)


def rulebooks(request: Request, inputs: Inputs) -> tuple[list[Chosen], dict[str, LoadlineError]]:
    """Return the rulebooks to compare, the isolated one among them, and why others could not be loaded."""
    as_of = inputs.market.as_of
    if not request.get("rulebook"):
        every, failed = every_rulebook(as_of)
        return with_settings(every, request.get("set", ())), failed
    chosen = [c for c, _ in asked_for(request, inputs.portfolio, as_of)]
    if ISOLATED not in (c.rule.name for c in chosen):
        chosen += [c for c in every_rulebook(as_of)[0] if c.rule.name == ISOLATED]
    return chosen, {}


def laid_out(
    request: Request,
    env: Environment,
    inputs: Inputs,
    by_rulebook: Mapping[str, tuple[Chosen, Sequence[Answer]]],
    lines: Sequence[Line],
) -> list[Table]:
    """Return a table for each account that any rulebook answers: offers with distances and reasons."""
    from loadline.engine.nearness import Moved
    from loadline.engine.offers import holding, nearby, offers, reasoned, with_distances

    sound = inputs.sound().live()
    moved = Moved.of(sound, inputs.market)
    near = {}
    for name, (chosen, mine) in by_rulebook.items():
        if any(isinstance(a, MarginResult) for a in mine):
            with working(env, f"looking for liquidation under {name}"):
                near[name] = nearby(moved, chosen, mine)
    saved = {(line.account, line.rulebook): line.efficiency for line in lines}
    tables = []
    for account, made in offers(by_rulebook).items():
        # against the first rulebook asked for, else against the venue that asks least
        venues = [o for o in made if o.rulebook not in MODELS] or made
        base = made[0] if request.get("rulebook") else min(venues, key=lambda o: o.initial)
        told = reasoned(with_distances(made, near), base.rulebook)
        held = holding(sound, inputs.market, account)
        tables.append(Table(account, tuple(told), held, {o.rulebook: saved[account, o.rulebook] for o in made}))
    return tables


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


def draw_unlisted(screen: Screen, found: Sequence[Unavailable]) -> None:
    """Name the rulebooks of venues that do not list what is held, those of one reason together."""
    reasons: dict[str, dict[str, None]] = {}
    for a in found:
        texts = [m.removeprefix(f"{a.rulebook}: ") for m in a.missing]
        # the venues of one market say the same, each with its name in front
        why = "; ".join(f"lists {t.partition(' lists ')[2]}" if " lists " in t else t for t in texts)
        reasons.setdefault(why, {})[a.rulebook] = None
    if reasons:
        screen.say("Refused", "dim bold")
        for why, names in reasons.items():
            screen.paragraph(f"{', '.join(names)}: {why}", "dim", "    ", "  ")
        screen.say()


def draw_failed(screen: Screen, failed: Mapping[str, LoadlineError]) -> None:
    """Say which rulebooks could not be loaded."""
    for error in failed.values():
        screen.paragraph(error.what, "yellow", "  ", "")
    if failed:
        screen.say()


def draw_assumptions(screen: Screen, inputs: Inputs, found: Sequence[Answer]) -> None:
    """Write the notes of a few rulebooks; of many, where they are to be read."""
    names = {a.rulebook for a in found if isinstance(a, MarginResult)}
    if len(names) <= FEW:
        draw_notes(screen, found, inputs.market)
        return
    notes = {n for a in found if isinstance(a, MarginResult) for n in a.notes}
    text = (
        f"{len(notes)} notes on what these rulebooks assume and leave out: --json, or loadline margin --rulebook NAME"
    )
    screen.paragraph(text, "dim", "  ", "")
