"""The lowered problem: solve, let the tapes say which scenarios are missing, until model and tapes agree."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from loadline.foundation.table import Floats, Ints
from loadline.optimize.moves import Moves
from loadline.optimize.problem import Limit, Problem
from loadline.optimize.site import QUANTITY, Site
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
        self.best = self.base = self.point(np.zeros(len(moves)))
        scale = max(abs(self.base.objective), float(np.max(moves.cost * moves.upper, initial=0.0)) * 1e-3, 1e-6)
        self.money = 10.0 ** round(np.log10(scale) - 3.0)
        self.trade = self.program.columns(np.zeros(len(moves)), moves.upper, cost=moves.cost / self.money)
        self.named: dict[str, tuple[str, Ints]] = {}
        self.row_unit: dict[str, float] = {}
        self.limits: dict[str, tuple[Ints, Limit]] = {}
        self.covered: dict[str, tuple[Ints, float, int]] = {}
        self.required: list[int] = []
        self.lowerings: list[Lowering] = []
        for n, site in enumerate(sites):
            value = site.values(start)
            low = Lowering(self.program, {QUANTITY: site.quantity}, site.ranges(moves), mode=mode, at=value)
            self.lowerings.append(low)
            self._ask(n, site, low)
        for limit in problem.limits:
            self._limit(limit)
        self._shared()
        self.bound, self.status, self.rounds, self.nodes, self.answer = -np.inf, "", 0, 0, Answer("", None, 0.0, 0.0)

    # ---- rows
    def _ask(self, n: int, site: Site, low: Lowering) -> None:
        rows = np.arange(len(site.accounts))
        loss = low.lower(site.side, rows, 1).scaled(site.usd)
        total = loss.sums(np.zeros(len(rows), np.int64), 1)
        unit = 10.0 ** round(np.log10(max(abs(site.requirement(site.values(np.zeros(len(self.moves))))), 1.0)) - 3.0)
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
            name = f"{site.ask.side} requirement of {site.ask.account} covered"
            self.named[name] = "row", kept
            self.covered[name] = kept, unit, n

    def _limit(self, limit: Limit) -> None:
        rows = self._gross(limit) if limit.gross else self._net(limit)
        self.named[limit.name] = "row", rows
        self.limits[limit.name] = (rows, limit)

    def _net(self, limit: Limit) -> Ints:
        col, weight = self._weights(limit)
        unit = _unit(weight)
        self.row_unit[limit.name] = unit
        row = Affine(np.zeros(len(col), np.int64), col, weight / unit, np.zeros(1))
        return self.program.rows(row, np.array([limit.low / unit]), np.array([limit.high / unit]))

    def _weights(self, limit: Limit) -> tuple[Ints, Floats]:
        c, m = self.problem.candidates, self.moves
        each = np.array([limit.weights.get(i, 0.0) for i in c.instrument.tolist()]) * c.lot
        each = np.where((c.account == limit.account) | (limit.account == ""), each, 0.0)
        cols, weights = [m.buys, m.sells], [each, -each]
        for column, _, _, name in m.transfers:
            if limit.account:
                mine = [e.quantity for e in m.effects if e.column == column and e.account == limit.account]
                cols.append(np.array([column]))
                weights.append(np.array([limit.weights.get(name, 0.0) * sum(mine)]))
        return np.concatenate(cols), np.concatenate(weights)

    def _gross(self, limit: Limit) -> Ints:
        """``sum |w| |q| <= high``: a column at least either sign of each position."""
        parts = []
        for site in {s.ask.account: s for s in self.sites}.values():
            if limit.account in ("", site.ask.account):
                ids = site.universe.instruments.id[site.frame.item].tolist()
                w = np.array([abs(limit.weights.get(i, 0.0)) for i in ids])
                rows = np.flatnonzero(w)
                held = site.quantity.take(rows).scaled(w[rows])
                size = self.program.columns(np.zeros(len(rows)), np.full(len(rows), np.inf))
                unit = _unit(held.weight)
                for sign in (1.0, -1.0):
                    gap = Affine.columns(size) - held.scaled(sign / unit)
                    self.program.rows(gap, np.zeros(len(rows)), np.full(len(rows), np.inf))
                parts.append(Affine.columns(size, unit))
        total = Affine.joined(parts)
        row = total.sums(np.zeros(len(total), np.int64), 1)
        unit = self.row_unit[limit.name] = max(limit.high, 1e-9)
        return self.program.rows(row.scaled(1.0 / unit), np.array([-np.inf]), np.ones(1))

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
    def point(self, z: Floats) -> Point:
        """Return a point re-margined by the tapes."""
        values = [site.values(z) for site in self.sites]
        needed = np.array([s.requirement(v) for s, v in zip(self.sites, values, strict=True)])
        cost = float(self.moves.cost @ z)
        rates = np.array([s.ask.rate for s in self.sites])
        ok = all(
            need <= s.ask.cap * (1 + FEASIBLE)
            and (not s.ask.solvent or bool((s.shortfall(v) <= FEASIBLE * max(1.0, need)).all()))
            for s, v, need in zip(self.sites, values, needed, strict=True)
        )
        return Point(z, float(rates @ needed) + cost, needed, cost, ok and self._kept(z))

    def change(self, limit: Limit, z: Floats) -> float:
        """Return what a point does to a limit: the change, or the gross that there is after it."""
        if limit.gross:
            return self._gross_of(limit, z)
        col, weight = self._weights(limit)
        return float(weight @ z[col])

    def _gross_of(self, limit: Limit, z: Floats) -> float:
        total = 0.0
        for site in {s.ask.account: s for s in self.sites}.values():
            if limit.account in ("", site.ask.account):
                ids = site.universe.instruments.id[site.frame.item].tolist()
                w = np.array([abs(limit.weights.get(i, 0.0)) for i in ids])
                total += float(w @ np.abs(site.quantity.values(z)))
        return total

    def _kept(self, z: Floats) -> bool:
        for limit in self.problem.limits:
            ends = [abs(x) for x in (limit.low, limit.high) if np.isfinite(x)]
            room = FEASIBLE * max([*ends, 1e-3 * _unit(self._weights(limit)[1])])
            change = self.change(limit, z)
            if change > limit.high + room or (not limit.gross and change < limit.low - room):
                return False
        return True

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
        values: list[Callable[[Term], Values]] = [site.values(mine) for site in self.sites]
        return sum(low.separate(v, z) for low, v in zip(self.lowerings, values, strict=True))

    @property
    def wrong(self) -> int:
        """How many elements were wanted from the side on which they are not linear."""
        return sum(low.wrong for low in self.lowerings)

    @property
    def binaries(self) -> Ints:
        """The columns that choose one of several pieces."""
        parts = [y for low in self.lowerings for y in low.binaries]
        return np.concatenate(parts) if parts else np.empty(0, np.int64)


def _unit(weight: Floats) -> float:
    """A power of ten near the largest of some weights."""
    most = float(np.abs(weight).max(initial=0.0))
    return 10.0 ** round(np.log10(most)) if most > 0 else 1.0
