"""What is told of a calibration: each coin, and its vol surface."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from loadline.foundation.units import MS_PER_DAY
from loadline.model.history import History
from loadline.model.scenario_set import Scenarios
from loadline.scenarios.components import Components, components
from loadline.scenarios.history_moves import Measured
from loadline.scenarios.moves import HISTORY
from loadline.scenarios.surface_moves import Surfaces, surface_moves, tenor_power

LATELY = 30
"""Snapshots whose median is the spread of vol."""


@dataclass(frozen=True, slots=True)
class Asset:
    """What was found of one coin.

    ``daily``: volatility of a day from now on; ``days``: liquidation period; ``volume``: USD a day, NaN where not
    known; ``capped``: share of scenarios in which the filter's cap bites; ``filled``: share by rule, from before its
    listing; ``worst``, ``best``: scenario moves of price, fractions, and their dates.
    """

    name: str
    close: float
    daily: float
    days: float
    volume: float
    beta: float
    capped: float
    filled: float
    level_filled: float
    worst: float
    worst_of: str
    best: float
    best_of: str


@dataclass(frozen=True, eq=False)
class Surface:
    """What was found of one coin's vol surface: ``powers`` of the level by tenor, and its principal components.

    ``spread``: half the spread of vol at 30 days, of late; NaN where options are not quoted.
    """

    coin: str
    snapshots: int
    moves: int
    level_sd: float
    spot_vol: float
    spread: float
    beta: tuple[tuple[float, float], ...]
    powers: tuple[float, float]
    components: Components


def spread_of(of: Surfaces) -> float:
    """Return half the spread of vol at 30 days: the median of the last 30 snapshots that quote it, NaN without any."""
    known = np.empty(0) if of.spread is None else of.spread[np.isfinite(of.spread)]
    return float(np.median(known[-LATELY:])) if len(known) else float("nan")


def described(
    found: Measured, scenarios: Scenarios, history: History, volume: Mapping[str, float], cap: float,
    *, drawn: bool = False,
) -> tuple[Asset, ...]:  # fmt: skip
    """Return what is told of each coin; ``cap``: that of the filter; ``drawn``: scenarios have no dates."""
    m, out = found.moves, []
    rows = scenarios.family_rows(HISTORY)
    ratio = found.sigma_now / m.sigma
    for n, name in enumerate(m.names):
        close = history.close[:, history.names.index(name)]
        spot, label = scenarios.spot[rows, n], scenarios.label[rows]
        low, high = int(np.argmin(spot)), int(np.argmax(spot))
        out.append(
            Asset(
                name=name,
                close=float(close[np.isfinite(close)][-1]),
                daily=float(found.sigma_now[n] / np.sqrt(m.days[n])),
                days=float(m.days[n]),
                volume=volume.get(name, np.nan),
                beta=float(found.beta[n]),
                capped=0.0 if drawn else float((ratio[:, n] > cap).mean()),
                filled=0.0 if drawn else float(found.spot_filled[:, n].mean()),
                level_filled=1.0 if drawn else float(found.level_filled[:, n].mean()),
                worst=float(spot[low]),
                worst_of="" if drawn else str(label[low]),
                best=float(spot[high]),
                best_of="" if drawn else str(label[high]),
            )
        )
    return tuple(out)


def surface_of(of: Surfaces) -> Surface | None:
    """What is told of one coin's chains: moves of a day, since that is what is compared elsewhere."""
    moves = surface_moves(of, MS_PER_DAY)
    if len(moves.start) < 10:
        return None
    beta, powers = tenor_power(moves)
    return Surface(
        of.coin, len(of), len(moves.start), float(moves.level.std()),
        float(np.corrcoef(moves.level, moves.spot)[0, 1]),
        spread_of(of),
        tuple(zip(moves.tenor.tolist(), beta.tolist(), strict=True)), powers, components(moves.total),
    )  # fmt: skip
