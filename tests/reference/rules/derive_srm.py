"""Derive's standard manager once more from the venue's documents: per market and expiry, in USDC."""

from tests.reference.rules.common import CASH, Account, Holding, Parameters, Snapshot, black
from tests.reference.rules.derive import in_cash, restated, stable_price


def value(h: Holding) -> float:
    """Mark to market of a position: undiscounted Black-76 on the forward."""
    c = h.contract
    return h.quantity * c.multiplier * black(c.forward, c.strike, c.vol, c.years, c.right)


def isolated(h: Holding, side: str, p: Parameters, spot: float) -> float:
    """A: what one option contributes to net margin, a short less than nothing, a long nothing."""
    c, key = h.contract, h.contract.underlying
    amount = h.quantity * c.multiplier
    if amount >= 0:
        return 0.0
    mtm = value(h)
    otm = max(0.0, c.right * (c.strike - spot)) / spot
    opening = mtm + amount * spot * max(p("option.min_spot", key), p("option.max_spot", key) - otm)
    if c.right > 0:
        return opening if side == "initial" else mtm + amount * spot * p("option.maintenance_call_spot", key)
    held = mtm + min(p("option.maintenance_put_spot", key) * spot * amount, p("option.maintenance_put_mark", key) * mtm)
    return min(opening, held * p("option.initial_put_offset")) if side == "initial" else held


def settled(held: list[Holding], side: str, p: Parameters) -> float:
    """B: the worst payoff over 0 and every strike, and a charge on net short calls."""
    prices = [0.0, *(h.contract.strike for h in held)]
    payoffs = []
    for price in prices:
        payoff = 0.0
        for h in held:
            c = h.contract
            payoff += h.quantity * c.multiplier * max(c.right * (price - c.strike), 0.0)
        payoffs.append(payoff)
    calls = sum(h.quantity * h.contract.multiplier for h in held if h.contract.right > 0)
    scale = p(f"unpaired_call.{side}", held[0].contract.underlying)
    return min(min(payoffs), 0.0) + min(calls, 0.0) * scale * held[0].contract.forward


def srm(market: Snapshot, held: Account, p: Parameters) -> dict[str, float]:
    """Requirement and equity of one account."""
    stable = stable_price(market)
    equity = sum(in_cash(market, h) for h in held.positions)
    net = {"initial": 0.0, "maintenance": 0.0}  # net margin without cash
    oracle = depeg = 0.0
    off_peg = max(p("peg.threshold") - stable, 0.0) * p("peg.factor")

    def doubt(kind: str, confidence: float) -> float:
        return (1.0 - confidence) * p("oracle.factor") if confidence < p(f"oracle.{kind}_threshold") else 0.0

    for h in held.wallet:
        c = h.contract
        if c.id in CASH:
            equity += h.quantity
            continue
        worth = h.quantity * c.forward
        equity += worth / stable
        if h.quantity < 0:  # what is owed counts whole
            net = {side: x + worth / stable for side, x in net.items()}
            continue
        factor = p("collateral.factor", c.id)
        net["maintenance"] += worth * factor
        net["initial"] += worth * factor * p("collateral.initial_scale", c.id)
        sure = min(c.confidence, market.sure(c.underlying))
        oracle += h.quantity * market.price(c.underlying) * doubt("base", sure)

    markets: dict[str, list[Holding]] = {}
    for h in held.positions:
        markets.setdefault(h.contract.underlying, []).append(restated(h))
    for name, mine in markets.items():
        spot = market.price(name)
        futures = [h for h in mine if h.contract.delta_one]
        options = [h for h in mine if h.contract.option]
        if futures:
            size = abs(sum(h.quantity * h.contract.multiplier for h in futures))
            sure = min(market.sure(name), *(h.contract.confidence for h in futures))
            price = max(h.contract.forward for h in futures)
            for side in net:
                net[side] -= size * price * p(f"perpetual.{side}", name)
            oracle += size * spot * doubt("perpetual", sure)
            depeg += size * spot * off_peg
        expiries: dict[float, list[Holding]] = {}
        for h in options:
            expiries.setdefault(h.contract.seconds, []).append(h)
            short = max(-h.quantity * h.contract.multiplier, 0.0) * spot
            oracle += short * doubt("option", min(market.sure(name), h.contract.confidence))
            depeg += short * off_peg
        for group in expiries.values():
            equity += sum(value(h) for h in group)
            for side in net:
                net[side] += max(sum(isolated(h, side, p, spot) for h in group), settled(group, side, p))
    net["initial"] -= oracle + depeg
    carried = equity - sum(h.quantity for h in held.wallet if h.contract.id in CASH)
    carried -= sum(in_cash(market, h) for h in held.positions)
    return {
        "equity": equity,
        "initial": carried - net["initial"],
        "maintenance": carried - net["maintenance"],
        "oracle": oracle,
        "depeg": depeg,
    }
