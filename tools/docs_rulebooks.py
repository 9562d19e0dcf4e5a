"""Pages of the rulebooks: their rule as told in docs/rulebooks/_rules, everything else read from code and parameters.

A template in ``_rules`` holds the prose; ``<!-- NAME -->`` on a line of its own stands for what `PARTS` makes, and
``<!-- include FILE -->`` for another file of the folder.
"""

import json
import re
import tomllib
from collections.abc import Callable, Mapping
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

from loadline.engine.engine import margins
from loadline.engine.result import MarginResult
from loadline.io.sample import sample
from loadline.model.market import Market
from loadline.model.positions import Portfolio
from loadline.rulebooks.parameters import Version
from loadline.rulebooks.rulebook import SHIPPED, Rulebook, load
from tools.docs_scenarios import scenarios
from tools.docs_terms import collateral, liquidation
from tools.docs_text import bounds, date, table, values

ROOT = Path(__file__).resolve().parent.parent
PAGES = ROOT / "docs" / "rulebooks"
TEMPLATES = PAGES / "_rules"
LEAST = 5e-5
"""Relative changes below this are shown as none."""
MARKER = re.compile(r"^<!-- (include )?([\w-]+) -->$", re.MULTILINE)
STATUS = {
    "exact": "every public case at hand is reproduced to the last digits that the source asserts",
    "to the last digit": "a dump of the venue is reproduced to its last digit",
    "to display rounding": "figures that the venue displays are met, as near as rounding, theirs and the inputs', lets",
    "to the venue's own library": "what the venue's own public code answers is reproduced, beyond its rounding noise",
    "template": "parts whose formula or numbers are not public are parameters, which say what stands in them",
    "documented only": "written from documents; there are no numbers of others to hold it against",
}
"""What the words of a rulebook's status mean."""


def changed(old: Version, new: Version) -> list[str]:
    """Return the names of the parameters that differ between two versions, or that only one has."""

    def content(version: Version, name: str) -> Any:
        p = version.parameters.get(name)
        return None if p is None else (p.value, dict(p.by_key))

    both = [*new.parameters, *(n for n in old.parameters if n not in new.parameters)]
    return [n for n in both if content(old, n) != content(new, n)]


def parameters(rule: Rulebook) -> str:
    """Return every dated version with its parameters."""
    parts = []
    for n, version in enumerate(rule.versions):
        rows = (
            (f"`{p.name}`", p.unit, values(p), bounds(p), "; ".join(x for x in (p.note, p.source) if x))
            for p in version.parameters.values()
        )
        until = f" until {date(rule.versions[n + 1])}" if n + 1 < len(rule.versions) else ""
        lines = [f"### From {date(version)}{until}", "", f"Structure `{version.structure}`. Source: {version.source}."]
        if version.note:
            lines.append(version.note)
        if n:
            names = ", ".join(f"`{c}`" for c in changed(rule.versions[n - 1], version))
            lines.append(f"Differs from the version before in {names or 'nothing but its source'}.")
        head = ("parameter", "unit", "value", "bounds", "note, own source")
        parts.append("\n".join([*lines, "", table(head, rows)]))
    first = (
        "The version in force at the snapshot's time answers; before the first, the first does, as the result says. "
        f"`--rulebook {rule.name}@DATE` chooses another, `--set {rule.name}.PARAMETER=VALUE` overrides one value for a "
        "run (`.KEY` behind it: for one underlying or currency). A parameter without a source of its own has its "
        "version's."
    )
    return "\n\n".join([first, *parts])


def readings(rule: Rulebook) -> str:
    """Return the choices among readings of the newest version, and what each changes on the embedded sample."""
    head = ("reading", "taken", "alternative", "of what", "all five", "one account")
    rows = []
    before = sample_initial(rule.name)
    for p in rule.versions[-1].parameters.values():
        for other in (c for c in p.choices if c != p.value):
            after = sample_initial(rule.name, **{f"{rule.name}.{p.name}": other})
            moved = {a: after[a] / x - 1.0 for a, x in before.items() if x}
            most = max(moved, key=lambda a: abs(moved[a]))
            one = f"{most} {percent(moved[most])}" if abs(moved[most]) >= LEAST else "none"
            total = percent(sum(after.values()) / sum(before.values()) - 1.0)
            option = f"`--set {rule.name}.{p.name}={quoted(other)}`"
            rows.append((f"`{p.name}`", f"`{p.value}`", option, p.note, total, one))
    return table(head, rows)


def percent(change: float) -> str:
    """Return a relative change in percent."""
    return f"{100 * change:+.2f} %" if abs(change) >= LEAST else "0"


@cache
def sample_book() -> tuple[Portfolio, Market]:
    """Return the embedded sample."""
    return sample()


def sample_initial(name: str, **overrides: str) -> dict[str, float]:
    """Return the initial requirement of the sample's accounts, in USD."""
    portfolio, market = sample_book()
    found: dict[str, float] = {}
    for answer in margins(portfolio, market, name, overrides=overrides):
        if isinstance(answer, MarginResult):
            found[answer.account] = found.get(answer.account, 0.0) + answer.initial * answer.usd
    return found


def quoted(choice: str) -> str:
    """Return a choice as a word of the command line."""
    return f'"{choice}"' if " " in choice else choice


@cache
def verification() -> Mapping[str, list[dict[str, Any]]]:
    """Return what was replayed, by rulebook: docs/rulebooks/verification.toml."""
    return tomllib.loads((PAGES / "verification.toml").read_text("utf-8"))


def golden(name: str) -> list[tuple[str, int, str]]:
    """Return the golden case files of a rulebook: name, number of cases, title."""
    found = []
    for path in sorted((ROOT / "cases" / name).glob("*.json")):
        content = json.loads(path.read_text("utf-8"))
        found.append((path.name, len(content["vectors"]), str(content.get("title", "")).partition(": ")[2]))
    return found


def meaning(status: str) -> str:
    """Return a status with the meaning of its words."""
    if status in STATUS:
        return f"**{status}**: {STATUS[status]}."
    words = [f"- *{word}*: {text}." for word, text in STATUS.items() if word in status]
    return "\n".join([f"**{status}**.", "", *words])


def verified(rule: Rulebook) -> str:
    """Return the verification status with the cases behind it."""
    parts = [meaning(rule.status)]
    rows = []
    for r in verification().get(rule.name, []):
        matched = f"{r['matched']} of {r['cases'] - r.get('refused', 0) - r.get('skipped', 0)}"
        rows.append((r["what"], r["source"], matched, r.get("numbers", ""), r["agreement"]))
    if rows:
        head = ("replayed against others' numbers", "source", "cases matched", "numbers", "agreement")
        parts.append(table(head, rows))
        parts += [r["note"] for r in verification()[rule.name] if "note" in r]
    files = golden(rule.name)
    if files:
        total = sum(n for _, n, _ in files)
        parts.append(
            f"{total} golden cases of our own stand in `cases/{rule.name}/`; their totals come from a second "
            "implementation of the rule in plain loops, so they guard against slips and change, not against a misread "
            f"document. `loadline verify cases/{rule.name}` replays them."
        )
        parts.append(table(("file", "cases", "what"), ((f"`{f}`", n, t) for f, n, t in files)))
    return "\n\n".join(parts)


def about(rule: Rulebook) -> str:
    """Return the facts of a rulebook's registration, and the docstring of its module."""
    module = import_module(f"loadline.rulebooks.{SHIPPED[rule.name]}")
    text = (module.__doc__ or "").strip().replace("``", "`")
    answers = "one result per account and settlement currency, in that currency" if rule.segregated else ""
    answers = answers or f"one result per account, in {rule.currency}"
    facts = [
        ("name", f"`{rule.name}`"),
        ("answers", answers),
        ("needs of the market", ", ".join(rule.needs)),
        ("coin-settled contracts", "restated as cash contracts of equal size" if rule.cash else "as they are"),
        ("says with every result", "; ".join(rule.notes) or "nothing more"),
        ("code", f"[{SHIPPED[rule.name]}.py]({source(rule, 'py')}), [parameters]({source(rule, 'toml')})"),
    ]
    return text + "\n\n" + table(("", ""), facts)


def source(rule: Rulebook, suffix: str) -> str:
    """Return the path from a page to a file of the rulebook."""
    return f"../../src/loadline/rulebooks/{SHIPPED[rule.name]}.{suffix}"


PARTS: Mapping[str, Callable[[Rulebook], str]] = {
    "about": about,
    "verification": verified,
    "scenarios": scenarios,
    "parameters": parameters,
    "readings": readings,
    "collateral": collateral,
    "liquidation": liquidation,
}
"""What a marker in a template stands for."""


def filled(text: str, rule: Rulebook) -> str:
    """Return a template with its markers replaced; raises ``KeyError`` for a marker that nobody makes."""

    def made(match: re.Match[str]) -> str:
        if match[1]:
            return filled((TEMPLATES / f"{match[2]}.md").read_text("utf-8").strip(), rule)
        return PARTS[match[2]](rule)

    return MARKER.sub(made, text)


def page(name: str) -> str:
    """Return the page of one rulebook."""
    rule = load(name)
    head = f"<!-- Made by `make docs` from _rules/{name}.md, verification.toml and the rulebook. Change those. -->"
    text = (TEMPLATES / f"{name}.md").read_text("utf-8").strip()
    return f"{head}\n\n# {rule.title}\n\n{filled(text, rule)}\n"


def index() -> str:
    """Return the page that lists them all."""
    rows = []
    for name in SHIPPED:
        rule = load(name)
        dates = ", ".join(date(v) for v in rule.versions)
        cases = sum(n for _, n, _ in golden(name))
        rows.append((f"[{name}]({name}.md)", rule.title, rule.status, dates, cases))
    head = ("rulebook", "what it is", "verified", "versions from", "golden cases")
    lines = [
        "<!-- Made by `make docs` from the rulebooks. -->",
        "",
        "# Rulebooks",
        "",
        "Each page says what the rule asks, step by step, with which parameters since when, how far it was held",
        "against numbers that others published, and what is not known. Requirements computed here are estimates from",
        "published rules; the figure that counts is the venue's.",
        "",
        table(head, rows),
        "",
        "What the words of verification mean:",
        "",
        *(f"- *{word}*: {text}." for word, text in STATUS.items()),
        "",
        "The same on the command line: `loadline rulebook list`, `loadline rulebook show NAME`, and",
        "`loadline rulebook diff NAME DATE DATE`. The methods that the rules share are in [methods.md](../methods.md);",
        "[Adding a rulebook](../adding-a-rulebook.md) takes one from a venue's document to golden cases.",
        "",
        *noticed(),
    ]
    return "\n".join(lines) + "\n"


def noticed() -> list[str]:
    """Return how many changed numbers and operations of each rulebook its golden cases notice, as last measured."""
    rates = tomllib.loads((PAGES / "mutations.toml").read_text("utf-8"))

    def told(counts: Mapping[str, int]) -> str:
        possible = counts["changed"] - counts["excused"]
        beside = f" and {counts['excused']} without effect" if counts["excused"] else ""
        return f"{counts['noticed']} of {possible}{beside}"

    rows = [(f"[{n}]({n}.md)", told(r["numbers"]), told(r["operations"])) for n, r in rates.items()]
    return [
        "## Would a golden case notice?",
        "",
        "Every number of every version is changed by a few per cent, and every operation of the code into another",
        "(a worst into a sum, a term left out, a sign turned, a least into a most), one at a time; a golden case",
        "must then miss. Those without effect cannot be noticed: the repository's `tests/rulebooks/exempt.py` says",
        "why. Rates as last measured (the long tier does it again where all are noticed); a rulebook that is not",
        "listed was not measured yet.",
        "",
        table(("rulebook", "numbers noticed", "operations noticed"), rows),
    ]


def open_orders() -> str:
    """Return what each rulebook says of open orders in its results."""
    said: dict[str, list[str]] = {}
    for name in SHIPPED:
        told = [n for n in load(name).notes if "open orders" in n]
        said.setdefault(told[0].removeprefix("open orders: ") if told else "see its page", []).append(name)
    rows = ((", ".join(f"[{n}](rulebooks/{n}.md)" for n in names), text) for text, names in said.items())
    return table(("rulebooks", "open orders"), rows)


def pages() -> dict[str, Callable[[], str]]:
    """Return every page of the folder with who makes it."""

    def maker(name: str) -> Callable[[], str]:
        return lambda: page(name)

    return {f"docs/rulebooks/{name}.md": maker(name) for name in SHIPPED} | {"docs/rulebooks/README.md": index}
