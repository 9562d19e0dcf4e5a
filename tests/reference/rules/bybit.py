"""Bybit's portfolio margin once more, account by account in loops, in USD."""

import math

from tests.reference.rules.common import STABLE, Account, Contract, Parameters, Snapshot, black
from tests.reference.rules.isolated import equity_usd
from tests.reference.rules.okx import brackets

STATES = (1, 0, -1)


def value(c: Contract, p: Parameters, move: float, state: int) -> float:
    """One contract in its settlement currency after a move of price and a vol state."""
    price = c.forward * (1.0 + move)
    if not c.option:
        return -c.multiplier / price if c.form == "inverse" else c.multiplier * price
    shock = {1: p("vol_shock.up", c.underlying), 0: 0.0, -1: -p("vol_shock.down", c.underlying)}[state]
    vol = max(c.vol * (1.0 + shock * (30.0 / max(math.ceil(c.days), 1)) ** p("vol_shock.power")), 0.0)
    cash = c.multiplier * black(price, c.strike, vol, c.years, c.right)
    return cash / price if c.form == "coin_option" else cash


def base(c: Contract) -> float:
    """What PnL is measured from: the mark of an option, a future's own value."""
    if c.option:
        return c.mark * c.multiplier
    return -c.multiplier / c.forward if c.form == "inverse" else c.multiplier * c.forward


def paid(c: Contract, quantity: float, limit: float) -> float:
    """What a filled order pays."""
    return quantity * c.multiplier * (-1.0 / limit if c.form == "inverse" else limit)


def bybit(market: Snapshot, held: Account, p: Parameters) -> dict[str, float]:
    initial = maintenance = 0.0
    names = {h.contract.underlying for h in (*held.positions, *held.wallet)}
    names |= {o.contract.underlying for o in held.orders}
    for name in sorted(names):
        mine = [h for h in held.positions if h.contract.underlying == name]
        orders = [o for o in held.orders if o.contract.underlying == name]
        spot = [h for h in held.wallet if h.contract.underlying == name]
        hedging = p("spot_hedge.counted") == "on"
        stable, traded = name in STABLE, bool(mine or orders or hedging)
        reach = 0.0 if stable else p("grid.price_range", name) if traded else p.find("grid.price_range", name) or 0.0
        n = int(p("grid.buckets"))
        worst = worst_filled = 0.0
        for k in range(-n, n + 1):
            move = reach * k / n
            futures = sum(pnl(h.contract, h.quantity, market, p, move, 0) for h in mine if not h.contract.option)
            if hedging and not stable:
                hedge = sum(h.quantity * h.contract.forward * move for h in spot)
                futures += max(hedge, 0.0) if p("reading.hedge_losses") == "none" else hedge
            options: dict[int, dict[object, float]] = {state: {} for state in STATES}
            filled: dict[int, dict[object, float]] = {state: {} for state in STATES}
            by_expiry = p("reading.vol_state") == "expiry"
            for state in STATES:
                for h in mine:
                    if h.contract.option:
                        bucket = (h.contract.seconds, h.contract.settle) if by_expiry else ""
                        gain = pnl(h.contract, h.quantity, market, p, move, state)
                        options[state][bucket] = options[state].get(bucket, 0.0) + gain
                filled[state] = dict(options[state])
                for o in orders:
                    c = o.contract
                    bucket = (c.seconds, c.settle) if by_expiry else ""
                    cost = paid(c, o.quantity, o.limit)
                    gain = min((o.quantity * value(c, p, move, state) - cost) * market.price(c.settle), 0.0)
                    filled[state][bucket] = filled[state].get(bucket, 0.0) + gain
            worst = max(worst, -futures - least(options))
            worst_filled = max(worst_filled, -futures - least(filled))
        index = market.price(name)
        short = -min(sum(h.quantity * h.contract.coins for h in mine if h.contract.option), 0.0)
        extra = short * p("contingency.short_options", name) * index
        gross = sum(abs(h.quantity * h.contract.coins) for h in mine if h.contract.delta_one)
        extra += gross * p("contingency.futures", name) * index
        if not stable:
            extra += sum(p(f"given.{x}", name) for x in ("delta", "vega", "usdt_usdc"))
        maintenance += worst + extra
        initial += ((worst_filled if held.orders else worst) + extra) * p("factor.initial", name)
    haircut = tiered_usd(held, p)
    return {"equity": equity_usd(held, market), "initial": initial + haircut, "maintenance": maintenance + haircut}


def tiered_usd(held: Account, p: Parameters) -> float:
    """What does not count of what is owned, each part at the rate of its tier."""
    return sum(
        h.contract.forward
        * brackets(max(h.quantity, 0.0), p("collateral.bounds", h.contract.id), p("collateral.rates", h.contract.id))
        for h in held.wallet
    )


def pnl(c: Contract, quantity: float, market: Snapshot, p: Parameters, move: float, state: int) -> float:
    return quantity * (value(c, p, move, state) - base(c)) * market.price(c.settle)


def least(states: dict[int, dict[object, float]]) -> float:
    """The worst vol state, bucket by bucket."""
    buckets = {b for held in states.values() for b in held}
    return sum(min(held.get(b, 0.0) for held in states.values()) for b in buckets)
