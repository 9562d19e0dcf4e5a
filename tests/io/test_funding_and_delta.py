"""Funding rates over eight hours and venues' own deltas: from each venue's rows to one unit, kept, moved, checked."""

from typing import Any

import numpy as np
import pytest

from loadline.foundation.errors import Reason
from loadline.foundation.table import content_hash
from loadline.foundation.units import parse_time
from loadline.io.market import read_market
from loadline.io.snapshot_writer import write_market
from loadline.model.market import LATER, Market, Quotes
from loadline.model.shift import shift_market
from tests.io.made import market, write_json

NOW = parse_time("2026-03-02T10:00:00Z")
EXPIRY = parse_time("2026-03-27T08:00:00Z")
DERIBIT = [
    {"instrument_name": "BTC-PERPETUAL", "mark_price": 8e4, "estimated_delivery_price": 8e4, "funding_8h": 3e-5,
     "creation_timestamp": NOW},
    {"instrument_name": "BTC-27MAR26", "mark_price": 8.1e4, "estimated_delivery_price": 8e4, "creation_timestamp": NOW},
]  # fmt: skip
BYBIT = [{"symbol": "BTCUSDT", "markPrice": "80100", "indexPrice": "80000", "fundingRate": "0.0001",
          "fundingIntervalHour": "4"}]  # fmt: skip
BYBIT_OPTION = [{"symbol": "BTC-27MAR26-70000-P", "markPrice": "800", "markIv": "0.5", "underlyingPrice": "80400",
                 "indexPrice": "80060", "delta": "-0.25"}]  # fmt: skip
SWAP = {"instId": "BTC-USDT-SWAP", "instType": "SWAP", "uly": "BTC-USDT", "ctVal": "0.01", "ctMult": "1",
        "ctValCcy": "BTC", "settleCcy": "USDT", "ctType": "linear"}  # fmt: skip
OPTION = {"instId": "BTC-USD-260327-90000-C", "instType": "OPTION", "uly": "BTC-USD", "ctVal": "1", "ctMult": "0.01",
          "ctValCcy": "BTC", "settleCcy": "BTC", "expTime": str(EXPIRY), "stk": "90000", "optType": "C"}  # fmt: skip
OKX = [
    [SWAP, OPTION],
    [{"instId": "BTC-USDT-SWAP", "markPx": "80100", "ts": str(NOW)}],
    [{"instId": "BTC-USDT-SWAP", "fundingRate": "0.00005", "fundingTime": str(NOW), "nextFundingTime":
      str(NOW + 2 * 3_600_000), "ts": str(NOW)}],
    [{"instId": OPTION["instId"], "markVol": "0.5", "fwdPx": "80400", "delta": "0.19", "deltaBS": "0.21",
      "ts": str(NOW)}],
]  # fmt: skip
PARADEX = [
    [{"symbol": "BTC-USD-PERP", "asset_kind": "PERP", "base_currency": "BTC", "funding_period_hours": 4}],
    [{"symbol": "BTC-USD-PERP", "mark_price": "80010", "underlying_price": "80000", "created_at": NOW,
      "funding_rate": "-0.0002", "delta": "0.9993"}],
]  # fmt: skip
TICKERS = {
    "ETH-PERP": {"t": NOW, "I": "2500", "M": "2510", "f": "0.0000125"},
    "ETH-20260327-2600-C": {"t": NOW, "I": "2500", "M": "100", "f": None,
                            "option_pricing": {"i": "0.65", "f": "2520", "df": "1", "d": "0.41"}},
}  # fmt: skip
LONG = {"instrument_name": "ETH-PERP", "instrument_type": "perp", "mark_price": "2510", "index_price": "2500",
        "timestamp": NOW, "perp_details": {"funding_rate": "0.0000125"}}  # fmt: skip
STRUCTURE = {"id": "BTC_USDT", "symbol": "BTC/USDT:USDT", "type": "swap", "base": "BTC", "quote": "USDT",
             "settle": "USDT", "contractSize": 0.0001}  # fmt: skip
CCXT = {"ccxt": "gate", "time": NOW, "markets": [STRUCTURE],
        "tickers": [{"symbol": "BTC/USDT:USDT", "markPrice": 80_000.0}],
        "funding": [{"symbol": "BTC/USDT:USDT", "fundingRate": 0.0001, "interval": "1h"}]}  # fmt: skip
HYPERLIQUID = [{"universe": [{"name": "BTC"}]}, [{"markPx": "80010", "oraclePx": "8e4", "funding": "0.0000125"}]]


def responses(venue: str) -> list[Any]:
    """Return a venue's public responses."""
    return {
        "deribit": [{"jsonrpc": "2.0", "result": DERIBIT}],
        "bybit": [{"retCode": 0, "result": {"list": r}, "time": NOW} for r in (BYBIT, BYBIT_OPTION)],
        "okx": [{"code": "0", "data": rows} for rows in OKX],
        "paradex": [{"results": rows} for rows in PARADEX],
        "derive": [{"result": {"tickers": TICKERS}}],
        "derive long": [{"result": LONG}],
        "hyperliquid": [HYPERLIQUID],
        "ccxt": [CCXT],
        "ccxt silent": [CCXT | {"funding": [CCXT["funding"][0] | {"interval": None}]}],
        "binance": [[{"symbol": "BTCUSDT", "markPrice": "8e4", "indexPrice": "8e4", "time": NOW,
                      "lastFundingRate": "0.0001"}]],
    }[venue]  # fmt: skip


@pytest.mark.parametrize(
    ("venue", "funding", "delta"),
    [
        ("deribit", {"BTC-PERPETUAL": 3e-5}, {}),
        ("bybit", {"BTCUSDT": 2e-4}, {"BTC-27MAR26-70000-P": -0.25}),
        ("okx", {"BTC-USDT-SWAP": 2e-4}, {"BTC-USD-260327-90000-C": 0.21}),
        ("paradex", {"BTC-USD-PERP": -4e-4}, {"BTC-USD-PERP": 0.9993}),
        ("derive", {"ETH-PERP": 1e-4}, {"ETH-20260327-2600-C": 0.41}),
        ("derive long", {"ETH-PERP": 1e-4}, {}),
        ("hyperliquid", {"BTC-PERP": 1e-4}, {}),
        ("ccxt", {"BTC_USDT": 8e-4}, {}),
        ("ccxt silent", {}, {}),  # over which time is not said: none
        ("binance", {}, {}),
    ],
)
def test_rows_of_a_venue_become_one_unit(tmp_path, venue, funding, delta):
    files = [write_json(tmp_path / f"{n}.json", content) for n, content in enumerate(responses(venue))]
    found = read_market(files, at=NOW)
    assert not found.defects
    for column, wanted in (("funding", funding), ("delta", delta)):
        values = dict(zip(found.instruments.id.tolist(), getattr(found.quotes, column).tolist(), strict=True))
        assert {name: x for name, x in values.items() if x == x} == pytest.approx(wanted, rel=1e-12)


def told(**columns: float) -> Market:
    """Return the made market with a funding rate of its first perpetual and a delta of its first option."""
    made = market()
    rows = {"funding": made.instruments.index["BTC-PERPETUAL"], "delta": made.instruments.index["BTC-27MAR26-80000-C"]}
    changes = {}
    for column, value in columns.items():
        changes[column] = np.full(len(made.instruments), np.nan)
        changes[column][rows[column]] = value
    return made.replace(quotes=made.quotes.replace(**changes))


@pytest.mark.parametrize("suffix", ["json", "parquet"])
def test_a_snapshot_keeps_them(tmp_path, suffix):
    whole = told(funding=-2e-4, delta=0.61)
    write_market(whole, tmp_path / f"m.{suffix}")
    found = read_market(tmp_path / f"m.{suffix}")
    assert found.identity == whole.identity != market().identity
    np.testing.assert_array_equal(found.quotes.funding, whole.quotes.funding)


def test_where_none_is_given_the_identity_is_the_old_one():
    quotes = market().quotes
    old = [c for c in Quotes.columns() if c not in LATER]
    assert quotes.identity == content_hash("Quotes", *(getattr(quotes, c) for c in old))
    both = [told(funding=0.1).quotes.identity, told(delta=0.1).quotes.identity]
    assert len({quotes.identity, *both}) == 3


def test_a_moved_market_has_its_funding_but_not_its_delta():
    moved = shift_market(told(funding=-2e-4, delta=0.61), 0.05, 0.0, underlyings=["BTC"])
    assert np.nanmin(moved.quotes.funding) == -2e-4 and np.isnan(moved.quotes.delta).all()
    still = shift_market(told(delta=0.61), 0.05, 0.0, underlyings=["ETH"])
    assert np.nanmax(still.quotes.delta) == 0.61


@pytest.mark.parametrize(("column", "value"), [("funding", 1.0), ("delta", -61.0)])
def test_absurd_ones_are_defects_and_go(tmp_path, column, value):
    write_market(told(**{column: value}), tmp_path / "m.json")
    found = read_market(tmp_path / "m.json")
    assert [(d.reason, d.column) for d in found.defects] == [(Reason.ABSURD, column)]
    assert np.isnan(getattr(found.quotes, column)).all()
