"""Every rule against its twin: written a second time, in loops, from the venue's documents."""

import json
import random
from dataclasses import replace
from typing import Any

import pytest

from loadline.engine.cases import golden
from loadline.engine.engine import choose_rulebook, margins
from loadline.engine.result import MarginResult
from loadline.rulebooks.tail import tail_with
from tests.reference.rules.twins import TWINS, parts_of, twin_of
from tests.rulebooks import random_books
from tools.golden_scenarios import SETS

TAKES_ORDERS = (
    "drift",
    "orderly",
    "dydx",
    "isolated",
    "tail",
    "deribit-spm",
    "deribit-xpm",
    "paradex-pm",
    "paradex-xm",
    "bybit",
    "bybit-regular",
    "okx",
    "binance",
    "hyperliquid",
    "hyperliquid-pm",
)


def agree(name: str, given: dict[str, Any], snapshot: dict[str, Any]) -> None:
    """Every answer of the engine equals the twin's, to 1e-9 of the size of the account."""
    market = golden.market_of("m", {"markets": {"m": snapshot}})
    chosen = choose_rulebook(name, market.as_of, given.get("overrides"))
    if "scenarios" in given:
        chosen = replace(chosen, version=tail_with(chosen.version, golden.scenarios_of(given["scenarios"])))
    found = margins(golden.portfolio_of(given), market, chosen)
    assert found
    for answer in found:
        assert isinstance(answer, MarginResult), answer
        want, got = twin_of(name, given, snapshot, answer.currency), parts_of(answer)
        scale = max(abs(want[side]) for side in ("equity", "initial", "maintenance"))
        for part in set(got) & set(want):
            assert got[part] == pytest.approx(want[part], rel=1e-9, abs=1e-9 * min(scale, 1e6) + 1e-12), (
                f"{name} {answer.currency} {part}\n{json.dumps(given)}"
            )


@pytest.mark.parametrize("name", TWINS)
@pytest.mark.parametrize("seed", range(12))
def test_engine_and_twin_agree(name: str, seed: int) -> None:
    draw = random.Random(f"{name} {seed}")
    snapshot = random_books.market(draw)
    for _ in range(3):
        given = random_books.case(draw, snapshot, name, orders=name in TAKES_ORDERS)
        if name == "tail":
            given["overrides"] = {"tail.scenarios.count": 60}
            if draw.random() < 0.5:
                given["scenarios"] = SETS[draw.choice(list(SETS))]
                given["overrides"] |= {"tail.stress.weight": draw.choice([0.0, 0.25, 1.0])}
        given["overrides"] = readings(draw, name) | given.get("overrides", {})
        agree(name, given, snapshot)


def readings(draw: random.Random, name: str) -> dict[str, Any]:
    """Some alternative readings and choices, drawn."""
    choices: dict[str, list[Any]] = {}
    if name.startswith("deribit"):
        choices = {
            "reading.base": ["model", "mark"],
            "reading.extended": ["coin", "cash"],
            "reading.option_coin": ["forward", "index"],
            "reading.vol_floor": ["on_shocked", "on_input"],
            "reading.roll_options": ["counted", "none", "net_of_premium"],
            "reading.roll": ["linear", "exp"],
            "reading.dte_floor": ["none", "1 day"],
            "dampener.usd": [0.0, 2e4, 2e5],
            "pnl_offset.share": [0.0, 0.6],
            "delta_shock.threshold": [0.0, 1e5, 2e7],
            "addon.mmp": [0.0, 0.06],
        }
    if name == "paradex-pm":
        choices = {
            "reading.vol_floor": ["level", "shock"],
            "reading.order_funding": ["opposite", "same"],
            "given.funding": [0.0004, -0.0007],
        }
    if name == "bybit":
        choices = {
            "reading.vol_state": ["book", "expiry"],
            "reading.hedge_losses": ["none", "counted"],
            "spot_hedge.counted": ["on", "off"],
            "contingency.short_options": [0.01],
            "given.vega": [12.0],
        }
    if name == "tail":
        choices = {
            "measure.kind": ["es", "var"],
            "scenarios.kind": ["montecarlo", "grid"],
            "options.level": ["on", "off"],
            "options.compounding": ["relative", "log"],
            "options.smile": ["strike", "moneyness"],
            "options.roll": ["off", "on"],
            "options.residuals": ["on", "off"],
            "volatility.long_power": [0.65],
            "horizon.days": [1.0, 3.5],
            "correlation_break.weight": [0.3],
            "floor.notional": [0.005, 0.2],
            "liquidity.spread": [0.001],
            "liquidity.impact": [1.5],
            "liquidity.vol_spread": [0.01],
        }
    family = name.split("-")[0]
    return {f"{family}.{path}": draw.choice(values) for path, values in choices.items() if draw.random() < 0.5}
