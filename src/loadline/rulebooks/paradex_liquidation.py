"""How Paradex liquidates: every position by one share, the smallest step that brings the ratio below a target.

Source: the venue's page on liquidations (2026-04 to 2026-08). It says a fee of 70 %; its own table is worked with 50 %.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Ladder:
    """When and how much is taken over by the insurance fund.

    ``trigger``, ``target``: maintenance / account value; ``step``: share of every position; ``fee``: share of the
    maintenance released, paid to the fund.
    """

    trigger: float = 1.0
    target: float = 0.9
    step: float = 0.2
    fee: float = 0.7


@dataclass(frozen=True, slots=True)
class Reduced:
    """An account after a share of every position is taken over: all in USDC, ``ratio`` maintenance / value."""

    share: float
    maintenance: float
    penalty: float
    value: float

    @property
    def ratio(self) -> float:
        """``maintenance / value``; infinite where nothing is left."""
        return self.maintenance / self.value if self.value > 0 else float("inf")


def reduced(value: float, maintenance: float, share: float, fee: float) -> Reduced:
    """Return what a reduction leaves; ``share``: of every position; ``fee``: of the maintenance released.

    >>> step = reduced(80.0, 88.8, 0.4, 0.5)
    >>> round(step.penalty, 2), round(step.value, 2), round(step.ratio, 3)
    (17.76, 62.24, 0.856)
    """
    penalty = share * fee * maintenance
    return Reduced(share, maintenance * (1.0 - share), penalty, value - penalty)


def liquidation(value: float, maintenance: float, ladder: Ladder) -> Reduced | None:
    """Return the reduction an account value and a maintenance requirement lead to, or ``None`` where it is healthy.

    The smallest multiple of the step after which the ratio is below the target; all where no smaller share is enough.

    >>> liquidation(80.0, 88.8, Ladder(fee=0.5)).share, liquidation(80.0, 88.8, Ladder()).share
    (0.4, 0.6)
    """
    if maintenance <= ladder.trigger * value:
        return None
    found, n = reduced(value, maintenance, 0.0, ladder.fee), 0
    while found.share < 1.0 and not found.ratio < ladder.target:
        n += 1
        found = reduced(value, maintenance, min(n / round(1.0 / ladder.step), 1.0), ladder.fee)
    return found
