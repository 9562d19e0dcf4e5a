"""Markets and files of our own numbers, small enough to check by hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from loadline.foundation.units import MS_PER_YEAR, parse_time
from loadline.io.venues.deribit_names import option_name, parse_name
from loadline.kernels.black76 import value1
from loadline.model.instruments import NO_EXPIRY, Instruments, Kind, PayoffForm
from loadline.model.market import Market, Quotes

T0 = parse_time("2026-03-02T10:00:00Z")
NEAR = parse_time("2026-03-27T08:00:00Z")
FAR = parse_time("2026-06-26T08:00:00Z")
FORWARDS = {("BTC", NEAR): 80_400.0, ("BTC", FAR): 81_200.0, ("ETH", NEAR): 2_512.5, ("ETH", FAR): 2_540.0}
STRIKES = {"BTC": (60_000.0, 80_000.0, 100_000.0), "ETH": (2_000.0, 2_500.0, 3_000.0)}
INDEX = {"BTC": 80_000.0, "ETH": 2_500.0}


def coin_mark(forward: float, strike: float, vol: float, tau: float, right: int) -> float:
    """Return the coin price of an option."""
    row = (np.array([x]) for x in (forward, strike, vol, tau, float(right)))
    return float(value1(*row)[0]) / forward


def chain_rows(currency: str = "BTC", ts: int = T0) -> list[dict[str, Any]]:
    """Return one snapshot of a chain: two expiries, three strikes, calls and puts."""
    rows = []
    for expiry in (NEAR, FAR):
        for n, strike in enumerate(STRIKES[currency]):
            for right in (1, -1):
                forward, vol = FORWARDS[currency, expiry], 0.55 + 0.05 * n
                mark = round(coin_mark(forward, strike, vol, (expiry - ts) / MS_PER_YEAR, right), 6)
                rows.append(
                    {
                        "ts": ts,
                        "currency": currency,
                        "instrument": option_name(currency, expiry, strike, right),
                        "expiry": expiry,
                        "strike": strike,
                        "cp": "C" if right > 0 else "P",
                        "bid": round(mark * 0.98, 4),
                        "ask": round(mark * 1.02 + 0.0005, 4),
                        "mark": mark,
                        "mark_iv": vol,
                        "forward": forward,
                        "index": INDEX[currency],
                    }
                )
    return rows


def chain_frame(rows: list[dict[str, Any]]) -> pl.DataFrame:
    """Return chain rows with the column types of a Parquet chain."""
    frame = pl.DataFrame(rows, infer_schema_length=None)
    times = [pl.col(c).cast(pl.Datetime("ms", "UTC")) for c in ("ts", "expiry") if c in frame.columns]
    return frame.with_columns(times)


def write_chain(path: Path, rows: list[dict[str, Any]] | None = None) -> Path:
    """Write a Parquet chain."""
    chain_frame(chain_rows() if rows is None else rows).write_parquet(path)
    return path


def write_json(path: Path, content: Any) -> Path:
    """Write JSON."""
    path.write_text(json.dumps(content))
    return path


def write_text(path: Path, *lines: str) -> Path:
    """Write lines."""
    path.write_text("\n".join(lines) + "\n")
    return path


def market() -> Market:
    """Return a snapshot with every payoff form, two underlyings, a confidence, a rate and a settlement average."""
    names = ["BTC-27MAR26-80000-C", "ETH_USDC-27MAR26-2500-P", "BTC-26JUN26", "BTC-PERPETUAL", "ETH_USDC-PERPETUAL"]
    rows = [parse_name(name) for name in names]
    spot = {
        "id": "SOL",
        "underlying": "SOL",
        "kind": Kind.SPOT,
        "form": PayoffForm.SPOT,
        "expiry": NO_EXPIRY,
        "strike": np.nan,
        "right": 0,
        "multiplier": 1.0,
        "quote": "USD",
        "settle": "USD",
        "upfront": True,
    }
    nan = np.nan
    quotes = Quotes.of(
        np.array([80_400.0, 2_512.5, 81_200.0, 80_011.5, 2_501.0, 141.3]),
        vol=np.array([0.6, 0.71, nan, nan, nan, nan]),
        mark=np.array([0.0571, 150.1 / 3, 81_200.0, 80_011.5, 2_501.0, 141.3]),
        bid=np.array([0.0565, nan, 81_190.0, nan, 2_500.9, nan]),
        ask=np.array([0.0575, nan, 81_210.5, nan, 2_501.1, nan]),
        rate=np.array([0.031, 0.0, nan, nan, nan, nan]),
        fixed=np.array([nan, 12.25, nan, nan, nan, nan]),
        confidence=np.array([1.0, 0.9, 1.0, 1.0, 1.0, 0.1 + 0.2]),
    )
    return Market(
        as_of=T0 + 250,
        instruments=Instruments.from_rows([r for r in rows if r is not None] + [spot]),
        quotes=quotes,
        index={**INDEX, "SOL": 141.3},
        fx={"USDC": 0.9997, "USDT": 1.0001},
        index_confidence={"BTC": 0.95},
        notes=("made by hand",),
    )
