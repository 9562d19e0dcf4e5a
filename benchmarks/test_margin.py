"""One account: a full margin with everything needed to explain it, and a what-if, beside doing it all again."""

from typing import Any

import numpy as np
import pytest

from benchmarks.turns import times_faster
from loadline.engine.engine import Chosen, choose_rulebook, evaluate, what_if
from loadline.engine.prepared import Prepared
from loadline.io.sample import sample
from loadline.model.instruments import Kind
from loadline.model.market import Market
from loadline.model.positions import Balances, Portfolio, Positions


@pytest.fixture(scope="module")
def market() -> Market:
    return sample()[1]


def options_book(market: Market, legs: int) -> Portfolio:
    """An account long and short some options of one coin, with cash."""
    rng = np.random.default_rng(0)
    i = market.instruments
    chosen = rng.choice(np.flatnonzero((i.kind == Kind.OPTION) & (i.underlying == "BTC")), legs, replace=False)
    rows = [
        {"account": "a", "instrument": str(i.id[k]), "quantity": float(rng.normal()), "unsettled": 0.0, "entry": np.nan}
        for k in sorted(chosen)
    ]
    cash = Balances.from_rows([{"account": "a", "currency": "USDC", "amount": 1e6}])
    return Portfolio(Positions.from_rows(rows), cash)


@pytest.mark.benchmark(group="derive, one account, 80 options x 33 scenarios, warm")
def test_margin_from_nothing_but_tables(benchmark: Any, market: Market) -> None:
    """Resolve, scenarios, shock, cube and rule: the tape of a new book on a new snapshot."""
    book, chosen = options_book(market, 80), choose_rulebook("derive", market.as_of)
    benchmark(evaluate, chosen, book, market, ["a"])


@pytest.mark.benchmark(group="derive, one account, 80 options x 33 scenarios, warm")
def test_margin_on_the_same_snapshot(benchmark: Any, market: Market) -> None:
    """Other quantities on the same instruments: the recorded rule run again."""
    prepared = Prepared(options_book(market, 80), market, "derive")
    benchmark(prepared.now)


@pytest.mark.benchmark(group="derive, what-if on 200 legs")
def test_what_if(benchmark: Any, market: Market) -> None:
    book, chosen = options_book(market, 200), choose_rulebook("derive", market.as_of)
    trade = {str(book.positions.instrument[0]): 1.0}
    prepared = Prepared(book, market, Chosen(chosen.rule, chosen.version))
    again = what_if(book, market, chosen, trade)[0].after
    assert prepared.after(trade).initial == again.initial  # type: ignore[union-attr]
    benchmark(prepared.after, trade)
    ratio = times_faster(lambda: prepared.after(trade), lambda: what_if(book, market, chosen, trade))
    benchmark.extra_info["rival"] = "what_if, which runs the rule before and after and keeps both explanations"
    benchmark.extra_info["times faster than rival"] = round(ratio, 1)
    print(f"\nwhat-if on 200 legs: {ratio:.0f} times faster than running the rule again, same numbers")
