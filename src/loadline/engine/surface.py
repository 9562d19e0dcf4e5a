"""Spot x vol: what an account gains, and what it would be asked for, in markets that are not here yet.

In every cell the whole market is shifted and the rule is run again on it: a requirement moves with price and vol too,
which no repricing of positions alone can show.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from loadline.engine.engine import Answer, Asked, Chosen, choose_rulebook, margins
from loadline.engine.result import unavailable_as_json
from loadline.foundation.errors import InputError, Unavailable
from loadline.foundation.table import Bools, Floats, Texts
from loadline.model.market import Market
from loadline.model.positions import Portfolio
from loadline.model.shift import carry_over, only_rows, shift_market, worth

SPOT_MOVES = tuple(round(0.05 * k, 2) for k in range(-10, 11))
VOL_MOVES = (-0.5, -0.25, 0.0, 0.25, 0.5, 1.0)
UNAVAILABLE = "unavailable"


@dataclass(frozen=True, eq=False)
class Wallet:
    """One account (or one settlement currency of it, where the rule keeps wallets apart) under one rulebook.

    ``underlyings``: the ones that move, all if ``None``.
    """

    account: str
    currency: str
    portfolio: Portfolio
    market: Market
    chosen: Chosen
    underlyings: Collection[str] | None = None
    asked: dict[tuple[float, float], float] = field(default_factory=dict)

    def at(self, spot: float, vol: float) -> tuple[Answer, Market, Portfolio]:
        """Return the answer after a move, with the market and the holdings it was read from.

        ``spot``, ``vol``: fractions of every price and every vol.
        """
        market = shift_market(self.market, spot, vol, underlyings=self.underlyings)
        held = self.portfolio if market is self.market else carry_over(self.portfolio, self.market, market)
        (answer,) = margins(held, market, self.chosen)
        return answer, market, held

    def maintenance_excess(self, spot: float, vol: float) -> float:
        """Return equity less maintenance requirement in USD after a move, NaN where it cannot be answered.

        ``spot``, ``vol``: fractions of every price and every vol. Every move is computed once and kept.
        """
        if (spot, vol) not in self.asked:
            answer = self.at(spot, vol)[0]
            left = math.nan if isinstance(answer, Unavailable) else answer.maintenance_excess * answer.usd
            self.asked[spot, vol] = left
        return self.asked[spot, vol]

    def moving(self, underlyings: Collection[str] | None) -> Wallet:
        """Return the same wallet where only some underlyings move."""
        return Wallet(self.account, self.currency, self.portfolio, self.market, self.chosen, underlyings)


def wallets(
    portfolio: Portfolio, market: Market, rulebook: Asked, account: str, *, currency: str | None = None
) -> list[Wallet]:
    """Return the wallets of an account that a rulebook answers for, each to be asked alone.

    ``currency``: only this settlement currency, for rulebooks that keep wallets apart. Raises ``InputError`` for an
    account that holds nothing, or a currency that it does not have.
    """
    chosen = choose_rulebook(rulebook, market.as_of)
    mine = portfolio.live().only([account])
    if account not in mine.names():
        raise InputError(f"no account {account!r}", remedy=f"one of {', '.join(portfolio.names())}")
    p, b, o = mine.positions, mine.balances, mine.orders
    near = only_rows(market, np.concatenate([p.instrument, b.currency, o.instrument]))
    if not chosen.rule.segregated:
        return [Wallet(account, chosen.rule.currency, mine, near, chosen)]
    settle = dict(zip(near.instruments.id.tolist(), near.instruments.settle.tolist(), strict=True))
    paid = np.array([settle.get(i, "") for i in p.instrument.tolist()], np.str_)
    ordered = np.array([settle.get(i, "") for i in o.instrument.tolist()], np.str_)
    if "" in {*paid.tolist(), *ordered.tolist()}:  # an unknown contract: the whole account cannot be answered
        return [Wallet(account, "", mine, near, chosen)]
    names = sorted({*paid.tolist(), *ordered.tolist(), *b.currency.tolist()})
    if currency is not None and currency not in names:
        raise InputError(f"{account} has no wallet in {currency}", remedy=f"one of {', '.join(names)}")
    return [
        Wallet(account, c, Portfolio(p.take(paid == c), b.take(b.currency == c), o.take(ordered == c)), near, chosen)
        for c in names
        if currency in (None, c)
    ]


@dataclass(frozen=True, eq=False)
class Surface:
    """An account over S spot moves (rows) and V vol moves (columns); amounts (S, V) in USD, NaN where unavailable.

    ``spot_moves``, ``vol_moves``: fractions. ``pnl``: what positions and wallet gain from now, without haircuts;
    ``wallet``: the part of it that coins in the wallet gain. ``equity``, ``initial``, ``maintenance``: as the rule
    answers in the shifted market, at its price of ``currency``. ``status``: the word of each cell, ``unavailable``
    where there is no answer; ``gaps``: why, once each.
    """

    account: str
    rulebook: str
    version: str
    currency: str
    as_of: int
    spot_moves: Floats
    vol_moves: Floats
    pnl: Floats
    wallet: Floats
    equity: Floats
    initial: Floats
    maintenance: Floats
    status: Texts
    notes: tuple[str, ...] = ()
    gaps: tuple[Unavailable, ...] = ()

    @property
    def excess(self) -> Floats:
        """(S, V) equity less initial requirement, USD."""
        return np.asarray(self.equity - self.initial)

    @property
    def maintenance_excess(self) -> Floats:
        """(S, V) equity less maintenance requirement, USD: below 0 the account may be liquidated."""
        return np.asarray(self.equity - self.maintenance)

    @property
    def region(self) -> Bools:
        """(S, V) the liquidation region: cells where equity is below maintenance; a cell without answer is outside."""
        return np.asarray(self.maintenance_excess < 0.0)

    def as_json(self) -> dict[str, Any]:
        """Return the surface as plain data; a cell without answer is ``None``."""
        cells = {
            name: [[None if x != x else x for x in row] for row in getattr(self, name).tolist()]
            for name in ("pnl", "wallet", "equity", "initial", "maintenance", "excess", "maintenance_excess")
        }
        return {
            "account": self.account,
            "rulebook": self.rulebook,
            "version": self.version,
            "currency": self.currency,
            "unit": "USD",
            "spot_moves": self.spot_moves.tolist(),
            "vol_moves": self.vol_moves.tolist(),
            **cells,
            "status": self.status.tolist(),
            "notes": list(self.notes),
            "unavailable": [unavailable_as_json(gap) for gap in self.gaps],
        }


def surface(
    portfolio: Portfolio,
    market: Market,
    rulebook: Asked,
    account: str,
    spot_moves: Sequence[float] = SPOT_MOVES,
    vol_moves: Sequence[float] = VOL_MOVES,
    *,
    currency: str | None = None,
    underlyings: Collection[str] | None = None,
) -> Surface:
    """Return P&L, equity and requirements of an account in every cell of spot moves x vol moves.

    ``spot_moves``, ``vol_moves``: fractions, of every price and every vol; ``underlyings``: the ones that move, all if
    left out; ``currency``: which wallet, where the rulebook keeps them apart. The parameters in force now hold in every
    cell. Raises ``InputError`` where the account has several wallets and none is named.
    """
    found = wallets(portfolio, market, rulebook, account, currency=currency)
    if len(found) != 1:
        names = ", ".join(w.currency for w in found)
        raise InputError(f"{account} has several wallets", remedy=f"name one: {names}; or call surfaces for all")
    return wallet_surface(found[0].moving(underlyings), spot_moves, vol_moves)


def surfaces(
    portfolio: Portfolio,
    market: Market,
    rulebook: Asked,
    account: str,
    spot_moves: Sequence[float] = SPOT_MOVES,
    vol_moves: Sequence[float] = VOL_MOVES,
    *,
    underlyings: Collection[str] | None = None,
) -> list[Surface]:
    """Return one surface per answer of the rulebook: one, or one per settlement currency where wallets are apart.

    ``spot_moves``, ``vol_moves``: fractions, of every price and every vol. Raises ``InputError`` for an account that
    holds nothing.
    """
    found = wallets(portfolio, market, rulebook, account)
    return [wallet_surface(w.moving(underlyings), spot_moves, vol_moves) for w in found]


def wallet_surface(wallet: Wallet, spot_moves: Sequence[float], vol_moves: Sequence[float]) -> Surface:
    """Return the surface of one wallet, cell by cell; ``spot_moves``, ``vol_moves``: fractions."""
    shape = (len(spot_moves), len(vol_moves))
    columns = {name: np.full(shape, np.nan) for name in ("pnl", "wallet", "equity", "initial", "maintenance")}
    status = np.full(shape, UNAVAILABLE, "U24")
    gaps: dict[tuple[str, ...], Unavailable] = {}
    here = wallet.at(0.0, 0.0)[0]
    if isinstance(here, Unavailable):
        gaps[here.missing], cells = here, []
    else:
        cells = [(s, v) for s in range(shape[0]) for v in range(shape[1])]
        positions, cash = worth(wallet.portfolio, wallet.market)
    for s, v in cells:
        answer, market, held = wallet.at(float(spot_moves[s]), float(vol_moves[v]))
        moved_positions, moved_cash = worth(held, market)
        columns["wallet"][s, v] = moved_cash - cash
        columns["pnl"][s, v] = moved_positions - positions + (moved_cash - cash)
        if isinstance(answer, Unavailable):
            gaps.setdefault(answer.missing, answer)
            continue
        status[s, v] = answer.status.value
        for name in ("equity", "initial", "maintenance"):
            columns[name][s, v] = getattr(answer, name) * answer.usd
    return Surface(
        account=wallet.account,
        rulebook=wallet.chosen.rule.name,
        version=wallet.chosen.version.label,
        currency=wallet.currency,
        as_of=wallet.market.as_of,
        spot_moves=np.asarray(spot_moves, np.float64),
        vol_moves=np.asarray(vol_moves, np.float64),
        **columns,
        status=status,
        notes=() if isinstance(here, Unavailable) else here.notes,
        gaps=tuple(gaps.values()),
    )
