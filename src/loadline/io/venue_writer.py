"""Writes what a whole venue answers, one row per account (and per currency where wallets are kept apart)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import polars as pl

from loadline.engine.bulk import Venue
from loadline.foundation.errors import InputError, Unavailable
from loadline.foundation.table import Bools, Floats
from loadline.io.whole import whole

CHUNK = 2**16
"""Rows of JSON that are in memory as text at a time."""
SUFFIXES = (".parquet", ".csv", ".json")


def write_venue(
    found: Venue, names: pl.Series, stopped: Bools, path: Path | str, refused: Sequence[Unavailable] = ()
) -> int:
    """Write the rows of ``venue_frame`` as ``.parquet``, ``.csv`` or ``.json`` (a list of rows); say how many.

    Raises ``InputError`` for another suffix.
    """
    where = Path(path)
    if where.suffix not in SUFFIXES:
        raise InputError(f"a venue cannot be written as {where.suffix!r}", remedy=f"name it {', '.join(SUFFIXES)}")
    frame = venue_frame(found, names, stopped, refused)
    with whole(where) as part:
        if where.suffix == ".parquet":
            frame.write_parquet(part)
        elif where.suffix == ".csv":
            frame.write_csv(part)
        else:
            with part.open("w", encoding="utf-8") as text:
                for lo in range(0, len(frame), CHUNK):
                    rows = frame.slice(lo, CHUNK).write_json()[1:-1].replace("},{", "},\n{")
                    text.write(("[\n" if lo == 0 else ",\n") + rows)
                text.write("\n]\n" if len(frame) else "[]\n")
    return len(frame)


def venue_frame(found: Venue, names: pl.Series, stopped: Bools, refused: Sequence[Unavailable] = ()) -> pl.DataFrame:
    """Return one row per result: account, currency, amounts, status and, where unavailable, why.

    names: (A,) of the accounts by number. stopped: (A,) who cannot be answered because of their rows; they have a row
    without amounts. refused: why, of those for whom it is known.
    """
    absent = np.flatnonzero(stopped & ~np.isin(np.arange(len(stopped)), found.account))
    account = np.concatenate([found.account, absent])
    gone = np.concatenate([stopped[found.account], np.ones(len(absent), np.bool_)])
    gone[: len(found)] |= ~np.isfinite(found.equity)

    def amounts(values: Floats) -> pl.Series:
        column = pl.Series(np.concatenate([values, np.full(len(absent), np.nan)]))
        return column.set(pl.Series(gone), float("nan")).fill_nan(None)

    columns = {n: amounts(getattr(found, n)) for n in ("equity", "initial", "maintenance")}
    frame = pl.DataFrame(
        {
            "account": names.gather(account),
            "currency": pl.Series([*found.currency.tolist(), *[""] * len(absent)], dtype=pl.String),
            **columns,
        }
    )
    excess = pl.col("equity") - pl.col("initial")
    short = pl.when(pl.col("equity") < pl.col("maintenance")).then(pl.lit("below_maintenance"))
    status = short.when(pl.col("equity") < pl.col("initial")).then(pl.lit("below_initial")).otherwise(pl.lit("ok"))
    known = why(found, names, refused)
    return frame.with_columns(
        excess.alias("excess"),
        pl.when(pl.Series(gone)).then(pl.lit("unavailable")).otherwise(status).alias("status"),
        pl.col("account")
        .replace_strict(
            pl.Series(list(known), dtype=pl.String), pl.Series(list(known.values()), dtype=pl.String), default=""
        )
        .alias("missing"),
    )


def why(found: Venue, names: pl.Series, refused: Sequence[Unavailable]) -> Mapping[str, str]:
    """Return what is missing, by account."""
    listed = {names[n]: gap for n, gap in found.refused.items()} | {gap.account: gap for gap in refused}
    return {name: "; ".join(gap.missing) for name, gap in listed.items()}
