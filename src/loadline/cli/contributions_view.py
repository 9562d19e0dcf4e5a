"""What each position has to do with a requirement, as a table whose components add up, and as plain data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from loadline.cli.amounts import amount, count, decimals
from loadline.cli.render import Cell, Column, Screen

if TYPE_CHECKING:
    from loadline.engine.prepared import Contribution
    from loadline.engine.result import MarginResult, Side

SHOWN = 24
"""Lines on a terminal: the largest components; the others stand in one line, so that the column still adds up."""
LEAST = 1e-9
"""Of the requirement: what is less on every count is not listed."""
MEANING = (
    "components add up to the requirement; marginal: of one contract more; incremental: the requirement less that "
    "without the position"
)


def contributions_as_json(found: dict[Side, list[Contribution]]) -> list[dict[str, Any]]:
    """Return all lines of both requirements as plain data."""
    return [{"side": side, **asdict(c)} for side, lines in found.items() for c in lines]


def draw_contributions(screen: Screen, result: MarginResult, side: Side, found: Sequence[Contribution]) -> None:
    """Draw the positions of one account by the size of their component; what asks for nothing is counted."""
    ccy, whole = result.currency, getattr(result, side)
    screen.heading(f"{result.account}: {side} requirement by position, {result.version}, in {ccy}")
    least = LEAST * max([abs(whole), *(abs(c.component) for c in found)], default=0.0)
    telling = [c for c in found if max(abs(c.component), abs(c.incremental or 0.0)) > least]
    if not telling:
        screen.say("nothing is required", "dim")
        screen.say()
        return
    ordered = sorted(telling, key=lambda c: -abs(c.component))
    listed, rest = ordered[:SHOWN], ordered[SHOWN:]
    places = decimals([whole, *(c.component for c in listed)], ccy)
    rows: list[Sequence[Cell]] = [
        (
            c.position,
            "" if c.marginal is None else f"{c.quantity:,.10g}",
            amount(c.component, ccy, places),
            "" if c.marginal is None else steep(c.marginal),
            "" if c.incremental is None else amount(c.incremental, ccy, places),
        )
        for c in listed
    ]
    if rest:
        rows.append((f"{len(rest):,} others", "", amount(sum(c.component for c in rest), ccy, places), "", ""))
    rows.append(("requirement", "", amount(whole, ccy, places), "", ""))
    heads = ("quantity", "component", "marginal", "incremental")
    screen.table([Column("position", folds=True), *(Column(h, right=True) for h in heads)], rows)
    screen.paragraph(MEANING, "dim", "  ", "  ")
    if any(c.incremental is None and c.marginal is not None for c in listed):
        screen.paragraph("incremental is empty where the rule has no answer without the position", "dim", "  ", "  ")
    idle = len(found) - len(telling)
    if idle:
        screen.paragraph(f"{count(idle, 'more line')} without any part in it; --json lists all", "dim", "  ", "  ")
    screen.say()


def steep(value: float) -> str:
    """Return a gradient with about four digits.

    >>> steep(12345.678), steep(0.16996660), steep(-0.0)
    ('12,345.68', '0.17', '0')
    """
    if value == 0.0:
        return "0"
    return f"{value:,.2f}" if abs(value) >= 100 else f"{value:.4g}"
