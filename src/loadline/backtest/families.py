"""Books by recipe: the same structure on the same moneyness, opened anew at every date, sized in coins or in USD.

A recipe is stated per coin of notional. Option legs have a mark and a vol, and are chosen by days to expiry and delta;
hedges are linear perpetuals, the basis is held in inverse contracts, as the venue lists them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from loadline.backtest.replay import perpetual
from loadline.foundation.errors import InputError
from loadline.foundation.table import Bools, Floats, Ints, Texts, content_hash
from loadline.foundation.units import MS_PER_DAY
from loadline.model.greeks import unit_greeks
from loadline.model.instruments import Kind, PayoffForm
from loadline.model.market import Market
from loadline.model.positions import Balances, Portfolio, Positions
from loadline.model.universe import build_universe

Legs = dict[str, float]
"""Instrument or currency -> signed quantity, for one coin of notional."""
Shape = Literal["outright", "short options", "long options", "hedged", "market maker"]
LEAST_DAYS = 1.0
"""Options that expire sooner are no legs."""


@dataclass(frozen=True, eq=False)
class View:
    """One coin of a market as a recipe sees it.

    ``price``: USD. Of its coin options, each (N,): ``id``, ``days`` to expiry, ``delta`` in coins, ``right``, ``vega``
    in USD per vol point. ``futures``: its inverse dated futures, name -> days to expiry. ``seed``: of drawn books.
    """

    coin: str
    price: float
    id: Texts
    days: Floats
    delta: Floats
    right: Ints
    vega: Floats
    futures: Mapping[str, float]
    others: Mapping[str, float]
    seed: int = 0

    def _expiry(self, days: float) -> Bools:
        if not len(self.id):
            raise InputError(f"{self.coin} has no options here", remedy="give an option chain")
        listed = np.unique(self.days)
        return np.asarray(self.days == listed[np.argmin(np.abs(listed - days))])

    def nearest(self, days: float, delta: float) -> str:
        """Return the option of the expiry nearest to ``days`` whose delta is nearest; a negative one asks for a put."""
        mine = self._expiry(days) & (self.right == (1 if delta > 0 else -1))
        if not mine.any():
            raise InputError(f"{self.coin} has no such option {days:g} days out", remedy="give the whole chain")
        return str(self.id[mine][np.argmin(np.abs(self.delta[mine] - delta))])

    def strangle(self, days: float, delta: float, quantity: float) -> Legs:
        """Return a call and a put of this delta each; 0.5 makes a straddle."""
        return added({self.nearest(days, delta): quantity}, {self.nearest(days, -delta): quantity})

    def hedged(self, legs: Legs) -> Legs:
        """Return the legs with their delta met by the perpetual."""
        where = {name: i for i, name in enumerate(self.id.tolist())}
        net = sum(q * float(self.delta[where[name]]) for name, q in legs.items())
        return added(legs, {perpetual(self.coin): -net})


def added(*parts: Legs) -> Legs:
    """Return legs put together."""
    out: Legs = {}
    for part in parts:
        for name, quantity in part.items():
            out[name] = out.get(name, 0.0) + quantity
    return out


def scaled(legs: Legs, by: float) -> Legs:
    """Return legs times a number."""
    return {name: quantity * by for name, quantity in legs.items()}


@dataclass(frozen=True)
class Family:
    """A recipe: ``needs`` says on what it can stand, ``shape`` what kind of risk it is for the tables.

    ``alone``: whether one coin is enough for it.
    """

    name: str
    says: str
    shape: Shape
    needs: Literal["prices", "chain"]
    build: Callable[[View], Legs]
    alone: bool = True


def _basis(v: View) -> Legs:
    if not v.futures:
        raise InputError(f"{v.coin} has no dated future here", remedy="give an option chain, which implies them")
    far = min(v.futures, key=lambda n: abs(v.futures[n] - 60.0))
    return {far: -v.price, f"{v.coin}-PERPETUAL": v.price}


def _risk_reversal(v: View) -> Legs:
    return {v.nearest(30, 0.25): 1.0, v.nearest(30, -0.25): -1.0}


def _maker(v: View, legs: int = 200) -> Legs:
    """Options of every expiry either way, gross one coin in all, as much vega bought as sold, no delta."""
    pool = np.flatnonzero((np.abs(v.delta) > 0.03) & (np.abs(v.delta) < 0.8) & (v.days > LEAST_DAYS))
    rng = np.random.default_rng(v.seed)
    chosen = np.sort(rng.permutation(pool)[: legs - 1])
    size = np.exp(rng.uniform(np.log(0.1), np.log(10.0), len(chosen))) * rng.choice([-1.0, 1.0], len(chosen))
    vega = size * v.vega[chosen]
    long, short = vega[vega > 0].sum(), -vega[vega < 0].sum()
    if not (long > 0 and short > 0):
        raise InputError(f"too few options of {v.coin} for a book either way", remedy="give the whole chain")
    size = size * np.where(size > 0, np.sqrt(short / long), np.sqrt(long / short))
    return v.hedged(dict(zip(v.id[chosen].tolist(), (size / np.abs(size).sum()).tolist(), strict=True)))


def _against(v: View, others: Sequence[str]) -> Legs:
    """One coin's worth of it long, as much in the others together short."""
    known = [o for o in others if o in v.others and o != v.coin]
    if not known:
        raise InputError(f"no other coin beside {v.coin}", remedy="give the prices of others, too")
    short = {perpetual(o): -v.price / v.others[o] / len(known) for o in known}
    return added({perpetual(v.coin): 1.0}, short)


def _basket(v: View) -> Legs:
    """Equal USD in every coin, one coin's worth in all; a basket of one coin would be its perpetual by another name."""
    if not v.others:
        raise InputError(f"no other coin beside {v.coin}", remedy="give the prices of others, too")
    everyone = {v.coin: v.price, **v.others}
    return {perpetual(c): v.price / p / len(everyone) for c, p in everyone.items()}


def _alt_collateral(v: View) -> Legs:
    """Long its perpetual, with half as much of the other coins in the wallet."""
    if not v.others:
        raise InputError(f"no other coin beside {v.coin}", remedy="give the prices of others, too")
    held = {c: 0.5 * v.price / p / len(v.others) for c, p in v.others.items()}
    return added({perpetual(v.coin): 1.0}, held)


FAMILIES: Mapping[str, Family] = {
    f.name: f
    for f in (
        Family("perp-long", "long the perpetual", "outright", "prices", lambda v: {perpetual(v.coin): 1.0}),
        Family("perp-short", "short the perpetual", "outright", "prices", lambda v: {perpetual(v.coin): -1.0}),
        Family("basis", "short a dated future, long the perpetual", "hedged", "chain", _basis),
        Family(
            "covered-call", "long the perpetual, short a 30-day 25-delta call", "outright", "chain",
            lambda v: added({perpetual(v.coin): 1.0}, {v.nearest(30, 0.25): -1.0}),
        ),
        Family(
            "short-straddle-weekly", "short call and put, 7 days, at the money", "short options", "chain",
            lambda v: v.strangle(7, 0.5, -1.0),
        ),
        Family(
            "short-strangle-weekly", "short call and put, 7 days, 20 delta", "short options", "chain",
            lambda v: v.strangle(7, 0.2, -1.0),
        ),
        Family(
            "short-strangle-monthly", "short call and put, 30 days, 20 delta", "short options", "chain",
            lambda v: v.strangle(30, 0.2, -1.0),
        ),
        Family(
            "long-straddle-weekly", "long call and put, 7 days, at the money", "long options", "chain",
            lambda v: v.strangle(7, 0.5, 1.0),
        ),
        Family(
            "long-strangle-monthly", "long call and put, 30 days, 20 delta", "long options", "chain",
            lambda v: v.strangle(30, 0.2, 1.0),
        ),
        Family(
            "calendar", "short a 14-day straddle, long one of 60 days", "hedged", "chain",
            lambda v: added(v.strangle(14, 0.5, -1.0), v.strangle(60, 0.5, 1.0)),
        ),
        Family("risk-reversal", "short a 30-day 25-delta put, long the call", "outright", "chain", _risk_reversal),
        Family(
            "butterfly", "short a 30-day straddle, long the 25-delta strangle", "hedged", "chain",
            lambda v: added(v.strangle(30, 0.5, -1.0), v.strangle(30, 0.25, 1.0)),
        ),
        Family(
            "hedged-short-gamma", "short a 7-day straddle, delta met by the perpetual", "hedged", "chain",
            lambda v: v.hedged(v.strangle(7, 0.5, -1.0)),
        ),
        Family("market-maker", "200 legs of every expiry either way, no delta", "market maker", "chain", _maker),
        Family("basket-long", "long all coins, equal USD", "outright", "prices", _basket, alone=False),
        Family("basket-short", "short all coins, equal USD", "outright", "prices",
               lambda v: scaled(_basket(v), -1), alone=False),
        Family("pair", "long the coin, short ether (bitcoin, for ether)", "hedged", "prices",
               lambda v: _against(v, ["BTC"] if v.coin == "ETH" else ["ETH"]), alone=False),
        Family("against-all", "long the coin, short all others, equal USD", "hedged", "prices",
               lambda v: _against(v, list(v.others)), alone=False),
        Family("all-against", "short the coin, long all others, equal USD", "hedged", "prices",
               lambda v: scaled(_against(v, list(v.others)), -1.0), alone=False),
        Family("alt-collateral", "long the perpetual, the other coins as collateral", "outright", "prices",
               _alt_collateral, alone=False),
    )
}  # fmt: skip
"""Every recipe by name."""

TWELVE = (
    "perp-long", "perp-short", "basis", "covered-call", "short-strangle-weekly", "short-strangle-monthly",
    "long-straddle-weekly", "calendar", "risk-reversal", "butterfly", "hedged-short-gamma", "market-maker",
)  # fmt: skip
"""The families of the acceptance test on chains."""


def family(name: str) -> Family:
    """Return a recipe by name; raises ``InputError`` listing all of them."""
    if name not in FAMILIES:
        raise InputError(f"no family {name!r}", remedy=f"known: {', '.join(FAMILIES)}")
    return FAMILIES[name]


@dataclass(frozen=True)
class Size:
    """How large a book is: so many coins, or so many USD of notional.

    >>> Size(usd=1e6).coins(50_000.0)
    20.0
    """

    usd: float = 0.0
    amount: float = 0.0

    def __post_init__(self) -> None:
        if (self.usd > 0) == (self.amount > 0):
            raise InputError("a size is either in USD or in coins, above 0", remedy="Size(usd=1e6), or Size(amount=10)")

    def coins(self, price: float) -> float:
        """Return the coins of notional at a USD price."""
        return self.amount or self.usd / price


def views(market: Market, coins: Sequence[str], seed: int) -> dict[str, View]:
    """Return each coin of a market as recipes see it; those without a price are left out.

    ``seed``: of drawn books; every coin and date has its own stream of it.
    """
    price = {c: market.price(c) for c in market.index}
    coins = [c for c in coins if price.get(c, 0.0) > 0]
    i, q = market.instruments, market.quotes
    left = np.where(i.expiry > market.as_of, (i.expiry - market.as_of) / MS_PER_DAY, np.inf)
    legs = (i.form == PayoffForm.COIN_OPTION) & (q.mark > 0) & (q.vol > 0) & (q.forward > 0) & (left >= LEAST_DAYS)
    dated = (i.kind == Kind.FUTURE) & (i.form == PayoffForm.INVERSE) & (left >= 3 * LEAST_DAYS)
    u = build_universe(market, np.flatnonzero(legs), lambda table: table.underlying)
    unit = unit_greeks(u)
    out = {}
    for coin in coins:
        mine = u.instruments.underlying == coin
        own = dated & (i.underlying == coin)
        futures = dict(zip(i.id[own].tolist(), left[own].tolist(), strict=True))
        drawn = int(content_hash(seed, market.as_of, coin)[:12], 16)
        rest = {c: p for c, p in price.items() if c != coin and p > 0}
        out[coin] = View(
            coin,
            price[coin],
            id=u.instruments.id[mine],
            days=u.days[mine],
            delta=unit.delta[mine],
            right=u.instruments.right[mine],
            vega=unit.vega[mine],
            futures=futures,
            others=rest,
            seed=drawn,
        )
    return out


def account(coin: str, name: str) -> str:
    """Return the name of a family's book on a coin."""
    return f"{coin} {name}"


@dataclass(frozen=True, eq=False)
class Opened:
    """Books just opened, ``notional`` in USD of each account, and why those in ``refused`` could not be."""

    portfolio: Portfolio
    notional: Mapping[str, float]
    refused: Mapping[str, str]


def books(market: Market, names: Sequence[str], coins: Sequence[str], size: Size, seed: int = 0) -> Opened:
    """Return one account per family and coin, opened at mark.

    A book that a market has no legs for, or whose coin has no price, is in ``refused`` with its reason, never made of
    other legs. Raises ``InputError`` for an unknown family.
    """
    recipes = [family(name) for name in names]
    seen = views(market, coins, seed)
    known = set(market.instruments.id.tolist())
    held: list[tuple[str, str, float]] = []
    wallets: list[tuple[str, str, float]] = []
    notional: dict[str, float] = {}
    refused = {account(c, r.name): f"no price of {c}" for c in coins if c not in seen for r in recipes}
    for coin, view in seen.items():
        many = size.coins(view.price)
        for recipe in recipes:
            label = account(coin, recipe.name)
            try:
                legs = scaled(recipe.build(view), many)
            except InputError as error:
                refused[label] = error.what
                continue
            held += [(label, leg, quantity) for leg, quantity in legs.items() if leg in known and quantity]
            wallets += [(label, leg, quantity) for leg, quantity in legs.items() if leg not in known]
            notional[label] = many * view.price
    unit = {"unsettled": 0.0, "entry": float("nan")}
    positions = Positions.from_rows(unit | {"account": a, "instrument": n, "quantity": x} for a, n, x in held)
    balances = Balances.from_rows({"account": a, "currency": n, "amount": x} for a, n, x in wallets)
    return Opened(Portfolio(positions, balances), notional, refused)
