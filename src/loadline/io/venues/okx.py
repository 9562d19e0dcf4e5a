"""OKX's private responses: positions, balances and open orders, from the REST interface or its channels.

Units: ``pos`` and ``sz`` are contracts; what a contract is of stands in the reference data (``ctVal x ctMult``), never
in the name, so a market must be read with the response of ``instruments`` (see ``okx_market``).

Equity of a currency adds up as ``eq = cashBal + upl - isoUpl + isoEq + option value + strategies``. Hence:

* a balance is ``cashBal``; negative is borrowed;
* ``upl`` of a future or perpetual, in its settlement currency, is not in the wallet yet; an option is paid for when it
  is bought, so it carries its mark and no unsettled pnl;
* an isolated position is an account of its own, ``ACCOUNT/INSTRUMENT``, with its ``margin`` as cash; an isolated margin
  loan is the coin bought and the coin owed;
* equity of trading bots (``stgyEq``) is not in ``cashBal`` and not read: no rule of this account counts it.

In long-short mode the two sides of one contract are netted.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from loadline.foundation.errors import Reason
from loadline.io.holdings import Part
from loadline.io.numbers import exact_sum
from loadline.io.venues.statement import SIDES, Given, Number, Row, Statement, has, refused, rows_of, unknown

VENUE = "okx"
OPEN = ("live", "partially_filled")


class Position(Row):
    """One row of ``account/positions``."""

    inst_id: str
    inst_type: Literal["SWAP", "FUTURES", "OPTION", "MARGIN"]
    pos: Number
    pos_side: Literal["net", "long", "short"]
    mgn_mode: Literal["cross", "isolated"] = "cross"
    avg_px: Given = None
    upl: Given = None
    margin: Given = None
    ccy: str = ""
    pos_ccy: str = ""
    liab: Given = None
    liab_ccy: str = ""


class Wallet(Row):
    """One currency of ``account/balance``."""

    ccy: str
    cash_bal: Number


class OpenOrder(Row):
    """One row of ``trade/orders-pending``."""

    inst_id: str
    side: Literal["buy", "sell"]
    sz: Number
    acc_fill_sz: Given = None
    px: Given = None
    state: str = "live"


def read_account(payload: Any, file: str, account: str) -> list[Part]:
    """Return the positions, balances and open orders of one response, recognised by its shape.

    Raises ``InputError`` for a response of another kind, and for one that says an error.
    """
    if str(payload.get("code", "0")) != "0":
        raise refused(file, payload["code"], payload.get("msg", ""))
    rows, s = rows_of(payload, "data"), Statement(VENUE, file, account)
    channel = payload.get("arg", {}).get("channel", "") if isinstance(payload.get("arg"), dict) else ""
    if has(rows, "posData") or has(rows, "balData"):
        _positions([r for row in rows for r in rows_of(row, "posData")], s)
        _balances([r for row in rows for r in rows_of(row, "balData")], s)
        return s.parts("positions", "balances")
    if has(rows, "pos", "posSide") or channel == "positions":
        _positions(rows, s)
        return s.parts("positions")
    if has(rows, "details") and has(rows_of(rows[0], "details"), "cashBal"):
        _balances([r for row in rows for r in rows_of(row, "details")], s)
        return s.parts("balances")
    if has(rows, "side", "sz") or channel == "orders":
        _orders(rows, s)
        return s.parts("orders")
    if not rows:
        return s.parts("positions")
    raise unknown(file, "save account/positions, account/balance or trade/orders-pending")


def _positions(rows: list[Any], s: Statement) -> None:
    for i, row, name in s.parsed(Position, rows, "instId"):
        if row is None:
            s.hold(name, np.nan, np.nan, np.nan, i)
            continue
        own = f"{s.account}/{row.inst_id}" if row.mgn_mode == "isolated" else ""
        quantity = {"net": row.pos, "long": abs(row.pos), "short": -abs(row.pos)}[row.pos_side]
        if row.inst_type == "MARGIN":
            if row.pos_ccy:
                s.own(row.pos_ccy, abs(row.pos), i, own)
            if row.liab_ccy and row.liab is not None:
                s.own(row.liab_ccy, -abs(row.liab), i, own)
            continue
        if quantity == 0.0:
            continue
        unsettled = 0.0 if row.inst_type == "OPTION" else row.upl
        if unsettled is None:
            s.flag(Reason.MISSING_DATA, f"{row.inst_id}: no upl, which equity needs", i, "upl", own)
        s.hold(row.inst_id, quantity, _nan(unsettled), _nan(row.avg_px), i, own)
        if own and row.margin is not None:
            s.own(row.ccy, row.margin, i, own)


def _balances(rows: list[Any], s: Statement) -> None:
    for i, row, name in s.parsed(Wallet, rows, "ccy"):
        if row is None:
            s.own(name, np.nan, i)
        elif row.cash_bal != 0.0:
            s.own(row.ccy, row.cash_bal, i)


def _orders(rows: list[Any], s: Statement) -> None:
    for i, row, name in s.parsed(OpenOrder, rows, "instId"):
        if row is None:
            s.order(name, np.nan, np.nan, i)
        elif row.state in OPEN:
            left = exact_sum([row.sz, -(row.acc_fill_sz or 0.0)])
            if row.px is None:
                s.flag(Reason.MISSING_DATA, f"{row.inst_id}: an open order without a price", i, "px")
            s.order(row.inst_id, SIDES[row.side] * left, _nan(row.px), i)


def _nan(x: float | None) -> float:
    return np.nan if x is None else x
