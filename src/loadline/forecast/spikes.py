"""How likely it is that volatility doubles within hours: gradient boosting on what was known, fitted as time passes.

A spike is told from returns alone: mean square over the next ``horizon`` bars at least four times (twice, as
volatility) that of the last ``PAST`` bars. Boosting comes from scikit-learn, an extra: ``pip install "loadline[ml]"``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from loadline.foundation.errors import InputError
from loadline.foundation.table import Floats
from loadline.foundation.units import format_time
from loadline.model.history import History

PAST = 168
"""Bars whose volatility is to be doubled: a week of hours."""
TIMES = 4.0
"""Of variance: twice the volatility."""
SPANS = (1, 6, 24, 72, 168, 720)
"""Bars that predictors are means over."""
LEAST = 0.9
"""The share of a span's bars without which its predictor is not known."""
RULE = "variance 24 / 168"
"""The simple rule that a model has to beat: last day's variance over last week's."""


@dataclass(frozen=True, eq=False)
class Predictors:
    """``values``: (T, K), of each bar from that bar and earlier ones, NaN where not known; ``names``: (K,)."""

    names: tuple[str, ...]
    values: Floats

    def column(self, name: str) -> Floats:
        """Return one predictor, (T,)."""
        return np.asarray(self.values[:, self.names.index(name)])


@dataclass(frozen=True, slots=True)
class Spike:
    """The probability of a spike as of a moment; ``base``: how often it came in the bars that were fitted to."""

    as_of: int
    horizon: int
    probability: float
    base: float
    fitted: int
    rule: float


def mean_over(values: Floats, span: int) -> Floats:
    """Return (T,) means over the last ``span`` bars, NaN where fewer than nine in ten of them are known.

    >>> mean_over(np.array([1.0, 2.0, 3.0]), 2).tolist()
    [nan, 1.5, 2.5]
    """
    has = np.isfinite(values)
    total, known = (np.concatenate([[0.0], np.cumsum(x)]) for x in (np.where(has, values, 0.0), has.astype(np.float64)))
    out = np.full(len(values), np.nan)
    if len(values) >= span:
        count = known[span:] - known[:-span]
        enough = count >= LEAST * span
        out[span - 1 :][enough] = (total[span:] - total[:-span])[enough] / count[enough]
    return out


def predictors(history: History, name: str, *, also: Floats | None = None) -> Predictors:
    """Return what is known of one factor at the end of each bar.

    ``history``: bars of equal length (hours, as the spans are counted in bars); ``also``: (T, K) further columns, each
    known at the end of its bar, such as funding. Logarithms of mean squares over ``SPANS`` and their ratios; the share
    of bipower variation in a day and a week; the largest bar of the day in units of the week; returns; range; volume of
    the day over the week's; implied vol over realised, and its change in a day; the hour. Raises ``InputError`` for a
    factor that the history lacks.
    """
    one = history.select([name])
    r, close = one.returns()[:, 0], np.log(one.close[:, 0])
    square, pair = r * r, np.abs(r) * np.abs(np.concatenate([[np.nan], r[:-1]])) * (math.pi / 2.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = {span: mean_over(square, span) for span in SPANS}
        log = {span: np.log(np.maximum(m, 1e-14)) for span, m in mean.items()}
        made = {f"variance {span}": log[span] for span in SPANS}
        made |= {
            f"variance {a} / {b}": log[a] - log[b] for a, b in ((1, 24), (6, 24), (24, 168), (72, 168), (168, 720))
        }
        made |= {f"bipower {s}": mean_over(pair, s) / mean[s] for s in (24, 168)}
        made["largest bar of the day"] = _rolling(np.abs(np.nan_to_num(r)), 24, np.max) / np.sqrt(mean[168])
        for span in (1, 24, 168):
            made[f"return {span}"] = one.returns(span)[:, 0] / np.sqrt(span * mean[168])
        swing = _rolling(close, 24, np.nanmax) - _rolling(close, 24, np.nanmin)
        made["range of the day"] = swing / np.sqrt(24 * mean[168])
        volume = np.log(np.maximum(one.volume[:, 0], 1e-9))
        made["volume 24 / 168"] = mean_over(volume, 24) - mean_over(volume, 168)
        made["volume 1 / 24"] = volume - mean_over(volume, 24)
        year = 365.0 * 86_400_000 / one.step
        implied = 2.0 * np.log(one.implied[:, 0]) - math.log(year)
        made["implied / variance 168"] = implied - log[168]
        made["implied, change in a day"] = implied - np.concatenate([np.full(24, np.nan), implied])[: len(implied)]
    hour = one.time / 3_600_000 % 24.0
    made |= {"hour, sine": np.sin(hour * math.pi / 12.0), "hour, cosine": np.cos(hour * math.pi / 12.0)}
    names, columns = tuple(made), np.column_stack(list(made.values()))
    if also is not None:
        more = np.asarray(also, np.float64).reshape(len(one), -1)
        names, columns = (*names, *(f"also {n}" for n in range(more.shape[1]))), np.hstack([columns, more])
    columns[~np.isfinite(columns)] = np.nan
    return Predictors(names, columns)


def _rolling(values: Floats, span: int, what: Any) -> Floats:
    out = np.full(len(values), np.nan)
    if len(values) >= span:
        with np.errstate(invalid="ignore"):
            windows = np.lib.stride_tricks.sliding_window_view(values, span)
            known = np.isfinite(windows).any(1)
            out[span - 1 :][known] = what(windows[known], axis=1)
    return out


def doubled(history: History, name: str, horizon: int) -> Floats:
    """Return (T,) 1.0 where a spike came in the ``horizon`` bars after each, 0.0 where none did, NaN if not known yet.

    ``mean r^2 of the next h bars >= 4 mean r^2 of the last 168``.
    """
    square = history.select([name]).returns()[:, 0] ** 2
    after = np.full(len(square), np.nan)
    if len(square) > horizon:
        after[:-horizon] = mean_over(square, horizon)[horizon:]
    before = mean_over(square, PAST)
    known = np.isfinite(after) & np.isfinite(before) & (before > 0)
    return np.where(known, (after >= TIMES * before).astype(np.float64), np.nan)


def walk_forward(
    known: Predictors,
    target: Floats,
    horizon: int,
    *,
    least: int = 8760,
    refit: int = 1440,
    every: int = 6,
    seed: int = 20260101,
    model: str = "boosting",
) -> Floats:
    """Return (T,) probabilities of a spike after each bar, NaN before the first fit.

    ``target``: (T,) from ``doubled``; ``least``: bars before the first fit; ``refit``: bars between fits; ``every``:
    one bar in so many is fitted to, as targets overlap; ``model``: ``boosting``, or ``logistic`` on the logarithms of
    the day's, week's and month's variance. A fit at bar t sees only bars whose target had come true by t: those of the
    last ``horizon`` bars are purged. Raises ``InputError`` without scikit-learn, or for too few bars.
    """
    t = len(target)
    if t <= least + horizon:
        raise InputError(f"{t} bars: a first fit needs {least + horizon + 1}", remedy="give a longer history")
    out = np.full(t, np.nan)
    for at in range(least, t, refit):
        fit = _fitted(known, target, at - horizon, every, seed, model)  # the last bar whose target is known at ``at``
        if fit is not None:
            rows = slice(at, min(at + refit, t))
            out[rows] = _probability(fit, known, rows, model)
    return out


def spike_at(history: History, name: str, as_of: int, horizon: int = 24, **how: Any) -> Spike:
    """Return the probability of a spike within ``horizon`` bars of ``as_of`` (epoch ms), fitted to what was known then.

    ``how``: ``every``, ``seed`` and ``model`` as in ``walk_forward``. Raises ``InputError`` for a history that is too
    short, in which there never was a spike, or that lacks the bars before ``as_of``.
    """
    past = history.until(as_of)
    known, target = predictors(past, name), doubled(past, name, horizon)
    model = how.get("model", "boosting")
    last = len(past) - 1
    seen = np.isfinite(target[: last - horizon + 1])
    fit = None
    if seen.sum() >= 1000:
        fit = _fitted(known, target, last - horizon, how.get("every", 6), how.get("seed", 20260101), model)
    if fit is None:
        raise InputError(
            f"{int(seen.sum())} bars with a target, or no spike among them", remedy="give a longer history"
        )
    probability = float(_probability(fit, known, slice(last, last + 1), model)[0])
    if not math.isfinite(probability):
        lacking = f"{name} lacks bars in the last {PAST}, up to {format_time(int(past.time[-1]))}"
        raise InputError(lacking, remedy="ask for a time at which it has bars")
    base = float(np.nanmean(target[: last - horizon + 1]))
    return Spike(int(past.time[-1]), horizon, probability, base, int(seen.sum()), float(known.column(RULE)[-1]))


def _fitted(known: Predictors, target: Floats, last: int, every: int, seed: int, model: str) -> Any:
    """A model fitted to bars up to ``last``; ``None`` where they hold no spike, or nothing else."""
    try:
        from sklearn.ensemble import HistGradientBoostingClassifier
        from sklearn.linear_model import LogisticRegression
        from threadpoolctl import threadpool_limits
    except ModuleNotFoundError as error:
        raise InputError(
            'spikes are fitted by the package "scikit-learn"', remedy='pip install "loadline[ml]"'
        ) from error
    rows = np.arange(last % every, last + 1, every)
    rows = rows[np.isfinite(target[rows])]
    if model == "logistic":
        rows = rows[np.isfinite(_plain(known)[rows]).all(1)]
    if len(np.unique(target[rows])) < 2:
        return None
    if model == "logistic":
        return LogisticRegression(C=1.0).fit(_plain(known)[rows], target[rows]), np.ones(3, np.bool_)
    boosted = HistGradientBoostingClassifier(
        learning_rate=0.05, max_iter=150, max_depth=3, min_samples_leaf=50, l2_regularization=10.0,
        early_stopping=False, random_state=seed,
    )  # fmt: skip
    x = known.values[rows]
    told = np.array([len(np.unique(c[np.isfinite(c)][:1000])) > 1 for c in x.T])  # no volume, no implied vol: left out
    with threadpool_limits(limits=1):  # so few rows are fitted sooner, and always alike, on one thread
        return boosted.fit(x[:, told], target[rows]), told


def _plain(known: Predictors) -> Floats:
    """The three terms of HAR in logarithms."""
    return np.column_stack([known.column(f"variance {span}") for span in (24, 168, 720)])


def _probability(fit: Any, known: Predictors, rows: slice, model: str) -> Floats:
    fitted, told = fit
    x = (_plain(known) if model == "logistic" else known.values)[rows][:, told]
    out = np.full(len(x), np.nan)
    has = np.isfinite(x).all(1) if model == "logistic" else np.isfinite(known.column("variance 168"))[rows]
    if has.any():
        out[has] = _scored(fitted, x[has])
    return out


def _scored(fitted: Any, x: Floats) -> Floats:
    from threadpoolctl import threadpool_limits

    with threadpool_limits(limits=1):
        return np.asarray(fitted.predict_proba(x)[:, 1])


def average_precision(target: Floats, score: Floats) -> float:
    """Return the area under precision against recall, as a step function: that of a blind score is the base rate.

    ``target``: (T,) 1 or 0; ``score``: (T,), higher where a spike is held more likely; ties enter together.
    ``sum (R_n - R_(n-1)) P_n``. Raises ``InputError`` without a single spike.

    >>> average_precision(np.array([0.0, 1.0, 1.0, 0.0]), np.array([0.1, 0.9, 0.4, 0.5])).__round__(4)
    0.8333
    """
    order = np.argsort(-score, kind="stable")
    hit, ranked = np.cumsum(target[order]), score[order]
    if not len(hit) or hit[-1] == 0:
        raise InputError("no spike to be found", remedy="score a longer time")
    last = np.append(np.diff(ranked) != 0, True)
    recall, precision = hit[last] / hit[-1], hit[last] / (np.flatnonzero(last) + 1.0)
    return float((np.diff(recall, prepend=0.0) * precision).sum())


@dataclass(frozen=True, slots=True)
class Warnings:
    """How early alarms came: of ``onsets``, ``warned`` had one in the bars before; ``lead``: their median bars ahead.

    ``chance``: share of all bars that had an alarm in the bars before them, as an onset at any time would have;
    ``alarms``: share of all bars with an alarm; ``right``: share of alarms that a spike followed within the horizon.
    """

    onsets: int
    warned: int
    lead: float
    chance: float
    alarms: float
    right: float


def onsets(history: History, name: str, *, span: int = 6, quiet: int = 48) -> Floats:
    """Return (T,) 1.0 on bars at which a spike begins: the last ``span`` bars twice as wild as the week before them.

    Only the first bar after ``quiet`` bars without one counts; 0.0 elsewhere.
    """
    square = history.select([name]).returns()[:, 0] ** 2
    before = np.concatenate([np.full(span, np.nan), mean_over(square, PAST)])[: len(square)]
    with np.errstate(invalid="ignore"):
        wild = mean_over(square, span) >= TIMES * before
    out, last = np.zeros(len(square)), -quiet - 1
    for t in np.flatnonzero(wild).tolist():
        out[t] = float(t - last > quiet)
        last = t
    return out


def warnings_of(
    begins: Floats, target: Floats, score: Floats, *, share: float, horizon: int, past: int = 8760
) -> Warnings:
    """Return how early alarms came where ``share`` of bars may have one.

    ``begins``: (T,) from ``onsets``; ``score``: (T,), NaN where none; an alarm is a score above the quantile of the
    last ``past`` scores that were known before it. ``horizon``: bars before an onset in which an alarm counts.
    """
    has = np.flatnonzero(np.isfinite(score))
    alarm, asked = np.zeros(len(score), np.bool_), np.zeros(len(score), np.bool_)
    for n in range(0, len(has), 24):  # a new threshold a day
        seen = score[has[max(n - past, 0) : n]]
        if len(seen) >= past // 4:
            rows = has[n : n + 24]
            asked[rows], alarm[rows] = True, score[rows] > np.quantile(seen, 1.0 - share)
    leads, count = [], 0
    for t in np.flatnonzero(begins).tolist():
        if t >= horizon and asked[t - horizon : t].all():
            count += 1
            rung = np.flatnonzero(alarm[t - horizon : t])
            leads += [horizon - int(rung[0])] if len(rung) else []
    rung_lately = np.convolve(alarm, np.ones(horizon), "full")[: len(alarm)] > 0  # an alarm in this bar or those before
    lately = np.concatenate([[False], rung_lately[:-1]])
    true = target[alarm & np.isfinite(target)]
    none = not asked.any()
    return Warnings(
        onsets=count,
        warned=len(leads),
        lead=float(np.median(leads)) if leads else math.nan,
        chance=math.nan if none else float(lately[asked].mean()),
        alarms=math.nan if none else float(alarm[asked].mean()),
        right=float(true.mean()) if len(true) else math.nan,
    )


@dataclass(frozen=True, slots=True)
class Graded:
    """How good the probabilities have been, out of sample over ``bars``, ``base`` of them before a spike.

    ``area``: under precision against recall; ``simple``: the same of ``RULE``; both ``base`` where blind.
    ``warnings``: how early alarms came.
    """

    bars: int
    base: float
    area: float
    simple: float
    warnings: Warnings


def graded(history: History, name: str, horizon: int = 24, *, share: float = 0.10, lead: int = 24) -> Graded:
    """Return how good the probability of a spike within ``horizon`` bars has been, fitted anew as time passed.

    ``share``: of bars that may have an alarm; ``lead``: bars before an onset in which one counts. Raises ``InputError``
    for fewer bars than a first fit needs (a year of hours), or without a spike after it.
    """
    known, target = predictors(history, name), doubled(history, name, horizon)
    score, simple = walk_forward(known, target, horizon), known.column(RULE)
    has = np.isfinite(target) & np.isfinite(score) & np.isfinite(simple)
    if not has.any():
        raise InputError("no bar with a probability and an outcome", remedy="give a longer history")
    alarms = warnings_of(onsets(history, name), target, np.where(has, score, np.nan), share=share, horizon=lead)
    area, rule = (average_precision(target[has], x[has]) for x in (score, simple))
    return Graded(int(has.sum()), float(target[has].mean()), area, rule, alarms)
