"""What binds and what it is worth: duals of limits, weights of scenarios. They are those of the continuous problem."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from loadline.foundation.table import Floats, Ints
from loadline.optimize.bounds import change_alone
from loadline.optimize.plan import Binding, Weight
from loadline.tape.lower_tails import Worst
from loadline.tape.term import Term

if TYPE_CHECKING:
    from loadline.optimize.search import Found

SHOWN = 0.005
"""Shares of weight below which a scenario is left out."""


def bindings(found: Found, z: Floats) -> tuple[Binding, ...]:
    """Return every limit with what the plan does to it, and what one more unit of its bound is worth.

    Where equity has to cover a requirement, one more dollar of equity is worth the shadow of that: the cost of capital.
    """
    programme, (_, duals) = found.programme, found.prices
    out = []
    for name, (rows, limit) in programme.limits.items():
        price = _dual(duals, rows) * programme.money / programme.row_unit[name]
        before = None if change_alone(limit) else programme.change(limit, np.zeros(len(z)))
        out.append(Binding(name, limit.unit, limit.low, limit.high, programme.change(limit, z), price, before))
    for name, (rows, unit, n) in programme.covered.items():
        site = programme.sites[n]
        before, left = (-float(site.shortfall(site.values(at)).sum()) for at in (np.zeros(len(z)), z))
        out.append(Binding(name, "USD", 0.0, np.inf, left, _dual(duals, rows) * programme.money / unit, before))
    return tuple(out)


def _dual(duals: Floats, rows: Ints) -> float:
    """The largest dual of some rows, by size; 0 where they came after the continuous solve, or there was none."""
    known = rows[rows < len(duals)]
    return float(np.abs(duals[known]).max(initial=0.0))


def weights(found: Found, z: Floats) -> tuple[Weight, ...]:
    """Return the scenarios that carry the requirement at the continuous optimum, with their shares of the weight.

    ``z``: the plan's point; terms that ask for next to nothing there are left out.
    """
    programme, (_, duals) = found.programme, found.prices
    carried: list[tuple[float, list[Weight]]] = []
    for site, low in zip(programme.sites, programme.lowerings, strict=True):
        value = site.values(z)
        who = (site.ask.account, site.ask.called)
        for lazy in low.lazies:
            if not isinstance(lazy, Worst):
                continue
            worth = np.abs(value(lazy.term).ravel()) / low.unit(lazy.term)
            for o in sorted({o for o, _, _ in lazy.rows}):
                mine = [(s, abs(float(duals[row]))) for e, s, row in lazy.rows if e == o and row < len(duals)]
                total = sum(w for _, w in mine)
                if total > 0:
                    term, labels = _named(lazy.term, o)
                    shares = sorted(((labels[s], w / total) for s, w in mine), key=lambda p: -p[1])
                    listed = [Weight(*who, term, *pair) for pair in shares if pair[1] >= SHOWN]
                    carried.append((total * float(worth[o]), listed))
    most = max((c for c, _ in carried), default=0.0)
    return tuple(w for c, listed in carried if c > 1e-2 * most for w in listed)


def _named(t: Term, o: int) -> tuple[str, Sequence[str]]:
    """What a worst is called for one group, and the labels of its scenarios."""
    axis, frame = t.args[0].axis, t.frame
    assert axis is not None and frame is not None and t.level is not None
    group = frame.label(t.level, o).split("\x1f")[0]
    name = t.name or "worst case"
    return name if t.level == "account" else f"{name}, {group}", axis.by_unit.get(group, axis.labels)


def held(found: Found) -> Floats:
    """Return what one more contract of each candidate, given for nothing, would be worth, USD (0 where not known)."""
    reduced, _ = found.prices
    moves, money = found.programme.moves, found.programme.money
    lot = found.programme.problem.candidates.lot
    if not len(reduced):
        return np.zeros(len(lot))
    buy, cost = reduced[moves.buys] * money, moves.cost[moves.buys]
    return np.asarray((cost - buy) / lot)
