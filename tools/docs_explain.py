"""Trees and shares of the embedded sample, as docs/explain.md shows them: what the command line really writes."""

import io
from collections.abc import Sequence

from loadline.cli.environment import Environment, ExitCode
from loadline.cli.main import program
from loadline.engine.engine import margin
from loadline.engine.result import MarginResult
from loadline.io.sample import sample, sample_folder
from tools.docs_text import table

ACCOUNT, RULEBOOK = "strangle", "derive"
OTHER = "deribit-xpm"
TRADE = "BTC-26JUN26-70000-P=12"
SHARES = 6
"""How many positions the table of shares lists."""


def written(words: Sequence[str]) -> str:
    """Return what a command writes to a terminal of 80 columns; raises ``RuntimeError`` where it fails."""
    out, err = io.StringIO(), io.StringIO()
    env = Environment(out, err, terminal=True, width=80, clock=lambda: 0.0, debug=True)
    code = program(list(words), env)
    if code != ExitCode.OK:
        raise RuntimeError(f"{' '.join(words)}: {code.name}: {err.getvalue()}")
    return out.getvalue()


def on_sample(command: str, *more: str) -> str:
    """Return what a command writes about the account of the page."""
    folder = sample_folder()
    files = [word for name in ("balances", "orders", "accounts") for word in (f"--{name}", str(folder / f"{name}.csv"))]
    book = [str(folder / "positions.csv"), "--market", str(folder / "market.json")]
    return written([command, *book, *files, "--account", ACCOUNT, "--rulebook", RULEBOOK, *more])


def block(text: str, first: str) -> str:
    """Return the lines from the one that begins so to the next empty one, as a block."""
    lines = text.splitlines()
    start = next(n for n, line in enumerate(lines) if line.startswith(first))
    end = next((n for n in range(start, len(lines)) if not lines[n].strip()), len(lines))
    return "\n".join(["```", *(line.rstrip() for line in lines[start:end]), "```"])


def tree() -> str:
    """Return the tree of an initial requirement, four levels deep."""
    return block(on_sample("margin", "--explain", "--depth", "4"), "row ")


def worst_loss() -> str:
    """Return what lies below the first worst loss of that tree, all of it."""
    lines = on_sample("margin", "--explain", "--depth", "all").splitlines()
    start = next(n for n, line in enumerate(lines) if line.startswith("│ ├ worst loss"))
    end = next(n for n in range(start + 1, len(lines)) if lines[n].startswith("│ ├ "))
    return "\n".join(["```", *(line.rstrip() for line in lines[start:end]), "```"])


def what_if() -> str:
    """Return the rows that change when the account buys a wing."""
    return block(on_sample("whatif", "--trade", TRADE), "row ")


def difference() -> str:
    """Return the rows that differ between two venues, down to the second level."""
    return block(on_sample("diff", "--against", OTHER, "--depth", "2"), "row ")


def shares() -> str:
    """Return the positions that ask for most, with their gradient."""
    portfolio, market = sample()
    result = margin(portfolio.only([ACCOUNT]), market, RULEBOOK)
    assert isinstance(result, MarginResult)
    found = sorted(result.attribution(), key=lambda s: -abs(s.amount))
    rows = [(s.label, f"{s.quantity:,.10g}", f"{s.amount:,.2f}", f"{s.gradient:,.2f}") for s in found[:SHARES]]
    rest = result.initial - sum(s.amount for s in found[:SHARES])
    rows += [(f"{len(found) - SHARES} others", "", f"{rest:,.2f}", "")] if found[SHARES:] else []
    rows.append(("initial", "", f"{result.initial:,.2f}", ""))
    return table(("position", "quantity", f"share, {result.currency}", "one more contract"), rows)
