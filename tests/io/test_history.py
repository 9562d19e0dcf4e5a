"""Histories from made-up files with every defect in them: named, left out or split, and never filled."""

import csv
import math
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadline.foundation.errors import InputError, LoadlineError
from loadline.foundation.units import MS_PER_DAY, parse_time
from loadline.io.bars import Source, factor_of
from loadline.io.history import read_history
from loadline.model.history import History
from tests.io.test_fuzz import ODD_CELLS, damage, spoil

DAY = MS_PER_DAY
START = parse_time("2024-01-01")


def walk(n: int, seed: int = 1, start: float = 100.0) -> np.ndarray:
    moves = np.random.default_rng(seed).normal(0.0, 0.03, n)
    return start * np.exp(np.cumsum(moves))


def write(path: Path, rows: list[dict]) -> Path:
    with path.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


def days(close, symbol="BTC", start=START, step=DAY, **more) -> list[dict]:
    columns = {k: np.broadcast_to(v, len(close)) for k, v in more.items()}
    return [
        {"ts": start + i * step, "symbol": symbol, "close": float(c), **{k: v[i] for k, v in columns.items()}}
        for i, c in enumerate(close)
    ]


def said(history: History) -> str:
    return "\n".join(d.what for d in history.defects)


def test_a_clean_file_has_no_defects_and_rows_are_known_at_the_close(tmp_path):
    close = walk(50)
    got = read_history([write(tmp_path / "a.csv", days(close, volume=2.0))])
    assert got.defects == () and got.names == ("BTC",) and got.step == DAY
    assert got.time[0] == START + DAY  # the file's times are when bars open
    np.testing.assert_array_equal(got.close[:, 0], close)
    np.testing.assert_allclose(got.volume[:, 0], 2.0 * close)
    assert "sha256:" in got.source[0]
    late = read_history([Source(tmp_path / "a.csv", stamp="close")])
    assert late.time[0] == START


def test_parquet_wide_and_single_forms_say_the_same(tmp_path):
    close = walk(30)
    long = read_history([write(tmp_path / "long.csv", days(close))])
    rows = [{"date": r["ts"], "BTCUSDT": r["close"]} for r in days(close)]
    wide = read_history([write(tmp_path / "wide.csv", rows)])
    alone = write(tmp_path / "alone.csv", [{"ts": r["ts"], "close": r["close"]} for r in days(close)])
    single = read_history([Source(alone, factor="BTC")])
    frame = pl.DataFrame(days(close)).with_columns(pl.from_epoch("ts", "ms").cast(pl.Datetime("ns", "UTC")))
    frame.write_parquet(tmp_path / "long.parquet")
    parquet = read_history([tmp_path / "long.parquet"])
    assert long.identity == wide.identity == single.identity == parquet.identity
    with pytest.raises(InputError, match="whose prices"):
        read_history([alone])


def test_missing_bars_are_named_and_no_return_stands_in_for_them(tmp_path):
    rows = days(walk(30))
    del rows[10:12]
    got = read_history([write(tmp_path / "a.csv", rows)])
    assert "BTC: 2 bars are missing, 2024-01-11" in said(got)
    assert len(got) == 28
    r = got.returns()[:, 0]
    assert np.isnan(r[0]) and np.isnan(r[10]) and np.isfinite(r[[9, 11]]).all()
    two = got.returns(2)[:, 0]
    assert np.isnan(two[[10, 11]]).all() and np.isfinite(two[12])


def test_a_relisted_symbol_is_another_factor(tmp_path):
    old, new = days(walk(40) * 0 + 1e-4 * walk(40)), days(walk(40, 2), start=START + 58 * DAY)
    got = read_history([write(tmp_path / "a.csv", [dict(r, symbol="LUNAUSDT") for r in old + new])])
    assert got.names == ("LUNA", "LUNA#2") and "relisted after 19 days" in said(got)
    r = got.returns()
    assert np.isfinite(r[:, 0]).sum() == 39 and np.isfinite(r[:, 1]).sum() == 39
    assert np.nanmax(np.abs(r)) < 0.2


def test_a_delisting_and_return_at_a_like_price_is_one_factor_without_a_return_across(tmp_path):
    rows = days(walk(80))
    del rows[30:60]
    got = read_history([write(tmp_path / "a.csv", rows)])
    assert got.names == ("BTC",) and "no bars for 31 days" in said(got)
    assert np.isfinite(got.returns(31)[:, 0]).sum() == 0  # an end 31 days later exists, but in another segment


def test_a_change_of_unit_without_a_gap_is_split(tmp_path):
    close = walk(60)
    close[30:] /= 1000.0
    got = read_history([write(tmp_path / "a.csv", days(close))])
    assert got.names == ("BTC", "BTC#2") and "a new unit or a new asset" in said(got)
    assert np.nanmax(np.abs(got.returns())) < 0.2


def test_a_spike_is_left_out_and_a_crash_is_kept(tmp_path):
    close = walk(60)
    close[20] *= 10.0
    close[40:] *= 0.3
    got = read_history([write(tmp_path / "a.csv", days(close))])
    assert "a close of" in said(got) and len(got.defects) == 2  # the spike, and the bar that is then missing
    assert got.returns()[got.time == START + 41 * DAY, 0] < -1.0


def test_a_stuck_price_is_left_out_unless_it_is_a_stablecoin(tmp_path):
    close = walk(200)
    close[100:115] = close[100]
    got = read_history([write(tmp_path / "a.csv", days(close))])
    assert "the close stays" in said(got) and "for 15 bars" in said(got)
    assert len(got) == 200 - 14
    cash = read_history([write(tmp_path / "b.csv", days(1.0 + 0 * close, "USDCUSDT"))])
    assert len(cash) == 200 and "a stablecoin may stay put" in said(cash)


def test_a_coarse_tick_is_not_taken_for_a_stuck_price(tmp_path):
    ticks = np.random.default_rng(3).choice([-1, 0, 0, 1], 2000)
    close = 1000.0 + np.cumsum(ticks)
    longest = max(len(x) for x in "".join("0" if t == 0 else "1" for t in ticks).split("1"))
    assert longest >= 6  # the plain threshold alone would cut these
    got = read_history([write(tmp_path / "a.csv", days(close, step=3_600_000))])
    assert got.defects == ()


def test_bars_without_volume_are_left_out(tmp_path):
    volume = np.ones(30)
    volume[5:8] = 0.0
    got = read_history([write(tmp_path / "a.csv", days(walk(30), volume=volume))])
    assert "3 bars without volume" in said(got) and len(got) == 27


def test_duplicates_disorder_and_uneven_steps(tmp_path):
    rows = days(walk(30))
    rows[3]["ts"] += 5_000
    rows.insert(10, dict(rows[10]))
    rows.insert(20, dict(rows[20], close=1.0))
    rows[25], rows[26] = rows[26], rows[25]
    got = read_history([write(tmp_path / "a.csv", rows)])
    for words in ("uneven step", "they agree, one kept", "they differ, left out", "stand after a later one"):
        assert words in said(got), words
    assert len(got) == 28 and (np.diff(got.time) % DAY == 0).all()


def test_cells_that_are_no_prices(tmp_path):
    rows = days(walk(30))
    for i, bad in enumerate(["nan", "", "-5", "0", "1,000", "inf"]):
        rows[2 * i + 2]["close"] = bad
    rows[20]["ts"] = "yesterday"
    got = read_history([write(tmp_path / "a.csv", rows)])
    assert len(got) == 30 - 7 and np.isfinite(got.close).all()
    rows = {d.row for d in got.defects}
    assert {3, 7, 9, 11, 13, 21} <= rows


def test_sources_are_joined_in_returns(tmp_path):
    close = walk(100)
    first = write(tmp_path / "first.csv", days(close[40:70], start=START + 40 * DAY))
    second = write(tmp_path / "second.csv", days(close * 1.01))
    got = read_history([first, second])
    np.testing.assert_allclose(got.returns()[1:, 0], np.diff(np.log(close)), rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(got.close[:, 0], close, rtol=1e-12)  # in the level of the first
    assert got.defects == () and sum("joined in returns" in s for s in got.source) == 2


def test_a_hole_is_bridged_by_a_source_that_has_a_bar_in_common_with_both_sides(tmp_path):
    close = walk(100)
    rows = days(close)
    late = write(tmp_path / "late.csv", rows[60:])
    early = write(tmp_path / "early.csv", [dict(r, close=r["close"] * 0.9) for r in rows[:40]])
    bridge = write(tmp_path / "bridge.csv", [dict(r, close=r["close"] * 1.1) for r in rows[35:65]])
    apart = read_history([late, early])
    assert "no source spans" in said(apart) and np.isnan(apart.returns(21)[40, 0])
    whole = read_history([late, early, bridge])
    assert "no source spans" not in said(whole)
    assert "which both have, another source stands at" in said(whole)  # 10 % apart: joined, and told
    np.testing.assert_allclose(whole.returns()[1:, 0], np.diff(np.log(close)), rtol=1e-9, atol=1e-12)


def test_finer_bars_are_put_on_the_longer_step(tmp_path):
    hourly = walk(24 * 10)
    a = write(tmp_path / "hours.csv", days(hourly, step=3_600_000, volume=1.0))
    b = write(tmp_path / "days.csv", days(walk(10), "ETH"))
    got = read_history([a, b])
    assert got.step == DAY and len(got) == 10
    np.testing.assert_array_equal(got.close[:, 0], hourly[23::24])
    np.testing.assert_allclose(got.volume[:, 0], hourly.reshape(10, 24).sum(1))


def test_vols_from_a_file_of_their_own(tmp_path):
    prices = write(tmp_path / "p.csv", days(walk(30)))
    vols = write(tmp_path / "v.csv", [{"ts": START + i * DAY, "dvol": 50 + i} for i in range(5, 25)])
    got = read_history([prices, Source(vols, factor="BTC")])
    assert got.implied[5, 0] == 0.55 and np.isfinite(got.implied).sum() == 20
    assert np.isfinite(got.level_moves()[:, 0]).sum() == 19


def test_symbols_choose_and_two_of_one_factor_are_refused(tmp_path):
    both = write(tmp_path / "a.csv", days(walk(9), "BTCUSDT") + days(walk(9), "BTC-USD") + days(walk(9), "ETH-USD"))
    with pytest.raises(InputError, match="both prices of BTC"):
        read_history([both])
    assert read_history([both], symbols=["BTCUSDT", "ETH"]).names == ("BTC", "ETH")
    with pytest.raises(InputError, match="no bars of DOGE"):
        read_history([both], symbols=["DOGE"])


@pytest.mark.parametrize(
    "columns", [("time", "sym", "px"), ("time", "coin", "price"), ("time", "last"), ("time", "high", "low")]
)
def test_prices_under_another_name_are_no_coins(tmp_path: Path, columns: tuple[str, ...]) -> None:
    rows = [{c: "BTC" if c in ("sym", "coin") else x for c in columns} | {"time": START + n * DAY}
            for n, x in enumerate(walk(40).tolist())]  # fmt: skip
    with pytest.raises(InputError, match=rf"no column close, and no coin of the name .*{columns[-1]}"):
        read_history([write(tmp_path / "odd.csv", rows)])


def test_an_option_chain_is_no_file_of_bars(tmp_path: Path) -> None:
    row = {"ts": START, "instrument": "BTC-26JUN26-90000-C", "mark_iv": 0.6, "forward": 84000.0}
    with pytest.raises(InputError, match="this is an option chain, not a file of bars"):
        read_history([write(tmp_path / "chain.csv", [row])])


def test_a_coin_that_a_wide_file_lists_late_is_no_defect(tmp_path):
    rows = [{"ts": START + i * DAY, "BTC": c, "NEW": c if i >= 20 else ""} for i, c in enumerate(walk(40))]
    got = read_history([write(tmp_path / "a.csv", rows)])
    assert got.defects == () and np.isfinite(got.close).sum(0).tolist() == [40, 20]


def test_monthly_bars_are_no_relistings(tmp_path):
    got = read_history([write(tmp_path / "a.csv", days(walk(40), step=28 * DAY))])
    assert got.defects == () and np.isfinite(got.returns()[:, 0]).sum() == 39


def test_bars_of_several_venues_are_told_apart(tmp_path):
    rows = [dict(r, venue=v) for v in ("kraken", "coinbase") for r in days(walk(9), "BTCUSD")]
    path = write(tmp_path / "a.csv", rows)
    with pytest.raises(InputError, match="coinbase:BTCUSD and kraken:BTCUSD are both prices of BTC"):
        read_history([path])
    got = read_history([path], symbols=["kraken:BTCUSD"])
    assert got.names == ("BTC",) and len(got) == 9 and got.defects == ()


def test_nothing_later_is_left_after_a_cut(tmp_path):
    got = read_history([write(tmp_path / "a.csv", days(walk(30)))])
    cut = got.until(START + 10 * DAY)
    assert len(cut) == 10 and cut.time[-1] == START + 10 * DAY
    assert len(got.until(START)) == 0


def test_longer_bars_end_where_asked(tmp_path):
    got = read_history([write(tmp_path / "a.csv", days(walk(24 * 5), step=3_600_000, volume=1.0))])
    ending = START + 77 * 3_600_000
    daily = got.every(DAY, ending=ending)
    assert daily.time[-1] == ending and (np.diff(daily.time) == DAY).all()
    assert np.isnan(daily.volume[0, 0])  # less than a day of bars before it
    one = got.rows(np.flatnonzero((got.time > ending - DAY) & (got.time <= ending)))
    np.testing.assert_allclose(daily.volume[-1, 0], one.volume.sum())


@pytest.mark.parametrize("symbol", ["FDUSDUSDT", "1000PEPEUSDT", "btc-perpetual", "SOL_USDC"])
def test_symbols_become_factors(symbol):
    want = {"FDUSDUSDT": "FDUSD", "1000PEPEUSDT": "1000PEPE", "btc-perpetual": "btc", "SOL_USDC": "SOL"}
    assert factor_of(symbol) == want[symbol]


@given(how=damage(), seed=st.integers(0, 3))
def test_corrupted_files_give_a_history_or_a_clear_refusal(tmp_path_factory, how, seed):
    folder = tmp_path_factory.mktemp("fuzz")
    good = write(folder / "good.csv", days(walk(30, seed), volume=1.0, implied=0.5))
    bad = folder / "bad.csv"
    bad.write_bytes(spoil(good.read_bytes(), how))
    try:
        got = read_history([bad])
    except LoadlineError:
        return
    usable(got)


@given(cells=st.lists(ODD_CELLS, min_size=1, max_size=8), column=st.sampled_from(["ts", "close", "symbol", "volume"]))
def test_odd_cells_never_become_prices(tmp_path_factory, cells, column):
    import json

    rows = days(walk(12), volume=1.0)
    for i, cell in enumerate(cells):
        rows[i + 2][column] = cell
    path = tmp_path_factory.mktemp("odd") / "a.json"
    path.write_text(json.dumps(rows))
    try:
        got = read_history([path])
    except LoadlineError:
        return
    usable(got)


def usable(got: History) -> None:
    """Every figure of a history is a number that can be, or NaN; times rise."""
    assert (np.diff(got.time) > 0).all()
    for name in ("close", "volume", "implied"):
        x = getattr(got, name)
        assert not np.isinf(x).any() and not (x < 0).any()
    assert (got.close > 0)[np.isfinite(got.close)].all()
    r = got.returns()
    assert not np.isinf(r).any() and (np.abs(r[np.isfinite(r)]) <= math.log(1e18)).all()


# --- real prices, skipped where they are not at hand ------------------------------------------------------------------


@pytest.fixture(scope="module")
def prices(shared: Path) -> Path:
    folder = shared / "data" / "prices"
    if not folder.is_dir():
        pytest.skip("needs ../shared/data/prices (bars of several exchanges, not in the repository)")
    return folder


def test_luna_is_two_assets(prices):
    got = read_history([prices / "close_1h_binance_spot_2021_2025.parquet"], symbols=["LUNAUSDT", "USDCUSDT", "FTT"])
    assert got.names == ("FTT", "LUNA", "LUNA#2", "USDC")
    assert "relisted after 18.2 days at 1.71e+05 times the price" in said(got)
    assert "FTT: no bars for 311 days" in said(got) and "USDC: no bars for 166 days" in said(got)
    assert "LUNA: a close of" not in said(got)  # its crash is no bad tick
    assert -2.1 < np.nanmin(got.returns()[:, 1]) < -2.0 and np.nanmax(np.abs(got.returns()[:, 2])) < 1.0


def test_ten_years_of_bitcoin_from_three_exchanges(prices):
    got = read_history(
        [
            prices / "ohlcv_1h_binance_usdm_perp_2023_2026.parquet",
            prices / "ohlcv_1h_binance_spot_BTC_ETH_2017_2022.parquet",
            Source(prices / "ohlcv_1d_yahoo_2014_2025.parquet", volume="usd"),
        ],
        symbols=["BTC", "ETH"],
    )
    assert got.step == DAY and "no source spans" not in said(got)
    assert np.isfinite(got.returns()).sum(0).tolist() == [4204, 3137]
    day = got.time == parse_time("2020-03-13")  # the bar of 12 March
    assert got.returns()[day, 0] == pytest.approx(-0.5026, abs=1e-4)
