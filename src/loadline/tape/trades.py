"""One account with one more trade, many times: a text that lays out its groups anew and calls a plan's ``run``.

The account's rows are copied with the trade put in its place, the groups of every level are found in the same walk,
and the plan's loops run on them, all in one compiled call: nothing of it passes through the interpreter.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from loadline.tape.frame import LEVELS
from loadline.tape.term import NotPlannable

TOGETHER = 16
"""Trades laid out before the loops run on them: few enough to stay in cache."""

PAIRS = [(fine, coarse) for i, fine in enumerate(LEVELS) for coarse in LEVELS[i + 1 :]]
GROUPED = LEVELS[1:-1]


def trades_text(args: Mapping[str, tuple[Any, ...]]) -> str:
    """Return the text of ``trades`` for a plan with these arguments.

    Its arguments: the trades ``lo`` to ``hi`` to do; ``out`` (T, outputs); per trade its item, amount, the row that
    pays for it (-1: none) and what it pays; per row of the account its item, whether a trade may be added to it, and
    its columns; per item its classes; then what the plan needs of parameters and market, in its order.
    """
    columns = {name: what for name, what in args.items() if what[0] == "column"}
    if any(level != "position" for _, level, _ in columns.values()):
        raise NotPlannable("a column per account does not follow a trade")
    passed = [name for name, what in args.items() if what[0] not in ("column", "starts", "classes", "most")]
    given = ["lo", "hi", "out", "traded", "amount", "payer", "paid", "item", "own", "quantity"]
    given += [f"base_{n}" for n, w in columns.items() if w[2] != "quantity"]
    given += [f"code_{level}" for level in GROUPED]
    lines = [f"def trades({', '.join([*given, 'N', 'P', *passed])}):"]

    def say(depth: int, *texts: str) -> None:
        lines.extend("    " * depth + t for t in texts)

    say(1, "legs = item.size", f"most = min({TOGETHER}, hi - lo)", "room = most * (legs + 1) + 1")
    say(1, "classes_position, most_position = np.zeros(room, np.int64), room - 1")
    say(1, *(f"classes_{level} = np.empty(room, np.int64)" for level in GROUPED))
    say(1, *(f"{name} = np.empty(room)" for name in columns))
    for fine, coarse in PAIRS:
        say(1, f"starts_{fine}_{coarse} = np.empty({'most + 1' if coarse == 'account' else 'room'}, np.int64)")
    say(1, f"for first in range(lo, hi, {TOGETHER}):")
    say(2, f"last = min(first + {TOGETHER}, hi)", "n_position, n_strike, n_expiry, n_unit = 0, 0, 0, 0")
    say(2, "for trade in range(first, last):")
    say(3, "new, hit, at = traded[trade], -1, np.searchsorted(item, traded[trade])", "j = at")
    say(3, "while hit < 0 and j < legs and item[j] == new:", "    if own[j]:", "        hit = j", "    j += 1")
    say(3, *(f"starts_{level}_account[trade - first] = n_{level}" for level in LEVELS[:-1]))
    say(3, *(f"was_{level} = -1" for level in GROUPED))
    say(3, "for row in range(legs + (hit < 0)):")
    say(4, "inserted = hit < 0 and row == at", "j = row - (hit < 0 and row > at)", "c = new if inserted else item[j]")
    for name, (_, _, column) in columns.items():
        if column == "quantity":
            say(4, "q = 0.0 if inserted else quantity[j]", "if inserted or j == hit:", "    q += amount[trade]")
            say(4, "elif j == payer[trade]:", "    q -= paid[trade]", f"{name}[n_position] = q")
        else:
            say(4, f"{name}[n_position] = 0.0 if inserted else base_{name}[j]")
    say(4, "classes_position[n_position] = c")
    for i, level in reversed(list(enumerate(LEVELS[:-1]))):
        if level != "position":
            say(4, f"if code_{level}[c] != was_{level}:", f"    was_{level} = code_{level}[c]")
            say(5, f"classes_{level}[n_{level}] = was_{level}")
            say(5, *(f"starts_{fine}_{level}[n_{level}] = n_{fine}" for fine in LEVELS[:i]), f"n_{level} += 1")
    say(4, "n_position += 1")
    say(2, *(f"starts_{fine}_{c}[n_{c}] = n_{fine}" for fine, c in PAIRS if c != "account"))
    say(2, *(f"starts_{level}_account[last - first] = n_{level}" for level in LEVELS[:-1]))
    say(2, f"run(0, last - first, out[first:last], {', '.join(['N', 'P', *args])})")
    return "\n\n@njit(OPTIONS)\n" + "\n".join(lines) + "\n"
