"""Books: positions, balances, orders and accounts, in every form, and every defect under its account."""

import numpy as np
import polars as pl
import pytest

from loadline.foundation.errors import InputError, Reason
from loadline.io.book import assemble, read_accounts, read_balances, read_book, read_orders, read_portfolio
from loadline.model.positions import Positions
from tests.io.made import write_json, write_text

ROWS = [
    {"account": "a", "instrument": "BTC-27MAR26-80000-C", "quantity": -2.5, "venue": "deribit", "entry price": 0.05},
    {"account": "a", "instrument": "BTC-PERPETUAL", "quantity": 10_000, "venue": "deribit", "unsettled pnl": -0.001},
    {"account": "b", "instrument": "ETH_USDC-PERPETUAL", "quantity": 1e-3},
]


def said(defects):
    return [(d.reason, d.file, d.row, d.subject) for d in defects]


def test_csv_parquet_and_json_read_alike(tmp_path):
    cells = ["account", "instrument", "quantity", "venue", "entry price", "unsettled pnl"]
    lines = [",".join(cells)] + [",".join(str(r.get(c, "")) for c in cells) for r in ROWS]
    write_json(tmp_path / "b.json", ROWS)
    write_json(tmp_path / "o.json", {"positions": ROWS})
    pl.DataFrame(ROWS, schema_overrides={"quantity": pl.Float64}, infer_schema_length=None).write_parquet(
        tmp_path / "b.parquet"
    )
    read = [
        read_book(p)
        for p in (
            write_text(tmp_path / "b.csv", *lines),
            tmp_path / "b.json",
            tmp_path / "o.json",
            tmp_path / "b.parquet",
        )
    ]
    assert {defects for _, defects in read} == {()}
    assert len({book.identity for book, _ in read}) == 1
    book = read[0][0]
    assert book.positions.quantity.tolist() == [-2.5, 10_000.0, 0.001]
    assert book.positions.unsettled.tolist() == [0.0, -0.001, 0.0]
    np.testing.assert_array_equal(book.positions.entry, [0.05, np.nan, np.nan])
    assert book.accounts["a"]["venue"] == "deribit"


def test_rows_without_account_are_main(tmp_path):
    book, defects = read_portfolio(write_text(tmp_path / "b.csv", "instrument,quantity", "BTC-PERPETUAL,-5"))
    assert (book.names(), defects) == (["main"], ())
    assert book.accounts["main"] == {"account": "main", "owner": "main", "venue": "", "rulebook": ""}
    assert book.places["positions", "main", "BTC-PERPETUAL"] == ("b.csv", 1)


@pytest.mark.parametrize(
    ("row", "reason", "column", "what"),
    [
        ('x,BTC-PERPETUAL,"1,000",,', Reason.UNPARSABLE, "quantity", "'1,000' is not a plain decimal number"),
        ("x,BTC-PERPETUAL,nan,,", Reason.UNPARSABLE, "quantity", "'nan' is not a plain decimal number"),
        ("x,BTC-PERPETUAL,inf,,", Reason.UNPARSABLE, "quantity", "'inf' is not a plain decimal number"),
        ("x,BTC-PERPETUAL,1e400,,", Reason.UNPARSABLE, "quantity", "too large"),
        ("x,BTC-PERPETUAL,,,", Reason.MISSING_DATA, "quantity", "no quantity"),
        ("x,,1,,", Reason.MISSING_DATA, "instrument", "no instrument"),
        ("x,BTC-PERPETUAL,1,2e,", Reason.UNPARSABLE, "entry_price", "entry price: '2e'"),
        ("x,BTC-PERPETUAL,1,,?", Reason.UNPARSABLE, "unsettled_pnl", "unsettled pnl: '?'"),
        ("x,BTC-PERPETUAL,0.12345678901234567890,,", Reason.UNPARSABLE, "quantity", "more digits"),
        ("good,BTC-PERPETUAL,2,,", Reason.DUPLICATE, "instrument", "good / BTC-PERPETUAL already stands in row 1"),
    ],
)
def test_a_bad_row_stops_its_account_only(tmp_path, row, reason, column, what):
    path = write_text(
        tmp_path / "b.csv", "account,instrument,quantity,entry price,unsettled pnl", "good,BTC-PERPETUAL,1,,", row
    )
    book, defects = read_book(path)
    (defect,) = defects
    assert (defect.reason, defect.file, defect.row, defect.column) == (reason, "b.csv", 2, column)
    assert what in defect.what
    assert defect.remedy
    assert defect.subject == row.split(",")[0]
    mine = book.positions.account == defect.subject
    numbers = np.concatenate([book.positions.quantity[mine], book.positions.unsettled[mine]])
    assert np.isnan(numbers).any() or column in ("instrument", "entry_price")


def test_a_row_of_no_account_spoils_the_file(tmp_path):
    with pytest.raises(InputError) as caught:
        read_book(write_text(tmp_path / "b.csv", "account,instrument,quantity", "a,X,1", ",X,1"))
    assert [(d.row, d.what) for d in caught.value.defects] == [(2, "the row names no account")]


def test_duplicates_are_summed_on_demand(tmp_path):
    path = write_text(
        tmp_path / "b.csv",
        "account,instrument,quantity,entry price,unsettled pnl",
        "a,BTC-26JUN26,0.1,100,0.1",
        "a,BTC-26JUN26,0.2,400,0.2",
        "a,BTC-PERPETUAL,5,,",
        "a,BTC-PERPETUAL,-5,,",
    )
    assert said(read_book(path)[1]) == [
        (Reason.DUPLICATE, "b.csv", 2, "a"),
        (Reason.DUPLICATE, "b.csv", 4, "a"),
    ]
    assert np.isnan(read_book(path)[0].positions.quantity).all()
    book, defects = read_book(path, sum_duplicates=True)
    assert defects == ()
    assert book.positions.quantity.tolist() == [0.3, 0.0]
    assert book.positions.unsettled.tolist() == [0.3, 0.0]
    assert book.positions.entry[0] == pytest.approx(300.0)


def test_a_key_in_two_files_is_a_duplicate(tmp_path):
    book = write_json(
        tmp_path / "b.json",
        {"positions": [], "balances": [{"currency": "USDC", "amount": "100.10"}, {"currency": "BTC", "amount": 1}]},
    )
    cash = write_text(tmp_path / "cash.csv", "currency,amount", "USDC,5.05")
    found, defects = read_portfolio(book, balances=cash)
    assert said(defects) == [(Reason.DUPLICATE, "cash.csv", 1, "main")]
    assert "already stands in b.json#balances row 1" in defects[0].what
    found, defects = read_portfolio(book, balances=cash, sum_duplicates=True)
    assert (found.balances.amount.tolist(), defects) == ([105.15, 1.0], ())


def test_balances(tmp_path):
    table, defects = read_balances(
        write_text(tmp_path / "c.csv", "account,currency,amount", "a,BTC,-0.5", "a,USDC,1_000", "b,BTC,", "b,,3")
    )
    np.testing.assert_array_equal(table.amount, [-0.5, np.nan, np.nan, 3.0])
    assert said(defects) == [
        (Reason.MISSING_DATA, "c.csv", 4, "b"),
        (Reason.UNPARSABLE, "c.csv", 2, "a"),
        (Reason.MISSING_DATA, "c.csv", 3, "b"),
    ]


def test_orders_are_signed_by_their_side(tmp_path):
    header = "account,instrument,side,quantity,limit price"
    table, defects = read_orders(
        write_text(
            tmp_path / "o.csv", header, "a,X,buy,2,10", "a,X,SELL,3,11", "b,X,hold,1,9", "b,X,sell,-1,9", "b,X,buy,1,"
        )
    )
    np.testing.assert_array_equal(table.quantity, [2.0, -3.0, np.nan, np.nan, 1.0])
    assert said(defects) == [
        (Reason.INVALID_VALUE, "o.csv", 3, "b"),
        (Reason.INVALID_VALUE, "o.csv", 4, "b"),
        (Reason.MISSING_DATA, "o.csv", 5, "b"),
    ]
    assert "buy or sell" in defects[0].remedy


def test_accounts(tmp_path):
    path = write_text(
        tmp_path / "a.csv", "account,owner,venue,rulebook", "a,ann,deribit,deribit-xpm", "b,,okx,", "a,bob,,"
    )
    table, defects = read_accounts(path)
    assert [table.row(i) for i in range(2)] == [
        {"account": "a", "owner": "ann", "venue": "deribit", "rulebook": "deribit-xpm"},
        {"account": "b", "owner": "b", "venue": "okx", "rulebook": ""},
    ]
    assert said(defects) == [(Reason.DUPLICATE, "a.csv", 3, "a")]


def test_an_account_stands_at_one_venue(tmp_path):
    lines = ("account,instrument,quantity,venue", "a,X,1,okx", "a,Y,1,deribit", "b,X,1,okx")
    book = write_text(tmp_path / "b.csv", *lines)
    accounts = write_text(tmp_path / "a.csv", "account,owner,venue", "b,ann,deribit", "c,ann,derive")
    found, defects = read_portfolio(book, accounts=accounts)
    assert [(d.reason, d.file, d.row, d.subject) for d in defects] == [
        (Reason.INVALID_VALUE, "b.csv", 2, "a"),
        (Reason.INVALID_VALUE, "b.csv", 0, "b"),
    ]
    assert found.accounts["c"]["owner"] == "ann"


@pytest.mark.parametrize(
    ("header", "what"),
    [
        ("account,instrument,qantity", "no column 'quantity'"),
        ("account,instrument,quantity,unsetled pnl", "column 'unsetled_pnl' is not known"),
        ("account,quantity", "no column 'instrument'"),
    ],
)
def test_columns_are_needed_by_their_name(tmp_path, header, what):
    with pytest.raises(InputError, match=what):
        read_book(write_text(tmp_path / "b.csv", header, *[",".join("1" * (header.count(",") + 1))]))


def test_a_json_book_of_unknown_sections_is_refused(tmp_path):
    with pytest.raises(InputError, match="section 'holdings' is not known"):
        read_book(write_json(tmp_path / "b.json", {"holdings": []}))
    with pytest.raises(InputError, match="has no section"):
        read_book(write_json(tmp_path / "b.json", {}))
    with pytest.raises(InputError, match="a list of rows was expected, not str"):
        read_book(write_json(tmp_path / "b.json", {"positions": "x"}))


def test_assembling_gives_every_account_a_row():
    book = assemble(
        Positions.from_rows([{"account": "z", "instrument": "X", "quantity": 1, "unsettled": 0, "entry": 0}])
    )
    assert book.accounts["z"]["owner"] == "z"
