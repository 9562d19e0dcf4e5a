"""Cases of GMX v2: is a position liquidated, by the formula and by the rulebook."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from loadline.engine.cases.case import Check, Replay, Sketch, checks
from loadline.engine.engine import Chosen, evaluate
from loadline.model.instruments import Kind, PayoffForm
from loadline.rulebooks.gmx import Position
from loadline.rulebooks.rulebook import load


def _by_rulebook(given: Mapping[str, Any]) -> bool:
    rule, sketch = load("gmx"), Sketch("X")
    changes = {"maintenance.factor": given["min_collateral_factor"], "collateral.least": given["min_collateral_usd"]}
    coins = given["size_usd"] / given["entry_price"] * (1 if given["is_long"] else -1)
    token, index = given["collateral_token"], given["index_price"]
    spot: dict[str, Any] = {"kind": Kind.SPOT, "form": PayoffForm.SPOT, "underlying": token}
    sketch.add(token, given["collateral_amount"], forward=given["collateral_price"], settle="USD", **spot)
    what: dict[str, Any] = {"kind": Kind.PERPETUAL, "form": PayoffForm.LINEAR}
    sketch.add("X-PERP", coins, forward=index, unsettled=coins * (index - given["entry_price"]), **what)
    market = sketch.market({"X": index, token: given["collateral_price"]}, {"USDC": 1.0})
    chosen = Chosen(rule, rule.versions[-1].override(changes))
    found = evaluate(chosen, sketch.portfolio(), market, ["case"]).requirement
    left = float(found.equity) - given["fees_and_price_impact"]
    return left <= 0.0 or left < -float(found.maintenance)


def replay_gmx(case: Mapping[str, Any], file: Mapping[str, Any], components: float, totals: float) -> Replay:
    """Return the checks of one case."""
    given, want = case["input"], case["expected"]
    side = 1 if given["is_long"] else -1
    costs = given["fees_and_price_impact"]
    held = Position(side, given["size_usd"], given["entry_price"], given["collateral_amount"], costs)
    at = (given["index_price"], given["collateral_price"])
    factor, least = given["min_collateral_factor"], given["min_collateral_usd"]
    got = {
        "liquidatable": held.liquidatable(*at, factor=factor, least=least),
        "collateral_returned": held.returned(*at),
    }
    ruled = Check("liquidatable by the rulebook", want["liquidatable"], _by_rulebook(given), 0.0)
    return Replay(case["id"], (*checks(want, got, totals), ruled))
