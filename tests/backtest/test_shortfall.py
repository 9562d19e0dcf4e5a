import numpy as np
import pytest

from loadline.backtest.procyclicality import largest_rise, peak_to_trough, procyclicality, rise_within
from loadline.backtest.shortfall import acerbi_szekely, critical_values, uncovered
from loadline.foundation.errors import InputError
from loadline.foundation.units import MS_PER_DAY
from loadline.kernels.parametric import student_t_var_es

RATE = 0.025


def history(seed: int, scale: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    x = np.random.default_rng(seed).standard_t(5, 50_000)
    var, es = student_t_var_es(1 - RATE, 5)
    return x, np.full(len(x), var * scale), np.full(len(x), es * scale)


def test_a_right_forecast_scores_nil_and_a_small_one_falls() -> None:
    right, small = (acerbi_szekely(*history(3, scale), RATE) for scale in (1.0, 0.7))
    assert abs(right.z1) < 0.05 and abs(right.z2) < 0.05
    assert small.z1 < 0 and small.z2 < -0.7


def test_by_hand() -> None:
    pnl, var, es = np.array([-3.0, 0.5, -2.0, -4.0]), np.array([2.0, 2.0, 2.0, 3.0]), np.array([2.5, 2.5, 2.5, 5.0])
    found = acerbi_szekely(pnl, var, es, 0.25)
    assert found.exceedances == 2  # a loss equal to the value at risk is none
    assert found.z1 == pytest.approx((-3 / 2.5 - 4 / 5) / 2 + 1)
    assert found.z2 == pytest.approx((-3 / 2.5 - 4 / 5) / (4 * 0.25) + 1)
    assert acerbi_szekely(np.ones(3), np.ones(3), np.ones(3), RATE).z1 is None


def test_critical_values_are_quantiles_of_the_statistics_themselves() -> None:
    trials, draws = 40, 500
    x = np.random.default_rng(7).standard_t(4.0, (draws, trials))
    var, es = (np.full(trials, v) for v in student_t_var_es(1 - RATE, 4.0))
    found = [acerbi_szekely(row, var, es, RATE) for row in x]
    ones = [f.z1 for f in found if f.z1 is not None]
    critical = critical_values(trials, RATE, 4.0, size=0.05, draws=draws, seed=7)
    assert critical.z2 == pytest.approx(np.quantile([f.z2 for f in found], 0.05))
    assert critical.z1 == pytest.approx(np.quantile(ones, 0.05))


@pytest.mark.parametrize(
    "given",
    [
        (np.ones(3), np.ones(2), np.ones(3), RATE),
        (np.array([np.nan]), np.ones(1), np.ones(1), RATE),
        (np.ones(1), np.ones(1), np.zeros(1), RATE),
        (np.ones(1), np.ones(1), np.ones(1), 0.0),
        (np.ones(0), np.ones(0), np.ones(0), RATE),
    ],
)
def test_bad_series_are_refused(given) -> None:
    with pytest.raises(InputError):
        acerbi_szekely(*given)


def test_too_few_draws_are_refused() -> None:
    with pytest.raises(InputError, match="draw 200"):
        critical_values(250, RATE, 5.0, size=0.05, draws=100, seed=1)


def test_uncovered() -> None:
    assert uncovered(np.array([1.0, 2.0]), np.array([2.0, 2.0])).exceedances == 0
    with pytest.raises(InputError):
        uncovered(np.array([np.nan]), np.array([1.0]))


def test_rises_look_at_every_date_before() -> None:
    rng = np.random.default_rng(5)
    x = np.exp(rng.normal(0, 0.2, 60))
    for dates in (1, 5, 100):
        pairs = [x[t] / x[s] - 1 for t in range(60) for s in range(max(t - dates, 0), t)]
        assert largest_rise(x, dates) == pytest.approx(max(pairs))
    found = procyclicality(x)
    assert found.peak_to_trough == x.max() / x.min() and set(found.rises) == {1, 5, 20}


@pytest.mark.parametrize("given", [[1.0], [1.0, 0.0], [1.0, np.nan]])
def test_requirements_that_are_none_are_refused(given: list[float]) -> None:
    with pytest.raises(InputError):
        procyclicality(np.array(given))


def test_round_off_is_no_rise() -> None:
    x = 0.1 * (1.0 + np.array([0.0, 2.2e-16, -4.4e-16, 6.7e-16]))
    assert largest_rise(x, 2) == 0.0 and peak_to_trough(x) == 1.0
    assert largest_rise(np.array([1.0, 1.0 + 1e-9]), 1) == pytest.approx(1e-9)


def test_a_rise_counts_days_not_dates() -> None:
    x = np.array([10.0, 8.0, 9.0, 12.0, 12.0])
    daily = np.arange(5) * MS_PER_DAY
    for days in (1, 2, 4):
        assert rise_within(x, daily, days) == largest_rise(x, days)
    assert rise_within(x, daily // 4, 1) == 0.5 and rise_within(x, daily * 9, 5) == 0.0
    with pytest.raises(InputError, match="more than 0"):
        rise_within(x, daily, 0.0)
