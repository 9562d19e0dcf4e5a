"""How much a requirement moves by itself while the book stays: peak to trough, and the largest rise in n days."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from loadline.foundation.errors import InputError
from loadline.foundation.table import Floats, Ints
from loadline.foundation.units import MS_PER_DAY

ROUND_OFF = 1e-12
"""Relative moves below this are of the order in which sums were made, not of the requirement: they count as none."""


@dataclass(frozen=True, slots=True)
class Procyclicality:
    """Of one requirement over time: its mean, peak over trough, and the largest relative rise within n dates."""

    mean: float
    peak_to_trough: float
    rises: dict[int, float]


def largest_rise(requirement: Floats, dates: int) -> float:
    """Return the largest relative rise of a requirement within so many dates, 0.5 for half as much again.

    ``requirement``: (T,) positive, one a date. A rise counts from the least of the ``dates`` before, so that one
    spread over several dates is seen. Raises ``InputError`` for fewer than two dates or numbers not positive.

    >>> largest_rise(np.array([10.0, 8.0, 9.0, 12.0]), 2)
    0.5
    """
    x = _checked(requirement)
    if dates < 1:
        raise InputError(f"a rise within {dates} dates", remedy="ask for one date or more")
    return _rise(x, np.maximum(np.arange(len(x)) - dates, 0))


def rise_within(requirement: Floats, times: Ints, days: float) -> float:
    """Return the largest relative rise of a requirement within so many days, however its dates are spaced.

    ``requirement``: (T,) positive; ``times``: (T,) epoch ms, rising. Raises ``InputError`` as ``largest_rise``.

    >>> rise_within(np.array([10.0, 8.0, 9.0, 12.0]), np.array([0, 1, 2, 9]) * MS_PER_DAY, 5.0)
    0.125
    """
    x = _checked(requirement)
    if not days > 0:
        raise InputError(f"a rise within {days:g} days", remedy="ask for more than 0 days")
    return _rise(x, np.searchsorted(times, times - days * MS_PER_DAY))


def _rise(x: Floats, since: Ints) -> float:
    """The largest relative rise to each number from the least between ``since``, a row, and itself."""
    most = max(x[t] / x[since[t] : t + 1].min() - 1.0 for t in range(len(x)))
    return float(most) if most > ROUND_OFF else 0.0


def peak_to_trough(requirement: Floats) -> float:
    """Return the highest over the lowest; exactly 1 where they differ by round-off alone.

    >>> peak_to_trough(np.array([2.0, 2.0 * (1 + 4e-16)]))
    1.0
    """
    x = _checked(requirement)
    ratio = float(x.max() / x.min())
    return ratio if ratio - 1.0 > ROUND_OFF else 1.0


def procyclicality(requirement: Floats, dates: tuple[int, ...] = (1, 5, 20)) -> Procyclicality:
    """Return the measures of a requirement of an unchanged book over time.

    ``requirement``: (T,) positive, one a date. Raises ``InputError`` as ``largest_rise``.
    Source: Murphy, Vasios and Vause (2014), Bank of England Financial Stability Paper 29.

    >>> procyclicality(np.array([10.0, 8.0, 9.0, 12.0]), (1,)).peak_to_trough
    1.5
    """
    x = _checked(requirement)
    return Procyclicality(float(x.mean()), peak_to_trough(x), {n: largest_rise(x, n) for n in dates})


def _checked(requirement: Floats) -> Floats:
    x = np.asarray(requirement, np.float64)
    if x.ndim != 1 or len(x) < 2 or not np.isfinite(x).all() or not (x > 0).all():
        raise InputError(
            "a requirement over time needs two dates or more, each finite and positive",
            remedy="leave out dates on which the account held nothing or had no answer",
        )
    return x
