"""Liquidation prices in closed form, as venues state them for one linear position.

``side``: +1 long, -1 short; ``quantity``: coins, positive; prices and money in the quote currency; rates as fractions.
Each is the price at which margin plus pnl equals maintenance; 0 or less means that no price liquidates the position.
Sources: the venues' help pages, with the worked examples of Binance and prices that Hyperliquid reported.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Tiered:
    """A position in a maintenance tier: requirement ``quantity * price * rate - amount``."""

    side: int
    quantity: float
    entry: float
    rate: float
    amount: float = 0.0

    def maintenance(self, mark: float) -> float:
        """Return what the position asks at a mark."""
        return self.quantity * mark * self.rate - self.amount

    def pnl(self, mark: float) -> float:
        """Return its unrealised pnl at a mark."""
        return self.side * self.quantity * (mark - self.entry)


def binance_isolated(position: Tiered, margin: float) -> float:
    """Return ``(margin + amount - side quantity entry) / (quantity rate - side quantity)``.

    ``amount`` is the tier's maintenance amount, which makes the requirement continuous across tiers.
    """
    p = position
    signed = p.side * p.quantity
    return (margin + p.amount - signed * p.entry) / (p.quantity * p.rate - signed)


def binance_cross(position: Tiered, wallet: float, others: Iterable[tuple[Tiered, float]]) -> float:
    """Return the price of one position in a cross wallet, the others staying at their marks.

    ``binance_isolated`` with ``margin = wallet + sum(pnl - maintenance)`` over the others, each given with its mark.
    """
    free = wallet + sum(p.pnl(mark) - p.maintenance(mark) for p, mark in others)
    return binance_isolated(position, free)


def rate_and_taker(side: int, entry: float, quantity: float, margin: float, *, rate: float, taker: float) -> float:
    """Return ``(entry - side margin / quantity) / (1 - side (rate + taker))``: Gate and OKX, isolated.

    ``taker``: the fee for closing, counted at the liquidation price.
    """
    return (entry - side * margin / quantity) / (1.0 - side * (rate + taker))


def bybit_isolated(side: int, entry: float, *, leverage: float, rate: float) -> float:
    """Return ``entry (1 - side / leverage + side rate)``: maintenance is counted at the entry price."""
    return entry * (1.0 - side / leverage + side * rate)


def hyperliquid(
    side: int, entry: float, quantity: float, margin: float, *, max_leverage: float, others: float = 0.0
) -> float:
    """Return ``entry - side (margin - others - entry quantity l) / quantity / (1 - side l)``.

    ``l = 1 / (2 max_leverage)``: maintenance is half the initial margin at the market's most leverage. Isolated:
    ``margin`` is the position's own; cross: account value at entry, ``others`` the maintenance of the other positions.
    """
    rate = 1.0 / (2.0 * max_leverage)
    return entry - side * (margin - others - entry * quantity * rate) / quantity / (1.0 - side * rate)
