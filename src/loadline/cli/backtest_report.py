"""A backtest, judged: what every book and model, every model, and the run as a whole say; as JSON."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from loadline.cli.faults import defect_as_json
from loadline.cli.json_out import MOST_WARNINGS
from loadline.foundation.errors import Defect, InputError
from loadline.foundation.units import format_time

if TYPE_CHECKING:
    from loadline.backtest.dates_hit import DatesHit
    from loadline.backtest.day import Day
    from loadline.backtest.frontier import Cost, Point
    from loadline.backtest.measured import Measure, Tested
    from loadline.backtest.remarks import Ahead, Remark
    from loadline.backtest.run import Case, Model
    from loadline.backtest.study import Verdict


@dataclass(frozen=True)
class Asked:
    """How a run is judged.

    ``phases``: of the grid of dates that do not overlap; ``rise``: days that one may take; ``measures``: by model, or
    why that cannot be tested; ``against``: the model that others are held against, if any.
    """

    phases: int
    rise: float
    measures: Mapping[str, Measure | str]
    against: str | None = None


@dataclass(frozen=True)
class Judged:
    """One model: its books, those with too few dates to judge and why, and what concerns all of them.

    ``hit``, ``cost``: a text says why there is none; ``left_out``: dates without an answer, which the dates-hit test
    leaves out; ``shortfalls``: by account.
    """

    name: str
    verdicts: Sequence[Verdict]
    unjudged: Mapping[str, str]
    shortfalls: Mapping[str, Tested | str]
    hit: DatesHit | str
    left_out: int
    point: Point | None
    cost: Cost | str | None
    notes: Sequence[Remark]
    ahead: Ahead | None

    @classmethod
    def of(cls, model: Model, case: Case, days: Sequence[Day], asked: Asked) -> Judged:
        """Return one model's part of a run."""
        from loadline.backtest.dates_hit import grid
        from loadline.backtest.frontier import cost, point
        from loadline.backtest.remarks import looks_ahead, notes
        from loadline.backtest.study import judge, series

        name, accounts = model.name, sorted({a for d in days for a in d.accounts})
        verdicts, shortfalls, found, unjudged = [], {}, [], {}
        for account in accounts:
            try:
                one = series(days, account, name)
            except InputError:
                continue  # no answer on any date: it stands among the gaps
            rows = [r for r in grid(one.at.tolist(), case.days, asked.phases) if len(r) > 1]
            found.append(one)
            try:
                verdicts.append(judge(one, [one.at_rows(r) for r in rows], asked.rise))
            except InputError as error:
                unjudged[account] = error.what
                continue
            shortfalls[account] = shortfall(days, account, asked.measures[name], [one.at[r].tolist() for r in rows])
        held: Cost | str | None = None
        if asked.against not in (None, name):
            try:
                held = cost(days, accounts, name, str(asked.against), seed=case.seed)
            except InputError as error:
                held = error.what
        hit = hits(model, case, days, asked.phases)
        left_out = sum(d.models[name].hit is None for d in days)
        at = point(name, found) if found else None
        return cls(name, verdicts, unjudged, shortfalls, hit, left_out, at, held, notes(days, name),
                   looks_ahead(days, name))  # fmt: skip

    def dates_hit(self) -> dict[str, Any]:
        """Return the dates-hit test as plain data, with why there is none."""
        if isinstance(self.hit, str):
            return {"model": self.name, "passed": None, "left_out": self.left_out, "why": self.hit}
        more = {"passed": self.hit.passed, "left_out": self.left_out, "why": None}
        return {"model": self.name, **asdict(self.hit), **more}

    def frontier(self) -> dict[str, Any]:
        """Return the model's point and its cost against the rival as plain data."""
        p, c = self.point, self.cost
        known = {"books_and_dates": p.dates, "coverage": p.coverage, "mean": p.mean, "peak_to_trough": p.peak,
                 "gaps": p.gaps} if p else {}  # fmt: skip
        return {"model": self.name, **known, "cost": {"why": c} if isinstance(c, str) else asdict(c) if c else None}

    def few(self) -> list[dict[str, Any]]:
        """Return the books with too few dates as plain data."""
        return [{"account": a, "model": self.name, "why": why} for a, why in self.unjudged.items()]

    def results(self) -> list[dict[str, Any]]:
        """Return a row for each book as plain data."""
        out = []
        for v in self.verdicts:
            t = self.shortfalls[v.account]
            out.append({**v.as_json(), "shortfall": {"why": t} if isinstance(t, str) else t.as_json()})
        return out


def shortfall(
    days: Sequence[Day], account: str, measure: Measure | str, phases: Sequence[Sequence[int]]
) -> Tested | str:
    """Return Acerbi and Székely's statistics of a book, or why there are none."""
    from loadline.backtest.measured import shortfall_of

    if isinstance(measure, str):
        return measure
    try:
        return shortfall_of(days, account, measure, phases)
    except InputError as error:
        return error.what


def hits(model: Model, case: Case, days: Sequence[Day], phases: int) -> DatesHit | str:
    """Return the dates-hit test on the dates that have answers, or why it cannot be made."""
    from loadline.backtest.dates_hit import dates_hit
    from loadline.backtest.run import UNTOLD

    if not model.null:
        return "the rulebook does not say how likely its scenarios are"
    if not any(d.models[model.name].hit for d in days):
        said = (n.removeprefix(UNTOLD) for d in days for n in d.models[model.name].notes if n.startswith(UNTOLD))
        return next(said, "no date has an answer")
    try:
        return dates_hit(days, model.name, case.families, horizon=case.days, phases=phases)
    except InputError as error:
        return error.what


@dataclass(frozen=True)
class Report:
    """A run, judged: each model, and what has no answer and why; ``gaps`` by book, ``kinds`` by reason alone.

    ``rules``: by which a model calibrated at each date was made for the last; ``odd``: what is odd in the data.
    """

    case: Case
    days: Sequence[Day]
    asked: Asked
    models: Sequence[Judged]
    gaps: Sequence[Remark]
    kinds: Sequence[Remark]
    identity: str
    rules: Sequence[str]
    odd: Sequence[Defect]

    @classmethod
    def of(
        cls, case: Case, days: Sequence[Day], asked: Asked, identity: str, rules: Sequence[str], odd: Sequence[Defect]
    ) -> Report:
        """Return the report of a run."""
        from loadline.backtest.remarks import gaps

        names = [m.name for m in case.models]
        models = [Judged.of(m, case, days, asked) for m in case.models]
        by_book, kinds = gaps(days, names), gaps(days, names, by_account=False)
        return cls(case, days, asked, models, by_book, kinds, identity, rules, odd)

    def as_json(self) -> dict[str, Any]:
        """Return plain data."""
        return {
            "ok": True,
            "from": format_time(self.days[0].at),
            "to": format_time(self.days[-1].at),
            "dates": len(self.days),
            "horizon_days": self.case.days,
            "rise_days": self.asked.rise,
            "seed": self.case.seed,
            "data": self.identity,
            "look_ahead": [m.ahead.as_json() for m in self.models if m.ahead],
            "gaps": [{"account": next(iter(g.accounts)), "model": g.model, **g.as_json()} for g in self.gaps],
            "not_judged": [w for m in self.models for w in m.few()],
            "results": [plain(r) for m in self.models for r in m.results()],
            "dates_hit": [plain(m.dates_hit()) for m in self.models],
            "frontier": [plain(m.frontier()) for m in self.models],
            "notes": [{"model": m.name, **n.as_json()} for m in self.models for n in m.notes],
            "rules": list(self.rules),
            "warnings": [defect_as_json(d) for d in self.odd[:MOST_WARNINGS]],
            "warnings_total": len(self.odd),
        }


def plain(value: Any) -> Any:
    """Return a value whose numbers are finite or None; a table by true breach rate becomes a list."""
    if isinstance(value, Mapping):
        if value and all(isinstance(k, float) for k in value):
            return [{"rate": k, "power": plain(v)} for k, v in value.items()]
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [plain(v) for v in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
