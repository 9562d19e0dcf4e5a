"""The table of operations: what each one computes and which rulebooks need it, read off the golden cases' own tapes."""

import json
from collections.abc import Iterator
from pathlib import Path

from loadline.engine.cases.golden import answer_of
from loadline.engine.result import MarginResult
from loadline.rulebooks.rulebook import SHIPPED
from loadline.tape.ops import VALUE
from loadline.tape.term import Term
from tools.docs_text import table

CASES = Path(__file__).resolve().parent.parent / "cases"
EVERY = 0.6
"""From this share of the rulebooks on, the ones without an operation are named instead of those with it."""

WHAT = {
    "add": "`a + b`",
    "sub": "`a - b`",
    "scale": "`x * k`; *k* a parameter or a market constant",
    "signed": "`x * gain` or `x * loss` by the sign of *x*; the size `-|x|`",
    "losses": "`min(x, 0)`",
    "min": "`worst_of`: the least of several terms",
    "net": "sums over the groups of a coarser level",
    "worst": "the least along an axis",
    "total": "the sum along an axis",
    "tail": "a weighted mean of the worst along an axis: expected shortfall, value at risk",
    "tiered": "a charge whose rate rises in a ramp with the size",
    "correlated": "`-sqrt(x' R x)`",
    "bracketed": "each part of a size at the rate of its bracket, as on a venue's list of tiers",
    "rounded": "a named step of a rule that rounds, half to even",
    "portion": "`x * part / whole` in whole numbers, cut as a protocol cuts",
    "power": "`-|x|^n`: a rate that rises with a power of the size",
}
"""What every operation computes; the first twelve are those of the design, the others were asked for by a venue."""
FIRST = 12


def walk(term: Term, seen: set[int]) -> Iterator[str]:
    """The operations that a term on the book stands on; what is worked out of constants alone is none."""
    if id(term) in seen or term.frame is None:
        return
    seen.add(id(term))
    yield term.op
    for argument in term.args:
        yield from walk(argument, seen)


def used(rulebook: str) -> set[str]:
    """The operations of a rulebook: those on the tapes of the first case of every golden file."""
    found: set[str] = set()
    for path in sorted((CASES / rulebook).glob("*.json")):
        file = json.loads(path.read_text("utf-8"))
        answer = answer_of(file["vectors"][0], file)
        if isinstance(answer, MarginResult):
            seen: set[int] = set()
            needs = answer.tape.requirement
            for side in (needs.equity, needs.initial, needs.maintenance):
                found |= set(walk(side, seen))
    return found


def who(op: str, uses: dict[str, set[str]]) -> str:
    """The rulebooks that need an operation, the shorter way round."""
    having = [f"`{name}`" for name, ops in uses.items() if op in ops]
    lacking = [f"`{name}`" for name, ops in uses.items() if op not in ops]
    if not lacking:
        return "all"
    return f"all but {', '.join(lacking)}" if len(having) > EVERY * len(uses) else ", ".join(having) or "none yet"


def operations() -> str:
    """Return the table."""
    if set(WHAT) != set(VALUE):
        raise SystemExit(f"tools/docs_operations.py does not say what {set(WHAT) ^ set(VALUE)} is")
    uses = {name: used(name) for name in SHIPPED}
    rows = [
        (f"`{op}`", "of the design" if n < FIRST else "asked for by a venue", text, who(op, uses))
        for n, (op, text) in enumerate(WHAT.items())
    ]
    return table(("operation", "", "computes", "rulebooks that need it"), rows)
