"""Closed forms against quadrature-free identities."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadline.kernels import parametric


@given(st.floats(1e-6, 1 - 1e-6), st.floats(0.6, 200.0))
def test_quantile_inverts_the_distribution(p: float, nu: float) -> None:
    assert parametric.student_t_cdf(parametric.student_t_quantile(p, nu), nu) == pytest.approx(p, rel=1e-11)


@pytest.mark.parametrize("x", [-30.0, -2.0, -0.3, 0.0, 0.7, 4.0])
def test_student_t_with_one_and_two_degrees_is_elementary(x: float) -> None:
    assert parametric.student_t_cdf(x, 1.0) == pytest.approx(0.5 + math.atan(x) / math.pi, abs=1e-14)
    assert parametric.student_t_cdf(x, 2.0) == pytest.approx(0.5 + 0.5 * x / math.sqrt(2.0 + x * x), abs=1e-14)


def test_student_t_tends_to_the_normal() -> None:
    for got, expected in zip(parametric.student_t_var_es(0.99, 1e7), parametric.normal_var_es(0.99), strict=True):
        assert got == pytest.approx(expected, rel=1e-6)


def test_shortfall_is_the_mean_of_the_quantiles_beyond() -> None:
    for var_es in (parametric.normal_var_es, lambda level: parametric.student_t_var_es(level, 5.0)):
        levels = 0.9 + 0.1 * (1 - (np.arange(2000) + 0.5) ** 4 / 2000.0**4)  # more points where it is steep
        steps = 4 * (np.arange(2000) + 0.5) ** 3 / 2000.0**4
        mean = sum(var_es(float(level))[0] * step for level, step in zip(levels, steps, strict=True))
        assert var_es(0.9)[1] == pytest.approx(mean, rel=1e-5)


@given(st.integers(1, 6), st.integers(0, 2**32 - 1))
def test_components_add_up_and_margins_are_slopes(n: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    root, delta = rng.normal(size=(n, n + 1)), rng.normal(size=n)
    covariance = root @ root.T
    got = parametric.parametric_var(delta, covariance, 1.65)
    assert got.component.sum() == pytest.approx(got.total)
    assert got.total <= got.undiversified * (1 + 1e-12)
    for i in range(n):
        step = np.zeros(n)
        step[i] = 1e-6
        up, down = (parametric.parametric_var(delta + s * step, covariance, 1.65).total for s in (1, -1))
        assert got.marginal[i] == pytest.approx((up - down) / 2e-6, abs=1e-5)


def test_no_exposure_no_risk() -> None:
    got = parametric.parametric_var(np.zeros(2), np.eye(2), 1.65)
    assert got.total == 0.0
    assert got.marginal.tolist() == [0.0, 0.0]


def test_delta_gamma_moments_of_a_quadratic() -> None:
    rng = np.random.default_rng(4)
    gamma, delta, covariance = (
        np.array([[1.0, 0.3], [0.3, -2.0]]),
        np.array([0.5, -1.0]),
        np.array([[1, 0.4], [0.4, 2]]),
    )
    x = rng.multivariate_normal([0, 0], covariance, 400_000)
    sample = x @ delta + 0.5 * np.einsum("si,ij,sj->s", x, gamma, x)
    mean, deviation = parametric.delta_gamma_moments(delta, gamma, covariance)
    assert sample.mean() == pytest.approx(mean, abs=0.02)
    assert sample.std() == pytest.approx(deviation, rel=0.01)
