"""A live copy of a model with some of its columns left out: those that stay at 0 cost nothing to carry.

Rows may be left out, too: each solve brings back those that its solution violates, so the answer is that of all rows.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from loadline.foundation.table import Bools, Floats, Ints
from loadline.optimize.solver import Answer, Program, Stop
from loadline.tape.affine import Affine

BACK = 24
"""Rows that come back at a time."""
SLACK = 1e-9
"""How far, relative to its terms, a row may be violated."""


class Part:
    """``program`` holds the columns of ``whole`` that are kept, ``cols`` says which.

    ``keep``: (columns,) which are; ``rows``: (rows,) which to begin with, all if not given. Columns and rows that came
    to the whole since are taken over by ``follow``.
    """

    def __init__(self, whole: Program, keep: Bools, *, rows: Bools | None = None, gap: float = 1e-9) -> None:
        self.whole, self.program = whole, Program(gap=gap)
        self.cols, self.at = np.empty(0, np.int64), np.empty(0, np.int64)
        self.seen = 0
        self.place = np.empty(0, np.int64)
        """(rows of the whole,) where each is here; -1: left out."""
        none = np.empty(0)
        self.spare = np.empty(0, np.int64), np.empty(0, np.int64), none
        self.follow(keep, rows)

    def follow(self, keep: Bools | None = None, rows: Bools | None = None) -> Part:
        """Take over what is new; ``keep``: (columns,) ``rows``: (rows,) which to keep of those that are."""
        whole, program = self.whole, self.program
        first, known = len(self.at), len(self.place)
        new = np.arange(first, whole.size)
        new = new if keep is None else new[keep[first:]]
        self.at = np.append(self.at, np.full(whole.size - first, -1))
        self.at[new] = len(self.cols) + np.arange(len(new))
        self.cols = np.append(self.cols, new)
        program.columns(whole.lower[new], whole.upper[new], cost=whole.cost[new])
        row, col, weight = whole.triplets()
        row, col, weight = row[self.seen :], self.at[col[self.seen :]], weight[self.seen :]
        self.seen += len(row)
        row, col, weight = row[col >= 0], col[col >= 0], weight[col >= 0]
        self.lower, self.upper = (np.concatenate([np.empty(0), *x]) for x in zip(*whole.sides, strict=True))
        count = len(self.lower)
        old = row < known
        late = self.place[row[old]]
        program.extend(late[late >= 0], col[old][late >= 0], weight[old][late >= 0])
        wanted = np.arange(known, count)
        if rows is not None:
            asked = np.ones(count, np.bool_)
            asked[: len(rows)] = rows  # what came after they were looked at is kept
            wanted = wanted[asked[known:] | ~np.isin(wanted, row)]
        self.place = np.append(self.place, np.full(count - known, -1))
        rows_, cols_, weights_ = self.spare
        self.spare = np.append(rows_, row), np.append(cols_, col), np.append(weights_, weight)
        self._add(wanted)
        return self

    def _add(self, wanted: Ints) -> None:
        """Bring rows in."""
        row, col, weight = self.spare
        self.place[wanted] = int(self.program.h.getNumRow()) + np.arange(len(wanted))
        at = np.full(len(self.place), -1)
        at[wanted] = np.arange(len(wanted))
        here = at[row] >= 0
        more = Affine.gathered(at[row[here]], col[here], weight[here], np.zeros(len(wanted)))
        self.program.rows(more, self.lower[wanted], self.upper[wanted])
        out = self.place[row] < 0
        self.spare = row[out], col[out], weight[out]

    def near(self, z: Floats, share: float = 1e-2) -> Bools:
        """Return (rows,) which rows of the whole a point, (columns,), comes near to the bound of."""
        row, col, weight = self.whole.triplets()
        lower, upper = (np.concatenate([np.empty(0), *x]) for x in zip(*self.whole.sides, strict=True))
        term = weight * np.append(z, np.zeros(self.whole.size - len(z)))[col]
        at, size = np.bincount(row, term, len(lower)), np.bincount(row, np.abs(term), len(lower))
        room = share * (size + np.minimum(np.abs(lower), np.abs(upper)))
        return (at <= lower + room) | (at >= upper - room)

    def bounds(self, cols: Ints, lower: Floats, upper: Floats) -> None:
        """Bound columns of the whole here alone; those that are left out stay at 0."""
        here = self.at[cols] >= 0
        self.program.bounds(self.at[cols[here]], lower[here], upper[here])

    def make_integer(self, cols: Ints) -> None:
        """Ask for whole numbers."""
        self.program.make_integer(self.at[cols][self.at[cols] >= 0])

    def start(self, cols: Ints, values: Floats) -> None:
        """Offer a point to begin branch and bound with."""
        here = self.at[cols] >= 0
        self.program.start(self.at[cols[here]], values[here])

    def solve(self, *, seconds: float = np.inf, stop: Stop | None = None, progress: Any = None) -> Answer:
        """Minimise; the answer is in columns of the whole."""
        while True:
            found = self.program.solve(seconds=seconds, stop=stop, progress=progress)
            if found.z is None:
                return found
            missing = self._violated(found.z)
            if not len(missing):
                break
            self._add(missing)
        z = np.zeros(len(self.at))
        z[self.cols] = found.z
        return Answer(found.status, z, found.objective, found.bound, found.nodes)

    def _violated(self, z: Floats) -> Ints:
        row, col, weight = self.spare
        if not len(row):
            return np.empty(0, np.int64)
        n, term = len(self.place), weight * z[col]
        at, size = np.bincount(row, term, n), np.bincount(row, np.abs(term), n)
        room = SLACK * (1.0 + size)
        beyond = np.maximum(self.lower - at, at - self.upper) / room
        bad = np.flatnonzero((self.place < 0) & (beyond > 1.0))
        return bad[np.argsort(-beyond[bad], kind="stable")[:BACK]]

    def prices(self) -> tuple[Floats, Floats]:
        """Return reduced costs of all columns of the whole, (columns,), and (rows,) duals, of the last linear solve."""
        _, some = self.program.prices()
        duals = np.zeros(len(self.place))
        duals[self.place >= 0] = some[self.place[self.place >= 0]]
        row, col, weight = self.whole.triplets()
        known = row < len(duals)
        paid = np.bincount(col[known], weight[known] * duals[row[known]], self.whole.size)
        return self.whole.cost - paid, duals
