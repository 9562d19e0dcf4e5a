"""What a contract is by ccxt's unified market structure, and by how much one of ccxt's contracts is one of ours.

The flags ``linear`` and ``inverse`` are not believed: the form follows from the currencies, and flags that disagree are
a defect. ``contractSize`` is not what the name says at every venue (ccxt 4.5):

* OKX: ``ctVal`` without ``ctMult``: an option on 0.01 BTC reads 1. The product is taken from the market's ``info``.
* Deribit: ``contracts`` of a position are the API's amount (USD, coins) already; a contract size of 10 USD on top would
  count tenfold.
* Bybit: the least order of inverse contracts; the size of a position is in USD.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from loadline.io.numbers import BadCell
from loadline.io.venues import binance_market, bybit_market, deribit_names, derive_market, paradex_market
from loadline.io.venues.deribit_names import Contract
from loadline.io.venues.hyperliquid import perpetual
from loadline.io.venues.statement import Given, Row, contract_of, product
from loadline.model.instruments import Kind, PayoffForm

VENUES = {"binanceusdm": "binance", "binancecoinm": "binance", "binanceus": "", "coinbasederibit": "deribit"}
"""ccxt's name of a venue where it is not ours."""
DOLLARS = ("USD", "USDC", "USDT")
KINDS = {"swap": Kind.PERPETUAL, "future": Kind.FUTURE, "option": Kind.OPTION}
AMOUNTS = ("deribit", "bybit")
"""Venues whose ``contracts`` are amounts: coins of linear contracts and options, USD of inverse ones."""
NAMES: Mapping[str, Callable[[str], Contract | None]] = {
    "binance": binance_market.parse_name,
    "bybit": bybit_market.parse_name,
    "deribit": deribit_names.parse_name,
    "derive": derive_market.parse_name,
    "paradex": paradex_market.parse_name,
}
"""Where a name says what a contract is, the structure is held against it."""


COMPARED = ("kind", "form", "expiry", "strike", "right", "multiplier", "settle")


class Unusable(ValueError):
    """A market structure that is no contract of ours; the message says why."""


class Structure(Row):
    """A market structure."""

    id: str
    symbol: str
    type: str
    base: str = ""
    base_name: str | None = None
    quote: str = ""
    settle: str | None = None
    linear: bool | None = None
    inverse: bool | None = None
    quanto: bool | None = None
    contract_size: Given = None
    expiry: Given = None
    strike: Given = None
    option_type: str | None = None
    info: dict[str, Any] | None = None


def venue_name(exchange: str) -> str:
    """Return our name of a venue that ccxt calls ``exchange``.

    >>> venue_name("binanceusdm"), venue_name("okx")
    ('binance', 'okx')
    """
    return VENUES.get(exchange, exchange) or exchange


def sized(m: Structure, venue: str) -> float:
    """Return the coins (inverse: USD) in one of ccxt's contracts; raises ``Unusable`` where nothing says it."""
    if venue in AMOUNTS:
        return 1.0
    if venue == "okx":
        info = m.info or {}
        try:
            return product(str(info["ctVal"]), str(info.get("ctMult") or "1"))
        except (KeyError, BadCell):
            raise Unusable("its info has no ctVal and ctMult: contractSize leaves the multiplier out") from None
    if m.contract_size is None or m.contract_size <= 0:
        raise Unusable("no contractSize")
    return m.contract_size


def contract(m: Structure, venue: str) -> Contract:
    """Return the contract that a structure describes; raises ``Unusable`` saying why it is none of ours."""
    kind = KINDS[m.type]
    coin, cash = m.settle == m.base, m.settle == m.quote or {m.settle, m.quote} <= set(DOLLARS)
    if m.quanto or coin == cash:
        raise Unusable(f"{m.base}/{m.quote} that pays {m.settle} (a quanto) is no contract known here")
    if (m.linear is not None and m.linear != cash) or (m.inverse is not None and m.inverse != coin):
        raise Unusable(f"{m.base}/{m.quote} that pays {m.settle}, but linear is {m.linear}, inverse {m.inverse}")
    dated, right = kind is not Kind.PERPETUAL, {"call": 1, "put": -1}.get(m.option_type or "", 0)
    if dated and not m.expiry:
        raise Unusable("no expiry")
    form = PayoffForm.INVERSE if coin else PayoffForm.LINEAR
    if kind is Kind.OPTION:
        if not right or m.strike is None:
            raise Unusable("an option without strike or optionType")
        form = PayoffForm.COIN_OPTION if coin else PayoffForm.CASH_OPTION
    own = venue == "hyperliquid"  # its ids are numbers, and its kPEPE becomes KPEPE
    underlying = (m.base_name or m.base) if own else m.base
    made = contract_of(
        perpetual(underlying) if own else m.id,
        underlying,
        kind,
        form,
        multiplier=sized(m, venue),
        quote=m.base if form == PayoffForm.COIN_OPTION else m.quote,
        settle=str(m.settle),
        expiry=int(m.expiry) if dated and m.expiry else None,
        strike=np.nan if m.strike is None or kind is not Kind.OPTION else m.strike,
        right=right if kind is Kind.OPTION else 0,
    )
    against(made, venue)
    return made


def against(made: Contract, venue: str) -> None:
    """Raise ``Unusable`` where a name says something else than its structure."""
    parse = NAMES.get(venue)
    named = parse(made["id"]) if parse is not None else None
    says: dict[str, Any] = {} if named is None else dict(named)
    for field, value in dict(made).items():
        told = says.get(field, value)
        if told != value and told == told and field in COMPARED:
            raise Unusable(f"{field} is {value}, but the name says {told}")
