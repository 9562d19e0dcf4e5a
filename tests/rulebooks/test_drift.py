"""Drift v2: the published cases, weights that move with size, and the rulebook against the protocol's integers."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadline.engine.verify import verify_file
from loadline.rulebooks import drift_liquidation as liquidation
from loadline.rulebooks import drift_protocol as drift
from loadline.rulebooks.protocol import cut_div
from tests.rulebooks.perpetuals import asked


def test_published_cases(shared: Path) -> None:
    report = verify_file(shared / "vectors" / "drift.json")
    assert report.misses == [] and report.ok and not report.skipped and not report.refused
    assert report.worst_error == 0.0


@given(base=st.integers(-(10**14), 10**14), cents=st.integers(1, 10**7), pnl=st.integers(-(10**12), 10**12))
def test_the_rulebook_is_the_protocol(base: int, cents: int, pnl: int) -> None:
    price = cents * 10_000
    market = drift.Perpetual(price, 1_000, 500, 1_000, 10_000, 10_000, 1_000)
    held = drift.PerpetualPosition(market, base, pnl - cut_div(base * price, drift.BASE))
    answer = asked("drift", {"BTC": base / 1e9}, prices={"BTC": cents / 100.0}, pending={"BTC": pnl / 1e6})
    parts = answer.tape.requirement.parts
    for side in (drift.Side.INITIAL, drift.Side.MAINTENANCE):
        found = drift.account_margin((), [held], side)
        assert -float(parts[f"requirement {side.value}"].net("account")) == found.requirement
        assert float(parts[f"collateral {side.value}"].net("account")) == found.collateral + 50_000 * drift.PRICE


@given(small=st.integers(0, 10**15), more=st.integers(0, 10**15), factor=st.integers(0, 10**5))
def test_weights_are_monotonic_in_size(small: int, more: int, factor: int) -> None:
    assert drift.premium(small, factor, 1_000) <= drift.premium(small + more, factor, 1_000)
    assert drift.discount(small, factor, 9_000) >= drift.discount(small + more, factor, 9_000)


def test_excess_is_free_collateral() -> None:
    answer = asked("drift", {"ETH": 3.0}, {"USDC": 1_000.0, "ETH": 2.0}, pending={"ETH": 50.0})
    free = 1_000.0 + 0.8 * 5_800.0 + 50.0 - 0.1 * 8_700.0
    assert answer.equity - answer.initial == pytest.approx(free)
    assert answer.equity == 1_000.0 + 5_800.0 + 50.0


def test_a_loan_asks_for_more_than_it_is_worth() -> None:
    answer = asked("drift", {"ETH": 0.0}, {"USDC": 10_000.0, "ETH": -1.0})
    assert answer.equity == 7_100.0
    assert answer.initial == pytest.approx(0.2 * 2_900.0) and answer.maintenance == pytest.approx(0.1 * 2_900.0)


def test_an_account_may_ask_more_of_itself() -> None:
    answer = asked("drift", {"ETH": 1.0}, set={"account.least_ratio": 5_000})
    assert answer.initial == pytest.approx(1_450.0) and answer.maintenance == pytest.approx(145.0)


@given(shortage=st.integers(10**4, 10**10), price=st.integers(10**5, 10**11), ratio=st.integers(300, 5_000))
def test_what_is_taken_over_covers_the_shortage(shortage: int, price: int, ratio: int) -> None:
    base = liquidation.base_to_cover(shortage, ratio, 10_000, 5_000, price, drift.PRICE)
    assert base is not None
    freed = base * price // drift.BASE * (ratio * 100 - 15_000) / 1e6
    assert freed == pytest.approx(shortage, rel=1e-3, abs=5.0)


def test_nothing_is_enough_where_fees_eat_the_margin() -> None:
    assert liquidation.base_to_cover(1, 100, 10_000, 0, 10**8, 10**6) is None
    given_weights: dict[str, int] = {"asset_weight": 10_000, "asset_multiplier": 10**6, "liability_weight": 10_000}
    rest: dict[str, int] = {"liability_multiplier": 10**6, "decimals": 9, "price": 10**8, "insurance_fee": 0}
    assert liquidation.liability_to_cover(1, **given_weights, **rest) is None
