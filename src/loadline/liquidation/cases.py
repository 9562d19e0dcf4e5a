"""Cases of auctions and liquidation prices, for ``verify``: they stand above the engine, as this floor does."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from loadline.engine.cases.case import Check, Replay, checks
from loadline.engine.cases.derive import net_margins, tape_pmrm1
from loadline.engine.verify import Replayer
from loadline.liquidation import derive_auction as auction
from loadline.liquidation import prices

Given = Mapping[str, Any]
MARGINS = "derive_pmrm.json"
"""The file beside the auction's that holds the parameters of its margins."""


# ---- Derive's auction
def _unit(kind: str, given: Given) -> dict[str, float]:
    if kind == "discount":
        found = auction.discount(
            given["elapsed"],
            start=given["start"],
            cutoff=given["fast_cutoff"],
            fast=given["fast_seconds"],
            slow=given["slow_seconds"],
        )
        return {"discount": found}
    state = auction.State(given["mtm"], given["mm"], given.get("reserved_cash", 0.0))
    if kind == "insolvent_bid":
        whole = auction.insolvent_payment(state, given["elapsed"], given["insolvent_seconds"])
        return {"cash_to_bidder": whole * given["percent"]}
    factor, buffer, wanted = given["discount"], given["buffer_pct"], given["percent_wanted"]
    most = auction.most_for_sale(state, factor, buffer)
    made = auction.bid(state, 1.0 if wanted is None else wanted, factor, buffer)
    return {"bid_price": auction.bid_price(state, factor), "max_proportion": most, "cash": made.paid}


def _floored(want: Given, got: Mapping[str, float]) -> tuple[Check, ...]:
    """Checks against numbers of which the source asserts so many decimals, rounded down: ``NAME_floorN``."""
    found = {}
    for name in want:
        bare, _, places = name.partition("_floor")
        scale = 10.0 ** int(places or 0)
        found[name] = math.floor(got[bare] * scale + 1e-9) / scale if places else got[bare]
    return checks(want, found, 1e-12)


def _margins(portfolio: Given, scenario: int, sets: Given) -> auction.State:
    """The net margin of a portfolio under the one scenario that an auction looks at."""
    given = dict(portfolio) | {"confidence_min_spot_perp": portfolio["spot_confidence"]}
    given["perp"] = {"amount": portfolio["perp_amount"], "price": portfolio["spot"], "value": 0.0}
    given["expiries"] = [dict(e) | {"forward_variable": e["forward"], "forward_fixed": 0.0} for e in given["expiries"]]
    grid = [sets["scenario_sets"]["v1_21"][scenario]]
    found = net_margins(tape_pmrm1(given, sets["parameter_sets"]["v1_a"], grid))
    return auction.State(found["mtm"], found["mm"])


def _simulated(case: Given, file: Given, tolerance: float) -> Replay:
    beside = Path(file["folder"]) / MARGINS
    if not beside.is_file():
        return Replay(case["id"], skipped=f"its margins need the parameters of {MARGINS}, beside it")
    sets, p = json.loads(beside.read_text("utf-8")), file["auction_parameters_simulations"]
    scenario, buffer, start = case["start"]["worst_scenario_index"], p["buffer_pct"], case["start"]
    state = _margins(start["portfolio"], scenario, sets)
    got = {
        "mm": state.mm,
        "mtm": state.mtm,
        "buffer_margin": auction.buffer_margin(state, buffer),
        "liquidation_fee_to_insurance": auction.starting_fee(state, buffer, p["liquidation_fee_rate"]),
    }
    found = list(checks(start["expected"], got, tolerance))
    for made in case["bids"]:
        now = _margins(made["portfolio"], scenario, sets)
        got = {"pre_mtm": now.mtm, "pre_mm": now.mm, "pre_buffer_margin": auction.buffer_margin(now, buffer)}
        if case["kind"] == "solvent":
            got |= _bid(auction.State(now.mtm, now.mm, made["reserved_cash"]), made, p)
        found += checks(made["expected"], got, tolerance, scale=abs(now.mm))
    return Replay(case["id"], tuple(found))


def _bid(state: auction.State, made: Given, p: Given) -> dict[str, float]:
    factor = auction.discount(
        made["seconds_since_start"],
        start=p["start"],
        cutoff=p["fast_cutoff"],
        fast=p["fast_seconds"],
        slow=p["slow_seconds"],
    )
    bid = auction.bid(state, made["percent_wanted"], factor, p["buffer_pct"])
    return {
        "discount": factor,
        "max_proportion": auction.most_for_sale(state, factor, p["buffer_pct"]),
        "percent_liquidated": bid.share,
        "bid_cash": bid.paid,
        "post_mtm": bid.state.mtm,
        "post_mm": bid.state.mm,
        "post_buffer_margin": auction.buffer_margin(bid.state, p["buffer_pct"]),
        "post_max_proportion": auction.most_for_sale(bid.state, factor, p["buffer_pct"]),
    }


def replay_auction(case: Mapping[str, Any], file: Mapping[str, Any], components: float, totals: float) -> Replay:
    """Return the checks of one case of the auction: a formula, or a whole simulation on top of PMRM v1 margins."""
    if "bids" in case:
        return _simulated(case, file, totals)
    return Replay(case["id"], _floored(case["expected"], _unit(case["kind"], case["input"])))


# ---- closed-form prices
def _tiered(given: Given, side: int) -> prices.Tiered:
    return prices.Tiered(side, given["qty"], given["entry_price"], given["mmr"], given["maintenance_amount"])


def _binance(given: Given) -> float:
    position = _tiered(given.get("position", given), given["side"])
    margin = given["wallet_balance"] if "position" in given else given["margin"]
    others = [(_tiered(o, o.get("side", 1)), o["mark_price"]) for o in given.get("other_positions", ())]
    return prices.binance_cross(position, margin, others) if others else prices.binance_isolated(position, margin)


def _taker(g: Given) -> float:
    return prices.rate_and_taker(
        g["side"], g["entry_price"], g["qty"], g["margin"], rate=g["mmr"], taker=g["taker_fee"]
    )


def _hyperliquid(g: Given) -> float:
    margin = g["isolated_margin"]
    return prices.hyperliquid(g["side"], g["entry_price"], g["qty"], margin, max_leverage=g["max_leverage"])


KINDS: Mapping[str, Callable[[Given], float]] = {
    "isolated_tiered_cum": _binance,
    "cross_other_positions": _binance,
    "isolated_mmr_plus_taker": _taker,
    "isolated_imr_mmr": lambda g: prices.bybit_isolated(
        g["side"], g["entry_price"], leverage=g["leverage"], rate=g["mmr"]
    ),
    "hyperliquid_isolated": _hyperliquid,
}


def replay_price(case: Mapping[str, Any], file: Mapping[str, Any], components: float, totals: float) -> Replay:
    """Return the check of one liquidation price, within what its source states."""
    want, got = case["expected"]["liq_price"], KINDS[case["kind"]](case["input"])
    size = max(1.0, abs(want))
    tolerance = case["tolerance_abs"] / size if "tolerance_abs" in case else case["tolerance_rel"] * abs(want) / size
    return Replay(case["id"], (Check("liq_price", want, got, tolerance),))


REPLAYERS: Mapping[str, Replayer] = {
    "Derive Dutch auction liquidation on top of PMRM v1": replay_auction,
    "Centralised-venue style liquidation prices (Binance, Gate/OKX, Bybit isolated; Binance cross; Hyperliquid)": (
        replay_price
    ),
}
"""A file's ``model`` -> how its cases are replayed."""
