"""What a backtest answers: gaps first, then each book under each model, then dates hit; as tables and as JSON."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from loadline.cli.amounts import count, percent
from loadline.cli.render import Cell, Column, Screen
from loadline.foundation.units import format_time

if TYPE_CHECKING:
    from loadline.backtest.dates_hit import DatesHit
    from loadline.backtest.day import Day
    from loadline.backtest.run import Case
    from loadline.backtest.study import Verdict

SHOWN = 5
"""Kinds of gaps shown on a terminal."""


@dataclass(frozen=True)
class Report:
    """A run, judged: verdicts by book and model, the test over all books by model, and what has no answer and why."""

    case: Case
    days: Sequence[Day]
    verdicts: Sequence[Verdict]
    hits: Mapping[str, DatesHit]
    gaps: Mapping[str, int]
    identity: str

    @classmethod
    def of(cls, case: Case, days: Sequence[Day], *, phases: int, identity: str) -> Report:
        """Return the report of a run; ``phases``: of the grid of dates that do not overlap."""
        from loadline.backtest.dates_hit import dates_hit, grid
        from loadline.backtest.study import judge, series
        from loadline.foundation.errors import InputError

        accounts = sorted({a for d in days for a in d.accounts})
        gaps = Counter(f"{k.replace('|', ' under ').removesuffix(' under ')}: {w}" for d in days for k, w in
                       d.gaps.items())  # fmt: skip
        verdicts = []
        for account in accounts:
            for model in case.models:
                try:
                    one = series(days, account, model.name)
                    rows = grid(one.at.tolist(), case.days, phases)
                    verdicts.append(judge(one, [one.at_rows(r) for r in rows if len(r) > 1]))
                except InputError:
                    continue  # no answer, or on one date alone: it stands among the gaps
        hits = {}
        for model in case.models:
            told = bool(model.null) and all(d.models[model.name].hit for d in days)
            if told and any(v.model == model.name for v in verdicts):
                hits[model.name] = dates_hit(days, model.name, case.families, horizon=case.days, phases=phases)
        return cls(case, days, verdicts, hits, dict(gaps.most_common()), identity)

    def as_json(self) -> dict[str, Any]:
        """Return plain data."""
        return {
            "ok": True,
            "from": format_time(self.days[0].at),
            "to": format_time(self.days[-1].at),
            "dates": len(self.days),
            "horizon_days": self.case.days,
            "seed": self.case.seed,
            "data": self.identity,
            "gaps": [{"what": what, "dates": n} for what, n in self.gaps.items()],
            "results": [plain(v.as_json()) for v in self.verdicts],
            "dates_hit": [plain({"model": n, **asdict(t), "passed": t.passed}) for n, t in self.hits.items()],
        }


def plain(value: Any) -> Any:
    """Return a value without infinities; a table by true breach rate becomes a list."""
    if isinstance(value, Mapping):
        if value and all(isinstance(k, float) for k in value):
            return [{"rate": k, "power": v} for k, v in value.items()]
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [plain(v) for v in value]
    if isinstance(value, float) and value in (float("inf"), float("-inf")):
        return None
    return value


def draw_report(screen: Screen, report: Report) -> None:
    """Draw the gaps, the verdicts and the dates hit."""
    days = report.days
    said = f"{format_time(days[0].at)[:10]} to {format_time(days[-1].at)[:10]}, {report.case.days:g} days ahead"
    screen.heading(count(len(days), "date"), said)
    screen.say()
    if report.gaps:
        total = sum(report.gaps.values())
        screen.heading("No answer", count(total, "book and date") if total == 1 else f"{total:,} books and dates")
        for what, n in list(report.gaps.items())[:SHOWN]:
            screen.paragraph(f"{count(n, 'date')}: {what}", "yellow", "    ", "  ")
        left = len(report.gaps) - SHOWN
        if left > 0:
            screen.say(f"  and {left:,} more kinds (--json counts all)", "dim")
        screen.say()
    for model in report.case.models:
        mine = [v for v in report.verdicts if v.model == model.name]
        if mine:
            draw_model(screen, model.name, mine, report.hits.get(model.name))


def draw_model(screen: Screen, name: str, verdicts: Sequence[Verdict], hit: DatesHit | None) -> None:
    """Draw one model: a line per book, and the dates hit."""
    phases = [p for v in verdicts for p in v.phases]
    longest = max((p.dates for p in phases), default=0)
    told = next((p for p in phases if p.dates == longest), None)
    power = f"power of a test of {longest} dates against 2 %: {told.power[0.02]:.2f}" if told else ""
    screen.heading(name, power)
    heads = ("book", "dates", "breaches", "path", "margin", "p", "peak", "rise")
    columns = [Column(h, right=h != "book", folds=h == "book") for h in heads]
    rows: list[list[Cell]] = []
    for v in verdicts:
        rows.append(
            [
                v.account,
                f"{v.dates}",
                f"{v.breaches} {percent(v.rate)}",
                percent(v.path),
                percent(v.mean),
                f"{v.kupiec:.3f}" if v.phases else "n/a",
                f"{v.peak_to_trough:.2f}" if v.peak_to_trough else "n/a",
                percent(v.rise) if v.rise is not None else "n/a",
            ]
        )
    screen.table(columns, rows)
    if hit is not None:
        verdict = "no more than it allows" if hit.passed else "more than it allows"
        powers = ", ".join(f"{p:.2f} against {r:.0%}" for r, p in hit.power.items() if p is not None)
        dates = sorted(hit.dates)[len(hit.dates) // 2]
        screen.paragraph(
            f"any book hit on {hit.hits:g} of {dates} dates, {verdict}: {hit.critical} "
            f"(expected {hit.expected:.1f}, p {hit.p_value:.3f}{'; power ' + powers if powers else ''})",
        )
    screen.say()
