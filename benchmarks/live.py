"""A venue while prices move: a tick of one expiry beside computing everything anew, and ticks of more and more."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from benchmarks.children import KEPT
from benchmarks.venue_data import held, market
from benchmarks.work import Figures, Rival, Work, timed, under
from loadline.engine.bulk import venue
from loadline.engine.live import Live
from loadline.foundation.table import Bools
from loadline.model.market import Market

RULEBOOK, CACHE = "derive", KEPT / "compiled"
BATCHES, CHANGES = (1, 1_000), 20
"""Trades that come together, and how many such changes are timed in a row: now and then one tidies up for others."""
SHARES = (0.001, 0.01, 0.1, 1.0)
"""Parts of the instruments that move at once."""


def ticking(accounts: int) -> list[Work]:
    """Every row of this file."""
    CACHE.mkdir(mode=0o700, parents=True, exist_ok=True)
    return [tick(accounts), *(trading(accounts, each) for each in BATCHES)]


def moved(rows: Bools) -> Market:
    """The market with forwards and vols of some instruments a basis point up."""
    given, q = market(), market().quotes
    up = np.where(rows, 1.0001, 1.0)
    return given.replace(quotes=q.replace(forward=q.forward * up, vol=q.vol * up))


def one_expiry() -> Bools:
    """All options and the future of one coin at one expiry."""
    i = market().instruments
    return (i.underlying == "BTC") & (i.expiry == np.unique(i.expiry)[3])


def tick(accounts: int) -> Work:
    """One expiry moves, and back: each time only who holds some of it is margined again, and of them the one unit."""
    columns, later = held(accounts).columns, moved(one_expiry())
    kept = {n: Live(RULEBOOK, market(), columns, accounts, workers=n, cache=CACHE) for n in (1, 2)}
    touched, shown = dict.fromkeys(kept, False), kept[1].tick(later)
    assert not shown.whole, shown.whole
    again = replace(columns, market=later.with_wallet(["USDC"]))  # holdings bring the prices that they are valued at
    full = venue(RULEBOOK, again.market, again, accounts, cache=CACHE)
    assert np.array_equal(kept[1].now.initial, full.initial) and np.array_equal(kept[1].now.equity, full.equity)
    kept[1].tick(market())

    def ours(workers: int) -> None:
        touched[workers] = not touched[workers]
        kept[workers].tick(later if touched[workers] else market())

    def anew() -> None:
        venue(RULEBOOK, again.market, again, accounts, cache=CACHE)

    rivals = (Rival("everything anew from the columns", anew, 1),)
    facts = {
        "accounts": accounts,
        "touched": len(shown.results),
        "priced": shown.priced,
        "shares": shares(kept[1], accounts),
    }
    aims = (under(25e-3), under(25e-3, wall="two"))
    title = f"{RULEBOOK}: a tick of one expiry"
    return Work("tick", title, "tick", 1, ours, rivals, aims, facts=facts)


def trading(accounts: int, together: int) -> Work:
    """Trades come in, and their accounts are laid out and margined again."""
    columns = held(accounts).columns
    kept = {n: Live(RULEBOOK, market(), columns, accounts, workers=n, cache=CACHE) for n in (1, 2)}
    rng, n = np.random.default_rng(11), len(market().instruments)

    def ours(workers: int) -> None:
        for _ in range(CHANGES):
            who = rng.choice(accounts, together, replace=False)
            shown = kept[workers].trade(who, rng.integers(0, n, together), np.ones(together))
            assert not shown.whole, shown.whole

    ours(1)
    kept[1].verify()

    def anew() -> None:
        venue(RULEBOOK, columns.market, columns, accounts, cache=CACHE)

    rivals = (Rival("everything anew from the columns", anew, 1),)
    said = "a trade" if together == 1 else f"{together:,} trades"
    title = f"{RULEBOOK}: {said} into the book, by difference"
    facts = {"accounts": accounts, "trades": together}
    return Work(f"difference {together}", title, "change", CHANGES, ours, rivals, facts=facts)


def shares(live: Live, accounts: int) -> list[Figures]:
    """Least seconds of a tick by how much of the market it moves."""
    found, rng = [], np.random.default_rng(7)
    order = rng.permutation(len(market().instruments))
    for share in SHARES:
        rows = np.zeros(len(order), np.bool_)
        rows[order[: max(1, round(share * len(order)))]] = True
        later, best = moved(rows), float("inf")
        for _ in range(3):
            shown = live.tick(later)
            best = min(best, timed(lambda: live.tick(market()))[0])
        found.append({"instruments": int(rows.sum()), "accounts": len(shown.results), "seconds": best})
    return found
