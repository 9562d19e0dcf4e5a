"""The probability of a spike: what it knows, when it knows it, and how it is scored."""

import math

import numpy as np
import pytest

from loadline.forecast.spikes import (
    PAST,
    SPANS,
    average_precision,
    doubled,
    mean_over,
    onsets,
    predictors,
    spike_at,
    walk_forward,
    warnings_of,
)
from loadline.foundation.errors import InputError
from loadline.model.history import History

HOUR = 3_600_000
MODELS = ("boosting", "logistic")


def hours(count: int = 2600, seed: int = 1, *, extra: bool = False) -> History:
    """Hours whose volatility jumps at times, the jump told by the volume of the hours before it."""
    draw = np.random.default_rng(seed)
    wild = np.zeros(count)
    for start in draw.integers(0, count, count // 150):
        wild[start : start + 24] = 1.0
    returns = draw.standard_normal(count) * np.where(wild > 0, 0.03, 0.008)
    warned = np.concatenate([wild[12:], np.zeros(12)])
    close = 100 * np.exp(np.cumsum(returns))
    volume = np.exp(draw.standard_normal(count) * 0.3 + 2.0 * warned)
    implied = 0.6 * np.exp(np.cumsum(draw.standard_normal(count) * 0.01)) if extra else np.full(count, np.nan)
    more = {"volume": volume[:, None], "implied": implied[:, None]}
    return History.of(HOUR * np.arange(1, count + 1), ["BTC"], close[:, None], step=HOUR, **more)


HISTORY = hours()


def changed(history: History, after: int) -> History:
    """The same history with other prices, volumes and vols after a bar."""
    later = np.arange(len(history)) > after
    close = np.where(later[:, None], history.close * 3.0 + 7.0, history.close)
    volume = np.where(later[:, None], 1.0, history.volume)
    implied = np.where(later[:, None], 2.0, history.implied)
    return History.of(history.time, history.names, close, step=HOUR, volume=volume, implied=implied)


def test_means_are_over_the_bars_they_are_called_and_need_nine_in_ten() -> None:
    x = np.arange(40.0)
    x[5] = np.nan
    found = mean_over(x, 20)
    assert np.isnan(found[:19]).all() and found[30] == pytest.approx(x[11:31].mean())
    assert found[19] == pytest.approx(np.nanmean(x[:20]))
    x[6] = x[7] = np.nan
    assert np.isnan(mean_over(x, 20)[19])


def test_a_spike_is_what_it_is_called() -> None:
    target = doubled(HISTORY, "BTC", 24)
    square = HISTORY.returns()[:, 0] ** 2
    for t in (PAST + 5, 700, 1500):
        expected = square[t + 1 : t + 25].mean() >= 4.0 * square[t - PAST + 1 : t + 1].mean()
        assert target[t] == float(expected)
    assert np.isnan(target[-24:]).all() and np.isnan(target[: PAST - 20]).all()
    assert 0.02 < np.nanmean(target) < 0.5


@pytest.mark.parametrize("extra", [False, True])
def test_predictors_know_nothing_later(extra: bool) -> None:
    history = hours(900, extra=extra)
    whole, at = predictors(history, "BTC"), 800
    for other in (history.rows(np.arange(at + 1)), changed(history, at)):
        np.testing.assert_array_equal(predictors(other, "BTC").values[: at + 1], whole.values[: at + 1])
    later = changed(history, at)
    assert (predictors(later, "BTC").values[at + 2] != whole.values[at + 2]).any()


def test_further_predictors_stand_behind_the_others() -> None:
    history = hours(900)
    found = predictors(history, "BTC", also=np.arange(900.0))
    assert found.names[-1] == "also 0" and found.column("also 0")[-1] == 899.0
    assert len(found.names) == found.values.shape[1] and f"variance {SPANS[-1]}" in found.names


@pytest.mark.parametrize("model", MODELS)
def test_probabilities_know_nothing_later(model: str) -> None:
    pytest.importorskip("sklearn")
    how = {"least": 1200, "refit": 400, "model": model}
    at = 1500
    whole = walk_forward(predictors(HISTORY, "BTC"), doubled(HISTORY, "BTC", 12), 12, **how)  # type: ignore[arg-type]
    other = changed(HISTORY, at)
    cut = walk_forward(predictors(other, "BTC"), doubled(other, "BTC", 12), 12, **how)  # type: ignore[arg-type]
    np.testing.assert_array_equal(cut[: at + 1], whole[: at + 1])
    assert np.isnan(whole[:1200]).all() and np.isfinite(whole[1200:]).all()
    assert (cut[1600:] != whole[1600:]).any()


@pytest.mark.parametrize("model", MODELS)
def test_a_probability_as_of_a_moment_knows_nothing_later(model: str) -> None:
    pytest.importorskip("sklearn")
    at = 2000
    as_of = int(HISTORY.time[at])
    found = spike_at(HISTORY, "BTC", as_of, 12, model=model)
    assert found == spike_at(HISTORY.until(as_of), "BTC", as_of, 12, model=model)
    assert found == spike_at(changed(HISTORY, at), "BTC", as_of, 12, model=model)
    assert 0.0 < found.probability < 1.0 and found.as_of == as_of and 0.0 < found.base < 1.0


def test_boosting_finds_what_can_be_found() -> None:
    pytest.importorskip("sklearn")
    history = hours(6000, seed=3)
    known, target = predictors(history, "BTC"), doubled(history, "BTC", 12)
    score = walk_forward(known, target, 12, least=3000, refit=1000)
    has = np.isfinite(score) & np.isfinite(target)
    base = float(target[has].mean())
    assert average_precision(target[has], score[has]) > 2.0 * base
    blind = average_precision(target[has], np.random.default_rng(1).random(int(has.sum())))
    assert blind == pytest.approx(base, rel=0.4)


def test_too_little_is_refused() -> None:
    pytest.importorskip("sklearn")
    with pytest.raises(InputError, match="a first fit needs"):
        walk_forward(predictors(HISTORY, "BTC"), doubled(HISTORY, "BTC", 24), 24)
    with pytest.raises(InputError, match="bars with a target"):
        spike_at(HISTORY, "BTC", int(HISTORY.time[500]))
    with pytest.raises(InputError, match="no spike to be found"):
        average_precision(np.zeros(3), np.zeros(3))


def test_average_precision_is_that_of_the_package() -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    draw = np.random.default_rng(5)
    for ties in (1000, 10):
        target, score = (draw.random(500) < 0.1).astype(float), np.round(draw.random(500) * ties)
        assert average_precision(target, score) == pytest.approx(metrics.average_precision_score(target, score))


def test_an_onset_is_the_first_wild_bar_after_quiet() -> None:
    count = 600
    returns = np.where(np.arange(count) % 2, 0.01, -0.01)
    returns[300:310] *= 6.0
    returns[330:333] *= 20.0  # within two days of the first: no onset of its own
    close = 100 * np.exp(np.cumsum(returns))
    history = History.of(HOUR * np.arange(1, count + 1), ["BTC"], close[:, None], step=HOUR)
    assert np.flatnonzero(onsets(history, "BTC")).tolist() == [300]


def test_warnings_count_alarms_before_onsets_and_those_that_were_right() -> None:
    count = 3000
    begins, target, score = np.zeros(count), np.zeros(count), np.random.default_rng(2).random(count) * 0.5
    for t in range(1000, count, 400):
        begins[t], target[t - 10 : t], score[t - 10 : t] = 1.0, 1.0, 1.0
    found = warnings_of(begins, target, score, share=0.03, horizon=24, past=800)
    assert found.onsets == found.warned == 5 and 10 <= found.lead <= 24
    assert found.alarms < found.chance < 1.0
    assert 0.5 < found.right <= 1.0 and found.alarms == pytest.approx(0.03, abs=0.03)
    none = warnings_of(begins, target, np.full(count, math.nan), share=0.1, horizon=24)
    assert none.onsets == 0 and math.isnan(none.lead)
