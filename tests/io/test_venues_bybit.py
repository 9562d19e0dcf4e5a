"""Bybit's responses: what a symbol says, what an account holds; on rows of our own, and on the venue's examples."""

import json

import numpy as np
import pytest

from loadline.foundation.errors import InputError
from loadline.foundation.units import parse_time
from loadline.io.book import read_portfolio
from loadline.io.market import read_market
from loadline.io.venues.bybit_market import parse_name
from loadline.model.instruments import NO_EXPIRY, Kind, PayoffForm
from tests.io.made import write_json

OPTION, LINEAR, INVERSE = PayoffForm.CASH_OPTION, PayoffForm.LINEAR, PayoffForm.INVERSE


@pytest.mark.parametrize(
    ("name", "underlying", "kind", "form", "settle", "expiry", "strike", "right"),
    [
        ("BTCUSDT", "BTC", Kind.PERPETUAL, LINEAR, "USDT", None, np.nan, 0),
        ("1000PEPEUSDT", "1000PEPE", Kind.PERPETUAL, LINEAR, "USDT", None, np.nan, 0),
        ("BTCUSDT-26SEP25", "BTC", Kind.FUTURE, LINEAR, "USDT", "2025-09-26T08:00", np.nan, 0),
        ("ETHPERP", "ETH", Kind.PERPETUAL, LINEAR, "USDC", None, np.nan, 0),
        ("ETH-26SEP25", "ETH", Kind.FUTURE, LINEAR, "USDC", "2025-09-26T08:00", np.nan, 0),
        ("BTCUSD", "BTC", Kind.PERPETUAL, INVERSE, "BTC", None, np.nan, 0),
        ("BTCUSDZ25", "BTC", Kind.FUTURE, INVERSE, "BTC", "2025-12-26T08:00", np.nan, 0),
        ("BTCUSDH26", "BTC", Kind.FUTURE, INVERSE, "BTC", "2026-03-27T08:00", np.nan, 0),
        ("BTC-30DEC22-18000-C", "BTC", Kind.OPTION, OPTION, "USDC", "2022-12-30T08:00", 18_000.0, 1),
        ("BTC-27MAR26-70000-P-USDT", "BTC", Kind.OPTION, OPTION, "USDT", "2026-03-27T08:00", 70_000.0, -1),
    ],
)
def test_a_symbol_says_what_the_contract_is(name, underlying, kind, form, settle, expiry, strike, right):
    row = parse_name(name)
    assert (row["underlying"], row["kind"], row["form"], row["settle"]) == (underlying, kind, form, settle)
    assert row["quote"] == ("USD" if form == INVERSE else settle)
    assert (row["multiplier"], row["right"]) == (1.0, right)
    assert row["expiry"] == (parse_time(expiry) if expiry else NO_EXPIRY)
    np.testing.assert_equal(row["strike"], strike)


@pytest.mark.parametrize("name", ["", "BTC", "BTCEUR", "BTC-31FEB26", "BTC-27XXX26-1-C", "BTC-27MAR26-1-X", "btcusdt"])
def test_anything_else_says_nothing(name):
    assert parse_name(name) is None


def response(result, time=1_772_445_600_000):
    return {"retCode": 0, "retMsg": "OK", "result": result, "time": time}


def held(symbol, side, size, pnl="0", **more):
    return {"symbol": symbol, "side": side, "size": size, "avgPrice": "1", "unrealisedPnl": pnl, "tradeMode": 0} | more


def test_a_side_signs_a_size_and_a_loan_stands_beside_the_wallet(tmp_path):
    rows = [
        held("BTCUSD", "Sell", "300", "-0.0003"),
        held("ETHUSDT", "Buy", "5", "2", positionIdx=1),
        held("ETHUSDT", "Sell", "2", "-1", positionIdx=2),
        held("BTC-27MAR26-70000-P-USDT", "Sell", "1.5", "44"),
        held("SOLUSDT", "", "0"),
        held("XRPUSDT", "Buy", "7", "3", tradeMode=1, positionBalance="25"),
    ]
    coins = [{"coin": "ETH", "walletBalance": "1", "spotBorrow": "0.25"}, {"coin": "USDT", "walletBalance": "0"}]
    work = [{"orderId": "1", "symbol": "BTCUSDT", "side": "Sell", "qty": "2", "leavesQty": "0.5", "price": "9",
             "orderStatus": "PartiallyFilled"}]  # fmt: skip
    found, defects = read_portfolio(
        write_json(tmp_path / "p.json", response({"category": "linear", "list": rows})),
        balances=write_json(tmp_path / "b.json", response({"list": [{"coin": coins}]})),
        orders=write_json(tmp_path / "o.json", response({"list": work})),
        account="fund",
    )
    assert defects == ()
    fund = found.only(["fund"])
    assert fund.positions.instrument.tolist() == ["BTCUSD", "ETHUSDT", "BTC-27MAR26-70000-P-USDT"]
    assert fund.positions.quantity.tolist() == [-300.0, 3.0, -1.5]
    assert fund.positions.unsettled.tolist() == [-0.0003, 1.0, 0.0]  # an option's pnl is in its mark
    assert fund.balances.amount.tolist() == [0.75]
    assert fund.orders.quantity.tolist() == [-0.5]
    alone = found.only(["fund/XRPUSDT"])
    assert alone.positions.quantity.tolist() == [7.0]
    assert (alone.balances.currency.tolist(), alone.balances.amount.tolist()) == (["USDT"], [25.0])


def test_a_size_without_a_side_blocks_its_account(tmp_path):
    rows = [held("BTCUSDT", "", "3"), held("ETHUSDT", "Buy", "x")]
    found, defects = read_portfolio(write_json(tmp_path / "p.json", response({"category": "linear", "list": rows})))
    assert [d.column for d in defects] == ["side", "size"]
    assert np.isnan(found.positions.quantity).all()


def test_an_error_of_the_venue_is_refused(tmp_path):
    path = write_json(tmp_path / "p.json", {"retCode": 10003, "retMsg": "API key is invalid.", "result": {}})
    with pytest.raises(InputError, match="10003"):
        read_portfolio(path)


def test_tickers_give_prices_and_the_spot_market_an_index(tmp_path):
    linear = {"symbol": "BTCUSDT", "markPrice": "80100", "indexPrice": "80060", "bid1Price": "80099", "ask1Price": ""}
    option = {"symbol": "BTC-27MAR26-70000-P", "markPrice": "800", "markIv": "0.5", "underlyingPrice": "80400",
              "indexPrice": "80060"}  # fmt: skip
    files = [
        write_json(tmp_path / "linear.json", response({"category": "linear", "list": [linear]})),
        write_json(tmp_path / "option.json", response({"category": "option", "list": [option]})),
        write_json(tmp_path / "spot.json", response({"list": [{"symbol": "BTCUSDT", "usdIndexPrice": "80050"}]})),
    ]
    market = read_market(files)
    assert not market.defects and market.index["BTC"] == 80_050.0
    put = market.instruments.index["BTC-27MAR26-70000-P"]
    assert (market.quotes.mark[put], market.quotes.vol[put], market.quotes.forward[put]) == (800.0, 0.5, 80_400.0)
    assert market.instruments["BTCUSDT"]["kind"] == Kind.PERPETUAL
    assert np.isnan(market.quotes.ask[market.instruments.index["BTCUSDT"]])


def test_the_venues_own_examples_are_read(shared, tmp_path):
    docs, fixtures = shared / "data/raw/bybit_docs", shared / "data/raw/nautilus_test_data/bybit"
    inverse, defects = read_portfolio(docs / "position_position.json")
    assert inverse.positions.quantity.tolist() == [-300.0] and defects == ()
    linear, defects = read_portfolio(fixtures / "http_get_positions.json")
    assert linear.positions.quantity.tolist() == [0.5, -5.0] and defects == ()
    stream, _ = read_portfolio(fixtures / "ws_account_position.json")
    assert stream.positions.entry.tolist() == [3641.075]
    wallet, _ = read_portfolio(fixtures / "http_get_wallet_balance_spot_short.json")
    assert dict(zip(wallet.balances.currency.tolist(), wallet.balances.amount.tolist(), strict=True)) == {
        "ETH": -0.06142,
        "USDT": 2500.0,
    }
    for path in (docs / "websocket_private_wallet.json", fixtures / "ws_account_wallet.json"):
        assert read_portfolio(path)[1] == ()
    for n, part in enumerate(json.loads((docs / "market_tickers.json").read_text())[:2]):
        market = read_market(write_json(tmp_path / f"{n}.json", part))
        assert not market.defects and len(market.instruments) == 1
    listed = json.loads((docs / "market_instrument.json").read_text())
    ticker = {"symbol": "BTC-27MAR26-70000-P-USDT", "markPrice": "1", "underlyingPrice": "8e4", "markIv": "1"}
    chain = read_market(
        [write_json(tmp_path / "i.json", listed[2]), write_json(tmp_path / "t.json", response({"list": [ticker]}))]
    )
    assert chain.instruments["BTC-27MAR26-70000-P-USDT"]["settle"] == "USDT"
