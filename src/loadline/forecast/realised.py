"""Variance that was realised: from the bars of each day, with what jumps left out of it, and which days lack bars."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from loadline.forecast.volatility import returns_of
from loadline.foundation.errors import InputError
from loadline.foundation.table import Bools, Floats, Ints

DAY = 86_400_000
"""Milliseconds."""
SURE = 3.090232306167813
"""The 99.9 % quantile of the normal distribution: beyond it a day is flagged."""


@dataclass(frozen=True, eq=False)
class Realised:
    """One row per day with enough bars, in order; variances per day.

    ``day``: (T,) its start, epoch ms; ``variance``: sum of squared log returns; ``bipower``: the same without jumps;
    ``quarticity``: of the variance's own error; ``jump``: whether variance and bipower differ beyond chance;
    ``lacking``: days that have some bars, but too few to be answered.
    """

    day: Ints
    variance: Floats
    bipower: Floats
    quarticity: Floats
    jump: Bools
    lacking: Ints

    def __len__(self) -> int:
        return len(self.day)


def realised(time: Ints, close: Floats, *, bar: int, least: float = 0.9) -> Realised:
    """Return the realised variance of every day from the closes of its bars.

    ``time``: (N,) opening of each bar, epoch ms UTC, rising; ``close``: (N,) positive; ``bar``: its length in ms;
    ``least``: the share of a day's bars without which it is left out and listed. A return over missing bars counts in
    the day in which it ends: variance is kept, bipower and jumps see one large return there.
    Raises ``InputError`` for times that do not rise, prices not positive, or a bar that does not divide a day.

    ``RV = sum r^2``; ``BV = pi/2 M/(M-1) sum |r_i| |r_(i-1)|``; jump where
    ``(1 - BV/RV) / sqrt((pi^2/4 + pi - 5) max(1, TQ/BV^2) / M) > 3.09``.
    Source: Barndorff-Nielsen and Shephard (2004), Journal of Financial Econometrics 2; the ratio form: Huang and
    Tauchen (2005).

    >>> found = realised(np.arange(25) * 3_600_000, np.exp(0.01 * (np.arange(25) % 2)), bar=3_600_000)
    >>> found.variance.round(6).tolist(), found.lacking.tolist()
    ([0.0023], [86400000])
    """
    t, p = np.asarray(time, np.int64), returns_of(close, "price")
    wrong = []
    if t.shape != p.shape or (np.diff(t) <= 0).any():
        wrong.append("times do not rise one by one, one a price")
    if (p <= 0).any():
        wrong.append("a price is not positive")
    if bar < 1 or DAY % bar:
        wrong.append(f"bars of {bar} ms do not divide a day")
    if wrong:
        raise InputError("; ".join(wrong), remedy="sort the bars by time, drop doubled ones and those without a price")
    r = np.diff(np.log(p), prepend=np.log(p[0]))
    day = t // DAY
    starts = np.flatnonzero(np.diff(day, prepend=day[0] - 1))
    whole = np.diff(np.append(starts, len(t))) >= least * (DAY // bar)
    rows = [_of_day(r[a:b]) for a, b in zip(starts, [*starts[1:], len(t)], strict=True)]
    rv, bv, quarticity, jump = (np.array(c) for c in zip(*rows, strict=True))
    days = day[starts] * DAY
    return Realised(days[whole], rv[whole], bv[whole], quarticity[whole], jump[whole].astype(np.bool_), days[~whole])


def _of_day(r: Floats) -> tuple[float, float, float, float]:
    m, size = len(r), np.abs(r)
    rv = float((r * r).sum())
    if m < 4 or rv == 0.0:
        return rv, rv, 0.0, 0.0
    bv = math.pi / 2.0 * m / (m - 1) * float((size[1:] * size[:-1]).sum())
    quarticity = m / 3.0 * float((r**4).sum())
    mu = 2.0 ** (2.0 / 3.0) * math.gamma(7.0 / 6.0) / math.gamma(0.5)
    steady = (size[2:] * size[1:-1] * size[:-2]) ** (4.0 / 3.0)
    tripower = m / mu**3 * m / (m - 2) * float(steady.sum())
    spread = (math.pi**2 / 4.0 + math.pi - 5.0) * max(1.0, tripower / bv**2 if bv > 0 else math.inf) / m
    return rv, bv, quarticity, float((1.0 - bv / rv) > SURE * math.sqrt(spread))
