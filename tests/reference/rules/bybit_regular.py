"""Bybit's standard margin once more, position by position in loops, in USD."""

from collections import defaultdict

from tests.reference.rules.common import Account, Contract, Order, Parameters, Snapshot, pair
from tests.reference.rules.pooled import brackets


def in_dollars(c: Contract, market: Snapshot) -> float:
    """Dollars per unit of what tiers are in: coins for inverse contracts, the quote currency for linear ones."""
    return market.price(c.underlying) if c.form == "inverse" else market.price(c.settle)


def value(c: Contract, quantity: float) -> float:
    """What a future is worth at its mark, in the unit of its tiers."""
    return abs(quantity) * c.coins * (1.0 if c.form == "inverse" else c.forward)


def kept(c: Contract, quantity: float, market: Snapshot, p: Parameters) -> float:
    """What the tiers ask to keep a future."""
    side, key = "inverse" if c.form == "inverse" else "linear", pair(c.underlying)
    size = value(c, quantity)
    return brackets(size, p(f"{side}.bounds", key), p(f"{side}.rates", key)) * in_dollars(c, market)


def posted(c: Contract, quantity: float, market: Snapshot, p: Parameters) -> float:
    """What a future asks at its leverage."""
    side = "inverse" if c.form == "inverse" else "linear"
    return value(c, quantity) * in_dollars(c, market) / p(f"leverage.{side}")


def closing(c: Contract, quantity: float, market: Snapshot, p: Parameters) -> float:
    return value(c, quantity) * in_dollars(c, market) * p("fee.close")


def marked(c: Contract, market: Snapshot) -> float:
    """The mark of an option on one coin, in USD."""
    return c.mark * market.price(c.settle)


def short(c: Contract, side: str, market: Snapshot, p: Parameters) -> float:
    """What one sold option contract asks."""
    key, spot, mark = pair(c.underlying), market.price(c.underlying), marked(c, market)
    strike = c.strike if c.form == "coin_option" else c.strike * market.price(c.settle)
    away = max(c.right * (strike - spot), 0.0)
    share = p("option.maintenance", key)
    held = max(share * spot, share * mark) + mark + p("option.liquidation_fee", key) * spot
    if side == "maintenance":
        return held * c.multiplier
    first = max(p("option.initial", key) * spot - away, p("option.initial_min", key) * spot)
    return max(first + mark, held) * c.multiplier


def order(o: Order, market: Snapshot, p: Parameters) -> tuple[float, float]:
    """What an open order asks, and what it would lose at once."""
    c, rate = o.contract, market.price(o.contract.settle)
    if not c.option:
        opening = posted(c, o.quantity, market, p) + closing(c, o.quantity, market, p)
        if c.form == "inverse":
            gain = o.quantity * c.multiplier * (1.0 / o.limit - 1.0 / c.forward)
        else:
            gain = o.quantity * c.multiplier * (c.forward - o.limit)
        return opening, max(-gain * rate, 0.0)
    price = o.limit * rate
    if o.quantity > 0:
        return o.quantity * c.multiplier * price, 0.0
    dearer = max(price - marked(c, market), 0.0) * c.multiplier
    return -o.quantity * (short(c, "initial", market, p) + dearer), 0.0


def regular(market: Snapshot, held: Account, p: Parameters) -> dict[str, float]:
    """Requirement and equity of one account."""
    initial = maintenance = equity = less = 0.0
    owed: dict[str, float] = defaultdict(float)
    for h in held.wallet:
        worth = h.contract.forward
        equity += h.quantity * worth
        owed[h.contract.id] += h.quantity * worth
        key = h.contract.id
        less += worth * brackets(max(h.quantity, 0.0), p("collateral.bounds", key), p("collateral.rates", key))
    for h in held.positions:
        c, pending = h.contract, h.unsettled * market.price(h.contract.settle)
        equity += pending
        owed[c.settle] += pending
        if c.option:
            initial += max(-h.quantity, 0.0) * short(c, "initial", market, p)
            maintenance += max(-h.quantity, 0.0) * short(c, "maintenance", market, p)
        elif c.delta_one:
            keeps, fee = kept(c, h.quantity, market, p), closing(c, h.quantity, market, p)
            initial += max(posted(c, h.quantity, market, p), keeps) + fee
            maintenance += keeps + fee
    debt = sum(max(-x, 0.0) for x in owed.values())
    for o in held.orders:
        asked, lost = order(o, market, p)
        initial += asked
        less += lost
    return {
        "equity": equity,
        "initial": initial + debt * p("loan.initial") + less,
        "maintenance": maintenance + debt * p("loan.maintenance") + less,
    }
