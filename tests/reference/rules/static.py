"""Generation 2 once more: delta, gamma and vega of every position, fixed volatilities and correlations, in USD.

The PnL of a book is sum_i d_i s_i + 1/2 g_i s_i^2 + v_i w_i over underlyings i with normal moves: s of price, w of
30-day vol (relative). Requirement = z sd - mean of that quadratic form.
"""

import math

from tests.reference.rules.common import (
    STABLE,
    Account,
    Contract,
    Parameters,
    Snapshot,
    black,
    black_delta,
    density,
    norm_inverse,
)
from tests.reference.rules.isolated import equity_usd, haircuts_usd


def sensitivities(c: Contract, market: Snapshot, p: Parameters) -> tuple[float, float, float]:
    """USD per contract and unit of return, of return squared, and of relative move of the 30-day vol.

    A coin option is worth ``U(x) = S (1 + x) (mark + V(F (1 + x)) / F (1 + x) - V(F) / F)``: its coins move too.
    """
    index = market.price(c.underlying)
    if c.form == "inverse":
        return c.multiplier / c.forward * index, 0.0, 0.0
    if c.form == "linear":
        return c.multiplier * c.forward * market.price(c.settle), 0.0, 0.0
    total = c.vol * math.sqrt(c.years)
    delta = black_delta(c.forward, c.strike, c.vol, c.years, c.right)
    gamma = vega = 0.0
    if 0.0 < total < 24.0:
        n = density(math.log(c.forward / c.strike) / total + 0.5 * total)
        gamma, vega = n / (c.forward * total), c.forward * n * math.sqrt(c.years)
    tenor = (30.0 / max(c.days, 1.0)) ** p("volatility.tenor_power", c.underlying)
    if c.form == "coin_option":
        value = black(c.forward, c.strike, c.vol, c.years, c.right)
        first = index * (c.mark - value / c.forward + delta)
        return (
            c.multiplier * first,
            c.multiplier * index * c.forward * gamma,
            c.multiplier * index / c.forward * vega * c.vol * tenor,
        )
    cash = c.multiplier * market.price(c.settle)
    return cash * c.forward * delta, cash * c.forward**2 * gamma, cash * vega * c.vol * tenor


def static(market: Snapshot, held: Account, p: Parameters) -> dict[str, float]:
    """Requirement and equity of one account."""
    delta: dict[str, float] = {}
    gamma: dict[str, float] = {}
    vega: dict[str, float] = {}

    def add(to: dict[str, float], name: str, amount: float) -> None:
        if name not in STABLE:
            to[name] = to.get(name, 0.0) + amount

    for h in held.wallet:
        add(delta, h.contract.underlying, h.quantity * h.contract.forward)
    for h in held.positions:
        c = h.contract
        d, g, v = sensitivities(c, market, p)
        add(delta, c.underlying, h.quantity * d)
        add(gamma, c.underlying, h.quantity * g)
        add(vega, c.underlying, h.quantity * v)
        add(delta, c.settle, h.unsettled * market.price(c.settle))
    names = sorted(set(delta) | set(gamma) | set(vega))
    days = p("horizon.days")

    def spot_sd(i: str) -> float:
        return float(p("volatility.spot", i)) * math.sqrt(days / p("horizon.year"))

    def vol_sd(i: str) -> float:
        return float(p("volatility.vol", i)) * math.sqrt(days)

    def corr(kind: str, i: str, j: str) -> float:
        if kind == "spot_vol":
            return float(p("correlation.spot_vol") if i == j else p("correlation.spot_vol_other"))
        return 1.0 if i == j else float(p(f"correlation.{kind}"))

    variance = mean = 0.0
    for i in names:
        mean += 0.5 * gamma.get(i, 0.0) * spot_sd(i) ** 2
        for j in names:
            price = corr("spot_spot", i, j) * spot_sd(i) * spot_sd(j)
            variance += delta.get(i, 0.0) * delta.get(j, 0.0) * price
            variance += vega.get(i, 0.0) * vega.get(j, 0.0) * corr("vol_vol", i, j) * vol_sd(i) * vol_sd(j)
            variance += 2.0 * delta.get(i, 0.0) * vega.get(j, 0.0) * corr("spot_vol", i, j) * spot_sd(i) * vol_sd(j)
            variance += 0.5 * gamma.get(i, 0.0) * gamma.get(j, 0.0) * price**2
    deviation = math.sqrt(max(variance, 0.0))
    haircut = haircuts_usd(held, p)
    return {
        "equity": equity_usd(held, market),
        "initial": norm_inverse(p("level.initial")) * deviation - mean + haircut,
        "maintenance": norm_inverse(p("level.maintenance")) * deviation - mean,
        "standard deviation": deviation,
        "mean": mean,
    }
