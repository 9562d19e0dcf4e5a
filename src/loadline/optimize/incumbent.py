"""A good plan of at most K trades before any proof: prune what the continuous optimum trades, then swap.

Each attempt is a linear program of a few candidates alone; who should come in is read off its prices.
"""

from __future__ import annotations

import numpy as np

from loadline.foundation.table import Bools, Floats, Ints
from loadline.optimize.budget import Budget
from loadline.optimize.part import Part
from loadline.optimize.programme import Programme
from loadline.optimize.solver import Answer
from loadline.optimize.switches import Switches

ROUGH = 6
"""Rounds of separation while instruments are only being chosen."""
OFFERED = 5
"""Candidates tried in the place of one."""
PATIENCE = 40
"""Rounds of separation of a plan in lots."""
SIZEABLE = 50.0
"""Lots that a reduced cost is believed for."""


def alone(programme: Programme, support: Ints) -> Bools:
    """Return (columns,) which columns are left if only some candidates may be traded."""
    moves = programme.moves
    keep = np.ones(programme.program.size, np.bool_)
    keep[moves.trading] = False
    keep[moves.buys[support]] = keep[moves.sells[support]] = True
    return keep


def started(programme: Programme, z: Floats, most: int | None, budget: Budget) -> Ints:
    """Return at most ``most`` candidates worth trading; ``z``: the continuous optimum, (columns,)."""
    support = programme.traded(z)
    if most is None:
        return support
    support = _pruned(programme, support, most, budget)
    return _swapped(programme, support[:most], most, budget)


def _pruned(programme: Programme, support: Ints, most: int, budget: Budget) -> Ints:
    """Make small trades dear and drop those that then shrink most, half of what is too many at a time."""
    moves, program = programme.moves, programme.program
    saving = max(1e-9, programme.base.objective - programme.bound) / programme.money
    while len(support) > most and not budget.over():
        part = Part(program, alone(programme, support))
        lots = np.maximum(_lots(programme, settled(programme, part, budget)), 1.0)[support]
        dear = np.concatenate([moves.buys[support], moves.sells[support]])
        more = np.tile(0.3 * saving / most / lots, 2)
        part.program.costs(part.at[dear], program.cost[dear] + more)
        kept = _lots(programme, settled(programme, part, budget))
        support = support[np.argsort(kept[support], kind="stable")[max(1, (len(support) - most) // 2) :]]
    return support


def settled(programme: Programme, part: Part, budget: Budget, rounds: int = ROUGH) -> Answer:
    """Solve a part and add what its solution violates, a few times."""
    answer = part.solve(seconds=budget.left(), stop=budget.over)
    for _ in range(rounds - 1):
        if answer.z is None or budget.over():
            break
        mine = np.clip(answer.z[: len(programme.moves)], 0.0, programme.moves.upper)
        if not programme.separate(mine, answer.z):
            break
        part.follow()
        answer = part.solve(seconds=budget.left(), stop=budget.over)
    return answer


def _lots(programme: Programme, answer: Answer) -> Floats:
    n = len(programme.moves.buys)
    if answer.z is None:
        return np.zeros(n)
    return np.asarray(np.maximum(answer.z[programme.moves.buys], answer.z[programme.moves.sells]))


def _swapped(programme: Programme, support: Ints, most: int, budget: Budget) -> Ints:
    """Put in whoever is dearest to be kept out, where that is better."""
    program, half = programme.program, 0.6 * budget.left()

    def of(some: list[int]) -> tuple[Part, Answer]:
        part = Part(program, alone(programme, np.array(some, np.int64)))
        return part, part.solve(seconds=budget.left(), stop=budget.over)

    def better(some: list[int], than: float) -> float | None:
        part, answer = of(some)
        if answer.objective < than - 1e-9 * max(1.0, abs(than)):
            answer = settled(programme, part, budget)
        return answer.objective if answer.objective < than - 1e-9 * max(1.0, abs(than)) else None

    chosen = support.tolist()
    part, _ = of(chosen)
    value = settled(programme, part, budget).objective
    while len(chosen) < min(most, len(programme.moves.buys)):  # room left: whoever helps most
        best = _wanted(programme, part, chosen)
        if not best or budget.over():
            break
        chosen.append(best[0])
        part, _ = of(chosen)
        value = settled(programme, part, budget).objective
    for out in 2 * chosen:
        if out not in chosen or budget.left() < half or budget.over():
            continue
        rest = [x for x in chosen if x != out]
        part, answer = of(rest)
        if answer.z is None:
            continue
        for c in _wanted(programme, part, chosen):
            found = better([*rest, c], value)
            if found is not None:
                chosen, value = [*rest, c], found
                break
    return np.array(chosen, np.int64)


def _wanted(programme: Programme, part: Part, without: list[int]) -> list[int]:
    """The few that the reduced costs of the last solve speak for most."""
    moves = programme.moves
    reduced, _ = part.prices()
    gain = np.minimum(*(reduced[c] * np.minimum(moves.upper[c], SIZEABLE) for c in (moves.buys, moves.sells)))
    gain[without] = 0.0
    return [c for c in np.argsort(gain, kind="stable")[:OFFERED].tolist() if gain[c] < 0]


class Lots:
    """Plans in whole lots, each the best on a few candidates alone; ``lots``: columns in whole numbers."""

    def __init__(self, programme: Programme, switches: Switches, lots: Ints, gap: float = 1e-5) -> None:
        self.programme, self.switches, self.lots, self.gap = programme, switches, lots, gap
        self.tried: set[tuple[int, ...]] = set()

    def rounded(self, z: Floats, cutoff: float, budget: Budget, choices: Ints) -> None:
        """Try the candidates that a point, (columns,), trades most of, as shares of what may be traded."""
        moves, most = self.programme.moves, self.programme.problem.most_trades
        traded = self.programme.traded(z)
        if most is not None and len(traded) > most:
            share = np.maximum(*(z[c] / np.maximum(moves.upper[c], 1.0) for c in (moves.buys, moves.sells)))
            traded = traded[np.argsort(-share[traded], kind="stable")[:most]]
        self.on(traded, cutoff, budget, choices)

    def take(self, z: Floats) -> Floats:
        """Offer a point, (columns,), and return it as it was offered: whole lots."""
        mine = np.clip(z[: len(self.programme.moves)], 0.0, self.programme.moves.upper)
        mine[self.lots] = np.round(mine[self.lots])
        self.programme.offer(mine)
        return mine

    def on(self, support: Ints, cutoff: float, budget: Budget, choices: Ints) -> None:
        """Offer the best plan on some candidates, (N,), if it can be below ``cutoff``, USD; none is tried twice."""
        key = tuple(sorted(support.tolist()))
        if key in self.tried or budget.over():
            return
        self.tried.add(key)
        s, left = self.switches, budget.left()
        keep = alone(self.programme, support)
        keep[s.cols] = np.where(s.of >= 0, keep[s.of], False).any(1)
        part = Part(self.programme.program, keep, gap=self.gap)
        budget = budget.within(max(0.5, 0.1 * left)) if np.isfinite(left) else budget
        first = part.solve(seconds=budget.left(), stop=budget.over)
        if first.z is None or first.objective * self.programme.money >= cutoff:
            return
        part.make_integer(np.concatenate([self.lots, s.cols, choices]).astype(np.int64))
        for _ in range(PATIENCE):
            z = part.solve(seconds=budget.left(), stop=budget.over).z
            if z is None or not self.taken(part, z) or budget.over():
                return

    def taken(self, part: Part, z: Floats) -> int:
        """Offer a point, (columns,), and return how many rows it violates that were missing in its part."""
        mine = self.take(z)
        found = self.programme.separate(mine, z)
        if found:
            part.follow()
        return found
