"""What became of books: opened at one moment, carried unchanged to another; all that mutates in a backtest.

Nobody trades, pays funding or fees, or is liquidated. An option is worth its mark, in cash; where a mark of 0 is below
the venue's tick, what its vol gives. What expires on the way pays at its delivery price and stays in cash.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from loadline.foundation.errors import InputError
from loadline.foundation.table import Floats, Ints
from loadline.foundation.units import MS_PER_YEAR
from loadline.kernels.black76 import value1
from loadline.model.instruments import NO_EXPIRY, Instruments, PayoffForm
from loadline.model.market import Market
from loadline.model.positions import Portfolio

OPTIONS = (PayoffForm.COIN_OPTION, PayoffForm.CASH_OPTION)


@dataclass(frozen=True, eq=False)
class Prices:
    """What values contracts at one moment, (N,) each: forward, cash value of an option, USD price of the coin."""

    forward: Floats
    cash: Floats
    coin: Floats

    @classmethod
    def of(cls, market: Market, listed: Instruments) -> Prices:
        """Return the prices of contracts in a market; NaN for what it does not list or price."""
        where = market.instruments.index
        row = np.array([where.get(n, -1) for n in listed.id.tolist()], np.int64)
        q, i = market.quotes, listed

        def pick(column: Floats) -> Floats:
            return np.where(row >= 0, column[row], np.nan)

        coin = np.array([market.price(u) for u in i.underlying.tolist()])
        forward, mark, vol = pick(q.forward), pick(q.mark), pick(q.vol)
        cash = np.where(i.form == PayoffForm.COIN_OPTION, mark * forward, mark)
        left = (i.expiry - market.as_of) / MS_PER_YEAR
        thin = np.flatnonzero(np.isin(i.form, OPTIONS) & (mark == 0) & (vol > 0) & (forward > 0) & (left > 0))
        if len(thin):
            right = i.right[thin].astype(np.float64)
            cash[thin] = value1(forward[thin], i.strike[thin], vol[thin], left[thin], right)
        return cls(forward, cash, coin)


def gains(i: Instruments, now: Prices, then: Prices) -> Floats:
    """Return (N,) USD gained by one contract between two moments.

    Options the change of cash value, linear the change of price, inverse ``(1/F_then - 1/F_now)`` coins at today's
    price, coins in a wallet the change of price.
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        inverse = (1.0 / then.forward - 1.0 / now.forward) * now.coin
    return np.asarray(
        i.multiplier
        * np.select(
            [np.isin(i.form, OPTIONS), i.form == PayoffForm.LINEAR, i.form == PayoffForm.INVERSE],
            [now.cash - then.cash, now.forward - then.forward, inverse],
            now.coin - then.coin,
        )
    )


@dataclass
class Ledger:
    """Accounts opened at ``then``: what each has lost so far, at each moment it was carried to.

    ``paid``: (N,) USD per contract of what has expired, NaN while it lives. ``lost``: one (A,) row per step, USD, NaN
    where a contract that still lives has no price; ``accounts`` in order of name.
    """

    accounts: tuple[str, ...]
    listed: Instruments
    owner: Ints
    item: Ints
    quantity: Floats
    then: Prices
    at: Market
    paid: Floats
    lost: list[Floats] = field(default_factory=list)
    missing: dict[str, set[str]] = field(default_factory=dict)

    @classmethod
    def open(cls, portfolio: Portfolio, market: Market) -> Ledger:
        """Return the ledger of a portfolio just opened at a market's marks."""
        known = market.with_wallet(sorted(set(portfolio.balances.currency.tolist())))
        p, b = portfolio.positions, portfolio.balances
        names, item = np.unique(np.concatenate([p.instrument, b.currency]), return_inverse=True)
        listed = known.instruments.take(known.rows(names))
        accounts = tuple(portfolio.names())
        at = {a: k for k, a in enumerate(accounts)}
        owner = np.array([at[a] for a in np.concatenate([p.account, b.account]).tolist()], np.int64)
        quantity = np.concatenate([p.quantity, b.amount])
        then = Prices.of(known, listed)
        return cls(accounts, listed, owner, item, quantity, then, known, np.full(len(listed), np.nan))

    def step(self, market: Market) -> None:
        """Carry the books to a later moment; raises ``InputError`` for one that is not later."""
        if market.as_of <= self.at.as_of:
            raise InputError("a ledger goes forward only", remedy="give markets in the order of their times")
        self._deliver(market)
        now = Prices.of(market, self.listed)
        gained = np.where(np.isfinite(self.paid), self.paid, gains(self.listed, now, self.then))
        by_row = self.quantity * gained[self.item]
        total = np.zeros(len(self.accounts))
        np.add.at(total, self.owner, by_row)
        for row in np.flatnonzero(~np.isfinite(by_row)).tolist():
            name = self.accounts[self.owner[row]]
            self.missing.setdefault(name, set()).add(str(self.listed.id[self.item[row]]))
        self.lost.append(-total)
        self.at = market

    def _deliver(self, market: Market) -> None:
        """Let what expired since the last moment pay, at the coin's price linear in time between the two moments."""
        i = self.listed
        due = (i.expiry != NO_EXPIRY) & (i.expiry <= market.as_of) & ~np.isfinite(self.paid)
        if not due.any():
            return
        before = np.array([self.at.price(u) for u in i.underlying.tolist()])
        after = np.array([market.price(u) for u in i.underlying.tolist()])
        share = (i.expiry - self.at.as_of) / (market.as_of - self.at.as_of)
        price = before + np.clip(np.where(due, share, 0.0), 0.0, 1.0) * (after - before)
        paid = Prices(price, np.maximum(i.right * (price - i.strike), 0.0), price)
        self.paid = np.where(due, gains(i, paid, self.then), self.paid)

    @property
    def end(self) -> Floats:
        """(A,) USD lost at the last moment."""
        return self.lost[-1]

    @property
    def worst(self) -> Floats:
        """(A,) the largest loss at any moment so far, USD; never below the end point's."""
        return np.asarray(np.max(self.lost, axis=0))


def carried(portfolio: Portfolio, market: Market, later: Iterable[Market]) -> Ledger:
    """Return the ledger of a portfolio opened at one market and carried through others."""
    ledger = Ledger.open(portfolio, market)
    for moment in later:
        ledger.step(moment)
    return ledger
