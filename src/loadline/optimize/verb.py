"""``plan``: the optimizer in one call, for all accounts of a portfolio together."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from loadline.engine.engine import Asked, choose_rulebook
from loadline.optimize.asking import read_limits
from loadline.optimize.building import Venue, build
from loadline.optimize.trading import Wishes

if TYPE_CHECKING:
    from loadline.model.market import Market
    from loadline.model.positions import Portfolio
    from loadline.optimize.budget import Budget
    from loadline.optimize.plan import Plan


def plan(
    portfolio: Portfolio,
    market: Market,
    rulebook: Asked,
    limits: Iterable[str] = (),
    *,
    size: float | None = None,
    wishes: Wishes | None = None,
    lots: bool = False,
    most_trades: int | None = None,
    rate: float = 0.2,
    days: float = 30.0,
    rescue: bool = False,
    budget: Budget | None = None,
) -> Plan:
    """Return the trades that free the most capital per dollar of cost, with how near the best they are.

    ``limits``: as written for ``--limit`` (``delta:BTC=±2``, ``stress:BTC-20%=50000``, ``liquidation=15%``); without
    any the view is kept as it is by default. ``size``: coins that can be traded at each quote, or ``wishes`` for
    displayed sizes, volumes and what is left alone. ``rate``: cost of capital per year over ``days``; ``rescue``:
    answer a margin call; ``budget``: a clock and when to stop, none by default. All accounts of the portfolio are
    optimized together, under one rulebook; several venues, collateral and transfers: ``optimize.building.build``.
    Raises ``InputError`` for a limit that cannot be read or an account that cannot be margined, and ``MissingData``
    where nothing says how much can be traded. Needs the extra ``loadline[optimize]``.

    >>> from loadline.io.sample import sample
    >>> portfolio, market = sample()
    >>> found = plan(portfolio.only(["strangle"]), market, "deribit-xpm", ["delta:BTC=±1"], size=2.0)
    >>> found.words, found.saving > 0
    ('optimal', True)
    """
    from loadline.optimize.optimizer import optimize  # HiGHS: asked for on first use

    chosen = choose_rulebook(rulebook, market.as_of)
    problem = build(
        portfolio,
        market,
        [Venue(name, chosen) for name in portfolio.names()],
        Wishes(size=size) if wishes is None else wishes,
        read_limits(limits),
        rate=rate,
        days=days,
        lots=lots,
        most_trades=most_trades,
        rescue=rescue,
    )
    return optimize(problem, budget)
