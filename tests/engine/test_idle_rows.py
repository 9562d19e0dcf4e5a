"""Rows of zero hold nothing: an unknown or expired contract, or a currency without a price, does no harm there."""

import numpy as np
import pytest

from loadline.engine.engine import margin, margins
from loadline.engine.greeks import greeks
from loadline.engine.result import MarginResult
from loadline.foundation.errors import Reason, Unavailable
from loadline.rulebooks.rulebook import SHIPPED
from tests.engine.books import MARKET, book
from tests.rulebooks.random_books import PERPETUALS_ALONE

GONE = {("a", "BTC-1JAN20-5000-C"): 0.0, ("a", "NEVER-LISTED"): 0.0}


@pytest.mark.parametrize("name", SHIPPED)
def test_rows_of_zero_change_nothing(name: str) -> None:
    held = {("a", "BTC_USDC-PERPETUAL" if name in PERPETUALS_ALONE else "BTC_USDC-11D-85000-C"): -2.0}
    plain = margin(book(held, {("a", "USDC"): 1e5}), MARKET, name)
    idle = margin(book(held | GONE, {("a", "USDC"): 1e5, ("a", "XYZ"): 0.0}), MARKET, name)
    assert isinstance(plain, MarginResult) and isinstance(idle, MarginResult)
    assert (plain.equity, plain.initial, plain.maintenance) == (idle.equity, idle.initial, idle.maintenance)


@pytest.mark.parametrize("name", SHIPPED)
def test_an_account_of_nothing_but_zeros_needs_nothing(name: str) -> None:
    found = margins(book(GONE, {("b", "XYZ"): 0.0}), MARKET, name)
    assert [(a.account, a.equity, a.initial, a.status.value) for a in found if isinstance(a, MarginResult)] == [
        ("a", 0.0, 0.0, "ok"),
        ("b", 0.0, 0.0, "ok"),
    ]
    assert len(greeks(book(GONE), MARKET).rows) == 0


def test_pending_pnl_of_an_unknown_contract_is_not_idle() -> None:
    held = book({("a", "NEVER-LISTED"): 0.0})
    held = type(held)(held.positions.replace(unsettled=np.array([1.0])))
    answer = margin(held, MARKET, "derive")
    assert isinstance(answer, Unavailable) and answer.reason is Reason.UNKNOWN_INSTRUMENT


def test_a_settlement_currency_without_a_price_is_named() -> None:
    answer = margin(book({("a", "BTC_USDC-PERPETUAL"): 1.0}), MARKET.replace(fx={}), "isolated")
    assert isinstance(answer, Unavailable) and answer.missing == ("USD price of USDC",)


@pytest.mark.parametrize("name", SHIPPED)
@pytest.mark.parametrize("wallet", [("USDC",), ("USDT",), ("BTC",), ("USDC", "ETH")])
def test_a_wallet_alone_can_be_margined(name: str, wallet: tuple[str, ...]) -> None:
    found = margins(book({}, {("a", ccy): 10.0 for ccy in wallet}), MARKET, name)
    assert all(isinstance(a, MarginResult) and np.isfinite(a.initial) and a.equity > 0 for a in found), found
