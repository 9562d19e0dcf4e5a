"""What the process gives a command: streams, terminal, clock; and the named exit codes."""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from typing import TextIO


class ExitCode(IntEnum):
    """How a run ended."""

    OK = 0
    ERROR = 1
    MISSING_DATA = 2
    BREACH = 3
    INTERRUPTED = 130

    @property
    def meaning(self) -> str:
        """What it tells the caller."""
        return MEANINGS[self]


MEANINGS = {
    ExitCode.OK: "everything asked was answered",
    ExitCode.ERROR: "the command line, a file or a rulebook is not valid; nothing was answered",
    ExitCode.MISSING_DATA: "something could not be answered: an account is unavailable, or all were refused (--strict)",
    ExitCode.BREACH: "with --check: an account is below a requirement; from verify: a number was missed",
    ExitCode.INTERRUPTED: "stopped by Ctrl-C",
}


@dataclass(frozen=True, slots=True)
class Environment:
    """Everything a run may ask of its surroundings; tests pass their own.

    ``width``: columns of the terminal. ``clock``: seconds, for how long something took. ``debug``: let unexpected
    errors through with their traceback.
    """

    stdout: TextIO
    stderr: TextIO
    terminal: bool = False
    error_terminal: bool = False
    width: int = 80
    color: bool = False
    unicode: bool = True
    clock: Callable[[], float] = time.perf_counter
    debug: bool = False

    @classmethod
    def of_process(cls) -> Environment:
        """Return the environment of this process."""
        out, err = sys.stdout, sys.stderr
        encoding = (out.encoding or "").lower()
        terminal = out.isatty()
        return cls(
            stdout=out,
            stderr=err,
            terminal=terminal,
            error_terminal=err.isatty(),
            width=shutil.get_terminal_size((80, 24)).columns if terminal else 80,
            color=terminal and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb",
            unicode=encoding.startswith("utf"),
            debug=bool(os.environ.get("LOADLINE_DEBUG")),
        )
