"""Many dates through the engine: open the books, ask every model, see what was lost; each date a line in a journal.

A date is one part of work, on threads or Ray. A run that was killed goes on from its journal: the dates in it are not
computed again, and what comes out is the same to the last bit, because numbers are written as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from loadline.backtest.day import FORMAT, Answer, Day, Journal
from loadline.backtest.families import Size, books
from loadline.backtest.ledger import carried
from loadline.backtest.null import Curve, curve
from loadline.backtest.replay import Replay, Window
from loadline.engine.cluster import Pool, Threads
from loadline.engine.engine import Asked, choose_rulebook, margins
from loadline.engine.result import MarginResult
from loadline.foundation.errors import InputError, LoadlineError, Unavailable
from loadline.foundation.table import content_hash
from loadline.foundation.version import __version__
from loadline.model.market import Market
from loadline.model.positions import Portfolio
from loadline.rulebooks.parameters import Version
from loadline.rulebooks.rulebook import Requirement, Rulebook


class Model(Protocol):
    """What sets margin: a name for the tables, its identity, and the rulebook that answers at a date."""

    @property
    def name(self) -> str:
        """The name in tables."""

    @property
    def identity(self) -> str:
        """The content hash of all it will ever answer from."""

    @property
    def null(self) -> tuple[str, ...]:
        """The accounts' families whose scenarios say how often a date is hit; empty where it has none."""

    @property
    def scale(self) -> float:
        """How many times as large books are asked for; the answer is for one."""

    @property
    def variants(self) -> Mapping[str, Mapping[str, object]]:
        """Other parameters on the same scenarios, by the name in tables: answered from the same cube."""

    def at(self, as_of: int) -> Asked:
        """Return the rulebook at a date, made from what was known then."""


@dataclass(frozen=True)
class Shipped:
    """A rulebook with the version in force at each date.

    ``rule``: one read from files, that ``rulebook`` is a word for; ``overrides``: parameters changed at every date.
    """

    rulebook: str
    label: str = ""
    null: tuple[str, ...] = ()
    rule: Rulebook | None = None
    overrides: Mapping[str, Any] = field(default_factory=dict)
    scale: float = 1.0
    variants: Mapping[str, Mapping[str, object]] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The name in tables."""
        return self.label or self.rulebook

    @property
    def identity(self) -> str:
        """The content hash."""
        versions = [] if self.rule is None else [v.identity for v in self.rule.versions]
        changes = sorted((path, repr(value)) for path, value in self.overrides.items())
        return content_hash(self.rulebook, self.null, versions, changes, self.scale, told(self.variants), __version__)

    def at(self, as_of: int) -> Asked:
        """Return the rulebook with its parameters of a date."""
        return choose_rulebook(self.rule or self.rulebook, as_of, self.overrides)


@dataclass(frozen=True)
class Case:
    """What is asked of every date: which books of which coins, how large, and under which models.

    ``seed``: of drawn books. ``moments``: markets between a date and its end point that worst-path losses look at.
    ``silent``: variants that nobody asks how often a date is hit.
    """

    families: tuple[str, ...]
    coins: tuple[str, ...]
    size: Size
    models: tuple[Model, ...]
    days: float
    seed: int = 0
    moments: int = 64
    silent: tuple[str, ...] = ()

    def identity(self, replay: Replay) -> str:
        """The content hash of everything that can move a number, data included."""
        asked = (
            FORMAT,
            __version__,
            self.families,
            self.coins,
            self.size.usd,
            self.size.amount,
            self.days,
            self.seed,
            self.moments,
            self.silent,
        )
        return content_hash(asked, [(m.name, m.identity) for m in self.models], replay.identity)


def dated(case: Case, part: tuple[Market, Sequence[Market]]) -> Day:
    """Return one date: ``part`` is its market and those it is carried through."""
    market, later = part
    opened = books(market, case.families, case.coins, case.size, case.seed)
    gaps = {f"{account}|": why for account, why in opened.refused.items()}
    portfolio = opened.portfolio
    ledger = carried(portfolio, market, later)
    for account, names in ledger.missing.items():
        gaps[f"{account}|"] = f"no price on the way: {', '.join(sorted(names)[:5])}"
    models: dict[str, Answer] = {}
    for m in case.models:
        models |= _answers(m, portfolio, market, ledger.accounts, gaps, case.silent)
    notional = tuple(opened.notional[a] for a in ledger.accounts)
    end, worst = (tuple(_plain(x) for x in column) for column in (ledger.end, ledger.worst))
    return Day(market.as_of, later[-1].as_of, ledger.accounts, notional, end, worst, models, gaps)


def _plain(x: float) -> float | None:
    return float(x) if np.isfinite(x) else None


def told(variants: Mapping[str, Mapping[str, object]]) -> list[tuple[str, list[tuple[str, str]]]]:
    """Return variants in order, as plain text, for hashes."""
    return sorted((name, sorted((k, repr(v)) for k, v in changes.items())) for name, changes in variants.items())


def _answers(
    model: Model,
    portfolio: Portfolio,
    market: Market,
    accounts: Sequence[str],
    gaps: dict[str, str],
    silent: Sequence[str],
) -> dict[str, Answer]:
    """Ask one model and its variants of all books; wallets kept apart are summed in USD."""
    names = [model.name, *model.variants]
    if model.scale != 1.0:
        p, b = portfolio.positions, portfolio.balances
        larger = p.replace(quantity=p.quantity * model.scale), b.replace(amount=b.amount * model.scale)
        portfolio = Portfolio(*larger)
    try:
        chosen = choose_rulebook(model.at(market.as_of), market.as_of)
        found = margins(portfolio, market, chosen)
    except LoadlineError as error:
        gaps.update({f"{a}|{name}": error.what for a in accounts for name in names})
        return {name: Answer((None,) * len(accounts)) for name in names}
    asked: dict[str, float] = {}
    for one in found:
        usd = float("nan")
        if isinstance(one, Unavailable):
            gaps.update({f"{one.account}|{n}": f"{one.reason.value}: {'; '.join(one.missing)}" for n in names})
        elif np.isfinite(one.initial * one.usd):
            usd = one.initial * one.usd
        else:
            gaps.update({f"{one.account}|{n}": f"no price of {one.currency}, which it answers in" for n in names})
        asked[one.account] = asked.get(one.account, 0.0) + usd
    good = [a for a in found if isinstance(a, MarginResult)]
    notes = list(dict.fromkeys(note for r in good for note in r.notes))
    hit = _curve(good, asked, model.null, notes)
    late = isinstance(model, Shipped) and chosen.version.effective > market.as_of
    out = {model.name: _listed(asked, accounts, model.scale, hit)}
    out[model.name] = replace(out[model.name], notes=tuple(notes), ahead=chosen.version.effective if late else None)
    for name, changes in model.variants.items():
        again = _variant(good, changes, chosen.rule)
        mine = {r.account: r.initial * r.usd for r in again}
        wanted = () if name in silent else model.null
        out[name] = _listed(mine, accounts, model.scale, _curve(again, mine, wanted, notes))
    return out


UNTOLD = "dates hit cannot be told: "
"""Begins the note of a date whose scenarios give no null."""


def _curve(
    good: Sequence[MarginResult], asked: Mapping[str, float], wanted: Sequence[str], notes: list[str]
) -> Curve | None:
    """The curve of a date; where the model's results give none, a note says why and the numbers stand."""
    known = [r for r in good if np.isfinite(asked[r.account])]
    if not (wanted and known):
        return None
    try:
        return curve(known, asked, wanted)
    except InputError as error:
        notes.append(UNTOLD + error.what)
        return None


def _listed(asked: Mapping[str, float], accounts: Sequence[str], scale: float, hit: Curve | None) -> Answer:
    return Answer(tuple(_plain(asked.get(a, float("nan")) / scale) for a in accounts), hit)


SAME_CUBE = ("measure", "stress", "floor", "liquidity", "correlation_break", "factor")
"""Groups of parameters that leave scenarios and prices as they are."""


def _variant(found: Sequence[MarginResult], changes: Mapping[str, object], rule: Rulebook) -> list[MarginResult]:
    """The same books and scenarios under other parameters of the same rule, evaluated by the rule."""
    strange = [path for path in changes if path.partition(".")[0] not in SAME_CUBE]
    if strange:
        raise InputError(f"{', '.join(strange)} would change the scenarios", remedy="make it a model of its own")
    made: dict[int, tuple[Version, Requirement]] = {}
    out = []
    for r in found:
        tape = r.tape
        if id(tape.book) not in made:
            version = r.parameters.override(changes)
            made[id(tape.book)] = version, rule.margin(tape.book, tape.cube, version)
        version, requirement = made[id(tape.book)]
        initial, maintenance = (float(t.numbers()[tape.row, 0]) for t in (requirement.initial, requirement.maintenance))
        again = replace(tape, requirement=requirement)
        out.append(replace(r, parameters=version, initial=0.0 - initial, maintenance=0.0 - maintenance, tape=again))
    return out


def run(
    case: Case,
    replay: Replay,
    dates: Sequence[Window],
    *,
    pool: Pool | None = None,
    journal: Path | None = None,
    told: Callable[[int, int], None] | None = None,
) -> list[Day]:
    """Return every date, in order; ``told`` is called with how many are done, and of how many.

    ``replay``: the markets; ``dates``: from ``replay.windows``; ``journal``: a file to go on from, made if it is not
    there. Raises ``InputError`` where it is another run's, or two models have one name.

    >>> from loadline.backtest.families import Size
    >>> from loadline.backtest.replay import Prices, windows
    >>> from loadline.backtest.run import Case, Shipped
    >>> from loadline.io.history import read_history, sample_history
    >>> bars = Prices(read_history([sample_history()])).between(1_778_000_000_000, None)
    >>> case = Case(("perp-long",), ("BTC",), Size(usd=1e6), (Shipped("isolated"),), days=1.0)
    >>> days = run(case, bars, windows(bars.times, 1.0))
    >>> len(days), days[0].accounts, days[0].loss[0] < days[0].models["isolated"].initial[0]
    (26, ('BTC perp-long',), True)
    """
    names = [n for m in case.models for n in (m.name, *m.variants)]
    if len(set(names)) < len(names):
        raise InputError("two models have one name", remedy="name each model once, or give each its own label")
    book = Journal(journal, case.identity(replay)) if journal is not None else None
    asked = {w.at for w in dates}
    done = {at: day for at, day in (book.open() if book is not None else {}).items() if at in asked}
    left = [w for w in dates if w.at not in done]
    if told is not None:
        told(len(done), len(dates))
    for day in (pool or Threads()).spread(dated, case, parts(replay, left, case.moments)):
        done[day.at] = day
        if book is not None:
            book.add(day)
        if told is not None:
            told(len(done), len(dates))
    return [done[w.at] for w in dates]


def parts(replay: Replay, dates: Sequence[Window], moments: int) -> Iterator[tuple[Market, list[Market]]]:
    """Yield each date's market and those it is carried through; a market is read once while windows overlap."""
    kept: dict[int, Market] = {}
    for window in dates:
        kept = {t: m for t, m in kept.items() if t >= window.at}
        later = window.thinned(moments).later
        for t in (window.at, *later):
            if t not in kept:
                kept[t] = replay.market(t)
        yield kept[window.at], [kept[t] for t in later]
