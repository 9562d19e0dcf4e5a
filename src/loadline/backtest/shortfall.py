"""Is expected shortfall large enough: the tests of Acerbi and Székely, and losses beyond the margin."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from loadline.foundation.errors import InputError
from loadline.foundation.table import Floats
from loadline.kernels.parametric import student_t_var_es

CHUNK = 2_000_000
"""Numbers drawn at a time."""


@dataclass(frozen=True, slots=True)
class Shortfall:
    """``z1``, given that exceedances occurred (None: there are none), and ``z2``: 0 expected, below: too small."""

    exceedances: int
    z1: float | None
    z2: float


def acerbi_szekely(pnl: Floats, value_at_risk: Floats, expected_shortfall: Floats, rate: float) -> Shortfall:
    """Return both statistics of a series of PnL against what was forecast for it.

    ``pnl``: (T,); ``value_at_risk``, ``expected_shortfall``: (T,) positive, same currency, as forecast at the start of
    each date; ``rate``: the probability of an exceedance, 0.025 for 97.5 %. Raises ``InputError`` for unlike lengths,
    numbers that are not finite, or a shortfall that is not positive.

    ``Z1 = sum(X I / ES) / N + 1``; ``Z2 = sum(X I / ES) / (T rate) + 1``; ``I``: ``X + VaR < 0``, ``N = sum I``.
    Source: Acerbi and Székely (2014), Backtesting expected shortfall, Risk.

    >>> acerbi_szekely(np.array([-3.0, 1.0]), np.full(2, 2.0), np.full(2, 3.0), 0.5).z2
    0.0
    """
    columns = [np.asarray(x, np.float64) for x in (pnl, value_at_risk, expected_shortfall)]
    wrong = []
    if len({x.shape for x in columns}) > 1 or columns[0].ndim != 1 or not len(columns[0]):
        wrong.append("PnL, VaR and ES are not three series of one length")
    if not all(np.isfinite(x).all() for x in columns):
        wrong.append("a number is not finite")
    if not (columns[2] > 0).all():
        wrong.append("an expected shortfall is not positive")
    if not 0.0 < rate < 1.0:
        wrong.append(f"a rate of {rate}")
    if wrong:
        raise InputError("; ".join(wrong), remedy="drop dates without a forecast; the shortfall of a loss is positive")
    x, var, es = columns
    return _statistics(x, x + var < 0, es, rate)


def _statistics(x: Floats, exceeded: np.ndarray, es: Floats, rate: float) -> Shortfall:
    n, total = int(exceeded.sum()), float(np.where(exceeded, x / es, 0.0).sum())
    return Shortfall(n, total / n + 1.0 if n else None, total / (len(x) * rate) + 1.0)


@dataclass(frozen=True, slots=True)
class Critical:
    """The values below which ``z1`` and ``z2`` fall with a given probability if the forecast is right."""

    z1: float
    z2: float


def critical_values(trials: int, rate: float, freedom: float, *, size: float, draws: int, seed: int) -> Critical:
    """Return the critical values of both statistics by simulation.

    PnL is Student t with ``freedom`` degrees (large: normal), independent over ``trials`` dates; ``size``: probability
    of rejecting a right forecast; ``draws``: histories simulated. ``z1`` is that among histories with an exceedance.
    Raises ``InputError`` for fewer than ``10 / size`` draws.

    >>> round(critical_values(250, 0.025, 100.0, size=0.05, draws=2000, seed=1).z2, 1)
    -0.7
    """
    if draws * size < 10:
        raise InputError(f"{draws} draws for a quantile of {size}", remedy=f"draw {math.ceil(10 / size)} at least")
    var, es = student_t_var_es(1.0 - rate, freedom)
    rng = np.random.default_rng(seed)
    ones, twos = [], []
    at_once = max(CHUNK // trials, 1)
    for lo in range(0, draws, at_once):
        x = rng.standard_t(freedom, (min(at_once, draws - lo), trials))
        beyond = x + var < 0
        total, n = np.where(beyond, x, 0.0).sum(1) / es, beyond.sum(1)
        twos.append(total / (trials * rate) + 1.0)
        ones.append((total[n > 0] / n[n > 0]) + 1.0)
    return Critical(float(np.quantile(np.concatenate(ones), size)), float(np.quantile(np.concatenate(twos), size)))


@dataclass(frozen=True, slots=True)
class Uncovered:
    """Losses beyond the margin: how many, their mean and the largest, in the unit of the losses."""

    exceedances: int
    mean: float
    largest: float


def uncovered(loss: Floats, margin: Floats) -> Uncovered:
    """Return by how much losses went beyond the margin set at their start.

    ``loss``, ``margin``: (T,) positive where money was lost or asked for, same currency.

    >>> uncovered(np.array([1.0, 5.0, 9.0]), np.full(3, 4.0))
    Uncovered(exceedances=2, mean=3.0, largest=5.0)
    """
    beyond = np.asarray(loss, np.float64) - np.asarray(margin, np.float64)
    if not np.isfinite(beyond).all():
        raise InputError("a loss or a margin is not finite", remedy="drop dates without an answer, and count them")
    beyond = beyond[beyond > 0]
    return Uncovered(len(beyond), float(beyond.mean()) if len(beyond) else 0.0, float(beyond.max(initial=0.0)))
