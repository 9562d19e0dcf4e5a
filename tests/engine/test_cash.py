"""Rules that know only cash-settled contracts: what coin contracts have pending is restated with them."""

import numpy as np
import pytest

from loadline.engine.engine import margin
from loadline.engine.result import MarginResult
from loadline.model.positions import Portfolio
from loadline.model.universe import restate_in_cash, restate_pending
from tests.engine.books import INDEX, MARKET, USDC, book

CASH_RULES = ("derive", "derive-v1", "derive-srm")


@pytest.mark.parametrize("name", CASH_RULES)
def test_pending_pnl_in_coin_counts_at_its_price(name: str) -> None:
    held = book({("a", "BTC-PERPETUAL"): 1000.0, ("a", "BTC_USDC-PERPETUAL"): 0.5}, {("a", "USDC"): 1e5})
    pending = Portfolio(held.positions.replace(unsettled=np.array([0.5, 300.0])), held.balances)
    before, after = margin(held, MARKET, name), margin(pending, MARKET, name)
    assert isinstance(before, MarginResult) and isinstance(after, MarginResult)
    assert after.equity - before.equity == pytest.approx(0.5 * INDEX["BTC"] + 300.0, rel=4e-4)  # USDC is near 1 USD
    assert after.initial == pytest.approx(before.initial, rel=1e-12)


def test_restated_orders_pay_in_cash() -> None:
    option, future = "BTC-11D-85000-C", "BTC-PERPETUAL"
    held = book(
        {}, orders=[("a", option, 2.0, 0.03), ("a", future, 100.0, 83_000.0), ("a", "BTC_USDC-PERPETUAL", 1.0, 9.0)]
    )
    restated = restate_pending(held, MARKET)
    forward = MARKET.quotes.forward[MARKET.instruments.index[option]]
    assert restated.orders.limit.tolist() == [0.03 * forward, 83_000.0, 9.0]
    assert restate_in_cash(MARKET).instruments[option]["settle"] == "USDC" and MARKET.price("USDC") == USDC


def test_a_market_without_coin_contracts_is_left_alone() -> None:
    linear = ["BTC_USDC-PERPETUAL"]
    rows = MARKET.rows(np.array(linear))
    cash = MARKET.replace(instruments=MARKET.instruments.take(rows), quotes=MARKET.quotes.take(rows))
    held = book({("a", linear[0]): 1.0})
    assert restate_pending(held, cash) is held and restate_in_cash(cash) is cash
