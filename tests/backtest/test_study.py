"""What dates say of a model, by hand on small series, and by simulation where chance is involved."""

from dataclasses import replace

import numpy as np
import pytest

import loadline as ll
from loadline.backtest.bootstrap import MONDAY, equal_coverage, interval, week_of
from loadline.backtest.day import Answer, Day
from loadline.backtest.study import Series, judge, phase, phased, series
from loadline.foundation.units import MS_PER_DAY


def of(margin, loss) -> Series:
    at = np.arange(len(loss)) * MS_PER_DAY
    loss = np.asarray(loss, float)
    return Series("BTC perp-long", "m", at, np.broadcast_to(np.asarray(margin, float), loss.shape), loss, loss + 0.5)


def test_a_series_is_taken_per_notional_and_gaps_are_counted() -> None:
    whole = Day(0, 1, ("a",), (200.0,), (-20.0,), (10.0,), {"m": Answer((30.0,))})
    days = [
        whole,
        replace(whole, at=1, loss=(None,)),
        replace(whole, at=2, accounts=(), loss=(), worst=(), notional=()),
    ]
    found = series([*days, replace(whole, at=3)], "a", "m")
    assert found.gaps == 2 and found.at.tolist() == [0, 3]
    assert found.margin.tolist() == [0.15, 0.15] and found.loss.tolist() == [-0.1, -0.1]
    assert found.worst.tolist() == [0.05, 0.05]
    with pytest.raises(ll.InputError, match="no answer"):
        series(days[1:], "a", "m")


def test_a_verdict_by_hand() -> None:
    s = of(np.array([2.0, 2.0, 1.0, 4.0]), [1.0, 3.0, 0.5, 1.0])
    found = judge(s, phased(s, 2))
    assert (found.dates, found.breaches, found.rate) == (4, 1, 0.25)
    assert found.beyond == found.largest == 1.0 and found.ratio == 1.5 and found.mean == 2.25
    assert found.peak_to_trough == 4.0 and found.rise == 3.0
    assert found.path == 0.25 + 0.0 + 0.0  # the worst path loses 0.5 more: still above one margin alone
    assert [p.breaches for p in found.phases] == [0, 1] and [p.dates for p in found.phases] == [2, 2]
    assert found.most == 1 and found.kupiec == min(p.kupiec for p in found.phases)


def test_a_margin_of_nothing_has_no_peak_over_trough() -> None:
    s = of(0.0, [1.0, -1.0])
    found = judge(s, [s])
    assert found.peak_to_trough is None and found.rise is None and found.breaches == 1


def test_phases_hold_each_date_once_and_do_not_overlap() -> None:
    s = of(1.0, np.zeros(11))
    parts = phased(s, 3)
    assert sorted(t for p in parts for t in p.at.tolist()) == s.at.tolist()
    assert all((np.diff(p.at) == 3 * MS_PER_DAY).all() for p in parts)


def test_a_right_margin_is_rarely_rejected_and_a_short_one_often() -> None:
    rng = np.random.default_rng(1)
    right = [phase((rng.random(1400) < 0.01).tolist()) for _ in range(300)]
    short = [phase((rng.random(1400) < 0.02).tolist()) for _ in range(300)]
    assert np.mean([p.kupiec < 0.05 for p in right]) == pytest.approx(0.05, abs=0.04)
    assert np.mean([p.kupiec < 0.05 for p in short]) == pytest.approx(right[0].power[0.02], abs=0.06)


def test_weeks_begin_on_monday() -> None:
    monday = 1_767_571_200_000  # 2026-01-05
    assert (monday - MONDAY) % (7 * MS_PER_DAY) == 0
    weeks = week_of([monday - 1, monday, monday + 7 * MS_PER_DAY - 1])
    assert weeks[0] + 1 == weeks[1] == weeks[2]


def test_blocks_widen_the_interval_of_dates_that_say_the_same() -> None:
    rng = np.random.default_rng(2)
    weekly = np.repeat(rng.normal(0, 1, 40), 7)
    times = MONDAY + np.arange(280) * MS_PER_DAY
    together = interval(times, lambda rows: float(weekly[rows].mean()), draws=800, seed=1)
    shuffled = rng.permutation(weekly)
    apart = interval(times, lambda rows: float(shuffled[rows].mean()), draws=800, seed=1)
    assert together.high - together.low > 2.0 * (apart.high - apart.low)
    assert together.low < together.value < together.high
    again = interval(times, lambda rows: float(weekly[rows].mean()), draws=800, seed=1)
    assert again == together


def test_the_interval_covers_as_often_as_it_says() -> None:
    rng = np.random.default_rng(4)
    times = MONDAY + np.arange(210) * MS_PER_DAY
    inside = 0
    for n in range(100):
        x = np.repeat(rng.normal(0, 1, 30), 7) + rng.normal(0, 0.5, 210)
        found = interval(times, lambda rows, x=x: float(x[rows].mean()), draws=200, seed=n)
        inside += found.low <= 0.0 <= found.high
    assert 80 <= inside <= 98


def test_equal_coverage_scales_by_the_quantile_of_loss_over_margin() -> None:
    margin, loss = np.array([1.0, 2.0, 4.0, 4.0]), np.array([0.5, 1.0, 6.0, 0.0])
    assert equal_coverage(margin, loss, 1.0) == pytest.approx(1.5 * 2.75)
    assert equal_coverage(3.0 * margin, loss, 1.0) == pytest.approx(1.5 * 2.75)
    assert equal_coverage(margin, -loss, 0.5) == 0.0
