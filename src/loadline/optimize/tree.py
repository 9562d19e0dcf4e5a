"""Branch and bound over which candidates are traded, in a linear model whose rows enter as they are needed.

At most K of many is a hard choice with weak relaxations, but its best answer is nearly always known early; what takes
time is the proof. So lots are left continuous (a relaxation) while switches are chosen, each node is a warm dual
simplex on the columns and rows that may still matter, candidates that cannot be worth it are left out by their reduced
costs, and the tapes are asked wherever all switches are whole. Only there lots are branched on, too. Whatever is left
open when time is up bounds what was missed.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field

import numpy as np

from loadline.foundation.table import Bools, Floats, Ints
from loadline.optimize.branching import Branching
from loadline.optimize.budget import Budget
from loadline.optimize.incumbent import Lots
from loadline.optimize.part import Part
from loadline.optimize.programme import Programme, Progress
from loadline.optimize.solver import Answer
from loadline.optimize.switches import Switches

WHOLE = 1e-6
"""How far from a whole number a column may be and count as one."""
NEAR = 1e-3
"""A gap of the root, relative, below which it is the lots that are left to choose."""
LEFT_OUT = 0.2
"""The share of candidates that must have become hopeless before the model is made anew without them."""
ROUNDING = 10
"""Nodes after which a point is rounded to K trades, to look for a better plan."""
ROUNDS = 40
"""Rounds of separation at one node."""

Fixings = tuple[tuple[int, float, float], ...]
"""Columns with the bounds that a branch gives them; what comes later holds."""


@dataclass(order=True, slots=True)
class Node:
    """A part of the search: its bound (USD), then what came last first."""

    bound: float
    order: int
    fixed: Fixings = field(compare=False)


class Tree:
    """``switches`` and ``choices`` are chosen first, then ``lots``, columns in whole numbers.

    ``bound``: USD, below the objective of every plan, however early the search ended (given: one that is known);
    ``gap``: relative, at which to end.
    """

    def __init__(
        self,
        programme: Programme,
        switches: Switches,
        choices: bool,
        lots: Ints,
        budget: Budget,
        progress: Progress | None,
        *,
        bound: float,
        gap: float = 1e-4,
    ) -> None:
        self.programme, self.program, self.moves = programme, programme.program, programme.moves
        self.switches, self.choices, self.lots, self.budget, self.gap = switches, choices, lots, budget, gap
        self.progress = progress
        self.open = [Node(bound, 0, ())]
        self.floor = np.inf
        self.made, self.nodes, self.status = 0, 0, "optimal"
        self.low, self.high = np.zeros(self.program.size), self.program.upper.copy()
        self.part = Part(self.program, np.ones(self.program.size, np.bool_))
        self.applied: Fixings = ()
        self.branching = Branching(switches.groups)
        self.cost_on, self.least = np.zeros(len(switches.cols)), -np.inf
        self.near: Bools | None = None
        self.incumbents = Lots(programme, switches, lots)

    # ---- what is known
    @property
    def cutoff(self) -> float:
        """USD: what is above it is not worth looking at."""
        best = self.programme.best
        return best.objective - self.gap * abs(best.objective) if best.feasible else np.inf

    @property
    def bound(self) -> float:
        """USD, valid at any moment: the least of what is open and of what was left."""
        least = min((node.bound for node in self.open), default=np.inf)
        best = self.programme.best
        return min(self.floor, least, best.objective if best.feasible else np.inf)

    def _choices(self) -> Ints:
        found = self.programme.binaries if self.choices else np.empty(0, np.int64)
        more = self.program.size - len(self.high)
        self.low = np.append(self.low, np.zeros(more))
        self.high = np.append(self.high, self.program.upper[len(self.high) :])
        return found

    # ---- the search
    def run(self, support: Ints) -> Tree:
        """Search until nothing is open, the gap is closed or time is up; ``support``: candidates to begin with."""
        self.incumbents.on(support, self.cutoff, self.budget, self._choices())
        while self.open and self.open[0].bound < self.cutoff:
            if self.budget.over():
                self.status = "stopped"
                break
            if self.nodes:
                self._shrink()
            self.nodes += 1
            self._visit(heapq.heappop(self.open))
            if self.progress is not None:
                self.progress(self.programme.best.objective, self.bound)
            if self.nodes == 1 and self.open and len(self.lots) and self._only_lots():
                self._finish()
        if self.status == "optimal" and not self.programme.best.feasible and np.isinf(self.floor):
            self.status = "infeasible"
        self.programme.nodes += self.nodes
        return self

    def _solve(self, fixed: Fixings) -> Answer:
        """The linear program under some fixings; those of before are undone."""
        bounds = {c: (self.low[c], self.high[c]) for c, _, _ in self.applied}
        bounds |= {c: (low, high) for c, low, high in fixed}
        if bounds:
            ends = np.array(list(bounds.values()))
            self.part.bounds(np.array(list(bounds), np.int64), ends[:, 0], ends[:, 1])
        self.applied = fixed
        return self.part.solve(seconds=self.budget.left(), stop=self.budget.over)

    def _value(self, answer: Answer) -> float:
        """USD; infinite where there is no plan, -inf where the solver did not say."""
        if answer.z is not None:
            return answer.objective * self.programme.money
        return np.inf if answer.status == "infeasible" else -np.inf

    def _leave(self, bound: float) -> None:
        """Look no further below a bound."""
        self.floor = min(self.floor, bound)

    def _visit(self, node: Node) -> None:
        fixed, bound, loose, z = node.fixed, node.bound, np.empty(0, np.int64), np.empty(0)
        for round_ in range(ROUNDS):
            answer = self._solve(fixed)
            if answer.z is None and answer.status != "infeasible":
                if not self.budget.over():
                    return self._leave(bound)  # the solver gave up: what is there to find is bounded by its parent
                break
            bound = max(bound, self._value(answer))
            if bound >= self.cutoff or answer.z is None:
                return self._leave(bound)
            z = answer.z
            if not fixed:
                self._learn(bound, z)
            if round_ == 0 and self.nodes % ROUNDING == 1:
                self.incumbents.rounded(z, self.cutoff, self.budget, self._choices())
            loose = self._fractional(z, np.concatenate([self.switches.groups, self.switches.cols, self._choices()]))
            if len(loose) and (fixed or not self._missing(z)):
                break
            if not len(loose) and not self._missing(z):
                loose = self._fractional(z, self.lots)
                if not len(loose):
                    self.incumbents.take(z)
                    return self._leave(bound)
                self.incumbents.on(self.programme.traded(z), self.cutoff, self.budget, self._choices())
                if bound >= self.cutoff:
                    return self._leave(bound)
                break
            if self.budget.over():
                break
        if self.budget.over() or not len(loose):
            heapq.heappush(self.open, Node(bound, node.order, fixed))
        else:
            self._branch(fixed, bound, z, loose)

    def _missing(self, z: Floats) -> int:
        """Add the rows that a point violates."""
        found = self.programme.separate(np.clip(z[: len(self.moves)], 0.0, self.moves.upper), z)
        if found:
            self.part.follow()
        return found

    def _fractional(self, z: Floats, cols: Ints) -> Ints:
        cols = cols[cols < len(z)]
        return cols[np.abs(z[cols] - np.round(z[cols])) > WHOLE]

    def _branch(self, fixed: Fixings, bound: float, z: Floats, loose: Ints) -> None:
        """Choose a column and leave its two sides open; a side that is cut off is done with at once."""

        def sides(c: int) -> tuple[float, float]:
            down, up = (max(self._value(self._solve((*fixed, *s))), bound) for s in self._sides(fixed, c, float(z[c])))
            return down, up

        column, values = self.branching.choose(loose, z, bound, self.cutoff, sides, self.budget.over)
        for side, value in zip(self._sides(fixed, column, float(z[column])), values, strict=True):
            if value >= self.cutoff:
                self._leave(value)
            else:
                self.made += 1
                heapq.heappush(self.open, Node(value, -self.made, (*fixed, *side)))

    def _sides(self, fixed: Fixings, c: int, x: float) -> tuple[Fixings, Fixings]:
        """The two sides of a column: down, with the trades behind a switch that is off, and up."""
        ends = [(low, high) for k, low, high in fixed if k == c]
        low, high = ends[-1] if ends else (float(self.low[c]), float(self.high[c]))
        down, up = float(np.floor(x)), float(np.ceil(x))
        at = np.flatnonzero(self.switches.cols == c)
        behind = [int(k) for k in self.switches.of[at].ravel() if k >= 0] if down == 0 else []
        return ((c, low, down), *((k, 0.0, 0.0) for k in behind)), ((c, up, high),)

    # ---- leaving out
    def _learn(self, bound: float, z: Floats) -> None:
        """Learn from the root what switching each candidate on costs at least (Lagrange), and which rows are near."""
        s = self.switches
        reduced, duals = (x * self.programme.money for x in self.part.prices())
        row = np.abs(duals[s.rows])  # of sum of trades <= most switch: what is left of it when the switch is on costs
        on, cost = np.maximum(reduced[s.cols], 0.0), np.full(len(s.cols), np.inf)
        for column in s.of.T:
            most = np.where(column >= 0, self.high[column], 0.0)
            each = np.maximum(reduced[column], 0.0)
            for size in (np.minimum(1.0 if len(self.lots) else 0.0, most), most):
                here = on + each * size + row * (s.most - size)
                cost = np.where((column >= 0) & (most > 0), np.minimum(cost, here), cost)
        self.cost_on, self.least, self.near = cost, bound, self.part.near(z)

    def _shrink(self) -> None:
        """Leave those out for good that cost more than the gap, once they are many, and rows far from binding."""
        s, best = self.switches, self.programme.best
        gap = best.objective - self.least if best.feasible else np.inf
        gone = (self.cost_on > gap + 1e-7 * abs(self.least)) & (self.high[s.cols] > 0)
        if self.nodes == 1 or gone.sum() > LEFT_OUT * (self.high[s.cols] > 0).sum():
            self.high[np.concatenate([s.cols[gone], s.of[gone][s.of[gone] >= 0]])] = 0.0
            self.part, self.applied = Part(self.program, self._kept(), rows=self.near), ()

    def _kept(self) -> Bools:
        """(columns,) which are not out for good."""
        keep = np.ones(self.program.size, np.bool_)
        keep[: len(self.high)] = self.high > 0
        return keep

    # ---- lots
    def _only_lots(self) -> bool:
        best = self.programme.best
        return not len(self.switches.cols) or (best.feasible and best.objective - self.least < NEAR * abs(self.least))

    def _finish(self) -> None:
        """Where the root is nearly tight it is the lots that are left: a task for a general branch and bound."""
        self._shrink()
        part, money, told = Part(self.program, self._kept(), gap=self.gap), self.programme.money, self.progress
        part.make_integer(np.concatenate([self.lots, self.switches.cols, self._choices()]))
        bound = self.least
        for _ in range(ROUNDS):
            if self.programme.best.feasible:
                part.start(np.arange(len(self.moves)), self.programme.best.z)
            scaled = None if told is None else (lambda best, low: told(best * money, low * money))
            answer = part.solve(seconds=self.budget.left(), stop=self.budget.over, progress=scaled)
            bound = max(bound, answer.bound * money if answer.status != "infeasible" else np.inf)
            if answer.z is None or not self.incumbents.taken(part, answer.z) or self.budget.over():
                break
        self._leave(bound)
        self.status = "stopped" if self.budget.over() else "optimal"
        self.open = []
