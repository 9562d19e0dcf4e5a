"""Cases of Derive's portfolio managers, PMRM_2 and PMRM v1."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from loadline.engine.cases.case import Replay, Sketch, checks, right_of, truncated
from loadline.engine.engine import Chosen, evaluate
from loadline.engine.result import Tape
from loadline.foundation.errors import RuleError
from loadline.model.instruments import Kind, PayoffForm
from loadline.model.market import Market
from loadline.rulebooks.rulebook import load
from loadline.tape.term import Term

UNDERLYING = "BTC"
SHARED: dict[str, str] = {
    "vol_range_up": "vol_shock.up",
    "vol_range_down": "vol_shock.down",
    "short_term_power": "vol_shock.short_power",
    "long_term_power": "vol_shock.long_power",
    "dte_floor_days": "vol_shock.dte_floor",
    "im_loss_factor": "loss_factor.initial",
    "mm_loss_factor": "loss_factor.maintenance",
    "static_discount_pos": "static_discount.long",
    "basis_add": "basis.add",
    "basis_mult": "basis.mult",
    "peg_threshold": "peg.threshold",
    "peg_factor": "peg.factor",
    "conf_threshold": "oracle.threshold",
    "conf_margin": "oracle.margin",
}
PMRM2: dict[str, str] = {
    **SHARED,
    "min_vol_up_shock": "vol_shock.min_vol_up",
    "rate_mult_neg": "static_discount.short_rate_mult",
    "rate_mult_pos": "static_discount.long_rate_mult",
    "rate_add_neg": "static_discount.short_rate_add",
    "rate_add_pos": "static_discount.long_rate_add",
    "static_discount_neg": "static_discount.short",
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
PMRM1: dict[str, str] = {
    **SHARED,
    "rate_mult": "static_discount.rate_mult",
    "rate_add": "static_discount.rate_add",
    "perp_pct": "contingency.perpetual",
    "base_pct": "contingency.base",
    "option_pct": "contingency.option",
}
"""The case files' parameter names in ours."""

CASH: dict[str, Any] = {"kind": Kind.SPOT, "form": PayoffForm.SPOT, "underlying": "USDC"}
HAIRCUTS = {
    "maintenance_haircut": "mm_haircut",
    "initial_haircut": "im_haircut_extra",
    "risk_cancelling": "risk_cancelling",
}


def replay_pmrm2(case: Mapping[str, Any], file: Mapping[str, Any], components: float, totals: float) -> Replay:
    """Return the checks of one PMRM_2 case: totals, contingencies and every scenario PnL.

    ``components``, ``totals``: relative tolerances.
    """
    given, want = case["input"], case["expected"]
    raw, grid = file["parameter_sets"][given["params"]], file["scenario_sets"][given["scenarios"]]
    plain = [i for i, s in enumerate(grid) if not s[1].startswith("skew")]
    skew = [i for i in range(len(grid)) if i not in plain]
    changes = {ours: raw[theirs] for theirs, ours in PMRM2.items()} | _basis(raw)
    changes |= {"scenarios.regular": [grid[i] for i in plain], "scenarios.tail": []}
    changes["scenarios.skew"] = [grid[i] for i in skew]
    sketch = Sketch(UNDERLYING)
    for c in given["collaterals"]:
        quote: dict[str, Any] = {"forward": c["price"], "confidence": c["confidence"]}
        sketch.add(c["name"], c["amount"], kind=Kind.SPOT, form=PayoffForm.SPOT, **quote)
        changes |= {f"collateral.{ours}.{c['name']}": float(c[theirs]) for ours, theirs in HAIRCUTS.items()}
    sketch.add("USDC", given["cash"], forward=given["stable_price"], **CASH)
    perp = given["perp"]
    if perp["amount"]:
        pnl = perp["unrealised_pnl"] + perp["unrealised_funding"]
        quote = {"forward": perp["price"], "confidence": perp["confidence"]}
        sketch.add("PERP", perp["amount"], kind=Kind.PERPETUAL, form=PayoffForm.LINEAR, unsettled=pnl, **quote)
    for n, e in enumerate(given["expiries"]):
        fixed = e["forward_fixed_weight"] * e["forward"]
        sure = min(e["forward_confidence"], e["rate_confidence"], e["vol_confidence"])
        _options(sketch, n, e, forward=e["forward"], fixed=fixed, confidence=sure, rate=e["rate"])
    sure = {UNDERLYING: given["spot_confidence"]}
    market = sketch.market({UNDERLYING: given["spot"]}, {"USDC": 1.0}, index_confidence=sure)
    try:
        tape = _evaluate("derive", changes, sketch, market)
    except RuleError as error:
        return Replay(case["id"], refused=error.what)
    parts = tape.requirement.parts
    pnl = parts["scenario_pnl"].net("account").numbers()[0]
    ours = {
        "forward_contingency": _sum(parts["basis"]),
        "mm_perp": _sum(parts["perpetual maintenance"]),
        "im_perp_extra": _sum(parts["perpetual initial"]),
        "mm_option": _sum(parts["option maintenance"]),
        "im_option_extra": _sum(parts["option initial"]),
        "mm_collateral": _sum(parts["collateral maintenance"]),
        "im_collateral_extra": _sum(parts["collateral initial"]),
        "oracle": _sum(parts["oracle"]),
        "scenario_pnl": [pnl[(plain + skew).index(i)] for i in range(len(grid))],
    }
    expected = want["components"] | {"scenario_pnl": want["scenario_pnl"]}
    found = checks({k: v for k, v in want.items() if k in ("im", "mm", "mtm")}, net_margins(tape), totals)
    return Replay(case["id"], found + checks({k: v for k, v in expected.items() if k in ours}, ours, components))


def tape_pmrm1(given: Mapping[str, Any], raw: Mapping[str, Any], grid: Sequence[Any]) -> Tape:
    """Return the tape of a PMRM v1 portfolio under parameters and scenarios as the files write them."""
    changes = {ours: raw[theirs] for theirs, ours in PMRM1.items()} | _basis(raw) | {"scenarios.regular": grid}
    sketch, sure = Sketch(UNDERLYING), given["confidence_min_spot_perp"]
    sketch.add("USDC", given["cash"], forward=given["stable_price"], **CASH)
    if given["base_amount"]:
        sketch.add("BASE", given["base_amount"], kind=Kind.SPOT, form=PayoffForm.SPOT, forward=given["spot"])
    perp = given["perp"]
    if perp["amount"]:
        quote: dict[str, Any] = {"forward": perp["price"], "unsettled": perp["value"]}
        sketch.add("PERP", perp["amount"], kind=Kind.PERPETUAL, form=PayoffForm.LINEAR, **quote)
    for n, e in enumerate(given["expiries"]):
        forward = e["forward_variable"] + e["forward_fixed"]
        quote = {"forward": forward, "fixed": e["forward_fixed"], "rate": e["rate"]}
        _options(sketch, n, e, confidence=e["confidence_min_fwd_rate_vol"], **quote)
    market = sketch.market({UNDERLYING: given["spot"]}, {"USDC": 1.0}, index_confidence={UNDERLYING: sure})
    return _evaluate("derive-v1", changes, sketch, market)


def replay_pmrm1(case: Mapping[str, Any], file: Mapping[str, Any], components: float, totals: float) -> Replay:
    """Return the checks of one PMRM v1 case; where the source asserts whole dollars, whole dollars are compared.

    ``components``, ``totals``: relative tolerances elsewhere.
    """
    given, want = case["input"], case["expected"]
    tape = tape_pmrm1(given, file["parameter_sets"][given["params"]], file["scenario_sets"][given["scenarios"]])
    got, parts = net_margins(tape), tape.requirement.parts
    if "im_truncated_usd" in want:
        whole = {k: want[f"{k}_truncated_usd"] for k in ("im", "mm")}
        return Replay(case["id"], checks(whole, {k: truncated(got[k]) for k in whole}, 0.0))
    if "im" not in want:
        return Replay(case["id"], skipped="computed by a port, not asserted by the source")
    names = {
        "forward_contingency": "basis",
        "perp": "perpetual",
        "base": "base",
        "option": "option",
        "oracle": "oracle",
    }
    ours = {theirs: _sum(parts[name]) for theirs, name in names.items()}
    found = checks({k: want[k] for k in ("im", "mm", "mtm")}, got, totals)
    return Replay(case["id"], found + checks(want["components"], ours, components))


def _basis(raw: Mapping[str, float]) -> dict[str, Any]:
    return {"scenarios.basis": [[raw["basis_spot_up"], "none", 1.0], [raw["basis_spot_down"], "none", 1.0]]}


def _options(sketch: Sketch, n: int, expiry: Mapping[str, Any], **quotes: Any) -> None:
    for strike, right, amount, vol in expiry["options"]:
        sketch.add(
            f"E{n}-{strike:g}-{right}",
            amount,
            kind=Kind.OPTION,
            form=PayoffForm.CASH_OPTION,
            seconds=max(expiry["seconds"], 0),
            strike=strike,
            right=right_of(right),
            vol=vol,
            **quotes,
        )


def _evaluate(name: str, changes: Mapping[str, Any], sketch: Sketch, market: Market) -> Tape:
    rule = load(name)
    version = rule.versions[-1].override(changes)
    rule.check(version)
    return evaluate(Chosen(rule, version), sketch.portfolio(), market, ["case"])


def net_margins(tape: Tape) -> dict[str, float]:
    """Net margins, and the mark to market that the files count cash in."""
    equity = float(tape.requirement.equity)
    initial, maintenance = float(tape.requirement.initial), float(tape.requirement.maintenance)
    return {"im": equity + initial, "mm": equity + maintenance, "mtm": equity}


def _sum(term: Term) -> float:
    return float(term if term.level == "account" else term.net("account"))
