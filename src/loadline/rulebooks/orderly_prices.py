"""Orderly Network: margin rates that grow with notional, and the liquidation prices of its public SDK.

Amounts in USDC, quantities signed in coins, rates as fractions. Source: the venue's public SDK and its documented
formulas, re-expressed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

ROUNDS, CLOSE = 30, 1e-4
"""The search ends after so many halvings, or when its bracket is this narrow, relative to its middle."""


@dataclass(frozen=True, slots=True)
class Rates:
    """What a market asks: base rates, the factor on notional, its power."""

    maintenance: float
    initial: float
    factor: float
    power: float = 0.8

    def at(self, notional: float) -> float:
        """Return the maintenance rate of a notional: ``max(base, base / base initial * factor * |notional|^power)``.

        >>> Rates(0.05, 0.1, 2.512e-07).at(5197.2)
        0.05
        """
        growing = self.maintenance / self.initial * self.factor * abs(notional) ** self.power
        return max(self.maintenance, growing)


@dataclass(frozen=True, slots=True)
class Holding:
    """A position: signed coins, mark price in USDC, its maintenance rate now."""

    symbol: str
    quantity: float
    mark: float
    rate: float

    @property
    def maintenance(self) -> float:
        """What it asks now, USDC."""
        return abs(self.quantity) * self.mark * self.rate


def price_at_rate(collateral: float, other: float, quantity: float, mark: float, rate: float) -> float:
    """Return where collateral meets maintenance if the rate stays as it is, at least 0.

    ``mark + (collateral - |quantity| mark rate - other) / (|quantity| rate - quantity)``; ``other``: maintenance of the
    other positions.
    """
    size = abs(quantity)
    return max(mark + (collateral - size * mark * rate - other) / (size * rate - quantity), 0.0)


def liquidation_price(collateral: float, held: Holding, other: float, rates: Rates) -> float | None:
    """Return the cross liquidation price of a position whose rate moves with its notional; ``None`` without one.

    A bracket between the prices at two fixed rates is halved until it is narrow; the answer is the end on the safe
    side, as the venue displays it, not the exact root. ``collateral`` includes unsettled pnl at the mark.
    """
    if held.quantity == 0.0 or collateral == 0.0:
        return None

    def enough(price: float) -> bool:
        worth = collateral + held.quantity * (price - held.mark)
        return worth >= abs(held.quantity) * price * rates.at(held.quantity * price) + other

    def at(rate: float) -> float:
        return price_at_rate(collateral, other, held.quantity, held.mark, rate)

    if held.quantity > 0:
        return _searched(at(rates.maintenance), at(held.rate), enough, rising=True)
    high = at(held.rate)
    return _searched(at(max(rates.initial, rates.at(held.quantity * high))), high, enough, rising=False)


def _searched(low: float, high: float, enough: Callable[[float], bool], *, rising: bool) -> float:
    """Halve (low, high); ``rising``: collateral suffices above the answer, so its upper end is the safe one."""
    for _ in range(ROUNDS):
        if low >= high:
            break
        middle = (low + high) / 2.0
        if enough(middle) == rising:
            high = middle
        else:
            low = middle
        if (high - low) / (low + high) * 2.0 <= CLOSE:
            break
    return high if rising else low


def price_after_order(
    collateral: float, mark: float, held: Iterable[Holding], order: Holding, fee: float, rates: Rates
) -> float:
    """Return the liquidation price the venue shows for an order before it is sent; 0 where there is none.

    ``order``: signed coins at its price (``mark``); ``fee``: USDC. The venue's code raises the whole product
    ``base / base initial * factor * notional`` to the power, unlike its documentation: so does this.
    """
    positions = list(held)
    mine = next((p for p in positions if p.symbol == order.symbol), None)
    added = order.quantity * order.mark
    worth = [(p.quantity * p.mark + (added if p is mine else 0.0), p.rate) for p in positions]
    asked = sum(abs(notional) * rate for notional, rate in worth)
    if mine is None:
        asked += added * rates.maintenance
    after = added + (mine.quantity * mine.mark if mine else 0.0)
    growing = (rates.maintenance / rates.initial * rates.factor * abs(after)) ** rates.power
    quantity = order.quantity + (mine.quantity if mine else 0.0)
    slope = abs(quantity) * max(rates.maintenance, growing) - quantity
    if quantity == 0.0 or slope == 0.0:
        return 0.0
    base = mark if any(p.quantity > 0 for p in positions) else order.mark
    return max(0.0, base + (collateral - asked - fee) / slope)


def isolated_price_after_order(
    margin: float,
    cost: float,
    quantity: float,
    order: float,
    price: float,
    *,
    leverage: float,
    fee: float,
    rates: Rates,
) -> float | None:
    """Return the liquidation price of an isolated position after an order; ``None`` where there is none.

    ``margin``: USDC set aside, ``cost``: signed coins times entry, ``order``: signed coins at ``price``, ``fee``: a
    fraction of notional set aside with the margin. Equation: ``(margin' - cost') / (|quantity'| rate' - quantity')``;
    an order that opens or adds brings ``|order| price (1 / leverage + fee)``, one that reduces frees in proportion,
    one that flips starts anew.
    """
    after = quantity + order
    if after == 0.0:
        return None
    opens = abs(after) * price * (1.0 / leverage + fee)
    if order and quantity * order >= 0:
        margin, cost = margin + abs(order) * price * (1.0 / leverage + fee), cost + order * price
    elif order and after * quantity > 0:
        margin, cost = margin * after / quantity, cost + order * price
    elif order:
        margin, cost = opens, after * price
    slope = abs(after) * rates.at(after * price) - after
    found = (margin - cost) / slope if slope else 0.0
    return found if found > 0 else None


def leverage(collateral: float, held: Iterable[Holding], order: Holding) -> float | None:
    """Return the account's leverage after an order, to two decimals as displayed; ``None`` without collateral."""
    positions = list(held)
    added = order.quantity * order.mark
    known = any(p.symbol == order.symbol for p in positions)
    worth = [p.quantity * p.mark + (added if p.symbol == order.symbol else 0.0) for p in positions]
    total = sum(map(abs, worth)) + (0.0 if known else abs(added))
    return round(total / collateral, 2) if collateral > 0 and total else None
