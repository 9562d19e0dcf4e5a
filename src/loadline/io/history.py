"""Files of bars into one ``History``: checked factor by factor, put on one clock, sources joined in returns.

The first file that has a factor stands; a later one adds bars before its first, after its last and where it broke off
for long, rescaled so that a bar that both have agrees. So every return comes from one source, and a difference of level
between sources is none. Single missing bars are not filled from elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from importlib import resources
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from loadline.foundation.errors import Defect, InputError, Reason
from loadline.foundation.table import Floats, Ints
from loadline.foundation.units import format_time
from loadline.io.bars import Bars, Source, hashed, read_bars
from loadline.io.history_checks import HistoryLimits, Series, age, checked, common_step, renamed
from loadline.io.limits import Limits
from loadline.model.history import History

COLUMNS = ("time", "close", "volume", "implied", "segment")
"""Columns of an island: bars of one factor in order."""
Part = dict[str, NDArray[Any]]
"""One island."""


def read_history(
    sources: Iterable[Path | str | Source],
    *,
    symbols: Sequence[str] | None = None,
    step_ms: int | None = None,
    limits: Limits | None = None,
    odd: HistoryLimits | None = None,
) -> History:
    """Return the history that CSV, Parquet or JSON files hold, with everything odd in ``defects``.

    ``sources``: paths, or ``Source`` where a file does not say all; the first that has a factor stands, later ones
    extend it. ``symbols``: which symbols or factors to read, None for all. ``step_ms``: between bars of the history,
    the longest step of any file with prices if left out. Raises ``InputError`` where a file cannot be used or nothing
    is left.
    """
    files = [s if isinstance(s, Source) else Source(Path(s)) for s in sources]
    found: list[Defect] = []
    read: list[Bars] = []
    for source in files:
        read += read_bars(source, symbols, limits or Limits())
    if not read:
        asked = f" of {', '.join(symbols)}" if symbols else ""
        raise InputError(f"no bars{asked} in {', '.join(f.path.name for f in files)}", remedy="check the symbols")
    steps = [common_step(b.time) for b in read]
    priced = [bool(np.isfinite(b.close).any()) for b in read]
    step = step_ms or max([s for s, p in zip(steps, priced, strict=True) if p] or steps)
    factors: dict[str, list[Part]] = {}
    notes: list[str] = []
    for bars, own in zip(read, steps, strict=True):
        series = checked(bars, odd or HistoryLimits(), own)
        found += series.found
        for name, part in renamed(series):
            columns = resampled(part, step)
            if not np.isfinite(columns["close"]).any() and name in factors:  # vols in a file of their own
                factors[name] = [borrowed(island, [columns]) for island in factors[name]]
            elif not len(columns["time"]):
                what = f"no bar of {age(step)} is left"
                found.append(bars.defect(Reason.MISSING_DATA, what, "give a longer history"))
            elif name in factors:
                factors[name] = joined(factors[name], split(columns), bars, found, notes)
            else:
                factors[name] = split(columns)
    if not factors:
        raise InputError("no usable bar is left", defects=found, remedy="give a longer history")
    for name, islands in factors.items():
        many = len({b.file for b in read if b.factor == name.partition("#")[0]})
        for left, right in pairwise(islands if many > 1 else []):
            found.append(broken(name, left, right))
    return assembled(factors, step, found, [*(hashed(f.path) for f in files), *notes])


def resampled(s: Series, step: int) -> Part:
    """Return the columns of a factor at whole multiples of ``step`` (UTC); a bar not there just then stays missing."""
    columns: Part = {name: getattr(s, name) for name in COLUMNS}
    if s.step == step or (s.step > step and not np.isfinite(s.close).any()):
        return columns
    if step % s.step:
        raise InputError(
            f"{s.bars.file}: bars of {age(s.step)} cannot be joined to bars of {age(step)}",
            remedy="choose a step that is a whole number of every file's",
        )
    many = step // s.step
    at = np.flatnonzero(s.time % step == 0)
    traded, known = (np.concatenate([[0.0], np.cumsum(x)]) for x in (np.nan_to_num(s.volume), np.isfinite(s.volume)))
    first = np.searchsorted(s.time, s.time[at] - step, "right")
    whole = known[at + 1] - known[first] == many
    out = {name: column[at] for name, column in columns.items()}
    out["volume"] = np.where(whole, np.maximum(traded[at + 1] - traded[first], 0.0), np.nan)
    return out


def joined(islands: list[Part], other: list[Part], bars: Bars, found: list[Defect], notes: list[str]) -> list[Part]:
    """Return a factor's islands with those of another source in the holes: before, between and after them.

    An island is a run of bars in which returns may be taken. Islands are in order and do not overlap; the newest one
    keeps its level, what is linked to it from the left is rescaled.
    """
    out = [borrowed(island, other) for island in islands]
    for source in other:
        edges = [-(2**62), *(int(t) for i in out for t in (i["time"][0], i["time"][-1])), 2**62]
        pieces = []
        for n in range(0, len(edges), 2):
            inside = (source["time"] > edges[n]) & (source["time"] < edges[n + 1])
            pieces.append({k: v[inside] for k, v in source.items()})
        for n in reversed([n for n, p in enumerate(pieces) if len(p["time"])]):
            out = linked(out, n, pieces[n], source, bars, found, notes)
    return out


def linked(
    islands: list[Part], n: int, piece: Part, source: Part, bars: Bars, found: list[Defect], notes: list[str]
) -> list[Part]:
    """Return the islands with a piece of another source in front of island ``n``, joined to its neighbours."""
    left, right = islands[n - 1] if n else None, islands[n] if n < len(islands) else None
    after, before = ratio(right, source, first=True), ratio(left, source, first=False)
    span = f"{format_time(int(piece['time'][0]))} to {format_time(int(piece['time'][-1]))}"
    scale = after if after is not None else before if before is not None else 1.0
    merged = [{**piece, "close": piece["close"] * scale}]
    start, stop = n, n
    if before is not None and left is not None:
        merged.insert(0, {**left, "close": left["close"] * (scale / before)})
        start -= 1
    if after is not None and right is not None:
        merged.append(right)
        stop += 1
    for side, level in (("after", after), ("before", before)):
        if level is not None and abs(level - 1.0) > 0.02:
            what = f"at the bar {side} {span}, which both have, another source stands at {level:.4g} times the price"
            found.append(
                bars.defect(Reason.INVALID_VALUE, what, "joined in returns; check that both are the same price")
            )
    if len(merged) > 1:
        notes.append(f"{bars.factor}: {span} from {bars.file}, joined in returns")
    whole = {k: np.concatenate([p[k] for p in merged]) for k in COLUMNS}
    return [*islands[:start], whole, *islands[stop:]]


def broken(name: str, left: Part, right: Part) -> Defect:
    """Return what is left to say of a factor's break once every source was read."""
    when = f"{format_time(int(left['time'][-1]))} to {format_time(int(right['time'][0]))}"
    what = f"{name}: no source spans {when}: no return is taken across"
    return Defect(Reason.MISSING_DATA, what, "give a source that overlaps both by a bar", column="close", subject=name)


def ratio(stands: Part | None, other: Part, *, first: bool) -> float | None:
    """Return how many times the other's price a source has at the first or last bar with a price in both."""
    if stands is None:
        return None
    _, i, j = np.intersect1d(stands["time"], other["time"], return_indices=True)
    levels = stands["close"][i] / other["close"][j]
    levels = levels[np.isfinite(levels)]
    return None if not len(levels) else float(levels[0 if first else -1])


def borrowed(island: Part, other: list[Part]) -> Part:
    """Return an island with the implied vols that only another file has: they stand in a file of their own."""
    implied = island["implied"].copy()
    for source in other:
        _, i, j = np.intersect1d(island["time"], source["time"], return_indices=True)
        implied[i] = np.where(np.isnan(implied[i]), source["implied"][j], implied[i])
    return {**island, "implied": implied}


def split(part: Part) -> list[Part]:
    """Return the islands of a factor: its bars by segment, in order."""
    return [{k: v[part["segment"] == n] for k, v in part.items()} for n in np.unique(part["segment"])]


def assembled(factors: dict[str, list[Part]], step: int, defects: list[Defect], source: list[str]) -> History:
    """Return the history of all factors on one clock: every time at which any of them has a bar."""
    time: Ints = np.unique(np.concatenate([p["time"] for parts in factors.values() for p in parts]))
    shape = (len(time), len(factors))
    columns: dict[str, Floats] = {c: np.full(shape, np.nan) for c in ("close", "volume", "implied")}
    segment = np.zeros(shape, np.int64)
    for n, parts in enumerate(factors.values()):
        for number, part in enumerate(parts):
            at = np.searchsorted(time, part["time"])
            for name, column in columns.items():
                column[at, n] = part[name]
            segment[at, n] = number
    return History.of(
        time, tuple(factors), columns["close"], step=step, volume=columns["volume"], implied=columns["implied"],
        segment=segment, defects=defects, source=source,
    )  # fmt: skip


def sample_history() -> Path:
    """Return the file of the embedded history: three coins, three years of days, made by ``tools/sample_history.py``.

    >>> read_history([sample_history()]).names
    ('BTC', 'ETH', 'SOL')
    """
    return Path(str(resources.files("loadline"))) / "data" / "history" / "history.csv"
