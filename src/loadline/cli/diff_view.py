"""Two explanations aligned, on a terminal: the ends, the rows that say most, the tree of changes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from rich.text import Text

from loadline.cli.amounts import amount, decimals
from loadline.cli.explain_view import draw_differences, signed, tone
from loadline.cli.render import Cell, Column, Screen

if TYPE_CHECKING:
    from loadline.engine.diff import Diff
    from loadline.tape.align import Aligned

WIDEST = 16
"""What a title of a column may take."""


def names_of(found: Diff) -> tuple[str, str]:
    """Return what the two ends are called in a column: by what they differ in, if it is short."""
    left, right = found.left, found.right
    rulebooks = [v.version.partition("@")[0] for v in (left, right)]
    for a, b in (rulebooks, [v.version.partition("@")[2] for v in (left, right)], [left.account, right.account]):
        if a != b and max(len(a), len(b)) <= WIDEST:
            return a, b
    return "left", "right"


def draw_diff(screen: Screen, found: Diff, depth: int, about: Sequence[str]) -> None:
    """Draw one difference: who is compared, the amounts, the drivers, and the rows that differ down to a depth."""
    left, right, ccy = found.left, found.right, found.currency
    names = names_of(found)
    screen.heading(f"{left.account}: {left.version} and {right.version}, in {ccy}")
    for text in about:
        screen.paragraph(text, "dim", "  ")
    pairs = [(n, getattr(left, n), getattr(right, n)) for n in ("equity", "initial", "maintenance")]
    pairs.append(("excess", left.equity - left.initial, right.equity - right.initial))
    places = decimals([x for _, a, b in pairs for x in (a, b)], ccy)
    rows: list[Sequence[Cell]] = []
    for name, a, b in pairs:
        rise = b - a if name in ("initial", "maintenance") else a - b
        change = Text(signed(b - a, ccy, places), tone(rise, 10.0**-places / 2))
        rows.append((name, amount(a, ccy, places), amount(b, ccy, places), change))
    screen.table([Column(h, right=h != "") for h in ("", *names, "change")], rows)
    screen.say()
    draw_drivers(screen, found.drivers(), ccy, names)
    screen.say(f"where the {found.side} requirement differs: contributions, factors applied", "dim bold")
    draw_differences(screen, found.rows, ccy, depth, names, "nothing differs")
    screen.say()


def draw_drivers(screen: Screen, rows: Iterable[Aligned], ccy: str, names: tuple[str, str]) -> None:
    """Draw the rows that say most of a difference, one line each."""
    listed = list(rows)
    if not listed:
        return
    screen.say("what says most of it", "dim bold")
    for row in listed:
        screen.paragraph(reason(row, ccy, names), indent="    ", first="  ")
    screen.say()


def reason(row: Aligned, ccy: str, names: tuple[str, str]) -> str:
    """Return one row in words: its change, its name, and the side that has it or what each chose."""
    places = 0 if abs(row.change) >= 100 else 2
    alone = f" (only {names[1]})" if row.left is None else f" (only {names[0]})" if row.right is None else ""
    change = signed(row.change, ccy, decimals([row.change], ccy)) if ccy not in ("USD", "USDC", "USDT") else ""
    change = change or f"{row.change:+,.{places}f}"
    note = f": {row.note}" if "scenario" in row.note else ""
    return f"{change} {row.path[-1]}{alone}{note}"
