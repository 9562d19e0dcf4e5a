"""Joint moves from made-up histories: what is measured, what is filled by rule and told; nothing from the future."""

import numpy as np
import pytest

from loadline.forecast.volatility import ewma
from loadline.foundation.errors import InputError
from loadline.foundation.units import MS_PER_DAY
from loadline.model.history import History
from loadline.scenarios.history_moves import measured, moves_of
from loadline.scenarios.levels import LevelModel, fill_levels, fit_levels
from loadline.scenarios.moves import filtered_scenarios
from loadline.scenarios.surface_moves import surface_moves
from tests.scenarios.made_chains import made

DAY = MS_PER_DAY
FIELDS = ("start", "end", "spot", "level", "sigma")


def bars(n=600, names=("BTC", "ETH", "SOL"), seed=1, vols=True, step=DAY) -> History:
    draw = np.random.default_rng(seed)
    common, own = draw.standard_t(4, n) * 0.02, draw.standard_t(4, (n, len(names))) * 0.01
    r = common[:, None] + own
    implied = np.full(r.shape, np.nan)
    if vols:
        level = 0.03 * draw.standard_normal(n) - 0.5 * r[:, 0]
        implied[:, 0] = 0.5 * np.exp(np.cumsum(level - level.mean()) * 0.3)
    return History.of(np.arange(1, n + 1) * step, names, 100 * np.exp(np.cumsum(r, axis=0)), step=step, implied=implied)


def changed(h: History, **columns) -> History:
    old = {c: getattr(h, c) for c in ("close", "volume", "implied", "segment")}
    return History.of(h.time, h.names, **(old | columns), step=h.step)


def test_moves_are_the_returns_and_forecasts_of_their_dates():
    h = bars()
    got = measured(h, as_of=int(h.time[-1]), days=2)
    m = got.moves
    rows = np.searchsorted(h.time, m.start)
    np.testing.assert_allclose(m.spot, np.log(h.close[rows + 2] / h.close[rows]), atol=1e-13)
    assert m.end[-1] == h.time[-1] and (m.end - m.start == 2 * DAY).all() and len(m) == 600 - 60 - 2
    r = h.returns()[1:, 1]
    path = ewma(r, 0.97, float((r[:30] ** 2).mean()))
    np.testing.assert_allclose(m.sigma[:, 1], np.sqrt(2 * path[rows]), rtol=1e-12)
    assert got.sigma_now[1] == pytest.approx(np.sqrt(2 * path[-1]))
    known = ~got.level_filled[:, 0]
    np.testing.assert_allclose(m.level[known, 0], h.level_moves(2)[rows + 2, 0][known], atol=1e-13)
    assert not got.spot_filled.any()


@pytest.mark.parametrize("days", [1.0, {"SOL": 5.0}])
def test_each_asset_has_its_own_period_from_one_start(days):
    h = bars()
    m = moves_of(h, as_of=int(h.time[-1]), days=days)
    longest = 1 if days == 1.0 else 5
    rows = np.searchsorted(h.time, m.start)
    assert rows[-1] + longest == len(h) - 1
    np.testing.assert_allclose(m.spot[:, 2], np.log(h.close[rows + longest, 2] / h.close[rows, 2]), atol=1e-13)
    assert m.days.tolist() == ([1, 1, 1] if days == 1.0 else [2, 2, 5])


@pytest.mark.parametrize("cut", [400, 450])
def test_nothing_that_comes_later_changes_anything(cut):
    h = bars()
    as_of = int(h.time[cut])
    draw = np.random.default_rng(7)
    spoiled = h.close.copy()
    spoiled[cut + 1 :] *= np.exp(draw.normal(0, 1.0, spoiled[cut + 1 :].shape))
    implied = h.implied.copy()
    implied[cut + 1 :] *= 3.0
    of = made(snapshots=40)[0]
    a, b, c = (
        measured(x, as_of=as_of, surface=[surface_moves(of, DAY)])
        for x in (h, changed(h, close=spoiled, implied=implied), h.until(as_of))
    )
    for other in (b, c):
        for name in FIELDS:
            np.testing.assert_array_equal(getattr(a.moves, name), getattr(other.moves, name))
        np.testing.assert_array_equal(a.sigma_now, other.sigma_now)
    assert a.moves.end.max() <= as_of and a.moves.residual is None  # the chains begin decades later


def test_surfaces_enter_once_their_move_is_over():
    of = made(snapshots=40)[0]
    surface = surface_moves(of, DAY)
    h = bars(700)
    shift = int(of.time[20]) - int(h.time[-1])
    late = History.of(h.time + shift, h.names, h.close, step=DAY, implied=h.implied)
    got = moves_of(late, as_of=int(of.time[20]), surface=[surface])
    assert got.residual is not None and 0 < len(got.residual) < len(surface.start)
    assert got.residual.start.max() + DAY - 3 * 3_600_000 <= int(of.time[20])


def test_an_implied_vol_counts_a_day_after_its_time():
    h = bars()
    as_of = int(h.time[-1])
    prompt, late = (measured(h, as_of=as_of, implied_lag_ms=lag) for lag in (0, DAY))
    assert not prompt.level_filled[-1, 0] and late.level_filled[-1, 0] and not late.level_filled[-2, 0]


def test_a_coin_listed_late_is_filled_by_its_beta_and_told():
    h = bars(900)
    close = h.close.copy()
    close[:500, 2] = np.nan
    got = measured(changed(h, close=close), as_of=int(h.time[-1]))
    filled = got.spot_filled[:, 2]
    assert filled.sum() == 500 and not got.spot_filled[:, :2].any()
    assert any(n.startswith("SOL: 500 of 838 scenarios from before its listing") for n in got.notes)
    assert np.isfinite(got.moves.spot).all() and np.isfinite(got.moves.sigma).all()
    z = got.moves.spot / got.moves.sigma
    assert np.corrcoef(z[filled, 0], z[filled, 2])[0, 1] == pytest.approx(
        np.corrcoef(z[~filled, 0], z[~filled, 2])[0, 1], abs=0.12
    )
    assert z[filled, 2].std() == pytest.approx(z[~filled, 2].std(), rel=0.2)
    # No coin's draw depends on which others are there, nor its own moves on the rule.
    two = measured(changed(h, close=close).select(["BTC", "SOL"]), as_of=int(h.time[-1]))
    np.testing.assert_array_equal(two.moves.spot[:, 1], got.moves.spot[:, 2])


def test_too_short_a_history_is_left_out_and_named():
    h = bars()
    close = h.close.copy()
    close[:400, 1] = np.nan
    got = measured(changed(h, close=close), as_of=int(h.time[-1]))
    assert got.left_out == ("ETH",) and got.moves.names == ("BTC", "SOL")
    ended = h.close.copy()
    ended[590:, 1] = np.nan
    silent = measured(changed(h, close=ended), as_of=int(h.time[-1]))
    assert silent.left_out == ("ETH",) and "ETH: the last bar lies 10 days back, left out" in silent.notes
    with pytest.raises(InputError, match="250 are needed"):
        measured(h.rows(np.arange(200)), as_of=int(h.time[199]))
    with pytest.raises(InputError, match="the history ends"):
        measured(h, as_of=int(h.time[-1]) + 9 * DAY)


def test_moves_count_from_where_scenarios_begin():
    h = bars(900)
    start = int(h.time[700])  # 197 of two days from there; more before it
    with pytest.raises(InputError, match=r"BTC has 198 moves of its own since 1971-12-03, 250 are needed.*") as told:
        measured(h, as_of=int(h.time[-1]), start=start)
    assert "an earlier start (--from)" in str(told.value)
    close = h.close.copy()
    close[:700, 2] = np.nan
    got = measured(changed(h, close=close), as_of=int(h.time[-1]), start=int(h.time[600]))
    assert got.left_out == ("SOL",) and len(got.moves) == 298 and got.moves.start[0] == h.time[600]
    assert "SOL: fewer than 250 moves of its own since 1971-08-25, left out" in got.notes


def test_a_start_after_the_end_is_refused():
    h = bars()
    for later in (0, 1, 4000):
        with pytest.raises(InputError, match="where the history ends"):
            measured(h, as_of=int(h.time[-1]), start=int(h.time[-1]) + later * DAY)


def test_no_return_crosses_a_seam_or_a_gap():
    h = bars()
    segment = h.segment.copy()
    segment[300:] = 1
    close = h.close.copy()
    close[300:] *= 50.0
    close[200, 1] = np.nan
    got = measured(changed(h, close=close, segment=segment), as_of=int(h.time[-1]))
    assert np.abs(got.moves.spot).max() < 1.0
    assert len(got.moves) == 538 - 2  # starts whose end lies beyond the seam
    assert got.spot_filled[:, 1].sum() == 2 and not got.spot_filled[:, 0].any()


def test_bars_may_lie_a_little_off_their_time():
    h = bars()
    off = np.random.default_rng(3).integers(-3_600_000, 3_600_000, len(h))
    off[-1] = 0
    uneven = History.of(h.time + off, h.names, h.close, step=DAY, implied=h.implied)
    even, near = (measured(x, as_of=int(h.time[-1]), slack_ms=s) for x, s in ((h, 0), (uneven, 2 * 3_600_000)))
    np.testing.assert_allclose(near.moves.spot, even.moves.spot[-len(near.moves) :])
    np.testing.assert_allclose(near.moves.sigma, even.moves.sigma[-len(near.moves) :], rtol=0.05)
    with pytest.raises(InputError, match="slack"):
        measured(h, as_of=int(h.time[-1]), slack_ms=DAY)


def test_another_forecast_may_take_the_place_of_the_exponential_one():
    h = bars()
    flat = measured(h, as_of=int(h.time[-1]), path=lambda r, dt: np.full(len(r) + 1, 4e-4))
    assert (flat.moves.sigma == np.sqrt(8e-4)).all() and (flat.sigma_now == np.sqrt(8e-4)).all()


def test_vol_moves_follow_the_regression_where_none_are_known():
    h = bars(1200)
    implied = h.implied.copy()
    implied[:600] = np.nan
    got = measured(changed(h, implied=implied), as_of=int(h.time[-1]))
    before = got.level_filled[:, 0]
    assert 530 < before.sum() < 545 and "scenarios by regression on the price move" in " ".join(got.notes)
    z = got.moves.spot / got.moves.sigma
    slopes = [np.polyfit(z[rows, 0], got.moves.level[rows, 0], 1)[0] for rows in (before, ~before)]
    assert slopes[0] == pytest.approx(slopes[1], rel=0.35) and slopes[0] < 0
    assert got.moves.level[before, 0].std() == pytest.approx(got.moves.level[~before, 0].std(), rel=0.15)
    assert np.corrcoef(got.moves.level[before, 0], got.moves.level[before, 1])[0, 1] > 0.9  # one remainder for all
    again = measured(changed(h, implied=implied), as_of=int(h.time[-1]), seed=5)
    assert (again.moves.level[before] != got.moves.level[before]).any()
    np.testing.assert_array_equal(again.moves.level[~before], got.moves.level[~before])
    none = measured(bars(vols=False), as_of=int(h.time[599]))
    assert "no implied vol was given" in " ".join(none.notes) and none.level_filled.all()
    assert 0.03 < none.moves.level.std() < 0.12


def test_a_crash_beyond_what_was_seen_moves_vol_along_a_line():
    model = LevelModel(np.array([0.0, 0.0, 0.0, 0.01]), np.zeros(1), 0.2, (-5.0, 5.0), "made")
    assert model.mean(np.array([-5.0]))[0] == pytest.approx(0.25)
    assert model.mean(np.array([-15.0]))[0] == pytest.approx(0.25 + 0.1 * 10)  # the square would say 2.25
    assert model.mean(np.array([9.0]))[0] == 0.0


def test_the_regression_is_the_one_that_made_the_data():
    draw = np.random.default_rng(1)
    z = draw.standard_normal(4000)
    true = np.array([-0.01, -0.02, 0.015, 0.01])
    x = np.stack([np.ones(4000), z, np.abs(z), np.minimum(z, 0) ** 2], axis=1)
    found = fit_levels(x @ true + 0.04 * draw.standard_normal(4000), z)
    np.testing.assert_allclose(found.coefficients, true, atol=0.006)
    assert found.remainder.std() == pytest.approx(0.04, rel=0.05)
    with pytest.raises(InputError, match="60"):
        fit_levels(z[:50], z[:50])


def test_known_vol_moves_are_never_touched():
    draw = np.random.default_rng(2)
    level, z = draw.normal(0, 0.05, (100, 2)), draw.standard_normal((100, 2))
    level[:50, 0], level[30:80, 1] = np.nan, np.nan
    model = LevelModel(np.zeros(4), np.array([0.01, -0.01]), 0.0, (-9.0, 9.0), "made")
    out, mask = fill_levels(level, z, np.array([1.0, 0.7]), 0, model, 1)
    np.testing.assert_array_equal(out[~mask], level[~mask])
    np.testing.assert_allclose(out[50:80, 1], 0.7 * level[50:80, 0])
    np.testing.assert_allclose(np.abs(out[30:50, 1]), 0.007)
    np.testing.assert_allclose(out[30:50, 1], 0.7 * out[30:50, 0])


def test_filtered_scenarios_take_them():
    h = bars()
    got = measured(h, as_of=int(h.time[-1]))
    found = filtered_scenarios(got.moves, got.sigma_now, stress=50)
    assert found.spot.shape[1] == 3 and np.isfinite(found.vol).all()


def test_scenarios_may_lie_at_another_hour_than_the_end():
    h = bars(24 * 400, step=3_600_000)
    as_of = int(h.time[-1]) - 5 * 3_600_000
    midnight, end = (measured(h, as_of=as_of, anchor=a, implied_lag_ms=0) for a in (0, None))
    assert (midnight.moves.start % DAY == 0).all() and (end.moves.start % DAY == as_of % DAY).all()
    np.testing.assert_array_equal(midnight.sigma_now, end.sigma_now)  # of now in both
    assert midnight.as_of == end.as_of == as_of and midnight.moves.end.max() <= as_of
