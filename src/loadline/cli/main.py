"""``main`` → ``program(args, env)``: the one place where errors are caught and exit codes chosen."""

from __future__ import annotations

import _thread
import os
import sys
import threading
import traceback
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from loadline.cli.environment import Environment, ExitCode
from loadline.cli.faults import as_json, as_text
from loadline.cli.parser import Request, TextAskedFor, parse
from loadline.foundation.errors import LoadlineError, MissingData


def main() -> None:
    """Run the command line of this process."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure: Any = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="replace")
    sys.unraisablehook = interrupted_again
    code = program(sys.argv[1:], Environment.of_process())
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        hang_up()
    sys.exit(int(code))


def interrupted_again(lost: sys.UnraisableHookArgs) -> None:
    """Raise Ctrl-C once more where it fell into foreign code that cannot pass it on (kernels while they are loaded)."""
    if issubclass(lost.exc_type, KeyboardInterrupt):
        threading.Timer(0.05, _thread.interrupt_main).start()
    else:
        sys.__unraisablehook__(lost)


def program(args: Sequence[str], env: Environment) -> ExitCode:
    """Answer a command line; nothing is raised for what a user can get wrong."""
    try:
        return answered(args, env)
    except TextAskedFor as asked:
        env.stdout.write(asked.text)
        return ExitCode.OK
    except LoadlineError as error:
        return failed(error, args, env)
    except KeyboardInterrupt:
        env.stderr.write("\ninterrupted\n")
        return ExitCode.INTERRUPTED
    except BrokenPipeError:
        hang_up()
        return ExitCode.ERROR
    except Exception as error:
        if env.debug:
            raise
        return broken(error, args, env)


def answered(args: Sequence[str], env: Environment) -> ExitCode:
    """Parse, run the command, and write its answer."""
    from loadline import __version__

    request = parse(args, env.width, __version__)
    module, _, function = request.command.body.partition(":")
    body = getattr(import_module(module), function)
    outcome = body(request, env)
    if wants_json(request, env):
        from loadline.cli.json_out import write_document

        write_document(outcome.document(), env)
    else:
        from loadline.cli.render import Screen

        outcome.draw(Screen.on(env))
    return ExitCode(outcome.code)


def wants_json(request: Request, env: Environment) -> bool:
    """Return whether the answer is JSON: asked for, or not shown on a terminal."""
    if request.get("json"):
        return True
    has_json = any(o.name == "json" for o in request.command.options)
    return has_json and not env.terminal and not request.get("table")


def json_expected(args: Sequence[str], env: Environment) -> bool:
    """Return whether errors are JSON, judged without a parsed command line."""
    return "--json" in args or not (env.terminal or "--table" in args or "demo" in args)


def failed(error: LoadlineError, args: Sequence[str], env: Environment) -> ExitCode:
    """Tell an error: to people on stderr, to programs as JSON on stdout."""
    if json_expected(args, env):
        from loadline.cli.json_out import write_document

        write_document(as_json(error, args), env)
        if env.error_terminal:
            env.stderr.write(as_text(error, args, min(env.width, 100)))
    else:
        env.stderr.write(as_text(error, args, min(env.width, 100)))
    inner = getattr(error, "error", error)
    return ExitCode.MISSING_DATA if isinstance(inner, MissingData) else ExitCode.ERROR


def broken(error: Exception, args: Sequence[str], env: Environment) -> ExitCode:
    """Tell an error that is ours, not the user's."""
    frames = traceback.extract_tb(error.__traceback__)
    at = f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
    said = LoadlineError(
        f"this should not happen: {type(error).__name__}: {error}",
        where=at,
        causes="a defect of Loadline",
        remedy="set LOADLINE_DEBUG=1 for the whole trace, and report it",
    )
    return failed(said, args, env)


def hang_up() -> None:
    """Write the rest to nowhere: the reader has left."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
