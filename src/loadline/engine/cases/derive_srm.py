"""Cases of Derive's standard manager."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from loadline.engine.cases.case import Replay, Sketch, checks, right_of, truncated
from loadline.engine.engine import Chosen, evaluate
from loadline.model.instruments import Kind, PayoffForm
from loadline.rulebooks.rulebook import load

SRM: Mapping[str, str] = {
    "perp_mm": "perpetual.maintenance",
    "perp_im": "perpetual.initial",
    "max_spot_req": "option.max_spot",
    "min_spot_req": "option.min_spot",
    "mm_call_spot_req": "option.maintenance_call_spot",
    "mm_put_spot_req": "option.maintenance_put_spot",
    "mm_put_mtm_req": "option.maintenance_put_mark",
    "unpaired_im_scale": "unpaired_call.initial",
    "unpaired_mm_scale": "unpaired_call.maintenance",
    "mm_offset_scale": "option.initial_put_offset",
    "mm_offset": "option.initial_put_offset",
    "oc_perp_threshold": "oracle.perpetual_threshold",
    "oc_option_threshold": "oracle.option_threshold",
    "oc_base_threshold": "oracle.base_threshold",
    "oc_factor": "oracle.factor",
    "depeg_threshold": "peg.threshold",
    "depeg_factor": "peg.factor",
}
CASH: dict[str, Any] = {"kind": Kind.SPOT, "form": PayoffForm.SPOT, "underlying": "USDC"}


def _run(sketch: Sketch, changes: Mapping[str, Any], index: Mapping[str, float], sure: Mapping[str, float]) -> Any:
    rule = load("derive-srm")
    version = rule.versions[-1].override(changes)
    market = sketch.market(index, {"USDC": 1.0}, index_confidence=sure)
    return evaluate(Chosen(rule, version), sketch.portfolio(), market, ["case"]).requirement


def replay_srm(case: Mapping[str, Any], file: Mapping[str, Any], components: float, totals: float) -> Replay:
    """Return the checks of one SRM case: net margins, whole-dollar net margins, or one isolated contract.

    ``totals``: relative tolerance, where the case states none; the files assert no ``components``.
    """
    given = case["input"]
    if "option" in given:
        return _isolated(case)
    if "short_options" in given:
        return _oracle(case, totals)
    raw, want = file["parameter_sets"][given["params"]], case["expected"]
    changes: dict[str, Any] = {ours: raw[theirs] for theirs, ours in SRM.items() if theirs in raw}
    sketch = Sketch("")
    sketch.add("USDC", given["cash"], forward=given["stable_price"], **CASH)
    index, sure = {}, {}
    for m in given["markets"]:
        name = m["name"]
        index[name], sure[name] = m["spot"], m["spot_confidence"]
        if m["base_amount"]:
            sketch.add(name, m["base_amount"], kind=Kind.SPOT, form=PayoffForm.SPOT, underlying=name, forward=m["spot"])
            changes[f"collateral.factor.{name}"] = m["base_margin_factor"]
            changes[f"collateral.initial_scale.{name}"] = m["base_im_scale"]
        perp = m["perp"]
        if perp["amount"]:
            quote: dict[str, Any] = {"forward": perp["price"], "confidence": perp["confidence"]}
            quote["unsettled"] = perp["unrealised_pnl_plus_funding"]
            what: dict[str, Any] = {"kind": Kind.PERPETUAL, "form": PayoffForm.LINEAR, "underlying": name}
            sketch.add(f"{name}-PERP", perp["amount"], **what, **quote)
        for n, e in enumerate(m["expiries"]):
            for strike, right, amount, vol in e["options"]:
                sketch.add(
                    f"{name}-{n}-{strike:g}-{right}",
                    amount,
                    kind=Kind.OPTION,
                    form=PayoffForm.CASH_OPTION,
                    underlying=name,
                    seconds=e["seconds"],
                    strike=strike,
                    right=right_of(right),
                    forward=e["forward"],
                    vol=vol,
                    confidence=e["confidence_min_fwd_vol"],
                )
    req = _run(sketch, changes, index, sure)
    equity = float(req.equity)
    got = {"im": equity + float(req.initial), "mm": equity + float(req.maintenance), "mtm": equity - given["cash"]}
    if "im_truncated_usd" in want:
        whole = {k: want[f"{k}_truncated_usd"] for k in ("im", "mm")}
        return Replay(case["id"], checks(whole, {k: truncated(got[k]) for k in whole}, 0.0))
    return Replay(case["id"], checks({k: want[k] for k in ("im", "mm", "mtm") if k in want}, got, totals))


def _one_option(
    given: Mapping[str, Any], option: tuple[float, str, float], changes: dict[str, Any], sure: float
) -> Any:
    strike, right, amount = option
    sketch = Sketch("ETH")
    what: dict[str, Any] = {"kind": Kind.OPTION, "form": PayoffForm.CASH_OPTION, "right": right_of(right)}
    seconds, quote = given.get("days", 91) * 86_400, {"forward": given.get("forward", given["spot"])}
    sketch.add("OPTION", amount, seconds=seconds, strike=strike, vol=given.get("vol", 0.0), **what, **quote)
    sketch.add("USDC", 0.0, forward=1.0, **CASH)
    return _run(sketch, changes, {"ETH": given["spot"]}, {"ETH": sure})


def _isolated(case: Mapping[str, Any]) -> Replay:
    """One short contract alone: its net margin is the isolated charge (the source asserts it to 1 %)."""
    given, want = case["input"], case["expected"]
    changes = {ours: given[theirs] for theirs, ours in SRM.items() if theirs in given}
    # far above what a settlement costs, so that the isolated charge is the better of the two
    changes |= {"unpaired_call.initial": 9.0, "unpaired_call.maintenance": 9.0}
    strike, right, amount = given["option"]
    req = _one_option(given, (strike, right, amount), changes, 1.0)
    equity = float(req.equity)
    got = {"isolated_im": equity + float(req.initial), "isolated_mm": equity + float(req.maintenance)}
    return Replay(case["id"], checks(want, got, case["tolerance_rel"]))


def _oracle(case: Mapping[str, Any], tolerance: float) -> Replay:
    given = case["input"]
    changes = {"oracle.factor": given["oc_factor"], "oracle.option_threshold": 1.0}
    req = _one_option(given, (given["spot"], "C", -given["short_options"]), changes, given["confidence"])
    return Replay(
        case["id"], checks(case["expected"], {"im_change": float(req.parts["oracle"].net("account"))}, tolerance)
    )
