"""Generation 3 once more: every position revalued in every scenario, in USD, and the tail of the sum.

The scenarios themselves (draws from a seed, nodes of a grid) are data, from ``loadline.scenarios``.
"""

import math

import numpy as np

from loadline.scenarios.grid import grid
from loadline.scenarios.montecarlo import montecarlo
from tests.reference.rules.common import STABLE, Account, Contract, Order, Parameters, Snapshot, black
from tests.reference.rules.isolated import equity_usd, haircuts_usd

Scenario = tuple[dict[str, float], dict[str, float], float]


def moves(coins: list[str], p: Parameters) -> list[Scenario]:
    """(price moves, 30-day vol moves, probability) of each scenario."""
    if not coins:
        return [({}, {}, 1.0)]
    days, n = p("horizon.days"), len(coins)
    deviation = [p("volatility.spot", c) * math.sqrt(days / p("horizon.year")) for c in coins]
    deviation += [p("volatility.vol", c) * math.sqrt(days) for c in coins]
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
        out.append((spot, vol, float(found.weight[s])))
    return out


def worth(c: Contract, move: float, vol_move: float, p: Parameters) -> float:
    """One contract in its settlement currency after a scenario."""
    forward = c.forward * (1.0 + move)
    if c.form == "inverse":
        return -c.multiplier / forward
    if c.form == "linear":
        return c.multiplier * forward
    scale = (30.0 / max(c.days, 1.0)) ** p("volatility.tenor_power", c.underlying)
    vol = c.vol * max(1.0 + scale * vol_move, 0.0)
    cash = c.multiplier * black(forward, c.strike, vol, c.years, c.right)
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


def tail(market: Snapshot, held: Account, p: Parameters) -> dict[str, float]:
    """Requirement and equity of one account."""
    names = {h.contract.underlying for h in [*held.wallet, *held.positions]}
    names |= {o.contract.underlying for o in held.orders}
    coins = [c for c in p.keys("volatility.spot") if c not in STABLE]  # all are drawn, held or not
    coins += sorted(names - set(STABLE) - set(coins))
    scenarios = moves(coins if names - set(STABLE) else [], p)
    base: dict[str, float] = {h.contract.id: worth(h.contract, 0.0, 0.0, p) for h in held.positions}
    pnl, filled = [], []
    for spot, vol, _ in scenarios:

        def rate(currency: str, spot: dict[str, float] = spot) -> float:
            return market.price(currency) * (1.0 + spot.get(currency, 0.0))

        def fill(o: Order, spot: dict[str, float] = spot, vol: dict[str, float] = vol) -> float:
            c = o.contract
            after = worth(c, spot.get(c.underlying, 0.0), vol.get(c.underlying, 0.0), p)
            cost = -c.multiplier / o.limit if c.form == "inverse" else c.multiplier * o.limit
            return o.quantity * (after - cost) * rate(c.settle)

        total = sum(h.quantity * h.contract.forward * spot.get(h.contract.underlying, 0.0) for h in held.wallet)
        for h in held.positions:
            c = h.contract
            after = worth(c, spot.get(c.underlying, 0.0), vol.get(c.underlying, 0.0), p)
            carried = c.mark * c.multiplier if c.option else 0.0
            total += h.quantity * ((carried + after - base[c.id]) * rate(c.settle) - carried * market.price(c.settle))
            total += h.unsettled * (rate(c.settle) - market.price(c.settle))
        pnl.append(total)
        filled.append(total + sum(min(fill(o), 0.0) for o in held.orders))
    weight = [w for _, _, w in scenarios]
    level, kind = p("measure.level"), p("measure.kind")
    risk = shortfall(pnl, weight, level, kind)
    with_orders = shortfall(filled, weight, level, kind) if held.orders else risk
    return {
        "equity": equity_usd(held, market),
        "initial": with_orders + haircuts_usd(held, p),
        "maintenance": risk * p("factor.maintenance"),
        "risk": risk,
    }
