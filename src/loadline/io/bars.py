"""Files of price bars, or of implied vols, into one series per factor: nothing dropped but what cannot be read.

A file has a time (``ts``, ``time``, ``timestamp`` or ``date``: by venues' custom when a bar **opens**; ``close_time``:
when it closes), may be a ``symbol``, and ``close`` with may be ``volume`` (coins), ``volume_usd`` or ``quote_volume``
(USD) and ``implied`` (decimal) or ``dvol`` (vol points). A file without ``close`` and ``implied`` is wide: every other
column is a symbol's close.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from loadline.foundation.errors import Defect, Reason
from loadline.foundation.table import Floats, Ints
from loadline.io.cells import numbers
from loadline.io.chain import is_chain
from loadline.io.codec import Sheet, read_sheet, refusal
from loadline.io.limits import Limits
from loadline.io.numbers import EARLIEST_MS, LATEST_MS
from loadline.scenarios.stress import STABLECOINS

OPENS = ("ts", "time", "timestamp", "date", "open_time")
VENUES = ("venue", "exchange")
SYMBOLS = ("symbol", "instrument", "coin", "coin_symbol", "currency")
USD_VOLUMES = ("volume_usd", "quote_volume")
IMPLIED = ("implied", "iv", "dvol")
PRICES = ("px", "price", "last", "mid", "mark", "mark_price", "index_price", "open", "high", "low", "value", "volume")
"""Columns of a file without ``close`` that are no coins."""
QUOTES = ("USDT", "USDC", "USD", "BUSD", "PERP", "PERPETUAL", "SWAP")
CASH = frozenset(x.upper() for x in (*STABLECOINS, "XUSD", "SUSD"))
"""Symbols that end in USD and are no pair with it; their prices may stay put for days."""
LISTED = 20
"""Rows of a series that are told one by one; the others are counted."""


@dataclass(frozen=True, eq=False)
class Bars:
    """One factor's rows of one file, in the file's order.

    ``time``: (T,) epoch ms as the file has them; ``opens``: whether that is when a bar opens; ``close``: (T,) USD,
    ``volume``: (T,) USD, ``implied``: (T,) 1/sqrt(year), NaN where not given; ``rows``: (T,) from 1.
    """

    factor: str
    symbol: str
    file: str
    time: Ints
    opens: bool
    close: Floats
    volume: Floats
    implied: Floats
    rows: Ints
    defects: tuple[Defect, ...] = ()

    def defect(self, reason: Reason, what: str, remedy: str, row: int = 0, column: str = "close") -> Defect:
        """Return a defect of this factor; ``row`` from 1, 0 for the series as a whole."""
        return Defect(reason, f"{self.factor}: {what}", remedy, self.file, row, column, self.factor)


@dataclass(frozen=True, slots=True)
class Source:
    """A file to read and what it does not say itself.

    ``factor``: whose prices these are, where the file has no symbol; ``stamp``: ``open`` or ``close``, what the time
    column means (``close_time`` always means the close); ``volume``: ``coin`` or ``usd``, the unit of ``volume``.
    """

    path: Path
    factor: str = ""
    stamp: str = "open"
    volume: str = "coin"


def factor_of(symbol: str) -> str:
    """Return the factor that a venue's symbol is a price of, in USD or a stablecoin.

    >>> [factor_of(s) for s in ("BTCUSDT", "kraken:ETH-USD", "BTC-PERPETUAL", "USDCUSDT", "TUSD", "SOL")]
    ['BTC', 'ETH', 'BTC', 'USDC', 'TUSD', 'SOL']
    """
    symbol = symbol.rpartition(":")[2]  # a venue may stand in front
    for sign in ("-", "/", "_"):
        head, found, tail = symbol.partition(sign)
        if found and head and tail.upper().replace("-", "").rstrip("M") in QUOTES:
            return head
    if symbol.upper() in CASH:
        return symbol
    for quote in ("USDT", "USDC", "BUSD", "USD"):
        if symbol.endswith(quote) and len(symbol) > len(quote):
            return symbol[: -len(quote)]
    return symbol


def hashed(path: Path) -> str:
    """Return a file's name and the SHA-256 of its content, as a line of provenance."""
    with path.open("rb") as stream:
        return f"{path.name} sha256:{hashlib.file_digest(stream, 'sha256').hexdigest()}"


def read_bars(source: Source, symbols: Sequence[str] | None, limits: Limits) -> list[Bars]:
    """Return one series per factor of a file; ``symbols``: those to keep, as symbols or factors, None for all.

    Raises ``InputError`` where the file cannot be used, is an option chain, or holds two symbols of one factor.
    """
    sheet = read_sheet(source.path, limits)
    if is_chain(sheet.columns) and "close" not in sheet:
        what, remedy = "this is an option chain, not a file of bars", "give bars; calibrate takes chains by --chain"
        raise refusal(Defect(Reason.UNSUPPORTED, what, remedy, sheet.file))
    clock, opens = _clock(sheet, source)
    if not len(sheet):
        raise refusal(Defect(Reason.MISSING_DATA, "the file has no rows", "write it again", sheet.file))
    time, timeless = _moments(sheet, clock)
    price = "close" in sheet or any(c in sheet for c in IMPLIED)
    found = list(_long(sheet, source, time, timeless, opens) if price else _wide(sheet, time, timeless, opens, clock))
    if symbols is not None:
        found = [b for b in found if b.symbol in symbols or b.factor in symbols]
    of: dict[str, str] = {}
    for bars in found:
        if bars.factor in of:
            what = f"{of[bars.factor]} and {bars.symbol} are both prices of {bars.factor}"
            remedy = "choose one of them by its symbol"
            raise refusal(Defect(Reason.DUPLICATE, what, remedy, sheet.file, 0, "symbol", bars.factor))
        of[bars.factor] = bars.symbol
    return found


def _clock(sheet: Sheet, source: Source) -> tuple[str, bool]:
    if source.stamp not in ("open", "close") or source.volume not in ("coin", "usd"):
        what = f"a stamp of {source.stamp!r} with volume in {source.volume!r}"
        remedy = "the stamp is open or close, volume is in coin or usd"
        raise refusal(Defect(Reason.UNSUPPORTED, what, remedy, sheet.file))
    if "close_time" in sheet:
        return "close_time", False
    found = [c for c in OPENS if c in sheet]
    if not found:
        what = f"no time: none of {', '.join(OPENS)} or close_time"
        offer = f"name the column of times 'ts'; the columns are {', '.join(sheet.columns)}"
        raise refusal(Defect(Reason.MISSING_DATA, what, offer, sheet.file))
    return found[0], source.stamp == "open"


def _moments(sheet: Sheet, column: str) -> tuple[Ints, dict[int, str]]:
    """(T,) epoch ms and the rows that have none, with the reason."""
    cells = sheet.columns[column]
    if isinstance(cells, pl.Series) and cells.dtype in (pl.Datetime, pl.Date):
        ms = cells.cast(pl.Datetime("ms")).cast(pl.Int64)
        time: Ints = ms.fill_null(0).to_numpy().astype(np.int64)
        lost = np.flatnonzero((time < EARLIEST_MS) | (time >= LATEST_MS))
        return time, {int(i): "no time" if ms[int(i)] is None else "a time outside 2000-2200" for i in lost}
    found = sheet.moments(column)
    return found.values, dict.fromkeys(np.flatnonzero(found.blank).tolist(), "no time") | dict(found.bad)


def _numbers(sheet: Sheet, column: str) -> tuple[Floats, dict[int, str]]:
    """(T,) floats, NaN where blank or bad, and why bad."""
    cells: Any = sheet.columns.get(column)
    if cells is None:
        return np.full(len(sheet), np.nan), {}
    if not isinstance(cells, pl.Series):
        cells = pl.Series([None if x is None else str(x) for x in cells], dtype=pl.String)
    elif not (cells.dtype.is_numeric() or cells.dtype == pl.String):
        return np.full(len(sheet), np.nan), {0: f"the column holds {cells.dtype}, not numbers"}
    found = numbers(cells)
    return found.values, {i: found.why(i) for i in np.flatnonzero(found.bad).tolist()}


def _long(sheet: Sheet, source: Source, time: Ints, timeless: dict[int, str], opens: bool) -> Iterator[Bars]:
    close, bad = _numbers(sheet, "close")
    usd = next((c for c in USD_VOLUMES if c in sheet), None)
    volume, bad_volume = _numbers(sheet, usd or "volume")
    if usd is None and source.volume == "coin":
        volume = volume * close
    vols = next((c for c in IMPLIED if c in sheet), "implied")
    implied, bad_implied = _numbers(sheet, vols)
    if vols == "dvol":
        implied = implied / 100.0
    found = {"close": bad, "volume": bad_volume, vols: bad_implied}
    named = next((c for c in SYMBOLS if c in sheet), None)
    if named is None and not source.factor:
        what, remedy = (
            "no symbol: the file does not say whose prices these are",
            "write BTC=FILE, or add a column symbol",
        )
        raise refusal(Defect(Reason.MISSING_DATA, what, remedy, sheet.file, 0, "symbol"))
    if named is None or (source.factor and named):
        names = np.full(len(sheet), source.factor, object)
        if named is not None and len(set(sheet.words(named).values.tolist())) > 1:
            what = f"the file holds more than {source.factor}"
            remedy = f"leave out '{source.factor}=', and choose by symbol"
            raise refusal(Defect(Reason.UNSUPPORTED, what, remedy, sheet.file, 0, named))
    else:
        names = _words(sheet, named)
        venue = next((c for c in VENUES if c in sheet), None)
        if venue is not None and len(set(places := _words(sheet, venue))) > 1:
            names = np.array([f"{v}:{n}" for v, n in zip(places, names, strict=True)], object)
    order = np.argsort(names.astype(str), kind="stable")
    cuts = np.flatnonzero(names[order][1:] != names[order][:-1]) + 1
    for at in np.split(order, cuts):
        symbol = str(names[at[0]])
        factor = source.factor or factor_of(symbol)
        yield _series(sheet, at, factor, symbol, time, opens, close, volume, implied, timeless, found)


def _wide(sheet: Sheet, time: Ints, timeless: dict[int, str], opens: bool, clock: str) -> Iterator[Bars]:
    at, none = np.arange(len(sheet)), np.full(len(sheet), np.nan)
    coins = [name for name in sheet.columns if name not in (clock, *OPENS, "close_time")]
    read = {name: _numbers(sheet, name) for name in coins}
    odd = [n for n, (close, bad) in read.items() if n in PRICES or (bad and not np.isfinite(close).any())]
    if odd:
        what = f"no column close, and no coin of the name {' or '.join(odd)}"
        remedy = f"name prices 'close' and coins 'symbol'; the columns are {', '.join(sheet.columns)}"
        raise refusal(Defect(Reason.MISSING_DATA, what, remedy, sheet.file, 0, "close"))
    for name, (close, bad) in read.items():
        symbol = name.upper()  # column names are read in lower case
        yield _series(sheet, at, factor_of(symbol), symbol, time, opens, close, none, none, timeless, {name: bad})


def _series(
    sheet: Sheet, at: Ints, factor: str, symbol: str, time: Ints, opens: bool, close: Floats, volume: Floats,
    implied: Floats, timeless: dict[int, str], bad: dict[str, dict[int, str]],
) -> Bars:  # fmt: skip
    """The rows ``at`` as one factor's bars: rows without a time are left out, bad cells are NaN, each is named."""
    bars = Bars(factor, symbol, sheet.file, time[at], opens, close[at], volume[at], implied[at], sheet.rows[at])
    mine, found = set(at.tolist()), list(sheet.warnings)
    said = [(i, "ts", why) for i, why in timeless.items() if i in mine]
    said += [(i, column, why) for column, rows in bad.items() for i, why in rows.items() if i in mine]
    for i, column, why in said[:LISTED]:
        found.append(
            bars.defect(Reason.UNPARSABLE, f"{column}: {why}; left out", "mend the row", int(sheet.rows[i]), column)
        )
    if len(said) > LISTED:
        what = f"{len(said) - LISTED} more cells cannot be read; left out"
        found.append(bars.defect(Reason.UNPARSABLE, what, "mend the rows"))
    keep = ~np.isin(at, list(timeless))
    columns = {c: getattr(bars, c)[keep] for c in ("time", "close", "volume", "implied", "rows")}
    return Bars(factor=factor, symbol=symbol, file=sheet.file, opens=opens, defects=tuple(found), **columns)


def _words(sheet: Sheet, column: str) -> Any:
    """(T,) texts; a row without one is the symbol ''."""
    cells = sheet.columns[column]
    if isinstance(cells, pl.Series) and cells.dtype == pl.String:
        return np.array(cells.fill_null("").str.strip_chars().to_list(), object)
    return sheet.words(column).values
