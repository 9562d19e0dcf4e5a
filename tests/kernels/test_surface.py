"""Raw SVI against its twin and at its limits."""

import numpy as np
import pytest

from loadline.kernels.surface import SviStatus, svi_log_moneyness, svi_vol
from tests.reference import surface as twin


def test_equals_its_twin() -> None:
    rng = np.random.default_rng(2)
    n = 200
    F = 10.0 ** rng.uniform(0, 5, n)
    K = F * np.exp(rng.normal(0, 1, n))
    tau = rng.uniform(0.002, 2.0, n)
    a, b, rho = rng.uniform(0.001, 0.5, n), rng.uniform(0, 0.5, n), rng.uniform(-0.95, 0.95, n)
    m, sigma = rng.normal(0, 0.2, n), rng.uniform(0.01, 0.5, n)
    K[0], a[1] = 0.0, 500.0
    vol, status = svi_vol(K, F, tau, a, b, rho, m, sigma)
    expected = [twin.svi_vol(*x) for x in zip(K, F, tau, a, b, rho, m, sigma, strict=True)]
    assert (status == SviStatus.OK).all()
    np.testing.assert_allclose(vol, expected, rtol=1e-14)
    assert vol[0] == 0.0
    assert vol[1] == pytest.approx(12.0 / np.sqrt(tau[1]))


def test_wings_are_flat() -> None:
    K = np.array([1e-9, 1.0, 1e4, 1e12])
    vol, _ = svi_vol(K, 100.0, 0.25, 0.01, 0.1, -0.3, 0.0, 0.2)
    assert vol[0] == vol[1]
    assert vol[2] == vol[3]
    assert svi_log_moneyness(K, 100.0, 0.01, 0.1, 0.2)[0] == pytest.approx(-4 * np.sqrt(0.03))


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"a": -0.05}, SviStatus.NEGATIVE_VARIANCE),  # already below zero at the forward
        ({"a": -0.019, "m": 5.0, "rho": 1.0}, SviStatus.NEGATIVE_VARIANCE),
        ({"tau": 0.0}, SviStatus.EXPIRED),
        ({"sigma": np.nan}, SviStatus.NOT_FINITE),
        ({"forward": 0.0}, SviStatus.NOT_FINITE),
        ({"strike": -1.0}, SviStatus.NOT_FINITE),
        ({"strike": 0.0}, SviStatus.OK),
    ],
)
def test_says_why_there_is_no_vol(change: dict[str, float], status: SviStatus) -> None:
    x = {"strike": 90.0, "forward": 100.0, "tau": 0.25, "a": 0.01, "b": 0.1, "rho": -0.3, "m": 0.0, "sigma": 0.2}
    vol, code = svi_vol(**{name: np.array([value]) for name, value in (x | change).items()})
    assert code.tolist() == [status]
    assert np.isnan(vol[0]) == (status != SviStatus.OK)
