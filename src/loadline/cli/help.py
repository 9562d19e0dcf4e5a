"""Help texts, wrapped to the terminal, made from the data of the commands."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable

from loadline.cli.catalogue import COMMANDS, GROUPS
from loadline.cli.environment import ExitCode
from loadline.cli.spec import Argument, Command, Option

WIDEST = 100
GUTTER = 24


def filled(text: str, width: int, indent: str = "") -> str:
    """Return a text wrapped and indented."""
    return textwrap.fill(text, width, initial_indent=indent, subsequent_indent=indent, break_on_hyphens=False)


def entries(rows: Iterable[tuple[str, str]], width: int) -> list[str]:
    """Return two columns: a term, and what it means beside or below it."""
    lines: list[str] = []
    for term, meaning in rows:
        text = filled(meaning, width, " " * GUTTER) if meaning else ""
        if text and len(term) <= GUTTER - 4:
            lines.append(f"  {term:<{GUTTER - 2}}{text[GUTTER:]}")
        else:
            lines += [f"  {term}", *([text] if text else [])]
    return lines


def root_help(width: int) -> str:
    """Return the help of ``loadline``."""
    width = min(width, WIDEST)
    rows = [(c.words, c.summary) for c in COMMANDS]
    codes = [(f"{int(c)} {c.name}", c.meaning) for c in ExitCode]
    lines = [
        "Usage: loadline COMMAND [options]",
        "",
        filled("A portfolio margin engine that shows its arithmetic.", width, "  "),
        "",
        "Commands",
        *entries(rows, width),
        "",
        "Options",
        *entries([("--help, -h", "Show help, of any command."), ("--version", "Show the version.")], width),
        "",
        "Exit codes",
        *entries(codes, width),
        "",
        filled("Start with: loadline demo", width, ""),
    ]
    return "\n".join(lines) + "\n"


def group_help(word: str, width: int) -> str:
    """Return the help of a word that stands before several commands."""
    width = min(width, WIDEST)
    rows = [(c.words, c.summary) for c in COMMANDS if c.words.startswith(f"{word} ")]
    head = [f"Usage: loadline {word} COMMAND [options]", "", filled(GROUPS[word], width, "  "), "", "Commands"]
    return "\n".join([*head, *entries(rows, width)]) + "\n"


def described(what: Option | Argument) -> tuple[str, str]:
    """Return an option or argument with what help says of it."""
    if isinstance(what, Argument):
        return what.usage, what.help
    return what.usage, what.help + (" Required." if what.required else "")


def command_help(command: Command, width: int) -> str:
    """Return the help of one command."""
    width = min(width, WIDEST)
    lines = [filled(f"Usage: {command.usage}", width), "", filled(command.summary, width, "  "), ""]
    lines += [filled(command.details, width, "  "), ""]
    if command.arguments:
        lines += ["Arguments", *entries(map(described, command.arguments), width), ""]
    lines += ["Options", *entries([*map(described, command.options), ("--help, -h", "Show this help.")], width)]
    if command.examples:
        lines += ["", "Examples"]
        for example, meaning in command.examples:
            lines += ["  " + example] if len(example) <= width - 2 else example_lines(example, width)
            lines += [f"      {meaning}"] if meaning else []
    return "\n".join(lines) + "\n"


def example_lines(example: str, width: int) -> list[str]:
    """Return a long command line as a shell takes it, over several lines."""
    parts = textwrap.wrap(example, width - 8, break_on_hyphens=False, break_long_words=False)
    return ["  " + " \\\n      ".join(parts)]
