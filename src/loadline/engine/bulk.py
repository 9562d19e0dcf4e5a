"""A whole venue at once: the rule is recorded once on a book without positions, compiled, and run for every account.

Every number is bit for bit what ``margins`` answers for that account on the same instruments. A rule that cannot be
planned runs on numbers instead, some accounts at a time: slower, the same bits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from loadline.engine.cluster import Pool, Threads
from loadline.engine.columns import WALLET, Codes, Columns
from loadline.engine.engine import CHUNK, Asked, Chosen, choose_rulebook
from loadline.engine.shards import Answered, Ready, Shard, spread
from loadline.foundation.errors import InputError, LoadlineError, Reason, RuleError, Unavailable
from loadline.foundation.table import Bools, Floats, Ints, Labels, Texts, content_hash
from loadline.model.book import Book, blank
from loadline.model.cube import Cube, build_cube
from loadline.model.instruments import PayoffForm
from loadline.model.market import Market
from loadline.model.universe import CASH, Universe, build_universe, restate_in_cash
from loadline.tape.frame import Frame
from loadline.tape.plan import Plan
from loadline.tape.term import NotPlannable, Term

Found = TypeVar("Found")


@dataclass(frozen=True, eq=False)
class Venue:
    """The margins of all accounts: equity and requirements (positive), (R,) each, NaN where refused.

    One row per account in their order; for a rulebook that keeps wallets apart one per account and settlement currency
    that it has. ``account``: (R,) its number; ``currency``: (R,) what the amounts are in. ``refused``: why an account
    has no answer. ``reason``: why the rule ran on numbers instead of planned, ``""`` where it was planned.
    """

    equity: Floats
    initial: Floats
    maintenance: Floats
    account: Ints
    currency: Texts
    refused: Mapping[int, Unavailable]
    reason: str
    given: tuple[Any, ...] = field(repr=False)

    def __len__(self) -> int:
        return len(self.account)

    @property
    def excess(self) -> Floats:
        """(R,) equity less initial requirement."""
        return self.equity - self.initial

    @cached_property
    def identity(self) -> str:
        """The content hash of the numbers answered and what they were answered from."""
        given = (x.astype(np.int64) if isinstance(x, np.ndarray) and x.dtype == np.int32 else x for x in self.given)
        return content_hash(*given, self.account, self.equity, self.initial, self.maintenance)


class Snapshot:
    """One rulebook on one market: the universe of some instruments, its cube, and the rule.

    ``rows``: (M,) the instruments of ``market`` that may be held. ``place``: where each row of the market stands in
    ``universe``, -1 where it does not. ``cache``: a private folder for compiled code, None: compile in memory.
    """

    def __init__(self, chosen: Chosen, market: Market, rows: Ints, cache: Path | None = None) -> None:
        rule, version = chosen.rule, chosen.version
        self.chosen, self.cache = chosen, cache
        cash = [CASH] if rule.cash and market.price(CASH) > 0 else []
        self.given = market.with_wallet(cash)
        self.market = restate_in_cash(self.given) if rule.cash else self.given
        index = self.market.instruments.index
        used = np.zeros(len(self.market.instruments), np.bool_)
        used[rows] = True
        used[[index[c] for c in cash]] = True
        self.universe: Universe = build_universe(
            self.market, np.flatnonzero(used), lambda i: rule.unit(i, version), cash=rule.cash
        )
        self.place = np.full(len(used), -1)
        self.place[[index[i] for i in self.universe.instruments.id.tolist()]] = np.arange(len(self.universe))
        scenarios = rule.scenarios(self.universe, version)
        shocked = rule.shock(self.universe, scenarios, version)
        self.cube: Cube = build_cube(self.universe, scenarios, shocked)

    def rule(self, book: Book) -> list[Term]:
        """Return equity, initial and maintenance of a book of this universe, PnL-signed, one number per account."""
        found = self.chosen.rule.margin(book, self.cube, self.chosen.version)
        return [found.equity, found.initial, found.maintenance]

    @property
    def alone(self) -> bool:
        """Whether the rule must look at one account at a time."""
        return self.chosen.rule.alone(self.market, self.chosen.version)

    def plan(self, *, orders: bool = False, before: Plan | None = None) -> Plan:
        """Return the rule written out as loops, for books with or without open orders; raises ``NotPlannable``.

        ``before``: the plan at another moment of the same instruments: only what has changed is worked out.
        """
        if self.alone:
            raise NotPlannable(f"{self.chosen.rule.name} looks at what one account holds")
        outputs = self.rule(blank(self.universe, orders=orders))
        return Plan(outputs, self.universe.classes, self.cache) if before is None else before.later(outputs)

    def frame(self, held: Columns, group: Codes, groups: int) -> Frame:
        """Return rows as a sorted book of so many groups (accounts); ``group``: (n,) the one that each belongs to."""
        from loadline.kernels.net import segment_sum  # compiled code: loaded on first use

        frame = Frame(
            self.universe.classes, group.astype(np.int64, copy=False), self.place[held.row], range(groups), segment_sum
        )
        unsettled, cost = self.pending(held)
        columns = {"quantity": held.quantity, "unsettled": unsettled, "order": held.order, "order_cost": cost}
        for name, values in columns.items():
            frame.columns["position", name] = values[frame.order] if values.any() else np.zeros(len(values))
        return frame

    def pending(self, held: Columns) -> tuple[Floats, Floats]:
        """Return (n,) unsettled pnl, in the settlement currency, and what open orders would pay there.

        A rule that counts in cash restates both: coin pnl at the coin's price, limits of coin options at the forward.
        """
        i, q, unsettled, cost = self.given.instruments, self.given.quotes, held.unsettled, held.order
        if self.chosen.rule.cash and unsettled.any():
            coin = (i.form == PayoffForm.COIN_OPTION) | (i.form == PayoffForm.INVERSE)
            price = np.array([self.given.price(c) for c in i.settle.tolist()]) / self.given.price(CASH)
            unsettled = np.where(coin[held.row], unsettled * price[held.row], unsettled)
        if held.has_orders:
            limit = held.limit
            if self.chosen.rule.cash:
                limit = limit * np.where(i.form == PayoffForm.COIN_OPTION, q.forward, 1.0)[held.row]
            cost = order_cost(self.market, held.row, held.order, limit)
        return unsettled, cost

    def run(self, frame: Frame, *, orders: bool = False, workers: int = 1) -> Run:
        """Return (groups, 3) PnL-signed numbers of a book, planned where the rule can be."""
        try:
            return Run(self.plan(orders=orders).run(frame, workers), "", {})
        except NotPlannable as reason:
            return self.eagerly(frame, str(reason))

    def eagerly(self, frame: Frame, reason: str = "") -> Run:
        """Return (groups, 3) what the rule gives on numbers, some groups at a time; NaN for those that it refuses."""
        out, chunk = np.full((len(frame.accounts), 3), np.nan), 1 if self.alone else CHUNK
        refused: dict[int, LoadlineError] = {}

        def answer(lo: int, hi: int) -> None:
            try:
                terms = self.rule(Book(self.universe, frame.take(lo, hi)))
                out[lo:hi] = np.hstack([t.numbers() for t in terms])
            except (InputError, RuleError) as error:
                if hi - lo == 1:
                    refused[lo] = error
                    return
                answer(lo, (lo + hi) // 2)  # find who cannot be answered, answer the others
                answer((lo + hi) // 2, hi)

        for lo in range(0, len(out), chunk):
            answer(lo, min(lo + chunk, len(out)))
        return Run(out, reason, refused)


@dataclass(frozen=True, eq=False)
class Run:
    """What a book gave: (groups, 3) PnL-signed numbers, why they were not planned, and which groups were refused."""

    numbers: Floats
    reason: str
    refused: Mapping[int, LoadlineError]


def order_cost(market: Market, row: Codes, quantity: Floats, limit: Floats) -> Floats:
    """Return (n,) what filled orders pay, in the settlement currency: the contract's value formula at the limit."""
    i = market.instruments
    inverse = i.form[row] == PayoffForm.INVERSE
    price = np.where(inverse, -1.0 / np.where(inverse & (limit != 0), limit, 1.0), limit)
    return np.asarray(quantity * i.multiplier[row] * price)


def venue(
    rulebook: Asked,
    market: Market,
    held: Columns,
    accounts: int,
    *,
    overrides: Mapping[str, Any] | None = None,
    workers: int = 1,
    pool: Pool | None = None,
    cache: Path | None = None,
    told: Callable[[int, int], None] | None = None,
) -> Venue:
    """Return the margins of accounts 0 to ``accounts - 1`` of a venue under one rulebook.

    ``held`` are rows of ``market``, or of the one they brought along. ``workers``: threads; ``pool``: workers of
    another kind (``loadline.engine.cluster``). ``cache``: a private folder that keeps compiled code, None: compile in
    memory. ``told``: called with how many rows of the result are done, and of how many. Raises ``RuleError`` for an
    unknown rulebook or parameter.

    >>> from loadline.io.sample import sample
    >>> _, market = sample()
    >>> held = Columns.of(market, np.array([0, 1]), np.array(["BTC-PERPETUAL"] * 2), np.array([1e4, -5e4]))
    >>> venue("isolated", market, held, 2).initial.round(2).tolist()
    [200.02, 1001.29]
    """
    chosen = choose_rulebook(rulebook, market.as_of, overrides)
    workforce = pool or Threads(workers)
    gaps, _, (account, currency, run) = answered(
        chosen, held.live(), cache, lambda mine: _run(chosen, mine, accounts, workforce, cache, told)
    )
    gaps |= {int(account[n]): gap(int(account[n]), chosen, error) for n, error in run.refused.items()}
    out = run.numbers
    out[np.isin(account, list(gaps))] = np.nan
    columns = (held.account, held.row, held.quantity, held.unsettled, held.order, held.limit)
    return Venue(
        equity=out[:, 0],
        initial=0.0 - out[:, 1],
        maintenance=0.0 - out[:, 2],
        account=account,
        currency=currency,
        refused=gaps,
        reason=run.reason,
        given=(chosen.version.identity, held.market.identity, accounts, *columns),
    )


def answered(
    chosen: Chosen, held: Columns, cache: Path | None, run: Callable[[Columns], Found]
) -> tuple[dict[int, Unavailable], Columns, Found]:
    """Return who cannot be answered, the rows of the others, and what ``run`` gives for these."""
    gaps = held.refused(chosen.rule)
    held = held.without(gaps)
    while True:
        try:
            return gaps, held, run(held)
        except (InputError, RuleError):
            more = _strangers(chosen, held, cache)
            if not more:
                raise
            gaps, held = gaps | more, held.without(more)


def gap(account: int, chosen: Chosen, error: LoadlineError) -> Unavailable:
    """Return the non-answer of an account that the rule refuses."""
    reason = Reason.NO_PARAMETERS if isinstance(error, RuleError) else Reason.UNSUPPORTED
    remedy = error.remedy or "see the rulebook's page"
    return Unavailable(str(account), chosen.rule.name, reason, (error.what,), remedy)


def _run(
    chosen: Chosen,
    held: Columns,
    accounts: int,
    pool: Pool,
    cache: Path | None,
    told: Callable[[int, int], None] | None,
) -> tuple[Ints, Texts, Answered]:
    """The account and currency of each result, and the numbers."""
    account, currency, group = groups(held, accounts, chosen)
    if not len(held.row):
        return account, currency, Answered(0, np.zeros((len(account), 3)), "", {})
    used = np.zeros(len(held.market.instruments), np.bool_)
    used[held.row] = True
    whole = Shard.whole(held, group, len(account))
    ready = Ready.of(Snapshot(chosen, held.market, np.flatnonzero(used), cache), whole)
    return account, currency, spread(ready, whole, pool, told)


@dataclass(frozen=True, eq=False)
class Part:
    """The book of those with open orders, or of those without: a rule reads otherwise for them.

    ``places``: (groups of the frame,) the results that they are; ``rows``: (n,) which of the holdings, all if left out.
    """

    orders: bool
    places: Ints
    frame: Frame
    rows: Bools | None = None


def parts(snapshot: Snapshot, held: Columns, group: Codes, results: int) -> Iterator[Part]:
    """Yield the books that holdings make; ``group``: (n,) the result that each row belongs to, of so many."""
    if not held.has_orders:
        yield Part(False, np.arange(results), snapshot.frame(held, group, results))
        return
    ordering = np.zeros(results, np.bool_)
    ordering[group[held.order != 0]] = True
    for mine, orders in ((ordering, True), (~ordering, False)):
        places, rows = np.flatnonzero(mine), mine[group]
        frame = snapshot.frame(held.take(rows), np.searchsorted(places, group[rows]), len(places))
        yield Part(orders, places, frame, rows)


def _strangers(chosen: Chosen, held: Columns, cache: Path | None) -> dict[int, Unavailable]:
    """The accounts that hold something on an underlying that the rule does not take, found one by one."""
    underlying = held.market.instruments.underlying
    rows = np.unique(held.row)
    found: dict[int, Unavailable] = {}
    for name in np.unique(underlying[rows]):
        try:
            snapshot = Snapshot(chosen, held.market, rows[underlying[rows] == name], cache)
            snapshot.rule(blank(snapshot.universe))
        except NotPlannable:
            continue
        except (InputError, RuleError) as error:
            holders = np.unique(held.account[underlying[held.row] == name]).tolist()
            found |= {n: gap(n, chosen, error) for n in holders}
    return found


def groups(held: Columns, accounts: int, chosen: Chosen) -> tuple[Ints, Texts, Codes]:
    """Return the account and the currency of each result, and the result that each row of holdings belongs to."""
    if not chosen.rule.segregated:
        return np.arange(accounts), np.full(accounts, chosen.rule.currency), held.account
    i = held.market.instruments
    names = np.array(
        sorted({*Labels.of(i.settle).names, *i.id[np.unique(held.row[held.kind == WALLET])].tolist()}), np.str_
    )
    own = np.searchsorted(names, i.id).clip(max=len(names) - 1)
    pays = np.where(held.kind == WALLET, own[held.row], np.searchsorted(names, i.settle)[held.row])
    key = held.account * np.int64(len(names)) + pays
    there = np.zeros(accounts * len(names), np.bool_)
    there[key] = True
    known = np.flatnonzero(there)
    return known // len(names), names[known % len(names)], (np.cumsum(there) - 1)[key]
