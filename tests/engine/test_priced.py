"""A book on instruments that were priced before is answered from the recorded rule: same numbers, rows and shares."""

import numpy as np
import pytest

from loadline.engine.engine import choose_rulebook, evaluate, margins
from loadline.engine.priced import LARGEST
from loadline.engine.result import MarginResult
from loadline.foundation.errors import Unavailable
from loadline.model.instruments import Kind
from loadline.model.market import KEPT, Market
from loadline.model.positions import Portfolio
from loadline.rulebooks.rulebook import SHIPPED
from tests.engine.books import IDS, MARKET, book
from tests.engine.test_bulk import VENUES_OF_PERPETUALS

SIDES = ("initial", "maintenance", "equity")


def of_one_account(rng: np.random.Generator, listed: list[str], *, orders: bool) -> Portfolio:
    """Other quantities of the same instruments, some of them none, and perhaps open orders on them."""
    held = {("a", i): float(rng.integers(-40, 40)) for i in listed}
    wanted = [("a", i, float(rng.integers(1, 9)), 100.0) for i in listed[:2]] if orders else []
    return book(held, {("a", "USDC"): 1e5, ("a", "BTC"): 0.5}, wanted)


def said(answers: list[MarginResult | Unavailable]) -> list[object]:
    """Everything that an answer says."""
    rows: list[object] = []
    for answer in answers:
        if isinstance(answer, Unavailable):
            rows.append(answer)
            continue
        shares = [answer.attribution(side) for side in ("initial", "maintenance")]
        rows += [answer.as_json(), [answer.explain(side) for side in SIDES], shares]
        parts = answer.tape.requirement.parts
        rows.append({name: term.numbers().tolist() for name, term in parts.items() if term.value is not None})
    return rows


@pytest.mark.parametrize("orders", [False, True])
@pytest.mark.parametrize("rulebook", SHIPPED)
def test_a_second_book_is_answered_as_a_first(rulebook: str, orders: bool) -> None:
    rng = np.random.default_rng(7)
    perpetuals = MARKET.instruments.id[MARKET.instruments.is_kind(Kind.PERPETUAL)].tolist()
    listed = perpetuals if rulebook in VENUES_OF_PERPETUALS else sorted(rng.choice(IDS, 8, replace=False).tolist())
    market, chosen = MARKET.replace(), choose_rulebook(rulebook, MARKET.as_of)
    for _ in range(3):
        mine = of_one_account(rng, listed, orders=orders)
        assert said(margins(mine, market, chosen)) == said(margins(mine, MARKET.replace(), chosen))


def test_other_parameters_are_not_mistaken_for_the_same() -> None:
    rng, market = np.random.default_rng(1), MARKET.replace()
    mine = of_one_account(rng, IDS[:6], orders=False)
    for changes in ({}, {}, {"vol_shock.up": 0.9}, {}):
        want = margins(mine, MARKET.replace(), "derive-v1", overrides=changes)
        assert said(margins(mine, market, "derive-v1", overrides=changes)) == said(want)


def kept(market: Market) -> int:
    wallets = market.derived("wallet USDC", lambda: market)
    return len(wallets._kept)


def test_a_snapshot_remembers_little() -> None:
    rng, market = np.random.default_rng(2), MARKET.replace()
    for n in range(2 * KEPT):
        margins(book({("a", IDS[n]): 1.0}, {("a", "USDC"): 1.0}), market, "isolated")
    assert kept(market) == KEPT
    few, large = MARKET.replace(), of_one_account(rng, IDS[:20], orders=False)
    chosen = choose_rulebook("tail", MARKET.as_of, {"tail.scenarios.count": 2 * (LARGEST // 20)})
    cells = evaluate(chosen, large, few, ["a"]).cube.value.size
    assert cells > LARGEST and few.with_wallet(["BTC", "USDC"])._kept == {}
