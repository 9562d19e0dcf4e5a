"""A column of rows into numbers at once, by the rules of ``numbers.number``; cell by cell only where in doubt."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import polars as pl

from loadline.foundation.table import Bools, Floats
from loadline.io.numbers import BadCell, number

SHORT = 15
"""Digits that a 64-bit float always holds exactly."""
EXACT = 2**53
"""Whole numbers up to which a 64-bit float holds every one."""


@dataclass(frozen=True, eq=False)
class Cells:
    """N cells: ``values`` (N,) with NaN where there is none, ``blank`` and ``bad`` (N,); ``why(i)`` for a bad cell."""

    values: Floats
    blank: Bools
    bad: Bools
    why: Callable[[int], str]


def numbers(column: pl.Series) -> Cells:
    """Return a column of texts or numbers as floats that hold every digit of it.

    >>> found = numbers(pl.Series(["1.5", "", "1,000", "1e-3"]))
    >>> found.values.tolist(), found.blank.tolist(), found.why(2)
    ([1.5, nan, nan, 0.001], [False, True, False, False], "'1,000' is not a plain decimal number")
    """
    if column.dtype.is_float() or column.dtype.is_integer():
        return _of_numbers(column)
    return _of_texts(column if column.dtype == pl.String else column.cast(pl.String))


def can_be_numbers(kind: pl.DataType) -> bool:
    """Return whether a column of a file can hold numbers: as such, or written as text."""
    return kind.is_numeric() or kind in (pl.String, pl.Null)


def _of_numbers(column: pl.Series) -> Cells:
    values: Floats = column.cast(pl.Float64).fill_null(float("nan")).to_numpy().copy()
    blank = column.is_null().to_numpy()
    doubtful = ~np.isfinite(values) & ~blank
    if column.dtype.is_integer():
        doubtful |= np.abs(values) > EXACT
    return _settled(column, values, blank, doubtful)


def _of_texts(column: pl.Series) -> Cells:
    texts = column.fill_null("")
    read = texts.cast(pl.Float64, strict=False)
    sure = (texts.str.len_bytes() <= SHORT) | (read.cast(pl.String) == texts)
    sure &= (read != 0) | ~texts.str.contains("[1-9]")  # an underflow is no zero
    values: Floats = read.fill_null(float("nan")).to_numpy().copy()
    sure_here = sure.fill_null(value=False).to_numpy() & np.isfinite(values)
    blank = (texts == "").to_numpy().copy()
    return _settled(column, values, blank, ~sure_here & ~blank)


def _settled(column: pl.Series, values: Floats, blank: Bools, doubtful: Bools) -> Cells:
    """The cells, those in doubt read one by one."""
    bad = np.zeros(len(column), np.bool_)
    for i in np.flatnonzero(doubtful).tolist():
        cell = column[i]
        if isinstance(cell, str) and not cell.strip():
            blank[i], values[i] = True, np.nan
            continue
        try:
            values[i] = number(cell, exact=True)
        except BadCell:
            bad[i], values[i] = True, np.nan

    def why(i: int) -> str:
        try:
            number(column[i], exact=True)
        except BadCell as error:
            return str(error)
        raise ValueError(f"cell {i} is good")

    return Cells(values, blank, bad, why)
