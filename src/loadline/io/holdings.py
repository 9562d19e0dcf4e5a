"""Rows of one sheet into one table of holdings, each defect noted under the account its row belongs to.

A row with a defect stays, its number NaN, so that its account cannot be margined by oversight. A row that belongs to no
account makes the sheet unusable.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

from loadline.foundation.errors import Defect, Reason
from loadline.foundation.table import Floats, Table, Texts
from loadline.io.codec import Parsed, Sheet, refusal
from loadline.model.positions import Accounts, Balances, Orders, Portfolio, Positions

Place = tuple[str, int]
"""File and row, the row 0 where it is the file as a whole."""

PLAIN = "write a plain decimal number such as 1000, -0.5 or 1e-3"
SIDES = {"buy": 1.0, "sell": -1.0}


@dataclass(frozen=True)
class Part:
    """One table from one place: ``places`` (N) say where each row came from, ``venues`` the venue of accounts."""

    table: Table
    places: tuple[Place, ...]
    defects: tuple[Defect, ...] = ()
    venues: Mapping[str, str] | None = None


@dataclass(frozen=True)
class SourcedPortfolio(Portfolio):
    """A portfolio that remembers the place of each (section, account, instrument or currency)."""

    places: Mapping[tuple[str, str, str], Place] = field(default_factory=dict)

    def only(self, accounts: list[str]) -> SourcedPortfolio:
        """Return the same for some accounts."""
        p = super().only(accounts)
        return SourcedPortfolio(p.positions, p.balances, p.orders, p.accounts, self.places)


class Rows:
    """The columns of one sheet, and the defects of each row under its account."""

    def __init__(self, sheet: Sheet, required: tuple[str, ...], optional: tuple[str, ...], account: str) -> None:
        sheet.need(required, optional)
        self.sheet = sheet
        self.found: list[Defect] = [*sheet.warnings]
        self.account: Texts = np.full(len(sheet), account, f"U{max(len(account), 1)}")
        if "account" in sheet:
            names = sheet.words("account")
            lost = dict.fromkeys(np.flatnonzero(names.blank).tolist(), "the row names no account") | dict(names.bad)
            remedy = "name the account of every row, or drop the column"
            if lost:
                raise refusal(*(sheet.defect(i, Reason.UNPARSABLE, why, remedy, "account") for i, why in lost.items()))
            self.account = names.values.astype(np.str_)

    def part(self, table: Table, venues: Mapping[str, str] | None = None) -> Part:
        """Return the finished table with where its rows stand."""
        places = tuple((self.sheet.file, row) for row in self.sheet.rows.tolist())
        return Part(table, places, tuple(self.found), venues)

    def flag(self, i: int, reason: Reason, what: str, remedy: str, column: str) -> None:
        """Note a defect of row ``i`` under its account."""
        self.found.append(self.sheet.defect(i, reason, what, remedy, column, self.account[i].item()))

    def numbers(self, column: str, *, required: bool, default: float = np.nan) -> Floats:
        """Return (N,) floats; NaN where a cell is bad, or empty though required; ``default`` where it may be empty."""
        parsed = self.sheet.numbers(column, exact=True)
        self.explain(parsed, column, required=required, remedy=PLAIN)
        values: Floats = np.where(parsed.blank, np.nan if required else default, parsed.values)
        return values

    def words(self, column: str, *, required: bool) -> Texts:
        """Return (N,) texts, empty where a cell is."""
        parsed = self.sheet.words(column)
        self.explain(parsed, column, required=required, remedy="write a text")
        values: Texts = parsed.values.astype(np.str_)
        return values

    def explain(self, parsed: Parsed, column: str, *, required: bool, remedy: str) -> None:
        """Note every cell of a column that is bad, or empty though required."""
        title = column.replace("_", " ")
        for i, why in parsed.bad.items():
            self.flag(i, Reason.UNPARSABLE, f"{title}: {why}", remedy, column)
        for i in np.flatnonzero(parsed.blank).tolist() if required else []:
            self.flag(i, Reason.MISSING_DATA, f"no {title}", "fill the cell, or drop the row", column)


def positions(sheet: Sheet, account: str) -> Part:
    """Return positions: ``instrument, quantity``, may be ``account, venue, entry price, unsettled pnl``."""
    rows = Rows(sheet, ("instrument", "quantity"), ("account", "venue", "entry_price", "unsettled_pnl"), account)
    table = Positions(
        account=rows.account,
        instrument=rows.words("instrument", required=True),
        quantity=rows.numbers("quantity", required=True),
        unsettled=rows.numbers("unsettled_pnl", required=False, default=0.0),
        entry=rows.numbers("entry_price", required=False),
    )
    venues: dict[str, str] = {}
    for i, venue in enumerate(rows.words("venue", required=False).tolist() if "venue" in sheet else []):
        known = venues.setdefault(table.account[i].item(), venue)
        if known != venue:
            what, remedy = f"venue {venue!r}, but {known!r} in an earlier row", "give each venue its own account"
            rows.flag(i, Reason.INVALID_VALUE, what, remedy, "venue")
    return rows.part(table, venues)


def balances(sheet: Sheet, account: str) -> Part:
    """Return wallet cash: ``currency, amount``, may be ``account``."""
    rows = Rows(sheet, ("currency", "amount"), ("account",), account)
    currency, amount = rows.words("currency", required=True), rows.numbers("amount", required=True)
    return rows.part(Balances(account=rows.account, currency=currency, amount=amount))


def orders(sheet: Sheet, account: str) -> Part:
    """Return open orders: ``instrument, side, quantity, limit price``, may be ``account``."""
    rows = Rows(sheet, ("instrument", "side", "quantity", "limit_price"), ("account",), account)
    size, signs = rows.numbers("quantity", required=True), np.full(len(sheet), np.nan)
    for i, side in enumerate(rows.words("side", required=True).tolist()):
        signs[i] = SIDES.get(side.lower(), np.nan)
        if side and np.isnan(signs[i]):
            rows.flag(i, Reason.INVALID_VALUE, f"side {side!r} is not known", "write buy or sell", "side")
        if size[i] < 0:
            remedy = "write the quantity without a sign; the side carries it"
            rows.flag(i, Reason.INVALID_VALUE, f"a quantity of {size[i]:g} beside a side", remedy, "quantity")
            signs[i] = np.nan
    table = Orders(
        account=rows.account,
        instrument=rows.words("instrument", required=True),
        quantity=size * signs,
        limit=rows.numbers("limit_price", required=True),
    )
    return rows.part(table)


def accounts(sheet: Sheet, account: str) -> Part:
    """Return accounts: ``account``, may be ``owner`` (default: the account), ``venue``, ``rulebook``."""
    rows = Rows(sheet, ("account",), ("owner", "venue", "rulebook"), account)
    owner = rows.words("owner", required=False)
    table = Accounts(
        account=rows.account,
        owner=np.where(owner == "", rows.account, owner),
        venue=rows.words("venue", required=False),
        rulebook=rows.words("rulebook", required=False),
    )
    return rows.part(table)


READERS: Mapping[str, Callable[[Sheet, str], Part]] = {
    "positions": positions,
    "balances": balances,
    "orders": orders,
    "accounts": accounts,
}
