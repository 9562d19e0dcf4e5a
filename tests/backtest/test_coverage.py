from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from loadline.backtest import coverage
from loadline.foundation.errors import InputError

RATES = st.sampled_from([0.005, 0.01, 0.025, 0.05])


@given(st.integers(1, 800), st.floats(0.0, 1.0), RATES)
def test_kupiec_is_the_ratio_of_binomial_likelihoods(trials: int, share: float, rate: float) -> None:
    x = round(share * trials)
    claimed, seen = (stats.binom.logpmf(x, trials, p) for p in (rate, x / trials))
    found = coverage.kupiec(x, trials, rate)
    assert found.statistic == pytest.approx(2.0 * (seen - claimed), rel=1e-8, abs=1e-8)
    assert found.p_value == pytest.approx(stats.chi2.sf(found.statistic, 1), rel=1e-9, abs=1e-300)


@given(st.integers(1, 2000), st.floats(0.0, 1.0), RATES)
def test_binomial_is_the_binomial(trials: int, share: float, rate: float) -> None:
    most = round(share * trials)
    assert coverage.binomial(most, trials, rate) == pytest.approx(stats.binom.cdf(most, trials, rate), rel=1e-9)
    assert coverage.too_many(most, trials, rate) == pytest.approx(stats.binom.sf(most - 1, trials, rate), abs=1e-11)


@given(st.integers(10, 250), RATES, st.floats(0.001, 0.2))
def test_power_is_the_chance_of_a_count_outside(trials: int, rate: float, true: float) -> None:
    rejected = [x for x in range(trials + 1) if coverage.kupiec(x, trials, rate).statistic > coverage.CRITICAL_5]
    assert coverage.power(trials, rate, true) == pytest.approx(
        stats.binom.pmf(rejected, trials, true).sum(), rel=1e-7, abs=1e-9
    )


@given(st.lists(st.booleans(), min_size=2, max_size=300), RATES)
def test_christoffersen_against_its_definition(exceeded: list[bool], rate: float) -> None:
    found = coverage.christoffersen(exceeded, rate)
    (n00, n01), (n10, n11) = found.transitions
    pairs = list(pairwise(exceeded))
    assert (n00, n01, n10, n11) == tuple(pairs.count((i, j)) for i in (False, True) for j in (False, True))

    def log_likelihood(after_none: float, after_one: float) -> float:
        terms = ((n00, 1 - after_none), (n01, after_none), (n10, 1 - after_one), (n11, after_one))
        return sum(n * np.log(p) for n, p in terms if n)

    pooled = (n01 + n11) / len(pairs)
    free = log_likelihood(n01 / max(n00 + n01, 1), n11 / max(n10 + n11, 1))
    assert found.independence.statistic == pytest.approx(2.0 * (free - log_likelihood(pooled, pooled)), abs=1e-8)
    assert found.conditional.statistic == found.unconditional.statistic + found.independence.statistic
    assert found.conditional.p_value == pytest.approx(stats.chi2.sf(found.conditional.statistic, 2), rel=1e-9)


def test_clusters_are_seen() -> None:
    clustered, scattered = np.zeros(250, bool), np.zeros(250, bool)
    clustered[100:105], scattered[::50] = True, True
    assert coverage.christoffersen(clustered, 0.01).independence.p_value < 1e-6
    assert coverage.christoffersen(scattered, 0.01).independence.p_value > 0.5


@pytest.mark.parametrize(("exceptions", "zone"), [(4, "green"), (5, "yellow"), (9, "yellow"), (10, "red")])
def test_zones(exceptions: int, zone: str) -> None:
    assert coverage.traffic_light(exceptions).zone == zone
    assert coverage.traffic_light(exceptions, 500, 0.01).multiplier is None


@given(st.lists(st.booleans(), max_size=60), st.integers(1, 70))
def test_most_in_window_looks_at_every_window(exceeded: list[bool], window: int) -> None:
    windows = [sum(exceeded[k : k + window]) for k in range(max(len(exceeded) - window, 0) + 1)]
    assert coverage.most_in_window(exceeded, window) == max(windows)


@pytest.mark.parametrize(
    "call",
    [
        lambda: coverage.kupiec(5, 4, 0.01),
        lambda: coverage.kupiec(0, 0, 0.01),
        lambda: coverage.kupiec(1, 10, 1.0),
        lambda: coverage.first_failure(0, 0.01),
        lambda: coverage.christoffersen([True], 0.01),
        lambda: coverage.most_in_window([True], 0),
        lambda: coverage.accepted(2, 0.01, critical=-1.0),
    ],
)
def test_impossible_counts_are_refused(call) -> None:
    with pytest.raises(InputError):
        call()


def test_every_fault_is_listed() -> None:
    with pytest.raises(InputError, match=r"0 trials.*9 exceedances.*rate of 2"):
        coverage.kupiec(9, 0, 2.0)


def test_no_exception_is_green_however_few_the_trials() -> None:
    assert [coverage.traffic_light(0, n).zone for n in (1, 3, 250)] == ["green"] * 3
    assert coverage.traffic_light(1, 3).zone == "yellow"
