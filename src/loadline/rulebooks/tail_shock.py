"""What a tail model's scenarios are, and what they do to forwards, vols and the time left."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from loadline.foundation.errors import RuleError
from loadline.foundation.table import Floats, Labels
from loadline.foundation.units import DAYS_PER_YEAR
from loadline.model.cube import Shocked, spot_moves
from loadline.model.instruments import NO_EXPIRY
from loadline.model.scenario_set import EVERY, Scenarios
from loadline.model.universe import STABLE, Universe
from loadline.model.way import moved_by
from loadline.rulebooks import factors
from loadline.rulebooks.parameters import Version
from loadline.scenarios.grid import grid
from loadline.scenarios.montecarlo import montecarlo


def scenarios(universe: Universe, p: Version) -> Scenarios:
    """Return the joint scenarios of every underlying over the horizon; stablecoins do not move.

    All coins that have parameters are drawn, held or not: nobody's scenarios depend on what others hold.
    """
    named = universe.underlyings.names
    held = [n for n in named if n not in STABLE]
    known = [n for n in p.parameter("volatility.spot").by_key if n not in STABLE]
    coins = known + [n for n in held if n not in known]
    if p.scenarios is not None:
        return given(universe, p.scenarios)
    if not held:
        return Scenarios.of([("now", "grid", 0.0, 0.0, 1.0)])
    covariance = factors.factor_covariance(Labels.ordered(coins), p)[:, :2, :, :2]
    n = len(coins)
    joint = covariance.transpose(1, 0, 3, 2).reshape(2 * n, 2 * n)  # all prices, then all vols
    if p.text("scenarios.kind") == "grid":
        sd = np.sqrt(np.diag(joint))
        nodes = {k: int(p.number(f"scenarios.{k}")) for k in ("spot_nodes", "vol_nodes")}
        reach, between = p.number("scenarios.reach"), p.number("correlation.spot_vol")
        found = grid(coins, sd[:n], sd[n:], correlation=between, reach=reach, **nodes)
    else:
        degrees = p.number("scenarios.degrees")
        count, seed = int(p.number("scenarios.count")), int(p.number("scenarios.seed"))
        found = montecarlo(coins, joint, count=count, seed=seed, degrees=degrees or None)
    return given(universe, found)


def given(universe: Universe, found: Scenarios) -> Scenarios:
    """Return the columns of a set that the universe needs; stablecoins that it does not move stand still.

    Raises ``RuleError`` naming the coins that it does not move.
    """
    names = universe.underlyings.names
    still = tuple(n for n in names if n in STABLE and n not in found.underlyings)
    moving = tuple(n for n in names if n not in still)
    missing = sorted({*moving} - {*found.underlyings}) if EVERY not in found.underlyings else []
    if missing:
        raise RuleError(f"the scenarios do not move {', '.join(missing)}", causes="a model calibrated on other coins",
                        remedy="calibrate one with them: loadline calibrate --symbols")  # fmt: skip
    mine, zero = found.columns(Labels.ordered(moving)), np.zeros((len(found), len(still)))
    spot, vol = np.hstack([found.spot[:, mine], zero]), np.hstack([found.vol[:, mine], zero])
    way = found.way
    if way is not None:
        none = np.zeros((len(way.days), *zero.shape))
        way = replace(way, spot=np.concatenate([way.spot[..., mine], none], axis=2))
    return replace(found, underlyings=(*moving, *still), spot=spot, vol=vol, dampening=np.ones(spot.shape), way=way)


def shock(universe: Universe, moves: Scenarios, p: Version) -> Shocked:
    """Return forwards moved with their underlying, vols moved by level, smile and shape, and the time left.

    Equations, per option: ``vol' = vol level smile shape``; ``level = 1 + q m`` (at least 0) or ``(1 + m)^q``, with m
    the move of 30-day vol and ``q = (30 / days)^power``; ``smile = g(ln K/F') / g(ln K/F)`` where it moves with the
    price, g the smile of the whole expiry; ``shape``: the surface move of the scenario's date at the new moneyness.
    With the clock rolled, what expires within the horizon pays at the price of its own day (``model.way``).
    """
    u, q = universe, universe.quotes
    spot = spot_moves(u, moves)
    tau = remaining(u, p)
    vol = np.nan_to_num(q.vol)[:, None] * np.ones((1, len(moves)))
    if p.text("options.level") == "on":
        first = u.classes.first("expiry")  # tenor and coin are those of the expiry
        scale = np.maximum.reduceat(factors.tenor_scale(u, p), first)[:, None]
        move = moves.vol[:, moves.columns(u.underlyings)[first]].T
        relative = p.text("options.compounding") == "relative"
        level = np.maximum(1.0 + scale * move, 0.0) if relative else np.exp(scale * np.log1p(move))
        vol *= level[u.classes.code["expiry"]]
    if p.text("options.smile") == "moneyness":
        vol *= smile_factors(u, moves)
    if p.text("options.residuals") == "on" and moves.residual is not None:
        vol *= shape_factors(u, moves, tau)
    return Shocked(q.forward[:, None] * (1.0 + delivered(u, moves, p, spot)), vol, tau=tau)


def delivered(u: Universe, moves: Scenarios, p: Version, spot: Floats) -> Floats:
    """Return (N, S) the price moves that contracts are worth something at: of their expiry, if that comes first."""
    horizon = p.each("horizon.days", u.pairs)
    soon = (u.instruments.expiry != NO_EXPIRY) & (u.days < horizon)
    if p.text("options.roll") == "off" or not soon.any():
        return spot
    out, column = spot.copy(), moves.columns(u.underlyings)
    for n in np.flatnonzero(soon).tolist():
        out[n] = moved_by(float(u.days[n]), spot[n], float(horizon[n]), moves.partner, moves.way, int(column[n]))
    return out


def remaining(u: Universe, p: Version) -> Floats:
    """Return (N,) years left once the clock has rolled over each coin's own horizon, if it does."""
    days = p.each("horizon.days", u.pairs) if p.text("options.roll") == "on" else 0.0
    return np.asarray(np.maximum(u.tau - days / DAYS_PER_YEAR, 0.0))


def moneyness(u: Universe) -> Floats:
    """Return (N,) ln(strike / forward) of options, 0 elsewhere."""
    return np.asarray(np.log(np.where(u.option, u.instruments.strike / u.quotes.forward, 1.0)))


def log_moves(u: Universe, moves: Scenarios) -> Floats:
    """Return (N, S) the log of each forward over what it was."""
    return np.ascontiguousarray(np.log1p(moves.spot)[:, moves.columns(u.underlyings)].T)


def smile_factors(u: Universe, moves: Scenarios) -> Floats:
    """Return (N, S) the factors on vol of smiles that move along with the price."""
    from loadline.kernels.smile import smile_factors as factors_of  # compiled code: loaded on first use

    where, nodes, values, size = np.zeros((len(u), 2), np.int64), [np.empty(0)], [np.empty(0)], 0
    for rows in by_expiry(u):
        x, vol = u.smiles.of(str(u.instruments.underlying[rows[0]]), int(u.instruments.expiry[rows[0]]))
        where[rows] = size, size + len(x)
        nodes, values, size = [*nodes, x], [*values, vol], size + len(x)
    return factors_of(moneyness(u), log_moves(u, moves), where, np.concatenate(nodes), np.concatenate(values))


def shape_factors(u: Universe, moves: Scenarios, tau: Floats) -> Floats:
    """Return (N, S) the factors on vol of the surface moves that each scenario picks."""
    from loadline.kernels.smile import shape_moves  # compiled code: loaded on first use

    surface, pick = moves.residual, moves.pick
    assert surface is not None and pick is not None
    which, deviation = np.full(len(u), -1), np.ones(len(u))
    curves: list[Floats] = []
    for rows in by_expiry(u):
        coin, expiry = str(u.instruments.underlying[rows[0]]), int(u.instruments.expiry[rows[0]])
        width = u.smiles.at_the_money(coin, expiry) * np.sqrt(tau[rows[0]])
        if coin in surface.values and width > 0:
            which[rows], deviation[rows] = len(curves), width
            nodes = surface.moneyness
            curves.append(surface.at(coin, np.full(len(nodes), tau[rows[0]] * DAYS_PER_YEAR), nodes).T)
    stacked = np.array(curves).reshape(len(curves), len(surface), len(surface.moneyness))
    given = deviation, which, surface.moneyness, stacked, pick
    return np.asarray(np.exp(shape_moves(moneyness(u), log_moves(u, moves), *given)))


def by_expiry(u: Universe) -> list[np.ndarray]:
    """Return the option rows of each underlying and expiry."""
    rows = np.flatnonzero(u.option)
    codes = u.classes.code["expiry"][rows]
    return np.split(rows, np.flatnonzero(np.diff(codes)) + 1) if len(rows) else []
