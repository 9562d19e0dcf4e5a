"""Stresses on a terminal: one table for each account, and the nearest fatal move in words."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from rich.text import Text

from loadline.cli.amounts import percent
from loadline.cli.render import GAP, Cell, Column, Screen

if TYPE_CHECKING:
    from loadline.engine.reverse import Reverse
    from loadline.engine.stress import Aftermath
    from loadline.scenarios.stress import Trial

SCALES = ((1.0, "USD"), (1e3, "thousands of USD"), (1e6, "millions of USD"), (1e9, "billions of USD"))
WORDS = {
    "ok": Text("ok", "green"),
    "below_initial": Text("below initial", "yellow"),
    "liquidated": Text("liquidated", "red"),
    "wiped_out": Text("wiped out", "bold white on red"),
    "unavailable": Text("no answer", "dim"),
}
NEAR = 3.0
"""Standard deviations; what is nearer is shown in red."""
FEW = 3
"""Crashes whose share is told on a terminal, the least first."""


def draw_aftermaths(screen: Screen, found: Sequence[Aftermath]) -> None:
    """Draw one table for each wallet: how it stands now, and after each stress."""
    wallets: dict[tuple[str, str, str], list[Aftermath]] = {}
    for a in found:
        wallets.setdefault((a.account, a.before.version, a.currency), []).append(a)
    several = {(a, v) for a, v, _ in wallets if sum((a, v) == key[:2] for key in wallets) > 1}
    for (account, version, currency), mine in wallets.items():
        name = f"{account}, {currency} wallet" if (account, version) in several else account
        scale, unit = scale_of(screen, mine)
        screen.heading(name, f"in {unit}, under {version}")
        b = mine[0].before
        now = (b.equity * b.usd, b.initial * b.usd, b.maintenance * b.usd)
        rows: list[Sequence[Cell]] = [("now", "", *(shown(x, scale) for x in now), WORDS[standing(mine[0])])]
        for a in mine:
            four = (a.pnl, a.equity, a.initial, a.maintenance)
            rows.append((a.trial.name, *(shown(x, scale) for x in four), WORDS[a.verdict]))
        screen.table(columns(), rows)
        lost = [a.trial.name for a in mine if a.liquidated]
        if not lost:
            screen.say(f"no stress of {len(mine)} liquidates it", "dim")
        screen.say()


def standing(a: Aftermath) -> str:
    """Return the word of an account as it stands today."""
    word = a.before.status.value
    return "liquidated" if word == "below_maintenance" else word


def columns() -> tuple[Column, ...]:
    """Return the columns of the table."""
    heads = ("PnL", "equity", "initial", "maintenance")
    return (Column("stress"), *(Column(h, right=True) for h in heads), Column(""))


def shown(value: float, scale: float) -> str:
    """Return an amount in the unit of the table."""
    if value != value:
        return "n/a"
    text = f"{value / scale:,.0f}"
    return "0" if text == "-0" else text


def scale_of(screen: Screen, found: Sequence[Aftermath]) -> tuple[float, str]:
    """Return the unit in which a table fits the screen."""
    room = screen.width - max(len(a.trial.name) for a in found) - 13 - 5 * GAP
    numbers = [(a.pnl, a.equity, a.initial, a.maintenance) for a in found]
    b = found[0].before
    numbers.append((0.0, b.equity * b.usd, b.initial * b.usd, b.maintenance * b.usd))
    for scale, unit in SCALES:
        wide = [max(len(shown(x, scale)) for x in column) for column in zip(*numbers, strict=True)]
        if sum(max(w, len(h)) for w, h in zip(wide, ("PnL", "equity", "initial", "maintenance"), strict=True)) <= room:
            return scale, unit
    return SCALES[-1]


def draw_reverse(screen: Screen, liquidation: Reverse, ruin: Reverse, shares: Mapping[str, float | None]) -> None:
    """Say what the nearest fatal moves are, how far was looked, and which crash needs the least share."""
    beside = f"under {liquidation.rulebook}; one standard deviation over {liquidation.factors.days:g} days"
    screen.heading(f"{liquidation.account}: nearest fatal moves", f"{beside}, {liquidation.factors.source}")
    for word, r in (("liquidated", liquidation), ("wiped out", ruin)):
        if math.isfinite(r.distance):
            moves = zip(r.factors.labels, np.expm1(r.moves).tolist(), strict=True)
            said = ", ".join(f"{n} {x:+.1%}" for n, x in moves) if r.distance > 0 else "as it stands"
            style = "red" if r.distance < NEAR else ""
            screen.paragraph(f"{word} at {r.distance:.2f} sd: {said}", style, "    ", "  ")
        else:
            screen.paragraph(f"{word}: nothing found within {r.searched.radii[-1]:g} sd", "", "    ", "  ")
    least = sorted((x, name) for name, x in shares.items() if x is not None)
    if least:
        told = ", ".join(f"{percent(x)} of {name}" for x, name in least[:FEW])
        screen.paragraph(f"a share of a stress that liquidates: {told}", "", "    ", "  ")
    s = liquidation.searched
    looked = f"looked at {s.directions} directions, {liquidation.revaluations + ruin.revaluations} revaluations; "
    bound = f"none is nearer than {s.at_least:.2f} sd if its losses only ever steepen"
    screen.paragraph(looked + bound, "dim", "    ", "  ")
    for note in liquidation.factors.notes:
        screen.paragraph(note, "dim", "    ", "  ")
    screen.say()


def draw_decided(screen: Screen, trials: Sequence[Trial]) -> None:
    """Write what was decided by rule, each rule once with the stresses it was used in."""
    used: dict[str, list[str]] = {}
    for trial in trials:
        for note in trial.notes:
            used.setdefault(note, []).append(trial.name)
    texts = [
        f"{note} ({'all of them' if len(names) == len(trials) else ', '.join(names)})" for note, names in used.items()
    ]
    screen.dim_list("Not known, so decided by rule", texts)
