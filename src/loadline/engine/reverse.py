"""Reverse stress: the nearest scenario, in units of its probability, that liquidates an account or wipes it out.

Moves of prices and of 30-day vols are measured by Mahalanobis' distance under a covariance of these factors: ``d^2 = x'
C^-1 x``, 1 being one standard deviation in any direction. Every scenario is answered by full revaluation, requirement
included. The search is deterministic: a fan of directions, then descent from the nearest crossing; what it looked at is
told, and what follows from that alone.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from loadline.engine.engine import margins
from loadline.engine.nearest import Searched, along, nearest
from loadline.engine.surface import Wallet
from loadline.foundation.errors import InputError, Unavailable
from loadline.foundation.table import Floats
from loadline.model.instruments import Kind
from loadline.model.shift import Shift, carry_over, shifted
from loadline.scenarios.stress import STABLECOINS, Trial

Target = Literal["maintenance", "equity"]
"""Liquidated: equity below the maintenance requirement; or wiped out: equity gone."""
LIMIT = 20.0
"""Standard deviations looked at: March 2020 was 18 of BTC's over two days."""


@dataclass(frozen=True, eq=False)
class Factors:
    """K factors: prices of ``coins``, then 30-day vols of ``vols``; ``covariance``: (K, K) of their log moves.

    ``days``: the horizon; ``source``: where the covariance comes from; ``notes``: what was assumed in it.
    """

    coins: tuple[str, ...]
    vols: tuple[str, ...]
    covariance: Floats
    days: float
    source: str
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        k = len(self.coins) + len(self.vols)
        c = self.covariance
        if c.shape != (k, k) or not np.isfinite(c).all() or not np.allclose(c, c.T) or (np.diag(c) <= 0).any():
            raise InputError(
                f"a covariance of shape {c.shape} for {k} factors, or one that is none",
                remedy="give a symmetric one with positive variances, prices first and then vols",
            )

    def __len__(self) -> int:
        return len(self.coins) + len(self.vols)

    @property
    def labels(self) -> list[str]:
        """What each factor is."""
        return [f"{c} price" for c in self.coins] + [f"{c} vol" for c in self.vols]

    def roots(self) -> Floats:
        """(K, K) the symmetric root: moves are ``root z`` of uncorrelated ``z``; directions without variance are cut.

        Raises ``InputError`` for a covariance that is not positive semidefinite.
        """
        values, vectors = np.linalg.eigh(self.covariance)
        if values[0] < -1e-9 * values[-1]:
            raise InputError(
                "the covariance of the factors is not positive semidefinite",
                causes="correlations that contradict each other",
                remedy="lower them towards 0",
            )
        return np.asarray((vectors * np.sqrt(np.maximum(values, 1e-12 * values[-1]))) @ vectors.T)

    def shift(self, moves: Floats) -> Shift:
        """Return the shift of a market that log moves (K,) make."""
        change = np.expm1(moves).tolist()
        n = len(self.coins)
        vols = dict(zip(self.vols, change[n:], strict=True))
        return Shift(dict(zip(self.coins, change[:n], strict=True)), vols, by_tenor=True)

    def moves(self, trial: Trial) -> Floats:
        """Return (K,) the log moves of a trial in these factors; its stablecoins and basis are none of them."""
        spot = [trial.shift.spot.get(c, 0.0) for c in self.coins]
        return np.log1p(np.array([*spot, *(trial.shift.vol.get(c, 0.0) for c in self.vols)], np.float64))

    def distance(self, moves: Floats) -> float:
        """Return Mahalanobis' distance of log moves (K,).

        >>> round(Factors(("BTC",), (), np.array([[0.0016]]), 2.0, "").distance(np.array([-0.12])), 9)
        3.0
        """
        return float(np.linalg.norm(np.linalg.solve(self.roots(), moves)))


@dataclass(frozen=True, eq=False)
class Reverse:
    """The nearest scenario found for one wallet.

    ``distance``: standard deviations, 0 for one that is over the line already, infinite where none was found within
    the limit; ``moves``: (K,) log moves there; ``excess``: equity less what the target asks for, USD, now and there;
    ``revaluations``: how often the rule was run.
    """

    account: str
    rulebook: str
    currency: str
    target: Target
    factors: Factors
    distance: float
    moves: Floats
    excess_now: float
    excess: float
    revaluations: int
    searched: Searched

    def as_json(self) -> dict[str, Any]:
        """Return the finding as plain data; moves are fractions."""
        found = math.isfinite(self.distance)
        return {
            "account": self.account,
            "rulebook": self.rulebook,
            "currency": self.currency,
            "target": self.target,
            "distance_sd": self.distance if found else None,
            "moves": [
                {"name": name, "move": move}
                for name, move in zip(self.factors.labels, np.expm1(self.moves).tolist(), strict=True)
            ]
            if found
            else None,
            "excess_now": self.excess_now,
            "excess": self.excess if found else None,
            "horizon_days": self.factors.days,
            "covariance": self.factors.source,
            "notes": list(self.factors.notes),
            "searched": {
                "directions": self.searched.directions,
                "revaluations": self.revaluations,
                "radii_sd": list(self.searched.radii),
                "gap_radians": self.searched.gap,
                "at_least_sd_if_convex": self.searched.at_least,
            },
        }


def factor_names(wallet: Wallet) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the coins whose prices, and the underlyings whose vols, can move a wallet; stablecoins are none."""
    i = wallet.market.instruments
    held = {*wallet.portfolio.positions.instrument.tolist(), *wallet.portfolio.orders.instrument.tolist()}
    rows = [i[name] for name in held if name in i]
    coins = {str(r[c]) for r in rows for c in ("underlying", "settle")} | set(
        wallet.portfolio.balances.currency.tolist()
    )
    vols = {str(r["underlying"]) for r in rows if r["kind"] == Kind.OPTION}
    return tuple(sorted(coins - STABLECOINS)), tuple(sorted(vols))


def reverse(
    seen: Seen,
    factors: Factors,
    *,
    target: Target = "maintenance",
    limit: float = LIMIT,
    directions: int | None = None,
    also: Sequence[Trial] = (),
) -> Reverse:
    """Return the nearest scenario that takes a wallet over the line.

    ``seen``: ``Seen(wallet)`` of a wallet from ``engine.surface.wallets``; ``limit``: standard deviations looked at;
    ``directions``: of the fan, as ``nearest`` takes if left out; ``also``: trials whose directions are looked at first.
    Raises ``InputError`` where the wallet cannot be answered as it stands, or no factor moves it.
    """
    wallet = seen.wallet
    if not len(factors):
        raise InputError(f"no price or vol moves {wallet.account}", remedy="a reverse stress needs a factor")
    root, before = factors.roots(), len(seen.kept)
    here = seen.left(factors.shift(np.zeros(len(factors))), target)
    if math.isnan(here):
        raise InputError(f"{wallet.account} has no answer under {wallet.chosen.rule.name} as things stand",
                         remedy="loadline margin says what is missing")  # fmt: skip

    def excess(z: Floats) -> float:
        return seen.left(factors.shift(root @ z), target)

    first = [np.asarray(np.linalg.solve(root, factors.moves(t)), np.float64) for t in also]
    found, where, searched = nearest(excess, len(factors), limit=limit, count=directions, first=first)
    moves = root @ where
    there = seen.left(factors.shift(moves), target) if math.isfinite(found) else math.nan
    name, told = wallet.chosen.rule.name, (len(seen.kept) - before, searched)
    return Reverse(wallet.account, name, wallet.currency, target, factors, found, moves, here, there, *told)


@dataclass(frozen=True, eq=False)
class Seen:
    """A wallet under shifts, each answered once: equity and what is left of it above maintenance, in USD.

    One of them serves several searches of one wallet.
    """

    wallet: Wallet
    kept: dict[tuple[float, ...], tuple[float, float]] = field(default_factory=dict)

    def left(self, shift: Shift, target: Target) -> float:
        """Return equity less what the target asks for, USD, after a shift; NaN where there is no answer."""
        key = tuple(x for m in (shift.spot, shift.vol, shift.perpetual, shift.future) for x in m.values())
        if key not in self.kept:
            w = self.wallet
            market = shifted(w.market, shift)
            held = w.portfolio if market is w.market else carry_over(w.portfolio, w.market, market)
            (answer,) = margins(held, market, w.chosen)
            if isinstance(answer, Unavailable):
                self.kept[key] = math.nan, math.nan
            else:
                self.kept[key] = answer.equity * answer.usd, answer.maintenance_excess * answer.usd
        equity, above = self.kept[key]
        return equity if target == "equity" else above


def share_of(seen: Seen, trial: Trial, *, target: Target = "maintenance") -> float | None:
    """Return the smallest share of a trial's log moves that takes a wallet over the line; ``None`` if all does not.

    Ten shares are looked at, then the first crossing is bisected.
    """

    def excess(z: Floats) -> float:
        return seen.left(scaled(trial.shift, float(z[0])), target)

    found, _ = along(excess, np.ones(1), [n / 10 for n in range(1, 11)], math.inf, np.full(1, np.nan))
    return found if math.isfinite(found) else None


def scaled(shift: Shift, share: float) -> Shift:
    """Return the shift that is a share of another in logarithms.

    >>> scaled(Shift(spot={"BTC": -0.75}), 0.5).spot
    {'BTC': -0.5}
    """

    def part(moves: Mapping[str, float]) -> dict[str, float]:
        return {name: (1.0 + x) ** share - 1.0 for name, x in moves.items()}

    parts = (part(m) for m in (shift.spot, shift.vol, shift.perpetual, shift.future))
    spot, vol, perpetual, future = parts
    return Shift(spot, vol, perpetual, future, by_tenor=shift.by_tenor)
