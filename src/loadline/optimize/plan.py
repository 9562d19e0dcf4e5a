"""What the optimizer answers: trades, what they bring and cost, how near the best they are, and what binds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

import numpy as np

from loadline.engine.result import MarginResult


class PlanStatus(StrEnum):
    """What may be said of a plan.

    ``optimal``: no better one exists, as far as numbers can say. ``within``: none is better by more than the gap.
    ``local``: it is better than today; how near the best is not certified, or only within a wide gap. ``stopped``: time
    was up; the gap, if any, is valid. ``infeasible``: limits contradict each other. ``refused``: the rule has no linear
    form.

    >>> PlanStatus("within").name
    'WITHIN'
    """

    OPTIMAL = "optimal"
    WITHIN = "within"
    LOCAL = "local"
    STOPPED = "stopped"
    INFEASIBLE = "infeasible"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Trade:
    """One trade: signed contracts at a price in the quote currency; ``cost`` USD against the mark, fee included.

    ``floored``: whether the quote was at or beyond the mark, so that half a tick was counted instead. ``impact``: USD
    of the cost that the trade moves the price against itself.
    """

    account: str
    instrument: str
    quantity: float
    lots: float
    price: float
    cost: float
    floored: bool
    impact: float = 0.0


@dataclass(frozen=True, slots=True)
class Transfer:
    """A position moved between two own accounts at mark: contracts as the receiving account sees them, cost in USD."""

    source: str
    to: str
    instrument: str
    quantity: float
    cost: float


@dataclass(frozen=True, slots=True)
class Posted:
    """Collateral moved: units of a currency into an account (negative: out of it), cost in USD over the horizon."""

    account: str
    currency: str
    amount: float
    cost: float


@dataclass(frozen=True, slots=True)
class Binding:
    """A bound and what it costs: ``shadow`` USD of objective per unit of the bound, over the horizon.

    ``change``: what the plan does to it; where ``before`` is given, what there is of it after the plan, and before.
    Shadow prices are those of the continuous problem.
    """

    name: str
    unit: str
    low: float
    high: float
    change: float
    shadow: float
    before: float | None = None


@dataclass(frozen=True, slots=True)
class Weight:
    """The share of a scenario in what binds: its dual over the sum of duals, 0..1, of one term of one account."""

    account: str
    rulebook: str
    term: str
    scenario: str
    share: float


@dataclass(frozen=True)
class Account:
    """One account under one rulebook before and after, by the rule run again from the start."""

    account: str
    rulebook: str
    rate: float
    before: tuple[MarginResult, ...]
    after: tuple[MarginResult, ...]

    def usd(self, when: Sequence[MarginResult], side: str = "initial") -> float:
        """Return a requirement over its wallets, USD."""
        return float(sum(getattr(r, side) * r.usd for r in when))


@dataclass(frozen=True)
class Plan:
    """A plan with its certificate. Amounts in USD; ``rates`` are over the horizon of ``days``.

    ``objective``: cost of capital of what is required after, plus cost, re-margined; ``start``: without any trade;
    ``bound``: no plan has a lower objective (-inf: nothing is certified). ``words`` say the status with its numbers,
    ``because`` what refuses or contradicts.
    """

    status: PlanStatus
    words: str
    because: tuple[str, ...]
    accounts: tuple[Account, ...]
    trades: tuple[Trade, ...]
    transfers: tuple[Transfer, ...]
    posted: tuple[Posted, ...]
    start: float
    objective: float
    bound: float
    cost: float
    days: float
    bindings: tuple[Binding, ...]
    weights: tuple[Weight, ...]
    notes: tuple[str, ...]
    candidates: int
    floored: int
    rounds: int
    nodes: int

    @property
    def saving(self) -> float:
        """USD of requirement that is freed, of each account under its own rulebook: not under one that only caps."""
        own = {a.account: a for a in reversed(self.accounts)}
        return sum(a.usd(a.before) - a.usd(a.after) for a in own.values())

    @property
    def capital_saved(self) -> float:
        """USD of cost of capital saved over the horizon, before the cost of getting there."""
        return sum(a.rate * (a.usd(a.before) - a.usd(a.after)) for a in self.accounts)

    @property
    def payback_days(self) -> float | None:
        """Days until the cost of capital saved has paid for the trades; None where it never does."""
        return self.cost / self.capital_saved * self.days if self.capital_saved > 0 else None

    @property
    def impact(self) -> float:
        """USD of the cost that trades move prices against themselves."""
        return sum(t.impact for t in self.trades)

    @property
    def gap(self) -> float | None:
        """The gap as a share of the objective; None where nothing is certified."""
        return _share(self.objective - self.bound, abs(self.objective))

    @property
    def gap_of_saving(self) -> float | None:
        """The gap as a share of what could be saved at most; None where nothing is certified or nothing can be."""
        return _share(self.objective - self.bound, self.start - self.bound)

    def as_json(self) -> dict[str, Any]:
        """Return the plan as plain data; what time it took is the caller's to say."""
        out: dict[str, Any] = {"status": self.status.value, "words": self.words, "because": list(self.because)}
        out["accounts"] = [
            {
                "account": a.account,
                "rulebook": a.rulebook,
                "rate": a.rate,
                "before": [_answer(r) for r in a.before],
                "after": [_answer(r) for r in a.after],
            }
            for a in self.accounts
        ]
        for name in ("trades", "transfers", "posted", "bindings", "weights"):
            out[name] = [_plain(asdict(row)) for row in getattr(self, name)]
        for name in ("start", "objective", "bound", "cost", "impact", "days"):
            out[name] = _number(getattr(self, name))
        for name in ("saving", "capital_saved", "payback_days"):
            out[name] = _number(getattr(self, name))
        out |= {"gap": self.gap, "gap_of_saving": self.gap_of_saving, "candidates": self.candidates}
        return out | {"floored": self.floored, "notes": list(self.notes)}


def _share(part: float, whole: float) -> float | None:
    if not np.isfinite(part):
        return None
    return max(part, 0.0) / whole if whole > 0 else (0.0 if part <= 0 else None)


def _answer(r: MarginResult) -> dict[str, Any]:
    plain = ("currency", "usd", "equity", "initial", "maintenance")
    return {name: getattr(r, name) for name in plain} | {"status": r.status.value}


def _number(x: float | None) -> float | None:
    return x if x is not None and np.isfinite(x) else None


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    return {k: _number(v) if isinstance(v, float) else v for k, v in row.items()}
