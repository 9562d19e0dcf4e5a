"""How rows become groups, compiled: sorted by (account, item) by counting, and every level found in one walk.

Numpy's way stands in ``frame.py`` for small books and gives the same; this one is for a venue.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

Ints = NDArray[np.int64]

SMALL = 64
"""Rows of one account up to which they are sorted by insertion while they are written."""


@njit(cache=True, nogil=True)
def _scattered(account: Ints, item: Ints, bits: int, starts: Ints, next_row: Ints, key: Ints) -> None:
    """Count the rows of each account, then write each row's item and number where its account's rows stand."""
    for p in range(account.size):
        starts[account[p] + 1] += 1
    for a in range(next_row.size):
        starts[a + 1] += starts[a]
        next_row[a] = starts[a]
    for p in range(account.size):
        a = account[p]
        key[next_row[a]] = (item[p] << bits) | p
        next_row[a] += 1


@njit(cache=True, nogil=True)
def _written(key: Ints, starts: Ints, bits: int, order: Ints, item: Ints, owner: Ints) -> None:
    """Sort the keys of each small account and take them apart."""
    mask = (1 << bits) - 1
    for a in range(starts.size - 1):
        lo, hi = starts[a], starts[a + 1]
        if hi - lo <= SMALL:
            for i in range(lo + 1, hi):
                k, j = key[i], i
                while j > lo and key[j - 1] > k:
                    key[j] = key[j - 1]
                    j -= 1
                key[j] = k
        for p in range(lo, hi):
            order[p] = key[p] & mask
            item[p] = key[p] >> bits
            owner[p] = a


@njit(cache=True, nogil=True)
def _grouped(
    starts: Ints, item: Ints, strike: Ints, expiry: Ints, unit: Ints, first: Ints, classes: Ints, count: Ints
) -> None:
    """Note where a group begins and of which class it is, at three levels: row 0 strikes, 1 expiries, 2 units."""
    s, e, u = 0, 0, 0
    for a in range(starts.size - 1):
        on_strike, on_expiry, on_unit = -1, -1, -1
        for p in range(starts[a], starts[a + 1]):
            i = item[p]
            c = strike[i]
            if c != on_strike:
                on_strike = c
                first[0, s], classes[0, s] = p, c
                s += 1
                c = expiry[i]
                if c != on_expiry:
                    on_expiry = c
                    first[1, e], classes[1, e] = p, c
                    e += 1
                    c = unit[i]
                    if c != on_unit:
                        on_unit = c
                        first[2, u], classes[2, u] = p, c
                        u += 1
    count[0], count[1], count[2] = s, e, u
    for level in range(3):
        first[level, count[level]] = item.size


@njit(cache=True, nogil=True)
def _places(first: Ints, begins: Ints, out: Ints) -> None:
    """Find the first group at or after each of some rising rows."""
    g = 0
    for n in range(begins.size):
        while first[g] < begins[n]:
            g += 1
        out[n] = g


def sort_rows(account: Ints, item: Ints, accounts: int, items: int) -> tuple[Ints, Ints, Ints, Ints] | None:
    """Return the order of rows by (account, item), stable, with item and owner so sorted and each account's first row.

    ``account``, ``item``: (P,). None where item and row do not fit one integer. Raises ``IndexError`` where an account
    or an item is not below ``accounts`` or ``items``.
    """
    for column, size in ((account, accounts), (item, items)):  # compiled loops check no index
        if not 0 <= column.min() <= column.max() < size:
            raise IndexError(f"rows speak of number {column.min()} or {column.max()} of {size}")
    n = len(account)
    bits = n.bit_length()
    if bits + items.bit_length() > 62:
        return None
    starts, key = np.zeros(accounts + 1, np.int64), np.empty(n, np.int64)
    _scattered(plain(account), plain(item), bits, starts, np.empty(accounts, np.int64), key)
    for a in np.flatnonzero(np.diff(starts) > SMALL).tolist():
        key[starts[a] : starts[a + 1]].sort()
    order, found, owner = (np.empty(n, np.int64) for _ in range(3))
    _written(key, plain(starts), bits, order, found, owner)
    return order, found, owner, starts


def group_rows(starts: Ints, item: Ints, codes: Sequence[Ints]) -> list[tuple[Ints, Ints]]:
    """Return, for strikes, expiries and units, where each group begins (and where the last ends) and its class.

    ``starts``: (A + 1,) the first row of each account; ``item``: (P,) sorted; ``codes``: class of each item per level.
    """
    n = len(item)
    first, classes, count = np.empty((3, n + 1), np.int64), np.empty((3, n), np.int64), np.empty(3, np.int64)
    strike, expiry, unit = codes
    _grouped(plain(starts), plain(item), plain(strike), plain(expiry), plain(unit), first, classes, count)
    return [(first[k, : m + 1], classes[k, :m]) for k, m in enumerate(count.tolist())]


def places(first: Ints, begins: Ints) -> Ints:
    """Return (len(begins),) the first group at or after each row; ``first``, ``begins``: rising row numbers."""
    out = np.empty(len(begins), np.int64)
    _places(plain(first), plain(begins), out)
    return out


def plain(x: Any) -> Ints:
    """Return whole numbers of 64 bits, read-only and in one piece: one compilation for all of them."""
    out = np.ascontiguousarray(x, np.int64).view()
    out.flags.writeable = False
    return out
