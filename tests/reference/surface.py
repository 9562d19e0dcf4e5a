"""Raw SVI one strike at a time."""

import math


def svi_vol(K: float, F: float, tau: float, a: float, b: float, rho: float, m: float, sigma: float) -> float:
    if K == 0.0:
        return 0.0
    limit = 4.0 * math.sqrt(a + b * sigma)
    k = max(-limit, min(limit, math.log(K / F)))
    variance = a + b * (rho * (k - m) + math.sqrt((k - m) ** 2 + sigma**2))
    return math.sqrt(min(variance, 144.0) / tau)
