"""The nearest point at which a number turns negative, looked for along rays and then by descent: no finance here.

Deterministic: a fan of directions, every ray looked at in growing steps up to the nearest crossing so far, then the
edge followed inwards. What was looked at is told with the answer.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from loadline.foundation.table import Floats

EXACT = 1e-6
"""Bisection ends when a distance is known to this share of itself."""
PROBES = 4096
"""Directions on which the widest gap of a fan in three or more dimensions is measured."""


@dataclass(frozen=True, slots=True)
class Searched:
    """What a search looked at.

    ``directions`` of the fan; ``radii`` looked at on each of them, as far as needed; ``gap``: radians from any
    direction to the nearest of the fan (measured on probes in three or more dimensions, half the angle between rays in
    two, 0 in one). ``at_least``: no crossing is nearer if the points that are not negative form a convex set, as they
    do where losses only ever steepen; elsewhere a region may hide between rays and radii.
    """

    directions: int
    radii: tuple[float, ...]
    gap: float
    at_least: float


def nearest(
    excess: Callable[[Floats], float], k: int, *, limit: float, count: int | None = None, first: Iterable[Floats] = ()
) -> tuple[float, Floats, Searched]:
    """Return the distance from the origin of the nearest negative point, the point (k,), and what was looked at.

    ``excess``: of a point (k,); NaN has no answer and is passed over. ``limit``: the largest distance; ``count``:
    directions of the fan, 32 in two dimensions, 96 in more if left out; ``first``: rays to look at before it. The
    distance is infinite, and the point NaN, where nothing was found.

    ``at_least = d cos(gap)``: a half space that begins at ``d`` is crossed by the ray nearest to its normal before
    ``d / cos(gap)``, and a convex set has such a half space outside it at its nearest edge.

    >>> distance, point, _ = nearest(lambda z: 3.0 - z[0] - z[1], 2, limit=12.0)
    >>> round(distance, 4), point.round(3).tolist()
    (2.1213, [1.5, 1.5])
    """
    rays = {1: 2, 2: 32}.get(k, 96) if count is None or k == 1 else count
    radii, fan = radii_of(limit, 0.5 if k <= 2 else 1.0), fan_of(k, rays)
    best, where = math.inf, np.full(k, np.nan)
    if excess(np.zeros(k)) < 0.0:
        best, where = 0.0, np.zeros(k)
    else:
        slope = _gradient(excess, np.zeros(k), 0.25)
        for ray in [-slope, *first, *fan]:
            length = float(np.linalg.norm(ray))
            if length > 0.0:
                best, where = along(excess, ray / length, radii, best, where)
        if math.isfinite(best) and k > 1:
            best, where = _descend(excess, best, where)
    gap = 0.0 if k == 1 else math.pi / rays if k == 2 else _gap(fan)
    return best, where, Searched(len(fan), radii, gap, max(min(best, limit) * math.cos(gap), 0.0))


def fan_of(k: int, count: int) -> Floats:
    """Return (count, k) directions: both signs in one factor, even angles in two, a fixed sequence in more.

    The sequence is additive recurrence on the roots of ``x^(m+1) = x + 1``, mapped to normals, the axes and the
    diagonal before it; every direction has its opposite.

    >>> fan_of(1, 2).tolist(), fan_of(2, 4).round(9).tolist()
    ([[1.0], [-1.0]], [[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0], [-0.0, -1.0]])
    """
    if k == 1:
        return np.array([[1.0], [-1.0]])
    if k == 2:
        angle = 2.0 * math.pi * np.arange(count) / count
        return np.column_stack([np.cos(angle), np.sin(angle)])
    axes = np.vstack([np.eye(k), np.ones(k)])
    more = _spread(k, max(count // 2 - len(axes), 0))
    half = np.vstack([axes, more])
    half = half / np.linalg.norm(half, axis=1, keepdims=True)
    return np.vstack([half, -half])


def _spread(k: int, count: int) -> Floats:
    """(count, k) normals from a sequence of small discrepancy (Roberts 2018), by Box and Muller."""
    m = 2 * ((k + 1) // 2)
    phi = 2.0
    for _ in range(60):
        phi = (1.0 + phi) ** (1.0 / (m + 1))
    u = (0.5 + np.outer(np.arange(1, count + 1), phi ** -np.arange(1.0, m + 1))) % 1.0
    radius, angle = np.sqrt(-2.0 * np.log(1.0 - u[:, : m // 2])), 2.0 * math.pi * u[:, m // 2 :]
    return np.hstack([radius * np.cos(angle), radius * np.sin(angle)])[:, :k]


def _gap(fan: Floats) -> float:
    """The widest angle from a probe to the nearest direction of the fan."""
    probes = _spread(fan.shape[1], PROBES)
    probes = probes / np.linalg.norm(probes, axis=1, keepdims=True)
    return float(np.arccos(np.clip((probes @ fan.T).max(1).min(), -1.0, 1.0)))


def radii_of(limit: float, first: float) -> tuple[float, ...]:
    """Return radii from ``first`` to ``limit``, each half as far again as the one before.

    >>> radii_of(4.0, 1.0)
    (1.0, 1.5, 2.25, 3.375, 4.0)
    """
    found = [min(first, limit)]
    while found[-1] < limit:
        found.append(min(found[-1] * 1.5, limit))
    return tuple(found)


def along(
    excess: Callable[[Floats], float], ray: Floats, radii: Iterable[float], best: float, where: Floats
) -> tuple[float, Floats]:
    """Return the nearer of the best so far and the first crossing along a ray, and where; NaN is passed over.

    ``ray``: (k,) of length 1; ``radii``: rising, those beyond the best so far are not looked at.
    """
    inside = 0.0
    for radius in radii:
        if inside >= best:
            break
        at = min(radius, best)
        left = excess(ray * at)
        if left < 0.0:
            found = _bisect(excess, ray, inside, at)
            return (found, ray * found) if found < best else (best, where)
        if left == left:
            inside = at
    return best, where


def _bisect(excess: Callable[[Floats], float], ray: Floats, inside: float, outside: float) -> float:
    """The crossing between a radius that is safe and one that is not, on the far side."""
    while outside - inside > EXACT * outside:
        middle = 0.5 * (inside + outside)
        inside, outside = (inside, middle) if excess(ray * middle) < 0.0 else (middle, outside)
    return outside


def _gradient(excess: Callable[[Floats], float], z: Floats, width: float) -> Floats:
    """(K,) slopes by central differences; 0 where a side has no answer."""
    steps = np.eye(len(z)) * width
    slopes = np.array([(excess(z + s) - excess(z - s)) / (2.0 * width) for s in steps])
    return np.nan_to_num(slopes)


def _descend(excess: Callable[[Floats], float], best: float, where: Floats) -> tuple[float, Floats]:
    """From a crossing to a nearer one: towards the normal of the edge, then by turning the ray, ever less."""
    for _ in range(12):
        slope = _gradient(excess, where, 0.02 * best)
        if not slope.any():
            break
        found, at = _turned(excess, -slope, best, where)
        if found >= best * (1.0 - 1e-5):
            break
        best, where = found, at
    turn = 0.2
    while turn > 2e-3:
        before = best
        for axis in np.eye(len(where)):
            for side in (turn, -turn):
                best, where = _turned(excess, where / np.linalg.norm(where) + side * axis, best, where)
        turn *= 0.5 if best >= before * (1.0 - 1e-5) else 1.0
    return best, where


def _turned(excess: Callable[[Floats], float], ray: Floats, best: float, where: Floats) -> tuple[float, Floats]:
    """The crossing on another ray if it is nearer: looked for from half way out."""
    unit = ray / np.linalg.norm(ray)
    if not excess(unit * best * (1.0 - 1e-6)) < 0.0:
        return best, where
    inside = next((s for s in (0.5, 0.25, 0.0) if not excess(unit * best * s) < 0.0), 0.0)
    found = _bisect(excess, unit, inside * best, best)
    return (found, unit * found) if found < best else (best, where)
