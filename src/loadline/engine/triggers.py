"""Where an account stands against the lines of its venue: the trigger of liquidation, warnings, the target.

A rulebook's maintenance requirement already holds the factor of its venue's trigger (Binance's 105 %, Hyperliquid's
95 %), so that equity below maintenance is liquidation under every rulebook. Here the same numbers are read back as the
ratio that the venue shows.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from loadline.engine.result import MarginResult, Side
from loadline.foundation.table import Floats
from loadline.rulebooks.liquidation_terms import Level, Liquidation
from loadline.tape.term import Term


@dataclass(frozen=True, slots=True)
class Standing:
    """An account against one line: ``value`` of its formula, ``at`` where the line lies, and whether it is crossed.

    A ratio is a plain number; a difference is in the currency of the result. ``value`` is infinite where a ratio has
    nothing below the line.
    """

    level: Level
    value: float
    at: float
    crossed: bool

    def as_json(self) -> dict[str, Any]:
        """Return the standing as plain data; a value that is no number is null."""
        value = self.value if math.isfinite(self.value) else None
        about = {"name": self.level.name, "words": self.level.words, "formula": self.level.formula}
        return about | {"side": self.level.side, "at": self.at, "value": value, "crossed": self.crossed}


def standings(result: MarginResult, liquidation: Liquidation) -> list[Standing]:
    """Return where an account stands against the trigger and every other measured line, the trigger first.

    >>> from loadline.engine.engine import margin
    >>> from loadline.io.sample import sample
    >>> from loadline.rulebooks.rulebook import load
    >>> portfolio, market = sample()
    >>> result = margin(portfolio.only(["basis"]), market, "deribit-xpm")
    >>> found = standings(result, load("deribit-xpm").liquidation[-1])[0]
    >>> found.level.name, found.value == result.ratio, found.crossed
    ('trigger', True, False)
    """
    lines = [x for x in (liquidation.trigger, *liquidation.levels) if x.formula]
    return [standing(result, liquidation, line) for line in lines]


def standing(result: MarginResult, liquidation: Liquidation, level: Level) -> Standing:
    """Return where an account stands against one line that has a formula."""
    assert level.at is not None
    at = level.at.of(result.parameters)
    value = measured(result, liquidation, level)
    at = 0.0 if at is None else at
    far = {
        "above": value > at,
        "at or above": value >= at,
        "below": value < at,
        "at or below": value <= at,
    }
    return Standing(level, value, at, far[level.side])


def measured(result: MarginResult, liquidation: Liquidation, level: Level) -> float:
    """Return the value of a line's formula: a ratio, or a difference in the result's currency."""
    side: Side = "initial" if "initial" in level.formula else "maintenance"
    required, equity = getattr(result, side), result.equity
    if level.formula.startswith("equity -"):
        return float(equity - required)
    moved = sum(_part(result, name) for name in level.adds) - sum(_asked(result, side, name) for name in level.deducts)
    required, equity = required + moved, equity + moved
    over, under = (equity, required) if level.formula.startswith("equity") else (required, equity)
    if under <= 0.0:  # who is asked for nothing is as safe as can be, who has nothing to meet it with is not
        if level.formula.startswith("equity"):
            return math.inf if over >= 0.0 else -math.inf
        return math.inf if over > 0.0 or under < 0.0 else 0.0
    return float(_factor(result, liquidation, level) * over / under)


def _factor(result: MarginResult, liquidation: Liquidation, level: Level) -> float:
    """The factor of the trigger that the rule's maintenance holds: 1 for most."""
    trigger = liquidation.trigger
    found = trigger.at.of(result.parameters) if trigger.at is not None and trigger.formula == level.formula else None
    return found or 1.0


def _of_account(term: Term, result: MarginResult) -> float:
    """The number of a term at the result's account, requirement-signed."""
    numbers: Floats = term.numbers()
    return 0.0 - float(numbers[result.tape.row if len(numbers) > 1 else 0, 0])


def _asked(result: MarginResult, side: Side, name: str) -> float:
    """What the terms of a name add to a requirement; a name stands for those that begin with it, too."""
    stack, found = [getattr(result.tape.requirement, side)], 0.0
    while stack:
        term = stack.pop()
        if term.level == "account" and (term.name == name or term.name.startswith(f"{name} ")):
            found += _of_account(term, result)
        elif term.op == "add":  # only what enters with a factor of 1
            stack += term.args
    return found


def _part(result: MarginResult, name: str) -> float:
    part = result.tape.requirement.parts.get(name)
    return 0.0 if part is None else _of_account(part, result)
