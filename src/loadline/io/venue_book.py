"""What a whole venue holds, from files of any length: coded columns for ``engine.bulk.venue``, in bounded memory.

The files are those of ``book`` (positions, balances, orders), CSV or Parquet, and the checks the same. What is kept of
a row is its account and instrument, 4 bytes each, and its amount, 8 bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise
from pathlib import Path

import numpy as np
import polars as pl

from loadline.engine.columns import Columns
from loadline.foundation.errors import Defect, Reason
from loadline.foundation.table import Bools, Floats, Ints, Labels
from loadline.io.book import MAIN
from loadline.io.codec import refusal
from loadline.io.coded import BALANCES, NOBODY, ORDERS, POSITIONS, Codes, Findings, Reader, Rows, Words, spelled
from loadline.io.fit import Problem, too_large, unheld, unpriced
from loadline.io.limits import Limits
from loadline.io.numbers import exact_sum
from loadline.io.streamed import LISTED, stream
from loadline.model.market import Market

SOME = 2**20
"""Rows that are looked through for repetitions at a time."""
LARGE = Limits(file_bytes=500_000_000_000, file_rows=2_000_000_000)
"""Limits of a venue's files: what 32-bit numbers can count."""


@dataclass(frozen=True, eq=False)
class VenueBook:
    """The accounts of a venue and what those hold whose rows can be used.

    ``names``: (A,) the accounts in order of first appearance; ``held``: their rows, accounts by number. ``stopped``:
    (A,) who has rows with defects; these have no rows in ``held``. ``defects``: the first thousand of them, each under
    its account; ``counts``: how many there are of each reason. ``warnings`` stop nobody. ``rows``: rows read.
    """

    names: pl.Series
    held: Columns
    stopped: Bools
    defects: tuple[Defect, ...]
    counts: Mapping[Reason, int]
    warnings: tuple[Defect, ...]
    rows: int

    def __len__(self) -> int:
        return len(self.names)


def read_venue(
    path: Path | str,
    market: Market,
    *,
    balances: Path | str | None = None,
    orders: Path | str | None = None,
    sum_duplicates: bool = False,
    limits: Limits | None = None,
    told: Callable[[int, int], None] | None = None,
) -> VenueBook:
    """Return what the files hold that ``market`` knows.

    path: positions, CSV or Parquet (``account, instrument, quantity``, may be ``unsettled pnl``; ``venue`` and ``entry
    price`` are not looked at). balances: ``account, currency, amount``. orders: ``account, instrument, side, quantity,
    limit price``. sum_duplicates: add rows of one account and instrument, which are defects otherwise. told: called
    with how many rows are read, and of how many. Raises ``InputError`` where a file as a whole cannot be used.
    """
    bounds, found = limits or LARGE, Findings()
    accounts, instruments, currencies = Words(), Words(), Words()
    forms = [(path, POSITIONS, instruments), (balances, BALANCES, currencies), (orders, ORDERS, instruments)]
    sources = [
        (stream(Path(f), form.required, form.optional, bounds), form, w) for f, form, w in forms if f is not None
    ]
    total, done = sum(s.rows for s, _, _ in sources), [0]

    def more(rows: int) -> None:
        done[0] += rows
        if told is not None:
            told(done[0], total)

    read = {form.section: Reader(s, form, accounts, w, found, MAIN).read(more) for s, form, w in sources}
    names, number = spelled(accounts.texts())
    check = Checks(names, found, np.zeros(len(names), np.bool_))
    for rows in read.values():
        check.accounts(rows, number)
    listed, currency = spelled(instruments.texts()), spelled(currencies.texts())
    positions = check.names(read["positions"], *listed, _unheld(market), bounds.quantity)
    positions = check.once(positions, listed[0], sum_duplicates=sum_duplicates)
    wallets = ordered = None
    if "balances" in read:
        wallets = check.names(read["balances"], *currency, partial(unpriced, market=market), bounds.amount)
        wallets = check.once(wallets, currency[0], sum_duplicates=sum_duplicates)
    if "orders" in read:
        ordered = check.names(read["orders"], *listed, _unheld(market), bounds.quantity)
    columns = _columns(market, check.stopped, listed[0], positions, wallets, currency[0], ordered)
    warnings = tuple(d for s, _, _ in sources for d in s.warnings)
    return VenueBook(names, columns, check.stopped, tuple(found.listed), found.counts, warnings, total)


def _columns(
    market: Market,
    stopped: Bools,
    listed: pl.Series,
    positions: Rows,
    wallets: Rows | None,
    currency: pl.Series,
    orders: Rows | None,
) -> Columns:
    """The rows of all accounts that nothing stops."""
    rows = np.array([market.instruments.index.get(name, NOBODY) for name in listed.to_list()], np.int32)
    positions = _without(positions, stopped)
    cash = ordered = None
    if wallets is not None:
        wallets = _without(wallets, stopped)
        used = np.unique(wallets.name)  # a currency that only stopped accounts have need not be known
        names = tuple(currency.gather(used).to_list())
        cash = (wallets.account, Labels(names, np.searchsorted(used, wallets.name)), wallets.amount)
    if orders is not None:
        orders = _without(orders, stopped)
        assert orders.second is not None
        ordered = ((orders.account, rows[orders.name], orders.amount), orders.second)
    return Columns.of(
        market,
        positions.account,
        rows[positions.name],
        positions.amount,
        unsettled=positions.second,
        wallets=cash,
        orders=ordered,
    )


def _without(rows: Rows, stopped: Bools) -> Rows:
    if not stopped.any():
        return rows
    return _taken(rows, np.flatnonzero(~stopped[rows.account]))


def _taken(rows: Rows, kept: Ints) -> Rows:
    second = None if rows.second is None else rows.second[kept]
    columns = (rows.account[kept], rows.name[kept], rows.amount[kept], second)
    return replace(rows, account=columns[0], name=columns[1], amount=columns[2], second=columns[3])


def _unheld(market: Market) -> Callable[[str], Problem | None]:
    """Why an instrument cannot be held; the nearest names are looked for only as long as anybody would read them."""
    known, looked = market.instruments.index, [0]

    def problem(name: str) -> Problem | None:
        if name in known:
            return unheld(name, market)
        looked[0] += 1
        if looked[0] <= LISTED:
            return unheld(name, market)
        return Reason.UNKNOWN_INSTRUMENT, f"{name} is not in the market snapshot", "check the name"

    return problem


@dataclass(frozen=True, eq=False)
class Checks:
    """What is looked at when all rows are read; what it finds stops accounts. ``whose``: (A,) their names."""

    whose: pl.Series
    found: Findings
    stopped: Bools

    def accounts(self, rows: Rows, number: Codes) -> None:
        """Number the accounts of rows by their bare names; raises ``InputError`` where a row has none."""
        if not np.array_equal(number, np.arange(len(number))):
            rows.account = np.where(rows.account == NOBODY, NOBODY, number[rows.account])
        lost = np.flatnonzero(rows.account == NOBODY)[:LISTED].tolist()
        if lost:
            what, remedy = "the row names no account", "name the account of every row, or drop the column"
            raise refusal(*(Defect(Reason.UNPARSABLE, what, remedy, rows.file, rows.row(i), "account") for i in lost))
        for stopped in rows.stopped:
            self.stopped[number[stopped]] = True

    def names(
        self, rows: Rows, texts: pl.Series, number: Codes, problem: Callable[[str], Problem | None], limit: float
    ) -> Rows:
        """Return the rows with their names numbered by bare spelling; note what cannot be held, and absurd amounts."""
        name, amount = rows.form.name, rows.form.amount
        if not np.array_equal(number, np.arange(len(number))):
            rows = replace(rows, name=np.where(rows.name == NOBODY, NOBODY, number[rows.name]))
        nothing: Problem = (Reason.MISSING_DATA, f"no {name}", "fill the cell, or drop the row")
        self._note(rows, np.flatnonzero(rows.name == NOBODY), lambda i: nothing, name, bare=True)
        used = np.zeros(len(texts) + 1, np.bool_)
        used[rows.name] = True
        said = {code: problem(texts[code]) for code in np.flatnonzero(used[:-1]).tolist()}
        wrong = {code: p for code, p in said.items() if p is not None}
        for reason in dict.fromkeys(p[0] for p in wrong.values()):
            bad = np.zeros(len(texts) + 1, np.bool_)
            bad[[code for code, p in wrong.items() if p[0] == reason]] = True
            self._note(rows, np.flatnonzero(bad[rows.name]), lambda i: wrong[int(rows.name[i])], name)
        self._note(
            rows,
            np.flatnonzero(np.abs(rows.amount) > limit),
            lambda i: too_large(texts[int(rows.name[i])], float(rows.amount[i]), limit, amount, told=True),
            amount,
        )
        return rows

    def once(self, rows: Rows, texts: pl.Series, *, sum_duplicates: bool) -> Rows:
        """Return the rows with one per account and name: their sum, or the repetitions noted."""
        order, first = _repeats(rows.account, rows.name)
        if len(order) and sum_duplicates:
            return _summed(rows, order, first)
        earlier = dict(zip(order[:LISTED].tolist(), first.tolist(), strict=False))

        def problem(i: int) -> Problem:
            what = f"{self.whose[int(rows.account[i])]} / {texts[int(rows.name[i])]}"
            remedy = "keep one of the rows, or have them added up (--sum-duplicates)"
            return Reason.DUPLICATE, f"{what} already stands in row {rows.row(earlier[i])}", remedy

        self._note(rows, order, problem, rows.form.name, bare=True)
        return rows

    def _note(
        self, rows: Rows, places: Ints, problem: Callable[[int], Problem | None], column: str, *, bare: bool = False
    ) -> None:
        """Note a problem of some rows, the same reason for all, under their accounts."""
        if not len(places):
            return
        self.stopped[rows.account[places]] = True

        def defect(n: int) -> Defect:
            i = int(places[n])
            account, said = self.whose[int(rows.account[i])], problem(i)
            assert said is not None
            what = said[1] if bare else f"{account}: {said[1]}"
            return Defect(said[0], what, said[2], rows.file, rows.row(i), column, account)

        first = problem(int(places[0]))
        assert first is not None
        self.found.note(first[0], len(places), defect)


def _repeats(account: Codes, name: Codes) -> tuple[Ints, Ints]:
    """The rows whose account and name stand in an earlier row, in order, and the first row of each."""
    nothing = np.empty(0, np.int64)
    if not _any_twice(account, name):
        return nothing, nothing
    key = (account.astype(np.int64) << 32) | name
    order = np.argsort(key, kind="stable")
    same = np.append(False, key[order][1:] == key[order][:-1])
    leader = np.empty(len(order), np.int64)
    leader[order] = order[np.maximum.accumulate(np.where(same, 0, np.arange(len(order))))]
    rows = np.sort(order[same])
    return rows, leader[rows]


def _any_twice(account: Codes, name: Codes) -> bool:
    """Whether an account has a name twice; where accounts stand in order, looked at some at a time."""
    cuts = [0, len(account)]
    if len(account) > SOME and (account[1:] >= account[:-1]).all():
        starts = np.searchsorted(account, account[SOME::SOME])
        cuts = [0, *np.unique(starts).tolist(), len(account)]
    for lo, hi in pairwise(cuts):
        key = (account[lo:hi].astype(np.int64) << 32) | name[lo:hi]
        key.sort()
        if (key[1:] == key[:-1]).any():
            return True
    return False


def _summed(rows: Rows, order: Ints, first: Ints) -> Rows:
    """The rows with repetitions added, as people add decimals, to the first."""

    def added(column: Floats) -> Floats:
        terms: dict[int, list[float]] = {}
        for i, leader in zip(order.tolist(), first.tolist(), strict=True):
            terms.setdefault(leader, [float(column[leader])]).append(float(column[i]))
        out = column.copy()
        out[list(terms)] = [exact_sum(values) for values in terms.values()]
        return out

    second = None if rows.second is None else added(rows.second)
    kept = np.ones(len(rows.amount), np.bool_)
    kept[order] = False
    return _taken(replace(rows, amount=added(rows.amount), second=second), np.flatnonzero(kept))
