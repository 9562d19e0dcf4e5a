"""What cannot be written in a linear model, by name."""

from __future__ import annotations

from loadline.foundation.errors import RuleError
from loadline.tape.elements import FINE
from loadline.tape.pull import in_order
from loadline.tape.term import Term


class NotLowered(RuleError):
    """An operation of a rule has no form in a linear model, or is wanted from the side on which it has none."""


NAMES = {
    "portion": "division in whole numbers",
    "rounded": "coarse rounding",
    "tail": "value at risk",
    "bracketed": "a table of rates that fall with size",
}
REMEDY = "optimize under another rulebook, or check single trades with whatif"


def refusal(t: Term) -> NotLowered:
    """Return the error for an operation that has no form in a linear model."""
    return NotLowered(f"{_named(t)}: {NAMES.get(t.op, t.op)} cannot be written in a linear model", remedy=REMEDY)


def wrong_side(t: Term) -> NotLowered:
    """Return the error for a term that is wanted from the side on which it has no rows."""
    return NotLowered(f"{_named(t)}: {t.op} is wanted from the side on which it is not linear", remedy=REMEDY)


def refused(root: Term) -> list[str]:
    """Return what a root stands on that has no form in a linear model under any mode, each named once."""
    found: dict[str, None] = {}
    for t in in_order(root):
        coarse = t.op == "rounded" and float(t.args[1].numbers().min()) < FINE
        quantile = t.op == "tail" and getattr(t.aux[0], "measure", "") != "es"
        if t.frame is not None and (t.op == "portion" or coarse or quantile):
            found[f"{NAMES[t.op]} ({_named(t)})"] = None
    return list(found)


def _named(t: Term) -> str:
    """The nearest name at or below a term."""
    return next((x.name for x in [t, *reversed(in_order(t))] if x.name and x.frame is not None), "an unnamed step")
