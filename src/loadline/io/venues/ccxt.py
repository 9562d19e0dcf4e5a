"""Accounts in ccxt's unified structures: what ``fetch_positions``, ``fetch_balance``, ``fetch_open_orders`` return.

One JSON object: ``ccxt`` (the exchange's ``id``), ``markets`` (of ``load_markets``), and any of ``positions``,
``balance`` and ``orders``. Nothing is fetched here, and ccxt itself is not needed. What ccxt does not carry:

* A balance's ``total`` is the wallet at some venues and equity, with pnl and options in it, at others. Of venues that
  have a reader of their own, the response in ``balance["info"]`` is read by it. Of others the file must say
  ``"totals": "wallet"``, else balances are refused; debts are refused too.
* At Derive ``unrealizedPnl`` forgets what is settled already: its positions are read from their ``info``.
* Of an isolated position the cash is its ``positionMargin``; where that is not given, its account is not answered.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from pydantic import ValidationError

from loadline.foundation.errors import Defect, Reason
from loadline.io.codec import refusal
from loadline.io.holdings import Part
from loadline.io.numbers import exact_sum
from loadline.io.venues.ccxt_contracts import KINDS, Structure, Unusable, contract, venue_name
from loadline.io.venues.deribit_names import Contract
from loadline.io.venues.statement import SIDES, Given, Row, Statement, unknown
from loadline.model.instruments import Kind, PayoffForm
from loadline.model.positions import Balances

OWN = ("okx", "bybit", "binance", "deribit", "derive", "hyperliquid", "paradex")
"""Venues whose private responses have a reader of their own."""
LONG = {"long": 1.0, "short": -1.0}
APART = 0.05
"""By how much a position's ``notional`` may miss contracts x size x mark: venues use another price than the mark."""


class Position(Row):
    """A position structure."""

    symbol: str
    contracts: Given = None
    side: str | None = None
    entry_price: Given = None
    mark_price: Given = None
    notional: Given = None
    unrealized_pnl: Given = None
    position_margin: Given = None
    margin_mode: str | None = None
    info: dict[str, Any] | None = None

    @property
    def isolated(self) -> bool:
        """Whether it has a margin of its own; ccxt does not pass on Bybit's ``tradeMode``."""
        return self.margin_mode == "isolated" or str((self.info or {}).get("tradeMode")) == "1"


class OpenOrder(Row):
    """An order structure."""

    symbol: str
    side: str | None = None
    price: Given = None
    amount: Given = None
    filled: Given = None
    remaining: Given = None
    status: str | None = None


class Total(Row):
    """One currency of a balance structure."""

    total: Given = None
    debt: Given = None


def listed(given: Any) -> list[Any]:
    """Return structures that come as a list, or as a mapping from their symbols.

    >>> listed({"BTC/USDT:USDT": {"symbol": "BTC/USDT:USDT"}})
    [{'symbol': 'BTC/USDT:USDT'}]
    """
    return list(given.values()) if isinstance(given, dict) else given if isinstance(given, list) else []


def contracts(payload: Any, file: str) -> tuple[dict[str, Contract], list[Defect]]:
    """Return every contract of ``markets`` by its unified symbol, and a defect for each that is none of ours."""
    venue, found, defects = venue_name(str(payload.get("ccxt", ""))), {}, []
    for i, row in enumerate(listed(payload.get("markets")), 1):
        if not isinstance(row, dict) or str(row.get("type")) not in KINDS or ":" not in str(row.get("symbol")):
            continue  # spot, and combinations, which keep the venue's own name
        try:
            made = Structure.model_validate(row)
            found[made.symbol] = contract(made, venue)
        except ValidationError as error:
            what, name = error.errors(include_url=False)[0]["msg"], str(row.get("id", ""))
            defects.append(Defect(Reason.UNPARSABLE, f"{name}: {what}", "fetch it again", file, i, "markets", name))
        except Unusable as error:
            name = str(row.get("id", ""))
            defects.append(Defect(Reason.UNSUPPORTED, f"{name}: {error}", "leave it out", file, i, "markets", name))
    return found, defects


def read_account(payload: Any, file: str, account: str) -> list[Part]:
    """Return the positions, balances and open orders of one object.

    Raises ``InputError`` where it has none of them, or positions without ``markets``.
    """
    sections = [s for s in ("positions", "balance", "orders") if s in payload]
    if not sections:
        raise unknown(file, "add positions, balance or orders")
    if sections != ["balance"] and not payload.get("markets"):
        what, remedy = "positions or orders without markets", "add what load_markets returns, as markets"
        raise refusal(Defect(Reason.MISSING_DATA, what, remedy, file))
    venue = venue_name(str(payload["ccxt"]))
    known, _ = contracts(payload, file)
    s = Statement(venue, file, account)
    parts = _balances(payload, venue, s) if "balance" in sections else []
    own = [name for name in ("positions", "orders") if name in sections]
    if venue == "derive" and "positions" in own:
        from loadline.io.venues import derive

        own.remove("positions")
        rows = [r.get("info") for r in listed(payload["positions"]) if isinstance(r, dict)]
        parts += derive.read_account({"subaccount_id": 0, "positions": rows}, file, account)
    if "positions" in own:
        _positions(listed(payload["positions"]), known, s)
    if "orders" in own:
        _orders(listed(payload["orders"]), known, s)
    return parts + (s.parts(*own) if own else [])


def _positions(rows: list[Any], known: dict[str, Contract], s: Statement) -> None:
    for i, row, name in s.parsed(Position, rows, "symbol"):
        made = known.get(name)
        if row is not None and not row.contracts and row.contracts is not None:
            continue
        called = name if made is None else made["id"]
        own = f"{s.account}/{called}" if row is not None and row.isolated else ""
        faults = list(_faults(row, made))
        for reason, what, column in faults:
            s.flag(reason, f"{name}: {what}", i, column, own)
        if row is None or made is None or row.contracts is None or faults:
            s.hold(called, np.nan, np.nan, np.nan, i, own)
            continue
        unsettled = 0.0 if made["kind"] == Kind.OPTION else row.unrealized_pnl or 0.0
        entry = np.nan if row.entry_price is None else row.entry_price
        s.hold(called, LONG[row.side or ""] * abs(row.contracts), unsettled, entry, i, own)
        if own and row.position_margin is not None:
            s.own(made["settle"], row.position_margin, i, own)


def _faults(row: Position | None, made: Contract | None) -> Iterator[tuple[Reason, str, str]]:
    """Say what keeps a position from being one of ours."""
    if row is None:
        return
    if made is None:
        yield Reason.UNSUPPORTED, "not in markets, or no contract known here", "symbol"
        return
    if row.contracts is None:
        yield Reason.MISSING_DATA, "no contracts", "contracts"
        return
    if row.side not in LONG:
        yield Reason.INVALID_VALUE, f"{row.contracts:g} contracts without a side", "side"
    option = made["kind"] == Kind.OPTION
    if row.unrealized_pnl is None and not option:
        yield Reason.MISSING_DATA, "no unrealizedPnl, which equity needs", "unrealizedPnl"
    if row.isolated and row.position_margin is None:
        yield Reason.MISSING_DATA, "isolated, without positionMargin: save the venue's own response", "positionMargin"
    if row.notional and row.mark_price and not option:
        size = abs(row.contracts) * made["multiplier"]
        inverse = made["form"] == PayoffForm.INVERSE
        each = (size, size / row.mark_price) if inverse else (size * row.mark_price,)
        if all(abs(abs(row.notional) / x - 1) > APART for x in each):
            what = f"a notional of {row.notional:g}, but contracts x size x mark is {each[0]:g}"
            yield Reason.INVALID_VALUE, what, "contractSize"


def _orders(rows: list[Any], known: dict[str, Contract], s: Statement) -> None:
    for i, row, name in s.parsed(OpenOrder, rows, "symbol"):
        made = known.get(name)
        called = name if made is None else made["id"]
        if row is None:
            s.order(called, np.nan, np.nan, i)
        elif row.status in (None, "open"):
            if made is None and ":" not in name:
                continue  # a spot pair is no contract
            left = row.remaining
            if left is None and row.amount is not None:
                left = exact_sum([row.amount, -(row.filled or 0.0)])
            if made is None or left is None or not row.price or row.side not in SIDES:
                s.flag(Reason.MISSING_DATA, f"{name}: an order without contract, side, amount or price", i, "orders")
            sign = SIDES.get(row.side or "", np.nan)
            s.order(called, np.nan if left is None else sign * left, row.price or np.nan, i)


def _balances(payload: Any, venue: str, s: Statement) -> list[Part]:
    """Return the balances: by the venue's own reader, or totals that the file says are wallets."""
    balance = payload["balance"] if isinstance(payload["balance"], dict) else {}
    if venue in OWN:
        return list(_told(balance.get("info"), venue, s))
    if payload.get("totals") != "wallet":
        what = f"whether {venue}'s totals are the wallet, or equity with pnl in it, is not in ccxt's structures"
        raise refusal(Defect(Reason.MISSING_DATA, what, 'add "totals": "wallet" if you know that they are', s.file))
    rows = [
        {"currency": name} | row
        for name, row in balance.items()
        if isinstance(row, dict) and {"free", "used", "total"} & row.keys() and name not in ("free", "used", "total")
    ]
    for i, total, name in s.parsed(Total, rows, "currency"):
        if total is not None and total.debt:
            s.flag(Reason.UNSUPPORTED, f"{name}: a debt, of which ccxt does not say whether total counts it", i, "debt")
        amount = np.nan if total is None or total.total is None else total.total
        if amount != 0.0:
            s.own(name, amount, i)
    return s.parts("balances")


def _told(info: Any, venue: str, s: Statement) -> Iterator[Part]:
    """Yield what the venue's own response says of the account itself; what is isolated comes with its position."""
    from loadline.io.venues import deribit
    from loadline.io.venues.known import account_reader

    read = deribit.read_account if venue == "deribit" else account_reader(info)
    if not isinstance(info, (dict, list)) or read is None:
        raise unknown(s.file, "keep the balance's info: it holds the venue's own response")
    if venue == "derive" and isinstance(info, list) and len(info) > 1:
        what, remedy = "several subaccounts in one balance", "fetch one subaccount at a time"
        raise refusal(Defect(Reason.UNSUPPORTED, what, remedy, s.file))
    for part in read(info, s.file, s.account):
        if isinstance(part.table, Balances):
            keep = np.flatnonzero(part.table.account == s.account)
            yield Part(part.table.take(keep), tuple(part.places[i] for i in keep.tolist()), part.defects, part.venues)
