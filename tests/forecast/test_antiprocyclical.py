import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from loadline.forecast.antiprocyclical import buffered, floored, speed_limited, stress_weighted
from loadline.foundation.errors import InputError

SERIES = arrays(np.float64, st.integers(1, 40), elements=st.floats(1.0, 1e6))


@given(SERIES, st.floats(0.0, 1.0), st.floats(0.0, 0.2))
def test_a_buffer_lies_between_the_requirement_and_the_whole_buffer(x, buffer: float, refill: float) -> None:
    m = buffered(x, buffer=buffer, refill=refill)
    assert (m >= x).all() and (m <= (1 + buffer) * x * (1 + 1e-15)).all()


def test_a_buffer_holds_margin_still_until_it_is_gone() -> None:
    x = np.array([100.0, 105.0, 120.0, 126.0, 126.0, 126.0])
    assert buffered(x).tolist() == [125.0, 125.0, 125.0, 126.0, 126.0, 126.0]
    assert buffered(x, refill=0.1).tolist() == pytest.approx([125.0, 125.0, 125.0, 126.0, 138.6, 151.2])


@given(SERIES, st.floats(0.01, 1.0))
def test_a_speed_limit_is_kept_and_never_asks_more(x, rise: float) -> None:
    m = speed_limited(x, rise=rise)
    assert (m <= x).all() and (m[1:] <= (1 + rise) * m[:-1]).all()
    free = np.flatnonzero(m[1:] < x[1:]) + 1
    assert (m[free] == (1 + rise) * m[free - 1]).all()  # it lags no more than it must


@given(SERIES, st.floats(0.0, 1e6), st.floats(0.0, 1.0))
def test_stress_weighs_what_it_says(x, stress: float, weight: float) -> None:
    m = stress_weighted(x, stress, weight=weight)
    assert (m <= np.maximum(x, stress) * (1 + 1e-15)).all() and (m >= np.minimum(x, stress) * (1 - 1e-15)).all()
    assert (stress_weighted(x, stress, weight=weight, floored=True) >= x).all()


@given(SERIES, st.integers(0, 39))
def test_what_comes_later_changes_nothing_before(x, cut: int) -> None:
    cut = min(cut, len(x) - 1)
    later = x.copy()
    later[cut + 1 :] *= 3.0
    for tool in (buffered, speed_limited):
        assert (tool(x)[: cut + 1] == tool(later)[: cut + 1]).all()


@pytest.mark.parametrize(
    "call",
    [
        lambda: buffered(np.array([np.nan])),
        lambda: buffered(np.ones(2), buffer=-0.1),
        lambda: stress_weighted(np.ones(2), -1.0),
        lambda: stress_weighted(np.ones(2), 1.0, weight=1.5),
        lambda: floored(np.array([-0.1]), 0.1),
        lambda: speed_limited(np.ones(2), rise=0.0),
        lambda: speed_limited(np.array([np.inf])),
    ],
)
def test_what_is_no_requirement_is_refused(call) -> None:
    with pytest.raises(InputError):
        call()
