"""Signs of life on stderr, on a terminal only: a line while something long is under way, a bar over many cases."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from loadline.cli.environment import Environment

COMPILING_RULE = "compiling the rule, once"
COMPILING = "compiling kernels, once (the next run starts at once)"


@contextmanager
def working(env: Environment, what: str) -> Iterator[None]:
    """Show what is under way, and say so when kernels have to be compiled first."""
    if not env.error_terminal:
        yield
        return
    from rich.console import Console

    console = Console(file=env.stderr, force_terminal=True, width=env.width, no_color=not env.color)
    with (
        console.status(what, spinner="dots" if env.unicode else "line") as status,
        told_of_compiling(lambda: status.update(f"{what}; {COMPILING}")),
    ):
        yield


@contextmanager
def told_of_compiling(tell: Callable[[], None]) -> Iterator[None]:
    """Call ``tell`` when a kernel is compiled rather than read from its cache.

    The compiler takes a third of a second to import and many a command never needs it: while nobody has loaded it, a
    thread waits for that.
    """
    if _loaded():
        with _listening(tell):
            yield
        return
    over = threading.Event()
    waiting = threading.Thread(target=_wait, args=(tell, over), daemon=True)
    waiting.start()
    try:
        yield
    finally:
        over.set()
        waiting.join()


def _loaded() -> bool:
    return hasattr(sys.modules.get("numba"), "njit")


def _wait(tell: Callable[[], None], over: threading.Event) -> None:
    """Listen from when the compiler is there until all is over."""
    while not _loaded():
        if over.wait(0.05):
            return
    with _listening(tell):
        over.wait()


def _listening(tell: Callable[[], None]) -> AbstractContextManager[None]:
    from numba.core import event

    class Listener(event.Listener):
        def on_start(self, happened: Any) -> None:
            tell()

        def on_end(self, happened: Any) -> None:
            return None

    heard: AbstractContextManager[None] = event.install_listener("numba:compile", Listener())
    return heard


@contextmanager
def counting(env: Environment, what: str) -> Iterator[Callable[[int, int], None] | None]:
    """Show a bar while something counts: yields what to call with how many are done, and of how many.

    On a terminal only; elsewhere nobody need be told.
    """
    if not env.error_terminal:
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(file=env.stderr, force_terminal=True, width=env.width, no_color=not env.color)
    columns = (TextColumn("{task.description}", markup=False), BarColumn(None), TextColumn("{task.fields[said]}"))
    with Progress(*columns, TimeRemainingColumn(), console=console, transient=True) as progress:
        task = progress.add_task(what, total=None, said="")

        def told(done: int, total: int) -> None:
            said = f"{done:,} of {total:,}"
            progress.update(task, completed=done, total=total, said=said, description=what)

        with told_of_compiling(lambda: progress.update(task, description=f"{what}; {COMPILING_RULE}")):
            yield told


def bar(env: Environment, what: str) -> Callable[[Iterable[Any]], Iterable[Any]]:
    """Return a wrapper that shows a bar while something is gone through; on a terminal only."""
    if not env.error_terminal:
        return lambda items: items

    def wrap(items: Iterable[Any]) -> Iterator[Any]:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

        console = Console(file=env.stderr, force_terminal=True, width=env.width, no_color=not env.color)
        columns = (TextColumn("{task.description}", markup=False), BarColumn(None), MofNCompleteColumn())
        with Progress(*columns, console=console, transient=True) as progress:
            listed = list(items)
            task = progress.add_task(what, total=len(listed))
            with told_of_compiling(lambda: progress.update(task, description=f"{what}; {COMPILING}")):
                for item in listed:
                    yield item
                    progress.update(task, advance=1, description=what)

    return wrap
