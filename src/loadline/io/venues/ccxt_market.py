"""Markets in ccxt's unified structures: ``load_markets``, ``fetch_tickers``, ``fetch_greeks``, ``fetch_funding_rates``.

One JSON object: ``ccxt`` (the exchange's ``id``), ``time`` (epoch ms, its ``milliseconds()``), ``markets``,
``tickers``, and ``greeks`` and ``funding`` where there are any. Prices of futures are their marks (of the ticker, or of
``funding``); a last price is none. What ccxt does not carry:

* An option's forward: ``underlyingPrice`` of its greeks, at OKX ``fwdPx`` of their ``info``; at Derive ccxt fills in
  the index, so there the rows of ``info`` are read by the venue's own reader.
* Vols are decimals but at Deribit, where they are per cent. A mark that no ticker has is computed from the vol.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from loadline.foundation.errors import Defect, Reason
from loadline.foundation.table import Floats
from loadline.io.chain import index_of, quoted
from loadline.io.codec import refusal
from loadline.io.numbers import BadCell, moment
from loadline.io.piece import Piece, marks_of_vols
from loadline.io.snapshot_writer import iso
from loadline.io.venues.ccxt import contracts, listed
from loadline.io.venues.ccxt_contracts import venue_name
from loadline.io.venues.deribit_names import Contract
from loadline.io.venues.statement import Given, Row, Statement
from loadline.model.instruments import Instruments, Kind
from loadline.model.market import Quotes

PERCENT = ("deribit",)
"""Venues whose implied vols ccxt passes on in per cent."""


class Prices(Row):
    """The fields of a ticker, greeks or funding structure that a market needs; each gives some of them."""

    symbol: str
    mark_price: Given = None
    index_price: Given = None
    underlying_price: Given = None
    mark_implied_volatility: Given = None
    bid: Given = None
    delta: Given = None
    funding_rate: Given = None
    interval: str | None = None
    ask: Given = None
    info: dict[str, Any] | None = None


def read_market(payloads: Sequence[tuple[Any, str]], at: int | None = None) -> Piece:
    """Return the piece of one or more objects together; raises ``InputError`` where none has a price."""
    files = ", ".join(file for _, file in payloads)
    found: list[Defect] = []
    rows: list[tuple[Contract, dict[str, float], int, int]] = []
    for payload, file in payloads:
        time, venue = _time(payload, file), venue_name(str(payload["ccxt"]))
        if venue == "derive":
            return _derive(payloads, at)
        known, defects = contracts(payload, file)
        s = Statement("ccxt", file, "")
        prices: dict[str, dict[str, float]] = {}
        place: dict[str, int] = {}
        for section in ("funding", "tickers", "greeks"):
            for i, row, name in s.parsed(Prices, listed(payload.get(section)), "symbol"):
                if row is not None and name in known:
                    given = row.model_dump(exclude={"symbol", "info", "funding_rate", "interval"}, exclude_none=True)
                    given |= _funding(row)
                    if section == "greeks":
                        given |= _forward(row, venue) | _vol(row, venue)
                    prices[name], place[name] = prices.get(name, {}) | given, i
        rows += [(known[name], given, place[name], time) for name, given in prices.items()]
        found += defects + s.of_instruments()
    if not rows:
        what, remedy = "no contract has a price", "add markets, and what fetch_tickers returns, as tickers"
        raise refusal(*found or [Defect(Reason.MISSING_DATA, what, remedy, files)])
    stamped = np.array([time for *_, time in rows], np.int64)
    as_of = int(stamped.max())
    if at is not None and as_of // 1000 > at // 1000:
        what = f"the snapshot is of {iso(as_of)}, after the time asked for"
        raise refusal(Defect(Reason.MISSING_DATA, what, "ask for a later time", files))

    def column(field: str) -> Floats:
        return np.array([given.get(field, np.nan) for _, given, _, _ in rows], np.float64)

    instruments = Instruments.from_rows(made for made, *_ in rows)
    option, mark = instruments.is_kind(Kind.OPTION), column("mark_price")
    forward, vol = np.where(option, column("underlying_price"), mark), column("mark_implied_volatility")
    notes, unmarked = [f"{files}: snapshot of {iso(as_of)}"], option & np.isnan(mark)
    if unmarked.any():
        mark = np.where(unmarked, marks_of_vols(as_of, instruments, forward, vol), mark)
        notes.append(f"{files}: marks of {unmarked.sum()} options computed from their vols, ccxt has none")
    index, said = index_of(instruments, column("index_price"), files)
    lacks = instruments.is_kind(Kind.PERPETUAL) & ~np.isin(instruments.underlying, list(index))
    if lacks.any():
        marks, more = index_of(instruments.take(lacks), forward[lacks], files)
        index |= marks
        said += [f"{note} (a perpetual's mark: no ticker has an indexPrice)" for note in more]
    return Piece(
        file=files,
        as_of=as_of,
        instruments=instruments,
        quotes=Quotes.of(
            forward,
            vol=np.where(option, vol, np.nan),
            mark=mark,
            bid=quoted(column("bid")),
            ask=quoted(column("ask")),
            funding=column("funding"),
            delta=np.where(option, column("delta"), np.nan),
        ),
        times=stamped,
        rows=np.array([i for _, _, i, _ in rows], np.int64),
        index=index,
        defects=tuple(found),
        notes=(*notes, *said),
    )


def _time(payload: Any, file: str) -> int:
    try:
        return moment(payload.get("time"))
    except BadCell as error:
        remedy = "add the time at which you fetched, epoch milliseconds: exchange.milliseconds()"
        raise refusal(Defect(Reason.MISSING_DATA, f"time: {error}", remedy, file, 0, "time")) from None


def _funding(row: Prices) -> dict[str, float]:
    """Return the funding rate over eight hours; none where ccxt does not say over which time."""
    hours = (row.interval or "").removesuffix("h")
    if row.funding_rate is None or not hours.isdecimal() or int(hours) == 0:
        return {}
    return {"funding": row.funding_rate * 8.0 / int(hours)}


def _forward(row: Prices, venue: str) -> dict[str, float]:
    """Return an option's forward where ccxt leaves it in the venue's own row."""
    own = Statement("ccxt", "", "")
    info = {"symbol": row.symbol, "underlyingPrice": (row.info or {}).get("fwdPx")}
    found = [r.underlying_price for _, r, _ in own.parsed(Prices, [info], "symbol") if r is not None]
    return {"underlying_price": found[0]} if venue == "okx" and found and found[0] is not None else {}


def _vol(row: Prices, venue: str) -> dict[str, float]:
    if venue not in PERCENT or row.mark_implied_volatility is None:
        return {}
    return {"mark_implied_volatility": row.mark_implied_volatility / 100.0}


def _derive(payloads: Sequence[tuple[Any, str]], at: int | None) -> Piece:
    """Return the piece of Derive's own tickers, named by their markets."""
    from loadline.io.venues import derive_market

    whole = []
    for payload, file in payloads:
        ids = {
            m["symbol"]: m.get("id") for m in listed(payload.get("markets")) if isinstance(m, dict) and "symbol" in m
        }
        structures = [r for s in ("greeks", "tickers") for r in listed(payload.get(s)) if isinstance(r, dict)]
        tickers = {str(ids.get(r.get("symbol"))): r.get("info") for r in structures}
        whole.append(({"result": {"tickers": tickers}}, file))
    return derive_market.read_market(whole, at)
