"""What a venue run answers in short: totals, who is short and of how much; as a table and as JSON."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from loadline.cli.amounts import amount, count
from loadline.cli.render import Cell, Column, Screen
from loadline.cli.tables import STYLES, draw_gaps, draw_market, draw_warnings
from loadline.engine.result import Status
from loadline.foundation.errors import Unavailable

if TYPE_CHECKING:
    from loadline.engine.bulk import Venue
    from loadline.engine.engine import Chosen
    from loadline.io.venue_book import VenueBook
    from loadline.model.market import Market

LARGEST = 10
"""Shortfalls shown."""
SHOWN = 5
"""Accounts that are not answered, shown on a terminal."""
MEASURES = ("accounts", "equity", "initial", "maintenance", "excess", "below_initial", "below_maintenance")


@dataclass(frozen=True, slots=True)
class Totals:
    """Sums over the results in one currency, and how many of them are short."""

    currency: str
    accounts: int
    equity: float
    initial: float
    maintenance: float
    excess: float
    below_initial: int
    below_maintenance: int


@dataclass(frozen=True, slots=True)
class Shortfall:
    """One account (or wallet) that does not meet its initial requirement; ``usd``: the price of its currency."""

    account: str
    currency: str
    usd: float
    equity: float
    initial: float
    maintenance: float
    excess: float
    maintenance_excess: float
    status: str


@dataclass(frozen=True)
class Answered:
    """A venue, margined: what was asked, what was held, what came out and who computed it."""

    chosen: Chosen
    market: Market
    book: VenueBook
    found: Venue
    engine: str
    workers: int

    @cached_property
    def unavailable(self) -> int:
        """How many accounts are not answered."""
        return int(self.book.stopped.sum()) + len(self.found.refused)

    @cached_property
    def totals(self) -> list[Totals]:
        """One line per currency."""
        f = self.found
        good = np.isfinite(f.equity) & ~self.book.stopped[f.account]
        currencies, place = np.unique(f.currency, return_inverse=True)
        out = []
        for n, currency in enumerate(currencies.tolist()):
            mine = good & (place == n)
            e, i, m = (x[mine] for x in (f.equity, f.initial, f.maintenance))
            out.append(
                Totals(
                    currency=currency,
                    accounts=int(mine.sum()),
                    equity=float(e.sum()),
                    initial=float(i.sum()),
                    maintenance=float(m.sum()),
                    excess=float((e - i).sum()),
                    below_initial=int((e < i).sum()),
                    below_maintenance=int((e < m).sum()),
                )
            )
        return out

    @cached_property
    def shortfalls(self) -> list[Shortfall]:
        """The largest, in USD."""
        f, out = self.found, []
        currencies, place = np.unique(f.currency, return_inverse=True)
        prices = np.array([self.market.price(c) for c in currencies.tolist()], np.float64)
        short = np.where(f.excess < 0, f.excess * prices[place], 0.0)
        some = np.flatnonzero(short < 0)
        if len(some) > LARGEST:
            some = some[np.argpartition(short[some], LARGEST)[:LARGEST]]
        for n in some[np.argsort(short[some], kind="stable")].tolist():
            e, i, m = (float(x[n]) for x in (f.equity, f.initial, f.maintenance))
            status = Status.BELOW_MAINTENANCE if e < m else Status.BELOW_INITIAL
            name, currency = self.book.names[int(f.account[n])], str(f.currency[n])
            out.append(Shortfall(name, currency, float(prices[place[n]]), e, i, m, e - i, e - m, status.value))
        return out

    def totals_as_json(self) -> list[dict[str, Any]]:
        """Return one result per currency."""
        whose = {"rulebook": self.chosen.rule.name, "version": self.chosen.version.label}
        return [whose | asdict(t) for t in self.totals]

    def as_json(self) -> dict[str, Any]:
        """Return what goes beside the results."""
        return {
            "accounts": len(self.book),
            "rows": self.book.rows,
            "engine": self.engine,
            "workers": self.workers,
            "not_planned": self.found.reason,
            "identity": self.found.identity,
            "notes": list(dict.fromkeys((*self.chosen.notes, *self.market.notes))),
            "shortfalls": [asdict(s) for s in self.shortfalls],
            "unavailable_total": self.unavailable,
            "defects_total": sum(self.book.counts.values()),
        }


def draw_venue(screen: Screen, answer: Answered, gaps: Sequence[Unavailable]) -> None:
    """Draw the totals, the largest shortfalls, who is not answered and what is to be noted."""
    draw_market(screen, answer.market)
    said = f"{count(len(answer.book), 'account')}, {count(answer.book.rows, 'row')}"
    screen.heading(answer.chosen.version.label, said)
    draw_totals(screen, answer)
    screen.say()
    draw_shortfalls(screen, answer)
    draw_unavailable(screen, answer, gaps)
    slow = f"the rule ran on numbers, account by account: {answer.found.reason}"
    notes = [*([slow] if answer.found.reason else []), *answer.chosen.notes, *answer.market.notes]
    screen.dim_list("Notes", notes)
    draw_warnings(screen, [*answer.book.warnings, *answer.market.defects])


def draw_totals(screen: Screen, answer: Answered) -> None:
    """Draw the sums, one column per currency."""
    totals = answer.totals
    columns = [Column(""), *(Column(t.currency, right=True) for t in totals)]
    rows: list[list[Cell]] = []
    for measure in MEASURES:
        values = [getattr(t, measure) for t in totals]
        cells = [f"{v:,}" if isinstance(v, int) else amount(v, t.currency) for v, t in zip(values, totals, strict=True)]
        rows.append([measure.replace("_", " "), *cells])
    screen.table(columns, rows)


def draw_shortfalls(screen: Screen, answer: Answered) -> None:
    """Draw who lacks most of its initial requirement."""
    if not answer.shortfalls:
        screen.say("all that are answered meet their initial requirement", "dim")
        screen.say()
        return
    many = sum(t.below_initial for t in answer.totals)
    screen.heading("Largest shortfalls", f"{min(many, LARGEST)} of {many:,}")
    apart = len(answer.totals) > 1
    names = ("account", *(("ccy",) if apart else ()), "equity", "initial", "maintenance", "excess")
    columns = [Column(n, right=n not in ("account", "ccy"), folds=n == "account") for n in names]
    rows: list[list[Cell]] = []
    for s in answer.shortfalls:
        texts = [amount(v, s.currency) for v in (s.equity, s.initial, s.maintenance, s.excess)]
        rows.append([s.account, *((s.currency,) if apart else ()), *texts[:3], styled(texts[3], s.status)])
    screen.table(columns, rows)
    screen.say()


def styled(text: str, status: str) -> Cell:
    """Return a text in the colour of where an account stands."""
    from rich.text import Text

    return Text(text, STYLES[Status(status)])


def draw_unavailable(screen: Screen, answer: Answered, gaps: Sequence[Unavailable]) -> None:
    """Draw how many accounts are not answered, the reasons, and the first of them."""
    if not answer.unavailable:
        return
    draw_gaps(screen, gaps[:SHOWN])
    kinds = Counter(g.reason.value.replace("_", " ") for g in gaps)
    listed = ", ".join(f"{n:,} {reason}" for reason, n in kinds.most_common())
    told = f"{count(answer.unavailable, 'account')} not answered"
    if len(gaps) < answer.unavailable:
        listed = f"of the first {len(gaps):,}: {listed}"
    screen.paragraph(f"{told} ({listed}); --out lists them all", "yellow")
    screen.say()
