"""Value at risk and expected shortfall in closed form: normal, Student t, and delta-normal for a portfolio.

Here both measures are losses, so positive numbers, as in the literature; `kernels.tail` is PnL-signed. These are
yardsticks (is the simulated tail plausible?) rather than bulk work: plain Python on single numbers.
"""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import NamedTuple

import numpy as np

__all__ = [
    "ParametricVar",
    "delta_gamma_moments",
    "normal_var_es",
    "parametric_var",
    "student_t_cdf",
    "student_t_quantile",
    "student_t_var_es",
]


def normal_var_es(level: float) -> tuple[float, float]:
    """Give value at risk and expected shortfall of the standard normal at a confidence level.

    level: confidence, 0 < level < 1. Returns two losses in standard deviations.

    VaR = z = N⁻¹(level), ES = n(z) / (1 - level).
    Source: A. McNeil, R. Frey and P. Embrechts, *Quantitative Risk Management* (2015), section 2.3.

    >>> tuple(round(x, 6) for x in normal_var_es(0.99))
    (2.326348, 2.665214)
    """
    z = NormalDist().inv_cdf(level)
    return z, math.exp(-0.5 * z * z) / math.sqrt(2.0 * math.pi) / (1.0 - level)


def _beta_fraction(x: float, a: float, b: float) -> float:
    """Give the continued fraction of the regularised incomplete beta function by the modified Lentz recurrence.

    Source: NIST Digital Library of Mathematical Functions, 8.17.22; converges fast for x < (a + 1) / (a + b + 2).
    """
    tiny = 1e-300
    c, d = 1.0, 1.0 - (a + b) * x / (a + 1.0)
    d = 1.0 / (d if abs(d) > tiny else tiny)
    fraction = d
    for i in range(1, 1000):
        for term in (
            i * (b - i) * x / ((a + 2 * i - 1) * (a + 2 * i)),
            -(a + i) * (a + b + i) * x / ((a + 2 * i) * (a + 2 * i + 1)),
        ):
            d = 1.0 + term * d
            c = 1.0 + term / c
            d = 1.0 / (d if abs(d) > tiny else tiny)
            c = c if abs(c) > tiny else tiny
            fraction *= c * d
        if abs(c * d - 1.0) < 1e-16:
            break
    return fraction


def _incomplete_beta(x: float, a: float, b: float) -> float:
    if x <= 0.0 or x >= 1.0:
        return float(x >= 1.0)
    front = math.exp(math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x))
    if x < (a + 1.0) / (a + b + 2.0):
        return front * _beta_fraction(x, a, b) / a
    return 1.0 - front * _beta_fraction(1.0 - x, b, a) / b


def student_t_cdf(x: float, nu: float) -> float:
    """Give the distribution function of Student's t with nu degrees of freedom.

    x: any; nu: > 0. Returns a probability: one minus half of I(nu / (nu + x²); nu/2, 1/2) for x > 0, by symmetry below.
    Source: NIST Digital Library of Mathematical Functions, 8.17.

    >>> round(student_t_cdf(2.3533634348, 3), 9)
    0.95
    """
    tail = 0.5 * _incomplete_beta(nu / (nu + x * x), 0.5 * nu, 0.5)
    return 1.0 - tail if x > 0.0 else tail


def _student_t_density(x: float, nu: float) -> float:
    scale = math.lgamma(0.5 * (nu + 1.0)) - math.lgamma(0.5 * nu) - 0.5 * math.log(nu * math.pi)
    return math.exp(scale - 0.5 * (nu + 1.0) * math.log1p(x * x / nu))


def student_t_quantile(p: float, nu: float) -> float:
    """Give the quantile of Student's t with nu degrees of freedom: Newton's method inside a shrinking bracket.

    p: 0 < p < 1; nu: > 0. Returns x with student_t_cdf(x, nu) = p.

    >>> round(student_t_quantile(0.95, 3), 9)
    2.353363435
    """
    if p == 0.5:
        return 0.0
    if p > 0.5:
        return -student_t_quantile(1.0 - p, nu)
    low, high = -1.0, 0.0
    while student_t_cdf(low, nu) > p:
        low *= 2.0
    x = 0.5 * (low + high)
    for _ in range(200):
        gap = student_t_cdf(x, nu) - p
        low, high = (low, x) if gap > 0.0 else (x, high)
        new = x - gap / _student_t_density(x, nu)
        new = new if low < new < high else 0.5 * (low + high)
        if abs(new - x) <= 1e-15 * abs(new):
            return new
        x = new
    return x


def student_t_var_es(level: float, nu: float) -> tuple[float, float]:
    """Give value at risk and expected shortfall of Student's t at a confidence level.

    level: confidence, 0 < level < 1; nu: degrees of freedom, > 1. Returns two losses in units of the t variable; its
    standard deviation is √(nu / (nu - 2)), so multiply by √((nu - 2) / nu) for unit variance.

    VaR = q = t_nu⁻¹(level), ES = f(q) / (1 - level) * (nu + q²) / (nu - 1), f the density.
    Source: McNeil, Frey and Embrechts, *Quantitative Risk Management* (2015), section 2.3.

    >>> tuple(round(x, 6) for x in student_t_var_es(0.975, 4))
    (2.776445, 3.993557)
    """
    q = student_t_quantile(level, nu)
    return q, _student_t_density(q, nu) / (1.0 - level) * (nu + q * q) / (nu - 1.0)


class ParametricVar(NamedTuple):
    """Delta-normal value at risk of a portfolio and of its parts, losses positive."""

    total: float  # reporting currency
    individual: np.ndarray  # (N,), reporting currency: each position on its own
    marginal: np.ndarray  # (N,), per unit of exposure: d total / d exposure
    component: np.ndarray  # (N,), reporting currency: exposure x marginal; adds up to total
    undiversified: float  # sum of the individual ones


def parametric_var(delta: np.ndarray, covariance: np.ndarray, z: float) -> ParametricVar:
    """Give delta-normal value at risk with its individual, marginal and component parts.

    delta: (N,), reporting currency per unit of the factor's move (an exposure if moves are returns).
    covariance: (N, N), of the factor moves over the horizon; z: standard deviations, e.g. `normal_var_es(0.95)[0]`.

    total = z √(δ' Σ δ), marginal = z Σδ / √(δ' Σ δ), component = δ marginal (Euler: the components sum to the total).
    The approximate incremental VaR of a trade a is marginal · a; the exact one is the difference of two totals.
    Source: P. Jorion, *Value at Risk* (2007), chapter 7.

    >>> import numpy as np
    >>> r = parametric_var(np.array([2e6, 1e6]), np.diag([0.05, 0.12]) ** 2, 1.65)
    >>> round(r.total), r.component.round()
    (257738, array([105630., 152108.]))
    """
    pull = covariance @ delta
    deviation = math.sqrt(float(delta @ pull))
    marginal = z * pull / deviation if deviation > 0.0 else np.zeros(len(delta))
    individual = z * np.abs(delta) * np.sqrt(np.diagonal(covariance))
    return ParametricVar(z * deviation, individual, marginal, delta * marginal, float(individual.sum()))


def delta_gamma_moments(delta: np.ndarray, gamma: np.ndarray, covariance: np.ndarray) -> tuple[float, float]:
    """Give mean and standard deviation of delta-gamma PnL under normal factor moves.

    delta: (N,), reporting currency per unit move; gamma: (N, N) symmetric, per unit move squared; covariance: (N, N).
    Returns (mean, standard deviation), reporting currency.

    PnL = δ'x + x'Γx / 2 with x ~ N(0, Σ): mean = tr(ΓΣ) / 2, variance = δ'Σδ + tr((ΓΣ)²) / 2. A normal quantile put
    on these moments ignores skewness.
    Source: J. Mina and A. Ulmer, *Delta-Gamma Four Ways* (RiskMetrics Group, 1999).

    >>> import numpy as np
    >>> delta_gamma_moments(np.array([3.0]), np.array([[2.0]]), np.array([[4.0]]))
    (4.0, 8.246211251235321)
    """
    spread = gamma @ covariance
    variance = float(delta @ covariance @ delta) + 0.5 * float(np.trace(spread @ spread))
    return 0.5 * float(np.trace(spread)), math.sqrt(variance)
