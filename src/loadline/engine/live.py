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

from loadline.engine.bulk import Part, Snapshot, Venue, answered, gap, groups, parts
from loadline.engine.columns import ORDER, WALLET, Columns
from loadline.engine.engine import Asked, choose_rulebook
from loadline.foundation.errors import InputError, LoadlineError, Reason, RuleError
from loadline.foundation.table import Bools, Floats, Ints
from loadline.model.cube import Shocked, rebuild_cube
from loadline.model.market import Market
from loadline.model.universe import CASH, restate_in_cash
from loadline.tape.plan import Plan
from loadline.tape.subset import holders, moved_items, run_some
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


@dataclass(eq=False, slots=True)
class _Book:
    """One book of the venue (with open orders, or without), its holdings in the frame's order, and its plan."""

    part: Part
    held: Columns
    plan: Plan | None
    reached: bool
    """Whether prices reach its columns: pnl and limits in coin, where a rule counts in cash."""


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
        self._given = held.live()
        self._start(market)

    # ---- from nothing
    def _start(self, market: Market) -> None:
        """Compute everything."""
        self.chosen = choose_rulebook(self._asked, market.as_of, self._overrides)
        known = _aligned(market, self._given.market)
        if known is None:  # other instruments, so other row numbers
            known = market.with_wallet(_wallets(self._given))
            ids = self._given.market.instruments.id
            self._listed = known.rows(ids[self._listed])
            self._given = replace(self._given, row=known.rows(ids)[self._given.row])
        self._given = replace(self._given, market=known)
        self._asking = _asking(self._given, self._listed)
        self._doubts = self._asking.refused(self.chosen.rule)
        self.gaps, _, self._out = answered(self.chosen, self._given, self._cache, self._lay_out)
        strangers = self.gaps.keys() - self._given.refused(self.chosen.rule).keys() if self.gaps else set()
        self._unsure = any(self.gaps[n].reason != Reason.NO_PARAMETERS for n in strangers)
        self.refused: dict[int, LoadlineError] = {}
        for book in self._books:
            self._run(book, None)

    def _lay_out(self, held: Columns) -> Floats:
        """Sort what is held into books and record the rule for each; room for the results."""
        used = np.bincount(held.row, minlength=len(held.market.instruments)) > 0
        unfit = self._asking.row[list(self._doubts)]
        used[np.setdiff1d(self._listed, unfit)] = True
        self.account, self.currency, group = groups(held, self._accounts, self.chosen)
        self._books: list[_Book] = []
        self.reason = ""
        if len(held.row):
            self._snapshot = Snapshot(self.chosen, held.market, np.flatnonzero(used), self._cache)
            self._rows = np.argsort(self._snapshot.place)[-len(self._snapshot.universe) :]
            self._shocked = self._shock(self._snapshot)
            for part in parts(self._snapshot, held, group, len(self.account)):
                mine = (held if part.rows is None else held.take(part.rows)).take(part.frame.order)
                reached = self.chosen.rule.cash and (part.orders or bool(mine.unsettled.any()))
                self._books.append(_Book(part, mine, self._plan(part), reached))
        return np.zeros((len(self.account), 3))

    def _shock(self, snapshot: Snapshot) -> Shocked:
        return self.chosen.rule.shock(snapshot.universe, snapshot.cube.scenarios, self.chosen.version)

    def _plan(self, part: Part) -> Plan | None:
        try:
            return self._snapshot.plan(orders=part.orders)
        except NotPlannable as reason:
            self.reason = str(reason)
            return None

    def _run(self, book: _Book, some: Ints | None) -> None:
        """Margin some accounts of a book again (all, if none are named)."""
        part, frame = book.part, book.part.frame
        if book.plan is None:
            run = self._snapshot.eagerly(frame)
            self._out[part.places] = run.numbers
            self.refused |= {int(part.places[n]): error for n, error in run.refused.items()}
        elif some is None:
            self._out[part.places] = book.plan.run(frame, self._workers)
        elif len(part.places) == len(self._out):
            run_some(book.plan, frame, some, self._out, self._workers)
        else:
            out = self._out[part.places]
            run_some(book.plan, frame, some, out, self._workers)
            self._out[part.places[some]] = out[some]

    def _whole(self, market: Market, why: str) -> Moved:
        self._start(market)
        priced = len(self._snapshot.universe) if self._books else 0
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
        known = _aligned(market, self._given.market)
        if known is None:
            return self._whole(market, "the market lists other instruments")
        if not self._same_version(market.as_of):
            return self._whole(market, "another version of the rulebook is in force")
        if not self._books:
            return self._whole(market, "nobody holds anything")
        if any(book.plan is None for book in self._books):
            return self._whole(market, self.reason)
        self._asking = replace(self._asking, market=known)
        if self._unsure or self._asking.refused(self.chosen.rule) != self._doubts:
            return self._whole(market, "who can be answered may have changed")
        try:
            snapshot, shocked, priced = self._later(known)
            plans = [snapshot.plan(orders=book.part.orders) for book in self._books]
        except (InputError, RuleError, NotPlannable) as error:
            return self._whole(market, str(error))
        self._snapshot, self._shocked, self._given = snapshot, shocked, replace(self._given, market=known)
        touched = [self._moved_book(book, plan) for book, plan in zip(self._books, plans, strict=True)]
        return Moved(np.sort(np.concatenate(touched)), int(priced.sum()))

    def _same_version(self, as_of: int) -> bool:
        if as_of == self._given.market.as_of:
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

    def _moved_book(self, book: _Book, plan: Plan) -> Ints:
        """Margin again who holds what moved in one book; the results that these are."""
        assert book.plan is not None
        frame = book.part.frame
        again = holders(frame, moved_items(book.plan, plan))
        book.held, book.plan = replace(book.held, market=self._given.market), plan
        if book.reached:
            pending = dict(zip(("unsettled", "order_cost"), self._snapshot.pending(book.held), strict=True))
            differs = np.zeros(len(frame.item), np.bool_)
            for name, values in pending.items():
                differs |= values != frame.columns["position", name]
                frame.columns["position", name] = values
            again = np.union1d(again, frame.owner[differs])
        self._run(book, again)
        return book.part.places[again]

    # ---- what stands now
    @property
    def now(self) -> Venue:
        """The venue as it stands."""
        out = self._out.copy()
        gaps = self.gaps | {
            int(self.account[n]): gap(int(self.account[n]), self.chosen, error) for n, error in self.refused.items()
        }
        out[np.isin(self.account, list(gaps))] = np.nan
        held = self._given
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

    def verify(self) -> None:
        """Compute everything anew and compare; raises ``LoadlineError`` naming an account that differs in any bit."""
        before = self.now
        self._start(self._given.market)
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
    key = np.union1d(held.row * np.int64(ORDER + 1) + held.kind, listed * np.int64(ORDER + 1))
    row, kind, n = key // (ORDER + 1), (key % (ORDER + 1)).astype(np.int8), len(key)
    return Columns(held.market, np.arange(n), row, kind, np.ones(n), np.zeros(n), np.zeros(n), np.zeros(n))
