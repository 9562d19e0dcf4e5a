"""Measure how many changed numbers and operations of each rulebook its golden cases notice; write down the rates.

``python -m tools.mutations [RULEBOOK...]``: minutes for a large rulebook. The long tier measures again.
"""

import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from loadline.rulebooks.rulebook import SHIPPED
from tests.rulebooks.exempt import excused, reason
from tests.rulebooks.mutants import Census, census, operations_census

FILE = Path(__file__).resolve().parent.parent / "docs" / "rulebooks" / "mutations.toml"
UNFINISHED: tuple[str, ...] = ()
"""Rulebooks of which some changes are not noticed yet, or that were not measured since their cases grew."""

MORE_NUMBERS: tuple[str, ...] = ()
"""Those of them of which some numbers are not noticed yet."""


def counted(found: Census, why: Callable[[Any], str]) -> dict[str, int]:
    """How many changes there were, how many were noticed, how many could not be, and how many were missed."""
    could_not = sum(bool(why(m)) for m in found.missed)
    changed = len(found.caught) + len(found.missed)
    missed = len(found.missed) - could_not
    return {"changed": changed, "noticed": len(found.caught), "excused": could_not, "missed": missed}


def known() -> dict[str, Any]:
    """The rates as last measured, by rulebook."""
    return tomllib.loads(FILE.read_text("utf-8")) if FILE.is_file() else {}


def measured(name: str) -> dict[str, dict[str, int]]:
    """The rates of one rulebook, measured now."""
    numbers = counted(census(name, lambda m: bool(reason(name, m))), lambda m: reason(name, m))
    operations = operations_census(name, lambda m: bool(excused(name, m)))
    return {"numbers": numbers, "operations": counted(operations, lambda m: excused(name, m))}


def written(rates: dict[str, Any]) -> str:
    """The file's text."""
    lines = [
        "# How many changes of a rulebook its golden cases notice: each number by a few per cent, each operation into",
        "# another. Excused: nothing could notice them; tests/rulebooks/exempt.py says why.",
        "# Made by python -m tools.mutations.",
    ]
    for name in SHIPPED:
        if name in rates:
            lines += ["", f"[{name}]"]
            for kind, told in rates[name].items():
                body = ", ".join(f"{k} = {v}" for k, v in told.items())
                lines.append(f"{kind} = {{ {body} }}")
    return "\n".join(lines) + "\n"


def main(names: list[str]) -> int:
    """Measure some rulebooks, or all, and write the file after each."""
    for name in names or SHIPPED:
        found = measured(name)  # minutes: others may write meanwhile
        rates = known() | {name: found}
        FILE.write_text(written(rates), "utf-8")
        print(name, rates[name], flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
