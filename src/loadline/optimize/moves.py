"""The columns of the model: all that may be done, what one unit of it costs, and what it does to which account."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from loadline.foundation.table import Floats, Ints
from loadline.optimize.problem import Candidates, Problem

DUST = 1e-9
"""Lots below which a trade is none."""


@dataclass(frozen=True, slots=True)
class Effect:
    """One unit of a column adds ``quantity`` of an instrument or currency to an account.

    ``paid``: USD of cost that leaves its wallet; ``priced``: whether the premium, at mark, changes hands, too.
    """

    column: int
    account: str
    item: str
    quantity: float
    paid: float
    priced: bool


@dataclass(frozen=True, eq=False)
class Moves:
    """J columns, in lots (postings: in units): ``upper`` (J,) at most, ``cost`` (J,) USD per unit, ``effects``.

    ``buys``, ``sells``: (C,) the columns of each candidate; ``transfers``: (account from, account to, instrument) of
    columns that move a position; ``postings``: (P, 2) columns that add and take each posting. ``impacts``: (I,) columns
    that hold what impact costs, USD, of the candidates ``impacted``, (I,): at least ``force``, (I,), x lots^1.5.
    """

    upper: Floats
    cost: Floats
    effects: tuple[Effect, ...]
    buys: Ints
    sells: Ints
    transfers: tuple[tuple[int, str, str, str], ...]
    postings: Ints
    impacted: Ints
    impacts: Ints
    force: Floats

    def __len__(self) -> int:
        return len(self.upper)

    @property
    def trading(self) -> Ints:
        """The columns that trade."""
        return np.concatenate([self.buys, self.sells])

    def sizes(self, z: Floats) -> Floats:
        """Return (I,) the lots traded of each candidate that has impact."""
        return np.asarray(z[self.buys[self.impacted]] + z[self.sells[self.impacted]])

    def paid(self, z: Floats) -> Floats:
        """Return the point with the impact that its trades do cause, whatever its columns of impact hold."""
        if not len(self.impacts):
            return z
        out = z.copy()
        out[self.impacts] = self.force * np.maximum(self.sizes(z), 0.0) ** 1.5
        return out

    def changes(self, c: Candidates, z: Floats) -> Floats:
        """Return (C,) signed contracts traded of each candidate."""
        return np.asarray((z[self.buys] - z[self.sells]) * c.lot)


def moves_of(p: Problem) -> Moves:
    """Return the columns of a problem."""
    c, n = p.candidates, len(p.candidates)
    upper = [*(np.floor(c.max_buy / c.lot + 1e-9)), *(np.floor(c.max_sell / c.lot + 1e-9))]
    cost = [*(c.buy * c.lot), *(c.sell * c.lot)]
    effects = []
    for side, column in ((1.0, 0), (-1.0, n)):
        rows = zip(c.account.tolist(), c.instrument.tolist(), c.lot.tolist(), strict=True)
        for i, (account, name, lot) in enumerate(rows):
            effects.append(Effect(column + i, account, name, side * lot, cost[column + i], True))
    transfers = []
    for source, to, row in _transfers(p):
        name, lot, fee = str(c.instrument[row]), float(c.lot[row]), p.transfers[str(c.instrument[row])]
        held = _held(p, source, name)
        if held == 0:
            continue
        column, side = len(upper), float(np.sign(held))
        upper.append(np.floor(abs(held) / lot + 1e-9))
        cost.append(2.0 * fee * lot)
        transfers.append((column, source, to, name))
        for account, sign in ((source, -side), (to, side)):
            effects.append(Effect(column, account, name, sign * lot, fee * lot, True))
    postings = np.empty((len(p.postings), 2), np.int64)
    for k, posting in enumerate(p.postings):
        for side, (most, each) in enumerate(((posting.add, posting.cost_add), (posting.take, posting.cost_take))):
            postings[k, side] = len(upper)
            sign = 1.0 - 2.0 * side
            effects.append(Effect(len(upper), posting.account, posting.currency, sign, 0.0, False))
            upper.append(most)
            cost.append(each)
    impacted = np.flatnonzero(c.impact > 0)
    force, impacts = (c.impact * c.lot**1.5)[impacted], len(upper) + np.arange(len(impacted))
    for row, column, each in zip(impacted.tolist(), impacts.tolist(), force.tolist(), strict=True):
        effects.append(Effect(column, str(c.account[row]), str(c.instrument[row]), 0.0, 1.0, True))
        upper.append(each * (upper[row] + upper[n + row]) ** 1.5)
        cost.append(1.0)
    return Moves(
        np.array(upper, np.float64),
        np.array(cost, np.float64),
        tuple(effects),
        np.arange(n),
        np.arange(n, 2 * n),
        tuple(transfers),
        postings,
        impacted,
        impacts,
        force,
    )


def _transfers(p: Problem) -> Iterator[tuple[str, str, int]]:
    """Every ordered pair of accounts that may both trade an instrument, with a row of it."""
    if not p.transfers:
        return
    c = p.candidates
    rows: dict[str, dict[str, int]] = {}
    for i, (account, name) in enumerate(zip(c.account.tolist(), c.instrument.tolist(), strict=True)):
        if name in p.transfers:
            rows.setdefault(name, {})[account] = i
    for by_account in rows.values():
        for source in by_account:
            for to, row in by_account.items():
                if source != to:
                    yield source, to, row


def _held(p: Problem, account: str, name: str) -> float:
    positions = p.portfolio.positions
    mine = (positions.account == account) & (positions.instrument == name)
    return float(positions.quantity[mine].sum())
