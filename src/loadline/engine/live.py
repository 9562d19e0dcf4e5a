"""A venue kept up to date: after a tick only what moved is priced again, and only who holds it is margined again.

The numbers are ``venue``'s at every moment, to the last bit: the same rule is recorded on the new market, the same
plan runs, and an account is passed over only where every constant that its classes stand on is what it was. Where that
cannot be told (a rule that runs on numbers, other instruments, someone newly refused) everything is computed anew.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from loadline.engine.bulk import Snapshot, Venue, answered, gap, groups
from loadline.engine.columns import ORDER, POSITION, WALLET, Columns
from loadline.engine.engine import Asked, choose_rulebook
from loadline.engine.layers import Laid, Layers, joined, traded
from loadline.foundation.errors import InputError, LoadlineError, Reason, RuleError
from loadline.foundation.table import Bools, Floats, Ints
from loadline.model.cube import Shocked, rebuild_cube
from loadline.model.instruments import Kind
from loadline.model.market import Market
from loadline.model.universe import CASH, restate_in_cash
from loadline.tape.plan import Plan
from loadline.tape.term import NotPlannable


@dataclass(frozen=True, eq=False, slots=True)
class Moved:
    """What a tick or a change of positions moved.

    ``results``: rows of the venue that were margined again, rising; ``priced``: how many rows of the cube were priced
    again; ``whole``: why everything was computed anew, ``""`` where it was not.
    """

    results: Ints
    priced: int
    whole: str = ""


class Live:
    """The margins of accounts 0 to ``accounts - 1`` under one rulebook, kept equal to ``venue``'s while prices move.

    ``held``: rows of ``market``, or of the one they brought along; ``listed``: further rows that may come to be held
    (they stand in the universe from the start); ``workers``: threads; ``cache``: a private folder for compiled code;
    ``check``: after so many ticks everything is computed anew and compared (0: never). Raises ``RuleError`` for an
    unknown rulebook or parameter.

    >>> from loadline.io.sample import sample
    >>> _, market = sample()
    >>> held = Columns.of(market, np.array([0, 1]), np.array(["BTC-PERPETUAL", "ETH-PERPETUAL"]), np.ones(2) * 1e4)
    >>> live = Live("isolated", market, held, 2)
    >>> later = market.replace(index=market.index | {"ETH": 3_000.0})
    >>> live.tick(later).results.tolist()
    [1]
    """

    def __init__(
        self,
        rulebook: Asked,
        market: Market,
        held: Columns,
        accounts: int,
        *,
        listed: Ints | None = None,
        overrides: Mapping[str, Any] | None = None,
        workers: int = 1,
        cache: Path | None = None,
        check: int = 0,
    ) -> None:
        self._asked, self._overrides, self._workers, self._cache = rulebook, overrides, workers, cache
        self._accounts, self._check, self._ticks = accounts, check, 0
        self._listed = np.empty(0, np.int64) if listed is None else np.asarray(listed, np.int64)
        self._given: Columns | None = None
        self._start(market, held.live())

    # ---- from nothing
    def _start(self, market: Market, held: Columns) -> None:
        """Compute everything."""
        self.chosen = choose_rulebook(self._asked, market.as_of, self._overrides)
        known = _aligned(market, held.market)
        if known is None:  # other instruments, so other row numbers
            known = market.with_wallet(_wallets(held))
            ids = held.market.instruments.id
            self._listed = known.rows(ids[self._listed])
            held = replace(held, row=known.rows(ids)[held.row])
        self.market, held = known, replace(held, market=known)
        self._asking = _asking(held, self._listed)
        self._doubts = self._asking.refused(self.chosen.rule)
        self.gaps, mine, _ = answered(self.chosen, held, self._cache, self._lay_out)
        self._left_out = held.take(np.isin(held.account, list(self.gaps)))
        strangers = self.gaps.keys() - self._left_out.refused(self.chosen.rule).keys()
        self._unsure = any(self.gaps[n].reason != Reason.NO_PARAMETERS for n in strangers)
        self.refused: dict[int, LoadlineError] = {}
        self._out = np.zeros((len(self.account), 3))
        if len(mine.row):
            everybody = np.arange(len(self.account))
            for book, accounts in self._layers.put(self._snapshot, mine, everybody, self._group):
                self._run(book, accounts)
        del self._group
        self._given = held

    def _lay_out(self, held: Columns) -> None:
        """Price what is held and record the rule."""
        used = np.zeros(len(held.market.instruments), np.bool_)
        used[held.row] = True
        unfit = self._asking.row[list(self._doubts)]
        used[np.setdiff1d(self._listed, unfit)] = True
        self.account, self.currency, group = groups(held, self._accounts, self.chosen)
        self._group = group.astype(np.int64, copy=False)
        self._layers, self.reason = Layers(len(self.account)), ""
        self._plans: dict[bool, Plan | None] = {}
        if len(held.row):
            self._snapshot = Snapshot(self.chosen, held.market, np.flatnonzero(used), self._cache)
            self._rows = np.argsort(self._snapshot.place)[-len(self._snapshot.universe) :]
            rule, version = self.chosen.rule, self.chosen.version
            self._shocked = rule.shock(self._snapshot.universe, self._snapshot.cube.scenarios, version)
            for orders in (False, *((True,) if held.has_orders else ())):
                self._plan(orders=orders)

    def _plan(self, *, orders: bool) -> Plan | None:
        """The rule as loops, for books with open orders or without; None where it runs on numbers."""
        if orders not in self._plans:
            try:
                self._plans[orders] = self._snapshot.plan(orders=orders)
            except NotPlannable as reason:
                self.reason, self._plans[orders] = str(reason), None
        return self._plans[orders]

    def _run(self, book: Laid, accounts: Ints) -> None:
        """Margin some accounts of a book's frame again."""
        part, plan = book.part, self._plan(orders=book.part.orders)
        if plan is None:
            frame = part.frame.only(accounts)
            run = self._snapshot.eagerly(frame)
            self._out[part.places[accounts]] = run.numbers
            for result in part.places[accounts].tolist():
                self.refused.pop(result, None)
            self.refused |= {int(part.places[accounts[n]]): error for n, error in run.refused.items()}
        elif len(part.places) == len(self._out):
            book.kept.run(plan, accounts, self._out, self._workers)
        else:
            out = np.empty((len(part.places), 3))
            book.kept.run(plan, accounts, out, self._workers)
            self._out[part.places[accounts]] = out[accounts]

    def _whole(self, market: Market, held: Columns, why: str) -> Moved:
        self._start(market, held)
        priced = len(self._snapshot.universe) if self._layers.books else 0
        return Moved(np.arange(len(self.account)), priced, why)

    # ---- a tick
    def tick(self, market: Market) -> Moved:
        """Move to another moment of the market and return what that touched.

        ``market`` lists the same instruments at new prices (with others, or when a rulebook's version changes,
        everything is computed anew). Raises ``LoadlineError`` if a check finds a difference.
        """
        self._ticks += 1
        moved = self._tick(market)
        if self._check and self._ticks % self._check == 0:
            self.verify()
        return moved

    def _tick(self, market: Market) -> Moved:
        known = _aligned(market, self.market)
        if known is None:
            return self._whole(market, self.held, "the market lists other instruments")
        if not self._same_version(market.as_of):
            return self._whole(market, self.held, "another version of the rulebook is in force")
        if not self._layers.books:
            return self._whole(market, self.held, "nobody holds anything")
        if None in self._plans.values():
            return self._whole(market, self.held, self.reason)
        self._asking = replace(self._asking, market=known)
        if self._unsure or self._asking.refused(self.chosen.rule) != self._doubts:
            return self._whole(market, self.held, "who can be answered may have changed")
        try:
            snapshot, shocked, priced = self._later(known)
            plans = {orders: snapshot.plan(orders=orders, before=before) for orders, before in self._plans.items()}
        except (InputError, RuleError, NotPlannable) as error:
            return self._whole(market, self.held, str(error))
        moved = {o: plans[o].moved(before) for o, before in self._plans.items() if before is not None}
        self.market, self._snapshot, self._shocked, self._plans = known, snapshot, shocked, dict(plans)
        self._left_out = replace(self._left_out, market=known)
        touched = [self._moved_book(book, moved[book.part.orders]) for book in self._layers.books]
        return Moved(np.sort(np.concatenate(touched)), int(priced.sum()))

    def _same_version(self, as_of: int) -> bool:
        if as_of == self.market.as_of:
            return True
        version = choose_rulebook(self._asked, as_of, self._overrides).version
        return version is self.chosen.version or version.identity == self.chosen.version.identity

    def _later(self, market: Market) -> tuple[Snapshot, Shocked, Bools]:
        """The snapshot of the same instruments at another moment, its shocked columns, and which rows were priced."""
        before, rule, version = self._snapshot, self.chosen.rule, self.chosen.version
        found = copy.copy(before)
        found.given = market.with_wallet([CASH] if rule.cash and market.price(CASH) > 0 else [])
        found.market = restate_in_cash(found.given) if rule.cash else found.given
        found.universe = before.universe.on(found.market, self._rows)
        scenarios = rule.scenarios(found.universe, version)
        shocked = rule.shock(found.universe, scenarios, version)
        found.cube, priced = rebuild_cube(before.cube, self._shocked, found.universe, scenarios, shocked)
        return found, shocked, priced

    def _moved_book(self, book: Laid, items: Bools) -> Ints:
        """Margin again who holds what moved in one book; the results that these are."""
        frame = book.part.frame
        book.held, rows = replace(book.held, market=self.market), None
        if book.reached:
            pending = dict(zip(("unsettled", "order_cost"), self._snapshot.pending(book.held), strict=True))
            differs = np.zeros(len(frame.item), np.bool_)
            for name, values in pending.items():
                differs |= values != frame.columns["position", name]
                frame.columns["position", name] = values
            rows = np.flatnonzero(differs)
        again = self._layers.touched(book, items, rows)
        self._run(book, again)
        return book.part.places[again]

    # ---- a change of positions
    def trade(self, account: Ints, row: Ints, quantity: Floats) -> Moved:
        """Add to what accounts hold and return whom that touched.

        ``account``, ``row``: (T,) numbers, rows of ``market``: a spot row is a wallet, so a premium is a trade of its
        currency; ``quantity``: (T,) signed. What then holds nothing is left out. Raises ``InputError`` for an account
        or an instrument that there is not.
        """
        row = np.asarray(row, np.int64)
        if len(row) and not 0 <= row.min() <= row.max() < len(self.market.instruments):
            raise InputError("an instrument number is not a row of the market", remedy="rows count from 0")
        kind = np.where(self.market.instruments.kind[row] == Kind.SPOT, WALLET, POSITION)
        who = np.unique(account)
        return self.put(who, traded(self.holdings(who), np.asarray(account, np.int64), row, kind, quantity))

    def holdings(self, accounts: Ints) -> Columns:
        """Return what ``accounts`` hold, as rows of ``market``; raises ``InputError`` for one that there is not."""
        self._check_numbers(accounts)
        left = self._left_out.take(np.isin(self._left_out.account, accounts))
        return joined(self.market, [self._layers.held(self.market, self._results(accounts)), left])

    def _check_numbers(self, accounts: Ints) -> None:
        if len(accounts) and not 0 <= accounts.min() <= accounts.max() < self._accounts:
            raise InputError("an account number is out of range", remedy=f"there are {self._accounts}")

    def _results(self, accounts: Ints) -> Ints:
        return np.flatnonzero(np.isin(self.account, accounts)) if self.chosen.rule.segregated else np.unique(accounts)

    def put(self, accounts: Ints, held: Columns) -> Moved:
        """Replace everything that some ``accounts`` hold and return whom that touched: themselves.

        ``held``: rows of ``market`` of these accounts. Instruments that nobody held before (and that were not listed),
        wallets that are kept apart, and whoever cannot be answered have everything computed anew. Raises
        ``InputError`` for rows of another market or account.
        """
        accounts = np.unique(accounts)
        if held.market.instruments is not self.market.instruments or not np.isin(held.account, accounts).all():
            raise InputError("rows of another market, or of other accounts", remedy="make them of this one's market")
        self._check_numbers(accounts)
        held = replace(held.take(held.alive), market=self.market)
        why = self._unknown(accounts, held)
        if why:
            others = self.held.without(accounts.tolist())
            return self._whole(self.market, joined(self.market, [others, held]), why)
        self._given = None
        group = np.searchsorted(accounts, held.account)
        for book, mine in self._layers.put(self._snapshot, held, accounts, group):
            self._run(book, mine)
        return Moved(accounts, 0)

    def _unknown(self, accounts: Ints, held: Columns) -> str:
        """Why a change cannot be laid on top, or nothing."""
        if self.chosen.rule.segregated:
            return "wallets are kept apart"
        if not self._layers.books or (self._snapshot.place[held.row] < 0).any():
            return "an instrument that nobody held"
        new = _asking(held, np.empty(0, np.int64))
        if self.gaps.keys() & set(accounts.tolist()) or held.refused(self.chosen.rule):
            return "somebody cannot be answered"
        if held.has_orders:
            try:
                self._plan(orders=True)
            except (InputError, RuleError) as error:
                return str(error)
        known = np.isin(_pair(new), _pair(self._asking))
        if not known.all():
            self._asking = _asked(joined(self.market, [self._asking, new.take(~known)]))
            self._doubts = self._asking.refused(self.chosen.rule)
        return ""

    # ---- what stands now
    @property
    def now(self) -> Venue:
        """The venue as it stands."""
        out = self._out.copy()
        gaps = self.gaps | {
            int(self.account[n]): gap(int(self.account[n]), self.chosen, error) for n, error in self.refused.items()
        }
        out[np.isin(self.account, list(gaps))] = np.nan
        held = self.held
        return Venue(
            equity=out[:, 0],
            initial=0.0 - out[:, 1],
            maintenance=0.0 - out[:, 2],
            account=self.account,
            currency=self.currency,
            refused=gaps,
            reason=self.reason,
            given=(
                *(self.chosen.version.identity, held.market.identity, self._accounts),
                *(held.account, held.row, held.quantity, held.unsettled, held.order, held.limit),
            ),
        )

    @property
    def held(self) -> Columns:
        """Everything that is held, as rows of ``market``."""
        if self._given is None:
            self._given = joined(self.market, [self._layers.held(self.market), self._left_out])
        if self._given.market is not self.market:
            self._given = replace(self._given, market=self.market)
        return self._given

    def verify(self) -> None:
        """Compute everything anew and compare; raises ``LoadlineError`` naming an account that differs in any bit."""
        before = self.now
        if self._layers.books:  # what was held stays in the universe
            self._listed = np.union1d(self._listed, self._rows[self._rows < len(self.market.instruments)])
        self._start(self.market, self.held)
        after = self.now
        for name in ("equity", "initial", "maintenance"):
            old, new = getattr(before, name), getattr(after, name)
            bad = np.flatnonzero(~((old == new) | (np.isnan(old) & np.isnan(new))))
            if len(bad):
                n = int(bad[0])
                raise LoadlineError(
                    f"{len(bad)} accounts drifted: {name} of account {self.account[n]} was {old[n]}, is {new[n]}",
                    causes="a rule that looks at more than its constants say",
                    remedy="the numbers are right again now; report the rulebook and the market",
                )


def _aligned(market: Market, was: Market) -> Market | None:
    """A market with the rows of another one (wallets that it lacks are added), or None if it lists others."""
    ids = was.instruments.id
    if len(market.instruments) < len(ids):
        market = market.with_wallet(ids[len(market.instruments) :].tolist())
    if market.instruments is was.instruments:
        return market
    if len(market.instruments) != len(ids):
        return None
    alike = all(
        np.array_equal(getattr(market.instruments, c), getattr(was.instruments, c), equal_nan=c == "strike")
        for c in was.instruments.columns()
    )
    return market.replace(instruments=was.instruments) if alike else None


def _wallets(held: Columns) -> list[str]:
    """The currencies that somebody has a wallet of."""
    return sorted(set(held.market.instruments.id[held.row[held.kind == WALLET]].tolist()))


def _asking(held: Columns, listed: Ints) -> Columns:
    """One account for each instrument that is held, by kind of holding: who is refused tells which ones are unfit."""
    key = np.union1d(_pair(held), listed * np.int64(ORDER + 1))
    n, row, kind = len(key), key // (ORDER + 1), (key % (ORDER + 1)).astype(np.int8)
    return _asked(Columns(held.market, row, row, kind, *(np.zeros(n) for _ in range(4))))


def _asked(rows: Columns) -> Columns:
    """The same rows, each of them one contract of an account of its own."""
    return replace(rows, account=np.arange(len(rows.row)), quantity=np.ones(len(rows.row)))


def _pair(held: Columns) -> Ints:
    """(n,) a number for each instrument and kind of holding."""
    return held.row * np.int64(ORDER + 1) + held.kind
