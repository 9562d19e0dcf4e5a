"""Binance's private responses: futures accounts, portfolio margin balances, position risk and open orders.

Units: ``positionAmt`` is signed, in coins for USD-margined symbols (``BTCUSDT``), in contracts for coin-margined ones
(``BTCUSD_PERP``: 100 USD of bitcoin, 10 USD of any other coin). Their unrealised profit is in the margin asset.

* A balance is ``totalWalletBalance`` (cross margin, USD-margined and coin-margined wallets together) less what is
  borrowed and its interest; of a futures account alone it is ``walletBalance``.
* Isolated positions are accounts of their own, ``ACCOUNT/SYMBOL``, with their isolated wallet as cash, which is taken
  out of the account's.
* In hedge mode the two sides of one symbol are netted.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from pydantic import Field

from loadline.foundation.errors import Reason
from loadline.io.holdings import Part
from loadline.io.numbers import exact_sum
from loadline.io.venues.binance_market import parse_name
from loadline.io.venues.statement import SIDES, Given, Number, Row, Statement, has, refused, rows_of, unknown

VENUE = "binance"
OPEN = ("NEW", "PARTIALLY_FILLED")


class Position(Row):
    """One row of ``positionRisk`` or of an account's ``positions``: the one writes ``unRealizedProfit``."""

    symbol: str
    position_amt: Number
    entry_price: Given = None
    unrealized_profit: Given = None
    un_realized_profit: Given = Field(None, alias="unRealizedProfit")
    isolated: bool = False
    margin_type: str = ""
    isolated_wallet: Given = None


class Asset(Row):
    """One asset of a futures account or of ``papi`` balances."""

    asset: str
    wallet_balance: Given = None
    total_wallet_balance: Given = None
    cross_margin_borrowed: Given = None
    cross_margin_interest: Given = None


class OpenOrder(Row):
    """One row of ``openOrders``."""

    symbol: str
    side: str
    price: Given = None
    orig_qty: Number
    executed_qty: Given = None
    status: str = "NEW"


def read_account(payload: Any, file: str, account: str) -> list[Part]:
    """Return the positions, balances and open orders of one response, recognised by its shape.

    Raises ``InputError`` for a response of another kind, and for one that says an error.
    """
    s = Statement(VENUE, file, account)
    if isinstance(payload, dict) and "code" in payload:
        raise refused(file, payload.get("code", ""), payload.get("msg", ""))
    if isinstance(payload, dict) and "assets" in payload:
        _assets(rows_of(payload, "assets"), s)
        _positions(rows_of(payload, "positions"), s)
        return s.parts("balances", "positions")
    if not isinstance(payload, list):
        raise unknown(file, "save an account, papi balance, positionRisk or openOrders")
    if has(payload, "positionAmt"):
        _positions(payload, s)
        return s.parts("positions")
    if has(payload, "asset", "totalWalletBalance"):
        _assets(payload, s)
        return s.parts("balances")
    if has(payload, "origQty", "symbol"):
        _orders(payload, s)
        return s.parts("orders")
    raise unknown(file, "save an account, papi balance, positionRisk or openOrders")


def _positions(rows: list[Any], s: Statement) -> None:
    for i, row, name in s.parsed(Position, rows, "symbol"):
        if row is None:
            s.hold(name, np.nan, np.nan, np.nan, i)
            continue
        if row.position_amt == 0.0:
            continue
        pnl = row.unrealized_profit if row.unrealized_profit is not None else row.un_realized_profit
        own = f"{s.account}/{row.symbol}" if row.isolated or row.margin_type == "isolated" else ""
        if pnl is None:
            s.flag(Reason.MISSING_DATA, f"{row.symbol}: no unrealized profit, which equity needs", i, "", own)
        entry = np.nan if row.entry_price is None else row.entry_price
        s.hold(row.symbol, row.position_amt, np.nan if pnl is None else pnl, entry, i, own)
        made = parse_name(row.symbol)
        if own and made is not None and row.isolated_wallet:
            s.own(made["settle"], row.isolated_wallet, i, own)
            s.own(made["settle"], -row.isolated_wallet, i)


def _assets(rows: list[Any], s: Statement) -> None:
    for i, row, name in s.parsed(Asset, rows, "asset"):
        held = None if row is None else row.total_wallet_balance if row.wallet_balance is None else row.wallet_balance
        if row is None or held is None:
            s.flag(Reason.MISSING_DATA, f"{name}: no wallet balance", i, "walletBalance")
            s.own(name, np.nan, i)
            continue
        amount = exact_sum([held, -(row.cross_margin_borrowed or 0.0), -(row.cross_margin_interest or 0.0)])
        if amount:
            s.own(row.asset, amount, i)


def _orders(rows: list[Any], s: Statement) -> None:
    for i, row, name in s.parsed(OpenOrder, rows, "symbol"):
        if row is None or row.side.lower() not in SIDES:
            s.order(name, np.nan, np.nan, i)
        elif row.status in OPEN:
            left = exact_sum([row.orig_qty, -(row.executed_qty or 0.0)])
            if not row.price:
                s.flag(Reason.MISSING_DATA, f"{row.symbol}: an open order without a price", i, "price")
            s.order(row.symbol, SIDES[row.side.lower()] * left, row.price or np.nan, i)
