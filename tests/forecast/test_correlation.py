import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from loadline.forecast.correlation import correlation_of, semidefinite, shrunk
from loadline.foundation.errors import InputError
from loadline.foundation.units import MS_PER_DAY
from loadline.model.history import History


def drawn(true, rows: int, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((rows, len(true))) @ np.linalg.cholesky(true).T


def spread(n: int) -> np.ndarray:
    """A correlation matrix whose pairs differ: 0.9 between neighbours, less further off."""
    return 0.9 ** np.abs(np.subtract.outer(np.arange(n), np.arange(n)))


def test_without_gaps_decay_or_shrinkage_it_is_the_plain_correlation_about_zero():
    r = drawn(spread(4), 500)
    second = r.T @ r
    plain = second / np.sqrt(np.outer(second.diagonal(), second.diagonal()))
    np.testing.assert_allclose(shrunk(r, decay=1.0, intensity=0.0).values, plain, atol=1e-12)


def test_the_intensity_is_the_sampling_variance_over_the_spread():
    r = drawn(spread(3), 400)
    found = shrunk(r, decay=0.98)
    w = 0.98 ** np.arange(399, -1, -1.0)
    z = r / np.sqrt((w[:, None] * r * r).sum(0) / w.sum())
    total = bias = 0.0
    rho = {(i, j): (w * z[:, i] * z[:, j]).sum() / w.sum() for i in range(3) for j in range(3) if i != j}
    mean = np.mean(list(rho.values()))
    for (i, j), x in rho.items():
        influence = z[:, i] * z[:, j] - 0.5 * x * (z[:, i] ** 2 + z[:, j] ** 2)
        total += (w**2 * influence**2).sum() / w.sum() ** 2
        bias += (x - mean) ** 2
    assert 0 < found.intensity < 1
    assert found.intensity == pytest.approx(total / bias, rel=1e-9)
    assert found.common == pytest.approx(mean)
    assert found.effective[0, 1] == pytest.approx(w.sum() ** 2 / (w**2).sum())


def test_the_sampling_variance_is_what_repeated_samples_show():
    true = np.array([[1.0, 0.8, 0.3], [0.8, 1.0, 0.5], [0.3, 0.5, 1.0]])
    samples = np.array([shrunk(drawn(true, 200, seed), decay=1.0, intensity=0.0).values for seed in range(400)])
    seen = samples.var(0)
    assert seen[0, 1] == pytest.approx((1 - 0.8**2) ** 2 / 200, rel=0.25)  # what the textbook says
    spreads = ((samples - 1.6 / 3) ** 2).mean(0)
    off = ~np.eye(3, dtype=bool)
    shares = np.mean([shrunk(drawn(true, 200, seed), decay=1.0).intensity for seed in range(400)])
    assert shares == pytest.approx(seen[off].sum() / spreads[off].sum(), rel=0.3)


def test_shrinking_brings_it_nearer_to_the_truth_and_less_so_with_more_rows():
    true = spread(8)
    errors, plain, shares = [], [], []
    for seed in range(20):
        r = drawn(true, 60, seed)
        found = shrunk(r, decay=0.97)
        errors.append(np.linalg.norm(found.values - true))
        plain.append(np.linalg.norm(shrunk(r, decay=0.97, intensity=0.0).values - true))
        shares.append(found.intensity)
    assert np.mean(errors) < np.mean(plain) and 0.01 < np.mean(shares) < 0.9
    assert shrunk(drawn(true, 20000), decay=1.0).intensity < 0.01


def test_recent_rows_count_more():
    early, late = drawn(np.eye(2), 500, 3), drawn(np.array([[1, 0.9], [0.9, 1]]), 200, 4)
    assert shrunk(np.vstack([early, late]), decay=0.97, intensity=0.0).values[0, 1] > 0.8


def test_an_asset_that_is_new_takes_the_common_value_and_is_named():
    r = drawn(spread(4), 300)
    r[:-10, 3] = np.nan
    r[40:50, 1] = np.nan
    found = shrunk(r, names=["BTC", "ETH", "SOL", "NEW"])
    assert len(found.notes) == 3 and found.notes[0].startswith("BTC and NEW: 10 returns in common")
    np.testing.assert_allclose(found.values[3, :3], found.common)
    assert np.linalg.eigvalsh(found.values).min() >= -1e-12


@given(
    arrays(np.float64, st.tuples(st.integers(25, 60), st.integers(2, 6)), elements=st.floats(-0.3, 0.3)),
    st.integers(0, 10**6),
)
def test_it_is_always_a_correlation_matrix(returns, seed):
    draw = np.random.default_rng(seed)
    r = returns + draw.normal(0, 0.01, returns.shape)
    r[draw.random(r.shape) < 0.4] = np.nan
    r[-1] = 0.01  # each has one
    found = shrunk(r, decay=0.95)
    np.testing.assert_array_equal(found.values, found.values.T)
    np.testing.assert_allclose(found.values.diagonal(), 1.0)
    assert np.abs(found.values).max() <= 1 + 1e-12 and np.linalg.eigvalsh(found.values).min() > -1e-9


def test_contradictions_are_mended():
    bad = np.array([[1.0, 0.9, -0.9], [0.9, 1.0, 0.9], [-0.9, 0.9, 1.0]])
    good, change = semidefinite(bad)
    assert np.linalg.eigvalsh(good).min() > -1e-12 and 0 < change < 1
    np.testing.assert_array_equal(semidefinite(good + 1e-9 * np.eye(3))[0].shape, (3, 3))


def test_it_knows_nothing_of_what_comes_later():
    time = np.arange(1, 301) * MS_PER_DAY
    close = 100 * np.exp(np.cumsum(drawn(spread(3), 300) * 0.03, axis=0))
    changed = close.copy()
    changed[200:] *= np.exp(drawn(np.eye(3), 100, 9))
    cut = int(time[199])
    a, b, c = (
        correlation_of(History.of(time[:n], ["BTC", "ETH", "SOL"], x[:n], step=MS_PER_DAY), as_of=cut)
        for x, n in ((close, 300), (changed, 300), (close, 200))
    )
    np.testing.assert_array_equal(a.values, b.values)
    np.testing.assert_array_equal(a.values, c.values)


def test_refusals():
    with pytest.raises(InputError, match="no returns but 0 of BTC"):
        shrunk(np.zeros((30, 2)), names=["BTC", "ETH"])
    with pytest.raises(InputError, match="decay"):
        shrunk(drawn(np.eye(2), 30), decay=1.5)
    with pytest.raises(InputError, match="intensity"):
        shrunk(drawn(np.eye(2), 30), intensity=2.0)
