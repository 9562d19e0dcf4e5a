"""What the process gives a command: streams, terminal, clock; and the named exit codes."""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
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
    errors through with their traceback. ``cores``: processors to use. ``cache``: a folder for compiled rules,
    None: keep none.
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
    cores: int = 1
    cache: Path | None = None

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
            cores=len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
            cache=cache_folder(),
        )


def cache_folder() -> Path | None:
    """Return where compiled rules are kept: ``LOADLINE_CACHE``, or a folder of this user's cache; None: nowhere."""
    given, home = os.environ.get("LOADLINE_CACHE"), os.environ.get("XDG_CACHE_HOME")
    if given is not None:
        return Path(given) if given else None
    try:
        return (Path(home) if home else Path.home() / ".cache") / "loadline" / "plans"
    except RuntimeError:  # a user without a home
        return None
