"""The public names, from their docstrings: one line, what there is to say, and an example that runs."""

import doctest
import inspect
import textwrap
from collections.abc import Iterator

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


def prose(name: str) -> str:
    """Return the docstring of a public name in Markdown, without its examples."""
    text = inspect.getdoc(getattr(loadline, name)) or ""
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
    text = inspect.getdoc(getattr(loadline, name)) or ""
    lines = []
    for e in doctest.DocTestParser().get_examples(text):
        source = e.source.rstrip("\n").split("\n")
        lines += [f"{'>>>' if n == 0 else '...'} {line}".rstrip() for n, line in enumerate(source)]
        lines += e.want.rstrip("\n").split("\n") if e.want else []
    return "\n".join(lines)


def signature(name: str) -> str:
    """Return how a public function is called, annotations as they are written."""
    call = f"{name}{inspect.signature(getattr(loadline, name))}".replace("'", "")
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


def details(name: str) -> str:
    """Return one name with everything its docstring says."""
    value = getattr(loadline, name)
    lines = [f"### `{name}`", ""]
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
    """Return the table of public names, then each with its example."""
    rows = ((group, f"[`{n}`](#{n.lower()})", first(n)) for group, listed in GROUPS.items() for n in listed)
    parts = [table(("for", "name", "what"), rows)]
    for group, listed in GROUPS.items():
        parts += [f"## {group}", *(details(n) for n in listed)]
    return "\n\n".join(parts)
