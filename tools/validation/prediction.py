"""What a better volatility buys in margin: the 99 % quantile score of filtered history under several volatilities.

Each day's quantiles of the next one or two days are those of past moves over the volatility forecast before them, times
today's; nothing else differs between the models. The score is the expected loss of a quantile forecast, both tails
together: lower is better.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from loadline.forecast.scores import diebold_mariano
from tools.validation.data import Data
from tools.volatility_models import regressed, weighted
from tools.volatility_study import daily

LEAST = 500
"""Moves that a quantile is taken of, at least; half of them where the implied vol is compared."""
RIVAL = "EWMA 0.97"
COMPARED = (RIVAL, "log-HAR", "mean of log-HAR and EWMA 0.97")
IMPLIED = "implied vol (30 days)"


@dataclass(frozen=True)
class Score:
    """One volatility: mean score over that of EWMA 0.97 less one, its t, mean margin over EWMA's, and breaches."""

    name: str
    horizon: int
    dates: int
    change: float
    t: float
    margin: float
    breaches: float


def score(loss: np.ndarray, quantile: np.ndarray, level: float = 0.99) -> np.ndarray:
    """Return (T,) the score of margins against losses: ``(level - [loss <= margin]) (loss - margin)``.

    >>> score(np.array([2.0, 0.0]), np.array([1.0, 1.0])).round(2).tolist()
    [0.99, 0.01]
    """
    return np.asarray((level - (loss <= quantile)) * (loss - quantile))


def quantiles(returns: np.ndarray, sigma: np.ndarray, horizon: int, damping: float, least: int) -> np.ndarray:
    """Return (T, 2) margins of a long and a short position, NaN before there are enough moves.

    ``returns``: (T,) daily log returns; ``sigma``: (T,) of the ``horizon`` days after each, as forecast then.
    """
    total = np.concatenate([[0.0], np.cumsum(returns)])
    move = np.full(len(returns), np.nan)  # of the days after each
    move[: len(returns) - horizon] = total[1 + horizon :] - total[1:-horizon]
    out = np.full((len(returns), 2), np.nan)
    for t in range(len(returns)):
        past = slice(0, max(t - horizon + 1, 0))  # moves that have ended
        good = np.isfinite(sigma[past]) & np.isfinite(move[past])
        if good.sum() < least or not np.isfinite(sigma[t]):
            continue
        r = move[past][good]
        scaled = (1 - damping) * r * np.minimum(sigma[t] / sigma[past][good], 3.0) + damping * r
        out[t] = -np.quantile(scaled, 0.01), np.quantile(scaled, 0.99)
    return out


def scores(data: Data, damping: float) -> list[Score]:
    """Return every volatility's score for bitcoin, 1 and 2 days ahead."""
    history = daily(data.folder, "BTC")
    found: list[Score] = []
    for horizon in (1, 2):
        slow, quick = weighted(history.returns, 0.97), regressed(history, horizon, "log-har")
        made = dict(zip(COMPARED, (slow, quick, 0.5 * (slow + quick)), strict=True))
        if history.implied is not None:
            made[IMPLIED] = history.implied
        vols = {n: np.sqrt(v * horizon) for n, v in made.items()}
        found += compared(history.returns, {n: vols[n] for n in COMPARED}, horizon, damping, LEAST)
        if IMPLIED in vols:
            seen = np.isfinite(vols[IMPLIED])
            cut = {n: np.where(seen, vols[n], np.nan) for n in (RIVAL, IMPLIED)}
            found += compared(history.returns, cut, horizon, damping, LEAST // 2)[1:]
    return found


def compared(
    returns: np.ndarray, vols: Mapping[str, np.ndarray], horizon: int, damping: float, least: int
) -> list[Score]:
    """Return the scores of some volatilities on the dates that all of them have."""
    total = np.concatenate([[0.0], np.cumsum(returns)])
    loss = np.full((len(returns), 2), np.nan)
    moved = total[1 + horizon :] - total[1:-horizon]
    loss[: len(moved)] = np.stack([-moved, moved], axis=1)
    margins = {n: quantiles(returns, v, horizon, damping, least) for n, v in vols.items()}
    common = np.isfinite(loss).all(1) & np.all([np.isfinite(m).all(1) for m in margins.values()], axis=0)
    by = {n: score(loss[common], m[common]).sum(1) for n, m in margins.items()}
    base, out = by[RIVAL], []
    for n, s in by.items():
        t = 0.0 if n == RIVAL else diebold_mariano(s, base, horizon).statistic
        cost = float(margins[n][common].mean() / margins[RIVAL][common].mean())
        breaches = float((loss[common] > margins[n][common]).mean())
        out.append(Score(n, horizon, int(common.sum()), float(s.mean() / base.mean() - 1.0), t, cost, breaches))
    return out
