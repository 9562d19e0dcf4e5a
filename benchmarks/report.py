"""Write what was measured into docs/performance.md, its figures, and the table of the README: from the results alone.

``python -m benchmarks.report [RESULTS.json]`` renders again without measuring.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks.children import KEPT, ROOT
from benchmarks.limits import permitted
from benchmarks.said import cache, count, digits, listed, rate, seconds, size, times, value
from benchmarks.words import GAP, MISSED, Row
from benchmarks.work import Figures

BEGIN, END = "<!-- begin benchmarks -->", "<!-- end benchmarks -->"
PAGE, FIRST = "docs/performance.md", "README.md"
SHORT = (
    "price",
    "worst",
    "es975",
    "derive",
    "deribit-xpm",
    "book",
    "difference",
    "tick",
    "check derive",
    "checks derive",
)
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
    yield (
        f"Measured on {machine['date']}: {machine['processor']}, {machine['cores']} cores, {machine['vectors']}, "
        f"{listed(caches)}; {machine['system']}, Python {machine['python']}, {', '.join(packages)}. Load at the "
        f"start {machine['load']:.2f}; {minutes(machine['seconds'])} in all."
    )
    if machine.get("again"):
        yield f"Measured again by themselves: {listed(machine['again'])}."
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
        return "**not reached**, but the machine was busy: measure again on a quiet one"
    why = MISSED.get((row["key"], n))
    return f"**not reached**: {why(Row(row, around))}" if why else "**not reached**"


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
    for name, title in (("memory", "1 M positions × 512 scenarios"), ("start", "`loadline margin`, 1,000 instruments")):
        for n, aim in enumerate(results["parts"].get(name, {}).get(name, {}).get("aims", ())):
            found = value(aim["value"], aim["unit"])
            said = "reached" if aim["reached"] else f"**not reached**: see [below](#{SECTION[name]})"
            yield f"| {title if n == 0 else ''} | {aim['text']} | {found} | {said} |"


SECTION = {"memory": "memory", "start": "starting"}


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
        f"{seconds(found['exp'])}, its logarithm {seconds(found['log'])}."
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


# ---- the parts that are not rows
def memory(found: Figures) -> Iterator[str]:
    """Peak memory of child processes."""
    work = f"{count(found['positions'])} positions × {found['scenarios']} scenarios"
    yield f"Peak resident memory of a process of its own, {work}:"
    yield ""
    yield "| process | peak |"
    yield "|---|---|"
    yield f"| Python, numpy, numba, scipy, the compiled loops and the market, ten accounts | {size(found['program'])} |"
    yield f"| the columns of all {count(found['accounts'])} accounts made, nothing answered | {size(found['before'])} |"
    yield f"| every account answered by `venue` under `tail` | **{size(found['ours'])}** |"
    matrix = size(found["matrix alone"])
    yield f"| scipy: accounts × scenarios matrix ({matrix}), then partition | {size(found['matrix'])} |"
    yield ""
    own = found["ours"] - found["program"]
    yield (
        f"Beyond the program itself the venue run takes {size(own)}, {own / found['positions']:.0f} bytes a "
        "position: its columns, the sorted book with the offsets of every level, and the answers. The cube is "
        f"{size(2001 * found['scenarios'] * 8)}; accounts × scenarios exists nowhere."
    )


def growth(found: Figures) -> Iterator[str]:
    """The slopes, and the picture of them."""
    yield "![Cost over positions and over scenarios, both in logarithms](img/growth.png)"
    yield ""
    yield "| cost of | over | from | to | slope | slope of the upper two decades |"
    yield "|---|---|---|---|---|---|"
    for what, curves in found.items():
        for c in curves:
            ends = f"{c['x'][0]:,} | {c['x'][-1]:,}"
            yield f"| {c['title']} | {what} | {ends} | {c['slope']:.2f} | {c['upper']:.2f} |"
    yield ""
    yield (
        "A slope of 1 is linear. Below 1 means a fixed cost that the small end shows; above 1 means that a cache "
        "was outgrown on the way (each block of the cube, or the book's columns), after which it is linear again."
    )


def starting(found: Figures) -> Iterator[str]:
    """The command as somebody types it."""
    packages = [f"{name} {seconds(s)}" for name, s in found["by package"].items()]
    yield (
        "`loadline margin book.csv --market chain.json --balances cash.csv --rulebook derive` with "
        f"{found['positions']} positions on a chain of {found['instruments']:,} instruments, compiled code kept from "
        f"before: {seconds(found['wall'])} wall ({seconds(found['processor'])} of processor time), of which "
        f"{seconds(found['imports'])} is importing ({listed(packages)}) and {seconds(found['python'])} Python's own "
        "start."
    )


def page(results: Figures) -> list[str]:
    """The generated part of docs/performance.md."""
    parts, lines = results["parts"], [*told(results["machine"]), ""]

    def section(title: str, text: Iterator[str]) -> None:
        lines.extend([f"## {title}", "", *text, ""])

    section("What it should reach, and whether it does", aims(results))
    lines += ["![Time per unit of work: limit, Loadline and rivals](img/speed.png)", ""]
    section("Times", rows(results))
    section("How far from the machine", (line for part in (peaks(results), [""], gaps(results)) for line in part))
    told_by: tuple[tuple[str, str, Callable[[Figures], Iterator[str]]], ...] = (
        ("memory", "Memory", memory),
        ("growth", "Growth", growth),
        ("start", "Starting", starting),
    )
    for name, title, tell in told_by:
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

    for name, lines in ((PAGE, page(results)), (FIRST, summary(results))):
        path = root / name
        path.write_text(replaced(path.read_text("utf-8"), lines), "utf-8")
    figures.draw(results, root / "docs/img")


if __name__ == "__main__":
    given = Path(sys.argv[1]) if len(sys.argv) > 1 else KEPT / "latest.json"
    write(json.loads(given.read_text("utf-8")), ROOT)
