"""Cases of Derive's portfolio managers, PMRM_2 and PMRM v1."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from loadline.engine.cases.case import Replay, Sketch, checks, right_of
from loadline.engine.engine import Chosen, evaluate
from loadline.foundation.errors import RuleError
from loadline.model.instruments import Kind, PayoffForm
from loadline.rulebooks.rulebook import load
from loadline.tape.frame import RANK
from loadline.tape.term import Term

UNDERLYING = "BTC"
PMRM2: Mapping[str, str] = {
    "vol_range_up": "vol_shock.range_up",
    "vol_range_down": "vol_shock.range_down",
    "short_term_power": "vol_shock.short_power",
    "long_term_power": "vol_shock.long_power",
    "dte_floor_days": "vol_shock.dte_floor",
    "min_vol_up_shock": "vol_shock.min_vol_up",
    "im_loss_factor": "loss_factor.initial",
    "mm_loss_factor": "loss_factor.maintenance",
    "rate_mult_neg": "static_discount.short_rate_mult",
    "rate_mult_pos": "static_discount.long_rate_mult",
    "rate_add_neg": "static_discount.short_rate_add",
    "rate_add_pos": "static_discount.long_rate_add",
    "static_discount_neg": "static_discount.short",
    "static_discount_pos": "static_discount.long",
    "basis_add": "basis.add",
    "basis_mult": "basis.mult",
    "peg_threshold": "peg.threshold",
    "peg_factor": "peg.factor",
    "conf_threshold": "oracle.threshold",
    "conf_margin": "oracle.margin",
    "mm_perp_pct": "perpetual.maintenance",
    "im_perp_pct_extra": "perpetual.initial",
    "mm_option_pct": "option.maintenance",
    "im_option_pct_extra": "option.initial",
    "skew_linear_base_cap": "skew.linear_base_cap",
    "skew_abs_base_cap": "skew.abs_base_cap",
    "skew_linear_cbase": "skew.linear_cap_slope",
    "skew_abs_cbase": "skew.abs_cap_slope",
    "skew_min_kstar": "skew.min_width",
    "skew_width": "skew.width_scale",
    "skew_vol_static": "skew.vol_static",
    "skew_vol_scale": "skew.vol_slope",
}
"""The case files' parameter names in ours."""


def replay_pmrm2(case: Mapping[str, Any], file: Mapping[str, Any], *, components: float, totals: float) -> Replay:
    """Return the checks of one PMRM_2 case: totals, contingencies and every scenario PnL."""
    given = case["input"]
    raw, grid = file["parameter_sets"][given["params"]], file["scenario_sets"][given["scenarios"]]
    skew = [i for i, s in enumerate(grid) if s[1].startswith("skew")]
    plain = [i for i in range(len(grid)) if i not in skew]
    overrides: dict[str, Any] = {ours: raw[theirs] for theirs, ours in PMRM2.items()}
    overrides["scenarios.regular"] = [grid[i] for i in plain]
    overrides["scenarios.tail"] = []
    overrides["scenarios.skew"] = [grid[i] for i in skew]
    overrides["scenarios.basis"] = [[raw["basis_spot_up"], "none", 1.0], [raw["basis_spot_down"], "none", 1.0]]
    sketch = Sketch(UNDERLYING)
    haircuts = {"maintenance_haircut": "mm_haircut", "initial_haircut": "im_haircut_extra", "risk_cancelling": "risk_cancelling"}
    for c in given["collaterals"]:
        sketch.add(c["name"], c["amount"], kind=Kind.SPOT, form=PayoffForm.SPOT, forward=c["price"], confidence=c["confidence"])
        for ours, theirs in haircuts.items():
            overrides[f"collateral.{ours}.{c['name']}"] = float(c[theirs])
    cash = {"kind": Kind.SPOT, "form": PayoffForm.SPOT, "underlying": "USDC", "forward": given["stable_price"]}
    sketch.add("USDC", given["cash"], **cash)
    perp = given["perp"]
    if perp["amount"]:
        pnl = perp["unrealised_pnl"] + perp["unrealised_funding"]
        quote = {"forward": perp["price"], "confidence": perp["confidence"]}
        sketch.add("PERP", perp["amount"], kind=Kind.PERPETUAL, form=PayoffForm.LINEAR, unsettled=pnl, **quote)
    for n, e in enumerate(given["expiries"]):
        sure = min(e["forward_confidence"], e["rate_confidence"], e["vol_confidence"])
        for strike, right, amount, vol in e["options"]:
            sketch.add(
                f"E{n}-{strike:g}-{right}",
                amount,
                kind=Kind.OPTION,
                form=PayoffForm.CASH_OPTION,
                seconds=max(e["seconds"], 0),
                strike=strike,
                right=right_of(right),
                forward=e["forward"],
                vol=vol,
                rate=e["rate"],
                fixed=e["forward_fixed_weight"] * e["forward"],
                confidence=sure,
            )
    market = sketch.market(
        {UNDERLYING: given["spot"]},
        {"USDC": 1.0},
        index_confidence={UNDERLYING: given["spot_confidence"]},
    )
    rule = load("derive")
    try:
        version = rule.versions[-1].override(overrides)
        rule.check(version)
    except RuleError as error:
        return Replay(case["id"], refused=error.what)
    tape = evaluate(Chosen(rule, version), sketch.portfolio(), market, ["case"])
    parts, want = tape.requirement.parts, case["expected"]
    equity = float(tape.requirement.equity)
    got: dict[str, Any] = {
        "im": equity + float(tape.requirement.initial),
        "mm": equity + float(tape.requirement.maintenance),
        "mtm": equity - given["cash"],
    }
    pnl_rows = parts["scenario_pnl"].net("account").numbers()[0]
    back = {i: n for n, i in enumerate(plain + skew)}
    ours = {
        "forward_contingency": _sum(parts["basis"]),
        "mm_perp": _sum(parts["perpetual maintenance"]),
        "im_perp_extra": _sum(parts["perpetual initial"]),
        "mm_option": _sum(parts["option maintenance"]),
        "im_option_extra": _sum(parts["option initial"]),
        "mm_collateral": _sum(parts["collateral maintenance"]),
        "im_collateral_extra": _sum(parts["collateral initial"]),
        "oracle": _sum(parts["oracle"]),
    }
    expected = {k: v for k, v in want["components"].items() if k in ours}
    scale = max(1.0, abs(want["mtm"]), abs(want["im"]))
    found = checks({k: want[k] for k in ("im", "mm")}, got, totals)
    found += checks(expected, ours, components)
    found += checks({"scenario_pnl": want["scenario_pnl"]}, {"scenario_pnl": [pnl_rows[back[i]] for i in range(len(grid))]}, components, 0.0)
    del scale
    return Replay(case["id"], found)


def _sum(term: Term) -> float:
    at = term if term.level == "account" else term.net("account")
    assert RANK["account"] >= RANK[str(at.level)]
    return float(at)


def finite(x: float) -> bool:
    """Whether a number is one."""
    return math.isfinite(x)
