"""What may be posted where: transfer cost and time, yield forgone, caps on how much lies in one asset."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from loadline.foundation.errors import InputError
from loadline.model.market import Market
from loadline.model.positions import Portfolio
from loadline.optimize.problem import PostedCap, Posting


@dataclass(frozen=True)
class Asset:
    """What may be posted: ``held`` units outside the accounts, ``yielding`` per year forgone while posted.

    ``move_cost``: fraction of its value, each way; ``accounts``: where it may go, all if empty. ``hours``: how long a
    transfer takes; until it arrives it counts for neither account. ``most_value``: USD that may lie in it in any one
    account, ``most_share``: of all that lies in the account's wallet; both without haircuts.
    """

    currency: str
    held: float = 0.0
    yielding: float = 0.0
    move_cost: float = 0.0
    accounts: tuple[str, ...] = ()
    hours: float = 0.0
    most_value: float = np.inf
    most_share: float = 1.0


def postings(
    portfolio: Portfolio,
    market: Market,
    names: Sequence[str],
    assets: Sequence[Asset],
    share: float,
    *,
    deadline: float = np.inf,
) -> tuple[tuple[Posting, ...], tuple[str, ...]]:
    """Return what may be posted and taken away, and in words what arrives too late to be, or what has to be waited for.

    ``share``: of a year that yield is forgone; ``deadline``: hours until it has to be there. Raises ``InputError`` for
    an asset without a price, or one that may go to no account that is optimized.
    """
    out, notes = [], []
    b = portfolio.balances
    for asset in assets:
        price = market.price(asset.currency)
        if not price > 0:
            raise InputError(f"the market has no price of {asset.currency}", remedy="add it to the market's currencies")
        strange = [n for n in asset.accounts if n not in names]
        if strange:
            raise InputError(
                f"{asset.currency} may go to {', '.join(strange)}, which is not optimized here",
                remedy=f"name some of {', '.join(names)}",
            )
        if asset.hours > deadline:
            notes.append(
                f"{asset.currency} takes {asset.hours:g} h to arrive and would come after the {deadline:g} h there "
                "are: it is neither posted nor withdrawn"
            )
            continue
        if asset.hours > 0:
            notes.append(
                f"{asset.currency} counts where it goes {asset.hours:g} h after it was sent, and no longer where it "
                "came from: trades that lean on it wait"
            )
        there = {n: float(b.amount[(b.account == n) & (b.currency == asset.currency)].sum()) for n in names}
        most = asset.held + sum(max(x, 0.0) for x in there.values())
        move, yielding = asset.move_cost * price, asset.yielding * share * price
        for name in asset.accounts or names:
            take = max(there.get(name, 0.0), 0.0)
            cost = {"cost_add": move + yielding, "cost_take": move - yielding}
            out.append(Posting(name, asset.currency, most, take, source=asset.currency, **cost))
    return tuple(out), tuple(notes)


def concentration(names: Sequence[str], assets: Sequence[Asset]) -> tuple[PostedCap, ...]:
    """Return the caps on how much may lie in one asset, for each account that it may go to."""
    out = []
    for asset in assets:
        for name in asset.accounts or names:
            where = f"{asset.currency} at {name}"
            if np.isfinite(asset.most_value):
                out.append(PostedCap(f"collateral {where}", name, asset.currency, asset.most_value))
            if asset.most_share < 1.0:
                what = f"collateral {where} above {asset.most_share:.0%}"
                out.append(PostedCap(what, name, asset.currency, share=asset.most_share))
    return tuple(out)
