"""What a command answers with, and the screen it is drawn on."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Union

from loadline.cli.environment import Environment, ExitCode

if TYPE_CHECKING:  # rich is imported by who draws: a document needs none of it
    from rich.console import Console
    from rich.text import Text

GAP = 2
"""Columns between two columns of a table."""
NARROWEST = 9
"""What a column that may fold is left with at least."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """The answer of a command: the exit code, the JSON document, and how it is drawn; each made only if wanted."""

    code: ExitCode
    document: Callable[[], Mapping[str, Any]]
    draw: Callable[[Screen], None]


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table: ``right`` for numbers; ``folds`` where a long text may go over several lines."""

    head: str
    right: bool = False
    folds: bool = False
    style: str = ""


Cell = Union[str, "Text"]


@dataclass(frozen=True)
class Screen:
    """A terminal of some width."""

    console: Console
    width: int
    unicode: bool

    @classmethod
    def on(cls, env: Environment) -> Screen:
        """Return the screen of an environment."""
        from rich.console import Console

        console = Console(
            file=env.stdout,
            width=env.width,
            force_terminal=env.color,
            color_system="auto" if env.color else None,
            no_color=not env.color,
            highlight=False,
            markup=False,
            emoji=False,
            legacy_windows=False,
        )
        return cls(console, env.width, env.unicode)

    def say(self, text: Cell = "", style: str = "") -> None:
        """Write a line; it must fit."""
        self.console.print(text, style=style, no_wrap=True, overflow="ellipsis", crop=True)

    def paragraph(self, text: str, style: str = "", indent: str = "", first: str | None = None) -> None:
        """Write a text wrapped to the width; ``first`` stands before its first line, ``indent`` before the others."""
        head = indent if first is None else first
        for line in textwrap.wrap(
            text, self.width, initial_indent=head, subsequent_indent=indent, break_on_hyphens=False
        ):
            self.say(line, style)

    def heading(self, text: str, beside: str = "") -> None:
        """Write a heading with a dim remark beside or below it."""
        from rich.text import Text

        if beside and len(text) + 2 + len(beside) > self.width:
            self.say(Text(text, "bold"))
            self.paragraph(beside, "dim", "  ")
        else:
            self.say(Text.assemble((text, "bold"), ("  " + beside if beside else "", "dim")))

    def dim_list(self, title: str, texts: Iterable[str]) -> None:
        """Write a titled list of remarks, if there are any."""
        listed = list(dict.fromkeys(texts))
        if listed:
            self.say(title, "dim bold")
            for text in listed:
                self.paragraph(text, "dim", "  ", "- ")

    def table(self, columns: Sequence[Column], rows: Sequence[Sequence[Cell]]) -> None:
        """Write a table; where its numbers would not fit side by side, each row as a block of lines instead."""
        from rich.table import Table
        from rich.text import Text

        widths = [max([len(c.head), *(cell_width(r[i]) for r in rows)]) for i, c in enumerate(columns)]
        least = [min(w, NARROWEST) if c.folds else w for w, c in zip(widths, columns, strict=True)]
        if sum(least) + GAP * (len(columns) - 1) > self.width:
            self.blocks(columns, rows)
            return
        table = Table(box=None, pad_edge=False, padding=(0, GAP, 0, 0), header_style="dim", show_edge=False)
        for c, w in zip(columns, least, strict=True):
            table.add_column(
                Text(c.head),
                justify="right" if c.right else "left",
                style=c.style,
                no_wrap=not c.folds,
                overflow="fold" if c.folds else "ellipsis",
                min_width=w,
            )
        for row in rows:
            table.add_row(*(Text(x) if isinstance(x, str) else x for x in row))
        with self.console.capture() as drawn:
            self.console.print(table)
        for line in drawn.get().splitlines():
            self.console.file.write(line.rstrip() + "\n")

    def blocks(self, columns: Sequence[Column], rows: Sequence[Sequence[Cell]]) -> None:
        """Write each row as lines of head and value."""
        room = max((len(c.head) for c in columns), default=0) + 2
        for row in rows:
            for i, (c, cell) in enumerate(zip(columns, row, strict=True)):
                text = cell if isinstance(cell, str) else cell.plain
                if text:
                    self.paragraph(text, first=f"{'' if i == 0 else '  '}{c.head + ':':<{room}}", indent=" " * 4)


def cell_width(cell: Cell) -> int:
    """Return the columns a cell takes on one line."""
    return len(cell) if isinstance(cell, str) else cell.cell_len
