"""Derive's private responses: a subaccount with its positions, collaterals and open orders, or one of these lists.

Amounts are coins of the underlying, one contract is one coin; ``amount`` carries the sign. Everything settles in USDC.

* A balance is a collateral's ``amount``; of USDC with its ``pending_interest``, which the venue counts though it is not
  booked yet. Each asset that stands as collateral has its row.
* Perpetuals are settled into cash as people ask for it, at no fixed time. So what is not in the cash yet is
  ``unrealized_pnl - net_settlements + pending_funding``, which is the ``mark_value`` that the venue lists; a row in
  which the two differ is a defect.
* An option is paid for when it is bought: it carries its mark and has no unsettled pnl.

Source: Derive API reference, ``private/get_subaccount``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

import numpy as np

from loadline.foundation.errors import Reason
from loadline.io.holdings import Part
from loadline.io.numbers import exact_sum
from loadline.io.venues.derive_market import Snake, spelt
from loadline.io.venues.statement import SIDES, Given, Number, Statement, rows_of, unknown

VENUE = "derive"
SECTIONS = ("positions", "collaterals", "open_orders", "orders")
OPEN = ("open", "untriggered")
DIGITS = 1e-5
"""How far a position's value may be from the sum of its parts, USDC: the venue rounds them to 12 decimals or more."""


class Position(Snake):
    """One row of ``positions``."""

    instrument_name: str
    instrument_type: Literal["perp", "option"]
    amount: Number
    average_price: Given = None
    mark_value: Given = None
    unrealized_pnl: Given = None
    net_settlements: Given = None
    pending_funding: Given = None


class Collateral(Snake):
    """One row of ``collaterals``."""

    asset_name: str
    amount: Number
    pending_interest: Given = None


class OpenOrder(Snake):
    """One row of ``open_orders``."""

    instrument_name: str
    direction: Literal["buy", "sell"]
    amount: Number
    filled_amount: Given = None
    limit_price: Given = None
    order_status: str = "open"


def read_account(payload: Any, file: str, account: str) -> list[Part]:
    """Return the positions, balances and open orders of one response, recognised by its sections.

    Several subaccounts are named ``account/subaccount_id``. Raises ``InputError`` for a response of another kind.
    """
    result = payload.get("result", payload) if isinstance(payload, dict) else payload
    listed = [r for r in (result if isinstance(result, list) else [result]) if isinstance(r, dict)]
    if not listed or not all(any(s in r for s in SECTIONS) for r in listed):
        raise unknown(file, "save private/get_subaccount, get_positions, get_collaterals or get_open_orders")
    parts: list[Part] = []
    for n, one in enumerate(listed, 1):
        name = account if len(listed) == 1 else f"{account}/{one.get('subaccount_id', n)}"
        parts += _subaccount(one, Statement(VENUE, file, name))
    return parts


def _subaccount(one: dict[str, Any], s: Statement) -> list[Part]:
    sections = []
    if "positions" in one:
        sections.append("positions")
        _positions(rows_of(one, "positions"), s)
    if "collaterals" in one:
        sections.append("balances")
        _collaterals(rows_of(one, "collaterals"), s)
    if "open_orders" in one or "orders" in one:
        sections.append("orders")
        _orders(rows_of(one, "open_orders") + rows_of(one, "orders"), s)
    return s.parts(*sections)


def _positions(rows: list[Any], s: Statement) -> None:
    for i, row, name in s.parsed(Position, rows, "instrument_name"):
        if row is None:
            s.hold(name, np.nan, np.nan, np.nan, i)
        elif row.amount:
            entry = np.nan if row.average_price is None else row.average_price
            unsettled = 0.0
            if row.instrument_type == "perp":
                unsettled = np.nan
                for reason, what in _perpetual(row):
                    s.flag(reason, f"{name}: {what}", i, "mark_value")
                    break
                else:
                    unsettled = _value(row)
            s.hold(name, row.amount, unsettled, entry, i)


def _perpetual(row: Position) -> Iterator[tuple[Reason, str]]:
    """Say what is wrong with what a perpetual is worth."""
    if row.unrealized_pnl is None or row.net_settlements is None:
        if row.mark_value is None:
            yield Reason.MISSING_DATA, "no mark_value, and no unrealized_pnl with net_settlements, which equity needs"
    elif row.mark_value is not None and abs(_sum(row) - row.mark_value) > DIGITS + 1e-9 * abs(row.mark_value):
        what = f"pnl less settlements, with funding, is {_sum(row):.8g}, but mark_value is {row.mark_value:.8g}"
        yield Reason.INVALID_VALUE, what


def _value(row: Position) -> float:
    return _sum(row) if row.mark_value is None else row.mark_value


def _sum(row: Position) -> float:
    return exact_sum([row.unrealized_pnl or 0.0, -(row.net_settlements or 0.0), row.pending_funding or 0.0])


def _collaterals(rows: list[Any], s: Statement) -> None:
    for i, row, name in s.parsed(Collateral, rows, "asset_name"):
        if row is None:
            s.own(spelt(name), np.nan, i)
            continue
        interest = row.pending_interest or 0.0
        if interest and name != "USDC":
            s.flag(Reason.UNSUPPORTED, f"{name}: pending interest on what is not cash", i, "pending_interest")
        amount = exact_sum([row.amount, interest if name == "USDC" else 0.0])
        if amount:
            s.own(spelt(name), amount, i)


def _orders(rows: list[Any], s: Statement) -> None:
    for i, row, name in s.parsed(OpenOrder, rows, "instrument_name"):
        if row is None:
            s.order(name, np.nan, np.nan, i)
        elif row.order_status in OPEN:
            left = exact_sum([row.amount, -(row.filled_amount or 0.0)])
            if not row.limit_price:
                s.flag(Reason.MISSING_DATA, f"{name}: an open order without a price", i, "limit_price")
            s.order(name, SIDES[row.direction] * left, row.limit_price or np.nan, i)
