"""Hyperliquid's ``metaAndAssetCtxs``: one list of coins and one of their prices, side by side.

The response says no time: it is taken at the time asked for. Perpetuals are linear, of one coin, and pay USDC.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from loadline.foundation.errors import Defect, Reason
from loadline.io.codec import refusal
from loadline.io.piece import Piece, over_eight_hours
from loadline.io.venues.deribit_names import Contract
from loadline.io.venues.hyperliquid import perpetual
from loadline.io.venues.statement import Given, Row, Statement, contract_of, rows_of
from loadline.model.instruments import Instruments, Kind, PayoffForm
from loadline.model.market import Quotes


class Coin(Row):
    """One coin of the universe with its context."""

    name: str
    mark_px: Given = None
    oracle_px: Given = None
    funding: Given = None


def _given(x: float | None) -> float:
    return np.nan if x is None else x


def _contract(coin: str) -> Contract:
    name, kind, form = perpetual(coin), Kind.PERPETUAL, PayoffForm.LINEAR
    return contract_of(name, coin, kind, form, multiplier=1.0, quote="USDC", settle="USDC")


def read_market(payloads: Sequence[tuple[Any, str]], at: int | None = None) -> Piece:
    """Return the piece of one response; raises ``InputError`` where it has no prices, or several are given."""
    (payload, file), *others = payloads
    meta, contexts = payload if isinstance(payload, list) and len(payload) == 2 else (None, None)
    pairs = zip(rows_of(meta, "universe"), contexts if isinstance(contexts, list) else [], strict=False)
    rows = [m | c for m, c in pairs if isinstance(m, dict) and isinstance(c, dict)]
    s = Statement("hyperliquid", file, "")
    good = [(i, row) for i, row, _ in s.parsed(Coin, rows, "name") if row is not None and row.mark_px is not None]
    if others or not good or at is None:
        what = "several responses" if others else "the response says no time" if good else "no prices"
        raise refusal(Defect(Reason.MISSING_DATA, what, "give one metaAndAssetCtxs, and its time (--at)", file))
    instruments = Instruments.from_rows(_contract(row.name) for _, row in good)
    mark = np.array([row.mark_px for _, row in good], np.float64)
    return Piece(
        file=file,
        as_of=at,
        instruments=instruments,
        quotes=Quotes.of(
            mark, mark=mark, funding=over_eight_hours(np.array([_given(row.funding) for _, row in good]), 1.0)
        ),
        times=np.zeros(len(good), np.int64),
        rows=np.array([i for i, _ in good], np.int64),
        index={row.name: row.oracle_px for _, row in good if row.oracle_px is not None},
        defects=tuple(s.of_instruments()),
        notes=(f"{file}: taken at the time asked for, the response says none",),
    )
