"""Bybit's private responses (unified account): positions, wallet balances and open orders.

Units: ``size`` is coins of the underlying for linear contracts and options, USD for inverse ones; ``side`` carries the
sign. Symbols such as ``1000PEPEUSDT`` are priced per 1,000 coins: their underlying is ``1000PEPE``, of which a contract
is 1.

* A balance is ``walletBalance - spotBorrow``: what is borrowed to sell stands beside the wallet, not in it.
* ``unrealisedPnl`` of perpetuals and futures, in their settlement currency, is not in the wallet yet; an option is paid
  for when it is bought, so it carries its mark and no unsettled pnl.
* Isolated positions (``tradeMode`` 1) are accounts of their own, ``ACCOUNT/SYMBOL``, with ``positionBalance`` as cash.
* In hedge mode the two sides of one symbol are netted.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from loadline.foundation.errors import Reason
from loadline.io.holdings import Part
from loadline.io.numbers import exact_sum
from loadline.io.venues.bybit_market import parse_name
from loadline.io.venues.statement import SIDES, Given, Number, Row, Statement, has, refused, rows_of, unknown
from loadline.model.instruments import Kind

VENUE = "bybit"
OPEN = ("New", "PartiallyFilled", "Untriggered")


class Position(Row):
    """One row of ``position/list`` or of the position stream, which calls the entry ``entryPrice``."""

    symbol: str
    side: Literal["Buy", "Sell", "", "None"]
    size: Number
    avg_price: Given = None
    entry_price: Given = None
    unrealised_pnl: Given = None
    trade_mode: int = 0
    position_balance: Given = None
    category: str = ""


class Coin(Row):
    """One coin of ``account/wallet-balance``."""

    coin: str
    wallet_balance: Number
    spot_borrow: Given = None


class OpenOrder(Row):
    """One row of ``order/realtime``."""

    symbol: str
    side: Literal["Buy", "Sell"]
    qty: Number
    leaves_qty: Given = None
    price: Given = None
    order_status: str = "New"


def read_account(payload: Any, file: str, account: str) -> list[Part]:
    """Return the positions, balances and open orders of one response, recognised by its shape.

    Raises ``InputError`` for a response of another kind, and for one that says an error.
    """
    if payload.get("retCode", 0) != 0:
        raise refused(file, payload["retCode"], payload.get("retMsg", ""))
    rows = rows_of(payload, "data") if "topic" in payload else rows_of(payload, "result", "list")
    s, topic = Statement(VENUE, file, account), str(payload.get("topic", ""))
    result = payload.get("result")
    category = str(result.get("category", "")) if isinstance(result, dict) else ""
    if has(rows, "coin") and isinstance(rows[0]["coin"], list):
        _wallets([coin for row in rows for coin in rows_of(row, "coin")], s)
        return s.parts("balances")
    if has(rows, "symbol", "orderId", "orderStatus") or topic.startswith("order"):
        _orders(rows, s)
        return s.parts("orders")
    held = has(rows, "symbol", "size", "side") and any(has(rows, f) for f in ("avgPrice", "entryPrice"))
    if held or topic.startswith("position") or (category and not rows):
        _positions(rows, s, category)
        return s.parts("positions")
    raise unknown(file, "save position/list, account/wallet-balance or order/realtime")


def _positions(rows: list[Any], s: Statement, category: str) -> None:
    for i, row, name in s.parsed(Position, rows, "symbol"):
        if row is None:
            s.hold(name, np.nan, np.nan, np.nan, i)
            continue
        if row.size == 0.0:
            continue
        own = f"{s.account}/{row.symbol}" if row.trade_mode == 1 else ""
        sign = SIDES.get(row.side.lower())
        if sign is None:
            s.flag(Reason.INVALID_VALUE, f"{row.symbol}: a size of {row.size:g} without a side", i, "side", own)
        made = parse_name(row.symbol)
        option = (row.category or category) == "option" or (made is not None and made["kind"] == Kind.OPTION)
        unsettled = 0.0 if option else row.unrealised_pnl
        if unsettled is None:
            s.flag(Reason.MISSING_DATA, f"{row.symbol}: no unrealisedPnl, which equity needs", i, "unrealisedPnl", own)
        entry = row.avg_price if row.avg_price is not None else row.entry_price
        quantity = np.nan if sign is None else sign * abs(row.size)
        s.hold(
            row.symbol, quantity, np.nan if unsettled is None else unsettled, np.nan if entry is None else entry, i, own
        )
        if own and made is not None and row.position_balance is not None:
            s.own(made["settle"], row.position_balance, i, own)


def _wallets(rows: list[Any], s: Statement) -> None:
    for i, row, name in s.parsed(Coin, rows, "coin"):
        amount = np.nan if row is None else exact_sum([row.wallet_balance, -(row.spot_borrow or 0.0)])
        if amount != 0.0:
            s.own(name if row is None else row.coin, amount, i)


def _orders(rows: list[Any], s: Statement) -> None:
    for i, row, name in s.parsed(OpenOrder, rows, "symbol"):
        if row is None:
            s.order(name, np.nan, np.nan, i)
        elif row.order_status in OPEN:
            left = row.qty if row.leaves_qty is None else row.leaves_qty
            if row.price is None:
                s.flag(Reason.MISSING_DATA, f"{row.symbol}: an open order without a price", i, "price")
            s.order(row.symbol, SIDES[row.side.lower()] * left, np.nan if row.price is None else row.price, i)
