"""Real files, where they are at hand: every chain is whole and reprices the venue's marks; dirty ones say so."""

from collections import Counter

import numpy as np
import polars as pl
import pytest

from loadline.foundation.errors import InputError, Reason
from loadline.foundation.units import MS_PER_YEAR, parse_time
from loadline.io.book import read_balances, read_book
from loadline.io.market import read_market
from loadline.io.piece import marks_of_vols
from loadline.kernels.black76 import value1
from loadline.model.instruments import Kind

MONTHS = [f"{y}-{m:02d}" for y, m in [(2025, 12), *((2026, m) for m in range(1, 9))]]
CRASH = parse_time("2026-02-05T18:00:00Z")


@pytest.fixture(scope="module")
def last_snapshots(shared):
    """Return the last snapshot of every monthly chain."""
    folder = shared / "data/options"
    if not (folder / "deribit_BTC_chain_2026-02.parquet").is_file():
        pytest.skip("needs the monthly chains of ../shared/data/options")
    return {(c, m): read_market(folder / f"deribit_{c}_chain_{m}.parquet") for c in ("BTC", "ETH") for m in MONTHS}


def test_every_monthly_chain_is_read_without_a_defect(last_snapshots):
    assert len(last_snapshots) == 18
    assert Counter(d.reason for m in last_snapshots.values() for d in m.defects) == {}
    for (coin, month), m in last_snapshots.items():
        assert len(m.instruments) > 600
        assert list(m.index) == [coin]
        assert m.as_of >= parse_time(f"{month}-15")
        assert np.isfinite(m.quotes.forward * m.quotes.vol * m.quotes.mark).all()


def test_vols_reprice_the_venues_marks(last_snapshots):
    errors = np.concatenate(
        [
            np.abs(marks_of_vols(m.as_of, m.instruments, m.quotes.forward, m.quotes.vol) - m.quotes.mark)
            for m in last_snapshots.values()
        ]
    )
    assert np.median(errors) < 6.5e-6
    assert np.quantile(errors, 0.99) < 4.5e-4


def test_a_million_rows_reprice_within_the_errors_stated_for_them(shared):
    errors = []
    for path in sorted((shared / "data/options").glob("deribit_*_chain_202[56]-*.parquet")):
        frame = pl.read_parquet(path, columns=["ts", "expiry", "strike", "cp", "mark", "mark_iv", "forward"])
        years = (frame["expiry"] - frame["ts"]).dt.total_milliseconds().to_numpy() / MS_PER_YEAR
        forward, strike, vol = (frame[c].to_numpy() for c in ("forward", "strike", "mark_iv"))
        right = np.where(frame["cp"].to_numpy() == "C", 1.0, -1.0)
        errors.append(np.abs(value1(forward, strike, vol, years, right) / forward - frame["mark"].to_numpy()))
    if not errors:
        pytest.skip("needs the monthly chains of ../shared/data/options")
    every = np.concatenate(errors)
    assert f"{np.median(every):.0e}" == "5e-06"
    assert np.quantile(every, 0.99) < 4.5e-4


def test_marks_keep_put_call_parity(last_snapshots):
    gaps = []
    for m in last_snapshots.values():
        i, q = m.instruments, m.quotes
        calls = {(e, k): n for n, (e, k, r) in enumerate(zip(i.expiry, i.strike, i.right, strict=True)) if r > 0}
        for n in np.flatnonzero(i.right < 0).tolist():
            c = calls.get((i.expiry[n], i.strike[n]))
            if c is not None:
                gaps.append(abs(q.mark[c] - q.mark[n] - 1 + i.strike[n] / q.forward[n]))
    assert len(gaps) > 6_000
    assert np.median(gaps) < 2.5e-5
    assert np.quantile(gaps, 0.99) < 6.6e-4


def test_the_crash_day_with_its_perpetuals_and_implied_futures(shared):
    files = [shared / f"data/options/deribit_{c}_chain_2026-02.parquet" for c in ("BTC", "ETH")]
    files.append(shared / "data/derivs/deribit_perp_1m_at_snapshots_2025-12_2026-04.parquet")
    if not all(f.is_file() for f in files):
        pytest.skip("needs the chains of February 2026 and their perpetuals in ../shared/data")
    m = read_market(files, at=CRASH, imply_futures=True)
    assert m.as_of <= CRASH
    assert m.defects == ()
    assert sorted(m.index) == ["BTC", "ETH"]
    for coin in m.index:
        perpetual = m.quotes.mark[m.instruments.index[f"{coin}-PERPETUAL"]]
        assert perpetual == pytest.approx(m.index[coin], rel=0.01)
    assert m.instruments.is_kind(Kind.FUTURE).sum() > 20
    assert any(n.startswith("implied, not quoted: BTC") for n in m.notes)


def test_other_chains_are_read_as_far_as_their_columns_go(shared):
    folder = shared / "data/options"
    expected = {
        "deribit_ETH_book_summary_2024-01-08.parquet": (
            {(Reason.MISSING_DATA, "mark_iv"): 2},
            "solved from their marks",
        ),
        "deribit_ETH_chain_2exp_2021-10-01.parquet": ({(Reason.MISSING_DATA, "index"): 1}, "solved from their marks"),
        "deribit_BTC_chain_eod_2021-06_07.parquet": (
            {(Reason.MISSING_DATA, "index"): 1},
            "marks computed from mark_iv",
        ),
    }
    for name, (defects, note) in expected.items():
        if not (folder / name).is_file():
            pytest.skip(f"needs ../shared/data/options/{name}")
        m = read_market(folder / name)
        assert Counter((d.reason, d.column) for d in m.defects) == defects
        assert any(note in n for n in m.notes)
        assert np.isfinite(m.quotes.vol).mean() > 0.99


def test_files_that_are_no_market_are_refused(shared):
    for name in ("options/BTC_chain_iv_2021-10-21.parquet", "testnet/TESTNET_deribit_option_books_2021-02-11.parquet"):
        path = shared / "data" / name
        if path.is_file():
            with pytest.raises(InputError, match="no market file's"):
                read_market(path)


def test_testnet_files_are_dirty_and_say_where(shared):
    path = shared / "data/testnet/TESTNET_deribit_BTC_ETH_chain_2021-02-11.parquet"
    if not path.is_file():
        pytest.skip("needs ../shared/data/testnet")
    both = read_market(path)
    assert Counter(d.reason for d in both.defects) == {Reason.DUPLICATE: 986}  # two passes of one collecting script
    assert np.isnan(both.quotes.mark).all()
    first = read_market(path, at=parse_time("2021-02-11T18:41:00Z"))
    assert len(first.instruments) == 986
    found = Counter((d.reason, d.column) for d in first.defects)
    assert set(found) <= {(Reason.ABSURD, "mark"), (Reason.CROSSED, "bid"), (Reason.ABSURD, "vol")}
    assert all(d.row and d.remedy and d.subject in first.instruments for d in first.defects)
    later = read_market(shared / "data/testnet/TESTNET_deribit_BTC_chain_2024-05-24.parquet")
    assert Counter((d.reason, d.column) for d in later.defects) == {(Reason.MISSING_DATA, "forward"): 7}


def test_deribits_own_account_responses(shared):
    folder = shared / "data/raw/deribit"
    if not folder.is_dir():
        pytest.skip("needs ../shared/data/raw/deribit")
    cash, defects = read_balances(folder / "get_account_summaries_cross_pm_2026-02-15.json")
    assert defects == ()
    assert dict(zip(cash.currency.tolist(), cash.amount.tolist(), strict=True)) == {
        "BTC": 3.48e-05,
        "ETH": 3.1e-05,
        "USDC": 0.01393577,
    }
    book, defects = read_book(folder / "get_subaccounts_details_ETH_2026-02-16.json")
    assert defects == ()
    row = book.positions.row(0)
    assert (row["instrument"], row["quantity"], row["entry"]) == ("ETH-PERPETUAL", 1.0, 2074.25)
    assert row["unsettled"] == pytest.approx(1 / 2090.99 - 1 / 1963.31, abs=1e-9)


def test_instruments_of_2021_agree_with_their_names(shared):
    from loadline.io.codec import read_json
    from loadline.io.venues.deribit_market import read_references
    from loadline.io.venues.deribit_names import parse_name

    folder = shared / "data/raw/deribit"
    for path in sorted(folder.glob("get_instruments_*.json")):
        contracts, defects = read_references(read_json(path), path.name)
        assert defects == []
        for name, row in contracts.items():
            np.testing.assert_equal(row, parse_name(name))
