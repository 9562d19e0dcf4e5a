"""One account under several rulebooks side by side: what each asks, how near liquidation is, and why they differ."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from loadline.engine.diff import Diff, between, end, row_as_json
from loadline.engine.engine import Answer, Chosen
from loadline.engine.greeks import greeks
from loadline.engine.liquidation import Distance
from loadline.engine.nearness import Moved, nearness, together
from loadline.engine.result import MarginResult, Status
from loadline.engine.triggers import Standing, standings
from loadline.foundation.errors import Unavailable
from loadline.model.instruments import PayoffForm
from loadline.model.market import Market
from loadline.model.positions import Portfolio
from loadline.rulebooks.liquidation_terms import liquidation_at


@dataclass(frozen=True, slots=True)
class Holding:
    """An account by itself: gross notional and theta per day, in USD; NaN where the market does not say."""

    notional: float
    theta: float


@dataclass(frozen=True, slots=True)
class Offer:
    """What one rulebook asks of one account, amounts in USD, wallets that it keeps apart added up.

    ``spot``, ``vol``: the nearest crossings of all prices, all vols together, ``None`` where they were not looked for;
    ``standings``: where it stands against the venue's lines, by the wallet that is worst; ``why``: its initial
    requirement aligned with the first offer's.
    """

    account: str
    rulebook: str
    version: str
    verified: str
    equity: float
    initial: float
    maintenance: float
    status: Status
    results: tuple[MarginResult, ...]
    spot: Distance | None = None
    vol: Distance | None = None
    standings: tuple[Standing, ...] = ()
    why: Diff | None = None

    @property
    def excess(self) -> float:
        """Equity less initial requirement, USD."""
        return self.equity - self.initial

    def days(self, theta: float) -> float | None:
        """Days of theta (USD a day) until equity is at maintenance, all else as it is; ``None`` where it pays in."""
        left = self.equity - self.maintenance
        return max(left, 0.0) / -theta if theta < 0.0 else None

    def as_json(self, holding: Holding) -> dict[str, Any]:
        """Return the offer as plain data."""
        reasons = [] if self.why is None else [row_as_json(r) for r in self.why.drivers()]
        return {
            "equity_usd": self.equity,
            "initial_of_equity": share(self.initial, self.equity),
            "maintenance_of_equity": share(self.maintenance, self.equity),
            "initial_of_notional": share(self.initial, holding.notional),
            "distance": {
                "spot": None if self.spot is None else self.spot.as_json(),
                "vol": None if self.vol is None else self.vol.as_json(),
                "theta_days": self.days(holding.theta),
            },
            "lines": [s.as_json() for s in self.standings],
            "against": None if self.why is None else self.why.left.version,
            "drivers": reasons,
        }


def share(part: float, whole: float) -> float | None:
    """Return a part of a whole; ``None`` where there is no whole."""
    return part / whole if whole > 0.0 and math.isfinite(whole) else None


def offers(found: Mapping[str, tuple[Chosen, Sequence[Answer]]]) -> dict[str, list[Offer]]:
    """Return the offers of each account, in the order of the rulebooks; ``found``: by rulebook, who answered what.

    An account of which a wallet is unavailable has no offer of that rulebook.
    """
    out: dict[str, list[Offer]] = {}
    for chosen, answers in found.values():
        gone = {a.account for a in answers if isinstance(a, Unavailable)}
        parts: dict[str, list[MarginResult]] = {}
        for a in answers:
            if isinstance(a, MarginResult) and a.account not in gone:
                parts.setdefault(a.account, []).append(a)
        for account, results in parts.items():
            out.setdefault(account, []).append(_offer(chosen, account, results))
    return dict(sorted(out.items()))


def _offer(chosen: Chosen, account: str, results: Sequence[MarginResult]) -> Offer:
    worst = max(results, key=lambda r: list(Status).index(r.status))
    told = liquidation_at(chosen.rule.liquidation, worst.as_of)
    return Offer(
        account,
        chosen.rule.name,
        worst.version,
        chosen.rule.status,
        sum(r.equity * r.usd for r in results),
        sum(r.initial * r.usd for r in results),
        sum(r.maintenance * r.usd for r in results),
        worst.status,
        tuple(results),
        standings=() if told is None else tuple(standings(worst, told)),
    )


def reasoned(mine: Sequence[Offer], base: str) -> list[Offer]:
    """Return the offers of one account, the others' explanations aligned to that of ``base``, a rulebook."""
    ends = {o.rulebook: end(o.results, "initial", "USD") for o in mine}

    def against(o: Offer) -> Diff:
        return between(ends[base], ends[o.rulebook], "initial", "USD")

    return [o if o.rulebook == base else replace(o, why=against(o)) for o in mine]


def with_distances(mine: Sequence[Offer], found: Mapping[str, Mapping[Any, tuple[Distance, Distance]]]) -> list[Offer]:
    """Return offers with the nearest crossing of their wallets; ``found``: by rulebook, as ``nearness`` tells it."""
    out = []
    for o in mine:
        pairs = [found[o.rulebook][r.account, r.currency] for r in o.results if o.rulebook in found]
        spot, vol = (together([p[n] for p in pairs]) for n in (0, 1))
        out.append(replace(o, spot=spot, vol=vol))
    return out


def nearby(moved: Moved, chosen: Chosen, answers: Sequence[Answer]) -> dict[Any, tuple[Distance, Distance]]:
    """Return ``nearness`` of the accounts that one rulebook answered whole."""
    gone = {a.account for a in answers if isinstance(a, Unavailable)}
    return nearness(moved, chosen, [a for a in answers if isinstance(a, MarginResult) and a.account not in gone])


def holding(portfolio: Portfolio, market: Market, account: str) -> Holding:
    """Return the gross notional and the theta of one account, USD; positions that the market lacks do not count."""
    i, p = market.instruments, portfolio.only([account]).positions
    notional = 0.0
    for name, quantity in zip(p.instrument.tolist(), p.quantity.tolist(), strict=True):
        if name in i:
            row = i[name]
            inverse = row["form"] == PayoffForm.INVERSE
            price = market.price(row["quote"]) if inverse else market.price(row["underlying"])
            notional += abs(quantity) * row["multiplier"] * price
    theta = greeks(portfolio, market, account=account).rows.theta_usd
    return Holding(notional, float(theta.sum()) if len(theta) else math.nan)
