"""Volatility surfaces evaluated from their parameters.

Only raw SVI for now, with the two limits a margin engine puts on it: the wings are flat beyond four standard
deviations and total variance has a ceiling. Fitting is not done here; the parameters are somebody's data.
"""

from __future__ import annotations

from enum import IntEnum

import numpy as np

__all__ = ["SviStatus", "svi_log_moneyness", "svi_vol"]

WING = 4.0  # standard deviations beyond which the smile is flat
TOTAL_VARIANCE_CAP = 144.0


class SviStatus(IntEnum):
    """Why a vol is there or is not; the vol is NaN for everything but OK."""

    OK = 0
    NEGATIVE_VARIANCE = 1  # the parameters give total variance below zero at this strike or at the forward
    EXPIRED = 2  # tau <= 0
    NOT_FINITE = 3  # NaN or infinity in an argument, or a forward at or below 0, or a strike below 0


def svi_log_moneyness(
    strike: np.ndarray, forward: np.ndarray, a: np.ndarray, b: np.ndarray, sigma: np.ndarray
) -> np.ndarray:
    """Give the log-moneyness at which raw SVI is read: ln(K/F), held within four standard deviations.

    strike, forward: (N,), quote currency, > 0; a: (N,), 1 (variance); b: (N,), 1 (slope of variance per unit of log-
    moneyness); sigma: (N,), 1 (log-moneyness). Returns (N,), 1; NaN where a + b sigma < 0 or strike <= 0.

    k = min(max(ln(K/F), -4 u), 4 u) with u = √(a + b sigma), the total vol near the money.

    >>> import numpy as np
    >>> one = np.ones(2)
    >>> svi_log_moneyness(np.array([100.0, 1.0]), 100 * one, 0.01 * one, 0.01 * one, 0.05 * one).round(6)
    array([ 0.      , -0.409878])
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        limit = WING * np.sqrt(a + b * sigma)
        k = np.log(strike / forward)
        return np.where(np.asarray(strike) > 0.0, np.minimum(np.maximum(k, -limit), limit), np.nan)


def svi_vol(
    strike: np.ndarray,
    forward: np.ndarray,
    tau: np.ndarray,
    a: np.ndarray,
    b: np.ndarray,
    rho: np.ndarray,
    m: np.ndarray,
    sigma: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Give the Black vol of raw SVI at each strike, and a status that says why where there is none.

    strike, forward: (N,), quote currency; forward is the one the parameters were fitted to; tau: (N,), years.
    a: (N,), 1 (variance); b: (N,), 1 (slope of variance); rho: (N,), 1; m, sigma: (N,), 1 (log-moneyness).
    Returns (vol (N,), 1/√year; status (N,) int8, see `SviStatus`). Vol is NaN exactly where status is not OK.

    w = a + b (rho (k - m) + √((k - m)² + sigma²)), vol = √(min(w, 144) / tau), with k from `svi_log_moneyness`;
    strike 0 has vol 0. Any argument may also be a scalar.
    Source: J. Gatheral and A. Jacquier, *Arbitrage-free SVI volatility surfaces*, Quantitative Finance 14 (2014)
    59-71, equation 3.1. The two limits are those of on-chain option venues.

    >>> import numpy as np
    >>> vol, status = svi_vol(np.array([80.0, 100.0, 125.0]), 100.0, 0.25, 0.04, 0.1, -0.3, 0.0, 0.2)
    >>> vol.round(4), status
    (array([0.5538, 0.4899, 0.5031]), array([0, 0, 0], dtype=int8))
    """
    strike, forward, tau, a, b, rho, m, sigma = np.broadcast_arrays(strike, forward, tau, a, b, rho, m, sigma)
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        x = svi_log_moneyness(strike, forward, a, b, sigma) - m
        variance = a + b * (rho * x + np.sqrt(x * x + sigma * sigma))
        vol = np.where(strike == 0.0, 0.0, np.sqrt(np.minimum(variance, TOTAL_VARIANCE_CAP) / tau))
        finite = np.isfinite(strike + forward + tau + a + b + rho + m + sigma) & (forward > 0.0) & (strike >= 0.0)
        negative = (strike > 0.0) & ((a + b * sigma < 0.0) | (variance < 0.0))
    status = np.select(
        [~finite, tau <= 0.0, negative], [SviStatus.NOT_FINITE, SviStatus.EXPIRED, SviStatus.NEGATIVE_VARIANCE], 0
    ).astype(np.int8)
    return np.where(status == SviStatus.OK, vol, np.nan), status
