"""How vol surfaces moved from one chain snapshot to a later one: the level, and what level and spot leave over.

Moves are those of the same expiry at the same ``ln(K / F)``, since that is what the model keeps: an option's smile
moves along with its forward, its clock rolls, and its vol moves by the level scaled by tenor. What is left is the
residual, so that a scenario of that date with that residual gives the smiles that came.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from loadline.foundation.errors import InputError
from loadline.foundation.table import Floats, Ints
from loadline.foundation.units import MS_PER_DAY, MS_PER_YEAR
from loadline.model.residuals import Residuals

HOUR = 3_600_000
LEVEL_DAYS = 30.0
POWERS = (0.45, 0.65)
"""Exponents of the level's tenor scaling below and above 30 days; measured on chains of 2021 and 2026."""
TENOR = (3.0, 7.0, 14.0, 30.0, 60.0, 120.0, 240.0)
MONEYNESS = (-2.0, -1.0, -0.5, 0.0, 0.5, 1.0, 2.0)
FEWEST_STRIKES = 5


@dataclass(frozen=True, eq=False)
class Smile:
    """One expiry of one snapshot: ``expiry`` epoch ms, ``forward`` USD, ``x``: (M,) ln(K / F) rising, ``vol``: (M,)."""

    expiry: int
    forward: float
    x: Floats
    vol: Floats

    def at(self, x: Floats | float) -> Floats:
        """Return the vol at ``x``, ln(K / F), any shape: linear between strikes and flat beyond them."""
        return np.asarray(np.interp(x, self.x, self.vol))


@dataclass(frozen=True, eq=False)
class Surfaces:
    """T snapshots of one coin's chain: ``time`` (T,) epoch ms rising, and the smiles of each by expiry.

    ``spread``: (T,) half the spread between bid and ask of at-the-money vol at 30 days, NaN where not quoted.
    """

    coin: str
    time: Ints
    smiles: tuple[tuple[Smile, ...], ...]
    spread: Floats | None = None

    def __len__(self) -> int:
        return len(self.time)

    def until(self, as_of: int) -> Surfaces:
        """Return the snapshots that were known at ``as_of``."""
        n = int(np.searchsorted(self.time, as_of, "right"))
        spread = None if self.spread is None else self.spread[:n]
        return replace(self, time=self.time[:n], smiles=self.smiles[:n], spread=spread)

    def level(self, days: float = LEVEL_DAYS) -> Floats:
        """Return (T,) at-the-money vol at a tenor, its variance linear in time; NaN where expiries do not span it.

        A tenor beyond the outermost expiry takes that one's vol up to half as far again, and is NaN from there on.
        """
        return np.array([_level(s, int(t), days) for s, t in zip(self.smiles, self.time, strict=True)])

    def near_forward(self) -> Floats:
        """Return (T,) the forward of the nearest expiry that has two hours left: the price of the coin."""
        out = np.full(len(self), np.nan)
        for n, (smiles, t) in enumerate(zip(self.smiles, self.time.tolist(), strict=True)):
            out[n] = next((s.forward for s in smiles if s.expiry - t >= 2 * HOUR), np.nan)
        return out


def surfaces(coin: str, snapshot: Ints, expiry: Ints, strike: Floats, vol: Floats, forward: Floats) -> Surfaces:
    """Return the surfaces of rows of quotes, (Q,) each: calls and puts of a strike give their mean vol.

    ``snapshot``: epoch ms, equal within a snapshot; ``expiry``: epoch ms; ``strike``, ``forward``: USD; ``vol``:
    1/sqrt(year). An expiry with fewer than five strikes, or all of them on one side of its forward, is left out.
    """
    order = np.lexsort((strike, expiry, snapshot))
    t, e, k, v, f = (x[order] for x in (snapshot, expiry, strike, vol, forward))
    cuts = np.flatnonzero((np.diff(t) != 0) | (np.diff(e) != 0)) + 1
    found: dict[int, list[Smile]] = {int(x): [] for x in np.unique(t)}
    for rows in np.split(np.arange(len(t)), cuts) if len(t) else []:
        strikes, place = np.unique(k[rows], return_inverse=True)
        middle = float(np.median(f[rows]))
        x = np.log(strikes / middle)
        if len(x) < FEWEST_STRIKES or x[0] >= 0.0 or x[-1] <= 0.0:
            continue
        mean = np.bincount(place, v[rows], len(x)) / np.bincount(place, minlength=len(x))
        found[int(t[rows[0]])].append(Smile(int(e[rows[0]]), middle, x, mean))
    times = [x for x, smiles in found.items() if smiles]
    return Surfaces(coin, np.array(times, np.int64), tuple(tuple(found[x]) for x in times))


@dataclass(frozen=True, eq=False)
class SurfaceMoves:
    """R moves of one coin's surface over a horizon.

    ``start``, ``end``: (R,) epoch ms; ``level``: (R,) log move of 30-day at-the-money vol; ``spot``: (R,) log move of
    the nearest forward; ``total``, ``residual``: (R, A, B) log moves of vol at ``tenor`` (A,) days left at the end and
    ``moneyness`` (B,) ``ln(K / F) / (atm vol sqrt(years left))``, whole and less the scaled level.
    """

    coin: str
    start: Ints
    end: Ints
    level: Floats
    spot: Floats
    tenor: Floats
    moneyness: Floats
    total: Floats
    residual: Floats

    def until(self, as_of: int) -> SurfaceMoves:
        """Return the moves that were over at ``as_of`` (epoch ms)."""
        over = self.end <= as_of
        rows = {c: getattr(self, c)[over] for c in ("start", "end", "level", "spot", "total", "residual")}
        return replace(self, **rows)


def surface_moves(
    of: Surfaces,
    horizon_ms: int,
    *,
    every_ms: int = 0,
    slack_ms: int = 3 * HOUR,
    powers: tuple[float, float] = POWERS,
    tenor: Sequence[float] = TENOR,
    moneyness: Sequence[float] = MONEYNESS,
) -> SurfaceMoves:
    """Return the moves from every snapshot to the one nearest to a horizon later, where one lies within ``slack_ms``.

    ``every_ms``: the least time between starts, 0 for all of them; ``powers``: exponents of the level's tenor scaling
    below and above 30 days. Starts without a 30-day level, or with fewer than two expiries that live on, are left out.
    """
    nodes, places = np.asarray(tenor, np.float64), np.asarray(moneyness, np.float64)
    level = of.level()
    rows: list[tuple[int, int, float, float, Floats, Floats]] = []
    last = -(2**62)
    for i, t in enumerate(of.time.tolist()):
        j = nearest(of.time, t + horizon_ms, slack_ms)
        if t - last < every_ms or j <= i or not np.isfinite(level[[i, j]]).all():
            continue
        moved = _moved(of, i, j, float(np.log(level[j] / level[i])), powers, nodes, places)
        if moved is not None:
            rows.append((t, int(of.time[j]), *moved))
            last = t
    shape = (0, len(nodes), len(places))
    columns = list(zip(*rows, strict=True)) if rows else [(), (), (), (), np.empty(shape), np.empty(shape)]
    start, end = (np.array(c, np.int64) for c in columns[:2])
    numbers = [np.array(c, np.float64) for c in columns[2:]]
    return SurfaceMoves(of.coin, start, end, numbers[0], numbers[1], nodes, places, numbers[2], numbers[3])


def nearest(time: Ints, at: int, slack_ms: int) -> int:
    """Return the row nearest to a time, -1 where none lies within ``slack_ms``.

    >>> nearest(np.array([0, 10, 20]), 13, 5), nearest(np.array([0, 10, 20]), 99, 5)
    (1, -1)
    """
    n = int(np.searchsorted(time, at))
    around = [m for m in (n - 1, n) if 0 <= m < len(time) and abs(int(time[m]) - at) <= slack_ms]
    return min(around, key=lambda m: abs(int(time[m]) - at), default=-1)


def residuals_of(moves: Sequence[SurfaceMoves]) -> Residuals:
    """Return the residual moves of several coins on the dates that all of them have.

    Raises ``InputError`` where they have no date in common (starts within 15 minutes of each other are one).
    """
    if not moves:
        raise InputError("no surface moves", remedy="give chain snapshots")
    first = moves[0]
    places = [[nearest(m.start, int(t), HOUR // 4) for t in first.start] for m in moves]
    common = [r for r in range(len(first.start)) if all(p[r] >= 0 for p in places)]
    if not common:
        named = ", ".join(m.coin for m in moves)
        raise InputError(f"{named} have no snapshot in common a horizon apart", remedy="give longer chains, or slack")
    values = {m.coin: m.residual[[p[r] for r in common]] for m, p in zip(moves, places, strict=True)}
    return Residuals(first.tenor, first.moneyness, first.start[common], values)


def tenor_power(moves: SurfaceMoves) -> tuple[Floats, tuple[float, float]]:
    """Return (A,) how far at-the-money vol of each tenor moved per move of 30 days, and the powers fitted to that.

    Least squares through zero of moves on moves, and of ``ln beta`` on ``ln(30 / days)`` on each side of 30 days,
    where days are those left at the start.
    """
    days = moves.tenor + float(np.median(moves.end - moves.start)) / MS_PER_DAY
    middle = int(np.argmin(np.abs(moves.moneyness)))
    beta = (moves.level @ moves.total[:, :, middle]) / (moves.level @ moves.level)
    with np.errstate(invalid="ignore", divide="ignore"):
        x, y = np.log(LEVEL_DAYS / days), np.log(beta)
    sides = [(x > 0) & np.isfinite(y), (x < 0) & np.isfinite(y)]
    below, above = (float(x[s] @ y[s] / (x[s] @ x[s])) if s.any() else np.nan for s in sides)
    return np.asarray(beta), (below, above)


def scaled(days: Floats, powers: tuple[float, float]) -> Floats:
    """Return (N,) the share of the 30-day level's log move that reaches each tenor: ``(30 / max(days, 1))^p``.

    >>> scaled(np.array([7.5, 30.0, 120.0]), (0.5, 0.5)).tolist()
    [2.0, 1.0, 0.5]
    """
    d = np.maximum(days, 1.0)
    return np.asarray((LEVEL_DAYS / d) ** np.where(d < LEVEL_DAYS, powers[0], powers[1]))


def _level(smiles: Sequence[Smile], t: int, days: float) -> float:
    left = np.array([(s.expiry - t) / MS_PER_DAY for s in smiles])
    if not len(left) or not left[0] / 1.5 <= days <= left[-1] * 1.5:
        return np.nan
    variance = np.array([float(s.at(0.0)) ** 2 for s in smiles])
    if days <= left[0] or days >= left[-1]:
        return float(np.sqrt(variance[0 if days <= left[0] else -1]))
    return float(np.sqrt(np.interp(days, left, variance * left) / days))


def _moved(
    of: Surfaces, i: int, j: int, level: float, powers: tuple[float, float], tenor: Floats, moneyness: Floats
) -> tuple[float, float, Floats, Floats] | None:
    """Level, spot, total and residual moves between two snapshots; None where too few expiries live on."""
    start, end = int(of.time[i]), int(of.time[j])
    later = {s.expiry: s for s in of.smiles[j]}
    pairs = [(s, later[s.expiry]) for s in of.smiles[i] if s.expiry in later and s.expiry - end >= 2 * HOUR]
    if len(pairs) < 2:
        return None
    before = np.array([(a.expiry - start) / MS_PER_DAY for a, _ in pairs])
    after = np.array([(a.expiry - end) / MS_PER_DAY for a, _ in pairs])
    x = [moneyness * float(a.at(0.0)) * np.sqrt((a.expiry - end) / MS_PER_YEAR) for a, _ in pairs]
    total = np.array([np.log(b.at(m) / a.at(m)) for (a, b), m in zip(pairs, x, strict=True)])
    left = total - level * scaled(before, powers)[:, None]
    spot = float(np.log(pairs[0][1].forward / pairs[0][0].forward))
    grids = [np.array([np.interp(np.log(tenor), np.log(after), c) for c in g.T]).T for g in (total, left)]
    return level, spot, grids[0], grids[1]
