"""The manual's generated parts, in Markdown, made from the data of the commands."""

from __future__ import annotations

from loadline.cli.catalogue import COMMANDS
from loadline.cli.environment import ExitCode
from loadline.cli.spec import Argument, Command, Option


def escaped(text: str) -> str:
    """Return a text that may stand in a cell of a table."""
    return text.replace("|", "\\|")


def commands() -> str:
    """Return every command with its arguments, options and examples."""
    return "\n\n".join(section(c) for c in COMMANDS)


def section(command: Command) -> str:
    """Return one command."""
    lines = [
        f"### `loadline {command.words}`",
        "",
        command.summary,
        "",
        "```",
        command.usage,
        "```",
        "",
        command.details,
    ]
    if command.arguments:
        lines += ["", "| argument | meaning |", "|---|---|", *(row(a) for a in command.arguments)]
    if command.options:
        lines += ["", "| option | meaning | example |", "|---|---|---|", *(row(o) for o in command.options)]
    if command.examples:
        lines += ["", "```sh"]
        for example, meaning in command.examples:
            lines += [f"{example}    # {meaning}" if meaning else example]
        lines += ["```"]
    return "\n".join(lines)


def row(what: Argument | Option) -> str:
    """Return the row of an argument or option."""
    if isinstance(what, Argument):
        return f"| `{what.usage}` | {escaped(what.help)} |"
    needed = " Required." if what.required else ""
    return f"| `{escaped(what.usage)}` | {escaped(what.help)}{needed} | `{escaped(what.example)}` |"


def exit_codes() -> str:
    """Return the exit codes."""
    return "\n".join(
        ["| code | name | meaning |", "|---|---|---|", *(f"| {c:d} | {c.name} | {c.meaning} |" for c in ExitCode)]
    )
