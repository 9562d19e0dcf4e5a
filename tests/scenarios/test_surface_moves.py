"""Surface moves on chains that move as told, and on real ones where they are at hand."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadline.foundation.errors import InputError, LoadlineError
from loadline.foundation.units import MS_PER_DAY, MS_PER_YEAR
from loadline.io.chain_surfaces import read_surfaces
from loadline.kernels.black76 import value1
from loadline.scenarios.components import components
from loadline.scenarios.surface_moves import residuals_of, scaled, surface_moves, surfaces, tenor_power
from tests.io.test_fuzz import damage, spoil
from tests.scenarios.made_chains import T0, made

DAY = MS_PER_DAY


def test_the_level_is_thirty_day_variance_between_two_expiries():
    x = np.linspace(-0.3, 0.3, 7)
    rows = [(T0 + d * DAY, k, v) for d, v in ((20, 0.4), (50, 0.6)) for k in x]
    expiry = np.array([r[0] for r in rows])
    strike, vol = 100.0 * np.exp([r[1] for r in rows]), np.array([r[2] for r in rows])
    of = surfaces("BTC", np.full(14, T0), expiry, strike, vol, np.full(14, 100.0))
    total = 0.4**2 * 20 + (0.6**2 * 50 - 0.4**2 * 20) / 3
    assert of.level()[0] == pytest.approx(np.sqrt(total / 30), rel=1e-12)
    assert np.isnan(of.level(90.0)[0]) and of.level(15.0)[0] == pytest.approx(0.4)


def test_a_chain_that_follows_the_model_leaves_nothing_over():
    of, level, price = made(powers=(0.5, 0.7))
    moves = surface_moves(of, DAY, powers=(0.5, 0.7))
    # The level is read between two expiries that move by unlike shares and come nearer: near what moved it, not equal.
    n = np.searchsorted(of.time, moves.start)
    m = np.searchsorted(of.time, moves.end)
    assert np.corrcoef(moves.level, level[m] - level[n])[0, 1] > 0.995
    np.testing.assert_allclose(moves.spot, price[m] - price[n], atol=1e-9)
    assert (moves.residual**2).mean() < 0.03 * (moves.total**2).mean()


def test_residuals_give_back_the_smile_that_came():
    """What the model does to a smile, with the level and residual of a date, is the smile of the later snapshot."""
    of, _, _ = made(shape=lambda n, days, x: 0.02 * np.sin(n) * x / np.sqrt(days / 30.0))
    moves = surface_moves(
        of, DAY, moneyness=np.linspace(-2, 2, 17), tenor=(4, 8, 12, 16, 23, 30, 43, 58, 73, 93, 128, 178, 238, 308)
    )
    residual = residuals_of([moves])
    for r in (0, 7, 20):
        i, j = (int(np.searchsorted(of.time, x[r])) for x in (moves.start, moves.end))
        later = {s.expiry: s for s in of.smiles[j]}
        for a in of.smiles[i]:
            b = later.get(a.expiry)
            if b is None:
                continue
            left = (a.expiry - of.time[j]) / DAY
            width = float(a.at(0.0)) * np.sqrt(left * DAY / MS_PER_YEAR)
            x = np.linspace(-1.5, 1.5, 7) * width
            share = scaled(np.array([(a.expiry - of.time[i]) / DAY]), (0.45, 0.65))[0]
            shape = residual.at("BTC", np.full(7, left), x / width)[:, r]
            # Between nodes the shape is linear in moneyness and in ln(tenor): a hundredth of a vol point is left.
            np.testing.assert_allclose(a.at(x) * np.exp(moves.level[r] * share + shape), b.at(x), rtol=0.01)


def test_powers_are_measured():
    for powers in ((0.45, 0.65), (0.3, 0.75)):
        moves = surface_moves(made(powers=powers, snapshots=70, hours=6)[0], DAY)
        beta, found = tenor_power(moves)
        assert found == pytest.approx(powers, abs=0.06)
        assert (np.diff(beta) < 0).all()


def test_components_are_told_apart_by_shape():
    draw = np.random.default_rng(2)
    tenor, side = np.linspace(2.0, 0.5, 5)[:, None], np.linspace(-1, 1, 7)[None, :]
    shapes = [tenor * np.ones((5, 7)), np.ones((5, 1)) * side, (np.linspace(-1, 1, 5)[:, None]) * np.ones((5, 7))]
    size = np.array([1.0, 0.3, 0.2])
    weights = draw.normal(0, 1, (400, 3)) * size
    found = components(np.einsum("rk,kab->rab", weights, np.array(shapes)))
    assert found.word == ("level", "skew", "term") and found.share.sum() == pytest.approx(1.0)
    assert (np.diff(found.share) < 0).all()
    assert all(sum(p.values()) == pytest.approx(1.0) for p in found.parts)
    flipped = components(-np.einsum("rk,kab->rab", weights, np.array(shapes)))
    np.testing.assert_allclose(flipped.loading, found.loading, atol=1e-9)
    with pytest.raises(InputError, match="moves for 3 components"):
        components(np.zeros((2, 5, 7)))


def test_surfaces_know_nothing_of_what_comes_later():
    of, _, _ = made(snapshots=40)
    other, _, _ = made(snapshots=40, seed=1, shape=lambda n, days, x: 0.0 if n < 20 else 0.3 + 0 * x)
    cut = int(of.time[19])
    a, b = (surface_moves(s.until(cut), DAY) for s in (of, other))
    np.testing.assert_array_equal(a.residual, b.residual)
    np.testing.assert_array_equal(a.level, b.level)
    assert a.end.max() <= cut


def test_coins_share_their_dates():
    btc = surface_moves(made("BTC")[0], DAY)
    eth = surface_moves(made("ETH", seed=5, snapshots=30)[0], DAY)
    both = residuals_of([btc, eth])
    assert len(both) == len(eth.start) < len(btc.start)
    np.testing.assert_array_equal(both.values["ETH"], eth.residual)
    late = surface_moves(made("SOL", snapshots=6)[0].until(0), DAY)
    with pytest.raises(InputError, match="no snapshot in common"):
        residuals_of([btc, late])


def test_snapshots_are_thinned_to_one_a_day():
    of, _, _ = made(snapshots=40)
    thin = surface_moves(of, DAY, every_ms=DAY)
    assert (np.diff(thin.start) >= DAY).all() and len(thin.start) == 9


def test_rows_that_are_no_vols_are_left_out_and_counted(tmp_path):
    of, _, _ = made(snapshots=2)
    rows = []
    for t, smiles in zip(of.time.tolist(), of.smiles, strict=True):
        for s in smiles:
            day = pl.from_epoch(pl.Series([s.expiry]), "ms").dt.strftime("%-d%b%y")[0].upper()
            for k, v in zip((s.forward * np.exp(s.x)).round(), s.vol, strict=True):
                name = f"BTC-{day}-{k:.0f}-C"
                rows.append({"ts": t, "instrument": name, "mark_iv": v, "forward": s.forward, "mark": 0.01})
    rows[3]["mark_iv"], rows[4]["mark"], rows[5]["forward"] = None, 0.0, None
    rows[6]["mark_iv"], rows[7]["instrument"] = 65.0, "BTC-PERPETUAL"
    for name in ("a.parquet", "a.csv"):
        path = tmp_path / name
        frame = pl.DataFrame(rows)
        frame.write_parquet(path) if name.endswith("parquet") else frame.write_csv(path)
        got = read_surfaces([path])
        assert list(got.by_coin) == ["BTC"] and len(got.by_coin["BTC"]) == 2
        said = got.defects[0].what
        for words in (
            "1 without a vol",
            "1 with a mark of 0",
            "1 without a forward",
            "1 with an absurd vol",
            "1 no opt",
        ):
            assert words in said
        np.testing.assert_allclose(got.by_coin["BTC"].level(), of.level(), rtol=1e-3)  # strikes are rounded
    pl.DataFrame(rows).drop("mark_iv", "forward").write_parquet(tmp_path / "b.parquet")
    with pytest.raises(InputError, match="no column mark_iv, forward"):
        read_surfaces([tmp_path / "b.parquet"])


@pytest.fixture(scope="module")
def chains(shared: Path):
    files = sorted((shared / "data" / "options").glob("deribit_*_chain_2026-0[12].parquet"))
    if not files:
        pytest.skip("needs ../shared/data/options (Deribit option chain snapshots, not in the repository)")
    return read_surfaces(files)


def test_real_surfaces_move_by_level_first_then_term_and_skew(chains):
    for coin in ("BTC", "ETH"):
        moves = surface_moves(chains.by_coin[coin], DAY)
        found = components(moves.total)
        assert found.word[0] == "level" and 0.8 < found.share[0] < 0.95
        assert 0.02 < found.share[1] < 0.1 and 0.01 < found.share[2] < 0.06
        beta, (below, above) = tenor_power(moves)
        assert 0.3 < below < 0.6 and 0.55 < above < 0.8 and (np.diff(beta) < 0).all()
        assert (moves.residual**2).mean() < 0.35 * (moves.total**2).mean()
    btc = surface_moves(chains.by_coin["BTC"], DAY)
    assert np.corrcoef(btc.level, btc.spot)[0, 1] < -0.5


@pytest.mark.parametrize("settled", ["BTC", "USDC"])
def test_the_spread_of_vol_is_read_from_bid_and_ask(tmp_path, settled) -> None:
    """Options quoted a hundredth of vol either side at 30 days, and less by the root of time beyond."""
    coin = "BTC" if settled == "BTC" else "BTC_USDC"
    rows, forward, vol = [], 50_000.0, 0.6
    for expiry, name in ((T0 + 30 * DAY, "31JAN26"), (T0 + 120 * DAY, "1MAY26")):
        years = (expiry - T0) / MS_PER_YEAR
        half = 0.01 * np.sqrt(30.0 / (years * 365.0))
        for k in range(30_000, 80_001, 1000):
            low, high = (float(value1(np.array([forward]), np.array([k]), np.array([vol + s * half]), np.array([years]),
                                      np.array([1.0]))[0]) for s in (-1, 1))  # fmt: skip
            unit = forward if settled == "BTC" else 1.0
            quote = {"bid": low / unit, "ask": high / unit, "mark": (low + high) / 2 / unit}
            rows.append({"ts": T0, "instrument": f"{coin}-{name}-{k}-C", "mark_iv": vol, "forward": forward, **quote})
    pl.DataFrame(rows).write_parquet(tmp_path / "a.parquet")
    assert read_surfaces([tmp_path / "a.parquet"]).by_coin["BTC"].spread == pytest.approx([0.01], rel=0.02)
    pl.DataFrame(rows).drop("bid").write_parquet(tmp_path / "b.parquet")
    assert np.isnan(read_surfaces([tmp_path / "b.parquet"]).by_coin["BTC"].spread).all()


@given(how=damage(), suffix=st.sampled_from([".csv", ".parquet"]))
def test_corrupted_chains_give_surfaces_or_a_clear_refusal(tmp_path_factory, how, suffix) -> None:
    folder = tmp_path_factory.mktemp("chain")
    names = [f"BTC-30JAN26-{k}-C" for k in range(40_000, 60_001, 2000)]
    frame = pl.DataFrame({"ts": T0, "instrument": names, "mark_iv": 0.6, "forward": 50_000.0, "mark": 0.05})
    path = folder / f"good{suffix}"
    frame.write_csv(path) if suffix == ".csv" else frame.write_parquet(path)
    bad = folder / f"bad{suffix}"
    bad.write_bytes(spoil(path.read_bytes(), how))
    try:
        found = read_surfaces([bad])
    except LoadlineError:
        return
    for of in found.by_coin.values():
        for smiles in of.smiles:
            for s in smiles:
                assert (s.vol > 0).all() and np.isfinite(s.vol).all() and (np.diff(s.x) > 0).all()
