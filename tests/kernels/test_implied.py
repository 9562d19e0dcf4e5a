"""Implied vol: there and back, and why not where not."""

import math

import numpy as np
import pytest
from hypothesis import given

from loadline.kernels import black76
from loadline.kernels.implied import ImpliedStatus, implied_vol
from tests.kernels.test_black76 import option
from tests.reference import black76 as twin


@given(option())
def test_there_and_back(x: tuple[np.ndarray, ...]) -> None:
    F, K, vol, tau, w = x
    price = black76.value1(*x)
    got, status = implied_vol(price, F, K, tau, w)
    if status[0] != ImpliedStatus.OK:
        assert math.isnan(got[0])
        intrinsic = max(w[0] * (F - K)[0], 0.0)
        if status[0] == ImpliedStatus.NO_TIME_VALUE:
            assert price[0] - intrinsic <= 1e-15 * max(F[0], K[0])
        else:  # the vol was so high that the price is the bound
            assert status[0] == ImpliedStatus.ABOVE_BOUND
            assert price[0] >= (1 - 1e-13) * (F if w[0] > 0 else K)[0]
        return
    back = black76.value1(F, K, got, tau, w)
    rounding = 1e-15 * max(F[0], K[0])
    assert abs(back - price)[0] <= rounding
    vega = black76.greeks(F, K, np.minimum(vol, got), tau, w)[2][0]
    if rounding < 1e-3 * vega * vol[0]:
        assert abs(got - vol)[0] <= 10 * rounding / vega + 1e-15 * vol[0]


def test_a_grid_of_ordinary_options() -> None:
    """Every option a venue lists: the vol comes back to twelve digits wherever the time value has that many."""
    y, vol, days, w = (
        a.ravel()
        for a in np.meshgrid(np.linspace(-0.5, 0.5, 11), np.linspace(0.2, 2.0, 7), [0.5, 7.0, 30.0, 365.0], [1.0, -1.0])
    )
    F, tau = np.full(y.size, 60_000.0), days / 365.0
    K = F * np.exp(y)
    price = black76.value1(F, K, vol, tau, w)
    got, status = implied_vol(price, F, K, tau, w)
    time_value = price - np.maximum(w * (F - K), 0.0)
    rich = time_value > 1e-3 * F
    assert rich.sum() > 200
    assert (status[rich] == ImpliedStatus.OK).all()
    np.testing.assert_allclose(got[rich], vol[rich], rtol=1e-12)


def test_equals_bisection() -> None:
    rng = np.random.default_rng(5)
    n = 40
    F, tau, w = 10.0 ** rng.uniform(0, 5, n), 10.0 ** rng.uniform(-2, 0.5, n), rng.choice([-1.0, 1.0], n)
    v = rng.uniform(0.1, 2.0, n)
    K = F * np.exp(rng.uniform(-2, 2, n) * v)
    price = np.array([twin.value(*x) for x in zip(F, K, v / np.sqrt(tau), tau, w, strict=True)])
    got, status = implied_vol(price, F, K, tau, w)
    assert (status == 0).all()
    expected = [twin.implied_vol(*x) for x in zip(price, F, K, tau, w, strict=True)]
    np.testing.assert_allclose(got, expected, rtol=1e-10)


@pytest.mark.parametrize(
    ("price", "F", "K", "tau", "w", "status"),
    [
        (9.999, 100.0, 90.0, 1.0, 1.0, "BELOW_INTRINSIC"),
        (-0.001, 90.0, 100.0, 1.0, 1.0, "BELOW_INTRINSIC"),
        (10.0, 100.0, 90.0, 1.0, 1.0, "NO_TIME_VALUE"),
        (math.nextafter(10.0, 11), 100.0, 90.0, 1.0, 1.0, "NO_TIME_VALUE"),
        (math.nextafter(10.0, 9), 100.0, 90.0, 1.0, 1.0, "NO_TIME_VALUE"),
        (0.0, 90.0, 100.0, 1.0, 1.0, "NO_TIME_VALUE"),
        (1e-308, 90.0, 100.0, 1.0, 1.0, "NO_TIME_VALUE"),
        (100.0, 100.0, 90.0, 1.0, 1.0, "ABOVE_BOUND"),
        (90.0, 100.0, 90.0, 1.0, -1.0, "ABOVE_BOUND"),
        (101.0, 100.0, 90.0, 1.0, 1.0, "ABOVE_BOUND"),
        (50.0, 100.0, 1e170, 1.0, 1.0, "ABOVE_BOUND"),  # below F, but over anything total vol 24 gives
        (5.0, 100.0, 90.0, 0.0, -1.0, "EXPIRED"),
        (5.0, 100.0, 90.0, -1.0, -1.0, "EXPIRED"),
        (math.nan, 100.0, 90.0, 1.0, -1.0, "NOT_FINITE"),
        (5.0, math.inf, 90.0, 1.0, -1.0, "NOT_FINITE"),
        (5.0, math.inf, -math.inf, 1.0, -1.0, "NOT_FINITE"),
        (5.0, 100.0, 90.0, math.nan, -1.0, "NOT_FINITE"),
        (0.0, 100.0, 0.0, 1.0, -1.0, "NO_TIME_VALUE"),
        (100.0, 100.0, 0.0, 1.0, 1.0, "NO_TIME_VALUE"),
        (90.0, 0.0, 90.0, 1.0, -1.0, "NO_TIME_VALUE"),
        (1e-250, 90.0, 100.0, 1.0, 1.0, "OK"),
        (5e-9, 100.0, 100.0, 1.0, 1.0, "OK"),
        (99.999999, 100.0, 100.0, 1.0, -1.0, "OK"),
    ],
)
def test_says_why_there_is_no_vol(price: float, F: float, K: float, tau: float, w: float, status: str) -> None:
    got, code = implied_vol(*(np.array([x]) for x in (price, F, K, tau, w)))
    assert ImpliedStatus(code[0]).name == status
    assert math.isnan(got[0]) == (status != "OK")
    if status == "OK":
        back = black76.value1(*(np.array([x]) for x in (F, K, got[0], tau, w)))[0]
        assert back == pytest.approx(price, rel=1e-6, abs=1e-14)
