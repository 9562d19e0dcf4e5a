"""Orderly Network: the published cases, and prices at which equity meets maintenance."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadline.engine.verify import verify_file
from loadline.rulebooks import orderly_prices as prices
from tests.rulebooks.perpetuals import asked

RATES = prices.Rates(0.006, 0.01, 1e-7)


def test_published_cases(shared: Path) -> None:
    report = verify_file(shared / "vectors" / "orderly.json")
    assert report.misses == [] and report.ok and not report.skipped and not report.refused


@given(quantity=st.floats(0.01, 500.0), side=st.sampled_from([-1, 1]), leverage=st.floats(1.5, 30.0))
def test_at_the_liquidation_price_collateral_is_about_maintenance(quantity: float, side: int, leverage: float) -> None:
    mark, signed = 90_000.0, side * quantity
    collateral = quantity * mark / leverage
    held = prices.Holding("BTC", signed, mark, RATES.at(quantity * mark))
    if collateral <= held.maintenance:
        return
    at = prices.liquidation_price(collateral, held, 0.0, RATES)
    assert at is not None
    left = collateral + signed * (at - mark) - quantity * at * RATES.at(quantity * at)
    assert left == pytest.approx(0.0, abs=2e-4 * quantity * max(at, mark))


def test_the_rate_grows_with_size() -> None:
    small, large = (asked("orderly", {"BTC": q}) for q in (0.1, 1_000.0))
    assert small.maintenance == pytest.approx(0.1 * 84_000 * 0.006)
    assert large.maintenance == pytest.approx(84e6 * 0.6 * 1e-7 * 84e6**0.8)
    assert large.initial == pytest.approx(84e6 * 1e-7 * 84e6**0.8)


def test_leverage_chosen_bounds_initial() -> None:
    assert asked("orderly", {"BTC": 1.0}, set={"initial.leverage": 5.0}).initial == pytest.approx(84_000 / 5)


def test_no_position_no_price() -> None:
    assert prices.liquidation_price(100.0, prices.Holding("X", 0.0, 1.0, 0.1), 0.0, RATES) is None
    assert prices.leverage(0.0, [], prices.Holding("X", 1.0, 1.0, 0.0)) is None
    order: dict[str, Any] = {"leverage": 10.0, "fee": 0.0, "rates": RATES}
    assert prices.isolated_price_after_order(10.0, 100.0, 1.0, -1.0, 100.0, **order) is None


def test_reducing_an_isolated_position_keeps_its_price_without_growth() -> None:
    flat = prices.Rates(0.05, 0.1, 0.0)
    order: dict[str, Any] = {"leverage": 10.0, "fee": 0.0, "rates": flat}
    whole = prices.isolated_price_after_order(20.0, 200.0, 2.0, 0.0, 100.0, **order)
    assert prices.isolated_price_after_order(20.0, 200.0, 2.0, -1.0, 100.0, **order) == pytest.approx(whole)
