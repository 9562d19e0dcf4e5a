"""Markets: each kind of file, the time that is taken, what is joined and what is written."""

import json

import numpy as np
import polars as pl
import pytest

from loadline.foundation.errors import InputError, Reason
from loadline.foundation.units import parse_time
from loadline.io.implied import imply_futures
from loadline.io.market import read_market
from loadline.io.snapshot_writer import write_market
from loadline.model.instruments import PayoffForm
from tests.io.made import (
    FAR,
    INDEX,
    NEAR,
    STRIKES,
    T0,
    chain_frame,
    chain_rows,
    market,
    write_chain,
    write_json,
    write_text,
)

HOUR = 3_600_000
OPTION = "BTC-27MAR26-80000-C"
STABLE = ("USDC taken at 1 USD: not in the snapshot", "USDT taken at 1 USD: not in the snapshot")


def test_a_chain(tmp_path):
    m = read_market(write_chain(tmp_path / "btc.parquet"))
    assert (m.as_of, m.index, m.fx, m.defects) == (T0, {"BTC": 80_000.0}, {"USDC": 1.0, "USDT": 1.0}, ())
    assert m.source == ("btc.parquet",)
    assert m.notes == (
        "btc.parquet: snapshot of 2026-03-02T10:00:00Z",
        "btc.parquet: BTC index 80,000.00 USD, the median of 12 rows",
        *STABLE,
    )
    row = m.instruments[OPTION]
    assert (row["form"], row["quote"], row["settle"], row["upfront"]) == (PayoffForm.COIN_OPTION, "BTC", "BTC", True)
    given = next(r for r in chain_rows() if r["instrument"] == OPTION)
    got = m.quotes.row(m.instruments.index[OPTION])
    for column, name in (("forward", "forward"), ("vol", "mark_iv"), ("mark", "mark"), ("bid", "bid"), ("ask", "ask")):
        assert got[column] == given[name]


def test_a_chain_as_csv_is_the_same_market(tmp_path):
    frame = chain_frame(chain_rows())
    frame.write_parquet(tmp_path / "a.parquet")
    frame.write_csv(tmp_path / "a.csv")
    assert read_market(tmp_path / "a.csv").identity == read_market(tmp_path / "a.parquet").identity


def test_the_snapshot_at_or_before_a_time_is_taken(tmp_path):
    rows = [r for hours in (0, 4, 8) for r in chain_rows(ts=T0 + hours * HOUR)]
    path = write_chain(tmp_path / "btc.parquet", rows)
    assert read_market(path).as_of == T0 + 8 * HOUR
    assert read_market(path, at=T0 + 4 * HOUR).as_of == T0 + 4 * HOUR
    early = read_market(path, at=T0 + 8 * HOUR - 1000)
    assert early.as_of == T0 + 4 * HOUR
    assert early.notes[0] == "the snapshot of 2026-03-02T14:00:00Z is 4.0 h before the time asked for"
    with pytest.raises(
        InputError, match="no snapshot at or before 2026-03-02T09:59:59Z; the first is 2026-03-02T10:00:00Z"
    ):
        read_market(path, at=T0 - 1000)


def test_files_are_joined_and_refused_when_too_far_apart(tmp_path):
    btc = write_chain(tmp_path / "btc.parquet", chain_rows("BTC"))
    eth = write_chain(tmp_path / "eth.parquet", chain_rows("ETH", T0 + HOUR // 2))
    m = read_market([btc, eth])
    assert (m.as_of, m.index, len(m.instruments)) == (T0 + HOUR // 2, INDEX, 24)
    with pytest.raises(InputError) as caught:
        read_market([btc, eth], max_age_ms=HOUR // 4)
    (defect,) = caught.value.defects
    assert defect.reason is Reason.STALE
    assert "btc.parquet at 2026-03-02T10:00:00Z, eth.parquet at 2026-03-02T10:30:00Z" in defect.what
    assert "--max-age" in defect.remedy


def test_two_months_of_one_chain_give_the_later_snapshot(tmp_path):
    old = write_chain(tmp_path / "feb.parquet", chain_rows(ts=T0 - 30 * 24 * HOUR))
    new = write_chain(tmp_path / "mar.parquet", chain_rows())
    assert read_market([old, new]).source == ("mar.parquet",)
    assert read_market([old, new], at=T0 - HOUR).source == ("feb.parquet",)


def test_the_index_is_the_median_and_its_spread_is_told(tmp_path):
    rows = chain_rows()
    rows[0]["index"], rows[1]["index"], rows[2]["index"] = 79_000.0, None, 80_800.0
    m = read_market(write_chain(tmp_path / "a.parquet", rows))
    assert m.index == {"BTC": 80_000.0}
    assert "the median of 11 rows that spread over 2.28%" in m.notes[1]


def test_missing_vols_are_solved_and_missing_marks_computed(tmp_path):
    whole = read_market(write_chain(tmp_path / "a.parquet"))
    no_vol = read_market(write_chain(tmp_path / "b.parquet", [{**r, "mark_iv": None} for r in chain_rows()]))
    np.testing.assert_allclose(no_vol.quotes.vol, whole.quotes.vol, rtol=1e-3)
    assert "b.parquet: vols of 12 options solved from their marks, the file has none" in no_vol.notes
    rows = [{k: v for k, v in r.items() if k != "mark"} for r in chain_rows()]
    no_mark = read_market(write_chain(tmp_path / "c.parquet", rows))
    np.testing.assert_allclose(no_mark.quotes.mark, whole.quotes.mark, atol=1e-6)
    assert "c.parquet: marks computed from mark_iv and forward, the file has none" in no_mark.notes


def test_a_mark_of_zero_is_real_but_carries_no_vol(tmp_path):
    call = chain_rows()[4]
    m = read_market(write_chain(tmp_path / "a.parquet", [{**call, "mark": 0.0, "bid": 0.0}]))
    assert m.defects == ()
    assert m.quotes.mark[0] == 0.0
    assert np.isnan(m.quotes.bid[0])
    m = read_market(write_chain(tmp_path / "b.parquet", [{**call, "mark": 0.0, "mark_iv": None}]))
    assert [(d.reason, d.column) for d in m.defects] == [(Reason.MISSING_DATA, "mark_iv")]


def test_cash_settled_options_are_quoted_in_cash(tmp_path):
    rows = []
    for r in chain_rows():
        name = r["instrument"].replace("BTC-", "BTC_USDC-")
        cash = {c: r[c] * r["forward"] for c in ("mark", "bid", "ask")}
        rows.append({**r, **cash, "instrument": name, "currency": "USDC", "mark_iv": None})
    m = read_market(write_chain(tmp_path / "a.parquet", rows))
    assert m.defects == ()
    assert set(m.instruments.form.tolist()) == {PayoffForm.CASH_OPTION}
    np.testing.assert_allclose(m.quotes.vol, [r["mark_iv"] for r in chain_rows()], rtol=1e-3)
    assert any("quoted in a stablecoin, taken as USD" in n for n in m.notes)


def test_a_name_that_contradicts_its_row_is_a_defect(tmp_path):
    rows = chain_rows()[:4]
    rows[0] |= {"strike": 61_000.0}
    rows[1] |= {"expiry": FAR}
    rows[2] |= {"cp": "P"}
    rows[3] |= {"instrument": "BTC-COMBO-1"}
    m = read_market(write_chain(tmp_path / "a.parquet", rows))
    said = [(d.reason, d.row, d.column) for d in m.defects if d.reason is not Reason.MISSING_DATA]
    assert sorted(said) == [
        (Reason.INVALID_VALUE, 1, "strike"),
        (Reason.INVALID_VALUE, 2, "expiry"),
        (Reason.INVALID_VALUE, 3, "cp"),
        (Reason.UNSUPPORTED, 4, "instrument"),
    ]
    assert len(m.instruments) == 3
    assert np.isnan(m.quotes.forward).all()


def test_a_snapshot_is_the_same_after_writing_and_reading(tmp_path):
    given = market()
    for suffix in ("json", "parquet"):
        path = tmp_path / f"m.{suffix}"
        write_market(given, path)
        read = read_market(path)
        assert read.identity == given.identity
        assert (read.as_of, dict(read.index), dict(read.fx)) == (given.as_of, dict(given.index), dict(given.fx))
        assert read.index_confidence == given.index_confidence
        assert read.notes == (f"m.{suffix}: snapshot of 2026-03-02T10:00:00.250Z", "made by hand")
        assert read.defects == ()
    with pytest.raises(InputError, match="cannot be written"):
        write_market(given, tmp_path / "m.csv")


def test_a_snapshot_that_was_changed_is_refused(tmp_path):
    path = tmp_path / "m.json"
    write_market(market(), path)
    path.write_text(path.read_text().replace("80011.5", "80012.5"))
    with pytest.raises(InputError, match=r"(?s)the content is not what was written.*take its identity out"):
        read_market(path)
    frame = tmp_path / "m.parquet"
    write_market(market(), frame)
    pl.read_parquet(frame).with_columns(pl.col("vol") * 1.0000001).write_parquet(frame)
    with pytest.raises(InputError, match="the content is not what was written"):
        read_market(frame)


def test_a_parquet_file_may_hold_many_snapshots(tmp_path):
    write_market(market(), tmp_path / "a.parquet")
    write_market(market().replace(as_of=T0 + HOUR), tmp_path / "b.parquet")
    both = pl.concat([pl.read_parquet(tmp_path / n) for n in ("a.parquet", "b.parquet")])
    both.write_parquet(tmp_path / "c.parquet")
    assert read_market(tmp_path / "c.parquet").as_of == T0 + HOUR
    assert read_market(tmp_path / "c.parquet", at=T0 + 1000).identity == market().identity


SMALL = {
    "as_of": "2026-03-02T10:00:00Z",
    "index": {"BTC": 80_000},
    "instruments": [
        {
            "id": "P",
            "underlying": "BTC",
            "kind": "perpetual",
            "form": "inverse",
            "quote": "USD",
            "settle": "BTC",
            "forward": 80_010,
        },
    ],
}


def test_a_snapshot_by_hand_needs_little(tmp_path):
    m = read_market(write_json(tmp_path / "m.json", SMALL))
    assert m.instruments["P"]["multiplier"] == 1.0
    assert not m.instruments["P"]["upfront"]
    assert (m.quotes.forward[0], m.quotes.confidence[0]) == (80_010.0, 1.0)


@pytest.mark.parametrize(
    ("change", "reason", "column"),
    [
        ({"kind": "swap"}, Reason.INVALID_VALUE, "kind"),
        ({"kind": None}, Reason.MISSING_DATA, "kind"),
        ({"form": "coin_option"}, Reason.INVALID_VALUE, "form"),
        ({"kind": "future"}, Reason.INVALID_VALUE, "expiry"),
        ({"expiry": "2026-06-26"}, Reason.INVALID_VALUE, "expiry"),
        ({"expiry": "soon"}, Reason.UNPARSABLE, "expiry"),
        ({"right": "call"}, Reason.INVALID_VALUE, "right"),
        ({"upfront": "perhaps"}, Reason.INVALID_VALUE, "upfront"),
        ({"underlying": ""}, Reason.MISSING_DATA, "underlying"),
        ({"multiplier": 0}, Reason.INVALID_VALUE, "multiplier"),
        ({"multiplier": "x"}, Reason.UNPARSABLE, "multiplier"),
        ({"forward": "80,010"}, Reason.UNPARSABLE, "forward"),
        ({"forward": None}, Reason.MISSING_DATA, "forward"),
        ({"confidence": 1.5}, Reason.INVALID_VALUE, "confidence"),
    ],
)
def test_each_defect_of_a_snapshot_row(tmp_path, change, reason, column):
    row = {k: v for k, v in (SMALL["instruments"][0] | change).items() if v is not None}
    if "kind" not in row:
        row["kind"] = ""
    m = read_market(write_json(tmp_path / "m.json", SMALL | {"instruments": [row]}))
    found = [d for d in m.defects if d.column == column]
    assert (found[0].reason, found[0].file, found[0].row, found[0].subject) == (reason, "m.json", 1, "P")
    assert found[0].remedy


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"as_of": "today"}, "as_of: 'today' is not an ISO time"),
        ({"prices": {}}, "section 'prices' is not known"),
        ({"index": [1]}, "section 'index' is not an object of prices"),
        ({"instruments": {"P": 1}}, "a list of rows was expected"),
        ({"instruments": [{"id": "P"}]}, "no column 'underlying'"),
        ({"identity": "0"}, "identity differs"),
    ],
)
def test_a_snapshot_that_cannot_be_used(tmp_path, change, said):
    with pytest.raises(InputError, match=said):
        read_market(write_json(tmp_path / "m.json", SMALL | change))


def test_a_price_file_adds_futures_and_currencies(tmp_path):
    chain = write_chain(tmp_path / "btc.parquet")
    prices = write_text(
        tmp_path / "p.csv",
        "instrument,mark,bid,ask,currency,usd",
        "BTC-PERPETUAL,80012.5,80012,80013,,",
        "BTC-26JUN26,81190,,,,",
        ",,,,USDC,0.998",
        ",,,,stETH,2490",
    )
    m = read_market([chain, prices])
    assert (m.as_of, m.defects) == (T0, ())
    assert m.fx == {"USDC": 0.998, "stETH": 2490.0, "USDT": 1.0}
    row = m.rows(np.array(["BTC-PERPETUAL", "BTC-26JUN26"]))
    assert m.quotes.forward[row].tolist() == m.quotes.mark[row].tolist() == [80_012.5, 81_190.0]
    assert STABLE[1] in m.notes
    assert STABLE[0] not in m.notes


def test_a_price_file_of_many_times_follows_the_snapshot(tmp_path):
    chain = write_chain(tmp_path / "btc.parquet")
    rows = [{"ts": T0 + s, "instrument": "BTC-PERPETUAL", "close": 80_000.0 + s / 1000} for s in (-5000, 400, 5000)]
    pl.DataFrame(rows).with_columns(pl.col("ts").cast(pl.Datetime("ms", "UTC"))).write_parquet(tmp_path / "p.parquet")
    m = read_market([chain, tmp_path / "p.parquet"])
    assert m.as_of == T0
    i = m.instruments.index["BTC-PERPETUAL"]
    assert (m.quotes.mark[i], m.quotes.forward[i]) == (80_000.4, 80_000.4)
    assert "p.parquet: marks of futures taken from column close" in m.notes
    assert "p.parquet: prices of 2026-03-02T10:00:00Z" in m.notes


@pytest.mark.parametrize(
    ("lines", "reason", "row", "subject"),
    [
        (("instrument,mark", "BTC-PERPETUAL,x"), Reason.UNPARSABLE, 1, "BTC-PERPETUAL"),
        (("instrument,mark", "BTC-PERPETUAL,80000", "BTC-PERPETUAL,80001"), Reason.DUPLICATE, 2, "BTC-PERPETUAL"),
        (("instrument,mark", "BTC-27MAR26-80000-C,0.05"), Reason.UNSUPPORTED, 1, "BTC-27MAR26-80000-C"),
        (("instrument,mark", "Bitcoin,80000"), Reason.UNSUPPORTED, 1, "Bitcoin"),
        (("currency,usd", "USDC,1", "USDC,2"), Reason.DUPLICATE, 2, "USDC"),
        (("currency,usd", "USDC,"), Reason.UNPARSABLE, 1, "USDC"),
        (("currency,usd", "USDC,-1"), Reason.INVALID_VALUE, 0, "USDC"),
        (("instrument,mark,ts", "BTC-PERPETUAL,80000,2026-03-02T08:30:00Z", "BTC-26JUN26,81000,2026-03-02T09:59:00Z"),
         Reason.STALE, 1, "BTC-PERPETUAL"),
    ],
)  # fmt: skip
def test_each_defect_of_a_price_file(tmp_path, lines, reason, row, subject):
    m = read_market([write_chain(tmp_path / "btc.parquet"), write_text(tmp_path / "p.csv", *lines)])
    found = [d for d in m.defects_of(subject) if d.reason is reason]
    assert [(d.file, d.row) for d in found] == [("p.csv" if row else "", row)]
    assert all(d.remedy for d in found)


def test_a_currency_price_of_a_coin_is_its_index(tmp_path):
    rows = [{k: v for k, v in r.items() if k != "index"} for r in chain_rows()]
    chain = write_chain(tmp_path / "btc.parquet", rows)
    bare = read_market(chain)
    assert [(d.reason, d.subject) for d in bare.defects] == [(Reason.MISSING_DATA, "BTC")]
    assert "currency,usd" in bare.defects[0].remedy
    m = read_market([chain, write_text(tmp_path / "p.csv", "currency,usd", "BTC,79500")])
    assert (m.index, m.defects) == ({"BTC": 79_500.0}, ())


def test_prices_alone_need_a_time(tmp_path):
    with pytest.raises(InputError, match="no file says its time"):
        read_market(write_text(tmp_path / "p.csv", "instrument,mark", "BTC-PERPETUAL,80000"))
    timed = write_text(tmp_path / "q.csv", "instrument,mark,ts", "BTC-PERPETUAL,80000,2026-03-02T10:00:00Z")
    assert read_market(timed).as_of == T0


def summary_rows(vols=True):
    rows = []
    for r in chain_rows():
        rows.append({"instrument_name": r["instrument"], "underlying_price": r["forward"], "mark_price": r["mark"],
                     "bid_price": r["bid"], "ask_price": r["ask"], "estimated_delivery_price": 80_000.0,
                     "interest_rate": 0.0, "creation_timestamp": T0, "mid_price": None})  # fmt: skip
        if vols:
            rows[-1]["mark_iv"] = 100 * r["mark_iv"]
    for name, mark in (("BTC-PERPETUAL", 80_012.5), ("BTC-27MAR26", 80_400.0)):
        rows.append(
            {
                "instrument_name": name,
                "mark_price": mark,
                "estimated_delivery_price": 80_000.0,
                "creation_timestamp": T0,
            }
        )
    return {"jsonrpc": "2.0", "result": rows, "usOut": (T0 + 5) * 1000}


def instrument_rows():
    rows = []
    for r in chain_rows():
        rows.append({"instrument_name": r["instrument"], "kind": "option", "base_currency": "BTC",
                     "quote_currency": "BTC", "settlement_currency": "BTC", "strike": r["strike"],
                     "expiration_timestamp": r["expiry"],
                     "option_type": "call" if r["cp"] == "C" else "put", "settlement_period": "month"})  # fmt: skip
    rows.append({"instrument_name": "BTC-PERPETUAL", "kind": "future", "base_currency": "BTC", "quote_currency": "USD",
                 "expiration_timestamp": 32_503_708_800_000, "settlement_period": "perpetual"})  # fmt: skip
    rows.append({"instrument_name": "BTC-27MAR26", "kind": "future", "base_currency": "BTC", "quote_currency": "USD",
                 "expiration_timestamp": NEAR, "settlement_period": "month"})  # fmt: skip
    rows.append(
        {"instrument_name": "BTC-COMBO-1", "kind": "option_combo", "base_currency": "BTC", "quote_currency": "BTC"}
    )
    return {"jsonrpc": "2.0", "result": rows}


def test_a_summary_beside_its_instruments_in_either_order(tmp_path):
    summary = write_json(tmp_path / "s.json", summary_rows())
    instruments = write_json(tmp_path / "i.json", instrument_rows())
    both, other, alone = read_market([summary, instruments]), read_market([instruments, summary]), read_market(summary)
    chain = read_market(write_chain(tmp_path / "a.parquet"))
    assert both.identity == other.identity == alone.identity
    assert both.defects == ()
    shared = both.rows(chain.instruments.id)
    for column in ("forward", "mark", "bid", "ask"):
        np.testing.assert_array_equal(getattr(both.quotes, column)[shared], getattr(chain.quotes, column))
    np.testing.assert_allclose(both.quotes.vol[shared], chain.quotes.vol, rtol=1e-15)
    assert both.index == {"BTC": 80_000.0}
    assert both.quotes.forward[both.rows(np.array(["BTC-PERPETUAL"]))[0]] == 80_012.5


def test_a_summary_without_vols_has_them_solved(tmp_path):
    m = read_market(write_json(tmp_path / "s.json", summary_rows(vols=False)))
    chain = read_market(write_chain(tmp_path / "a.parquet"))
    np.testing.assert_allclose(m.quotes.vol[m.rows(chain.instruments.id)], chain.quotes.vol, rtol=1e-3)
    assert "s.json: vols of 12 options solved from their marks, the response has none" in m.notes


def test_defects_of_a_summary(tmp_path):
    content = summary_rows()
    content["result"][0]["mark_price"] = "0,05"
    content["result"][1]["instrument_name"] = "BTC-COMBO-1"
    del content["result"][2]["mark_price"]
    m = read_market(write_json(tmp_path / "s.json", content))
    assert [(d.reason, d.row, d.column) for d in m.defects] == [
        (Reason.UNPARSABLE, 1, "mark"),
        (Reason.UNPARSABLE, 3, "mark"),
        (Reason.UNSUPPORTED, 2, "instrument_name"),
    ]


def test_instruments_alone_or_other_json_are_refused(tmp_path):
    with pytest.raises(InputError, match="reference data without prices"):
        read_market(write_json(tmp_path / "i.json", instrument_rows()))
    with pytest.raises(InputError, match="the JSON is no market file's"):
        read_market(write_json(tmp_path / "x.json", {"jsonrpc": "2.0", "result": {"a": 1}}))
    with pytest.raises(InputError, match="no market file's"):
        read_market(write_text(tmp_path / "x.csv", "a,b", "1,2"))
    with pytest.raises(InputError, match="no market file is given"):
        read_market([])


def test_implied_futures_stand_at_forward_and_index(tmp_path):
    chain = write_chain(tmp_path / "btc.parquet")
    prices = write_text(tmp_path / "p.csv", "instrument,mark,currency,usd", "BTC-PERPETUAL,80012.5,,", ",,USDC,0.8")
    plain = read_market([chain, prices])
    m = imply_futures(plain)
    assert m.identity == read_market([chain, prices], imply_futures=True).identity
    added = m.instruments.id[len(plain.instruments) :].tolist()
    assert added == ["BTC-27MAR26", "BTC-26JUN26", "BTC_USDC-PERPETUAL"]
    assert m.quotes.forward[len(plain.instruments) :].tolist() == [80_400.0, 81_200.0, 100_000.0]
    assert (
        m.notes[-1]
        == "implied, not quoted: BTC 2 dated futures at their expiry's forward, BTC_USDC-PERPETUAL at the index"
    )
    assert imply_futures(m) is m


def test_duplicated_rows_are_blanked(tmp_path):
    rows = chain_rows()[:2]
    m = read_market(write_chain(tmp_path / "a.parquet", [*rows, {**rows[0], "mark": 0.3}]))
    assert [(d.reason, d.row, d.subject) for d in m.defects] == [(Reason.DUPLICATE, 3, rows[0]["instrument"])]
    assert m.defects[0].what.endswith("already stands in row 1")
    assert len(m.instruments) == 2
    assert np.isnan(m.quotes.mark[0])
    assert m.quotes.mark[1] == rows[1]["mark"]


def test_every_strike_of_the_fixture_is_there():
    assert {r["strike"] for r in chain_rows("ETH")} == set(STRIKES["ETH"])
    assert json.dumps(chain_rows())
    assert parse_time("2026-03-02T10:00:00Z") == T0
