"""How near many accounts are to liquidation under one rulebook: all prices together, all vols together.

``distances`` looks along every factor by itself, finely; this looks along the two that move everything, for all
accounts in one pass, coarsely, and closes in on the crossing. A dip that begins and ends between two points of the
scan is not seen.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from loadline.engine.engine import SPLIT, Chosen, evaluate, segregate
from loadline.engine.liquidation import Along, Distance, Reach, closed_in
from loadline.engine.result import MarginResult
from loadline.foundation.errors import LoadlineError
from loadline.model.instruments import Kind
from loadline.model.market import Market
from loadline.model.positions import Portfolio
from loadline.model.shift import carry_over, only_rows, shift_market
from loadline.model.universe import STABLE

RANGES: Mapping[Along, tuple[float, float]] = {"spot": (-0.6, 1.0), "vol": (-0.6, 1.5)}
"""The largest fall and rise looked at, fractions."""
STEPS: Mapping[Along, int] = {"spot": 5, "vol": 2}
"""Points of the scan on each side, even in log price or vol."""
EXACT = 2e-4
"""A move is known to a fiftieth of a percent."""
Key = tuple[str, str]
"""Account and currency of a wallet."""


@dataclass(frozen=True)
class Moved:
    """A market after moves of all prices and vols, kept so that several rulebooks share them.

    ``market``: only the rows that ``portfolio`` needs.
    """

    portfolio: Portfolio
    market: Market
    kept: dict[tuple[Along, float], tuple[Market, Portfolio]] = field(default_factory=dict)

    @classmethod
    def of(cls, portfolio: Portfolio, market: Market) -> Moved:
        """Return what is to be moved, without the rows of the market that nobody holds."""
        p, b, o = portfolio.positions, portfolio.balances, portfolio.orders
        return cls(portfolio, only_rows(market, np.concatenate([p.instrument, b.currency, o.instrument])))

    def at(self, along: Along, move: float) -> tuple[Market, Portfolio]:
        """Return the market after a move (a fraction), with what is held then."""
        if (along, move) not in self.kept:
            market = shift_market(self.market, *((move, 0.0) if along == "spot" else (0.0, move)))
            self.kept[along, move] = market, carry_over(self.portfolio, self.market, market)
        return self.kept[along, move]


def nearness(moved: Moved, chosen: Chosen, results: Iterable[MarginResult]) -> dict[Key, tuple[Distance, Distance]]:
    """Return the distance to liquidation of each wallet, along spot and along vol.

    ``moved``: the accounts and their market, all answered by ``results`` under ``chosen``. A wallet that one
    underlying alone moves has its name and price in the distance along spot.
    """
    here = {(r.account, r.currency): r for r in results}
    told = {along: _along(moved, chosen, here, along) for along in RANGES}
    names = {account: _coins(moved, account) for account in {account for account, _ in here}}
    found = {}
    for key in here:
        (name, *more) = names[key[0]] or [""]
        one = "" if more else name
        ends = [
            Distance(
                key[0],
                chosen.rule.name,
                key[1],
                along,
                one,
                moved.market.price(one) if one else math.nan,
                up=told[along][key][1],
                down=told[along][key][0],
            )
            for along in RANGES
        ]
        found[key] = (ends[0], ends[1])
    return found


def _coins(moved: Moved, account: str) -> list[str]:
    """The underlyings that could move an account."""
    i, mine = moved.market.instruments, moved.portfolio.only([account])
    held = [i.index[n] for n in mine.positions.instrument.tolist() if n in i]
    names = {str(u) for u in i.underlying[held].tolist()} | set(mine.balances.currency.tolist())
    return sorted(names - set(STABLE))


def _optional(moved: Moved, accounts: Iterable[str]) -> set[str]:
    """The accounts that hold options or have orders for them: the others no vol moves."""
    i = moved.market.instruments
    options = set(i.id[i.is_kind(Kind.OPTION)].tolist())
    tables = (moved.portfolio.positions, moved.portfolio.orders)
    found = {a for t in tables for a, n in zip(t.account.tolist(), t.instrument.tolist(), strict=True) if n in options}
    return found & set(accounts)


def _along(
    moved: Moved, chosen: Chosen, here: Mapping[Key, MarginResult], along: Along
) -> dict[Key, tuple[Reach, Reach]]:
    """The nearest crossings down and up of every wallet along one factor."""
    known: dict[Key, dict[float, float]] = {k: {0.0: r.maintenance_excess * r.usd} for k, r in here.items()}

    def ask(move: float, keys: Iterable[Key]) -> None:
        accounts = sorted({k[0] for k in keys if move not in known[k]})
        if not accounts:
            return
        market, held = moved.at(along, move)
        for key, value in _spare(chosen, held, market, accounts):
            if key in known:
                known[key][move] = value
        for key in known:
            if key[0] in accounts:
                known[key].setdefault(move, math.nan)

    def spare(key: Key) -> Callable[[float], float]:
        def asked(move: float) -> float:
            ask(move, [key])
            return known[key][move]

        return asked

    movable = set(here) if along == "spot" else {k for k in here if k[0] in _optional(moved, (a for a, _ in here))}
    found: dict[Key, list[Reach]] = {k: [] for k in here}
    for limit in RANGES[along]:
        scan = np.expm1(np.linspace(0.0, math.log1p(limit), STEPS[along] + 1)).round(6).tolist()
        ends: dict[Key, Reach] = {k: Reach(0.0, BELOW) for k in here if known[k][0.0] < 0.0}
        ends |= {k: Reach(None, "no option") for k in here if k not in movable and k not in ends}
        for inside, outside in pairwise(scan):
            open_ones = [k for k in here if k not in ends]
            ask(outside, open_ones)
            for key in open_ones:
                value = known[key][outside]
                if math.isnan(value):
                    ends[key] = Reach(None, f"no answer beyond {inside:+.0%}".replace("%", " %"))
                elif value < 0.0:
                    bracket = (inside, outside, known[key][inside], value)
                    ends[key] = Reach(closed_in(spare(key), bracket, EXACT))
        for key in here:
            found[key].append(ends.get(key, Reach(None, f"none up to {limit:+.0%}".replace("%", " %"))))
    return {key: (down, up) for key, (down, up) in found.items()}


def _spare(
    chosen: Chosen, portfolio: Portfolio, market: Market, accounts: Sequence[str]
) -> Iterator[tuple[Key, float]]:
    """Equity less maintenance of each wallet, USD, as ``margins`` would answer; accounts known to be answered here.

    What ``margins`` checks of the market was checked before the move; what it says of each answer nobody reads.
    """
    ordering = set(portfolio.orders.account.tolist())  # a rule reads otherwise with open orders: not in one pass
    passes = [[a for a in accounts if a in ordering], [a for a in accounts if a not in ordering]]
    if chosen.rule.alone(market, chosen.version):
        passes = [[a] for a in accounts]
    for some in filter(None, passes):
        mine = portfolio.only(some)
        mine = segregate(mine, market) if chosen.rule.segregated else mine
        labels = mine.names()
        try:
            required = evaluate(chosen, mine, market, labels).requirement
        except LoadlineError:
            if len(some) > 1:
                for account in some:
                    yield from _spare(chosen, portfolio, market, [account])
            continue
        left = (required.equity + required.maintenance).numbers()[:, 0].tolist()  # a requirement is a loss in a tape
        for label, value in zip(labels, left, strict=True):
            account, _, settle = label.partition(SPLIT)
            currency = settle or chosen.rule.currency
            yield (account, currency), value * market.price(currency)


BELOW = "below maintenance already"


def together(distances: Sequence[Distance]) -> Distance | None:
    """Return the nearest of several wallets' distances along one factor, side by side: the first that is liquidated."""
    if not distances:
        return None
    first = distances[0]

    def nearest(reaches: Sequence[Reach]) -> Reach:
        return min(reaches, key=lambda r: math.inf if r.move is None else abs(r.move))

    up, down = nearest([d.up for d in distances]), nearest([d.down for d in distances])
    return Distance(
        first.account, first.rulebook, first.currency, first.along, first.underlying, first.index, up=up, down=down
    )
