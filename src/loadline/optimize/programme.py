"""The lowered problem: solve, let the tapes say which scenarios are missing, until model and tapes agree."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from loadline.foundation.table import Floats, Ints
from loadline.optimize.bounds import kept, value, written
from loadline.optimize.impact import first_tangents, separate
from loadline.optimize.moves import Moves
from loadline.optimize.problem import Bound, Problem
from loadline.optimize.site import Site
from loadline.optimize.solver import Answer, Program, Stop, whole
from loadline.tape.affine import Affine
from loadline.tape.frame import Floats as Values
from loadline.tape.lower import Lowering, Mode
from loadline.tape.term import Term

Progress = Callable[[float, float], None]
FEASIBLE = 1e-7
"""How far, relative to its size, a point may be beyond a cap or a limit and still count."""


@dataclass(frozen=True, eq=False)
class Point:
    """A point that was re-margined: ``z`` (columns of the moves,), its objective in USD, and requirements per ask."""

    z: Floats
    objective: float
    requirements: Floats
    cost: float
    feasible: bool


class Programme:
    """A problem as rows. ``bound``: USD, always valid for the objective; ``best``: the best point re-margined."""

    def __init__(
        self, problem: Problem, sites: list[Site], moves: Moves, *, mode: Mode = "bound", at: Floats | None = None
    ) -> None:
        self.problem, self.sites, self.moves = problem, sites, moves
        self.program = Program(gap=1e-4)
        start = np.zeros(len(moves)) if at is None else at
        self.weighed: dict[int, tuple[Ints, Floats]] = {}
        self.last: tuple[Floats, list[Callable[[Term], Values]]] | None = None
        self.best = self.base = self.point(np.zeros(len(moves)))
        dearest = float(np.max((moves.cost * moves.upper)[moves.trading], initial=0.0))
        scale = max(abs(self.base.objective), 1e-3 * dearest, 1e-6)
        self.money = 10.0 ** round(np.log10(scale) - 3.0)
        self.trade = self.program.columns(np.zeros(len(moves)), moves.upper, cost=moves.cost / self.money)
        self.named: dict[str, tuple[str, Ints]] = {}
        self.row_unit: dict[str, float] = {}
        self.limits: dict[str, tuple[Ints, Bound]] = {}
        self.covered: dict[str, tuple[Ints, float, int]] = {}
        self.required: list[int] = []
        self.lowerings: list[Lowering] = []
        for n, (site, there) in enumerate(zip(sites, self.at(start), strict=True)):
            low = Lowering(self.program, site.leaves, site.ranges(moves), mode=mode, at=there)
            self.lowerings.append(low)
            self._ask(n, site, low)
        for limit in problem.limits:
            self._limit(limit)
        self._shared()
        first_tangents(self)
        self.bound, self.status, self.rounds, self.nodes, self.answer = -np.inf, "", 0, 0, Answer("", None, 0.0, 0.0)

    # ---- rows
    def _ask(self, n: int, site: Site, low: Lowering) -> None:
        rows = np.arange(len(site.accounts))
        loss = low.lower(site.side, rows, 1).scaled(site.usd)
        total = loss.sums(np.zeros(len(rows), np.int64), 1)
        needed = float(self.base.requirements[n])
        unit = 10.0 ** round(np.log10(max(abs(needed), 1.0)) - 3.0)
        cap = np.array([site.ask.cap / unit])
        column = self.program.columns(np.array([-np.inf]), cap, cost=np.array([site.ask.rate * unit / self.money]))
        self.required.append(int(column[0]))
        gap = Affine.columns(column) + total.scaled(1.0 / unit)
        self.program.rows(gap, np.zeros(1), np.array([np.inf]))
        if np.isfinite(site.ask.cap):
            name = f"cap on {site.ask.account} under {site.ask.rulebook.rule.name}"
            self.named[name] = "column", column
        if site.ask.solvent:
            left = (low.lower(site.equity, rows, 1).scaled(site.usd) + loss).scaled(1.0 / unit)
            kept = self.program.rows(left, np.zeros(len(rows)), np.full(len(rows), np.inf))
            name = site.ask.cover
            self.named[name] = "row", kept
            self.covered[name] = kept, unit, n

    def _limit(self, limit: Bound) -> None:
        rows, self.row_unit[limit.name] = written(self, limit)
        self.named[limit.name] = "row", rows
        self.limits[limit.name] = (rows, limit)

    def _shared(self) -> None:
        """What one stock of an asset can be posted to at once."""
        for source in sorted({p.source for p in self.problem.postings if p.source}):
            mine = [k for k, p in enumerate(self.problem.postings) if p.source == source]
            cols = self.moves.postings[mine]
            col = np.concatenate([cols[:, 0], cols[:, 1]])
            weight = np.concatenate([np.ones(len(mine)), -np.ones(len(mine))])
            row = Affine(np.zeros(len(col), np.int64), col, weight, np.zeros(1))
            held = self.problem.held.get(source, 0.0)
            kept = self.program.rows(row, np.array([-np.inf]), np.array([held]))
            self.named[f"{source} at hand"] = "row", kept

    # ---- points
    def at(self, z: Floats) -> list[Callable[[Term], Values]]:
        """Return the tapes at a point; the last one is remembered, since whoever margins it asks what it violates."""
        if self.last is None or not np.array_equal(self.last[0], z):
            self.last = z.copy(), [site.values(z) for site in self.sites]
        return self.last[1]

    def point(self, z: Floats) -> Point:
        """Return a point re-margined by the tapes, its impact as it will be."""
        z = self.moves.paid(z)
        values = self.at(z)
        needed = np.array([s.requirement(v) for s, v in zip(self.sites, values, strict=True)])
        cost = float(self.moves.cost @ z)
        rates = np.array([s.ask.rate for s in self.sites])
        ok = all(
            need <= s.ask.cap * (1 + FEASIBLE)
            and (not s.ask.solvent or bool((s.shortfall(v) <= FEASIBLE * max(1.0, need)).all()))
            for s, v, need in zip(self.sites, values, needed, strict=True)
        )
        return Point(z, float(rates @ needed) + cost, needed, cost, ok and self._kept(z))

    def change(self, limit: Bound, z: Floats) -> float:
        """Return what a point does to a limit: the change, or what there is after it."""
        return value(self, limit, z)

    def home(self, account: str) -> Site:
        """Return an account as it stands today."""
        return next(s for s in self.sites if s.ask.account == account and s.ask.moved is None)

    def _kept(self, z: Floats) -> bool:
        return all(kept(self, limit, z, FEASIBLE) for limit in self.problem.limits)

    def offer(self, z: Floats) -> Point:
        """Re-margin a point and keep it if it is the best so far."""
        found = self.point(z)
        if found.feasible and (not self.best.feasible or found.objective < self.best.objective):
            self.best = found
        return found

    def conflict(self, seconds: Callable[[], float], stop: Stop | None) -> list[str]:
        """Return a smallest set of named bounds that contradict each other: each is let go of where it may be."""
        kept = []
        for name, (kind, which) in self.named.items():
            freed = self.program.release(kind, which)
            if self.program.solve(seconds=max(seconds(), 0.05), stop=stop).z is not None:
                kept.append(name)
                freed()
            if stop is not None and stop():
                break
        return kept

    # ---- solving
    def solve(
        self,
        *,
        seconds: Callable[[], float] = lambda: np.inf,
        stop: Stop | None = None,
        progress: Progress | None = None,
        rounds: int = 2000,
    ) -> Programme:
        """Solve, separate, re-margin; ``seconds``: what is left of the time."""
        told = None if progress is None else (lambda best, bound: progress(best * self.money, bound * self.money))
        self.bound = -np.inf
        for _ in range(rounds):
            self.answer = self.program.solve(seconds=max(seconds(), 0.05), stop=stop, progress=told)
            self.rounds, self.status, self.nodes = self.rounds + 1, self.answer.status, self.nodes + self.answer.nodes
            self.bound = max(self.bound, self.answer.bound * self.money)  # missing rows only relax
            if self.answer.z is None:
                break
            z = whole(self.answer.z, self.program.integer)
            mine = np.clip(z[: len(self.moves)], 0.0, self.moves.upper)
            self.offer(mine)
            if not self.separate(mine, z):
                break
            if (stop is not None and stop()) or seconds() <= 0:
                self.status = "stopped"
                break
        return self

    # ---- which moves are allowed
    def only(self, candidates: Ints) -> Programme:
        """Allow trades in some candidates alone; postings and transfers stay."""
        keep = np.zeros(len(self.moves.buys), np.bool_)
        keep[candidates] = True
        cols = self.moves.trading
        upper = np.where(np.concatenate([keep, keep]), self.moves.upper[cols], 0.0)
        self.program.bounds(cols, np.zeros(len(cols)), upper)
        return self

    def traded(self, z: Floats, eps: float = 1e-6) -> Ints:
        """Return the candidates that a point trades, by more than ``eps`` lots."""
        return np.flatnonzero(np.maximum(z[self.moves.buys], z[self.moves.sells]) > eps)

    def separate(self, mine: Floats, z: Floats) -> int:
        """Add the rows that a point violates and return how many."""
        values = self.at(mine)
        new = sum(low.separate(v, z) for low, v in zip(self.lowerings, values, strict=True))
        return new + separate(self, mine)

    @property
    def wrong(self) -> int:
        """How many elements were wanted from the side on which they are not linear."""
        return sum(low.wrong for low in self.lowerings)

    @property
    def binaries(self) -> Ints:
        """The columns that choose one of several pieces."""
        parts = [y for low in self.lowerings for y in low.binaries]
        return np.concatenate(parts) if parts else np.empty(0, np.int64)
