"""The market as it would be after a move of price and vol, and what is held then.

Every price of a moved underlying (index, forwards, marks of futures, the coin as a currency) moves by one fraction,
every vol by another; time stands still. Options are marked again by Black-76, and what a mark lay above or below the
model before it still does. Futures pay in no premium, so their gain goes to unsettled pnl: shift both, market and
portfolio.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

import numpy as np

from loadline.foundation.errors import InputError
from loadline.foundation.table import Floats, Texts
from loadline.foundation.units import MS_PER_YEAR
from loadline.model.instruments import Kind
from loadline.model.market import Market
from loadline.model.positions import Portfolio
from loadline.model.universe import STABLE


def model_values(market: Market) -> Floats:
    """Return (N,) the value of one contract in its settlement currency at the market's own forwards and vols.

    Options are undiscounted Black-76; NaN where a forward or an option's vol is not given.
    """
    from loadline.kernels.payoff import contract_values  # compiled code: loaded on first use

    i, q = market.instruments, market.quotes
    left = np.where(i.is_kind(Kind.OPTION), i.expiry, market.as_of) - market.as_of
    tau = np.maximum(left / MS_PER_YEAR, 0.0)
    return contract_values(i.form, i.multiplier, q.forward[:, None], i.strike, q.vol[:, None], tau, i.right)[:, 0]


def shift_market(market: Market, spot: float, vol: float, *, underlyings: Collection[str] | None = None) -> Market:
    """Return the market after ``spot`` (a fraction of every price) and ``vol`` (a fraction of every vol).

    ``underlyings``: the ones that move, all but stablecoins if left out. Equations, per row: ``F' = (F - fixed)(1 +
    spot) + fixed``, ``vol' = vol (1 + vol move)``, ``mark' = max(mark + V(F', vol') - V(F, vol), 0)`` for options in
    their quote currency, bid and ask with it. Raises ``InputError`` for a move of price to 0 or below, or of vol below.

    >>> from loadline.model.instruments import Instruments
    >>> from loadline.model.market import Quotes
    >>> shift_market(Market(0, Instruments.empty(), Quotes.empty(), {"BTC": 100.0}), -0.25, 0.0).index
    {'BTC': 75.0}
    """
    if not (spot > -1.0 and vol >= -1.0 and np.isfinite(spot + vol)):
        raise InputError(
            f"a move of spot by {spot:+.0%} and vol by {vol:+.0%}", remedy="keep spot above -100 %, vol from -100 %"
        )
    if spot == 0.0 and vol == 0.0:
        return market
    i, q = market.instruments, market.quotes

    def moves(name: str) -> bool:
        return name not in STABLE and (underlyings is None or name in underlyings)

    moved = np.array([moves(u) for u in i.underlying.tolist()], np.bool_)
    fixed = np.where(np.isfinite(q.fixed), q.fixed, 0.0)
    forward = np.where(moved, (q.forward - fixed) * (1.0 + spot) + fixed, q.forward)
    after = market.replace(
        quotes=q.replace(
            forward=forward,
            vol=np.where(moved, q.vol * (1.0 + vol), q.vol),
            delta=np.where(moved, np.nan, q.delta),  # the venue told it of the market as it was
        ),
        index={u: p * (1.0 + spot) if moves(u) else p for u, p in market.index.items()},
        fx={c: p * (1.0 + spot) if moves(c) else p for c, p in market.fx.items()},
    )
    option = i.is_kind(Kind.OPTION)
    change = (model_values(after) - model_values(market)) / i.multiplier
    mark = np.where(option, np.maximum(q.mark + change, 0.0), q.mark * forward / q.forward)
    mark = np.where(moved, mark, q.mark)
    sides = {side: np.maximum(getattr(q, side) + (mark - q.mark), 0.0) for side in ("bid", "ask")}
    return after.replace(quotes=after.quotes.replace(mark=mark, **sides))


def carry_over(portfolio: Portfolio, before: Market, after: Market) -> Portfolio:
    """Return what is held once futures have gained or lost from one market to another: ``unsettled`` moves.

    Equation: ``unsettled' = unsettled + q (v' - v)`` for contracts without an upfront premium. Raises ``MissingData``
    for instruments that a market does not know.
    """
    p = portfolio.positions
    old, new = before.rows(p.instrument), after.rows(p.instrument)
    gain = p.quantity * (model_values(after)[new] - model_values(before)[old])
    upfront = before.instruments.upfront[old]
    return replace(portfolio, positions=p.replace(unsettled=p.unsettled + np.where(upfront, 0.0, gain)))


def worth(portfolio: Portfolio, market: Market) -> tuple[float, float]:
    """Return what positions (marks of options, unsettled pnl of all) and wallets are worth, in USD, without haircuts.

    An option without a mark counts at its model value. Raises ``MissingData`` for an instrument the market lacks.
    """
    p, b, i = portfolio.positions, portfolio.balances, market.instruments
    rows = market.rows(p.instrument)
    marked = i.is_kind(Kind.OPTION) & np.isfinite(market.quotes.mark)
    mark = np.where(marked, market.quotes.mark * i.multiplier, model_values(market))[rows]
    fx = np.array([market.price(c) for c in i.settle[rows].tolist()], np.float64)
    prices = np.array([market.price(c) for c in b.currency.tolist()], np.float64)
    positions = (p.quantity * np.where(i.upfront[rows], mark, 0.0) + p.unsettled) * fx
    return float(positions.sum()), float((b.amount * prices).sum())


def only_rows(market: Market, ids: Texts) -> Market:
    """Return the market with only some instruments' rows (unknown names are left out): less to shift.

    >>> from loadline.model.instruments import spot_rows
    >>> from loadline.model.market import Quotes
    >>> two = Market(0, spot_rows(["BTC", "ETH"]), Quotes.of(np.array([2.0, 1.0])), {})
    >>> only_rows(two, np.array(["ETH", "XYZ"])).instruments.id.tolist()
    ['ETH']
    """
    keep = np.array(sorted({n for n in map(market.instruments.index.get, ids.tolist()) if n is not None}), np.int64)
    return market.replace(instruments=market.instruments.take(keep), quotes=market.quotes.take(keep))
