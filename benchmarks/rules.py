"""Whole rulebooks for a whole venue: the shipped function as compiled loops beside the same function on numbers."""

from __future__ import annotations

import numpy as np

from benchmarks import operations
from benchmarks.venue_data import held, market
from benchmarks.work import Aim, Rival, Work, beats, under
from loadline.engine.bulk import Snapshot
from loadline.engine.columns import Columns
from loadline.engine.engine import choose_rulebook

ALONE, TOGETHER = 50, 1_000
"""Accounts that the eager runs are measured on: one by one, and by 200."""
WITHIN = {"derive": 60e-3, "deribit-xpm": 50e-3}
"""Seconds of one core for 100,000 accounts."""


def whole(accounts: int) -> list[Work]:
    """Every row of this file."""
    columns = held(accounts).columns
    return [rulebook(name, columns, accounts) for name in WITHIN]


def rulebook(name: str, held: Columns, accounts: int) -> Work:
    """All of a rule: scenarios, contingencies, add-ons, initial and maintenance."""
    chosen = choose_rulebook(name, market().as_of)
    snapshot = Snapshot(chosen, held.market, np.unique(held.row))
    frame = snapshot.frame(held, held.account, accounts)
    plan, few = snapshot.plan(), frame.take(0, TOGETHER)
    assert np.array_equal(plan.run(frame)[:TOGETHER], snapshot.eagerly(few).numbers)

    def one_by_one() -> None:
        for n in range(ALONE):
            snapshot.eagerly(few.take(n, n + 1))

    rivals = (
        Rival("the same function, eager, one by one", one_by_one, ALONE, f"{ALONE} accounts measured"),
        Rival("eager, 200 at a time", lambda: snapshot.eagerly(few), TOGETHER, f"{TOGETHER:,} accounts measured"),
    )
    aims: list[Aim] = [beats("the same function", 1000.0, "1,000× less than eager, one by one")]
    aims.append(under(WITHIN[name], 100_000))
    need = operations.needed(plan, frame)
    title = f"{name} whole, {snapshot.cube.value.shape[1]} scenarios"
    return Work(name, title, "account", accounts, lambda n: plan.run(frame, n), rivals, tuple(aims), need)
