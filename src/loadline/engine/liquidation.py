"""How far an account is from liquidation, and the liquidation price where there is one.

A book of many legs has no single liquidation price: it has a region of spot x vol (``Surface.region``), an edge to it
(``edge``), and a distance to it along each risk factor (``distances``).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal

import numpy as np

from loadline.engine.engine import Asked
from loadline.engine.result import Side
from loadline.engine.surface import Surface, Wallet, wallets
from loadline.foundation.errors import InputError, Unavailable
from loadline.model.instruments import Kind
from loadline.model.market import Market
from loadline.model.positions import Portfolio
from loadline.model.universe import STABLE

Along = Literal["spot", "vol"]
SPOT_RANGE, VOL_RANGE = (-0.9, 2.0), (-0.9, 3.0)
STEPS = 24
"""Points of the scan on each side; a dip that begins and ends between two of them is not seen."""
EXACT = 1e-9
"""The bisection ends when a move is known to this, absolutely."""


@dataclass(frozen=True, slots=True)
class Reach:
    """The nearest move at which equity falls below maintenance: ``move`` a fraction, ``None`` with a ``note`` why not.

    ``move`` 0 is an account that is below maintenance already.
    """

    move: float | None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Distance:
    """Distance to liquidation of one wallet along one factor.

    ``underlying``: what moves, ``""`` for all together. ``index``: its USD price now, NaN for all. ``up``, ``down``:
    the nearest crossing on either side.
    """

    account: str
    rulebook: str
    currency: str
    along: Along
    underlying: str
    index: float
    up: Reach
    down: Reach

    @property
    def nearest(self) -> float | None:
        """The smallest move, by size, that liquidates; ``None`` where none was found."""
        found = [r.move for r in (self.down, self.up) if r.move is not None]
        return min(found, key=abs) if found else None

    def as_json(self) -> dict[str, Any]:
        """Return the distance as plain data; ``price`` is the index at each crossing, along spot."""

        def side(reach: Reach) -> dict[str, Any]:
            priced = self.along == "spot" and self.underlying and reach.move is not None
            price = self.index * (1.0 + (reach.move or 0.0)) if priced else None
            return {"move": reach.move, "price": price, "note": reach.note}

        where = {"account": self.account, "rulebook": self.rulebook, "currency": self.currency}
        what = {"along": self.along, "underlying": self.underlying, "nearest": self.nearest}
        return where | what | {"up": side(self.up), "down": side(self.down)}


def distances(
    portfolio: Portfolio,
    market: Market,
    rulebook: Asked,
    account: str,
    *,
    currency: str | None = None,
    spot_range: tuple[float, float] = SPOT_RANGE,
    vol_range: tuple[float, float] = VOL_RANGE,
) -> list[Distance]:
    """Return the distance to liquidation of each wallet along spot and vol: all underlyings together, then each alone.

    ``spot_range``, ``vol_range``: the largest fall and rise looked at, fractions. The scan takes 24 steps a side, even
    in log price or vol, then bisects the first that crosses; what is not found is said so. A wallet that no factor
    moves has no distance. Raises ``InputError`` for an account that holds nothing.
    """
    return [
        distance(wallet.moving(moved), along, spot_range if along == "spot" else vol_range)
        for wallet in wallets(portfolio, market, rulebook, account, currency=currency)
        for along in ("spot", "vol")
        for moved in parts(wallet, along)
    ]


def parts(wallet: Wallet, along: Along) -> list[Collection[str] | None]:
    """Return what moves in turn: all, then each underlying that could matter (along vol: those with options)."""
    i = wallet.market.instruments
    held = set(wallet.portfolio.positions.instrument.tolist()) | set(wallet.portfolio.orders.instrument.tolist())
    names = set()
    for name, underlying, kind in zip(i.id.tolist(), i.underlying.tolist(), i.kind.tolist(), strict=True):
        if name in held and (along == "spot" or kind == Kind.OPTION):
            names.add(underlying)
    if along == "spot":
        names |= set(wallet.portfolio.balances.currency.tolist())
    several = [[name] for name in sorted(names - set(STABLE))]
    return [None, *several] if len(several) > 1 else list(several)


def distance(wallet: Wallet, along: Along, within: tuple[float, float]) -> Distance:
    """Return the nearest crossings of one wallet along spot or vol; ``within``: the largest fall and rise, fractions.

    Raises ``InputError`` for a range that does not hold 0, or falls to -100 %.
    """
    if not -1.0 < within[0] <= 0.0 <= within[1]:
        raise InputError(
            f"a range of {within[0]:+.0%} to {within[1]:+.0%}", remedy="give a fall above -100 % and a rise"
        )

    def spare(move: float) -> float:
        return wallet.maintenance_excess(*((move, 0.0) if along == "spot" else (0.0, move)))

    down, up = (reach(spare, limit) for limit in within)
    moved = wallet.underlyings
    name = next(iter(moved)) if moved is not None and len(moved) == 1 else ""
    index = wallet.market.price(name) if name else math.nan
    rule = wallet.chosen.rule.name
    return Distance(wallet.account, rule, wallet.currency, along, name, index, up, down)


def reach(spare: Callable[[float], float], limit: float, steps: int = STEPS) -> Reach:
    """Return the first move towards ``limit`` at which ``spare`` (NaN: no answer) falls below 0, by scan and bisection.

    ``steps``: points of the scan. The move returned is one at which it is below 0, within 1e-9 of the crossing.

    >>> round(reach(lambda move: 0.25 + move, -0.9).move, 6)
    -0.25
    >>> reach(lambda move: 1.0, 2.0)
    Reach(move=None, note='none found up to +200 %')
    """
    if spare(0.0) < 0.0:
        return Reach(0.0, "below maintenance already")
    scan = np.expm1(np.linspace(0.0, math.log1p(limit), steps + 1))
    for inside, outside in pairwise(scan.tolist()):
        value = spare(outside)
        if math.isnan(value) or math.isnan(spare(inside)):
            return Reach(None, f"no answer beyond {inside:+.1%}".replace("%", " %"))
        if value < 0.0:
            return Reach(closed_in(spare, (inside, outside, spare(inside), value), EXACT))
    return Reach(None, f"none found up to {limit:+.0%}".replace("%", " %"))


def closed_in(spare: Callable[[float], float], bracket: tuple[float, float, float, float], exact: float) -> float:
    """Return a move at which ``spare`` is below 0, within ``exact`` of the crossing that a bracket holds.

    ``bracket``: a move at which it is at least 0, one at which it is below, and both values. Secants, the value of an
    end that stays halved (the Illinois rule), and the middle after two steps that left more than a quarter.
    NaN counts as not below.

    >>> asked = []
    >>> move = closed_in(lambda x: asked.append(x) or 1.0 - x**3, (0.0, 8.0, 1.0, -511.0), 1e-9)
    >>> 0.0 < move - 1.0 <= 1e-9, len(asked) < 25
    (True, True)
    """
    inside, outside, above, below = bracket
    last, steps, goal = 0, 0, abs(outside - inside)
    while abs(outside - inside) > exact:
        width = outside - inside
        if steps % 2 == 0:
            slow, goal = steps > 0 and abs(width) > goal / 4.0, abs(width)
        share = 0.5 if slow or not above - below < math.inf else above / (above - below)
        least = min(0.5, 0.5 * exact / abs(width))  # both ends must come near, not one alone
        at = inside + width * min(max(share, least), 1.0 - least)
        value, slow = spare(at), False
        side = -1 if value < 0.0 else 1
        if side < 0:
            outside, below = at, value
            above = 0.5 * above if last == side else above
        else:
            inside, above = at, value if value == value else above
            below = 0.5 * below if last == side else below
        last, steps = side, steps + 1
    return outside


@dataclass(frozen=True, slots=True)
class LiquidationPrice:
    """The one price at which a wallet is liquidated, or why there is none.

    ``price``: of ``instrument`` in its quote currency where only one is held, else the USD index of ``underlying``;
    ``move``: the fraction from now. ``note`` says why there is none.
    """

    underlying: str
    instrument: str
    price: float | None
    move: float | None
    note: str = ""


def liquidation_price(
    portfolio: Portfolio, market: Market, rulebook: Asked, account: str, *, currency: str | None = None
) -> list[LiquidationPrice]:
    """Return the liquidation price of each wallet of an account, where a single one exists.

    It exists for a book of futures and perpetuals on one underlying (a wallet of the same coin or of stablecoins) that
    one direction liquidates and the other does not, within -99.9 % and +900 %. Otherwise ``price`` is ``None`` and
    ``note`` says which of these fails; ``distances`` and the surface still answer.
    """
    found = wallets(portfolio, market, rulebook, account, currency=currency)
    return [single_price(wallet) for wallet in found]


def single_price(wallet: Wallet) -> LiquidationPrice:
    """Return the liquidation price of one wallet, or why there is none."""
    p, i = wallet.portfolio.positions, wallet.market.instruments
    held = [name for name in p.instrument.tolist() if name in i]
    rows = [i.index[name] for name in held]
    names = {str(u) for u in i.underlying[rows].tolist()}
    coins = set(wallet.portfolio.balances.currency.tolist()) - set(STABLE)
    one = min(names, default="")
    answer = wallet.at(0.0, 0.0)[0]
    if isinstance(answer, Unavailable):
        return LiquidationPrice(one, "", None, None, "; ".join(answer.missing))
    if not held:
        return LiquidationPrice("", "", None, None, "no position")
    if len(names | coins) > 1:
        return LiquidationPrice("", "", None, None, f"several underlyings: {', '.join(sorted(names | coins))}")
    if not np.isin(i.kind[rows], (Kind.PERPETUAL, Kind.FUTURE)).all():
        return LiquidationPrice(one, "", None, None, "not a book of futures and perpetuals alone")
    along = distance(wallet.moving([one]), "spot", (-0.999, 9.0))
    sides = [r for r in (along.down, along.up) if r.move is not None]
    if along.up.move == 0.0:
        return LiquidationPrice(one, "", None, None, "below maintenance already")
    if len(sides) != 1 or sides[0].move is None:
        return LiquidationPrice(one, "", None, None, "liquidated both ways" if sides else "no price liquidates it")
    single = held[0] if len(held) == 1 else ""
    price = float(wallet.market.quotes.forward[rows[0]]) if single else wallet.market.price(one)
    return LiquidationPrice(one, single, price * (1.0 + sides[0].move), sides[0].move)


Point = tuple[float, float]


def edge(surface: Surface, side: Side = "maintenance") -> list[tuple[Point, Point]]:
    """Return the line beyond which equity is below a requirement, as segments of (spot move, vol move).

    Marching squares on the excess at the cells' own moves, linear between them; a square with a cell without answer has
    none. ``side``: of the maintenance requirement it is the edge of the liquidation region.
    """
    z = surface.maintenance_excess if side == "maintenance" else surface.excess
    x, y = surface.spot_moves.tolist(), surface.vol_moves.tolist()
    found: list[tuple[Point, Point]] = []
    for s in range(len(x) - 1):
        for v in range(len(y) - 1):
            corners = [(s, v), (s + 1, v), (s + 1, v + 1), (s, v + 1)]
            values = [float(z[c]) for c in corners]
            if any(math.isnan(value) for value in values):
                continue
            cuts = [
                crossing((x[a[0]], y[a[1]]), (x[b[0]], y[b[1]]), values[k], values[(k + 1) % 4])
                for k, (a, b) in enumerate(zip(corners, [*corners[1:], corners[0]], strict=True))
                if (values[k] < 0) != (values[(k + 1) % 4] < 0)
            ]
            if len(cuts) == 4 and (sum(values) < 0) != (values[0] < 0):
                cuts = [*cuts[1:], cuts[0]]  # a saddle whose middle belongs with the second corner
            found += list(zip(cuts[::2], cuts[1::2], strict=True))
    return found


def crossing(a: Point, b: Point, at_a: float, at_b: float) -> Point:
    """Return where a straight line from the value ``at_a`` in a to ``at_b`` in b is 0.

    >>> crossing((0.0, 1.0), (2.0, 1.0), 1.0, -1.0)
    (1.0, 1.0)
    """
    w = at_a / (at_a - at_b)
    return (a[0] + w * (b[0] - a[0]), a[1] + w * (b[1] - a[1]))


def nearest_first(found: Sequence[Distance]) -> list[Distance]:
    """Return distances by size of the nearest crossing, those without one last."""
    return sorted(found, key=lambda d: abs(d.nearest) if d.nearest is not None else math.inf)
