"""A recording written out as loops: account > unit > expiry > strike > position, scenarios innermost.

Every ``net`` is a loop; whatever is elementwise between two nets shares one walk over the scenarios. No intermediate is
larger than one block of scenarios of one group, and all of them live in one scratch array ``R`` at literal offsets. The
text holds no parameter, no price and no scenario count beyond the padded length of a short axis: those are arguments.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import reduce

from loadline.tape.helpers import WORK, helpers, kind_of, state_of
from loadline.tape.recorded import BLOCK, ELEMENTWISE, REDUCES, Length, Pass, Recording, Step, finer_first, local
from loadline.tape.spelling import Spot, Words

UNROLL = 4
"""Positions that share one trip over the accumulators, added in order: a quarter of the loads and stores."""

HALF = BLOCK // 2
"""Lanes in which the worst of a long axis is kept: a block is folded once before it is compared."""

Into = Mapping[Step, Sequence[Step]]
"""The gathers of the body outside that add each root up."""


class Loops:
    """The text of a recording.

    ``words``: its arguments and what to bind to them; ``guarded``: constants that must be finite.
    """

    def __init__(self, recording: Recording) -> None:
        self.recording = recording
        self.words = Words()
        self.guarded: list[Step] = []
        self._lines: list[str] = []
        self._before: list[str] = []
        self._tails: set[int] = set()
        for job in recording.passes:
            self._pass(job)
        head = [f"p{j} = P[{j}]" for j in range(len(self.words.tables.get(None, ())))]
        head += [f"n{x.number} = N[{x.number}]" for x in recording.axes]
        names = ", ".join(["lo", "hi", "out", "N", "P", *self.words.args])
        body = [f"R = np.empty({self.words.rows + BLOCK})", f"work = np.empty({WORK})", *head, *self._before]
        lines = ["@njit(OPTIONS)", f"def run({names}):", *(f"    {line}" for line in body), *self._lines]
        self.text = helpers(self._tails) + "\n\n" + "\n".join(lines) + "\n"

    # ---- small things
    def _say(self, depth: int, *lines: str) -> None:
        self._lines += ["    " * depth + line for line in lines]

    # ---- passes
    def _pass(self, job: Pass) -> None:
        depth, level, axis = 1, job.level, job.axis
        lo, hi = ("lo", "hi") if level == "account" else self.words.groups(level, "account", "lo")
        if axis is not None:
            for s in job.steps:
                self._say(1, f"kept{s.number} = np.empty(({hi} - {lo}) * {self._state(s)})")
            self._say(1, f"for k in range((n{axis.number} + {BLOCK - 1}) // {BLOCK}):")
            self._say(2, f"left = min({BLOCK}, n{axis.number} - k * {BLOCK})")
            depth = 2
        self._say(depth, f"for {level} in range({lo}, {hi}):")
        spot, roots = Spot(level, level), [s.args[0] for s in job.steps] if axis else job.steps
        self._body(spot, roots, {}, depth + 1)
        if axis is None:
            for j, s in enumerate(job.steps):
                self._say(depth + 1, f"out[account, {j}] = {self.words.see(s, spot)}")
            return
        for s in job.steps:
            self._block(s, depth + 1)

    def _state(self, s: Step) -> str:
        """How many doubles a reduction of a long axis carries from block to block."""
        if s.op != "tail":
            return {"worst": str(HALF), "total": "1"}[s.op]
        return state_of(*self._tail(s))

    def _tail(self, s: Step) -> tuple[int, str]:
        """The kind of functions that a tail calls, and the name of its shares."""
        assert s.shares is not None
        kind = kind_of(len(s.shares))
        self._tails.add(kind)
        return kind, self.words.arg(f"S{s.number}", "shares", s)

    def _kept_at(self, s: Step) -> tuple[str, str]:
        """The array in which a stored reduction keeps its state from block to block, and where a group's begins."""
        first = "lo" if s.level == "account" else self.words.groups(str(s.level), "account", "lo")[0]
        return f"kept{s.number}", f"({s.level} - {first}) * {self._state(s)}"

    def _block(self, s: Step, depth: int) -> None:
        """Take one block of a long axis into the state of a reduction."""
        (keep, at), row = self._kept_at(s), self.words.place[s.args[0]]
        self._say(depth, f"h = {at}")
        if s.op == "worst":
            half = f"lesser(R[{row} + s], R[{row + HALF} + s])"
            self._say(depth, "if k == 0:", f"    for s in range({HALF}):", f"        {keep}[h + s] = {half}")
            self._say(depth, "else:", f"    for s in range({HALF}):")
            self._say(depth + 2, f"{keep}[h + s] = lesser({keep}[h + s], {half})")
        elif s.op == "total":
            self._say(depth, f"x = R[{row}] if k == 0 else {keep}[h] + R[{row}]")
            self._say(depth, "for s in range(1, left):", f"    x += R[{row} + s]", f"{keep}[h] = x")
        else:
            kind, shares = self._tail(s)
            self._say(depth, "if k == 0:", f"    begin{kind}({keep}, h, {shares})")
            self._say(depth, f"take{kind}(R, {row}, left, {keep}, h, {shares}, work)")

    # ---- bodies: one group of a level
    def _body(self, spot: Spot, roots: Sequence[Step], into: Into, depth: int, copies: Sequence[Spot] = ()) -> None:
        order = local(roots)
        gathers = [s for s in order if s.op not in REDUCES and s.ends]
        for at in copies or [spot]:
            self._codes(order, at, depth)
        for s in gathers:
            self._open(s, depth)
        for child in finer_first(str(s.args[0].level) for s in gathers):
            mine: dict[Step, list[Step]] = {}
            for s in gathers:
                if s.args[0].level == child:
                    mine.setdefault(s.args[0], []).append(s)
            self._children(child, spot, mine, depth)
        for s in gathers:
            if s.op == "correlated":
                self._correlated(s, depth)
        self._stages(spot, order, roots, into, depth, copies or [spot])

    def _codes(self, order: Iterable[Step], at: Spot, depth: int) -> None:
        """The classes by which constants are looked up in this body."""
        needed = [a.level for s in order if not s.ends for a in s.args if a.constant and a.level]
        for coarse in dict.fromkeys(needed):
            own = f"{self.words.arg(f'classes_{at.level}', 'classes', at.level)}[{at.index}]"
            if coarse != at.level:
                own = f"{self.words.arg(f'up_{at.level}_{coarse}', 'up', at.level, coarse)}[{own}]"
            self._say(depth, f"c_{at.level}_{coarse}{at.tag} = {own}")

    def _open(self, s: Step, depth: int) -> None:
        """Begin a gather at nothing."""
        if s.op == "correlated":
            a = s.args[0]
            room, width = self.words.arg(f"room_{a.level}", "room", a.level), a.axis.width if a.axis else 1
            self._say(depth, f"w{s.number} = np.empty({room} * {width})", f"i{s.number} = np.empty({room}, np.int64)")
            self._say(depth, f"m{s.number} = 0")
        elif s.axis is None:
            self._say(depth, f"t{s.number} = 0.0")
        else:
            self.words.place[s] = self.words.row(s.axis.width)
            self._say(depth, f"for s in range({s.axis.width}):", f"    R[{self.words.place[s]} + s] = 0.0")

    def _children(self, child: str, spot: Spot, mine: Into, depth: int) -> None:
        """The loop over the finer groups of this one."""
        first, last = self.words.groups(child, spot.level, spot.index)
        heavy = {s: g for s, g in mine.items() if _is_heavy(s) and all(x.op == "net" for x in g)}
        light = {s: g for s, g in mine.items() if s not in heavy}
        if light:
            self._say(depth, f"for {child} in range({first}, {last}):")
            self._body(Spot(child, child), list(light), light, depth + 1)
        if heavy:
            self._say(depth, f"at, end = {first}, {last}", f"while at + {UNROLL} <= end:")
            copies = [Spot(child, f"at + {u}", f"_{u}") for u in range(UNROLL)]
            self._body(copies[0], list(heavy), heavy, depth + 1, copies)
            self._say(depth + 1, f"at += {UNROLL}")
            self._say(depth, f"for {child} in range(at, end):")
            self._body(Spot(child, child), list(heavy), heavy, depth + 1)

    def _stages(
        self, spot: Spot, order: Sequence[Step], roots: Sequence[Step], into: Into, depth: int, copies: Sequence[Spot]
    ) -> None:
        """What is worked out per group: a reduction ends a walk over the scenarios, so what needs it comes after."""
        stage: dict[Step, int] = {}
        for s in order:
            before = max((stage[a] for a in s.args if a in stage), default=0)
            stage[s] = 0 if s.ends else before + (s.op in REDUCES)
        later = {a for s in order if not s.ends for a in s.args if a.axis and a in stage and (stage[a] < stage[s])}
        later |= {s for s in roots if s.axis and s not in into}
        for n in range(max(stage.values(), default=0) + 1):
            now = [s for s in order if stage[s] == n]
            for s in now:
                if s.axis is None:
                    self._scalar(s, into, depth, copies)
            for axis in dict.fromkeys(s.axis for s in now if s.axis):
                along = [s for s in now if s.axis is axis]
                self._walks(axis, along, later, into, depth, copies)
            for s in now:
                for g in into.get(s, ()):
                    if g.op == "correlated":
                        self._say(depth, f"i{g.number}[m{g.number}] = classes_{spot.level}[{spot.index}]")
                        self._say(depth, f"m{g.number} += 1")

    def _scalar(self, s: Step, into: Into, depth: int, copies: Sequence[Spot]) -> None:
        """A step without an axis, and its part in the gathers outside."""
        for at in copies:
            v = f"v{s.number}{at.tag}"
            if s.op == "column":
                column = self.words.arg(f"column{s.number}", "column", at.level, s.aux)
                self._say(depth, f"{v} = {column}[{at.index}]")
            elif s.op in REDUCES:
                self._reduced(s, v, depth)
            elif s.op in ELEMENTWISE:
                self._say(depth, f"{v} = {self.words.text(s, at, ())}")
        for g in into.get(s, ()):
            seen = [self.words.see(s, at) for at in copies]
            if g.op == "correlated":
                self.words.arg(f"classes_{copies[0].level}", "classes", copies[0].level)
                self._say(depth, f"w{g.number}[m{g.number}] = {seen[0]}")
            else:
                self._say(depth, *(f"t{g.number} += {x}" for x in seen))

    def _walks(
        self, axis: Length, along: Sequence[Step], later: set[Step], into: Into, depth: int, copies: Sequence[Spot]
    ) -> None:
        """Walks over the scenarios: one for what always counts, one for what a zero factor would leave at zero."""
        targets = [s for s in along if s in into or (s in later and not s.ends)]
        groups: dict[Step | None, list[Step]] = {}
        for s in targets:
            groups.setdefault(self._guard(s, later), []).append(s)
        for guard, mine in groups.items():
            inner = depth
            if guard is not None:
                test = " or ".join(f"{self.words.see(guard, at)} != 0.0" for at in copies)
                self._say(depth, f"if {test}:")
                inner += 1
            wanted = [s for s in _beneath(mine, set(along)) if not s.ends]
            for a in dict.fromkeys(a for s in wanted for a in s.args if a.constant and a.level and a.axis is None):
                for at in copies:  # named before the walk: looked up inside, it would stop the vectoriser
                    self._say(inner, f"k{a.number}{at.tag} = {self.words.see(a, at)}")
            self._say(inner, f"for s in range({axis.width}):")
            for at in copies:
                for s in wanted:
                    self._say(inner + 1, f"v{s.number}{at.tag} = {self.words.text(s, at, wanted)}")
            for s in mine:
                seen = [self.words.see(s, at, wanted) for at in copies]
                if s in later and not s.ends:
                    self.words.place[s] = self.words.row(axis.width)
                    self._say(inner + 1, f"R[{self.words.place[s]} + s] = {seen[0]}")
                for g in into.get(s, ()):
                    if g.op == "correlated":
                        self.words.arg(f"classes_{copies[0].level}", "classes", copies[0].level)
                        self._say(inner + 1, f"w{g.number}[m{g.number} * {_span(axis)} + s] = {seen[0]}")
                    else:
                        total = reduce("({0} + {1})".format, seen, f"R[{self.words.place[g]} + s]")
                        self._say(inner + 1, f"R[{self.words.place[g]} + s] = {total}")

    def _guard(self, s: Step, later: set[Step]) -> Step | None:
        """The factor without an axis of ``factor * constant``: where it is 0 nothing is added, if constants are finite.

        Adding 0 or -0 leaves every running total as it is, because totals begin at +0 and so never are -0.
        """
        if s.op != "scale" or s.level != "position" or s in later or s.args[0].axis is not None or s.constant:
            return None
        self.guarded.append(s.args[1])
        return s.args[0]

    # ---- reductions
    def _reduced(self, s: Step, v: str, depth: int) -> None:
        """The result of a reduction: of a row, or of the state that an earlier pass has kept."""
        if s.stored:
            keep, at = self._kept_at(s)
            ends = {"worst": f"lowest({keep}, {at}, {HALF})", "total": f"{keep}[{at}]"}
            if s.op == "tail":
                kind, shares = self._tail(s)
                ends["tail"] = f"tail{kind}({keep}, {at}, {shares})"
            self._say(depth, f"{v} = {ends[s.op]}")
            return
        axis, row = s.args[0].axis, self.words.place[s.args[0]]
        assert axis is not None
        if s.op == "worst":
            self._say(depth, f"{v} = lowest(R, {row}, {axis.width})")
        elif s.op == "total":
            self._say(depth, f"{v} = running(R, {row}, n{axis.number})")
        else:
            (kind, shares), block, kept = self._tail(s), self.words.row(BLOCK), f"state{s.number}"
            self._before.append(f"{kept} = np.empty({state_of(kind, shares)})")
            self._say(depth, f"begin{kind}({kept}, 0, {shares})", f"for first in range(0, n{axis.number}, {BLOCK}):")
            self._say(depth + 1, f"left = min({BLOCK}, n{axis.number} - first)", "for s in range(left):")
            self._say(depth + 2, f"R[{block} + s] = R[{row} + first + s]")
            self._say(depth + 1, f"take{kind}(R, {block}, left, {kept}, 0, {shares}, work)")
            self._say(depth, f"{v} = tail{kind}({kept}, 0, {shares})")

    def _correlated(self, s: Step, depth: int) -> None:
        axis, number = s.args[0].axis, s.number
        matrix = self.words.arg(f"M{number}", "matrix", s)
        span = _span(axis) if axis else "1"
        self._say(depth, f"t{number} = correlated({matrix}, w{number}, i{number}, m{number}, {span})")


def _is_heavy(s: Step) -> bool:
    """Whether every position adds a row of scenarios of its own: worth adding several of them in one trip."""
    return s.level == "position" and s.op == "scale" and s.axis is not None and s.args[0].op == "column"


def _span(axis: Length) -> str:
    """How many numbers of a group stand side by side in a correlated vector: those of the axis, without padding."""
    return f"n{axis.number}"


def _beneath(roots: Iterable[Step], among: set[Step]) -> list[Step]:
    """Some steps and what they are made of among others, arguments first."""
    return [s for s in local(roots) if s in among]
