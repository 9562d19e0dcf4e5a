"""The surface: its middle is now, its equity moves by the P&L, its requirements are the rule's in each market."""

import json

import numpy as np
import pytest

from loadline.engine.engine import margin, margins
from loadline.engine.result import MarginResult
from loadline.engine.surface import SPOT_MOVES, VOL_MOVES, surface, surfaces, wallets
from loadline.foundation.errors import InputError, Reason
from loadline.model.shift import carry_over, shift_market
from tests.engine.books import INDEX, MARKET, USDC, book

HELD = book(
    {
        ("a", "BTC-11D-85000-C"): -4.0,
        ("a", "BTC-116D-70000-P"): 3.0,
        ("a", "ETH_USDC-11D-3000-P"): -10.0,
        ("a", "BTC-PERPETUAL"): 50_000.0,
        ("a", "ETH_USDC-PERPETUAL"): -12.0,
    },
    {("a", "BTC"): 2.0, ("a", "USDC"): 50_000.0},
)
SPOT, VOL = (-0.3, -0.1, 0.0, 0.2), (-0.4, 0.0, 0.5)
WHOLE = ("isolated", "static", "tail", "derive", "deribit-xpm")


@pytest.mark.parametrize("name", WHOLE)
def test_each_cell_is_the_rule_in_the_shifted_market(name: str) -> None:
    found = surface(HELD, MARKET, name, "a", SPOT, VOL)
    assert found.pnl.shape == found.status.shape == (4, 3)
    for s, spot in enumerate(SPOT):
        for v, vol in enumerate(VOL):
            market = shift_market(MARKET, spot, vol)
            answer = margin(carry_over(HELD, MARKET, market), market, name)
            assert isinstance(answer, MarginResult)
            usd = market.price(answer.currency)
            assert found.equity[s, v] == answer.equity * usd
            assert found.excess[s, v] == pytest.approx(answer.excess * usd, rel=1e-12, abs=1e-9)
            assert found.maintenance_excess[s, v] == pytest.approx(answer.maintenance_excess * usd, rel=1e-12, abs=1e-9)
            assert found.status[s, v] == answer.status.value
    now = margin(HELD, MARKET, name)
    assert isinstance(now, MarginResult)
    assert found.initial[2, 1] == now.initial * now.usd and found.pnl[2, 1] == found.wallet[2, 1] == 0.0
    assert found.version == now.version and found.currency == now.currency
    assert (found.region == (found.maintenance_excess < 0)).all()


@pytest.mark.parametrize("name", ["isolated", "static", "tail", "deribit-xpm"])
def test_equity_moves_by_the_pnl_where_the_rule_counts_marks(name: str) -> None:
    found = surface(HELD, MARKET, name, "a", SPOT, VOL)
    np.testing.assert_allclose(found.equity - found.equity[2, 1], found.pnl, atol=1e-6)
    np.testing.assert_allclose(found.wallet[:, 0], 2.0 * INDEX["BTC"] * np.array(SPOT), atol=1e-6)


def test_requirements_move_with_the_market() -> None:
    """A future's isolated requirement is a rate of its size at the index: it falls with the price."""
    perpetual = book({("a", "BTC_USDC-PERPETUAL"): 1.0}, {("a", "USDC"): 1e5})
    found = surface(perpetual, MARKET, "isolated", "a", (-0.5, 0.0, 0.5), (0.0,))
    np.testing.assert_allclose(found.maintenance[:, 0] / found.maintenance[1, 0], [0.5, 1.0, 1.5], rtol=1e-12)
    assert found.equity[0, 0] < found.equity[1, 0] < found.equity[2, 0]


def test_one_underlying_may_move_alone() -> None:
    both = surface(HELD, MARKET, "isolated", "a", (-0.2,), (0.0,))
    alone = [surface(HELD, MARKET, "isolated", "a", (-0.2,), (0.0,), underlyings=[u]) for u in INDEX]
    assert both.pnl[0, 0] == pytest.approx(sum(s.pnl[0, 0] for s in alone), rel=1e-9)
    assert alone[1].wallet[0, 0] == 0.0


def test_wallets_apart_have_a_surface_each() -> None:
    found = surfaces(HELD, MARKET, "deribit-spm", "a", (-0.1, 0.0), (0.0,))
    answers = margins(HELD, MARKET, "deribit-spm")
    assert (
        [s.currency for s in found] == ["BTC", "USDC"] == [a.currency for a in answers if isinstance(a, MarginResult)]
    )
    for s, a in zip(found, answers, strict=True):
        assert isinstance(a, MarginResult)
        assert s.initial[1, 0] == a.initial * a.usd and s.equity[1, 0] == a.equity * a.usd
    one = surface(HELD, MARKET, "deribit-spm", "a", (-0.1,), (0.0,), currency="USDC")
    assert one.equity[0, 0] == found[1].equity[0, 0]
    assert one.equity[0, 0] - 50_000 * USDC != 0.0
    with pytest.raises(InputError, match="name one: BTC, USDC"):
        surface(HELD, MARKET, "deribit-spm", "a")
    with pytest.raises(InputError, match="no wallet in EUR"):
        wallets(HELD, MARKET, "deribit-spm", "a", currency="EUR")
    with pytest.raises(InputError, match="no account 'b'"):
        surface(HELD, MARKET, "derive", "b")


@pytest.mark.parametrize("name", ["derive", "deribit-spm"])
def test_no_answer_is_said_in_every_cell_and_never_a_number(name: str) -> None:
    unknown = book({("a", "BTC-11D-85001-C"): 1.0, ("a", "BTC-PERPETUAL"): 10.0})
    (found,) = surfaces(unknown, MARKET, name, "a", (-0.1, 0.0), (0.0, 0.1))
    assert (found.status == "unavailable").all() and np.isnan(found.excess).all() and not found.region.any()
    assert [gap.reason for gap in found.gaps] == [Reason.UNKNOWN_INSTRUMENT]
    text = json.dumps(found.as_json(), allow_nan=False)
    assert json.loads(text)["pnl"] == [[None, None], [None, None]]


def test_an_order_counts_as_the_rule_counts_it() -> None:
    plain = book({("a", "BTC_USDC-PERPETUAL"): 1.0}, {("a", "USDC"): 1e5})
    ordered = book(
        {("a", "BTC_USDC-PERPETUAL"): 1.0}, {("a", "USDC"): 1e5}, [("a", "ETH_USDC-PERPETUAL", 5.0, 2_900.0)]
    )
    without, with_order = (surface(b, MARKET, "isolated", "a", (-0.1, 0.1), (0.0,)) for b in (plain, ordered))
    assert (with_order.initial > without.initial).all() and (with_order.pnl == without.pnl).all()


def test_default_moves_hold_now() -> None:
    assert 0.0 in SPOT_MOVES and 0.0 in VOL_MOVES and min(SPOT_MOVES) > -1
    json.dumps(surface(book({}, {("a", "USDC"): 1.0}), MARKET, "derive", "a").as_json(), allow_nan=False)
