"""The arithmetic of a requirement as a tree: labels indented, factor and value on the right, notes dim."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from loadline.cli.amounts import amount, count, decimals, factor
from loadline.cli.render import GAP, Screen
from loadline.tape.align import Aligned
from loadline.tape.explain import Difference, Row, compare

if TYPE_CHECKING:
    from rich.text import Text

Path = tuple[str, ...]
GUIDES = {True: ("│ ", "  ", "├ ", "└ "), False: ("| ", "  ", "|-", "`-")}
CHOSEN = {True: "← ", False: "<- "}


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a tree before it is drawn: its path, a note, and the texts of its columns on the right."""

    path: Path
    note: str
    cells: tuple[str, ...]
    styles: tuple[str, ...] = ()


def draw_rows(screen: Screen, rows: Sequence[Row], ccy: str, depth: int) -> None:
    """Draw an explanation down to a depth; what is left out below a row is counted beside it."""
    shown = [r for r in rows if len(r.path) <= depth + 1]
    hidden = below(rows, depth)
    places = decimals([r.value for r in shown], ccy)
    lines = [
        Line(r.path, joined(r.note, hidden.get(r.path, 0)), (factor(r.factor), amount(r.value, ccy, places)), ("dim",))
        for r in shown
    ]
    draw_lines(screen, lines, ("factor", ccy))


def contributions(rows: Sequence[Row]) -> list[Row]:
    """Return rows whose values are what they put into the root: each times all factors down to it, so that they add."""
    scale: dict[Path, float] = {}
    out = []
    for r in rows:
        scale[r.path] = scale.get(r.path[:-1], 1.0) * r.factor
        out.append(replace(r, factor=1.0, value=scale[r.path] * r.value))
    return out


def differences(before: Sequence[Row], after: Sequence[Row]) -> list[Difference]:
    """Return two explanations aligned, as contributions to the requirement: at every row the changes below it add."""
    return compare(contributions(before), contributions(after))


def draw_differences(
    screen: Screen,
    rows: Sequence[Difference] | Sequence[Aligned],
    ccy: str,
    depth: int,
    titles: tuple[str, str] = ("before", "after"),
    nothing: str = "nothing changes",
) -> None:
    """Draw the rows that differ down to a depth: both sides, change; a side without such a row stays empty."""
    largest = max((abs(r.change) for r in rows), default=0.0)
    least = max(largest * 1e-9, 0.5 * 10.0 ** -decimals([largest], ccy))
    changed = {r.path for r in rows if abs(r.change) > least}
    kept = {p[: i + 1] for p in changed for i in range(len(p))}
    listed = [r for r in rows if r.path in kept]
    shown = [r for r in listed if len(r.path) <= depth + 1]
    if not shown:
        screen.say(nothing, "dim")
        return
    hidden = below(listed, depth)
    places = decimals([x for r in shown for x in sides(r) if x is not None], ccy)
    lines = []
    for r in shown:
        cells = tuple("" if x is None else amount(x, ccy, places) for x in sides(r))
        tones = ("", "", tone(r.change, least))
        lines.append(
            Line(r.path, joined(r.note, hidden.get(r.path, 0)), (*cells, signed(r.change, ccy, places)), tones)
        )
    draw_lines(screen, lines, (*titles, f"change, {ccy}"))


def sides(row: Difference | Aligned) -> tuple[float | None, float | None]:
    """Return what stands on either side of a row."""
    return (row.before, row.after) if isinstance(row, Difference) else (row.left, row.right)


def signed(value: float, ccy: str, places: int) -> str:
    """Return a change with its sign."""
    text = amount(value, ccy, places)
    return f"+{text}" if value > 0 and not text.startswith("0.00") else text


def tone(change: float, least: float) -> str:
    """Return the style of a change in a requirement: more is red."""
    return "" if abs(change) <= least else "red" if change > 0 else "green"


def below(rows: Iterable[Row | Difference | Aligned], depth: int) -> dict[Path, int]:
    """Return how many rows lie hidden under each path of the last shown level."""
    found: dict[Path, int] = {}
    for r in rows:
        if len(r.path) > depth + 1:
            at = r.path[: depth + 1]
            found[at] = found.get(at, 0) + 1
    return found


def joined(note: str, hidden: int) -> str:
    """Return the note of a row with the number of rows hidden below it."""
    more = f"({count(hidden, 'row')} below)" if hidden else ""
    return " ".join(x for x in (note, more) if x)


def draw_lines(screen: Screen, lines: Sequence[Line], titles: tuple[str, ...]) -> None:
    """Draw lines with their guides, the columns on the right aligned, notes beside a label or under it."""
    from rich.text import Text

    widths = [max(len(t), *(len(x.cells[i]) for x in lines)) for i, t in enumerate(titles)]
    room = screen.width - sum(widths) - GAP * len(widths)
    draw = one_line(screen, room, widths)
    draw(Text("row", "dim"), titles, ("dim",) * len(titles))
    for line, (guide, under) in zip(lines, guided([x.path for x in lines], unicode=screen.unicode), strict=True):
        label = shortened(guide + line.path[-1], room)
        text = Text(label, "bold" if len(line.path) == 1 else "")
        text.stylize("dim", 0, len(guide))
        beside = len(label) + 2 + len(line.note) <= room
        if line.note and beside:
            text.append("  " + line.note, "dim")
        draw(text, line.cells, line.styles)
        if line.note and not beside:
            mark = CHOSEN[screen.unicode]
            for i, part in enumerate(textwrap.wrap(line.note, max(20, screen.width - len(under) - 2))):
                screen.say(Text(under + (mark if i == 0 else "  ") + part, "dim"))


def one_line(screen: Screen, room: int, widths: Sequence[int]) -> Callable[[Text, Sequence[str], Sequence[str]], None]:
    """Return what writes one line: a label in its room, cells on the right."""

    def write(label: Text, cells: Sequence[str], styles: Sequence[str]) -> None:
        text = label.copy()
        text.append(" " * max(0, room - label.cell_len))
        for i, (cell, width) in enumerate(zip(cells, widths, strict=True)):
            text.append(" " * GAP)
            text.append(f"{cell:>{width}}", styles[i] if i < len(styles) else "")
        text.rstrip()
        screen.say(text)

    return write


def shortened(text: str, room: int) -> str:
    """Return a text that fits, its middle left out where it must be."""
    if len(text) <= room:
        return text
    tail = max(0, room // 3)
    return text[: max(0, room - tail - 1)] + "…" + (text[-tail:] if tail else "")


def guided(paths: Sequence[Path], *, unicode: bool) -> list[tuple[str, str]]:
    """Return for each path in pre-order the guides before its label, and those before its notes."""
    bar, blank, tee, corner = GUIDES[unicode]
    last: dict[Path, Path] = {}
    parents = set()
    for p in paths:
        last[p[:-1]] = p
        parents.add(p[:-1])
    out = []
    for p in paths:
        above = "".join(blank if last[p[: i - 1]] == p[:i] else bar for i in range(2, len(p)))
        if len(p) == 1:
            out.append(("", bar if p in parents else "  "))
            continue
        closed = last[p[:-1]] == p
        under = above + (blank if closed else bar) + (bar if p in parents else blank)
        out.append((above + (corner if closed else tee), under))
    return out
