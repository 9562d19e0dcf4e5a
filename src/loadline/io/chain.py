"""Option chains: one row per option and snapshot, many snapshots in a file; the latest at or before a time is read.

Columns: ``ts, instrument, bid, ask, mark, mark_iv, forward, index`` and, for a cross-check of the name, ``currency,
expiry, strike, cp``. Vols are decimals; prices are in the option's quote currency (coin); a bid or ask of 0 is none.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from loadline.foundation.errors import Defect, Reason
from loadline.foundation.table import Floats, Ints
from loadline.foundation.units import format_time
from loadline.io.codec import Sheet, collect, frame_sheet, refusal
from loadline.io.limits import Limits
from loadline.io.piece import Piece, latest, marks_of_vols, medians, vols_of_marks
from loadline.io.venues.deribit_names import Contract, option_name, parse_name
from loadline.model.instruments import Instruments, PayoffForm
from loadline.model.market import Quotes

if TYPE_CHECKING:
    import polars as pl

OTHER_NAMES = {"ts": "ts_est", "forward": "forward_implied", "index": "estimated_delivery_price"}
"""Columns accepted under another name, with a note that says so."""

REMEDY = "mend the row, or drop it"


def is_chain(columns: Any) -> bool:
    """Return whether columns are those of a chain: a time, an option, a forward, and a mark or a vol."""
    named = ("instrument" in columns) or all(c in columns for c in ("currency", "expiry", "strike", "cp"))
    timed, priced = (any(c in columns for c in (name, OTHER_NAMES[name])) for name in ("ts", "forward"))
    return named and timed and priced and ("mark" in columns or "mark_iv" in columns)


def scan_chain(lazy: pl.LazyFrame, path: Path, at: int | None, limits: Limits) -> Piece:
    """Return one snapshot of a Parquet chain, reading no other rows than its own."""
    import polars as pl  # slow to load, and only Parquet needs it

    schema = lazy.collect_schema()
    ts = next((c for c in schema if c.strip().lower() in ("ts", "ts_est")), "ts")
    if not isinstance(schema[ts], pl.Datetime):
        return read_chain(frame_sheet(collect(lazy, path.name), path.name), at, limits)
    ms = pl.col(ts).dt.timestamp("ms")
    times = collect(lazy.select(ms.unique()), path.name)[ts].drop_nulls().to_numpy()
    start, end = latest(times, at, limits.snapshot_gap_ms, path.name)
    frame = collect(lazy.filter(ms.is_between(start, end)), path.name)
    return read_chain(frame_sheet(frame, path.name), end, limits)


def read_chain(sheet: Sheet, at: int | None, limits: Limits) -> Piece:
    """Return one snapshot of a chain's rows."""
    sheet, notes = renamed(sheet)
    clock = sheet.moments("ts")
    timeless = dict.fromkeys(np.flatnonzero(clock.blank).tolist(), "no time") | dict(clock.bad)
    found = [*sheet.warnings]
    found += [sheet.defect(i, Reason.UNPARSABLE, why, REMEDY, "ts") for i, why in timeless.items()]
    usable = ~np.isin(np.arange(len(sheet)), list(timeless))
    if not usable.any():
        raise refusal(*found or [Defect(Reason.MISSING_DATA, "the file has no rows", "write it again", sheet.file)])
    start, end = latest(clock.values[usable], at, limits.snapshot_gap_ms, sheet.file)
    keep = usable & (clock.values >= start) & (clock.values <= end)
    sheet, times = sheet.take(np.flatnonzero(keep)), clock.values[keep]
    contracts, odd = named(sheet, found)
    rows = np.flatnonzero([c is not None for c in contracts])
    sheet = sheet.take(rows)
    instruments = Instruments.from_rows(c for c in contracts if c is not None)
    return filled(sheet, instruments, times[rows], np.isin(rows, list(odd)), end, found, notes)


def renamed(sheet: Sheet) -> tuple[Sheet, list[str]]:
    """Return the sheet with its columns under their usual names, and a note for each that had another."""
    columns, notes = dict(sheet.columns), []
    for name, other in OTHER_NAMES.items():
        if name not in columns and other in columns:
            columns[name] = columns.pop(other)
            notes.append(f"{sheet.file}: {name} taken from column {other}")
    return replace(sheet, columns=columns), notes


def named(sheet: Sheet, found: list[Defect]) -> tuple[list[Contract | None], set[int]]:
    """Return what each row's contract is by its name, and the rows whose other columns contradict it."""
    expiry, strike = sheet.moments("expiry"), sheet.numbers("strike")
    cp, currency = sheet.words("cp"), sheet.words("currency")
    columns = {"expiry": expiry, "strike": strike, "cp": cp, "currency": currency}
    if "instrument" in sheet:
        names = sheet.words("instrument").values.tolist()
    else:
        names = [
            option_name(currency.values[i], int(expiry.values[i]), strike.values[i], {"C": 1}.get(cp.values[i], -1))
            if not any(c.blank[i] or i in c.bad for c in columns.values())
            else ""
            for i in range(len(sheet))
        ]
    contracts: list[Contract | None] = [parse_name(name) for name in names]
    odd: set[int] = set()
    for i, (name, contract) in enumerate(zip(names, contracts, strict=True)):
        if contract is None:
            what, remedy = f"{name!r} is not an instrument's name", "write it as in BTC-27MAR26-90000-C"
            found.append(sheet.defect(i, Reason.UNSUPPORTED, what, remedy, "instrument", name))
            continue
        says = {
            "expiry": contract["expiry"],
            "strike": contract["strike"],
            "cp": "C" if contract["right"] > 0 else "P",
            "currency": contract["underlying"],
        }
        if currency.values[i] == contract["settle"]:
            says["currency"] = contract["settle"]  # a venue lists its cash-settled options under the cash
        for column, parsed in columns.items():
            wrong = parsed.bad.get(i)
            if wrong is None and not parsed.blank[i] and parsed.values[i] != says[column]:
                wrong = f"{column} is {parsed.values[i]}, but the name says {says[column]}"
            if wrong is not None:
                odd.add(i)
                found.append(sheet.defect(i, Reason.INVALID_VALUE, wrong, REMEDY, column, name))
    return contracts, odd


def filled(
    sheet: Sheet, instruments: Instruments, times: Ints, odd: Any, as_of: int, found: list[Defect], notes: list[str]
) -> Piece:
    """Return the piece: marks from vols and vols from marks where the file lacks one of them, each with a note."""
    names = instruments.id.tolist()
    columns: dict[str, Floats] = {}
    for column in ("forward", "mark", "mark_iv", "bid", "ask", "index"):
        parsed = sheet.numbers(column)
        for i, why in parsed.bad.items():
            subject = names[i] if column != "index" else ""
            found.append(sheet.defect(i, Reason.UNPARSABLE, f"{column}: {why}", REMEDY, column, subject))
        columns[column] = parsed.values
    forward, mark, vol = columns["forward"], columns["mark"], columns["mark_iv"]
    for values in (forward, mark, vol):
        values[odd] = np.nan
    unsolved, blank_vol = np.zeros(len(sheet), np.bool_), sheet.numbers("mark_iv").blank
    if "mark" not in sheet:
        mark = marks_of_vols(as_of, instruments, forward, vol)
        notes.append(f"{sheet.file}: marks computed from mark_iv and forward, the file has none")
    else:
        unsolved = blank_vol & ~odd & np.isfinite(mark) & (forward > 0)
    if unsolved.any():
        vol = np.where(unsolved, vols_of_marks(as_of, instruments, forward, mark, unsolved), vol)
        notes.append(f"{sheet.file}: vols of {unsolved.sum()} options solved from their marks, the file has none")
        for i in np.flatnonzero(unsolved & ~np.isfinite(vol)).tolist():
            what = f"no vol gives the mark {mark[i]:.6g}, and the file has none"
            found.append(sheet.defect(i, Reason.MISSING_DATA, what, "give mark_iv", "mark_iv", names[i]))
    index, index_notes = index_of(instruments, columns["index"], sheet.file)
    return Piece(
        file=sheet.file,
        as_of=as_of,
        instruments=instruments,
        quotes=Quotes.of(forward, vol=vol, mark=mark, bid=quoted(columns["bid"]), ask=quoted(columns["ask"])),
        times=times,
        rows=sheet.rows,
        index=index,
        defects=tuple(found),
        notes=(f"{sheet.file}: snapshot of {format_time(as_of)}", *notes, *index_notes),
        group="chain of " + ", ".join(sorted(set(instruments.underlying.tolist()))),
    )


def quoted(price: Floats) -> Floats:
    """Return bids or asks with 0, which is how venues write that there is none, as NaN."""
    out: Floats = np.where(price == 0, np.nan, price)
    return out


def index_of(instruments: Instruments, index: Floats, file: str) -> tuple[dict[str, float], list[str]]:
    """Return the median index of each underlying, and a note with its spread; cash-settled rows only if no other."""
    coin = np.isin(instruments.form, [PayoffForm.COIN_OPTION, PayoffForm.INVERSE])
    found: dict[str, float] = {}
    notes = []
    for mask in (coin, ~coin):
        for name, values in medians(instruments.underlying[mask].tolist(), index[mask]):
            if name not in found:
                found[name] = float(np.median(values))
                spread = values.max() / values.min() - 1
                unit = "USD" if mask is coin else "USD (quoted in a stablecoin, taken as USD)"
                said = f"{file}: {name} index {found[name]:,.2f} {unit}, the median of {len(values)} rows"
                notes.append(said + (f" that spread over {spread:.2%}" if spread > 0 else ""))
    return found, notes
