"""Limits on what the book loses in named stresses: the whole market moved, every position valued again."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np

from loadline.foundation.errors import InputError, MissingData
from loadline.foundation.table import Floats
from loadline.model.instruments import Kind
from loadline.model.market import Market
from loadline.model.positions import Portfolio
from loadline.model.shift import model_values, only_rows, shift_market
from loadline.model.universe import CASH
from loadline.optimize.problem import StressCap

EVERY = "all"
"""Stands for every underlying."""
WORD = re.compile(r"(?P<name>[A-Za-z0-9_.]+?)(?P<by>[+-]\d+(\.\d+)?)%")
REMEDY = "write moves with commas between, as in BTC-20%,ETH-25%,vol+30%, or name a stress of --stresses"


@dataclass(frozen=True)
class Stress:
    """A named move: ``spot`` and ``vol`` by underlying (``all``: every other one), fractions of price and of vol."""

    name: str
    spot: Mapping[str, float] = field(default_factory=dict)
    vol: Mapping[str, float] = field(default_factory=dict)

    def of(self, underlying: str) -> tuple[float, float]:
        """Return by what fractions an underlying's price and vol move."""
        spot, vol = (m.get(underlying, m.get(EVERY, 0.0)) for m in (self.spot, self.vol))
        return spot, vol

    def market(self, market: Market) -> Market:
        """Return the market after the stress; raises ``InputError`` for an underlying that is not in it."""
        names = sorted(set(market.instruments.underlying.tolist()))
        strange = [n for n in {*self.spot, *self.vol} if n != EVERY and n not in names]
        if strange:
            raise InputError(
                f"stress {self.name} moves {', '.join(sorted(strange))}, which the book does not trade",
                remedy=f"one of {', '.join(names)}, or {EVERY}",
            )
        for name in names:
            spot, vol = self.of(name)
            market = shift_market(market, spot, vol, underlyings=[name])
        return market


def read_stress(word: str) -> Stress:
    """Return the stress that a word describes.

    ``vol`` moves the vols of all underlyings, ``all`` the prices of all that are not named.

    >>> read_stress("BTC-20%,vol+30%")
    Stress(name='BTC-20%,vol+30%', spot={'BTC': -0.2}, vol={'all': 0.3})
    """
    spot: dict[str, float] = {}
    vol: dict[str, float] = {}
    for part in word.split(","):
        found = WORD.fullmatch(part.strip())
        if found is None:
            raise InputError(f"{part.strip()!r} is not a move", remedy=REMEDY)
        name, by = found["name"], float(found["by"]) / 100.0
        where, key = (vol, EVERY) if name == "vol" else (spot, name)
        where[key] = by
    return Stress(word, spot, vol)


def stress_cap(
    stress: Stress, most: float, portfolio: Portfolio, market: Market, instruments: Iterable[str]
) -> StressCap:
    """Return the bound on what all accounts lose in a stress, positions and wallets, USD.

    ``most``: USD; ``instruments``: all that may be held or traded. Positions are valued as ``loadline surface`` does:
    at their marks in USD, what futures gain at the stressed price of what they pay in. Raises ``MissingData`` naming
    contracts that have no value there.
    """
    near = only_rows(market, np.array(sorted(set(instruments)), np.str_))
    after = stress.market(near)
    loss = losses(near, after)
    names = near.instruments.id.tolist()
    bad = [n for n, x in zip(names, loss.tolist(), strict=True) if not np.isfinite(x)]
    if bad:
        raise MissingData(
            f"no value of {', '.join(bad[:8])} in stress {stress.name}", remedy="check their forwards, marks and vols"
        )
    coins = {*portfolio.balances.currency.tolist(), *near.instruments.settle.tolist(), CASH}
    found = {c: near.price(c) - after.price(c) for c in coins if near.price(c) > 0}
    p = portfolio.positions
    fx = [[m.price(c) for c in near.instruments.settle[near.rows(p.instrument)].tolist()] for m in (near, after)]
    pending = float(p.unsettled @ (np.array(fx[0]) - np.array(fx[1]))) if len(p) else 0.0
    return StressCap(f"stress {stress.name}", found | dict(zip(names, loss.tolist(), strict=True)), pending, most)


def losses(before: Market, after: Market) -> Floats:
    """Return (N,) USD that one contract loses from one market to another of the same rows."""
    i = before.instruments
    marks = []
    for m in (before, after):
        option = i.is_kind(Kind.OPTION) & np.isfinite(m.quotes.mark)
        fx = np.array([m.price(c) for c in i.settle.tolist()], np.float64)
        marks.append((np.where(option, m.quotes.mark * i.multiplier, model_values(m)), fx))
    (v0, fx0), (v1, fx1) = marks
    return np.asarray(np.where(i.upfront, v0 * fx0 - v1 * fx1, (v0 - v1) * fx1))
