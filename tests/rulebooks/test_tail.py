"""The tail model with everything turned on: what it must be beside equal to its twin."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from loadline.engine.bulk import venue
from loadline.engine.cases.golden import scenarios_of
from loadline.engine.engine import Chosen, choose_rulebook, margins
from loadline.engine.prepared import contributions
from loadline.engine.result import MarginResult
from loadline.foundation.errors import Unavailable
from loadline.foundation.units import MS_PER_DAY
from loadline.io.sample import sample
from loadline.model.market import Market
from loadline.model.positions import Balances, Portfolio, Positions
from loadline.model.shift import only_rows, shift_market
from loadline.model.universe import build_universe
from loadline.optimize.moves import moves_of
from loadline.optimize.site import Site
from loadline.rulebooks.rulebook import by_underlying
from loadline.rulebooks.tail import tail_with
from loadline.rulebooks.tail_shock import scenarios, shock
from loadline.tape.curvature import Curvature
from tests.engine.books import IDS, MARKET
from tests.engine.test_bulk import accounts, columns
from tests.optimize import problems
from tests.optimize.test_lowering import pinned
from tools.golden_models import WHOLE_MODEL
from tools.golden_scenarios import SETS

WHOLE = {path.removeprefix("tail."): value for path, value in WHOLE_MODEL.items()}


def whole(market: Market, name: str = "surface", **changes: object) -> Chosen:
    """The model on a set, with everything turned on."""
    chosen = choose_rulebook("tail", market.as_of, WHOLE | {f"{k.replace('__', '.')}": v for k, v in changes.items()})
    return Chosen(chosen.rule, tail_with(chosen.version, scenarios_of(SETS[name])), chosen.notes)


def answers(held: Portfolio, market: Market, chosen: Chosen) -> dict[str, MarginResult]:
    found = {}
    for answer in margins(held, market, chosen):
        assert isinstance(answer, MarginResult), answer
        found[answer.account] = answer
    return found


def test_nobodys_margin_depends_on_what_others_hold() -> None:
    held, market = sample()
    together = answers(held, market, whole(market))
    for name, answer in together.items():
        alone = answers(held.only([name]), market, whole(market))[name]
        assert (alone.initial, alone.maintenance) == (answer.initial, answer.maintenance)


def test_a_market_cut_down_keeps_its_smiles() -> None:
    held, market = sample()
    mine = held.only(["calendar"])
    ids = np.concatenate([mine.positions.instrument, mine.balances.currency])
    chosen = whole(market)
    assert answers(mine, only_rows(market, ids), chosen)["calendar"].initial == (
        answers(mine, market, chosen)["calendar"].initial
    )
    after = answers(mine, shift_market(market, -0.2, 0.3), chosen)["calendar"].initial
    assert answers(mine, shift_market(only_rows(market, ids), -0.2, 0.3), chosen)["calendar"].initial == after


@pytest.mark.slow
@pytest.mark.parametrize("orders", [False, True])
def test_a_venue_is_margins_bit_for_bit(orders: bool, tmp_path: Path) -> None:
    book, names = accounts(5, 25, orders=orders)
    chosen = whole(MARKET)
    found = venue(chosen, MARKET, columns(book, names), len(names), cache=tmp_path)
    everything = np.unique(np.concatenate([book.positions.instrument, book.orders.instrument]))
    got = zip(found.initial.tolist(), found.maintenance.tolist(), strict=True)
    rows = dict(zip([names[n] for n in found.account.tolist()], got, strict=True))
    for answer in margins(book, MARKET, chosen, also=everything):
        assert isinstance(answer, MarginResult)
        assert rows[answer.account] == (answer.initial, answer.maintenance)
    assert not found.reason


def test_shares_add_up_and_increments_are_differences() -> None:
    held, market = sample()
    chosen = whole(market)
    mine = Portfolio(held.only(["maker"]).positions, held.only(["maker"]).balances)
    result = answers(mine, market, chosen)["maker"]
    found = contributions(mine, market, result, rulebook=chosen)
    assert sum(c.component for c in found) == pytest.approx(result.initial, rel=1e-12)
    first = next(c for c in found if c.position.endswith(("-C", "-P")))
    left = mine.positions.take(mine.positions.instrument != first.position)
    without = answers(Portfolio(left, mine.balances), market, chosen)["maker"]
    assert first.incremental == pytest.approx(result.initial - without.initial, rel=1e-9, abs=1e-6)


def test_rows_of_every_explanation_add_up() -> None:
    held, market = sample()
    for answer in answers(held, market, whole(market)).values():
        labels = {row.label for row in answer.explain("initial")}
        assert {"risk", "liquidity"} <= labels
        said = sum(share.amount for share in answer.attribution("initial"))
        assert said == pytest.approx(answer.initial, rel=1e-12)


def test_expected_shortfall_with_all_charges_is_convex() -> None:
    problem = problems.problem("calendar", whole(sample()[1]), problems.listed(np.random.default_rng(5), 20))
    moves = moves_of(problem)
    site = Site(problem, problem.asks[0], moves)
    assert Curvature(site.ranges(moves)).concave(site.side)
    rng = np.random.default_rng(6)
    for _ in range(25):
        a, b = (rng.uniform(0, moves.upper) for _ in range(2))
        left, right, middle = (site.requirement(site.values(z)) for z in (a, b, 0.5 * (a + b)))
        assert middle <= 0.5 * (left + right) * (1 + 1e-9)


@pytest.mark.parametrize("account", ["strangle", "basis"])
def test_all_of_it_is_its_rows_in_a_linear_model(account: str) -> None:
    assert max(pinned(whole(sample()[1]), account, 2, 1, mode="refuse")) < 1e-12  # type: ignore[arg-type]


def test_a_stressed_period_must_be_there() -> None:
    held, market = sample()
    chosen = choose_rulebook("tail", market.as_of, {"stress.weight": 0.25})
    for answer in margins(held, market, chosen):
        assert isinstance(answer, Unavailable) and "no scenario belongs to a stressed period" in str(answer)


def test_coins_that_a_model_was_not_calibrated_on_are_named_for_whom_they_matter() -> None:
    chosen = whole(MARKET, "plain")
    found = chosen.version.scenarios
    assert found is not None
    parts = {name: getattr(found, name)[:, :1] for name in ("spot", "vol", "dampening")}
    alone = replace(chosen.version, scenarios=replace(found, underlyings=("BTC",), **parts))
    blank = {"unsettled": 0.0, "entry": float("nan"), "quantity": 1.0}
    rows = [{"account": a, "instrument": f"{c}_USDC-PERPETUAL"} | blank for a, c in (("one", "BTC"), ("two", "ETH"))]
    cash = Balances.from_rows([{"account": a, "currency": "USDC", "amount": 1e5} for a in ("one", "two")])
    one, two = margins(Portfolio(Positions.from_rows(rows), cash), MARKET, Chosen(chosen.rule, alone))
    assert isinstance(one, MarginResult) and one.initial > 0
    assert isinstance(two, Unavailable) and "do not move ETH" in str(two)


def test_what_expires_within_the_horizon_pays_off() -> None:
    chosen = whole(MARKET, horizon__days=20.0)
    rows = np.flatnonzero(np.isin(MARKET.instruments.id, IDS))
    u = build_universe(MARKET, rows, lambda i: by_underlying(i, chosen.version))
    found = shock(u, scenarios(u, chosen.version), chosen.version)
    assert found.tau is not None
    near, far = (u.option & (np.round(u.days) == d) for d in (11, 116))
    assert near.any() and (found.tau[near] == 0.0).all()
    assert np.allclose((u.tau - found.tau)[far], 20.0 * MS_PER_DAY / (365.0 * MS_PER_DAY))
    still = shock(u, scenarios(u, chosen.version), whole(MARKET, options__roll="off").version)
    assert still.tau is not None and (still.tau == u.tau).all()


def test_a_price_that_stands_still_leaves_vols_where_they_are() -> None:
    chosen = whole(MARKET, "plain", options__level="off")
    rows = np.flatnonzero(np.isin(MARKET.instruments.id, IDS))
    u = build_universe(MARKET, rows, lambda i: by_underlying(i, chosen.version))
    moves = scenarios(u, chosen.version)
    moves.spot[0] = 0.0
    found = shock(u, moves, chosen.version)
    assert (found.vol[u.option, 0] == u.quotes.vol[u.option]).all()
    assert not np.allclose(found.vol[u.option, 1], u.quotes.vol[u.option])
