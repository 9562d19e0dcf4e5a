"""The model of each date: made of nothing known later, filtered as told, gaps named and never filled silently."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import loadline as ll
from loadline.backtest.families import Size
from loadline.backtest.replay import Prices, windows
from loadline.backtest.run import Case, run
from loadline.backtest.walk import FIRST, Recipe, Track, Walk, filled, walked
from loadline.foundation.units import MS_PER_DAY
from loadline.model.history import History
from loadline.model.residuals import Residuals
from loadline.scenarios.moves import Moves, filtered_scenarios
from tests.backtest import made

BARS = made.history(500)
IMPLIED = 0.6 * np.exp(np.random.default_rng(1).normal(0, 0.05, BARS.close.shape).cumsum(0) * 0.1)
IMPLIED[:250] = np.nan
WITH_VOL = History.of(BARS.time, BARS.names, BARS.close, step=BARS.step, implied=IMPLIED)
SURFACES = Residuals(
    np.array([7.0, 30.0]), np.array([-1.0, 1.0]), BARS.time[300::3].copy(),
    {"BTC": np.random.default_rng(2).normal(0, 0.02, (len(BARS.time[300::3]), 2, 2))},
)  # fmt: skip


def of(bars: History, **how: object) -> Walk:
    return walked("m", bars, recipe=Recipe(**how), surfaces=SURFACES)  # type: ignore[arg-type]


@given(st.integers(200, 480), st.sampled_from(["cut", "noise"]), st.booleans())
def test_nothing_later_can_change_a_date(row: int, how: str, weighted: bool) -> None:
    as_of = int(BARS.time[row])
    half_life = 100.0 if weighted else 0.0
    before = of(WITH_VOL, half_life=half_life).at(as_of).version.scenarios
    if how == "cut":
        bars = WITH_VOL.until(as_of)
    else:
        later = (WITH_VOL.time > as_of)[:, None]
        noise = np.exp(np.random.default_rng(3).normal(0, 0.3, WITH_VOL.close.shape))
        close = np.where(later, WITH_VOL.close * noise, WITH_VOL.close)
        implied = np.where(later, WITH_VOL.implied * noise, WITH_VOL.implied)
        bars = History.of(BARS.time, BARS.names, close, step=BARS.step, implied=implied)
    after = of(bars, half_life=half_life).at(as_of).version.scenarios
    assert before is not None and after is not None
    for column in ("spot", "vol", "weight", "label"):
        assert np.array_equal(getattr(before, column), getattr(after, column))
    assert (before.residual is None) == (after.residual is None)
    if before.residual is not None and after.residual is not None:
        assert before.residual.identity == after.residual.identity and np.array_equal(before.pick, after.pick)
        assert (before.residual.start + 2 * MS_PER_DAY <= as_of).all()


def test_a_move_that_has_not_ended_is_not_known() -> None:
    walk = of(BARS, days=2)
    as_of = int(BARS.time[300])
    known = walk.known(as_of)
    assert known.end.max() == as_of and (known.end - known.start == 2 * MS_PER_DAY).all()
    assert walk.known(as_of - 1).end.max() == as_of - MS_PER_DAY


def test_the_set_is_the_filter_of_moves_and_todays_volatility() -> None:
    walk = of(BARS, damping=0.75, cap=2.0, stress=50)
    as_of = int(BARS.time[400])
    moves = walk.known(as_of)
    now = np.sqrt(2.0 * walk.track.at([as_of])[0])
    wanted = filtered_scenarios(moves, now, damping=0.75, cap=2.0, stress=50, seed=walk.recipe.seed)
    found = walk.at(as_of).version.scenarios
    assert found is not None and found.identity == wanted.identity


def test_a_track_against_a_slow_twin_with_uneven_steps() -> None:
    rng = np.random.default_rng(4)
    time = np.cumsum(rng.integers(1, 5, 120)) * MS_PER_DAY // 2
    close = 100.0 * np.exp(np.cumsum(rng.normal(0, 0.02, 120)))
    close[50] = np.nan
    track = Track.of(time, ["X"], close[:, None], 0.9)
    rows = [i for i in range(120) if np.isfinite(close[i])]
    variance, seen = float("nan"), []
    for k, i in enumerate(rows):
        if k == FIRST:
            first = rows[: FIRST + 1]
            squares = sum(np.log(close[b] / close[a]) ** 2 for a, b in pairwise(first))
            variance = squares / ((time[first[-1]] - time[first[0]]) / MS_PER_DAY)
        elif k > FIRST:
            dt = (time[i] - time[rows[k - 1]]) / MS_PER_DAY
            kept = 0.9**dt
            variance = kept * variance + (1 - kept) * np.log(close[i] / close[rows[k - 1]]) ** 2 / dt
        seen.append((int(time[i]), variance))
    for at, wanted in seen:
        assert track.at([at])[0, 0] == pytest.approx(wanted, nan_ok=True, rel=1e-12)
    assert track.at([int(time[50])])[0, 0] == track.at([int(time[49])])[0, 0]
    assert np.isnan(track.at([int(time[0]) - 1])[0, 0])


def test_vol_moves_that_are_not_known_are_drawn_from_a_regression_with_its_errors() -> None:
    rng = np.random.default_rng(5)
    spot, sigma = rng.normal(0, 0.03, (4000, 1)), np.full((4000, 1), 0.03)
    level = -1.2 * spot + rng.normal(0, 0.02, (4000, 1))
    holed = level.copy()
    holed[:2000] = np.nan
    blank = np.zeros(4000, np.int64)
    moves = Moves(blank, blank, ("X",), np.ones(1), spot, holed, sigma)
    out = filled(moves, 1)
    assert np.array_equal(out[2000:], level[2000:]) and np.isfinite(out).all()
    slope = np.polyfit(spot[:2000, 0], out[:2000, 0], 1)[0]
    assert slope == pytest.approx(-1.2, abs=0.1)
    assert out[:2000].std() == pytest.approx(level[2000:].std(), rel=0.1)
    assert np.array_equal(filled(moves, 1), out) and not np.array_equal(filled(moves, 2), out)


def test_too_few_known_vols_are_no_regression() -> None:
    level = np.full((300, 1), np.nan)
    level[:99] = 0.1
    blank, ones = np.zeros(300, np.int64), np.ones((300, 1))
    out = filled(Moves(blank, blank, ("X",), np.ones(1), 0.01 * ones, level, 0.01 * ones), 1)
    assert (out[99:] == 0.0).all() and (out[:99] == 0.1).all()


def test_a_proxy_stands_in_where_an_asset_has_no_vols() -> None:
    one = WITH_VOL.implied.copy()
    one[:, 1] = np.nan
    bars = History.of(BARS.time, BARS.names, BARS.close, step=BARS.step, implied=one)
    walk = of(bars, proxy={"ETH": ("BTC", 0.7)})
    rows = np.isfinite(walk.whole.level[:, 0])
    assert rows.any()
    assert np.allclose(walk.whole.level[rows, 1], 0.7 * walk.whole.level[rows, 0])


def test_old_moves_weigh_less_with_a_half_life() -> None:
    as_of = int(BARS.time[450])
    found = of(BARS, half_life=50.0, stress=0).at(as_of).version.scenarios
    assert found is not None
    w = found.weight
    assert w.sum() == pytest.approx(1.0) and (np.diff(w) > 0).all()
    assert w[-1] / w[-51] == pytest.approx(2.0)


def test_margins_of_a_run_grow_with_volatility_and_scale_with_nothing_else() -> None:
    bars = Prices(BARS)
    model = of(BARS, stress=0)
    dates = [w for w in windows(bars.times, 2.0) if w.at >= BARS.time[200]][::20]
    days = run(Case(("perp-long",), ("BTC",), Size(usd=1e6), (model,), 2.0), bars, dates)
    margin = np.array([d.models["m"].initial[0] for d in days], float)
    now = np.sqrt(model.track.at([d.at for d in days])[:, 0])
    assert np.corrcoef(margin, now)[0, 1] > 0.8
    double = run(Case(("perp-long",), ("BTC",), Size(usd=2e6), (model,), 2.0), bars, dates)
    assert [d.models["m"].initial[0] for d in double] == pytest.approx((2.0 * margin).tolist(), rel=1e-12)


def test_short_and_uneven_histories_are_refused() -> None:
    with pytest.raises(ll.InputError, match="moves are known"):
        of(BARS).at(int(BARS.time[60]))
    with pytest.raises(ll.InputError, match="not daily"):
        walked("m", replace(BARS, step=MS_PER_DAY // 24))
    with pytest.raises(ll.RuleError):
        walked("m", BARS, measure__knd="es")


def test_parameters_reach_the_rulebook() -> None:
    at = int(BARS.time[400])
    assert walked("m", BARS, measure__kind="var", measure__level=0.99).at(at).version.text("measure.kind") == "var"
