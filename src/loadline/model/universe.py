"""The instruments that a book touches, sorted into the hierarchy, with the market columns gathered beside them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from loadline.foundation.errors import InputError
from loadline.foundation.table import Bools, Floats, Ints, Labels, Texts
from loadline.foundation.units import MS_PER_DAY, MS_PER_YEAR, format_time
from loadline.model.instruments import NO_EXPIRY, Instruments, Kind, PayoffForm
from loadline.model.market import Market, Quotes
from loadline.model.positions import Portfolio
from loadline.model.smile import Smiles
from loadline.tape.frame import Classes

STABLE = ("USD", "USDC", "USDT")
"""Currencies that a spot scenario of a coin does not move."""
CASH = "USDC"
"""What coin contracts are restated to pay in."""
OF_INSTRUMENTS = ("underlyings", "pairs", "settles", "option", "spot", "perpetual", "future", "coin_settled")
OF_TIME = ("seconds", "tau", "days")
"""What a universe works out from facts of instruments, and from the time left: the same after a tick."""


def pair_of(underlying: str) -> str:
    """Return the key of per-pair parameters: the underlying itself, ``USD`` for a stablecoin."""
    return "USD" if underlying in STABLE else underlying


@dataclass(frozen=True, eq=False)
class Universe:
    """N instruments in hierarchical order at one instant; every column is (N,) in that order.

    ``index``: USD price of the underlying; ``index_confidence``: 0..1; ``fx``: USD per unit of the settlement
    currency. ``unit`` labels come from the rulebook. ``smiles``: of the whole market, held or not.
    """

    as_of: int
    instruments: Instruments
    quotes: Quotes
    index: Floats
    index_confidence: Floats
    fx: Floats
    classes: Classes
    smiles: Smiles

    def __len__(self) -> int:
        return len(self.instruments)

    @cached_property
    def underlyings(self) -> Labels:
        """The underlying of each row."""
        return Labels.of(self.instruments.underlying)

    @cached_property
    def pairs(self) -> Labels:
        """The underlying of each row, ``USD`` for the stablecoins, which share their parameters."""
        return self.underlyings.mapped(pair_of)

    @cached_property
    def settles(self) -> Labels:
        """The settlement currency of each row."""
        return Labels.of(self.instruments.settle)

    @cached_property
    def option(self) -> Bools:
        """(N,) which rows are options."""
        return self.instruments.is_kind(Kind.OPTION)

    @cached_property
    def spot(self) -> Bools:
        """(N,) which rows are spot: wallet balances."""
        return self.instruments.is_kind(Kind.SPOT)

    @cached_property
    def perpetual(self) -> Bools:
        """(N,) which rows are perpetuals."""
        return self.instruments.is_kind(Kind.PERPETUAL)

    @cached_property
    def future(self) -> Bools:
        """(N,) which rows are perpetuals or dated futures."""
        return self.instruments.is_kind(Kind.PERPETUAL, Kind.FUTURE)

    @cached_property
    def seconds(self) -> Floats:
        """(N,) seconds to expiry, at least 0; 0 for what never expires."""
        left = np.where(self.instruments.expiry == NO_EXPIRY, self.as_of, self.instruments.expiry) - self.as_of
        return np.maximum(left / 1000.0, 0.0)

    @cached_property
    def tau(self) -> Floats:
        """(N,) years of 365 days to expiry."""
        return self.seconds * 1000.0 / MS_PER_YEAR

    @cached_property
    def days(self) -> Floats:
        """(N,) days to expiry, fractional."""
        return self.seconds * 1000.0 / MS_PER_DAY

    @cached_property
    def size(self) -> Floats:
        """(N,) units of underlying in one of quantity: the multiplier, or multiplier / price for inverse."""
        inverse = self.instruments.form == PayoffForm.INVERSE
        return np.where(inverse, self.instruments.multiplier / self.quotes.forward, self.instruments.multiplier)

    @cached_property
    def coin_settled(self) -> Bools:
        """(N,) which rows settle in their own underlying."""
        return self.instruments.settle == self.instruments.underlying

    @cached_property
    def carried(self) -> Floats:
        """(N,) value of one contract already inside equity, settlement currency: the mark if paid up front, else 0."""
        mark = np.where(self.spot, self.quotes.forward, self.quotes.mark)
        return np.where(self.instruments.upfront, mark * self.instruments.multiplier, 0.0)

    def on(self, market: Market, rows: Ints) -> Universe:
        """Return the same instruments at another moment's prices, as ``build_universe`` would give them.

        ``rows``: (N,) where each stands in ``market``. Raises ``InputError`` if it lists them under other facts than
        before, multipliers aside.
        """
        listed = market.instruments.take(rows)
        changed = [c for c in listed.columns() if not _same(getattr(listed, c), getattr(self.instruments, c))]
        if any(c != "multiplier" for c in changed):
            raise InputError(f"the market lists instruments of another {changed[0]}", remedy="build the universe anew")
        names = (*OF_INSTRUMENTS, *(OF_TIME if market.as_of == self.as_of else ()))
        known = {name: self.__dict__[name] for name in names if name in self.__dict__}
        return _priced(market, rows, listed if changed else self.instruments, self.classes, known)


def _same(a: NDArray[Any], b: NDArray[Any]) -> bool:
    return np.array_equal(a, b, equal_nan=a.dtype.kind == "f")


def expiry_label(instruments: Instruments) -> Texts:
    """Return (N,) the expiry bucket: a date, ``perpetual`` or ``spot`` (each a bucket of its own)."""
    dated = instruments.expiry != NO_EXPIRY
    text = np.full(len(instruments), "perpetual", "U24")
    text[instruments.kind == Kind.SPOT] = "spot"
    for expiry in np.unique(instruments.expiry[dated]):
        stamp = format_time(int(expiry))
        text[instruments.expiry == expiry] = stamp[:10] if stamp.endswith("T08:00:00Z") else stamp
    return text


def build_universe(market: Market, rows: Ints, unit: Callable[[Instruments], Texts], *, cash: bool = False) -> Universe:
    """Return the rows of a market as a universe; ``unit`` names each instrument's risk unit.

    ``cash``: everything pays in cash, so no label needs to say what a contract pays in.

    Order: unit, underlying, kind of bucket (spot, perpetual, dated), expiry, options after futures, strike, right.
    """
    chosen = market.instruments.take(rows)
    units = np.asarray(unit(chosen), np.str_)
    strike = np.where(chosen.kind == Kind.OPTION, chosen.strike, -1.0)
    order = np.lexsort(
        (
            chosen.id,
            chosen.right,
            strike,
            chosen.kind == Kind.OPTION,
            chosen.settle,
            chosen.expiry,
            chosen.kind != Kind.SPOT,
            chosen.underlying,
            units,
        )
    )
    sorted_rows = chosen.take(order)
    units, strike = units[order], strike[order]
    buckets = expiry_label(sorted_rows)
    changed = {"unit": _changes(units)}
    changed["expiry"] = changed["unit"] | _changes(sorted_rows.underlying) | _changes(buckets)
    changed["expiry"] |= _changes(sorted_rows.settle)  # contracts that pay in unlike currencies do not roll into one
    changed["strike"] = changed["expiry"] | _changes(strike)
    code = {level: np.cumsum(new) - 1 for level, new in changed.items()}
    code["position"] = np.arange(len(order))
    first = {level: np.flatnonzero(new) for level, new in changed.items()}
    named = [f"{u} {b}" for u, b in zip(sorted_rows.underlying.tolist(), buckets.tolist(), strict=True)]
    if not cash:  # a coin's expiries part by what they pay in
        pays = np.where(sorted_rows.upfront & (sorted_rows.kind == Kind.SPOT), "", sorted_rows.settle)
        own = np.where(pays == sorted_rows.underlying, "", pays)
        named = [f"{n} {c}".strip() for n, c in zip(named, own.tolist(), strict=True)]
    labels = {
        "position": sorted_rows.id.tolist(),
        "unit": units[first["unit"]].tolist(),
        "expiry": [named[i] for i in first["expiry"].tolist()],
        "strike": [f"{named[i]} {strike[i]:.10g}" if strike[i] >= 0 else named[i] for i in first["strike"].tolist()],
    }
    return _priced(market, rows[order], sorted_rows, Classes(code, labels), {})


def _priced(market: Market, rows: Ints, instruments: Instruments, classes: Classes, known: dict[str, Any]) -> Universe:
    """The universe of sorted instruments that are these rows of a market; ``known``: what is worked out already."""
    underlyings = known.get("underlyings") or Labels.of(instruments.underlying)
    settles = known.get("settles") or Labels.of(instruments.settle)

    def each(labels: Labels, price: Callable[[str], float]) -> Floats:
        return np.array([price(name) for name in labels.names], np.float64)[labels.place]

    found = Universe(
        as_of=market.as_of,
        instruments=instruments,
        quotes=market.quotes.take(rows),
        index=each(underlyings, market.price),
        index_confidence=each(underlyings, lambda u: market.index_confidence.get(u, 1.0)),
        fx=each(settles, market.price),
        classes=classes,
        smiles=market.smiles,
    )
    found.__dict__.update(known | {"underlyings": underlyings, "settles": settles})
    return found


def _changes(column: Texts | Floats) -> Bools:
    new = np.ones(len(column), np.bool_)
    new[1:] = column[1:] != column[:-1]
    return new


def restate_in_cash(market: Market) -> Market:
    """Return the market with coin-settled contracts restated as cash contracts of equal size in USD.

    For venues that list only cash-settled contracts: a coin option on one coin becomes a cash option on one coin
    (its mark times the forward), an inverse contract of q USD becomes a linear one of q / price coins. Quantities
    keep their unit; the multiplier carries the change.
    """
    i = market.instruments
    coin, inverse = i.form == PayoffForm.COIN_OPTION, i.form == PayoffForm.INVERSE
    if not (coin | inverse).any():
        return market
    return market.derived("in cash", lambda: _restated(market, coin, inverse))


def _restated(market: Market, coin: Bools, inverse: Bools) -> Market:
    i, q = market.instruments, market.quotes
    form = np.where(coin, PayoffForm.CASH_OPTION, np.where(inverse, PayoffForm.LINEAR, i.form))
    changed = i.replace(
        form=form,
        multiplier=np.where(inverse, i.multiplier / q.forward, i.multiplier),
        settle=np.where(coin | inverse, CASH, i.settle),
        quote=np.where(coin, "USD", i.quote),
    )
    price = {c: np.where(coin, getattr(q, c) * q.forward, getattr(q, c)) for c in ("mark", "bid", "ask")}
    return market.replace(instruments=changed, quotes=q.replace(**price))


def restate_pending(portfolio: Portfolio, market: Market) -> Portfolio:
    """Return a portfolio as ``restate_in_cash(market)`` counts: coin pnl in cash, coin limits times forward.

    ``market``: the one before it was restated; it must know every instrument that is held or on order.
    """
    i, q, p, o = market.instruments, market.quotes, portfolio.positions, portfolio.orders
    coin = (i.form == PayoffForm.COIN_OPTION) | (i.form == PayoffForm.INVERSE)
    if not (p.unsettled.any() or len(o)) or not coin.any():
        return portfolio
    held, ordered = market.rows(p.instrument), market.rows(o.instrument)
    cash = np.array([market.price(c) for c in i.settle[held].tolist()], np.float64) / market.price(CASH)
    scale = np.where(i.form[ordered] == PayoffForm.COIN_OPTION, q.forward[ordered], 1.0)
    return replace(
        portfolio,
        positions=p.replace(unsettled=np.where(coin[held], p.unsettled * cash, p.unsettled)),
        orders=o.replace(limit=o.limit * scale),
    )
