"""Checks: every defect of a market row, and every defect of a book against a market, each with its remedy."""

import numpy as np
import pytest

from loadline.foundation.errors import Reason
from loadline.io.book import read_portfolio
from loadline.io.checks import nearest
from loadline.io.fit import check_book, fit
from loadline.io.limits import Limits
from loadline.io.market import read_market
from tests.io.made import T0, chain_rows, market, write_chain, write_json, write_text

CALL = 2  # BTC-27MAR26-80000-C, at the money
DEEP = 0  # BTC-27MAR26-60000-C, in the money


@pytest.mark.parametrize(
    ("row", "change", "reason", "column", "what", "blank"),
    [
        (CALL, {"mark_iv": -0.5}, Reason.INVALID_VALUE, "vol", "a vol of -0.5", "vol"),
        (CALL, {"mark_iv": 0.0}, Reason.INVALID_VALUE, "vol", "a vol of 0", "vol"),
        (CALL, {"mark_iv": 65.0}, Reason.ABSURD, "vol", "a vol of 65", "vol"),
        (CALL, {"mark_iv": 0.001}, Reason.ABSURD, "vol", "a vol of 0.001", "vol"),
        (CALL, {"mark_iv": float("nan")}, Reason.UNPARSABLE, "mark_iv", "mark_iv: nan is not a finite number", "vol"),
        (CALL, {"mark": -0.01}, Reason.INVALID_VALUE, "mark", "a mark of -0.01", "mark"),
        (CALL, {"mark": float("inf")}, Reason.UNPARSABLE, "mark", "mark: inf is not a finite number", "mark"),
        (CALL, {"mark": None}, Reason.MISSING_DATA, "mark", "no mark", "mark"),
        (CALL, {"mark": 1.2}, Reason.ABSURD, "mark", "a mark of 1.2 outside its bounds 0.00497512 to 1", "mark"),
        (DEEP, {"mark": 0.1}, Reason.ABSURD, "mark", "a mark of 0.1 outside its bounds 0.253731 to 1", "mark"),
        (CALL, {"forward": 0.0}, Reason.INVALID_VALUE, "forward", "a forward of 0", "forward"),
        (CALL, {"forward": -1.0}, Reason.INVALID_VALUE, "forward", "a forward of -1", "forward"),
        (CALL, {"forward": None}, Reason.MISSING_DATA, "forward", "no forward", "forward"),
        (CALL, {"forward": 130_000.0}, Reason.ABSURD, "forward", "the forward is +62% from the index", "forward"),
        (CALL, {"forward": 8e10}, Reason.ABSURD, "forward", "a forward of 8e+10", "forward"),
        (CALL, {"bid": 0.9, "ask": 0.1}, Reason.CROSSED, "bid", "crossed: bid 0.9 above ask 0.1", "bid"),
        (CALL, {"ask": -0.1}, Reason.INVALID_VALUE, "ask", "the ask is -0.1", "ask"),
        (CALL, {"index": -5.0}, None, "", "", "fixed"),
    ],
)
def test_each_defect_of_a_market_row(tmp_path, row, change, reason, column, what, blank):
    rows = chain_rows()
    rows[row] |= change
    m = read_market(write_chain(tmp_path / "a.parquet", rows))
    name = rows[row]["instrument"]
    found = [d for d in m.defects if d.column == column]
    if reason is None:
        assert m.defects == ()
    else:
        assert (found[0].reason, found[0].file, found[0].row, found[0].subject) == (reason, "a.parquet", row + 1, name)
        assert found[0].what == what
        assert found[0].remedy
        assert {d.subject for d in m.defects} == {name}
    assert np.isnan(getattr(m.quotes, blank)[m.instruments.index[name]])


def test_limits_can_be_moved(tmp_path):
    rows = chain_rows()
    rows[CALL]["mark_iv"], rows[CALL]["forward"] = 12.0, 130_000.0
    path = write_chain(tmp_path / "a.parquet", rows)
    assert {d.column for d in read_market(path).defects} >= {"vol", "forward"}
    wide = Limits(vol_high=20.0, forward_gap=1.0, mark_slack=1.0)
    assert read_market(path, limits=wide).defects == ()


def test_an_expired_option(tmp_path):
    rows = [r | {"ts": r["expiry"]} for r in chain_rows()[:1]]
    (defect,) = read_market(write_chain(tmp_path / "a.parquet", rows)).defects
    assert (defect.reason, defect.row, defect.column) == (Reason.EXPIRED, 1, "expiry")
    assert defect.what == "BTC-27MAR26-60000-C expired 2026-03-27T08:00:00Z, the snapshot is of 2026-03-27T08:00:00Z"


def test_a_stale_row(tmp_path):
    old, new = chain_rows(ts=T0), chain_rows(ts=T0 + 600_000)
    path = write_chain(tmp_path / "a.parquet", [*new[1:], old[0]])
    assert read_market(path).defects == ()
    (defect,) = read_market(path, max_age_ms=300_000).defects
    assert (defect.reason, defect.row, defect.what) == (Reason.STALE, 12, "the row is 10 min old")


def test_what_a_snapshot_may_not_hold(tmp_path):
    rows = [
        {"id": "A", "strike": -5, "right": "call"},
        {"id": "B", "strike": 80_000, "right": "call", "rate": 5.0},
        {"id": "C", "strike": 80_000, "right": "put", "fixed": -1.0},
    ]
    common = {"underlying": "BTC", "kind": "option", "form": "cash_option", "expiry": "2026-03-27T08:00:00Z",
              "quote": "USDC", "settle": "USDC", "forward": 80_400, "vol": 0.5, "mark": 3_500}  # fmt: skip
    content = {"as_of": "2026-03-02T10:00:00Z", "index": {"BTC": 80_000, "ETH": -1}, "fx": {"USDC": 0}}
    m = read_market(write_json(tmp_path / "m.json", content | {"instruments": [common | r for r in rows]}))
    said = {(d.subject, d.reason, d.column) for d in m.defects}
    assert said == {
        ("A", Reason.INVALID_VALUE, "strike"),
        ("B", Reason.ABSURD, "rate"),
        ("C", Reason.INVALID_VALUE, "fixed"),
        ("ETH", Reason.INVALID_VALUE, "index"),
        ("USDC", Reason.INVALID_VALUE, "fx"),
    }
    assert "USDC" not in m.fx


BOOK = (
    "account,instrument,quantity",
    "ok,BTC-PERPETUAL,1000",
    "ok,BTC-27MAR26-80000-C,0",
    "typo,BTC-27MAR26-8000-C,1",
    "late,BTC-27FEB26-80000-C,1",
    "huge,BTC-PERPETUAL,1e15",
    "bad,BTC-PERPETUAL,x",
    "linear,ETH_USDC-PERPETUAL,1",
)


def test_each_defect_of_a_book_against_a_market(tmp_path):
    cash = write_text(
        tmp_path / "c.csv", "account,currency,amount", "ok,BTC,1", "ok,USD,5", "cash,DOGE,1e3", "rich,BTC,1e18"
    )
    orders = write_text(
        tmp_path / "o.csv", "account,instrument,side,quantity,limit price", "order,BTC-PERPETUALS,buy,1,2"
    )
    book, known = read_portfolio(write_text(tmp_path / "b.csv", *BOOK), balances=cash, orders=orders)
    m = market()
    found = check_book(book, m.replace(fx={"USDC": float("nan")}), known)
    assert [(d.subject, d.reason, d.file, d.row, d.column) for d in found] == [
        ("typo", Reason.UNKNOWN_INSTRUMENT, "b.csv", 3, "instrument"),
        ("late", Reason.EXPIRED, "b.csv", 4, "instrument"),
        ("huge", Reason.ABSURD, "b.csv", 5, "quantity"),
        ("linear", Reason.UNLIKE_CURRENCIES, "b.csv", 7, "instrument"),
        ("order", Reason.UNKNOWN_INSTRUMENT, "o.csv", 1, "instrument"),
        ("cash", Reason.UNLIKE_CURRENCIES, "c.csv", 3, "currency"),
        ("rich", Reason.ABSURD, "c.csv", 4, "amount"),
    ]
    assert all(d.remedy for d in found)
    assert found[0].remedy.startswith("did you mean BTC-27MAR26-80000-C")
    assert "DOGE" in found[5].remedy
    assert [d.subject for d in check_book(book, m, ())][-3:] == ["order", "cash", "rich"]
    assert any(d.subject == "bad" and d.reason is Reason.INVALID_VALUE for d in check_book(book, m))


def test_a_chain_without_futures_says_what_to_do(tmp_path):
    book, _ = read_portfolio(write_text(tmp_path / "b.csv", "instrument,quantity", "BTC-PERPETUAL,10"))
    m = read_market(write_chain(tmp_path / "a.parquet"))
    (defect,) = check_book(book, m)
    assert "--imply-futures" in defect.remedy
    assert check_book(book, read_market(tmp_path / "a.parquet", imply_futures=True)) == []


def test_only_what_a_book_needs_stops_it(tmp_path):
    rows = chain_rows()
    rows[0]["mark_iv"], rows[1]["bid"] = -1.0, 0.9
    m = read_market(write_chain(tmp_path / "a.parquet", rows))
    lines = ("account,instrument,quantity", f"a,{rows[0]['instrument']},1", f"b,{rows[2]['instrument']},1", "c,X,1,")
    book, known = read_portfolio(write_text(tmp_path / "b.csv", *lines[:3]))
    found = fit(book, m, known)
    assert [d.file for d in fit(book.only(["a"]), market(), known).stopped["a"]] == ["b.csv"]
    assert {account: [d.reason for d in defects] for account, defects in found.stopped.items()} == {
        "a": [Reason.INVALID_VALUE]
    }
    assert [d.reason for d in found.warnings] == [Reason.CROSSED]


def test_without_an_index_nothing_of_that_coin_can_be_margined(tmp_path):
    rows = [{k: v for k, v in r.items() if k != "index"} for r in chain_rows()]
    m = read_market(write_chain(tmp_path / "a.parquet", rows))
    book, known = read_portfolio(write_text(tmp_path / "b.csv", "instrument,quantity", f"{rows[0]['instrument']},1"))
    reasons = {d.reason for d in fit(book, m, known).stopped["main"]}
    assert reasons == {Reason.MISSING_DATA, Reason.UNLIKE_CURRENCIES}


def test_the_nearest_name_shares_its_start():
    names = ["BTC-27MAR26-90000-C", "BTC-27MAR26-90000-P", "BTC-27MAR26-98000-C", "ETH-27MAR26-9000-C", "BTC-PERPETUAL"]
    assert nearest("BTC-27MAR26-9000-C", names)[0] == "BTC-27MAR26-90000-C"
    assert nearest("BTC-PERPETUL", names, 1) == ["BTC-PERPETUAL"]
    assert nearest("zzzz", names) == []
