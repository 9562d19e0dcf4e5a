"""Generation 2: fixed volatilities and correlations, delta, gamma and vega (parametric, no revaluation).

Risk factors: each underlying's return and the relative move of its 30-day vol. With sensitivities d, v, g in USD per
unit of factor (g: per return squared) and covariance S of the factors over the horizon,

    mean = 1/2 sum_i g_i S_ii,    sd = sqrt(x' S x + 1/2 g' (S_ss o S_ss) g),  x = (d, v),    requirement = z sd - mean

the first two moments of a quadratic form in normal factors (delta-gamma-normal). Source: RiskMetrics Technical Document
(1996); Jorion, Value at Risk. It agrees with full revaluation for small moves and misses what large ones do.
"""

from __future__ import annotations

import numpy as np

from loadline.foundation.table import Floats, Labels
from loadline.kernels.parametric import normal_var_es
from loadline.model.book import Book
from loadline.model.cube import Cube
from loadline.model.greeks import unit_greeks
from loadline.model.universe import Universe, pair_of
from loadline.rulebooks import blocks, factors
from loadline.rulebooks.parameters import Version
from loadline.rulebooks.rulebook import Requirement, Rulebook, no_scenarios, no_shock
from loadline.tape.term import Axis

FACTORS = ("spot", "vol", "gamma")
PERCENT = 100.0  # hundredths in one: a unit, not a parameter


def sensitivities(u: Universe, p: Version) -> Floats:
    """Return (N, 3) USD per contract: per unit return, per unit relative move of 30-day vol, per return squared."""
    g = unit_greeks(u)  # vega per vol point and gamma per 1 % become per 1.00 of each
    vega = g.vega_usd * PERCENT * np.nan_to_num(u.quotes.vol) * factors.tenor_scale(u, p)
    return np.stack([g.delta_usd, vega, g.gamma_usd * PERCENT], axis=1)


def margin(book: Book, cube: Cube, p: Version) -> Requirement:
    """Return initial and maintenance requirement per account."""
    u = book.universe
    units = list(u.classes.labels["unit"])
    covariance = factors.factor_covariance(Labels.ordered(units).mapped(pair_of), p)
    matrix = covariance.reshape(3 * len(units), 3 * len(units))
    axis = Axis("factor", FACTORS)
    coin = np.where(u.coin_settled, u.fx, 0.0)[:, None] * np.array([1.0, 0.0, 0.0])  # pnl pending in coin moves with it
    x = (book.quantity * book.each(sensitivities(u, p), axis=axis)).net("unit")
    x = (x + (book.unsettled * book.each(coin, axis=axis)).net("unit").named("unsettled pnl")).named("sensitivities")
    spread = x.correlated(matrix, "account").named("standard deviation")
    # the mean: 1/2 g S_ss, on the gamma column alone
    half = np.stack([0.5 * covariance[k, 0, k, 0] * np.array([0.0, 0.0, 1.0]) for k in range(len(units))])
    rows = u.classes.code["unit"]
    mean = (x * book.each(half[rows], "unit", x.axis)).total("factor").net("account").named("mean")
    z = {side: normal_var_es(p.number(f"level.{side}"))[0] for side in ("initial", "maintenance")}
    return Requirement(
        initial=(spread * z["initial"] + mean + blocks.haircuts(book, p)).named("initial"),
        maintenance=(spread * z["maintenance"] + mean).named("maintenance"),
        equity=blocks.carried_equity(book),
        parts={"sensitivities": x, "sd": spread, "mean": mean},
    )


RULEBOOKS = {
    "static": Rulebook(
        name="static",
        title="Static correlation: delta-gamma-vega parametric VaR (generation 2)",
        status="documented only",
        margin=margin,
        scenarios=no_scenarios,
        shock=no_shock,
        liquidated_as="model",
        notes=("open orders are not margined",),
    )
}
