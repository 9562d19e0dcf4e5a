"""What a margin call answers: positive requirements, equity, and the tape they came from."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Literal

from loadline.foundation.errors import Unavailable
from loadline.foundation.table import content_hash
from loadline.foundation.units import Amount
from loadline.model.book import Book
from loadline.model.cube import Cube
from loadline.rulebooks.parameters import Version
from loadline.rulebooks.rulebook import Requirement
from loadline.tape.explain import Row, explain
from loadline.tape.pull import account_leaf, pull

Side = Literal["initial", "maintenance"]


class Status(StrEnum):
    """Where an account stands.

    >>> Status("below_initial").name
    'BELOW_INITIAL'
    """

    OK = "ok"
    BELOW_INITIAL = "below_initial"
    BELOW_MAINTENANCE = "below_maintenance"


@dataclass(frozen=True, slots=True)
class Tape:
    """The evaluation a result was read from: rule outputs, book, cube, and the account's row in them."""

    requirement: Requirement
    book: Book
    cube: Cube
    row: int


@dataclass(frozen=True, slots=True)
class Share:
    """One line of an attribution: ``amount`` (requirement-signed) that a position or a named constant asks for."""

    label: str
    amount: float
    quantity: float = 0.0
    gradient: float = 0.0


@dataclass(frozen=True)
class MarginResult:
    """The margin of one account under one rulebook version; amounts in ``currency``, requirements positive.

    ``usd`` is the USD price of one unit of ``currency``. ``as_of``: epoch ms. ``explain`` and ``attribution`` say why
    and who; ``requirement`` gives an amount with its currency.

    >>> from loadline.engine.engine import margin
    >>> from loadline.io.sample import sample
    >>> portfolio, market = sample()
    >>> result = margin(portfolio.only(["strangle"]), market, "derive")
    >>> result.excess == result.equity - result.initial
    True
    >>> result.explain("initial")[0].label, result.requirement("maintenance").ccy
    ('initial', 'USDC')
    """

    account: str
    rulebook: str
    version: str
    as_of: int
    currency: str
    usd: float
    equity: float
    initial: float
    maintenance: float
    notes: tuple[str, ...]
    parameters: Version
    tape: Tape = field(repr=False)

    @property
    def excess(self) -> float:
        """Equity less initial requirement."""
        return self.equity - self.initial

    @property
    def maintenance_excess(self) -> float:
        """Equity less maintenance requirement: below 0 the account may be liquidated."""
        return self.equity - self.maintenance

    @property
    def ratio(self) -> float | None:
        """Maintenance requirement over equity; ``None`` where equity is not positive but something is required."""
        if self.equity <= 0:
            return None if self.maintenance > 0 else 0.0
        return self.maintenance / self.equity

    @property
    def status(self) -> Status:
        """Where the account stands: a requirement may be met exactly."""
        if self.maintenance_excess < 0:
            return Status.BELOW_MAINTENANCE
        return Status.BELOW_INITIAL if self.excess < 0 else Status.OK

    @property
    def identity(self) -> str:
        """The content hash of the numbers answered and what they were answered from."""
        numbers = (self.equity, self.initial, self.maintenance)
        return content_hash(self.account, self.version, self.parameters.identity, self.as_of, self.currency, numbers)

    def requirement(self, side: Side = "initial") -> Amount:
        """Return a requirement with its currency."""
        return Amount(self.initial if side == "initial" else self.maintenance, self.currency)

    def explain(self, side: Side | Literal["equity"] = "initial") -> list[Row]:
        """Return the rows of a requirement (requirement-signed: a loss adds) or of equity (as it is), in pre-order.

        At every row the children's ``factor * value`` sum to its value.
        """
        root = getattr(self.tape.requirement, side)
        return explain(root, self.tape.row, sign=1.0 if side == "equity" else -1.0, label=side)

    def attribution(self, side: Side = "initial") -> list[Share]:
        """Return each position's exact share of a requirement and its gradient per contract; the shares re-add.

        Every position held has a line, with 0 where it asks for nothing; named constants (a dampener) and rounding
        stand as lines of their own.
        """
        root, frame, row = getattr(self.tape.requirement, side), self.tape.book.frame, self.tape.row
        quantity = frame.columns["position", "quantity"]
        shares: dict[str, Share] = {}
        for group in (frame.owner_of["position"] == row).nonzero()[0].tolist():
            label = frame.label("position", group)
            old = shares.get(label, Share(label, 0.0))
            shares[label] = Share(label, 0.0, old.quantity + float(quantity[group]))
        orders = frame.columns["position", "order"]
        slope = {leaf.name: -leaf.weight for leaf in pull(root, "marginal")}
        for leaf in pull(root, "average"):
            lines = account_leaf(leaf, frame, row)
            mine = (frame.owner_of[leaf.level] == row).nonzero()[0]
            for (label, amount), group in zip(lines, mine.tolist(), strict=True):
                old = shares.get(label, Share(label, 0.0))
                steep = old.gradient
                if leaf.name in slope and leaf.name == "quantity" and not orders[group]:  # an order has its own slope
                    steep = float(slope[leaf.name][group])
                shares[label] = Share(label, old.amount - amount, old.quantity, steep)
        return [s for s in shares.values() if s.amount or s.quantity]

    def as_json(self, *, explained: bool = False) -> dict[str, Any]:
        """Return the result as plain data without NaN."""
        out: dict[str, Any] = {
            "account": self.account,
            "rulebook": self.rulebook,
            "version": self.version,
            "currency": self.currency,
            "usd": self.usd,
            "equity": self.equity,
            "initial": self.initial,
            "maintenance": self.maintenance,
            "excess": self.excess,
            "maintenance_excess": self.maintenance_excess,
            "ratio": self.ratio,
            "status": self.status.value,
            "notes": list(self.notes),
        }
        if explained:
            rows = [r for side in ("initial", "maintenance") for r in self.explain(side)]
            out["explain"] = [row_as_json(r) for r in rows]
        return out


def row_as_json(row: Row) -> dict[str, Any]:
    """Return one explain row as plain data."""
    return {
        "path": "/".join(row.path),
        "label": row.label,
        "factor": row.factor,
        "value": row.value if math.isfinite(row.value) else None,
        "note": row.note,
    }


def unavailable_as_json(answer: Unavailable) -> dict[str, Any]:
    """Return the non-answer as plain data."""
    return {
        "account": answer.account,
        "rulebook": answer.rulebook,
        "status": answer.status,
        "reason": answer.reason.value,
        "missing": list(answer.missing),
        "remedy": answer.remedy,
    }
