"""Margin answers as tables: one per rulebook and currency, what is unavailable below with its reason."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from loadline.cli.amounts import MONEY, amount, count, decimals, percent, with_currency
from loadline.cli.render import Cell, Column, Screen
from loadline.engine.result import MarginResult, Status
from loadline.foundation.errors import Defect, Unavailable
from loadline.foundation.units import format_time

if TYPE_CHECKING:
    from loadline.engine.engine import Answer
    from loadline.model.market import Market

STYLES = {Status.OK: "green", Status.BELOW_INITIAL: "yellow", Status.BELOW_MAINTENANCE: "bold red"}
WORDS = {
    Status.OK: "ok",
    Status.BELOW_INITIAL: "below its initial requirement",
    Status.BELOW_MAINTENANCE: "below its maintenance requirement",
}
COLUMNS = (
    Column("account", folds=True),
    Column("equity", right=True),
    Column("initial", right=True),
    Column("maintenance", right=True),
    Column("excess", right=True),
    Column("ratio", right=True),
)
SHOWN = 3
"""Missing things and warnings listed on a terminal; JSON has all."""


def draw_market(screen: Screen, market: Market) -> None:
    """Say which snapshot answers: its time, its files, the index of each underlying."""
    prices = ", ".join(f"{u} {amount(p, 'USD')} USD" for u, p in market.index.items())
    screen.heading(f"As of {format_time(market.as_of)}", f"index {prices}" if prices else "")
    screen.say()


def draw_answers(screen: Screen, found: Sequence[Answer]) -> None:
    """Draw the answers of any rulebooks, in the order of the first answer of each rulebook and currency."""
    groups: dict[tuple[str, str], list[MarginResult]] = {}
    for answer in found:
        if isinstance(answer, MarginResult):
            groups.setdefault((answer.version, answer.currency), []).append(answer)
    for (version, ccy), results in groups.items():
        coin = ccy not in MONEY
        beside = f"1 {ccy} = {with_currency(results[0].usd, 'USD')}" if coin else ""
        screen.heading(f"{version}, in {ccy}", beside)
        screen.table(COLUMNS, [row for r in results for row in rows_of(r, results)])
        draw_verdicts(screen, results)
        screen.say()
    draw_gaps(screen, [a for a in found if isinstance(a, Unavailable)])


def rows_of(result: MarginResult, column: Iterable[MarginResult]) -> list[list[Cell]]:
    """Return the row of a result, and for coins the row of its USD values."""
    from rich.text import Text

    four = (result.equity, result.initial, result.maintenance, result.excess)
    everything = [v for r in column for v in (r.equity, r.initial, r.maintenance, r.excess)]
    places = decimals(everything, result.currency)
    style = STYLES[result.status]
    texts = [amount(v, result.currency, places) for v in four]
    rows: list[list[Cell]] = [
        [result.account, *texts[:3], Text(texts[3], style), Text(percent(result.ratio), style)],
    ]
    if result.currency not in MONEY:
        rows.append([Text("  in USD", "dim"), *(Text(amount(v * result.usd, "USD"), "dim") for v in four), ""])
    return rows


def draw_verdicts(screen: Screen, results: Sequence[MarginResult]) -> None:
    """Say in words which accounts are short, and of how much."""
    short = [r for r in results if r.status is not Status.OK]
    for r in short:
        lack = -r.excess if r.status is Status.BELOW_INITIAL else -r.maintenance_excess
        text = f"{r.account} is {WORDS[r.status]} by {with_currency(lack, r.currency)}"
        screen.paragraph(text, STYLES[r.status], "  ", "! ")
    if not short:
        said = "the account meets" if len(results) == 1 else f"all {len(results)} meet"
        screen.say(f"{said} both requirements", "dim")


def draw_gaps(screen: Screen, gaps: Sequence[Unavailable]) -> None:
    """Say which accounts are not answered, and everything each lacks; rulebooks that lack the same stand together."""
    if not gaps:
        return
    screen.heading("Unavailable")
    alike: dict[tuple[str, tuple[str, ...], str], list[Unavailable]] = {}
    for gap in gaps:
        alike.setdefault((gap.account, gap.missing, gap.remedy), []).append(gap)
    for (account, missing, remedy), same in alike.items():
        under = ", ".join(dict.fromkeys(g.rulebook for g in same))
        screen.paragraph(f"{account} under {under}: {same[0].reason.value.replace('_', ' ')}", "yellow", "  ", "")
        for text in missing[:SHOWN]:
            screen.paragraph(text, indent="    ", first="  - ")
        if len(missing) > SHOWN:
            screen.say(f"  and {len(missing) - SHOWN} more; --json lists all")
        screen.paragraph(remedy, "dim", "    ", "  remedy: ")
    screen.say()


def draw_notes(screen: Screen, found: Iterable[Answer], market: Market) -> None:
    """Write the notes of all answers once, those of a rulebook under its name."""
    own = [(a.rulebook, n) for a in found if isinstance(a, MarginResult) for n in a.notes if n not in market.notes]
    told = [n if n.startswith(rulebook) else f"{rulebook}: {n}" for rulebook, n in own]
    screen.dim_list("Notes", [*told, *market.notes])


def draw_warnings(screen: Screen, warnings: Sequence[Defect]) -> None:
    """Write how many rows that nobody needs have defects, and the first of them."""
    if not warnings:
        return
    screen.say()
    said = count(len(warnings), "defect") + " in rows this book does not need"
    screen.say(said + (f"; the first {SHOWN}" if len(warnings) > SHOWN else ""), "dim bold")
    for defect in warnings[:SHOWN]:
        screen.paragraph(str(defect), "dim", "  ", "- ")
