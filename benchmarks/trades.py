"""One account: its margin with everything needed to explain it, a what-if, and checks before a trade."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.venue_data import market
from benchmarks.work import Aim, Rival, Work, under
from loadline.engine.columns import Columns
from loadline.engine.engine import Chosen, choose_rulebook, evaluate, what_if
from loadline.engine.prepared import Prepared
from loadline.engine.pretrade import PreTrade
from loadline.io.sample import sample
from loadline.model.instruments import Kind
from loadline.model.market import Market
from loadline.model.positions import Balances, Portfolio, Positions

CANDIDATES, LEGS = 2_000, 200
SINGLE = 1_000
"""Checks timed together: one is too short for the clock."""


def single() -> list[Work]:
    """Every row of this file."""
    before = [row for name in ("derive", "deribit-xpm") for row in pre_trade(name)]
    return [*before, *explained()]


def portfolio(ids: Any, quantity: np.ndarray) -> Portfolio:
    """Account a with these positions and a million of cash."""
    n = len(quantity)
    positions = Positions(np.full(n, "a"), np.asarray(ids, np.str_), quantity, np.zeros(n), np.full(n, np.nan))
    return Portfolio(positions, Balances.from_rows([{"account": "a", "currency": "USDC", "amount": 1e6}]))


def pre_trade(name: str) -> tuple[Work, Work]:
    """One more trade on an account of 200 legs, beside the eager what-if; and every instrument as a candidate."""
    rng, listed = np.random.default_rng(3), market().instruments
    rows = np.sort(rng.choice(len(listed), LEGS, replace=False))
    quantity = np.round(rng.normal(0, 5, LEGS), 1)
    wallet = (np.zeros(1, np.int64), np.array(["USDC"]), np.array([1e6]))
    account = Columns.of(market(), np.zeros(LEGS, np.int64), rows, quantity, wallets=wallet)
    ready = PreTrade(account, name, np.arange(len(listed)))
    book, trade = portfolio(listed.id[rows], quantity), {str(listed.id[7]): 1.0}
    after = what_if(book, market(), name, trade)[0].after
    assert ready.check(7, 1.0).initial == after.initial  # type: ignore[union-attr]
    candidates, one = np.arange(CANDIDATES) % len(listed), np.ones(CANDIDATES)

    def checks(_: int) -> None:
        for n in range(SINGLE):
            ready.check(n, 1.0)

    eager = (
        Rival("eager what-if", lambda: what_if(book, market(), name, trade), 1, "rule, before and after, explained"),
    )
    check: tuple[Aim, ...] = (under(20e-6),) if name == "derive" else ()
    many: tuple[Aim, ...] = (under(10e-3, CANDIDATES), under(10e-3, CANDIDATES, wall="two")) if name == "derive" else ()
    anew = float(ready.worked_out(candidates).mean())
    facts = {"legs": LEGS, "candidates": CANDIDATES, "anew": anew}

    def spread(workers: int) -> None:
        ready.checks(candidates, one, workers=workers)

    title, all_of_them = f"{name}: one more trade on {LEGS} legs", f"{name}: {CANDIDATES:,} candidate trades"
    return (
        Work(f"check {name}", title, "trade", SINGLE, checks, eager, check, facts=facts, spreads=False),
        Work(f"checks {name}", all_of_them, "trade", CANDIDATES, spread, eager, many, facts=facts),
    )


def options_book(given: Market, legs: int) -> Portfolio:
    """An account long and short some options of one coin."""
    rng, i = np.random.default_rng(0), given.instruments
    listed = np.flatnonzero((i.kind == Kind.OPTION) & (i.underlying == "BTC"))
    chosen = np.sort(rng.choice(listed, legs, replace=False))
    return portfolio(i.id[chosen], rng.normal(size=legs))


def explained(legs: int = 80) -> list[Work]:
    """One account of the embedded sample: from tables, on the same snapshot again, and with a trade more."""
    given = sample()[1]
    book, chosen = options_book(given, legs), choose_rulebook("derive", given.as_of)
    prepared = Prepared(book, given, "derive")

    def anew() -> Any:
        return evaluate(chosen, book, given, ["a"])

    larger = options_book(given, LEGS)
    ready, trade = (
        Prepared(larger, given, Chosen(chosen.rule, chosen.version)),
        {str(larger.positions.instrument[0]): 1.0},
    )
    again = what_if(larger, given, chosen, trade)[0].after
    assert ready.after(trade).initial == again.initial  # type: ignore[union-attr]
    eager = Rival(
        "eager what-if", lambda: what_if(larger, given, chosen, trade), 1, "rule, before and after, explained"
    )
    whole = Rival("from tables again", anew, 1)

    def repeated(run: Any) -> Any:
        return lambda _: [run() for _ in range(10)]

    return [
        Work(
            "margin",
            f"derive: one account of {legs} options, from tables, ready to explain",
            "account",
            10,
            repeated(anew),
            spreads=False,
        ),
        Work(
            "replay",
            "derive: the same account with other quantities",
            "account",
            10,
            repeated(prepared.now),
            (whole,),
            spreads=False,
        ),
        Work(
            "what-if",
            f"derive: what-if on {LEGS} legs, prepared",
            "trade",
            10,
            repeated(lambda: ready.after(trade)),
            (eager,),
            (),
            spreads=False,
        ),
    ]
