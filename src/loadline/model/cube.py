"""The cube: value of one contract of each instrument in each scenario. Quantities never enter it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np

from loadline.foundation.errors import InputError
from loadline.foundation.table import Bools, Floats, Ints, Labels
from loadline.model.scenario_set import Scenarios
from loadline.model.universe import STABLE, Universe
from loadline.tape.term import Axis, Term, constant

FxPolicy = Literal["settle", "held", "scenario"]
"""How PnL in a coin becomes USD: not at all, at today's rate, or at the scenario's. There is no default."""


@dataclass(frozen=True, eq=False)
class Shocked:
    """A universe after scenarios: ``forward``, ``vol`` (N, S); ``discount`` (N,) if options are discounted.

    ``tau``: (N,) years left once the horizon has passed, those of today if left out; at 0 an option pays off.
    """

    forward: Floats
    vol: Floats
    discount: Floats | None = None
    conversion: Floats | None = None
    tau: Floats | None = None


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


@dataclass(frozen=True, eq=False)
class _Priced:
    """What goes into the value of a contract, one row per instrument: base state and scenarios."""

    columns: tuple[Any, ...]
    shocked: Shocked
    vol: Floats
    index: Floats | None

    @classmethod
    def of(cls, universe: Universe, shocked: Shocked, base_vol: Floats | None = None) -> _Priced:
        i, q = universe.instruments, universe.quotes
        vol = np.nan_to_num(q.vol if base_vol is None else base_vol)[:, None]
        index = None if shocked.conversion is None else universe.index[:, None]
        columns = (i.form, i.multiplier, np.ascontiguousarray(q.forward[:, None]), i.strike, universe.tau, i.right)
        return cls(columns, shocked, vol, index)

    def values(self, rows: Ints | slice) -> tuple[Floats, Floats]:
        """The values of some rows: in every scenario, and as things stand."""
        from loadline.kernels.payoff import contract_values  # compiled code: loaded on first use

        form, multiplier, forward, strike, tau, right = (c[rows] for c in self.columns)
        s = self.shocked
        discount, shifted, index = (None if x is None else x[rows] for x in (s.discount, s.conversion, self.index))
        later = tau if s.tau is None else s.tau[rows]

        def value(prices: Floats, vols: Floats, left: Floats, conversion: Floats | None) -> Floats:
            facts = (form, multiplier, prices, strike, vols, left, right)
            return contract_values(*facts, discount=discount, conversion=conversion)

        return value(s.forward[rows], s.vol[rows], later, shifted), value(forward, self.vol[rows], tau, index)[:, 0]

    def moved(self, before: _Priced) -> Bools:
        """(N,) which rows anything differs in; all of them where there are more scenarios or other inputs."""
        found = np.zeros(len(self.columns[0]), np.bool_)
        pairs = zip((*self.columns, *self._given()), (*before.columns, *before._given()), strict=True)
        for new, old in pairs:
            if new is None or old is None or new.shape != old.shape:
                found |= new is not old
            elif new is not old:
                differs = new.view(np.int64) != old.view(np.int64)  # by their bits: what is not a number can stay
                found |= differs if differs.ndim == 1 else differs.any(1)
        return found

    def _given(self) -> tuple[Any, ...]:
        s = self.shocked
        return s.forward, s.vol, s.discount, s.conversion, s.tau, self.vol, self.index


def build_cube(universe: Universe, scenarios: Scenarios, shocked: Shocked, base_vol: Floats | None = None) -> Cube:
    """Return the cube of a universe under shocked columns; raises ``InputError`` naming what is not a number.

    ``base_vol``: (N,) vols of the unshocked value, 1/sqrt(year), the market's if left out. Values: ``kernels.payoff``.
    """
    value, base = _Priced.of(universe, shocked, base_vol).values(slice(None))
    return _checked(universe, scenarios, value, base)


def rebuild_cube(
    before: Cube, was: Shocked, universe: Universe, scenarios: Scenarios, now: Shocked
) -> tuple[Cube, Bools]:
    """Return the cube of the same instruments at another moment, and (N,) which rows were priced again.

    Only those whose inputs differ are: the others keep their values, so the result is ``build_cube``'s to the bit.
    ``was``: the shocked columns that ``before`` was built from. Raises ``InputError`` naming what is not a number.
    """
    new = _Priced.of(universe, now)
    moved = new.moved(_Priced.of(before.universe, was))
    if not moved.any():
        return _checked(universe, scenarios, before.value, before.base), moved
    rows: Ints | slice = slice(None) if moved.all() else np.flatnonzero(moved)
    value, base = new.values(rows)
    if isinstance(rows, np.ndarray):
        kept = before.value.copy(), before.base.copy()
        kept[0][rows], kept[1][rows] = value, base
        value, base = kept
    return _checked(universe, scenarios, value, base), moved


def _checked(universe: Universe, scenarios: Scenarios, value: Floats, base: Floats) -> Cube:
    """The cube of these values, if they are all finite."""
    if not np.isfinite(value).all() or not np.isfinite(base).all():
        bad = np.argwhere(~np.isfinite(np.hstack([base[:, None], value])))
        named = sorted({str(universe.instruments.id[n]) for n, _ in bad})
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
