"""Every model on one history: what it knows and when, and that a path and a forecast as of now are one."""

import math

import numpy as np
import pytest

from loadline.forecast.har import SPANS
from loadline.forecast.models import IMPLIED, MEAN, OF_RETURNS, PATHS, Periods, latest, models, part_of, periods_of
from loadline.forecast.realised import Realised, realised
from loadline.foundation.errors import InputError
from loadline.model.history import History

HOUR, DAY = 3_600_000, 86_400_000
NEEDS_ARCH = ("GARCH-t", "GJR-t")


def bars(days: int, step: int = 6 * HOUR, seed: int = 1, *, offset: int = 0) -> History:
    """Bars of one coin whose volatility wanders, with implied vol."""
    draw, count = np.random.default_rng(seed), days * DAY // step
    level = 0.6 * np.exp(np.cumsum(draw.standard_normal(count) * 0.02) * 0.3)
    returns = draw.standard_normal(count) * level * math.sqrt(step / (365 * DAY))
    close = 100 * np.exp(np.cumsum(returns))
    return History.of(
        offset + step * np.arange(1, count + 1), ["BTC"], close[:, None], step=step, implied=level[:, None]
    )


def changed(history: History, after: int) -> History:
    """The same with other prices and vols after a bar."""
    later = (np.arange(len(history)) > after)[:, None]
    wild = history.close * np.where(np.arange(len(history)) % 2, 1.4, 0.7)[:, None]
    return History.of(
        history.time, history.names, np.where(later, wild, history.close), step=history.step,
        implied=np.where(later, 3.0, history.implied),
    )  # fmt: skip


WHOLE = bars(700)
AT = 4 * 650 - 1
"""The bar that ends day 650."""


@pytest.mark.parametrize("name", [*PATHS])
def test_a_forecast_as_of_a_moment_knows_nothing_later(name: str) -> None:
    if name in NEEDS_ARCH:
        pytest.importorskip("arch")
    as_of = int(WHOLE.time[AT])
    found = [
        latest(periods_of(history, "BTC", as_of), 2, [name])[0]
        for history in (WHOLE, changed(WHOLE, AT), WHOLE.until(as_of))
    ]
    assert found[0].variance is not None and found[0] == found[1] == found[2]
    later = latest(periods_of(changed(WHOLE, AT - 40), "BTC", as_of), 2, [name])[0]
    assert later != found[0]


@pytest.mark.parametrize("name", [*PATHS])
def test_a_path_of_forecasts_knows_nothing_later(name: str) -> None:
    if name in NEEDS_ARCH:
        pytest.importorskip("arch")
    history = bars(900) if name in NEEDS_ARCH else WHOLE
    day = len(history) // 4 - 50
    end = int(history.time[-1])
    whole = models(periods_of(history, "BTC", end), 1, [name])[name]
    other = models(periods_of(changed(history, 4 * day + 3), "BTC", end), 1, [name])[name]
    np.testing.assert_array_equal(other[: day + 1], whole[: day + 1])
    assert np.isfinite(whole[day]) and (other[day + 2 :] != whole[day + 2 :]).any()


@pytest.mark.parametrize("name", [n for n in PATHS if n not in NEEDS_ARCH])
def test_the_last_of_a_path_is_the_forecast_as_of_now(name: str) -> None:
    periods = periods_of(WHOLE, "BTC", int(WHOLE.time[-1]))
    assert latest(periods, 2, [name])[0].variance == models(periods, 2, [name])[name][-1]


def test_periods_end_at_the_time_they_are_asked_for() -> None:
    history = bars(100, HOUR, offset=5 * HOUR)
    as_of = int(history.time[50 * 24 + 6])
    found = periods_of(history, "BTC", as_of + 1000)
    r = history.returns()[:, 0]
    end = 50 * 24 + 6
    assert int(found.realised.day[-1]) + DAY == as_of and found.spans == SPANS
    assert found.realised.variance[-1] == pytest.approx((r[end - 23 : end + 1] ** 2).sum())
    assert found.returns[-1] == pytest.approx(r[end - 23 : end + 1].sum())
    assert found.implied is not None
    assert found.implied[-1] == pytest.approx(float(history.implied[end, 0]) ** 2 / 365)


def test_hours_from_five_minutes() -> None:
    history = bars(20, 5 * 60_000)
    found = periods_of(history, "BTC", int(history.time[-1]), length=HOUR)
    r = history.returns()[:, 0]
    assert len(found) in (20 * 24 - 1, 20 * 24) and found.spans == (1, 24, 168)
    assert found.realised.variance[-1] == pytest.approx((r[-12:] ** 2).sum())
    assert int(found.realised.day[-1]) + HOUR == int(history.time[-1])
    assert np.diff(found.realised.day).tolist() == [HOUR] * (len(found) - 1)


def test_bars_as_long_as_a_period_are_for_models_of_returns_alone() -> None:
    history = bars(800, DAY)
    found = latest(periods_of(history, "BTC", int(history.time[-1])), 1)
    told = {f.model for f in found if f.variance is not None}
    assert told <= set(OF_RETURNS) and {"EWMA 0.94", "EWMA 0.97"} <= told
    assert all("finer than the period" in f.why for f in found if f.model not in OF_RETURNS)


def test_what_cannot_be_said_says_why() -> None:
    with pytest.raises(InputError, match="do not make periods"):
        periods_of(WHOLE, "BTC", int(WHOLE.time[-1]), length=HOUR)
    with pytest.raises(InputError, match="no bars of BTC by then"):
        periods_of(WHOLE, "BTC", 0)
    short = periods_of(WHOLE, "BTC", int(WHOLE.time[4 * 80]))
    found = {f.model: f for f in latest(short, 1)}
    assert found["HAR"].variance is None and "days for a horizon" in found["HAR"].why
    blind = Periods(short.name, short.realised, short.returns)
    assert "implied vol is not in the history" in latest(blind, 1, [IMPLIED])[0].why


def blind_long() -> Periods:
    """Periods without implied vol."""
    whole = periods_of(WHOLE, "BTC", int(WHOLE.time[-1]))
    return Periods(whole.name, whole.realised, whole.returns)


def test_without_implied_vol_the_others_are_told() -> None:
    found = {f.model: f.variance for f in latest(blind_long(), 1, ["HAR", IMPLIED, MEAN])}
    assert found["HAR"] and found[MEAN] and found[IMPLIED] is None


def test_a_part_of_what_was_realised() -> None:
    x = np.arange(5.0)
    whole = Realised(np.arange(5), x, x, x, x > 2, np.array([9]))
    assert part_of(whole, slice(1, 3)).variance.tolist() == [1.0, 2.0]


def test_what_was_realised_knows_nothing_later() -> None:
    """Variance, bipower, quarticity and the jump flag of a day stand whatever comes after it."""
    history = bars(30, HOUR)
    other = changed(history, 20 * 24 - 1)
    one, two = (realised(h.time - HOUR, h.close[:, 0], bar=HOUR) for h in (history, other))
    for column in ("day", "variance", "bipower", "quarticity", "jump"):
        np.testing.assert_array_equal(getattr(one, column)[:20], getattr(two, column)[:20])
    assert (one.variance[20:] != two.variance[20:]).all()
