"""Paradex's scenario scan: where scenarios come from, what they do to vols, and what a contract is worth in them."""

from __future__ import annotations

import numpy as np

from loadline.foundation.errors import RuleError
from loadline.foundation.table import Floats
from loadline.model.cube import Cube, Shocked, spot_moves, vol_instructions
from loadline.model.scenario_set import Scenarios
from loadline.model.universe import Universe
from loadline.rulebooks import blocks
from loadline.rulebooks.parameters import Version

STILL = ("now", "scan", 0.0, 0.0, 0.0)


def scenarios(universe: Universe, p: Version) -> Scenarios:
    """Return the rows of ``scenarios.grid`` (step 2): relative moves of spot and vol, and the weight as dampening.

    Underlyings that only a wallet holds do not move, so they need no grid.
    """
    traded = set(universe.instruments.underlying[~universe.spot].tolist())
    sets = {}
    for name in universe.underlyings.names:
        listed = [tuple(map(float, row)) for row in p.get("scenarios.grid", name)] if name in traded else []
        rows = [(f"spot {s:+.4g} vol {v:+.4g}", "scan", s, v, w) for s, v, w in listed]
        sets[name] = Scenarios.of(rows or [STILL])
    return Scenarios.join(sets) if sets else Scenarios.of([STILL])


def shocked_vols(universe: Universe, grid: Scenarios, p: Version) -> Floats:
    """Return (N, S) vols of options (step 2): the shock grows as expiry nears, and one upwards has a floor.

    Equations: ``σ' = σ (1 + v q)``, ``q = (30 / max(days, floor))^power``; where v > 0, ``σ' >= min_vol_up`` (reading
    ``level``) or ``v q >= min_vol_up`` (``shock``). Raises ``RuleError`` for a negative vol, as the venue's own code.
    """
    option, move = universe.option, vol_instructions(universe, grid)
    vol = np.where(option, np.nan_to_num(universe.quotes.vol), 0.0)[:, None]
    short, long = (p.number(f"vol_shock.{n}_power") for n in ("short", "long"))
    days = np.maximum(universe.days, p.number("vol_shock.dte_floor"))
    grown = move * np.power(30.0 / days, np.where(universe.days < 30.0, short, long))[:, None]
    least = np.where(option, blocks.traded_parameter(universe, p, "vol_shock.min_vol_up"), 0.0)[:, None]
    on_shock = p.text("reading.vol_floor") == "shock"
    raised = vol * (1.0 + np.maximum(grown, least)) if on_shock else np.maximum(vol * (1.0 + grown), least)
    shocked = np.where(move > 0.0, raised, vol * (1.0 + grown))
    if (shocked < 0.0).any():
        named = ", ".join(universe.instruments.id[(shocked < 0.0).any(1)].tolist()[:10])
        raise RuleError(f"a scenario turns a vol negative: {named}", remedy="weaken the downward vol shocks")
    return shocked


def interest(universe: Universe, p: Version) -> Floats:
    """Return (N,) the continuous rate each row is priced at; the parameter stands in where the market has none."""
    given = universe.quotes.rate
    return np.where(np.isnan(given), p.number("rate.no_feed"), given)


def shock(universe: Universe, grid: Scenarios, p: Version) -> Shocked:
    """Return shocked forwards and vols, and options' discounts; spot grows at the rate, a future keeps its basis."""
    growth = np.exp(interest(universe, p) * universe.tau)
    start = np.where(universe.option, universe.index * growth, universe.quotes.forward)
    moved = start[:, None] * (1.0 + spot_moves(universe, grid))
    return Shocked(moved, shocked_vols(universe, grid, p), discount=np.where(universe.option, 1.0 / growth, 1.0))


def prices(cube: Cube, p: Version) -> Floats:
    """Return (N, S) the price of one contract in each scenario (step 2), quote currency.

    Options by Black-Scholes on spot with the venue's approximate normal cdf, others at their own price moved.
    """
    u = cube.universe
    i, found = u.instruments, u.quotes.forward[:, None] * (1.0 + cube.move)
    rows = np.flatnonzero(u.option)
    if len(rows):
        from loadline.kernels import black_scholes_as  # compiled code: loaded on first use

        spot = u.index[rows, None] * (1.0 + cube.move[rows])
        vol = shocked_vols(u, cube.scenarios, p)[rows]
        terms = (u.tau[rows], interest(u, p)[rows], i.right[rows].astype(np.float64))
        found[rows] = black_scholes_as.value(spot, i.strike[rows], vol, *terms)
    return found


def deltas(universe: Universe, p: Version) -> Floats:
    """Return (N,) coins of delta per contract: set by hand, else the venue's own, else modelled; 0 for wallets.

    Modelled: an option's Black-Scholes spot delta at its mark vol, a future's price over spot.
    """
    i, given = universe.instruments, p.parameter("given.delta")
    found = np.where(universe.future, universe.quotes.forward / universe.index, 0.0)
    rows = np.flatnonzero(universe.option)
    if len(rows):
        from loadline.kernels import black_scholes_as  # compiled code: loaded on first use

        vol = np.nan_to_num(universe.quotes.vol)[rows, None]
        terms = (universe.tau[rows], interest(universe, p)[rows], i.right[rows].astype(np.float64))
        found[rows] = black_scholes_as.delta(universe.index[rows, None], i.strike[rows], vol, *terms)[:, 0]
    own = [given.of(name) for name in i.id.tolist()]
    set_ = np.array([np.nan if x is None else float(x) for x in own], np.float64)
    known = np.where(np.isnan(set_), universe.quotes.delta, set_)
    return np.where(universe.spot, 0.0, np.where(np.isnan(known), found, known) * i.multiplier)
