"""Which snapshots a chain file holds: its times alone, for those who go through them one by one."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from loadline.foundation.errors import InputError
from loadline.foundation.table import Ints
from loadline.io.chain import is_chain
from loadline.io.codec import collect, normalised, read_sheet, scan_parquet
from loadline.io.limits import Limits
from loadline.io.piece import groups

TIMES = ("ts", "ts_est")
"""What the column of times is called."""


def holds_chain(path: Path, limits: Limits | None = None) -> bool:
    """Return whether a file's columns are those of an option chain; raises ``InputError`` for a file that is none."""
    bounds = limits or Limits()
    if path.suffix.lower() == ".parquet":
        return is_chain(normalised(list(scan_parquet(path, bounds).collect_schema()), path.name))
    return is_chain(read_sheet(path, bounds).columns)


def chain_times(path: Path, limits: Limits | None = None) -> Ints:
    """Return (T,) the times of the snapshots of a chain file, epoch ms, rising: the last row's of each.

    Raises ``InputError`` for a file without a column of times.
    """
    bounds = limits or Limits()
    if path.suffix.lower() == ".parquet":
        import polars as pl  # slow to load, and only Parquet needs it

        lazy = scan_parquet(path, bounds)
        name = next((c for c in lazy.collect_schema() if c.strip().lower() in TIMES), None)
        if name is None:
            raise InputError("no column of times (ts)", where=path.name, remedy="give an option chain")
        stamp = pl.col(name)
        if isinstance(lazy.collect_schema()[name], pl.Datetime):
            stamp = stamp.dt.timestamp("ms")
        times = collect(lazy.select(stamp.unique()), path.name)[name].drop_nulls().to_numpy()
    else:
        sheet = read_sheet(path, bounds)
        named = next((c for c in TIMES if c in sheet), None)
        if named is None:
            raise InputError("no column of times (ts)", where=path.name, remedy="give an option chain")
        clock = sheet.moments(named)
        usable = ~clock.blank
        usable[list(clock.bad)] = False
        times = clock.values[usable]
    return np.array([end for _, end in groups(times, bounds.snapshot_gap_ms)], np.int64)
