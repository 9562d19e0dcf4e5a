"""Joint moves and the scenarios that today's volatility makes of them."""

from __future__ import annotations

import numpy as np
import pytest

from loadline.foundation.errors import InputError
from loadline.model.residuals import Residuals
from loadline.scenarios.moves import HISTORY, STRESS, Moves, filtered_scenarios, stressed

DAY = 86_400_000


def moves(s: int = 40, n: int = 2, seed: int = 3) -> Moves:
    draw = np.random.default_rng(seed)
    start = np.arange(s, dtype=np.int64) * DAY
    spot, level = 0.04 * draw.standard_normal((s, n)), 0.05 * draw.standard_normal((s, n))
    sigma = 0.03 + 0.02 * draw.random((s, n))
    return Moves(start, start + 2 * DAY, ("BTC", "ETH", "SOL")[:n], np.full(n, 2.0), spot, level, sigma)


def test_history_is_rescaled_and_stress_is_not() -> None:
    m = moves()
    now = np.array([0.05, 0.02])
    found = filtered_scenarios(m, now, damping=0.5, cap=1.2, stress=5)
    scale = 0.5 + 0.5 * np.minimum(now / m.sigma, 1.2)
    assert np.allclose(np.log1p(found.spot[: len(m)]), m.spot * scale, rtol=0, atol=1e-15)
    assert np.allclose(np.log1p(found.vol[: len(m)]), m.level, rtol=0, atol=1e-15)
    rows = stressed(m, 5)
    assert (found.family == np.array([HISTORY] * 40 + [STRESS] * 5)).all()
    assert np.allclose(np.log1p(found.spot[len(m) :]), m.spot[rows], rtol=0, atol=1e-15)
    assert found.weight[:40].sum() == pytest.approx(1.0) and found.weight[40:].sum() == pytest.approx(1.0)


def shortfall(gains: list[float], level: float = 0.965) -> float:
    """The mean loss beyond a level, one loss after the other."""
    left, total = len(gains) * (1.0 - level), 0.0
    for x in sorted(gains):
        total -= x * min(max(left, 0.0), 1.0)
        left -= 1.0
    return max(total / (len(gains) * (1.0 - level)), 0.0)


def badness(m: Moves, rows: list[int]) -> float:
    """What a period scores: each asset's tail on both sides, in units of that of all moves."""
    total = 0.0
    for n in range(m.spot.shape[1]):
        for side in (1.0, -1.0):
            gains = (side * m.spot[:, n]).tolist()
            total += shortfall([gains[r] for r in rows]) / shortfall(gains)
    return total


@pytest.mark.parametrize(("s", "count", "seed"), [(40, 10, 1), (300, 20, 2), (700, 250, 3), (40, 39, 4)])
def test_the_stressed_period_is_the_one_with_the_worst_tail(s: int, count: int, seed: int) -> None:
    m = moves(s, 3, seed)
    every = {*range(0, s - count + 1, max(count // 25, 1)), s - count}
    wanted = max(sorted(every), key=lambda k: round(badness(m, list(range(k, k + count))), 12))
    assert stressed(m, count).tolist() == list(range(wanted, wanted + count))


def test_one_crash_outweighs_a_year_of_unrest() -> None:
    m = moves(800, 1)
    m.spot[:250] *= 1.3
    m.spot[600:604] = [[-0.4], [0.3], [-0.3], [0.25]]
    rows = stressed(m, 250)
    assert {600, 601, 602, 603} <= set(rows.tolist())
    assert rows[-1] == rows[0] + 249 and not len(stressed(m, 0)) and len(stressed(m, 4000)) == 800


def test_a_crash_in_the_last_move_is_in_a_period() -> None:
    m = moves(403, 2)
    m.spot[-1] = -0.6
    assert stressed(m, 100)[-1] == 402


def test_an_asset_that_only_rises_does_not_decide() -> None:
    m = moves(300, 2)
    m.spot[:, 1] = 0.01
    alone = Moves(m.start, m.end, ("BTC",), m.days[:1], m.spot[:, :1], m.level[:, :1], m.sigma[:, :1])
    m.spot[:50, 1] = np.nan  # nor one that was not listed
    assert (stressed(m, 60) == stressed(alone, 60)).all()


def test_a_move_that_is_missing_is_not_passed_over() -> None:
    m = moves()
    m.spot[3, 1] = np.nan
    with pytest.raises(InputError, match="not listed"):
        filtered_scenarios(m, np.array([0.05, 0.02]))


def test_surface_moves_are_drawn_alike_for_every_coin_and_run() -> None:
    m = moves()
    values = {c: np.random.default_rng(1).standard_normal((7, 2, 3)) for c in ("BTC", "ETH")}
    residual = Residuals(np.array([7.0, 90.0]), np.array([-1.0, 0.0, 1.0]), np.arange(7), values)
    with_surface = Moves(m.start, m.end, m.names, m.days, m.spot, m.level, m.sigma, residual)
    one, two = (filtered_scenarios(with_surface, np.full(2, 0.04)) for _ in range(2))
    assert one.pick is not None and one.identity == two.identity
    assert one.identity != filtered_scenarios(with_surface, np.full(2, 0.04), seed=1).identity
    assert one.identity != filtered_scenarios(m, np.full(2, 0.04)).identity


def test_residuals_are_linear_between_nodes_and_flat_beyond() -> None:
    values = np.arange(12, dtype=float).reshape(2, 2, 3)
    r = Residuals(np.array([10.0, 1000.0]), np.array([-2.0, 0.0, 2.0]), np.arange(2), {"BTC": values})
    found = r.at("BTC", np.array([10.0, 1000.0, 1.0, 100.0, 1e5]), np.array([-2.0, 2.0, -9.0, 1.0, 9.0]))
    middle = values[:, :, 1:].mean(axis=(1, 2))
    assert np.allclose(
        found.T, np.stack([values[:, 0, 0], values[:, 1, 2], values[:, 0, 0], middle, values[:, 1, 2]], 1)
    )
    assert not r.at("ETH", np.array([30.0]), np.array([0.0])).any()


def test_shapes_that_do_not_fit_are_refused() -> None:
    m = moves()
    with pytest.raises(InputError, match="level"):
        Moves(m.start, m.end, m.names, m.days, m.spot, m.level[:, :1], m.sigma)
    with pytest.raises(InputError, match="do not rise"):
        Residuals(np.array([30.0, 7.0]), np.zeros(1), np.zeros(1, np.int64), {})
