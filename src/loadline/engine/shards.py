"""A venue cut into shards: the rows of some accounts each, answered by this machine's threads or by a cluster.

An account's numbers depend on its own rows and the snapshot, so any cut gives the same bits. Shards are small: a book
of some 100,000 rows is sorted and gone through in a processor's cache, and memory does not grow with the venue.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from loadline.engine.cluster import Pool
from loadline.engine.columns import Codes, Columns
from loadline.foundation.errors import LoadlineError
from loadline.foundation.table import Bools, Floats, Ints
from loadline.tape.frame import sorting
from loadline.tape.plan import Plan
from loadline.tape.term import NotPlannable

if TYPE_CHECKING:
    from loadline.engine.bulk import Snapshot

ROWS = 2**17
"""Rows that one thread sorts and goes through at a time: some 15 MB, which stays near its core."""
SLOW_ROWS = 2**13
"""Rows of a shard where the rule runs on numbers: every account takes milliseconds there, and progress is seen."""
FEW_RUNS = 16
"""Rising runs of accounts up to which rows are taken as they stand: positions, wallets and orders, sorted each."""
AMOUNTS = ("quantity", "unsettled", "order", "limit")


@dataclass(frozen=True, eq=False)
class Shard:
    """The rows of groups (accounts, or their wallets) ``first`` to ``first + groups - 1``.

    ``group``: (n,) counted from ``first``; ``row``: (n,) of the market. ``amounts``: (n,) each, those that anyone has.
    """

    first: int
    groups: int
    group: Codes
    row: Codes
    amounts: Mapping[str, Floats]

    @classmethod
    def whole(cls, held: Columns, group: Codes, groups: int) -> Shard:
        """Return all rows as one shard; ``group``: (n,) what each belongs to."""
        columns = {name: getattr(held, name) for name in AMOUNTS}
        return cls(0, groups, group, held.row, {n: values for n, values in columns.items() if values.any()})

    def __len__(self) -> int:
        return len(self.group)

    def cut(self, most: int) -> Iterator[Shard]:
        """Yield the same in shards of about ``most`` rows; a group is never cut."""
        if len(self) <= most:
            yield self
            return
        ends = np.cumsum(np.bincount(self.group, minlength=self.groups))
        wanted = np.arange(most, len(self), most)
        last = np.unique(np.searchsorted(ends, wanted)) + 1
        cuts = [0, *(n for n in last.tolist() if n < self.groups), self.groups]
        runs, order = _runs(self.group)
        group = self.group if order is None else self.group[order]
        sought = np.array(cuts, group.dtype)  # of another type, all rows would be converted to it
        places = [lo + np.searchsorted(group[lo:hi], sought) for lo, hi in pairwise(runs)]
        for n, (lo, hi) in enumerate(pairwise(cuts)):
            taken = [slice(int(p[n]), int(p[n + 1])) for p in places]
            yield Shard(
                self.first + lo,
                hi - lo,
                _taken(self.group, taken, order) - lo,
                _taken(self.row, taken, order),
                {name: _taken(values, taken, order) for name, values in self.amounts.items()},
            )

    def columns(self, snapshot: Snapshot, rows: Bools | slice = slice(None)) -> Columns:
        """Return some of the rows as a book is built from them."""
        row = self.row[rows]
        n = len(row)
        given = {name: self.amounts[name][rows] if name in self.amounts else np.zeros(n) for name in AMOUNTS}
        return Columns(snapshot.given, self.group[rows], row, np.zeros(n, np.int8), **given)


@dataclass(frozen=True, eq=False)
class Answered:
    """What a shard gave: (groups, 3) PnL-signed numbers, why they were not planned, which of its groups are refused."""

    first: int
    numbers: Floats
    reason: str
    refused: Mapping[int, LoadlineError]


class Ready:
    """A rule on a snapshot, planned where it can be: with and without open orders, which a rule may read otherwise.

    Sent to another process it travels as the snapshot alone, and is planned there again.
    """

    def __init__(self, snapshot: Snapshot, kinds: Iterable[bool]) -> None:
        self.snapshot, self.kinds = snapshot, tuple(kinds)
        self.plans: dict[bool, Plan | str] = {orders: _plan(snapshot, orders) for orders in self.kinds}

    def __reduce__(self) -> tuple[Any, ...]:
        return Ready, (self.snapshot, self.kinds)

    @classmethod
    def of(cls, snapshot: Snapshot, whole: Shard) -> Ready:
        """Return it for groups with and without open orders, as far as there are any."""
        return cls(snapshot, {orders for _, _, orders in _by_orders(whole)})

    def compile(self) -> None:
        """Compile what is planned, if it is not, so that many workers find it done."""
        nothing = Columns(self.snapshot.given, *(np.empty(0, np.int64),) * 2, np.empty(0, np.int8), *(np.empty(0),) * 4)
        for plan in self.plans.values():
            if isinstance(plan, Plan):
                plan.run(self.snapshot.frame(nothing, np.empty(0, np.int64), 1))

    @property
    def planned(self) -> bool:
        """Whether all of it is."""
        return all(isinstance(plan, Plan) for plan in self.plans.values())


def spread(ready: Ready, whole: Shard, pool: Pool, told: Callable[[int, int], None] | None) -> Answered:
    """Return the numbers of all groups, computed shard by shard; ``told``: how many are done, and of how many."""
    out, reason, done = np.zeros((whole.groups, 3)), "", 0
    refused: dict[int, LoadlineError] = {}
    ready.compile()
    for found in pool.spread(answer, ready, whole.cut(pool.rows if ready.planned else min(pool.rows, SLOW_ROWS))):
        out[found.first : found.first + len(found.numbers)] = found.numbers
        refused |= {found.first + n: error for n, error in found.refused.items()}
        reason, done = reason or found.reason, done + len(found.numbers)
        if told is not None:
            told(done, len(out))
    return Answered(whole.first, out, reason, refused)


def answer(ready: Ready, shard: Shard) -> Answered:
    """Return the numbers of a shard, those with open orders apart from the others."""
    out, reason = np.zeros((shard.groups, 3)), ""
    refused: dict[int, LoadlineError] = {}
    for piece in shard.cut(ROWS):
        at = piece.first - shard.first
        for places, rows, orders in _by_orders(piece):
            held = piece.columns(ready.snapshot, rows)
            group = held.account if isinstance(places, slice) else np.searchsorted(places, held.account)
            many = piece.groups if isinstance(places, slice) else len(places)
            frame = ready.snapshot.frame(held, group.astype(np.int64), many)
            plan = ready.plans[orders]
            if isinstance(plan, Plan):
                try:
                    out[at : at + piece.groups][places] = plan.run(frame)
                    continue
                except NotPlannable as error:
                    plan = str(error)
            run = ready.snapshot.eagerly(frame, plan)
            out[at : at + piece.groups][places] = run.numbers
            own = np.arange(piece.groups)[places] + at
            refused |= {int(own[n]): error for n, error in run.refused.items()}
            reason = reason or run.reason
    return Answered(shard.first, out, reason, refused)


def _by_orders(shard: Shard) -> Iterator[tuple[Ints | slice, Bools | slice, bool]]:
    """The groups without open orders and those with some: their numbers, their rows, and which they are."""
    ordering = np.zeros(shard.groups, np.bool_)
    if "order" in shard.amounts:
        ordering[shard.group[shard.amounts["order"] != 0]] = True
    if not ordering.any():
        yield slice(None), slice(None), False
        return
    for mine, orders in ((ordering, True), (~ordering, False)):
        if mine.any():
            yield np.flatnonzero(mine), mine[shard.group], orders


def _plan(snapshot: Snapshot, orders: bool) -> Plan | str:
    try:
        return snapshot.plan(orders=orders)
    except NotPlannable as reason:
        return str(reason)


def _runs(group: Codes) -> tuple[list[int], Ints | None]:
    """Where rising runs of groups begin and the last ends; and an order that makes them one, where there are many."""
    falls = np.flatnonzero(group[1:] < group[:-1]) + 1
    if len(falls) < FEW_RUNS:
        return [0, *falls.tolist(), len(group)], None
    return [0, len(group)], sorting(group.astype(np.int64), np.zeros(len(group), np.int64), 1)


def _taken(values: NDArray[Any], taken: list[slice], order: Ints | None) -> NDArray[Any]:
    """The values of some slices of rows, one after the other."""
    if order is not None:
        return values[order[taken[0]]]
    some = [values[rows] for rows in taken if rows.stop > rows.start]
    return some[0] if len(some) == 1 else np.concatenate(some) if some else values[:0]
