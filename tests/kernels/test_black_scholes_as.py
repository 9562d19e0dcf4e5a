"""The venue's approximate pricing against its twin and against the truth."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadline.kernels import black76
from loadline.kernels import black_scholes_as as kernel
from tests.reference import black_scholes_as as twin

prices = st.floats(1.0, 1e6)
vols = st.floats(0.01, 5.0)


@given(prices, prices, st.lists(vols, min_size=1, max_size=9), st.floats(0.0, 3.0), st.floats(-0.2, 0.5))
def test_equals_the_twin(S: float, K: float, sigma: list[float], tau: float, rate: float) -> None:
    for w in (1.0, -1.0):
        spot, vol = np.full((1, 1), S), np.array([sigma])
        columns = [np.array([x]) for x in (tau, rate, w)]
        for name in ("value", "delta"):
            got = getattr(kernel, name)(spot, np.array([K]), vol, *columns)
            want = [getattr(twin, name)(S, K, x, tau, rate, w) for x in sigma]
            assert got[0] == pytest.approx(want, rel=1e-12, abs=1e-12 * (S + K))


def test_a_whole_table_is_its_rows() -> None:
    rng = np.random.default_rng(5)
    S, K, sigma = rng.uniform(50, 150, (7, 4)), rng.uniform(50, 150, 7), rng.uniform(0.1, 1.0, (7, 4))
    tau, rate, w = rng.uniform(0, 2, 7), rng.uniform(0, 0.1, 7), rng.choice([-1.0, 1.0], 7)
    got = kernel.value(S, K, sigma, tau, rate, w)
    for i in range(7):
        row = [a[i : i + 1] for a in (S, K, sigma, tau, rate, w)]
        assert got[i].tobytes() == kernel.value(*row)[0].tobytes()


def test_is_as_close_to_the_truth_as_the_handbook_says() -> None:
    x = np.linspace(-9.0, 9.0, 10_001)
    assert np.abs(kernel.norm_cdf(x) - black76.norm_cdf(x)).max() < 7.6e-8
    assert kernel.norm_cdf(x).tolist() == pytest.approx([twin.cdf(a) for a in x.tolist()], abs=1e-15)


def test_without_time_or_vol_only_the_intrinsic_value_is_left() -> None:
    S, K, one = np.array([[110.0]]), np.array([100.0]), np.ones(1)
    for sigma, tau in ((0.0, 1.0), (0.5, 0.0)):
        args = (S, K, np.array([[sigma]]), tau * one, 0.1 * one)
        assert kernel.value(*args, one).item() == 10.0 and kernel.value(*args, -one).item() == 0.0
        assert kernel.delta(*args, one).item() == 1.0 and kernel.delta(*args, -one).item() == 0.0


def test_what_is_not_a_number_stays_so() -> None:
    one = np.ones(1)
    for S, sigma in ((math.nan, 0.5), (100.0, math.nan)):
        assert math.isnan(kernel.value(np.array([[S]]), 90 * one, np.array([[sigma]]), one, 0 * one, one).item())
