"""The cube: value of one contract of each instrument in each scenario. Quantities never enter it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np

from loadline.foundation.errors import InputError
from loadline.foundation.table import Floats, Ints, Labels
from loadline.model.scenario_set import Scenarios
from loadline.model.universe import STABLE, Universe
from loadline.tape.term import Axis, Term, constant

FxPolicy = Literal["settle", "held", "scenario"]
"""How PnL in a coin becomes USD: not at all, at today's rate, or at the scenario's. There is no default."""


@dataclass(frozen=True, eq=False)
class Shocked:
    """A universe after scenarios: ``forward``, ``vol`` (N, S); ``discount`` (N,) if options are discounted."""

    forward: Floats
    vol: Floats
    discount: Floats | None = None
    conversion: Floats | None = None


@dataclass(frozen=True, eq=False)
class Cube:
    """``value``: (N, S) and ``base``: (N,), settlement currency per contract; ``move``: (N, S) fraction of spot."""

    universe: Universe
    scenarios: Scenarios
    value: Floats
    base: Floats
    move: Floats

    def axis(self, *families: str, name: str = "scenario") -> Axis:
        """Return the scenarios of some families (all, if none is named) as an axis."""
        key = (name, *families)
        if key not in self._axes:
            rows, own, classes = self.rows(*families), self.scenarios.own_label, self.universe.classes
            of = self.universe.instruments.underlying[classes.first("unit")].tolist()
            units = zip(classes.labels["unit"], of, strict=True)
            by_unit = {unit: tuple(own[u][rows].tolist()) for unit, u in units if u in own}
            self._axes[key] = Axis(name, tuple(self.scenarios.label[rows].tolist()), by_unit)
        return self._axes[key]

    def rows(self, *families: str) -> Ints:
        """Return (R,) the scenario rows of some families (all, if none is named)."""
        return self.scenarios.family_rows(*families) if families else np.arange(len(self.scenarios))

    @cached_property
    def _axes(self) -> dict[tuple[str, ...], Axis]:
        return {}

    @cached_property
    def fx(self) -> Floats:
        """(N, S) USD per unit of settlement currency inside each scenario: a coin moves with its own underlying."""
        u = self.universe
        moved = u.fx[:, None] * np.ones((1, len(self.scenarios)))
        coins = [c for c in u.settles.names if c not in STABLE]
        for coin in coins:
            rows = u.instruments.settle == coin
            column = self.scenarios.columns(Labels.ordered([coin]))[0]
            moved[rows] = u.fx[rows, None] * (1.0 + self.scenarios.spot[:, column])
        return moved

    def unit_pnl(self, fx: FxPolicy, base: Floats | None = None) -> Floats:
        """Return (N, S) PnL of one contract against ``base`` (N,) (the model's own value if left out).

        Equations: settle ``v_s - v_0``; held ``(v_s - v_0) fx_0``; scenario ``(c + v_s - v_0) fx_s - c fx_0`` with c
        the carried value, since what sits in equity is revalued too.
        """
        change = self.value - (self.base if base is None else base)[:, None]
        if fx == "settle":
            return change
        if fx == "held":
            return change * self.universe.fx[:, None]
        carried = self.universe.carried[:, None]
        return (carried + change) * self.fx - carried * self.universe.fx[:, None]

    def term(self, values: Floats, *families: str, name: str = "scenario") -> Term:
        """Return ``values``, (N, S) of all scenarios or just these, per instrument and scenario of some families."""
        rows = self.rows(*families)
        picked = values if len(rows) == values.shape[1] else values[:, rows]
        return constant(picked, "position", self.axis(*families, name=name))


def build_cube(universe: Universe, scenarios: Scenarios, shocked: Shocked, base_vol: Floats | None = None) -> Cube:
    """Return the cube of a universe under shocked columns; raises ``InputError`` naming what is not a number.

    ``base_vol``: (N,) vols of the unshocked value, 1/sqrt(year), the market's if left out. Values: ``kernels.payoff``.
    """
    from loadline.kernels.payoff import contract_values  # compiled code: loaded on first use

    i, q = universe.instruments, universe.quotes
    vol = np.nan_to_num(q.vol if base_vol is None else base_vol)[:, None]
    fixed = (i.form, i.multiplier)
    options = (i.strike, universe.tau, i.right)

    def values(forward: Floats, vols: Floats, conversion: Floats | None) -> Floats:
        strike, tau, right = options
        return contract_values(
            *fixed, forward, strike, vols, tau, right, discount=shocked.discount, conversion=conversion
        )

    index = None if shocked.conversion is None else universe.index[:, None]
    base = values(np.ascontiguousarray(q.forward[:, None]), vol, index)[:, 0]
    value = values(shocked.forward, shocked.vol, shocked.conversion)
    if not np.isfinite(value).all() or not np.isfinite(base).all():
        bad = np.argwhere(~np.isfinite(np.hstack([base[:, None], value])))
        named = sorted({str(i.id[n]) for n, _ in bad})
        raise InputError(
            f"no value for {', '.join(named[:10])}{' and others' if len(named) > 10 else ''}",
            causes="a missing vol or forward that the rule needs",
            remedy="check the market's defects for these instruments",
        )
    move = scenarios.spot[:, scenarios.columns(universe.underlyings)].T
    return Cube(universe, scenarios, value, base, move)


def spot_moves(universe: Universe, scenarios: Scenarios) -> Floats:
    """Return (N, S) the fraction each instrument's underlying moves by."""
    return np.ascontiguousarray(scenarios.spot[:, scenarios.columns(universe.underlyings)].T)


def vol_instructions(universe: Universe, scenarios: Scenarios) -> Floats:
    """Return (N, S) the vol instruction that reaches each instrument."""
    return np.ascontiguousarray(scenarios.vol[:, scenarios.columns(universe.underlyings)].T)
