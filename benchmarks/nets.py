"""Worst scenario and tails of 512 for every account: a plan beside scipy and beside a kernel written by hand.

The cube is random numbers, so that nothing but adding up and reducing is timed.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import cache
from typing import Any

import numba
import numpy as np
import scipy.sparse

from benchmarks import operations
from benchmarks.venue_data import Held, held, market
from benchmarks.work import Need, Rival, Work, beats, second_core
from loadline.kernels.net import segment_sum
from loadline.kernels.tail import TailMeasure
from loadline.tape.frame import Classes, Frame
from loadline.tape.plan import Plan
from loadline.tape.term import Axis, Term, column, constant

SCENARIOS, STEP = 512, 2_000
WIDTHS = (16, 32, 64, 128)
"""Scenarios per block that the hand-written kernel is tried with; the quickest is timed."""


@cache
def matrix(scenarios: int = SCENARIOS) -> tuple[Classes, np.ndarray, Axis]:
    """The classes of 2,000 instruments and a cube of random numbers."""
    n = len(market().instruments)
    levels = (("position", 1), ("strike", 2), ("expiry", 125), ("unit", 1000))
    listed = Classes({name: np.arange(n) // d for name, d in levels}, {})
    axis = Axis("scenario", tuple(map(str, range(scenarios))))
    return listed, np.random.default_rng(1).normal(size=(n, scenarios)), axis


def recorded(reduced: Callable[[Term], Term], scenarios: int = SCENARIOS) -> Plan:
    """A rule that is one reduction of the account's PnL."""
    listed, cube, axis = matrix(scenarios)
    blank = Frame.blank(listed, ("quantity",))
    return Plan([reduced((column(blank, "quantity") * constant(cube, "position", axis)).net("account"))], listed)


def framed(book: Held, scenarios: int = SCENARIOS) -> Frame:
    """The book sorted, with its quantities."""
    frame = Frame(matrix(scenarios)[0], book.account, book.instrument, range(book.accounts))
    frame.columns["position", "quantity"] = book.quantity[frame.order]
    frame.starts("position", "account")
    return frame


def by_hand(width: int) -> Callable[..., None]:
    """The kernel that one would write for the worst scenario alone: blocks of scenarios, all accounts per block."""

    @numba.njit(fastmath=True, nogil=True)
    def run(starts, item, quantity, blocks, out):  # type: ignore[no-untyped-def]
        sums = np.empty(width)
        for k in range(blocks.shape[0]):
            for a in range(out.size):
                for s in range(width):
                    sums[s] = 0.0
                for p in range(starts[a], starts[a + 1]):
                    q, row = quantity[p], item[p]
                    for s in range(width):
                        sums[s] += q * blocks[k, row, s]
                least = sums[0]
                for s in range(width):
                    least = min(least, sums[s])
                out[a] = least if k == 0 else min(out[a], least)

    return run


def tuned(starts: Any, item: Any, quantity: Any, cube: np.ndarray, out: np.ndarray) -> tuple[int, Callable[[], None]]:
    """The hand-written kernel with the block width that is quickest here."""
    found = []
    for width in WIDTHS:
        run = by_hand(width)
        blocks = np.ascontiguousarray(cube.reshape(len(cube), -1, width).transpose(1, 0, 2))
        run(starts, item, quantity, blocks, out)
        best = float("inf")
        for _ in range(2):
            start = time.process_time()
            run(starts, item, quantity, blocks, out)
            best = min(best, time.process_time() - start)
        found.append((best, width, lambda run=run, blocks=blocks: run(starts, item, quantity, blocks, out)))
    _, width, best_run = min(found, key=lambda f: f[0])
    return width, best_run


def reductions(accounts: int) -> list[Work]:
    """The worst and the tails of 512 scenarios."""
    book = held(accounts)
    _, cube, _ = matrix()
    frame = framed(book)
    quantity, starts = frame.columns["position", "quantity"], frame.starts("position", "account")
    dense = scipy.sparse.csr_matrix((quantity, frame.item, starts), (accounts, len(cube)))
    out = np.empty(accounts)

    def dense_then(reduced: Callable[[np.ndarray], np.ndarray], step: int = accounts) -> np.ndarray:
        parts = [reduced(dense[lo : lo + step] @ cube) for lo in range(0, accounts, step)]
        return np.concatenate(parts)

    def smallest(x: np.ndarray) -> np.ndarray:
        return x.min(1)

    worst = recorded(lambda x: x.worst("scenario"))
    width, hand = tuned(starts, frame.item, quantity, cube, out)
    hand()
    assert np.allclose(worst.run(frame)[:, 0], out) and np.allclose(out, dense_then(smallest, STEP))
    rivals = (
        Rival("scipy csr @ dense, min", lambda: dense_then(smallest), accounts),
        Rival(f"scipy {STEP:,} accounts at a time, min", lambda: dense_then(smallest, STEP), accounts),
        Rival("hand-written kernel", hand, accounts, f"fastmath, blocks of {width} scenarios, the quickest here"),
    )
    aims = (beats("scipy", 2.5), beats("hand-written", 1.0, "not slower than by hand"), second_core())

    def work(key: str, title: str, plan: Plan, rivals: tuple[Rival, ...], aims: Any) -> Work:
        return Work(
            key, title, "account", accounts, lambda n: plan.run(frame, n), rivals, aims, operations.needed(plan, frame)
        )

    found = [work("worst", f"worst of {SCENARIOS}", worst, rivals, aims)]
    for level, key in ((0.975, "es975"), (0.99, "es99")):
        measure = TailMeasure("es", level)
        shares = measure.shares(SCENARIOS)
        assert shares is not None

        def reduced(x: np.ndarray, shares: np.ndarray = shares) -> np.ndarray:
            k = len(shares)
            return (np.sort(np.partition(x, k - 1, axis=1)[:, :k], axis=1) * shares).sum(1)

        tail = recorded(lambda x, measure=measure: x.tail("scenario", measure, "shortfall"))
        assert np.allclose(tail.run(frame)[:, 0], dense_then(reduced, STEP))
        rivals = (
            Rival("scipy csr @ dense, partition", lambda r=reduced: dense_then(r), accounts),
            Rival(f"scipy {STEP:,} accounts at a time, partition", lambda r=reduced: dense_then(r, STEP), accounts),
        )
        title = f"expected shortfall {level * 100:g} % of {SCENARIOS}"
        found.append(work(key, title, tail, rivals, (beats("scipy", 3.0),)))
    return found


def segments(groups: int = 20_000, scenarios: int = 64) -> Work:
    """The eager sum of ragged groups."""
    rng = np.random.default_rng(0)
    starts = np.concatenate(([0], np.cumsum(rng.integers(1, 8, groups))))
    x = rng.normal(size=(starts[-1], scenarios))
    np.testing.assert_allclose(segment_sum(x, starts), np.add.reduceat(x, starts[:-1], axis=0), atol=1e-12)
    rival = Rival("np.add.reduceat", lambda: np.add.reduceat(x, starts[:-1], axis=0), groups, "adds in another order")
    title = f"eager sums of {groups:,} groups × {scenarios} scenarios"
    moved = 8.0 * (x.size + groups * scenarios) / groups
    need = Need(x.size / groups, 0.0, moved, 8.0 * x.size, 0.0)
    return Work("segments", title, "group", groups, lambda _: segment_sum(x, starts), (rival,), (), need, spreads=False)
