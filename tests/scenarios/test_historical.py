import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from loadline.foundation.errors import InputError
from loadline.scenarios.historical import filtered, overlapping

PRICES = arrays(np.float64, st.tuples(st.integers(3, 20), st.integers(1, 3)), elements=st.floats(0.1, 1e5))
RETURNS = arrays(np.float64, 12, elements=st.floats(-0.5, 0.5))
SIGMA = arrays(np.float64, 12, elements=st.floats(0.001, 0.2))


@given(PRICES, st.integers(1, 2))
def test_every_date_with_an_end_is_a_start(prices, horizon: int) -> None:
    found = overlapping(prices, horizon)
    want = [[np.log(prices[t + horizon, n] / prices[t, n]) for n in range(prices.shape[1])]
            for t in range(len(prices) - horizon)]  # fmt: skip
    assert found == pytest.approx(np.array(want), abs=1e-12)


@given(RETURNS, SIGMA, st.floats(0.001, 0.2), st.floats(0.0, 1.0), st.floats(1.0, 5.0))
def test_a_filtered_return_by_hand(returns, sigma, now: float, damping: float, cap: float) -> None:
    found = filtered(returns, sigma, now, damping=damping, cap=cap)
    want = [(1 - damping) * r * min(now / s, cap) + damping * r for r, s in zip(returns, sigma, strict=True)]
    assert found == pytest.approx(want, rel=1e-12, abs=1e-15)


@given(RETURNS, SIGMA)
def test_todays_own_volatility_changes_nothing(returns, sigma) -> None:
    assert filtered(returns, np.full(12, 0.05), 0.05) == pytest.approx(returns)
    assert (filtered(returns, sigma, 0.05, damping=1.0) == returns).all()


@pytest.mark.parametrize(
    "call",
    [
        lambda: overlapping(np.array([[1.0], [0.0]]), 1),
        lambda: overlapping(np.array([[1.0], [np.nan]]), 1),
        lambda: overlapping(np.ones((3, 1)), 3),
        lambda: overlapping(np.ones((3, 1)), 0),
        lambda: filtered(np.ones(2), np.ones(3), 1.0),
        lambda: filtered(np.ones(2), np.array([1.0, 0.0]), 1.0),
        lambda: filtered(np.ones(2), np.ones(2), 0.0),
        lambda: filtered(np.ones(2), np.ones(2), 1.0, damping=2.0),
        lambda: filtered(np.ones(2), np.ones(2), 1.0, cap=0.5),
    ],
)
def test_bad_histories_are_refused(call) -> None:
    with pytest.raises(InputError):
        call()
