"""Cases of OKX's portfolio margin: responses of the venue's own position builder.

A response says the marks of contracts and the dollars of their deltas, not the index, nor what a contract is of, nor
the stablecoin's price. These three are solved from it, the price from a unit's ``upl``, the size from a delta, the
index from one of its cells (the farthest move up), and everything else is compared.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from loadline.engine.cases.case import Replay, Sketch, checks
from loadline.engine.engine import choose_rulebook, evaluate
from loadline.model.instruments import Kind, PayoffForm

EXACT = 1e-12
VOLS = {"volShockDown": "down", "volSame": "same", "volShockUp": "up"}


def is_builder(content: Mapping[str, Any]) -> bool:
    """Whether a JSON file is a response of the position builder with risk units."""
    data = content.get("response", content)
    rows = data.get("data") if isinstance(data, dict) else None
    return isinstance(rows, list) and bool(rows) and isinstance(rows[0], dict) and "riskUnitData" in rows[0]


def as_case_file(content: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Return a response as a case file of one case per risk unit."""
    (data,) = content.get("response", content)["data"]
    cases = [
        {"id": f"{name}/{unit['riskUnit']}", "model": "okx-builder", "input": {"unit": unit, "account": data}}
        for unit in data["riskUnitData"]
    ]
    return {"schema": "margin-vectors/1", "model": "okx-builder", "vectors": cases}


def replay_builder(case: Mapping[str, Any], file: Mapping[str, Any], components: float, totals: float) -> Replay:
    """Return the checks of one risk unit: every cell of MR1, MR1 to MR9, its margins, and what borrowing asks."""
    unit, data = case["input"]["unit"], case["input"]["account"]
    number = {k: float(v) for k, v in unit.items() if isinstance(v, str) and k not in ("riskUnit", "imrBf", "mmrBf")}
    legs = unit["portfolios"]
    if {leg["instType"] for leg in legs} != {"SWAP"} or not all(x["instId"].endswith("-USDT-SWAP") for x in legs):
        return Replay(case["id"], skipped="only perpetuals that settle in USDT can be rebuilt from a response")
    usdt = number["upl"] / sum(float(leg["floatPnl"]) for leg in legs)
    move, up = max((float(m), float(pnl)) for m, pnl in unit["mr1Scenarios"]["volSame"].items())
    coins = {leg["instId"]: float(leg["delta"]) / float(leg["markPx"]) / usdt for leg in legs}
    sketch = Sketch(unit["riskUnit"], int(data["ts"]))
    for leg in legs:
        amount = float(leg["amt"])
        what: dict[str, Any] = {"kind": Kind.PERPETUAL, "form": PayoffForm.LINEAR, "settle": "USDT"}
        sketch.add(leg["instId"], amount, forward=float(leg["markPx"]), **what)
        sketch.rows[-1] |= {"multiplier": round(coins[leg["instId"]] / amount, 9), "quote": "USDT"}
    for asset in data["assets"]:
        if float(asset["availEq"]):
            spot: dict[str, Any] = {"kind": Kind.SPOT, "form": PayoffForm.SPOT, "settle": "USD"}
            sketch.add(asset["ccy"], float(asset["availEq"]), underlying=asset["ccy"], forward=usdt, **spot)
    index = up / move / sum(coins.values())
    chosen = choose_rulebook("okx", sketch.as_of)
    market = sketch.market({unit["riskUnit"]: index, "USDT": usdt}, {"USDT": usdt})
    tape = evaluate(chosen, sketch.portfolio(), market, ["case"])
    parts = tape.requirement.parts

    def asked(name: str) -> float:
        term = parts[name]
        return -float(term if term.level == "account" else term.net("account"))

    borrowing = float(tape.requirement.initial) - float(parts["units"]) * chosen.version.number("factor.initial")
    got = {f"mr{n}": asked(f"mr{n}") for n in range(1, 10)}
    got |= {"mmr": asked("units"), "imr": asked("units") * chosen.version.number("factor.initial")}
    got |= {"borrowMmr": asked("mr8"), "borrowImr": -borrowing}
    want = {name: number[name] for name in got if name in number}
    want |= {"borrowMmr": float(data["borrowMmr"])}
    want |= {"borrowImr": sum(float(asset["borrowImr"] or 0) for asset in data["assets"])}
    cells = parts["cells"].net("account")
    assert cells.axis is not None
    pnl = dict(zip(cells.axis.labels, cells.numbers()[0].tolist(), strict=True))
    for group, word in VOLS.items():
        for text, value in unit["mr1Scenarios"][group].items():
            label = f"spot {100 * float(text):+.4g}% vol {word}"
            want[label], got[label] = float(value), pnl.get(label, float("nan"))
    return Replay(case["id"], checks(want, got, totals))
