"""Binance's public responses: ``premiumIndex`` of both futures markets, and what their symbols say.

| symbol | form | quote | settle |
|---|---|---|---|
| ``BTCUSDT``, ``BTCUSDT_260327`` | linear | USDT | USDT |
| ``ETHUSDC`` | linear | USDC | USDC |
| ``BTCUSD_PERP``, ``BTCUSD_260327`` | inverse, 100 USD (BTC) or 10 USD (others) a contract | USD | BTC |

Expiry is 08:00 UTC. Symbols such as ``1000SHIBUSDT`` are priced per 1,000 coins: their underlying is ``1000SHIB``.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import numpy as np

from loadline.foundation.errors import Defect, Reason
from loadline.io.chain import index_of
from loadline.io.codec import refusal
from loadline.io.piece import Piece
from loadline.io.snapshot_writer import iso
from loadline.io.venues.deribit_names import Contract
from loadline.io.venues.statement import Instant, Number, Row, Statement, contract_of
from loadline.model.instruments import Instruments, Kind, PayoffForm
from loadline.model.market import Quotes

NAME = re.compile(r"(?P<base>[A-Z0-9]{1,20}?)(?P<quote>USDT|USDC|USD)(?:_(?P<tail>PERP|[0-9]{6}))?\Z")
CONTRACT = {"BTC": 100.0}
"""USD of one coin-margined contract; 10 for every other coin."""


class Premium(Row):
    """One row of ``premiumIndex``."""

    symbol: str
    mark_price: Number
    index_price: Number
    time: Instant = None


@lru_cache(maxsize=65_536)
def parse_name(symbol: str) -> Contract | None:
    """Return what a futures symbol says, or ``None`` if it says nothing known.

    >>> parse_name("BTCUSD_PERP")["multiplier"], parse_name("ETHUSDT")["settle"]
    (100.0, 'USDT')
    """
    match = NAME.match(symbol)
    if match is None or (match["quote"] == "USD") != (match["quote"] == "USD" and match["tail"] is not None):
        return None
    base, quote, tail = match["base"], match["quote"], match["tail"]
    inverse, expiry = quote == "USD", None
    if tail and tail != "PERP":
        try:
            day = datetime.strptime(tail, "%y%m%d").replace(hour=8, tzinfo=UTC)
        except ValueError:
            return None
        expiry = int(day.timestamp() * 1000)
    return contract_of(
        symbol,
        base,
        Kind.PERPETUAL if expiry is None else Kind.FUTURE,
        PayoffForm.INVERSE if inverse else PayoffForm.LINEAR,
        multiplier=CONTRACT.get(base, 10.0) if inverse else 1.0,
        quote=quote,
        settle=base if inverse else quote,
        expiry=expiry,
    )


def read_market(payloads: Sequence[tuple[Any, str]], at: int | None = None) -> Piece:
    """Return the piece that ``premiumIndex`` responses give together; raises ``InputError`` where none has a price."""
    found: list[Defect] = []
    rows: list[tuple[Premium, Contract, int]] = []
    for payload, file in payloads:
        s = Statement("binance", file, "")
        for i, row, name in s.parsed(Premium, payload if isinstance(payload, list) else [payload], "symbol"):
            made = parse_name(name)
            if row is not None and made is not None:
                rows.append((row, made, i))
        found += s.of_instruments()
    files = ", ".join(file for _, file in payloads)
    if not rows:
        raise refusal(*found or [Defect(Reason.MISSING_DATA, "no price of a contract", "save premiumIndex", files)])
    stamped = np.array([row.time or 0 for row, _, _ in rows], np.int64)
    as_of = int(stamped.max())
    if as_of == 0 or (at is not None and as_of // 1000 > at // 1000):
        what = "no row says its time" if as_of == 0 else f"the snapshot is of {iso(as_of)}, after the time asked for"
        raise refusal(Defect(Reason.MISSING_DATA, what, "save the whole response", files, 0, "time"))
    instruments = Instruments.from_rows(made for _, made, _ in rows)
    mark = np.array([row.mark_price for row, _, _ in rows], np.float64)
    index, said = index_of(instruments, np.array([row.index_price for row, _, _ in rows], np.float64), files)
    return Piece(
        file=files,
        as_of=as_of,
        instruments=instruments,
        quotes=Quotes.of(mark, mark=mark),
        times=stamped,
        rows=np.array([i for _, _, i in rows], np.int64),
        index=index,
        defects=tuple(found),
        notes=(f"{files}: snapshot of {iso(as_of)}", *said),
    )
