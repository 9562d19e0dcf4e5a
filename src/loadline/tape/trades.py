"""One account with one more trade, many times: a text that lays out its groups anew and calls a plan's ``run``.

The account's rows are copied with the trade put in its place, the groups of every level are found in the same walk,
and the plan's loops run on them, all in one compiled call: nothing of it passes through the interpreter.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from loadline.tape.frame import LEVELS, Ints
from loadline.tape.term import NotPlannable

TOGETHER = 16
"""Trades laid out before the loops run on them: few enough to stay in cache."""

PAIRS = [(fine, coarse) for i, fine in enumerate(LEVELS) for coarse in LEVELS[i + 1 :]]
GROUPED = LEVELS[1:-1]


SHAPES = {"table": 2, "blocks": 3, "matrix": 2, "up": -1, "shares": 1, "room": 0, "near": 0}
"""Dimensions of what a plan needs of parameters and market; negative: of whole numbers; 0: one whole number."""


def trades_text(args: Mapping[str, tuple[Any, ...]]) -> str:
    """Return the text of ``trades`` for a plan with these arguments.

    Its arguments: the trades ``lo`` to ``hi`` to do; ``out`` (T, outputs); per trade its item, amount, the row that
    pays for it (-1: none) and what it pays; ``at``, from ``addresses``, of: per row of the account its item, whether a
    trade may be added to it, and its columns; per item its classes; then what the plan needs of parameters and market,
    in its order. One table of addresses, because handing over an array takes longer than margining a few legs.
    """
    columns = {name: what for name, what in args.items() if what[0] == "column"}
    if any(level != "position" for _, level, _ in columns.values()):
        raise NotPlannable("a column per account does not follow a trade")
    given = {"item": -1, "own": -1, "quantity": 1}
    given |= {f"base_{n}": 1 for n, w in columns.items() if w[2] != "quantity"}
    given |= {f"code_{level}": -1 for level in GROUPED} | {"N": -2, "P": 1}
    given |= {n: SHAPES[w[0]] for n, w in args.items() if w[0] in SHAPES}
    lines = ["def trades(lo, hi, out, traded, amount, payer, paid, at):"]
    for j, (name, n) in enumerate(given.items()):
        shape = "".join(f"at[{j}, {i + 1}], " for i in range(abs(n)))
        pointer = f"{'ints' if n < 0 else 'floats'}_at(at[{j}, 0])"
        lines.append(f"    {name} = carray({pointer}, ({shape}))" if n else f"    {name} = at[{j}, 0]")

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
    return "\n\nfrom numba import carray\n\n\n@njit(OPTIONS)\n" + "\n".join(lines) + "\n"


def addresses(given: Sequence[Any]) -> Ints:
    """Return (n, 4) where each of some arrays lies and its shape, or each whole number; the arrays must outlive it."""
    out = np.zeros((len(given), 4), np.int64)
    for row, x in zip(out, given, strict=True):
        if isinstance(x, int):
            row[0] = x
        else:
            if x.dtype not in (np.float64, np.int64) or not x.flags.c_contiguous:
                raise ValueError("compiled loops read rows of doubles or of whole numbers")
            row[: 1 + x.ndim] = x.ctypes.data, *x.shape
    return out
