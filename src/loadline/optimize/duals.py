"""What binds and what it is worth: duals of limits, weights of scenarios. They are those of the continuous problem."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from loadline.foundation.table import Floats
from loadline.optimize.plan import Binding, Weight
from loadline.tape.lower_tails import Worst

if TYPE_CHECKING:
    from loadline.optimize.search import Found

SHOWN = 0.005
"""Shares of weight below which a scenario is left out."""


def bindings(found: Found, z: Floats) -> tuple[Binding, ...]:
    """Return every limit with what the plan does to it, and what one more unit of its bound is worth."""
    programme, (_, duals) = found.programme, found.prices
    out = []
    for name, (rows, limit) in programme.limits.items():
        unit = programme.row_unit[name]
        price = float(duals[rows[0]]) * programme.money / unit if len(duals) > rows[0] else 0.0
        out.append(Binding(name, limit.unit, limit.low, limit.high, programme.change(limit, z), abs(price)))
    return tuple(out)


def weights(found: Found, z: Floats) -> tuple[Weight, ...]:
    """Return the scenarios that carry the requirement at the continuous optimum, with their shares of the weight.

    ``z``: the plan's point; terms that ask for nothing there are left out.
    """
    programme, (_, duals) = found.programme, found.prices
    out = []
    for site, low in zip(programme.sites, programme.lowerings, strict=True):
        value = site.values(z)
        for lazy in low.lazies:
            if not isinstance(lazy, Worst):
                continue
            axis, frame = lazy.term.args[0].axis, lazy.term.frame
            assert axis is not None and frame is not None and lazy.term.level is not None
            for o in sorted({o for o, _, _ in lazy.rows}):
                mine = [(s, abs(float(duals[row]))) for e, s, row in lazy.rows if e == o and row < len(duals)]
                total = sum(w for _, w in mine)
                if total <= 1e-12 or not value(lazy.term)[o].any():
                    continue
                group = frame.label(lazy.term.level, o).split("\x1f")[0]
                labels = axis.by_unit.get(group, axis.labels)
                named = lazy.term.name or "worst case"
                term = f"{named}, {group}" if lazy.term.level != "account" else named
                who = (site.ask.account, site.ask.rulebook.rule.name)
                shares = [(labels[s], w / total) for s, w in mine if w / total >= SHOWN]
                out += [Weight(*who, term, *pair) for pair in sorted(shares, key=lambda p: -p[1])]
    return tuple(out)


def held(found: Found) -> Floats:
    """Return what one more contract of each candidate, given for nothing, would be worth, USD (0 where not known)."""
    reduced, _ = found.prices
    moves, money = found.programme.moves, found.programme.money
    lot = found.programme.problem.candidates.lot
    if not len(reduced):
        return np.zeros(len(lot))
    buy, cost = reduced[moves.buys] * money, moves.cost[moves.buys]
    return np.asarray((cost - buy) / lot)
