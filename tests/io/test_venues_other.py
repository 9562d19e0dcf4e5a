"""Binance, Hyperliquid and Paradex: what names and rows say, on rows of our own in the venues' documented shapes."""

import numpy as np
import pytest

from loadline.foundation.errors import InputError
from loadline.foundation.units import parse_time
from loadline.io.book import read_portfolio
from loadline.io.market import read_market
from loadline.io.venues.binance_market import parse_name
from loadline.io.venues.known import venue_of
from loadline.model.instruments import NO_EXPIRY, PayoffForm
from tests.io.made import write_json

NOW = parse_time("2026-03-02T10:00:00Z")


@pytest.mark.parametrize(
    ("name", "underlying", "form", "multiplier", "quote", "settle", "expiry"),
    [
        ("BTCUSDT", "BTC", PayoffForm.LINEAR, 1.0, "USDT", "USDT", None),
        ("BTCUSDT_260327", "BTC", PayoffForm.LINEAR, 1.0, "USDT", "USDT", "2026-03-27T08:00"),
        ("ETHUSDC", "ETH", PayoffForm.LINEAR, 1.0, "USDC", "USDC", None),
        ("1000SHIBUSDT", "1000SHIB", PayoffForm.LINEAR, 1.0, "USDT", "USDT", None),
        ("BTCUSD_PERP", "BTC", PayoffForm.INVERSE, 100.0, "USD", "BTC", None),
        ("ETHUSD_260327", "ETH", PayoffForm.INVERSE, 10.0, "USD", "ETH", "2026-03-27T08:00"),
    ],
)
def test_a_binance_symbol_says_what_the_contract_is(name, underlying, form, multiplier, quote, settle, expiry):
    row = parse_name(name)
    assert (row["underlying"], row["form"], row["multiplier"]) == (underlying, form, multiplier)
    assert (row["quote"], row["settle"]) == (quote, settle)
    assert row["expiry"] == (parse_time(expiry) if expiry else NO_EXPIRY)


@pytest.mark.parametrize("name", ["", "BTC", "BTCUSD", "BTCUSDT_269999", "BTCEUR", "BTCUSDT_PERPS"])
def test_anything_else_says_nothing(name):
    assert parse_name(name) is None


def cash_of(book):
    rows = zip(
        book.balances.account.tolist(), book.balances.currency.tolist(), book.balances.amount.tolist(), strict=True
    )
    return {(account, currency): amount for account, currency, amount in rows}


def test_binance_portfolio_margin(tmp_path):
    balances = [
        {"asset": "BTC", "totalWalletBalance": "0.2", "crossMarginBorrowed": "0.04", "crossMarginInterest": "0.001"},
        {"asset": "USDT", "totalWalletBalance": "6000", "crossMarginBorrowed": "0"},
    ]
    risk = [
        {"symbol": "BTCUSDT", "positionAmt": "-0.05", "entryPrice": "52000", "unRealizedProfit": "600"},
        {"symbol": "BTCUSD_PERP", "positionAmt": "100", "entryPrice": "50000", "unRealizedProfit": "-0.05"},
        {"symbol": "ETHUSDT", "positionAmt": "0", "unRealizedProfit": "0"},
    ]
    orders = [
        {"symbol": "BTCUSDT", "side": "BUY", "price": "39000", "origQty": "2", "executedQty": "0.5", "status": "NEW"}
    ]
    book, defects = read_portfolio(
        write_json(tmp_path / "p.json", risk),
        balances=write_json(tmp_path / "b.json", balances),
        orders=write_json(tmp_path / "o.json", orders),
        account="pm",
    )
    assert defects == ()
    assert cash_of(book) == {("pm", "BTC"): 0.159, ("pm", "USDT"): 6000.0}
    assert book.positions.quantity.tolist() == [-0.05, 100.0] and book.positions.unsettled.tolist() == [600.0, -0.05]
    assert (book.orders.quantity.tolist(), book.orders.limit.tolist()) == ([1.5], [39_000.0])
    premium = [
        {"symbol": "BTCUSDT", "markPrice": "40000", "indexPrice": "40010", "time": NOW},
        {"symbol": "BTCUSD_PERP", "markPrice": "39990", "indexPrice": "40005", "time": NOW},
    ]
    market = read_market(write_json(tmp_path / "m.json", premium))
    assert (
        not market.defects and market.index["BTC"] == 40_005.0
    )  # the index in dollars goes before that in a stablecoin
    assert market.instruments["BTCUSD_PERP"]["multiplier"] == 100.0


def test_an_isolated_wallet_is_taken_out_of_the_account(tmp_path):
    state = {
        "totalMaintMargin": "0",
        "assets": [{"asset": "USDT", "walletBalance": "100"}],
        "positions": [{"symbol": "ETHUSDT", "positionAmt": "1", "unrealizedProfit": "-3", "isolated": True,
                       "isolatedWallet": "25", "entryPrice": "2500"}],
    }  # fmt: skip
    book, defects = read_portfolio(write_json(tmp_path / "a.json", state), account="a")
    assert defects == () and cash_of(book) == {("a", "USDT"): 75.0, ("a/ETHUSDT", "USDT"): 25.0}
    assert book.positions.account.tolist() == ["a/ETHUSDT"]


def test_binances_own_example_is_read(shared):
    book, defects = read_portfolio(shared / "data/raw/nautilus_test_data/binance/account_info_v2.json", account="a")
    assert defects == () and len(book.positions) == 0 and cash_of(book) == {("a", "USDT"): 23.72469206}


def test_an_error_of_binance_is_refused(tmp_path):
    with pytest.raises(InputError, match="-2015"):
        read_portfolio(write_json(tmp_path / "p.json", {"code": -2015, "msg": "Invalid API-key"}))


STATE = {
    "assetPositions": [
        {"type": "oneWay", "position": {"coin": "BTC", "szi": "-0.5", "entryPx": "81000", "unrealizedPnl": "500",
                                        "leverage": {"type": "cross", "value": 10}, "marginUsed": "4000"}},
        {"type": "oneWay", "position": {"coin": "HYPE", "szi": "100", "entryPx": "40", "unrealizedPnl": "-20",
                                        "leverage": {"type": "isolated", "value": 3}, "marginUsed": "1300"}},
    ],
    "crossMarginSummary": {"accountValue": "10500"},
    "marginSummary": {"accountValue": "11800"},
    "time": NOW,
}  # fmt: skip


def test_hyperliquid(tmp_path):
    spot = {"balances": [{"coin": "HYPE", "token": 150, "total": "12.5", "hold": "0", "entryNtl": "400"}]}
    orders = [{"coin": "BTC", "side": "A", "limitPx": "90000", "sz": "0.1", "oid": 1},
              {"coin": "@107", "side": "B", "limitPx": "30", "sz": "5", "oid": 2}]  # fmt: skip
    book, defects = read_portfolio(
        write_json(tmp_path / "p.json", STATE),
        balances=write_json(tmp_path / "b.json", spot),
        orders=write_json(tmp_path / "o.json", orders),
        account="a",
    )
    assert defects == ()
    assert cash_of(book) == {("a", "USDC"): 10_000.0, ("a", "HYPE"): 12.5, ("a/HYPE-PERP", "USDC"): 1_320.0}
    assert dict(zip(book.positions.instrument.tolist(), book.positions.quantity.tolist(), strict=True)) == {
        "BTC-PERP": -0.5,
        "HYPE-PERP": 100.0,
    }
    assert book.orders.instrument.tolist() == ["BTC-PERP"] and book.orders.quantity.tolist() == [-0.1]
    prices = [{"universe": [{"name": "BTC", "maxLeverage": 40}]}, [{"markPx": "80010", "oraclePx": "80000"}]]
    path = write_json(tmp_path / "m.json", prices)
    market = read_market(path, at=NOW)
    assert market.index["BTC"] == 80_000.0 and market.instruments["BTC-PERP"]["settle"] == "USDC"
    with pytest.raises(InputError, match="no time"):
        read_market(path)


def test_paradex(tmp_path):
    rows = [
        {"market": "BTC-USD-PERP", "side": "SHORT", "size": "-0.7", "average_entry_price": "81000",
         "unrealized_pnl": "12", "status": "OPEN"},
        {"market": "BTC-USD-27MAR26-90000-C", "side": "LONG", "size": "2", "unrealized_pnl": "9", "status": "OPEN"},
        {"market": "ETH-USD-PERP", "side": "LONG", "size": "0", "unrealized_pnl": "0", "status": "CLOSED"},
    ]  # fmt: skip
    book, defects = read_portfolio(
        write_json(tmp_path / "p.json", {"results": rows}),
        balances=write_json(tmp_path / "b.json", {"results": [{"token": "USDC", "size": "1000"}]}),
        account="a",
    )
    assert defects == ()
    assert book.positions.quantity.tolist() == [-0.7, 2.0] and book.positions.unsettled.tolist() == [12.0, 0.0]
    assert cash_of(book) == {("a", "USDC"): 1000.0}
    expiry = parse_time("2026-03-27T08:00:00Z")
    markets = [{"symbol": "BTC-USD-27MAR26-90000-C", "asset_kind": "OPTION", "base_currency": "BTC",
                "strike_price": "90000", "option_type": "CALL", "expiry_at": expiry},
               {"symbol": "BTC-USD-90000-C", "asset_kind": "PERP_OPTION", "strike_price": "90000"}]  # fmt: skip
    summary = [
        {"symbol": "BTC-USD-PERP", "mark_price": "80010", "underlying_price": "80000", "created_at": NOW},
        {"symbol": "BTC-USD-27MAR26-90000-C", "mark_price": "900", "mark_iv": "0.5", "underlying_price": "80000",
         "created_at": NOW},
        {"symbol": "BTC-USD-90000-C", "mark_price": "1", "underlying_price": "80000", "created_at": NOW},
    ]  # fmt: skip
    files = [write_json(tmp_path / f"{n}.json", {"results": rows}) for n, rows in (("m", markets), ("s", summary))]
    market = read_market(files)
    assert not market.defects and market.instruments.id.tolist() == ["BTC-USD-PERP", "BTC-USD-27MAR26-90000-C"]
    call = market.instruments["BTC-USD-27MAR26-90000-C"]
    assert (call["form"], call["settle"], call["strike"]) == (PayoffForm.CASH_OPTION, "USDC", 90_000.0)
    np.testing.assert_equal(market.quotes.vol[1], 0.5)


@pytest.mark.parametrize(
    "payload", [{}, [], [1], {"data": 1}, {"balances": 3}, [{"symbol": 1}], {"results": {}}, [[], {}], "x", None]
)
def test_what_is_of_no_venue(payload):
    assert venue_of(payload) == ""
