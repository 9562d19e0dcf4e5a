"""Market files into one snapshot: told apart by their columns, taken at one time, joined, checked."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from loadline.foundation.errors import Defect, InputError, Reason
from loadline.foundation.units import format_time
from loadline.io.chain import is_chain, read_chain, scan_chain
from loadline.io.checks import Snapshot, age, check_prices, check_rows
from loadline.io.codec import Sheet, collect, frame_sheet, normalised, read_json, read_sheet, refusal, rows_sheet
from loadline.io.codec import scan_parquet as scan
from loadline.io.implied import imply_futures as with_futures
from loadline.io.limits import Limits
from loadline.io.piece import Piece, TooEarly
from loadline.io.prices import is_prices, read_prices
from loadline.io.snapshot import is_snapshot, read_json_snapshot, scan_snapshot
from loadline.io.venues.deribit_names import Contract
from loadline.io.venues.known import Market as MarketReader
from loadline.io.venues.known import Payloads, market_readers, venue_of
from loadline.model.instruments import Instruments
from loadline.model.market import Market, Quotes

STABLE = ("USDC", "USDT")
"""Currencies taken at 1 USD, with a note, where a snapshot does not price them."""

KNOWN = (
    "a chain (ts, instrument, forward, and mark or mark_iv), a price file (instrument, mark or currency, usd), "
    "a Loadline snapshot (section, as_of, ...), or Deribit's get_book_summary_by_currency and get_instruments"
)


@dataclass(frozen=True)
class Source:
    """One recognised file: ``kind``, and how to read its piece given the time wanted and the time of the others."""

    file: str
    kind: str
    read: Callable[[int | None, int | None], Piece]


def read_market(
    paths: Path | str | Sequence[Path | str],
    *,
    at: int | None = None,
    max_age_ms: int | None = None,
    imply_futures: bool = False,
    limits: Limits | None = None,
) -> Market:
    """Return the snapshot that files give together, at the latest time at or before ``at``.

    paths: Deribit chain Parquet or CSV, raw Deribit summary and instruments JSON, Loadline snapshots, price files.
    at: epoch ms UTC, compared to the second; without it the latest snapshot is taken. max_age_ms: files further apart
    are refused (default 1 h, as in ``limits``). imply_futures: see ``implied.imply_futures``.
    Raises ``InputError`` where a file as a whole cannot be used; rows that cannot are in the market's ``defects``.
    """
    bounds = limits or Limits()
    if max_age_ms is not None:
        bounds = replace(bounds, max_age_ms=max_age_ms)
    listed = [Path(p) for p in ([paths] if isinstance(paths, (str, Path)) else paths)]
    if not listed:
        raise InputError("no market file is given", remedy=f"give {KNOWN}")
    pieces = aligned(recognised(listed, bounds), at, bounds)
    market = joined(pieces, bounds)
    if at is not None and at - market.as_of > bounds.max_age_ms:
        late = f"the snapshot of {format_time(market.as_of)} is {age(at - market.as_of)} before the time asked for"
        market = market.replace(notes=(late, *market.notes))
    return with_futures(market) if imply_futures else market


def recognised(paths: Iterable[Path], limits: Limits) -> list[Source]:
    """Return what each file is; raises ``InputError`` naming every file that is nothing known."""
    sources: list[Source] = []
    payloads: list[tuple[Any, str]] = []
    for path in paths:
        if path.suffix.lower() == ".json":
            payload = read_json(path, limits)
            if is_snapshot(payload):
                sources.append(Source(path.name, "snapshot", json_reader(payload, path.name, limits)))
            elif is_rows(payload):
                sources.append(of_sheet(rows_sheet(payload, path.name, limits), limits))
            else:
                payloads.append((payload, path.name))
        elif path.suffix.lower() == ".parquet":
            sources.append(of_parquet(path, limits))
        else:
            sources.append(of_sheet(read_sheet(path, limits), limits))
    return sources + of_payloads(payloads, limits)


def is_rows(payload: Any) -> bool:
    """Return whether JSON is plain rows, of no venue."""
    named = isinstance(payload, list) and any("instrument_name" in r for r in payload if isinstance(r, dict))
    return isinstance(payload, list) and not named and not venue_of(payload)


def json_reader(payload: Any, file: str, limits: Limits) -> Callable[[int | None, int | None], Piece]:
    """Return the reader of a JSON snapshot."""
    return lambda at, as_of: read_json_snapshot(payload, file, at, limits)


def of_parquet(path: Path, limits: Limits) -> Source:
    """Return what a Parquet file is, by its columns."""
    lazy = scan(path, limits)
    columns = normalised(collect(lazy.limit(0), path.name).columns, path.name)
    if "section" in columns:
        return Source(path.name, "snapshot", lambda at, as_of: scan_snapshot(lazy, path, at, limits))
    if is_chain(columns):
        return Source(path.name, "chain", lambda at, as_of: scan_chain(lazy, path, at, limits))
    return of_sheet(frame_sheet(collect(lazy, path.name), path.name), limits)


def of_sheet(sheet: Sheet, limits: Limits) -> Source:
    """Return what rows are, by their columns."""
    if is_chain(sheet.columns):
        return Source(sheet.file, "chain", lambda at, as_of: read_chain(sheet, at, limits))
    if is_prices(sheet.columns):
        return Source(sheet.file, "prices", lambda at, as_of: read_prices(sheet, as_of, at, limits))
    what = f"columns {', '.join(list(sheet.columns)[:12])} are no market file's"
    raise refusal(Defect(Reason.UNSUPPORTED, what, f"give {KNOWN}", sheet.file))


def of_payloads(payloads: list[tuple[Any, str]], limits: Limits) -> list[Source]:
    """Return the sources of venue responses: summaries, with the reference data of all instrument responses."""
    others, payloads = market_readers(payloads)
    sources = [Source(name, name, partial(_together, read, group)) for name, group, read in others]
    if not payloads:
        return sources
    from loadline.io.venues import deribit_market as deribit

    references: dict[str, Contract] = {}
    found: list[Defect] = []
    summaries: list[tuple[Any, str]] = []
    for payload, file in payloads:
        match deribit.kind_of(payload):
            case "instruments":
                contracts, defects = deribit.read_references(payload, file)
                references |= contracts
                found += defects
            case "summary":
                summaries.append((payload, file))
            case _:
                deribit.unwrapped(payload, file)
                raise refusal(Defect(Reason.UNSUPPORTED, "the JSON is no market file's", f"give {KNOWN}", file))
    if not summaries:
        remedy = "give the response of get_book_summary_by_currency beside it"
        raise refusal(Defect(Reason.MISSING_DATA, "reference data without prices", remedy, payloads[0][1]))

    def reader(payload: Any, file: str, extra: list[Defect]) -> Callable[[int | None, int | None], Piece]:
        def read(at: int | None, as_of: int | None) -> Piece:
            piece = deribit.read_summary(payload, file, references, at, limits)
            return replace(piece, defects=(*piece.defects, *extra))

        return read

    return sources + [
        Source(file, "summary", reader(payload, file, found if i == 0 else []))
        for i, (payload, file) in enumerate(summaries)
    ]


def _together(read: MarketReader, group: Payloads, at: int | None, as_of: int | None) -> Piece:
    """Read the responses of one venue as one piece."""
    return read(group, at)


def aligned(sources: list[Source], at: int | None, limits: Limits) -> list[Piece]:
    """Return one piece per file at one time: snapshots first, then the price files at their time.

    Raises ``InputError`` where pieces are further apart than ``max_age_ms``, naming each with its time.
    """
    pieces: dict[int, Piece] = {}
    early: list[tuple[Source, TooEarly]] = []
    for i, source in enumerate(sources):
        try:
            pieces |= {i: source.read(at, None)} if source.kind != "prices" else {}
        except TooEarly as error:
            early.append((source, error))
    for source, why in early:  # a later month of a chain that another file covers is not missed
        if source.kind != "chain" or source.read(None, None).group not in {p.group for p in pieces.values()}:
            raise why
    for group in {p.group for p in pieces.values() if p.group}:
        rivals = sorted((p.as_of or 0, i) for i, p in pieces.items() if p.group == group)
        for _, i in rivals[:-1]:
            del pieces[i]
    times = [p.as_of for p in pieces.values() if p.as_of is not None]
    pieces |= {i: s.read(at, max(times, default=None)) for i, s in enumerate(sources) if s.kind == "prices"}
    listed = [pieces[i] for i in sorted(pieces)]
    timed = {p.file: p.as_of for p in listed if p.as_of is not None}
    if timed and max(timed.values()) - min(timed.values()) > limits.max_age_ms:
        told = ", ".join(f"{file} at {format_time(t)}" for file, t in timed.items())
        what = f"the files are further apart than {age(limits.max_age_ms)}: {told}"
        remedy = "ask for a time that all files cover (--at), or allow more (--max-age)"
        raise refusal(Defect(Reason.STALE, what, remedy))
    if not timed:
        what, remedy = "no file says its time", "add a column ts, or give a snapshot beside it"
        raise refusal(Defect(Reason.MISSING_DATA, what, remedy, listed[0].file))
    return listed


def joined(pieces: list[Piece], limits: Limits) -> Market:
    """Return the market of all pieces, checked; of an instrument that stands twice the first row stays, blanked."""
    clocks = [p.as_of for p in pieces if p.as_of is not None and not p.follows]
    as_of = max(clocks or [p.as_of for p in pieces if p.as_of is not None])
    instruments = Instruments.concat(p.instruments for p in pieces)
    quotes = Quotes.concat(p.quotes for p in pieces)
    files = np.concatenate([np.full(len(p.rows), p.file, object) for p in pieces]).astype(np.str_)
    rows, times = np.concatenate([p.rows for p in pieces]), np.concatenate([p.times for p in pieces])
    defects = [d for p in pieces for d in p.defects]
    notes = [n for p in pieces for n in p.notes]
    index, confidence, fx = prices_of(pieces, set(instruments.underlying.tolist()), notes)
    for ccy in STABLE:
        if ccy not in fx:
            fx[ccy] = 1.0
            notes.append(f"{ccy} taken at 1 USD: not in the snapshot")
    defects += check_prices(index, fx, instruments.underlying.tolist())
    snapshot = Snapshot(as_of, instruments, quotes, times, files, rows, index, fx)
    quotes, found = check_rows(snapshot, defects, limits)
    instruments, quotes, twice = without_twins(replace(snapshot, quotes=quotes))
    return Market(
        as_of=as_of,
        instruments=instruments,
        quotes=quotes,
        index={k: v for k, v in index.items() if v > 0},
        fx={k: v for k, v in fx.items() if v > 0},
        index_confidence=confidence,
        defects=tuple(defects + found + twice),
        source=tuple(p.file for p in pieces),
        notes=tuple(dict.fromkeys(notes)),
    )


def prices_of(
    pieces: list[Piece], underlyings: set[str], notes: list[str]
) -> tuple[dict[str, float], dict[str, float], dict[str, float]]:
    """Return index, index confidence and fx; a price file's coin is an index, and goes before a chain's."""
    index: dict[str, float] = {}
    confidence: dict[str, float] = {}
    fx: dict[str, float] = {}
    for piece in sorted(pieces, key=lambda p: p.follows):
        confidence |= piece.index_confidence
        for name, price in piece.index.items():
            if name in index and index[name] != price:
                notes.append(f"{piece.file}: index of {name} not used, an earlier file gives {index[name]:,.2f} USD")
            index.setdefault(name, price)
        for name, price in piece.fx.items():
            coin = piece.follows and name in underlyings
            into = index if coin else fx
            if name in into and into[name] != price:
                notes.append(f"{piece.file}: {name} at {price:g} USD, instead of {into[name]:g}")
            into[name] = price
    return index, confidence, fx


def without_twins(s: Snapshot) -> tuple[Instruments, Quotes, list[Defect]]:
    """Return one row per instrument; where several stand, all their quotes are blank and each repetition a defect."""
    ids = s.instruments.id
    first: dict[str, int] = {}
    repeated: dict[int, int] = {}
    for i, name in enumerate(ids.tolist()):
        if first.setdefault(name, i) != i:
            repeated[i] = first[name]
    if not repeated:
        return s.instruments, s.quotes, []
    found = []
    for i, original in repeated.items():
        where = f"row {s.rows[original]}" + (f" of {s.files[original]}" if s.files[original] != s.files[i] else "")
        what, remedy = f"{ids[i]} already stands in {where}", "keep one of the rows"
        place = (s.files[i].item(), int(s.rows[i]), "instrument", ids[i].item())
        found.append(Defect(Reason.DUPLICATE, what, remedy, *place))
    blank = {c: getattr(s.quotes, c).copy() for c in Quotes.columns()}
    for column in ("forward", "vol", "mark", "bid", "ask"):
        blank[column][list(repeated.values())] = np.nan
    keep = np.array(list(first.values()), np.int64)
    return s.instruments.take(keep), Quotes(**blank).take(keep), found
