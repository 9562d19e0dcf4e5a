"""While a search is under way: incumbent and gap on stderr, and Ctrl-C as a wish to stop rather than an end."""

from __future__ import annotations

import math
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from loadline.cli.environment import Environment
from loadline.cli.progress import COMPILING, told_of_compiling

if TYPE_CHECKING:
    from loadline.optimize.budget import Budget


def processor(env: Environment) -> Callable[[], float]:
    """Return the clock that a search is held to: processor time, or the one that a test brings."""
    return time.process_time if env.clock is time.perf_counter else env.clock


@dataclass
class Search:
    """A search under way: the budget it has, and where it tells its progress."""

    budget: Budget
    tell: Callable[[float, float], None]


@contextmanager
def searching(env: Environment, what: str, seconds: float) -> Iterator[Search]:
    """Run a search that Ctrl-C stops (twice: ends); on a terminal its incumbent and gap are shown."""
    from loadline.optimize.budget import Budget

    asked: list[bool] = []

    def stop(number: int, frame: Any) -> None:
        if asked:
            raise KeyboardInterrupt
        asked.append(True)

    main = threading.current_thread() is threading.main_thread()
    before = signal.signal(signal.SIGINT, stop) if main else None
    budget = Budget.of(seconds, processor(env), lambda: bool(asked))
    try:
        if not env.error_terminal:
            yield Search(budget, lambda best, bound: None)
            return
        from rich.console import Console

        console = Console(file=env.stderr, force_terminal=True, width=env.width, no_color=not env.color)
        with console.status(what, spinner="dots" if env.unicode else "line") as status:

            def tell(best: float, bound: float) -> None:
                gap = (best - bound) / abs(best) if math.isfinite(best) and best else math.inf
                near = f", gap {gap:.2%}" if math.isfinite(gap) and gap < 10 else ""
                status.update(f"{what}: best {best:,.0f} USD{near}" if math.isfinite(best) else what)

            with told_of_compiling(lambda: status.update(f"{what}; {COMPILING}")):
                yield Search(budget, tell)
    finally:
        if main:
            signal.signal(signal.SIGINT, before)
