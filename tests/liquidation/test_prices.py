"""Closed-form liquidation prices: at that price equity is maintenance, as each venue counts it; and published cases."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadline.engine.verify import verify_file
from loadline.liquidation import prices
from loadline.liquidation.cases import REPLAYERS

SIDES = st.sampled_from([-1, 1])
ENTRY, QUANTITY = st.floats(0.1, 1e5), st.floats(1e-3, 1e3)
RATE, LEVERAGE = st.floats(0.001, 0.2), st.floats(1.0, 50.0)


@given(side=SIDES, entry=ENTRY, quantity=QUANTITY, rate=RATE, leverage=LEVERAGE, amount=st.floats(0.0, 10.0))
def test_binance(side: int, entry: float, quantity: float, rate: float, leverage: float, amount: float) -> None:
    p = prices.Tiered(side, quantity, entry, rate, amount)
    margin = entry * quantity / leverage
    at = prices.binance_isolated(p, margin)
    assert margin + p.pnl(at) == pytest.approx(p.maintenance(at), rel=1e-9, abs=1e-9 * entry * quantity + 1e-9)


@given(side=SIDES, entry=ENTRY, quantity=QUANTITY, rate=RATE, other=st.floats(0.5, 2.0), wallet=st.floats(0.0, 1e6))
def test_binance_cross(side: int, entry: float, quantity: float, rate: float, other: float, wallet: float) -> None:
    p, q = prices.Tiered(side, quantity, entry, rate), prices.Tiered(-side, quantity, entry, rate, 1.0)
    mark = entry * other
    at = prices.binance_cross(p, wallet, [(q, mark)])
    equity, asked = wallet + p.pnl(at) + q.pnl(mark), p.maintenance(at) + q.maintenance(mark)
    assert equity == pytest.approx(asked, rel=1e-9, abs=1e-8 * (entry * quantity + wallet) + 1e-8)
    assert prices.binance_cross(p, wallet, []) == prices.binance_isolated(p, wallet)


@given(side=SIDES, entry=ENTRY, quantity=QUANTITY, rate=RATE, leverage=LEVERAGE, taker=st.floats(0.0, 0.01))
def test_gate_and_okx(side: int, entry: float, quantity: float, rate: float, leverage: float, taker: float) -> None:
    margin = entry * quantity / leverage
    at = prices.rate_and_taker(side, entry, quantity, margin, rate=rate, taker=taker)
    asked = quantity * at * (rate + taker)
    assert margin + side * quantity * (at - entry) == pytest.approx(asked, rel=1e-9, abs=1e-9 * entry * quantity)


@given(side=SIDES, entry=ENTRY, rate=RATE, leverage=LEVERAGE)
def test_bybit(side: int, entry: float, rate: float, leverage: float) -> None:
    at = prices.bybit_isolated(side, entry, leverage=leverage, rate=rate)
    assert entry / leverage + side * (at - entry) == pytest.approx(entry * rate, rel=1e-9, abs=1e-9 * entry)


@given(side=SIDES, entry=ENTRY, quantity=QUANTITY, margin=st.floats(0.0, 1e6), leverage=st.floats(3.0, 50.0))
def test_hyperliquid(side: int, entry: float, quantity: float, margin: float, leverage: float) -> None:
    at = prices.hyperliquid(side, entry, quantity, margin, max_leverage=leverage, others=7.0)
    asked = quantity * at / (2.0 * leverage) + 7.0
    equity = margin + side * quantity * (at - entry)
    assert equity == pytest.approx(asked, rel=1e-9, abs=1e-8 * (entry * quantity + margin))


def test_published_cases(shared: Path) -> None:
    report = verify_file(shared / "vectors" / "exchange_liquidation_prices.json", more=REPLAYERS)
    assert report.misses == [] and report.ok and not report.skipped
