"""Bybit's standard margin: worked examples of its help centre, tiers, borrowing, tiered collateral, orders."""

from typing import Any

import pytest

from loadline.engine.cases.case import Sketch
from loadline.engine.engine import choose_rulebook, evaluate
from loadline.foundation.errors import RuleError
from loadline.foundation.units import parse_time
from loadline.model.instruments import Kind, PayoffForm
from loadline.rulebooks.rulebook import load

AT = parse_time("2026-01-05")
EXPIRY = parse_time("2026-01-30T08:00:00Z")
FX = {"USDT": 1.0, "USDC": 1.0}


def perpetual(s: Sketch, quantity: float, mark: float, coin: str = "BTC", pnl: float = 0.0, **more: Any) -> None:
    what: dict[str, Any] = {"kind": Kind.PERPETUAL, "form": PayoffForm.LINEAR, "settle": "USDT", "underlying": coin}
    s.add(f"{coin}USDT", quantity, forward=mark, unsettled=pnl, **(what | more))


def option(s: Sketch, quantity: float, strike: float, right: int, mark: float, **more: Any) -> None:
    what: dict[str, Any] = {"kind": Kind.OPTION, "form": PayoffForm.CASH_OPTION, "settle": "USDC", "underlying": "BTC"}
    name = f"BTC-30JAN26-{strike:g}-{'C' if right > 0 else 'P'}"
    s.add(name, quantity, strike=strike, right=right, seconds=(EXPIRY - AT) / 1000, mark=mark, vol=0.5, **(what | more))


def cash(s: Sketch, name: str, amount: float, price: float = 1.0) -> None:
    what: dict[str, Any] = {"kind": Kind.SPOT, "form": PayoffForm.SPOT, "settle": "USD", "underlying": name}
    s.add(name, amount, forward=price, **what)


def asked(s: Sketch, index: dict[str, float], **changes: Any) -> dict[str, float]:
    chosen = choose_rulebook("bybit-regular", AT, {f"bybit-regular.{k}": v for k, v in changes.items()})
    req = evaluate(chosen, s.portfolio(), s.market(index | FX, FX), ["case"]).requirement
    found = {name: -float(term) for name, term in req.parts.items()}
    return found | {"equity": float(req.equity), "initial": -float(req.initial), "maintenance": -float(req.maintenance)}


def test_a_bear_put_spread_of_the_help_centre() -> None:
    """BTC at 20,250: the long put asks nothing; the short one 938 and, at its order price of 280, 2,315."""
    s = Sketch("BTC", AT)
    option(s, 1.0, 20_000.0, -1, 750.0, forward=20_250.0)
    option(s, -1.0, 18_500.0, -1, 290.0, forward=20_250.0)
    got = asked(s, {"BTC": 20_250.0})
    assert (got["maintenance"], got["initial"]) == pytest.approx((938.0, 2_315.0))
    assert got["equity"] == 0.0  # the value of options is not in the margin balance


def test_a_position_over_four_tiers() -> None:
    """3,500 of value: 1,000 at 2 %, 1,000 at 2.5 %, 1,000 at 3 %, 500 at 3.5 %; at a leverage of 10."""
    s = Sketch("XYZ", AT)
    perpetual(s, -350.0, 10.0, "XYZ")
    tiers = {"linear.bounds": [1e3, 2e3, 3e3], "linear.rates": [0.02, 0.025, 0.03, 0.035], "leverage.linear": 10.0}
    got = asked(s, {"XYZ": 10.0}, **tiers)
    assert (got["maintenance"], got["initial"]) == pytest.approx((92.5, 350.0))


def test_the_deductions_of_bitcoins_tiers() -> None:
    """Value x rate - deduction, as the venue writes it."""
    version = load("bybit-regular").versions[-1]
    bounds, rates = (version.get(f"linear.{n}", "BTC") for n in ("bounds", "rates"))
    deductions = [0.0]
    for bound, low, high in zip(bounds, rates, rates[1:], strict=False):
        deductions.append(deductions[-1] + bound * (high - low))
    assert deductions[1:4] == pytest.approx([1_200.0, 3_020.0, 4_300.0])
    for n, value in enumerate((1.9e6, 2.5e6, 3.1e6, 3.7e6)):
        s = Sketch("BTC", AT)
        perpetual(s, value / 80_000.0, 80_000.0)
        assert asked(s, {"BTC": 80_000.0})["maintenance"] == pytest.approx(value * rates[n] - deductions[n])


def test_no_leverage_asks_less_than_the_tiers_keep() -> None:
    s = Sketch("BTC", AT)
    perpetual(s, 60.0, 80_000.0)
    got = asked(s, {"BTC": 80_000.0}, **{"leverage.linear": 100.0})
    assert got["initial"] == got["maintenance"] > 48_000.0


def test_an_inverse_contract_is_valued_in_its_coin() -> None:
    """10,000 USD at 40,000 are a quarter of a coin, at the index of 41,000."""
    s = Sketch("BTC", AT)
    what = {"form": PayoffForm.INVERSE, "settle": "BTC"}
    perpetual(s, 10_000.0, 40_000.0, **what)
    got = asked(s, {"BTC": 41_000.0})
    assert (got["maintenance"], got["initial"]) == pytest.approx((0.005 * 0.25 * 41_000.0, 0.1 * 0.25 * 41_000.0))


def test_a_fee_to_close_is_in_both() -> None:
    s = Sketch("BTC", AT)
    perpetual(s, 1.0, 80_000.0)
    free, paid = (asked(s, {"BTC": 80_000.0}, **{"fee.close": fee}) for fee in (0.0, 0.00055))
    assert paid["maintenance"] - free["maintenance"] == pytest.approx(44.0)
    assert paid["initial"] - free["initial"] == pytest.approx(44.0)


def test_what_is_owed_asks_and_counts_in_full() -> None:
    """A loss of 500 on a wallet of 200 USDT is a debt of 300; a bitcoin counts 85 %, one that is owed counts whole."""
    s = Sketch("BTC", AT)
    perpetual(s, 0.0001, 80_000.0, pnl=-500.0)
    cash(s, "USDT", 200.0)
    cash(s, "BTC", 1.0, 80_000.0)
    got = asked(s, {"BTC": 80_000.0})
    assert (got["loans"], got["haircuts"]) == pytest.approx((300.0, 12_000.0))
    assert got["maintenance"] == pytest.approx(0.04 * 300.0 + 12_000.0 + 0.04)
    short = Sketch("BTC", AT)
    cash(short, "BTC", -1.0, 80_000.0)
    cash(short, "USDT", 100_000.0)
    assert asked(short, {"BTC": 80_000.0})["haircuts"] == 0.0


def test_collateral_beyond_a_tier_counts_for_nothing() -> None:
    s = Sketch("BTC", AT)
    cash(s, "BTC", 1_000_001.0, 80_000.0)
    assert asked(s, {"BTC": 80_000.0})["haircuts"] == pytest.approx((0.15 * 1e6 + 1.0) * 80_000.0)


def test_tables_that_do_not_fit_are_refused() -> None:
    with pytest.raises(RuleError, match="one entry more"):
        choose_rulebook("bybit-regular", AT, {"bybit-regular.linear.rates": [0.1, 0.2]})
