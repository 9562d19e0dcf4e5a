"""Paradex's ``markets/summary`` beside ``markets``: perpetuals and dated options, all linear in coins and paid in USDC.

Perpetual options (``PERP_OPTION``) have no expiry and no form here: they are left out, and an account that holds one is
not answered.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
from pydantic import ConfigDict

from loadline.foundation.errors import Defect, Reason
from loadline.io.chain import quoted
from loadline.io.codec import refusal
from loadline.io.piece import Piece, medians
from loadline.io.snapshot_writer import iso
from loadline.io.venues.deribit_names import Contract
from loadline.io.venues.statement import Given, Instant, Row, Statement, contract_of, has, rows_of
from loadline.model.instruments import Instruments, Kind, PayoffForm
from loadline.model.market import Quotes

PERPETUAL = re.compile(r"(?P<base>[A-Za-z0-9]{1,20})-USD-PERP\Z")
OPTION = re.compile(r"[A-Za-z0-9]{1,20}-USD-.*-[CP]\Z")


class Reference(Row):
    """One row of ``markets``."""

    model_config = ConfigDict(alias_generator=None)

    symbol: str
    asset_kind: str
    base_currency: str = ""
    strike_price: Given = None
    option_type: str | None = None
    expiry_at: Given = None
    funding_period_hours: Given = None


class Summary(Row):
    """One row of ``markets/summary``."""

    model_config = ConfigDict(alias_generator=None)

    symbol: str
    mark_price: Given = None
    underlying_price: Given = None
    mark_iv: Given = None
    bid: Given = None
    ask: Given = None
    created_at: Instant = None
    delta: Given = None
    funding_rate: Given = None


def is_option(name: str) -> bool:
    """Return whether a market is an option, by its name."""
    return OPTION.match(name) is not None


def parse_name(name: str) -> Contract | None:
    """Return the perpetual that a name says, ``None`` for all else: an option's name has no hour of expiry.

    >>> parse_name("BTC-USD-PERP")["settle"]
    'USDC'
    """
    match = PERPETUAL.match(name)
    if match is None:
        return None
    kind, form = Kind.PERPETUAL, PayoffForm.LINEAR
    return contract_of(name, match["base"], kind, form, multiplier=1.0, quote="USD", settle="USDC")


def referred(row: Reference) -> Contract | None:
    """Return the contract of one reference row, ``None`` where it has no form here."""
    if row.asset_kind == "PERP":
        return parse_name(row.symbol)
    right = {"CALL": 1, "PUT": -1}.get((row.option_type or "").upper(), 0)
    if row.asset_kind != "OPTION" or not row.expiry_at or row.strike_price is None or not right:
        return None
    return contract_of(
        row.symbol,
        row.base_currency,
        Kind.OPTION,
        PayoffForm.CASH_OPTION,
        multiplier=1.0,
        quote="USD",
        settle="USDC",
        expiry=int(row.expiry_at),
        strike=row.strike_price,
        right=right,
    )


def _over_eight_hours(row: Summary, hours: dict[str, float]) -> float | None:
    """Return a perpetual's funding rate over eight hours, which is the venue's period where its reference has none."""
    if row.funding_rate is None or is_option(row.symbol):
        return None
    return row.funding_rate * 8.0 / hours.get(row.symbol, 8.0)


def read_market(payloads: Sequence[tuple[Any, str]], at: int | None = None) -> Piece:
    """Return the piece of ``markets`` and ``markets/summary`` together; raises ``InputError`` without a price."""
    contracts: dict[str, Contract] = {}
    hours: dict[str, float] = {}
    prices: list[tuple[Summary, int]] = []
    found: list[Defect] = []
    for payload, file in payloads:
        rows, s = rows_of(payload, "results"), Statement("paradex", file, "")
        if has(rows, "asset_kind"):
            for _, ref, name in s.parsed(Reference, rows, "symbol"):
                made = None if ref is None else referred(ref)
                contracts |= {} if made is None else {name: made}
                hours |= {name: ref.funding_period_hours} if ref is not None and ref.funding_period_hours else {}
        else:
            prices += [(row, i) for i, row, _ in s.parsed(Summary, rows, "symbol") if row is not None]
        found += s.of_instruments()
    files = ", ".join(file for _, file in payloads)
    listed = [(c, r, i) for r, i in prices if (c := contracts.get(r.symbol) or parse_name(r.symbol)) is not None]
    stamped = np.array([r.created_at or 0 for _, r, _ in listed], np.int64)
    as_of = int(stamped.max(initial=0))
    if as_of == 0 or (at is not None and as_of // 1000 > at // 1000):
        late = f"the snapshot is of {iso(as_of)}, after the time asked for"
        what = late if as_of else "no contract has a price and a time"
        remedy = "save markets and markets/summary?market=ALL"
        raise refusal(*found or [Defect(Reason.MISSING_DATA, what, remedy, files)])

    def column(values: list[float | None]) -> np.ndarray:
        return np.array([np.nan if v is None else v for v in values], np.float64)

    instruments = Instruments.from_rows(c for c, _, _ in listed)
    option, mark = instruments.is_kind(Kind.OPTION), column([r.mark_price for _, r, _ in listed])
    spot = column([r.underlying_price for _, r, _ in listed])
    return Piece(
        file=files,
        as_of=as_of,
        instruments=instruments,
        quotes=Quotes.of(
            np.where(option, spot, mark),
            vol=np.where(option, column([r.mark_iv for _, r, _ in listed]), np.nan),
            mark=mark,
            bid=quoted(column([r.bid for _, r, _ in listed])),
            ask=quoted(column([r.ask for _, r, _ in listed])),
            funding=column([_over_eight_hours(r, hours) for _, r, _ in listed]),
            delta=column([r.delta for _, r, _ in listed]),
        ),
        times=stamped,
        rows=np.array([i for _, _, i in listed], np.int64),
        index={name: float(np.median(values)) for name, values in medians(instruments.underlying.tolist(), spot)},
        defects=tuple(found),
        notes=(f"{files}: snapshot of {iso(as_of)}",),
    )
