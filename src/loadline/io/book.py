"""What is held, from files: one book file, or a book beside files of balances, open orders and accounts.

A row with a defect stays with its number NaN, and the defect's ``subject`` is its account: the others can be margined.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from loadline.foundation.errors import Defect, Reason
from loadline.foundation.table import Floats, Table
from loadline.io.codec import read_json, read_sheet, refusal, rows_sheet
from loadline.io.holdings import READERS, Part, Place, SourcedPortfolio
from loadline.io.limits import Limits
from loadline.io.numbers import exact_sum
from loadline.io.venues.known import account_reader
from loadline.model.positions import Accounts, Balances, Orders, Portfolio, Positions

Defects = tuple[Defect, ...]
T = TypeVar("T", bound=Table)
MAIN = "main"
"""The account of rows that name none."""


def read_book(
    path: Path | str, *, sum_duplicates: bool = False, account: str = MAIN, limits: Limits | None = None
) -> tuple[Portfolio, Defects]:
    """Return what one book file holds, and what is wrong with its rows.

    path: CSV or Parquet positions (``account, instrument, quantity``; may be ``venue``, ``entry price``,
    ``unsettled pnl``), or JSON: a list of such rows, an object of ``positions``, ``balances``, ``orders`` and
    ``accounts``, or a Deribit response. sum_duplicates: add rows of one account and instrument, which are defects
    otherwise. account: the account of rows that name none.
    Raises ``InputError`` where the file as a whole cannot be used.
    """
    return merge(read_parts(Path(path), "positions", account, limits or Limits()), sum_duplicates=sum_duplicates)


def read_balances(
    path: Path | str, *, sum_duplicates: bool = False, account: str = MAIN, limits: Limits | None = None
) -> tuple[Balances, Defects]:
    """Return wallet cash (``account, currency, amount``, or Deribit account summaries) and its defects."""
    parts = read_parts(Path(path), "balances", account, limits or Limits())
    found, defects = merge(parts, sum_duplicates=sum_duplicates)
    return found.balances, defects


def read_orders(path: Path | str, *, account: str = MAIN, limits: Limits | None = None) -> tuple[Orders, Defects]:
    """Return open orders (``account, instrument, side, quantity, limit price``; side buy or sell) and their defects."""
    found, defects = merge(read_parts(Path(path), "orders", account, limits or Limits()))
    return found.orders, defects


def read_accounts(path: Path | str, *, limits: Limits | None = None) -> tuple[Accounts, Defects]:
    """Return accounts (``account, owner, venue, rulebook``; all but the first may be absent) and their defects."""
    found, defects = merge(read_parts(Path(path), "accounts", MAIN, limits or Limits()))
    return found.accounts, defects


def read_portfolio(
    book: Path | str | Sequence[Path | str],
    *,
    balances: Path | str | None = None,
    orders: Path | str | None = None,
    accounts: Path | str | None = None,
    sum_duplicates: bool = False,
    account: str = MAIN,
    limits: Limits | None = None,
) -> tuple[Portfolio, Defects]:
    """Return everything held from all its files together, every account with its row, and all defects.

    A key that stands in two of the files is a duplicate like one that stands twice in the same.
    """
    bounds = limits or Limits()
    books = [book] if isinstance(book, (str, Path)) else book
    files = [(b, "positions") for b in books]
    files += [(f, s) for f, s in ((balances, "balances"), (orders, "orders"), (accounts, "accounts")) if f is not None]
    parts = [part for file, section in files for part in read_parts(Path(file), section, account, bounds)]
    found, defects = merge(parts, sum_duplicates=sum_duplicates)
    whole = assemble(found.positions, found.balances, found.orders, found.accounts)
    return replace(found, accounts=whole.accounts), defects


def assemble(
    positions: Positions,
    balances: Balances | None = None,
    orders: Orders | None = None,
    accounts: Accounts | None = None,
) -> Portfolio:
    """Return a portfolio in which every account has a row: one not listed owns itself, at no named venue."""
    found = Portfolio(positions, balances or Balances.empty(), orders or Orders.empty(), accounts or Accounts.empty())
    new = [a for a in found.names() if a not in found.accounts]
    rows = Accounts.from_rows({"account": a, "owner": a, "venue": "", "rulebook": ""} for a in new)
    return replace(found, accounts=Accounts.concat([found.accounts, rows]))


def read_parts(path: Path, section: str, account: str, limits: Limits) -> list[Part]:
    """Return the tables of one file; ``section`` says what plain rows are."""
    if path.suffix.lower() != ".json":
        return [READERS[section](read_sheet(path, limits), account)]
    payload = read_json(path, limits)
    other = account_reader(payload)
    if other is not None:
        return other(payload, path.name, account)
    if is_venue(payload):
        from loadline.io.venues import deribit

        return deribit.read_account(payload, path.name, account)
    if not isinstance(payload, dict):
        return [READERS[section](rows_sheet(payload, path.name, limits), account)]
    unknown = [key for key in payload if key not in READERS]
    if unknown or not payload:
        what = f"section {unknown[0]!r} is not known" if unknown else "the object has no section"
        remedy = f"the sections of a book are {', '.join(READERS)}"
        raise refusal(Defect(Reason.UNPARSABLE, what, remedy, path.name))
    return [READERS[s](rows_sheet(rows, f"{path.name}#{s}", limits), account) for s, rows in payload.items()]


def is_venue(payload: Any) -> bool:
    """Return whether JSON is a Deribit response: an envelope, an account summary, or rows with ``instrument_name``."""
    if isinstance(payload, dict):
        return any(key in payload for key in ("jsonrpc", "result", "response", "summaries", "margin_balance"))
    marks = ("instrument_name", "margin_balance")
    return isinstance(payload, list) and any(isinstance(row, dict) and any(m in row for m in marks) for row in payload)


def merge(parts: Iterable[Part], *, sum_duplicates: bool = False) -> tuple[SourcedPortfolio, Defects]:
    """Return the tables of all parts together; a key that stands twice is a defect of its account, or summed."""
    listed = list(parts)
    defects = [d for part in listed for d in part.defects]
    held, held_places = gather(listed, Positions)
    cash, cash_places = gather(listed, Balances)
    orders, order_places = gather(listed, Orders)
    columns = (
        ("positions", held.account, held.instrument, held_places),
        ("balances", cash.account, cash.currency, cash_places),
        ("orders", orders.account, orders.instrument, order_places),
    )
    places: dict[tuple[str, str, str], Place] = {}
    for section, accounts, names, where in columns:
        for account, name, place in zip(accounts.tolist(), names.tolist(), where, strict=True):
            places.setdefault((section, account, name), place)
    found = SourcedPortfolio(
        once(held, ("account", "instrument"), held_places, defects, sum_duplicates=sum_duplicates),
        once(cash, ("account", "currency"), cash_places, defects, sum_duplicates=sum_duplicates),
        orders,
        with_venues(listed, defects),
        places,
    )
    return found, tuple(defects)


def gather(parts: list[Part], kind: type[T]) -> tuple[T, list[Place]]:
    """Return all rows of one kind of table, and where each stands."""
    tables = [(p.table, p.places) for p in parts if isinstance(p.table, kind)]
    return kind.concat(t for t, _ in tables), [place for _, places in tables for place in places]


def once(table: T, key: tuple[str, ...], places: list[Place], defects: list[Defect], *, sum_duplicates: bool) -> T:
    """Return the table with one row per key: the sum of its rows, or the first with NaN for its number."""
    groups: dict[tuple[str, ...], list[int]] = {}
    for i, values in enumerate(zip(*(getattr(table, k).tolist() for k in key), strict=True)):
        groups.setdefault(values, []).append(i)
    if len(groups) == len(table):
        return table
    first = table.take(np.array([rows[0] for rows in groups.values()], np.int64))
    columns = {c: getattr(first, c).copy() for c in table.columns()}
    summed = [c for c in ("quantity", "amount", "unsettled") if c in columns]
    for row, (values, rows) in enumerate(groups.items()):
        if len(rows) == 1:
            continue
        if sum_duplicates:
            if isinstance(table, Positions):
                columns["entry"][row] = joint_entry(table.quantity[rows], table.entry[rows])
            for c in summed:
                columns[c][row] = exact_sum(getattr(table, c)[rows].tolist())
            continue
        for c in summed:
            columns[c][row] = np.nan
        (file, at), *again = (places[i] for i in rows)
        for other, repeat in again:
            what = f"{' / '.join(values)} already stands in {'row' if other == file else file + ' row'} {at}"
            remedy = "keep one of the rows, or have them added up (--sum-duplicates)"
            defects.append(Defect(Reason.DUPLICATE, what, remedy, other, repeat, key[-1], values[0]))
    return type(table)(**columns)


def joint_entry(quantity: Floats, entry: Floats) -> float:
    """Return the average entry price of positions on one side, NaN where they are on both or one is not known."""
    if (quantity > 0).all() or (quantity < 0).all():
        return float((quantity * entry).sum() / quantity.sum())
    return float("nan")


def with_venues(parts: list[Part], defects: list[Defect]) -> Accounts:
    """Return the accounts listed, then those that only a venue column names; a contradiction is a defect."""
    table, places = gather(parts, Accounts)
    table = once(table, ("account",), places, defects, sum_duplicates=False)
    venue = table.venue.astype(object)
    new: dict[str, str] = {}
    for part in parts:
        for account, named in (part.venues or {}).items():
            known = venue[table.index[account]] if account in table else new.get(account, "")
            if named and known and named != known:
                what, remedy = f"{account} is at {known!r} and at {named!r}", "give each venue its own account"
                defects.append(Defect(Reason.INVALID_VALUE, what, remedy, part.places[0][0], 0, "venue", account))
            elif account in table:
                venue[table.index[account]] = known or named
            else:
                new[account] = known or named
    rows = [{"account": a, "owner": a, "venue": v, "rulebook": ""} for a, v in new.items()]
    return Accounts.concat([table.replace(venue=venue.astype(np.str_)), Accounts.from_rows(rows)])
