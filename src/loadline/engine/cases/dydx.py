"""Cases of dYdX v4: all in the protocol's integers, requirements and account risk by the rulebook as well."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any

from loadline.engine.cases.case import Check, Replay, Sketch, exactly
from loadline.engine.engine import Chosen, evaluate
from loadline.model.instruments import Kind, PayoffForm
from loadline.rulebooks import dydx_protocol as protocol
from loadline.rulebooks.protocol import PPM, ceil_div
from loadline.rulebooks.rulebook import load

Given = Mapping[str, Any]
LARGEST = 2**53
"""Sizes and prices beyond this are no numbers of a book: they are looked at in integers only."""


def _market(given: Given) -> protocol.Perpetual:
    return protocol.Perpetual(
        given["price"],
        given["price_exponent"],
        given["atomic_resolution"],
        given.get("initial_margin_ppm", 0),
        given.get("maintenance_fraction_ppm", 0),
        given.get("open_interest_base_quantums", 0),
        given.get("oi_lower_cap", 0),
        given.get("oi_upper_cap", 0),
        given.get("funding_index", 0),
    )


def _positions(given: Given) -> list[protocol.Position]:
    markets = {m["id"]: _market(m) for m in given["perpetuals"]}
    held = {
        p["perp_id"]: protocol.Position(markets[p["perp_id"]], p["quantums"], p["funding_index"])
        for p in given["positions"]
    }
    for change in given.get("updates", ()):
        n, market = change["perp_id"], markets[change["perp_id"]]
        old = held.get(n, protocol.Position(market, 0, market.funding_index))
        held[n] = protocol.Position(market, old.quantums + change["delta_quantums"], old.funding_index)
    return list(held.values())


def _by_rulebook(quote: int, positions: list[protocol.Position]) -> dict[str, float]:
    """The same account under the rulebook; quote quantums."""
    rule, sketch = load("dydx"), Sketch("")
    changes: dict[str, Any] = {}
    index: dict[str, float] = {}
    sketch.add("USDC", quote / 1e6, kind=Kind.SPOT, form=PayoffForm.SPOT, underlying="USDC", forward=1.0)
    for n, p in enumerate(positions):
        name, m = f"M{n}", p.perpetual
        index[name] = max(m.price * 10.0**m.exponent, 1e-300)
        what: dict[str, Any] = {"kind": Kind.PERPETUAL, "form": PayoffForm.LINEAR, "underlying": name}
        owed = protocol.funding(p) // PPM / 1e6
        sketch.add(f"{name}-PERP", p.quantums * 10.0**m.resolution, unsettled=owed, forward=index[name], **what)
        changes |= {
            f"initial.fraction.{name}": m.initial,
            f"maintenance.share.{name}": m.maintenance,
            f"open_interest.size.{name}": m.open_interest * 10.0**m.resolution,
            f"open_interest.lower_cap.{name}": m.lower_cap / 1e6,
            f"open_interest.upper_cap.{name}": m.upper_cap / 1e6,
            f"precision.size.{name}": -m.resolution,
            f"precision.price.{name}": -m.exponent,
        }
    market = sketch.market(index, {"USDC": 1.0})
    version = rule.versions[-1].override(changes)
    parts = evaluate(Chosen(rule, version), sketch.portfolio(), market, ["case"]).requirement.parts
    worth = float(parts["notional"].net("account"))
    return {
        "imr": 0.0 - float(parts["initial quantums"]),
        "mmr": 0.0 - float(parts["maintenance quantums"]),
        "net_notional": worth,
        "nc": float(parts["cash"]) + worth,
    }


def _risk(given: Given) -> protocol.Risk:
    return protocol.account_risk(given["usdc_quote_quantums"] + given.get("usdc_update", 0), _positions(given))


def _one(given: Given) -> tuple[protocol.Perpetual, int]:
    """The market that is closed in, and what is held there."""
    market = next(_market(m) for m in given["perpetuals"] if m["id"] == given["perp_id"])
    held = sum(p["quantums"] for p in given["positions"] if p["perp_id"] == given["perp_id"])
    return market, held


def _requirement(given: Given) -> dict[str, Any]:
    initial, maintenance = protocol.requirements(_market(given), given["base_quantums"])
    return {"imr": initial, "mmr": maintenance}


def _account(given: Given) -> dict[str, Any]:
    risk = _risk(given)
    return {"nc": risk.collateral, "imr": risk.initial, "mmr": risk.maintenance}


def _scaled(given: Given) -> int:
    return protocol.initial_ppm(
        given["initial_margin_ppm"], given["oi_notional"], given["oi_lower_cap"], given["oi_upper_cap"]
    )


def _fillable(given: Given) -> dict[str, Any]:
    config = given["config"]
    price = protocol.fillable_price(
        _risk(given),
        *_one(given),
        adjustment=config["bankruptcy_adjustment_ppm"],
        spread=config["spread_to_mmr_ppm"],
    )
    return {"fillable_price_quote_per_base_quantum": price}


def _insurance(given: Given) -> dict[str, Any]:
    market, held = _one(given)
    delta = given["fill_base_quantums"] * (1 if given["is_buy"] else -1)
    exact = given["fill_subticks"] * given["fill_base_quantums"] * Fraction(10) ** given["quantum_conversion_exponent"]
    gain = protocol.insurance_delta(
        protocol.bankruptcy_price(_risk(given), market, held, delta),
        exact.numerator // exact.denominator,
        buys=given["is_buy"],
        fee=given["config"]["max_liquidation_fee_ppm"],
    )
    return {"insurance_fund_delta_quote_quantums": gain}


KINDS: Mapping[str, Callable[[Given], dict[str, Any]]] = {
    "margin_requirement": _requirement,
    "net_notional": lambda g: {"net_notional": protocol.notional(_market(g), g["base_quantums"])},
    "oi_scaled_imf": lambda g: {"imf_ppm": _scaled(g)},
    "oi_scaled_initial_margin": lambda g: {"imr": ceil_div(g["notional_quote_quantums"] * _scaled(g), PPM)},
    "maintenance_ppm": lambda g: {
        "mm_ppm": protocol.maintenance_ppm(g["initial_margin_ppm"], g["maintenance_fraction_ppm"])
    },
    "account_risk": _account,
    "is_liquidatable": lambda g: {"liquidatable": _risk(g).liquidatable},
    "bankruptcy_price": lambda g: {
        "bankruptcy_price_quote_quantums": protocol.bankruptcy_price(_risk(g), *_one(g), g["delta_quantums"])
    },
    "fillable_price": _fillable,
    "insurance_fund_delta": _insurance,
}


def replay_dydx(case: Mapping[str, Any], file: Mapping[str, Any], components: float, totals: float) -> Replay:
    """Return the checks of one case, exact to the last integer."""
    given, want = case["input"], case["expected"]
    got = KINDS[case["kind"]](given)
    found: list[Check] = []
    for name, value in want.items():
        target = Fraction(*value) if isinstance(value, list) else value
        found.append(exactly(name, target, got[name]))
    if case["kind"] in ("margin_requirement", "net_notional"):
        position = protocol.Position(_market(given), given["base_quantums"])
        found += _ruled(want, 0, [position])
    elif case["kind"] == "account_risk":
        found += _ruled(want, given["usdc_quote_quantums"] + given["usdc_update"], _positions(given))
    return Replay(case["id"], tuple(found))


def _ruled(want: Mapping[str, Any], quote: int, positions: list[protocol.Position]) -> list[Check]:
    if any(max(abs(p.quantums), p.perpetual.price) > LARGEST for p in positions):
        return []
    got = _by_rulebook(quote, positions)
    return [exactly(f"{name} by the rulebook", value, got[name]) for name, value in want.items()]
