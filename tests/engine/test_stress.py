"""Accounts after a stress: against one perpetual by hand, and against margining the shifted market."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadline.engine.engine import margins
from loadline.engine.result import MarginResult
from loadline.engine.stress import names_of, stress
from loadline.model.positions import Portfolio
from loadline.model.shift import Shift, carry_over, shifted
from loadline.scenarios.stress import Trial, named, trial
from loadline.scenarios.synthetic import crash, depeg, every
from tests.engine.books import INDEX, MARKET, USDC, book, books

PERPETUAL = "BTC_USDC-PERPETUAL"


def test_one_perpetual_by_hand() -> None:
    held = book({("a", PERPETUAL): 2.0}, {("a", "USDC"): 60_000.0})
    forward = MARKET.quotes.forward[MARKET.instruments.index[PERPETUAL]]
    (found,), gaps = stress(held, MARKET, "isolated", [Trial("x", "", Shift(spot={"BTC": -0.2}))])
    assert not gaps and found.pnl == pytest.approx(-0.2 * 2 * forward * USDC) and found.wallet == 0.0
    assert found.equity == pytest.approx(60_000 * USDC + found.pnl)
    assert found.verdict == found.after.status.value  # type: ignore[union-attr]
    (gone,), _ = stress(held, MARKET, "isolated", [Trial("x", "", Shift(spot={"BTC": -0.5}))])
    assert gone.liquidated and gone.verdict == "wiped_out" and gone.equity < 0


def test_collateral_in_a_stablecoin_falls_with_it() -> None:
    held = book({("a", "BTC-PERPETUAL"): -1000.0}, {("a", "USDC"): 50_000.0})
    (found,), _ = stress(held, MARKET, "deribit-xpm", [depeg("USDC", now=USDC)])
    assert found.wallet == pytest.approx(50_000 * (0.65 - USDC)) and found.pnl == pytest.approx(found.wallet)
    assert found.equity == pytest.approx(found.before.equity * found.before.usd + found.pnl, rel=1e-9)


@given(held=books(accounts=("a", "b"), largest=6), size=st.floats(-0.6, 0.6))
def test_the_answer_is_that_of_the_shifted_market(held: Portfolio, size: float) -> None:
    """One account at a time, the whole market shifted: nothing is lost by cutting the market to what is held."""
    made = crash(["BTC", "ETH"], spot=size, vol=0.5)
    found, gaps = stress(held, MARKET, "derive", [made])
    after = shifted(MARKET, made.shift)
    for one in found:
        (expected,) = margins(carry_over(held.live(), MARKET, after).only([one.account]), after, "derive")
        assert isinstance(expected, MarginResult)
        assert one.equity == pytest.approx(expected.equity * expected.usd, rel=1e-12, abs=1e-6)
        assert one.maintenance == pytest.approx(expected.maintenance * expected.usd, rel=1e-9, abs=1e-6)
        assert one.liquidated == bool(expected.maintenance > expected.equity)
    assert {a.account for a in found} | {g.account for g in gaps} == set(held.live().names())


def test_wallets_that_a_rule_keeps_apart_are_stressed_apart_and_add_up() -> None:
    held = book(
        {("a", "BTC-PERPETUAL"): -30_000.0, ("a", PERPETUAL): 1.0}, {("a", "BTC"): 1.0, ("a", "USDC"): 50_000.0}
    )
    made = trial(named("ftx"), names_of(held, MARKET))
    apart, _ = stress(held, MARKET, "deribit-spm", [made])
    (whole,), _ = stress(held, MARKET, "deribit-xpm", [made])
    assert [a.currency for a in apart] == ["BTC", "USDC"]
    assert sum(a.pnl for a in apart) == pytest.approx(whole.pnl)
    assert whole.pnl == pytest.approx(whole.equity - whole.before.equity, rel=1e-9)


def test_who_cannot_be_answered_is_told_and_the_others_are_answered() -> None:
    held = book({("a", "BTC-PERPETUAL"): 1000.0, ("b", "XYZ-PERPETUAL"): 1.0}, {("a", "BTC"): 1.0})
    found, gaps = stress(held, MARKET, "derive", every(["BTC"], {}))
    assert {a.account for a in found} == {"a"} and [g.account for g in gaps] == ["b"]
    assert names_of(held, MARKET) == ["BTC", "USD"]


def test_a_trial_that_moves_nothing_changes_nothing() -> None:
    held = book({("a", "BTC-PERPETUAL"): 1000.0}, {("a", "BTC"): 1.0})
    (found,), _ = stress(held, MARKET, "deribit-xpm", [Trial("x", "", Shift())])
    assert found.pnl == 0.0 and found.equity == found.before.equity and INDEX["BTC"] == MARKET.price("BTC")
    document = found.as_json()
    assert document["status"] == "ok" and document["equity"] == document["equity_before"]
