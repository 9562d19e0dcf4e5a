"""What coverage costs: mean requirement against breaches, and against how much the requirement moves by itself.

Ratios to a rival are told twice. Nominal: mean requirement as asked. At equal coverage: each scaled by its own quantile
of loss over margin, so that both cover as much; in sample, for both alike.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from loadline.backtest.bootstrap import Interval, equal_coverage, interval
from loadline.backtest.day import Day
from loadline.backtest.procyclicality import peak_to_trough
from loadline.backtest.study import Series, series
from loadline.foundation.errors import InputError
from loadline.foundation.table import Ints

LEVEL = 0.975
"""The coverage that both are scaled to: few breaches are left beyond 99 % in a year of overlapping dates."""


@dataclass(frozen=True)
class Point:
    """One model over some books: what its pictures are made of.

    ``dates``: books and dates with an answer; ``coverage``: their share without a breach; ``mean``: the mean over books
    of the mean requirement, fraction of notional; ``peak``: the median over books of peak to trough, None where none
    has one; ``gaps``: books and dates without an answer.
    """

    model: str
    dates: int
    coverage: float
    mean: float
    peak: float | None
    gaps: int


def point(model: str, found: Sequence[Series], peaked: Sequence[str] = ()) -> Point:
    """Return one model over the series of its books; ``peaked``: families whose books count for peak to trough."""
    if not found:
        raise InputError(f"{model} has no answer on any book", remedy="ask for books that it margins")
    dates = sum(len(s.at) for s in found)
    breaches = sum(int(s.breached.sum()) for s in found)
    chosen = [s for s in found if not peaked or s.account.partition(" ")[2] in peaked]
    peaks = [peak_to_trough(s.margin) for s in chosen if len(s.at) > 1 and (s.margin > 0).all()]
    means = float(np.mean([s.margin.mean() for s in found]))
    return Point(model, dates, 1.0 - breaches / dates, means, float(np.median(peaks)) if peaks else None,
                 sum(s.gaps for s in found))  # fmt: skip


@dataclass(frozen=True)
class Ratio:
    """A model's cost over a rival's on one family, all coins together: nominal and at equal coverage."""

    family: str
    nominal: Interval
    equal: Interval


def pooled(days: Sequence[Day], family: str, model: str) -> Series:
    """Return a family's books of all coins under a model as one series; raises ``InputError`` for none."""
    accounts = sorted({a for d in days for a in d.accounts if a.partition(" ")[2] == family})
    parts = [series(days, a, model) for a in accounts]
    if not parts:
        raise InputError(f"no book of {family}", remedy="ask for a family that was run")
    return replace(_together(model, parts), account=family)


def ratio(
    days: Sequence[Day], family: str, ours: str, rival: str, *, draws: int = 1000, seed: int = 0, level: float = LEVEL
) -> Ratio:
    """Return the cost of one model over another's, with bootstrap intervals by whole weeks of dates.

    Raises ``InputError`` where the two have not the same dates.
    """
    return ratio_of(pooled(days, family, ours), pooled(days, family, rival), draws=draws, seed=seed, level=level)


@dataclass(frozen=True)
class Cost:
    """A model's cost over a rival's on the books and dates that both answer; ``left_out``: those of one alone.

    ``equal`` is None where a margin of nothing cannot be scaled to cover anything.
    """

    model: str
    rival: str
    dates: int
    left_out: int
    nominal: Interval
    equal: Interval | None
    level: float = LEVEL


def cost(
    days: Sequence[Day], accounts: Sequence[str], ours: str, rival: str, *, draws: int = 500, seed: int = 0
) -> Cost:
    """Return the cost of one model over another's, all books together, each per notional.

    ``draws``, ``seed``: of the bootstrap by whole weeks. Raises ``InputError`` where they share no two weeks of dates.
    """
    pairs: list[tuple[Series, Series]] = []
    left_out = 0
    for account in accounts:
        a, b = _known(days, account, ours), _known(days, account, rival)
        if a is not None and b is not None:
            mine, other = (x.at_rows(np.flatnonzero(np.isin(x.at, y.at))) for x, y in ((a, b), (b, a)))
            pairs.append((mine, other))
            left_out -= len(mine.at) + len(other.at)
        left_out += sum(len(s.at) for s in (a, b) if s is not None)
    if not sum(len(a.at) for a, _ in pairs):
        raise InputError("no book and date that both answer", remedy="see the gaps of each")
    one, another = _together(ours, [a for a, _ in pairs]), _together(rival, [b for _, b in pairs])
    if not another.margin.any():
        raise InputError(f"{rival} asks for nothing", remedy="name another model")
    found = ratio_of(one, another, draws=draws, seed=seed)
    equal = found.equal if np.isfinite([found.equal.value, found.equal.low, found.equal.high]).all() else None
    return Cost(ours, rival, len(one.at), left_out, found.nominal, equal)


def _known(days: Sequence[Day], account: str, model: str) -> Series | None:
    try:
        return series(days, account, model)
    except InputError:
        return None


def _together(model: str, parts: Sequence[Series]) -> Series:
    at = np.concatenate([p.at for p in parts])
    margin, loss, worst = (np.concatenate([getattr(p, c) for p in parts]) for c in ("margin", "loss", "worst"))
    return Series("all books", model, at, margin, loss, worst, sum(p.gaps for p in parts))


def ratio_of(ours: Series, rival: Series, *, draws: int = 1000, seed: int = 0, level: float = LEVEL) -> Ratio:
    """Return the same of two series; the books of a family at one date are drawn together."""
    if not np.array_equal(ours.at, rival.at) or not np.allclose(ours.loss, rival.loss):
        raise InputError(f"{ours.model} and {rival.model} have not the same dates", remedy="leave out those with gaps")

    def nominal(rows: Ints) -> float:
        return float(ours.margin[rows].mean() / rival.margin[rows].mean())

    def equal(rows: Ints) -> float:
        with np.errstate(divide="ignore", invalid="ignore"):  # a margin of nothing cannot be scaled to cover anything
            a = equal_coverage(ours.margin[rows], ours.loss[rows], level)
            b = equal_coverage(rival.margin[rows], rival.loss[rows], level)
            return a / b if b > 0 else float("nan")

    found = [interval(ours.at, statistic, draws=draws, seed=seed) for statistic in (nominal, equal)]
    return Ratio(ours.account, *found)
