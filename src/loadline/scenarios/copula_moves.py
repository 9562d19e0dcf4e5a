"""Joint moves drawn rather than remembered: each asset's own variance and tail, joined by a Student t copula."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import inf, sqrt
from typing import Any

import numpy as np

from loadline.forecast.volatility import Garch, fitted
from loadline.foundation.errors import InputError
from loadline.foundation.table import Floats, Ints
from loadline.foundation.units import MS_PER_DAY
from loadline.model.history import History
from loadline.scenarios.copula import FEWEST, Copula, Margin, fit_copula, simulate
from loadline.scenarios.history_moves import Measured, PathOf, daily
from loadline.scenarios.levels import fill_levels
from loadline.scenarios.moves import Moves

MARGINS = ("own", "GARCH", "GJR")
"""What each asset's variance may go by: exponential weights, GARCH(1,1), and the same with leverage."""
TAILS = ("empirical", "student")
"""Whose quantiles the copula is mapped to: an asset's own standardised returns, or a Student t fitted to them."""


@dataclass(frozen=True, eq=False)
class Drawn:
    """Moves that were drawn, the copula they come from, and the degrees of freedom of each asset's own tail.

    ``path``: (K, N) volatility of a day as each asset's own variance forecast it at ``path_time`` (K,), epoch ms.
    """

    moves: Moves
    copula: Copula
    degrees: tuple[float | None, ...]
    path: Floats
    path_time: Ints


def copula_moves(
    history: History,
    found: Measured,
    *,
    count: int = 2000,
    seed: int = 20260101,
    decay: float = 0.97,
    start: int | None = None,
    garch: Mapping[str, Garch] | None = None,
    kind: str = "empirical",
    antithetic: bool = True,
    every_ms: int = MS_PER_DAY,
    slack_ms: int = 0,
) -> Drawn:
    """Return joint moves drawn as of the end of what ``found`` measured, over its assets and periods.

    ``garch``: by asset, per step; an asset without one takes exponential weights of ``decay``. ``kind``: ``empirical``
    or ``student`` tails. Vol levels take their mean given the price move and one drawn remainder for all. The copula is
    fitted on dates that all assets have; each margin on all of its own. The volatility of every draw is today's, so
    filtering leaves the draws as they are. Raises ``InputError`` for fewer than 250 common dates.
    """
    known, names = history.until(found.as_of).select(found.moves.names), found.moves.names
    paths = garch or {}
    days = [
        daily(
            known.select([n]), start=start, decay=decay, every_ms=every_ms, slack_ms=slack_ms,
            path=_path(paths[n]) if n in paths else None,
        )
        for n in names
    ]  # fmt: skip
    z = _aligned([d.time for d in days], [d.standardised()[:, 0] for d in days])
    whole = z[np.isfinite(z).all(1)]
    if len(whole) < FEWEST:
        raise InputError(f"{len(whole)} dates that all of {', '.join(names)} have, {FEWEST} are needed",
                         remedy="leave out what was listed last")  # fmt: skip
    copula = fit_copula(whole, decay=decay)
    margins = []
    for n, name in enumerate(names):
        own = z[np.isfinite(z[:, n]), n]
        margins.append(Margin.of(own, np.ones(len(own)), paths.get(name, Garch(0.0, 1.0 - decay, decay)), kind))
    steps = np.rint(found.moves.days * (MS_PER_DAY / every_ms)).astype(np.int64)
    now = np.array([d.variance[-1, 0] for d in days])
    spot = simulate(copula, margins, now, steps, count=count, seed=seed, antithetic=antithetic)
    sigma = np.tile(np.sqrt(now * steps), (count, 1))
    scale = found.level_scale
    level, _ = fill_levels(np.full(spot.shape, np.nan), spot / sigma, scale, 0, found.level_model, seed)
    time = np.full(count, found.as_of, np.int64)
    end = time + int(steps.max()) * every_ms
    moves = Moves(time, end, names, found.moves.days, spot, level, sigma, found.moves.residual)
    path = np.sqrt(_aligned([d.time for d in days], [d.variance[:, 0] for d in days]) * (MS_PER_DAY / every_ms))
    return Drawn(moves, copula, tuple(m.degrees for m in margins), path, max((d.time for d in days), key=len))


def drawn_by(
    history: History, found: Measured, *, margins: str = "own", start: int | None = None, slack_ms: int = 0,
    **options: Any,
) -> tuple[Measured, Drawn]:  # fmt: skip
    """Return what was measured, with volatilities of the variance that the margins have, and the moves drawn.

    ``margins``: a word of ``MARGINS``: exponential weights, or GARCH(1,1) without or with leverage, fitted; the path of
    ``found`` is then that of GARCH, so that draws come at the volatility of today. ``options`` as in ``copula_moves``.
    Raises ``InputError`` for another word, or as ``garch_of`` does.
    """
    if margins not in MARGINS:
        raise InputError(f"margins by {margins!r}", remedy=f"choose from {', '.join(MARGINS)}")
    if margins == "own":
        return found, copula_moves(history, found, start=start, slack_ms=slack_ms, **options)
    fits = garch_of(history, found, start=start, leverage=margins == "GJR", slack_ms=slack_ms)
    drawn = copula_moves(history, found, start=start, slack_ms=slack_ms, garch=fits, **options)
    said = [
        f"{name}: variance by {margins}, alpha {g.alpha:.3f}, beta {g.beta:.3f}"
        + (f", gamma {g.gamma:.3f}" if g.gamma else "")
        + (f", {sqrt(g.long_run):.2%} a day in the long run" if g.long_run < inf else ", without a long run")
        for name, g in fits.items()
    ]
    by = replace(found, path=drawn.path, path_time=drawn.path_time, notes=(*found.notes, *said))
    return by, drawn


def garch_of(
    history: History,
    found: Measured,
    *,
    start: int | None = None,
    leverage: bool = False,
    every_ms: int = MS_PER_DAY,
    slack_ms: int = 0,
) -> dict[str, Garch]:
    """Return GARCH of each asset of ``found``, fitted to what was known at its end (``forecast.volatility.fitted``).

    Needs the extra ``loadline[forecast]``; raises ``InputError`` without it, or where a fit does not converge.
    """
    known = history.until(found.as_of).select(found.moves.names)
    steps = daily(known, start=start, every_ms=every_ms, slack_ms=slack_ms)
    moves = steps.standardised()
    moves[1:] *= np.sqrt(steps.variance[:-1])
    return {n: fitted(r[np.isfinite(r)], leverage=leverage) for n, r in zip(known.names, moves.T, strict=True)}


def _path(garch: Garch) -> PathOf:
    return lambda returns, steps: garch.path(returns / np.sqrt(steps), float(np.mean(returns[:30] ** 2)))


def _aligned(times: Sequence[Ints], values: Sequence[Floats]) -> Floats:
    """(K, N) columns of unlike lengths that end at the same time."""
    longest = max(len(t) for t in times)
    out = np.full((longest, len(values)), np.nan)
    for n, column in enumerate(values):
        out[longest - len(column) :, n] = column
    return out
