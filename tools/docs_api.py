"""The public names, from their docstrings: one line, what there is to say, and an example that runs."""

import doctest
import inspect
import textwrap
from collections.abc import Iterator
from importlib import import_module
from typing import Any

import loadline
from loadline.foundation.table import Table
from tools.docs_text import table

GROUPS = {
    "Asking": ("margin", "margins", "what_if", "compare", "diff", "plan", "rulebook_names"),
    "Answers": ("MarginResult", "Status", "Unavailable", "Reason"),
    "What is held": ("Portfolio", "Positions", "Balances", "Orders", "Accounts"),
    "The market": ("Market", "Quotes", "Instruments", "Kind", "PayoffForm"),
    "Errors": ("LoadlineError", "InputError", "MissingData", "RuleError"),
}
"""Every public name, by what it is for."""
ROOMS = {
    "By position": ("engine.prepared.contributions",),
    "From history": ("engine.calibrate.calibrate", "forecast.models.forecasts"),
    "Stress": ("engine.stress.stress",),
    "Backtest": ("backtest.run.run", "backtest.dates_hit.dates_hit"),
}
"""Public verbs that stand in their room, by what they are for: ``loadline`` itself offers 25 names and no more."""


def value_of(name: str) -> Any:
    """Return what a public name stands for: one of ``loadline``, or of the module before its last dot."""
    room, _, own = name.rpartition(".")
    return getattr(import_module(f"loadline.{room}") if room else loadline, own)


def prose(name: str) -> str:
    """Return the docstring of a public name in Markdown, without its examples."""
    text = inspect.getdoc(value_of(name)) or ""
    kept = []
    for part in doctest.DocTestParser().parse(text):
        if isinstance(part, str):
            kept.append(part)
    return "".join(kept).strip().replace("``", "`")


def first(name: str) -> str:
    """Return the first sentence of a public name."""
    return prose(name).partition("\n\n")[0].replace("\n", " ")


def example(name: str) -> str:
    """Return the examples of a public name as they stand in its docstring; nothing if there are none."""
    text = inspect.getdoc(value_of(name)) or ""
    room, _, own = name.rpartition(".")
    lines = [f">>> from loadline.{room} import {own}"] if room else []
    begun = len(lines)
    for e in doctest.DocTestParser().get_examples(text):
        source = e.source.rstrip("\n").split("\n")
        lines += [f"{'>>>' if n == 0 else '...'} {line}".rstrip() for n, line in enumerate(source)]
        lines += e.want.rstrip("\n").split("\n") if e.want else []
    return "\n".join(lines) if len(lines) > begun else ""


def signature(name: str) -> str:
    """Return how a public function is called, annotations as they are written."""
    call = f"{name.rpartition('.')[2]}{inspect.signature(value_of(name))}".replace("'", "")
    if len(call) <= 110:
        return call
    head, _, rest = call.partition("(")
    arguments, _, returned = rest.rpartition(")")
    return f"{head}(\n" + textwrap.indent(",\n".join(split(arguments)), "    ") + f",\n){returned}"


def split(arguments: str) -> Iterator[str]:
    """Yield the arguments of a signature, cut at the commas that stand in no bracket."""
    depth, word = 0, ""
    for c in arguments:
        depth += (c in "[(") - (c in "])")
        if c == "," and depth == 0:
            yield word.strip()
            word = ""
        else:
            word += c
    yield word.strip()


def called(name: str) -> str:
    """Return a public name as it is imported."""
    return f"loadline.{name}" if "." in name else name


def details(name: str) -> str:
    """Return one name with everything its docstring says."""
    value = value_of(name)
    lines = [f"### `{called(name)}`", ""]
    if inspect.isfunction(value):
        lines += ["```", signature(name), "```", ""]
    lines += [prose(name), ""]
    if isinstance(value, type) and issubclass(value, Table):
        lines += [f"Columns: {', '.join(f'`{c}`' for c in value.columns())}.", ""]
    if isinstance(value, type) and hasattr(value, "__members__"):
        lines += ["Values: " + ", ".join(f"`{m.name}`" for m in value) + ".", ""]
    lines += ["```python", example(name), "", "```"]
    return "\n".join(lines)


def names() -> str:
    """Return the table of public names and of the verbs of the rooms, then each with its example."""
    groups = GROUPS | ROOMS
    rows = (
        (group, f"[`{n}`](#{called(n).lower().replace('.', '')})", first(n))
        for group, listed in groups.items()
        for n in listed
    )
    parts = [table(("for", "name", "what"), rows)]
    for group, listed in groups.items():
        parts += [f"## {group}", *(details(n) for n in listed)]
    return "\n\n".join(parts)
