"""OKX once more: MR1 to MR9 per risk unit, in loops over positions, from the notices."""

import math
from collections import defaultdict
from typing import Any

from tests.reference.rules.common import (
    STABLE,
    Account,
    Contract,
    Holding,
    Parameters,
    Snapshot,
    black,
    black_delta,
    density,
    pair,
    vol_factors,
)
from tests.reference.rules.isolated import equity_usd

PEGGED = ("USDT", "USDC")


def brackets(size: float, bounds: list[float], rates: list[float]) -> float:
    """Each part of a size at its own rate."""
    total, low = 0.0, 0.0
    for high, rate in zip([*bounds, math.inf], rates, strict=True):
        total += max(min(abs(size), high) - low, 0.0) * rate
        low = high
    return total


def value(c: Contract, forward: float, vol: float) -> float:
    """One contract in its settlement currency."""
    if c.form == "inverse":
        return -c.multiplier / forward
    if not c.option:
        return c.multiplier * forward
    cash = black(forward, c.strike, vol, c.years, c.right) * c.multiplier
    return cash / forward if c.form == "coin_option" else cash


def group(c: Contract) -> str:
    """What a contract's settlement counts as."""
    return c.settle if c.settle in PEGGED else "USD"


def delta_usd(c: Contract, market: Snapshot) -> float:
    """Dollars gained as the price doubles, to first order."""
    fx = market.price(c.settle)
    if not c.option:
        return c.coins * fx * (1.0 if c.form == "inverse" else c.forward)
    delta = black_delta(c.forward, c.strike, c.vol, c.years, c.right)
    if c.form != "coin_option":
        return c.multiplier * fx * c.forward * delta
    held = black(c.forward, c.strike, c.vol, c.years, c.right) / c.forward
    return c.multiplier * fx * (delta - held + c.mark)


def pnl(c: Contract, market: Snapshot, p: Parameters, move: float, vol: str) -> float:
    """Dollars that one contract gains in a scenario, its price moving by as much money as the index."""
    fx, index = market.price(c.settle), market.price(c.underlying)
    shifted = c.forward + index * move / (fx if c.settle in STABLE else 1.0)
    up, down = vol_factors(c.days, p, pair(c.underlying), p("vol_shock.floor_days"), boundary_is_short=True)
    after = value(c, shifted, c.vol * {"up": up, "down": down, "same": 1.0}[vol])
    carried = c.mark * c.multiplier if c.option else 0.0
    then = fx if c.settle in STABLE else fx * (1.0 + move)
    return (carried + after - value(c, c.forward, c.vol)) * then - carried * fx


def greeks(c: Contract, market: Snapshot) -> tuple[float, float]:
    """Dollars per vol point and per day of one option."""
    root = math.sqrt(c.years)
    if c.vol * root <= 0.0 or c.vol * root >= 24.0:
        return 0.0, 0.0
    d1 = math.log(c.forward / c.strike) / (c.vol * root) + 0.5 * c.vol * root
    usd = c.multiplier * market.price(c.settle) / (c.forward if c.form == "coin_option" else 1.0)
    vega = c.forward * density(d1) * root
    return usd * vega / 100.0, -usd * c.forward * density(d1) * c.vol / (2.0 * root) / 365.0


def unit(market: Snapshot, p: Parameters, coin: str, held: list[Holding], spot: float) -> dict[str, float]:
    """The stresses of one risk unit; ``spot``: dollars of the coin in the wallet."""
    key = pair(coin)
    deltas = [h.quantity * delta_usd(h.contract, market) for h in held]
    used = min(max(spot * p("spot.in_use", key), 0.0), max(-sum(deltas), 0.0))

    def loss(move: float, vol: str) -> float:
        return -(sum(h.quantity * pnl(h.contract, market, p, move, vol) for h in held) + used * move)

    moves = [0.0, *(s * m for m in p("spot.moves", key) for s in (1, -1))]
    mr1 = max(0.0, *(loss(m, vol) for m in moves for vol in ("down", "same", "up")))
    far = p("extreme.move", key)
    mr6 = max(0.0, loss(far, "same"), loss(-far, "same")) * p("extreme.weight")
    options = [h for h in held if h.contract.option]
    theta = sum(h.quantity * greeks(h.contract, market)[1] for h in options) * p("theta.hours") / 24.0
    vegas: dict[Any, float] = defaultdict(float)
    buckets: dict[Any, float] = defaultdict(float)
    rates: dict[Any, float] = {}
    rho = fee = 0.0
    for h, delta in zip(held, deltas, strict=True):
        c = h.contract
        bucket = (c.seconds if c.dated else "perpetual", c.settle)
        buckets[bucket] += delta
        rates[bucket] = max(p("basis.least", key), p("basis.annual", key) * c.years)
        if not c.option:
            fee += abs(delta) * p("minimum.future", key)
            continue
        weight = (30.0 / max(c.days, p("vega.floor_days"))) ** p("vega.power")
        vegas[bucket] += h.quantity * greeks(c, market)[0] * weight * p("vega.points")
        rho += h.quantity * value(c, c.forward, c.vol) * market.price(c.settle) * c.years * p("rate.move")
        fee += max(-h.quantity, 0.0) * c.multiplier * market.price(coin) * p("minimum.option", key)
    cash = {g: sum(d for h, d in zip(held, deltas, strict=True) if group(h.contract) == g) for g in (*PEGGED, "USD")}
    low = {g: min([1.0, *(market.price(g) for h in held if h.contract.settle == g)]) for g in PEGGED} | {"USD": 1.0}
    mr9 = 0.0
    for a, b in (("USDT", "USD"), ("USDT", "USDC"), ("USDC", "USD")):
        if cash[a] * cash[b] < 0:
            hedge = min(abs(cash[a]), abs(cash[b]))
            broken = min(low[a], low[b]) <= p("depeg.broken_price")
            least = p("depeg.broken_rate") if broken else 0.0
            mr9 += brackets(hedge, p("depeg.bounds"), [max(r, least) for r in p("depeg.rates")])
            sign = math.copysign(1.0, cash[a])
            cash[a], cash[b] = cash[a] - sign * hedge, cash[b] + sign * hedge
    mr2, mr3 = max(0.0, -theta), sum(abs(v) for v in vegas.values()) - abs(sum(vegas.values()))
    mr4, mr5 = sum(abs(d) * rates[k] for k, d in buckets.items()), abs(rho)
    mr7 = brackets(fee, p("minimum.bounds"), p("minimum.multipliers"))
    asked = max(max(mr1, mr2, mr6) + mr3 + mr4 + mr5, mr7) + mr9
    return {"mr1": mr1, "mr2": mr2, "mr3": mr3, "mr4": mr4, "mr5": mr5, "mr6": mr6, "mr9": mr9, "asked": asked}


def okx(market: Snapshot, held: Account, p: Parameters) -> dict[str, float]:
    """Requirement and equity of one account in USD."""
    merged = p.tree["structure"] == "merged"
    units: dict[tuple[str, str], list[Holding]] = defaultdict(list)
    for h in held.positions:
        units[h.contract.underlying, "" if merged else group(h.contract)].append(h)
    wallet: dict[tuple[str, str], float] = defaultdict(float)
    less, owed = 0.0, defaultdict(float)
    for h in held.wallet:
        name, price = h.contract.id, h.contract.forward
        owed[name] += h.quantity * price
        owned = max(h.quantity, 0.0)
        less += price * brackets(owned, p("collateral.bounds", name), p("collateral.discounts", name))
        if name not in STABLE:
            wallet[h.contract.underlying, "" if merged else p("spot.with")] += h.quantity * price
    for h in held.positions:
        owed[h.contract.settle] += h.unsettled * market.price(h.contract.settle)
    for o in held.orders:
        c = o.contract
        cost = c.multiplier * (-1.0 / o.limit if c.form == "inverse" else o.limit)
        less += max(0.0, -o.quantity * (value(c, c.forward, c.vol) - cost) * market.price(c.settle))
    found = [unit(market, p, coin, legs, wallet[coin, g]) for (coin, g), legs in units.items()]
    total = sum(x["asked"] for x in found)
    debt = -sum(min(x, 0.0) for x in owed.values())
    return {
        "equity": equity_usd(held, market),
        "initial": total * p("factor.initial") + debt * p("borrow.initial") + less,
        "maintenance": total + debt * p("borrow.maintenance") + less,
    }
