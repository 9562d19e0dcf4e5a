"""Derive's auction: what a bid leaves behind, how the price falls, who pays; and every published case."""

from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from loadline.engine.verify import verify_file
from loadline.foundation.units import parse_time
from loadline.liquidation import derive_auction as auction
from loadline.liquidation.cases import REPLAYERS

MONEY = st.floats(1.0, 1e6)
SHARE = st.floats(0.0, 1.0)


@given(mtm=MONEY, short=MONEY, reserved=SHARE, factor=st.floats(0.01, 1.0), buffer=st.floats(0.0, 0.5))
def test_the_largest_bid_ends_the_auction(
    mtm: float, short: float, reserved: float, factor: float, buffer: float
) -> None:
    state = auction.State(mtm, -short, reserved * mtm)
    most = auction.most_for_sale(state, factor, buffer)
    assume(most < 1.0)
    made = auction.bid(state, 1.0, factor, buffer)
    assert made.share == most
    assert auction.buffer_margin(made.state, buffer) == pytest.approx(0.0, abs=1e-8 * (mtm + short))


@given(share=st.floats(0.0, 0.3), factor=st.floats(0.3, 1.0))
def test_bids_one_after_another_never_sell_more_than_needed(share: float, factor: float) -> None:
    state = auction.State(300.0, -100.0)
    for _ in range(30):
        made = auction.bid(state, share, factor, 0.1)
        state = made.state
    assert auction.buffer_margin(state, 0.1) <= 1e-9
    assert state.mtm <= 300.0 + 1e-9  # who buys pays no more than it is worth


def test_the_discount_falls_and_ends_at_nothing() -> None:
    p = auction.parameters(parse_time("2026-01-01"))
    phases = {"start": p.number("solvent.start"), "cutoff": p.number("solvent.cutoff")}
    fast, slow = int(p.number("solvent.fast")), int(p.number("solvent.slow"))
    path = [auction.discount(t, fast=fast, slow=slow, **phases) for t in range(0, fast + slow + 200, 50)]
    assert path[0] == phases["start"] and path[-1] == 0.0
    assert all(a >= b for a, b in pairwise(path))
    assert auction.discount(fast, fast=fast, slow=slow, **phases) == phases["cutoff"]


def test_an_account_above_its_buffer_is_not_for_sale() -> None:
    assert auction.most_for_sale(auction.State(100.0, 50.0), 0.9, 0.1) == 0.0
    assert auction.bid(auction.State(100.0, 5.0), 1.0, 0.9, 0.0).paid == 0.0
    assert auction.starting_fee(auction.State(-5.0, -50.0), 0.1, 0.02) == 0.0


def test_a_small_account_is_sold_whole() -> None:
    state = auction.State(10.0, -1.0)
    assert auction.most_for_sale(state, 1.0, 0.0) < 1.0
    assert auction.most_for_sale(state, 1.0, 0.0, small=20.0) == 1.0


def test_an_insolvent_account_pays_ever_more() -> None:
    state = auction.State(-100.0, -300.0)
    assert auction.insolvent_payment(state, 0, 600) == 100.0
    assert auction.insolvent_payment(state, 300, 600) == 200.0
    assert auction.insolvent_payment(state, 6_000, 600) == 300.0
    assert auction.shortfall(200.0, 150.0) == 50.0 and auction.shortfall(100.0, 150.0) == 0.0
    assert auction.withdrawals_blocked([state], 299.0) and not auction.withdrawals_blocked([state], 300.0)


def test_a_bidder_needs_margin_for_what_it_takes_on() -> None:
    state = auction.State(300.0, -100.0)
    assert auction.cash_needed(state, 0.5, 60.0, 0.0) == 110.0


def test_published_cases(shared: Path) -> None:
    report = verify_file(shared / "vectors" / "derive_auction.json", more=REPLAYERS)
    assert report.misses == [] and report.ok and not report.skipped
    assert report.worst_error < 1e-12
