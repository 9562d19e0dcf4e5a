"""What is held: positions, balances, open orders and the accounts they belong to."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import ClassVar, TypeVar

import numpy as np

from loadline.foundation.table import Floats, Table, Texts, content_hash


@dataclass(frozen=True, eq=False)
class Positions(Table):
    """Sparse positions.

    ``quantity`` is signed, in the venue's API amount: coins of the underlying for options and linear contracts, USD
    for inverse futures and perpetuals. ``unsettled`` is pnl not yet in the wallet, in the settlement currency.
    ``entry`` is the average entry price in the quote currency, NaN if not known.

    >>> row = {"account": "a", "instrument": "BTC-PERPETUAL", "quantity": -50_000.0, "unsettled": 0.01, "entry": 84e3}
    >>> Positions.from_rows([row]).quantity.tolist()
    [-50000.0]
    """

    account: Texts
    instrument: Texts
    quantity: Floats
    unsettled: Floats
    entry: Floats


@dataclass(frozen=True, eq=False)
class Balances(Table):
    """Wallet cash: ``amount`` of ``currency`` in ``account``; negative is borrowed.

    >>> len(Balances.from_rows([{"account": "a", "currency": "BTC", "amount": 1.5}]))
    1
    """

    account: Texts
    currency: Texts
    amount: Floats


@dataclass(frozen=True, eq=False)
class Orders(Table):
    """Open orders: ``quantity`` signed (a buy is positive) in the position's unit; ``limit`` in the quote currency.

    >>> order = {"account": "a", "instrument": "BTC-26JUN26-92000-C", "quantity": -2.0, "limit": 0.03}
    >>> Orders.from_rows([order]).limit.tolist()
    [0.03]
    """

    account: Texts
    instrument: Texts
    quantity: Floats
    limit: Floats


@dataclass(frozen=True, eq=False)
class Accounts(Table):
    """Who owns an account, at which venue, and under which rulebook (``""``: as asked).

    >>> row = {"account": "a", "owner": "Alder", "venue": "deribit", "rulebook": "deribit-spm"}
    >>> Accounts.from_rows([row])["a"]["owner"]
    'Alder'
    """

    label: ClassVar[str] = "account"

    account: Texts
    owner: Texts
    venue: Texts
    rulebook: Texts


Owned = TypeVar("Owned", Positions, Balances, Orders)


def _parts(table: Owned, names: list[str]) -> list[Owned]:
    """The rows of each account, in the order they stand."""
    order = np.argsort(table.account, kind="stable")
    column, wanted = table.account[order], np.array(names, np.str_)
    starts, ends = np.searchsorted(column, wanted), np.searchsorted(column, wanted, side="right")
    return [table.take(order[a:b]) for a, b in zip(starts.tolist(), ends.tolist(), strict=True)]


@dataclass(frozen=True, eq=False)
class Portfolio:
    """Everything held at one instant.

    >>> book = Portfolio(Positions.from_rows([{"account": "a", "instrument": "BTC-PERPETUAL", "quantity": 10.0,
    ...     "unsettled": 0.0, "entry": float("nan")}]))
    >>> book.names()
    ['a']
    """

    positions: Positions
    balances: Balances = field(default_factory=Balances.empty)
    orders: Orders = field(default_factory=Orders.empty)
    accounts: Accounts = field(default_factory=Accounts.empty)

    def names(self) -> list[str]:
        """Return every account that holds, owes or orders anything, sorted."""
        columns = (self.positions.account, self.balances.account, self.orders.account)
        return sorted(set(np.concatenate(columns).tolist()))

    def only(self, accounts: list[str]) -> Portfolio:
        """Return the same for some accounts."""
        return Portfolio(
            self.positions.take(np.isin(self.positions.account, accounts)),
            self.balances.take(np.isin(self.balances.account, accounts)),
            self.orders.take(np.isin(self.orders.account, accounts)),
            self.accounts.take(np.isin(self.accounts.account, accounts)),
        )

    def by_account(self) -> dict[str, Portfolio]:
        """Return each account's part, in order of name: one pass over the rows, however many accounts."""
        names = self.names()
        parts = zip(
            names, _parts(self.positions, names), _parts(self.balances, names), _parts(self.orders, names), strict=True
        )
        return {name: replace(self, positions=p, balances=b, orders=o) for name, p, b, o in parts}

    def live(self) -> Portfolio:
        """Return the same without rows of zero (of closed positions, say); who has no other holds 0 USD."""
        p, b, o = self.positions, self.balances, self.orders
        kept = ((p.quantity != 0) | (p.unsettled != 0), b.amount != 0, o.quantity != 0)
        if all(mask.all() for mask in kept):
            return self
        left = replace(self, positions=p.take(kept[0]), balances=b.take(kept[1]), orders=o.take(kept[2]))
        bare = sorted(set(self.names()) - set(left.names()))
        nothing = Balances.from_rows({"account": a, "currency": "USD", "amount": 0.0} for a in bare)
        return replace(left, balances=Balances.concat([left.balances, nothing]))

    @property
    def identity(self) -> str:
        """The content hash of all four tables."""
        tables = (self.positions, self.balances, self.orders, self.accounts)
        return content_hash(*(t.identity for t in tables))
