"""Lines of generated text that end an axis: the worst, the sum and the tail of scenarios, and correlated sums.

A short axis is one row and is reduced where it is needed. A long one passes by in blocks; what is kept of it between
two blocks is the reduction's state, one stretch of an array per group.
"""

from __future__ import annotations

from loadline.tape.helpers import WORK, kind_of, state_of
from loadline.tape.recorded import BLOCK, Step
from loadline.tape.spelling import Words

HALF = BLOCK // 2
"""Lanes in which the worst of a long axis is kept: a block is folded once before it is compared."""


class Reductions:
    """``before``: lines that make room ahead of all loops; ``tails``: the kinds of tail functions that are called."""

    def __init__(self, words: Words) -> None:
        self.words = words
        self.before: list[str] = []
        self.tails: set[int] = set()

    def _tail(self, s: Step) -> tuple[int, str]:
        """The kind of functions that a tail calls, and the name of its shares."""
        assert s.shares is not None
        kind = kind_of(len(s.shares))
        if not self.tails:
            self.before.append(f"work = np.empty({WORK})")
        self.tails.add(kind)
        return kind, self.words.arg(f"S{s.number}", "shares", s)

    def state(self, s: Step) -> str:
        """Return how many doubles a reduction of a long axis keeps from block to block."""
        if s.op != "tail":
            return {"worst": str(HALF), "total": "1"}[s.op]
        return state_of(*self._tail(s))

    def _kept(self, s: Step) -> tuple[str, str]:
        """The array that keeps the state of a long axis, and where that of the group at hand begins."""
        first = "lo" if s.level == "account" else self.words.groups(str(s.level), "account", "lo")[0]
        return f"kept{s.number}", f"({s.level} - {first}) * {self.state(s)}"

    def block(self, s: Step) -> list[str]:
        """Return lines that take one block of a long axis into the state."""
        (keep, at), row = self._kept(s), self.words.place[s.args[0]]
        lines = [f"h = {at}"]
        if s.op == "worst":
            half = f"lesser(R[{row} + s], R[{row + HALF} + s])"
            lines += ["if k == 0:", f"    for s in range({HALF}):", f"        {keep}[h + s] = {half}"]
            return [
                *lines,
                "else:",
                f"    for s in range({HALF}):",
                f"        {keep}[h + s] = lesser({keep}[h + s], {half})",
            ]
        if s.op == "total":
            lines += [f"x = R[{row}] if k == 0 else {keep}[h] + R[{row}]"]
            return [*lines, "for s in range(1, left):", f"    x += R[{row} + s]", f"{keep}[h] = x"]
        kind, shares = self._tail(s)
        lines += ["if k == 0:", f"    begin{kind}({keep}, h, {shares})"]
        return [*lines, f"take{kind}(R, {row}, left, {keep}, h, {shares}, work)"]

    def result(self, s: Step, v: str) -> list[str]:
        """Return lines that set ``v`` to a reduction: of a row, or of the state that an earlier pass has kept."""
        if s.stored:
            keep, at = self._kept(s)
            if s.op == "tail":
                kind, shares = self._tail(s)
                return [f"{v} = tail{kind}({keep}, {at}, {shares})"]
            return [f"{v} = lowest({keep}, {at}, {HALF})" if s.op == "worst" else f"{v} = {keep}[{at}]"]
        axis, row = s.args[0].axis, self.words.place[s.args[0]]
        assert axis is not None
        if s.op == "worst":
            return [f"{v} = lowest(R, {row}, {axis.width})"]
        if s.op == "total":
            return [f"{v} = running(R, {row}, n{axis.number})"]
        (kind, shares), block, kept = self._tail(s), self.words.row(BLOCK), f"state{s.number}"
        self.before.append(f"{kept} = np.empty({state_of(kind, shares)})")
        return [
            f"begin{kind}({kept}, 0, {shares})",
            f"for first in range(0, n{axis.number}, {BLOCK}):",
            f"    some = min({BLOCK}, n{axis.number} - first)",
            "    for s in range(some):",
            f"        R[{block} + s] = R[{row} + first + s]",
            f"    take{kind}(R, {block}, some, {kept}, 0, {shares}, work)",
            f"{v} = tail{kind}({kept}, 0, {shares})",
        ]

    def correlated(self, s: Step) -> list[str]:
        """Return the line that ends a correlated sum: its groups stand side by side, without padding."""
        axis, n = s.args[0].axis, s.number
        matrix = self.words.arg(f"M{n}", "matrix", s)
        span = f"n{axis.number}" if axis else "1"
        return [f"t{n} = correlated({matrix}, w{n}, i{n}, m{n}, {span})"]
