"""The nearest negative point: against closed forms, and what the search says it looked at."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadline.engine.nearest import fan_of, nearest, radii_of


@given(k=st.integers(1, 5), distance=st.floats(0.3, 15.0), seed=st.integers(0, 99))
def test_a_flat_edge_in_any_direction(k: int, distance: float, seed: int) -> None:
    normal = np.random.default_rng(seed).standard_normal(k)
    normal = normal / np.linalg.norm(normal)
    found, point, searched = nearest(lambda z: distance - float(z @ normal), k, limit=20.0)
    assert found == pytest.approx(distance, rel=1e-4)
    np.testing.assert_allclose(point, distance * normal, atol=2e-2 * distance)
    assert searched.at_least <= found


@given(seed=st.integers(0, 99), k=st.integers(2, 4))
def test_a_curved_edge_and_the_bound_of_the_fan_alone(seed: int, k: int) -> None:
    """Losses that steepen: an ellipsoid is left at its shortest half axis, and never before the bound."""
    draw = np.random.default_rng(seed)
    axes = np.sort(draw.uniform(1.0, 6.0, k))
    turn, _ = np.linalg.qr(draw.standard_normal((k, k)))
    found, _, searched = nearest(lambda z: 1.0 - float((((turn.T @ z) / axes) ** 2).sum()), k, limit=20.0)
    assert axes[0] * (1 - 1e-5) <= found <= axes[0] * 1.02
    assert searched.at_least <= axes[0] * (1 + 1e-5)


def test_two_edges_give_the_nearer_one() -> None:
    found, point, _ = nearest(lambda z: min(5.0 - z[0], 2.5 + z[1]), 2, limit=12.0)
    assert found == pytest.approx(2.5, rel=1e-5) and point[1] == pytest.approx(-2.5, rel=1e-4)


def test_nothing_within_the_limit_is_said_so() -> None:
    found, point, searched = nearest(lambda z: 30.0 - float(z[0]), 2, limit=20.0)
    assert math.isinf(found) and np.isnan(point).all() and searched.radii[-1] == 20.0
    assert searched.at_least == pytest.approx(20.0 * math.cos(math.pi / 32))


def test_who_is_over_the_line_is_at_no_distance() -> None:
    found, point, _ = nearest(lambda z: -1.0, 3, limit=20.0)
    assert found == 0.0 and not point.any()


def test_points_without_an_answer_are_passed_over() -> None:
    found, _, _ = nearest(lambda z: math.nan if 1.0 < z[0] < 2.0 else 3.0 - float(z[0]), 1, limit=20.0)
    assert found == pytest.approx(3.0, rel=1e-5)


@pytest.mark.parametrize("k", [1, 2, 3, 6])
def test_the_fan_has_every_opposite_and_the_axes(k: int) -> None:
    fan = fan_of(k, 96)
    np.testing.assert_allclose(np.linalg.norm(fan, axis=1), 1.0)
    assert all(np.abs(fan + ray).sum(1).min() < 1e-12 for ray in fan)
    assert len(fan) == (2 if k == 1 else 96)
    assert k == 2 or all(np.abs(fan - axis).sum(1).min() < 1e-12 for axis in np.eye(k))


def test_radii_grow_to_the_limit() -> None:
    assert radii_of(20.0, 0.5)[:3] == (0.5, 0.75, 1.125) and radii_of(0.3, 0.5) == (0.3,)
