"""Derive's public responses: ``get_ticker``, ``get_tickers``, ``get_instruments``, currencies; and what its names say.

| name | form | quote | settle |
|---|---|---|---|
| ``ETH-PERP`` | linear, one coin | USD | USDC |
| ``ETH-20260130-3000-C`` | cash option on one coin, expiring at 08:00 UTC | USD | USDC |
| ``ETH-USDC`` | spot: the price of a collateral, no contract | | |

A ticker comes long (``mark_price``, ``option_pricing.iv``) or short (``M``, ``option_pricing.i``); a response of one
short ticker does not say whose it is, and is refused. A bid or ask of 0 is none. Prices and index are in US dollars.
The rate of an option's expiry is ``-ln(discount_factor) / years``. Source: Derive API reference, market data.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import numpy as np
from pydantic import AliasChoices, ConfigDict, Field

from loadline.foundation.errors import Defect, Reason
from loadline.foundation.table import Floats
from loadline.io.chain import quoted
from loadline.io.codec import refusal
from loadline.io.numbers import BadCell, number
from loadline.io.piece import Piece, medians, over_eight_hours, years
from loadline.io.snapshot_writer import iso
from loadline.io.venues.deribit_names import EXPIRY_HOUR, Contract
from loadline.io.venues.statement import Given, Instant, Number, Row, Statement, contract_of, rows_of
from loadline.model.instruments import Instruments, Kind, PayoffForm
from loadline.model.market import Quotes

NAME = re.compile(
    r"(?P<base>[A-Za-z0-9]{1,20})-(?:(?P<perpetual>PERP)"
    r"|(?P<day>[0-9]{8})-(?P<strike>[0-9]{1,12}(?:[._][0-9]{1,12})?)-(?P<right>[CP]))\Z"
)
SPOT = re.compile(r"(?P<base>[A-Za-z0-9]{1,20})-USDC\Z")
COINS = (
    *("cbBTC", "eBTC", "SolvBTC", "wstETH", "weETH", "rsETH", "rswETH", "pufETH"),
    *("sUSDe", "USDe", "sDAI", "fxUSDC"),
)
"""Collaterals whose names are written in small and capital letters; the venue writes all in capitals."""
SPELLING = {c.upper(): c for c in COINS}
ONE = "save public/get_tickers, or a long public/get_ticker, which names the instrument"


class Snake(Row):
    """A row of a venue that writes ``average_price``."""

    model_config = ConfigDict(alias_generator=None, populate_by_name=True)


class Ticker(Snake):
    """One ticker, long or short."""

    name: str
    mark: Given = Field(None, validation_alias=AliasChoices("mark_price", "M"))
    index: Given = Field(None, validation_alias=AliasChoices("index_price", "I"))
    bid: Given = Field(None, validation_alias=AliasChoices("best_bid_price", "b"))
    ask: Given = Field(None, validation_alias=AliasChoices("best_ask_price", "a"))
    time: Instant = Field(None, validation_alias=AliasChoices("timestamp", "t"))
    iv: Given = None
    forward: Given = None
    discount: Given = None
    delta: Given = None
    hourly: Given = None


class Currency(Snake):
    """One row of ``get_all_currencies``."""

    currency: str
    spot_price: Number


def spelt(asset: str) -> str:
    """Return a collateral's name as its issuer writes it.

    >>> spelt("WEETH"), spelt("ETH")
    ('weETH', 'ETH')
    """
    return SPELLING.get(asset, asset)


@lru_cache(maxsize=65_536)
def parse_name(name: str) -> Contract | None:
    """Return what a name says, or ``None`` if it is no contract's.

    >>> row = parse_name("ETH-20260130-3000-C")
    >>> row["strike"], row["right"], row["multiplier"], row["quote"], row["settle"]
    (3000.0, 1, 1.0, 'USD', 'USDC')
    """
    match = NAME.match(name)
    if match is None:
        return None
    cash = {"multiplier": 1.0, "quote": "USD", "settle": "USDC"}
    if match["perpetual"]:
        return contract_of(name, match["base"], Kind.PERPETUAL, PayoffForm.LINEAR, **cash)  # type: ignore[arg-type]
    try:
        day = datetime.strptime(match["day"], "%Y%m%d").replace(hour=EXPIRY_HOUR, tzinfo=UTC)
    except ValueError:
        return None
    return contract_of(
        name,
        match["base"],
        Kind.OPTION,
        PayoffForm.CASH_OPTION,
        **cash,  # type: ignore[arg-type]
        expiry=int(day.timestamp() * 1000),
        strike=float(match["strike"].replace("_", ".")),
        right={"C": 1, "P": -1}[match["right"]],
    )


def referred(row: dict[str, Any]) -> str:
    """Return what is wrong with a row of reference data against its name, empty where the two agree.

    >>> referred({"instrument_name": "ETH-PERP", "instrument_type": "perp", "base_currency": "ETH"})
    ''
    """
    name, details = str(row.get("instrument_name", "")), row.get("option_details")
    made = parse_name(name)
    if row.get("instrument_type") not in ("perp", "option"):
        return ""
    if made is None:
        return f"{name!r} is not known"
    if row.get("base_currency", made["underlying"]) != made["underlying"]:
        return f"{name}: on {row['base_currency']}"
    if row.get("quote_currency", "USD") not in ("USD", "USDC"):
        return f"{name}: quoted in {row['quote_currency']}"
    right = "C" if made["right"] > 0 else "P"
    says = {"expiry": made["expiry"] // 1000, "strike": made["strike"], "option_type": right}
    terms = details if isinstance(details, dict) else {}
    for field, value in says.items():
        given = terms.get(field, value)
        if given != value and str(given) != str(value) and _float(given) != value:
            return f"{name}: {field} is {given}, but the name says {value}"
    return ""


def _float(given: Any) -> float:
    try:
        return number(given)
    except BadCell:
        return np.nan


def _flat(row: dict[str, Any]) -> dict[str, Any]:
    """Return a row with its ``option_pricing`` beside its own fields: both have an ``f``."""
    given = row.get("option_pricing")
    pricing = given if isinstance(given, dict) else {}
    names = {"iv": "i", "forward_price": "f", "discount_factor": "df", "delta": "d"}
    found = [pricing.get(long, pricing.get(short)) for long, short in names.items()]
    details = row.get("perp_details")
    hourly = row.get("f", details.get("funding_rate") if isinstance(details, dict) else None)
    return row | dict(zip(("iv", "forward", "discount", "delta"), found, strict=True)) | {"hourly": hourly}


def rows(payload: Any) -> Iterator[dict[str, Any]]:
    """Yield every row of a response: instruments and tickers with their ``name``, and currencies."""
    result = payload.get("result", payload) if isinstance(payload, dict) else payload
    if isinstance(result, dict):
        tickers = result.get("tickers")
        if isinstance(tickers, dict):
            yield from (_flat(row) | {"name": name} for name, row in tickers.items() if isinstance(row, dict))
            return
        result = rows_of(result, "instruments") or [result]
    for row in result if isinstance(result, list) else []:
        if isinstance(row, dict):
            yield _flat(row) | {"name": row.get("instrument_name", "")}


def read_market(payloads: Sequence[tuple[Any, str]], at: int | None = None) -> Piece:
    """Return the piece that Derive's responses give together; raises ``InputError`` where none has a price."""
    files = ", ".join(file for _, file in payloads)
    found: list[Defect] = []
    listed: list[tuple[Ticker, Contract, int]] = []
    spot: dict[str, float] = {}
    wrong: dict[str, str] = {}
    for payload, file in payloads:
        mine = {str(row["name"]): why for row in rows(payload) if (why := referred(row))}
        for name, why in mine.items():
            found.append(Defect(Reason.UNSUPPORTED, why, "leave it out", file, 0, "instrument_name", name))
        wrong |= mine
    for payload, file in payloads:
        s, every = Statement("derive", file, ""), list(rows(payload))
        if any("t" in row and not row["name"] for row in every):
            raise refusal(Defect(Reason.MISSING_DATA, "a ticker that does not say whose it is", ONE, file))
        for _, coin, _ in s.parsed(Currency, [row for row in every if "spot_price" in row], "currency"):
            spot |= {} if coin is None else {spelt(coin.currency): coin.spot_price}
        priced = [row for row in every if "M" in row or "mark_price" in row]
        for i, row, name in s.parsed(Ticker, priced, "name"):
            made, pair = parse_name(name), SPOT.match(name)
            if row is not None and pair is not None and row.mark is not None:
                spot.setdefault(spelt(pair["base"]), row.mark)
            elif row is not None and made is not None and name not in wrong:
                listed.append((row, made, i))
        found += s.of_instruments()
    if not listed:
        what, remedy = "no contract has a price", "save public/get_tickers beside it"
        raise refusal(*found or [Defect(Reason.MISSING_DATA, what, remedy, files)])
    stamped = np.array([row.time or 0 for row, _, _ in listed], np.int64)
    as_of = int(stamped.max())
    if as_of == 0 or (at is not None and as_of // 1000 > at // 1000):
        what = "no row says its time" if as_of == 0 else f"the snapshot is of {iso(as_of)}, after the time asked for"
        raise refusal(Defect(Reason.MISSING_DATA, what, "save the whole response", files, 0, "timestamp"))

    def column(values: list[float | None]) -> Floats:
        return np.array([np.nan if v is None else v for v in values], np.float64)

    instruments = Instruments.from_rows(made for _, made, _ in listed)
    option, mark = instruments.is_kind(Kind.OPTION), column([row.mark for row, _, _ in listed])
    discount = column([row.discount for row, _, _ in listed])
    with np.errstate(all="ignore"):
        rate = np.where(option, -np.log(discount) / years(as_of, instruments.expiry), np.nan)
    prices = column([row.index for row, _, _ in listed])
    index = {coin: float(np.median(v)) for coin, v in medians(instruments.underlying.tolist(), prices)}
    return Piece(
        file=files,
        as_of=as_of,
        instruments=instruments,
        quotes=Quotes.of(
            np.where(option, column([row.forward for row, _, _ in listed]), mark),
            vol=np.where(option, column([row.iv for row, _, _ in listed]), np.nan),
            mark=mark,
            bid=quoted(column([row.bid for row, _, _ in listed])),
            ask=quoted(column([row.ask for row, _, _ in listed])),
            rate=np.where(np.isfinite(rate), rate, np.nan),
            funding=np.where(option, np.nan, over_eight_hours(column([row.hourly for row, _, _ in listed]), 1.0)),
            delta=np.where(option, column([row.delta for row, _, _ in listed]), np.nan),
        ),
        times=stamped,
        rows=np.array([i for _, _, i in listed], np.int64),
        index=index,
        fx={name: price for name, price in spot.items() if name not in index},
        defects=tuple(found),
        notes=(f"{files}: snapshot of {iso(as_of)}",),
    )
