"""Volatility of today by other forecasts: mixed by variance, told where missing, blind to what comes later."""

import numpy as np
import pytest

from loadline.forecast.models import PATHS, periods_of
from loadline.foundation.errors import InputError
from loadline.model.history import History
from loadline.scenarios.history_moves import measured
from loadline.scenarios.predict import predicted_path

DAY, HOUR = 86_400_000, 3_600_000
DAYS = 520


def hourly(seed: int = 3) -> History:
    draw = np.random.default_rng(seed)
    count = DAYS * 24
    size = np.exp(0.5 * np.sin(np.arange(count) / 900.0)) * 0.006
    close = 100.0 * np.exp(np.cumsum(size[:, None] * draw.standard_normal((count, 2)), axis=0))
    implied = np.full((count, 2), np.nan)
    implied[::24, 0] = 0.5 + 0.1 * np.sin(np.arange(DAYS) / 40.0)
    return History.of(np.arange(1, count + 1) * HOUR, ("BTC", "ETH"), close, step=HOUR, implied=implied)


BARS = hourly()


def own(bars: History) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    found = measured(bars, as_of=int(bars.time[-1]))
    return found.path, found.path_time, found.moves.days


def test_the_filters_own_is_what_it_was() -> None:
    path, time, days = own(BARS)
    found, notes = predicted_path(BARS, BARS.names, days, path, time, ["own"])
    assert np.array_equal(found, path, equal_nan=True) and notes == ()


def test_a_model_is_that_of_the_forecasts_floor_and_mixes_by_variance() -> None:
    path, time, days = own(BARS)
    har, _ = predicted_path(BARS, BARS.names, days, path, time, ["log-HAR"])
    periods = periods_of(BARS, "BTC", int(time[-1]))
    assert har[-1, 0] == np.sqrt(PATHS["log-HAR"](periods, 2)[-1])
    both, _ = predicted_path(BARS, BARS.names, days, path, time, ["own", "log-HAR"])
    assert both[-1] == pytest.approx(np.sqrt(0.5 * (path[-1] ** 2 + har[-1] ** 2)), rel=1e-12)


def test_implied_vol_counts_a_day_later_and_is_told_where_missing() -> None:
    path, time, days = own(BARS)
    found, notes = predicted_path(BARS, BARS.names, days, path, time, ["implied"])
    told = BARS.implied[:, 0][np.isfinite(BARS.implied[:, 0]) & (BARS.time <= time[-1] - DAY)][-1]
    assert found[-1, 0] == pytest.approx(told / np.sqrt(365.0), rel=1e-12)
    assert np.array_equal(found[:, 1], path[:, 1], equal_nan=True)
    assert notes == ("ETH: no forecast 'implied' now",)


@pytest.mark.parametrize("forecast", ["implied", "log-HAR", "EWMA 0.94"])
def test_what_comes_later_changes_nothing(forecast: str) -> None:
    path, time, days = own(BARS)
    early = time <= time[-30]
    cut = BARS.until(int(time[-30]))
    whole, _ = predicted_path(BARS, BARS.names, days, path, time, [forecast])
    part, _ = predicted_path(cut, cut.names, days, path[early], time[early], [forecast])
    assert np.array_equal(part, whole[early], equal_nan=True)


def test_what_cannot_be_told_leaves_the_filters_own_and_says_why() -> None:
    daily = BARS.every(DAY)
    path, time, days = own(daily)
    found, notes = predicted_path(daily, daily.names, days, path, time, ["HARQ"])
    assert np.array_equal(found, path, equal_nan=True)
    assert notes == tuple(f"{n}: no forecast 'HARQ': it stands on bars finer than a day" for n in ("BTC", "ETH"))
    with pytest.raises(InputError, match="no forecast guesswork"):
        predicted_path(daily, daily.names, days, path, time, ["guesswork"])
