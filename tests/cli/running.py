"""Runs the command line in this process, its surroundings made up."""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from loadline.cli.environment import Environment, ExitCode
from loadline.cli.main import program

FILES = Path(__file__).parent / "files"
PLANS = Path(__file__).parents[2] / ".pytest_cache" / "d" / "plans"
"""Where the tests keep compiled rules, from one run to the next."""


@dataclass(frozen=True)
class Ran:
    """What a run wrote and how it ended."""

    code: ExitCode
    out: str
    err: str


class Stream(io.StringIO):
    """A stream that says whether it is a terminal."""

    def __init__(self, terminal: bool) -> None:
        super().__init__()
        self.terminal = terminal

    def isatty(self) -> bool:
        return self.terminal


def run(
    args: Sequence[str],
    *,
    terminal: bool = True,
    error_terminal: bool = False,
    width: int = 80,
    color: bool = False,
    unicode: bool = True,
    debug: bool = True,
) -> Ran:
    out, err = Stream(terminal), Stream(error_terminal)
    env = Environment(
        stdout=out,
        stderr=err,
        terminal=terminal,
        error_terminal=error_terminal,
        width=width,
        color=color,
        unicode=unicode,
        clock=lambda: 1000.0,
        debug=debug,
        cache=PLANS,
    )
    code = program(list(args), env)
    return Ran(code, out.getvalue(), err.getvalue())
