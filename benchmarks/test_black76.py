"""2,000 options in 512 scenarios: the compiled kernel beside numpy with scipy's normal distribution, one core each."""

from typing import Any

import numpy as np
import pytest
from scipy.special import ndtr

from benchmarks.turns import times_faster
from loadline.kernels import black76

OPTIONS, SCENARIOS = 2_000, 512


@pytest.fixture(scope="module")
def book() -> tuple[np.ndarray, ...]:
    """Forward (N, S), strike (N,), vol (N, S), tau (N,), right (N,)."""
    rng = np.random.default_rng(0)
    F = rng.uniform(90, 110, OPTIONS)[:, None] * (1 + rng.uniform(-0.3, 0.3, SCENARIOS))
    vol = rng.uniform(0.3, 1, OPTIONS)[:, None] * (1 + rng.uniform(-0.3, 0.5, SCENARIOS))
    K, tau, w = rng.uniform(60, 150, OPTIONS), rng.uniform(0.01, 1, OPTIONS), rng.choice([-1.0, 1.0], OPTIONS)
    return F, K, vol, tau, w


def with_scipy(F: np.ndarray, K: np.ndarray, vol: np.ndarray, tau: np.ndarray, w: np.ndarray) -> np.ndarray:
    """What a user would write; it has no edges (expired, no vol, strike 0)."""
    K, w = K[:, None], w[:, None]
    v = vol * np.sqrt(tau)[:, None]
    d1 = np.log(F / K) / v + 0.5 * v
    return w * (F * ndtr(w * d1) - K * ndtr(w * (d1 - v)))


@pytest.mark.benchmark(group="Black-76 values, 2,000 options x 512 scenarios")
def test_value(benchmark: Any, book: tuple[np.ndarray, ...]) -> None:
    out = np.empty((OPTIONS, SCENARIOS))
    benchmark(black76.value, *book, out=out)
    difference = np.abs(out - with_scipy(*book)).max()
    assert difference < 1e-12 * 150
    ratio = times_faster(lambda: black76.value(*book, out=out), lambda: with_scipy(*book))
    benchmark.extra_info["rival"] = "numpy + scipy.special.ndtr"
    benchmark.extra_info["times faster than rival"] = round(ratio, 1)
    benchmark.extra_info["ns per value"] = round(benchmark.stats.stats.min / out.size * 1e9, 2)
    benchmark.extra_info["largest difference"] = float(difference)
    print(f"\nBlack-76 values: {ratio:.1f} times faster than numpy + scipy.special.ndtr, measured in turns")


@pytest.mark.benchmark(group="Black-76 values, 2,000 options x 512 scenarios")
def test_value_with_scipy(benchmark: Any, book: tuple[np.ndarray, ...]) -> None:
    benchmark(with_scipy, *book)


@pytest.mark.benchmark(group="implied vol, 20,000 options")
def test_implied_vol(benchmark: Any, book: tuple[np.ndarray, ...]) -> None:
    F, K, vol, tau, w = (np.tile(x, 10) for x in (book[0][:, 0], book[1], book[2][:, 0], book[3], book[4]))
    price = black76.value1(F, K, vol, tau, w)
    benchmark(black76.implied_vol, price, F, K, tau, w)
    benchmark.extra_info["ns per vol"] = round(benchmark.stats.stats.min / F.size * 1e9, 1)
