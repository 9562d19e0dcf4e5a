"""What a trade moves the price against itself: the square root of its size beside a day's volume.

The cost is convex in size, so a linear model has it from below by tangents, added where a solution promises less than
its trades do cost. Whatever is offered as a plan is charged the true cost: the model is only ever below it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from loadline.foundation.errors import MissingData
from loadline.foundation.table import Floats, Ints
from loadline.foundation.units import DAYS_PER_YEAR
from loadline.model.greeks import unit_greeks
from loadline.model.instruments import Kind
from loadline.model.market import Market
from loadline.model.universe import build_universe
from loadline.tape.affine import Affine

if TYPE_CHECKING:
    from loadline.optimize.programme import Programme

FIRST = (1 / 256, 1 / 64, 1 / 16, 1 / 4, 1.0)
"""Shares of the largest size at which the first tangents touch; 0 is the bound of the column."""
CLOSE = 1e-9
"""Share of the objective by which all impact together may be too cheap in the model before tangents are added."""


@dataclass(frozen=True, slots=True)
class Flow:
    """What trades in a contract: ``adv`` contracts on an average day, ``daily_vol`` of its price (a fraction).

    An option's ``daily_vol`` may be left out (NaN): its price then moves by its delta and its own implied vol.
    """

    adv: float
    daily_vol: float = float("nan")


@dataclass(frozen=True)
class Depth:
    """How prices give way to size: ``flows`` by instrument, ``coefficient`` Y, ``participation`` of a day's volume.

    At most ``participation`` x ``adv`` is traded of a contract, displayed or not.
    """

    flows: Mapping[str, Flow]
    coefficient: float = 1.0
    participation: float = 0.1


def forces(market: Market, rows: Ints, depth: Depth, price: Floats) -> Floats:
    """Return (R,) USD per contract^1.5 that trades cost beyond the half spread; 0 for what never trades.

    ``price``: (R,) USD per contract. Equation: ``Y sigma price sqrt(q / ADV) q`` with ``sigma`` the daily vol of the
    contract's price; Almgren, Thum, Hauptmann and Li (2005), "Direct estimation of equity market impact", and Toth et
    al. (2011) for the square root. Raises ``MissingData`` naming contracts without a volume or a vol.
    """
    i = market.instruments
    names = i.id[rows].tolist()
    unknown = [n for n in names if n not in depth.flows]
    if unknown:
        raise MissingData(
            f"no average daily volume of {len(unknown)} contracts: {_few(unknown)}",
            remedy="give every contract a row, 0 for those that do not trade, or name them with --no-trade",
        )
    adv = np.array([depth.flows[n].adv for n in names], np.float64)
    vol = np.array([depth.flows[n].daily_vol for n in names], np.float64)
    moves = vol * price
    blank = np.isnan(vol) & (adv > 0)
    without = i.id[rows][blank & ~i.is_kind(Kind.OPTION)[rows]].tolist()
    if without:
        raise MissingData(
            f"no daily vol of {_few(without)}",
            remedy="write daily_vol for every contract that is no option, a fraction: 0.025 for 2.5 % a day",
        )
    if blank.any():
        moves[blank] = daily_moves(market, rows[blank])
    return np.where(adv > 0, depth.coefficient * moves / np.sqrt(np.where(adv > 0, adv, 1.0)), 0.0)


def daily_moves(market: Market, rows: Ints) -> Floats:
    """Return (R,) USD that an option's price moves on a day: ``|delta| S vol / sqrt(365)`` at its own implied vol."""
    u = build_universe(market, rows, lambda i: i.underlying)
    size = np.abs(unit_greeks(u).delta) * u.index * np.nan_to_num(u.quotes.vol) / np.sqrt(DAYS_PER_YEAR)
    found = dict(zip(u.instruments.id.tolist(), size.tolist(), strict=True))
    return np.array([found[n] for n in market.instruments.id[rows].tolist()], np.float64)


def _few(names: list[str]) -> str:
    return f"{', '.join(names[:8])}{f' and {len(names) - 8} more' if len(names) > 8 else ''}"


def first_tangents(programme: Programme) -> None:
    """Write the tangents that a model of impact begins with."""
    moves = programme.moves
    if not len(moves.impacts):
        return
    most = moves.upper[moves.buys[moves.impacted]] + moves.upper[moves.sells[moves.impacted]]
    for share in FIRST:
        touch(programme, np.arange(len(moves.impacts)), share * most)


def touch(programme: Programme, which: Ints, lots: Floats) -> None:
    """Write ``v >= f(x0) + f'(x0) (x - x0)`` for some impacts; ``which``, ``lots``: (K,) and where, above 0."""
    m = programme.moves
    some = np.flatnonzero(lots > 0)
    which, lots = which[some], lots[some]
    rows, force = m.impacted[which], m.force[which]
    slope = 1.5 * force * np.sqrt(lots)
    unit = np.maximum(slope, 1e-12)  # rows in lots
    line = (Affine.columns(m.buys[rows]) + Affine.columns(m.sells[rows])).scaled(-slope / unit)
    line = line + Affine.columns(m.impacts[which], 1.0 / unit)
    low = (force * lots**1.5 - slope * lots) / unit
    programme.program.rows(line, low, np.full(len(which), np.inf))


def separate(programme: Programme, z: Floats) -> int:
    """Add tangents where a solution promises less than its trades cost, and return how many."""
    m = programme.moves
    if not len(m.impacts):
        return 0
    short = m.paid(z)[m.impacts] - z[m.impacts]
    room = CLOSE * max(1.0, abs(programme.best.objective))
    wanted = np.flatnonzero(short > room / max(1, len(short)))
    if short[wanted].sum() <= room:
        return 0
    touch(programme, wanted, m.sizes(z)[wanted])
    return len(wanted)
