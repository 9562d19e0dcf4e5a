"""Option chains of many snapshots into vol surfaces, coin by coin, without building a market of each."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import polars as pl

from loadline.foundation.errors import Defect, InputError, Reason
from loadline.foundation.table import Floats, Ints
from loadline.foundation.units import DAYS_PER_YEAR, MS_PER_YEAR
from loadline.io.bars import hashed
from loadline.io.chain import OTHER_NAMES
from loadline.io.codec import collect, normalised, read_sheet, scan_parquet
from loadline.io.limits import Limits
from loadline.io.piece import groups
from loadline.io.venues.deribit_names import parse_name
from loadline.scenarios.surface_moves import Surfaces, surfaces

NEEDED = ("ts", "instrument", "mark_iv", "forward")
OPTIONAL = ("mark", "bid", "ask")
NEAR = 0.5
"""Options within so many deviations of the money tell the spread of vol; further out prices are all tick."""


@dataclass(frozen=True, eq=False)
class ChainSurfaces:
    """The surfaces of the coins of some chain files, what was left out of them, and the files' hashes."""

    by_coin: dict[str, Surfaces]
    defects: tuple[Defect, ...]
    source: tuple[str, ...]


def read_surfaces(
    paths: Iterable[Path], *, coins: Sequence[str] | None = None, limits: Limits | None = None
) -> ChainSurfaces:
    """Return the surfaces of chain files: ``ts, instrument, mark_iv, forward`` and may be ``mark, bid, ask``.

    Rows without a vol or forward, with a mark of 0 (so far out of the money that the venue rounds it away), with a vol
    beyond the limits, or expired, are left out and counted. Raises ``InputError`` where no file holds a surface.
    """
    bounds = limits or Limits()
    files: list[Path] = []
    frames, found = [], []
    for path in map(Path, paths):
        files.append(path)
        frame, lost = _usable(_frame(path, bounds), bounds)
        frames.append(frame)
        total = len(frame) + sum(lost.values())
        said = ", ".join(f"{n:,} {why}" for why, n in lost.items() if n)
        if said:
            what = f"of {total:,} rows are left out: {said}"
            found.append(Defect(Reason.MISSING_DATA, what, "nothing to do, they are no vols", path.name))
    rows = pl.concat(frames) if frames else pl.DataFrame()
    out = {}
    for (coin,), own in rows.partition_by("coin", as_dict=True).items() if len(rows) else ():
        if coins is None or coin in coins:
            of = _surfaces(str(coin), own, bounds)
            if len(of):
                out[str(coin)] = of
    if not out:
        asked = f" of {', '.join(coins)}" if coins else ""
        raise InputError(f"no vol surface{asked} in {', '.join(p.name for p in files)}", remedy="give option chains")
    return ChainSurfaces(dict(sorted(out.items())), tuple(found), tuple(hashed(p) for p in files))


def _frame(path: Path, limits: Limits) -> pl.DataFrame:
    """The columns of a chain file that a surface needs, as numbers; raises ``InputError`` naming those it lacks."""
    if path.suffix.lower() == ".parquet":
        lazy = scan_parquet(path, limits)
        names = lazy.collect_schema().names()
        known = dict(zip(normalised(names, path.name), names, strict=True))
        picked = {c: known.get(c) or known.get(OTHER_NAMES.get(c, "")) for c in (*NEEDED, *OPTIONAL)}
        _need(path, [c for c in NEEDED if picked[c] is None])
        frame = collect(lazy.select([pl.col(old).alias(c) for c, old in picked.items() if old]), path.name)
    else:
        sheet = read_sheet(path, limits)
        taken = {c: c if c in sheet else OTHER_NAMES.get(c, "") for c in NEEDED}
        _need(path, [c for c in NEEDED if taken[c] not in sheet])
        columns = {c: sheet.numbers(taken[c]).values for c in ("mark_iv", "forward")}
        columns |= {"ts": sheet.moments(taken["ts"]).values}
        columns |= {c: sheet.numbers(c).values for c in OPTIONAL if c in sheet}
        frame = pl.DataFrame(columns).with_columns(
            instrument=pl.Series(sheet.words("instrument").values.tolist(), dtype=pl.String)
        )
    time = pl.col("ts").dt.timestamp("ms") if isinstance(frame.schema["ts"], pl.Datetime) else pl.col("ts")
    frame = frame.with_columns([pl.lit(None, pl.Float64).alias(c) for c in OPTIONAL if c not in frame.columns])
    numbers = [pl.col(c).cast(pl.Float64, strict=False) for c in ("mark_iv", "forward", *OPTIONAL)]
    return frame.select(time.cast(pl.Int64, strict=False).fill_null(0), pl.col("instrument").cast(pl.String), *numbers)


def _need(path: Path, missing: list[str]) -> None:
    if missing:
        raise InputError(f"no column {', '.join(missing)}", where=path.name, remedy="give an option chain with vols")


def _usable(frame: pl.DataFrame, limits: Limits) -> tuple[pl.DataFrame, dict[str, int]]:
    """The rows that say a vol, with coin, expiry and strike by their name, and how many were left out and why."""
    names = frame["instrument"].unique().to_list()
    terms = [parse_name(n) if n else None for n in names]
    options = [(n, c) for n, c in zip(names, terms, strict=True) if c is not None and c["right"] != 0]
    known = pl.DataFrame(
        {
            "instrument": [n for n, _ in options],
            "coin": [c["underlying"] for _, c in options],
            "expiry": [c["expiry"] for _, c in options],
            "strike": [c["strike"] for _, c in options],
            "inverse": [c["settle"] == c["underlying"] for _, c in options],
        },
        schema={
            "instrument": pl.String,
            "coin": pl.String,
            "expiry": pl.Int64,
            "strike": pl.Float64,
            "inverse": pl.Boolean,
        },
    )
    tests = {
        "without a vol": pl.col("mark_iv").is_finite(),
        "without a forward": pl.col("forward").is_finite() & (pl.col("forward") > 0),
        "with a mark of 0": pl.col("mark").is_null() | pl.col("mark").is_nan() | (pl.col("mark") > 0),
        "with an absurd vol": pl.col("mark_iv").is_between(limits.vol_low, limits.vol_high),
        "expired or without a time": (pl.col("ts") > 0) & (pl.col("expiry") > pl.col("ts")),
    }
    lost = {"no options": len(frame)}
    frame = frame.join(known, on="instrument", how="inner")
    lost["no options"] -= len(frame)
    for why, good in tests.items():
        kept = frame.filter(good.fill_null(value=False))
        lost[why] = len(frame) - len(kept)
        frame = kept
    return frame, lost


def _surfaces(coin: str, rows: pl.DataFrame, limits: Limits) -> Surfaces:
    time = rows["ts"].to_numpy()
    ends = np.array([end for _, end in groups(time, limits.snapshot_gap_ms)], np.int64)
    snapshot: Ints = ends[np.searchsorted(ends, time)]
    strike, vol, forward = (rows[c].to_numpy() for c in ("strike", "mark_iv", "forward"))
    found = surfaces(coin, snapshot, rows["expiry"].to_numpy(), strike, vol, forward)
    return replace(found, spread=_spread(rows, snapshot, found.time))


def _spread(rows: pl.DataFrame, snapshot: Ints, times: Ints) -> Floats:
    """(T,) the median, near the money, of half of bid to ask over vega, times ``sqrt(days / 30)``."""
    strike, vol, forward, bid, ask = (rows[c].to_numpy() for c in ("strike", "mark_iv", "forward", "bid", "ask"))
    years = (rows["expiry"].to_numpy() - rows["ts"].to_numpy()) / MS_PER_YEAR
    deviation = vol * np.sqrt(years)
    d = np.log(forward / strike) / deviation + 0.5 * deviation
    vega = np.exp(-0.5 * d * d) / np.sqrt(2.0 * np.pi) * np.sqrt(years)  # of the price over the forward
    unit = np.where(rows["inverse"].to_numpy(), 1.0, forward)
    half = 0.5 * (ask - bid) / unit / np.maximum(vega, 1e-12) * np.sqrt(years * DAYS_PER_YEAR / 30.0)
    good = (bid > 0) & (ask >= bid) & (np.abs(d) < NEAR) & (years > 2.0 / DAYS_PER_YEAR)
    told = pl.DataFrame({"time": snapshot[good], "half": half[good]}).group_by("time").agg(pl.col("half").median())
    known = dict(zip(told["time"].to_list(), told["half"].to_list(), strict=True))
    return np.array([known.get(t, np.nan) for t in times.tolist()])
