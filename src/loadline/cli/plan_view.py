"""A plan on the terminal: what it frees and costs, the trades, what binds, and how near the best it is."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.text import Text

from loadline.cli.amounts import amount, count, percent
from loadline.cli.explain_view import signed
from loadline.cli.render import Cell, Column, Screen
from loadline.optimize.plan import PlanStatus

if TYPE_CHECKING:
    from loadline.optimize.plan import Account, Plan

TONES = {
    PlanStatus.OPTIMAL: "green",
    PlanStatus.WITHIN: "green",
    PlanStatus.LOCAL: "yellow",
    PlanStatus.STOPPED: "yellow",
    PlanStatus.INFEASIBLE: "red",
    PlanStatus.REFUSED: "red",
}
ACCOUNTS = (Column("requirement, USD", folds=True), *(Column(h, right=True) for h in ("before", "after", "change")))
TRADES = (
    Column("trade", folds=True), Column("quantity", right=True), Column("price", right=True), Column("cost", right=True)
)  # fmt: skip
LIMITS = (Column("limit"), *(Column(h, right=True) for h in ("from", "to", "change", "worth")))
LEVELS = (Column("bound, USD", folds=True), *(Column(h, right=True) for h in ("held to", "before", "after", "worth")))
COVERED = " covered"
SHOWN = 12
"""Trades, and scenarios, listed on a terminal; JSON has all."""


def draw_plan(screen: Screen, plan: Plan, name: str, seconds: tuple[float, float]) -> None:
    """Draw one plan; ``seconds``: processor and wall time."""
    screen.heading(name, f"{count(plan.candidates, 'candidate')}, {plan.days:g} days")
    screen.paragraph(plan.words, TONES[plan.status], "  ", "")
    screen.table(ACCOUNTS, [row for a in plan.accounts for row in rows_of(a)])
    if plan.status not in (PlanStatus.INFEASIBLE, PlanStatus.REFUSED):
        draw_worth(screen, plan)
        draw_trades(screen, plan)
        draw_limits(screen, plan)
        draw_levels(screen, plan)
        draw_equity(screen, plan)
        draw_weights(screen, plan)
    screen.paragraph(effort(plan, seconds), "dim")
    screen.dim_list("Notes", plan.notes)
    screen.say()


def rows_of(a: Account) -> list[Sequence[Cell]]:
    """Return initial and maintenance of one account."""
    out: list[Sequence[Cell]] = []
    for side in ("initial", "maintenance"):
        before, after = a.usd(a.before, side), a.usd(a.after, side)
        name = f"{a.account} under {a.rulebook}" if side == "initial" else "  maintenance"
        change = Text(signed(after - before, "USD", 2), "green" if after < before else "")
        out.append((name, amount(before, "USD"), amount(after, "USD"), change))
    return out


def draw_worth(screen: Screen, plan: Plan) -> None:
    """Say what is freed, what it costs, when that is paid back, and what the certificate says."""
    screen.say()
    payback = "" if plan.payback_days is None else f"; paid back in {plan.payback_days:,.1f} days"
    saved = f"frees {amount(plan.saving, 'USD')} USD of requirement" if plan.saving >= 0 else "frees nothing"
    worth = f", worth {amount(plan.capital_saved, 'USD')} USD over {plan.days:g} days" if plan.capital_saved > 0 else ""
    pressed = f", {amount(plan.impact, 'USD')} of it impact" if plan.impact > 0 else ""
    cost = f"; costs {amount(plan.cost, 'USD')} USD{pressed}"
    screen.paragraph(f"{saved}{worth}{cost}{payback if plan.cost > 0 else ''}", "", "  ", "")
    gap, saving = plan.gap, plan.gap_of_saving
    told = "" if saving is None else f", {saving:.2%} of the saving"
    bound = "nothing is certified" if gap is None else f"bound {amount(plan.bound, 'USD')}; gap {gap:.3%}{told}"
    screen.paragraph(
        f"objective {amount(plan.start, 'USD')} → {amount(plan.objective, 'USD')} USD, {bound}", "", "  ", ""
    )


def draw_trades(screen: Screen, plan: Plan) -> None:
    """List trades, moved positions and collateral."""
    rows: list[Sequence[Cell]] = []
    several = len({a.account for a in plan.accounts}) > 1
    for t in plan.trades[:SHOWN]:
        mark = " *" if t.floored else ""
        where = f" at {t.account}" if several else ""
        verb = "buy" if t.quantity > 0 else "sell"
        size = f"{abs(t.quantity):,.10g}" if abs(t.lots - round(t.lots)) < 1e-9 else f"{abs(t.quantity):,.4f}"
        rows.append((f"{verb} {t.instrument}{where}{mark}", size, f"{t.price:,.10g}", amount(t.cost, "USD")))
    rows += [
        (f"move {m.instrument} from {m.source} to {m.to}", f"{m.quantity:,.10g}", "mark", amount(m.cost, "USD"))
        for m in plan.transfers[:SHOWN]
    ]
    rows += [
        (f"{'post' if p.amount > 0 else 'withdraw'} {p.currency} at {p.account}", amount(abs(p.amount), p.currency), "",
         amount(p.cost, "USD"))
        for p in plan.posted
    ]  # fmt: skip
    screen.say()
    if not rows:
        rescued = any(b.name.endswith(COVERED) for b in plan.bindings)
        screen.say("no trade is needed" if rescued else "no trade is worth its cost", "dim")
        return
    screen.table(TRADES, rows)
    if len(plan.trades) > SHOWN:
        screen.say(f"and {len(plan.trades) - SHOWN} more; --json lists all", "dim")
    floored = sum(t.floored for t in plan.trades)
    if floored:
        screen.paragraph(
            f"* {count(floored, 'trade')} quoted within half a tick of the mark or beyond: half a tick counted", "dim"
        )


def draw_limits(screen: Screen, plan: Plan) -> None:
    """Say whether the view is kept, and what the limits that bind are worth."""
    view = [b for b in plan.bindings if b.before is None]
    if not view:
        screen.say()
        screen.paragraph("no view is kept: the plan may sell what the book earns", "yellow")
        return
    screen.say()
    binding = [b for b in view if b.shadow > 1e-9]
    whole = sorted({b.name.split()[0] for b in view})
    kept = f"view kept: {', '.join(whole)} ({count(len(view), 'limit')}, {len(binding)} worth something)"
    screen.paragraph(kept, "", "  ", "")
    rows: list[Sequence[Cell]] = [
        (b.name, f"{b.low:,.4g}", f"{b.high:,.4g}", f"{b.change:,.4g}", f"{b.shadow:,.4g}")
        for b in sorted(binding, key=lambda b: -b.shadow)[:SHOWN]
    ]
    if rows:
        screen.table(LIMITS, rows)
        b = max(binding, key=lambda b: b.shadow * max(abs(b.low), abs(b.high)))
        screen.paragraph(f"one {b.unit} more of {b.name} is worth {b.shadow:,.4g} USD, traded in any size", "dim")


def draw_levels(screen: Screen, plan: Plan) -> None:
    """List the bounds on what there is after the plan, with what there was: losses, sizes, collateral, exposures."""
    levels = [b for b in plan.bindings if b.before is not None and not b.name.endswith(COVERED)]
    if not levels:
        return
    rows: list[Sequence[Cell]] = []
    for b in levels[:SHOWN]:
        held = f"≥ {b.low:,.4g}" if b.low > -math.inf else f"≤ {b.high:,.4g}"
        before, after = (f"{round(x or 0.0, 2) + 0.0:,.4g}" for x in (b.before, b.change))
        rows.append((b.name, held, before, after, f"{b.shadow:,.4g}"))
    screen.say()
    screen.table(LEVELS, rows)
    if len(levels) > SHOWN:
        screen.say(f"and {len(levels) - SHOWN} more; --json lists all", "dim")


def draw_equity(screen: Screen, plan: Plan) -> None:
    """Say what one more dollar of equity is worth where equity has to cover the requirement: the cost of capital."""
    for b in plan.bindings:
        if b.name.endswith(COVERED):
            worth = f"one more dollar of equity is worth {b.shadow:,.4g} USD over {plan.days:g} days"
            screen.say()
            screen.paragraph(f"{b.name}, {amount(b.change, 'USD')} USD left; {worth}")


def draw_weights(screen: Screen, plan: Plan) -> None:
    """Say which scenarios carry the requirement."""
    listed = [w for w in plan.weights if w.share >= 0.05][:SHOWN]
    if not listed:
        return
    screen.say()
    screen.say("scenarios that carry the requirement, by weight", "dim")
    columns = (Column("term", folds=True), Column("scenario", folds=True), Column("weight", right=True))
    rows = [(" at ".join(filter(None, (w.term, w.rulebook.partition(" at ")[2]))), w.scenario, w.share) for w in listed]
    screen.table(columns, [(term, scenario, percent(share)) for term, scenario, share in rows])


def effort(plan: Plan, seconds: tuple[float, float]) -> str:
    """Return what the answer took."""
    cpu, wall = seconds
    nodes = f", {count(plan.nodes, 'node')}" if plan.nodes else ""
    floored = f"costs of {plan.floored} quotes floored at half a tick"
    return f"{cpu:.2f} s of processor, {wall:.2f} s of wall time, {count(plan.rounds, 'round')}{nodes}; {floored}"
