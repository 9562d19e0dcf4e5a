"""One piece of work beside its rivals: what is timed, how, and what it should reach.

Everybody takes turns in one process, so that whatever else the machine does hits all alike, and counts with the least
of several rounds. Processor time is that of all threads together; wall time is taken with one and with two workers.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from importlib.util import find_spec
from typing import Any

SETTLE = 0.003
"""Seconds between turns, in which the threads of whoever ran last go to sleep: their time counts too."""
Figures = dict[str, Any]
"""What goes into the results: numbers and texts as JSON takes them."""


@dataclass(frozen=True)
class Rival:
    """A named alternative: what to run and for how many units of work that is; ``note`` says what was scaled."""

    name: str
    run: Callable[[], Any]
    count: int
    note: str = ""


@dataclass(frozen=True)
class Need:
    """What one unit of work asks of the machine, at the least.

    ``arithmetic``: operations of the vector units; ``divisions`` among them, which have a unit of their own;
    ``bytes``: what must come from the array at ``size`` bytes, whose size says in which cache it can live;
    ``touched``: loads and stores of the loops as written, which go through the first-level cache.
    """

    arithmetic: float = 0.0
    divisions: float = 0.0
    bytes: float = 0.0
    size: float = 0.0
    touched: float = 0.0


@dataclass(frozen=True)
class Aim:
    """What a row should reach: ``value(figures of the row)`` at least or at most ``bound``."""

    text: str
    value: Callable[[Figures], float | None]
    bound: float
    least: bool
    unit: str = "x"
    wall: bool = False
    """Whether it is of wall time, which a machine with other things to do spoils."""

    def verdict(self, row: Figures) -> Figures:
        """The figures of this aim; nothing was reached or missed where there is no value."""
        value = self.value(row)
        reached = None if value is None else bool(value >= self.bound if self.least else value <= self.bound)
        said = {"text": self.text, "value": value, "bound": self.bound, "unit": self.unit, "wall": self.wall}
        return said | {"reached": reached}


@dataclass(frozen=True)
class Work:
    """One row: ``ours(workers)`` does ``count`` units of work (``per``), beside rivals; ``key`` names it in words.py.

    ``missing``: rivals that are not installed. ``facts``: what else the words of the page may quote.
    """

    key: str
    title: str
    per: str
    count: int
    ours: Callable[[int], Any]
    rivals: tuple[Rival, ...] = ()
    aims: tuple[Aim, ...] = ()
    need: Need | None = None
    missing: tuple[str, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)
    spreads: bool = True


def installed(module: str) -> bool:
    """Whether a rival can be imported."""
    return find_spec(module) is not None


def timed(run: Callable[[], Any]) -> tuple[float, float]:
    """Processor and wall seconds of one call, of all threads that it used."""
    processor, wall = time.process_time(), time.perf_counter()
    run()
    return time.process_time() - processor, time.perf_counter() - wall


def measured(work: Work, rounds: int) -> Figures:
    """The figures of a row: least seconds per unit of work, and the verdict on every aim."""
    turns: list[tuple[str, Callable[[], Any], int]] = [("one", lambda: work.ours(1), work.count)]
    if work.spreads:
        turns.append(("two", lambda: work.ours(2), work.count))
    turns += [(rival.name, rival.run, rival.count) for rival in work.rivals]
    best: dict[str, tuple[float, float]] = {}
    for name, run, _ in turns:  # whatever is compiled or loaded on first use, and pages that are touched first
        if name in ("one", "two"):
            run()
    gc.collect()
    for _ in range(rounds):
        for name, run, count in turns:
            time.sleep(SETTLE)
            processor, wall = (seconds / count for seconds in timed(run))
            before = best.get(name, (processor, wall))
            best[name] = min(before[0], processor), min(before[1], wall)
    row: Figures = {
        "key": work.key,
        "title": work.title,
        "per": work.per,
        "count": work.count,
        "processor": best["one"][0],
        "wall": {"one": best["one"][1]} | ({"two": best["two"][1]} if work.spreads else {}),
        "rivals": [
            {"name": r.name, "processor": best[r.name][0], "wall": best[r.name][1], "note": r.note} for r in work.rivals
        ],
        "missing": list(work.missing),
        "need": asdict(work.need) if work.need else None,
        "facts": dict(work.facts),
    }
    row["aims"] = [aim.verdict(row) for aim in work.aims]
    return row


# ---- what aims are made of
def times(row: Figures, name: str) -> float | None:
    """How many times the processor time of ours the quickest rival takes whose name begins so; None: none was there."""
    found = [r["processor"] for r in row["rivals"] if r["name"].startswith(name)]
    return min(found) / row["processor"] if found else None


def beats(name: str, bound: float, text: str = "") -> Aim:
    """At least so many times less processor time than a rival, by the beginning of its name."""
    return Aim(text or f"{bound:g}× less than {name}", lambda row: times(row, name), bound, True)


def second_core(bound: float = 1.8) -> Aim:
    """At least so many times sooner done with two workers than with one."""
    text = f"{bound:g}× sooner with two workers"
    return Aim(text, lambda row: row["wall"]["one"] / row["wall"]["two"], bound, True, wall=True)


def under(seconds: float, of: int = 1, text: str = "", *, wall: str = "") -> Aim:
    """At most so many seconds of one core (or of wall time, ``one`` or ``two`` workers) for so many units of work."""
    steps = ((1e-6, "ns", 1e9), (1e-3, "µs", 1e6), (1.0, "ms", 1e3), (float("inf"), "s", 1.0))
    unit, size = next((unit, size) for below, unit, size in steps if seconds < below)
    clock = (lambda row: row["wall"][wall]) if wall else (lambda row: row["processor"])
    said = text or f"under {seconds * size:g} {unit}" + (f" for {of:,}" if of > 1 else "")
    said += f", {wall} worker{'s' if wall == 'two' else ''}" if wall else ""
    return Aim(said, lambda row: clock(row) * of * size, seconds * size, False, unit, bool(wall))
