"""Part of a market: what one file says of one instant, before files are joined and rows are checked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from loadline.foundation.errors import Defect, InputError, Reason
from loadline.foundation.table import Bools, Floats, Ints
from loadline.foundation.units import MS_PER_YEAR, format_time
from loadline.model.instruments import Instruments, Kind, PayoffForm
from loadline.model.market import Quotes


@dataclass(frozen=True)
class Piece:
    """Rows of one file at one instant.

    ``as_of``: epoch ms, None where the file has no time. ``times``: (N,) each row's own time, epoch ms, 0 where it has
    none. ``rows``: (N,) row numbers in ``file``. ``index``, ``fx``: USD. ``follows``: a price file, taken at the time
    of the others. ``group``: pieces of one group replace each other, the latest wins (two months of one chain).
    """

    file: str
    as_of: int | None
    instruments: Instruments
    quotes: Quotes
    times: Ints
    rows: Ints
    index: Mapping[str, float] = field(default_factory=dict)
    fx: Mapping[str, float] = field(default_factory=dict)
    index_confidence: Mapping[str, float] = field(default_factory=dict)
    defects: tuple[Defect, ...] = ()
    notes: tuple[str, ...] = ()
    follows: bool = False
    group: str = ""


class TooEarly(InputError):
    """A file begins only after the time asked for."""


def groups(times: Ints, gap_ms: int) -> list[tuple[int, int]]:
    """Return the first and last time of every run of times no further apart than ``gap_ms``, in order.

    >>> groups(np.array([0, 5, 100]), 10)
    [(0, 5), (100, 100)]
    """
    ordered = np.unique(times).tolist()
    if not ordered:
        return []
    cuts = [i + 1 for i, (a, b) in enumerate(pairwise(ordered)) if b - a > gap_ms]
    starts, ends = [0, *cuts], [*cuts, len(ordered)]
    return [(ordered[a], ordered[b - 1]) for a, b in zip(starts, ends, strict=True)]


def latest(times: Ints, at: int | None, gap_ms: int, file: str) -> tuple[int, int]:
    """Return the first and last time of the latest snapshot at or before ``at`` (to the second).

    Raises ``TooEarly`` naming the earliest time there is.
    """
    usable = times if at is None else times[times // 1000 <= at // 1000]
    if len(usable) == 0:
        when = f" at or before {format_time(at)}" if at is not None else ""
        first = f"; the first is {format_time(int(times.min()))}" if len(times) else ""
        remedy = "ask for a later time, or give another file"
        defect = Defect(Reason.MISSING_DATA, f"no snapshot{when}{first}", remedy, file)
        error = TooEarly(defect.what, where=file, remedy=remedy)
        error.defects = (defect,)
        raise error
    return groups(usable, gap_ms)[-1]


def years(as_of: int, expiry: Ints) -> Floats:
    """Return (N,) years from ``as_of`` to each expiry, epoch ms."""
    out: Floats = (expiry.astype(np.float64) - as_of) / MS_PER_YEAR
    return out


def coin_price(instruments: Instruments, forward: Floats) -> Floats:
    """Return (N,) what an option's cash value is divided by to be its quoted price: forward for coin options, or 1."""
    out: Floats = np.where(instruments.form == PayoffForm.COIN_OPTION, forward, 1.0)
    return out


def over_eight_hours(rate: Floats, hours: Floats | float) -> Floats:
    """Return (N,) funding rates over ``hours`` each as rates over eight hours; NaN where the hours are not known.

    >>> over_eight_hours(np.array([0.0001]), 1.0).tolist()
    [0.0008]
    """
    with np.errstate(all="ignore"):
        out: Floats = rate * (8.0 / np.where(np.greater(hours, 0.0), hours, np.nan))
    return out


def marks_of_vols(as_of: int, instruments: Instruments, forward: Floats, vol: Floats) -> Floats:
    """Return (N,) the Black-76 mark of each option as the venue quotes it; NaN for what is no option."""
    from loadline.kernels.black76 import value1

    option, tau = instruments.is_kind(Kind.OPTION), years(as_of, instruments.expiry)
    out = np.full(len(instruments), np.nan)
    i = np.flatnonzero(option & (forward > 0) & (instruments.strike > 0) & (tau > 0))
    cash = value1(forward[i], instruments.strike[i], vol[i], tau[i], instruments.right[i].astype(np.float64))
    out[i] = cash / coin_price(instruments, forward)[i]
    return out


def vols_of_marks(as_of: int, instruments: Instruments, forward: Floats, mark: Floats, where: Bools) -> Floats:
    """Return (N,) the vol that gives each option's mark; NaN outside ``where``, and where no vol gives it."""
    from loadline.kernels.implied import implied_vol

    out = np.full(len(instruments), np.nan)
    i = np.flatnonzero(where & instruments.is_kind(Kind.OPTION))
    cash, tau = (mark * coin_price(instruments, forward))[i], years(as_of, instruments.expiry)[i]
    vol, status = implied_vol(cash, forward[i], instruments.strike[i], tau, instruments.right[i].astype(np.float64))
    out[i] = np.where(status == 0, vol, np.nan)
    return out


def medians(names: Iterable[str], values: Floats) -> Iterator[tuple[str, Floats]]:
    """Yield each name with its usable values (finite and above 0), in order of appearance."""
    listed = np.array(list(names), np.str_)
    usable = np.isfinite(values) & (values > 0)
    for name in dict.fromkeys(listed.tolist()):
        found = values[usable & (listed == name)]
        if len(found):
            yield name, found
