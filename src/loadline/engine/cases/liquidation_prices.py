"""Cases of liquidation prices: the price at which the rulebook's maintenance is what equity is left.

The venues' closed forms are not used: the account is margined at two prices beside the expected one, and where the
excess crosses zero is compared. Between kinks both equity and maintenance are straight lines of the price.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from loadline.engine.cases.case import Check, Replay, Sketch
from loadline.engine.engine import choose_rulebook, evaluate
from loadline.foundation.units import parse_time
from loadline.model.instruments import Kind, PayoffForm

RULE = {"hyperliquid": "hyperliquid", "binance": "binance"}
AT = parse_time("2026-01-01")
STEP = 1e-3


def replay_liquidation_price(
    case: Mapping[str, Any], file: Mapping[str, Any], components: float, totals: float
) -> Replay:
    """Return the check of one liquidation price."""
    want = float(case["expected"]["liq_price"])
    if case["venue"] not in RULE:
        return Replay(case["id"], skipped=f"{case['venue']}'s isolated margin, of which no rule is written")
    low, high = (_excess(case, want * (1.0 + d)) for d in (-STEP, STEP))
    got = want * (1.0 - STEP) - low * 2 * STEP * want / (high - low)
    tolerance = case.get("tolerance_rel") or case["tolerance_abs"] / want
    return Replay(case["id"], (Check("liquidation price over the expected one", 1.0, got / want, tolerance),))


def _excess(case: Mapping[str, Any], price: float) -> float:
    """Equity less maintenance with the position marked at a price."""
    given, venue = case["input"], case["venue"]
    main = dict(given.get("position", given))
    main |= {"symbol": main.get("symbol", "COIN"), "mark_price": price}
    side = given["side"]
    cash = given.get("isolated_margin", given.get("wallet_balance", given.get("margin")))
    sketch, index = Sketch("", AT), {}
    changes: dict[str, Any] = {}
    legs = [(main, side), *((other, 1) for other in given.get("other_positions", []))]
    for leg, sign in legs:
        name = leg["symbol"].removesuffix("USDT")
        index[name] = leg["mark_price"]
        pnl = sign * leg["qty"] * (leg["mark_price"] - leg["entry_price"])
        what: dict[str, Any] = {"kind": Kind.PERPETUAL, "form": PayoffForm.LINEAR, "settle": "USDC", "underlying": name}
        sketch.add(f"{name}-PERP", sign * leg["qty"], forward=leg["mark_price"], unsettled=pnl, **what)
        if venue == "binance":
            rate, amount = leg["mmr"], leg["maintenance_amount"]
            changes |= {f"linear.bounds.{name}": [amount / rate], f"linear.rates.{name}": [0.0, rate]}
        else:
            changes |= {f"maintenance.rates.{name}": [0.5 / leg["max_leverage"]], f"maintenance.bounds.{name}": []}
    if venue == "binance":
        changes["liquidation.ratio"] = 1.0  # a futures wallet of its own, not the pooled account
    spot: dict[str, Any] = {"kind": Kind.SPOT, "form": PayoffForm.SPOT, "settle": "USD", "underlying": "USDC"}
    sketch.add("USDC", cash, forward=1.0, **spot)
    chosen = choose_rulebook(RULE[venue], AT, {f"{venue}.{path}": value for path, value in changes.items()})
    market = sketch.market(index | {"USDC": 1.0}, {"USDC": 1.0})
    requirement = evaluate(chosen, sketch.portfolio(), market, ["case"]).requirement
    return float(requirement.equity) + float(requirement.maintenance)
