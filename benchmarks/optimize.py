"""The optimizer beside general and portfolio solvers: the same problem with the same optimum, models built anew by all.

Scenarios are noise of their own for each instrument (nothing is redundant), or moves that six factors drive.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from benchmarks.work import Rival, Work, beats, installed, under
from loadline.engine.engine import Chosen, choose_rulebook
from loadline.model.book import Book
from loadline.model.cube import Cube
from loadline.model.instruments import NO_EXPIRY, Instruments, Kind, PayoffForm
from loadline.model.market import Market, Quotes
from loadline.model.positions import Balances, Portfolio, Positions
from loadline.model.scenario_set import Scenarios
from loadline.optimize.budget import Budget
from loadline.optimize.moves import Moves, moves_of
from loadline.optimize.problem import Ask, Candidates, Limit, Problem
from loadline.optimize.search import Found, search
from loadline.optimize.site import Site
from loadline.rulebooks import blocks
from loadline.rulebooks.parameters import Version
from loadline.rulebooks.rulebook import Requirement
from loadline.rulebooks.tail import tail_with

AS_OF, PRICE, LEVEL, RATE = 1_780_300_800_000, 100.0, 0.975, 0.0164
FACTORS = 6
SAME = 1e-6
"""How near, relative, the optima of all have to be."""


def hedging() -> list[Work]:
    """Every row of this file."""
    return [shortfall(), portfolio(), worst("factors", 1.0), worst("noise", 5.0)]


@dataclass(frozen=True, eq=False)
class Given:
    """N contracts at 100 USD in S scenarios: ``moves`` (S, N); what is held, costs and reach, contracts, (N,)."""

    moves: np.ndarray
    held: np.ndarray
    cost: np.ndarray
    reach: np.ndarray

    @classmethod
    def of(cls, positions: int, scenarios: int, kind: str) -> Given:
        rng = np.random.default_rng(positions + scenarios)
        if kind == "noise":
            moves = rng.standard_t(4, (scenarios, positions)) * 0.02
        else:
            load = rng.normal(size=(FACTORS, positions))
            moves = rng.standard_t(4, (scenarios, FACTORS)) @ load * 0.01
        held, reach = rng.normal(0, 100, positions).round(), np.full(positions, 200.0)
        return cls(np.clip(moves, -0.9, 0.9), held, rng.uniform(0.001, 0.01, positions), reach)

    @property
    def names(self) -> list[str]:
        return [f"U{n:03d}" for n in range(self.moves.shape[1])]


def market(given: Given) -> Market:
    """A linear perpetual on each underlying."""
    plain = {"kind": Kind.PERPETUAL, "form": PayoffForm.LINEAR, "strike": np.nan, "right": 0, "multiplier": 1.0}
    plain |= {"quote": "USDC", "settle": "USDC", "upfront": False, "expiry": NO_EXPIRY}
    listed = Instruments.from_rows(plain | {"id": f"{n}-PERP", "underlying": n} for n in given.names)
    mark = np.full(len(listed), PRICE)
    quotes = Quotes.of(mark, vol=np.full(len(mark), np.nan), mark=mark, bid=mark, ask=mark, rate=np.zeros(len(mark)))
    return Market(AS_OF, listed, quotes, dict.fromkeys(given.names, PRICE), {"USDC": 1.0})


def rulebook(given: Given, measure: str) -> Chosen:
    """``tail`` on these scenarios: its expected shortfall, or the largest loss."""
    s, n = given.moves.shape
    label = np.char.add("s", np.arange(s).astype(np.str_))
    scenarios = Scenarios(
        label,
        np.full(s, "history"),
        tuple(given.names),
        given.moves,
        np.zeros((s, n)),
        np.ones((s, n)),
        np.full(s, 1 / s),
    )
    chosen = choose_rulebook("tail", AS_OF, {"measure.level": LEVEL})
    rule = chosen.rule if measure == "es" else replace(chosen.rule, name="largest loss", margin=largest_loss)
    return Chosen(rule, tail_with(chosen.version, scenarios))


def largest_loss(book: Book, cube: Cube, p: Version) -> Requirement:
    """A rule in one line."""
    found = (book.quantity * cube.term(cube.unit_pnl("scenario"))).net("account").worst("scenario").losses()
    return Requirement(found, found, blocks.carried_equity(book))


def problem(given: Given, measure: str) -> Problem:
    """A book to be made cheaper: within 30 contracts of net position, each trade within its reach."""
    there = market(given)
    ids, n = there.instruments.id, len(there.instruments)
    zero, ones = np.zeros(n), np.ones(n)
    positions = Positions(np.full(n, "a"), ids, given.held, zero, np.full(n, np.nan))
    book = Portfolio(positions, Balances.from_rows([{"account": "a", "currency": "USDC", "amount": 1e6}]))
    candidates = Candidates(
        account=np.full(n, "a"), instrument=ids, buy=given.cost, sell=given.cost, max_buy=given.reach,
        max_sell=given.reach, lot=ones, least=ones, price_buy=ones * PRICE, price_sell=ones * PRICE,
        floored_buy=np.zeros(n, np.bool_), floored_sell=np.zeros(n, np.bool_), impact=zero,
    )  # fmt: skip
    net = Limit("net", dict.fromkeys(ids.tolist(), 1.0), -30.0, 30.0)
    return Problem(book, there, candidates, (Ask("a", rulebook(given, measure), RATE),), (net,))


def invested(given: Given) -> Problem:
    """What portfolio libraries solve: all of a budget of 10,000 contracts' worth, long only, least shortfall."""
    base, n, budget = problem(given, "es"), given.moves.shape[1], 10_000.0
    one, none = np.full(n, 0.1), np.zeros(n)  # the same for all, hence without effect
    free = base.candidates.replace(buy=one, sell=one, max_buy=np.full(n, budget), max_sell=none)
    book = Portfolio(Positions.empty(), base.portfolio.balances)
    all_of_it = Limit("budget", base.limits[0].weights, budget, budget)
    return replace(base, portfolio=book, candidates=free, limits=(all_of_it,), asks=(replace(base.asks[0], rate=1.0),))


@dataclass(frozen=True, eq=False)
class Ready:
    """A problem whose scenarios are priced, as those of the rivals are: what is left is to model and to solve it."""

    problem: Problem
    moves: Moves
    sites: list[Site]

    @classmethod
    def of(cls, given: Problem) -> Ready:
        moves = moves_of(given)
        return cls(given, moves, [Site(given, ask, moves) for ask in given.asks])

    def solved(self) -> Found:
        found = search(self.problem, self.sites, self.moves, Budget())
        assert found.status == "optimal" and found.gap <= 1e-7 * abs(found.point.objective), found.gap
        return found

    @property
    def optimum(self) -> float:
        return self.solved().point.objective


def near(ours: float, theirs: float, what: str, within: float = SAME) -> None:
    assert abs(theirs - ours) <= within * abs(ours), f"{what} finds {theirs}, not {ours}"


def by_cvxpy(given: Given, measure: str, solver: str) -> Callable[[], float]:
    """The same in cvxpy's words."""
    import cvxpy as cp

    unit = PRICE * given.moves
    s, n = unit.shape

    def solve() -> float:
        buy, sell = cp.Variable(n, nonneg=True), cp.Variable(n, nonneg=True)
        pnl = unit @ (given.held + buy - sell)
        if measure == "es":
            level = cp.Variable()
            need = level + cp.sum(cp.pos(-pnl - level)) / (s * (1.0 - LEVEL))
        else:
            need = cp.max(-pnl)
        net = cp.sum(buy - sell)
        rules = [buy <= given.reach, sell <= given.reach, net <= 30.0, net >= -30.0]
        asked = cp.Problem(cp.Minimize(RATE * need + given.cost @ (buy + sell)), rules)
        asked.solve(solver=solver)
        assert asked.status == "optimal", asked.status
        return float(asked.value)

    return solve


def shortfall() -> Work:
    """Expected shortfall of 50 positions over 10,000 scenarios of noise."""
    given = Given.of(50, 10_000, "noise")
    asked = Ready.of(problem(given, "es"))
    ours = asked.optimum
    rivals, missing = [], []
    for name, solver in (("cvxpy with Clarabel", "CLARABEL"), ("cvxpy with HiGHS", "HIGHS")):
        if installed("cvxpy"):
            run = by_cvxpy(given, "es", solver)
            near(ours, run(), name)
            rivals.append(Rival(name, run, 1))
        else:
            missing.append(name)
    aims = (beats("cvxpy with Clarabel", 25.0), beats("cvxpy with HiGHS", 3.0))
    title = "optimize expected shortfall, 50 positions × 10,000 scenarios of noise"
    facts = {"optimum": ours, "within": SAME}
    return Work("optimize es", title, "book", 1, lambda _: asked.solved(), tuple(rivals), aims, None, tuple(missing),
                facts, spreads=False)  # fmt: skip


def portfolio() -> Work:
    """The same shortfall as portfolio libraries ask for it: fully invested, long only, nothing held, no costs."""
    given = Given.of(50, 10_000, "noise")
    asked = Ready.of(invested(given))
    ours = float(asked.solved().point.requirements[0]) / (PRICE * 10_000.0)
    rivals, missing = [], []
    for name, module, make in (
        ("skfolio, MeanRisk of CVaR", "skfolio", by_skfolio),
        ("Riskfolio-Lib, CVaR", "riskfolio", by_riskfolio),
    ):
        if installed(module):
            run = make(given.moves)
            near(ours, run(), name, 1e-4)  # theirs are as near as their own tolerances
            rivals.append(Rival(name, run, 1))
        else:
            missing.append(name)
    title = "portfolio of least CVaR, 50 assets × 10,000 scenarios of noise"
    facts = {"optimum": ours, "within": 1e-4}
    return Work("optimize cvar", title, "portfolio", 1, lambda _: asked.solved(), tuple(rivals), (), None,
                tuple(missing), facts, spreads=False)  # fmt: skip


def cvar(returns: np.ndarray, weights: Any) -> float:
    """Mean of the worst of a portfolio, a fraction of it; ``returns`` (S, N)."""
    worst = np.sort(returns @ np.asarray(weights, np.float64).ravel())
    return float(-worst[: round(len(worst) * (1.0 - LEVEL))].mean())


def by_skfolio(returns: np.ndarray) -> Callable[[], float]:
    from skfolio import RiskMeasure
    from skfolio.optimization import MeanRisk, ObjectiveFunction

    def solve() -> float:
        model = MeanRisk(
            objective_function=ObjectiveFunction.MINIMIZE_RISK, risk_measure=RiskMeasure.CVAR, cvar_beta=LEVEL
        )
        return cvar(returns, model.fit(returns).weights_)

    return solve


def by_riskfolio(returns: np.ndarray) -> Callable[[], float]:
    import pandas as pd
    import riskfolio as rp

    table = pd.DataFrame(returns, columns=[f"U{n:03d}" for n in range(returns.shape[1])])

    def solve() -> float:
        model = rp.Portfolio(returns=table, alpha=1.0 - LEVEL)
        model.assets_stats(method_mu="hist", method_cov="hist")
        return cvar(returns, model.optimization(model="Classic", rm="CVaR", obj="MinRisk", hist=True))

    return solve


def worst(kind: str, seconds: float) -> Work:
    """The largest loss of 200 positions over 100,000 scenarios."""
    given = Given.of(200, 100_000, kind)
    asked = Ready.of(problem(given, "worst"))
    facts = {"rounds": asked.solved().programme.rounds}
    said = f"that {FACTORS} factors drive" if kind == "factors" else "of noise"
    title = f"optimize the largest loss, 200 positions × 100,000 scenarios {said}"
    return Work(f"optimize {kind}", title, "book", 1, lambda _: asked.solved(), (), (under(seconds),), None, (), facts,
                spreads=False)  # fmt: skip
