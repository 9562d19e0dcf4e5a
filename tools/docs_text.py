"""Markdown tables and numbers, as the generated pages write them."""

from collections.abc import Iterable
from typing import Any

import numpy as np

from loadline.foundation.units import format_time
from loadline.rulebooks.parameters import Parameter, Version


def cell(text: object) -> str:
    """Return a text for a cell of a table."""
    return str(text).replace("|", "\\|").replace("\n", " ")


def table(head: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    """Return a Markdown table."""
    titles = list(head)
    lines = [titles, ["---"] * len(titles), *(list(row) for row in rows)]
    return "\n".join("| " + " | ".join(cell(c) for c in line) + " |" for line in lines)


def number(value: float) -> str:
    """Return a number as people write it."""
    text = f"{value:.10g}"
    return f"{value:,.10g}" if abs(value) >= 10_000 and "e" not in text else text


def said(value: Any) -> str:
    """Return one value of a parameter."""
    if isinstance(value, bool | str):
        return str(value)
    if isinstance(value, list | tuple):
        if any(isinstance(v, list | tuple) for v in value):
            return f"{len(value)} scenarios, listed above" if value else "none"
        return ", ".join(said(v) for v in value)
    return number(float(value))


def values(p: Parameter) -> str:
    """Return the values of a parameter: the general one, then those by key; keys of equal value share one entry."""
    groups: dict[str, list[str]] = {}
    for key, value in p.by_key.items():
        groups.setdefault(said(value), []).append(key)
    parts = [] if p.value is None else [said(p.value) + (" for others" if p.by_key else "")]
    return "; ".join([*(f"{', '.join(keys)}: {text}" for text, keys in groups.items()), *parts])


def bounds(p: Parameter) -> str:
    """Return what the value may be."""
    if p.choices:
        return " or ".join(p.choices)
    low, high = np.isfinite(p.low), np.isfinite(p.high)
    if low and high:
        return f"{number(p.low)} to {number(p.high)}"
    return f"from {number(p.low)}" if low else f"to {number(p.high)}" if high else ""


def date(version: Version) -> str:
    """Return the day from which a version holds."""
    return format_time(version.effective)[:10]
