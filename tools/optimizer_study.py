"""Write the study of the optimizer: how much margin a real chain lets one save, under which view, at what cost.

``python -m tools.optimizer_study --data FOLDER`` reads Deribit option chain snapshots, which are not part of the
repository, and writes ``docs/studies/optimizer.md``. Every number on the page is computed here; seconds are processor
time on the machine that wrote it.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from textwrap import fill

from loadline.engine.engine import choose_rulebook
from loadline.foundation.units import format_time, parse_time
from loadline.kernels.net import LOOPS
from loadline.optimize.asking import read_limits
from loadline.optimize.budget import Budget
from loadline.optimize.building import Venue, build
from loadline.optimize.optimizer import optimize
from loadline.optimize.plan import Plan
from loadline.optimize.problem import Problem
from loadline.optimize.trading import Wishes
from loadline.optimize.view import sensitivities
from tools.crash_day import table
from tools.crash_replay import CALM, CRASH
from tools.optimizer_books import LEGS, WALLET, Day, book, day, other_side, portfolio
from tools.real_books import Chain

PAGE = Path(__file__).resolve().parent.parent / "docs" / "studies" / "optimizer.md"
RULES = ("deribit-xpm", "derive", "tail")
ONCE = ("delta=±2", "vega=±10%", "gamma=off", "theta=off")
VIEWS: dict[str, tuple[Sequence[str], bool]] = {
    "delta, vega": (ONCE, False),
    "+ gamma, theta 10 %": (("delta=±2", "vega=±10%"), False),
    "+ gamma, theta 2 %": (("delta=±2", "vega=±10%", "gamma=±2%", "theta=±2%"), False),
    "reduce only, 10 %": (("delta=±2", "vega=±10%"), True),
}
SECONDS, TRADES, SEED = 10.0, 8, 7


@dataclass(frozen=True)
class Run:
    """One plan and the processor seconds it took, the building of the model included."""

    plan: Plan
    seconds: float

    @property
    def saved(self) -> float:
        """The share of the requirement that is freed."""
        return self.plan.saving / sum(a.usd(a.before) for a in self.plan.accounts)


def timed(problem: Problem, seconds: float = 600.0) -> Run:
    """Return the plan of a problem."""
    began = time.process_time()
    plan = optimize(problem, Budget.of(seconds, time.process_time))
    return Run(plan, time.process_time() - began)


def asked(
    where: Day, books: dict[str, dict[str, float]], rules: Sequence[str], view: str, *, moving: bool = False
) -> Problem:
    """Return the problem of some accounts, a rule for each."""
    limits, reduce = VIEWS[view]
    venues = [
        Venue(account, choose_rulebook(rule, where.market.as_of)) for account, rule in zip(books, rules, strict=True)
    ]
    wishes = Wishes(depth=where.depth, reduce_only=reduce)
    return build(portfolio(books, where.market), where.market, venues, wishes, read_limits(limits), moving=moving)


def continuous(days: Sequence[Day]) -> tuple[str, list[Run]]:
    """Return the table by view, without lots, and all its runs."""
    rows, runs = [], []
    for d in days:
        chain = Chain.of(d.market)
        for rule in RULES:
            for legs in LEGS:
                held = {"book": book(chain, legs, SEED)}
                mine = [timed(asked(d, held, (rule,), view)) for view in VIEWS]
                runs += mine
                before = mine[0].plan.accounts[0]
                cells = [f"{r.saved:.0%}, {_days(r.plan)}" for r in mine]
                most = f"{_theta(d, mine[0].plan):+,.0f}"
                required = f"{before.usd(before.before) / 1000:,.0f}"
                rows.append([d.name, rule, str(len(held["book"])), required, *cells, most])
                print(d.name, rule, legs, [r.plan.words for r in mine], [f"{r.seconds:.2f}" for r in mine], flush=True)
    head = ["day", "rulebook", "legs", "requirement", *VIEWS, "theta, USD a day"]
    return table(head, rows, texts=2), runs


def _days(plan: Plan) -> str:
    return "—" if plan.payback_days is None or plan.cost <= 0 else f"{plan.payback_days:.0f} d"


def _theta(where: Day, plan: Plan) -> float:
    """USD a day by which the trades of a plan move theta."""
    if not plan.trades:
        return 0.0
    s = sensitivities(where.market, [t.instrument for t in plan.trades])
    each = dict(zip(s.instrument.tolist(), s.values["theta"].tolist(), strict=True))
    return float(sum(t.quantity * each[t.instrument] for t in plan.trades))


def in_lots(days: Sequence[Day]) -> tuple[str, list[Run]]:
    """Return the table of plans in lots, at most eight trades."""
    rows, runs = [], []
    for d in days:
        chain = Chain.of(d.market)
        for rule in RULES:
            for legs in LEGS:
                held = {"book": book(chain, legs, SEED)}
                problem = asked(d, held, (rule,), "+ gamma, theta 10 %")
                free = timed(problem)
                run = timed(replace(problem, lots=True, most_trades=TRADES), SECONDS)
                runs.append(run)
                print(d.name, rule, legs, run.plan.words, f"{run.seconds:.1f}", flush=True)
                rows.append(
                    [d.name, rule, str(legs), f"{free.saved:.0%}", f"{run.saved:.0%}", _days(run.plan), *_gaps(run)]
                )
    head = ["day", "rulebook", "legs", "any size", "8 trades in lots", "payback", "gap", "of the saving", "s"]
    return table(head, rows, texts=2), runs


def _gaps(run: Run) -> list[str]:
    p = run.plan
    said = ["—" if x is None else f"{x:.3%}" for x in (p.gap, p.gap_of_saving)]
    return [*said, f"{run.seconds:.1f}"]


def two_venues(days: Sequence[Day]) -> str:
    """Return the table of two accounts at two venues: trades, and positions moved alone."""
    rows = []
    for d in days:
        chain = Chain.of(d.market)
        first = book(chain, 80, SEED)
        books = {"a": first, "b": other_side(chain, first, SEED)}
        for rules in (("deribit-xpm", "tail"), ("deribit-xpm", "derive")):
            problem = asked(d, books, rules, "+ gamma, theta 10 %", moving=True)
            still = problem.candidates.replace(
                max_buy=0.0 * problem.candidates.max_buy, max_sell=0.0 * problem.candidates.max_sell
            )
            free = asked(d, books, rules, "+ gamma, theta 10 %")
            for name, this, seconds in (
                ("trades", free, 600.0),
                ("positions moved at mark", replace(problem, candidates=still), 600.0),
                ("both", problem, 600.0),
            ):
                run = timed(this, seconds)
                before, after = (
                    " + ".join(f"{a.usd(getattr(a, when)) / 1000:,.0f}" for a in run.plan.accounts)
                    for when in ("before", "after")
                )
                print(d.name, rules, name, run.plan.words, f"{run.seconds:.1f}", flush=True)
                rows.append(
                    [
                        d.name,
                        " + ".join(rules),
                        name,
                        before,
                        after,
                        _days(run.plan),
                        run.plan.words,
                        f"{run.seconds:.1f}",
                    ]
                )
    return table(
        ["day", "rulebooks", "what may be done", "before", "after", "payback", "certificate", "s"], rows, texts=3
    )


PAIRS = (("deribit-xpm", "tail"), ("deribit-xpm", "derive"), ("derive", "tail"))


def two_in_lots(days: Sequence[Day]) -> tuple[str, list[Run]]:
    """Return the table of eight trades in lots at two venues, books of every size, and its runs."""
    rows, runs = [], []
    for d in days:
        chain = Chain.of(d.market)
        for legs in LEGS:
            first = book(chain, legs, SEED)
            books = {"a": first, "b": other_side(chain, first, SEED)}
            for rules in PAIRS:
                problem = asked(d, books, rules, "+ gamma, theta 10 %")
                run = timed(replace(problem, lots=True, most_trades=TRADES), SECONDS)
                runs.append(run)
                print(d.name, legs, rules, run.plan.words, f"{run.seconds:.1f}", flush=True)
                rows.append([d.name, " + ".join(rules), str(legs), f"{run.saved:.0%}", _days(run.plan), *_gaps(run)])
    head = ["day", "rulebooks", "legs", "saved", "payback", "gap", "of the saving", "s"]
    return table(head, rows, texts=2), runs


def gaps(runs: Sequence[Run]) -> str:
    """Say how near the best the plans are, and how long the slowest took."""
    near = sorted(r.plan.gap or 0.0 for r in runs)
    last = max(r.seconds for r in runs)
    counts = sorted(r.plan.candidates for r in runs)
    few, some = (sum(g <= share for g in near) for share in (0.001, 0.02))
    said = (
        f"{few} of {len(near)} are within 0.1 % of the objective, {some} within 2 %, the worst within {near[-1]:.2%}; "
        f"{counts[0]:,} to {counts[-1]:,} candidates. The longest took {last:.1f} s of the {SECONDS:.0f} s allowed."
    )
    return fill(said, 120)


def facts(runs: Sequence[Run]) -> str:
    """Say how many of the continuous plans were certified, and how long they took."""
    optimal = sum(r.plan.status.value == "optimal" for r in runs)
    times = sorted(r.seconds for r in runs)
    counts = sorted(r.plan.candidates for r in runs)
    said = (
        f"{optimal} of {len(runs)} plans are optimal, objective and bound equal to a ten-millionth; {times[0]:.2f} to "
        f"{times[-1]:.2f} s, half of them under {times[len(times) // 2]:.2f} s, with {counts[0]} to {counts[-1]} "
        "candidates; margining the book before and after is in it, compiling on first use is not."
    )
    return fill(said, 120)


def page(days: Sequence[Day]) -> str:
    """Return the whole page."""
    LOOPS.asked(1 << 30)  # what is compiled on first use is nobody's time
    for rule in RULES:
        timed(asked(days[0], {"book": book(Chain.of(days[0].market), LEGS[0], SEED)}, (rule,), "reduce only, 10 %"))
    first, runs = continuous(days)
    second, lots = in_lots(days)
    third = two_venues(days)
    fourth, both = two_in_lots(days)
    when = "; ".join(
        f"{d.name}: {format_time(d.market.as_of)}, bitcoin at {d.market.price('BTC'):,.0f} USD" for d in days
    )
    wallet = ", ".join(f"{x:,.0f} {c}" for c, x in WALLET.items())
    assumed = fill(
        f"{when}. Capital at 20 % a year over 30 days. A quote is taken to be good for the larger of 2 % of open "
        "interest and 10 % of the day's volume, at most 25 coins: the chains have no depth. Costs are half spreads to "
        "the mark, at least half a tick, and fees; no impact. Perpetuals are implied by the chain: at the index, half "
        f"a basis point on either side. Every book has {wallet} in its wallet.",
        120,
    )
    return f"""# What the optimizer saves on a real chain

<!-- written by tools/optimizer_study.py: change it there -->

Bitcoin books of about 20, 80 and 200 legs on real option chains with their real quotes, under three rulebooks; what
`loadline optimize` frees, under which view, and how near the best it is. The books are ours, so savings show mechanics
and promise nothing. `python -m tools.optimizer_study --data FOLDER` writes this page again (seed {SEED}).

{assumed}

## Saved, by view

Share of the initial requirement that is freed, and days until the cost of capital saved has paid for the trades. All
keep delta within 2 coins and vega within 10 % of gross (25 % in an expiry). Requirement in USD thousand. No lots.

{first}

{facts(runs)}

Read it as a warning as much as a promise: the same book gives much or little depending on what the view is taken to
be. Without limits on gamma and theta the optimum sells the strategy: the last column is what its trades do to theta.

## In lots, at most {TRADES} trades

Gamma and theta within 10 %, {SECONDS:.0f} s of processor time.

{second}

{gaps(lots)}

## Two venues at once

Two accounts of one owner, 80 legs and most of their other side; gamma and theta within 10 % over both. Positions moved
at mark pay a fee on either side. USD thousand.

{third}

The same in lots, at most {TRADES} trades over both, {SECONDS:.0f} s of processor time, books of every size:

{fourth}

{gaps(both)}
"""


def main() -> None:
    """Write the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder of the monthly chain files")
    parser.add_argument("--out", type=Path, default=PAGE, help="the page")
    given = parser.parse_args()
    days = [day(given.data, "calm", CALM), day(given.data, "crash", max(CRASH, parse_time("2026-02-05T21:00:00Z")))]
    text = page(days)
    given.out.parent.mkdir(parents=True, exist_ok=True)
    given.out.write_text(text, encoding="utf-8")
    print(f"wrote {given.out}")


if __name__ == "__main__":
    main()
