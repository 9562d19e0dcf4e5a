"""Variance ahead from returns so far: exponentially weighted, and GARCH(1,1) with a leverage term.

A path holds at ``[t]`` the forecast made before return ``t`` was known, and one more at its end: today's.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from loadline.foundation.errors import InputError
from loadline.foundation.table import Floats


def returns_of(values: Floats, what: str = "return") -> Floats:
    """Return a series as floats; raises ``InputError`` naming the first place that is not finite.

    >>> returns_of([0.01, -0.02]).tolist()
    [0.01, -0.02]
    """
    x = np.asarray(values, np.float64)
    if not len(x):
        raise InputError(f"no {what}s", remedy="give a history with one date or more")
    bad = np.flatnonzero(~np.isfinite(x.reshape(len(x), -1)).all(1))
    if len(bad):
        found = f"{len(bad)} {what}s are not finite, the first in row {bad[0]}"
        raise InputError(found, remedy="leave out dates without prices, and say how much time passed instead")
    return x


def ewma(returns: Floats, decay: float, initial: float, steps: Floats | None = None) -> Floats:
    """Return the path of exponentially weighted variance, (T + 1,) per step of time.

    ``returns``: (T,); ``decay``: weight kept per step, 0.97; ``initial``: variance before the first return;
    ``steps``: (T,) how many steps passed with each return where they are uneven, 1 where none is given.

    ``v' = decay^dt v + (1 - decay^dt) r^2 / dt``. Raises ``InputError`` for returns that are not finite or a decay
    outside 0 to 1. Source: RiskMetrics Technical Document (1996); the uneven step is ours.

    >>> ewma(np.array([0.01, -0.02]), 0.94, 1e-4).round(8).tolist()
    [0.0001, 0.0001, 0.000118]
    """
    r, dt = returns_of(returns), np.ones(len(returns)) if steps is None else np.asarray(steps, np.float64)
    if not 0.0 < decay < 1.0:
        raise InputError(f"a decay of {decay}", remedy="give the weight kept per step, 0.97")
    if dt.shape != r.shape or not (dt > 0).all() or not initial >= 0:
        raise InputError("steps must be positive, one a return, and the first variance not negative",
                         remedy="sort the history by time and drop doubled times")  # fmt: skip
    kept = decay**dt
    path = [float(initial)]
    for k, square in zip(kept.tolist(), (r * r / dt).tolist(), strict=True):
        path.append(k * path[-1] + (1.0 - k) * square)
    return np.array(path)


def ewma_covariance(returns: Floats, decay: float, initial: Floats) -> Floats:
    """Return the path of exponentially weighted covariance, (T + 1, N, N).

    ``returns``: (T, N); ``initial``: (N, N) before the first. Raises ``InputError`` as ``ewma``.

    >>> ewma_covariance(np.array([[0.01, 0.005]]), 0.94, np.diag([1e-4, 1e-4]))[1, 0, 1].round(8)
    np.float64(3e-06)
    """
    r = returns_of(returns)
    if not 0.0 < decay < 1.0:
        raise InputError(f"a decay of {decay}", remedy="give the weight kept per step, 0.97")
    path = np.empty((len(r) + 1, r.shape[1], r.shape[1]))
    path[0] = initial
    for t, x in enumerate(r):
        path[t + 1] = decay * path[t] + (1.0 - decay) * np.outer(x, x)
    return path


@dataclass(frozen=True, slots=True)
class Garch:
    """GARCH(1,1) with a leverage term (GJR), per step: ``v' = omega + (alpha + gamma [r < 0]) r^2 + beta v``."""

    omega: float
    alpha: float
    beta: float
    gamma: float = 0.0

    @property
    def persistence(self) -> float:
        """The share of a variance away from its long run that is left a step later; half of returns are negative."""
        return self.alpha + 0.5 * self.gamma + self.beta

    @property
    def long_run(self) -> float:
        """The variance that forecasts tend to; infinite where shocks never die.

        >>> round(Garch(2e-6, 0.13, 0.86).long_run, 10)
        0.0002
        """
        return self.omega / (1.0 - self.persistence) if self.persistence < 1.0 else np.inf

    def path(self, returns: Floats, initial: float) -> Floats:
        """Return the path of variance, (T + 1,); ``returns``: (T,) less their mean; ``initial``: before the first.

        >>> Garch(2e-6, 0.13, 0.86).path(np.array([0.01]), 0.016**2)[1].round(8)
        np.float64(0.00023516)
        """
        path = [float(initial)]
        for r in returns_of(returns).tolist():
            path.append(self.omega + (self.alpha + self.gamma * (r < 0)) * r * r + self.beta * path[-1])
        return np.array(path)

    def ahead(self, variance: float, steps: int) -> float:
        """Return the variance of the sum of the next returns; ``variance``: that forecast for the first of them.

        ``sum_k VL + persistence^k (v - VL)``. Source: J. Hull, *Options, Futures and Other Derivatives*, chapter 23.

        >>> Garch(2e-6, 0.13, 0.86).ahead(0.0002, 2)
        0.0004
        """
        total, now = 0.0, variance
        for _ in range(steps):
            total += now
            now = self.omega + self.persistence * now
        return total


def fitted(returns: Floats, *, leverage: bool = False) -> Garch:
    """Return GARCH(1,1), with a leverage term or without, fitted by maximum likelihood of Student t.

    ``returns``: (T,) less their mean. Needs the package ``arch`` (``pip install "loadline[forecast]"``); raises
    ``InputError`` without it, for fewer than 250 returns, or where the fit does not converge.
    """
    r = returns_of(returns)
    if len(r) < 250:
        raise InputError(f"{len(r)} returns: a fit needs 250", remedy="give a longer history, or use ewma")
    try:
        from arch.univariate import GARCH, StudentsT, ZeroMean
    except ModuleNotFoundError as error:
        raise InputError('GARCH is fitted by the package "arch"', remedy='pip install "loadline[forecast]"') from error
    scale = 1.0 / r.std()  # the optimiser wants numbers near 1
    model = ZeroMean(r * scale, volatility=GARCH(1, int(leverage), 1), distribution=StudentsT(), rescale=False)
    found = model.fit(disp="off", show_warning=False)
    if found.convergence_flag:
        raise InputError("the GARCH fit does not converge", remedy="give a longer history, or use ewma")
    p = found.params
    gamma = float(p["gamma[1]"]) if leverage else 0.0
    return Garch(float(p["omega"]) / scale**2, float(p["alpha[1]"]), float(p["beta[1]"]), gamma)
