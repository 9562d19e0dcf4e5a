"""Whether a candidate is traded at all, as columns: at most K are, least sizes hold where it is, neighbours counted."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from loadline.foundation.table import Floats, Ints
from loadline.optimize.programme import Programme
from loadline.tape.affine import Affine


@dataclass(frozen=True, eq=False)
class Switches:
    """A switch per candidate, or per side: its column, and the row ``sum of trades <= most switch`` that holds it.

    ``cols``, ``rows``, ``most``: (N,); ``of``: (N, 2) the columns of the trades behind each, -1 where there is none.
    ``groups``: columns that count the switches of an expiry, or of its calls or puts. Neighbours stand in for one
    another, so that to forbid one of them says little, and to forbid them all says much.
    """

    cols: Ints
    rows: Ints
    of: Ints
    most: Floats
    groups: Ints


def switched(programme: Programme) -> Switches:
    """Add a switch per candidate, traded or not, at most K of them; where least sizes matter, one per side."""
    c, moves, program = programme.problem.candidates, programme.moves, programme.program
    most, least = programme.problem.most_trades, np.ceil(c.least / c.lot - 1e-9)
    n, small = len(moves.buys), np.flatnonzero(least > 1)
    none = np.empty(0, np.int64)
    if most is None and not len(small):
        return Switches(none, none, np.empty((0, 2), np.int64), np.empty(0), none)
    zero, infinite = np.zeros(n), np.full(n, np.inf)
    buys, sells = moves.upper[moves.buys], moves.upper[moves.sells]
    if len(small):
        blank = np.full(n, -1)
        sides = [(np.stack([moves.buys, blank], 1), buys), (np.stack([moves.sells, blank], 1), sells)]
    else:
        sides = [(np.stack([moves.buys, moves.sells], 1), np.maximum(buys, sells))]
    cols, rows = [], []
    for of, upper in sides:
        size = Affine.columns(of[:, 0])
        size = size + Affine.columns(of[:, 1]) if not len(small) else size
        y = program.columns(zero, np.ones(n))
        rows.append(program.rows(size - Affine.columns(y, np.maximum(upper, 1e-9)), -infinite, zero))
        if len(small):
            program.rows((size - Affine.columns(y, least)).take(small), zero[small], infinite[small])
        cols.append(y)
    used = Affine.columns(cols[0])
    if len(small):  # not both: or one would sell what one buys, to reach the least size
        used = used + Affine.columns(cols[1])
        program.rows(used, -infinite, np.ones(n))
    if most is not None:
        program.rows(used.sums(np.zeros(n, np.int64), 1), np.array([-np.inf]), np.array([float(most)]))
    groups = none if most is None else _counted(programme, used, most)
    of, upper = np.concatenate([o for o, _ in sides]), np.concatenate([u for _, u in sides])
    return Switches(np.concatenate(cols), np.concatenate(rows), of, np.maximum(upper, 1e-9), groups)


def _counted(programme: Programme, used: Affine, most: int) -> Ints:
    """A column per account and expiry, and per right in it, that counts its candidates that are traded."""
    c, i = programme.problem.candidates, programme.problem.market.instruments
    rows = np.array([i.index[n] for n in c.instrument.tolist()], np.int64)
    expiry = np.char.add(np.char.add(c.account, "|"), np.char.add(i.underlying[rows], i.expiry[rows].astype(str)))
    found = []
    for name in (expiry, np.char.add(expiry, i.right[rows].astype(str))):
        _, group, size = np.unique(name, return_inverse=True, return_counts=True)
        here = np.flatnonzero(size > 1)
        column = programme.program.columns(np.zeros(len(here)), np.minimum(size[here], most).astype(float))
        sums = used.sums(group, len(size)).take(here) - Affine.columns(column)
        programme.program.rows(sums, np.zeros(len(here)), np.zeros(len(here)))
        found.append(column)
    return np.concatenate(found)
