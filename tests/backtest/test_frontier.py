"""What coverage costs: by hand, and that scaling a margin moves the nominal ratio alone."""

import numpy as np
import pytest

import loadline as ll
from loadline.backtest.day import Answer, Day
from loadline.backtest.frontier import cost, point, pooled, ratio, ratio_of
from loadline.backtest.study import Series
from loadline.foundation.units import MS_PER_DAY


def days(n: int = 60, scale: float = 0.5) -> list[Day]:
    rng = np.random.default_rng(1)
    out = []
    for k in range(n):
        loss = tuple(rng.normal(0, 10, 2).tolist())
        ours, rival = (20.0 * scale, 30.0 * scale), (20.0, 30.0)
        models = {"ours": Answer(ours), "rival": Answer(rival)}
        out.append(Day(k * MS_PER_DAY, 0, ("BTC a", "ETH a"), (100.0, 100.0), loss, loss, models))
    return out


def test_a_point_by_hand() -> None:
    at = np.arange(4) * MS_PER_DAY
    zero = np.zeros(4)
    a = Series("BTC a", "m", at, np.array([1.0, 2.0, 1.0, 2.0]), np.array([0.0, 3.0, 0.0, 0.0]), zero)
    b = Series("BTC b", "m", at, np.array([4.0, 4.0, 4.0, 4.0]), zero, zero, gaps=2)
    found = point("m", [a, b])
    assert (found.dates, found.coverage, found.mean, found.gaps) == (8, 0.875, 2.75, 2)
    assert found.peak == 1.5 and point("m", [a, b], ["a"]).peak == 2.0
    with pytest.raises(ll.InputError, match="no answer"):
        point("m", [])


def test_a_family_is_pooled_over_coins_per_notional() -> None:
    found = pooled(days(), "a", "rival")
    assert len(found.at) == 120 and set(found.margin.tolist()) == {0.2, 0.3}
    with pytest.raises(ll.InputError, match="no book of b"):
        pooled(days(), "b", "rival")


def test_a_scaled_margin_costs_as_much_at_equal_coverage() -> None:
    found = ratio(days(scale=0.5), "a", "ours", "rival", draws=50)
    assert found.nominal.value == pytest.approx(0.5) and found.equal.value == pytest.approx(1.0)
    assert found.equal.low == pytest.approx(1.0) and found.equal.high == pytest.approx(1.0)


def test_a_margin_that_follows_losses_costs_less_at_equal_coverage() -> None:
    rng = np.random.default_rng(2)
    at, sigma = np.arange(400) * MS_PER_DAY, np.where(np.arange(400) % 60 < 30, 1.0, 4.0)
    loss = sigma * rng.normal(0, 1, 400)
    knowing = Series("f", "knowing", at, 2.5 * sigma, loss, loss)
    flat = Series("f", "flat", at, np.full(400, 10.0), loss, loss)
    found = ratio_of(knowing, flat, draws=100)
    assert found.equal.high < 1.0 and found.equal.value < 0.8


def test_unlike_dates_are_refused() -> None:
    found = pooled(days(), "a", "rival")
    with pytest.raises(ll.InputError, match="same dates"):
        ratio_of(found, found.at_rows(np.arange(10)))


def test_cost_stands_on_books_and_dates_that_both_answer() -> None:
    from dataclasses import replace

    whole = days()
    found = cost(whole, ["BTC a", "ETH a"], "ours", "rival", draws=20)
    assert (found.dates, found.left_out) == (120, 0) and found.nominal.value == pytest.approx(0.5)
    assert found.equal is not None and found.equal.value == pytest.approx(1.0)
    holed = [
        replace(d, models={**d.models, "rival": Answer((20.0, None))}) if k < 10 else d for k, d in enumerate(whole)
    ]
    less = cost(holed, ["BTC a", "ETH a"], "ours", "rival", draws=20)
    assert (less.dates, less.left_out) == (110, 10) and less.nominal.value == pytest.approx(0.5)
    none = [replace(d, models={**d.models, "rival": Answer((None, None))}) for d in whole]
    with pytest.raises(ll.InputError, match="both answer"):
        cost(none, ["BTC a", "ETH a"], "ours", "rival")


def test_a_margin_of_nothing_has_no_cost_at_equal_coverage() -> None:
    from dataclasses import replace

    free = [replace(d, models={**d.models, "ours": Answer((0.0, 0.0))}) for d in days()]
    found = cost(free, ["BTC a", "ETH a"], "ours", "rival", draws=20)
    assert found.nominal.value == 0.0 and found.equal is None
    with pytest.raises(ll.InputError, match="asks for nothing"):
        cost(free, ["BTC a", "ETH a"], "rival", "ours")
