"""Checks of one factor's bars: what is odd is named and left out, or the series is split; nothing is filled.

Thresholds were set on made-up series and then held against hourly and daily bars of some sixty coins: none of the
checks below fires on a coin that traded.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from math import ceil, log

import numpy as np

from loadline.foundation.errors import Defect, Reason
from loadline.foundation.table import Bools, Floats, Ints
from loadline.foundation.units import MS_PER_DAY, format_time
from loadline.io.bars import CASH, LISTED, Bars


@dataclass(frozen=True, slots=True)
class HistoryLimits:
    """Thresholds of what is odd in a series of prices.

    ``relisted_ms``: no return is taken across a gap longer than this; where the price moved across it by more than
    ``relisted_jump`` (log), what came back is another asset. ``spike``: a log move of one bar that ``reverted`` (this
    share of it or less is left a bar later) was no price. ``split``: a log move of one bar beyond this is a new unit or
    a new asset. ``stuck_bars``: fewest equal closes in a row that are suspect; ``stuck_odds``: and a run must be less
    likely than this, given how often this factor's close stays the same anyway. ``vol_high``: 1/sqrt(year).
    """

    relisted_ms: int = 10 * MS_PER_DAY
    relisted_jump: float = log(5.0)
    spike: float = 1.0
    reverted: float = 0.2
    split: float = 3.0
    stuck_bars: int = 6
    stuck_odds: float = 1e-6
    vol_high: float = 10.0


@dataclass
class Series:
    """A factor's bars while they are checked; ``time`` is the close. Columns are replaced, never written into."""

    bars: Bars
    time: Ints
    close: Floats
    volume: Floats
    implied: Floats
    rows: Ints
    step: int
    segment: Ints = field(default_factory=lambda: np.zeros(0, np.int64))
    asset: Ints = field(default_factory=lambda: np.zeros(0, np.int64))
    found: list[Defect] = field(default_factory=list)

    def keep(self, mask: Bools) -> None:
        """Leave out the rows that are not in ``mask``."""
        for name in ("time", "close", "volume", "implied", "rows"):
            setattr(self, name, getattr(self, name)[mask])

    def say(self, reason: Reason, what: str, done: str, remedy: str, i: int = -1) -> None:
        """Note what is wrong, at row ``i`` of what is left, and what was done about it."""
        row = int(self.rows[i]) if i >= 0 else 0
        when = f" at {format_time(int(self.time[i]))}" if i >= 0 else ""
        self.found.append(self.bars.defect(reason, f"{what}{when}: {done}", remedy, row))


def checked(bars: Bars, limits: HistoryLimits, step: int | None = None) -> Series:
    """Return one factor's bars in order of time, each close a price that was paid then, with all that was odd named.

    ``step``: ms between bars, measured (the commonest difference) where it is None.
    """
    time = bars.time
    own = step if step is not None else common_step(time)
    s = Series(bars, time, bars.close, bars.volume, bars.implied, bars.rows, own, found=list(bars.defects))
    if bars.opens:
        s.time = time + own
    for check in (values, order, duplicates, grid, volumes, spikes, stuck, gaps):
        check(s, limits)
    return s


def common_step(time: Ints) -> int:
    """Return the commonest difference of neighbouring times in ms; a day where there are fewer than two.

    >>> common_step(np.array([0, 10, 20, 60, 70]))
    10
    """
    steps = np.diff(np.unique(time))
    return int(Counter(steps.tolist()).most_common(1)[0][0]) if len(steps) else MS_PER_DAY


def values(s: Series, limits: HistoryLimits) -> None:
    """Leave out closes, volumes and vols that cannot be; blank ones are no bars, and told as such by ``gaps``."""
    with np.errstate(invalid="ignore"):
        tests = (
            ("close", (s.close <= 0) | np.isinf(s.close), "a close of {:g}"),
            ("volume", (s.volume < 0) | np.isinf(s.volume), "a volume of {:g}"),
            ("implied", (s.implied <= 0) | (s.implied > limits.vol_high), "an implied vol of {:g}"),
        )
    for name, bad, said in tests:
        column = getattr(s, name)
        for i in np.flatnonzero(bad)[:LISTED].tolist():
            s.say(Reason.INVALID_VALUE, said.format(column[i]), "left out", "mend the row; 65 % is 0.65", i)
        if bad.sum() > LISTED:
            s.say(Reason.INVALID_VALUE, f"{bad.sum() - LISTED} more such", "left out", "mend the rows")
        setattr(s, name, np.where(bad, np.nan, column))
    s.keep(np.isfinite(s.close) | np.isfinite(s.implied))


def order(s: Series, limits: HistoryLimits) -> None:
    """Sort bars by time, and say so where they were not."""
    back = int((np.diff(s.time) < 0).sum())
    if back:
        s.say(Reason.INVALID_VALUE, f"{back} bars stand after a later one", "sorted", "write the bars in order")
        at = np.argsort(s.time, kind="stable")
        for name in ("time", "close", "volume", "implied", "rows"):
            setattr(s, name, getattr(s, name)[at])


def duplicates(s: Series, limits: HistoryLimits) -> None:
    """Keep the first of rows that say the same twice; leave out all where they contradict each other."""
    again = np.concatenate([[False], np.diff(s.time) == 0]) if len(s.time) else np.zeros(0, np.bool_)
    if not again.any():
        return
    first = np.flatnonzero(~again)
    group = np.cumsum(~again) - 1
    unlike = np.zeros(len(first), np.bool_)
    for name in ("close", "volume", "implied"):
        column = getattr(s, name)
        same = (column == column[first[group]]) | (np.isnan(column) & np.isnan(column[first[group]]))
        np.logical_or.at(unlike, group, ~same)
    twice = np.unique(group[again]).tolist()
    for g in twice[:LISTED]:
        done = "they differ, left out" if unlike[g] else "they agree, one kept"
        s.say(Reason.DUPLICATE, "more than one row for the bar", done, "keep one of them", int(first[g]))
    if len(twice) > LISTED:
        many = f"{len(twice) - LISTED} more bars stand more than once"
        s.say(Reason.DUPLICATE, many, "one kept where they agree", "keep one of each")
    s.keep(~again & ~unlike[group])


def grid(s: Series, limits: HistoryLimits) -> None:
    """Leave out bars that do not lie a whole number of steps from the others."""
    if not len(s.time):
        return
    phase = s.time % s.step
    usual = Counter(phase.tolist()).most_common(1)[0][0]
    off = phase != usual
    for i in np.flatnonzero(off)[:LISTED].tolist():
        s.say(Reason.INVALID_VALUE, f"an uneven step, where {age(s.step)} is usual,", "left out", "give even bars", i)
    if off.sum() > LISTED:
        s.say(Reason.INVALID_VALUE, f"{off.sum() - LISTED} more uneven steps", "left out", "give even bars")
    s.keep(~off)


def volumes(s: Series, limits: HistoryLimits) -> None:
    """Leave out bars in which nothing was traded: their close is the last one repeated."""
    idle = s.volume == 0
    for a, b in runs(idle):
        bars = f"{b - a} bars without volume" if b - a > 1 else "a bar without volume"
        s.say(Reason.STALE, bars, "left out", "nothing to do, if the venue was halted", a)
    s.keep(~idle)


def spikes(s: Series, limits: HistoryLimits) -> None:
    """Leave out a close that is absurdly far from the one before **and** the one after, in a calm market."""
    if len(s.time) < 3:
        return
    move = np.where(np.diff(s.time) == s.step, np.diff(np.log(s.close)), 0.0)
    size = np.abs(move)
    out = (size[:-1] > limits.spike) & (np.abs(move[:-1] + move[1:]) < limits.reverted * size[:-1])
    off = np.concatenate([[False], out, [False]])
    for i in np.flatnonzero(off).tolist():
        around = np.concatenate([size[max(i - 6, 0) : i - 1], size[i + 1 : i + 6]])
        if around.max(initial=0.0) > limits.reverted * size[i - 1]:
            off[i] = False  # a market in uproar: LUNA trebled and fell back within hours
            continue
        what = f"a close of {s.close[i]:g} between {s.close[i - 1]:g} and {s.close[i + 1]:g}"
        s.say(Reason.ABSURD, what, "left out", "mend the row", i)
    s.keep(~off)


def stuck(s: Series, limits: HistoryLimits) -> None:
    """Leave out all but the first of closes that stay the same for longer than chance allows: a price that hangs.

    Stablecoins stay put for days; theirs are only named.
    """
    if len(s.time) < limits.stuck_bars:
        return
    same: Bools = np.concatenate([[False], (np.diff(s.close) == 0) & (np.diff(s.time) == s.step)])
    found = [(a, b) for a, b in runs(same) if b - a + 1 >= limits.stuck_bars]
    if not found:
        return
    longest = max(b - a for a, b in found)
    share = max((np.sum(same) - longest) / max(len(s.time) - longest, 1), 1e-9)
    fewest = max(limits.stuck_bars - 1, ceil(log(limits.stuck_odds / len(s.time)) / log(min(share, 0.999))))
    keep = np.ones(len(s.time), np.bool_)
    cash = s.bars.factor.upper() in CASH
    for a, b in found:
        if b - a >= fewest:
            done = "kept, a stablecoin may stay put" if cash else "all but the first left out"
            s.say(Reason.STALE, f"the close stays {s.close[a]:g} for {b - a + 1} bars", done, "ask the source", a - 1)
            keep[a:b] = cash
    s.keep(keep)


def gaps(s: Series, limits: HistoryLimits) -> None:
    """Name gaps; split the series where it was delisted, or where the price is that of something else."""
    dt = np.diff(s.time)
    move = np.diff(np.log(s.close))
    segment, asset = np.zeros(len(s.time), np.int64), np.zeros(len(s.time), np.int64)
    for i in np.flatnonzero((dt != s.step) | (np.abs(move) > limits.split)).tolist():
        when = f"{format_time(int(s.time[i]))} to {format_time(int(s.time[i + 1]))}"
        long, jump = dt[i] > max(limits.relisted_ms, 3 * s.step), float(abs(move[i]))
        changed = jump > (limits.relisted_jump if long else limits.split)
        if changed:
            asset[i + 1 :] += 1
            name = f"{s.bars.factor}#{asset[i + 1] + 1}"
            why = f"relisted after {age(int(dt[i]))}" if dt[i] != s.step else "a new unit or a new asset"
            what = f"{why} at {np.exp(move[i]):.3g} times the price, {when}"
            s.say(
                Reason.ABSURD, what, f"split, {name} from then on", f"check that {name} is what the symbol means today"
            )
        elif long:
            what = f"no bars for {age(int(dt[i]))}, {when}"
            s.say(Reason.MISSING_DATA, what, "no return is taken across", "give a source that covers it")
        else:
            missing = int(dt[i] // s.step) - 1
            what = f"{missing} bar{'s are' if missing > 1 else ' is'} missing, {when}"
            s.say(Reason.MISSING_DATA, what, "not filled", "give the bars, if they exist")
        segment[i + 1 :] += bool(changed or long)
    s.segment, s.asset = segment, asset


def runs(mask: Bools) -> Iterator[tuple[int, int]]:
    """Yield start and end (exclusive) of every run of True.

    >>> list(runs(np.array([True, False, True, True])))
    [(0, 1), (2, 4)]
    """
    edges = np.flatnonzero(np.diff(np.concatenate([[0], mask.astype(np.int8), [0]])))
    yield from zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True)


def age(ms: int) -> str:
    """Return a span of time in words: the largest unit that keeps one digit.

    >>> age(18 * 86_400_000), age(3_600_000)
    ('18 days', '1 hour')
    """
    for unit, size in (("day", MS_PER_DAY), ("hour", 3_600_000), ("minute", 60_000)):
        if ms >= size:
            n = ms / size
            return f"{n:.3g} {unit}{'' if n == 1 else 's'}"
    return f"{ms} ms"


def renamed(s: Series) -> Iterator[tuple[str, Series]]:
    """Yield the factors of a series: the name as it is until a split, then ``NAME#2`` and so on."""
    for n in range(int(s.asset.max(initial=0)) + 1):
        at = s.asset == n
        part = replace(s, found=[])
        for column in ("time", "close", "volume", "implied", "rows", "segment", "asset"):
            setattr(part, column, getattr(s, column)[at])
        yield s.bars.factor + (f"#{n + 1}" if n else ""), part
