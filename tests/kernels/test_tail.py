"""Order statistics and tail means against counting by hand in fractions."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadline.kernels import tail
from tests.reference import tail as twin

pnl = st.lists(st.integers(-9, 9).map(float), min_size=1, max_size=30)  # small integers: ties everywhere
level = st.sampled_from([Fraction(k, 1000) for k in (0, 100, 500, 625, 900, 950, 975, 990, 997)])


@given(pnl)
def test_worst_is_the_first_minimum(row: list[float]) -> None:
    value, index = tail.worst(np.array([row, row[::-1]]))
    assert value.tolist() == [min(row)] * 2
    assert index.tolist() == [row.index(min(row)), row[::-1].index(min(row))]


@given(pnl, st.data())
def test_tail_mean(row: list[float], data: st.DataObject) -> None:
    k = data.draw(st.integers(1, len(row)))
    x = np.array(row) * 0.1
    assert tail.tail_mean(x[None, :], k)[0] == twin.tail_mean(x.tolist(), k)  # same order of addition: same bits
    chosen = tail.smallest(x[None, :], k)[0]
    assert chosen.tolist() == sorted(range(len(row)), key=lambda s: row[s])[:k]


@given(pnl, level)
def test_equal_weights(row: list[float], at: Fraction) -> None:
    n = len(row)
    weights = [Fraction(1, n)] * n
    x = np.array([row, row])
    assert (tail.value_at_risk(x, float(at)) == twin.value_at_risk(row, 1 - at, weights)).all()
    expected = twin.tail_weights(row, 1 - at, weights)
    got = tail.tail_weights(x, float(at))
    np.testing.assert_allclose(got, [[float(w) for w in expected]] * 2, atol=1e-12)
    shortfall = sum(w * Fraction(v) for w, v in zip(expected, row, strict=True))
    np.testing.assert_allclose(tail.expected_shortfall(x, float(at)), float(shortfall), atol=1e-12)
    assert (got[0] != 0.0).sum() == sum(w != 0 for w in expected)  # noise gives nobody a weight of 1e-17


@given(pnl, level, st.data())
def test_unequal_weights(row: list[float], at: Fraction, data: st.DataObject) -> None:
    n = len(row)
    parts = data.draw(st.lists(st.integers(0, 5), min_size=n, max_size=n).filter(any))
    weights = [Fraction(p, sum(parts)) for p in parts]
    x, w = np.array([row]), np.array([float(v) for v in weights])
    assert tail.value_at_risk(x, float(at), w)[0] == twin.value_at_risk(row, 1 - at, weights)
    expected = twin.tail_weights(row, 1 - at, weights)
    got = tail.tail_weights(x, float(at), w)[0]
    np.testing.assert_allclose(got, [float(v) for v in expected], atol=1e-9)
    assert got.sum() == pytest.approx(1.0, abs=1e-14)
    shortfall = tail.expected_shortfall(x, float(at), w)[0]
    assert shortfall == pytest.approx(got @ np.array(row), abs=1e-12)


@given(st.integers(1, 40), level, st.integers(0, 2**32 - 1))
def test_weights_are_the_gradient_and_the_measure_is_coherent(n: int, at: Fraction, seed: int) -> None:
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(2, 1, n))
    es = [tail.expected_shortfall(z, float(at))[0] for z in (x, y, x + y)]
    assert es[2] >= es[0] + es[1] - 1e-12  # diversification never adds to the loss
    # The weights of x bound the shortfall of anything else from above: they are a supergradient of a concave function.
    assert es[1] <= (tail.tail_weights(x, float(at)) @ y[0])[0] + 1e-12
    assert tail.value_at_risk(x, float(at))[0] >= es[0] - 1e-12


@pytest.mark.parametrize("n", [100, 200, 250, 400, 500, 715, 1000, 100_000])
@pytest.mark.parametrize("at", ["0.9", "0.95", "0.975", "0.98", "0.99", "0.995", "0.999"])
def test_count_is_exact_in_spite_of_rounding(n: int, at: str) -> None:
    assert tail.tail_count(n, float(at)) == math.ceil(n * (1 - Fraction(at)))
