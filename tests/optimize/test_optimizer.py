"""What a plan says is so: it is margined again, its duals are derivatives, and what cannot be done is said."""

from dataclasses import replace

import numpy as np
import pytest

from loadline.engine.engine import choose_rulebook, margins
from loadline.engine.result import MarginResult
from loadline.foundation.errors import InputError, MissingData
from loadline.model.positions import Balances, Portfolio, Positions
from loadline.optimize.asking import Capped, Sized, read_limits
from loadline.optimize.budget import Budget
from loadline.optimize.building import Venue, build
from loadline.optimize.collateral import Asset
from loadline.optimize.optimizer import optimize
from loadline.optimize.plan import PlanStatus
from loadline.optimize.problem import Limit, Problem
from loadline.optimize.trading import Terms, Wishes, candidates, ticks
from loadline.optimize.view import Wish
from tests.optimize import problems

SOME = Wishes(size=5.0, never=(), min_days=20.0)


def usual(account: str, rulebook: str, *limits: str, wishes: Wishes = SOME, **more: object) -> Problem:
    portfolio, market = problems.made()
    venue = Venue(account, choose_rulebook(rulebook, market.as_of))
    return build(portfolio, market, [venue], wishes, read_limits(limits), **more)  # type: ignore[arg-type]


def asked(portfolio: Portfolio, rulebook: str, side: str = "initial") -> float:
    found = margins(portfolio, problems.made()[1], rulebook)
    return sum(getattr(r, side) * r.usd for r in found if isinstance(r, MarginResult))


def by_hand(account: str, trades: dict[str, float], paid: dict[str, float]) -> Portfolio:
    """The account after trades and payments, put together without the optimizer."""
    mine = problems.made()[0].only([account])
    blank = {"account": account, "unsettled": 0.0, "entry": float("nan")}
    p, b = mine.positions, mine.balances
    rows = [blank | {"instrument": i, "quantity": q} for i, q in trades.items() if i not in p.instrument]
    quantity = np.array(
        [q + trades.get(i, 0.0) for i, q in zip(p.instrument.tolist(), p.quantity.tolist(), strict=True)]
    )
    cash = dict(zip(b.currency.tolist(), b.amount.tolist(), strict=True))
    for currency, amount in paid.items():
        cash[currency] = cash.get(currency, 0.0) - amount
    wallet = Balances.from_rows({"account": account, "currency": c, "amount": x} for c, x in cash.items())
    positions = Positions.concat([p.replace(quantity=quantity), Positions.from_rows(rows)])
    return Portfolio(positions, wallet, mine.orders, mine.accounts)


@pytest.mark.parametrize("rulebook", ["deribit-xpm", "derive", "tail"])
def test_the_requirement_after_is_that_of_the_book_after(rulebook: str) -> None:
    market = problems.made()[1]
    plan = optimize(usual("strangle", rulebook))
    trades: dict[str, float] = {}
    paid: dict[str, float] = {}
    assert plan.trades
    for t in plan.trades:
        i = market.instruments[t.instrument]
        cash = rulebook == "derive"  # coin contracts are restated: they pay in dollars
        settle = "USDC" if cash else str(i["settle"])
        mark = float(market.quotes.mark[market.instruments.index[t.instrument]])
        if cash and i["quote"] not in ("USD", "USDC"):
            mark *= float(market.quotes.forward[market.instruments.index[t.instrument]])
        trades[t.instrument] = trades.get(t.instrument, 0.0) + t.quantity
        paid[settle] = paid.get(settle, 0.0) + t.cost / market.price(settle)
        paid[settle] += t.quantity * mark * i["multiplier"] if i["upfront"] else 0.0
    assert plan.status is PlanStatus.OPTIMAL
    after = asked(by_hand("strangle", trades, paid), rulebook)
    assert plan.accounts[0].usd(plan.accounts[0].after) == pytest.approx(after, rel=1e-9)
    rate = 0.2 * 30 / 365
    assert plan.objective == pytest.approx(rate * after + sum(t.cost for t in plan.trades), rel=1e-9)
    assert plan.bound == pytest.approx(plan.objective, rel=1e-7)
    assert plan.start == pytest.approx(rate * asked(problems.made()[0].only(["strangle"]), rulebook), rel=1e-12)


@pytest.mark.parametrize("rulebook", ["deribit-xpm", "tail", "derive"])
def test_shadow_prices_are_derivatives(rulebook: str) -> None:
    problem = usual("calendar", rulebook)
    plan = optimize(problem)
    binding = [b for b in plan.bindings if b.shadow > 1e-6]
    assert len(binding) >= 2
    for b in binding[:3]:
        step = 1e-4 * (b.high - b.low)
        values = []
        for s in (-step, 0.0, step):
            moved = [
                replace(k, low=k.low - (s if b.change < 0 else 0.0), high=k.high + (s if b.change > 0 else 0.0))
                if k.name == b.name
                else k
                for k in problem.limits
            ]
            values.append(optimize(replace(problem, limits=tuple(moved))).bound)
        tighter, looser = (values[0] - values[1]) / step, (values[1] - values[2]) / step
        assert looser * (1 - 1e-7) <= b.shadow <= tighter * (1 + 1e-7)  # at a kink it is one of the two
        assert min(abs(b.shadow - tighter), abs(b.shadow - looser)) <= 1e-7 * b.shadow


def test_the_view_is_kept_and_said() -> None:
    plan = optimize(usual("calendar", "deribit-xpm"))
    assert {b.name.split()[0] for b in plan.bindings} == {"delta", "vega", "gamma", "theta"}
    for b in plan.bindings:
        assert b.low * (1 + 1e-6) <= b.change <= b.high * (1 + 1e-6)


def test_without_a_view_the_optimum_sells_the_book() -> None:
    kept = optimize(usual("calendar", "deribit-xpm"))
    free = optimize(usual("calendar", "deribit-xpm", "gamma=off", "theta=off", "vega=off", "delta=off"))
    assert free.saving > 1.5 * kept.saving and not free.bindings


def test_contradictory_limits_are_named_and_no_others() -> None:
    problem = usual("strangle", "deribit-xpm", "delta:BTC=0.5..0.6", "delta:ETH=±3")
    weights = next(k.weights for k in problem.limits if isinstance(k, Limit) and k.name == "delta BTC")
    against = Limit("no more bitcoin", weights, -1.0, 0.2)
    plan = optimize(replace(problem, limits=(*problem.limits, against)))
    assert plan.status is PlanStatus.INFEASIBLE
    assert set(plan.because) == {"delta BTC", "no more bitcoin"}
    assert not plan.trades and plan.words.startswith("infeasible because of: delta BTC")


def test_a_rule_without_a_linear_form_is_refused_by_name() -> None:
    held = problems.holding("a", {"BTC_USDC-PERPETUAL": 3.0}, 1e5)
    plan = optimize(problems.problem("a", "dydx", ["BTC_USDC-PERPETUAL"], portfolio=held))
    assert plan.status is PlanStatus.REFUSED and "whole numbers" in plan.words


def test_time_that_is_up_gives_what_there_is() -> None:
    problem = replace(usual("strangle", "deribit-xpm"), lots=True, most_trades=4)
    plan = optimize(problem, Budget(clock=lambda: 10.0, until=5.0))
    assert plan.status is PlanStatus.STOPPED and plan.words.startswith("stopped at the time limit")
    assert plan.objective <= plan.start and plan.bound <= plan.objective
    asked_to = optimize(problem, Budget(stopped=lambda: True))
    assert asked_to.status is PlanStatus.STOPPED and asked_to.words.startswith("stopped on request")


def test_lots_and_count_are_kept() -> None:
    plan = optimize(replace(usual("strangle", "deribit-xpm"), lots=True, most_trades=4), Budget())
    assert 0 < len(plan.trades) <= 4
    assert all(t.lots == round(t.lots) for t in plan.trades)
    assert plan.status in (PlanStatus.OPTIMAL, PlanStatus.WITHIN)
    free = optimize(usual("strangle", "deribit-xpm"))
    assert free.objective <= plan.objective and free.bound <= plan.bound * (1 + 1e-9)


def test_a_least_size_is_kept() -> None:
    problem = usual("strangle", "deribit-xpm")
    c = problem.candidates.replace(least=problem.candidates.lot * 12)
    plan = optimize(replace(problem, candidates=c, lots=True), Budget())
    assert plan.trades and all(abs(t.lots) >= 12 for t in plan.trades)


# ---- margin call, several accounts, collateral
def poor() -> Portfolio:
    """The strangle with too little in its wallet."""
    mine = problems.made()[0].only(["strangle"])
    b = mine.balances
    amount = np.where(b.currency == "USDC", b.amount - 120_000.0, b.amount)
    return Portfolio(mine.positions, b.replace(amount=amount))


def test_a_margin_call_is_met_at_least_cost() -> None:
    market, book = problems.made()[1], poor()
    before = margins(book, market, "deribit-xpm")[0]
    assert isinstance(before, MarginResult) and before.status.value == "below_maintenance"
    venue = Venue("strangle", choose_rulebook("deribit-xpm", market.as_of))
    plan = optimize(build(book, market, [venue], SOME, rescue=True))
    after = plan.accounts[0].after[0]
    assert plan.status is PlanStatus.OPTIMAL and plan.cost == plan.objective > 0
    assert after.maintenance_excess >= -1e-6 * after.equity
    assert after.maintenance_excess <= 1e-6 * after.equity  # a dollar more would have cost more
    assert after.equity < before.equity  # what trades cost has left the wallet


def test_positions_move_to_where_they_ask_less() -> None:
    portfolio, market = problems.made()
    cheap = Terms(option_fee=1e-5)
    venues = [
        Venue("strangle", choose_rulebook("derive", market.as_of), terms=cheap),
        Venue("spare", choose_rulebook("deribit-xpm", market.as_of), terms=cheap),
    ]
    cash = Balances.from_rows([{"account": "spare", "currency": "USDC", "amount": 1e6}])
    book = Portfolio(portfolio.positions, Balances.concat([portfolio.balances, cash]))
    problem = build(book, market, venues, replace(SOME, min_days=1.0), moving=True)
    still = np.zeros(len(problem.candidates))
    problem = replace(problem, candidates=problem.candidates.replace(max_buy=still, max_sell=still))
    plan = optimize(problem)
    assert plan.transfers and not plan.trades and plan.saving > 0
    net: dict[str, float] = {}
    for when, sign in (("after", 1.0), ("before", -1.0)):
        for account in plan.accounts:
            for result in getattr(account, when):
                frame = result.tape.book.frame
                names = [frame.label("position", g) for g in range(len(frame.item))]
                for name, q in zip(names, frame.columns["position", "quantity"].tolist(), strict=True):
                    net[name] = net.get(name, 0.0) + sign * q
    listed = market.instruments.index
    assert max(abs(q) for name, q in net.items() if name in listed) < 1e-6  # nothing left the two accounts


def test_the_dual_of_equity_is_the_cost_of_capital() -> None:
    market = problems.made()[1]
    venue = Venue("strangle", choose_rulebook("derive", market.as_of))
    held = Asset("USDC", held=1e6, yielding=0.04, move_cost=0.0)
    c = Wishes(size=5.0, min_days=20.0)
    plan = optimize(build(poor(), market, [venue], c, assets=[held], days=30.0))
    posted = {p.currency: p.amount for p in plan.posted}
    assert plan.status is PlanStatus.OPTIMAL and posted["USDC"] > 0
    assert plan.accounts[0].after[0].excess == pytest.approx(0.0, abs=1e-3)
    price = next(b.shadow for b in plan.bindings if b.name.startswith("initial requirement"))
    assert price == pytest.approx(0.04 * 30 / 365, rel=1e-6)  # what a posted dollar forgoes over the horizon


# ---- candidates and limits
def test_missing_depth_is_an_error() -> None:
    with pytest.raises(MissingData, match="no displayed sizes"):
        usual("strangle", "derive", wishes=Wishes())


def test_a_gift_is_refused() -> None:
    problem = usual("strangle", "derive")
    with pytest.raises(InputError, match="trades at mark or better"):
        replace(problem, candidates=problem.candidates.replace(buy=0.0 * problem.candidates.buy))
    with pytest.raises(InputError, match="max_buy"):
        replace(problem, candidates=problem.candidates.replace(max_buy=problem.candidates.max_buy + np.inf))


def test_costs_are_floored_and_counted() -> None:
    market = problems.made()[1]
    i, q = market.instruments, market.quotes
    row = i.index["BTC-26JUN26-92000-C"]
    ask = q.ask.copy()
    ask[row] = 0.5 * (q.mark[row] + q.bid[row])  # an ask below the mark
    lagging = market.replace(quotes=q.replace(ask=ask))
    c = candidates(lagging, "a", {}, ["BTC"], Terms(), Wishes(size=1.0))
    at = c.instrument.tolist().index("BTC-26JUN26-92000-C")
    fee = min(0.0003 * market.price("BTC"), 0.125 * q.mark[row] * market.price("BTC"))
    assert c.floored_buy[at] and c.buy[at] == pytest.approx(0.5 * ticks(lagging)[row] * market.price("BTC") + fee)


def test_locks_and_lists_are_kept() -> None:
    held = {"BTC-26JUN26-92000-C": -3.0}
    market, names = problems.made()[1], ["BTC"]
    reduce = candidates(market, "a", held, names, Terms(), Wishes(size=5.0, reduce_only=True))
    assert reduce.instrument.tolist() == list(held) and reduce.max_buy.tolist() == [3.0]
    assert reduce.max_sell.tolist() == [0.0]
    locked = Wishes(size=5.0, never=["BTC-PERPETUAL"], buys=["BTC-26JUN26-92000-C"], sells=["BTC-26JUN26-92000-P"])
    c = candidates(market, "a", held, names, Terms(), locked)
    rows = {n: k for k, n in enumerate(c.instrument.tolist())}
    assert "BTC-PERPETUAL" not in rows
    assert c.max_sell[rows["BTC-26JUN26-92000-C"]] == 0 == c.max_buy[rows["BTC-26JUN26-92000-P"]]


def test_limits_are_read() -> None:
    found = read_limits(["vega:BTC:2026-06-26=-10..20", "gamma=±5%", "theta=off", "gross:BTC=1e6", "tail=2,000"])
    assert found.view == (
        Wish("vega", "BTC", "2026-06-26", -10.0, 20.0),
        Wish("gamma", share=0.05),
        Wish("theta", off=True),
    )
    assert found.sizes == (Sized("gross", "BTC", 1e6),) and found.caps == (Capped("tail", 2000.0),)
    for bad in ("delta", "delta=x", "delta=3..1", "rho=1", "delta:BTC:x:y"):
        with pytest.raises(InputError):
            read_limits([bad])
    with pytest.raises(InputError, match="no limit delta:SOL"):
        usual("strangle", "derive", "delta:SOL=±1")


def test_size_and_other_rules_can_be_limited() -> None:
    free = optimize(usual("calendar", "deribit-xpm"))
    tail = asked(problems.made()[0].only(["calendar"]), "tail")
    capped = optimize(usual("calendar", "deribit-xpm", f"tail={0.7 * tail}"))
    assert capped.accounts[1].usd(capped.accounts[1].after) <= 0.7 * tail * (1 + 1e-6)
    assert capped.objective >= free.objective
    own = capped.accounts[0]
    assert capped.saving == pytest.approx(own.usd(own.before) - own.usd(own.after))
    large = next(b for b in optimize(usual("calendar", "tail", "gross:BTC=1e9")).bindings if b.name == "gross BTC")
    gross = optimize(usual("calendar", "tail", f"gross:BTC={0.9 * large.change}"))
    bound = next(b for b in gross.bindings if b.name == "gross BTC")
    assert gross.status is PlanStatus.OPTIMAL and bound.change <= 0.9 * large.change * (1 + 1e-6)
