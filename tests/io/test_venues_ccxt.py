"""ccxt's unified structures, as plain dictionaries of our own: contracts, positions, cash, orders, prices."""

import copy

import numpy as np
import pytest

from loadline.foundation.errors import InputError
from loadline.foundation.units import parse_time
from loadline.io.book import read_portfolio
from loadline.io.market import read_market
from loadline.io.venues.ccxt import contracts
from loadline.model.instruments import NO_EXPIRY, Kind, PayoffForm
from tests.io.made import write_json

NOW = parse_time("2026-03-02T10:00:00Z")
EXPIRY = parse_time("2026-03-27T08:00:00Z")


def structure(name, symbol, kind, settle, size, **more):
    """Return a market structure; the flags as ccxt sets them, by the currencies."""
    pair = symbol.split(":")[0]
    base, quote = pair.split("/")
    flags = {"linear": settle != base, "inverse": settle == base}
    dated = {"expiry": EXPIRY} if kind != "swap" else {"expiry": None}
    row = {"id": name, "symbol": symbol, "type": kind, "base": base, "quote": quote, "settle": settle}
    return row | flags | dated | {"contractSize": size, "strike": None, "optionType": None} | more


CALL = {"strike": 90_000.0, "optionType": "call"}
MARKETS = {
    "okx": [
        structure("BTC-USDT-SWAP", "BTC/USDT:USDT", "swap", "USDT", 0.01, info={"ctVal": "0.01", "ctMult": "1"}),
        structure("BTC-USD-SWAP", "BTC/USD:BTC", "swap", "BTC", 100.0, info={"ctVal": "100", "ctMult": "1"}),
        structure("BTC-USD-260327-90000-C", "BTC/USD:BTC-260327-90000-C", "option", "BTC", 1.0,
                  info={"ctVal": "1", "ctMult": "0.01"}, **CALL),
    ],
    "deribit": [
        structure("BTC-PERPETUAL", "BTC/USD:BTC", "swap", "BTC", 10.0, expiry=32_503_708_800_000),
        structure("BTC_USDC-PERPETUAL", "BTC/USDC:USDC", "swap", "USDC", 0.001, expiry=32_503_708_800_000),
        structure("BTC-27MAR26", "BTC/USD:BTC-260327", "future", "BTC", 10.0),
        structure("BTC-27MAR26-90000-C", "BTC/USD:BTC-260327-90000-C", "option", "BTC", 1.0, **CALL),
        structure("BTC_USDC-27MAR26-90000-C", "BTC/USDC:USDC-260327-90000-C", "option", "USDC", 0.01, **CALL),
    ],
    "bybit": [
        structure("BTCUSD", "BTC/USD:BTC", "swap", "BTC", 1.0),
        structure("BTC-27MAR26-90000-C-USDT", "BTC/USDT:USDT-260327-90000-C", "option", "USDT", 1.0, **CALL),
    ],
    "binancecoinm": [structure("ETHUSD_PERP", "ETH/USD:ETH", "swap", "ETH", 10.0)],
    "hyperliquid": [structure("3", "KPEPE/USDC:USDC", "swap", "USDC", 1.0, baseName="kPEPE")],
    "derive": [structure("BTC-PERP", "BTC/USD:USDC", "swap", "USDC", 1.0)],
    "gate": [structure("BTC_USDT", "BTC/USDT:USDT", "swap", "USDT", 0.0001)],
}  # fmt: skip


@pytest.mark.parametrize(
    ("exchange", "name", "form", "multiplier", "quote", "settle"),
    [
        ("okx", "BTC-USDT-SWAP", PayoffForm.LINEAR, 0.01, "USDT", "USDT"),
        ("okx", "BTC-USD-SWAP", PayoffForm.INVERSE, 100.0, "USD", "BTC"),
        ("okx", "BTC-USD-260327-90000-C", PayoffForm.COIN_OPTION, 0.01, "BTC", "BTC"),
        ("deribit", "BTC-PERPETUAL", PayoffForm.INVERSE, 1.0, "USD", "BTC"),
        ("deribit", "BTC_USDC-PERPETUAL", PayoffForm.LINEAR, 1.0, "USDC", "USDC"),
        ("deribit", "BTC-27MAR26", PayoffForm.INVERSE, 1.0, "USD", "BTC"),
        ("deribit", "BTC-27MAR26-90000-C", PayoffForm.COIN_OPTION, 1.0, "BTC", "BTC"),
        ("deribit", "BTC_USDC-27MAR26-90000-C", PayoffForm.CASH_OPTION, 1.0, "USDC", "USDC"),
        ("bybit", "BTCUSD", PayoffForm.INVERSE, 1.0, "USD", "BTC"),
        ("bybit", "BTC-27MAR26-90000-C-USDT", PayoffForm.CASH_OPTION, 1.0, "USDT", "USDT"),
        ("binancecoinm", "ETHUSD_PERP", PayoffForm.INVERSE, 10.0, "USD", "ETH"),
        ("hyperliquid", "kPEPE-PERP", PayoffForm.LINEAR, 1.0, "USDC", "USDC"),
        ("derive", "BTC-PERP", PayoffForm.LINEAR, 1.0, "USD", "USDC"),
        ("gate", "BTC_USDT", PayoffForm.LINEAR, 0.0001, "USDT", "USDT"),
    ],
)
def test_a_structure_is_the_contract_that_the_venues_own_reader_knows(exchange, name, form, multiplier, quote, settle):
    found, defects = contracts({"ccxt": exchange, "markets": MARKETS[exchange]}, "m.json")
    assert defects == []
    row = next(c for c in found.values() if c["id"] == name)
    assert (row["form"], row["multiplier"], row["quote"], row["settle"]) == (form, multiplier, quote, settle)
    option, dated = "90000" in name, "27MAR26" in name or "260327" in name
    assert row["kind"] == (Kind.OPTION if option else Kind.FUTURE if dated else Kind.PERPETUAL)
    assert row["expiry"] == (EXPIRY if dated else NO_EXPIRY)
    np.testing.assert_equal((row["strike"], row["right"]), (90_000.0, 1) if option else (np.nan, 0))


@pytest.mark.parametrize(
    ("exchange", "changes", "says"),
    [
        ("okx", {"settle": "ETH"}, "quanto"),
        ("okx", {"quanto": True}, "quanto"),
        ("okx", {"linear": False}, "linear is False"),
        ("okx", {"inverse": True}, "inverse True"),
        ("okx", {"info": {}}, "ctVal and ctMult"),
        ("gate", {"contractSize": None}, "no contractSize"),
        ("gate", {"type": "future", "expiry": None}, "no expiry"),
        ("gate", {"type": "option", "expiry": EXPIRY}, "strike or optionType"),
        ("binancecoinm", {"contractSize": 100.0}, "multiplier is 100.0, but the name says 10.0"),
    ],
)
def test_what_is_no_contract_of_ours_is_named(exchange, changes, says):
    found, (defect,) = contracts({"ccxt": exchange, "markets": [MARKETS[exchange][0] | changes]}, "m.json")
    assert found == {} and says in defect.what and defect.subject == MARKETS[exchange][0]["id"]


def held(symbol, side, count, **more):
    blank = {"entryPrice": 80_000.0, "markPrice": None, "notional": None, "unrealizedPnl": 0.0, "marginMode": "cross"}
    return {"symbol": symbol, "side": side, "contracts": count} | blank | more


OKX = {
    "ccxt": "okx",
    "time": NOW,
    "markets": MARKETS["okx"],
    "positions": [
        held("BTC/USDT:USDT", "short", 150.0, unrealizedPnl=12.5, markPrice=80_100.0, notional=120_150.0),
        held("BTC/USD:BTC", "long", 20.0, unrealizedPnl=-0.001),
        held("BTC/USD:BTC-260327-90000-C", "long", 200.0, unrealizedPnl=0.3),
        held("BTC/USDT:USDT", "long", 0.0),
    ],
    "balance": {"info": {"code": "0", "data": [{"details": [{"ccy": "USDT", "cashBal": "1000"}]}]},
                "USDT": {"total": 1012.5}},
    "orders": [{"symbol": "BTC/USDT:USDT", "side": "sell", "amount": 10.0, "filled": 4.0, "price": 81_000.0,
                "status": "open"},
               {"symbol": "BTC/USDT", "side": "sell", "amount": 10.0, "price": 81_000.0, "status": "open"},
               {"symbol": "BTC/USD:BTC", "side": "buy", "amount": 1.0, "price": 1.0, "status": "closed"}],
    "tickers": {"BTC/USDT:USDT": {"symbol": "BTC/USDT:USDT", "markPrice": 80_100.0, "bid": 80_099.0, "ask": 0.0,
                                  "indexPrice": 80_060.0},
                "BTC/USD:BTC": {"symbol": "BTC/USD:BTC", "markPrice": 80_000.0, "indexPrice": 80_050.0}},
    "greeks": [{"symbol": "BTC/USD:BTC-260327-90000-C", "markImpliedVolatility": 0.5, "markPrice": None,
                "underlyingPrice": None, "info": {"fwdPx": "80400"}}],
}  # fmt: skip


def test_an_account_of_okx(tmp_path):
    book, defects = read_portfolio(write_json(tmp_path / "a.json", OKX), account="a")
    assert defects == () and book.accounts.row(0)["venue"] == "okx"
    assert book.positions.instrument.tolist() == ["BTC-USDT-SWAP", "BTC-USD-SWAP", "BTC-USD-260327-90000-C"]
    assert book.positions.quantity.tolist() == [-150.0, 20.0, 200.0]
    assert book.positions.unsettled.tolist() == [12.5, -0.001, 0.0]  # an option's pnl is in its mark
    assert (book.balances.currency.tolist(), book.balances.amount.tolist()) == (["USDT"], [1000.0])  # not the equity
    assert (book.orders.quantity.tolist(), book.orders.limit.tolist()) == ([-6.0], [81_000.0])


def test_a_market_of_okx(tmp_path):
    market = read_market(write_json(tmp_path / "m.json", OKX))
    assert not market.defects and market.as_of == NOW
    row = market.instruments.index["BTC-USD-260327-90000-C"]
    assert market.instruments["BTC-USD-260327-90000-C"]["multiplier"] == 0.01
    assert (market.quotes.forward[row], market.quotes.vol[row]) == (80_400.0, 0.5)
    assert 0.0 < market.quotes.mark[row] < 0.1  # of a coin, computed from the vol
    assert np.isnan(market.quotes.ask[market.instruments.index["BTC-USDT-SWAP"]])
    assert market.index["BTC"] == 80_050.0  # in dollars goes before in a stablecoin
    assert any("computed from their vols" in note for note in market.notes)


@pytest.mark.parametrize(
    ("changes", "column"),
    [
        ({"markPrice": 80_100.0, "notional": 1_201_500.0}, "contractSize"),
        ({"side": None}, "side"),
        ({"contracts": None}, "contracts"),
        ({"unrealizedPnl": None}, "unrealizedPnl"),
        ({"symbol": "XRP/USDT:USDT"}, "symbol"),
        ({"marginMode": "isolated"}, "positionMargin"),
    ],
)
def test_a_position_that_cannot_be_trusted_blocks_its_account(tmp_path, changes, column):
    payload = OKX | {"positions": [OKX["positions"][0] | changes]}
    book, defects = read_portfolio(write_json(tmp_path / "a.json", payload), account="a")
    assert [d.column for d in defects] == [column] and np.isnan(book.positions.quantity).all()
    assert defects[0].subject == book.positions.account[0]


def test_an_isolated_position_is_an_account_of_its_own(tmp_path):
    payload = OKX | {"positions": [held("BTC/USD:BTC", "short", 7.0, marginMode="isolated", positionMargin=0.02)]}
    book, defects = read_portfolio(write_json(tmp_path / "a.json", payload), account="a")
    assert defects == () and book.positions.account.tolist() == ["a/BTC-USD-SWAP"]
    apart = book.only(["a/BTC-USD-SWAP"])
    assert (apart.balances.currency.tolist(), apart.balances.amount.tolist()) == (["BTC"], [0.02])


def test_totals_of_a_venue_without_a_reader_must_be_told(tmp_path):
    payload = {"ccxt": "gate", "balance": {"info": {}, "USDT": {"free": 1.0, "used": 1.0, "total": 2.0}, "total": {}}}
    with pytest.raises(InputError, match="wallet, or equity"):
        read_portfolio(write_json(tmp_path / "a.json", payload))
    book, defects = read_portfolio(write_json(tmp_path / "a.json", payload | {"totals": "wallet"}))
    assert defects == () and book.balances.amount.tolist() == [2.0]
    owing = copy.deepcopy(payload) | {"totals": "wallet"}
    owing["balance"]["USDT"]["debt"] = 5.0
    assert [d.column for d in read_portfolio(write_json(tmp_path / "a.json", owing))[1]] == ["debt"]


def test_derives_positions_are_read_from_their_own_rows(tmp_path):
    row = {"instrument_name": "BTC-PERP", "instrument_type": "perp", "amount": "-0.5", "average_price": "80000",
           "mark_value": "15", "unrealized_pnl": "20", "net_settlements": "5", "pending_funding": "0"}  # fmt: skip
    cash = [{"subaccount_id": 7, "collaterals": [{"asset_name": "USDC", "amount": "100"}], "positions": [row]}]
    payload = {
        "ccxt": "derive",
        "markets": MARKETS["derive"],
        "positions": [held("BTC/USD:USDC", "short", 0.5, unrealizedPnl=20.0, info=row)],
        "balance": {"info": cash, "USDC": {"total": 100.0}},
    }
    book, defects = read_portfolio(write_json(tmp_path / "a.json", payload), account="a")
    assert defects == () and book.positions.quantity.tolist() == [-0.5] and book.positions.unsettled.tolist() == [15.0]
    assert book.balances.amount.tolist() == [100.0]
    two = payload | {"balance": {"info": cash * 2}}
    with pytest.raises(InputError, match="several subaccounts"):
        read_portfolio(write_json(tmp_path / "b.json", two))


@pytest.mark.parametrize(
    ("payload", "says"),
    [
        ({"ccxt": "okx"}, "positions, balance or orders"),
        ({"ccxt": "okx", "positions": OKX["positions"]}, "without markets"),
        ({"ccxt": "okx", "balance": {"USDT": {"total": 1.0}}}, "venue's own response"),
    ],
)
def test_an_account_that_cannot_be_read_is_refused(tmp_path, payload, says):
    with pytest.raises(InputError, match=says):
        read_portfolio(write_json(tmp_path / "a.json", payload))


@pytest.mark.parametrize(
    ("changes", "says"),
    [({"time": None}, "exchange.milliseconds"), ({"tickers": {}, "greeks": []}, "no contract has a price")],
)
def test_a_market_that_cannot_be_read_is_refused(tmp_path, changes, says):
    with pytest.raises(InputError, match=says):
        read_market(write_json(tmp_path / "m.json", OKX | changes))


def test_deribits_vols_come_in_per_cent(tmp_path):
    symbol = "BTC/USD:BTC-260327-90000-C"
    greeks = {"symbol": symbol, "markImpliedVolatility": 55.0, "markPrice": 0.031, "underlyingPrice": 80_400.0}
    index = {"symbol": "BTC/USD:BTC", "markPrice": 80_010.0}
    payload = {"ccxt": "deribit", "time": NOW, "markets": MARKETS["deribit"], "greeks": [greeks], "tickers": [index]}
    market = read_market(write_json(tmp_path / "m.json", payload))
    assert not market.defects and market.quotes.vol.tolist()[1] == 0.55
    assert market.index["BTC"] == 80_010.0 and any("no ticker has an indexPrice" in note for note in market.notes)
