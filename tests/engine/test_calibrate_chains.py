"""Calibrating with option chains: what they add, and that nothing of them is seen before its time."""

import numpy as np
import pytest

from loadline.engine.calibrate import calibrate
from loadline.model.history import History
from loadline.scenarios.surface_moves import Surfaces
from tests.scenarios.made_chains import DAY, made


def scene(seed: int = 1, snapshots: int = 100) -> tuple[History, Surfaces]:
    """A coin of 500 days, the last of them inside the time that its chains cover."""
    of, _, _ = made("BTC", snapshots=snapshots, seed=seed)
    of = Surfaces(of.coin, of.time, of.smiles, np.full(len(of), 0.008))
    last = int(of.time[0]) // DAY * DAY + 5 * DAY
    time = last - DAY * np.arange(500, -1, -1)
    close = 50_000.0 * np.exp(np.cumsum(np.random.default_rng(3).normal(0.0, 0.02, (501, 1)), axis=0))
    return History.of(time, ["BTC"], close, step=DAY, volume=np.full((501, 1), 5e8)), of


@pytest.fixture(scope="module")
def found():
    bars, of = scene()
    return calibrate(bars, chains={"BTC": of}, names=["BTC"])


def test_shapes_of_surfaces_are_drawn_for_every_scenario(found) -> None:
    s = found.scenarios
    assert s.residual is not None and s.pick is not None
    assert s.residual.values["BTC"].shape[1:] == (7, 7) and (s.pick >= 0).all() and s.pick.max() < len(s.residual)
    assert (np.diff(s.residual.start) >= DAY // 2).all()


def test_levels_are_those_of_the_chains_where_they_are_known(found) -> None:
    own = ~found.measured.level_filled[:, 0]
    assert 0 <= own.sum() < 30  # fewer than sixty: the regression is the one that comes along
    said = f"{own.sum()} moves of implied vol are known: vol moves of all other scenarios by regression on days of DVOL"
    assert any(n.startswith(said) for n in found.notes)
    assert found.surfaces[0].snapshots >= 99 and found.surfaces[0].components.word[0] == "level"


def test_nothing_of_a_chain_is_seen_before_its_time() -> None:
    bars, of = scene()
    other = made("BTC", snapshots=100, shape=lambda n, days, x: 0.0 * x if n < 60 else 0.4 + 0.0 * x)[0]
    other = Surfaces("BTC", other.time, other.smiles, np.where(np.arange(100) < 60, 0.008, 0.5))
    as_of = int(of.time[59])
    bars = bars.until(as_of)
    a, b, c = (calibrate(bars, chains={"BTC": s}, names=["BTC"], as_of=as_of) for s in (of, other, of.until(as_of)))
    assert a.scenarios.identity == b.scenarios.identity == c.scenarios.identity
    assert a.version.identity == b.version.identity == c.version.identity
    late = calibrate(bars, chains={"BTC": other}, names=["BTC"])
    assert late.scenarios.identity != a.scenarios.identity  # the difference was there to be seen


def test_the_spread_of_vol_is_that_of_late_quotes(found) -> None:
    assert found.version.parameter("liquidity.vol_spread").of("BTC") == 0.008 == found.surfaces[0].spread
    bars, of = scene()
    plain = calibrate(bars, chains={"BTC": Surfaces(of.coin, of.time, of.smiles)}, names=["BTC"])
    assert plain.version.parameter("liquidity.vol_spread").of("BTC") == plain.recipe.vol_spread
