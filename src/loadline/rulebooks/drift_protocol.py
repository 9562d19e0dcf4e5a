"""Drift v2 in the protocol's own integers: weights that move with size, an account's margin.

Quote amounts and prices at 6 decimals, perpetual sizes at 9, weights and margin ratios at 4, size factors at 6; a
division cuts towards zero unless said otherwise. Source: the public program (Apache-2.0), math/margin and
state/*, re-expressed; its liquidation formulas are drift_liquidation.py.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from loadline.rulebooks.protocol import ceil_div, cut_div, root_of_size

WEIGHT, PRICE, BASE = 10**4, 10**6, 10**9
ORDER = 10_000
"""What every open order asks, quote."""
MOST_PNL = 100 * PRICE
"""The most unrealised profit of one position that counts for initial, quote."""


class Side(Enum):
    """Which margin: a fill looks at the mean of the two others."""

    INITIAL = "Initial"
    FILL = "Fill"
    MAINTENANCE = "Maintenance"

    def of(self, initial: int, maintenance: int) -> int:
        """Return the value that this side looks at."""
        if self is Side.FILL:
            return (initial + maintenance) // 2
        return initial if self is Side.INITIAL else maintenance


def premium(size: int, factor: int, weight: int) -> int:
    """Return a liability weight or margin ratio raised with size: ``max(w, w - w/5 + root(size) factor)``."""
    if factor == 0:
        return weight
    return max(weight, weight - weight // 5 + root_of_size(size) * factor // (100_000 * PRICE // WEIGHT))


def discount(size: int, factor: int, weight: int) -> int:
    """Return an asset weight lowered with size: ``min(w, 1.1 / (1 + root(size) factor))``."""
    if factor == 0:
        return weight
    shrunk = (PRICE + PRICE // 10) * WEIGHT // (PRICE + root_of_size(size) * factor // 100_000)
    return min(weight, shrunk)


def scaled_by_deposits(weight: int, deposits: int, start: int) -> int:
    """Return an initial asset weight shrunk once all deposits together are worth more than ``start`` (quote)."""
    return weight if start == 0 or deposits < start else weight * start // deposits


@dataclass(frozen=True, slots=True)
class Spot:
    """A token: its price, weights, and interest since the start (10 decimals); ``deposits`` worth in quote.

    ``low``, ``high``: the worse price for what is owned and for what is owed; both the oracle's unless strict.
    """

    decimals: int
    price: int
    low: int
    high: int
    initial_asset: int = WEIGHT
    maintenance_asset: int = WEIGHT
    initial_liability: int = WEIGHT
    maintenance_liability: int = WEIGHT
    factor: int = 0
    scale_start: int = 0
    deposits: int = 0
    quote: bool = False

    def at_nine(self, tokens: int) -> int:
        """Return an amount of tokens at 9 decimals."""
        return tokens * BASE // 10**self.decimals if self.decimals <= 9 else tokens // 10 ** (self.decimals - 9)

    def asset_weight(self, tokens: int, side: Side) -> int:
        """Return the weight of an amount that is owned."""
        initial = scaled_by_deposits(self.initial_asset, self.deposits, self.scale_start)
        return discount(self.at_nine(tokens), self.factor, side.of(initial, self.maintenance_asset))

    def liability_weight(self, tokens: int, side: Side) -> int:
        """Return the weight of an amount that is owed."""
        weight = side.of(self.initial_liability, self.maintenance_liability)
        return premium(self.at_nine(tokens), self.factor, weight)

    def value(self, tokens: int) -> int:
        """Return what signed tokens are worth at the worse price, rounded down."""
        return tokens * (self.low if tokens > 0 else self.high) // 10**self.decimals

    def weighted(self, tokens: int, value: int, side: Side, custom: int) -> int:
        """Return a value with its weight; ``custom``: the least margin ratio an account allows itself."""
        if value > 0:
            weight = self.asset_weight(abs(tokens), side)
            return value * (min(weight, max(WEIGHT - custom, 0)) if custom else weight) // WEIGHT
        weight = self.liability_weight(abs(tokens), side)
        return cut_div(value * (max(weight, WEIGHT + custom) if custom else weight), WEIGHT)


@dataclass(frozen=True, slots=True)
class SpotPosition:
    """Signed tokens, what open bids and asks would add (asks negative), and how many orders there are."""

    market: Spot
    tokens: int
    bids: int = 0
    asks: int = 0
    orders: int = 0


def token_amount(balance: int, interest: int, decimals: int, *, borrowed: bool) -> int:
    """Return the signed tokens of a scaled balance; what is owed is rounded up."""
    product, whole = balance * interest, 10 ** (19 - decimals)
    return -ceil_div(product, whole) if borrowed else product // whole


@dataclass(frozen=True, slots=True)
class Perpetual:
    """A perpetual market; ``quote_low``, ``quote_high``: the worse price of the quote token for profits, and else."""

    price: int
    initial: int
    maintenance: int
    factor: int = 0
    pnl_initial: int = 0
    pnl_maintenance: int = 0
    pnl_factor: int = 0
    quote_low: int = PRICE
    quote_high: int = PRICE
    settling: bool = False

    def ratio(self, size: int, side: Side) -> int:
        """Return the margin ratio of a size."""
        return premium(size, self.factor, side.of(self.initial, self.maintenance))

    def pnl_weight(self, pnl: int, side: Side) -> int:
        """Return the weight of unrealised pnl: a loss counts whole, a profit less the larger it is."""
        if pnl <= 0:
            return WEIGHT
        if side is Side.MAINTENANCE:
            return self.pnl_maintenance
        return discount(pnl * (BASE // PRICE), self.pnl_factor, self.pnl_initial)

    def weighted_pnl(self, pnl: int, side: Side) -> int:
        """Return the pnl that counts as collateral."""
        price = self.quote_low if pnl > 0 else self.quote_high
        counted = cut_div(cut_div(pnl * self.pnl_weight(pnl, side), WEIGHT) * price, PRICE)
        return min(counted, MOST_PNL) if side is Side.INITIAL else counted


@dataclass(frozen=True, slots=True)
class PerpetualPosition:
    """Signed base, quote paid or received so far, orders as in ``SpotPosition``; ``custom``: its own least ratio."""

    market: Perpetual
    base: int
    quote: int
    bids: int = 0
    asks: int = 0
    orders: int = 0
    custom: int = 0

    @property
    def worst(self) -> int:
        """The base after all bids or all asks fill, whichever is the larger position; asks on a tie."""
        bought, sold = self.base + self.bids, self.base + self.asks
        return sold if abs(sold) * self.market.price // BASE >= abs(bought) * self.market.price // BASE else bought

    @property
    def pnl(self) -> int:
        """Unrealised pnl: base at the oracle price plus quote."""
        return cut_div(self.base * self.market.price, BASE) + self.quote


@dataclass(slots=True)
class Margin:
    """What an account asks and has, quote; ``buffer``: what a liquidation wants beyond (a loss counts more)."""

    requirement: int = 0
    collateral: int = 0
    buffer: int = 0


def account_margin(
    spots: Iterable[SpotPosition],
    perpetuals: Iterable[PerpetualPosition],
    side: Side,
    *,
    custom: int = 0,
    buffer: int = 0,
) -> Margin:
    """Return requirement and collateral of an account; ``custom``: its least ratio (initial only), ``buffer``: 1e-4."""
    custom = custom if side is Side.INITIAL else 0
    m = Margin()
    for s in spots:
        _add_spot(m, s, side, custom)
    for p in perpetuals:
        market = p.market
        value = abs(p.worst) * market.price // BASE * market.quote_high // PRICE
        own = max(custom, p.custom) if side is Side.INITIAL else 0
        ratio = 0 if market.settling else max(own, market.ratio(abs(p.worst), side))
        m.requirement += value * ratio // WEIGHT + p.orders * ORDER
        counted = market.weighted_pnl(p.pnl, side)
        m.collateral += counted
        m.buffer += cut_div(min(counted, 0) * buffer, WEIGHT)
    return m


def _add_spot(m: Margin, s: SpotPosition, side: Side, custom: int) -> None:
    token, value = s.market, s.market.value(s.tokens)
    if token.quote:
        m.collateral += max(value, 0)
        m.requirement -= min(value, 0)
        return

    def filled(order: int) -> tuple[int, int, int, int]:
        """What filling some orders leaves: (contribution, paid, tokens, value)."""
        paid = -order * token.high // 10**token.decimals
        after, worth = s.tokens + order, value - paid
        return token.weighted(after, worth, side, 0) + paid, paid, after, worth

    bought, sold = filled(s.bids), filled(s.asks)
    _, paid, after, worth = sold if sold[0] <= bought[0] else bought
    weighted = token.weighted(after, worth, side, custom)
    m.requirement += s.orders * ORDER - min(weighted, 0) - min(paid, 0)
    m.collateral += max(weighted, 0) + max(paid, 0)
