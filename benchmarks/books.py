"""From unsorted columns to a book: sorting, groups of every level, offsets; beside a group-by of the same columns."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import polars as pl

from benchmarks.nets import matrix
from benchmarks.venue_data import held
from benchmarks.work import Need, Rival, Work, beats
from loadline.tape.frame import LEVELS, Frame

KEY, ROW = 8, 24
"""Bytes of a sorting key, and of a row: account, instrument, quantity."""


def building(accounts: int) -> list[Work]:
    """Every row of this file."""
    book, listed = held(accounts), matrix()[0]
    mixed = np.random.default_rng(2).permutation(len(book.account))
    account, item, quantity = (x[mixed] for x in (book.account, book.instrument, book.quantity))
    table = pl.DataFrame({"account": account, "item": item, "quantity": quantity})

    def ours(_: int) -> None:
        frame = Frame(listed, account, item, range(accounts))
        frame.columns["position", "quantity"] = quantity[frame.order]
        for fine, coarse in pairwise(LEVELS):
            frame.starts(fine, coarse)

    def groups() -> pl.DataFrame:
        return table.group_by(["account", "item"]).agg(pl.col("quantity").sum())

    def ordered() -> pl.DataFrame:
        """What a book needs at the least: its rows in order of account and instrument."""
        return table.sort(["account", "item"])

    rivals = (
        Rival("polars group_by, sum", groups, accounts, "hashes; its groups come in no order; threads of its own"),
        Rival("polars sort of the same columns", ordered, accounts, "threads of its own"),
    )
    legs = len(account) / accounts
    least = Need(0.0, 0.0, legs * 2.0 * (ROW + KEY), float(len(account) * ROW), 0.0)
    aims = (beats("polars group_by", 1.0, "not slower than polars group_by"),)
    title = "build the book from unsorted columns"
    return [Work("book", title, "account", accounts, ours, rivals, aims, least, spreads=False)]
