"""Bybit's public responses: ``market/tickers`` beside ``market/instruments-info``, and what its symbols say.

| symbol | form | quote | settle |
|---|---|---|---|
| ``BTCUSDT``, ``BTCUSDT-26SEP25`` | linear | USDT | USDT |
| ``BTCPERP``, ``BTC-26SEP25`` | linear | USDC | USDC |
| ``BTCUSD``, ``BTCUSDZ25`` | inverse, 1 USD of quantity | USD | BTC |
| ``BTC-30DEC22-18000-C`` | cash option | USDC | USDC |
| ``BTC-27MAR26-70000-P-USDT`` | cash option | USDT | USDT |

Expiry is 08:00 UTC; quarterly letters H, M, U, Z stand for the last Friday of March, June, September and December. Rows
of the spot market give an index alone: their symbols are those of perpetuals. Source: Bybit API documents, V5.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, Literal

import numpy as np

from loadline.foundation.errors import Defect, Reason
from loadline.io.chain import index_of, quoted
from loadline.io.codec import refusal
from loadline.io.numbers import BadCell, moment
from loadline.io.piece import Piece, over_eight_hours
from loadline.io.snapshot_writer import iso
from loadline.io.venues.deribit_names import MONTHS, Contract
from loadline.io.venues.statement import Given, Row, Statement, contract_of, has, rows_of, unknown
from loadline.model.instruments import Instruments, Kind, PayoffForm
from loadline.model.market import Quotes

DATED = r"(?P<day>[0-9]{1,2})(?P<month>[A-Z]{3})(?P<year>[0-9]{2})"
COIN = r"(?P<base>[A-Z0-9]{1,20}?)"
NAMES = tuple(
    (re.compile(pattern + r"\Z"), settle)
    for pattern, settle in (
        (rf"{COIN}-{DATED}-(?P<strike>[0-9]{{1,12}}(?:\.[0-9]{{1,12}})?)-(?P<right>[CP])(?:-(?P<cash>USDT|USDC))?", ""),
        (rf"{COIN}USDT(?:-{DATED})?", "USDT"),
        (rf"{COIN}PERP", "USDC"),
        (rf"{COIN}-{DATED}", "USDC"),
        (rf"{COIN}USD(?:(?P<quarter>[HMUZ])(?P<year>[0-9]{{2}}))?", "coin"),
    )
)
QUARTERS = {"H": 3, "M": 6, "U": 9, "Z": 12}


class Reference(Row):
    """One row of ``market/instruments-info``."""

    symbol: str
    base_coin: str
    quote_coin: str
    settle_coin: str = ""
    contract_type: Literal["LinearPerpetual", "LinearFutures", "InversePerpetual", "InverseFutures", ""] = ""
    options_type: Literal["Call", "Put", ""] = ""
    delivery_time: Given = None


class Ticker(Row):
    """One row of ``market/tickers``."""

    symbol: str
    mark_price: Given = None
    index_price: Given = None
    underlying_price: Given = None
    mark_iv: Given = None
    bid1_price: Given = None
    ask1_price: Given = None
    usd_index_price: Given = None
    delta: Given = None
    funding_rate: Given = None
    funding_interval_hour: Given = None


@lru_cache(maxsize=65_536)
def parse_name(symbol: str) -> Contract | None:
    """Return what a symbol says, or ``None`` if it says nothing known.

    >>> parse_name("BTCUSD")["settle"], parse_name("BTC-30DEC22-18000-C")["settle"]
    ('BTC', 'USDC')
    """
    for pattern, cash in NAMES:
        match = pattern.match(symbol)
        if match is None:
            continue
        part: dict[str, Any] = {"day": None, "quarter": None, "strike": None, "right": None} | match.groupdict()
        try:
            expiry = _expiry(part)
        except ValueError:
            return None
        option, inverse = part["right"] is not None, cash == "coin"
        settle = part["base"] if inverse else cash or part.get("cash") or "USDC"
        kind = Kind.OPTION if option else Kind.PERPETUAL if expiry is None else Kind.FUTURE
        form = PayoffForm.CASH_OPTION if option else PayoffForm.INVERSE if inverse else PayoffForm.LINEAR
        return contract_of(
            symbol,
            part["base"],
            kind,
            form,
            multiplier=1.0,
            quote="USD" if inverse else settle,
            settle=settle,
            expiry=expiry,
            strike=float(part["strike"]) if option else np.nan,
            right={"C": 1, "P": -1, None: 0}[part["right"]],
        )
    return None


def _expiry(part: dict[str, Any]) -> int | None:
    """Epoch ms of a dated name's expiry; raises ``ValueError`` for a day that is none."""
    if part["quarter"]:
        year, month = 2000 + int(part["year"]), QUARTERS[part["quarter"]]
        first = datetime(year + month // 12, month % 12 + 1, 1, 8, tzinfo=UTC)  # of the month after
        last = first - timedelta(days=1)
        return int((last - timedelta(days=(last.weekday() - 4) % 7)).timestamp() * 1000)
    if not part["day"]:
        return None
    day = (2000 + int(part["year"]), MONTHS.index(part["month"]) + 1, int(part["day"]), 8)
    return int(datetime(*day, tzinfo=UTC).timestamp() * 1000)


def referred(row: Reference) -> Contract | None:
    """Return the contract of one reference row; ``None`` for spot, and for an option or future without its terms."""
    option, dated = bool(row.options_type), bool(row.options_type) or row.contract_type.endswith("Futures")
    if not option and not row.contract_type:
        return None
    named = parse_name(row.symbol)
    if (dated and not row.delivery_time) or (option and named is None):
        return None
    inverse = row.contract_type.startswith("Inverse")
    kind = Kind.OPTION if option else Kind.FUTURE if dated else Kind.PERPETUAL
    return contract_of(
        row.symbol,
        row.base_coin,
        kind,
        PayoffForm.CASH_OPTION if option else PayoffForm.INVERSE if inverse else PayoffForm.LINEAR,
        multiplier=1.0,
        quote=row.quote_coin,
        settle=row.settle_coin,
        expiry=int(row.delivery_time or 0) if dated else None,
        strike=named["strike"] if option and named is not None else np.nan,
        right={"Call": 1, "Put": -1, "": 0}[row.options_type],
    )


def kind_of(payload: Any) -> str:
    """Return ``"instruments"``, ``"tickers"`` or ``""`` by the shape of the rows."""
    rows = rows_of(payload, "result", "list")
    if has(rows, "symbol", "baseCoin"):
        return "instruments"
    priced = any(has(rows, f) for f in ("markPrice", "usdIndexPrice"))
    return "tickers" if priced and has(rows, "symbol") and not has(rows, "side") else ""


def read_market(payloads: Sequence[tuple[Any, str]], at: int | None = None) -> Piece:
    """Return the piece that Bybit responses give together; raises ``InputError`` where none has a price."""
    contracts: dict[str, Contract] = {}
    found: list[Defect] = []
    tickers: dict[str, tuple[dict[str, Any], int, int]] = {}
    index: dict[str, float] = {}
    for payload, file in sorted(payloads, key=lambda given: kind_of(given[0]) != "instruments"):
        if not kind_of(payload):
            raise unknown(file, "save market/tickers, and market/instruments-info", "the response holds no prices")
        s, rows = Statement("bybit", file, ""), rows_of(payload, "result", "list")
        if kind_of(payload) == "instruments":
            made = ((name, referred(ref)) for _, ref, name in s.parsed(Reference, rows, "symbol") if ref is not None)
            contracts |= {name: contract for name, contract in made if contract is not None}
        else:
            sent = _sent(payload)
            for i, row, name in s.parsed(Ticker, rows, "symbol"):
                if row is None:
                    continue
                if row.usd_index_price is not None:
                    spot = parse_name(name)
                    index |= {spot["underlying"]: row.usd_index_price} if spot is not None else {}
                    continue
                known = contracts.get(name) or parse_name(name)
                if known is None:
                    what, remedy = f"{name!r} is not known", "give the response of instruments-info beside it"
                    found.append(Defect(Reason.UNSUPPORTED, what, remedy, file, i, "symbol", name))
                    continue
                contracts[name], tickers[name] = known, (row.model_dump(), i, sent)
        found += s.of_instruments()
    files = ", ".join(file for _, file in payloads)
    if not tickers:
        remedy = "save market/tickers beside it"
        raise refusal(*found or [Defect(Reason.MISSING_DATA, "reference data without prices", remedy, files)])
    stamped = np.array([t for _, _, t in tickers.values()], np.int64)
    as_of = int(stamped.max())
    if as_of == 0 or (at is not None and as_of // 1000 > at // 1000):
        what = (
            "no response says its time" if as_of == 0 else f"the snapshot is of {iso(as_of)}, after the time asked for"
        )
        raise refusal(Defect(Reason.MISSING_DATA, what, "save the whole response", files, 0, "time"))

    def column(field: str) -> np.ndarray:
        return np.array([np.nan if t[field] is None else t[field] for t, _, _ in tickers.values()], np.float64)

    instruments = Instruments.from_rows(contracts[name] for name in tickers)
    option, mark = instruments.is_kind(Kind.OPTION), column("mark_price")
    spread, said = index_of(instruments, column("index_price"), files)
    return Piece(
        file=files,
        as_of=as_of,
        instruments=instruments,
        quotes=Quotes.of(
            np.where(option, column("underlying_price"), mark),
            vol=np.where(option, column("mark_iv"), np.nan),
            mark=mark,
            bid=quoted(column("bid1_price")),
            ask=quoted(column("ask1_price")),
            funding=np.where(
                instruments.is_kind(Kind.PERPETUAL),
                over_eight_hours(column("funding_rate"), column("funding_interval_hour")),
                np.nan,
            ),
            delta=np.where(option, column("delta"), np.nan),
        ),
        times=stamped,
        rows=np.array([i for _, i, _ in tickers.values()], np.int64),
        index=spread | index,
        defects=tuple(found),
        notes=(f"{files}: snapshot of {iso(as_of)}", *said),
    )


def _sent(payload: Any) -> int:
    try:
        return moment(payload.get("time"))
    except BadCell:
        return 0
