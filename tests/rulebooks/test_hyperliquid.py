"""Hyperliquid: the venue's own liquidation prices, the borrowing power of its documents, and the ratio written out."""

import json
from typing import Any

import pytest

from loadline.engine.cases.case import Sketch
from loadline.engine.cases.liquidation_prices import replay_liquidation_price
from loadline.engine.engine import choose_rulebook, evaluate
from loadline.foundation.units import parse_time
from loadline.model.instruments import Kind, PayoffForm

AT = parse_time("2026-01-01")
INDEX = {"BTC": 100_000.0, "HYPE": 40.0, "USDC": 1.0}


def account(perpetuals: dict[str, float], wallet: dict[str, float], unsettled: float = 0.0) -> Sketch:
    s = Sketch("", AT)
    for coin, quantity in perpetuals.items():
        what: dict[str, Any] = {"kind": Kind.PERPETUAL, "form": PayoffForm.LINEAR, "settle": "USDC", "underlying": coin}
        s.add(f"{coin}-PERP", quantity, forward=INDEX[coin], unsettled=unsettled, **what)
    for coin, amount in wallet.items():
        spot: dict[str, Any] = {"kind": Kind.SPOT, "form": PayoffForm.SPOT, "settle": "USD", "underlying": coin}
        s.add(coin, amount, forward=INDEX[coin], **spot)
    return s


def asked(name: str, s: Sketch, **changes: Any) -> tuple[float, float, float]:
    """Equity, initial and maintenance."""
    chosen = choose_rulebook(name, AT, {f"hyperliquid.{k}": v for k, v in changes.items()})
    req = evaluate(chosen, s.portfolio(), s.market(INDEX, {"USDC": 1.0}), ["case"]).requirement
    return float(req.equity), -float(req.initial), -float(req.maintenance)


def test_liquidation_prices_are_those_the_venue_reported(shared: Any) -> None:
    file = json.loads((shared / "vectors/exchange_liquidation_prices.json").read_text())
    cases = [c for c in file["vectors"] if c["venue"] == "hyperliquid"]
    assert len(cases) == 23
    assert [c["id"] for c in cases if not replay_liquidation_price(c, file, 1e-8, 1e-9).matched] == []


def test_cross_maintenance_is_half_of_initial_at_the_maximum_leverage() -> None:
    equity, initial, maintenance = asked("hyperliquid", account({"BTC": -2.0}, {"USDC": 9_000.0}, -500.0))
    assert (equity, maintenance) == (8_500.0, pytest.approx(2_000.0))
    assert initial == pytest.approx(20_000.0)  # at the chosen leverage of 10
    assert asked("hyperliquid", account({"BTC": -2.0}, {}), **{"leverage.chosen": 100.0})[1] == pytest.approx(4_000.0)


def test_brackets_by_size() -> None:
    changes = {"maintenance.bounds.BTC": [150_000.0], "maintenance.rates.BTC": [0.0125, 0.025]}
    _, _, maintenance = asked("hyperliquid", account({"BTC": 2.0}, {}), **changes)
    assert maintenance == pytest.approx(150_000 * 0.0125 + 50_000 * 0.025)


def test_coins_back_nothing_in_cross_margin() -> None:
    equity, initial, maintenance = asked("hyperliquid", account({}, {"HYPE": 10.0}))
    assert equity == initial == maintenance == 400.0


def test_the_borrowing_power_of_the_documents() -> None:
    """10,000 HYPE at 40 and a loan-to-value of one half: 200,000 USDC may be borrowed."""
    for owed, allowed in ((200_000.0, True), (200_001.0, False)):
        equity, initial, _ = asked("hyperliquid-pm", account({}, {"HYPE": 10_000.0, "USDC": -owed}))
        assert (equity >= initial) == allowed


def test_liquidation_where_the_ratio_passes_its_bound() -> None:
    """Borrowed 250,000 against 10,000 HYPE: the ratio written out says at which price, and so does the rule."""
    for price in (30.0, 33.0, 35.0, 35.1, 35.12, 36.0, 40.0):
        INDEX["HYPE"] = price
        try:
            equity, _, maintenance = asked("hyperliquid-pm", account({"BTC": 1.0}, {"HYPE": 10_000.0, "USDC": -249e3}))
        finally:
            INDEX["HYPE"] = 40.0
        ratio = (20.0 + 1_000.0 + 249e3) / (0.0 + min(1e6, 10_000.0 * price * 0.75))
        assert (ratio > 0.95) == (equity < maintenance), price


def test_caps_in_coins_and_in_dollars() -> None:
    equity, initial, maintenance = asked("hyperliquid-pm", account({}, {"HYPE": 80_000.0}))
    assert equity - initial == pytest.approx(min(50_000.0 * 40.0 * 0.5, 1e6))
    assert equity - maintenance == pytest.approx(min(50_000.0 * 40.0 * 0.75, 1e6))
    _, _, borrowing = asked("hyperliquid-pm", account({}, {"HYPE": 80_000.0, "USDC": -19_000.0}))
    assert borrowing - maintenance == pytest.approx((20.0 + 19_000.0) / 0.95 - 19_000.0)
