"""What expires before the horizon's end pays at the price of its own day."""

from __future__ import annotations

import numpy as np
import pytest

from loadline.engine.cases.golden import market_of
from loadline.engine.engine import choose_rulebook
from loadline.foundation.errors import InputError
from loadline.model.instruments import NO_EXPIRY
from loadline.model.scenario_set import Scenarios
from loadline.model.universe import build_universe
from loadline.model.way import Way, moved_by
from loadline.rulebooks.calibrated import read_moves, tables_of
from loadline.rulebooks.tail_shock import shock
from loadline.scenarios.filling import Filled, fill_way
from loadline.scenarios.history_moves import moves_of
from loadline.scenarios.moves import filtered_scenarios
from tests.scenarios.test_history_moves import DAY
from tests.scenarios.test_history_moves import bars as made_bars
from tools import golden_market


def test_between_known_days_another_scenario_stands_in() -> None:
    way = Way(np.array([1.0, 2.0]), np.expm1(np.array([[[0.1], [0.0]], [[0.3], [0.4]]])))
    end, partner = np.expm1(np.array([-0.2, 0.0])), np.array([1, 0])
    logs = [float(np.log1p(moved_by(d, end, 4.0, partner, way)[0])) for d in (0.25, 1.0, 1.5, 3.0, 4.0, 9.0)]
    assert logs == pytest.approx([0.025, 0.1, 0.1 + 0.5 * 0.2 + 0.5 * 0.4, 0.3 - 0.5 * 0.5 - 0.5 * 0.4, -0.2, -0.2])
    shorter = float(np.log1p(moved_by(1.5, end, 2.0, partner, way)[0]))  # its own horizon ends on the second day
    assert shorter == pytest.approx(0.1 - 0.5 * 0.3 + 0.5 * 0.0)


@pytest.mark.parametrize("share", [1 / 24, 0.25, 0.5, 0.9])
def test_what_expires_within_a_day_moves_as_far_as_a_walk_does(share: float) -> None:
    draw = np.random.default_rng(2)
    end = np.expm1(0.03 * draw.standard_t(5, 30_000))
    scenarios = Scenarios(
        np.arange(len(end)).astype(str), np.array(["history"] * len(end)), ("BTC",), end[:, None], end[:, None],
        np.ones((len(end), 1)), np.full(len(end), 1 / len(end)),
    )  # fmt: skip
    early, whole = np.log1p(moved_by(share, end, 1.0, scenarios.partner)), np.log1p(end)
    assert early.var() == pytest.approx(share * whole.var(), rel=0.05)
    assert (whole - early).var() == pytest.approx((1.0 - share) * whole.var(), rel=0.05)
    assert abs(np.corrcoef(early, whole - early)[0, 1]) < 0.03


def test_a_partner_is_of_the_same_family_and_no_antithetic_one() -> None:
    families = np.array(["history"] * 10 + ["stress"] * 4)
    moves = np.arange(14.0)[:, None] / 100
    found = Scenarios(families, families, ("BTC",), moves, moves, moves + 1.0, np.ones(14)).partner
    assert found.tolist() == [3, 4, 5, 6, 7, 8, 9, 0, 1, 2, 11, 12, 13, 10]


@pytest.mark.parametrize(
    ("days", "spot"),
    [([], (0, 2, 1)), ([1.0], (2, 2, 1)), ([2.0, 1.0], (2, 2, 1)), ([0.0], (1, 2, 1)), ([1.0], (2, 1))],
)
def test_a_way_that_does_not_fit_is_refused(days: list[float], spot: tuple[int, ...]) -> None:
    with pytest.raises(InputError):
        Way(np.array(days), np.zeros(spot))


@pytest.mark.parametrize("bad", [-1.0, np.nan])
def test_a_price_on_the_way_is_a_number_above_0(bad: float) -> None:
    with pytest.raises(InputError, match="above 0"):
        Way(np.array([1.0]), np.full((1, 1, 1), bad))


def test_a_coin_that_was_not_listed_goes_the_way_of_the_lead() -> None:
    sigma = np.full((2, 2), 0.02)
    spot = np.array([[0.04, 0.05], [0.04, 0.06]])
    filled = Filled(spot, sigma, np.array([[False, True], [False, False]]), np.array([1.0, 1.5]))
    way = np.array([[[0.03, np.nan], [np.nan, 0.01]]])
    found = fill_way(way, np.full((1, 2), 0.5), filled, 0)
    assert found[0, 0].tolist() == pytest.approx([0.03, 1.5 * 0.03 - 0.5 * 0.01])  # 0.05 = 1.5 x 0.04 - 0.01
    assert found[0, 1].tolist() == pytest.approx([0.02, 0.01])  # a gap between two prices: half of the way


def test_history_knows_the_price_of_every_day_on_the_way() -> None:
    bars = made_bars(400)
    found = moves_of(bars, as_of=int(bars.time[-1]), days=3.0)
    row = {int(t): k for k, t in enumerate(bars.time)}
    assert found.way is not None and found.way_days is not None
    assert found.way_days.tolist() == [1.0, 2.0] and found.way.shape == (2, *found.spot.shape)
    for k, d in enumerate((1, 2)):
        now, later = (bars.close[[row[int(t) + x * DAY] for t in found.start]] for x in (0, d))
        assert np.allclose(found.way[k], np.log(later / now), rtol=0, atol=1e-12)
    assert not len(moves_of(bars, as_of=int(bars.time[-1]), days=1.0).way)


def test_a_way_is_filtered_like_its_end_and_kept_on_disk_to_the_bit() -> None:
    bars = made_bars(400)
    found = moves_of(bars, as_of=int(bars.time[-1]), days=2.0)
    made = filtered_scenarios(found, 1.3 * found.sigma[-1], stress=30)
    assert made.way is not None and found.way is not None
    scale = np.log1p(made.spot[: len(found)]) / found.spot
    assert np.allclose(np.log1p(made.way.spot[0, : len(found)]), found.way[0] * scale, rtol=1e-9)
    again = read_moves(*tables_of(made))
    assert again.way is not None and again.way.identity == made.way.identity
    assert again.identity == made.identity != read_moves(tables_of(made)[0].replace(" days.", " hours.")).identity


@pytest.mark.parametrize("roll", ["on", "off"])
def test_only_what_expires_within_the_horizon_pays_at_the_price_of_its_own_day(roll: str) -> None:
    market = market_of("m", {"markets": {"m": golden_market.market("calm")}})
    u = build_universe(market, np.arange(len(market.instruments)), lambda table: table.underlying)
    draw = np.random.default_rng(4)
    spot, between = (0.1 * draw.standard_normal((*shape, 1)) for shape in ((30,), (1, 30)))
    moves = Scenarios(
        np.arange(30).astype(str), np.array(["history"] * 30), ("*",), spot, spot, np.ones((30, 1)),
        np.full(30, 1 / 30), way=Way(np.array([5.0]), between),
    )  # fmt: skip
    version = choose_rulebook("tail", market.as_of, {"tail.options.roll": roll, "tail.horizon.days": 10.0}).version
    moved = shock(u, moves, version).forward / u.quotes.forward[:, None] - 1.0
    soon = (u.days < 10.0) & (u.instruments.expiry != NO_EXPIRY)
    assert soon.any() and not soon.all() and (u.days[soon] > 5.0).any()
    for n in range(len(u)):
        early = spot[:, 0]
        if soon[n] and roll == "on":
            early = moved_by(float(u.days[n]), spot[:, 0], 10.0, moves.partner, moves.way)
        assert np.allclose(moved[n], early, rtol=0, atol=1e-12), u.instruments.id[n]
