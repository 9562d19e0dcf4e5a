"""Before a trade: what an account would have to put up after it, in microseconds."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from loadline.engine.bulk import Snapshot
from loadline.engine.columns import Columns
from loadline.engine.engine import Asked, choose_rulebook
from loadline.engine.prepared import Numbers
from loadline.foundation.errors import InputError
from loadline.foundation.table import Floats, Ints
from loadline.tape.trades import Trades


class PreTrade:
    """An account on one snapshot under one rulebook, with the instruments that it might trade, ready to be asked.

    ``held``: the rows of one account (number 0); ``candidates``: rows of its market. Trades are at mark, premiums
    paid from the wallet of the settlement currency. Raises ``NotPlannable`` where the rule cannot be planned and
    ``InputError`` for rulebooks that keep wallets apart.

    >>> from loadline.io.sample import sample
    >>> _, market = sample()
    >>> row = market.rows(np.array(["BTC-PERPETUAL"]))
    >>> account = PreTrade(Columns.of(market, np.array([0]), row, np.array([1e4])), "isolated", row)
    >>> account.check(int(row[0]), -1e4).initial
    0.0
    """

    def __init__(
        self, held: Columns, rulebook: Asked, candidates: Sequence[int] | Ints, *, cache: Path | None = None
    ) -> None:
        if len(held.account) and held.account.any():
            raise InputError("several accounts where one was expected", remedy="number it 0")
        chosen = choose_rulebook(rulebook, held.market.as_of)
        if chosen.rule.segregated:
            raise InputError(f"{chosen.rule.name} keeps wallets apart", remedy="call what_if")
        held = held.live()
        listed = np.concatenate([np.asarray(candidates, np.int64), held.row])
        settle = np.unique(held.market.instruments.settle[listed]).tolist()
        held = held.with_wallets(settle)
        rows = np.concatenate([held.row, np.asarray(candidates, np.int64)])
        self._snapshot = snapshot = Snapshot(chosen, held.market, rows, cache)
        frame = snapshot.frame(held, np.zeros(len(held.row), np.int64), 1)
        orders = held.has_orders
        self._trades = Trades(snapshot.plan(orders=orders), frame, frame.columns["position", "order"] == 0)
        self._items = frame.item
        i, quotes = snapshot.given.instruments, snapshot.given.quotes
        where = {name: n for n, name in reversed(list(enumerate(frame.item.tolist())))}
        spot = np.array([where[snapshot.place[i.index[c]]] for c in settle], np.int64)
        known = np.flatnonzero(i.upfront & np.isin(i.settle, settle))
        self._payer = np.full(len(i), -1)
        self._payer[known] = spot[np.searchsorted(settle, i.settle[known])]
        self._size, self._mark = i.multiplier, np.where(i.upfront, quotes.mark, 0.0)
        columns = (snapshot.place, self._payer, self._size, self._mark)
        self._facts = list(zip(*(c.tolist() for c in columns), strict=True))

    def worked_out(self, instrument: Ints) -> Ints:
        """Return (T,) how many of the account's rows are worked out anew for a trade in each instrument.

        ``instrument``: (T,) rows of the market among those held and the candidates.
        """
        item = self._snapshot.place[instrument]
        if not self._trades.levels:
            return np.full(len(item), len(self._items))
        code = self._snapshot.universe.classes.code[self._trades.levels[-1]]
        return np.bincount(code[self._items], minlength=int(code[-1]) + 1)[code[item]]

    def checks(self, instrument: Ints, quantity: Floats, *, workers: int = 1) -> Floats:
        """Return (T, 3) equity, initial and maintenance requirement after each of several trades on its own.

        ``instrument``: (T,) rows of the market among those held and the candidates; ``quantity``: (T,) signed;
        ``workers``: threads. Raises ``InputError`` for any other instrument.
        """
        item = self._snapshot.place[instrument]
        if (item < 0).any():
            raise InputError("an instrument is neither held nor a candidate", remedy="name it as a candidate")
        paid = quantity * self._size[instrument] * self._mark[instrument]
        out = self._trades.after(item, quantity, self._payer[instrument], paid, workers)
        out[:, 1:] = 0.0 - out[:, 1:]
        return out

    def check(self, instrument: int, quantity: float) -> Numbers:
        """Return equity and requirements after one trade.

        ``instrument``: a row of the market among those held and the candidates. Raises ``InputError`` for any other.
        """
        item, payer, size, mark = self._facts[instrument]
        if item < 0:
            raise InputError("an instrument is neither held nor a candidate", remedy="name it as a candidate")
        given = np.array([quantity, quantity * size * mark])
        rows = np.array([item, payer])
        equity, initial, maintenance = self._trades.after(rows[:1], given[:1], rows[1:], given[1:])[0].tolist()
        return Numbers(equity, 0.0 - initial, 0.0 - maintenance)
