"""How cost grows: over three decades of positions, and over three decades of scenarios."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.nets import framed, matrix, recorded
from benchmarks.venue_data import held, market
from benchmarks.work import Figures, timed
from loadline.engine.bulk import Snapshot
from loadline.engine.engine import choose_rulebook
from loadline.kernels import black76

ACCOUNTS = (200, 600, 2_000, 6_000, 20_000, 60_000, 200_000)
STATES = (8, 24, 80, 240, 800, 2_400, 8_000)
FIXED = 4_000
"""Accounts while the number of scenarios grows."""
ENOUGH = 5e-3
"""Seconds that a measurement takes at least, by doing the work several times."""


def growing(rounds: int) -> Figures:
    """Processor seconds over positions and over scenarios, and the slope in each: 1 is linear."""
    return {
        "positions": [positions("derive", rounds), books(rounds)],
        "scenarios": [worst(rounds), values(rounds)],
    }


def least(run: Callable[[], Any], rounds: int) -> float:
    """Least processor seconds of one call, several together where one is short."""
    run()
    once = max(timed(run)[0], 1e-7)
    together = max(1, int(ENOUGH / once))
    return min(timed(lambda: [run() for _ in range(together)])[0] for _ in range(rounds)) / together


def curve(title: str, x: list[int], seconds: list[float]) -> Figures:
    """One line of the plot; ``slope``: of the straight line through all its points in logarithms."""
    slope = float(np.polyfit(np.log(x), np.log(seconds), 1)[0])
    upper = float(np.polyfit(np.log(x[2:]), np.log(seconds[2:]), 1)[0])
    return {"title": title, "x": x, "seconds": seconds, "slope": slope, "upper": upper}


def positions(name: str, rounds: int) -> Figures:
    """A whole rulebook for more and more accounts of ten positions."""
    snapshot = Snapshot(choose_rulebook(name, market().as_of), held(2).columns.market, np.arange(2001))
    plan, seconds, held_by = snapshot.plan(), [], []
    for accounts in ACCOUNTS:
        columns = held(accounts).columns
        frame = snapshot.frame(columns, columns.account, accounts)
        plan.run(frame)
        seconds.append(least(lambda frame=frame: plan.run(frame), rounds))
        held_by.append(accounts * 10)
    return curve(f"{name} whole", held_by, seconds)


def books(rounds: int) -> Figures:
    """Building the book of more and more accounts of ten positions."""
    every = map(held, ACCOUNTS)
    seconds = [least(lambda book=book: framed(book), rounds) for book in every]
    return curve("building the book", [n * 10 for n in ACCOUNTS], seconds)


def worst(rounds: int) -> Figures:
    """The worst of more and more scenarios."""
    book, seconds = held(FIXED), []
    for n in STATES:
        plan, frame = recorded(lambda x: x.worst("scenario"), n), framed(book, n)
        seconds.append(least(lambda plan=plan, frame=frame: plan.run(frame), rounds))
        matrix.cache_clear()
    return curve(f"worst scenario of {FIXED:,} accounts", list(STATES), seconds)


def values(rounds: int, options: int = 200) -> Figures:
    """Pricing some options in more and more scenarios."""
    rng, seconds = np.random.default_rng(0), []
    K, tau, w = rng.uniform(60, 150, options), rng.uniform(0.01, 1, options), rng.choice([-1.0, 1.0], options)
    for n in STATES:
        F, vol = rng.uniform(70, 130, (options, n)), rng.uniform(0.3, 1, (options, n))
        seconds.append(least(lambda F=F, vol=vol: black76.value(F, K, vol, tau, w), rounds))
    return curve(f"pricing {options} options", list(STATES), seconds)
