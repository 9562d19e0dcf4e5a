import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from loadline.forecast.volatility import Garch, ewma, ewma_covariance, fitted
from loadline.foundation.errors import InputError

RETURNS = arrays(np.float64, st.integers(1, 60), elements=st.floats(-0.3, 0.3, allow_subnormal=False))
DECAY = st.floats(0.5, 0.999)


@given(RETURNS, DECAY)
def test_ewma_is_the_weighted_mean_of_squares(returns, decay: float) -> None:
    path = ewma(returns, decay, 0.01)
    for t in range(len(returns) + 1):
        weights = (1 - decay) * decay ** np.arange(t - 1, -1, -1)
        assert path[t] == pytest.approx(decay**t * 0.01 + weights @ returns[:t] ** 2, rel=1e-9)


@given(RETURNS, DECAY)
def test_a_long_step_is_as_many_short_ones_of_the_same_squares(returns, decay: float) -> None:
    steps = np.full(len(returns), 3.0)
    thrice = np.repeat(returns / np.sqrt(3.0), 3)
    assert ewma(returns, decay, 0.02, steps)[1:] == pytest.approx(ewma(thrice, decay, 0.02)[3::3], rel=1e-9)


@given(RETURNS, DECAY, st.integers(0, 59))
def test_what_comes_later_changes_nothing_before(returns, decay: float, cut: int) -> None:
    cut = min(cut, len(returns) - 1)
    later = returns.copy()
    later[cut:] = 0.29
    paths = (
        lambda r: ewma(r, decay, 0.01),
        lambda r: Garch(1e-5, 0.1, 0.8, 0.05).path(r, 0.01),
        lambda r: ewma_covariance(np.array([r, 0.5 * r]).T, decay, np.eye(2)),
    )
    for path in paths:
        before, after = path(returns), path(later)
        assert (before[: cut + 1] == after[: cut + 1]).all()


def test_covariance_holds_the_variances_and_is_semidefinite() -> None:
    x = np.random.default_rng(2).normal(0, 0.03, (200, 4))
    path = ewma_covariance(x, 0.94, np.eye(4) * 1e-3)
    for n in range(4):
        assert path[:, n, n] == pytest.approx(ewma(x[:, n], 0.94, 1e-3))
    assert np.linalg.eigvalsh(path).min() > 0


def test_garch_by_hand() -> None:
    model, v = Garch(1e-6, 0.05, 0.9, 0.04), 4e-4
    up, down = (model.path(np.array([r]), v)[1] for r in (0.02, -0.02))
    assert (up, down) == (pytest.approx(1e-6 + 0.05 * 4e-4 + 0.9 * v), pytest.approx(1e-6 + 0.09 * 4e-4 + 0.9 * v))
    assert model.persistence == pytest.approx(0.97)
    assert model.ahead(model.long_run, 10) == pytest.approx(10 * model.long_run)
    assert model.ahead(v, 2) == pytest.approx(v + 1e-6 + 0.97 * v)
    assert Garch(1e-6, 0.1, 0.9).long_run == np.inf


def test_the_fit_finds_what_made_the_series() -> None:
    pytest.importorskip("arch", reason="GARCH is fitted by the extra loadline[forecast]")
    true, rng = Garch(2e-6, 0.08, 0.90), np.random.default_rng(11)
    v, returns = true.long_run, []
    for z in rng.standard_t(6, 6000) * np.sqrt(4 / 6):
        returns.append(z * np.sqrt(v))
        v = true.omega + true.alpha * returns[-1] ** 2 + true.beta * v
    found = fitted(np.array(returns))
    assert (found.alpha, found.beta) == (pytest.approx(0.08, abs=0.02), pytest.approx(0.90, abs=0.03))
    assert found.long_run == pytest.approx(true.long_run, rel=0.3)
    leveraged = fitted(np.array(returns), leverage=True)
    assert abs(leveraged.gamma) < 0.03


@pytest.mark.parametrize(
    "call",
    [
        lambda: ewma(np.array([np.nan]), 0.9, 0.1),
        lambda: ewma(np.array([]), 0.9, 0.1),
        lambda: ewma(np.ones(2), 1.0, 0.1),
        lambda: ewma(np.ones(2), 0.9, 0.1, np.array([1.0, 0.0])),
        lambda: ewma_covariance(np.array([[np.inf]]), 0.9, np.eye(1)),
        lambda: fitted(np.ones(10)),
    ],
)
def test_bad_histories_are_refused(call) -> None:
    with pytest.raises(InputError):
        call()


def test_the_first_gap_is_named() -> None:
    with pytest.raises(InputError, match=r"2 returns are not finite, the first in row 1"):
        ewma(np.array([0.1, np.nan, np.inf]), 0.9, 0.1)
