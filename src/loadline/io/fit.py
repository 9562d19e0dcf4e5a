"""Whether a book fits a market: what each account needs of it, and which defects therefore stop which account."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from loadline.foundation.errors import Defect, Reason
from loadline.foundation.units import format_time
from loadline.io.checks import nearest
from loadline.io.limits import Limits
from loadline.io.venues.deribit_names import parse_name
from loadline.model.instruments import Kind
from loadline.model.market import Market
from loadline.model.positions import Portfolio


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
        stopped.setdefault(defect.subject, []).append(defect)
    used: set[str] = set()
    for account, names in needs(portfolio, market).items():
        for name in names:
            found = market.defects_of(name)
            used |= {name} if found else set()
            if found:
                stopped.setdefault(account, []).extend(found)
    warnings = tuple(d for d in market.defects if d.subject not in used)
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
    p, b, o = portfolio.positions, portfolio.balances, portfolio.orders
    found: list[Defect] = []
    sentences: dict[str, tuple[Reason, str, str] | None] = {}
    numbers = [("position of", *row) for row in zip(p.account, p.instrument, p.quantity, strict=True)]
    numbers += [("order of", *row) for row in zip(o.account, o.instrument, o.quantity, strict=True)]
    for held, account, instrument, quantity in numbers:
        name, owner = str(instrument), str(account)
        if name not in sentences:
            sentences[name] = problem(name, market)
        wrong = sentences[name]
        if wrong is not None:
            found.append(Defect(wrong[0], f"{owner}: {wrong[1]}", wrong[2], column="instrument", subject=owner))
        size = too_large(f"{owner}: a {held} {name}", quantity, bounds.quantity, "quantity", told=owner in told)
        found += [Defect(*size, column="quantity", subject=owner)] if size else []
    for account, currency, amount in zip(b.account, b.currency, b.amount, strict=True):
        name, owner = str(currency), str(account)
        if not market.price(name) > 0:
            near = nearest(name, [*market.fx, *market.index, "USD"], 1)
            what = f"{owner}: a balance in {name}, which the snapshot does not price"
            remedy = f"add a price file with the row currency,usd for {name}" + (
                f"; or is it {near[0]}?" if near else ""
            )
            found.append(Defect(Reason.UNLIKE_CURRENCIES, what, remedy, column="currency", subject=owner))
        size = too_large(f"{owner}: a balance of {name}", amount, bounds.amount, "amount", told=owner in told)
        found += [Defect(*size, column="amount", subject=owner)] if size else []
    return list(dict.fromkeys(found))


def too_large(subject: str, value: float, limit: float, name: str, *, told: bool) -> tuple[Reason, str, str] | None:
    """Return what is wrong with a quantity or amount, if anything is."""
    if abs(value) > limit:
        return Reason.ABSURD, f"{subject}: {value:g} is beyond {limit:g}", f"check the unit, or raise the limit {name}"
    if not np.isfinite(value) and not told:
        return Reason.INVALID_VALUE, f"{subject}: {value} is not a number", "write a plain decimal number"
    return None


def problem(name: str, market: Market) -> tuple[Reason, str, str] | None:
    """Return why an instrument cannot be held at this market, if it cannot: reason, what, remedy."""
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
