"""What an account needs from the market before anything is computed, and everything that is missing, at once."""

from __future__ import annotations

import difflib
from typing import Protocol

import numpy as np

from loadline.foundation.errors import Reason, Unavailable
from loadline.foundation.table import Bools, Labels
from loadline.model.instruments import Kind
from loadline.model.market import Market
from loadline.model.positions import Portfolio


class Asking(Protocol):
    """What asks: a rulebook, or a view that has a name and needs market columns of its own."""

    @property
    def name(self) -> str:
        """The name that stands in the non-answer."""

    @property
    def needs(self) -> tuple[str, ...]:
        """The market columns that must be there."""


def unavailable(account: str, held: Portfolio, market: Market, rule: Asking) -> Unavailable | None:
    """Return why one account cannot be answered, or ``None``; ``held`` is that account's part of a live portfolio."""
    if _fit(held, market, rule):
        return None
    found: list[tuple[Reason, str, str]] = []
    p, o = held.positions, held.orders
    ids = sorted({*p.instrument.tolist(), *o.instrument.tolist()})
    for name in ids:
        if name not in market.instruments:
            near = difflib.get_close_matches(name, market.instruments.id.tolist(), 3, 0.75)
            hint = f"nearest: {', '.join(near)}" if near else "add a market file that lists it"
            found.append((Reason.UNKNOWN_INSTRUMENT, f"{name} is not in the market", hint))
            continue
        row = market.instruments.index[name]
        found += [(d.reason, f"{name}: {d.what}", d.remedy) for d in market.defects_of(name)]
        found += [(Reason.MISSING_DATA, what, "add it to the market file") for what in _absent(market, row, name, rule)]
        if market.instruments.expiry[row] <= market.as_of:
            found.append((Reason.EXPIRED, f"{name} has expired", "settle it before margining"))
    rows = [market.instruments.index[name] for name in ids if name in market.instruments]
    for u in sorted(set(market.instruments.underlying[rows].tolist())):
        found += [(d.reason, f"{u}: {d.what}", d.remedy) for d in market.defects_of(u)]
        if not _positive(market.price(u)):
            found.append((Reason.MISSING_DATA, f"index of {u}", "add its price to the market"))
    settle = set(market.instruments.settle[rows].tolist())
    for ccy in sorted(settle | {str(c) for c in held.balances.currency[held.balances.amount != 0]}):
        if not _positive(market.price(ccy)):
            found.append((Reason.MISSING_DATA, f"USD price of {ccy}", f"add {ccy} to the market's currencies"))
    for name, q in zip(p.instrument.tolist(), p.quantity.tolist(), strict=True):
        if not np.isfinite(q):
            found.append((Reason.INVALID_VALUE, f"quantity of {name} is {q}", "mend the book"))
    if not found:
        return None
    unique = list(dict.fromkeys(found))
    missing = tuple(dict.fromkeys(what for _, what, _ in unique))
    remedy = "; ".join(dict.fromkeys(hint for _, _, hint in unique))
    return Unavailable(account, rule.name, unique[0][0], missing, remedy)


def unfit(market: Market, rule: Asking) -> Bools:
    """Return (N,) which rows of a market nobody can be answered with: there ``unavailable`` finds something to say."""
    return market.kept(("unfit", rule.needs), lambda: _unfit(market, rule))


def _unfit(market: Market, rule: Asking) -> Bools:
    i, q = market.instruments, market.quotes
    option = i.is_kind(Kind.OPTION)
    bad = ~((q.forward > 0) & np.isfinite(q.forward)) | (i.expiry <= market.as_of)
    for name in ("vol", "mark"):
        if name in rule.needs:
            column = getattr(q, name)
            bad |= option & ~((column >= 0) & np.isfinite(column))
    for labels in (Labels.of(i.underlying), Labels.of(i.settle)):
        bad |= np.array([not _positive(market.price(n)) for n in labels.names], np.bool_)[labels.place]
    if market.defects:
        subjects = [d.subject for d in market.defects]
        bad |= np.isin(i.id, subjects) | np.isin(i.underlying, subjects)
    return bad


def _fit(held: Portfolio, market: Market, rule: Asking) -> bool:
    """Whether a look at what is held tells that nothing is missing; if not, it is gone through piece by piece."""
    index, balances = market.instruments.index, held.balances
    ids = [*held.positions.instrument.tolist(), *held.orders.instrument.tolist()]
    rows = [index.get(name, -1) for name in ids]
    if -1 in rows or not np.isfinite(held.positions.quantity).all():
        return False
    owned = set(balances.currency[balances.amount != 0].tolist())
    return not unfit(market, rule)[rows].any() and all(_positive(market.price(c)) for c in owned)


def _positive(x: float) -> bool:
    return bool(np.isfinite(x) and x > 0)


def _absent(market: Market, row: int, name: str, rule: Asking) -> list[str]:
    """The market columns that the rule needs and this instrument lacks."""
    q, kind = market.quotes, Kind(int(market.instruments.kind[row]))
    lacks = []
    if not _positive(float(q.forward[row])):
        lacks.append(f"forward of {name}")
    if kind == Kind.OPTION:
        if "vol" in rule.needs and not (np.isfinite(q.vol[row]) and q.vol[row] >= 0):
            lacks.append(f"vol of {name}")
        if "mark" in rule.needs and not (np.isfinite(q.mark[row]) and q.mark[row] >= 0):
            lacks.append(f"mark of {name}")
    return lacks
