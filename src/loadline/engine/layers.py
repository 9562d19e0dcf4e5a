"""The books of a venue, changed by difference: who changes is laid out anew in a small book on top of the large ones.

A layer that is not twice what comes on top of it is taken in, so that sizes at least halve from one to the next:
there are never more than a few, and a row is laid out again only as often as layers double.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from loadline.engine.bulk import Part, Snapshot, parts
from loadline.engine.columns import Columns
from loadline.foundation.table import Bools, Floats, Ints
from loadline.model.market import Market
from loadline.tape.subset import Kept

COLUMNS = ("account", "row", "kind", "quantity", "unsettled", "order", "limit")


@dataclass(eq=False, slots=True)
class Laid:
    """One sorted book: results ``places``, the holdings in the frame's order, and the layer that it belongs to.

    ``reached``: whether prices reach its columns (pnl and limits in coin, where a rule counts in cash); ``kept``: what
    its units gave when they were last margined.
    """

    part: Part
    held: Columns
    layer: int
    reached: bool
    kept: Kept


def joined(market: Market, held: list[Columns]) -> Columns:
    """Return the rows of several holdings, one after the other; ``market``: the one they are rows of."""
    if len(held) == 1:
        return held[0] if held[0].market is market else replace(held[0], market=market)
    return Columns(market, *(np.concatenate([getattr(h, c) for h in held]) for c in COLUMNS))


class Layers:
    """Sorted books in which every one of some results is answered by the topmost layer that has it."""

    def __init__(self, results: int) -> None:
        self.top = np.zeros(results, np.int64)
        self.books: list[Laid] = []

    def put(self, snapshot: Snapshot, held: Columns, results: Ints, group: Ints) -> list[tuple[Laid, Ints]]:
        """Lay a layer on top for some results, and return its books with the accounts of their frames that these are.

        ``results``: rising; ``group``: (n,) which of them each row of ``held`` belongs to. What layers below have for
        the same results no longer counts.
        """
        self.top[results] = -1
        gathered, everybody, whose = [held], [results], [results[group]]
        size = len(held.row)
        while self.books and self._size(self.books[-1].layer) <= 2 * size:
            last = self.books[-1].layer
            for book in self._layer(last):
                mine, owner = self.counts(book), book.part.frame.owner
                gathered.append(book.held.take(mine[owner]))
                whose.append(book.part.places[owner[mine[owner]]])
                everybody.append(book.part.places[mine])
                size += len(gathered[-1].row)
            self.books = [b for b in self.books if b.layer != last]
        layer = self.books[-1].layer + 1 if self.books else 0
        every, rows = np.unique(np.concatenate(everybody)), joined(held.market, gathered)
        self.top[every] = layer
        new = []
        for part in parts(snapshot, rows, np.searchsorted(every, np.concatenate(whose)), len(every)):
            inside = (rows if part.rows is None else rows.take(part.rows)).take(part.frame.order)
            reached = snapshot.chosen.rule.cash and (part.orders or bool(inside.unsettled.any()))
            placed = Part(part.orders, every[part.places], part.frame)
            new.append(Laid(placed, inside, layer, reached, Kept(part.frame)))
        self.books += new
        return [(book, np.flatnonzero(np.isin(book.part.places, results))) for book in new]

    def _layer(self, number: int) -> Iterator[Laid]:
        return (b for b in self.books if b.layer == number)

    def _size(self, layer: int) -> int:
        return sum(len(b.held.row) for b in self._layer(layer))

    def counts(self, book: Laid) -> Bools:
        """Return (accounts of its frame,) whether a book is the topmost that has each."""
        found: Bools = self.top[book.part.places] == book.layer
        return found

    def touched(self, book: Laid, items: Bools, rows: Ints | None = None) -> Ints:
        """Return the accounts of a book's frame that count and that changes touch; ``items``, ``rows``: of ``Kept``."""
        found = book.kept.touched(items, rows)
        return found[self.top[book.part.places[found]] == book.layer]

    def held(self, market: Market, results: Ints | None = None) -> Columns:
        """Return what counts of the holdings of some ``results``, rising (all, if left out), as rows of ``market``."""
        found = []
        for book in self.books:
            frame, places = book.part.frame, book.part.places
            if results is None:
                found.append(book.held.take(self.counts(book)[frame.owner]))
                continue
            at = np.searchsorted(places, results).clip(max=max(len(places) - 1, 0))
            mine = at[(places[at] == results) & (self.top[results] == book.layer)] if len(places) else at[:0]
            found.append(book.held.take(frame.rows_of(mine)))
        return joined(market, found)


def traded(held: Columns, account: Ints, row: Ints, kind: Ints, quantity: Floats) -> Columns:
    """Return holdings with quantities added: to the first row of that account, instrument and kind, else to a new one.

    ``account``, ``row``, ``kind``, ``quantity``: (T,). Rows that then hold nothing are left out.
    """
    wide = np.int64(len(held.market.instruments)) * 3
    key = held.account * wide + held.row * np.int64(3) + held.kind
    new, which = np.unique(account * wide + row * np.int64(3) + kind, return_inverse=True)
    order = np.argsort(key, kind="stable")
    at = np.searchsorted(key[order], new)
    hit = np.zeros(len(new), np.bool_)
    inside = at < len(key)
    hit[inside] = key[order[at[inside]]] == new[inside]
    target = np.empty(len(new), np.int64)
    target[hit], target[~hit] = order[at[hit]], len(key) + np.arange(int((~hit).sum()))
    fresh, none = new[~hit], np.zeros(int((~hit).sum()))
    made = (fresh // wide, fresh % wide // 3, (fresh % 3).astype(np.int8), none, none, none, none)
    found = joined(held.market, [held, Columns(held.market, *made)])
    size = found.quantity.copy()
    np.add.at(size, target[which], quantity)
    found = replace(found, quantity=size)
    return found.take(found.alive)
