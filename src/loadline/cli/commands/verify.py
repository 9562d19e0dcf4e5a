"""``loadline verify``: which published numbers this engine reproduces."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.text import Text

from loadline.cli.choosing import END_OF_TIME, chosen_rulebook
from loadline.cli.environment import Environment, ExitCode
from loadline.cli.faults import as_json as error_as_json
from loadline.cli.faults import refuse
from loadline.cli.parser import Request
from loadline.cli.progress import bar
from loadline.cli.render import Column, Outcome, Screen
from loadline.foundation.errors import LoadlineError

if TYPE_CHECKING:
    from loadline.engine.verify import FileReport

SHOWN = 5
"""Misses listed for each file on a terminal."""
COLUMNS = (
    Column("file", folds=True),
    Column("model", folds=True),
    Column("matched", right=True),
    Column("worst error", right=True),
    Column(""),
)


def verify(request: Request, env: Environment) -> Outcome:
    """Answer ``loadline verify``."""
    from loadline.backtest import cases as backtest
    from loadline.engine.cases.golden import replay_golden
    from loadline.engine.verify import Replayer, verify_file
    from loadline.liquidation import cases as liquidation

    own = [chosen_rulebook(word, END_OF_TIME, typed=True).rule for word in request.get("rulebook", ())]
    replayers: dict[str, Replayer] = {
        **liquidation.REPLAYERS,
        **backtest.REPLAYERS,
        "golden": partial(replay_golden, known={rule.name: rule for rule in own}),
    }
    files = expanded(request["file"])
    reports: list[FileReport] = []
    failed: dict[str, LoadlineError] = {}
    for path in files:
        try:
            reports.append(verify_file(path, progress=bar(env, path.name), more=replayers))
        except LoadlineError as error:
            failed[str(path)] = error

    def document() -> Mapping[str, Any]:
        refused = [{"file": f, "error": error_as_json(e, [])["error"]} for f, e in failed.items()]
        return {"ok": True, "results": [as_json(r) for r in reports] + refused}

    def draw(screen: Screen) -> None:
        draw_reports(screen, reports)
        draw_failed(screen, failed)

    return Outcome(verdict(reports, failed), document, draw)


def expanded(places: Sequence[Path]) -> list[Path]:
    """Return the files, folders replaced by the JSON files below them."""
    out: list[Path] = []
    for place in places:
        found = sorted(place.rglob("*.json")) if place.is_dir() else [place]
        if not found:
            refuse(f"{place} holds no JSON file", "name a case file, or a folder of them")
        out += found
    return list(dict.fromkeys(out))


def verdict(reports: Sequence[FileReport], failed: Mapping[str, LoadlineError]) -> ExitCode:
    """Return how the replay ended: a miss goes before a file that cannot be read, and that before one not compared."""
    if any(r.matched < r.total for r in reports):
        return ExitCode.BREACH
    if failed:
        return ExitCode.ERROR
    return ExitCode.OK if all(r.total for r in reports) else ExitCode.MISSING_DATA


def as_json(report: FileReport) -> dict[str, Any]:
    """Return one report as plain data; an error that is no number is null."""
    return {
        "file": report.file,
        "model": report.model,
        "matched": report.matched,
        "total": report.total,
        "worst_error": finite(report.worst_error),
        "ok": report.ok,
        "misses": [
            {
                "case": case,
                "component": c.component,
                "expected": finite(c.expected),
                "got": finite(c.got),
                "error": finite(c.error),
            }
            for case, c in report.misses
        ],
        "refused": [{"case": r.case, "reason": r.refused} for r in report.refused],
        "skipped": [{"case": r.case, "reason": r.skipped} for r in report.skipped],
    }


def finite(value: float) -> float | None:
    """Return a number, or nothing where it is none."""
    return value if abs(value) < float("inf") else None


def draw_reports(screen: Screen, reports: Sequence[FileReport]) -> None:
    """Draw one line for each file, and below it the first misses and what was refused or left out."""
    if reports:
        screen.table(COLUMNS, [row(r) for r in reports])
    for r in reports:
        if r.misses or r.refused or r.skipped:
            screen.say()
            screen.heading(Path(r.file).name)
        why = {x.case: "; ".join(x.notes) for x in r.replays}
        for case, c in r.misses[:SHOWN]:
            off = f"expected {c.expected:.12g}, got {c.got:.12g}, off by {c.error:.2g}"
            said = off if finite(c.got) is not None else f"no answer; {why[case]}".rstrip("; ")
            screen.paragraph(f"{case}, {c.component}: {said}", "red", "    ", "  miss ")
        if len(r.misses) > SHOWN:
            screen.say(f"  and {len(r.misses) - SHOWN} more numbers missed; --json lists all")
        draw_reasons(screen, "refused", [(x.case, x.refused) for x in r.refused])
        draw_reasons(screen, "not compared", [(x.case, x.skipped) for x in r.skipped])


def draw_reasons(screen: Screen, word: str, cases: Sequence[tuple[str, str]]) -> None:
    """Draw the cases that were set aside, those of one reason together."""
    by_reason: dict[str, list[str]] = {}
    for case, reason in cases:
        by_reason.setdefault(reason, []).append(case)
    for reason, names in by_reason.items():
        who = names[0] if len(names) == 1 else f"{len(names)} cases, first {names[0]}"
        screen.paragraph(f"{word}: {who}: {reason}", "dim", "    ", "  ")


def row(report: FileReport) -> tuple[str, str, str, str, Text]:
    """Return the line of one file."""
    verdict = Text("ok", "green") if report.ok else Text("MISSED" if report.total else "nothing compared", "bold red")
    error = f"{report.worst_error:.1e}" if report.total else ""
    return (Path(report.file).name, report.model, f"{report.matched}/{report.total}", error, verdict)


def draw_failed(screen: Screen, failed: Mapping[str, LoadlineError]) -> None:
    """Say which files could not be read."""
    for error in failed.values():
        screen.say()
        screen.paragraph(f"{error.where}: {error.what}", "red", "    ", "  ")
        screen.paragraph(error.remedy, "dim", "    ", "    remedy: ")
