"""Whether a book fits a market: what each account needs of it, and which defects therefore stop which account."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from loadline.foundation.errors import Defect, Reason
from loadline.foundation.units import format_time
from loadline.io.checks import nearest
from loadline.io.holdings import SourcedPortfolio
from loadline.io.limits import Limits
from loadline.io.venues.deribit_names import parse_name
from loadline.model.instruments import Kind
from loadline.model.market import Market
from loadline.model.positions import Portfolio

Problem = tuple[Reason, str, str]
"""Reason, what is wrong, remedy."""


@dataclass(frozen=True)
class Fit:
    """Which defects stop which account (``stopped``), and which stop none (``warnings``)."""

    stopped: Mapping[str, tuple[Defect, ...]]
    warnings: tuple[Defect, ...]


def fit(portfolio: Portfolio, market: Market, known: Iterable[Defect] = (), limits: Limits | None = None) -> Fit:
    """Return the defects of each account: of its rows, of what it needs from the market, and of the two together.

    known: the defects that reading the book found. An account that is not in ``stopped`` can be margined.
    """
    listed = list(known)
    stopped: dict[str, list[Defect]] = {}
    for defect in [*listed, *check_book(portfolio, market, listed, limits)]:
        if defect.subject:  # without a subject it is of a file as a whole, and stops nobody
            stopped.setdefault(defect.subject, []).append(defect)
    used: set[str] = set()
    for account, names in needs(portfolio, market).items():
        for name in names:
            found = market.defects_of(name)
            used |= {name} if found else set()
            if found:
                stopped.setdefault(account, []).extend(found)
    warnings = tuple(d for d in [*listed, *market.defects] if not d.subject)
    warnings += tuple(d for d in market.defects if d.subject and d.subject not in used)
    return Fit({account: tuple(found) for account, found in sorted(stopped.items())}, warnings)


def needs(portfolio: Portfolio, market: Market) -> dict[str, list[str]]:
    """Return what each account needs of a market: instruments, their underlyings, and the currencies of both."""
    p, b, o = portfolio.positions, portfolio.balances, portfolio.orders
    wanted: dict[str, dict[str, None]] = {a: {} for a in portfolio.names()}
    pairs = [*zip(p.account.tolist(), p.instrument.tolist(), strict=True)]
    pairs += zip(o.account.tolist(), o.instrument.tolist(), strict=True)
    for account, name in pairs:
        wanted[account][name] = None
        if name in market.instruments:
            row = market.instruments[name]
            wanted[account] |= {row["underlying"]: None, row["quote"]: None, row["settle"]: None}
    for account, currency in zip(b.account.tolist(), b.currency.tolist(), strict=True):
        wanted[account][currency] = None
    return {account: list(names) for account, names in wanted.items()}


def check_book(
    portfolio: Portfolio, market: Market, known: Iterable[Defect] = (), limits: Limits | None = None
) -> list[Defect]:
    """Return what a book holds that a market cannot answer for, each defect under its account.

    Finds unknown instruments (nearest names offered), expired ones, quantities and amounts that are absurd or no
    numbers, and currencies without a price. known: accounts with such a defect are not told again of a lost number.
    """
    bounds, told = limits or Limits(), {d.subject for d in known}
    places = portfolio.places if isinstance(portfolio, SourcedPortfolio) else {}
    p, b, o = portfolio.positions, portfolio.balances, portfolio.orders
    found: list[Defect] = []
    problems: dict[str, Problem | None] = {}
    rows = [("positions", *row) for row in zip(p.account.tolist(), p.instrument.tolist(), p.quantity, strict=True)]
    rows += [("orders", *row) for row in zip(o.account.tolist(), o.instrument.tolist(), o.quantity, strict=True)]
    rows += [("balances", *row) for row in zip(b.account.tolist(), b.currency.tolist(), b.amount, strict=True)]
    for section, account, name, value in rows:
        cash = section == "balances"
        if name not in problems:
            problems[name] = unpriced(name, market) if cash else unheld(name, market)
        column, limit = ("amount", bounds.amount) if cash else ("quantity", bounds.quantity)
        size = too_large(name, value, limit, column, told=account in told)
        file, row = places.get((section, account, name), ("", 0))
        for wrong, where in ((problems[name], "currency" if cash else "instrument"), (size, column)):
            if wrong is not None:
                what = f"{account}: {wrong[1]}"
                found.append(Defect(wrong[0], what, wrong[2], file, row, where, account))
    return list(dict.fromkeys(found))


def too_large(name: str, value: float, limit: float, column: str, *, told: bool) -> Problem | None:
    """Return what is wrong with a quantity or amount, if anything is."""
    if np.isfinite(value) and abs(value) > limit:
        what = f"{column} of {name}: {value:g} is beyond {limit:g}"
        return Reason.ABSURD, what, f"check the unit, or raise the limit {column}"
    if not np.isfinite(value) and not told:
        return Reason.INVALID_VALUE, f"{column} of {name}: {value} is not a number", "write a plain decimal number"
    return None


def unpriced(name: str, market: Market) -> Problem | None:
    """Return why a balance cannot be valued, if it cannot."""
    if market.price(name) > 0:
        return None
    near = nearest(name, [*market.fx, *market.index, "USD"], 1)
    remedy = f"add a price file with the row currency,usd for {name}" + (f"; or is it {near[0]}?" if near else "")
    return Reason.UNLIKE_CURRENCIES, f"a balance in {name}, which the snapshot does not price", remedy


def unheld(name: str, market: Market) -> Problem | None:
    """Return why an instrument cannot be held at this market, if it cannot."""
    parsed = market.instruments[name] if name in market.instruments else parse_name(name)
    if parsed is not None and parsed["expiry"] <= market.as_of:
        what = f"{name} expired {format_time(parsed['expiry'])}, the snapshot is of {format_time(market.as_of)}"
        return Reason.EXPIRED, what, "drop the position, or use a snapshot from before its expiry"
    if name in market.instruments:
        settle = market.instruments[name]["settle"]
        if market.price(settle) > 0:
            return None
        what = f"{name} settles in {settle}, which the snapshot does not price"
        return Reason.UNLIKE_CURRENCIES, what, f"add a price file with the row currency,usd for {settle}"
    near = nearest(name, market.instruments.id.tolist())
    offer = f"did you mean {', '.join(near)}?" if near else "check the name"
    if parsed is not None and parsed["kind"] in (Kind.FUTURE, Kind.PERPETUAL):
        offer = "give a price file with its mark, or imply futures from the options (--imply-futures)"
    return Reason.UNKNOWN_INSTRUMENT, f"{name} is not in the market snapshot", offer
