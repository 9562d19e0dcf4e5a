"""The market as it would be after a move of price and vol, and what is held then.

Every price of a moved underlying (index, forwards, marks of futures, the coin as a currency) moves by one fraction,
every vol by another, perpetuals and dated contracts beyond it where their basis moves; time stands still. A stablecoin
that moves is a currency that moves: what is quoted in it costs more of it, what is paid in it is worth less. Options
are marked again by Black-76, and what a mark lay above or below the model before it still does. Futures pay in no
premium, so their gain goes to unsettled pnl: shift both, market and portfolio.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np

from loadline.foundation.errors import InputError
from loadline.foundation.table import Bools, Floats, Labels, Texts
from loadline.foundation.units import MS_PER_DAY, MS_PER_YEAR
from loadline.model.instruments import NO_EXPIRY, Instruments, Kind
from loadline.model.market import Market
from loadline.model.positions import Portfolio
from loadline.model.smile import Columns, Smiles
from loadline.model.universe import STABLE

FAR = 90.0
"""Days from which a move of the basis of dated contracts is whole; it vanishes towards expiry."""
SHORTEST = 7.0
"""Days: the shortest tenor at which moves of vol were measured."""


def model_values(market: Market) -> Floats:
    """Return (N,) the value of one contract in its settlement currency at the market's own forwards and vols.

    Options are undiscounted Black-76; NaN where a forward or an option's vol is not given.
    """
    from loadline.kernels.payoff import contract_values  # compiled code: loaded on first use

    i, q = market.instruments, market.quotes
    left = np.where(i.is_kind(Kind.OPTION), i.expiry, market.as_of) - market.as_of
    tau = np.maximum(left / MS_PER_YEAR, 0.0)
    return contract_values(i.form, i.multiplier, q.forward[:, None], i.strike, q.vol[:, None], tau, i.right)[:, 0]


@dataclass(frozen=True, eq=False)
class Shift:
    """What happens to a market; every mapping holds fractions, and what it does not name stays.

    ``spot``: of the USD price of a coin, or of a stablecoin: what is quoted in that is then quoted at other numbers.
    ``vol``: of 30-day implied vol by underlying. ``perpetual``: of the price of perpetuals beyond that of spot;
    ``future``: the same of dated futures and the forwards of options at 90 days and beyond, less in proportion below.
    ``by_tenor``: vols move by ``d ln v(T) = d ln v(30) (30 / T)^p``, p 0.45 below 30 days and 0.65 above, as they were
    measured from 7 days on: below, as at 7. Without it all vols move by one fraction.
    """

    spot: Mapping[str, float] = field(default_factory=dict)
    vol: Mapping[str, float] = field(default_factory=dict)
    perpetual: Mapping[str, float] = field(default_factory=dict)
    future: Mapping[str, float] = field(default_factory=dict)
    by_tenor: bool = False

    def __post_init__(self) -> None:
        moves = [*self.spot.values(), *self.vol.values()]
        low = [*self.spot.values(), *self.perpetual.values(), *self.future.values()]
        fine = all(x > -1.0 for x in low) and all(x >= -1.0 for x in self.vol.values())
        if not (fine and all(np.isfinite(x) for x in (*low, *moves))) or "USD" in self.spot:
            said = ", ".join(f"{n} {x:+.0%}" for m in (self.spot, self.vol) for n, x in m.items())
            what = f"a move of prices or vols that cannot be: {said or 'of the basis'}"
            raise InputError(what, remedy="keep prices above -100 %, vols from -100 %; the dollar does not move")

    @property
    def names(self) -> set[str]:
        """The underlyings and currencies that anything happens to."""
        return {*self.spot, *self.vol, *self.perpetual, *self.future}


def shift_market(market: Market, spot: float, vol: float, *, underlyings: Collection[str] | None = None) -> Market:
    """Return the market after ``spot`` (a fraction of every price) and ``vol`` (a fraction of every vol).

    ``underlyings``: the ones that move, all but stablecoins if left out. As ``shifted``, with one fraction for all.
    Raises ``InputError`` for a move of price to 0 or below, or of vol below.

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
    names = {*np.unique(market.instruments.underlying).tolist(), *market.index, *market.fx} - set(STABLE)
    moving = [n for n in sorted(names) if underlyings is None or n in underlyings]
    return shifted(market, Shift(dict.fromkeys(moving, spot), dict.fromkeys(moving, vol)))


def shifted(market: Market, shift: Shift) -> Market:
    """Return the market after a shift, the market itself after none.

    Equations, per row: ``F' = (F - fixed)(1 + spot)(1 + basis) + fixed``, over ``1 + spot`` of the stablecoin that it
    is quoted in; ``vol' = vol (1 + vol move)`` or by tenor; ``mark' = max(mark + V(F', vol') - V(F, vol), 0)`` for
    options in their quote currency, bid and ask with it.

    >>> from loadline.io.sample import sample
    >>> after = shifted(sample()[1], Shift(spot={"BTC": -0.5, "USDC": -0.1}, perpetual={"BTC": -0.01}))
    >>> round(after.price("BTC")), round(after.price("USDC"), 5)
    (42000, 0.89982)
    """
    if not any(x for m in (shift.spot, shift.vol, shift.perpetual, shift.future) for x in m.values()):
        return market
    i, q = market.instruments, market.quotes
    forward, vol, moved = _moved(i, q.forward, q.vol, np.where(np.isfinite(q.fixed), q.fixed, 0.0), market.as_of, shift)
    after = market.replace(
        quotes=q.replace(
            forward=forward,
            vol=vol,
            delta=np.where(moved, np.nan, q.delta),  # the venue told it of the market as it was
        ),
        index={u: p * (1.0 + shift.spot[u]) if u in shift.spot else p for u, p in market.index.items()},
        fx={c: p * (1.0 + shift.spot[c]) if c in shift.spot else p for c, p in market.fx.items()},
        chain=market.chain and Smiles(partial(_chain_after, market.chain, market.as_of, shift)),
    )
    option = i.is_kind(Kind.OPTION)
    change = (model_values(after) - model_values(market)) / i.multiplier
    mark = np.where(option, np.maximum(q.mark + change, 0.0), q.mark * forward / q.forward)
    mark = np.where(moved, mark, q.mark)
    sides = {side: np.maximum(getattr(q, side) + (mark - q.mark), 0.0) for side in ("bid", "ask")}
    return after.replace(quotes=after.quotes.replace(mark=mark, **sides))


def _moved(
    i: Instruments, forward: Floats, vol: Floats, fixed: Floats, as_of: int, shift: Shift
) -> tuple[Floats, Floats, Bools]:
    """(N,) forwards and vols after a shift, and which rows move; ``fixed``: (N,) what of a forward is settled."""
    underlyings, quoted = Labels.of(i.underlying), Labels.of(i.quote)
    days = np.where(i.expiry == NO_EXPIRY, 0, i.expiry - as_of) / MS_PER_DAY

    def each(moves: Mapping[str, float]) -> Floats:
        return np.array([moves.get(n, 0.0) for n in underlyings.names], np.float64)[underlyings.place]

    factor = 1.0 + each(shift.spot)
    if shift.perpetual:
        factor = factor * np.where(i.is_kind(Kind.PERPETUAL), 1.0 + each(shift.perpetual), 1.0)
    if shift.future:
        near = np.clip(days / FAR, 0.0, 1.0)
        factor = factor * np.where(i.is_kind(Kind.FUTURE, Kind.OPTION), 1.0 + near * each(shift.future), 1.0)
    own = np.array([1.0 + (shift.spot.get(n, 0.0) if n in STABLE else 0.0) for n in quoted.names], np.float64)
    moved = np.isin(underlyings.names, list(shift.names))[underlyings.place] | (own != 1.0)[quoted.place]
    moving = ((forward - fixed) * factor + fixed) / own[quoted.place]
    vols = 1.0 + each(shift.vol)
    if shift.by_tenor:
        short = np.maximum(days, SHORTEST)
        vols = vols ** ((30.0 / short) ** np.where(short < 30.0, 0.45, 0.65))
    return np.where(moved, moving, forward), np.where(moved, vol * vols, vol), moved


def _chain_after(chain: Smiles, as_of: int, shift: Shift) -> Columns:
    i, forward, vol = chain.columns
    return (i, *_moved(i, forward, vol, np.zeros(len(i)), as_of, shift)[:2])


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

    Smiles stay those of the whole market.

    >>> from loadline.model.instruments import spot_rows
    >>> from loadline.model.market import Quotes
    >>> two = Market(0, spot_rows(["BTC", "ETH"]), Quotes.of(np.array([2.0, 1.0])), {})
    >>> only_rows(two, np.array(["ETH", "XYZ"])).instruments.id.tolist()
    ['ETH']
    """
    keep = np.array(sorted({n for n in map(market.instruments.index.get, ids.tolist()) if n is not None}), np.int64)
    instruments, quotes = market.instruments.take(keep), market.quotes.take(keep)
    return market.replace(instruments=instruments, quotes=quotes, chain=market.smiles)
