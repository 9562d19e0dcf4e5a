"""ccxt's own parse of a response beside our reader of the response: the same book; where ccxt is installed.

The parsers of ccxt work offline. Responses are rows of our own in the venues' shapes, and published examples where they
are at hand.
"""

import json

import pytest

from loadline.io.book import read_portfolio
from loadline.io.venues.ccxt import contracts
from loadline.io.venues.known import venue_of
from tests.io.made import write_json

ccxt = pytest.importorskip("ccxt", reason="needs ccxt (pip install 'loadline[ccxt]')")
BLANK = {"lotSizeFilter": {"minOrderQty": "1"}, "priceFilter": {}, "leverageFilter": {}, "status": "Trading"}
FIELDS = ("quantity", "unsettled")


def plain(structures):
    """Return structures as a file holds them: JSON has no floats that are whole and no missing numbers."""
    return json.loads(json.dumps(structures, default=str))


def books(tmp_path, raw, unified, account="a"):
    """Return the book of a response by our reader, and that of ccxt's structures by ours."""
    assert venue_of(unified) == "ccxt"
    mine, mine_defects = read_portfolio(write_json(tmp_path / "raw.json", raw), account=account)
    theirs, defects = read_portfolio(write_json(tmp_path / "unified.json", plain(unified)), account=account)
    assert mine_defects == () and defects == ()
    return mine, theirs


def same(mine, theirs):
    """Assert that two books hold the same positions, cash and orders."""

    def rows(book):
        p, c, o = book.positions, book.balances, book.orders
        held = zip(p.account, p.instrument, *(getattr(p, f) for f in FIELDS), strict=True)
        cash, work = (
            zip(c.account, c.currency, c.amount, strict=True),
            zip(o.instrument, o.quantity, o.limit, strict=True),
        )
        return [sorted(str(tuple(map(str, row))) for row in part) for part in (held, cash, work)]

    assert rows(mine) == rows(theirs) and len(mine.positions)


def agree(exchange, markets, readers):
    """Assert that a market structure is the contract that our reader makes of the same row; return the markets."""
    found, defects = contracts({"ccxt": exchange.id, "markets": plain(markets)}, "m.json")
    assert defects == [] and found
    for made in found.values():
        row = readers(made["id"])
        for field in ("underlying", "kind", "form", "expiry", "right", "multiplier", "quote", "settle"):
            assert made[field] == row[field], (made["id"], field)
    exchange.set_markets(markets)
    return markets


def test_okx(tmp_path, shared):
    from loadline.io.venues.okx_market import Reference, referred

    folder, exchange, rows = shared / "data/raw/nautilus_test_data/okx", ccxt.okx(), []
    for kind in ("swap", "futures", "option"):
        rows += json.loads((folder / f"http_get_instruments_{kind}.json").read_text())["data"]
    named = {row["instId"]: referred(Reference.model_validate(row)) for row in rows}
    markets = agree(exchange, exchange.parse_markets(rows), named.get)
    option = next(m for m in markets if m["option"])
    assert option["contractSize"] == 1.0 and named[option["id"]]["multiplier"] == 0.01  # ccxt leaves ctMult out
    blank = {"mgnMode": "cross", "posSide": "net", "avgPx": "1", "uTime": "1772445600000", "lever": "3", "margin": ""}
    held = [
        blank | {"instId": "BTC-USD-SWAP", "instType": "SWAP", "pos": "-20", "upl": "-0.001", "notionalUsd": "2000"},
        blank | {"instId": option["id"], "instType": "OPTION", "pos": "200", "upl": "0.3", "notionalUsd": "190000"},
    ]
    raw = json.loads((folder / "http_get_positions.json").read_text())
    unified = {"ccxt": "okx", "markets": markets, "positions": exchange.parse_positions(raw["data"])}
    _, defects = read_portfolio(write_json(tmp_path / "u.json", plain(unified)))
    assert [d.column for d in defects] == ["contractSize"]  # the fixture's notional is a hundred times its contracts
    raw["data"] = [raw["data"][0] | {"notionalUsd": "50", "ccy": "USDT"}, *held]  # nor is its margin in bitcoin
    same(*books(tmp_path, raw, unified | {"positions": exchange.parse_positions(raw["data"])}))


def test_bybit(tmp_path, shared):
    from loadline.io.venues.bybit_market import parse_name

    exchange = ccxt.bybit()
    linear = {"symbol": "BTCUSDT", "contractType": "LinearPerpetual", "baseCoin": "BTC", "quoteCoin": "USDT",
              "settleCoin": "USDT"} | BLANK  # fmt: skip
    ether = linear | {"symbol": "ETHUSDT", "baseCoin": "ETH"}
    inverse = linear | {"symbol": "BTCUSD", "contractType": "InversePerpetual", "quoteCoin": "USD", "settleCoin": "BTC"}
    option = {"symbol": "BTC-27MAR26-70000-P-USDT", "optionsType": "Put", "baseCoin": "BTC", "quoteCoin": "USDT",
              "settleCoin": "USDT", "deliveryTime": "1774598400000"} | BLANK  # fmt: skip
    listed = {"linear": [linear, ether], "inverse": [inverse], "option": [option]}

    def answer(params):
        rows = [] if params.get("status") == "PreLaunch" else listed[params["category"]]
        return {"result": {"category": params["category"], "list": rows, "nextPageCursor": ""}}

    exchange.publicGetV5MarketInstrumentsInfo = answer
    markets = [m for c in ("linear", "inverse") for m in exchange.fetch_future_markets({"category": c})]
    markets = agree(exchange, markets + exchange.fetch_option_markets({"category": "option"}), parse_name)
    for name in ("bybit_docs/position_position.json", "nautilus_test_data/bybit/http_get_positions.json"):
        raw = json.loads((shared / "data/raw" / name).read_text())
        held = exchange.parse_positions(raw["result"]["list"])
        same(*books(tmp_path, raw, {"ccxt": "bybit", "markets": markets, "positions": held}))


def test_deribit(tmp_path, shared):
    from loadline.io.venues.deribit_names import parse_name

    exchange = ccxt.deribit()
    folder = shared / "data/raw/deribit"
    listed = [json.loads((folder / f"get_instruments_{c}_2021-07-22.json").read_text()) for c in ("BTC", "USDC")]
    rows = [row for answer in listed for row in (answer["result"] if isinstance(answer, dict) else answer)]
    for row in rows:  # two fields that the venue has since added
        row.setdefault("counter_currency", "USD")
        row.setdefault("settlement_currency", row["base_currency"])
    exchange.publicGetGetInstruments = lambda params=None: {"result": rows}
    exchange.publicGetGetCurrencies = lambda params=None: {"result": [{"currency": "BTC"}]}
    markets = agree(exchange, exchange.fetch_markets(), parse_name)
    assert len(markets) == 414
    option = next(m["id"] for m in markets if m["option"])
    rows = [
        {"instrument_name": "BTC-PERPETUAL", "kind": "future", "size": -5000.0, "direction": "sell", "mark_price": 8e4,
         "average_price": 8e4, "size_currency": -0.0625, "floating_profit_loss": 0.00012},
        {"instrument_name": option, "kind": "option", "size": 2.5, "direction": "buy", "average_price": 0.05,
         "size_currency": 2.5, "floating_profit_loss": 0.3},
        {"instrument_name": "UNI_USDC-PERPETUAL", "kind": "future", "size": 7.0, "direction": "buy", "mark_price": 5.0,
         "average_price": 5.1, "size_currency": 35.0, "floating_profit_loss": -0.7},
    ]  # fmt: skip
    assert exchange.parse_position(rows[0])["contracts"] * 10 == -50_000.0  # sizes are in USD already
    unified = {"ccxt": "deribit", "markets": markets, "positions": exchange.parse_positions(rows)}
    same(*books(tmp_path, {"jsonrpc": "2.0", "result": rows}, unified))
    summaries = shared / "data/raw/deribit/get_account_summaries_cross_pm_2026-02-15.json"
    answer = json.loads(summaries.read_text())
    balance = exchange.parse_balance(answer.get("result", answer))
    cash, defects = read_portfolio(write_json(tmp_path / "b.json", plain({"ccxt": "deribit", "balance": balance})))
    own, _ = read_portfolio(summaries)
    assert defects == () and cash.balances.amount.tolist() == own.balances.amount.tolist()


def test_binance(tmp_path):
    from loadline.io.venues.binance_market import parse_name

    exchange = ccxt.binance()
    coin = {"symbol": "ETHUSD_PERP", "contractType": "PERPETUAL", "deliveryDate": 4_133_404_800_000, "baseAsset": "ETH",
            "quoteAsset": "USD", "marginAsset": "ETH", "contractStatus": "TRADING", "contractSize": 10}  # fmt: skip
    cash = {"symbol": "BTCUSDT", "contractType": "PERPETUAL", "deliveryDate": 4_133_404_800_000, "baseAsset": "BTC",
            "quoteAsset": "USDT", "marginAsset": "USDT", "status": "TRADING"}  # fmt: skip
    dated = {"symbol": "BTCUSD_260327", "contractType": "CURRENT_QUARTER", "deliveryDate": 1_774_598_400_000,
             "contractStatus": "TRADING", "contractSize": 100, "baseAsset": "BTC", "quoteAsset": "USD",
             "marginAsset": "BTC"}  # fmt: skip
    markets = agree(exchange, [exchange.parse_market(row) for row in (coin, cash, dated)], parse_name)
    blank = {
        "leverage": "10",
        "entryPrice": "1",
        "marginType": "cross",
        "liquidationPrice": "0",
        "positionSide": "BOTH",
    }
    rows = [
        blank | {"symbol": "ETHUSD_PERP", "positionAmt": "-7", "markPrice": "2500", "unRealizedProfit": "0.001",
                 "notionalValue": "-0.028"},
        blank | {"symbol": "BTCUSDT", "positionAmt": "0.5", "markPrice": "80000", "unRealizedProfit": "12",
                 "notional": "40000"},
    ]  # fmt: skip
    held = [exchange.parse_position_risk(row) for row in rows]
    same(*books(tmp_path, rows, {"ccxt": "binance", "markets": markets, "positions": held}))


def test_hyperliquid(tmp_path):
    from loadline.io.venues.hyperliquid_market import _contract

    exchange = ccxt.hyperliquid()
    universe = [{"name": name, "szDecimals": 2, "maxLeverage": 10, "baseId": i, "markPx": "2", "oraclePx": "2"}
                for i, name in enumerate(("BTC", "kPEPE"))]  # fmt: skip
    markets = exchange.parse_markets(universe)
    agree(exchange, markets, lambda name: _contract(name.removesuffix("-PERP")))
    blank = {"entryPx": "2", "liquidationPx": None}
    rows = [
        {"position": blank | {"coin": "BTC", "szi": "-3", "unrealizedPnl": "5", "marginUsed": "1",
                              "positionValue": "6", "leverage": {"type": "cross", "value": 10}}},
        {"position": blank | {"coin": "kPEPE", "szi": "100", "unrealizedPnl": "-2", "marginUsed": "30",
                              "positionValue": "200", "leverage": {"type": "isolated", "value": 3}}},
    ]  # fmt: skip
    state = {"assetPositions": rows, "crossMarginSummary": {"accountValue": "105"}}
    unified = {"ccxt": "hyperliquid", "markets": markets, "positions": exchange.parse_positions(rows)}
    same(*books(tmp_path, state, unified | {"balance": {"info": state}}))


def test_derive(tmp_path):
    from loadline.io.venues.derive_market import parse_name

    exchange = ccxt.derive()
    perpetual = {"instrument_type": "perp", "instrument_name": "ETH-PERP", "base_currency": "ETH", "is_active": True,
                 "quote_currency": "USDC", "scheduled_activation": 1, "amount_step": "0.01", "tick_size": "0.1",
                 "perp_details": {"index": "ETH-USD"}}  # fmt: skip
    option = perpetual | {"instrument_type": "option", "instrument_name": "ETH-20260327-2600-C", "perp_details": None,
                          "option_details": {"expiry": 1774598400, "strike": "2600", "option_type": "C"}}  # fmt: skip
    markets = exchange.parse_markets([perpetual, option])
    found, defects = contracts({"ccxt": "derive", "markets": plain(markets)}, "m.json")
    assert defects == []
    for made in found.values():
        row = parse_name(made["id"])
        for field in ("underlying", "kind", "form", "expiry", "strike", "right", "multiplier", "settle"):
            assert str(made[field]) == str(row[field])
    exchange.set_markets(markets)
    rows = [{"instrument_type": "perp", "instrument_name": "ETH-PERP", "amount": "-2", "average_price": "2400",
             "mark_price": "2300", "mark_value": "50", "unrealized_pnl": "200", "net_settlements": "150",
             "pending_funding": "0", "initial_margin": "-1", "maintenance_margin": "-1"}]  # fmt: skip
    unified = {"ccxt": "derive", "markets": markets, "positions": exchange.parse_positions(rows)}
    assert unified["positions"][0]["unrealizedPnl"] == 200.0  # 150 of it are in the cash already
    same(*books(tmp_path, {"subaccount_id": 1, "positions": rows}, unified))
