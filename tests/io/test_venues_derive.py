"""Derive's responses: what a name says, what a subaccount holds; on rows of our own in the documented shapes."""

import math

import numpy as np
import pytest

from loadline.engine.engine import margin
from loadline.foundation.errors import InputError
from loadline.foundation.units import parse_time
from loadline.io.book import read_portfolio
from loadline.io.market import read_market
from loadline.io.venues.derive_market import COINS, parse_name, spelt
from loadline.model.instruments import NO_EXPIRY, Kind, PayoffForm
from loadline.rulebooks.rulebook import load
from tests.io.made import write_json

NOW = parse_time("2026-03-02T10:00:00Z")
EXPIRY = parse_time("2026-03-27T08:00:00Z")
CALL = "ETH-20260327-2600-C"


@pytest.mark.parametrize(
    ("name", "kind", "form", "expiry", "strike", "right"),
    [
        ("ETH-PERP", Kind.PERPETUAL, PayoffForm.LINEAR, None, np.nan, 0),
        ("ETH-20260130-3000-C", Kind.OPTION, PayoffForm.CASH_OPTION, "2026-01-30T08:00", 3_000.0, 1),
        ("ETH-20260130-3000-P", Kind.OPTION, PayoffForm.CASH_OPTION, "2026-01-30T08:00", 3_000.0, -1),
        ("ETH-20260130-2_5-P", Kind.OPTION, PayoffForm.CASH_OPTION, "2026-01-30T08:00", 2.5, -1),
    ],
)
def test_a_name_says_what_the_contract_is(name, kind, form, expiry, strike, right):
    row = parse_name(name)
    assert (row["underlying"], row["kind"], row["form"], row["right"]) == ("ETH", kind, form, right)
    assert (row["multiplier"], row["quote"], row["settle"]) == (1.0, "USD", "USDC")
    assert row["expiry"] == (parse_time(expiry) if expiry else NO_EXPIRY)
    np.testing.assert_equal(row["strike"], strike)


@pytest.mark.parametrize("name", ["", "ETH", "ETH-USDC", "ETH-20260230-3000-C", "ETH-20260130-3000-X", "ETH-PERP-1"])
def test_anything_else_says_nothing(name):
    assert parse_name(name) is None


def test_collaterals_are_spelt_as_the_rulebook_spells_them():
    known = set(load("derive").versions[-1].parameter("collateral.maintenance_haircut").by_key)
    assert set(COINS) <= known and {spelt(c.upper()) for c in COINS} == set(COINS)


def position(name, kind, amount, **more):
    blank = {"average_price": "2400", "mark_value": "0", "unrealized_pnl": "0", "net_settlements": "0"}
    return blank | {"instrument_name": name, "instrument_type": kind, "amount": amount, "pending_funding": "0"} | more


# 2 coins long at 2,400, mark 2,510: 220 gained, of which 150 are settled into cash; 1.5 of funding to pay
PERPETUAL = position("ETH-PERP", "perp", "2", mark_value="68.5", unrealized_pnl="220", net_settlements="150",
                     pending_funding="-1.5")  # fmt: skip
OPTION = position(CALL, "option", "-3", mark_value="-300", unrealized_pnl="-12")
SUBACCOUNT = {
    "subaccount_id": 7,
    "margin_type": "PM2",
    "positions": [PERPETUAL, OPTION],
    "collaterals": [
        {"asset_name": "USDC", "amount": "1000", "pending_interest": "-0.25"},
        {"asset_name": "ETH", "amount": "1.5", "pending_interest": "0"},
        {"asset_name": "WEETH", "amount": "0.5", "pending_interest": "0"},
        {"asset_name": "DRV", "amount": "0", "pending_interest": "0"},
    ],
    "open_orders": [
        {"instrument_name": CALL, "direction": "sell", "amount": "2", "filled_amount": "0.5", "limit_price": "120",
         "order_status": "open"},
        {"instrument_name": CALL, "direction": "buy", "amount": "2", "limit_price": "1", "order_status": "expired"},
    ],
}  # fmt: skip
LONG = {
    "instrument_name": "ETH-PERP",
    "instrument_type": "perp",
    "base_currency": "ETH",
    "quote_currency": "USD",
    "perp_details": {"funding_rate": "0.00001"},
    "option_details": None,
    "option_pricing": None,
    "best_bid_price": "2509",
    "best_ask_price": "0",
    "mark_price": "2510",
    "index_price": "2500",
    "timestamp": NOW,
}
SHORT = {
    CALL: {"t": NOW, "b": "99", "a": "101", "I": "2500", "M": "100", "f": None,
           "option_pricing": {"i": "0.65", "f": "2520", "m": "100", "df": "0.999"}},
    "ETH-20260327-2600-P": {"t": NOW, "b": "0", "a": "0", "I": "2500", "M": "180",
                            "option_pricing": {"i": "0.66", "f": "2520", "df": "0.999"}},
}  # fmt: skip
CURRENCIES = [{"currency": "USDC", "spot_price": "0.9995"}, {"currency": "WEETH", "spot_price": "2640"}]


@pytest.fixture
def market(tmp_path):
    contents = ({"id": 1, "result": LONG}, {"result": {"tickers": SHORT}}, {"result": CURRENCIES})
    return read_market([write_json(tmp_path / f"m{n}.json", content) for n, content in enumerate(contents)])


def test_tickers_long_and_short_make_one_market(market):
    assert not market.defects and market.as_of == NOW
    row = market.instruments.index[CALL]
    assert (market.quotes.mark[row], market.quotes.vol[row], market.quotes.forward[row]) == (100.0, 0.65, 2_520.0)
    years = (EXPIRY - NOW) / (365 * 86_400_000)
    assert market.quotes.rate[row] == pytest.approx(-math.log(0.999) / years, rel=1e-12)
    perpetual = market.instruments.index["ETH-PERP"]
    assert (market.quotes.forward[perpetual], market.quotes.bid[perpetual]) == (2_510.0, 2_509.0)
    assert np.isnan(market.quotes.ask[perpetual]) and np.isnan(market.quotes.rate[perpetual])
    assert market.index == {"ETH": 2_500.0} and market.price("USDC") == 0.9995 and market.price("weETH") == 2_640.0


def test_a_subaccount_is_what_the_venue_says_it_is_worth(tmp_path, market):
    book, defects = read_portfolio(write_json(tmp_path / "p.json", {"id": 1, "result": SUBACCOUNT}), account="a")
    assert defects == () and book.accounts.row(0)["venue"] == "derive"
    assert book.positions.instrument.tolist() == ["ETH-PERP", CALL]
    assert book.positions.quantity.tolist() == [2.0, -3.0]
    assert book.positions.unsettled.tolist() == [68.5, 0.0]
    assert dict(zip(book.balances.currency.tolist(), book.balances.amount.tolist(), strict=True)) == {
        "USDC": 999.75,
        "ETH": 1.5,
        "weETH": 0.5,
    }
    assert (book.orders.quantity.tolist(), book.orders.limit.tolist()) == ([-1.5], [120.0])
    # one contract is one coin: 68.5 of perpetual, 3 options at 100, cash, and two assets at their own price
    worth = (68.5 - 3 * 100.0 + 999.75) * 0.9995 + 1.5 * 2_500.0 + 0.5 * 2_640.0
    assert margin(book, market, "isolated").equity == pytest.approx(worth, rel=1e-12)
    assert margin(book, market, "derive").maintenance > 0.0  # its own equity counts options at its model's price


def test_a_perpetual_whose_parts_do_not_add_up_blocks_its_account(tmp_path):
    rows = [PERPETUAL | {"mark_value": "70"}, position("BTC-PERP", "perp", "1", mark_value="", net_settlements="")]
    found, defects = read_portfolio(write_json(tmp_path / "p.json", {"subaccount_id": 7, "positions": rows}))
    assert [(d.column, d.subject) for d in defects] == [("mark_value", "main")] * 2
    assert np.isnan(found.positions.unsettled).all()
    alone = [position("BTC-PERP", "perp", "1", mark_value="5", net_settlements="")]
    found, defects = read_portfolio(write_json(tmp_path / "q.json", {"subaccount_id": 7, "positions": alone}))
    assert defects == () and found.positions.unsettled.tolist() == [5.0]


def test_interest_on_what_is_not_cash_blocks_its_account(tmp_path):
    rows = [{"asset_name": "ETH", "amount": "1", "pending_interest": "0.1"}]
    found, defects = read_portfolio(write_json(tmp_path / "p.json", {"subaccount_id": 7, "collaterals": rows}))
    assert [d.column for d in defects] == ["pending_interest"] and len(found.positions) == 0


def test_every_subaccount_is_an_account(tmp_path):
    listed = [SUBACCOUNT, SUBACCOUNT | {"subaccount_id": 8, "positions": [], "open_orders": []}]
    book, defects = read_portfolio(write_json(tmp_path / "p.json", {"result": listed}), account="a")
    assert defects == () and sorted(book.accounts.account.tolist()) == ["a/7", "a/8"]


def test_what_does_not_agree_with_its_name_is_left_out(tmp_path, market):
    option = {"instrument_name": CALL, "instrument_type": "option", "base_currency": "ETH", "quote_currency": "USDC"}
    good = option | {"option_details": {"expiry": EXPIRY // 1000, "strike": "2600", "option_type": "C"}}
    bad = option | {"option_details": {"expiry": EXPIRY // 1000, "strike": "2700", "option_type": "C"}}
    tickers = write_json(tmp_path / "t.json", {"result": {"tickers": SHORT}})
    for rows, expected in (([good], set()), ([bad], {CALL})):
        reference = write_json(tmp_path / "i.json", {"result": {"instruments": rows}})
        found = read_market([reference, tickers])
        assert {d.subject for d in found.defects} == expected
        assert (CALL in found.instruments) is not bool(expected)


@pytest.mark.parametrize(
    ("payload", "says"),
    [
        ({"result": {"t": NOW, "I": "1", "M": "1"}}, "whose it is"),
        ({"result": {"tickers": {}}}, "no contract has a price"),
        ({"result": {"tickers": {"ETH-PERP": {"I": "2500", "M": "2510"}}}}, "no row says its time"),
        ({"result": {"tickers": {"ETH-PERP": {"I": "2500", "M": "x", "t": NOW}}}}, "not a plain decimal"),
    ],
)
def test_a_market_that_cannot_be_used_is_refused(tmp_path, payload, says):
    with pytest.raises(InputError, match=says):
        read_market(write_json(tmp_path / "m.json", payload))


def test_a_response_of_another_kind_is_refused(tmp_path):
    with pytest.raises(InputError, match="get_subaccount"):
        read_portfolio(write_json(tmp_path / "p.json", {"result": {"subaccount_id": 7}}))
