"""The dates-hit test: on a fixed grid of dates, on how many does any book lose more than its margin, against the model.

Series of one market are worth few independent ones, so a test per family is nearly empty; this one looks at all of them
together. The grid is fixed in advance, a horizon apart; it is laid in several phases, and the median counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from loadline.backtest.day import Day
from loadline.backtest.null import AS_IT_IS, SHORTFALLS, law
from loadline.foundation.errors import InputError
from loadline.foundation.table import Floats
from loadline.foundation.units import MS_PER_DAY

TRUE_RATES = (0.02, 0.03, 0.05)
"""Breach rates of single books that the power is told for."""


def grid(times: Sequence[int], days: float, phases: int, slack: float = 0.125) -> list[list[int]]:
    """Return by phase the rows of ``times`` (epoch ms, rising) on a grid ``days`` apart, the nearest within slack.

    >>> grid([0, MS_PER_DAY, 2 * MS_PER_DAY], 2, 2)
    [[0, 2], [1]]
    """
    if phases < 1 or not days > 0:
        raise InputError(f"{phases} phases of {days} days", remedy="ask for one phase or more, days above 0")
    t = np.asarray(times, np.int64)
    out: list[list[int]] = []
    for phase in range(phases):
        rows: list[int] = []
        first = t[0] + phase * days * MS_PER_DAY / phases
        for k in range(int((t[-1] - first) // (days * MS_PER_DAY)) + 2):
            due = first + k * days * MS_PER_DAY
            near = int(np.argmin(np.abs(t - due)))
            if abs(t[near] - due) <= slack * MS_PER_DAY and (not rows or near > rows[-1]):
                rows.append(near)
        out.append(rows)
    return out


@dataclass(frozen=True)
class DatesHit:
    """What the grid saw: by phase how many dates it has and how many are hit, and what the model expects.

    ``hits`` is their median; ``critical``: the model hits more dates than that with 5 % at most; ``p_value``: of as
    many hits or more, ``fewer`` of as many or fewer; ``power``: by true breach rate of single books (None where no
    shortfall of margin gives that rate); ``no_answer``: books and dates without a number, which count as no hit; a date
    on which the model has no answer at all is left out of the grid.
    """

    dates: tuple[int, ...]
    by_phase: tuple[int, ...]
    hits: float
    expected: float
    critical: int
    p_value: float
    fewer: float
    power: dict[float, float | None]
    no_answer: int
    size: float

    @property
    def passed(self) -> bool:
        """Whether no more dates are hit than the model allows."""
        return self.hits <= self.critical


def breached(day: Day, model: str, families: Sequence[str], divide: float = 1.0) -> tuple[list[str], int]:
    """Return the books of a date that lost more than their margin over ``divide``, and how many have no number."""
    found, gaps = [], 0
    for account, loss, asked in zip(day.accounts, day.loss, day.models[model].initial, strict=True):
        if account.partition(" ")[2] not in families:
            continue
        if loss is None or asked is None:
            gaps += 1
        elif loss > max(asked, 0.0) / divide:
            found.append(account)
    return found, gaps


def dates_hit(
    days: Sequence[Day],
    model: str,
    families: Sequence[str],
    *,
    horizon: float,
    phases: int = 8,
    divide: float = 1.0,
    null: str | None = None,
    size: float = 0.05,
    slack: float = 0.125,
) -> DatesHit:
    """Return the test of one model on some dates.

    ``divide``: margins are divided by it, to make a control that must fail; ``null``: the model whose scenarios give
    the null, itself if left out; ``size``: of the test; ``slack``: see ``grid``. Raises ``InputError`` for a model
    without a null or no dates.

    >>> from loadline.backtest.families import Size
    >>> from loadline.backtest.replay import Prices, windows
    >>> from loadline.backtest.run import Case, Shipped, run
    >>> from loadline.io.history import read_history, sample_history
    >>> bars, books = Prices(read_history([sample_history()])), ("perp-long", "perp-short")
    >>> bars = bars.between(1_778_000_000_000, None)
    >>> case = Case(books, ("BTC",), Size(usd=1e6), (Shipped("tail", null=books),), days=1.0)
    >>> found = dates_hit(run(case, bars, windows(bars.times, 1.0)), "tail", books, horizon=1.0, phases=1)
    >>> found.hits, found.critical, found.passed
    (0.0, 2, True)
    """
    rows = grid([d.at for d in days], horizon, phases, slack) if days else []
    rows = [r for r in rows if r]
    if not rows:
        raise InputError("no dates to test", remedy="give data that cover the horizon")
    seen = [breached(d, model, families, divide) for d in days]
    curves = [d.models[null or model].hit for d in days]
    told = [i for i, c in enumerate(curves) if c is not None]
    if not told:
        raise InputError(f"{null or model} says nothing of how often dates are hit", remedy="name a model with a null")
    silent = (np.nan,) * len(SHORTFALLS)
    hit = np.array([silent if c is None else c.hit for c in curves])
    book = np.array([c.book for c in curves if c is not None])
    # a date without any answer is no date of the test
    rows = [kept for r in rows if (kept := [i for i in r if curves[i] is not None])]
    if not rows:
        raise InputError("no date of the grid has an answer", remedy="give a longer history, or more dates")
    counts = [sum(bool(seen[i][0]) for i in r) for r in rows]
    median = float(np.median(counts))
    laws = [law(hit[r, AS_IT_IS]) for r in rows]
    limits = [critical(x, size) for x in laws]
    limit = int(np.median(limits))
    reached = float(np.median([upper(x, int(np.ceil(median))) for x in laws]))
    lower = float(np.median([1.0 - upper(x, int(np.floor(median)) + 1) for x in laws]))
    return DatesHit(
        tuple(len(r) for r in rows),
        tuple(counts),
        median,
        float(np.median([hit[r, AS_IT_IS].sum() for r in rows])),
        limit,
        reached,
        lower,
        {rate: power(hit, book, rows, rate, limit) for rate in TRUE_RATES},
        sum(gaps for _, gaps in seen),
        float(np.median([upper(x, limit + 1) for x in laws])),
    )


def critical(chance: Floats, size: float) -> int:
    """Return the least number of hits that is exceeded with a probability of ``size`` at most.

    >>> critical(np.array([0.9, 0.06, 0.04]), 0.05)
    1
    """
    beyond = 1.0 - np.cumsum(chance)
    return int(np.argmax(beyond <= size + 1e-12))


def upper(chance: Floats, least: int) -> float:
    """Return the probability of so many hits or more."""
    return float(min(chance[max(least, 0) :].sum(), 1.0))


def power(hit: Floats, book: Floats, rows: Sequence[Sequence[int]], rate: float, limit: int) -> float | None:
    """Return the probability of more hits than ``limit`` if margins were short enough for a breach rate of ``rate``.

    ``hit``, ``book``: (T, K) as ``null.Curve`` has them. None where no shortfall in ``SHORTFALLS`` reaches the rate.
    """
    rates = book.mean(0)
    if not rates[0] <= rate <= rates[-1]:
        return None
    k = max(int(np.searchsorted(rates, rate)), 1)
    gap = rates[k] - rates[k - 1]
    share = float((rate - rates[k - 1]) / gap) if gap > 0 else 0.0
    mixed = hit[:, k - 1] + share * (hit[:, k] - hit[:, k - 1])
    return float(np.median([upper(law(mixed[list(r)]), limit + 1) for r in rows]))


def shortfall_at(book: Floats, rate: float) -> float:
    """Return by how much margins would have to be divided for a breach rate, from (T, K) ``book``; NaN beyond reach."""
    rates = book.mean(0)
    if not rates[0] <= rate <= rates[-1]:
        return float("nan")
    return float(np.interp(rate, rates, SHORTFALLS))
