"""Deribit's private responses: positions, subaccount details and account summaries, as parts of a book.

Units: ``size`` is the API amount: USD for inverse futures and perpetuals, coins for options and linear contracts.

Equity at Deribit adds up, per currency, as ``equity = balance + futures_session_rpl + futures_session_upl +
options_value`` (it does to the last digit in the API reference's own example and in live responses). A premium is paid
out of the balance when an option trades, so an option carries its mark and no unsettled pnl. Hence:

* a balance is ``balance + futures_session_rpl``: cash, with what was realised since the last settlement;
* a future's or perpetual's unsettled pnl is ``floating_profit_loss``, which is measured from the last settlement and
  adds up to ``futures_session_upl``; its ``realized_profit_loss`` is in the summary's ``futures_session_rpl``;
* an option's unsettled pnl is 0: its ``floating_profit_loss`` is already in its value at mark.

Read without a summary, positions come with no cash at all.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict

from loadline.foundation.errors import Defect, Reason
from loadline.io.codec import refusal
from loadline.io.holdings import Part
from loadline.io.numbers import exact_sum
from loadline.io.venues.deribit_market import Number, parsed, unwrapped
from loadline.io.venues.deribit_names import parse_name
from loadline.model.instruments import Kind
from loadline.model.positions import Balances, Orders, Positions

VENUE = "deribit"
DIGITS = 5e-6
"""How far a summary's parts may be from its equity: the venue rounds each to 6 or 8 decimals."""


class Position(BaseModel):
    """One row of ``get_positions``."""

    model_config = ConfigDict(extra="ignore")

    instrument_name: str
    size: Number
    direction: Literal["buy", "sell", "zero"]
    kind: str | None = None
    average_price: Number | None = None
    floating_profit_loss: Number | None = None


class OpenOrder(BaseModel):
    """One row of ``open_orders``."""

    model_config = ConfigDict(extra="ignore")

    instrument_name: str
    direction: Literal["buy", "sell"]
    amount: Number
    filled_amount: Number = 0.0
    price: Number


class Wallet(BaseModel):
    """One currency of an account summary."""

    model_config = ConfigDict(extra="ignore")

    currency: str
    balance: Number
    equity: Number | None = None
    futures_session_upl: Number | None = None
    futures_session_rpl: Number | None = None
    session_rpl: Number | None = None
    options_value: Number | None = None


def read_account(payload: Any, file: str, account: str) -> list[Part]:
    """Return the positions, balances and open orders of one response, recognised by its shape.

    account: the name of the account the response speaks of; where it lists several, those are named ``account/uid``
    (or ``account/1``, ``account/2`` where it tells no uid). Raises ``InputError`` for a response of another kind.
    """
    result, _ = unwrapped(payload, file)
    if isinstance(result, dict):
        if "summaries" in result:
            return [wallets(result["summaries"], file, account)]
        if "margin_balance" in result or "balance" in result:
            return [wallets([result], file, account)]
        if "instrument_name" in result and "direction" in result:
            return [positions([result], file, account)]
        result = [result] if "positions" in result else result
    if isinstance(result, list):
        first = next((r for r in result if isinstance(r, dict)), {})
        if not result or "direction" in first:
            return [positions(result, file, account)]
        if "positions" in first:
            return subaccounts(result, file, account)
        if "balance" in first:
            return [wallets(result, file, account)]
    what = "the response holds neither positions nor balances"
    remedy = "save get_positions, get_subaccounts_details, get_account_summary or get_account_summaries"
    raise refusal(Defect(Reason.UNSUPPORTED, what, remedy, file))


def subaccounts(result: list[Any], file: str, account: str) -> list[Part]:
    """Return the positions and open orders of ``get_subaccounts_details``."""
    parts = []
    for n, entry in enumerate(result, 1):
        if not isinstance(entry, dict) or "positions" not in entry:
            raise refusal(Defect(Reason.UNPARSABLE, "a subaccount without positions", "save it again", file, n))
        name = account if len(result) == 1 else f"{account}/{entry.get('uid', n)}"
        parts.append(positions(entry["positions"], file, name))
        if entry.get("open_orders"):
            parts.append(open_orders(entry["open_orders"], file, name))
    return parts


def accountable(found: list[Defect], account: str) -> tuple[Defect, ...]:
    """Return defects of rows as defects of the account that holds them, the instrument named in the sentence."""
    return tuple(
        Defect(d.reason, f"{d.subject}: {d.what}" if d.subject else d.what, d.remedy, d.file, d.row, d.column, account)
        for d in found
    )


def lost(rows: Any, good: Mapping[int, Any], column: str) -> list[str]:
    """Return the names of the rows that could not be read: they stay, with NaN for every number."""
    return [str(row.get(column, "")) for i, row in enumerate(rows, 1) if i not in good and isinstance(row, dict)]


def positions(rows: Any, file: str, account: str) -> Part:
    """Return open positions; rows of no size (``direction`` zero) are left out."""
    found: list[Defect] = []
    good = parsed(Position, rows, file, found, str)
    blank = {"account": account, "quantity": np.nan, "unsettled": np.nan, "entry": np.nan}
    table: list[dict[str, Any]] = [blank | {"instrument": name} for name in lost(rows, good, "instrument_name")]
    places = [(file, 0)] * len(table)
    for i, row in good.items():
        sign = {"buy": 1.0, "sell": -1.0, "zero": 0.0}[row.direction]
        quantity = sign * abs(row.size)
        if (sign == 0.0) != (row.size == 0.0) or row.size * sign < 0 < sign:
            what, remedy = f"a size of {row.size:g} with direction {row.direction}", "ask the venue again"
            found.append(Defect(Reason.INVALID_VALUE, what, remedy, file, i, "size", row.instrument_name))
            quantity = np.nan
        if quantity == 0.0:
            continue
        name = parse_name(row.instrument_name)
        option = row.kind == "option" or (name is not None and name["kind"] == Kind.OPTION)
        unsettled = 0.0 if option else row.floating_profit_loss
        if unsettled is None:
            what, remedy = "no floating_profit_loss, which a future's equity needs", "save the whole response"
            found.append(
                Defect(Reason.MISSING_DATA, what, remedy, file, i, "floating_profit_loss", row.instrument_name)
            )
        table.append(
            {
                "account": account,
                "instrument": row.instrument_name,
                "quantity": quantity,
                "unsettled": np.nan if unsettled is None else unsettled,
                "entry": np.nan if row.average_price is None else row.average_price,
            }
        )
        places.append((file, i))
    return Part(Positions.from_rows(table), tuple(places), accountable(found, account), {account: VENUE})


def open_orders(rows: Any, file: str, account: str) -> Part:
    """Return open orders with what is left of them to fill."""
    found: list[Defect] = []
    good = parsed(OpenOrder, rows, file, found, str)
    blank = {"account": account, "quantity": np.nan, "limit": np.nan}
    table: list[dict[str, Any]] = [blank | {"instrument": name} for name in lost(rows, good, "instrument_name")]
    table += [
        {
            "account": account,
            "instrument": row.instrument_name,
            "quantity": (1.0 if row.direction == "buy" else -1.0) * exact_sum([row.amount, -row.filled_amount]),
            "limit": row.price,
        }
        for row in good.values()
    ]
    return Part(Orders.from_rows(table), ((file, 0),) * len(table), accountable(found, account))


def wallets(rows: Any, file: str, account: str) -> Part:
    """Return wallet cash; a currency whose parts do not add up to its equity is a defect."""
    found: list[Defect] = []
    good = parsed(Wallet, rows, file, found, str)
    blank = {"account": account, "amount": np.nan}
    table: list[dict[str, Any]] = [blank | {"currency": name.upper()} for name in lost(rows, good, "currency")]
    places = [(file, 0)] * len(table)
    for i, row in good.items():
        currency = row.currency.upper()
        realised = row.futures_session_rpl if row.futures_session_rpl is not None else row.session_rpl or 0.0
        parts = [row.balance, realised, row.futures_session_upl, row.options_value]
        if row.equity is not None and None not in parts:
            total = sum(p for p in parts if p is not None)
            if abs(total - row.equity) > DIGITS + 1e-9 * abs(row.equity):
                what = f"balance, session pnl and options make {total:.8g}, but equity is {row.equity:.8g}"
                remedy = "ask the venue again; a response may have been taken while a trade settled"
                found.append(Defect(Reason.INVALID_VALUE, what, remedy, file, i, "equity", currency))
        if row.balance == 0.0 and realised == 0.0:
            continue
        table.append({"account": account, "currency": currency, "amount": exact_sum([row.balance, realised])})
        places.append((file, i))
    return Part(Balances.from_rows(table), tuple(places), accountable(found, account), {account: VENUE})
