"""One account under several rulebooks on one screen: what each asks, how near liquidation is, why they differ."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.text import Text

from loadline.cli.amounts import amount, percent
from loadline.cli.render import Cell, Column, Screen
from loadline.cli.tables import STYLES
from loadline.engine.result import Status

if TYPE_CHECKING:
    from loadline.engine.liquidation import Reach
    from loadline.engine.offers import Holding, Offer
    from loadline.tape.align import Aligned

NEAR = 0.1
"""A move smaller than this is shown in red."""
WIDE = 110
"""Columns from which versions, excess, prices and days of theta have room."""
LEAST = 0.005
"""The share of a difference below which a row says nothing of it."""
MARK = "*"
"""Beside a rulebook parts of which are assumed."""


@dataclass(frozen=True)
class Table:
    """One account: its offers in order, what it holds, and the share of isolated margin that each offer saves."""

    account: str
    offers: tuple[Offer, ...]
    holding: Holding
    saved: Mapping[str, float | None]

    @property
    def base(self) -> Offer:
        """The offer that the others are held against."""
        return next(o for o in self.offers if o.why is None)


def whole(value: float) -> str:
    """Return an amount in USD, without cents where it is large."""
    return amount(value, "USD", 0 if abs(value) >= 1000.0 else 2)


def draw_table(screen: Screen, table: Table) -> None:
    """Draw one line for each offer: requirements, their share of equity, the moves that liquidate."""
    held, wide = table.holding, screen.width >= WIDE
    facts = [f"equity {whole(table.base.equity)}", f"gross notional {whole(held.notional)}"]
    facts += [f"theta {held.theta:+,.0f} a day"] if held.theta == held.theta and held.theta else []
    screen.heading(table.account, f"in USD; {', '.join(facts)}")
    least = min(o.initial for o in table.offers)
    rows: list[Sequence[Cell]] = []
    for o in table.offers:
        name = (o.version if wide else o.rulebook) + (MARK if "template" in o.verified else "")
        style = "green" if o.initial == least and len(table.offers) > 1 else ""
        short = STYLES[o.status] if o.status is not Status.OK else ""
        row: list[Cell] = [Text(name, style), Text(whole(o.initial), style)]
        row += [Text(percent(part(o.initial, o.equity)), short)]
        row += [percent(part(o.initial, held.notional))] if wide else []
        row += [whole(o.maintenance), *moves(o, wide=wide)]
        if wide:
            days = o.days(held.theta)
            row += ["" if days is None else f"{days:,.0f}"]
        row += [percent(table.saved.get(o.rulebook)) if table.saved.get(o.rulebook) is not None else ""]
        rows.append(row)
    screen.table(columns(wide=wide), rows)
    draw_prices(screen, table)


def part(one: float, of: float) -> float | None:
    """Return a share; ``None`` where there is nothing to be a share of."""
    return one / of if of > 0.0 else None


def columns(*, wide: bool) -> tuple[Column, ...]:
    """Return the columns of the table."""
    heads = ["initial", "of equity", "maintenance", "price down", "price up", "vol", "saved"]
    if wide:
        heads = ["initial", "of equity", "of notional", "maintenance", "price down", "price up", "vol", "days", "saved"]
    short = {"of equity": "/equity", "price down": "down", "price up": "up", "of notional": "/notional"}
    return (Column("rulebook"), *(Column(h if wide else short.get(h, h), right=True) for h in heads))


def moves(o: Offer, *, wide: bool) -> list[Cell]:
    """Return the cells of the moves that liquidate: price down, price up, and the nearer of vol's."""
    if o.spot is None or o.vol is None:
        return ["", "", ""]
    cells = [moved(r, o.spot.index if wide else float("nan")) for r in (o.spot.down, o.spot.up)]
    if o.spot.up.move == 0.0:
        return [cells[0], "", ""]
    vols = [r for r in (o.vol.down, o.vol.up) if r.move is not None]
    nearest = min(vols, key=lambda r: abs(r.move or 0.0)) if vols else o.vol.up
    return [*cells, moved(nearest, float("nan"))]


def moved(reach: Reach, index: float) -> Cell:
    """Return a move, with the index it means where there is one; a dash where none was found."""
    if reach.move is None:
        return Text("?" if "no answer" in reach.note else "-", "dim")
    if reach.move == 0.0:
        return Text("now", "bold red")
    at = f" {whole(index * (1.0 + reach.move))}" if index == index else ""
    return Text(f"{reach.move:+.1%}{at}", "red" if abs(reach.move) < NEAR else "")


def draw_prices(screen: Screen, table: Table) -> None:
    """Say which prices the moves mean, where one underlying alone moves an account and the table has no room."""
    for o in table.offers if screen.width < WIDE else ():
        if o.spot is not None and o.spot.underlying:
            ends = [o.spot.index * (1.0 + r.move) for r in (o.spot.down, o.spot.up) if r.move]
            if ends:
                text = f"{o.rulebook}: {o.spot.underlying} at {' or '.join(whole(e) for e in ends)}"
                screen.paragraph(text, "dim", "  ", "  ")


def draw_legend(screen: Screen, tables: Sequence[Table]) -> None:
    """Say what the columns mean."""
    from loadline.engine.nearness import RANGES

    if not tables:
        return
    (low, high), (calm, wild) = RANGES["spot"], RANGES["vol"]
    reach = f"{low:+.0%} to {high:+.0%}, vol {calm:+.0%} to {wild:+.0%}"
    moves_of = "down, up, vol: the move of all prices, of all vols, at which the venue liquidates"
    texts = [f"{moves_of}; - none from {reach}; saved: of isolated margin"]
    if any("template" in o.verified for t in tables for o in t.offers):
        texts.append(f"{MARK} template: what is not public is assumed")
    for text in texts:
        screen.paragraph(text, "dim", "  ", "")
    screen.say()


def draw_why(screen: Screen, table: Table) -> None:
    """Draw what says most of each difference from the base: rows of the aligned explanations."""
    others = [o for o in table.offers if o.why is not None]
    if not others:
        screen.say()
        return
    base = table.base
    screen.say(f"why initial differs from {base.rulebook}'s {whole(base.initial)}", "dim bold")
    room = max(len(o.rulebook) for o in others)
    amounts = [f"{o.initial - base.initial:+,.0f}" for o in others]
    width = max(map(len, amounts))
    for o, change in zip(others, amounts, strict=True):
        assert o.why is not None
        least = LEAST * abs(o.initial - base.initial)
        said = [reason(d, noted=screen.width >= WIDE) for d in o.why.drivers() if abs(d.change) >= least]
        head = f"  {o.rulebook:<{room}} {change:>{width}}  "
        screen.paragraph("; ".join(said) or "nothing", indent=" " * 4, first=head)
    screen.say()


def reason(row: Aligned, *, noted: bool) -> str:
    """Return one row of an aligned explanation in a few words."""
    alone = " (new)" if row.left is None else " (gone)" if row.right is None else ""
    note = f" [{row.note}]" if noted and "scenario" in row.note else ""
    return f"{row.change:+,.0f} {row.path[-1]}{alone}{note}"
