"""What trading costs and how much of it there is: from quotes, displayed sizes and a venue's terms to candidates."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np

from loadline.foundation.errors import MissingData
from loadline.foundation.table import Bools, Floats, Ints
from loadline.foundation.units import MS_PER_DAY
from loadline.model.instruments import Instruments, Kind, PayoffForm
from loadline.model.market import Market
from loadline.optimize.impact import Depth, forces
from loadline.optimize.problem import Candidates

LOTS: Mapping[str, float] = MappingProxyType({"BTC": 0.1, "ETH": 1.0})
FUTURE_LOTS: Mapping[str, float] = MappingProxyType({"BTC": 0.01, "ETH": 0.1})


@dataclass(frozen=True)
class Terms:
    """How a venue lets one trade; the defaults are round numbers near Deribit's published taker schedule.

    ``option_fee``: fraction of the index per coin, at most ``option_fee_cap`` of the premium; ``future_fee``: fraction
    of notional. ``lots``: contracts per lot of options by underlying; ``future_lots`` of linear futures, coins;
    ``inverse_lot``: of inverse ones, USD. Others trade by 1.
    """

    option_fee: float = 0.0003
    option_fee_cap: float = 0.125
    future_fee: float = 0.0005
    lots: Mapping[str, float] = field(default_factory=lambda: LOTS)
    future_lots: Mapping[str, float] = field(default_factory=lambda: FUTURE_LOTS)
    inverse_lot: float = 10.0

    def lot(self, i: Instruments, rows: Ints) -> Floats:
        """Return (R,) contracts per lot."""
        names, option = i.underlying[rows].tolist(), i.kind[rows] == Kind.OPTION
        coins = [(self.lots if o else self.future_lots).get(n, 1.0) for n, o in zip(names, option, strict=True)]
        return np.where(i.form[rows] == PayoffForm.INVERSE, self.inverse_lot, np.array(coins, np.float64))


@dataclass(frozen=True)
class Wishes:
    """What the user will trade at all.

    ``size``: coins per instrument and side where no depth is given; ``depth``: instrument -> contracts (bid, ask).
    ``never``: instruments left alone; ``buys``, ``sells``: instruments that may only be bought, only be sold.
    ``min_days``: options with less to live are left alone. ``flow``: what trades on a day, so that more than what is
    displayed may be traded, at the impact that this has.
    """

    size: float | None = None
    depth: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    never: Collection[str] = ()
    buys: Collection[str] = ()
    sells: Collection[str] = ()
    reduce_only: bool = False
    min_days: float = 1.0
    flow: Depth | None = None


def ticks(market: Market) -> Floats:
    """Return (N,) the price step of each instrument as far as a snapshot shows it, quote currency.

    The smallest spread quoted among the contracts of the same underlying and form: an upper guess at the tick.
    """
    i, q = market.instruments, market.quotes
    spread = q.ask - q.bid
    out = np.full(len(i), np.nan)
    keys = np.char.add(i.underlying, i.form.astype(str))
    for key in np.unique(keys):
        mine = keys == key
        seen = spread[mine & (spread > 0) & (q.bid > 0)]
        out[mine] = seen.min() if len(seen) else 0.0
    return out


def candidates(
    market: Market, account: str, held: Mapping[str, float], underlyings: Collection[str], terms: Terms, wishes: Wishes
) -> Candidates:
    """Return what an account may trade, at the quotes of a snapshot.

    ``held``: instrument -> contracts. Cost per contract: the half spread to the mark, at least half a tick, plus the
    fee, plus impact where volumes are given. Raises ``MissingData`` where there is neither depth nor a size nor a
    volume: missing depth is not infinite depth.
    """
    if wishes.size is None and not wishes.depth and wishes.flow is None:
        raise MissingData(
            "no displayed sizes: what can be traded at the quotes is not known",
            remedy="give displayed sizes (--sizes FILE), one size in coins for every quote (--size COINS), or what "
            "trades on a day (--adv FILE)",
        )
    i, q = market.instruments, market.quotes
    rows = np.flatnonzero(_tradable(market, underlyings, wishes))
    form, mult = i.form[rows], i.multiplier[rows]
    inverse = form == PayoffForm.INVERSE
    index = np.array([market.price(u) for u in i.underlying[rows].tolist()])
    unit = np.array([market.price(c) for c in i.quote[rows].tolist()]) * mult
    unit = np.where(inverse, mult / q.mark[rows], unit)  # USD per unit of price and contract
    tick = 0.5 * ticks(market)[rows]
    bid, ask, mark = q.bid[rows], q.ask[rows], q.mark[rows]
    paid = fees(market, rows, terms)
    spread = {"buy": ask - mark, "sell": mark - bid}
    floored = {side: x < tick for side, x in spread.items()}
    cost = {side: np.maximum(np.nan_to_num(x), tick) * unit + paid for side, x in spread.items()}
    names = i.id[rows].tolist()
    coins = np.where(inverse, index, 1.0) / np.where(inverse, 1.0, mult)
    shown = {"sell": _shown(wishes, names, 0, coins), "buy": _shown(wishes, names, 1, coins)}
    impact = np.zeros(len(rows))
    if wishes.flow is not None:
        impact = forces(market, rows, wishes.flow, mark * unit)
        share = wishes.flow.participation * np.array([wishes.flow.flows[n].adv for n in names])
        shown = {side: np.where(share > 0, np.maximum(x, share), 0.0) for side, x in shown.items()}
    quoted = {"buy": ask > 0, "sell": bid > 0}
    own = np.array([held.get(n, 0.0) for n in names])
    most = {}
    for side, only, sign in (("buy", wishes.sells, -1.0), ("sell", wishes.buys, 1.0)):
        size = np.where(quoted[side] & (cost[side] > 0) & np.isfinite(cost[side]), shown[side], 0.0)
        size = np.where(np.isin(names, list(only)), 0.0, size) if only else size
        most[side] = np.minimum(size, np.maximum(own * sign, 0.0)) if wishes.reduce_only else size
    lot = terms.lot(i, rows)
    found = Candidates(
        account=np.full(len(rows), account),
        instrument=np.array(names, np.str_),
        buy=np.nan_to_num(cost["buy"]),
        sell=np.nan_to_num(cost["sell"]),
        max_buy=most["buy"],
        max_sell=most["sell"],
        lot=lot,
        least=lot,
        price_buy=ask,
        price_sell=bid,
        floored_buy=floored["buy"],
        floored_sell=floored["sell"],
        impact=impact,
    )
    return found.take(np.maximum(found.max_buy, found.max_sell) >= lot * (1 - 1e-9))


def _tradable(market: Market, underlyings: Collection[str], wishes: Wishes) -> Bools:
    """(N,) which contracts have all that is needed and are wanted."""
    i, q = market.instruments, market.quotes
    option = i.kind == Kind.OPTION
    good = np.isin(i.underlying, list(underlyings)) & (i.kind != Kind.SPOT)
    good &= (q.mark > 0) & (q.forward > 0) & (~option | (q.vol > 0))
    good &= ((q.bid > 0) | (q.ask > 0)) & ~(q.ask < q.bid)
    good &= ~option | (i.expiry > market.as_of + wishes.min_days * MS_PER_DAY)
    good &= i.expiry > market.as_of
    bad = {d.subject for d in market.defects} | set(wishes.never)
    return good & ~np.isin(i.id, list(bad)) if bad else good


def fees(market: Market, rows: Ints, terms: Terms) -> Floats:
    """Return (R,) USD per contract that a venue takes."""
    i, q = market.instruments, market.quotes
    index = np.array([market.price(u) for u in i.underlying[rows].tolist()])
    option, mult = i.kind[rows] == Kind.OPTION, i.multiplier[rows]
    premium = q.mark[rows] * mult * np.array([market.price(c) for c in i.quote[rows].tolist()])
    notional = np.where(i.form[rows] == PayoffForm.INVERSE, mult, mult * index)
    capped = np.minimum(terms.option_fee * index * mult, terms.option_fee_cap * premium)
    return np.where(option, capped, terms.future_fee * notional)


def _shown(wishes: Wishes, names: list[str], side: int, coins: Floats) -> Floats:
    """(R,) contracts on one side of the book: what is displayed, else the size that was given."""
    given = np.array([wishes.depth[n][side] if n in wishes.depth else np.nan for n in names], np.float64)
    return np.where(np.isnan(given), (wishes.size or 0.0) * coins, given)
