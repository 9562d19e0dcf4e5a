"""Write what each further limit of the optimizer costs on a real chain: impact, stresses, distance, collateral, credit.

``python -m tools.optimizer_limits --data FOLDER`` reads Deribit option chain snapshots, which are not part of the
repository, and writes ``docs/studies/optimizer_limits.md``. Every number on the page is computed here.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from textwrap import fill

import polars as pl

from loadline.engine.engine import choose_rulebook
from loadline.engine.liquidation import reach
from loadline.engine.surface import wallets
from loadline.foundation.units import format_time
from loadline.model.positions import Portfolio
from loadline.model.shift import worth
from loadline.optimize.asking import read_limits
from loadline.optimize.building import Venue, build
from loadline.optimize.collateral import Asset
from loadline.optimize.credit import Credit
from loadline.optimize.impact import Depth, Flow
from loadline.optimize.plan import Binding, Plan
from loadline.optimize.problem import Problem
from loadline.optimize.trading import Wishes
from tools.crash_day import table
from tools.crash_replay import CALM, CRASH, chain_files
from tools.optimizer_books import PERPETUAL, Day, book, day, other_side, portfolio
from tools.optimizer_study import SEED, Run, timed
from tools.real_books import Chain

PAGE = Path(__file__).resolve().parent.parent / "docs" / "studies" / "optimizer_limits.md"
VIEW = ("delta=±2", "vega=±10%")
LEGS, RULE = 20, "deribit-xpm"
PERPETUAL_DAY = 1.0e9
"""Dollars of the perpetual that are taken to trade on a day."""
STRESS = "BTC-20%,vol+30%"


def flows(where: Day, folder: Path) -> dict[str, Flow]:
    """Return what traded on the day, as the chain says it, and a round number for the perpetual."""
    ms = pl.col("ts").dt.timestamp("ms")
    files = chain_files(folder, where.market.as_of)[0]
    rows = pl.scan_parquet(files).filter(ms == where.market.as_of).select("instrument", "volume_24h").collect()
    i, q = where.market.instruments, where.market.quotes
    left = (i.expiry - where.market.as_of) / 86_400_000.0
    near = min(range(len(i)), key=lambda n: (not q.vol[n] > 0, abs(left[n] - 30.0), abs(i.strike[n] - q.forward[n])))
    found = {n: Flow(volume or 0.0) for n, volume in rows.iter_rows()}
    return found | {PERPETUAL: Flow(PERPETUAL_DAY, float(q.vol[near]) / math.sqrt(365.0))}


def asked(where: Day, held: Portfolio, *limits: str, wishes: Wishes | None = None, **more: object) -> Problem:
    """Return the problem of one account."""
    venue = Venue("book", choose_rulebook(RULE, where.market.as_of))
    wishes = Wishes(depth=where.depth) if wishes is None else wishes
    return build(held, where.market, [venue], wishes, read_limits([*VIEW, *limits]), **more)  # type: ignore[arg-type]


def usd(x: float) -> str:
    """Return dollars without cents."""
    return f"{x:,.0f}"


def common(run: Run) -> list[str]:
    """Return what every row says of a plan."""
    p = run.plan
    return [f"{run.saved:.0%}", usd(p.cost), p.words, f"{run.seconds:.1f}"]


def said(plan: Plan, begins: str) -> Binding:
    """Return the bound whose name begins so and that is worth most."""
    return max((b for b in plan.bindings if b.name.startswith(begins)), key=lambda b: b.shadow)


def impacts(days: Sequence[Day], folder: Path) -> str:
    """Return the table of impact coefficients."""
    rows = []
    for d in days:
        held, moves = portfolio({"book": book(Chain.of(d.market), LEGS, SEED)}, d.market), flows(d, folder)
        shown = timed(asked(d, held))
        rows.append([d.name, "at the quotes, none", "—", *common(shown)])
        for y in (0.0, 0.5, 1.0, 1.5):
            run = timed(asked(d, held, wishes=Wishes(depth=d.depth, flow=Depth(moves, y, 0.2))))
            rows.append([d.name, f"to a fifth of the day, Y = {y:g}", usd(run.plan.impact), *common(run)])
    return table(["day", "sizes", "impact", "saved", "cost", "certificate", "s"], rows, texts=2)


def stresses(days: Sequence[Day]) -> str:
    """Return the table of limits on the loss in a stress."""
    rows = []
    for d in days:
        held = portfolio({"book": book(Chain.of(d.market), LEGS, SEED)}, d.market)
        free = said(timed(asked(d, held, f"stress:{STRESS}=1e12")).plan, "stress")
        for share in (math.inf, 0.9, 0.7, 0.5):
            most = min(share * free.change, 1e12)
            run = timed(asked(d, held, f"stress:{STRESS}={most}"))
            loss = said(run.plan, "stress")
            cap = "none" if math.isinf(share) else usd(most)
            rows.append([d.name, cap, usd(loss.before or 0.0), usd(loss.change), f"{loss.shadow:.4f}", *common(run)])
    return table(["day", "limit", "before", "after", "worth", "saved", "cost", "certificate", "s"], rows, texts=1)


def thin(where: Day, cover: float) -> Portfolio:
    """Return the book with so many borrowed dollars that equity is ``cover`` times what maintenance asks."""
    held = portfolio({"book": book(Chain.of(where.market), LEGS, SEED)}, where.market)
    (wallet,) = wallets(held, where.market, RULE, "book")
    answer = wallet.at(0.0, 0.0)[0]
    over = (answer.equity - cover * answer.maintenance) * answer.usd  # type: ignore[union-attr]
    b = held.balances
    amount = b.amount - (b.currency == "USDC") * over / where.market.price("USDC")
    return replace(held, balances=b.replace(amount=amount))


def reached(held: Portfolio, where: Day) -> tuple[float, float]:
    """Return the fall and the rise of bitcoin at which the book is liquidated."""
    (wallet,) = wallets(held, where.market, RULE, "book")
    moving: Callable[[float], float] = lambda m: wallet.moving(["BTC"]).maintenance_excess(m, 0.0)  # noqa: E731
    down, up = reach(moving, -0.7, 12), reach(moving, 1.5, 12)
    return down.move or -0.7, up.move or 1.5


def distances(days: Sequence[Day]) -> str:
    """Return the table of floors on the distance to liquidation."""
    rows = []
    for d in days:
        held = thin(d, 2.0)
        low, high = reached(held, d)
        rows.append([d.name, "none", f"{low:+.1%}, {high:+.1%}", "—", *common(timed(asked(d, held)))])
        for factor in (1.5, 2.0, 2.5):
            low_end, high_end = max(factor * low, -0.9), factor * high
            run = timed(asked(d, held, f"liquidation:BTC={100 * low_end:.1f}%..{100 * high_end:.1f}%"))
            worth_most = said(run.plan, "liquidation")
            asked_for = f"{low_end:+.1%}, {high_end:+.1%}"
            told = [n.partition(" is liquidated ")[2] for n in run.plan.notes if " is liquidated " in n]
            rows.append([d.name, asked_for, *(told or ["—"]), f"{worth_most.shadow:.4f}", *common(run)])
    return table(["day", "floor", "liquidated at", "worth", "saved", "cost", "certificate", "s"], rows, texts=3)


def collateral(days: Sequence[Day]) -> str:
    """Return the table of what is posted, with caps and a deadline."""
    rows = []
    for d in days:
        held = thin(d, 1.1)
        usdc, btc = Asset("USDC", 5e6, 0.04, 1e-4, hours=0.5), Asset("BTC", 50.0, 0.02, 1e-4, hours=1.0)
        for name, assets, hours in (
            ("free", (usdc, btc), math.inf),
            ("no more than 2,500,000 USD of coins", (usdc, replace(btc, most_value=2.5e6)), math.inf),
            ("the same, within 45 minutes", (usdc, replace(btc, most_value=2.5e6)), 0.75),
        ):
            run = timed(asked(d, held, assets=assets, deadline=hours))
            posted = ", ".join(f"{p.amount:+,.4g} {p.currency}" for p in run.plan.posted) or "nothing"
            equity = next(b for b in run.plan.bindings if b.name.endswith("covered"))
            caps = [b.shadow for b in run.plan.bindings if b.name.startswith("collateral")]
            dear = f"{max(caps):.5f}" if caps else "—"
            rows.append([d.name, name, posted, f"{equity.shadow:.5f}", dear, *common(run)[1:]])
    head = ["day", "what is asked", "moved", "worth of equity", "worth of the cap", "cost", "certificate", "s"]
    return table(head, rows, texts=3)


def two_holders(where: Day, held: Portfolio, venues: Sequence[Venue], most: float) -> Run:
    """Return the plan of two accounts whose expected loss is bounded; collateral and positions may move."""
    assets = (Asset("USDC", move_cost=1e-4), Asset("BTC", move_cost=1e-4))
    limits, wishes = read_limits([*VIEW, f"expected-loss={most}"]), Wishes(depth=where.depth)
    return timed(build(held, where.market, venues, wishes, limits, assets=assets, moving=True))


def credit(days: Sequence[Day]) -> str:
    """Return the table of expected losses over two holders."""
    rows = []
    for d in days:
        chain = Chain.of(d.market)
        first = book(chain, LEGS, SEED)
        held = portfolio({"a": first, "b": other_side(chain, first, SEED)}, d.market)
        weak, strong = Credit("", 1.0, math.inf, 0.05, 0.6), Credit("", 1.0, math.inf, 0.01, 0.6)
        rules = (RULE, "derive")
        venues = [
            Venue(a, choose_rulebook(r, d.market.as_of), credit=c)
            for a, r, c in zip(("a", "b"), rules, (weak, strong), strict=True)
        ]
        solved = partial(two_holders, d, held, venues)
        level = said(solved(1e12).plan, "expected")
        for share in (math.inf, 0.75, 0.5):
            most = min(share * (level.before or 0.0), 1e12)
            run = solved(most)
            loss = said(run.plan, "expected")
            moved = ", ".join(f"{p.amount:+,.4g} {p.currency} at {p.account}" for p in run.plan.posted) or "nothing"
            cap = "none" if math.isinf(share) else usd(most)
            cells = [usd(loss.before or 0.0), usd(loss.change), f"{loss.shadow:.4f}", moved, *common(run)[1:]]
            rows.append([d.name, cap, *cells])
    head = ["day", "limit", "before", "after", "worth", "moved", "cost", "certificate", "s"]
    return table(head, rows, texts=1)


def page(days: Sequence[Day], folder: Path) -> str:
    """Return the whole page."""
    when = "; ".join(
        f"{d.name}: {format_time(d.market.as_of)}, bitcoin at {d.market.price('BTC'):,.0f} USD" for d in days
    )
    held = portfolio({"book": book(Chain.of(days[0].market), LEGS, SEED)}, days[0].market)
    own = sum(worth(held, days[0].market))
    assumed = fill(
        f"{when}. The bitcoin book of about {LEGS} legs of the other study, worth {own:,.0f} USD with its wallet on "
        f"the first day, under {RULE}; delta kept within 2 coins, vega 10 %, gamma and theta 10 % of gross; capital at "
        "20 % a year over 30 days. Amounts in USD; seconds are processor time, building the model and margining in it.",
        120,
    )
    return f"""# What the optimizer's limits cost on a real chain

<!-- written by tools/optimizer_limits.py: change it there -->

One example of each limit beyond the view. The books are ours: the numbers show mechanics and promise nothing.
`python -m tools.optimizer_limits --data FOLDER` writes this page again (seed {SEED}).

{assumed}

## Impact

Volumes are those of the day before the snapshot, as the chain states them; of the perpetual a round
{PERPETUAL_DAY / 1e9:g} billion USD, moving as the 30-day vol at the money says.

{impacts(days, folder)}

## Losses in a stress

What positions and wallet lose with {STRESS}; limits are 90, 70 and 50 % of what the best plan without one loses.
*Worth*: USD over 30 days for one more dollar of loss allowed.

{stresses(days)}

## Distance to liquidation

Dollars are borrowed until equity is twice the maintenance requirement; floors are 1.5, 2 and 2.5 times as far as where
the book is liquidated as it stands (first row of a day). *Worth*: of one more dollar of equity there.

{distances(days)}

## Collateral

Equity 1.1 times maintenance, so that something has to be posted: dollars that yield 4 % and take half an hour, coins
that yield 2 % and take an hour. Yield is forgone while posted. Where coins cannot leave in time, the cap on them is met
by trades that pay premium in coins, which is dear.

{collateral(days)}

## Credit

The book at one venue, the other side of most of it at a second one (`derive`). The first is taken to fail with 5 % a
year, the second with 1 %, 60 % lost given default. Limits are shares of the expected loss as it stands, USD a year.

{credit(days)}
"""


def main() -> None:
    """Read the chains, optimize, write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with the option chain snapshots")
    folder = parser.parse_args().data
    days = [day(folder, name, at) for name, at in (("calm", CALM), ("crash", CRASH))]
    PAGE.write_text(page(days, folder), "utf-8")
    print(PAGE)


if __name__ == "__main__":
    main()
