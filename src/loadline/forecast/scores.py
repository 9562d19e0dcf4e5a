"""How good variance forecasts were: QLIKE and squared error, and whether one model beats another beyond chance."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from loadline.foundation.errors import InputError
from loadline.foundation.table import Floats


def qlike(realised: Floats, forecast: Floats) -> Floats:
    """Return the loss of each forecast, (T,): nil where it was right, and larger for too little than for too much.

    ``realised``, ``forecast``: (T,) variances, positive, same unit. ``v/f - ln(v/f) - 1``.
    Raises ``InputError`` for numbers that are not positive. Source: A. Patton (2011), Journal of Econometrics 160.

    >>> qlike(np.array([1.0, 2.0]), np.array([1.0, 1.0])).round(4).tolist()
    [0.0, 0.3069]
    """
    ratio = _positive(realised) / _positive(forecast)
    return np.asarray(ratio - np.log(ratio) - 1.0)


def squared_error(realised: Floats, forecast: Floats) -> Floats:
    """Return the squared error of each forecast, (T,).

    >>> squared_error(np.array([3.0]), np.array([1.0])).tolist()
    [4.0]
    """
    return np.asarray((_positive(realised) - _positive(forecast)) ** 2)


@dataclass(frozen=True, slots=True)
class DieboldMariano:
    """Whether one loss is smaller than another: the mean difference, its t statistic and two-sided p-value."""

    difference: float
    statistic: float
    p_value: float


def diebold_mariano(loss: Floats, other: Floats, horizon: int) -> DieboldMariano:
    """Test whether two series of losses differ on average; negative: the first is the smaller.

    ``loss``, ``other``: (T,) of the same dates; ``horizon``: steps ahead: overlapping forecasts are allowed for by
    weighted autocovariances up to the larger of ``horizon - 1`` and ``T^(1/3)``.
    Raises ``InputError`` for fewer than ten dates. Source: F. Diebold and R. Mariano (1995); weights: Newey and West.

    >>> diebold_mariano(np.tile([1.0, 1.2], 50), np.tile([1.1, 1.4], 50), 1).statistic < -5
    True
    """
    d = np.asarray(loss, np.float64) - np.asarray(other, np.float64)
    if len(d) < 10 or not np.isfinite(d).all():
        raise InputError("losses of ten dates or more are needed, all finite", remedy="compare on common dates")
    n, e = len(d), d - d.mean()
    lags = max(horizon - 1, round(n ** (1.0 / 3.0)))
    variance = float(e @ e)
    for lag in range(1, min(lags, n - 1) + 1):
        variance += 2.0 * (1.0 - lag / (lags + 1.0)) * float(e[lag:] @ e[:-lag])
    mean = float(d.mean())
    if variance <= 0.0:
        return DieboldMariano(mean, 0.0 if mean == 0 else math.copysign(math.inf, mean), float(mean == 0))
    statistic = mean / math.sqrt(variance / n**2)
    return DieboldMariano(mean, statistic, math.erfc(abs(statistic) / math.sqrt(2.0)))


def confidence_set(losses: Mapping[str, Floats], *, size: float, horizon: int, seed: int) -> list[str]:
    """Return the models among which the best lies with probability ``1 - size``, in the order given.

    ``losses``: (T,) of each model, same dates; blocks of the bootstrap are the longer of ``horizon`` and ``T^(1/3)``.
    Needs the package ``arch`` (``pip install "loadline[forecast]"``); raises ``InputError`` without it.
    Source: P. Hansen, A. Lunde and J. Nason (2011), Econometrica 79.
    """
    try:
        from arch.bootstrap import MCS
    except ModuleNotFoundError as error:
        raise InputError('confidence sets come from the package "arch"', remedy='pip install "loadline[forecast]"') \
            from error  # fmt: skip
    table = np.column_stack([np.asarray(x, np.float64) for x in losses.values()])
    block = max(horizon, round(len(table) ** (1.0 / 3.0)))
    found = MCS(table, size=size, block_size=block, bootstrap="stationary", seed=seed)
    found.compute()
    return [name for n, name in enumerate(losses) if n in set(found.included)]


@dataclass(frozen=True, slots=True)
class Score:
    """How good one model has been over ``periods`` that all models forecast: mean QLIKE and mean squared error.

    ``test``: whether its QLIKE differs from the rival's, ``None`` for the rival itself and for fewer than ten periods;
    ``kept``: whether it is in the confidence set, ``None`` where there is none.
    """

    qlike: float
    mse: float
    periods: int
    test: DieboldMariano | None
    kept: bool | None


@dataclass(frozen=True, slots=True)
class Scores:
    """The scores of models by name, in the order given; ``why``: why there is no confidence set, empty where one is."""

    models: Mapping[str, Score]
    why: str = ""


def scored(
    target: Floats, made: Mapping[str, Floats], horizon: int, *, rival: str, size: float = 0.10, seed: int = 1
) -> Scores:
    """Return how good models have been on the periods that all of them forecast and whose variance has come.

    ``target``, ``made``: (T,) variances, NaN where not known; ``rival``: whom each is tested against; ``size``: the
    best model is outside the confidence set with this probability. No model has a score where no period is common.

    >>> y = np.exp(np.random.default_rng(1).normal(size=100))
    >>> found = scored(y, {"nearly": 1.1 * y, "always one": np.ones(100)}, 1, rival="always one").models
    >>> round(found["nearly"].qlike, 4), found["nearly"].test.statistic < -2, found["always one"].test
    (0.0044, True, None)
    """
    common = np.isfinite(target) & (target > 0) & np.all([np.isfinite(f) & (f > 0) for f in made.values()], axis=0)
    n, y = int(common.sum()), target[common]
    if not n:
        return Scores({}, "no period that all models forecast")
    loss = {name: qlike(y, f[common]) for name, f in made.items()}
    kept, why = None, ""
    try:
        if len(loss) < 2 or n < 10:
            raise InputError("needs two models and ten common periods", remedy="name more models")
        with np.errstate(divide="ignore", invalid="ignore"):  # two models of one and the same loss
            kept = confidence_set(loss, size=size, horizon=horizon, seed=seed)
    except InputError as error:
        why = error.what
    out = {}
    for name, own in loss.items():
        tested = n >= 10 and rival in loss and name != rival
        test = diebold_mariano(own, loss[rival], horizon) if tested else None
        mse = float(squared_error(y, made[name][common]).mean())
        out[name] = Score(float(own.mean()), mse, n, test, None if kept is None else name in kept)
    return Scores(out, why)


def _positive(values: Floats) -> Floats:
    x = np.asarray(values, np.float64)
    if not np.isfinite(x).all() or (x <= 0).any():
        raise InputError("a variance is missing or not positive", remedy="compare on days that have both")
    return x
