"""Sums of 20,000 groups of rows over 64 scenarios: the ordered kernel beside `np.add.reduceat`."""

from typing import Any

import numpy as np
import pytest

from benchmarks.turns import times_faster
from loadline.kernels.net import segment_sum

GROUPS, SCENARIOS = 20_000, 64


@pytest.fixture(scope="module")
def rows() -> tuple[np.ndarray, np.ndarray]:
    """Rows (G, S) and segment starts (M + 1,); one to seven rows a group."""
    rng = np.random.default_rng(0)
    starts = np.concatenate(([0], np.cumsum(rng.integers(1, 8, GROUPS))))
    return rng.normal(size=(starts[-1], SCENARIOS)), starts


@pytest.mark.benchmark(group="segment sums, 20,000 groups x 64 scenarios")
def test_segment_sum(benchmark: Any, rows: tuple[np.ndarray, np.ndarray]) -> None:
    x, starts = rows
    got = benchmark(segment_sum, x, starts)
    np.testing.assert_allclose(got, np.add.reduceat(x, starts[:-1], axis=0), atol=1e-12)
    ratio = times_faster(lambda: segment_sum(x, starts), lambda: np.add.reduceat(x, starts[:-1], axis=0))
    benchmark.extra_info["rival"] = "np.add.reduceat, which adds in another order"
    benchmark.extra_info["times faster than rival"] = round(ratio, 1)
    print(f"\nsegment sums: {ratio:.1f} times faster than np.add.reduceat, measured in turns")


@pytest.mark.benchmark(group="segment sums, 20,000 groups x 64 scenarios")
def test_reduceat(benchmark: Any, rows: tuple[np.ndarray, np.ndarray]) -> None:
    x, starts = rows
    benchmark(np.add.reduceat, x, starts[:-1], axis=0)
