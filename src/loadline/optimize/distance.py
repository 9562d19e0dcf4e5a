"""Floors on the distance to liquidation: equity must cover maintenance in markets that are not here yet, too.

Each move of price is one more requirement in the model, in the whole market moved and margined again. The two ends and
the middles are asked for from the start; others enter where a plan is found to be liquidated between them.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from loadline.engine.engine import Chosen
from loadline.engine.liquidation import closed_in
from loadline.engine.surface import Wallet, wallets
from loadline.foundation.errors import InputError
from loadline.model.market import Market
from loadline.model.positions import Portfolio
from loadline.model.shift import shift_market
from loadline.optimize.problem import Ask, Moved, Problem
from loadline.optimize.site import Site

STEPS = 24
"""Moves looked at between the two ends of a floor, the ends counted."""
SLACK = 1e-6
"""Share of what is asked for by which equity may lie below it and still count."""
BEYOND, FURTHER, NEAR = 2.0, 6, 1e-3
"""How many times the floor a crossing is looked for, to be told, at how many moves, and how closely."""


@dataclass(frozen=True, slots=True)
class Floor:
    """No liquidation while the price of ``underlyings`` (empty: all together) moves from ``low`` to ``high``."""

    underlying: str
    low: float
    high: float

    @property
    def underlyings(self) -> Collection[str] | None:
        """The ones that move, all if ``None``."""
        return (self.underlying,) if self.underlying else None

    def at(self, market: Market, move: float) -> Moved:
        """Return the market after a move of price, a fraction."""
        words = f"{self.underlying or 'all'} {move:+.1%}"
        return Moved(words, shift_market(market, move, 0.0, underlyings=self.underlyings), move, self.underlying)


def guards(market: Market, held: Sequence[tuple[str, Chosen]], floors: Sequence[Floor]) -> tuple[Ask, ...]:
    """Return what equity must cover, for each account and rulebook, at the ends of each floor and halfway.

    Raises ``InputError`` for a floor on what the market does not know, or to -100 %.
    """
    out = []
    for floor in floors:
        if floor.underlying and not market.price(floor.underlying) > 0:
            raise InputError(f"no price of {floor.underlying} to move", remedy="name an underlying of the market")
        moves = sorted({x for end in (floor.low, floor.high) for x in (end, 0.5 * end) if x})
        for move in moves:
            moved = floor.at(market, move)
            out += [guard(account, chosen, moved) for account, chosen in held]
    return tuple(out)


def guard(account: str, chosen: Chosen, moved: Moved) -> Ask:
    """Return the condition that an account is not liquidated in a market."""
    return Ask(account, chosen, 0.0, solvent=True, side="maintenance", moved=moved)


def crossed(problem: Problem, after: Sequence[tuple[Site, Portfolio]]) -> tuple[Ask, ...]:
    """Return further guards where a plan, ``after``, is liquidated within a floor: the worst move of each side.

    ``after``: each account's site and what it holds after the plan.
    """
    out = []
    for site, held in after:
        account, chosen = site.ask.account, site.ask.rulebook
        for floor, known in _floors(problem, site.ask).items():
            mine = wallets(held, problem.market, chosen, account)
            for end in (floor.low, floor.high):
                moves = [m for m in np.linspace(0.0, end, STEPS // 2 + 1).round(6).tolist() if m and m not in known]
                short = {m: s for m in moves if (s := _short(mine, floor, m)) > 0}
                if short:
                    worst = max(short, key=lambda m: short[m])
                    out.append(guard(account, chosen, floor.at(problem.market, worst)))
    return tuple(out)


def missed(more: Sequence[Ask]) -> tuple[str, ...]:
    """Return in words which moves within a floor a plan does not survive, where there was no time to go on."""
    return tuple(f"within the floor: {a.cover}, and time was up" for a in more)


def reaches(problem: Problem, after: Sequence[tuple[Site, Portfolio]]) -> tuple[str, ...]:
    """Return in words where each guarded account is liquidated after a plan, by the engine that margins each move anew.

    ``after``: each account's site and what it holds after the plan.
    """
    out = []
    for site, held in after:
        account = site.ask.account
        for floor in _floors(problem, site.ask):
            for wallet in wallets(held, problem.market, site.ask.rulebook, account):
                moving = wallet.moving(floor.underlyings)
                ends = [_beyond(moving, end) for end in (floor.low, floor.high) if end]
                said = " and ".join(f"at {x}" if x else f"nowhere to {BEYOND * e:+.0%}" for e, x in ends)
                out.append(f"{account} along {floor.underlying or 'all prices'} is liquidated {said}")
    return tuple(out)


def _beyond(wallet: Wallet, end: float) -> tuple[float, str]:
    """The first crossing beyond one end of a floor, in words, empty where there is none."""
    scan = np.linspace(end, max(BEYOND * end, -0.95), FURTHER).tolist()
    for inside, outside in pairwise(scan):
        above, below = (wallet.maintenance_excess(m, 0.0) for m in (inside, outside))
        if below < 0.0:
            at = closed_in(lambda m: wallet.maintenance_excess(m, 0.0), (inside, outside, max(above, 0.0), below), NEAR)
            return end, f"{at:+.1%}"
    return end, ""


def _floors(problem: Problem, ask: Ask) -> dict[Floor, set[float]]:
    """The floors that the guards of an account under a rulebook stand for, with the moves that they are held at."""
    found: dict[str, set[float]] = {}
    for a in problem.guards:
        if a.account == ask.account and a.rulebook is ask.rulebook and a.moved is not None:
            found.setdefault(a.moved.underlying, set()).add(a.moved.move)
    return {Floor(u, min(0.0, *m), max(0.0, *m)): m for u, m in found.items()}


def _short(held: Sequence[Wallet], floor: Floor, move: float) -> float:
    """USD by which equity falls short of maintenance after a move, beyond the slack; at most 0 where it does not."""
    worst = 0.0
    for wallet in held:
        answer = wallet.moving(floor.underlyings).at(move, 0.0)[0]
        short = getattr(answer, "maintenance_excess", None)
        if short is not None:
            least = SLACK * max(1.0, abs(answer.maintenance), abs(answer.equity))  # type: ignore[union-attr]
            worst = max(worst, (-short - least) * answer.usd)  # type: ignore[union-attr]
    return worst
