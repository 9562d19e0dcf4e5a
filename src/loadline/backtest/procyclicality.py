"""How much a requirement moves by itself while the book stays: peak to trough, and the largest rise in n days."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from loadline.foundation.errors import InputError
from loadline.foundation.table import Floats


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
    from_least = [x[t] / x[max(t - dates, 0) : t].min() - 1.0 for t in range(1, len(x))]
    return max(0.0, float(np.max(from_least)))


def procyclicality(requirement: Floats, dates: tuple[int, ...] = (1, 5, 20)) -> Procyclicality:
    """Return the measures of a requirement of an unchanged book over time.

    ``requirement``: (T,) positive, one a date. Raises ``InputError`` as ``largest_rise``.
    Source: Murphy, Vasios and Vause (2014), Bank of England Financial Stability Paper 29.

    >>> procyclicality(np.array([10.0, 8.0, 9.0, 12.0]), (1,)).peak_to_trough
    1.5
    """
    x = _checked(requirement)
    return Procyclicality(float(x.mean()), float(x.max() / x.min()), {n: largest_rise(x, n) for n in dates})


def _checked(requirement: Floats) -> Floats:
    x = np.asarray(requirement, np.float64)
    if x.ndim != 1 or len(x) < 2 or not np.isfinite(x).all() or not (x > 0).all():
        raise InputError(
            "a requirement over time needs two dates or more, each finite and positive",
            remedy="leave out dates on which the account held nothing or had no answer",
        )
    return x
