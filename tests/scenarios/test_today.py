"""The volatility of today under a floor and a speed limit; nothing later changes it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadline.forecast.antiprocyclical import buffered
from loadline.forecast.volatility import ewma
from loadline.foundation.errors import InputError
from loadline.foundation.units import MS_PER_DAY
from loadline.scenarios.historical import filtered
from loadline.scenarios.moves import Moves, stressed
from loadline.scenarios.today import (
    above_long_run,
    above_past,
    predicted,
    slowed,
    steps,
    still_parts,
    today,
    with_buffer,
)


def crash(seed: int = 4, count: int = 900) -> tuple[np.ndarray, np.ndarray]:
    """Daily returns with a crash near their end, and the path of daily volatility."""
    draw = np.random.default_rng(seed)
    r = 0.02 * draw.standard_t(4, count)
    r[840:846] *= 6.0
    r[840] = -0.35
    return r, np.sqrt(ewma(r, 0.97, 4e-4))


def moves_before(r: np.ndarray, path: np.ndarray, t: int) -> Moves:
    """One-day moves up to day t, and what was forecast before each."""
    start = np.arange(t, dtype=np.int64) * MS_PER_DAY
    one = np.ones(1)
    return Moves(start, start + MS_PER_DAY, ("BTC",), one, r[:t, None], np.zeros((t, 1)), path[:t, None])


def margin(m: Moves, now: float, side: float) -> float:
    """Of one coin: three quarters of the filtered tail, one of the stressed period's."""

    def shortfall(x: np.ndarray) -> float:
        k = len(x) * 0.025
        share = np.clip(k - np.arange(len(x)), 0.0, 1.0)
        return float(-(np.sort(side * x) * share).sum() / k)

    core = filtered(m.spot[:, 0], m.sigma[:, 0], now, damping=0.5, cap=1e9)
    return 0.75 * shortfall(core) + 0.25 * shortfall(m.spot[stressed(m, 100), 0])


@pytest.mark.parametrize("side", [1.0, -1.0])
def test_margin_rises_no_faster_than_the_limit(side: float) -> None:
    """The set stands still over the day, so that volatility alone moves margin; the tail may choose worse scenarios."""
    r, path = crash()
    rises, free = [], []
    for t in range(835, 860):
        m = moves_before(r, path, 835)
        still = float(still_parts(m, level=0.975, stress=100)[0])
        slow = slowed(path[: t + 1], still, rise=0.10)
        assert slow[-1] <= path[t] and slow[-1] > 0
        rises.append(margin(m, slow[-1], side) / margin(m, slow[-2], side) - 1.0)
        free.append(margin(m, path[t], side) / margin(m, path[t - 1], side) - 1.0)
    assert max(free) > 0.25  # without it
    assert 0.05 < max(rises) < 0.12


def test_a_path_ends_where_the_target_does_once_it_had_time() -> None:
    path = np.array([0.02] * 3 + [0.05] * 40)
    slow = slowed(path, 0.02)
    assert slow[3] < 0.05 and slow[-1] == 0.05 and (np.diff(slow) >= 0).all()
    days = np.arange(len(path), dtype=np.int64) * MS_PER_DAY
    assert (slowed(path, 0.02, time=days) == slow).all()
    longer = slowed(path[[2, 3]], 0.02, time=days[[0, 2]])
    assert longer[1] == pytest.approx(min(0.05, 0.02 + (1.1**2 - 1.0) * 0.04), rel=1e-12)


def test_a_floor_is_the_order_statistic_of_the_past() -> None:
    draw = np.random.default_rng(2)
    sigma = draw.uniform(0.01, 0.1, 300)
    sigma[:5] = np.nan
    found = above_past(sigma, 0.25, least=50)
    for t in range(5, 300):
        seen = np.sort(sigma[5 : t + 1])
        least = seen[int(0.25 * (len(seen) - 1))] if len(seen) >= 50 else 0.0
        assert found[t] == max(sigma[t], least)
    assert np.isnan(found[:5]).all() and (found[5:] > sigma[5:]).any()
    with pytest.raises(InputError, match="quantile"):
        above_past(sigma, 1.5)


def test_what_comes_later_changes_nothing() -> None:
    r, path = crash()
    both = np.stack([path, 1.5 * path], axis=1)
    m = moves_before(r, path, 700)
    still = np.repeat(still_parts(m, level=0.975), 2)
    for t in (300, 700, 845):
        now = today(both[: t + 1], np.array([2.0, 1.0]), still=still, quantile=0.25)
        spoiled = both.copy()
        spoiled[t + 1 :] = np.random.default_rng(1).uniform(0.0, 1.0, spoiled[t + 1 :].shape)
        assert (today(spoiled[: t + 1], np.array([2.0, 1.0]), still=still, quantile=0.25) == now).all()
        for n, days in enumerate((2.0, 1.0)):
            whole = slowed(above_past(spoiled[:, n] * np.sqrt(days), 0.25), float(still[n]))
            assert whole[t] == now[n]


def test_without_tools_it_is_the_forecast() -> None:
    path = np.array([[np.nan, 0.02], [0.03, 0.04]])
    assert today(path, np.array([4.0, 1.0]), rise=None).tolist() == [0.06, 0.04]
    with pytest.raises(InputError, match=r"no volatility now of assets \[0\]"):
        today(path[:1], np.ones(2))


def test_still_parts_grow_with_damping_and_stress() -> None:
    r, path = crash()
    m = moves_before(r, path, 880)
    plain, damped, stress = (
        float(still_parts(m, level=0.975, damping=d, stress=100, stress_weight=w)[0])
        for d, w in ((0.0, 0.0), (0.5, 0.0), (0.5, 0.25))
    )
    assert plain == 0.0 < damped < stress
    assert np.isinf(still_parts(m, level=0.975, damping=1.0)).all()


def test_forecasts_are_mixed_by_variance() -> None:
    one, two = np.array([0.03, 0.04]), np.array([0.06, np.nan])
    assert predicted([one, two], [1.0, 3.0]) == pytest.approx([np.sqrt((0.03**2 + 3 * 0.06**2) / 4), 0.04])
    assert predicted([one, two], [1.0, 0.0]).tolist() == one.tolist()
    with pytest.raises(InputError, match="no forecast at all"):
        predicted([one, two], [0.0, 1.0])


PATHS = st.lists(st.floats(0.005, 0.2), min_size=2, max_size=60).map(np.array)
SHARES = st.floats(0.0, 1.0)


@given(PATHS, st.floats(0.0, 0.1), SHARES, SHARES)
def test_a_buffer_only_adds_and_no_more_than_its_share(
    sigma: np.ndarray, still: float, buffer: float, refill: float
) -> None:
    got = with_buffer(sigma, still, buffer=buffer, refill=refill)
    most = sigma + buffer * (sigma + still)
    assert (got >= sigma).all() and (got <= most * (1 + 1e-12)).all()
    margin = buffered(sigma + still, buffer=buffer, refill=refill)
    np.testing.assert_allclose(got + still, margin, rtol=1e-12)  # what stands still is part of margin


@given(PATHS, PATHS, st.floats(0.0, 0.1))
def test_no_tool_looks_ahead(past: np.ndarray, future: np.ndarray, still: float) -> None:
    both = np.concatenate([past, future])
    n = len(past)
    for tool in (
        lambda x: with_buffer(x, still),
        lambda x: above_long_run(x, 20.0, least=5),
        lambda x: above_past(x, 0.5, least=5),
        lambda x: slowed(x, still),
    ):
        assert (tool(both)[:n] == tool(past)).all()


def test_a_buffer_is_drawn_while_volatility_rises_and_fills_again() -> None:
    still, path = 0.02, np.array([0.02] * 5 + [0.022, 0.026, 0.04] + [0.04] * 30 + [0.02])
    got = with_buffer(path, still)
    margin, plain = got + still, path + still
    left = margin / plain - 1.0
    assert left[:5] == pytest.approx(0.25)
    assert np.diff(margin[4:7]) == pytest.approx(0.0) and left[6] == pytest.approx(0.05 / 0.046 - 1)  # rise 1 and 2
    assert got[7] == 0.04  # the third uses it up
    assert np.diff(left[7:32]) == pytest.approx(0.01) and left[32] == pytest.approx(0.25) == left[37]
    assert left[-1] == pytest.approx(0.25)  # a fall lets go at once
    assert margin.max() / margin[0] < plain.max() / plain[0]
    assert (with_buffer(path, np.inf) == path).all()  # nothing of margin moves with volatility
    gap = np.insert(path, 6, np.nan)
    assert (np.delete(with_buffer(gap, still), 6) == got).all()


def test_a_buffered_margin_keeps_the_speed_limit() -> None:
    _, path = crash()
    still = 0.03
    margin = with_buffer(slowed(path, still, rise=0.10), still) + still
    assert (margin[1:] / margin[:-1] - 1.0).max() <= 0.10 + 1e-12
    assert (path[1:] + still).max() > 1.15 * (path[:-1] + still)[np.argmax(np.diff(path))]


def test_a_long_run_is_the_root_of_mean_variance_up_to_then() -> None:
    draw = np.random.default_rng(5)
    sigma = draw.uniform(0.01, 0.1, 80)
    sigma[:4] = sigma[30] = np.nan
    time = np.cumsum(draw.integers(1, 4, 80)) * MS_PER_DAY
    got = above_long_run(sigma, 30.0, time=time, least=8)
    for t in range(80):
        rows = [u for u in range(t + 1) if time[u] > time[t] - 30 * MS_PER_DAY and np.isfinite(sigma[u])]
        floor = np.sqrt(np.mean(sigma[rows] ** 2)) if len(rows) >= 8 and np.isfinite(sigma[t]) else 0.0
        assert np.isnan(sigma[t]) if np.isnan(got[t]) else got[t] == pytest.approx(max(sigma[t], floor), rel=1e-12)
    assert (got[4:30] > sigma[4:30]).any()
    with pytest.raises(InputError, match="long run"):
        above_long_run(sigma, 0.0)


def test_tools_act_one_after_the_other() -> None:
    _, path = crash()
    both, days = np.stack([path, path[::-1]], axis=1), np.array([1.0, 2.0])
    still = np.array([0.02, 0.03])
    got = steps(both, days, still=still, quantile=0.25, long_run=400.0, buffer=0.25)
    for n in range(2):
        own = both[:, n] * np.sqrt(days[n])
        past = above_past(own, 0.25)
        long_run = above_long_run(past, 400.0)
        slow = slowed(long_run, float(still[n]))
        wanted = (own, past, long_run, slow, with_buffer(slow, float(still[n])))
        found = (got.forecast, got.above_past, got.above_long_run, got.slowed, got.buffered)
        assert [float(x[n]) for x in found] == [float(x[-1]) for x in wanted]
    assert (today(both, days, still=still, quantile=0.25, long_run=400.0, buffer=0.25) == got.buffered).all()
