"""Monte Carlo of several assets: each with its own GARCH and its own tail, held together by a Student t copula.

A Gaussian copula lets large moves come apart: its tail dependence is zero. Crashes come together, which is what the
degrees of freedom of the copula say. Fitted by inference for margins: variances first, then ranks of what is left.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import lgamma, log, pi

import numpy as np

from loadline.forecast.correlation import shrunk
from loadline.forecast.volatility import Garch
from loadline.foundation.errors import InputError
from loadline.foundation.table import Floats, Ints
from loadline.scenarios.student import GRID, fit_degrees, log_density, student

ROUNDS = 8
FEWEST = 250


@dataclass(frozen=True, eq=False)
class Copula:
    """A Student t copula of N assets: ``correlation`` (N, N), ``degrees``; ``likelihood`` of each degree tried."""

    correlation: Floats
    degrees: float
    likelihood: Mapping[float, float]

    @property
    def tail_dependence(self) -> Floats:
        """(N, N) the probability that one is beyond its far quantile given that the other is, in the limit.

        ``2 t_{nu+1}(-sqrt((nu + 1)(1 - rho) / (1 + rho)))``. Source: Embrechts, McNeil and Straumann (2002).
        """
        rho = np.clip(self.correlation, -1.0 + 1e-12, 1.0)
        x = np.sqrt((self.degrees + 1.0) * (1.0 - rho) / (1.0 + rho))
        return np.asarray(2.0 * student(self.degrees + 1.0).cdf(-x))


@dataclass(frozen=True, eq=False)
class Margin:
    """One asset: how its variance per step goes on, and what its moves are in units of it.

    ``garch``: exponential weights are one, ``Garch(0, 1 - decay, decay)``; ``residuals``: (T,) rising, mean square 1;
    ``degrees``: of a Student t in their place, None for the residuals themselves.
    """

    garch: Garch
    residuals: Floats
    degrees: float | None = None

    @classmethod
    def of(cls, returns: Floats, variance: Floats, garch: Garch, kind: str = "empirical") -> Margin:
        """Return the margin of returns (T,) whose variances were forecast as (T,); ``kind``: empirical or student.

        Raises ``InputError`` for fewer than 250 returns.
        """
        z = np.asarray(returns / np.sqrt(variance), np.float64)
        if len(z) < FEWEST or kind not in ("empirical", "student"):
            found = f"{len(z)} returns, {FEWEST} are needed" if len(z) < FEWEST else f"a margin {kind!r}"
            raise InputError(found, remedy="give a longer history, and kind empirical or student")
        z = np.sort(z / np.sqrt((z * z).mean()))
        return cls(garch, z, fit_degrees(z) if kind == "student" else None)

    def quantile(self, p: Floats) -> Floats:
        """Return standardised moves at probabilities ``p``, any shape."""
        if self.degrees is not None:
            return np.asarray(student(self.degrees).quantile(p) * np.sqrt((self.degrees - 2.0) / self.degrees))
        n = len(self.residuals)
        return np.asarray(np.interp(p, (np.arange(n) + 0.5) / n, self.residuals))


def fit_copula(z: Floats, *, decay: float = 0.97, grid: Sequence[float] = GRID) -> Copula:
    """Return the copula of standardised moves, (T, N) without gaps, in order of time.

    The degrees are those on the grid under which all ranks are likeliest, equally weighted; the correlation is then the
    exponentially weighted one, shrunk (``forecast.correlation.shrunk``) on moves that are weighted down as a Student t
    does, ``(nu + N) / (nu + x' R^-1 x)``. Raises ``InputError`` for fewer than 250 rows, or gaps.
    """
    x = np.asarray(z, np.float64)
    if len(x) < FEWEST or not np.isfinite(x).all():
        raise InputError(f"{len(x)} rows for a copula, {FEWEST} without gaps are needed", remedy="give more history")
    u = (np.argsort(np.argsort(x, axis=0), axis=0) + 0.5) / len(x)
    found = {nu: _likelihood(u, nu) for nu in grid}
    best = max(found, key=lambda nu: found[nu])
    return Copula(_scatter(student(best).quantile(u), best, decay), best, found)


def _scatter(x: Floats, nu: float, decay: float) -> Floats:
    """(N, N) correlation of t scores by iterated weights."""
    r = shrunk(x, decay=decay).values
    for _ in range(ROUNDS):
        r = shrunk(x * np.sqrt(_pull(x, r, nu))[:, None], decay=decay).values
    return r


def _pull(x: Floats, r: Floats, nu: float) -> Floats:
    return np.asarray((nu + x.shape[1]) / (nu + _distance(x, r)))


def _distance(x: Floats, r: Floats) -> Floats:
    """(T,) x' R^-1 x; a correlation without full rank is lifted by 1e-9."""
    half = np.linalg.cholesky(r + 1e-9 * np.eye(len(r)))
    return np.asarray((np.linalg.solve(half, x.T) ** 2).sum(0))


def _likelihood(u: Floats, nu: float) -> float:
    """Log likelihood of ranks under a t copula with its own equally weighted correlation."""
    table = student(nu)
    x = table.quantile(u)
    r = _scatter(x, nu, 1.0)
    n = x.shape[1]
    # The joint density over that of its margins; for one margin it is 0.
    log_det = float(np.linalg.slogdet(r + 1e-9 * np.eye(n))[1])
    one = log_density(np.zeros(1), nu)[0]
    lift = _log_constant(nu, n) - n * one
    joint = lift - 0.5 * log_det - 0.5 * (nu + n) * np.log1p(_distance(x, r) / nu)
    return float((joint - (log_density(x, nu) - one).sum(1)).sum())


def _log_constant(nu: float, n: int) -> float:
    return lgamma(0.5 * (nu + n)) - lgamma(0.5 * nu) - 0.5 * n * log(nu * pi)


def simulate(
    copula: Copula, margins: Sequence[Margin], variance: Floats, steps: Ints, *, count: int, seed: int,
    antithetic: bool = True,
) -> Floats:  # fmt: skip
    """Return (count, N) log returns of each asset over its own number of steps, the same for the same seed.

    ``variance``: (N,) per step, forecast for the next one; ``steps``: (N,). Every step is drawn from the copula, mapped
    to each asset's own distribution and scaled by its own variance, which then goes on. ``antithetic``: the second half
    are the same draws with every sign turned before the mapping. Raises ``InputError`` for an odd or too small count.
    """
    n = len(margins)
    half = count // 2 if antithetic else count
    if count < 2 or (antithetic and count % 2):
        raise InputError(f"{count} scenarios", remedy="ask for an even number of at least 2 (pairs are antithetic)")
    draw, table = np.random.default_rng(seed), student(copula.degrees)
    values, vectors = np.linalg.eigh(copula.correlation)
    root = (vectors * np.sqrt(np.maximum(values, 0.0))) @ vectors.T
    total, v = np.zeros((count, n)), np.tile(np.asarray(variance, np.float64), (count, 1))
    for k in range(int(np.max(steps))):
        x = draw.standard_normal((half, n)) @ root
        x /= np.sqrt(draw.chisquare(copula.degrees, half) / copula.degrees)[:, None]
        p = table.cdf(np.vstack([x, -x]) if antithetic else x)
        for i, margin in enumerate(margins):
            if k >= steps[i]:
                continue
            r = np.sqrt(v[:, i]) * margin.quantile(p[:, i])
            g = margin.garch
            total[:, i] += r
            v[:, i] = g.omega + (g.alpha + g.gamma * (r < 0)) * r * r + g.beta * v[:, i]
    return total
