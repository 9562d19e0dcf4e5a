"""A recording written out as loops: account > unit > expiry > strike > position, scenarios innermost.

Every ``net`` is a loop; whatever is elementwise between two nets shares one walk over the scenarios. No intermediate is
larger than one block of scenarios of one group, and all of them live in one scratch array ``R`` at literal offsets. The
text holds no parameter, no price and no scenario count beyond the padded length of a short axis: those are arguments.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import reduce

from loadline.tape.helpers import helpers
from loadline.tape.recorded import BLOCK, ELEMENTWISE, GATHERS, REDUCES, Length, Pass, Recording, Step, coarsest, local
from loadline.tape.reductions import Reductions
from loadline.tape.spelling import Spot, Words

UNROLL = 4
"""Positions that share one trip over the accumulators, added in order: a quarter of the loads and stores."""

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
        self._ends = Reductions(self.words)
        for job in recording.passes:
            self._pass(job)
        head = [f"p{j} = P[{j}]" for j in range(len(self.words.tables.get(None, ())))]
        head += [f"n{x.number} = N[{x.number}]" for x in recording.axes]
        names = ", ".join(["lo", "hi", "out", "N", "P", *self.words.args])
        body = [f"R = np.empty({self.words.rows + BLOCK})", *head, *self._ends.before]
        lines = ["@njit(OPTIONS)", f"def run({names}):", *(f"    {line}" for line in body), *self._lines]
        self.text = helpers(self._ends.tails) + "\n\n" + "\n".join(lines) + "\n"

    # ---- small things
    def _say(self, depth: int, *lines: str) -> None:
        self._lines += ["    " * depth + line for line in lines]

    # ---- passes
    def _pass(self, job: Pass) -> None:
        depth, level, axis = 1, job.level, job.axis
        lo, hi = ("lo", "hi") if level == "account" else self.words.groups(level, "account", "lo")
        if axis is not None:
            for s in job.steps:
                self._say(1, f"kept{s.number} = np.empty(({hi} - {lo}) * {self._ends.state(s)})")
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
            self._say(depth + 1, *self._ends.block(s))

    # ---- bodies: one group of a level
    def _body(
        self,
        spot: Spot,
        roots: Sequence[Step],
        into: Into,
        depth: int,
        passing: Sequence[Step] = (),
        copies: Sequence[Spot] = (),
    ) -> None:
        """One group: begin its gathers, visit the finer groups once for everything, then what follows from them.

        ``passing``: gathers of the bodies outside whose arguments live in still finer groups.
        """
        order = local(roots)
        own = [s for s in order if s.op in GATHERS]
        for at in copies or [spot]:
            self._codes(order, at, depth)
        for s in own:
            self._open(s, depth)
        heavy = [s for s in own if _is_heavy(s)]
        if heavy:
            self._several(spot, heavy, depth)
        rest = [*passing, *(s for s in own if s not in heavy)]
        if rest:
            child = coarsest(str(s.args[0].level) for s in rest)
            mine = [s for s in rest if s.args[0].level == child]
            deeper = [s for s in rest if s.args[0].level != child]
            first, last = self.words.groups(child, spot.level, spot.index)
            self._say(depth, f"for {child} in range({first}, {last}):")
            self._body(Spot(child, child), list(_by_argument(mine)), _by_argument(mine), depth + 1, deeper)
        for s in own:
            if s.op == "correlated":
                self._say(depth, *self._ends.correlated(s))
        self._stages(spot, order, roots, into, depth, copies or [spot])

    def _several(self, spot: Spot, nets: Sequence[Step], depth: int) -> None:
        """Positions that each add a row of scenarios of their own: several in one trip over the totals, in order."""
        into = _by_argument(nets)
        first, last = self.words.groups("position", spot.level, spot.index)
        self._say(depth, f"at, end = {first}, {last}", f"while at + {UNROLL} <= end:")
        copies = [Spot("position", f"at + {u}", f"_{u}") for u in range(UNROLL)]
        self._body(copies[0], list(into), into, depth + 1, (), copies)
        self._say(depth + 1, f"at += {UNROLL}")
        self._say(depth, "for position in range(at, end):")
        self._body(Spot("position", "position"), list(into), into, depth + 1)

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
                self._say(depth, *self._ends.result(s, v))
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
                        self._say(inner + 1, f"w{g.number}[m{g.number} * n{axis.number} + s] = {seen[0]}")
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


def _is_heavy(net: Step) -> bool:
    """Whether every position adds a row of scenarios of its own to a total above its strike and expiry."""
    s = net.args[0]
    own = s.op == "scale" and s.level == "position" and s.axis is not None and s.args[0].op == "column"
    return own and net.op == "net" and net.level in ("unit", "account")


def _by_argument(gathers: Sequence[Step]) -> dict[Step, list[Step]]:
    """Some gathers by what they add up."""
    found: dict[Step, list[Step]] = {}
    for s in gathers:
        found.setdefault(s.args[0], []).append(s)
    return found


def _beneath(roots: Iterable[Step], among: set[Step]) -> list[Step]:
    """Some steps and what they are made of among others, arguments first."""
    return [s for s in local(roots) if s in among]
