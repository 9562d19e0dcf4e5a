"""GMX v2: the published cases, and the price of liquidation against the trigger."""

import math
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from loadline.engine.verify import verify_file
from loadline.rulebooks.gmx import Position
from tests.rulebooks.perpetuals import asked

LIMITS = {"factor": 0.01, "least": 1.0}


def test_published_cases(shared: Path) -> None:
    report = verify_file(shared / "vectors" / "gmx.json")
    assert report.misses == [] and report.ok and not report.skipped and not report.refused


@given(
    side=st.sampled_from([-1, 1]),
    size=st.floats(100.0, 1e7),
    leverage=st.floats(1.1, 50.0),
    same=st.booleans(),
)
def test_liquidation_begins_at_its_price(side: int, size: float, leverage: float, same: bool) -> None:
    entry = 2_500.0
    token = entry if same else 1.0
    held = Position(side, size, entry, size / leverage / token)
    at = held.liquidation_price(None if same else 1.0, **LIMITS)
    assume(not math.isnan(at) and 1.0 < at < 1e6)
    for move, expected in ((-1e-6, side > 0), (1e-6, side < 0)):
        index = at * (1.0 + move)
        falls = held.liquidatable(index, index if same else 1.0, **LIMITS)
        # collateral in the index token gains on the way up: then a short of less than its collateral acts as a long
        assert falls == (expected if held.tokens < size / entry or not same else move < 0)


def test_size_stays_where_it_was_opened() -> None:
    """A gain of pnl moves notional and pnl alike."""
    before = asked("gmx", {"ETH": 10.0}, prices={"ETH": 2_900.0})
    after = asked("gmx", {"ETH": 10.0}, prices={"ETH": 3_000.0}, pending={"ETH": 1_000.0})
    assert before.maintenance == after.maintenance == pytest.approx(290.0)
    assert after.equity - before.equity == pytest.approx(1_000.0)


def test_a_small_position_keeps_a_least_collateral_and_none_keeps_none() -> None:
    assert asked("gmx", {"ETH": 0.001}).maintenance == 1.0
    assert asked("gmx", {"ETH": 0.0, "BTC": 0.0}).maintenance == 0.0


def test_costs_are_asked_for() -> None:
    plain, costly = asked("gmx", {"ETH": 10.0}), asked("gmx", {"ETH": 10.0}, set={"cost.fee": 0.001})
    assert costly.maintenance - plain.maintenance == pytest.approx(29.0)
