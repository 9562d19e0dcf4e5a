"""A whole venue in one run, beside what a user would write instead: ``python -m benchmarks.venue [ACCOUNTS]``.

Ours and the rivals run in turns and each counts with its least processor time, ours also with its least wall time; both
sides must agree before a time means anything. Eager runs are measured on a part of the accounts, which is stated.
"""

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numba
import numpy as np
import polars as pl
import scipy.sparse

from benchmarks.venue_data import Held, held, market
from loadline.engine.bulk import Snapshot
from loadline.engine.columns import Columns
from loadline.engine.engine import choose_rulebook, what_if
from loadline.engine.pretrade import PreTrade
from loadline.kernels.tail import TailMeasure
from loadline.model.positions import Balances, Portfolio, Positions
from loadline.tape.frame import Classes, Frame
from loadline.tape.plan import Plan
from loadline.tape.term import Axis, Term, column, constant

ACCOUNTS, SCENARIOS, BLOCK = 100_000, 512, 64
CANDIDATES, LEGS = 2_000, 200


@dataclass
class Work:
    """One row of the table: what is done for how many accounts, by us (with so many workers) and by the rivals."""

    name: str
    accounts: int
    ours: Callable[[int], Any]
    rivals: dict[str, tuple[Callable[[], Any], int]] = field(default_factory=dict)
    """By name: what to run, and for how many accounts it does the work."""


def processor(run: Callable[[], Any]) -> float:
    """Processor seconds of one call, of all threads that it used."""
    start = time.process_time()
    run()
    return time.process_time() - start


def wall(run: Callable[[], Any]) -> float:
    """Wall seconds of one call."""
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def measured(work: Work, rounds: int = 5) -> dict[str, float]:
    """Least microseconds per account: ours and each rival of processor time, and wall time on one and two cores."""
    timers: dict[str, tuple[Callable[[], float], int]] = {
        "ours": (lambda: processor(lambda: work.ours(1)), work.accounts),
        "wall, 1 worker": (lambda: wall(lambda: work.ours(1)), work.accounts),
        "wall, 2 workers": (lambda: wall(lambda: work.ours(2)), work.accounts),
    }
    for name, (run, accounts) in work.rivals.items():
        timers[name] = ((lambda run=run: processor(run)), accounts)
    best = dict.fromkeys(timers, float("inf"))
    for _ in range(rounds):
        for name, (timer, accounts) in timers.items():
            best[name] = min(best[name], timer() / accounts * 1e6)
    return best


# ---- one matrix of random numbers: what a plan costs beyond arithmetic
@cache
def matrix() -> tuple[Classes, np.ndarray, Axis]:
    """The classes of 2,000 instruments and a cube of random numbers over 512 scenarios."""
    n = len(market().instruments)
    listed = Classes(
        {k: np.arange(n) // d for k, d in (("position", 1), ("strike", 2), ("expiry", 125), ("unit", 1000))}, {}
    )
    axis = Axis("scenario", tuple(map(str, range(SCENARIOS))))
    return listed, np.random.default_rng(1).normal(size=(n, SCENARIOS)), axis


@numba.njit(fastmath=True, nogil=True)
def by_hand(starts, item, quantity, blocks, out):  # type: ignore[no-untyped-def]
    """The kernel that one would write for the worst scenario alone."""
    sums = np.empty(blocks.shape[2])
    for k in range(blocks.shape[0]):
        for a in range(out.size):
            for s in range(sums.size):
                sums[s] = 0.0
            for p in range(starts[a], starts[a + 1]):
                q, row = quantity[p], item[p]
                for s in range(sums.size):
                    sums[s] += q * blocks[k, row, s]
            least = sums[0]
            for s in range(sums.size):
                least = min(least, sums[s])
            out[a] = least if k == 0 else min(out[a], least)


def reductions(book: Held) -> list[Work]:
    """The worst and the tails of 512 scenarios."""
    listed, cube, axis = matrix()
    frame = Frame(listed, book.account, book.instrument, range(book.accounts))
    quantity = frame.columns["position", "quantity"] = book.quantity[frame.order]
    values = constant(cube, "position", axis)

    def pnl(f: Frame) -> Term:
        return (column(f, "quantity") * values).net("account")

    def plan(reduced: Callable[[Term], Term]) -> Plan:
        return Plan([reduced(pnl(Frame.blank(listed, ("quantity",))))], listed)

    starts = frame.starts("position", "account")
    dense = scipy.sparse.csr_matrix((quantity, frame.item, starts), (book.accounts, len(cube)))
    blocks = np.ascontiguousarray(cube.reshape(len(cube), -1, BLOCK).transpose(1, 0, 2))
    out = np.empty(book.accounts)
    chunk = 2000

    def dense_then(reduced: Callable[[np.ndarray], np.ndarray], step: int = book.accounts) -> np.ndarray:
        parts = [reduced(dense[lo : lo + step] @ cube) for lo in range(0, book.accounts, step)]
        return np.concatenate(parts)

    def tail_of(k: int, shares: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
        return lambda x: (np.sort(np.partition(x, k - 1, axis=1)[:, :k], axis=1) * shares).sum(1)

    worst = plan(lambda x: x.worst("scenario"))
    found = [
        Work(
            f"worst of {SCENARIOS}",
            book.accounts,
            lambda workers: worst.run(frame, workers),
            {
                "scipy csr @ dense, min": (lambda: dense_then(lambda x: x.min(1)), book.accounts),
                f"scipy by {chunk}, min": (lambda: dense_then(lambda x: x.min(1), chunk), book.accounts),
                "hand-written kernel": (lambda: by_hand(starts, frame.item, quantity, blocks, out), book.accounts),
            },
        )
    ]
    by_hand(starts, frame.item, quantity, blocks, out)
    assert np.allclose(worst.run(frame)[:, 0], out) and np.allclose(out, dense_then(lambda x: x.min(1), chunk))
    for level in (0.975, 0.99):
        measure = TailMeasure("es", level)
        shares = measure.shares(SCENARIOS)
        assert shares is not None
        reduced = tail_of(len(shares), shares)
        tail = plan(lambda x, measure=measure: x.tail("scenario", measure, "shortfall"))
        assert np.allclose(tail.run(frame)[:, 0], dense_then(reduced, chunk))
        rivals = {
            "scipy csr @ dense, partition": (lambda r=reduced: dense_then(r), book.accounts),
            f"scipy by {chunk}, partition": (lambda r=reduced: dense_then(r, chunk), book.accounts),
        }
        found.append(
            Work(
                f"expected shortfall {level:.1%} of {SCENARIOS}",
                book.accounts,
                lambda w, t=tail: t.run(frame, w),
                rivals,
            )
        )
    return found


# ---- whole rulebooks
def rulebook(name: str, book: Columns, accounts: int, alone: int = 50, some: int = 1000) -> Work:
    """A shipped rulebook beside the same function on numbers, one by one and by 200."""
    chosen = choose_rulebook(name, market().as_of)
    snapshot = Snapshot(chosen, book.market, np.unique(book.row))
    frame = snapshot.frame(book, book.account, accounts)
    plan, few = snapshot.plan(), frame.take(0, some)
    assert np.array_equal(plan.run(frame)[:some], snapshot.eagerly(few).numbers)

    def one_by_one() -> None:
        for n in range(alone):
            snapshot.eagerly(few.take(n, n + 1))

    rivals = {
        f"eager one by one (of {alone})": (one_by_one, alone),
        f"eager by 200 (of {some})": (lambda: snapshot.eagerly(few), some),
    }
    return Work(
        f"{name}, whole, {snapshot.cube.value.shape[1]} scenarios", accounts, lambda w: plan.run(frame, w), rivals
    )


def building(book: Held) -> Work:
    """Sorting a book and finding its groups, beside a polars group-by of the same columns."""
    listed = matrix()[0]
    mixed = np.random.default_rng(2).permutation(len(book.account))
    account, item, quantity = (x[mixed] for x in (book.account, book.instrument, book.quantity))
    table = pl.DataFrame({"account": account, "item": item, "quantity": quantity})

    def ours(workers: int) -> None:
        frame = Frame(listed, account, item, range(book.accounts))
        frame.columns["position", "quantity"] = quantity[frame.order]
        for pair in (("position", "expiry"), ("expiry", "unit"), ("position", "unit"), ("unit", "account")):
            frame.starts(*pair)

    by = ["account", "item"]
    rivals = {"polars group_by": (lambda: table.group_by(by).agg(pl.col("quantity").sum()), book.accounts)}
    return Work("building the book from unsorted columns", book.accounts, ours, rivals)


def pre_trade(name: str) -> tuple[Work, Work]:
    """One more trade on an account of 200 legs, beside the eager what-if; and 2,000 candidate trades."""
    rng, listed = np.random.default_rng(3), market().instruments
    rows = np.sort(rng.choice(len(listed), LEGS, replace=False))
    quantity = np.round(rng.normal(0, 5, LEGS), 1)
    wallet = (np.zeros(1, np.int64), np.array(["USDC"]), np.array([1e6]))
    account = Columns.of(market(), np.zeros(LEGS, np.int64), rows, quantity, wallets=wallet)
    ready = PreTrade(account, name, np.arange(len(listed)))
    positions = Positions(*(np.full(LEGS, "a"), listed.id[rows], quantity, np.zeros(LEGS), np.full(LEGS, np.nan)))
    book = Portfolio(positions, Balances.from_rows([{"account": "a", "currency": "USDC", "amount": 1e6}]))
    trade = {str(listed.id[7]): 1.0}
    after = what_if(book, market(), name, trade)[0].after
    assert ready.check(7, 1.0).initial == after.initial  # type: ignore[union-attr]
    candidates, one = np.arange(CANDIDATES) % len(listed), np.ones(CANDIDATES)

    def checks(times: int) -> None:
        for n in range(times):
            ready.check(n, 1.0)

    eager = {"what_if": (lambda: what_if(book, market(), name, trade), 1)}
    single = Work(f"{name}: one more trade on {LEGS} legs", 100, lambda _: checks(100), eager)
    return single, Work(
        f"{name}: {CANDIDATES} candidate trades, each", CANDIDATES, lambda w: ready.checks(candidates, one, workers=w)
    )


def works(accounts: int = ACCOUNTS) -> list[Work]:
    """Every row of the table."""
    book = held(accounts)
    columns = book.columns
    whole = [rulebook(name, columns, accounts) for name in ("derive", "deribit-xpm")]
    return [*reductions(book), *whole, building(book), *pre_trade("derive"), *pre_trade("deribit-xpm")]


def main() -> None:
    """Print the table."""
    accounts = int(sys.argv[1]) if len(sys.argv) > 1 else ACCOUNTS
    print(f"{accounts:,} accounts x 10 positions x {len(market().instruments):,} instruments; µs per account\n")
    print("| work | processor | wall, 1 worker | wall, 2 workers | rival, processor | times |")
    print("|---|---|---|---|---|---|")
    for work in works(accounts):
        found = measured(work)
        ours, one, two = (found.pop(k) for k in ("ours", "wall, 1 worker", "wall, 2 workers"))
        line = f"| {work.name} | {ours:.3g} | {one:.3g} | {two:.3g} |"
        for name, rival in (found or {"": float("nan")}).items():
            print(f"{line} {name}: {rival:.3g} | {rival / ours:.3g} |" if name else f"{line} | |")
            line = "| | | | |"


if __name__ == "__main__":
    main()
