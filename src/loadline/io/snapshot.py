"""Reads Loadline's own market snapshot, as ``snapshot_writer`` describes it; hand-written files may leave things out.

An instrument row needs ``id, underlying, kind, form, quote, settle``, an option ``expiry, strike, right`` besides and a
future ``expiry``; ``multiplier`` is 1, ``upfront`` true for options and spot, and a quote not given where it is absent.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from loadline.foundation.errors import Defect, Reason
from loadline.foundation.table import Bools, Floats, Ints
from loadline.io.codec import Sheet, collect, frame_sheet, refusal, rows_sheet
from loadline.io.limits import Limits
from loadline.io.numbers import BadCell, is_blank, moment, number, word
from loadline.io.piece import Piece, latest
from loadline.io.snapshot_writer import FORMS, KINDS, RIGHTS, iso
from loadline.model.instruments import NO_EXPIRY, Instruments, Kind, PayoffForm
from loadline.model.market import Market, Quotes

if TYPE_CHECKING:
    import polars as pl

REQUIRED = ("id", "underlying", "kind", "form", "quote", "settle")
FLAGS: Mapping[str, int] = {"true": 1, "false": 0}
SECTIONS = ("format", "as_of", "identity", "index", "fx", "notes", "instruments")
PLAIN = "write a plain decimal number, or leave it out"
Prices = dict[str, dict[str, float]]


def is_snapshot(payload: Any) -> bool:
    """Return whether JSON content is a snapshot of ours."""
    return isinstance(payload, dict) and "instruments" in payload and "as_of" in payload


def read_json_snapshot(payload: Mapping[str, Any], file: str, at: int | None, limits: Limits) -> Piece:
    """Return the piece of a JSON snapshot."""
    for key in payload:
        if key not in SECTIONS:
            what, remedy = f"section {key!r} is not known", f"the sections are {', '.join(SECTIONS)}"
            raise refusal(Defect(Reason.UNPARSABLE, what, remedy, file))
    try:
        as_of = moment(payload["as_of"])
    except BadCell as error:
        remedy = "write 2026-02-05T18:00:00Z"
        raise refusal(Defect(Reason.UNPARSABLE, f"as_of: {error}", remedy, file)) from None
    latest(np.array([as_of]), at, 0, file)
    found: list[Defect] = []
    prices: Prices = {"index": {}, "fx": {}, "confidence": {}}
    for section in ("index", "fx"):
        given = payload.get(section, {})
        if not isinstance(given, dict):
            what = f"section {section!r} is not an object of prices"
            raise refusal(Defect(Reason.UNPARSABLE, what, 'write {"BTC": 64000.5}', file))
        for name, value in given.items():
            cells = value if isinstance(value, dict) and section == "index" else {"price": value}
            for key, into in (("price", section), ("confidence", "confidence")):
                try:
                    if key in cells or key == "price":
                        prices[into][name] = number(cells.get(key))
                except BadCell as error:
                    what = f"{section} {name}: {error}"
                    found.append(Defect(Reason.UNPARSABLE, what, PLAIN, file, 0, key, name))
    notes = payload.get("notes", [])
    said = tuple(str(n) for n in notes) if isinstance(notes, list) else ()
    sheet = rows_sheet(payload["instruments"], file, limits)
    identity = payload.get("identity")
    return build(sheet, as_of, prices, said, None if identity is None else str(identity), found)


def scan_snapshot(lazy: pl.LazyFrame, path: Path, at: int | None, limits: Limits) -> Piece:
    """Return the piece of a Parquet snapshot: the latest ``as_of`` at or before ``at``."""
    import polars as pl  # slow to load, and only Parquet needs it

    schema = lazy.collect_schema()
    if not isinstance(schema.get("as_of"), pl.Datetime) or schema["section"] != pl.String:
        what, remedy = "columns as_of (a time) and section (text) are needed", "write the file with write_market"
        raise refusal(Defect(Reason.UNPARSABLE, what, remedy, path.name))
    ms = pl.col("as_of").dt.timestamp("ms")
    times = collect(lazy.select(ms.unique()), path.name)["as_of"].drop_nulls().to_numpy()
    _, as_of = latest(times, at, 0, path.name)
    sheet = frame_sheet(collect(lazy.filter(ms == as_of), path.name), path.name)
    section = np.array(sheet.words("section").values, np.str_)
    found: list[Defect] = []
    prices: Prices = {"index": {}, "fx": {}, "confidence": {}}
    for name in ("index", "fx"):
        part = sheet.take(np.flatnonzero(section == name))
        mark, confidence = part.numbers("mark"), part.numbers("confidence")
        for i, subject in enumerate(part.words("id").values.tolist()):
            prices[name][subject] = float(mark.values[i])
            for parsed, column in ((mark, "mark"), (confidence, "confidence")):
                if i in parsed.bad:
                    what = f"{name} {subject}: {parsed.bad[i]}"
                    found.append(part.defect(i, Reason.UNPARSABLE, what, PLAIN, column, subject))
            if not confidence.blank[i] and i not in confidence.bad:
                prices["confidence"][subject] = float(confidence.values[i])
    notes = sheet.take(np.flatnonzero(section == "note")).words("id").values.tolist()
    identity = [*sheet.take(np.flatnonzero(section == "identity")).words("id").values.tolist(), None][0]
    return build(sheet.take(np.flatnonzero(section == "instrument")), as_of, prices, tuple(notes), identity, found)


def build(
    sheet: Sheet, as_of: int, prices: Prices, notes: tuple[str, ...], identity: str | None, found: list[Defect]
) -> Piece:
    """Return the piece of instrument rows and prices; raises ``InputError`` if the content is not what was written."""
    optional = [c for c in (*Instruments.columns(), *Quotes.columns()) if c not in REQUIRED]
    if len(sheet):
        sheet.need(REQUIRED, optional)
    sheet, columns = identified(sheet, found)
    instruments = Instruments(**columns)
    names = instruments.id.tolist()
    quotes = {column: floats(sheet, column, names, found) for column in Quotes.columns()}
    absent = sheet.numbers("confidence").blank
    quotes["confidence"] = np.where(absent, 1.0, quotes["confidence"])
    given = Market(as_of, instruments, Quotes(**quotes), prices["index"], prices["fx"], prices["confidence"])
    if identity is not None and identity != given.identity:
        what = "the content is not what was written: its identity differs"
        remedy = "write the file again; if it was changed on purpose, take its identity out"
        raise refusal(*found, Defect(Reason.TRUNCATED, what, remedy, sheet.file, 0, "identity"))
    return Piece(
        file=sheet.file,
        as_of=as_of,
        instruments=instruments,
        quotes=given.quotes,
        times=np.full(len(sheet), as_of),
        rows=sheet.rows,
        index=prices["index"],
        fx=prices["fx"],
        index_confidence=prices["confidence"],
        defects=tuple(found),
        notes=(f"{sheet.file}: snapshot of {iso(as_of)}", *notes),
    )


def identified(sheet: Sheet, found: list[Defect]) -> tuple[Sheet, dict[str, Any]]:
    """Return the rows that say which contract they are, and their ``Instruments`` columns; the others are defects."""
    names = sheet.words("id").values
    codes = {c: coded(sheet, c, words, found) for c, words in (("kind", KINDS), ("form", FORMS))}
    right, upfront = coded(sheet, "right", RIGHTS, found), coded(sheet, "upfront", FLAGS, found, default=-1)
    texts = {c: sheet.words(c) for c in ("id", "underlying", "quote", "settle")}
    expiry = sheet.moments("expiry")
    lost: Bools = (codes["kind"] < 0) | (codes["form"] < 0) | (right < -1)
    for column, parsed in texts.items():
        empty = dict.fromkeys(np.flatnonzero(parsed.blank).tolist(), f"no {column}") | dict(parsed.bad)
        for i, why in empty.items():
            lost[i] = True
            found.append(sheet.defect(i, Reason.MISSING_DATA, why, "fill the cell", column, str(names[i])))
    option = codes["kind"] == Kind.OPTION
    dated = option | (codes["kind"] == Kind.FUTURE)
    rules = (
        (dated & expiry.blank, "expiry", "no expiry, which this kind needs", "write it as 2026-03-27T08:00:00Z"),
        (~dated & ~expiry.blank, "expiry", "an expiry, but this kind has none", "leave it out, or mend the kind"),
        (option & (right == 0), "right", "no right, which an option needs", "write call or put"),
        (~option & (right != 0), "right", "a right, but this is no option", "leave it out, or mend the kind"),
        (option != (codes["form"] >= PayoffForm.COIN_OPTION), "form", "the form does not fit the kind", "mend either"),
    )
    for i, why in expiry.bad.items():
        lost[i] = True
        found.append(sheet.defect(i, Reason.UNPARSABLE, f"expiry: {why}", "write an ISO time", "expiry", str(names[i])))
    for mask, column, what, remedy in rules:
        for i in np.flatnonzero(mask & ~lost).tolist():
            lost[i] = True
            found.append(sheet.defect(i, Reason.INVALID_VALUE, what, remedy, column, str(names[i])))
    keep = np.flatnonzero(~lost)
    kept = sheet.take(keep)
    ids = texts["id"].values[keep].tolist()
    multiplier = floats(kept, "multiplier", ids, found)
    carried = codes["form"] != PayoffForm.LINEAR
    carried &= codes["form"] != PayoffForm.INVERSE
    return kept, {c: p.values[keep].astype(np.str_) for c, p in texts.items()} | {
        "kind": codes["kind"][keep],
        "form": codes["form"][keep],
        "right": right[keep],
        "expiry": np.where(expiry.blank, NO_EXPIRY, expiry.values)[keep],
        "strike": floats(kept, "strike", ids, found),
        "multiplier": np.where(kept.numbers("multiplier").blank, 1.0, multiplier),
        "upfront": np.where(upfront < 0, carried, upfront == 1)[keep],
    }


def coded(sheet: Sheet, column: str, codes: Mapping[str, int], found: list[Defect], default: int = 0) -> Ints:
    """Return (N,) the code of each word; -9 where it is not known, ``default`` where the cell is empty."""
    out = np.full(len(sheet), default, np.int64)
    names = sheet.words("id").values
    cells: Any = sheet.columns.get(column, [])
    for i, cell in enumerate(cells):
        if is_blank(cell):
            if column in REQUIRED:
                out[i] = -9
                found.append(sheet.defect(i, Reason.MISSING_DATA, f"no {column}", "fill it", column, str(names[i])))
            continue
        try:
            text = str(cell).lower() if isinstance(cell, bool) else word(cell).lower()
        except BadCell:
            text = "?"
        out[i] = codes.get(text, -9)
        if out[i] == -9:
            what, remedy = f"{column} {str(cell)[:40]!r} is not known", f"write {', '.join(w for w in codes if w)}"
            found.append(sheet.defect(i, Reason.INVALID_VALUE, what, remedy, column, str(names[i])))
    return out


def floats(sheet: Sheet, column: str, names: list[str], found: list[Defect]) -> Floats:
    """Return (N,) numbers, NaN where there is none, each bad cell a defect of its instrument."""
    parsed = sheet.numbers(column)
    for i, why in parsed.bad.items():
        found.append(sheet.defect(i, Reason.UNPARSABLE, f"{column}: {why}", PLAIN, column, names[i]))
    values: Floats = parsed.values
    return values
