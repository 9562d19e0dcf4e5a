"""Loss limits in stresses: what a plan is said to lose is what the engine's surface says, and within the limit."""

import numpy as np
import pytest

from loadline.engine.engine import choose_rulebook
from loadline.engine.surface import surface
from loadline.foundation.errors import InputError
from loadline.model.positions import Balances, Portfolio
from loadline.optimize.asking import read_limits
from loadline.optimize.building import Venue, build
from loadline.optimize.optimizer import optimize
from loadline.optimize.plan import Binding, Plan, PlanStatus
from loadline.optimize.stress import Stress, read_stress
from loadline.optimize.trading import Wishes
from tests.optimize import problems
from tests.optimize.test_optimizer import SOME, usual


def found(plan: Plan, name: str) -> Binding:
    return next(b for b in plan.bindings if b.name == name)


def lost(plan: Plan, spot: float, vol: float, underlyings: list[str] | None, when: str = "after") -> float:
    """What the account loses, wallet and positions, by the surface of another rulebook that has no say in it."""
    (result,) = getattr(plan.accounts[0], when)
    frame, listed = result.tape.book.frame, problems.made()[1].instruments.index
    held: dict[str, float] = {}
    for name, q in zip(
        [frame.label("position", g) for g in range(len(frame.item))],
        frame.columns["position", "quantity"].tolist(),
        strict=True,
    ):
        held[name] = held.get(name, 0.0) + q
    book = problems.holding("a", {n: q for n, q in held.items() if n in listed}, 0.0)
    wallet = Balances.from_rows(
        {"account": "a", "currency": n, "amount": q} for n, q in held.items() if n not in listed
    )
    s = surface(Portfolio(book.positions, wallet), problems.made()[1], "tail", "a", [spot], [vol],
                underlyings=underlyings)  # fmt: skip
    return -float(s.pnl[0, 0])


def test_the_loss_is_the_engines_and_within_its_bound() -> None:
    free = optimize(usual("strangle", "deribit-xpm", "stress:BTC-20%,vol+30%=1e9"))
    there = found(free, "stress BTC-20%,vol+30%")
    # vol of both moves, price of one: the market is shifted by the limit one underlying at a time
    limited = usual("strangle", "deribit-xpm", f"stress:all-20%,vol+30%={0.8 * there.change}")
    plan = optimize(limited)
    loss = found(plan, "stress all-20%,vol+30%")
    assert plan.status is PlanStatus.OPTIMAL and loss.shadow > 0
    assert loss.change == pytest.approx(0.8 * there.change, rel=1e-7)
    assert loss.change == pytest.approx(lost(plan, -0.2, 0.3, None), rel=1e-9)
    assert loss.before == pytest.approx(lost(plan, -0.2, 0.3, None, "before"), rel=1e-9)
    assert plan.objective >= optimize(usual("strangle", "deribit-xpm")).objective


def test_one_underlying_moves_alone() -> None:
    plan = optimize(usual("strangle", "deribit-xpm", "stress:ETH+25%=1e9"))
    expected = lost(plan, 0.25, 0.0, ["ETH"])
    assert found(plan, "stress ETH+25%").change == pytest.approx(expected, rel=1e-9)


def test_the_shadow_price_is_a_derivative() -> None:
    word = "stress:BTC-20%"
    level = found(optimize(usual("strangle", "deribit-xpm", f"{word}=1e9")), word.replace(":", " ")).change
    at, step = 0.8 * level, 1e-5 * level
    plan = optimize(usual("strangle", "deribit-xpm", f"{word}={at}"))
    shadow = found(plan, "stress BTC-20%").shadow
    looser, tighter = (optimize(usual("strangle", "deribit-xpm", f"{word}={at + s}")).bound for s in (step, -step))
    assert shadow > 0
    assert (plan.bound - looser) / step * (1 - 1e-6) <= shadow <= (tighter - plan.bound) / step * (1 + 1e-6)


def test_named_stresses_are_all_held() -> None:
    portfolio, market = problems.made()
    crash = Stress("crash", {"BTC": -0.3, "ETH": -0.4}, {"all": 0.5})
    squeeze = Stress("squeeze", {"all": 0.25}, {"ETH": 0.1})
    venue = Venue("strangle", choose_rulebook("deribit-xpm", market.as_of))

    def made(*limits: str) -> Plan:
        return optimize(build(portfolio, market, [venue], SOME, read_limits(limits), stresses=[crash, squeeze]))

    free = made("stress=1e9")
    worst = {n: found(free, f"stress {n}").change for n in ("crash", "squeeze")}
    both, one = made(f"stress={0.9 * max(worst.values())}"), made(f"stress:crash={0.9 * worst['crash']}")
    assert all(found(both, f"stress {n}").change <= 0.9 * max(worst.values()) * (1 + 1e-6) for n in worst)
    assert [b.name for b in one.bindings if b.name.startswith("stress")] == ["stress crash"]
    # two underlyings by unlike moves: each shifted alone adds up, since no contract knows both
    alone = [optimize(usual("strangle", "deribit-xpm", f"stress:{w}=1e9")) for w in ("BTC-30%", "ETH-40%")]
    flat = build(portfolio, market, [venue], SOME, read_limits(["stress:d=1e9"]),
                 stresses=[Stress("d", {"BTC": -0.3, "ETH": -0.4})])  # fmt: skip
    level = found(optimize(flat), "stress d").before
    parts = [next(b.before for b in p.bindings if b.name.startswith("stress")) for p in alone]
    assert level == pytest.approx(sum(x for x in parts if x is not None), rel=1e-9)


def test_what_cannot_be_met_or_read_is_said() -> None:
    plan = optimize(usual("strangle", "deribit-xpm", "stress:all-30%,vol+50%=1", wishes=Wishes(size=0.1)))
    assert plan.status is PlanStatus.INFEASIBLE and "stress all-30%,vol+50%" in plan.because
    with pytest.raises(InputError, match="SOL, which the book does not trade"):
        usual("strangle", "deribit-xpm", "stress:SOL-20%=1")
    with pytest.raises(InputError, match="no stresses"):
        usual("strangle", "deribit-xpm", "stress=1")
    for bad in ("BTC20%", "BTC-20", "BTC-20%,,", "-20%"):
        with pytest.raises(InputError):
            read_stress(bad)
    assert read_stress("BTC-20%, ETH+5.5%,vol-10%") == Stress(
        "BTC-20%, ETH+5.5%,vol-10%", {"BTC": -0.2, "ETH": 0.055}, {"all": -0.1}
    )
    assert np.isclose(read_stress("all-1%").of("ETH")[0], -0.01)
