"""Price files: marks of futures and perpetuals, and USD prices of currencies, to stand beside a snapshot.

Rows are ``instrument, mark`` (may be ``bid, ask, ts``) or ``currency, usd``; both kinds may stand in one file. A file
of many times is read at the snapshot's time. One-minute bars (``close``) and term files (``last_trade_1m_close``) of a
venue's futures are read as marks, with a note.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from loadline.foundation.errors import Defect, Reason
from loadline.foundation.table import Ints
from loadline.foundation.units import format_time
from loadline.io.codec import Sheet, refusal
from loadline.io.limits import Limits
from loadline.io.piece import Piece
from loadline.io.venues.deribit_names import parse_name
from loadline.model.instruments import Instruments, Kind
from loadline.model.market import Quotes

MARKS = ("mark", "last_trade_1m_close", "close")
REMEDY = "write a plain decimal number"


def is_prices(columns: Any) -> bool:
    """Return whether columns are those of a price file."""
    return ("instrument" in columns and any(c in columns for c in MARKS)) or (
        "currency" in columns and "usd" in columns
    )


def read_prices(sheet: Sheet, as_of: int | None, at: int | None, limits: Limits) -> Piece:
    """Return the prices at a snapshot's time: of each name the last row at or before it, or else the first after.

    as_of: the time of the other files, epoch ms; None where there is none, then the last rows not after ``at``.
    """
    found: list[Defect] = [*sheet.warnings]
    notes: list[str] = []
    price = next((c for c in MARKS if c in sheet), "mark")
    if price != "mark" and "instrument" in sheet:
        notes.append(f"{sheet.file}: marks of futures taken from column {price}")
    clock = sheet.moments("ts")
    for i, why in clock.bad.items():
        found.append(sheet.defect(i, Reason.UNPARSABLE, f"ts: {why}", "write an ISO time", "ts"))
    usable = np.array([i not in clock.bad for i in range(len(sheet))], np.bool_)
    names, coins = sheet.words("instrument").values, sheet.words("currency").values
    keys = np.array([n or f"currency {c}" for n, c in zip(names, coins, strict=True)], np.str_)
    chosen = choose(clock.values, keys, usable, as_of, at)
    if len(chosen) == 0:
        what, remedy = "no price at or before the snapshot", "give prices of the snapshot's time"
        raise refusal(*found or [Defect(Reason.MISSING_DATA, what, remedy, sheet.file)])
    times = clock.values[chosen]
    sheet, names, coins = sheet.take(chosen), names[chosen], coins[chosen]
    own = int(times.max()) or None
    if own is not None and len(clock.values) > len(chosen):
        notes.append(f"{sheet.file}: prices of {format_time(own)}")
    usd = sheet.numbers("usd")
    fx = {}
    for i in np.flatnonzero(names == "").tolist():
        if coins[i] in fx:
            what, remedy = f"{coins[i]} has two prices", "keep one of them"
            found.append(sheet.defect(i, Reason.DUPLICATE, what, remedy, "currency", coins[i]))
        fx[coins[i]] = float(usd.values[i]) if coins[i] not in fx else np.nan
        if i in usd.bad or usd.blank[i]:
            what = f"{coins[i]}: {usd.bad.get(i, 'no price')}"
            found.append(sheet.defect(i, Reason.UNPARSABLE, what, REMEDY, "usd", coins[i]))
    rows = []
    contracts = [parse_name(name) if name else None for name in names]
    for i in np.flatnonzero(names != "").tolist():
        contract = contracts[i]
        if contract is None or contract["kind"] == Kind.OPTION:
            what = f"{names[i]!r} is not the name of a future, a perpetual or a pair"
            remedy = "write it as BTC-27MAR26 or BTC-PERPETUAL; options need a chain or a snapshot"
            found.append(sheet.defect(i, Reason.UNSUPPORTED, what, remedy, "instrument", str(names[i])))
        else:
            rows.append(i)
    picked = np.array(rows, np.int64)
    columns = {}
    for new, old in (("mark", price), ("bid", "bid"), ("ask", "ask")):
        parsed = sheet.numbers(old)
        columns[new] = parsed.values[picked]
        for i in sorted(set(parsed.bad) & set(rows)):
            found.append(
                sheet.defect(i, Reason.UNPARSABLE, f"{old}: {parsed.bad[i]}", REMEDY, "forward", str(names[i]))
            )
    return Piece(
        file=sheet.file,
        as_of=own,
        instruments=Instruments.from_rows(c for i in rows if (c := contracts[i]) is not None),
        quotes=Quotes.of(columns["mark"], **columns),
        times=times[picked],
        rows=sheet.rows[picked],
        fx=fx,
        defects=tuple(found),
        notes=tuple(notes),
        follows=True,
    )


def choose(times: Ints, keys: Any, usable: Any, as_of: int | None, at: int | None) -> Ints:
    """Return the rows to read: per key those of its last time at or before the snapshot, or of its first time after.

    times: (N,) epoch ms, 0 where a row has none; compared to the second.
    """
    seconds = times // 1000
    limit = np.inf if at is None else max(at, as_of or 0) // 1000
    target = (as_of if as_of is not None else at if at is not None else int(times.max(initial=0))) // 1000
    out = np.zeros(len(times), np.bool_)
    for key in dict.fromkeys(keys.tolist()):
        mine = usable & (keys == key) & (seconds <= limit)
        before, after = mine & (seconds <= target), mine & (seconds > target)
        if before.any():
            out |= before & (seconds == seconds[before].max())
        elif after.any():
            out |= after & (seconds == seconds[after].min())
    return np.flatnonzero(out)
