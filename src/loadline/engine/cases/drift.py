"""Cases of Drift v2: all in the protocol's integers, accounts by the rulebook as well where a book can hold them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from loadline.engine.cases.case import Check, Replay, Sketch, exactly
from loadline.engine.engine import Chosen, evaluate
from loadline.model.instruments import Kind, PayoffForm
from loadline.rulebooks import drift_liquidation as liquidation
from loadline.rulebooks import drift_protocol as drift
from loadline.rulebooks.drift_protocol import PRICE, Side
from loadline.rulebooks.protocol import cut_div
from loadline.rulebooks.rulebook import load

Given = Mapping[str, Any]
ALL = {"base_asset_amount": 2**64 - 1, "liability_transfer": 2**128 - 1}
"""How the source spells that no amount is enough."""


def _price(market: Given, given: Given) -> int:
    return PRICE if market["oracle"] is None else int(given["oracle_prices"][market["oracle"]])


def _worse(price: int, market: Given, given: Given) -> tuple[int, int]:
    """The prices of a token for what is owned and what is owed."""
    twap = market["twap_5min"] if given["strict"] else price
    return min(price, twap), max(price, twap)


def _spot(market: Given, given: Given) -> drift.Spot:
    price = _price(market, given)
    deposits = drift.token_amount(
        market["deposit_balance"], market["cumulative_deposit_interest"], market["decimals"], borrowed=False
    )
    return drift.Spot(
        market["decimals"],
        price,
        *_worse(price, market, given),
        market["initial_asset_weight"],
        market["maintenance_asset_weight"],
        market["initial_liability_weight"],
        market["maintenance_liability_weight"],
        market["imf_factor"],
        market["scale_initial_asset_weight_start"],
        deposits * price // 10 ** market["decimals"],
        quote=market["market_index"] == 0,
    )


def _tokens(p: Given, market: Given) -> int:
    borrowed = p["balance_type"] == "Borrow"
    interest = market["cumulative_borrow_interest" if borrowed else "cumulative_deposit_interest"]
    return drift.token_amount(p["scaled_balance"], interest, market["decimals"], borrowed=borrowed)


def _account(given: Given) -> tuple[list[drift.SpotPosition], list[drift.PerpetualPosition]]:
    tokens = {m["market_index"]: m for m in given["spot_markets"]}
    listed = {m["market_index"]: m for m in given["perp_markets"]}
    spots = [
        drift.SpotPosition(
            _spot(tokens[p["market_index"]], given),
            _tokens(p, tokens[p["market_index"]]),
            p["open_bids"],
            p["open_asks"],
            p["open_orders"],
        )
        for p in given["user"]["spot_positions"]
    ]
    perpetuals = []
    for p in given["user"]["perp_positions"]:
        m = listed[p["market_index"]]
        quote = tokens[m["quote_spot_market_index"]]
        settling = m["status"] == "Settlement"
        market = drift.Perpetual(
            m["expiry_price"] if settling else int(given["oracle_prices"][m["oracle"]]),
            m["margin_ratio_initial"],
            m["margin_ratio_maintenance"],
            m["imf_factor"],
            m["unrealized_pnl_initial_asset_weight"],
            m["unrealized_pnl_maintenance_asset_weight"],
            m["unrealized_pnl_imf_factor"],
            *_worse(_price(quote, given), quote, given),
            settling,
        )
        paid = p["quote_asset_amount"] + _funding(p, m)
        orders = (p["open_bids"], p["open_asks"], p["open_orders"], p["max_margin_ratio"])
        perpetuals.append(drift.PerpetualPosition(market, p["base_asset_amount"], paid, *orders))
    return spots, perpetuals


def _funding(p: Given, market: Given) -> int:
    """Funding since a position was last settled, quote: rates at 9 decimals."""
    side = "long" if p["base_asset_amount"] > 0 else "short"
    change = market[f"cumulative_funding_rate_{side}"] - p["last_cumulative_funding_rate"]
    return cut_div(-change * p["base_asset_amount"], 10**12)


def _margin(given: Given) -> dict[str, Any]:
    spots, perpetuals = _account(given)
    custom = max(given["user"]["max_margin_ratio"], given["margin_ratio_override"])
    side = Side(given["margin_type"])
    found = drift.account_margin(spots, perpetuals, side, custom=custom, buffer=given["margin_buffer"])
    return {
        "margin_requirement": found.requirement,
        "total_collateral": found.collateral,
        "total_collateral_plus_buffer": found.collateral + found.buffer,
    }


def _by_rulebook(given: Given) -> dict[str, float]:
    """The same account under the rulebook, quote; for oracle prices and no spot orders."""
    (spots, perpetuals), rule, sketch = _account(given), load("drift"), Sketch("")
    custom = max(given["user"]["max_margin_ratio"], given["margin_ratio_override"], *(p.custom for p in perpetuals), 0)
    changes: dict[str, Any] = {"account.least_ratio": custom}
    index: dict[str, float] = {}
    cash = next((s.market.price for s in spots if s.market.quote), PRICE) / PRICE
    for n, s in enumerate(spots):
        name, m = "USDC" if s.market.quote else f"T{n}", s.market
        index[name] = m.price / PRICE
        token: dict[str, Any] = {"kind": Kind.SPOT, "form": PayoffForm.SPOT, "underlying": name}
        sketch.add(name, s.tokens / 10**m.decimals, forward=index[name], settle="USD", **token)
        weights = (m.initial_asset, m.maintenance_asset, m.initial_liability, m.maintenance_liability, m.factor)
        names = ("initial_asset", "maintenance_asset", "initial_liability", "maintenance_liability", "size_factor")
        changes |= {f"token.{k}.{name}": w for k, w in zip(names, weights, strict=True) if not m.quote}
        changes[f"token.decimals.{name}"] = m.decimals
    for n, p in enumerate(perpetuals):
        name, market = f"M{n}", p.market
        index[name] = market.price / PRICE
        what: dict[str, Any] = {"kind": Kind.PERPETUAL, "form": PayoffForm.LINEAR, "underlying": name}
        sketch.add(f"{name}-PERP", p.base / drift.BASE, unsettled=p.pnl / PRICE, forward=index[name], **what)
        changes |= {f"perpetual.initial.{name}": market.initial, f"perpetual.maintenance.{name}": market.maintenance}
        changes |= {f"perpetual.size_factor.{name}": market.factor, "pnl.initial": market.pnl_initial}
        changes |= {"pnl.maintenance": market.pnl_maintenance, "pnl.size_factor": market.pnl_factor}
    chosen = Chosen(rule, rule.versions[-1].override(changes))
    market_now = sketch.market(index, {"USDC": cash})
    parts = evaluate(chosen, sketch.portfolio(), market_now, ["case"]).requirement.parts
    found = {k: float(parts[f"{k} {given['margin_type']}"].net("account")) for k in ("requirement", "collateral")}
    return {"margin_requirement": -found["requirement"], "total_collateral": found["collateral"]}


def _holdable(given: Given) -> bool:
    """Whether a book says all of it: oracle prices, no orders, no fill margin."""
    user = given["user"]
    quiet = not any(p["open_orders"] for p in (*user["spot_positions"], *user["perp_positions"]))
    usual = all(m["decimals"] <= 12 and m["initial_liability_weight"] >= 10_000 for m in given["spot_markets"][1:])
    return quiet and usual and not given["strict"] and given["margin_type"] != "Fill"


def _weight(given: Given) -> dict[str, Any]:
    if "unrealized_pnl_quote" in given:
        market = drift.Perpetual(0, 0, 0, 0, given["base_weight"], 0, given["unrealized_pnl_imf_factor"])
        return {"weight": market.pnl_weight(given["unrealized_pnl_quote"], Side(given["margin_type"]))}
    if "total_deposits_tokens" in given:
        worth = given["total_deposits_tokens"] * given["price"]
        start = given["scale_initial_asset_weight_start_quote"]
        return {"asset_weight": drift.scaled_by_deposits(given["initial_asset_weight"], worth, start)}
    side = Side(given["margin_type"])
    if "base_asset_amount" in given:
        ratio, pnl = given["margin_ratio_initial"], given["unrealized_pnl_initial_asset_weight"]
        factor = given["unrealized_pnl_imf_factor"]
        market = drift.Perpetual(given["oracle_price"], ratio, 0, given["imf_factor"], pnl, 0, factor)
        held = drift.PerpetualPosition(market, given["base_asset_amount"], given["quote_asset_amount"])
        found = drift.account_margin((), [held], side)
        return {"margin_requirement": found.requirement, "weighted_upnl": found.collateral}
    kind = "asset" if "initial_asset_weight" in given else "liability"
    token = drift.Spot(given["decimals"], given.get("price", 0), 0, 0, factor=given["imf_factor"])
    initial, maintenance = given[f"initial_{kind}_weight"], given[f"maintenance_{kind}_weight"]
    weigh = drift.discount if kind == "asset" else drift.premium
    size = token.at_nine(given["size"])
    return {f"{kind}_weight": weigh(size, given["imf_factor"], side.of(initial, maintenance))}


def _prices(g: Given, *names: str) -> dict[str, int]:
    return {f"{s}_{n}": g[f"{s}_{'liquidation_multiplier' if n == 'multiplier' else n}"] for s in names for n in
            ("multiplier", "decimals", "price")}  # fmt: skip


def _base(g: Given) -> dict[str, Any]:
    fees = (g["liquidation_fee"], g["if_liquidation_fee"])
    at = (g["oracle_price"], g["quote_oracle_price"])
    return {"base_asset_amount": liquidation.base_to_cover(g["margin_shortage"], g["margin_ratio"], *fees, *at)}


def _weights(g: Given) -> dict[str, int]:
    return {
        "asset_weight": g["asset_weight"],
        "asset_multiplier": g["asset_liquidation_multiplier"],
        "liability_weight": g["liability_weight"],
        "liability_multiplier": g["liability_liquidation_multiplier"],
        "decimals": g["liability_decimals"],
        "price": g["liability_price"],
    }


def _perpetual_fee(g: Given) -> int:
    return liquidation.perpetual_insurance_fee(
        g["margin_shortage"],
        g["user_base_asset_amount"],
        g["margin_ratio"],
        g["liquidator_fee"],
        g["oracle_price"],
        g["quote_oracle_price"],
        g["max_if_liquidation_fee"],
    )


BOTH = ("asset", "liability")
KINDS: Mapping[str, Callable[[Given], dict[str, Any]]] = {
    "account_margin": _margin,
    "size_scaled_weight": _weight,
    "calculate_base_asset_amount_to_cover_margin_shortage": _base,
    "calculate_liability_transfer_to_cover_margin_shortage": lambda g: {
        "liability_transfer": liquidation.liability_to_cover(
            g["margin_shortage"], insurance_fee=g["if_liquidation_fee"], **_weights(g)
        )
    },
    "calculate_liability_transfer_implied_by_asset_amount": lambda g: {
        "liability_transfer": liquidation.liability_for_asset(g["asset_amount"], **_prices(g, *BOTH))
    },
    "calculate_asset_transfer_for_liability_transfer": lambda g: {
        "asset_transfer": liquidation.asset_for_liability(g["asset_amount"], g["liability_amount"], **_prices(g, *BOTH))
    },
    "calculate_perp_if_fee": lambda g: {"if_fee": _perpetual_fee(g)},
    "calculate_spot_if_fee": lambda g: {
        "if_fee": liquidation.spot_insurance_fee(
            g["margin_shortage"], g["token_amount"], most=g["max_if_fee"], **_weights(g)
        )
    },
    "get_liquidation_fee": lambda g: {
        "liquidation_fee": liquidation.liquidator_fee(
            g["base_liquidation_fee"], g["max_liquidation_fee"], g["last_active_user_slot"], g["current_slot"]
        )
    },
}


def replay_drift(case: Mapping[str, Any], file: Mapping[str, Any], components: float, totals: float) -> Replay:
    """Return the checks of one case, exact to the last integer."""
    given, want = case["input"], case["expected"]
    got = {name: ALL[name] if x is None else x for name, x in KINDS[case["kind"]](given).items()}
    found: list[Check] = [exactly(name, value, got[name]) for name, value in want.items()]
    if case["kind"] == "account_margin" and _holdable(given):
        ruled = _by_rulebook(given)
        found += [exactly(f"{name} by the rulebook", want[name], ruled[name]) for name in ruled if name in want]
    return Replay(case["id"], tuple(found))
