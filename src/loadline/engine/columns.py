"""What the accounts of a venue hold, as plain columns: positions, wallets and open orders in one table of rows."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from loadline.engine.requirements import Asking, unavailable, unfit
from loadline.foundation.errors import InputError, Unavailable
from loadline.foundation.table import Bools, Floats, Ints, Labels, Texts
from loadline.model.market import Market
from loadline.model.positions import Balances, Orders, Portfolio, Positions

POSITION, WALLET, ORDER = 0, 1, 2
Codes = NDArray[np.integer[Any]]
"""Account or instrument numbers, of 32 bits where a venue is large: sums of them are taken in 64."""
Given = tuple[Codes, "Codes | Texts | Labels", Floats]
"""Account numbers, instruments or currencies, and amounts."""


@dataclass(frozen=True, eq=False)
class Columns:
    """Rows of accounts that are numbered from 0; every column is (n,).

    ``row``: an instrument of ``market`` (wallets are spot rows); ``kind``: position, wallet or order. ``quantity`` is
    that of a position or a wallet's amount, ``order`` that of an open order; what a row has none of is 0.
    """

    market: Market
    account: Codes
    row: Codes
    kind: NDArray[np.int8]
    quantity: Floats
    unsettled: Floats
    order: Floats
    limit: Floats

    @classmethod
    def of(
        cls,
        market: Market,
        account: Codes,
        instrument: Codes | Texts | Labels,
        quantity: Floats,
        *,
        unsettled: Floats | None = None,
        wallets: Given | None = None,
        orders: tuple[Given, Floats] | None = None,
    ) -> Columns:
        """Return the rows of positions, wallets (account, currency, amount) and orders, these with their limits.

        Instruments are ids, or row numbers of ``market``. Raises ``MissingData`` naming every unknown one.

        >>> from loadline.io.sample import sample
        >>> _, market = sample()
        >>> held = Columns.of(market, np.array([0]), np.array(["BTC-PERPETUAL"]), np.array([100.0]))
        >>> held.quantity.tolist()
        [100.0]
        """
        nobody: Given = (np.empty(0, np.int32), np.empty(0, np.int32), np.empty(0))
        own, name, amount = wallets or nobody
        currency = name if isinstance(name, Labels) or not len(name) else _labels(name)
        known = market.with_wallet(sorted(currency.names)) if isinstance(currency, Labels) else market
        (orderer, ordered, wanted), limit = orders or (nobody, np.empty(0))
        sizes = [len(quantity), len(amount), len(wanted)]

        def column(*parts: Floats | None) -> Floats:
            """Positions, wallets and orders, one after the other; zeros that nobody writes where none has any."""
            if all(part is None or not len(part) for part in parts):
                return np.zeros(sum(sizes))
            filled = (np.zeros(n) if part is None else part for n, part in zip(sizes, parts, strict=True))
            columns = [np.asarray(part, np.float64) for part in filled if len(part)]
            return columns[0] if len(columns) == 1 else np.concatenate(columns)

        found = cls(
            market=known,
            account=_joined(account, own, orderer),
            row=_joined(_rows(known, instrument), _rows(known, currency), _rows(known, ordered)),
            kind=np.repeat(np.array([POSITION, WALLET, ORDER], np.int8), sizes),
            quantity=column(quantity, amount, None),
            unsettled=column(unsettled, None, None),
            order=column(None, None, wanted),
            limit=column(None, None, limit),
        )
        if len(found.account) and found.account.min() < 0:
            raise InputError("an account number is negative", remedy="number accounts from 0")
        return found

    @property
    def has_orders(self) -> bool:
        """Whether any row is an open order."""
        return bool(self.order.any())

    def take(self, rows: Bools | Ints) -> Columns:
        """Return some rows: a mask, or row numbers."""
        columns = ("account", "row", "kind", "quantity", "unsettled", "order", "limit")
        return replace(self, **{c: getattr(self, c)[rows] for c in columns})

    @property
    def alive(self) -> Bools:
        """(n,) which rows hold anything."""
        found: Bools = self.quantity != 0
        for more in (self.unsettled, self.order):
            found |= more != 0
        return found

    def live(self) -> Columns:
        """Return the same without rows that hold nothing, where they bring in instruments that nobody holds."""
        kept = self.alive
        used = np.zeros(len(self.market.instruments), np.bool_)
        used[self.row[kept]] = True
        return self if used[self.row].all() else self.take(kept)

    def without(self, accounts: Iterable[int]) -> Columns:
        """Return the rows of all but some accounts."""
        left_out = list(accounts)
        return self.take(~np.isin(self.account, left_out)) if left_out else self

    def with_wallets(self, currencies: list[str]) -> Columns:
        """Return the same with an empty wallet in account 0 of each currency that has none."""
        market = self.market.with_wallet(currencies)
        rows = market.rows(np.array(currencies, np.str_))
        new = rows[~np.isin(rows, self.row[self.kind == WALLET])]
        n, nothing = len(new), np.zeros(len(new))
        added = {"account": np.zeros(n, np.int64), "row": new, "kind": np.full(n, WALLET, np.int8)}
        columns = added | dict.fromkeys(("quantity", "unsettled", "order", "limit"), nothing)
        joined = {c: np.concatenate([getattr(self, c), v]) for c, v in columns.items()}
        return replace(self, market=market, **joined)

    def portfolio(self) -> Portfolio:
        """Return the same as tables of text, account numbers as names."""
        names, ids = self.account.astype(np.str_), self.market.instruments.id[self.row]
        p, w, o = (self.kind == k for k in (POSITION, WALLET, ORDER))
        entry = np.full(int(p.sum()), np.nan)
        return Portfolio(
            Positions(names[p], ids[p], self.quantity[p], self.unsettled[p], entry),
            Balances(names[w], ids[w], self.quantity[w]),
            Orders(names[o], ids[o], self.order[o], self.limit[o]),
        )

    def refused(self, rule: Asking) -> dict[int, Unavailable]:
        """Return why accounts cannot be answered: what ``margins`` would say of them."""
        market = self.market
        bad = unfit(market, rule)
        rows = (bad[self.row] & self.alive) if bad[self.row].any() else np.zeros(len(self.row), np.bool_)
        suspect = self.account[rows | ~np.isfinite(self.quantity)]
        if not len(suspect):
            return {}
        mine = self.take(np.isin(self.account, suspect) & self.alive).portfolio().by_account()
        found = {int(name): unavailable(name, held, market, rule) for name, held in mine.items()}
        return {name: gap for name, gap in found.items() if gap is not None}


def _joined(*parts: Codes) -> Codes:
    """Numbers one after the other, not copied where only one part has any."""
    some = [part for part in parts if len(part)] or [parts[0]]
    return some[0] if len(some) == 1 else np.concatenate(some)


def _labels(texts: Codes | Texts) -> Labels:
    if texts.dtype.kind != "U":
        raise InputError("currencies are given by name", remedy="an array of text, or Labels")
    return Labels.of(texts.astype(np.str_, copy=False))


def _rows(market: Market, instrument: Codes | Texts | Labels) -> Codes:
    """The row of each instrument."""
    if isinstance(instrument, Labels):
        return market.rows(np.array(instrument.names, np.str_)).astype(np.int32)[instrument.place]
    if instrument.dtype.kind == "U":
        return _rows(market, _labels(instrument))
    numbers: Codes = instrument if instrument.dtype.kind == "i" else instrument.astype(np.int64)  # type: ignore[assignment]
    if len(numbers) and not 0 <= numbers.min() <= numbers.max() < len(market.instruments):
        raise InputError("an instrument number is not a row of the market", remedy="rows count from 0")
    return numbers
