"""The whole requirement from raw moves, once more in plain loops: filter, stress, draws, revaluation, charges."""

import math

import numpy as np
import pytest

from loadline.engine.cases import golden
from loadline.engine.engine import Chosen, choose_rulebook, margins
from loadline.engine.result import MarginResult
from loadline.foundation.units import MS_PER_DAY
from loadline.model.residuals import Residuals
from loadline.rulebooks.tail import tail_with
from loadline.scenarios.moves import Moves, filtered_scenarios
from tests.reference.rules.twins import twin_of
from tools import golden_market
from tools.golden_models import WHOLE_MODEL
from tools.golden_scenarios import SETS

COINS, COUNT, STRESS, SEED = ("BTC", "ETH", "SOL"), 70, 20, 7
NOW = np.array([0.05, 0.03, 0.09])
SURFACE = SETS["surface"]["residual"]
MARKET = golden_market.market("calm")


def raw() -> Moves:
    draw = np.random.default_rng(11)
    spot = 0.03 * draw.standard_t(4, (COUNT, 3)) + 0.04 * draw.standard_normal((COUNT, 1))
    spot[30:50] *= 2.0
    level, sigma = -0.5 * spot + 0.05 * draw.standard_normal((COUNT, 3)), 0.02 + 0.03 * draw.random((COUNT, 3))
    start = np.arange(COUNT, dtype=np.int64) * MS_PER_DAY
    values = {c: np.array(v) for c, v in SURFACE["values"].items()}
    dates = np.array(SURFACE["start"], np.int64)
    surface = Residuals(np.array(SURFACE["tenor"]), np.array(SURFACE["moneyness"]), dates, values)
    way = 0.4 * spot[None] + 0.02 * draw.standard_normal((1, COUNT, 3))
    return Moves(
        start, start + 2 * MS_PER_DAY, COINS, np.full(3, 2.0), spot, level, sigma, surface, np.array([1.0]), way
    )  # fmt: skip


def set_of(m: Moves, weight: list[float] | None, damping: float, cap: float) -> dict[str, object]:
    """The scenarios in plain loops, as a golden case holds them."""
    mean_square = [sum(m.spot[s, n] ** 2 for s in range(COUNT)) / COUNT for n in range(3)]
    size = [sum(m.spot[s, n] ** 2 / mean_square[n] for n in range(3)) / 3 for s in range(COUNT)]
    runs = [sum(size[first : first + STRESS]) for first in range(COUNT - STRESS + 1)]
    first = max(range(len(runs)), key=lambda k: runs[k])
    spot, vol, way = [], [], []
    for s in range(COUNT):
        scale = [min(NOW[n] / m.sigma[s, n], cap) for n in range(3)]
        moved = [m.spot[s, n] * ((1.0 - damping) * scale[n] + damping) for n in range(3)]
        spot.append([math.exp(x) - 1.0 for x in moved])
        vol.append([math.exp(m.level[s, n]) - 1.0 for n in range(3)])
        factor = [(1.0 - damping) * scale[n] + damping for n in range(3)]
        way.append([math.exp(m.way[0, s, n] * factor[n]) - 1.0 for n in range(3)])
    for s in range(first, first + STRESS):
        spot.append([math.exp(m.spot[s, n]) - 1.0 for n in range(3)])
        vol.append([math.exp(m.level[s, n]) - 1.0 for n in range(3)])
        way.append([math.exp(m.way[0, s, n]) - 1.0 for n in range(3)])
    given = weight or [1.0] * COUNT
    pick = np.random.default_rng(SEED).integers(len(SURFACE["start"]), size=COUNT + STRESS).tolist()
    return {
        "underlyings": list(COINS),
        "family": ["history"] * COUNT + ["stress"] * STRESS,
        "weight": [w / sum(given) for w in given] + [1.0 / STRESS] * STRESS,
        "spot": spot,
        "vol": vol,
        "way": {"days": [1.0], "spot": [way]},
        "residual": SURFACE,
        "pick": pick,
    }


@pytest.mark.parametrize(("damping", "cap", "aged"), [(0.5, 3.0, False), (0.0, 1.2, True), (0.75, 3.0, True)])
def test_requirement_from_raw_moves(damping: float, cap: float, aged: bool) -> None:
    m = raw()
    weight = [0.98 ** (COUNT - s) for s in range(COUNT)] if aged else None
    found = filtered_scenarios(
        m,
        NOW,
        damping=damping,
        cap=cap,
        stress=STRESS,
        seed=SEED,
        weight=None if weight is None else np.array(weight),
    )
    options = [r["id"] for r in MARKET["instruments"] if r["kind"] == "option" and r["underlying"] in COINS][::13]
    legs = [{"instrument": i, "quantity": q} for i, q in zip(options, [3.0, -2.0, 1.0, -4.0] * 9, strict=False)]
    legs.append({"instrument": "ETH_USDC-PERPETUAL", "quantity": -20.0})
    given = {"positions": legs, "balances": {"BTC": 2.0, "USDC": 1e5}, "overrides": WHOLE_MODEL}
    chosen = choose_rulebook("tail", golden.market_of("m", {"markets": {"m": MARKET}}).as_of, WHOLE_MODEL)
    market = golden.market_of("m", {"markets": {"m": MARKET}})
    chosen = Chosen(chosen.rule, tail_with(chosen.version, found))
    (answer,) = margins(golden.portfolio_of(given), market, chosen)
    assert isinstance(answer, MarginResult)
    want = twin_of("tail", given | {"scenarios": set_of(m, weight, damping, cap)}, MARKET, "USD")
    assert answer.initial == pytest.approx(want["initial"], rel=1e-9)
    assert answer.maintenance == pytest.approx(want["maintenance"], rel=1e-9)
    assert want["initial"] > 1000.0
