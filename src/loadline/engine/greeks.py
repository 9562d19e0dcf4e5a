"""Net delta, gamma, vega and theta of every account, by underlying and expiry."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from loadline.engine.requirements import unavailable
from loadline.foundation.errors import InputError, Unavailable
from loadline.foundation.table import Floats, Table, Texts
from loadline.model.book import resolve
from loadline.model.greeks import UnitGreeks, unit_greeks
from loadline.model.market import Market
from loadline.model.positions import Portfolio
from loadline.model.universe import STABLE, expiry_label

VENUE = ("delta", "net_delta", "gamma", "vega", "theta")
DOLLARS = ("delta_usd", "gamma_usd", "vega_usd", "theta_usd")


@dataclass(frozen=True, eq=False)
class GreekRows(Table):
    """One row per account, underlying and expiry (``perpetual`` and ``spot`` are buckets; spot is the wallet).

    The columns of sensitivities are those of ``model.greeks.UnitGreeks``, summed over positions: delta in coins, gamma
    in coins per USD, vega in USD per vol point, theta in USD per day; and in dollars per 100 %, 1 %, point and day.
    """

    account: Texts
    underlying: Texts
    expiry: Texts
    delta: Floats
    net_delta: Floats
    gamma: Floats
    vega: Floats
    theta: Floats
    delta_usd: Floats
    gamma_usd: Floats
    vega_usd: Floats
    theta_usd: Floats


@dataclass(frozen=True, eq=False)
class Greeks:
    """The sensitivities of the accounts that could be answered, and why the others could not."""

    rows: GreekRows
    unavailable: tuple[Unavailable, ...] = ()

    def total(self, *by: str) -> GreekRows:
        """Return the sums over everything but some of ``account``, ``underlying``, ``expiry``, in order of appearance.

        What is summed over reads ``""``. Coins of different underlyings do not add: without ``underlying`` the venue
        units are NaN and only the dollars stand.
        """
        rows, keys = self.rows, ("account", "underlying", "expiry")
        groups: dict[tuple[str, ...], list[int]] = {}
        columns = [getattr(rows, k).tolist() if k in by else [""] * len(rows) for k in keys]
        for n, key in enumerate(zip(*columns, strict=True)):
            groups.setdefault(key, []).append(n)
        unlike = set() if "underlying" in by else set(VENUE)

        def added(name: str, picked: list[int]) -> float:
            return float("nan") if name in unlike else float(np.add.accumulate(getattr(rows, name)[picked])[-1])

        return GreekRows.from_rows(
            dict(zip(keys, key, strict=True)) | {name: added(name, picked) for name in (*VENUE, *DOLLARS)}
            for key, picked in groups.items()
        )

    def as_json(self) -> dict[str, Any]:
        """Return rows and non-answers as plain data without NaN."""
        from loadline.engine.result import unavailable_as_json

        return {
            "rows": [self.rows.row(n) for n in range(len(self.rows))],
            "unavailable": [unavailable_as_json(u) for u in self.unavailable],
        }


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked for, and the market columns it needs."""

    name: str = "greeks"
    needs: tuple[str, ...] = ("index", "forward", "vol")


def greeks(portfolio: Portfolio, market: Market, *, account: str | None = None) -> Greeks:
    """Return net sensitivities by account, underlying and expiry; open orders do not count.

    ``account``: only this one. What each number means, its unit and its equation: ``loadline.model.greeks``. Rows are
    in order of account, underlying, spot, expiries, perpetual. Raises ``InputError`` for an account that holds nothing.
    """
    portfolio = portfolio.live()
    names = portfolio.names()
    if account is not None:
        if account not in names:
            raise InputError(f"no account {account!r}", remedy=f"one of {', '.join(names)}")
        names = [account]
    gaps: Mapping[str, Unavailable | None] = {a: unavailable(a, portfolio.only([a]), market, Question()) for a in names}
    good = tuple(a for a in names if gaps[a] is None)
    missing = tuple(gap for gap in gaps.values() if gap is not None)
    if not good:
        return Greeks(GreekRows.empty(), missing)
    held = portfolio.only(list(good))
    known = market.with_wallet(sorted(set(held.balances.currency.tolist())))
    book = resolve(held, known, lambda instruments: instruments.underlying, good)
    u, frame = book.universe, book.frame
    unit = unit_greeks(u)
    first = np.flatnonzero(np.append(True, np.diff(u.classes.code["expiry"]) != 0))
    groups = frame.classes["expiry"]
    underlying = u.instruments.underlying[first][groups]
    table = GreekRows(
        account=np.array(good, np.str_)[frame.owner_of["expiry"]],
        underlying=underlying,
        expiry=expiry_label(u.instruments)[first][groups],
        **{
            name: (book.quantity * book.each(getattr(unit, name))).net("expiry").numbers()[:, 0]
            for name in UnitGreeks.names()
        },
    )
    by_settlement = Greeks(table.take(~np.isin(underlying, STABLE)))  # coin and cash contracts of one expiry add
    return Greeks(by_settlement.total("account", "underlying", "expiry"), missing)
