"""Write what was measured into docs/performance.md, its figures, and the table of the README: from the results alone.

``python -m benchmarks.report [RESULTS.json]`` renders again without measuring.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

from benchmarks.children import KEPT, ROOT
from benchmarks.limits import permitted
from benchmarks.said import cache, count, digits, listed, rate, seconds, size, times, value
from benchmarks.sections import SECTIONS
from benchmarks.words import GAP, MISSED, Row
from benchmarks.work import Figures

BEGIN, END = "<!-- begin benchmarks -->", "<!-- end benchmarks -->"
PAGE, FIRST, OPTIMIZER = "docs/performance.md", "README.md", "docs/optimizer.md"
BUSY = ", but the machine was busy: measure again on a quiet one"
SHORT = ("price", "worst", "es975", "derive", "deribit-xpm", "book", "tick", "check derive", "checks derive")
"""Rows of the README's table, where they were measured."""


def all_rows(results: Figures) -> list[Figures]:
    """The rows of every part, in order."""
    return [row for part in results["parts"].values() for row in part.get("rows", ())]


def surroundings(results: Figures) -> Figures:
    """What the machine permits and what it has."""
    machine = results["machine"]
    found = {name: machine[name] for name in ("caches", "vectors", "busy")}
    known = {row["key"]: row["processor"] for row in all_rows(results)}
    return {**results["parts"]["limits"]["limits"], **found, "rows": known}


# ---- the machine
def told(machine: Figures) -> Iterator[str]:
    """The machine in words, with a warning if others had much of it."""
    packages = [f"{name} {number}" for name, number in machine["packages"].items() if number]
    caches = [f"{cache(size)} of L{level}" for level, size in machine["caches"].items()]
    took = f"{minutes(machine['seconds'])} in all"
    if machine.get("again"):
        took = f"measured again by themselves since: {listed(machine['again'])}"
    yield (
        f"Measured on {machine['date']}: {machine['processor']}, {machine['cores']} cores, {machine['vectors']}, "
        f"{listed(caches)}; {machine['system']}, Python {machine['python']}, {', '.join(packages)}. Load at the "
        f"start {machine['load']:.2f}; {took}."
    )
    if machine["busy"]:
        cores = (
            f"{machine['others']:.2f} of its {machine['cores']} cores" if machine.get("others") is not None else "it"
        )
        yield ""
        yield (
            f"> **The machine was busy**: other work had {cores} meanwhile. Least of several rounds taken in turns "
            "keeps ratios fair, but times are longer than they need be and what the second core brings is "
            "understated."
        )


def minutes(x: float) -> str:
    """A duration."""
    return f"{x / 60:.0f} minutes" if x >= 90 else f"{x:.0f} seconds"


# ---- aims
def verdict(row: Figures, n: int, around: Figures) -> str:
    """Reached, or not reached and why."""
    aim = row["aims"][n]
    if aim["reached"] is None:
        return "not measured: the rival is not installed"
    if aim["reached"]:
        return "reached"
    if aim["wall"] and around["busy"]:
        return f"**not reached**{BUSY}"
    why = MISSED.get((row["key"], n))
    also = "; and the machine was busy" if around["busy"] and aim["unit"] != "x" else ""
    return f"**not reached**{f': {why(Row(row, around))}' if why else ''}{also}"


def reached(results: Figures) -> str:
    """How many aims are reached."""
    found = [aim["reached"] for row in all_rows(results) for aim in row["aims"]]
    apart = (results["parts"].get(name, {}).get(name, {}) for name in SECTIONS)
    found += [aim["reached"] for part in apart for aim in part.get("aims", ())]
    measured = [x for x in found if x is not None]
    return f"**{sum(measured)} of {len(measured)} aims are reached**; each is below, with the reason where it is not."


def aims(results: Figures) -> Iterator[str]:
    """The table of what should be reached."""
    around = surroundings(results)
    yield "| work | aim | measured | verdict |"
    yield "|---|---|---|---|"
    for row in all_rows(results):
        for n, aim in enumerate(row["aims"]):
            found = "–" if aim["value"] is None else value(aim["value"], aim["unit"])
            title = row["title"] if n == 0 else ""
            yield f"| {title} | {aim['text']} | {found} | {verdict(row, n, around)} |"
    for name, (title, _) in SECTIONS.items():
        found = results["parts"].get(name, {}).get(name, {})
        for n, aim in enumerate(found.get("aims", ())):
            anchor = title.lower().replace(" ", "-")
            spoilt = BUSY if aim["wall"] and around["busy"] else ""
            said = "reached" if aim["reached"] else f"**not reached**{spoilt or f': see [below](#{anchor})'}"
            first = found["title"] if n == 0 else ""
            yield f"| {first} | {aim['text']} | {value(aim['value'], aim['unit'])} | {said} |"


# ---- times
def rows(results: Figures) -> Iterator[str]:
    """Everything that was timed, each row beside its rivals."""
    yield "| work, per | processor | wall, one core | wall, two | beside | processor | wall | ratio |"
    yield "|---|---|---|---|---|---|---|---|"
    for row in all_rows(results):
        wall = row["wall"]
        ours = f"| {row['title']}, per {row['per']} | {seconds(row['processor'])} | {seconds(wall['one'])} | "
        ours += f"{seconds(wall['two']) if 'two' in wall else ''} |"
        beside = [
            f" {noted(r)} | {seconds(r['processor'])} | {seconds(r['wall'])} | "
            f"{times(r['processor'] / row['processor'])} |"
            for r in row["rivals"]
        ]
        beside += [f" {name} | not installed | | |" for name in row["missing"]]
        for n, said in enumerate(beside or [" | | | |"]):
            yield (ours if n == 0 else "| | | | |") + said


def noted(rival: Figures) -> str:
    """A rival's name with what is to be known of how it was measured."""
    return f"{rival['name']} ({rival['note']})" if rival["note"] else str(rival["name"])


# ---- limits
def peaks(results: Figures) -> Iterator[str]:
    """What one core of the machine does at best."""
    found = results["parts"]["limits"]["limits"]
    yield "| one core reads from | an array of | straight through | rows of 4 kB in random order |"
    yield "|---|---|---|---|"
    for level, how in found["read"].items():
        yield f"| {level} | {size(found['sizes'][level])} | {rate(how['straight'])} | {rate(how['rows'])} |"
    yield ""
    yield (
        f"It does {digits(found['arithmetic'] / 1e9)} billion multiplications and additions a second without fusing "
        f"them, and {digits(found['divisions'] / 1e9)} billion divisions; Loadline's own exponential takes "
        f"{seconds(found['exp'])}, its logarithm {seconds(found['log'])}. Two cores that only multiply and add in "
        f"registers are {times(found['second core'])} as fast as one."
    )


def gaps(results: Figures) -> Iterator[str]:
    """How far each row is from what the machine permits, and why."""
    around = surroundings(results)
    heads = ["work, per", "operations", "from the cube or the columns", "loads and stores", "limit", "set by", "ours"]
    yield f"| {' | '.join(heads)} | from the limit |"
    yield "|---" * (len(heads) + 1) + "|"
    explained = []
    for row in all_rows(results):
        if row["need"]:
            need, most = row["need"], permitted(row["need"], around)
            cells = [f"{row['title']}, per {row['per']}", count(need["arithmetic"]) if need["arithmetic"] else "–"]
            cells += [f"{size(need['bytes'])} in {most['level']}" if need["bytes"] else "–"]
            cells += [size(need["touched"]) if need["touched"] else "–"]
            cells += [seconds(most["limit"]), most["most"], seconds(row["processor"])]
            yield f"| {' | '.join(cells)} | {times(row['processor'] / most['limit'])} |"
        if row["key"] in GAP:
            explained.append(f"- **{row['title']}.** {GAP[row['key']](Row(row, around))}")
    yield ""
    yield from explained


def page(results: Figures) -> list[str]:
    """The generated part of docs/performance.md."""
    parts, lines = results["parts"], [*told(results["machine"]), "", reached(results), ""]

    def section(title: str, text: Iterator[str]) -> None:
        lines.extend([f"## {title}", "", *text, ""])

    section("What it should reach, and whether it does", aims(results))
    lines += ["![Time per unit of work: limit, Loadline and rivals](img/speed.png)", ""]
    section("Times", rows(results))
    section("How far from the machine", (line for part in (peaks(results), [""], gaps(results)) for line in part))
    for name, (title, tell) in SECTIONS.items():
        if name in parts:
            section(title, tell(parts[name][name]))
    return lines[:-1]


def summary(results: Figures) -> list[str]:
    """The README's table."""
    lines = ["| work | Loadline, one core | times less than |", "|---|---|---|"]
    for row in sorted((r for r in all_rows(results) if r["key"] in SHORT), key=lambda r: SHORT.index(r["key"])):
        ours, many = seconds(row["processor"]), f"per {row['per']}"
        if row["per"] == "account":
            ours, many = seconds(row["processor"] * 1e5), "100,000 accounts × 10 positions"
        beside = [f"{r['name']}: {times(r['processor'] / row['processor'])}" for r in row["rivals"]]
        beside += [f"{name}: not installed" for name in row["missing"]]
        lines.append(f"| {row['title']}, {many} | {ours} | {'; '.join(beside)} |")
    machine = results["machine"]
    lines += [
        "",
        f"{machine['processor']}, {machine['vectors']}, {machine['date']}; processor time, least of several rounds.",
    ]
    if machine["busy"]:
        lines[-1] += " The machine was busy: times are too long, ratios fair."
    return lines


def against(results: Figures) -> list[str]:
    """The table of docs/optimizer.md: whoever solves the same problem, with the same optimum, in the same run."""
    machine, lines = (
        results["machine"],
        ["| problem | Loadline, processor time | beside | takes |", "|---|---|---|---|"],
    )
    for row in results["parts"]["optimize"]["rows"]:
        ours = f"| {row['title']} | {seconds(row['processor'])} |"
        beside = [
            f" {noted(r)} | {seconds(r['processor'])}, {times(r['processor'] / row['processor'])} |"
            for r in row["rivals"]
        ]
        beside += [f" {name} | not installed |" for name in row["missing"]]
        lines += [(ours if n == 0 else "| | |") + said for n, said in enumerate(beside or [" | |"])]
    lines += [
        "",
        f"{machine['processor']}, {machine['vectors']}, {machine['date']}; processor time, least of several rounds.",
    ]
    if machine["busy"]:
        lines[-1] += " The machine was busy: times are too long, ratios fair."
    return lines


def replaced(text: str, lines: list[str]) -> str:
    """The text with what stands between the marks replaced; the marks must be there."""
    head, begin, rest = text.partition(BEGIN)
    _, end, tail = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"the page has no {BEGIN} … {END}")
    return "\n".join([head + BEGIN, *lines, END + tail])


def write(results: Figures, root: Path) -> None:
    """Write the pages and figures below ``root``."""
    from benchmarks import figures

    pages = [(PAGE, page(results)), (FIRST, summary(results))]
    if "optimize" in results["parts"]:
        pages.append((OPTIMIZER, against(results)))
    for name, lines in pages:
        path = root / name
        path.write_text(replaced(path.read_text("utf-8"), lines), "utf-8")
    figures.draw(results, root / "docs/img")


if __name__ == "__main__":
    given = Path(sys.argv[1]) if len(sys.argv) > 1 else KEPT / "latest.json"
    write(json.loads(given.read_text("utf-8")), ROOT)
