"""Hyperliquid's ``info`` responses: ``clearinghouseState``, ``spotClearinghouseState`` and ``openOrders``.

The venue calls a perpetual by its coin alone, as it does the coin in a wallet: here the perpetual is ``COIN-PERP``.
``szi`` is signed, in coins; pnl is in USDC.

* Cash of cross margin is the cross account value less the pnl of cross positions.
* An isolated position is an account of its own, ``ACCOUNT/COIN-PERP``, with its ``marginUsed`` less its pnl as cash.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from loadline.foundation.errors import Reason
from loadline.io.holdings import Part
from loadline.io.numbers import exact_sum
from loadline.io.venues.statement import Given, Number, Row, Statement, has, rows_of, unknown

VENUE = "hyperliquid"


class Leverage(Row):
    """How a position is margined."""

    type: Literal["cross", "isolated"] = "cross"


class Position(Row):
    """The ``position`` of one row of ``assetPositions``."""

    coin: str
    szi: Number
    unrealized_pnl: Number
    entry_px: Given = None
    margin_used: Given = None
    leverage: Leverage = Leverage()


class Token(Row):
    """One row of spot ``balances``."""

    coin: str
    total: Number


class OpenOrder(Row):
    """One row of ``openOrders``; ``B`` buys, ``A`` sells."""

    coin: str
    side: Literal["A", "B"]
    sz: Number
    limit_px: Number


class Summary(Row):
    """The ``crossMarginSummary``."""

    account_value: Number


def perpetual(coin: str) -> str:
    """Return the instrument of a coin's perpetual."""
    return f"{coin}-PERP"


def read_account(payload: Any, file: str, account: str) -> list[Part]:
    """Return the positions, balances and open orders of one response, recognised by its shape.

    Raises ``InputError`` for a response of another kind.
    """
    s = Statement(VENUE, file, account)
    if isinstance(payload, dict) and "assetPositions" in payload:
        _state(payload, s)
        return s.parts("positions", "balances")
    if isinstance(payload, dict) and "balances" in payload:
        for i, row, name in s.parsed(Token, rows_of(payload, "balances"), "coin"):
            if row is None or row.total:
                s.own(name, np.nan if row is None else row.total, i)
        return s.parts("balances")
    if isinstance(payload, list) and has(payload, "limitPx", "coin"):
        for i, order, name in s.parsed(OpenOrder, payload, "coin"):
            if order is None:
                s.order(perpetual(name), np.nan, np.nan, i)
            elif "/" not in order.coin and not order.coin.startswith("@"):  # a spot pair is no contract
                s.order(perpetual(name), order.sz if order.side == "B" else -order.sz, order.limit_px, i)
        return s.parts("orders")
    raise unknown(file, "save clearinghouseState, spotClearinghouseState or openOrders")


def _state(payload: dict[str, Any], s: Statement) -> None:
    rows = [row.get("position") if isinstance(row, dict) else row for row in rows_of(payload, "assetPositions")]
    cross: list[float] = []
    for i, row, name in s.parsed(Position, rows, "coin"):
        if row is None:
            s.hold(perpetual(name), np.nan, np.nan, np.nan, i)
            continue
        if row.szi == 0.0:
            continue
        own = f"{s.account}/{perpetual(row.coin)}" if row.leverage.type == "isolated" else ""
        s.hold(
            perpetual(row.coin), row.szi, row.unrealized_pnl, np.nan if row.entry_px is None else row.entry_px, i, own
        )
        if not own:
            cross.append(-row.unrealized_pnl)
        elif row.margin_used is None:
            s.flag(Reason.MISSING_DATA, f"{name}: no marginUsed of an isolated position", i, "marginUsed", own)
        else:
            s.own("USDC", exact_sum([row.margin_used, -row.unrealized_pnl]), i, own)
    for i, summary, _ in s.parsed(Summary, [payload.get("crossMarginSummary")], "accountValue"):
        s.own("USDC", np.nan if summary is None else exact_sum([summary.account_value, *cross]), i)
