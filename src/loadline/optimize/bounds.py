"""Bounds as rows of the model, and what a point does to them: changes, sizes, what is posted, what a venue could lose.

Each kind has its rows and its value side by side; both are read from the same position rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from loadline.foundation.table import Floats, Ints
from loadline.optimize.problem import Bound, ExposureCap, Limit, PostedCap, StressCap
from loadline.tape.affine import Affine

if TYPE_CHECKING:
    from loadline.optimize.programme import Programme
    from loadline.optimize.site import Site


def written(programme: Programme, bound: Bound) -> tuple[Ints, float]:
    """Write the rows of a bound; return them, and the unit that they count the bound in."""
    if isinstance(bound, PostedCap):
        return _posted(programme, bound)
    if isinstance(bound, ExposureCap):
        return _exposed(programme, bound)
    if isinstance(bound, StressCap):
        return _held_below(programme, _lost(programme, bound), bound.high)
    return _gross(programme, bound) if bound.gross else _net(programme, bound)


def value(programme: Programme, bound: Bound, z: Floats) -> float:
    """Return what a point, (columns,), makes of what a bound holds."""
    if isinstance(bound, PostedCap):
        return float(_excess(programme, bound).values(z)[0])
    if isinstance(bound, ExposureCap):
        return sum(w * exposure(programme.home(a), z) for a, w in bound.weights.items())
    if isinstance(bound, StressCap):
        return float(_lost(programme, bound).values(z)[0])
    if not bound.gross:
        col, weight = _weights(programme, bound)
        return float(weight @ z[col])
    total = 0.0
    for site in _homes(programme, bound.account):
        total += float(np.abs(_sizes(site, bound.weights)) @ np.abs(site.quantity.values(z)))
    return total


def kept(programme: Programme, bound: Bound, z: Floats, slack: float) -> bool:
    """Return whether a point keeps a bound; ``slack``: relative to its size."""
    ends = [abs(x) for x in (bound.low, bound.high) if np.isfinite(x)]
    least = 1e-3 * unit_of(_weights(programme, bound)[1]) if isinstance(bound, Limit) else 1.0
    room, found = slack * max([*ends, least]), value(programme, bound, z)
    return bound.low - room <= found <= bound.high + room


def change_alone(bound: Bound) -> bool:
    """Return whether a bound holds what a plan changes, not what there is after it."""
    return isinstance(bound, Limit) and not bound.gross


def unit_of(weight: Floats) -> float:
    """Return a power of ten near the largest of some weights."""
    most = float(np.abs(weight).max(initial=0.0))
    return 10.0 ** round(np.log10(most)) if most > 0 else 1.0


# ---- what trades change
def _net(programme: Programme, limit: Limit) -> tuple[Ints, float]:
    col, weight = _weights(programme, limit)
    unit = unit_of(weight)
    row = Affine(np.zeros(len(col), np.int64), col, weight / unit, np.zeros(1))
    return programme.program.rows(row, np.array([limit.low / unit]), np.array([limit.high / unit])), unit


def _weights(programme: Programme, limit: Limit) -> tuple[Ints, Floats]:
    """Columns and factors of a limit, looked up once: every point that is re-margined asks for them."""
    known = programme.weighed.get(id(limit))
    if known is None:
        known = programme.weighed[id(limit)] = _weighed(programme, limit)
    return known


def _weighed(programme: Programme, limit: Limit) -> tuple[Ints, Floats]:
    c, m = programme.problem.candidates, programme.moves
    each = np.array([limit.weights.get(i, 0.0) for i in c.instrument.tolist()]) * c.lot
    each = np.where((c.account == limit.account) | (limit.account == ""), each, 0.0)
    cols, weights = [m.buys, m.sells], [each, -each]
    for column, _, _, name in m.transfers:
        if limit.account:
            mine = [e.quantity for e in m.effects if e.column == column and e.account == limit.account]
            cols.append(np.array([column]))
            weights.append(np.array([limit.weights.get(name, 0.0) * sum(mine)]))
    return np.concatenate(cols), np.concatenate(weights)


# ---- how much there is after them
def _homes(programme: Programme, account: str) -> list[Site]:
    names = dict.fromkeys(s.ask.account for s in programme.sites)
    return [programme.home(a) for a in names if account in ("", a)]


def _sizes(site: Site, weights: Mapping[str, float]) -> Floats:
    ids = site.universe.instruments.id[site.frame.item].tolist()
    return np.array([weights.get(i, 0.0) for i in ids], np.float64)


def _gross(programme: Programme, limit: Limit) -> tuple[Ints, float]:
    """``sum |w| |q| <= high``: a column at least either sign of each position."""
    parts, program = [], programme.program
    for site in _homes(programme, limit.account):
        w = np.abs(_sizes(site, limit.weights))
        rows = np.flatnonzero(w)
        held = site.quantity.take(rows).scaled(w[rows])
        size = program.columns(np.zeros(len(rows)), np.full(len(rows), np.inf))
        unit = unit_of(held.weight)
        for sign in (1.0, -1.0):
            gap = Affine.columns(size) - held.scaled(sign / unit)
            program.rows(gap, np.zeros(len(rows)), np.full(len(rows), np.inf))
        parts.append(Affine.columns(size, unit))
    total = Affine.joined(parts)
    row = total.sums(np.zeros(len(total), np.int64), 1)
    unit = max(limit.high, 1e-9)
    return program.rows(row.scaled(1.0 / unit), np.array([-np.inf]), np.ones(1)), unit


# ---- what lies in wallets, and what positions are worth
def _summed(site: Site, weight: Floats, constant: float = 0.0) -> Affine:
    """One expression: the sum of position rows by weight."""
    rows = np.flatnonzero(weight)
    held = site.quantity.take(rows).scaled(weight[rows])
    return held.sums(np.zeros(len(rows), np.int64), 1) + Affine.constants(np.array([constant]))


def _excess(programme: Programme, cap: PostedCap) -> Affine:
    """What lies in a currency, USD, less its share of all that lies in the wallet."""
    site = programme.home(cap.account)
    ids = site.universe.instruments.id[site.frame.item]
    wallet = _wallet(site)
    mine = np.where(ids == cap.currency, wallet, 0.0)
    return _summed(site, mine if cap.share is None else mine - cap.share * wallet)


def _wallet(site: Site) -> Floats:
    """(rows,) USD per unit of what lies in a wallet, 0 for positions."""
    u, item = site.universe, site.frame.item
    return np.where(u.spot[item], (u.carried * u.fx)[item], 0.0)


def _posted(programme: Programme, cap: PostedCap) -> tuple[Ints, float]:
    return _held_below(programme, _excess(programme, cap), cap.high)


def _held_below(programme: Programme, row: Affine, high: float) -> tuple[Ints, float]:
    unit = unit_of(np.append(row.weight, row.constant)) * 1e-2
    return programme.program.rows(row.scaled(1.0 / unit), np.array([-np.inf]), np.array([high / unit])), unit


def _lost(programme: Programme, cap: StressCap) -> Affine:
    """What is lost on all position rows, without what collateral that moves would add or take away."""
    total = Affine.constants(np.array([cap.pending]))
    for site in _homes(programme, ""):
        total = total + _summed(site, _sizes(site, cap.losses))
    for posting, (add, take) in zip(programme.problem.postings, programme.moves.postings.tolist(), strict=True):
        lost = cap.losses.get(posting.currency, 0.0)
        total = total + Affine(np.zeros(2, np.int64), np.array([add, take]), np.array([-lost, lost]), np.zeros(1))
    return total


def _claims(site: Site) -> tuple[Affine, Affine]:
    """What lies in an account's wallet, and what its positions are worth with unsettled pnl, USD."""
    u, item = site.universe, site.frame.item
    wallet, worth = _wallet(site), np.where(u.spot[item], 0.0, (u.carried * u.fx)[item])
    pending = float(site.frame.columns["position", "unsettled"] @ u.fx[item])
    return _summed(site, wallet), _summed(site, worth, pending)


def exposure(site: Site, z: Floats) -> float:
    """Return what would be lost with an account at a point, USD: its wallet, and its positions where they are worth."""
    wallet, worth = (float(x.values(z)[0]) for x in _claims(site))
    return max(wallet + max(worth, 0.0), 0.0)


def _exposed(programme: Programme, cap: ExposureCap) -> tuple[Ints, float]:
    """``e >= 0, wallet, wallet + positions`` of each account, then their weighted sum."""
    program, parts = programme.program, []
    for account, weight in cap.weights.items():
        wallet, worth = _claims(programme.home(account))
        unit = 10.0 ** round(np.log10(max(abs(wallet.constant[0]) + abs(worth.constant[0]), 1.0)))
        e = program.columns(np.zeros(1), np.array([np.inf]))
        for least in (wallet, wallet + worth):
            program.rows(Affine.columns(e) - least.scaled(1.0 / unit), np.zeros(1), np.array([np.inf]))
        parts.append(Affine.columns(e, unit * weight))
    total = Affine.joined(parts)
    row, unit = total.sums(np.zeros(len(total), np.int64), 1), unit_of(np.array([cap.high]))
    return program.rows(row.scaled(1.0 / unit), np.array([-np.inf]), np.array([cap.high / unit])), unit
