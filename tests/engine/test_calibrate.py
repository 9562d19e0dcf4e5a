"""A tail model calibrated on the embedded, made-up history: what it sets, what it tells, and that it margins."""

import filecmp
import math

import numpy as np
import pytest

from loadline.engine.calibrate import calibrate
from loadline.engine.engine import Chosen, choose_rulebook, margins
from loadline.engine.recipe import Recipe
from loadline.engine.result import MarginResult
from loadline.engine.tail_model import newest, period, traded
from loadline.foundation.errors import InputError
from loadline.foundation.units import MS_PER_DAY, parse_time
from loadline.io.history import read_history, sample_history
from loadline.io.sample import sample
from loadline.model.history import History
from loadline.rulebooks.rulebook import load
from loadline.scenarios.chain_history import with_chains
from loadline.scenarios.moves import HISTORY, STRESS
from tests.scenarios.made_chains import made
from tools.sample_history import main

DAY = MS_PER_DAY


@pytest.fixture(scope="module")
def bars() -> History:
    return read_history([sample_history()])


@pytest.fixture(scope="module")
def found(bars):
    return calibrate(bars)


def test_the_embedded_history_is_what_its_script_makes(tmp_path):
    main(tmp_path)
    assert filecmp.cmp(tmp_path / "history.csv", sample_history(), shallow=False), "make sample"
    assert sample_history().stat().st_size < 150_000


def test_it_has_gaps_and_a_late_listing(bars):
    assert len(bars.defects) == 6 and all("missing" in d.what for d in bars.defects)
    assert np.isfinite(bars.close).sum(0).tolist() == [1097, 1097, 947]
    np.testing.assert_array_equal(bars.close[-1], [84000.0, 2900.0, 140.0])


def test_parameters_are_those_of_the_last_bar(bars, found):
    v = found.version
    assert found.as_of == parse_time("2026-06-01") and found.scenarios is v.scenarios
    btc, sol = found.assets[0], found.assets[2]
    assert v.parameter("volatility.spot").of("BTC") == pytest.approx(btc.daily * math.sqrt(365))
    assert (btc.days, sol.days) == (2.0, 3.0) and v.parameter("horizon.days").of("SOL") == 3.0
    assert v.parameter("liquidity.volume").of("SOL") == sol.volume == pytest.approx(np.median(bars.volume[-90:, 2]))
    for path, value in {"options.roll": "on", "options.smile": "moneyness", "options.compounding": "log"}.items():
        assert v.text(path) == value
    assert v.number("stress.weight") == 0.25 and v.number("floor.notional") == 0.005
    assert v.number("measure.level") == Recipe().level == 0.965


def test_a_higher_level_asks_more(bars, found):
    higher = calibrate(bars, recipe=Recipe(level=0.99))
    asked = [margins(*sample(), Chosen(load("tail"), c.version)) for c in (found, higher)]
    more = [b.initial - a.initial for a, b in zip(*asked, strict=True)]
    assert min(more) >= 0.0 and sum(m > 0.0 for m in more) >= 4  # the market maker's is its floor


@pytest.mark.parametrize("level", [0.5, 1.0, 96.5, math.nan])
def test_a_level_that_is_none_is_refused(level):
    with pytest.raises(InputError, match="at the level"):
        Recipe(level=level)


def test_the_speed_limit_is_that_of_the_level(bars):
    close = bars.close.copy()
    close[-1] *= 0.75
    crashed = History.of(bars.time, bars.names, close, step=bars.step, volume=bars.volume)
    low, high = (calibrate(crashed, recipe=Recipe(level=p)) for p in (0.9, 0.99))
    assert (low.sigma_now != high.sigma_now).all()


def test_scenarios_are_history_and_its_most_stressed_year(found):
    s = found.scenarios
    assert len(s.family_rows(STRESS)) == 250 and len(s.family_rows(HISTORY)) == len(found.moves)
    btc = found.assets[0]
    worst = int(np.argmin(s.spot[s.family_rows(HISTORY), 0]))
    assert btc.worst == s.spot[worst, 0] and btc.worst_of == s.label[worst]
    assert 0 < found.assets[2].filled < 0.2 and found.assets[2].level_filled == 1.0


def test_it_margins_the_sample(found):
    portfolio, market = sample()
    given = choose_rulebook("tail", market.as_of)
    answers = margins(portfolio, market, Chosen(given.rule, found.version))
    assert len(answers) == 5 and all(isinstance(a, MarginResult) and a.initial > 0 for a in answers)


def test_nothing_that_comes_later_changes_it(bars):
    cut = int(bars.time[800])
    close, implied = bars.close.copy(), bars.implied.copy()
    close[801:] *= 3.0
    implied[801:] *= 0.5
    columns = {"volume": bars.volume, "implied": implied, "segment": bars.segment}
    other = History.of(bars.time, bars.names, close, step=DAY, **columns)
    a, b, c = (calibrate(x, as_of=cut) for x in (bars, other, bars.until(cut)))
    assert a.version.identity == b.version.identity == c.version.identity
    assert a.scenarios.identity == b.scenarios.identity == c.scenarios.identity


def test_scenarios_may_be_drawn(bars):
    found = calibrate(bars, recipe=Recipe(drawn=400))
    assert len(found.scenarios) == 400 and found.degrees is not None
    assert set(found.scenarios.family) == {HISTORY} and found.version.number("stress.weight") == 0.0
    assert found.stressed is None and {(a.worst_of, a.best_of, a.capped, a.filled) for a in found.assets} == {
        ("", "", 0.0, 0.0)
    }
    assert calibrate(bars, names=["BTC"], recipe=Recipe(drawn=400)).degrees is None  # one coin has no copula


def test_a_stress_weight_without_its_period_is_refused(bars):
    for recipe in (Recipe(drawn=400), Recipe(stress=0)):
        with pytest.raises(InputError, match=r"a stress weight of 0\.25 without a stressed period"):
            calibrate(bars, recipe=recipe, changes={"tail.stress.weight": 0.25})
    assert calibrate(bars, recipe=Recipe(stress=0)).version.number("stress.weight") == 0.0


def test_margins_and_tails_of_draws_are_chosen(bars):
    own, student = (calibrate(bars, names=["BTC"], recipe=Recipe(drawn=400, tails=t)) for t in ("empirical", "student"))
    assert np.array_equal(own.sigma_now, student.sigma_now) and (own.moves.spot != student.moves.spot).any()
    pytest.importorskip("arch", reason='needs the extra: pip install "loadline[forecast]"')
    fitted = calibrate(bars, names=["BTC"], recipe=Recipe(drawn=400, margins="GARCH", rise=0.0))
    assert (fitted.sigma_now != own.sigma_now).all()
    assert fitted.sigma_now == pytest.approx(fitted.moves.sigma[0])  # the filter leaves draws of today as they are
    assert np.log1p(fitted.scenarios.spot) == pytest.approx(fitted.moves.spot, abs=1e-12)
    assert sum("variance by GARCH" in n for n in fitted.notes) == 1


@pytest.mark.parametrize(
    "wrong",
    [
        {"drawn": 1_000_002}, {"drawn": 7}, {"size": 0.0}, {"buffer": 1.5}, {"stress_weight": -0.1}, {"vol_floor": 2.0},
        {"long_run": -1.0}, {"margins": "garch"}, {"tails": "normal"}, {"refill": math.nan},
    ],
)  # fmt: skip
def test_recipes_that_cannot_be_are_refused(wrong):
    with pytest.raises(InputError):
        Recipe(**wrong)
    with pytest.raises(InputError, match="at the level 2"):  # all at once
        Recipe(**wrong, level=2.0)


def test_a_buffer_and_a_long_run_raise_what_is_asked_and_say_so(bars, found):
    buffered = calibrate(bars, recipe=Recipe(buffer=0.25))
    assert (buffered.sigma_now > found.sigma_now).all()
    assert sum("with what a buffer of 25% of margin has left" in n for n in buffered.notes) == 3
    floor = calibrate(bars, recipe=Recipe(long_run=3650.0))
    assert (floor.sigma_now >= found.sigma_now).all()
    rose = sum(a > b for a, b in zip(floor.sigma_now.tolist(), found.sigma_now.tolist(), strict=True))
    assert rose == sum("by that of the last 3650 days" in n for n in floor.notes) > 0
    before, after = (margins(*sample(), Chosen(load("tail"), c.version)) for c in (found, buffered))
    more = [b.initial / a.initial - 1.0 for a, b in zip(before, after, strict=True)]
    assert max(more) > 0.1 and max(more) < 0.30 and min(more) >= 0.0


@pytest.mark.parametrize(
    ("path", "own"), [("stress.weight", {"stress_weight": 0.6}), ("measure.level", {"level": 0.6})]
)
def test_a_parameter_that_the_recipe_has_too_is_heeded_alike(bars, path, own):
    as_set = calibrate(bars, names=["BTC"], recipe=Recipe(buffer=0.25), changes={f"tail.{path}": 0.6})
    as_chosen = calibrate(bars, names=["BTC"], recipe=Recipe(buffer=0.25, **own))
    assert as_set.version.parameters == as_chosen.version.parameters and as_set.recipe == as_chosen.recipe
    plain = calibrate(bars, names=["BTC"], recipe=Recipe(buffer=0.25))
    assert as_set.sigma_now[0] != plain.sigma_now[0]


def test_with_nothing_later_a_buffer_is_the_same(bars):
    cut = int(bars.time[800])
    close = bars.close.copy()
    close[801:] *= 3.0
    other = History.of(bars.time, bars.names, close, step=DAY, volume=bars.volume)
    recipe = Recipe(buffer=0.25, long_run=400.0, vol_floor=0.25)
    a, b = (calibrate(x, as_of=cut, recipe=recipe) for x in (other, other.until(cut)))
    assert (a.sigma_now == b.sigma_now).all() and a.scenarios.identity == b.scenarios.identity


def test_the_stressed_period_is_told_by_its_dates(bars, found):
    first, last = (str(np.datetime64(d)) for d in found.stressed)
    rows = found.scenarios.family_rows(STRESS)
    assert found.scenarios.label[rows[0]] == first and found.scenarios.label[rows[-1]] == last
    assert (np.datetime64(last) - np.datetime64(first)).astype(int) >= 249


def test_a_coin_with_too_short_a_history_is_refused_by_name_only(bars):
    close = bars.close.copy()
    close[:-100, 1] = np.nan
    short = History.of(bars.time, bars.names, close, step=DAY)
    assert [a.name for a in calibrate(short).assets] == ["BTC", "SOL"]
    with pytest.raises(InputError, match="cannot be used: ETH: fewer than 250 moves"):
        calibrate(short, names=["BTC", "ETH"])


def test_a_relisted_symbol_means_what_trades_today():
    time = np.arange(1, 4) * DAY
    h = History.of(
        time, ["LUNA", "BTC", "LUNA#2"], [[9.0, 1.0, np.nan], [8.0, 2.0, np.nan], [np.nan, 3.0, 5.0]], step=DAY
    )
    now, notes = newest(h)
    assert now.names == ("LUNA", "BTC") and now.close[-1].tolist() == [5.0, 3.0] and np.isnan(now.close[0, 0])
    assert notes == ("LUNA is LUNA#2: what traded under it before was another asset",)


def test_volume_and_liquidation_period():
    time = np.arange(1, 24 * 120 + 1) * 3_600_000
    volume = np.full((len(time), 2), 1e5)
    volume[: 24 * 110, 1] = np.nan
    h = History.of(time, ["A", "B"], np.ones((len(time), 2)), step=3_600_000, volume=volume)
    assert traded(h) == {"A": pytest.approx(2.4e6)}


def test_a_volume_that_no_market_has_is_refused() -> None:
    time = np.arange(1, 101) * MS_PER_DAY
    h = History.of(time, ["A"], np.full((100, 1), 5e4), step=MS_PER_DAY, volume=np.full((100, 1), 2e15))
    with pytest.raises(InputError, match=r"A 2.0e\+15") as found:
        traded(h)
    assert "--volume usd" in str(found.value)
    r = Recipe(size=1e6, participation=0.1)
    assert [period(v, r) for v in (1e9, 2.4e6, 1e3, math.nan)] == [2.0, 5.0, 10.0, 2.0]


def test_chains_continue_a_history_and_give_it_vols():
    of, _, _ = made("BTC", snapshots=60)
    first = int(of.time[0]) // DAY * DAY
    time = first - DAY * np.arange(300, -21, -1)
    forward = of.near_forward()
    close = np.full((len(time), 2), np.nan)
    at = np.searchsorted(of.time, time, "right") - 1
    seen = (at >= 0) & (time <= first + 5 * DAY)
    close[:, 0] = np.where(time <= first + 5 * DAY, 50_000.0, np.nan)
    close[seen, 0] = 1.01 * forward[at[seen]]
    close[:, 1] = 100.0
    h = History.of(time, ["BTC", "ETH"], close, step=DAY)
    got, notes = with_chains(h, {"BTC": of})
    assert "BTC: vol levels of" in notes[0] and "from their forwards" in notes[0]
    grown = np.isfinite(got.close[:, 0])
    last = int(np.searchsorted(of.time, got.time[grown][-1], "right")) - 1
    assert got.close[grown, 0][-1] == pytest.approx(1.01 * forward[last])  # joined in returns
    assert int(of.time[last]) <= got.time[grown][-1] and np.isfinite(got.implied[:, 0]).sum() >= 14
    assert np.isnan(got.implied[:, 1]).all()
    np.testing.assert_array_equal(got.close[: len(time)][:300], close[:300])
    same, none = with_chains(h, {"SOL": of})
    assert same is h and none == ()


def test_volatility_that_jumps_is_held_back_by_the_speed_limit(bars):
    close = bars.close.copy()
    close[-1] *= 0.75  # a crash in the last bar
    crashed = History.of(bars.time, bars.names, close, step=bars.step, volume=bars.volume)
    free = calibrate(crashed, recipe=Recipe(rise=0.0))
    held = calibrate(crashed)
    before = calibrate(crashed.until(int(bars.time[-2])), recipe=Recipe(rise=0.0))
    assert (free.sigma_now > 1.3 * before.sigma_now).all()
    assert ((before.sigma_now < held.sigma_now) & (held.sigma_now < free.sigma_now)).all()
    assert sum("of margin a day" in n for n in held.notes) == len(held.moves.names)
    assert not any("of margin a day" in n for n in free.notes)
    calm = calibrate(bars, recipe=Recipe(vol_floor=0.9))
    assert (calm.sigma_now >= calibrate(bars).sigma_now).all() and any("by its own past" in n for n in calm.notes)


def test_another_forecast_moves_what_is_asked_before_prices_do(bars, found):
    mixed = calibrate(bars, recipe=Recipe(forecast=("own", "EWMA 0.94")))
    assert (mixed.sigma_now != found.sigma_now).all()
    assert np.array_equal(mixed.moves.spot, found.moves.spot) and np.array_equal(mixed.moves.sigma, found.moves.sigma)
    assert sum("by own and EWMA 0.94" in n for n in mixed.notes) == 3
    (account,) = [a for a in margins(*sample(), Chosen(load("tail"), found.version)) if a.account == "basis"]
    (after,) = [a for a in margins(*sample(), Chosen(load("tail"), mixed.version)) if a.account == "basis"]
    assert isinstance(account, MarginResult) and isinstance(after, MarginResult)
    assert after.initial != account.initial


def test_moves_can_count_less_the_older_they_are(bars, found):
    aged = calibrate(bars, recipe=Recipe(damping=0.75, half_life=365.0))
    s, rows = aged.scenarios, aged.scenarios.family_rows(HISTORY)
    w = s.weight[rows]
    assert w.sum() == pytest.approx(1.0)
    ages = (aged.as_of - aged.moves.end) / DAY
    assert w / w[-1] == pytest.approx(0.5 ** ((ages - ages[-1]) / 365.0), rel=1e-12)
    assert np.ptp(s.weight[s.family_rows(STRESS)]) == 0.0 and np.ptp(found.scenarios.weight[rows]) == 0.0
    answers = margins(*sample(), Chosen(load("tail"), aged.version))
    assert all(isinstance(a, MarginResult) and a.initial > 0 for a in answers)


@pytest.mark.parametrize("path", ["horizon.days", "tail.horizon.days.BTC", "volatility.spot.BTC"])
def test_what_the_scenarios_are_measured_with_cannot_be_set_beside_them(path: str) -> None:
    with pytest.raises(InputError, match=f"{path.removeprefix('tail.')} cannot be set") as found:
        calibrate(read_history([sample_history()]), changes={path: 5.0})
    assert "Recipe(" in str(found.value)
