"""Paradex's private responses: positions, balances and open orders, each a list ``results``.

``size`` is coins of the underlying; ``side`` carries the sign, whatever sign the size has. ``unrealized_pnl`` of a
perpetual is in USDC; a dated option is paid for when it is bought, so it carries its mark and no unsettled pnl.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from pydantic import ConfigDict

from loadline.foundation.errors import Reason
from loadline.io.holdings import Part
from loadline.io.venues.paradex_market import is_option
from loadline.io.venues.statement import SIDES, Given, Number, Row, Statement, has, rows_of, unknown

VENUE = "paradex"
LONG = {"LONG": 1.0, "SHORT": -1.0}


class Snake(Row):
    """A row of a venue that writes ``average_entry_price``."""

    model_config = ConfigDict(alias_generator=None)


class Position(Snake):
    """One row of ``positions``."""

    market: str
    side: Literal["LONG", "SHORT"]
    size: Number
    average_entry_price: Given = None
    unrealized_pnl: Given = None
    status: str = "OPEN"


class Token(Snake):
    """One row of ``balance``."""

    token: str
    size: Number


class OpenOrder(Snake):
    """One row of ``orders``."""

    market: str
    side: Literal["BUY", "SELL"]
    size: Number
    remaining_size: Given = None
    price: Given = None
    status: str = "OPEN"


def read_account(payload: Any, file: str, account: str) -> list[Part]:
    """Return the positions, balances or open orders of one response, recognised by its shape.

    Raises ``InputError`` for a response of another kind.
    """
    rows, s = rows_of(payload, "results"), Statement(VENUE, file, account)
    if has(rows, "token", "size"):
        for i, token, name in s.parsed(Token, rows, "token"):
            if token is None or token.size:
                s.own(name, np.nan if token is None else token.size, i)
        return s.parts("balances")
    if has(rows, "market", "remaining_size"):
        _orders(rows, s)
        return s.parts("orders")
    if has(rows, "market", "side") or not rows:
        _positions(rows, s)
        return s.parts("positions")
    raise unknown(file, "save positions, balance or orders")


def _positions(rows: list[Any], s: Statement) -> None:
    for i, row, name in s.parsed(Position, rows, "market"):
        if row is None:
            s.hold(name, np.nan, np.nan, np.nan, i)
        elif row.size and row.status == "OPEN":
            unsettled = 0.0 if is_option(row.market) else row.unrealized_pnl
            if unsettled is None:
                s.flag(Reason.MISSING_DATA, f"{name}: no unrealized_pnl, which equity needs", i, "unrealized_pnl")
            entry = np.nan if row.average_entry_price is None else row.average_entry_price
            s.hold(name, LONG[row.side] * abs(row.size), np.nan if unsettled is None else unsettled, entry, i)


def _orders(rows: list[Any], s: Statement) -> None:
    for i, row, name in s.parsed(OpenOrder, rows, "market"):
        if row is None:
            s.order(name, np.nan, np.nan, i)
        elif row.status in ("OPEN", "UNTRIGGERED"):
            if not row.price:
                s.flag(Reason.MISSING_DATA, f"{name}: an open order without a price", i, "price")
            left = row.size if row.remaining_size is None else row.remaining_size
            s.order(name, SIDES[row.side.lower()] * left, row.price or np.nan, i)
