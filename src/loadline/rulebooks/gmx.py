"""GMX v2: each position stands alone on its own collateral and is liquidated below a share of its size at entry.

The venue keeps one pot of collateral per position; a book with several positions is added up, so give each position an
account of its own to see what the venue sees. Sources in gmx.toml.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from loadline.model.book import Book
from loadline.model.cube import Cube
from loadline.rulebooks import blocks
from loadline.rulebooks.parameters import Version
from loadline.rulebooks.protocol import perpetuals_only
from loadline.rulebooks.rulebook import Requirement, Rulebook, no_scenarios, no_shock
from loadline.tape.term import Term, worst_of

DECIMALS, ENORMOUS = 6, 2.0**62
"""Of a size in USD; and a number of such units that no position reaches."""


@dataclass(frozen=True, slots=True)
class Position:
    """One position and its collateral: ``side`` +1 long, -1 short; ``size`` USD at entry; ``tokens`` of collateral.

    ``costs``: closing fees and negative price impact, USD.
    """

    side: int
    size: float
    entry: float
    tokens: float
    costs: float = 0.0

    def remaining(self, index: float, collateral: float) -> float:
        """Return what is left in USD: collateral at ``collateral`` USD each, plus pnl at ``index``, less costs.

        ``tokens * collateral + side * size * (index / entry - 1) - costs``
        """
        return self.tokens * collateral + self.side * (index - self.entry) * (self.size / self.entry) - self.costs

    def liquidatable(self, index: float, collateral: float, *, factor: float, least: float) -> bool:
        """Return whether what is left is 0 or less, below ``least`` USD, or below ``factor * size``."""
        left = self.remaining(index, collateral)
        return left <= 0.0 or left < least or left < factor * self.size

    def returned(self, index: float, collateral: float) -> float:
        """Return the tokens handed back when it is closed: what is left, at ``collateral`` USD each, at least 0."""
        return max(self.remaining(index, collateral), 0.0) / collateral

    def liquidation_price(self, collateral: float | None, *, factor: float, least: float) -> float:
        """Return the index price at which what is left equals the requirement; NaN where no price above 0 does.

        ``collateral``: USD per token where that does not move; ``None`` where the collateral is the index token.
        """
        asked = max(least, factor * self.size) + self.costs
        slope, fixed = self.side * self.size / self.entry, -self.side * self.size
        slope, fixed = (slope + self.tokens, fixed) if collateral is None else (slope, fixed + self.tokens * collateral)
        price = (asked - fixed) / slope if slope else float("nan")
        return price if price > 0.0 else float("nan")


def margin(book: Book, cube: Cube, p: Version) -> Requirement:
    """Return initial and maintenance requirement: position by position, on its size at entry."""
    u = book.universe
    keys, held = u.underlyings, perpetuals_only(book, "GMX")
    # 1. size at entry in USD: notional at the index, less the pnl since
    now = book.quantity * book.each(np.where(held, u.size * u.index, 0.0))
    entered = now - book.unsettled * book.each(np.where(held, u.fx, 0.0))
    size = (entered * 10.0**DECIMALS).rounded(0).size()
    # 2. a share of size, at least so many USD for a position of any size
    units = 10.0**-DECIMALS
    some = size.portion(1.0, ENORMOUS, away=True) * p.number("collateral.least")

    def side(name: str) -> Term:
        share = (size * (book.each(p.each(f"{name}.factor", keys)) * units)).named("share of size")
        asked = worst_of(share, some.named("least collateral")).net("account").named("collateral to keep")
        return asked + costs

    # 3. closing costs: fee and negative price impact, up to its cap
    rate = p.each("cost.fee", keys) + p.each("cost.impact", keys)
    costs = (size * book.each(rate * units)).net("account").named("closing costs")
    return Requirement(
        initial=side("initial").named("initial"),
        maintenance=side("maintenance").named("maintenance"),
        equity=blocks.carried_equity(book),
        parts={"size": size, "costs": costs},
    )


RULEBOOKS = {
    "gmx": Rulebook(
        name="gmx",
        title="GMX v2 isolated positions",
        status="exact",
        margin=margin,
        scenarios=no_scenarios,
        shock=no_shock,
        needs=("index",),
        currency="USD",
        cash=True,
        notes=(
            "open orders are not margined",
            "each position has collateral of its own at the venue: give each an account",
        ),
    )
}
