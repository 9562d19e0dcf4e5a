"""Small problems on the embedded sample, and made-up ones that brute force can solve."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from loadline.engine.engine import choose_rulebook
from loadline.io.sample import sample
from loadline.model.instruments import PayoffForm
from loadline.model.market import Market
from loadline.model.positions import Balances, Portfolio, Positions
from loadline.optimize.problem import Ask, Candidates, Problem


@lru_cache
def made() -> tuple[Portfolio, Market]:
    return sample()


def listed(rng: np.random.Generator, count: int, kinds: Sequence[int] = (1, 2, 3)) -> list[str]:
    """Random contracts of the sample, coin- and cash-settled."""
    i = made()[1].instruments
    found: list[str] = i.id[rng.choice(np.flatnonzero(np.isin(i.kind, kinds)), count, replace=False)].tolist()
    return found


def candidates(account: str, names: Sequence[str], cost: float = 5.0, reach: float = 40.0) -> Candidates:
    """Lots of a tenth of a bitcoin, an ether, or a thousand dollars; ``cost`` USD per lot; at most ``reach`` lots."""
    i = made()[1].instruments
    rows = np.array([i.index[n] for n in names], np.int64)
    lot = np.where(i.form[rows] == PayoffForm.INVERSE, 1000.0, np.where(i.underlying[rows] == "ETH", 1.0, 0.1))
    each, none = cost / lot, np.zeros(len(rows), np.bool_)
    return Candidates(
        account=np.full(len(rows), account),
        instrument=np.array(names, np.str_),
        buy=each,
        sell=each,
        max_buy=lot * reach,
        max_sell=lot * reach,
        lot=lot,
        least=lot,
        price_buy=each,
        price_sell=each,
        floored_buy=none,
        floored_sell=none,
        impact=0.0 * each,
    )


def holding(account: str, held: dict[str, float], cash: float) -> Portfolio:
    """An account with some positions and dollars."""
    blank = {"account": account, "unsettled": 0.0, "entry": float("nan")}
    positions = Positions.from_rows(blank | {"instrument": n, "quantity": q} for n, q in held.items())
    return Portfolio(positions, Balances.from_rows([{"account": account, "currency": "USDC", "amount": cash}]))


def problem(
    account: str,
    rulebook: str,
    names: Sequence[str],
    rate: float = 0.0164,
    portfolio: Portfolio | None = None,
    **more: Any,
) -> Problem:
    market = made()[1]
    portfolio = made()[0] if portfolio is None else portfolio
    asks = (Ask(account, choose_rulebook(rulebook, market.as_of), rate),)
    return Problem(portfolio.only([account]), market, candidates(account, names), asks, **more)
