"""What rulebooks of on-chain protocols share: whole numbers at fixed decimals, and books of perpetuals only."""

from __future__ import annotations

from math import isqrt

import numpy as np

from loadline.foundation.errors import InputError
from loadline.foundation.table import Bools, Floats
from loadline.model.book import Book
from loadline.tape.term import Term

PPM = 1_000_000
"""Parts per million: the unit of fractions in integer arithmetic."""
QUOTE = 6
"""Decimals of an amount of the quote currency, USDC."""


def ceil_div(n: int, d: int) -> int:
    """Return ``n / d`` rounded towards plus infinity; ``d > 0``.

    >>> ceil_div(7, 2), ceil_div(-7, 2)
    (4, -3)
    """
    return -(-n // d)


def cut_div(n: int, d: int) -> int:
    """Return ``n / d`` cut towards zero; ``d`` not 0.

    >>> cut_div(7, 2), cut_div(-7, 2)
    (3, -3)
    """
    size = abs(n) // abs(d)
    return size if (n < 0) == (d < 0) else -size


def root_of_size(size: int) -> int:
    """Return the root of a size at nine decimals, at five decimals: ``isqrt(10 size + 1)``.

    >>> root_of_size(4_000_000_000)
    200000
    """
    return isqrt(10 * size + 1)


def whole(values: Floats, decimals: Floats | float) -> Floats:
    """Return ``values`` (N,) as integers at ``decimals``, one for all or (N,), rounded to the nearest."""
    return np.asarray(np.rint(values * 10.0**decimals))


def scales(decimals: Floats) -> tuple[Floats, Floats]:
    """Return (part, whole) that divide by ``10 ** decimals`` in integers: one of them is 1."""
    return np.asarray(10.0 ** np.maximum(-decimals, 0.0)), np.asarray(10.0 ** np.maximum(decimals, 0.0))


def perpetuals_only(book: Book, venue: str) -> Bools:
    """Return (N,) the perpetuals; raises ``InputError`` where the book holds what the venue does not list."""
    u = book.universe
    other = ~(u.perpetual | u.spot)
    if other.any() and (book.held & other).any():
        names = u.instruments.id[book.held & other].tolist()
        raise InputError(
            f"{venue} lists perpetuals only: {', '.join(names[:3])}{' ...' if len(names) > 3 else ''}",
            causes="options or dated futures in the book",
            remedy="margin them under a rulebook of a venue that lists them",
        )
    return u.perpetual


def cash_of(book: Book, cash: Bools) -> Term:
    """Return what lies in the wallet's ``cash`` rows (N,) and what is unsettled, per account, at six decimals."""
    owned = (book.only(cash) * 10.0**QUOTE).rounded(0).net("account").named("cash")
    unsettled = (book.unsettled * 10.0**QUOTE).rounded(0).net("account").named("unsettled pnl")
    return owned + unsettled
