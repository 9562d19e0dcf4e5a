"""The part of the volatility study on spikes: whether it can be told that volatility will double within hours."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl

from loadline.forecast.spikes import (
    average_precision,
    doubled,
    onsets,
    predictors,
    walk_forward,
    warnings_of,
)
from loadline.foundation.units import format_time
from loadline.model.history import History
from tools.crash_day import table

HOUR, DAY = 3_600_000, 86_400_000
HORIZONS = (6, 24)
SHARE, LEAD, DRAWS, SEED = 0.10, 24, 200, 1
FUNDING, IMPLIED = "funding_daily_mean_BTC_2019_2026", "dvol_BTC_1d_2022_2025"
TEXT = f"""A spike: the next 6 or 24 hours at least twice as volatile as the last week, by hourly returns.
Probabilities of `loadline.forecast.spikes`, from hourly bars, the first fit after a year, fitted anew every 60 days,
the hours whose spike had not been decided yet purged. *PR-AUC* is average precision: that of a blind score is the
base rate. The simple rules are rankings: last day's over last week's variance; the same with the last six hours
added; a week calmer than its month; and a logistic regression on the logarithms of the day's, week's and month's
variance, fitted in the same walk. *Warned*: onsets (the last six hours twice as wild as the week before them, for the
first time in two days) that had an alarm in the {LEAD} hours before, where {SHARE:.0%} of all hours may have one
(threshold from the scores of the year before); *by chance*: all hours that had one in the 24 hours before, which is
what an onset at any time would have had; *lead*: their median hours ahead; *right*: alarms that a spike followed
within the horizon. The interval is of the difference to the best simple rule, 90 %, from {DRAWS} draws of whole
weeks. Where the interval lies above nil, boosting knows more than the rule beyond chance; even so, most alarms are
false."""


def hours(folder: Path, coin: str, files: tuple[str, ...], *, more: bool) -> tuple[History, np.ndarray | None]:
    """Hourly bars without filling; with ``more``, volume, DVOL and funding of the day before where there are any."""
    parts, end = [], -1
    for name in files:
        frame = (
            pl.read_parquet(folder / "prices" / f"{name}.parquet").filter(pl.col("symbol") == f"{coin}USDT").sort("ts")
        )
        volume = pl.col("volume") * pl.col("close") if "volume" in frame.columns else pl.lit(None, pl.Float64)
        frame = frame.select(pl.col("ts").dt.epoch("ms"), "close", volume.alias("volume")).filter(pl.col("ts") > end)
        parts.append(frame)
        end = int(frame["ts"][-1])
    bars = pl.concat(parts)
    grid = np.arange(bars["ts"][0], bars["ts"][-1] + 1, HOUR)
    place = np.searchsorted(grid, bars["ts"].to_numpy())
    close, volume = np.full((len(grid), 1), np.nan), np.full((len(grid), 1), np.nan)
    close[place, 0] = bars["close"].to_numpy()
    volume[place, 0] = bars["volume"].fill_null(np.nan).to_numpy()
    implied, also = np.full((len(grid), 1), np.nan), None
    if more:
        implied[:, 0] = day_before(folder, IMPLIED, "dvol", grid) / 100.0
        frame = pl.read_parquet(folder / "derivs" / f"{FUNDING}.parquet")
        also = day_before(folder, FUNDING, next(c for c in frame.columns if frame[c].dtype == pl.Float64), grid)
    held = {"volume": volume, "implied": implied} if more else {}
    return History.of(grid + HOUR, [coin], close, step=HOUR, **held), also


def day_before(folder: Path, name: str, column: str, grid: np.ndarray) -> np.ndarray:
    """A daily series as it stood the day before each hour."""
    frame = pl.read_parquet(folder / "derivs" / f"{name}.parquet")
    of_day = dict(zip((frame["ts"].dt.epoch("ms") // DAY).to_list(), frame[column].to_list(), strict=True))
    return np.array(
        [of_day.get(t // DAY - 1) if of_day.get(t // DAY - 1) is not None else np.nan for t in grid.tolist()]
    )


def section(folder: Path, files: dict[str, tuple[str, ...]]) -> str:
    """The tables of every coin and horizon."""
    parts = ["## Spikes", TEXT]
    for coin, names in files.items():
        plain, _ = hours(folder, coin, names, more=False)
        rich = hours(folder, coin, names, more=True) if coin == "BTC" else None
        parts += [compared(coin, plain, rich, horizon) for horizon in HORIZONS]
    return "\n\n".join(parts)


def compared(coin: str, plain: History, rich: tuple[History, np.ndarray | None] | None, horizon: int) -> str:
    """One table: boosting against simple rules, on the hours that all of them score."""
    known, target = predictors(plain, coin), doubled(plain, coin, horizon)
    day, week = known.column("variance 24 / 168"), known.column("variance 168 / 720")
    simple = {
        "day over week": day,
        "six hours over week": known.column("variance 6 / 24") + day,
        "a week calmer than its month": -week,
        "logistic": walk_forward(known, target, horizon, model="logistic"),
    }
    made = {"boosting": walk_forward(known, target, horizon)}
    if rich is not None:
        made["boosting + volume, implied, funding"] = walk_forward(
            predictors(rich[0], coin, also=rich[1]), target, horizon
        )
    scores = made | simple
    has = np.isfinite(target) & np.all([np.isfinite(s) for s in scores.values()], axis=0)
    y, begins = target[has], onsets(plain, coin)
    found = {name: average_precision(y, s[has]) for name, s in scores.items()}
    best = max(simple, key=lambda name: found[name])
    rows = []
    for name in sorted(scores, key=lambda n: -found[n]):
        told = warnings_of(begins, target, np.where(has, scores[name], np.nan), share=SHARE, horizon=LEAD)
        spread = interval(y, scores[name][has], scores[best][has]) if name in made else ""
        warned = f"{told.warned / told.onsets:.0%} of {told.onsets}"
        rows.append(
            (
                name,
                f"{found[name]:.3f}",
                spread,
                warned,
                f"{told.chance:.0%}",
                f"{told.lead:.0f} h",
                f"{told.right:.1%}",
            )
        )
    at = plain.time[has]
    first, last = (format_time(int(t))[:10] for t in (at[0], at[-1]))
    said = f"{has.sum():,} hours, {first} to {last}, base rate {y.mean():.3f}."
    head = ("score", "PR-AUC", f"less that of {best}", "warned", "by chance", "lead", "right")
    return f"### {coin}, a spike within {horizon} hours\n\n{said}\n\n{table(head, rows)}"


def interval(y: np.ndarray, score: np.ndarray, other: np.ndarray) -> str:
    """The difference of average precision with its 90 % interval from draws of whole weeks."""
    draw, weeks = np.random.default_rng(SEED), len(y) // 168
    gaps = []
    for _ in range(DRAWS):
        rows = (draw.integers(0, weeks, weeks)[:, None] * 168 + np.arange(168)).ravel()
        gaps.append(average_precision(y[rows], score[rows]) - average_precision(y[rows], other[rows]))
    low, high = np.quantile(gaps, [0.05, 0.95])
    return f"{average_precision(y, score) - average_precision(y, other):+.3f} ({low:+.3f} to {high:+.3f})"
