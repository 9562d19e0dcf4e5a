"""One cell at a time: a text, JSON or Parquet value into a number, a time or a word, or a sentence saying why not."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from math import isfinite
from typing import Any

from loadline.foundation.errors import InputError
from loadline.foundation.units import parse_time

DECIMAL = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,6})?\Z")
LONGEST_NUMBER = 400
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
EARLIEST_MS = parse_time("2000-01-01")
LATEST_MS = parse_time("2200-01-01")


class BadCell(ValueError):
    """A cell that cannot be what its column says; the message says what it is instead."""


def number(value: Any, *, exact: bool = False) -> float:
    """Return the float nearest to a decimal text or a JSON or Parquet number.

    value: a plain decimal text (``1000``, ``-0.5``, ``1e-3``), ``int``, ``float`` or ``Decimal``.
    exact: also refuse what a 64-bit float does not hold to the last digit given (quantities and cash).
    Raises ``BadCell`` for anything else: thousands separators, ``nan``, ``inf``, an overflow or underflow, a boolean.

    >>> number("1e-3")
    0.001
    """
    if isinstance(value, str):
        return from_text(value, exact=exact)
    if isinstance(value, bool) or not isinstance(value, (int, float, Decimal)):
        raise BadCell(f"{shown(value)} is not a number")
    if isinstance(value, Decimal):
        return from_text(str(value), exact=exact)
    try:
        result = float(value)
    except OverflowError:
        raise BadCell(f"{shown(value)} is too large for a 64-bit float") from None
    if not isfinite(result):
        raise BadCell(f"{result} is not a finite number")
    if exact and isinstance(value, int) and int(result) != value:
        raise BadCell(f"{shown(value)} has more digits than a 64-bit float holds")
    return result


def from_text(text: str, *, exact: bool) -> float:
    """Return the float of a decimal text; see ``number``."""
    stripped = text.strip()
    if not stripped:
        raise BadCell("the cell is empty")
    if len(stripped) > LONGEST_NUMBER or not DECIMAL.match(stripped):
        raise BadCell(f"{shown(text)} is not a plain decimal number")
    result = float(stripped)
    if not isfinite(result):
        raise BadCell(f"{shown(text)} is too large for a 64-bit float")
    if result == 0.0 and any(digit in "123456789" for digit in re.split("[eE]", stripped)[0]):
        raise BadCell(f"{shown(text)} is too small for a 64-bit float")
    if exact and Decimal(repr(result)) != Decimal(stripped):
        raise BadCell(f"{shown(text)} has more digits than a 64-bit float holds")
    return result


def moment(value: Any) -> int:
    """Return epoch milliseconds UTC of an ISO text, a date, or a number of milliseconds; no zone is read as UTC.

    Raises ``BadCell`` for anything else and for times outside 2000-2200.

    >>> moment("2026-02-05T18:00:00Z")
    1770314400000
    """
    if isinstance(value, datetime):
        ms = ((value if value.tzinfo else value.replace(tzinfo=UTC)) - EPOCH) // timedelta(milliseconds=1)
    elif isinstance(value, date):
        ms = parse_time(value.isoformat())
    elif isinstance(value, str) and not DECIMAL.match(value.strip()):
        try:
            ms = parse_time(value)
        except (InputError, OverflowError, OSError):
            raise BadCell(f"{shown(value)} is not an ISO time") from None
    else:
        ms = round(number(value))
    if not EARLIEST_MS <= ms < LATEST_MS:
        raise BadCell(f"{shown(value)} is not a time in milliseconds between 2000 and 2200")
    return ms


def word(value: Any) -> str:
    """Return the text of a cell without surrounding blanks; raises ``BadCell`` for a fraction, a list or an object.

    >>> word(" BTC ")
    'BTC'
    """
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    raise BadCell(f"{shown(value)} is not a text")


def is_blank(value: Any) -> bool:
    """Return whether a cell is empty: absent, null, or blanks only."""
    return value is None or (isinstance(value, str) and not value.strip())


def shown(value: Any) -> str:
    """Return a value as it may stand in a message: quoted, and cut where it is long."""
    try:
        text = repr(value)
    except ValueError:  # an integer of more than 4,300 digits has no text
        return "a number of thousands of digits"
    return text if len(text) <= 40 else text[:37] + "..."


def exact_sum(values: list[float]) -> float:
    """Return the sum of decimals as people add them: 0.1 and 0.2 are 0.3; NaN if one is.

    >>> exact_sum([0.1, 0.2])
    0.3
    """
    if any(v != v for v in values):
        return float("nan")
    return float(sum((Decimal(repr(v)) for v in values), Decimal(0)))
