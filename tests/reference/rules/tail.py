"""Generation 3 once more: every position revalued in every scenario, in USD, and the tail of the sum.

The scenarios themselves (draws from a seed, nodes of a grid, a set that a case brings along) are data.
"""

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from loadline.scenarios.grid import grid
from loadline.scenarios.montecarlo import montecarlo
from tests.reference.rules.common import (
    STABLE,
    Account,
    Contract,
    Holding,
    Order,
    Parameters,
    Snapshot,
    black,
    black_delta,
    density,
    pair,
)
from tests.reference.rules.isolated import equity_usd, haircuts_usd

YEAR_DAYS = 365.0


@dataclass
class Scenario:
    """What happens: price moves and 30-day vol moves by coin, which date's surface, and prices by day on the way.

    ``partner``: another scenario, whose moves stand in for what nobody saw between two known prices.
    """

    spot: dict[str, float]
    vol: dict[str, float]
    weight: float
    family: str = "history"
    pick: int = -1
    way: dict[float, dict[str, float]] = field(default_factory=dict)
    partner: "Scenario | None" = None


@dataclass
class Setting:
    """All that a contract's worth depends on beside the scenario."""

    p: Parameters
    market: Snapshot
    surface: dict[str, Any] = field(default_factory=dict)


def moves(coins: list[str], p: Parameters) -> list[Scenario]:
    """The scenarios that the parameters make by themselves."""
    if not coins:
        return [Scenario({}, {}, 1.0)]
    n = len(coins)
    days = [p("horizon.days", c) for c in coins]
    deviation = [p("volatility.spot", c) * math.sqrt(d / p("horizon.year")) for c, d in zip(coins, days, strict=True)]
    deviation += [p("volatility.vol", c) * math.sqrt(d) for c, d in zip(coins, days, strict=True)]
    covariance = np.zeros((2 * n, 2 * n))
    for a in range(2 * n):
        for b in range(2 * n):
            same, spots = a % n == b % n, (a < n) + (b < n)
            if spots == 1:
                rho = p("correlation.spot_vol") if same else p("correlation.spot_vol_other")
            else:
                rho = 1.0 if same else p("correlation.spot_spot" if spots == 2 else "correlation.vol_vol")
            covariance[a, b] = rho * deviation[a] * deviation[b]
    if p("scenarios.kind") == "grid":
        found = grid(
            coins,
            np.array(deviation[:n]),
            np.array(deviation[n:]),
            correlation=p("correlation.spot_vol"),
            spot_nodes=int(p("scenarios.spot_nodes")),
            vol_nodes=int(p("scenarios.vol_nodes")),
            reach=p("scenarios.reach"),
        )
    else:
        count, seed = int(p("scenarios.count")), int(p("scenarios.seed"))
        found = montecarlo(coins, covariance, count=count, seed=seed, degrees=p("scenarios.degrees") or None)
    out = []
    for s in range(len(found)):
        spot = {c: float(found.spot[s, k]) for k, c in enumerate(coins)}
        vol = {c: float(found.vol[s, k]) for k, c in enumerate(coins)}
        out.append(Scenario(spot, vol, float(found.weight[s])))
    return out


def brought(raw: dict[str, Any]) -> list[Scenario]:
    """The scenarios that a case brings along."""
    coins = raw["underlyings"]
    days, on_way = (raw["way"][n] if "way" in raw else [] for n in ("days", "spot"))
    return [
        Scenario(
            dict(zip(coins, raw["spot"][s], strict=True)),
            dict(zip(coins, raw["vol"][s], strict=True)),
            raw["weight"][s],
            raw["family"][s],
            raw["pick"][s] if "pick" in raw else -1,
            {day: dict(zip(coins, at[s], strict=True)) for day, at in zip(days, on_way, strict=True)},
        )
        for s in range(len(raw["family"]))
    ]


def line(nodes: list[float], values: list[float], x: float) -> float:
    """The line through some points, flat beyond the outermost."""
    if x <= nodes[0]:
        return values[0]
    for k in range(1, len(nodes)):
        if x < nodes[k]:
            share = (x - nodes[k - 1]) / (nodes[k] - nodes[k - 1])
            return values[k - 1] + share * (values[k] - values[k - 1])
    return values[-1]


def smile(c: Contract, market: Snapshot) -> tuple[list[float], list[float]]:
    """ln(strike / forward) and the mean vol at each strike, of all options that expire with this one."""
    by_strike: dict[float, list[tuple[float, float]]] = {}
    for o in market.contracts.values():
        if o.option and o.underlying == c.underlying and o.seconds == c.seconds and o.vol > 0:
            by_strike.setdefault(o.strike, []).append((math.log(o.strike / o.forward), o.vol))
    points = [by_strike[k] for k in sorted(by_strike)]
    return [sum(x for x, _ in at) / len(at) for at in points], [sum(v for _, v in at) / len(at) for at in points]


def left(c: Contract, p: Parameters) -> float:
    """Years left at the end of the horizon."""
    rolled = p("horizon.days", pair(c.underlying)) if p("options.roll") == "on" else 0.0
    return max(c.years - rolled / YEAR_DAYS, 0.0)


def moved_by(c: Contract, now: Scenario, p: Parameters) -> float:
    """How far the price has moved by the horizon, or by the contract's expiry if that comes first."""
    end, horizon = now.spot.get(c.underlying, 0.0), p("horizon.days", pair(c.underlying))
    if p("options.roll") == "off" or not c.dated or c.days >= horizon:
        return end
    assert now.partner is not None

    def log_price(scenario: Scenario, day: float) -> float:
        moved = scenario.way[day] if day in scenario.way and day < horizon else scenario.spot
        return math.log(1.0 + moved.get(c.underlying, 0.0)) if day > 0.0 else 0.0

    known = [0.0, *(day for day in now.way if day < horizon), horizon]
    before = max(day for day in known if day <= c.days)
    after = min(day for day in known if day > c.days)
    share = (c.days - before) / (after - before)
    start, own, other = (
        log_price(now, before),
        log_price(now, after) - log_price(now, before),
        log_price(now.partner, after) - log_price(now.partner, before),
    )
    return math.exp(start + share * own + math.sqrt(share * (1.0 - share)) * other) - 1.0


def paired(scenarios: list[Scenario]) -> list[Scenario]:
    """Give each scenario the one of its family that is a third of the family further on."""
    for family in {s.family for s in scenarios}:
        mine = [s for s in scenarios if s.family == family]
        for k, s in enumerate(mine):
            s.partner = mine[(k + len(mine) // 3) % len(mine)]
    return scenarios


def shape(c: Contract, x: float, pick: int, setting: Setting) -> float:
    """The log move of vol at ln(strike / forward after the move), on the picked date."""
    surface = setting.surface
    if not surface or pick < 0 or c.underlying not in surface["values"]:
        return 0.0
    width = line(*smile(c, setting.market), 0.0) * math.sqrt(left(c, setting.p))
    if width <= 0:
        return 0.0
    whole = surface["values"][c.underlying][pick]
    curve = [
        line([math.log(t) for t in surface["tenor"]], [row[b] for row in whole], math.log(left(c, setting.p) * 365.0))
        for b in range(len(surface["moneyness"]))
    ]
    return line(surface["moneyness"], curve, x / width)


def shocked_vol(c: Contract, now: Scenario, setting: Setting) -> float:
    """The vol of an option after a scenario."""
    p, move = setting.p, now.vol.get(c.underlying, 0.0)
    vol, moved = c.vol, 1.0 + now.spot.get(c.underlying, 0.0)
    power = p("volatility.long_power" if c.days > 30.0 else "volatility.tenor_power", pair(c.underlying))
    scale = (30.0 / max(c.days, 1.0)) ** power
    if p("options.level") == "on":
        relative = p("options.compounding") == "relative"
        vol *= max(1.0 + scale * move, 0.0) if relative else (1.0 + move) ** scale
    x = math.log(c.strike / c.forward)
    if p("options.smile") == "moneyness":
        points = smile(c, setting.market)
        vol *= line(*points, x - math.log(moved)) / line(*points, x)
    if p("options.residuals") == "on":
        vol *= math.exp(shape(c, x - math.log(moved), now.pick, setting))
    return vol


def worth(c: Contract, now: Scenario | None, setting: Setting) -> float:
    """One contract in its settlement currency after a scenario, or as things stand."""
    forward = c.forward * (1.0 + (moved_by(c, now, setting.p) if now else 0.0))
    if c.form == "inverse":
        return -c.multiplier / forward
    if c.form == "linear":
        return c.multiplier * forward
    vol = shocked_vol(c, now, setting) if now else c.vol
    cash = c.multiplier * black(forward, c.strike, vol, left(c, setting.p) if now else c.years, c.right)
    return cash / forward if c.form == "coin_option" else cash


def shortfall(pnl: list[float], weight: list[float], level: float, kind: str) -> float:
    """The loss that the tail asks for: expected shortfall with a fraction of its last scenario, or value at risk."""
    order = sorted(range(len(pnl)), key=lambda s: pnl[s])
    left, total = 1.0 - level, 0.0
    for s in order:
        if kind == "var":
            left -= weight[s]
            if left <= 1e-12:
                return max(-pnl[s], 0.0)
            continue
        part = min(weight[s], left)
        if part <= 0.0:
            break
        total += part * pnl[s]
        left -= part
    if kind == "var":
        return max(-pnl[order[-1]], 0.0)
    return max(-total / (1.0 - level), 0.0)


def slopes(h: Holding, market: Snapshot) -> tuple[float, float]:
    """USD that a holding gains per 100 % of price (what it is carried at moves too), and per 1.00 of vol."""
    c = h.contract
    if c.underlying in STABLE and c.kind == "spot":
        return 0.0, 0.0
    rate = market.price(c.settle)
    if not c.option:
        return h.quantity * c.coins * (1.0 if c.form == "inverse" else c.forward) * rate, 0.0
    value = black(c.forward, c.strike, c.vol, c.years, c.right)
    delta = black_delta(c.forward, c.strike, c.vol, c.years, c.right)
    total = c.vol * math.sqrt(c.years)
    d1 = math.log(c.forward / c.strike) / total + 0.5 * total
    vega = c.forward * density(d1) * math.sqrt(c.years)
    usd = c.multiplier * (rate / c.forward if c.form == "coin_option" else rate)
    if c.form == "coin_option":  # the coin price is a coin's worth that the move of the coin changes, too
        held = value / c.forward
        delta = delta - held + (held if math.isnan(c.mark) else c.mark)
    return h.quantity * usd * c.forward * delta, h.quantity * usd * vega


def charges(market: Snapshot, held: Account, p: Parameters) -> tuple[float, float]:
    """What leaving costs, and the least for basis."""
    net: dict[str, float] = {}
    by_expiry: dict[tuple[Any, ...], list[float]] = {}
    for h in [*held.wallet, *held.positions]:
        c = h.contract
        delta, vega = slopes(h, market)
        net[c.underlying] = net.get(c.underlying, 0.0) + delta
        bucket = (c.underlying, "spot" if c.kind == "spot" else c.seconds, "" if c.kind == "spot" else c.settle)
        if c.kind == "spot" and c.id != c.underlying:
            bucket = (c.underlying, "spot", c.settle)
        at = by_expiry.setdefault(bucket, [0.0, 0.0, c.days])
        at[0], at[1] = at[0] + delta, at[1] + vega
    cost = 0.0
    for coin, size in net.items():
        if size == 0.0:
            continue
        capacity = p("liquidity.depth", coin) + p("liquidity.volume", coin) * p("horizon.days", coin)
        daily = p("volatility.spot", coin) / math.sqrt(p("horizon.year"))
        impact = p("liquidity.impact", coin) * daily * math.sqrt(abs(size) / max(capacity, 1.0))
        cost += abs(size) * (p("liquidity.spread", coin) + impact)
    for (coin, *_), (_, vega, days) in by_expiry.items():
        if vega:
            tenor = (30.0 / max(days, 1.0)) ** p("liquidity.vol_power", coin)
            cost += abs(vega) * p("liquidity.vol_spread", coin) * tenor
    least = 0.0
    for coin, size in net.items():
        sides = [delta for (name, *_), (delta, *_) in by_expiry.items() if name == coin]
        longs, shorts = sum(max(d, 0.0) for d in sides), sum(max(-d, 0.0) for d in sides)
        if size or longs:
            least += p("floor.notional", coin) * max(longs, shorts)
    return cost, least


def tail(market: Snapshot, held: Account, p: Parameters, given: dict[str, Any] | None = None) -> dict[str, float]:
    """Requirement and equity of one account; ``given``: a scenario set that a case brings along."""
    names = {h.contract.underlying for h in [*held.wallet, *held.positions]}
    names |= {o.contract.underlying for o in held.orders}
    coins = [c for c in p.keys("volatility.spot") if c not in STABLE]  # all are drawn, held or not
    coins += sorted(names - set(STABLE) - set(coins))
    setting = Setting(p, market, (given or {}).get("residual", {}))
    scenarios = paired(brought(given) if given else moves(coins if names - set(STABLE) else [], p))
    base: dict[str, float] = {h.contract.id: worth(h.contract, None, setting) for h in held.positions}

    def gains(now: Scenario, orders: bool) -> dict[str, float]:
        """PnL by underlying."""
        out: dict[str, float] = {}

        def rate(currency: str) -> float:
            return market.price(currency) * (1.0 + now.spot.get(currency, 0.0))

        def add(c: Contract, amount: float) -> None:
            out[c.underlying] = out.get(c.underlying, 0.0) + amount

        def fill(o: Order) -> float:
            c = o.contract
            cost = -c.multiplier / o.limit if c.form == "inverse" else c.multiplier * o.limit
            return o.quantity * (worth(c, now, setting) - cost) * rate(c.settle)

        for h in held.wallet:
            add(h.contract, h.quantity * h.contract.forward * now.spot.get(h.contract.underlying, 0.0))
        for h in held.positions:
            c = h.contract
            carried = c.mark * c.multiplier if c.option else 0.0
            change = carried + worth(c, now, setting) - base[c.id]
            add(c, h.quantity * (change * rate(c.settle) - carried * market.price(c.settle)))
            add(c, h.unsettled * (rate(c.settle) - market.price(c.settle)))
        for o in held.orders if orders else []:
            add(o.contract, min(fill(o), 0.0))
        return out

    level, kind = p("measure.level"), p("measure.kind")
    cost, least = charges(market, held, p)

    def measured(some: list[Scenario], pnl: list[float]) -> float:
        return shortfall(pnl, [s.weight for s in some], level, kind)

    def risk(orders: bool) -> float:
        past = [s for s in scenarios if s.family != "stress"]
        then = [s for s in scenarios if s.family == "stress"]
        pnl = [gains(s, orders) for s in past]
        found = measured(past, [sum(x.values()) for x in pnl])
        apart, stress = p("correlation_break.weight"), p("stress.weight")
        if apart:
            coins = sorted({c for x in pnl for c in x})
            alone = sum(measured(past, [x.get(c, 0.0) for x in pnl]) for c in coins)
            found = (1.0 - apart) * found + apart * alone
        if stress:
            worst = measured(then, [sum(gains(s, orders).values()) for s in then])
            found = (1.0 - stress) * found + stress * worst
        return max(found, least) + cost

    plain = risk(False)
    return {
        "equity": equity_usd(held, market),
        "initial": (risk(True) if held.orders else plain) + haircuts_usd(held, p),
        "maintenance": plain * p("factor.maintenance"),
        "risk": plain,
    }
