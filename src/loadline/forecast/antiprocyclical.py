"""Tools that keep margin from jumping when markets do: buffer, weight of stress, floor, speed limit.

Each takes a requirement (or a volatility) over time and returns another, date by date, from what was known then.
Source of the first three: Commission Delegated Regulation (EU) 153/2013, article 28(1) (a), (b), (c).
"""

from __future__ import annotations

import numpy as np

from loadline.foundation.errors import InputError
from loadline.foundation.table import Floats


def buffered(current: Floats, *, buffer: float = 0.25, refill: float = 0.0) -> Floats:
    """Return margin with a buffer that is used up while requirements rise, so that the rise arrives more slowly.

    ``current``: (T,) the plain requirement, positive; ``buffer``: share of it held on top in calm times; ``refill``:
    share of the requirement by which a used buffer grows again on each date on which the requirement does not rise.

    ``m_t = max(c_t, min((1 + buffer) c_t, m_(t-1) + refill c_t))``: on a rise the margin holds still until the buffer
    is gone; a fall lets go at once.

    >>> buffered(np.array([100.0, 110.0, 140.0, 100.0]), buffer=0.25).tolist()
    [125.0, 125.0, 140.0, 125.0]
    """
    c = _positive(current, "requirement")
    _share(buffer=buffer, refill=refill)
    out = np.empty(len(c))
    for t, x in enumerate(c.tolist()):
        before = out[t - 1] if t else (1.0 + buffer) * x
        grown = refill * x if t and x <= c[t - 1] else 0.0
        out[t] = max(x, min((1.0 + buffer) * x, before + grown))
    return out


def stress_weighted(current: Floats, stress: Floats | float, *, weight: float = 0.25, floored: bool = False) -> Floats:
    """Return the mean of today's requirement and that of a stressed period.

    ``current``, ``stress``: (T,) or a number, same currency; ``weight``: that of stress; ``floored``: never below
    ``current``. ``m = (1 - w) c + w s``.

    >>> stress_weighted(np.array([80.0, 120.0, 200.0]), 150.0).tolist()
    [97.5, 127.5, 187.5]
    """
    c, s = _positive(current, "requirement"), _positive(np.broadcast_to(stress, np.shape(current)), "stress")
    _share(weight=weight)
    mixed = (1.0 - weight) * c + weight * s
    return np.maximum(mixed, c) if floored else mixed


def floored(sigma: Floats, long_run: Floats | float) -> Floats:
    """Return volatility, never below that of a long period (ten years in the regulation).

    ``sigma``, ``long_run``: (T,) or a number, the same unit of time.

    >>> floored(np.array([0.01, 0.025]), 0.018).tolist()
    [0.018, 0.025]
    """
    return np.maximum(_positive(sigma, "volatility"), _positive(np.broadcast_to(long_run, np.shape(sigma)), "floor"))


def speed_limited(target: Floats, *, rise: float = 0.10) -> Floats:
    """Return margin that rises by no more than a share of itself per date, and falls as the target does.

    ``target``: (T,) positive; ``rise``: 0.10 for 10 % a date. ``m_t = min(target_t, (1 + rise) m_(t-1))``.

    >>> speed_limited(np.array([100.0, 150.0, 90.0]), rise=0.25).tolist()
    [100.0, 125.0, 90.0]
    """
    x = _positive(target, "requirement")
    if not (np.isfinite(rise) and rise > 0):
        raise InputError(f"a speed limit of {rise}", remedy="give a share above 0, 0.10 for 10 % a date")
    out = x.copy()
    for t in range(1, len(out)):
        out[t] = min(out[t], (1.0 + rise) * out[t - 1])
    return out


def _positive(values: Floats | float, what: str) -> Floats:
    x = np.atleast_1d(np.asarray(values, np.float64))
    if not np.isfinite(x).all() or (x < 0).any():
        raise InputError(f"a {what} is negative or not finite", remedy="leave out dates without an answer")
    return x


def _share(**given: float) -> None:
    wrong = [f"{name} {value}" for name, value in given.items() if not 0.0 <= value <= 1.0]
    if wrong:
        raise InputError(f"not a share between 0 and 1: {', '.join(wrong)}", remedy="give 0.25 for 25 %")
