"""Write the study of re-allocation: one delta-one book that lies with three brokers, and no trade on any market.

``python -m tools.optimizer_brokers --data FOLDER`` reads option chain snapshots, which are not part of the repository,
takes the futures that they imply, and writes ``docs/studies/optimizer_brokers.md``.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from loadline.engine.engine import choose_rulebook
from loadline.foundation.units import format_time, parse_time
from loadline.model.instruments import Kind
from loadline.model.market import Market
from loadline.model.positions import Portfolio
from loadline.optimize.asking import read_limits
from loadline.optimize.building import Venue, build
from loadline.optimize.trading import Wishes
from tools.crash_day import table
from tools.crash_replay import CALM, CRASH, nearest, snapshot
from tools.optimizer_books import HALF_SPREAD, portfolio
from tools.optimizer_study import Run, timed
from tools.real_books import Chain, Held

PAGE = Path(__file__).resolve().parent.parent / "docs" / "studies" / "optimizer_brokers.md"
BROKERS = {"first": "deribit-xpm", "second": "derive", "third": "tail"}
COINS, KEPT, SEED = 100.0, 0.1, 11
"""Size of a position, in bitcoin or their worth in ether; the share of it that is not offset with other brokers."""
SIDES = {"bid": -1.0, "ask": 1.0}
MOST = 12
"""Moves that are shown, the largest first."""


@dataclass(frozen=True)
class Book:
    """A market with quoted futures, what lies with each broker, and the run that re-allocates it."""

    name: str
    market: Market
    held: Portfolio
    run: Run


def quoted(market: Market) -> Market:
    """Return the market with futures and perpetuals quoted half a basis point on either side of their marks."""
    q, linear = market.quotes, market.instruments.is_kind(Kind.FUTURE, Kind.PERPETUAL)
    sides = {s: np.where(linear, q.mark * (1.0 + sign * HALF_SPREAD), getattr(q, s)) for s, sign in SIDES.items()}
    return market.replace(quotes=q.replace(**sides))


def spread_out(market: Market, seed: int) -> dict[str, Held]:
    """Return books whose positions offset each other across the brokers, all but a tenth of them."""
    draw, chain = random.Random(seed).gauss, Chain.of(market)
    books: dict[str, Held] = {name: {} for name in BROKERS}
    i = market.instruments
    for n in np.flatnonzero(i.is_kind(Kind.FUTURE, Kind.PERPETUAL)):
        name, coin = str(i.id[n]), str(i.underlying[n])
        worth = COINS * market.price("BTC") / market.price(coin)
        parts = [draw(0.0, worth) for _ in BROKERS]
        common = (sum(parts) - KEPT * draw(0.0, worth)) / len(parts)
        for book, part in zip(books.values(), parts, strict=True):
            book[name] = 10.0 * round((part - common) / abs(chain.size(name)) / 10.0)
    return books


def reallocated(name: str, market: Market, seed: int) -> Book:
    """Return a book after the best moves of positions between brokers, with nothing bought or sold."""
    books = spread_out(market, seed)
    held = portfolio(books, market)
    venues = [Venue(b, choose_rulebook(rule, market.as_of)) for b, rule in BROKERS.items()]
    futures = sorted({n for b in books.values() for n in b})
    sizes = Wishes(depth=dict.fromkeys(futures, (1.0e4, 1.0e4)))  # a contract is a candidate where it has a size
    problem = build(held, market, venues, sizes, read_limits(()), moving=True)
    c = problem.candidates
    still = c.replace(max_buy=0.0 * c.max_buy, max_sell=0.0 * c.max_sell)
    return Book(name, market, held, timed(replace(problem, candidates=still)))


def requirements(books: Sequence[Book]) -> str:
    """Return the table of what each broker asks before and after."""
    rows = []
    for b in books:
        plan = b.run.plan
        for a in plan.accounts:
            rows.append(
                [b.name, a.account, BROKERS[a.account], *(f"{a.usd(x) / 1000:,.0f}" for x in (a.before, a.after))]
            )
        total = [sum(a.usd(getattr(a, when)) for a in plan.accounts) / 1000 for when in ("before", "after")]
        rows.append([b.name, "all", "", *(f"{x:,.0f}" for x in total)])
    return table(["day", "broker", "rulebook", "before", "after"], rows, texts=3)


def moved(b: Book) -> str:
    """Return the table of the largest positions moved, by what they are worth."""
    i, chain = b.market.instruments, Chain.of(b.market)
    rows = []
    for t in b.run.plan.transfers:
        coin = str(i.underlying[i.index[t.instrument]])
        worth = t.quantity * chain.size(t.instrument) * b.market.price(coin)
        rows.append((abs(worth), [t.instrument, t.source, t.to, f"{worth / 1e6:+,.1f}", f"{t.cost:,.0f}"]))
    rows.sort(key=lambda r: -r[0])
    return table(["contract", "from", "to", "USD million", "cost, USD"], [r for _, r in rows[:MOST]], texts=3)


def page(books: Sequence[Book]) -> str:
    """Return the whole page."""
    said = []
    for b in books:
        plan, count = b.run.plan, len(b.run.plan.transfers)
        said.append(
            f"{b.name}, {format_time(b.market.as_of)}: {plan.words}; {count} moves for {plan.cost:,.0f} USD free "
            f"{b.run.saved:.0%} of the requirement ({plan.saving:,.0f} USD); {b.run.seconds:.1f} s of processor time."
        )
    rules = ", ".join(BROKERS.values())
    return f"""# One book with three brokers, and no trade on any market

<!-- written by tools/optimizer_brokers.py: change it there -->

Futures and perpetuals on bitcoin and ether, as swaps lie with clearing brokers: every contract is held with all three,
in amounts drawn at random that offset each other across them, all but a tenth. The brokers' rules: {rules}.
Nothing may be bought or sold; positions may move between the brokers at mark, for a fee on either side. Risk in all
does not change. `python -m tools.optimizer_brokers --data FOLDER` writes this page again (seed {SEED}); the futures are
those that the option chains imply.

## Asked by each broker, USD thousand

{requirements(books)}

{chr(10).join(f"- {line}" for line in said)}

## The largest moves, {books[-1].name}

{moved(books[-1])}
"""


def main() -> None:
    """Write the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder of the monthly chain files")
    parser.add_argument("--out", type=Path, default=PAGE, help="the page")
    given = parser.parse_args()
    days = {"calm": CALM, "crash": max(CRASH, parse_time("2026-02-05T21:00:00Z"))}
    books = [
        reallocated(name, quoted(snapshot(given.data, nearest(given.data, at))), SEED) for name, at in days.items()
    ]
    given.out.write_text(page(books), encoding="utf-8")
    print(f"wrote {given.out}")


if __name__ == "__main__":
    main()
