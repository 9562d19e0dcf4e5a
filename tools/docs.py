"""Regenerate the parts of the documentation that are made from the code.

``python -m tools.docs`` writes them; with ``--check`` it only says which are out of date, and fails if any is.
A generated part stands between ``<!-- begin NAME -->`` and ``<!-- end NAME -->``; `PARTS` says who makes it. Those
of `PAGES` are made whole.
"""

import argparse
import ast
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from loadline.cli import manual
from tools import docs_api, docs_explain, docs_operations, docs_rulebooks

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "src" / "loadline"

# Floors from the top, each with the modules the design reserves a seat for.
FLOORS: dict[str, tuple[str, ...]] = {
    "cli": ("spec", "main", "render"),
    "service": ("app", "schema", "extras"),
    "backtest": ("replay", "ledger", "study"),
    "stream": ("graph", "session"),
    "liquidation": (),
    "optimize": ("problem", "solve", "moves"),
    "io": ("codec",),
    "engine": ("engine", "result"),
    "rulebooks": ("rulebook", "blocks"),
    "scenarios": ("grid", "historical", "montecarlo", "stress"),
    "forecast": ("volatility", "correlation", "realised"),
    "model": ("instruments", "market", "positions", "collateral", "scenario_set", "book", "cube"),
    "tape": ("term", "ops", "explain", "plan"),
    "kernels": ("black76", "payoff", "shock", "surface", "net", "tail", "spread"),
    "foundation": ("errors", "units", "table"),
}


def first_line(path: Path) -> str:
    """The first line of a module's docstring."""
    text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    return text.partition("\n")[0].replace("``", "`").replace("|", "\\|")


def rooms() -> str:
    """The modules of every floor with their purpose, and the seats that are still free."""
    lines = ["| module | purpose |", "|---|---|"]
    for floor, planned in FLOORS.items():
        folder = SOURCE / floor
        modules = sorted(path for path in folder.rglob("*.py") if path.name != "__init__.py")
        lines.append(f"| **{floor}/** | {first_line(folder / '__init__.py')} |")
        for path in modules:
            stem = path.relative_to(folder).with_suffix("").as_posix()
            pair = f" + `{path.stem}.toml`" if path.with_suffix(".toml").exists() else ""
            lines.append(f"| `{stem}`{pair} | {first_line(path)} |")
        free = [name for name in planned if not (folder / f"{name}.py").exists()]
        if free:
            lines.append(f"| | *seats left free:* {', '.join(f'`{name}`' for name in free)} |")
        elif not modules:
            lines.append("| | *seat left free* |")
    return "\n".join(lines)


# page → name of the part → who makes it
PARTS: dict[str, dict[str, Callable[[], str]]] = {
    "docs/architecture.md": {"rooms": rooms, "operations": docs_operations.operations},
    "docs/cli.md": {"commands": manual.commands, "exit codes": manual.exit_codes},
    "docs/api.md": {"names": docs_api.names},
    "docs/methods.md": {"open orders": docs_rulebooks.open_orders},
    "docs/explain.md": {
        "tree": docs_explain.tree,
        "worst loss": docs_explain.worst_loss,
        "shares": docs_explain.shares,
        "what if": docs_explain.what_if,
        "diff": docs_explain.difference,
    },
}


# page → who makes the whole of it
PAGES: dict[str, Callable[[], str]] = docs_rulebooks.pages()


def renewed(page: str, parts: dict[str, Callable[[], str]]) -> str:
    """The text of a page with its generated parts made anew."""
    text = (ROOT / page).read_text(encoding="utf-8")
    for name, make in parts.items():
        begin, end = f"<!-- begin {name} -->", f"<!-- end {name} -->"
        before, opened, rest = text.partition(begin)
        _, closed, after = rest.partition(end)
        if not (opened and closed):
            raise SystemExit(f"{page}: expected a part between '{begin}' and '{end}'")
        text = f"{before}{begin}\n{make()}\n{end}{after}"
    return text


def made() -> Iterator[tuple[str, str]]:
    """Every generated page with the text it should have."""
    for page, parts in PARTS.items():
        yield page, renewed(page, parts)
    for page, make in PAGES.items():
        yield page, make()


def main(arguments: list[str]) -> int:
    """Write or check every generated page; 1 if `--check` finds one out of date."""
    parser = argparse.ArgumentParser(prog="python -m tools.docs", description="Regenerate the documentation.")
    parser.add_argument("--check", action="store_true", help="write nothing; fail if a page is out of date")
    check = parser.parse_args(arguments).check
    stale = 0
    for page, text in made():
        path = ROOT / page
        if path.is_file() and text == path.read_text(encoding="utf-8"):
            continue
        stale += 1
        if check:
            print(f"{page} is out of date: run `make docs`")
        else:
            path.write_text(text, encoding="utf-8")
            print(f"{page} written")
    if not stale:
        print("documentation is up to date")
    return int(check and stale > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
