"""Joint moves of history, and the scenarios that a volatility of today makes of them.

Every scenario takes one start date for all assets, and each asset its own liquidation period from there, so what
moved together stays together.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from loadline.foundation.errors import InputError
from loadline.foundation.table import Floats, Ints, Texts, content_hash
from loadline.model.residuals import Residuals
from loadline.model.scenario_set import Scenarios
from loadline.model.way import Way
from loadline.scenarios.historical import filtered

__all__ = ["HISTORY", "STRESS", "Moves", "Residuals", "filtered_scenarios"]

HISTORY, STRESS = "history", "stress"
"""The families of a calibrated set: all of history, filtered; and its most stressed period, as it came."""
STRESS_LEVEL = 0.965
"""Confidence of the expected shortfall by which a period is the most stressed one."""
APART = 25
"""Periods that are compared begin this part of their length apart: more of them find the same, measured."""


@dataclass(frozen=True, eq=False)
class Moves:
    """S joint moves of N assets.

    ``start``, ``end``: (S,) epoch ms; ``names``: of the assets; ``spot``: (S, N) log return of each over its own
    liquidation period of ``days`` (N,); ``level``: (S, N) log move of 30-day at-the-money vol; ``sigma``: (S, N)
    volatility over the same period as it was forecast before the start. NaN where an asset was not listed.
    ``way``: (W, S, N) log return of each ``way_days`` (W,) after the start, None where nobody knows.
    """

    start: Ints
    end: Ints
    names: tuple[str, ...]
    days: Floats
    spot: Floats
    level: Floats
    sigma: Floats
    residual: Residuals | None = None
    way_days: Floats | None = None
    way: Floats | None = None

    def __post_init__(self) -> None:
        shape = (len(self.start), len(self.names))
        wrong = [n for n in ("spot", "level", "sigma") if getattr(self, n).shape != shape]
        if wrong or len(self.end) != shape[0] or len(self.days) != shape[1]:
            raise InputError(f"moves are not {shape}: {', '.join(wrong) or 'end or days'}",
                             remedy="give one row per scenario, one column per asset")  # fmt: skip

    def __len__(self) -> int:
        return len(self.start)

    @property
    def identity(self) -> str:
        """The content hash."""
        surface = "" if self.residual is None else self.residual.identity
        way = () if self.way is None else (self.way_days, self.way)
        moves = (self.spot, self.level, self.sigma)
        return content_hash(self.start, self.end, self.names, self.days, *moves, surface, *way)


def filtered_scenarios(
    moves: Moves,
    sigma_now: Floats,
    *,
    damping: float = 0.5,
    cap: float = 3.0,
    stress: int = 250,
    weight: Floats | None = None,
    seed: int = 20260101,
) -> Scenarios:
    """Return moves rescaled to the volatility of today, and those of the most stressed period as they came.

    ``sigma_now``: (N,) volatility of each asset over its own period from now on; ``damping``, ``cap``: as in
    ``historical.filtered``, prices on the way as those at its end; ``stress``: scenarios in the stressed period, 0 for
    none; ``weight``: (S,) of history,
    equal if left out; ``seed``: of the draw of surface moves. Moves of vol are not rescaled. Raises ``InputError``
    where a move is missing: fill it by a rule first.
    """
    if not (np.isfinite(moves.spot).all() and np.isfinite(moves.sigma).all()):
        raise InputError("moves of an asset that was not listed yet", remedy="fill them by a rule, or leave it out")
    worst, way = stressed(moves, stress), None
    spot = filtered(moves.spot, moves.sigma, sigma_now, damping=damping, cap=cap)
    if moves.way is not None and moves.way_days is not None and len(moves.way):
        gone = [filtered(w, moves.sigma, sigma_now, damping=damping, cap=cap) for w in moves.way]
        both = [np.vstack([g, w[worst]]) for g, w in zip(gone, moves.way, strict=True)]
        way = Way(moves.way_days, np.expm1(np.array(both).reshape(len(both), len(moves) + len(worst), -1)))
    spot, level = np.vstack([spot, moves.spot[worst]]), np.nan_to_num(np.vstack([moves.level, moves.level[worst]]))
    labels = np.concatenate([_labels(moves.start), _labels(moves.start[worst])])
    family = np.array([HISTORY] * len(moves) + [STRESS] * len(worst))
    share = np.full(len(moves), 1.0 / len(moves)) if weight is None else weight / weight.sum()
    weights = np.concatenate([share, np.full(len(worst), 1.0 / max(len(worst), 1))])
    pick = None
    if moves.residual is not None:
        pick = np.random.default_rng(seed).integers(len(moves.residual), size=len(labels))
    ones = np.ones(spot.shape)
    change = np.expm1(spot), np.expm1(level)
    return Scenarios(labels, family, moves.names, *change, ones, weights, residual=moves.residual, pick=pick,
                     way=way)  # fmt: skip


def stressed(moves: Moves, count: int, *, level: float = STRESS_LEVEL) -> Ints:
    """Return the rows of the ``count`` scenarios in a row whose tail was worst, as a mean over assets and both sides.

    ``level``: confidence of the expected shortfall, above 0 and below 1. Of each asset, long and short, that of the
    period counts in units of the one of all moves, so that no asset decides alone; a move that is missing counts as
    none. Periods begin a 25th of ``count`` apart, and one ends with the last move.

    ``argmax_k mean_(n, side) ES(side r_n, k .. k + count) / ES(side r_n)``.
    Source: the twelve months of stress of Basel's market risk framework (MAR33), there of each portfolio.

    >>> day = np.arange(6) * 86_400_000
    >>> r = np.array([[0.01], [-0.01], [0.02], [-0.3], [0.2], [0.01]])
    >>> stressed(Moves(day, day, ("BTC",), np.ones(1), r, 0 * r, 0 * r + 0.02), 2).tolist()
    [3, 4]
    """
    n = min(count, len(moves))
    if n <= 0:
        return np.empty(0, np.int64)
    spot = np.nan_to_num(moves.spot).T.copy()
    first = np.unique(np.append(np.arange(0, len(moves) - n + 1, max(n // APART, 1)), len(moves) - n))
    total = np.zeros(len(first))
    for gains in (spot, -spot):
        size = shortfall(gains, level)
        periods = sliding_window_view(gains, n, axis=1)[:, first]
        total += (shortfall(periods, level) / np.where(size > 0, size, np.inf)[:, None]).sum(0)
    begin = int(first[np.argmax(total)])
    return np.arange(begin, begin + n)


def shortfall(gains: Floats, level: float) -> Floats:
    """Return the mean loss beyond a level over the last axis of ``gains``, any shape, at least 0, in their unit.

    Equation: the worst ``n (1 - level)`` gains, the last of them by its fraction (Rockafellar and Uryasev 2002).

    >>> float(shortfall(np.array([-3.0, 1.0, -1.0, 2.0]), 0.625))
    2.3333333333333335
    """
    size = gains.shape[-1] * (1.0 - level)
    many = min(ceil(size), gains.shape[-1])
    worst = np.sort(np.partition(gains, many - 1, axis=-1)[..., :many], axis=-1)
    return np.maximum(-(worst * np.clip(size - np.arange(many), 0.0, 1.0)).sum(-1) / size, 0.0)


def _labels(start: Ints) -> Texts:
    return np.datetime_as_string(start.astype("datetime64[ms]"), unit="D")
