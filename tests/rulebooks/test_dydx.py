"""dYdX v4: the published cases, and what integers must do for any account."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadline.engine.verify import verify_file
from loadline.foundation.errors import RuleError, Unavailable
from loadline.rulebooks import dydx_protocol as protocol
from loadline.tape.explain import Row
from tests.rulebooks.perpetuals import ask, asked, option


def test_published_cases(shared: Path) -> None:
    report = verify_file(shared / "vectors" / "dydx.json")
    assert report.misses == [] and report.ok and not report.skipped and not report.refused
    assert report.worst_error == 0.0


@given(quantity=st.integers(-(10**12), 10**12), price=st.integers(1, 10**11))
def test_the_rulebook_is_the_protocol(quantity: int, price: int) -> None:
    """The tape's whole numbers are the protocol's, whatever the size."""
    market = protocol.Perpetual(price, -5, -10, 50_000, 600_000)
    answer = asked("dydx", {"BTC": quantity / 1e10}, prices={"BTC": price / 1e5})
    initial, maintenance = protocol.requirements(market, quantity)
    parts = answer.tape.requirement.parts
    assert -float(parts["initial quantums"]) == initial
    assert -float(parts["maintenance quantums"]) == maintenance


def test_rows_add_up_with_what_rounding_put_in() -> None:
    rows: list[Row] = asked("dydx", {"BTC": 0.1234567891, "ETH": -3.3}, prices={"BTC": 84_000.12345}).explain("initial")
    for parent in rows:
        children = [r for r in rows if r.path[:-1] == parent.path]
        if children:
            assert sum(r.factor * r.value for r in children) == pytest.approx(parent.value, abs=1e-9)
    assert any(r.label.startswith("rounding") for r in rows)


def test_open_interest_raises_initial_alone() -> None:
    plain = asked("dydx", {"ETH": 10.0})
    scaled = asked("dydx", {"ETH": 10.0}, set={"open_interest.size": 1e5, "open_interest.upper_cap": 1e9})
    assert scaled.initial > plain.initial and scaled.maintenance == plain.maintenance
    most = asked("dydx", {"ETH": 10.0}, set={"open_interest.size": 1e7, "open_interest.upper_cap": 1e9})
    assert most.initial == 29_000.0


def test_only_cash_counts() -> None:
    alone, rich = (asked("dydx", {"ETH": 1.0}, {"USDC": 100.0} | more) for more in ({}, {"BTC": 5.0}))
    assert rich.excess == pytest.approx(alone.excess)
    poor = asked("dydx", {"ETH": 1.0}, {"USDC": 100.0, "BTC": -1.0})
    assert poor.excess == pytest.approx(alone.excess - 84_000.0)


def test_what_the_chain_does_not_list_is_refused() -> None:
    found = option("dydx")
    assert isinstance(found, Unavailable) and "perpetuals only" in found.missing[0]
    with pytest.raises(RuleError, match="lower cap"):
        ask("dydx", {"ETH": 1.0}, set={"open_interest.lower_cap": 5.0})


@given(quote=st.integers(-(10**13), 10**13), sizes=st.tuples(st.integers(1, 10**11), st.integers(-(10**11), -1)))
def test_bankruptcy_of_the_whole_takes_all_collateral(quote: int, sizes: tuple[int, int]) -> None:
    """Closing the only position at its bankruptcy price leaves nothing."""
    for size in sizes:
        market = protocol.Perpetual(5_000_000_000, -5, -8, 200_000, 500_000)
        risk = protocol.account_risk(quote, [protocol.Position(market, size)])
        if risk.maintenance == 0:
            continue
        price = protocol.bankruptcy_price(risk, market, size, -size)
        assert quote + price == 0
