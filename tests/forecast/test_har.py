import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadline.forecast.har import SPANS, features, har
from loadline.forecast.realised import DAY, realised
from loadline.forecast.scores import confidence_set, diebold_mariano, qlike, squared_error
from loadline.foundation.errors import InputError

HOUR, MONTH = 3_600_000, SPANS[-1]
KINDS = ("har", "log-har", "harq")


def clustered(n: int, seed: int = 1) -> np.ndarray:
    """Variance that clusters: the logarithm follows its own mean of a day, a week and a month."""
    rng, x = np.random.default_rng(seed), [0.0] * MONTH
    for _ in range(n):
        x.append(0.4 * x[-1] + 0.3 * np.mean(x[-7:]) + 0.2 * np.mean(x[-30:]) + rng.normal(0, 0.4))
    return np.exp(np.array(x[MONTH:])) * 1e-3


def test_features_are_the_means_they_are_called() -> None:
    v = clustered(60)
    found = features(v)
    assert np.isnan(found[: MONTH - 1]).all()
    for t in range(MONTH - 1, 60):
        want = [v[t], np.mean(v[t - 6 : t + 1]), np.mean(v[t - 29 : t + 1])]
        assert found[t] == pytest.approx(want)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("horizon", [1, 2])
def test_a_forecast_is_the_regression_on_the_days_before(kind: str, horizon: int) -> None:
    v, q = clustered(200), clustered(200, seed=2)
    found = har(v, horizon, kind, least=90, window=120, refit=5, quarticity=q)
    at = 7  # a day in the middle of the second fit
    day, fit_on = found.place[at], found.place[5]
    rows, targets = [], []
    for t in range(fit_on - horizon + 1 - 120, fit_on - horizon + 1):
        if t >= MONTH - 1:
            rows.append(row(v, q, t, kind))
            targets.append(v[t + 1 : t + 1 + horizon].mean())
    x, y = np.array(rows), np.array(targets)
    y = np.log(y) if kind == "log-har" else y
    beta = np.linalg.lstsq(x, y, rcond=None)[0]
    want = min(row(v, q, day, kind) @ beta, y.max())
    if want < y.min():
        want = y.min() if kind == "log-har" else y.mean()
    if kind == "log-har":
        want = np.exp(want + np.var(y - x @ beta) / 2)
    assert found.variance[at] == pytest.approx(want, rel=1e-8)


def row(v: np.ndarray, q: np.ndarray, t: int, kind: str) -> np.ndarray:
    f = [v[t], v[t - 6 : t + 1].mean(), v[t - 29 : t + 1].mean()]
    f = list(np.log(f)) if kind == "log-har" else f
    return np.array([1.0, *f, *([np.sqrt(q[t]) * v[t]] if kind == "harq" else [])])


@pytest.mark.parametrize("kind", KINDS)
def test_what_comes_later_changes_nothing_before(kind: str) -> None:
    v, q = clustered(260), clustered(260, seed=4)
    later, cut = v.copy(), 220
    later[cut + 1 :] *= 7.0
    before, after = (har(x, 2, kind, least=90, quarticity=q) for x in (v, later))
    known = before.place <= cut
    assert (before.variance[known] == after.variance[known]).all()
    assert (before.variance[~known] != after.variance[~known]).any()


def test_it_beats_a_constant_and_loses_to_nobody_who_knows_less() -> None:
    v = clustered(1500)
    found = har(v, 1)
    ahead = v[found.place[:-1] + 1]
    ours, flat = (qlike(ahead, f) for f in (found.variance[:-1], np.full(len(ahead), ahead.mean())))
    assert diebold_mariano(ours, flat, 1).statistic < -5
    implied = har(v, 1, also=np.append(v[1:], v[-1]))  # the answer itself as a predictor
    assert qlike(ahead, implied.variance[:-1]).mean() < 0.5 * ours.mean()


@pytest.mark.parametrize(
    "call",
    [
        lambda: har(np.ones(100), 1),
        lambda: har(np.zeros(1000), 1),
        lambda: har(clustered(500), 1, "harq"),
        lambda: har(clustered(500), 0),
        lambda: qlike(np.ones(1), np.zeros(1)),
        lambda: diebold_mariano(np.ones(3), np.ones(3), 1),
        lambda: realised(np.array([0, 0]), np.ones(2), bar=HOUR),
        lambda: realised(np.array([0, HOUR]), np.array([1.0, 0.0]), bar=HOUR),
        lambda: realised(np.array([0, HOUR]), np.ones(2), bar=7 * HOUR),
    ],
)
def test_what_cannot_be_answered_is_refused(call) -> None:
    with pytest.raises(InputError):
        call()


# ---- realised variance
@given(st.integers(0, 2**32 - 1))
def test_realised_variance_is_the_sum_of_squares_of_its_day(seed: int) -> None:
    rng = np.random.default_rng(seed)
    kept = np.sort(rng.choice(24 * 5, 100, replace=False))
    p = np.exp(np.cumsum(rng.normal(0, 0.01, 24 * 5)))[kept]
    found = realised(kept * HOUR, p, bar=HOUR, least=0.8)
    ends = kept // 24
    for d in range(5):
        inside = [np.log(p[i] / p[i - 1]) ** 2 for i in range(1, 100) if ends[i] == d]
        enough = (ends == d).sum() >= 0.8 * 24
        assert (d * DAY in found.day) == enough and (d * DAY in found.lacking) == (not enough and (ends == d).any())
        if enough:
            assert found.variance[found.day == d * DAY] == pytest.approx(sum(inside))


def test_a_jump_is_seen_and_kept_out_of_bipower() -> None:
    rng = np.random.default_rng(8)
    r = rng.normal(0, 0.002, 24 * 12 * 40)
    r[24 * 12 * 20 + 100] = 0.08
    found = realised(np.arange(len(r)) * 300_000, np.exp(np.cumsum(r)), bar=300_000)
    assert found.jump[20] and found.jump.sum() <= 2
    assert found.bipower[20] < 0.3 * found.variance[20]
    assert found.bipower[:20] == pytest.approx(found.variance[:20], rel=0.25)


# ---- scores
def test_scores_by_hand() -> None:
    v, f = np.array([2.0, 1.0]), np.array([1.0, 2.0])
    assert qlike(v, f) == pytest.approx([1 - np.log(2), np.log(2) - 0.5])
    assert squared_error(v, f).tolist() == [1.0, 1.0]
    assert diebold_mariano(np.ones(20), np.ones(20), 1).p_value == 1.0


def test_diebold_mariano_keeps_its_size() -> None:
    rng = np.random.default_rng(3)
    p = [diebold_mariano(*rng.normal(size=(2, 300)), 1).p_value for _ in range(400)]
    assert 0.02 < np.mean(np.array(p) < 0.05) < 0.10


def test_a_confidence_set_keeps_the_best_and_drops_the_worst() -> None:
    pytest.importorskip("arch", reason="confidence sets come with the extra loadline[forecast]")
    rng = np.random.default_rng(6)
    losses = {"good": rng.normal(1.0, 0.2, 400), "as good": rng.normal(1.0, 0.2, 400), "bad": rng.normal(1.3, 0.2, 400)}
    assert confidence_set(losses, size=0.1, horizon=1, seed=1) == ["good", "as good"]
