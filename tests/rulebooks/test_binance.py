"""Binance portfolio margin: the example of the FAQ, published liquidation prices, brackets, what assets count for."""

import json
from typing import Any

import pytest

from loadline.engine.cases.case import Sketch
from loadline.engine.cases.liquidation_prices import replay_liquidation_price
from loadline.engine.engine import choose_rulebook, evaluate, margin
from loadline.engine.result import MarginResult
from loadline.foundation.errors import Unavailable
from loadline.foundation.units import parse_time
from loadline.model.instruments import Kind, PayoffForm

AT = parse_time("2022-06-10")
FX = {"USDT": 1.0}


def future(sketch: Sketch, name: str, quantity: float, mark: float, pnl: float, coin: str = "BTC", **more: Any) -> None:
    inverse = more.get("settle") == coin
    what = {"kind": Kind.PERPETUAL, "form": PayoffForm.INVERSE if inverse else PayoffForm.LINEAR, "settle": "USDT"}
    sketch.add(name, quantity, underlying=coin, forward=mark, unsettled=pnl, **(what | more))


def cash(sketch: Sketch, name: str, amount: float, price: float = 1.0) -> None:
    what: dict[str, Any] = {"kind": Kind.SPOT, "form": PayoffForm.SPOT, "settle": "USD", "underlying": name}
    sketch.add(name, amount, forward=price, **what)


def parts(sketch: Sketch, index: dict[str, float], **changes: Any) -> dict[str, float]:
    chosen = choose_rulebook("binance", AT, {f"binance.{k}": v for k, v in changes.items()})
    req = evaluate(chosen, sketch.portfolio(), sketch.market(index | FX, FX), ["case"]).requirement
    found = {name: float(term) for name, term in req.parts.items()}
    sides = {"equity": req.equity, "initial": req.initial, "maintenance": req.maintenance}
    return found | {name: float(term) for name, term in sides.items()}


def test_the_example_of_the_faq() -> None:
    """X per asset with the pnl of each leg, and the maintenance of each leg, as far as the example goes."""
    s = Sketch("BTC", AT)
    future(s, "BTCUSDT", -0.05, 40_000.0, 0.05 * 12_000)
    future(s, "BTCUSDT_220624", 0.04, 42_000.0, 0.04 * (42_000 - 52_350))
    future(s, "BTCUSD_PERP", 10_000.0, 40_000.0, 10_000 * (1 / 50_000 - 1 / 40_000), settle="BTC")
    cash(s, "USDT", 1_000.0 + 5_000.0)
    cash(s, "BTC", 0.1 - 0.04 + 0.1, 40_000.0)
    got = parts(s, {"BTC": 40_000.0})
    assert got["asset USDT"] == pytest.approx(6_000.0 + 600.0 - 414.0)
    assert got["asset BTC"] == pytest.approx((0.16 - 0.05) * 40_000.0)
    assert got["equity"] == pytest.approx(got["asset USDT"] + got["asset BTC"])
    um, cm = 0.004 * (2_000.0 + 1_680.0), 0.005 * 0.25 * 40_000.0
    assert got["pooled"] == pytest.approx(-(um + cm))
    assert got["collateral"] == pytest.approx(-0.05 * 0.11 * 40_000.0)
    assert got["maintenance"] == pytest.approx(1.05 * got["pooled"] + got["collateral"])


def test_the_loans_of_the_faq() -> None:
    """A loan of 15 ETH asks 1.5 ETH; a debt counts in full, no collateral rate cuts it."""
    s = Sketch("ETH", AT)
    cash(s, "ETH", -15.0, 3_000.0)
    got = parts(s, {"ETH": 3_000.0})
    assert got["pooled"] == pytest.approx(-1.5 * 3_000.0)
    assert got["collateral"] == 0.0 and got["equity"] == -45_000.0


@pytest.mark.parametrize(
    ("coin", "notional", "rate", "amount"),
    [("BTC", 3_556_000.0, 0.025, 16_300.0), ("ETH", 4_918_000.0, 0.1, 135_365.0), ("BTC", 40_000.0, 0.004, 0.0)],
)
def test_brackets_are_the_venues_rate_less_amount(coin: str, notional: float, rate: float, amount: float) -> None:
    s = Sketch(coin, AT)
    future(s, f"{coin}USDT", -notional / 100.0, 100.0, 0.0, coin)
    assert parts(s, {coin: 100.0})["pooled"] == pytest.approx(-(rate * notional - amount), rel=1e-12)


def test_initial_is_the_larger_of_leverage_and_the_band_that_restricts() -> None:
    s = Sketch("BTC", AT)
    future(s, "BTCUSDT", 1.0, 40_000.0, 0.0)
    assert parts(s, {"BTC": 40_000.0})["initial"] == pytest.approx(-2_000.0)
    assert parts(s, {"BTC": 40_000.0}, **{"leverage.linear": 150.0, "linear.rates.BTC": [0.01] * 9})["initial"] == (
        pytest.approx(-480.0)
    )


def test_options_are_refused_with_the_reason() -> None:
    s = Sketch("BTC", AT)
    what: dict[str, Any] = {"kind": Kind.OPTION, "form": PayoffForm.CASH_OPTION, "settle": "USDT", "right": 1}
    s.add("BTC-C", 1.0, seconds=1e6, strike=4e4, forward=4e4, vol=0.5, mark=100.0, **what)
    answer = margin(s.portfolio(), s.market({"BTC": 40_000.0} | FX, FX), "binance")
    assert isinstance(answer, Unavailable) and "option margin" in str(answer)


def test_the_answer_says_that_it_is_a_template_and_rows_add_up() -> None:
    s = Sketch("BTC", AT)
    future(s, "BTCUSDT", -30.0, 40_000.0, -500.0)
    future(s, "BTCUSD_PERP", 90_000.0, 40_000.0, 0.01, settle="BTC")
    cash(s, "BTC", 2.0, 40_000.0)
    cash(s, "USDT", -1_000.0)
    answer = margin(s.portfolio(), s.market({"BTC": 40_000.0} | FX, FX), "binance")
    assert isinstance(answer, MarginResult) and any("template" in note for note in answer.notes)
    rows = answer.explain("maintenance")
    for parent in rows:
        children = [r.factor * r.value for r in rows if r.path[:-1] == parent.path]
        if children:
            assert sum(children) == pytest.approx(parent.value, rel=1e-9), parent.path


def test_liquidation_prices_are_those_published(shared: Any) -> None:
    file = json.loads((shared / "vectors/exchange_liquidation_prices.json").read_text())
    cases = [c for c in file["vectors"] if c["venue"] == "binance"]
    assert len(cases) == 11
    assert [c["id"] for c in cases if not replay_liquidation_price(c, file, 1e-8, 1e-9).matched] == []
