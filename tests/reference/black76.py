"""Black-76 one option at a time, with the error function of the standard library."""

import math


def cdf(x: float) -> float:
    return 0.5 * math.erfc(-x / math.sqrt(2.0))


def pdf(x: float) -> float:
    return math.exp(-0.5 * x * x) / math.sqrt(2.0 * math.pi)


def value(F: float, K: float, sigma: float, tau: float, w: float) -> float:
    intrinsic, bound = max(w * (F - K), 0.0), F if w > 0 else K
    v = max(sigma, 0.0) * math.sqrt(max(tau, 0.0))
    if v >= 24.0:
        return bound
    if v == 0.0:
        return intrinsic
    if K == 0.0 or F == 0.0:
        return intrinsic
    d1 = math.log(F / K) / v + 0.5 * v
    d2 = d1 - v
    return min(max(w * (F * cdf(w * d1) - K * cdf(w * d2)), intrinsic), bound)


def greeks(F: float, K: float, sigma: float, tau: float, w: float) -> tuple[float, float, float, float]:
    v = max(sigma, 0.0) * math.sqrt(max(tau, 0.0))
    if v >= 24.0:
        return (1.0 if w > 0 else 0.0), 0.0, 0.0, 0.0
    if v == 0.0 or K == 0.0 or F == 0.0:
        if F == K:
            return 0.5 * w, 0.0, 0.0, 0.0
        return (w if w * (F - K) > 0.0 else 0.0), 0.0, 0.0, 0.0
    d1 = math.log(F / K) / v + 0.5 * v
    vega = F * pdf(d1) * math.sqrt(tau)
    return w * cdf(w * d1), pdf(d1) / (F * v), vega, -vega * sigma / (2.0 * tau)


def implied_vol(price: float, F: float, K: float, tau: float, w: float) -> float:
    """Halve the interval of vols in which the price lies until it is one double wide."""
    low, high = 0.0, 24.0 / math.sqrt(tau)
    while True:
        middle = 0.5 * (low + high)
        if middle in (low, high):
            return middle
        low, high = (middle, high) if value(F, K, middle, tau, w) < price else (low, middle)
