"""Collateral: caps on what lies in one asset, transfers that come too late, and what a holder's failure would cost."""

from dataclasses import replace

import numpy as np
import pytest

from loadline.engine.engine import choose_rulebook
from loadline.foundation.errors import InputError, MissingData
from loadline.model.positions import Balances, Portfolio
from loadline.model.shift import worth
from loadline.optimize.asking import Exposed, read_limits
from loadline.optimize.building import Venue, build
from loadline.optimize.collateral import Asset
from loadline.optimize.credit import Credit, exposure_caps
from loadline.optimize.optimizer import optimize
from loadline.optimize.plan import Plan, PlanStatus
from loadline.optimize.problem import Problem
from loadline.optimize.trading import Wishes
from tests.optimize import problems
from tests.optimize.test_optimizer import SOME, poor


def funded(*assets: Asset, limits: tuple[str, ...] = (), wishes: Wishes = SOME, **more: object) -> Problem:
    """The strangle with too little in its wallet, and what may be posted."""
    market = problems.made()[1]
    venue = Venue("strangle", choose_rulebook("deribit-xpm", market.as_of))
    return build(poor(), market, [venue], wishes, read_limits(limits), assets=assets, **more)  # type: ignore[arg-type]


def wallet(plan: Plan) -> dict[str, float]:
    """USD in each currency after the plan, from its own frame."""
    out: dict[str, float] = {}
    for result in plan.accounts[0].after:
        frame = result.tape.book.frame
        names = [frame.label("position", g) for g in range(len(frame.item))]
        for name, q in zip(names, frame.columns["position", "quantity"].tolist(), strict=True):
            if name in ("BTC", "ETH", "USDC"):
                out[name] = out.get(name, 0.0) + q * problems.made()[1].price(name)
    return out


CHEAP, DEAR = Asset("USDC", held=1e6, yielding=0.01), Asset("BTC", held=30.0, yielding=0.012)


def test_the_cheapest_asset_is_posted_until_its_cap() -> None:
    still = Wishes(size=1e-3)  # below every lot: nothing is traded, collateral alone moves
    free = optimize(funded(CHEAP, DEAR, wishes=still))
    assert {p.currency for p in free.posted if p.amount > 0} == {"USDC"} and not free.trades
    there = wallet(free)["USDC"]

    def held_to(most: float) -> Plan:
        return optimize(funded(replace(CHEAP, most_value=most), DEAR, wishes=still))

    capped = held_to(0.5 * there)
    assert capped.status is PlanStatus.OPTIMAL
    assert wallet(capped)["USDC"] == pytest.approx(0.5 * there, rel=1e-7)
    assert wallet(capped)["BTC"] > 1e4 + wallet(free).get("BTC", 0.0)  # what lies there is not all taken away
    assert capped.objective > free.objective
    cap = next(b for b in capped.bindings if b.name == "collateral USDC at strangle")
    assert cap.change == pytest.approx(0.5 * there, rel=1e-7) and cap.high == pytest.approx(0.5 * there)
    assert cap.shadow == pytest.approx(capped.bound - held_to(0.5 * there + 1.0).bound, rel=1e-5) and cap.shadow > 0


def test_a_share_of_what_is_posted_is_kept() -> None:
    plan = optimize(funded(Asset("USDC", held=1e6, yielding=0.01, most_share=0.35), DEAR))
    lies = wallet(plan)
    assert plan.status is PlanStatus.OPTIMAL
    assert lies["USDC"] == pytest.approx(0.35 * sum(lies.values()), rel=1e-7)
    cap = next(b for b in plan.bindings if b.name == "collateral USDC at strangle above 35%")
    assert cap.change == pytest.approx(0.0, abs=1e-2) and cap.shadow > 0 and cap.before is not None


def test_what_arrives_too_late_is_not_moved_and_that_is_said() -> None:
    slow = Asset("USDC", held=1e6, yielding=0.01, hours=6.0)
    late = funded(slow, DEAR, deadline=2.0)
    assert [p.currency for p in late.postings] == ["BTC"]
    plan = optimize(late)
    assert any("USDC takes 6 h to arrive and would come after the 2 h" in n for n in plan.notes)
    assert {p.currency for p in plan.posted} == {"BTC"} and plan.objective > optimize(funded(slow, DEAR)).objective
    early = optimize(funded(slow, DEAR, deadline=6.0))
    assert any(p.currency == "USDC" for p in early.posted)
    assert any("6 h after it was sent" in n for n in early.notes)
    days = funded(Asset("USDC", held=1e6, hours=30.0), days=1.0)  # a horizon of a day is a deadline, too
    assert not days.postings
    nothing = optimize(funded(slow, deadline=1.0, limits=("delta=±0.01", "vega=±0.1%")))
    assert nothing.status in (PlanStatus.INFEASIBLE, PlanStatus.OPTIMAL)


def test_assets_that_go_nowhere_are_refused() -> None:
    with pytest.raises(InputError, match="USDC may go to calendar"):
        funded(Asset("USDC", held=1.0, accounts=("calendar",)))


# ---- who holds it
def apart(first: Credit, second: Credit, *limits: str, **more: object) -> Problem:
    """Two accounts with different rules, the spare one well funded."""
    portfolio, market = problems.made()
    cash = Balances.from_rows([{"account": "spare", "currency": "USDC", "amount": 4e5}])
    book = Portfolio(portfolio.positions, Balances.concat([portfolio.balances, cash]))
    venues = [
        Venue("strangle", choose_rulebook("derive", market.as_of), credit=first),
        Venue("spare", choose_rulebook("deribit-xpm", market.as_of), credit=second),
    ]
    usdc = Asset("USDC", yielding=0.0, move_cost=0.0001)
    assets = {"assets": [usdc, Asset("BTC", move_cost=0.0001)]} | more
    return build(book, market, venues, SOME, read_limits(limits), **assets)  # type: ignore[arg-type]


def claim(plan: Plan, name: str) -> float:
    """Wallet and positions of an account after a plan, each counted where it is positive, by the model's own sums."""
    account = next(a for a in plan.accounts if a.account == name)
    total = {"wallet": 0.0, "positions": 0.0}
    for result in account.after:
        book = result.tape.book
        usd = (book.universe.carried * book.universe.fx)[book.frame.item] * book.frame.columns["position", "quantity"]
        spot = book.universe.spot[book.frame.item]
        total["wallet"] += float(usd[spot].sum())
        total["positions"] += float(usd[~spot].sum())
        total["positions"] += float(book.frame.columns["position", "unsettled"] @ book.universe.fx[book.frame.item])
    return max(total["wallet"] + max(total["positions"], 0.0), 0.0)


def test_exposure_is_capped_by_credit_weight() -> None:
    free = optimize(apart(Credit(), Credit(), "exposure:spare=1e9"))
    there = next(b for b in free.bindings if b.name == "exposure spare")
    assert there.change == pytest.approx(claim(free, "spare"), rel=1e-9)
    assert there.before == pytest.approx(4e5 * problems.made()[1].price("USDC"), rel=1e-9)
    weighted = optimize(apart(Credit(), Credit(weight=2.0, most=1.2 * there.change)))
    cap = next(b for b in weighted.bindings if b.name == "exposure spare")
    assert weighted.status is PlanStatus.OPTIMAL
    assert cap.change == pytest.approx(2.0 * claim(weighted, "spare"), rel=1e-9)
    assert cap.change <= 1.2 * there.change * (1 + 1e-7)
    assert weighted.objective >= free.objective


def test_the_expected_loss_is_bounded_and_worth_a_derivative() -> None:
    bad, good = Credit(default_probability=0.04, loss_given_default=0.5), Credit(default_probability=0.01)
    free = optimize(apart(bad, good, "expected-loss=1e9"))
    level = next(b for b in free.bindings if b.name == "expected loss")
    assert level.change == pytest.approx(0.02 * claim(free, "strangle") + 0.01 * claim(free, "spare"), rel=1e-9)
    at = 0.97 * level.change
    held = optimize(apart(bad, good, f"expected-loss={at}"))
    bound = next(b for b in held.bindings if b.name == "expected loss")
    assert held.status is PlanStatus.OPTIMAL and bound.shadow > 0
    assert bound.change == pytest.approx(at, rel=1e-6)
    looser, tighter = (optimize(apart(bad, good, f"expected-loss={at + s}")).bound for s in (1e-2, -1e-2))
    assert (held.bound - looser) / 1e-2 * (1 - 1e-4) <= bound.shadow <= (tighter - held.bound) / 1e-2 * (1 + 1e-4)


def test_holders_share_a_cap_and_unknown_credit_is_an_error() -> None:
    market = problems.made()[1]
    rule = choose_rulebook("derive", market.as_of)
    two = [Venue(a, rule, credit=Credit("Bank", 1.5, 1e6)) for a in ("strangle", "spare")]
    (cap,) = exposure_caps(two, [])
    assert cap.name == "exposure Bank" and cap.weights == {"strangle": 1.5, "spare": 1.5} and cap.high == 1e6
    (own,) = exposure_caps(two, [Exposed("Bank", 5.0)])
    assert own.high == 5.0
    with pytest.raises(MissingData, match="default probability of strangle, spare"):
        exposure_caps(two, [Exposed("", 1.0)])
    with pytest.raises(InputError, match="no account 'x'"):
        exposure_caps(two, [Exposed("x", 1.0)])
    assert read_limits(["exposure:spare=5", "expected-loss=7"]).exposures == (Exposed("spare", 5.0), Exposed("", 7.0))
    with pytest.raises(InputError):
        read_limits(["exposure=5"])


def test_worth_is_what_the_engine_says() -> None:
    """The exposure before is wallets and positions as the engine counts them."""
    portfolio, market = problems.made()
    venue = Venue("basis", choose_rulebook("deribit-xpm", market.as_of))
    plan = optimize(build(portfolio, market, [venue], SOME, read_limits(["exposure:basis=1e9"])))
    positions, wallets = worth(portfolio.only(["basis"]), market)
    bound = next(b for b in plan.bindings if b.name == "exposure basis")
    assert bound.before == pytest.approx(wallets + max(positions, 0.0), rel=1e-9) and np.isfinite(wallets)
