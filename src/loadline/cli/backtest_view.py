"""What a backtest answers on a terminal: gaps first, then each model's books in two tables, dates hit, and the cost."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from loadline.cli.amounts import count, percent
from loadline.cli.backtest_report import Judged, Report
from loadline.cli.calibrate_view import draw_defects
from loadline.cli.render import Cell, Column, Screen
from loadline.foundation.units import format_time

if TYPE_CHECKING:
    from loadline.backtest.bootstrap import Interval
    from loadline.backtest.remarks import Ahead, Remark
    from loadline.backtest.study import Verdict

SHOWN = 5
"""Kinds of gaps and notes shown on a terminal unless all are asked for."""
NONE = "n/a"
TESTS = ("book", "dates", "breaches", "p", "many", "both", "250", "light")
LEGEND = (
    "p: Kupiec, either way; many: too many alone; both: number and spacing (Christoffersen); each the least of all "
    "grids of dates that do not overlap. 250: most breaches in 250 such dates; light: Basel's zone. path: breaches on "
    "the worst moment on the way; beyond, worst: mean and largest loss beyond margin. Z1, Z2: Acerbi and Székely, "
    "below 0 where expected shortfall is too small. More: --explain, --json."
)


def draw_report(screen: Screen, report: Report, *, explained: bool = False) -> None:
    """Draw the gaps, the models and the frontier; ``explained``: every kind of gap and note, and every phase."""
    days = report.days
    said = f"{span([d.at for d in days])}, {report.case.days:g} day{'' if report.case.days == 1 else 's'} ahead"
    screen.heading(count(len(days), "date"), said)
    for m in report.models:
        if m.ahead:
            draw_ahead(screen, m.ahead)
    screen.say()
    draw_gaps(screen, report.kinds, None if explained else SHOWN)
    most = None if explained else SHOWN
    shared = shared_notes(report.models)
    for m in report.models:
        draw_model(screen, m, report.asked.rise, explained=explained)
        draw_notes(screen, [n for n in m.notes if n.kind not in {x.kind for x in shared}], most)
    draw_frontier(screen, report)
    if shared:
        screen.heading("Under every model")
        draw_notes(screen, shared, most)
    draw_rules(screen, report, most)
    draw_defects(screen, report.odd)
    if any(m.verdicts for m in report.models):
        screen.paragraph(LEGEND, "dim")


def draw_rules(screen: Screen, report: Report, most: int | None) -> None:
    """Draw by which rules a model calibrated at each date was made for the last of them."""
    found = list(dict.fromkeys(report.rules))
    screen.dim_list(f"Rules of the calibration of {span([report.days[-1].at])}", found[:most])
    if most is not None and len(found) > most:
        screen.say(f"  and {count(len(found) - most, 'more rule')} (--explain shows all)", "dim")
    if found:
        screen.say()


def span(times: Sequence[int]) -> str:
    """Return the first and last day of some times (epoch ms)."""
    first, last = format_time(min(times))[:10], format_time(max(times))[:10]
    return first if first == last else f"{first} to {last}"


def draw_ahead(screen: Screen, x: Ahead) -> None:
    """Say that a model knew what was not known at a date."""
    many = "all dates" if len(x.times) == x.of else f"{len(x.times):,} of {x.of:,} dates"
    when = f"its parameters are of {format_time(x.since)[:10]}"
    told = f"LOOK-AHEAD: {x.model} on {many} ({span(x.times)}): {when}, after them. No test of what it knew then."
    screen.paragraph(told, "bold red", "    ", "  ")


def draw_gaps(screen: Screen, kinds: Sequence[Remark], most: int | None) -> None:
    """Draw what has no answer, by reason: how often, when, of which books, and its words the first time."""
    if not kinds:
        return
    total = sum(k.count for k in kinds)
    screen.heading("No answer", count(total, "book and date") if total == 1 else f"{total:,} books and dates")
    for k in kinds[:most]:
        names = list(k.accounts)
        book = names[0] if len(names) == 1 else f"{names[0]} and {count(len(names) - 1, 'book')} more"
        under = f" under {k.model}" if k.model else ""
        said = f"{k.count:,}, {span(k.times)}: {book}{under}: {k.example}{first_of(k)}"
        screen.paragraph(said, "yellow", "    ", "  ")
    draw_left(screen, len(kinds), most)
    screen.say()


def first_of(remark: Remark) -> str:
    """Return what is said where the words are those of the first date alone."""
    return " (the first; others differ in figures)" if remark.varies else ""


def draw_left(screen: Screen, there: int, most: int | None) -> None:
    """Say how many are not shown."""
    if most is not None and there > most:
        screen.say(f"  and {count(there - most, 'more kind')} (--explain shows all)", "dim")


def draw_model(screen: Screen, m: Judged, rise: float, *, explained: bool) -> None:
    """Draw one model: how often and how its margin fell short, what it asked, dates hit, and its notes."""
    phases = [p for v in m.verdicts for p in v.phases]
    longest = max((p.dates for p in phases), default=0)
    told = next((p for p in phases if p.dates == longest), None)
    power = f"power of a test of {longest} dates against 2 %: {told.power[0.02]:.2f}" if told else ""
    screen.heading(m.name, power)
    if m.verdicts:
        screen.table(columns(TESTS), [tests(v) for v in m.verdicts])
        screen.say()
        cost = ("book", "margin", "path", "beyond", "worst", "peak", f"rise {rise:g}d", "Z1", "Z2")
        screen.table(columns(cost), [asked(v, m) for v in m.verdicts])
    for account, why in m.unjudged.items():
        screen.paragraph(f"{account} is not judged: {why}", "yellow", "    ", "  ")
    if explained:
        draw_phases(screen, m)
    untested = sorted({t for t in m.shortfalls.values() if isinstance(t, str)})
    if untested:
        screen.paragraph(f"no Z1 and Z2: {'; '.join(untested)}", "dim")
    draw_hit(screen, m)


def shared_notes(models: Sequence[Judged]) -> list[Remark]:
    """Return what the results of every model note, where there are several: said once, for that on most dates."""
    first, *others = models
    kinds = [{n.kind for n in m.notes} for m in others]
    shared = [n.kind for n in first.notes if all(n.kind in k for k in kinds)] if others else []
    return [max((n for m in models for n in m.notes if n.kind == kind), key=lambda n: n.count) for kind in shared]


def draw_notes(screen: Screen, notes: Sequence[Remark], most: int | None) -> None:
    """Draw notes by kind, and on how many dates."""
    for n in notes[:most]:
        screen.paragraph(f"{count(n.count, 'date')}: {n.example}{first_of(n)}", "dim", "    ", "  ")
    draw_left(screen, len(notes), most)
    screen.say()


def columns(heads: Sequence[str]) -> list[Column]:
    """Return columns of numbers, the first and the last of words."""
    return [Column(h, right=h not in ("book", "model", "light"), folds=h in ("book", "model")) for h in heads]


def tests(v: Verdict) -> list[Cell]:
    """Return a book's row of breaches and their tests."""
    number: list[Cell] = [v.account, f"{v.dates}", f"{v.breaches} {percent(v.rate)}"]
    if not v.phases:
        return number + [NONE] * 5
    values = (v.kupiec, v.too_many, v.conditional)
    return [*number, *(f"{x:.3f}" for x in values), f"{v.most}", v.zone]


def asked(v: Verdict, m: Judged) -> list[Cell]:
    """Return a book's row of what was asked, and what was lost beyond it."""
    t = m.shortfalls[v.account]
    z = (None, None) if isinstance(t, str) else (t.z1, t.z2)
    out: list[Cell] = [v.account, percent(v.mean), percent(v.path), percent(v.beyond), percent(v.largest)]
    out += [f"{v.peak_to_trough:.2f}" if v.peak_to_trough else NONE, NONE if v.rise is None else percent(v.rise)]
    return out + [NONE if x is None else f"{x:+.2f}" for x in z]


def draw_phases(screen: Screen, m: Judged) -> None:
    """Draw the tests of every grid of dates."""
    heads = ("book", "grid", "dates", "breaches", "p", "many", "apart", "both", "250", "light")
    rows: list[list[Cell]] = []
    for v in m.verdicts:
        for n, p in enumerate(v.phases):
            values = (p.kupiec, p.too_many, p.independence, p.conditional)
            row = [v.account, f"{n + 1}", f"{p.dates}", f"{p.breaches}", *(f"{x:.3f}" for x in values)]
            rows.append([*row, f"{p.most}", p.zone])
    screen.say()
    screen.table(columns(heads), rows)


def draw_hit(screen: Screen, m: Judged) -> None:
    """Draw the dates-hit test, and what it leaves out; or why there is none."""
    if isinstance(m.hit, str):
        screen.paragraph(f"no test of dates hit: {m.hit}", "dim")
        return
    hit = m.hit
    verdict = "no more than it allows" if hit.passed else "more than it allows"
    powers = ", ".join(f"{p:.2f} against {r:.0%}" for r, p in hit.power.items() if p is not None)
    dates = sorted(hit.dates)[len(hit.dates) // 2]
    left = f"; {count(m.left_out, 'date')} without an answer left out" if m.left_out else ""
    screen.paragraph(
        f"any book hit on {hit.hits:g} of {dates} dates, {verdict}: {hit.critical} "
        f"(expected {hit.expected:.1f}, p {hit.p_value:.3f}{'; power ' + powers if powers else ''}{left})",
    )


def draw_frontier(screen: Screen, report: Report) -> None:
    """Draw what coverage costs: a line for each model, and its cost against the rival."""
    from loadline.backtest.frontier import LEVEL

    known = [m for m in report.models if m.point]
    if len(known) < 2:
        return
    rival = report.asked.against
    said = f"cost over {rival}, as asked and with both scaled to cover {LEVEL:.1%}; 90 % intervals by weeks"
    screen.heading("All books", said if rival else "")
    heads = ["model", "coverage", "margin", "peak", *(("cost", "equal coverage") if rival else ())]
    rows: list[list[Cell]] = []
    for m in known:
        p, c = m.point, m.cost
        assert p is not None
        row: list[Cell] = [m.name, f"{p.coverage:.2%}", percent(p.mean)]
        row.append(f"{p.peak:.2f}" if p.peak else NONE)
        if rival and (c is None or isinstance(c, str)):
            row += [NONE if c else ""] * 2
        elif rival and not isinstance(c, str | None):
            row += [interval(c.nominal), interval(c.equal)]
        rows.append(row)
    screen.table(columns(heads), rows)
    for m in known:
        if isinstance(m.cost, str):
            screen.paragraph(f"{m.name} has no cost against {rival}: {m.cost}", "yellow", "    ", "  ")
        elif m.cost is not None and m.cost.left_out:
            left = f"{m.cost.left_out:,} answers of one alone are left out of the cost of {m.name}"
            screen.paragraph(left, "dim", "    ", "  ")
    screen.say()


def interval(x: Interval | None) -> str:
    """Return a number and its interval."""
    return NONE if x is None else f"{x.value:.2f} [{x.low:.2f}, {x.high:.2f}]"
