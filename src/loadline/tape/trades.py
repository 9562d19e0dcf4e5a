"""One account with one more trade, many times: only the groups that the trade touches are laid out and worked out.

A trade changes its instrument's row and that of the wallet which pays. Every other group gives the same whatever is
traded: that is worked out once, kept, and added again in its turn (``again``), so the bits are those of the whole
account. All of it is one compiled call: nothing passes through the interpreter.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from loadline.tape.compiled import compiled
from loadline.tape.frame import GROUPED, LEVELS, Floats, Frame, Ints
from loadline.tape.picked import PER_LEVEL, ByExpiry, ByUnit
from loadline.tape.plan import Plan, Text, plain, spread
from loadline.tape.term import NotPlannable

TOGETHER = 16
"""Trades laid out before the loops run on them: few enough to stay in cache."""
PART = 128
"""Trades that one call works on where there are several workers."""

PAIRS = [(fine, coarse) for i, fine in enumerate(LEVELS) for coarse in LEVELS[i + 1 :]]
SHAPES = {"table": 2, "blocks": 3, "matrix": 2, "up": -1, "shares": 1, "room": 0, "near": 0}
"""Dimensions of what a plan needs of parameters and market; negative: of whole numbers; 0: one whole number."""


class Trades:
    """What the one account of a book would be after each of many trades under a plan.

    ``free``: (P,) rows of the book that a trade may add to. ``levels``: coarse to fine, those of whose groups only the
    ones that a trade touches are worked out. Raises ``NotPlannable``.
    """

    def __init__(self, plan: Plan, frame: Frame, free: NDArray[np.bool_]) -> None:
        if len(frame.accounts) != 1:
            raise ValueError("trades are those of one account")
        kinds = [text for text in map(plan.other, (ByExpiry, ByUnit)) if text is not None and text.fits]
        text = kinds[0] if kinds else plan.own
        laying = trades_text(text)
        others = [w[2] for w in text.arguments.values() if w[0] == "column" and w[2] != "quantity"]
        account = [frame.item, free.astype(np.int64)]
        account += [np.asarray(frame.columns["position", n], np.float64) for n in ("quantity", *others)]
        codes = [plan.classes.code[level] for level in GROUPED]
        self._kept = [*map(plain, [*account, *codes]), *(np.zeros(frame.size[c] * n) for c, n in text.width.items())]
        self._kept += [*plan.given, *(plan.constant[n] for n in text.arguments if n in plan.constant)]
        self._run = compiled(text.text + laying, plan.cache, "trades")
        self.width, self.levels = plan.width, tuple(text.width)
        self._at = addresses(self._kept)
        if text.width:  # the account as it is: what every group of it gives
            nobody, nothing = np.empty(0, np.int64), np.empty(0)
            spread(self._run, (-1, 0), 0, (np.empty((1, self.width)), nobody, nothing, nobody, nothing, self._at), 1)

    def after(self, item: Ints, amount: Floats, payer: Ints, paid: Floats, workers: int = 1) -> Floats:
        """Return (T, outputs) after each trade on its own; ``item``, ``amount``: (T,) what is bought.

        ``payer``: (T,) the row of the account that pays for it, -1: none; ``paid``: (T,) how much.
        """
        out = np.empty((len(item), self.width))
        given = (out, item, amount, payer, paid, self._at)
        step = PART if workers > 1 else max(len(item), 1)
        spread(self._run, range(0, len(item) + step, step), len(item), given, workers)
        return out


def trades_text(text: Text) -> str:
    """Return the text of ``trades`` for loops of a plan.

    Its arguments: the trades ``lo`` to ``hi`` to do (-1 to 0: none, what groups give is worked out and kept); ``out``
    (T, outputs); per trade its item, amount, the row that pays for it (-1: none) and what it pays; ``at``, from
    ``addresses``, of: per row of the account its item, whether a trade may be added to it, and its columns; per item
    its classes; what groups gave, per level; then what the plan needs of parameters and market, in its order. One table
    of addresses, because handing over an array takes longer than margining a few legs.
    """
    columns = {name: str(what[2]) for name, what in text.arguments.items() if what[0] == "column"}
    if any(what[1] != "position" for what in text.arguments.values() if what[0] == "column"):
        raise NotPlannable("a column per account does not follow a trade")
    given = {"item": -1, "own": -1, "quantity": 1}
    given |= {f"base_{name}": 1 for name, column in columns.items() if column != "quantity"}
    given |= {f"code_{level}": -1 for level in GROUPED} | {f"gave_{level}": 1 for level in text.width}
    given |= {"N": -2, "P": 1} | {n: SHAPES[w[0]] for n, w in text.arguments.items() if w[0] in SHAPES}
    lines = ["def trades(lo, hi, out, traded, amount, payer, paid, at):"]
    for j, (name, n) in enumerate(given.items()):
        shape = "".join(f"at[{j}, {i + 1}], " for i in range(abs(n)))
        pointer = f"{'ints' if n < 0 else 'floats'}_at(at[{j}, 0])"
        lines.append(f"    {name} = carray({pointer}, ({shape}))" if n else f"    {name} = at[{j}, 0]")
    lines += _Laying(text, columns).lines
    return "\n\nfrom numba import carray\n\n\n@njit(OPTIONS)\n" + "\n".join(lines) + "\n"


class _Laying:
    """The lines that lay out the groups which trades touch, and run the loops on them.

    The account as it is comes first, if anything of it is kept; then some trades at a time, always behind it. ``n`` are
    groups laid out, ``m`` groups listed; a group of a listed level is one of the account's or one laid out.
    """

    def __init__(self, text: Text, columns: Mapping[str, str]) -> None:
        self.lines: list[str] = []
        self._listed, self._columns = tuple(text.width), columns
        walks = {what[1:] for what in text.arguments.values() if what[0] == "starts"}
        self._pairs = [p for p in PAIRS if p in walks or (p[0] == "position" and p[1] in text.width)]
        self._room(text)
        counts = [*(f"n_{level}" for level in LEVELS[:-1]), *(f"m_{level}" for level in self._listed)]
        now, stood = ", ".join(counts), ", ".join(f"stood_{c}" for c in counts)
        self._say(1, *(f"stood_{c} = 0" for c in counts), f"whole, first = {int(bool(self._listed))}, max(lo, 0)")
        self._say(1, "while whole or first < hi:", f"    last = first if whole else min(first + {TOGETHER}, hi)")
        self._say(2, f"{now} = {stood}", "for trade in range(first - whole, last):")
        self._trade()
        self._say(2, *(f"starts_{f}_{c}[n_{c}] = {self._count(f)}" for f, c in self._pairs if c != "account"))
        self._say(2, "done = max(last - first, 1)", *self._slot("done"))
        given = [*(f"{what}_{level}" for level in self._listed for what in PER_LEVEL), "N", "P", *text.arguments]
        name = "picked" if self._listed else "run"
        self._say(2, "if not whole or lo < 0:", f"    {name}(0, done, out[first : first + done], {', '.join(given)})")
        if self._listed:
            self._say(2, "if whole and lo < 0:")
            self._say(3, *(f"gave_{level}[:] = kept_{level}[: gave_{level}.size]" for level in self._listed))
            self._say(2, "if whole:", f"    {stood} = {now}")
        self._say(2, "whole, first = 0, last")

    def _say(self, depth: int, *lines: str) -> None:
        self.lines += ["    " * depth + line for line in lines]

    def _count(self, level: str) -> str:
        """How many groups of a level there are so far, as the one they belong to counts them."""
        return f"m_{level}" if level in self._listed else f"n_{level}"

    def _slot(self, trade: str) -> list[str]:
        """Where the groups of one more account begin."""
        return [f"starts_{f}_account[{trade}] = {self._count(f)}" for f, c in self._pairs if c == "account"]

    def _room(self, text: Text) -> None:
        """Room for the account as it is and for what some trades touch; of listed levels that is two groups each."""
        self._say(1, "legs = item.size", f"most = min({TOGETHER}, hi - lo)", "few = legs + 2 * most + 1")
        self._say(1, f"room = {'legs + ' if self._listed else ''}most * (legs + 1) + 1")
        self._say(1, "classes_position, most_position = np.zeros(room, np.int64), room - 1")
        self._say(1, *(f"{name} = np.empty(room)" for name in self._columns))
        for level in GROUPED:
            self._say(1, f"classes_{level} = np.empty({'few' if level in self._listed else 'room'}, np.int64)")
        for fine, coarse in self._pairs:
            size = "most + 1" if coarse == "account" else "few" if coarse in self._listed else "room"
            self._say(1, f"starts_{fine}_{coarse} = np.empty({size}, np.int64)")
        for level in self._listed:
            self._say(1, f"{level}_at, list_{level} = np.empty(legs, np.int64), np.empty(room, np.int64)")
            self._say(1, f"kept_{level} = np.empty(gave_{level}.size + 2 * most * {text.width[level]})")
            self._say(
                1, f"kept_{level}[: gave_{level}.size] = gave_{level}", f"stale_{level} = np.empty(few, np.bool_)"
            )

    def _trade(self) -> None:
        """The rows of the account in their order, the trade's among them, and the groups that begin with each."""
        self._say(3, "new, cash, hit, place = -1, -1, 0, 0", "if not whole:")
        self._say(4, "new, cash, hit, place = traded[trade], payer[trade], -1, np.searchsorted(item, traded[trade])")
        self._say(4, "j = place", "while hit < 0 and j < legs and item[j] == new:")
        self._say(5, "if own[j]:", "    hit = j", "j += 1")
        for level in self._listed:
            self._say(3, f"mine_{level} = -1 if whole else code_{level}[new]")
            self._say(3, f"pays_{level} = code_{level}[item[cash]] if cash >= 0 else -1")
        self._say(3, *self._slot("max(trade - first, 0)"), *(f"was_{level} = -1" for level in GROUPED), "row = 0")
        self._say(3, "while row < legs or hit < 0:", "    inserted = hit < 0 and row == place")
        self._say(4, "c = new if inserted else item[row]")
        for level in reversed(GROUPED):
            self._group(level)
        for name, column in self._columns.items():
            if column == "quantity":
                self._say(4, "q = 0.0 if inserted else quantity[row]", "if whole:", "    pass")
                self._say(4, "elif inserted or row == hit:", "    q += amount[trade]")
                self._say(4, "elif row == cash:", "    q -= paid[trade]", f"{name}[n_position] = q")
            else:
                self._say(4, f"{name}[n_position] = 0.0 if inserted else base_{name}[row]")
        self._say(4, "classes_position[n_position] = c", "n_position += 1")
        for level in self._listed:
            self._say(4, "if whole:", f"    {level}_at[row] = n_{level} - 1")
        self._say(4, "if inserted:", "    hit = legs", "else:", "    row += 1")

    def _group(self, level: str) -> None:
        """Begin a group where the class is another one; one that no trade touches is passed over."""
        self._say(4, f"if code_{level}[c] != was_{level}:", f"    was_{level} = code_{level}[c]")
        if level in self._listed:
            self._say(5, f"if not (whole or was_{level} == mine_{level} or was_{level} == pays_{level}):")
            self._say(6, f"list_{level}[m_{level}] = {level}_at[row]", f"m_{level} += 1")
            self._say(6, f"row = starts_position_{level}[{level}_at[row] + 1]", "continue")
            self._say(5, f"list_{level}[m_{level}], stale_{level}[n_{level}] = n_{level}, not whole or lo < 0")
            self._say(5, f"m_{level} += 1")
        self._say(5, f"classes_{level}[n_{level}] = was_{level}")
        self._say(5, *(f"starts_{f}_{c}[n_{c}] = {self._count(f)}" for f, c in self._pairs if c == level))
        self._say(5, f"n_{level} += 1")


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
