"""The stress grid that Bybit's portfolio-margin endpoint reports, replayed.

The response leaves out what its cells were made from: exchange rate, coin index, forward and vol. They are recovered
from a few cells, to the digits in which the venue quotes them; every other cell is then a check. Options are valued as
of the whole second.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import numpy as np

from loadline.engine.cases.case import Check, Replay, Sketch, checks, right_of
from loadline.engine.engine import Chosen, evaluate
from loadline.foundation.table import Floats
from loadline.model.instruments import Kind, PayoffForm
from loadline.rulebooks.rulebook import load

CELLS, ROUNDED = 1e-7, 1e4
"""Tolerance relative to max(1, cell), and one over the unit that the venue rounds its totals down to."""
STEPS = 60


def is_grid(content: Mapping[str, Any]) -> bool:
    """Whether a JSON file is a response of that endpoint."""
    result = content.get("result")
    return isinstance(result, Mapping) and isinstance(result.get("assetPnlRange"), list)


def as_case_file(content: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Return the response as a case file of one case per coin."""
    coins = content["result"]["assetPnlRange"]
    cases = [{"id": f"{name} {asset.get('baseCoin')}", "asset": asset, "time": content.get("time")} for asset in coins]
    return {"model": "bybit-pm", "vectors": cases}


def cells(ranges: Any) -> tuple[Floats, Floats]:
    """Return (M,) price moves and (M, 1 or 3) cells of a list of ranges."""
    move = np.array([float(r["priceScale"]) for r in ranges])
    return move, np.array([[float(x) for x in r["pnls"]] for r in ranges])


def recovered(
    move: Floats, value: Floats, strike: float, tau: float, right: int, start: tuple[float, float]
) -> tuple[float, float]:
    """Return the forward and vol that give option values (M,) after price moves, by Gauss-Newton from a start."""
    from loadline.kernels import black76  # compiled code: loaded on first use

    forward, vol = start
    for _ in range(STEPS):

        def model(f: float, s: float) -> Floats:
            column = np.full((len(move), 1), s)
            sides = (np.full(len(move), tau), np.full(len(move), float(right)))
            return black76.value((f * (1.0 + move))[:, None], np.full(len(move), strike), column, *sides)[:, 0]

        now, df, ds = model(forward, vol), forward * 1e-6, 1e-6
        slope = np.stack([(model(forward + df, vol) - now) / df, (model(forward, vol + ds) - now) / ds], axis=1)
        step = np.linalg.lstsq(slope, value - now, rcond=None)[0]
        forward, vol = forward + float(step[0]), max(vol + float(step[1]), 1e-3)
    return round(forward, 2), round(vol, 4)


def replay_grid(case: Mapping[str, Any], file: Mapping[str, Any], components: float, totals: float) -> Replay:
    """Return the checks of one coin of a response: every cell of its options, perpetuals, hedge and totals."""
    asset, as_of = case["asset"], int(case["time"]) // 1000 * 1000
    coin = asset["baseCoin"]
    (perpetual,) = asset["perpPositionPnlRanges"]
    (option,) = asset["optionExpiryDatePnlRanges"][0]["optionPositionPnlRanges"]
    hedge = asset["spotHedgeInfo"]
    move, futures = cells(perpetual["pnlRanges"])
    size, mark = float(perpetual["position"]), float(perpetual["markPrice"])
    rate = round(float(futures[0, 0]) / (size * mark * float(move[0])), 6)
    _, hedged = cells(hedge["pnlRanges"])
    index = float(hedged[0, 0]) / (float(hedge["hedgeSpotSize"]) * float(move[0]))
    _, shown = cells(option["pnlRanges"])
    name, held, quoted = option["symbolName"], float(option["position"]), float(option["markPrice"])
    _, day, strike, side, _ = name.split("-")
    expiry = datetime.strptime(day, "%d%b%y").replace(hour=8, tzinfo=UTC)
    seconds = expiry.timestamp() - as_of / 1000.0
    value = shown[:, 1] / (held * rate) + quoted
    tau = seconds / (365 * 86_400)
    forward, vol = recovered(move, value, float(strike), tau, right_of(side), (index, 0.5))

    sketch = Sketch(coin, as_of)
    linear: dict[str, Any] = {"kind": Kind.PERPETUAL, "form": PayoffForm.LINEAR, "settle": perpetual["settleCoin"]}
    sketch.add(perpetual["symbolName"], size, forward=mark, **linear)
    contract: dict[str, Any] = {"kind": Kind.OPTION, "form": PayoffForm.CASH_OPTION, "settle": option["settleCoin"]}
    contract |= {"strike": float(strike), "right": right_of(side), "seconds": seconds}
    sketch.add(name, held, forward=forward, vol=vol, mark=quoted, **contract)
    spot: dict[str, Any] = {"kind": Kind.SPOT, "form": PayoffForm.SPOT, "settle": "USD"}
    sketch.add(coin, float(hedge["hedgeSpotSize"]), forward=index, **spot)
    rule = load("bybit")
    version = rule.versions[-1].override({"spot_hedge.counted": "on"})
    market = sketch.market({coin: index}, {perpetual["settleCoin"]: rate})
    tape = evaluate(Chosen(rule, version), sketch.portfolio(), market, ["case"])
    parts, steps = tape.requirement.parts, len(move)
    want: dict[str, Any] = {f"option {s}": shown[:, n].tolist() for n, s in enumerate(("up", "same", "down"))}
    want |= {"perpetual": futures[:, 0].tolist(), "spot hedge": hedged[:, 0].tolist()}
    want["total"] = cells(asset["totalPnlRanges"]["ALL"]["pnlRanges"])[1][:, 0].tolist()
    got: dict[str, Any] = {f"option {s}": parts[f"vol {s}"].numbers().sum(0) for s in ("up", "same", "down")}
    total = parts["total"].numbers()[0]
    got |= {"perpetual": parts["futures"].numbers()[0], "spot hedge": parts["hedge"].numbers()[0]}
    got["total"] = np.floor(total * ROUNDED) / ROUNDED
    found = list(checks(want, got, CELLS))
    assert len(total) == steps
    found.append(Check("worst price move", float(asset["maxLossPriceMove"]), float(move[int(total.argmin())]), 0.0))
    ratio = float(tape.requirement.initial) / float(tape.requirement.maintenance)
    return Replay(case["id"], (*found, Check("initial / maintenance", version.number("factor.initial"), ratio, totals)))
