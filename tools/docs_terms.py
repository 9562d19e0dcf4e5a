"""The sections of a rulebook's page on collateral and liquidation: read from parameters and liquidation files."""

import tomllib
from collections.abc import Mapping
from fnmatch import fnmatch
from functools import cache
from pathlib import Path
from typing import Any

from loadline.rulebooks.liquidation_terms import Fee, Level, Liquidation, Quantity
from loadline.rulebooks.parameters import Version
from loadline.rulebooks.rulebook import Rulebook
from tools.docs_text import number, table, values

COLLATERAL = Path(__file__).resolve().parent.parent / "docs" / "rulebooks" / "collateral.toml"
WORDS = (("form", "form"), ("where", "asked on"), ("eligible", "eligible"), ("tiers", "tiers"))


@cache
def told() -> Mapping[str, dict[str, Any]]:
    """Return what is told of each rulebook's collateral."""
    return tomllib.loads(COLLATERAL.read_text("utf-8"))


def collateral(rule: Rulebook) -> str:
    """Return what a rulebook takes as collateral, and the parameters of the newest version that say how much of it."""
    about, newest = told()[rule.name], rule.versions[-1]
    words = [(title, about[key]) for key, title in (*WORDS, ("concentration", "concentration"))]
    listed = [p for n, p in newest.parameters.items() if any(fnmatch(n, like) for like in about["parameters"])]
    parts = [table(("", ""), words)]
    if listed:
        parts.append(table(("parameter", "unit", "value"), [(f"`{p.name}`", p.unit, values(p)) for p in listed]))
    return "\n\n".join(parts)


def amount(q: Quantity | None, version: Version) -> str:
    """Return a quantity with its unit, and the parameter it is, if any."""
    if q is None:
        return ""
    keyed = [f"{key} {number(x)}" for key, x in q.by_key.items()]
    own = q.of(version)
    said = "; ".join([*keyed, *([number(own)] if own is not None else [])])
    return f"{said} ({q.unit}{f', `{q.parameter}`' if q.parameter else ''})"


def line(kind: str, x: Level, version: Version) -> tuple[str, str, str, str]:
    """Return the row of a trigger, a level or a target."""
    formula = f"`{x.formula}` {x.side} {number(x.at.of(version) or 0.0)}" if x.formula and x.at else "in words only"
    return kind, x.words, formula, x.effect


def fee(x: Fee, version: Version) -> tuple[str, str, str]:
    """Return the row of a fee."""
    return x.on, "; ".join(t for t in (amount(x.rate, version), x.words) if t), x.to


def told_from(found: Liquidation, version: Version) -> str:
    """Return one dated account of how a venue liquidates."""
    lines = [line("**trigger**", found.trigger, version)]
    lines += [line(x.name, x, version) for x in found.levels]
    lines += [line("stops at", found.target, version)] if found.target else []
    head = [f"From {found.date}. Source: {found.source}."] + ([found.note] if found.note else [])
    parts = ["\n".join(head), table(("line", "in the venue's words", "measured as", "effect"), lines)]
    if found.steps:
        steps = [(n, f"*{x.act}*", x.words, amount(x.size, version)) for n, x in enumerate(found.steps, 1)]
        parts.append(table(("", "step", "what happens", "size"), steps))
    if found.fees:
        parts.append(table(("fee on", "rate", "to"), [fee(x, version) for x in found.fees]))
    if found.unknown:
        parts.append(f"Not public, or not at hand: {'; '.join(found.unknown)}.")
    return "\n\n".join(parts)


def liquidation(rule: Rulebook) -> str:
    """Return how a venue liquidates, newest last."""
    first = (
        "The maintenance requirement holds the factor of the trigger, so that an account is liquidated where equity is "
        "below maintenance; distances to liquidation are to that line. Loadline says where the line is and does not "
        "liquidate."
    )
    return "\n\n".join([first, *(told_from(x, rule.versions[-1]) for x in rule.liquidation)])
