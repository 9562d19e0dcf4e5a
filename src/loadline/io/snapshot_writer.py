"""Writes Loadline's own market snapshot, as JSON and as Parquet: read back it is the same to the last bit.

JSON is one object: ``as_of``, ``index``, ``fx``, ``instruments`` (rows of the columns of ``Instruments`` and
``Quotes``, words for kind, form and right, ISO times, absent where not given), ``notes`` and ``identity``. Parquet is
one long table of the same: a row per instrument, index, currency and note, told apart by ``section``, each with its
``as_of``; a file may hold many snapshots. ``identity`` is the content hash; where it stands it must agree.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from loadline.foundation.errors import InputError
from loadline.foundation.units import format_time
from loadline.io.whole import whole
from loadline.model.instruments import NO_EXPIRY, Instruments, Kind, PayoffForm
from loadline.model.market import Market, Quotes

if TYPE_CHECKING:
    import polars as pl

KINDS: Mapping[str, int] = {k.name.lower(): int(k) for k in Kind}
FORMS: Mapping[str, int] = {f.name.lower(): int(f) for f in PayoffForm}
RIGHTS: Mapping[str, int] = {"call": 1, "put": -1, "": 0}
FORMAT = "loadline market 1"


def write_market(market: Market, path: Path | str) -> None:
    """Write a snapshot as ``.json`` or ``.parquet``; reading it gives a market of the same identity.

    Raises ``InputError`` for another suffix.
    """
    where = Path(path)
    if where.suffix not in (".json", ".parquet"):
        raise InputError(f"a market cannot be written as {where.suffix!r}", remedy="name it .json or .parquet")
    rows = instrument_rows(market)
    with whole(where) as part:
        if where.suffix == ".json":
            part.write_text(json_text(market, rows), encoding="utf-8")
        else:
            parquet_frame(market, rows).write_parquet(part)


def iso(ms: int) -> str:
    """Return the ISO text of an instant to the millisecond, shorter where it is a whole second.

    >>> iso(1_770_314_400_250)
    '2026-02-05T18:00:00.250Z'
    """
    if ms % 1000 == 0:
        return format_time(ms)
    return datetime.fromtimestamp(ms // 1000, UTC).strftime(f"%Y-%m-%dT%H:%M:%S.{ms % 1000:03d}Z")


def instrument_rows(market: Market) -> list[dict[str, Any]]:
    """Return one row per instrument; what is not given (NaN, no expiry, no right) is left out."""
    words = {"kind": KINDS, "form": FORMS, "right": RIGHTS}
    texts = {column: {code: name for name, code in names.items()} for column, names in words.items()}
    out: list[dict[str, Any]] = []
    for i in range(len(market.instruments)):
        row = market.instruments.row(i) | market.quotes.row(i)
        row["expiry"] = None if row["expiry"] == NO_EXPIRY else iso(row["expiry"])
        row |= {column: names[row[column]] or None for column, names in texts.items()}
        out.append({k: v for k, v in row.items() if v is not None and v == v})
    return out


def json_text(market: Market, rows: list[dict[str, Any]]) -> str:
    """Return the snapshot as JSON text, one instrument a line."""
    index: dict[str, Any] = {
        u: {"price": p, "confidence": market.index_confidence[u]} if u in market.index_confidence else p
        for u, p in market.index.items()
    }
    head = {"format": FORMAT, "as_of": iso(market.as_of), "identity": market.identity, "index": index}
    head |= {"fx": dict(market.fx), "notes": list(market.notes)}
    body = ",\n".join("  " + json.dumps(row, allow_nan=False) for row in rows)
    lines = [f" {json.dumps(k)}: {json.dumps(v, allow_nan=False)}" for k, v in head.items()]
    return "{\n" + ",\n".join([*lines, f' "instruments": [\n{body}\n ]']) + "\n}\n"


def parquet_frame(market: Market, rows: list[dict[str, Any]]) -> pl.DataFrame:
    """Return the snapshot as one long table with a ``section`` for every kind of row."""
    import polars as pl  # slow to load, and only Parquet needs it

    long: list[dict[str, Any]] = [{"section": "instrument", **row} for row in rows]
    for underlying, price in market.index.items():
        confidence = market.index_confidence.get(underlying)
        long.append({"section": "index", "id": underlying, "mark": price, "confidence": confidence})
    long += [{"section": "fx", "id": ccy, "mark": price} for ccy, price in market.fx.items()]
    long += [{"section": "note", "id": note} for note in market.notes]
    long.append({"section": "identity", "id": market.identity})
    columns = [*Instruments.columns(), *Quotes.columns()]
    numeric = {"strike", "multiplier", *Quotes.columns()}
    schema = {c: pl.Float64 if c in numeric else pl.Boolean if c == "upfront" else pl.String for c in columns}
    frame = pl.DataFrame(long, schema={"section": pl.String, **schema})
    when = pl.lit(market.as_of).cast(pl.Datetime("ms", "UTC")).alias("as_of")
    expiry = pl.col("expiry").str.to_datetime(time_unit="ms", time_zone="UTC")
    return frame.with_columns(expiry).select(when, pl.all())
