"""Black-Scholes one option at a time, with Abramowitz and Stegun's formula 7.1.26 for the error function."""

import math

COEFFICIENTS = (0.254829592, -0.284496736, 1.421413741, -1.453152027, 1.061405429)


def cdf(x: float) -> float:
    a = abs(x) / math.sqrt(2.0)
    t = 1.0 / (1.0 + 0.3275911 * a)
    erf = 1.0 - sum(c * t ** (n + 1) for n, c in enumerate(COEFFICIENTS)) * math.exp(-a * a)
    return 0.5 * (1.0 + math.copysign(erf, x))


def _d1(S: float, K: float, sigma: float, tau: float, rate: float) -> float:
    return (math.log(S / K) + (rate + 0.5 * sigma**2) * tau) / (sigma * math.sqrt(tau))


def value(S: float, K: float, sigma: float, tau: float, rate: float, w: float) -> float:
    if sigma * math.sqrt(tau) == 0.0:
        return max(w * (S - K), 0.0)
    d1 = _d1(S, K, sigma, tau, rate)
    d2 = d1 - sigma * math.sqrt(tau)
    return w * (S * cdf(w * d1) - K * math.exp(-rate * tau) * cdf(w * d2))


def delta(S: float, K: float, sigma: float, tau: float, rate: float, w: float) -> float:
    if sigma * math.sqrt(tau) == 0.0:
        return w if w * (S - K) > 0.0 else 0.0
    return w * cdf(w * _d1(S, K, sigma, tau, rate))
