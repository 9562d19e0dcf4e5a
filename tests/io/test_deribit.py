"""Deribit's names and private responses, on payloads of our own numbers in the venue's shape."""

import numpy as np
import pytest

from loadline.foundation.errors import InputError, Reason
from loadline.foundation.units import parse_time
from loadline.io.book import read_balances, read_book
from loadline.io.venues.deribit_names import future_name, option_name, parse_name
from loadline.model.instruments import NO_EXPIRY, Kind, PayoffForm
from tests.io.made import write_json


@pytest.mark.parametrize(
    ("name", "kind", "form", "quote", "settle", "expiry", "strike", "right"),
    [
        ("BTC-27DEC24-100000-C", Kind.OPTION, PayoffForm.COIN_OPTION, "BTC", "BTC", "2024-12-27T08:00", 100_000.0, 1),
        ("ETH-6AUG21-1500-P", Kind.OPTION, PayoffForm.COIN_OPTION, "ETH", "ETH", "2021-08-06T08:00", 1_500.0, -1),
        ("BTC-27DEC24", Kind.FUTURE, PayoffForm.INVERSE, "USD", "BTC", "2024-12-27T08:00", np.nan, 0),
        ("BTC-PERPETUAL", Kind.PERPETUAL, PayoffForm.INVERSE, "USD", "BTC", None, np.nan, 0),
        ("BTC_USDC-PERPETUAL", Kind.PERPETUAL, PayoffForm.LINEAR, "USDC", "USDC", None, np.nan, 0),
        ("SOL_USDT-27DEC24", Kind.FUTURE, PayoffForm.LINEAR, "USDT", "USDT", "2024-12-27T08:00", np.nan, 0),
        ("BTC_USDC-27DEC24-90000-P", Kind.OPTION, PayoffForm.CASH_OPTION, "USDC", "USDC", "2024-12-27T08:00", 9e4, -1),
        ("XRP_USDC-30AUG24-0d55-C", Kind.OPTION, PayoffForm.CASH_OPTION, "USDC", "USDC", "2024-08-30T08:00", 0.55, 1),
        ("ETH_BTC", Kind.SPOT, PayoffForm.SPOT, "BTC", "BTC", None, np.nan, 0),
    ],
)
def test_a_name_says_what_the_contract_is(name, kind, form, quote, settle, expiry, strike, right):
    row = parse_name(name)
    assert (row["kind"], row["form"], row["quote"], row["settle"], row["right"]) == (kind, form, quote, settle, right)
    assert row["expiry"] == (parse_time(expiry) if expiry else NO_EXPIRY)
    np.testing.assert_equal(row["strike"], strike)
    assert (row["underlying"], row["multiplier"]) == (name.split("-")[0].split("_")[0], 1.0)
    assert row["upfront"] == (kind in (Kind.OPTION, Kind.SPOT))
    if kind is Kind.OPTION:
        assert option_name(name.split("-")[0], row["expiry"], row["strike"], right) == name
    if kind is Kind.FUTURE:
        assert future_name(name.split("-")[0], row["expiry"]) == name


@pytest.mark.parametrize(
    "name",
    ["", "BTC", "BTC-31FEB26", "BTC-27XXX26", "BTC-27MAR26-1-X", "BTC-FS-27DEC24_PERP", "BTC-STRG-19MAY26-74000_79000",
     "BTC-27MAR26-90000", "BTC-27MAR26--5-C", "BTC-27MAR26-90000-C\n", "BTC-PERPETUAL-C", "-27MAR26"],
)  # fmt: skip
def test_anything_else_is_no_name(name):
    assert parse_name(name) is None


def position(name, size, direction, **more):
    return {"instrument_name": name, "size": size, "direction": direction, "average_price": 1.0} | more


POSITIONS = {
    "jsonrpc": "2.0",
    "result": [
        position("BTC-PERPETUAL", -5000.0, "sell", kind="future", floating_profit_loss=-0.002, realized_profit_loss=9),
        position("BTC-27MAR26-80000-C", 2.5, "buy", kind="option", floating_profit_loss=0.7),
        position("ETH-PERPETUAL", 0.0, "zero", floating_profit_loss=0.0),
        position("ETH_USDC-PERPETUAL", 0.25, "sell", kind="future", floating_profit_loss=3.5),
    ],
    "usOut": 1_771_205_647_230_213,
}


def test_positions_keep_the_unit_of_the_api_and_options_carry_no_pnl(tmp_path):
    book, defects = read_book(write_json(tmp_path / "p.json", POSITIONS), account="fund")
    assert defects == ()
    assert book.positions.instrument.tolist() == ["BTC-PERPETUAL", "BTC-27MAR26-80000-C", "ETH_USDC-PERPETUAL"]
    assert book.positions.quantity.tolist() == [-5000.0, 2.5, -0.25]
    assert book.positions.unsettled.tolist() == [-0.002, 0.0, 3.5]
    assert book.accounts["fund"]["venue"] == "deribit"
    alone, _ = read_book(write_json(tmp_path / "q.json", {"request": {}, "response": POSITIONS}), account="fund")
    bare, _ = read_book(write_json(tmp_path / "r.json", POSITIONS["result"]), account="fund")
    assert book.identity == alone.identity == bare.identity


@pytest.mark.parametrize(
    ("row", "reason", "column"),
    [
        (position("BTC-PERPETUAL", 5.0, "long", floating_profit_loss=0), Reason.UNPARSABLE, "direction"),
        (position("BTC-PERPETUAL", "nan", "buy", floating_profit_loss=0), Reason.UNPARSABLE, "size"),
        (position("BTC-PERPETUAL", True, "buy", floating_profit_loss=0), Reason.UNPARSABLE, "size"),
        (position("BTC-PERPETUAL", -5.0, "buy", floating_profit_loss=0), Reason.INVALID_VALUE, "size"),
        (position("BTC-PERPETUAL", 5.0, "zero", floating_profit_loss=0), Reason.INVALID_VALUE, "size"),
        (position("BTC-PERPETUAL", 0.0, "buy", floating_profit_loss=0), Reason.INVALID_VALUE, "size"),
        (position("BTC-PERPETUAL", 5.0, "buy"), Reason.MISSING_DATA, "floating_profit_loss"),
    ],
)
def test_a_row_that_does_not_fit_stops_the_account(tmp_path, row, reason, column):
    book, defects = read_book(write_json(tmp_path / "p.json", {"jsonrpc": "2.0", "result": [row]}))
    (defect,) = defects
    assert (defect.reason, defect.file, defect.row, defect.subject) == (reason, "p.json", 1, "main")
    assert defect.column == column
    assert "BTC-PERPETUAL" in defect.what
    assert np.isnan(book.positions.quantity[0] + book.positions.unsettled[0])


def summary(currency, balance, upl, rpl, options, **more):
    equity = round(balance + upl + rpl + options, 8)
    return {
        "currency": currency,
        "balance": balance,
        "equity": equity,
        "futures_session_upl": upl,
        "futures_session_rpl": rpl,
        "options_value": options,
        "margin_balance": 0,
    } | more


def test_a_balance_is_cash_with_what_the_session_realised(tmp_path):
    rows = [summary("BTC", 10.1, 0.02, -0.3, -0.5), summary("eth", 0, 0, 0, 0), summary("USDC", 0.0, 1.0, 2.5, 0)]
    many = {"jsonrpc": "2.0", "result": {"id": 7, "summaries": rows}}
    table, defects = read_balances(write_json(tmp_path / "s.json", many))
    assert defects == ()
    assert dict(zip(table.currency.tolist(), table.amount.tolist(), strict=True)) == {"BTC": 9.8, "USDC": 2.5}
    one, _ = read_balances(write_json(tmp_path / "one.json", {"jsonrpc": "2.0", "result": rows[0]}))
    assert one.amount.tolist() == [9.8]


def test_a_summary_that_does_not_add_up_is_a_defect(tmp_path):
    rows = {"jsonrpc": "2.0", "result": summary("BTC", 10.0, 0.02, 0.0, 0.5, equity=11.0)}
    _, (defect,) = read_balances(write_json(tmp_path / "s.json", rows))
    assert (defect.reason, defect.column) == (Reason.INVALID_VALUE, "equity")
    assert "BTC: balance, session pnl and options make 10.52, but equity is 11" in defect.what


def test_subaccount_details_hold_positions_and_orders(tmp_path):
    order = {
        "instrument_name": "BTC-PERPETUAL",
        "direction": "sell",
        "amount": 100.3,
        "filled_amount": 0.1,
        "price": 9e4,
    }
    entries = [
        {"uid": 11, "positions": POSITIONS["result"][:1], "open_orders": [order]},
        {"uid": 12, "positions": POSITIONS["result"][1:2]},
    ]
    book, defects = read_book(write_json(tmp_path / "d.json", {"jsonrpc": "2.0", "result": entries}))
    assert (book.names(), defects) == (["main/11", "main/12"], ())
    assert book.orders.row(0) == {
        "account": "main/11",
        "instrument": "BTC-PERPETUAL",
        "quantity": -100.2,
        "limit": 90_000.0,
    }


@pytest.mark.parametrize(
    ("payload", "said"),
    [
        (
            {"jsonrpc": "2.0", "error": {"code": 13009, "message": "unauthorized"}},
            "answered with an error.*unauthorized",
        ),
        ({"jsonrpc": "2.0"}, "has no result"),
        ({"jsonrpc": "2.0", "result": {"trades": []}}, "neither positions nor balances"),
        ({"jsonrpc": "2.0", "result": [{"positions": []}, 5]}, "a subaccount without positions"),
        ({"jsonrpc": "2.0", "result": {"summaries": 5}}, "a list of rows was expected"),
    ],
)
def test_other_responses_are_refused(tmp_path, payload, said):
    with pytest.raises(InputError, match=said):
        read_book(write_json(tmp_path / "p.json", payload))
