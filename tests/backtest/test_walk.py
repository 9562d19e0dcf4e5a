"""The model of each date: made of nothing known later, filtered as told, gaps named and never filled silently."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import loadline as ll
from loadline.backtest.families import Size
from loadline.backtest.replay import Prices, windows
from loadline.backtest.run import Case, run
from loadline.backtest.walk import FIRST, Track, Walk, walked
from loadline.engine.calibrate import calibrate
from loadline.engine.recipe import Recipe
from loadline.foundation.units import MS_PER_DAY
from loadline.model.history import History
from loadline.scenarios.surface_moves import SurfaceMoves, Surfaces
from tests.backtest import made
from tests.scenarios import made_chains

BARS = made.history(500)
IMPLIED = 0.6 * np.exp(np.random.default_rng(1).normal(0, 0.05, BARS.close.shape).cumsum(0) * 0.1)
IMPLIED[:250] = np.nan
WITH_VOL = History.of(BARS.time, BARS.names, BARS.close, step=BARS.step, implied=IMPLIED)
STARTS = BARS.time[300:480:3].copy()
SHAPE = np.random.default_rng(2).normal(0, 0.02, (len(STARTS), 2, 2))
SURFACES = SurfaceMoves(
    "BTC", STARTS, STARTS + 2 * MS_PER_DAY, np.zeros(len(STARTS)), np.zeros(len(STARTS)),
    np.array([7.0, 30.0]), np.array([-1.0, 1.0]), SHAPE, SHAPE,
)  # fmt: skip


def of(bars: History, *, track: Track | None = None, **how: object) -> Walk:
    return walked("m", bars, recipe=Recipe(**how), surfaces=(SURFACES,), track=track)  # type: ignore[arg-type]


def chain_from(row: int) -> Surfaces:
    """A made-up chain of ten days that begins with a bar."""
    found = made_chains.made()[0]
    late = int(BARS.time[row] - found.time[0])
    smiles = tuple(tuple(replace(s, expiry=s.expiry + late) for s in one) for one in found.smiles)
    return replace(found, time=found.time + late, smiles=smiles)


@settings(max_examples=8)
@given(st.integers(370, 480), st.sampled_from(["cut", "noise"]), st.booleans())
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


def test_a_move_that_is_not_over_is_not_known() -> None:
    walk = of(BARS, days=2)
    as_of = int(BARS.time[400])
    known = walk.model(as_of).moves
    assert known.end.max() == as_of and (known.end - known.start == 2 * MS_PER_DAY).all()
    assert walk.model(as_of - 1).moves.end.max() == as_of - MS_PER_DAY


@pytest.mark.parametrize("how", [{}, {"damping": 0.75, "stress": 50, "seed": 3}, {"rise": 0.02, "level": 0.99}])
@pytest.mark.parametrize("row", [400, 455])
def test_the_model_of_a_date_is_what_calibrate_writes_then(row: int, how: dict[str, float]) -> None:
    as_of, chains = int(BARS.time[row]), {"BTC": chain_from(390)}
    recipe = Recipe(**how)  # type: ignore[arg-type]
    written = calibrate(WITH_VOL, as_of=as_of, recipe=recipe, chains=chains, changes={"floor.notional": 0.01})
    found = walked("m", WITH_VOL, recipe=recipe, chains=chains, parameters={"floor.notional": 0.01}).at(as_of).version
    assert found.scenarios is not None and written.version.scenarios is not None
    assert found.scenarios.identity == written.version.scenarios.identity
    assert found.parameters == written.version.parameters and found.number("floor.notional") == 0.01
    walk = walked("m", WITH_VOL, recipe=recipe, chains=chains, parameters={"floor.notional": 0.01})
    assert set(walk.notes(as_of)) <= set(written.notes) and walk.notes(as_of)


def test_a_finer_track_says_todays_volatility() -> None:
    as_of = int(BARS.time[400])
    plain = of(BARS, stress=0).at(as_of).version.scenarios
    track = Track(BARS.time, BARS.names, np.full(BARS.close.shape, 0.1**2))
    wild = of(BARS, stress=0, track=track).at(as_of).version.scenarios
    assert plain is not None and wild is not None
    assert (np.abs(np.log1p(wild.spot)) >= np.abs(np.log1p(plain.spot)) - 1e-15).all()


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


def test_old_moves_weigh_less_with_a_half_life() -> None:
    as_of = int(BARS.time[450])
    found = of(BARS, half_life=50.0, stress=0).at(as_of).version.scenarios
    assert found is not None
    w = found.weight
    assert w.sum() == pytest.approx(1.0) and (np.diff(w) > 0).all()
    assert w[-1] / w[-51] == pytest.approx(2.0)


def test_margins_of_a_run_grow_with_volatility_and_scale_with_nothing_else() -> None:
    bars = Prices(BARS)
    track = Track.of(BARS.time, BARS.names, BARS.close)
    model = of(BARS, stress_weight=0.0, rise=0.0, impact=0.0, track=track)
    dates = [w for w in windows(bars.times, 2.0) if w.at >= BARS.time[360]][::12]
    days = run(Case(("perp-long",), ("BTC",), Size(usd=1e6), (model,), 2.0), bars, dates)
    margin = np.array([d.models["m"].initial[0] for d in days], float)
    now = np.sqrt(track.at([d.at for d in days])[:, 0])
    assert np.corrcoef(margin, now)[0, 1] > 0.8
    double = run(Case(("perp-long",), ("BTC",), Size(usd=2e6), (model,), 2.0), bars, dates)
    assert [d.models["m"].initial[0] for d in double] == pytest.approx((2.0 * margin).tolist(), rel=1e-12)


def test_short_and_uneven_histories_are_refused() -> None:
    with pytest.raises(ll.InputError, match=r"BTC has \d+ moves of its own, 250 are needed"):
        of(BARS).at(int(BARS.time[200]))
    with pytest.raises(ll.RuleError):
        walked("m", BARS, parameters={"measure.knd": "es"})


def test_parameters_reach_the_rulebook_and_a_stress_weight_brings_its_period() -> None:
    at = int(BARS.time[400])
    changes = {"measure.kind": "var", "measure.level": 0.99, "stress.weight": 0.25}
    version = walked("m", BARS, parameters=changes).at(at).version
    assert version.text("measure.kind") == "var" and version.number("horizon.days") == 2.0
    assert version.scenarios is not None and (version.scenarios.family == "stress").sum() == Recipe().stress
    assert version.text("options.roll") == "on" and version.number("floor.notional") == 0.005
