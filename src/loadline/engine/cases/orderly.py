"""Cases of Orderly Network: rates and prices of its SDK, requirements by the rulebook beside them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from loadline.engine.cases.case import Check, Replay, Sketch, checks
from loadline.engine.engine import Chosen, evaluate
from loadline.model.instruments import Kind, PayoffForm
from loadline.rulebooks import orderly_prices as prices
from loadline.rulebooks.rulebook import load

Given = Mapping[str, Any]
PRICES = 1e-9
"""Relative tolerance of a price, but where the source prints fewer digits."""


def _rates(given: Given) -> prices.Rates:
    return prices.Rates(given["base_mmr"], given["base_imr"], given["imr_factor"], given.get("power", 0.8))


def _held(given: Given) -> list[prices.Holding]:
    return [prices.Holding(p["symbol"], p["qty"], p["mark"], p["mmr"]) for p in given["positions"]]


def _order(given: Given) -> prices.Holding:
    order = given["new_order"]
    return prices.Holding(order["symbol"], order["qty"], order["price"], 0.0)


def _cross(given: Given) -> dict[str, Any]:
    held = _held(given)
    mine = next(p for p in held if p.symbol == given["symbol"])
    other = sum(p.maintenance for p in held if p is not mine)
    return {"liq_price": prices.liquidation_price(given["total_collateral"], mine, other, _rates(given))}


def _before(given: Given) -> dict[str, Any]:
    fee = given["new_order"]["fee"]
    found = prices.price_after_order(
        given["total_collateral"], given["mark"], _held(given), _order(given), fee, _rates(given)
    )
    return {"liq_price": found}


def _isolated(given: Given) -> dict[str, Any]:
    p = given["position"]
    found = prices.isolated_price_after_order(
        p["isolated_margin"],
        p["cost"],
        p["qty"],
        given["order_qty"],
        given["order_price"],
        leverage=given["leverage"],
        fee=given["fee_buffer"],
        rates=_rates(given),
    )
    return {"liq_price": found}


def _invariance(given: Given) -> dict[str, Any]:
    rates, quantity, found = _rates(given), given["qty"], []
    for mark in given["mark_prices"]:
        collateral = given["usdc"] + quantity * (mark - given["entry_price"])
        held = prices.Holding("", quantity, mark, rates.at(quantity * mark))
        found.append(prices.liquidation_price(collateral, held, 0.0, rates) or float("nan"))
    return {"max_abs_difference_of_liq_prices": max(found) - min(found)}


def _rate(given: Given) -> dict[str, Any]:
    return {"mmr": _rates(given).at(given["notional"])}


KINDS: Mapping[str, tuple[Callable[[Given], dict[str, Any]], float]] = {
    "cross_liq_price_size_dependent_mmr": (_cross, PRICES),
    "pre_trade_liq_price": (_before, PRICES),
    "isolated_pre_trade_liq_price": (_isolated, PRICES),
    "mmr": (_rate, PRICES),
    "account_leverage": (
        lambda g: {"leverage": prices.leverage(g["total_collateral"], _held(g), _order(g))},
        PRICES,
    ),
}


def _by_rulebook(given: Given) -> float:
    """The maintenance rate of one position under the rulebook."""
    rule, sketch = load("orderly"), Sketch("X")
    changes = {"maintenance.base": given["base_mmr"], "initial.base": given["base_imr"]}
    changes |= {"initial.factor": given["imr_factor"], "initial.power": given["power"]}
    flat = {f"{name}.X": value for name, value in changes.items() if name != "initial.power"}
    version = rule.versions[-1].override(flat | {"initial.power": given["power"]})
    what: dict[str, Any] = {"kind": Kind.PERPETUAL, "form": PayoffForm.LINEAR}
    sketch.add("X-PERP", given["notional"], forward=1.0, **what)
    market = sketch.market({"X": 1.0}, {"USDC": 1.0})
    found = evaluate(Chosen(rule, version), sketch.portfolio(), market, ["case"]).requirement
    return -float(found.maintenance) / float(given["notional"])


def replay_orderly(case: Mapping[str, Any], file: Mapping[str, Any], components: float, totals: float) -> Replay:
    """Return the checks of one case."""
    given, want = case["input"], case["expected"]
    if case["kind"] == "metamorphic_mark_invariance":
        got = _invariance(given)["max_abs_difference_of_liq_prices"]
        most = want["max_abs_difference_of_liq_prices"]
        return Replay(case["id"], (Check("difference of prices", 0.0, got, most),))
    answer, tolerance = KINDS[case["kind"]]
    found = list(checks(want, answer(given), tolerance))
    if case["kind"] == "mmr":
        found.append(Check("mmr by the rulebook", want["mmr"], _by_rulebook(given), totals))
    return Replay(case["id"], tuple(found))
