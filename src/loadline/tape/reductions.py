"""Lines of generated text that end an axis: the worst, the sum and the tail of scenarios, and correlated sums.

A short axis is one row and is reduced where it is needed. A long one passes by in blocks; what is kept of it between
two blocks is the reduction's state, one stretch of an array per group.
"""

from __future__ import annotations

from loadline.tape.helpers import ROOM
from loadline.tape.recorded import Step
from loadline.tape.spelling import Words


class Reductions:
    """``before``: lines that make room ahead of all loops; ``tails``: whether there is any tail."""

    def __init__(self, words: Words) -> None:
        self.words = words
        self.before: list[str] = []
        self.tails = False

    def _shares(self, s: Step) -> str:
        """The name of a tail's shares, after making room to work."""
        self.tails = True
        name = self.words.arg(f"S{s.number}", "shares", s)
        work = f"work{s.number} = np.empty({ROOM} + 2 * {name}.size)"
        self.before += [] if work in self.before else [work]
        return name

    def state(self, s: Step) -> str:
        """Return how many doubles a reduction of a long axis keeps from block to block."""
        return f"{self._shares(s)}.size" if s.op == "tail" else "1"

    def _kept(self, s: Step) -> tuple[str, str]:
        """The array that keeps the state of a long axis, and where that of the group at hand begins."""
        first = "lo" if s.level == "account" else self.words.groups(str(s.level), "account", "lo")[0]
        return f"kept{s.number}", f"({s.level} - {first}) * {self.state(s)}"

    def block(self, s: Step) -> list[str]:
        """Return lines that take one block of a long axis into the state."""
        (keep, at), row = self._kept(s), self.words.place[s.args[0]]
        wide = s.args[0].axis.wide if s.args[0].axis else ""
        lines = [f"h = {at}"]
        if s.op == "worst":
            return [*lines, f"x = lowest(R, {row}, {wide})", f"{keep}[h] = x if k == 0 else lesser({keep}[h], x)"]
        if s.op == "total":
            lines += [f"x = R[{row}] if k == 0 else {keep}[h] + R[{row}]"]
            return [*lines, "for s in range(1, left):", f"    x += R[{row} + s]", f"{keep}[h] = x"]
        shares = self._shares(s)
        lines += ["if k == 0:", f"    begin({keep}, h, {shares})"]
        return [*lines, f"take(R, {row}, left, {keep}, h, {shares}, work{s.number})"]

    def result(self, s: Step, v: str) -> list[str]:
        """Return lines that set ``v`` to a reduction: of a row, or of the state that an earlier pass has kept."""
        if s.stored:
            keep, at = self._kept(s)
            return [f"{v} = tail({keep}, {at}, {self._shares(s)})" if s.op == "tail" else f"{v} = {keep}[{at}]"]
        axis, row = s.args[0].axis, self.words.place[s.args[0]]
        assert axis is not None
        if s.op == "worst":
            return [f"{v} = lowest(R, {row}, {axis.wide})"]
        if s.op == "total":
            return [f"{v} = running(R, {row}, n{axis.number})"]
        shares, kept = self._shares(s), f"state{s.number}"
        self.before.append(f"{kept} = np.empty({shares}.size)")
        return [
            f"begin({kept}, 0, {shares})",
            f"take(R, {row}, n{axis.number}, {kept}, 0, {shares}, work{s.number})",
            f"{v} = tail({kept}, 0, {shares})",
        ]

    def correlated(self, s: Step) -> list[str]:
        """Return the line that ends a correlated sum: its groups stand side by side, without padding."""
        axis, n = s.args[0].axis, s.number
        matrix = self.words.arg(f"M{n}", "matrix", s)
        span = f"n{axis.number}" if axis else "1"
        return [f"t{n} = correlated({matrix}, w{n}, i{n}, m{n}, {span})"]
