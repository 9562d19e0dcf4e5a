"""Binance's and Hyperliquid's margins once more, in loops over positions and currencies."""

from collections import defaultdict

from tests.reference.rules.common import STABLE, Account, Contract, Parameters, Snapshot, pair
from tests.reference.rules.isolated import equity_usd
from tests.reference.rules.okx import brackets, value

DOLLARS = (*STABLE, "USDH")


def order_loss(market: Snapshot, held: Account) -> float:
    """What open orders would lose if they were filled now."""
    total = 0.0
    for o in held.orders:
        c = o.contract
        cost = c.multiplier * (-1.0 / o.limit if c.form == "inverse" else o.limit)
        total += max(0.0, -o.quantity * (value(c, c.forward, c.vol) - cost) * market.price(c.settle))
    return total


def binance(market: Snapshot, held: Account, p: Parameters) -> dict[str, float]:
    """Requirement and equity of one pooled account in USD."""

    def notional(c: Contract, quantity: float) -> tuple[float, float]:
        """Size in the unit of the brackets, and dollars per unit."""
        if c.form == "inverse":
            return abs(quantity) * c.coins, market.price(c.underlying)
        return abs(quantity) * c.coins * c.forward, market.price(c.settle)

    futures = margin = 0.0
    assets: dict[str, float] = defaultdict(float)
    for h in held.wallet:
        assets[h.contract.id] += h.quantity * h.contract.forward
    legs = [(h.contract, h.quantity, True) for h in held.positions]
    legs += [(o.contract, o.quantity, False) for o in held.orders]
    for h in held.positions:
        assets[h.contract.settle] += h.unsettled * market.price(h.contract.settle)
    for c, quantity, mine in legs:
        side = "inverse" if c.form == "inverse" else "linear"
        size, dollars = notional(c, quantity)
        margin += size * dollars / p(f"leverage.{side}")
        key = pair(c.underlying)
        futures += mine * dollars * brackets(size, p(f"{side}.bounds", key), p(f"{side}.rates", key))
    loans = sum(max(-x, 0.0) for x in assets.values())
    less = sum(max(x, 0.0) * (1.0 - p("collateral.rate", name)) for name, x in assets.items())
    less += order_loss(market, held)
    pooled = futures + loans * p("loan.maintenance")
    margin += loans / (p("loan.leverage") - 1.0)
    return {
        "equity": equity_usd(held, market),
        "initial": max(margin, pooled * p("restriction.ratio")) + less,
        "maintenance": pooled * p("liquidation.ratio") + less,
    }


def perpetuals(market: Snapshot, held: Account, p: Parameters) -> tuple[float, float]:
    """Initial and maintenance of Hyperliquid's perpetuals, each alone."""
    initial = maintenance = 0.0

    def dollars(c: Contract, quantity: float) -> float:
        price = market.price(c.underlying) if c.settle == c.underlying else c.forward * market.price(c.settle)
        return abs(quantity) * c.coins * price

    for h in held.positions:
        size, key = dollars(h.contract, h.quantity), pair(h.contract.underlying)
        least = brackets(size, p("maintenance.bounds", key), p("maintenance.rates", key))
        maintenance += least
        initial += max(2.0 * least, size / p("leverage.chosen"))
    return initial + sum(dollars(o.contract, o.quantity) for o in held.orders) / p("leverage.chosen"), maintenance


def hyperliquid(market: Snapshot, held: Account, p: Parameters) -> dict[str, float]:
    """Requirement and equity of a cross account in USD: coins back nothing."""
    initial, maintenance = perpetuals(market, held, p)
    apart = sum(max(h.quantity, 0.0) * h.contract.forward for h in held.wallet if h.contract.id not in DOLLARS)
    return {"equity": equity_usd(held, market), "initial": initial + apart, "maintenance": maintenance + apart}


def hyperliquid_pm(market: Snapshot, held: Account, p: Parameters) -> dict[str, float]:
    """Requirement and equity of a portfolio margin account in USD."""
    initial, maintenance = perpetuals(market, held, p)
    cash = sum(h.unsettled * market.price(h.contract.settle) for h in held.positions)
    cash += sum(h.quantity * h.contract.forward for h in held.wallet if h.contract.id in DOLLARS)
    borrowed, lost = max(-cash, 0.0), {"ltv": 0.0, "threshold": 0.0}
    for h in held.wallet:
        name, price = h.contract.id, h.contract.forward
        if name in DOLLARS:
            continue
        borrowed += max(-h.quantity, 0.0) * price
        coins, ltv = max(h.quantity, 0.0), p("coin.ltv", name)
        threshold = p("threshold.base") + p("threshold.slope") * ltv if ltv else 0.0
        for side, share in (("ltv", ltv), ("threshold", threshold)):
            counts = min(min(coins, p("coin.supply_cap", name)) * price * share, p("borrow.cap"))
            lost[side] += coins * price - counts
    ratio, size = p("liquidation.ratio"), borrowed
    for h in held.positions:
        c = h.contract
        price = market.price(c.underlying) if c.settle == c.underlying else c.forward * market.price(c.settle)
        size += abs(h.quantity) * c.coins * price
    asked = (maintenance + min(p("floor.usdc"), size)) / ratio + borrowed * (1.0 / ratio - 1.0)
    return {
        "equity": equity_usd(held, market),
        "initial": initial + lost["ltv"],
        "maintenance": asked + lost["threshold"],
    }
