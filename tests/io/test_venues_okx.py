"""OKX's responses: what a contract is of, what an account holds; on rows of our own, and on the venue's examples."""

import json
import math

import pytest

from loadline.engine.engine import margin
from loadline.foundation.errors import InputError
from loadline.foundation.units import parse_time
from loadline.io.book import read_portfolio
from loadline.io.market import read_market
from loadline.model.instruments import Kind, PayoffForm
from tests.io.made import write_json

EXPIRY = parse_time("2026-03-27T08:00:00Z")
NOW = parse_time("2026-03-02T10:00:00Z")


def reference(name, kind, uly, value, currency, settle, **more):
    row = {"instId": name, "instType": kind, "uly": uly, "ctVal": value, "ctMult": "1", "ctValCcy": currency}
    blank = {"ctType": "", "expTime": "", "stk": "", "optType": ""}
    return blank | row | {"settleCcy": settle} | more


REFERENCES = [
    reference("BTC-USDT-SWAP", "SWAP", "BTC-USDT", "0.01", "BTC", "USDT", ctType="linear"),
    reference("BTC-USDC-SWAP", "SWAP", "BTC-USDC", "0.0001", "BTC", "USDC", ctType="linear"),
    reference("BTC-USD-SWAP", "SWAP", "BTC-USD", "100", "USD", "BTC", ctType="inverse"),
    reference("ETH-USD-SWAP", "SWAP", "ETH-USD", "10", "USD", "ETH", ctType="inverse"),
    reference("BTC-USD-260327", "FUTURES", "BTC-USD", "100", "USD", "BTC", ctType="inverse", expTime=str(EXPIRY)),
    reference("BTC-USD-260327-90000-C", "OPTION", "BTC-USD", "1", "BTC", "BTC", ctMult="0.01", expTime=str(EXPIRY),
              stk="90000", optType="C"),
]  # fmt: skip
PRICES = [
    {"instId": "BTC-USDT-SWAP", "markPx": "80100", "ts": str(NOW)},
    {"instId": "BTC-USDC-SWAP", "markPx": "80090", "ts": str(NOW)},
    {"instId": "BTC-USD-SWAP", "markPx": "80000", "ts": str(NOW)},
    {"instId": "ETH-USD-SWAP", "markPx": "2500", "ts": str(NOW)},
    {"instId": "BTC-USD-260327", "markPx": "80400", "ts": str(NOW)},
]
SUMMARY = [{"instId": "BTC-USD-260327-90000-C", "markVol": "0.5", "fwdPx": "80400", "ts": str(NOW)}]
INDEX = [{"instId": "BTC-USD", "idxPx": "80050", "ts": str(NOW)}, {"instId": "USDT-USD", "idxPx": "0.999"}]


def response(rows):
    return {"code": "0", "msg": "", "data": rows}


def market_of(tmp_path, *groups):
    files = [write_json(tmp_path / f"{n}.json", response(rows)) for n, rows in enumerate(groups)]
    return read_market(files)


@pytest.fixture
def market(tmp_path):
    return market_of(tmp_path, REFERENCES, PRICES, SUMMARY, INDEX)


@pytest.mark.parametrize(
    ("name", "kind", "form", "multiplier", "quote", "settle"),
    [
        ("BTC-USDT-SWAP", Kind.PERPETUAL, PayoffForm.LINEAR, 0.01, "USDT", "USDT"),
        ("BTC-USDC-SWAP", Kind.PERPETUAL, PayoffForm.LINEAR, 0.0001, "USDC", "USDC"),
        ("BTC-USD-SWAP", Kind.PERPETUAL, PayoffForm.INVERSE, 100.0, "USD", "BTC"),
        ("ETH-USD-SWAP", Kind.PERPETUAL, PayoffForm.INVERSE, 10.0, "USD", "ETH"),
        ("BTC-USD-260327", Kind.FUTURE, PayoffForm.INVERSE, 100.0, "USD", "BTC"),
        ("BTC-USD-260327-90000-C", Kind.OPTION, PayoffForm.COIN_OPTION, 0.01, "BTC", "BTC"),
    ],
)
def test_a_contract_is_of_what_its_reference_says(market, name, kind, form, multiplier, quote, settle):
    row = market.instruments[name]
    assert (row["kind"], row["form"], row["multiplier"]) == (kind, form, multiplier)
    assert (row["quote"], row["settle"]) == (quote, settle)
    assert row["underlying"] == name.split("-")[0]


def test_prices_stand_where_they_belong(market):
    assert not market.defects
    assert market.index["BTC"] == 80_050.0
    assert market.index["ETH"] == 2_500.0  # no index-tickers: its perpetual's mark, and a note says so
    assert any("ETH" in note and "no index-tickers" in note for note in market.notes)
    assert market.price("USDT") == 0.999
    row = market.instruments.index["BTC-USD-260327-90000-C"]
    assert 0.0 < market.quotes.mark[row] < 0.1 and market.quotes.forward[row] == 80_400.0
    assert any("computed from their vols" in note for note in market.notes)


def test_a_contract_measured_in_a_third_currency_is_refused(tmp_path):
    quanto = reference("BTC-USD_Q-SWAP", "SWAP", "BTC-USD", "1", "XAU", "USDT", ctType="linear")
    wrong = reference("BTC-USDT-X", "SWAP", "BTC-USDT", "100", "USD", "USDT", ctType="linear")
    found = market_of(tmp_path, [*REFERENCES, quanto, wrong], PRICES)
    assert "BTC-USD_Q-SWAP" not in found.instruments
    assert {d.subject for d in found.defects} == {"BTC-USD_Q-SWAP", "BTC-USDT-X"}


def test_prices_without_reference_data_are_refused(tmp_path):
    with pytest.raises(InputError, match="no reference data"):
        market_of(tmp_path, PRICES)


def held(name, pos, side="net", **more):
    kind = "OPTION" if name.endswith(("-C", "-P")) else "SWAP"
    row = {"instId": name, "instType": kind, "pos": pos, "posSide": side, "mgnMode": "cross", "avgPx": "", "upl": "0"}
    return row | more


def test_positions_are_contracts_with_their_sign(tmp_path, market):
    rows = [
        held("BTC-USDT-SWAP", "-150", upl="12.5", avgPx="80000"),
        held("BTC-USD-SWAP", "30", "long"),
        held("BTC-USD-SWAP", "50", "short"),
        held("BTC-USD-260327-90000-C", "-200", upl="0.3"),
        held("ETH-USD-SWAP", "0"),
        held("ETH-USD-SWAP", "7", "short", mgnMode="isolated", margin="0.02", ccy="ETH", upl="0.001"),
    ]
    book = write_json(tmp_path / "positions.json", response(rows))
    cash = response([{"details": [{"ccy": "USDT", "cashBal": "1000"}, {"ccy": "BTC", "cashBal": "-0.5"}]}])
    work = [
        {"instId": "BTC-USDT-SWAP", "side": "sell", "sz": "10", "accFillSz": "4", "px": "81000", "state": "live"},
        {"instId": "BTC-USDT-SWAP", "side": "buy", "sz": "10", "accFillSz": "10", "px": "", "state": "filled"},
    ]
    found, defects = read_portfolio(
        book,
        balances=write_json(tmp_path / "balance.json", cash),
        orders=write_json(tmp_path / "orders.json", response(work)),
        account="fund",
    )
    assert defects == ()
    fund = found.only(["fund"])
    assert dict(zip(fund.positions.instrument.tolist(), fund.positions.quantity.tolist(), strict=True)) == {
        "BTC-USDT-SWAP": -150.0,
        "BTC-USD-SWAP": -20.0,
        "BTC-USD-260327-90000-C": -200.0,
    }
    assert fund.positions.unsettled.tolist() == [12.5, 0.0, 0.0]
    assert sorted(zip(fund.balances.currency.tolist(), fund.balances.amount.tolist(), strict=True)) == [
        ("BTC", -0.5),
        ("USDT", 1000.0),
    ]
    assert fund.orders.quantity.tolist() == [-6.0] and fund.orders.limit.tolist() == [81_000.0]
    alone = found.only(["fund/ETH-USD-SWAP"])
    assert alone.positions.quantity.tolist() == [-7.0] and alone.balances.amount.tolist() == [0.02]
    # 150 contracts of 0.01 BTC are 1.5 BTC, 20 of 100 USD are 2,000 USD, 200 of 0.01 are 2 options
    answer = margin(found.only(["fund"]), market, "isolated")
    value = market.quotes.mark[market.instruments.index["BTC-USD-260327-90000-C"]]
    usd = 12.5 * 0.999 + 1000 * 0.999 - 0.5 * 80_050 - 2 * value * 80_050
    assert answer.equity == pytest.approx(usd, rel=1e-12)


def test_rows_that_cannot_be_read_block_their_account(tmp_path):
    rows = [held("BTC-USDT-SWAP", "many"), held("BTC-USD-SWAP", "1", upl="")]
    found, defects = read_portfolio(write_json(tmp_path / "p.json", response(rows)), account="fund")
    assert {(d.column, d.subject) for d in defects} == {("pos", "fund"), ("upl", "fund")}
    assert math.isnan(found.positions.quantity[0]) and math.isnan(found.positions.unsettled[1])


def test_an_error_of_the_venue_is_refused(tmp_path):
    with pytest.raises(InputError, match="50111"):
        read_portfolio(write_json(tmp_path / "p.json", {"code": "50111", "data": [], "msg": "Invalid key"}))
    with pytest.raises(InputError, match="neither"):
        read_portfolio(write_json(tmp_path / "q.json", response([{"atRisk": False}])))


def test_the_venues_own_examples_are_read(shared, tmp_path):
    docs, fixtures = shared / "data/raw/okx_docs", shared / "data/raw/nautilus_test_data/okx"
    found, defects = read_portfolio(docs / "get_positions.json", balances=docs / "get_balance.json", account="a")
    assert defects == () and len(found.positions) == 0  # an isolated margin loan: the coin bought and the coin owed
    owned = dict(
        zip(zip(found.balances.account, found.balances.currency, strict=True), found.balances.amount, strict=True)
    )
    assert owned["a", "USDT"] == 4850.435693622894
    assert owned["a/BTC-USDT", "BTC"] == 0.00190433573
    assert owned["a/BTC-USDT", "USDT"] == -99.9998177776581948
    snapshot, _ = read_portfolio(docs / "balance_and_position_channel.json")
    assert snapshot.positions.quantity.tolist() == [10.0] and snapshot.balances.amount.tolist() == [1.0]
    for name in ("ws_account.json", "http_get_account_balance.json"):
        wallets, defects = read_portfolio(fixtures / name)
        assert defects == () and len(wallets.balances)
    held_there, defects = read_portfolio(fixtures / "http_get_positions.json", account="a")
    assert held_there.positions.account.tolist() == ["a/BTC-USDT-SWAP"] and defects == ()
    filled, _ = read_portfolio(fixtures / "ws_orders_liquidation.json")
    assert len(filled.orders) == 0
    market = read_market([fixtures / f"http_get_{n}.json" for n in ("instruments_swap", "mark_price")])
    assert market.instruments["BTC-USDT-SWAP"]["multiplier"] == 0.01
    chain = read_market([fixtures / f"http_get_{n}.json" for n in ("instruments_option", "option_summary")])
    assert set(chain.instruments.multiplier.tolist()) == {0.01} and chain.quotes.mark.min() > 0


def test_half_a_file_is_told_apart(tmp_path):
    path = tmp_path / "p.json"
    path.write_text(json.dumps(response(["nothing"])))
    with pytest.raises(InputError):
        read_portfolio(path)
