"""A recording written out as loops: account > unit > expiry > strike > position, scenarios innermost.

Every ``net`` is a loop; whatever is elementwise between two nets shares one walk over the scenarios. No intermediate is
larger than one block of scenarios of one group, and all of them live in one scratch array ``R`` at literal offsets. The
text holds no parameter, no price and no scenario count beyond the padded length of a short axis: those are arguments.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from loadline.tape.helpers import helpers
from loadline.tape.recorded import (
    BLOCK,
    ELEMENTWISE,
    GATHERS,
    LANES,
    REDUCES,
    TILE,
    Length,
    Pass,
    Recording,
    Step,
    coarsest,
    local,
)
from loadline.tape.reductions import Reductions
from loadline.tape.spelling import Spot, Words

HELD = 40
"""Totals of one group that are kept in registers while its positions are added to them, one after the other."""

AHEAD = 4
"""Positions between the one that is worked on and the one whose rows of tables are asked for."""

Into = Mapping[Step, Sequence[Step]]
"""The gathers of the body outside that add each root up."""


class Loops:
    """The text of a recording.

    ``words``: its arguments and what to bind to them; ``guarded``: constants that must be finite. ``name`` and
    ``first``: of its function, and the arguments ahead of the recording's own.
    """

    name: str = "run"
    first: tuple[str, ...] = ("lo", "hi", "out")

    def __init__(self, recording: Recording) -> None:
        self.recording = recording
        self.words = Words()
        self.guarded: list[Step] = []
        self._lines: list[str] = []
        self._ends = Reductions(self.words)
        for job in recording.passes:
            self._pass(job)
        head = [f"p{j} = P[{j}]" for j in range(len(self.words.tables.get(None, ())))]
        head += [f"n{x.number}, wide{x.number} = N[{x.number}, 0], N[{x.number}, 1]" for x in recording.axes]
        names = ", ".join([*self.first, "N", "P", *self.words.args])
        body = [f"R = np.empty({self.words.rows + BLOCK})", *head, *self._ends.before]
        lines = ["@njit(OPTIONS)", f"def {self.name}({names}):", *(f"    {line}" for line in body), *self._lines]
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
            self._say(1, f"for k in range((n{axis.number} + {axis.wide} - 1) // {axis.wide}):")
            self._say(2, f"left = min({axis.wide}, n{axis.number} - k * {axis.wide})")
            depth = 2
        self._say(depth, *self._every(level, lo, hi))
        spot, roots = Spot(level, level), [s.args[0] for s in job.steps] if axis else job.steps
        self._body(spot, roots, {}, depth + 1)
        if axis is None:
            for j, s in enumerate(job.steps):
                self._say(depth + 1, f"out[account, {j}] = {self.words.see(s, spot)}")
            return
        for s in job.steps:
            self._say(depth + 1, *self._ends.block(s))

    # ---- what reuses earlier results says otherwise
    def _every(self, level: str, first: str, last: str) -> list[str]:
        """The head of a loop over groups."""
        return [f"for {level} in range({first}, {last}):"]

    def _visit(self, spot: Spot, child: str, into: Into, deeper: Sequence[Step], depth: int) -> None:
        """Walk over the finer groups of one group; ``into``, ``deeper``: what they are walked over for."""
        self._say(depth, *self._every(child, *self.words.groups(child, spot.level, spot.index)))
        self._body(Spot(child, child), list(into), into, depth + 1, deeper)

    def _noted(self, s: Step, seen: str, depth: int) -> None:
        """What is done with a root of a body beside adding it up; ``seen``: how its number, or eight, is spelled."""

    # ---- bodies: one group of a level
    def _body(
        self,
        spot: Spot,
        roots: Sequence[Step],
        into: Into,
        depth: int,
        passing: Sequence[Step] = (),
    ) -> None:
        """One group: begin its gathers, visit the finer groups once for everything, then what follows from them.

        ``passing``: gathers of the bodies outside whose arguments live in still finer groups.
        """
        order = local(roots)
        own = [s for s in order if s.op in GATHERS]
        self._codes(order, spot, depth)
        here = len(self._lines)
        heavy = [s for s in own if _is_heavy(s)]
        for s in own:
            self._open(s, depth, filled=s in heavy)
        for s in heavy:
            self._held(spot, s, depth)
        rest = [*passing, *(s for s in own if s not in heavy)]
        if rest:
            child = coarsest(str(s.args[0].level) for s in rest)
            mine = [s for s in rest if s.args[0].level == child]
            deeper = [s for s in rest if s.args[0].level != child]
            self._visit(spot, child, _by_argument(mine), deeper, depth)
        for s in own:
            if s.op == "correlated":
                self._say(depth, *self._ends.correlated(s))
        self._stages(spot, order, roots, into, depth)
        if spot.level == "position":
            looked_up = [a for s in order for a in s.args if a.constant and a.level == "position"]
            self._ahead(here, depth, looked_up, ())

    def _held(self, spot: Spot, net: Step, depth: int) -> None:
        """Positions that each add a row of scenarios of their own: some totals at a time, held in registers."""
        row, axis = net.args[0], net.axis
        assert axis is not None
        self._guard(row, set())
        first, last = self.words.groups("position", spot.level, spot.index)
        parts = [("0", TILE)]
        if axis.long:
            self._say(depth, f"for s in range(0, {axis.wide}, {TILE}):")
            depth, parts = depth + 1, [("s", TILE)]
        else:
            cuts = range(0, axis.width, HELD)
            parts = [(str(at), min(HELD, axis.width - at)) for at in cuts]
        for at, count in parts:
            lanes = [f"{at} + {LANES * j}" for j in range(count // LANES)]
            self._say(depth, *(f"x{j} = every(0.0)" for j in range(len(lanes))))
            self._say(depth, f"for position in range({first}, {last}):")
            self._codes([row], Spot("position", "position"), depth + 1)
            if not axis.long:
                start = int(at)
                self._ahead(len(self._lines), depth + 1, row.args, [(start, start + count)])
            self._scalar(row.args[0], {}, Spot("position", "position"), depth + 1)
            for j, lane in enumerate(lanes):
                text = self.words.text(row, Spot("position", "position", lane), [row])
                self._say(depth + 1, f"x{j} = x{j} + {text}")
            place = self.words.place[net]
            self._say(depth, *(f"store(R, {place} + {lane}, x{j})" for j, lane in enumerate(lanes)))

    def _ahead(self, here: int, depth: int, read: Iterable[Step], parts: Sequence[tuple[int, int]]) -> None:
        """Ask for what a later position reads of its class, so that it is near when its turn comes.

        ``here``: the line before which to ask; ``read``: constants per item; ``parts``: from where to where of a row.
        """
        table = self.words.tables.get("position", [])
        lines = sorted({table.index(a) // LANES * LANES for a in read if a in table})
        asked = [f"fetch2(K_position, ahead, {at})" for at in lines]
        asked += self._rows_ahead(read, parts)
        if asked:
            most = self.words.arg("most_position", "most", "position")
            asked.insert(0, f"ahead = classes_position[min(position + {AHEAD}, {most})]")
            self._lines[here:here] = ["    " * depth + line for line in asked]

    def _rows_ahead(self, read: Iterable[Step], parts: Sequence[tuple[int, int]]) -> list[str]:
        """Lines that ask for the rows of tables which a later position reads."""
        lines = []
        for a in dict.fromkeys(a for a in read if a.axis is not None and not a.axis.long):
            assert a.axis is not None
            near = self.words.arg(f"near{a.number}", "near", a)
            cuts = parts or [(0, a.axis.width)]
            places = [at for lo, hi in cuts for at in range(lo, hi, LANES)]
            lines += [f"fetch3(A{a.number}, 0, ahead * {near}, {at})" for at in places]
        return lines

    def _codes(self, order: Iterable[Step], at: Spot, depth: int) -> None:
        """The classes by which constants are looked up in this body."""
        needed = [a.level for s in order if not s.ends for a in s.args if a.constant and a.level]
        for coarse in dict.fromkeys(needed):
            own = f"{self.words.arg(f'classes_{at.level}', 'classes', at.level)}[{at.index}]"
            if coarse != at.level:
                own = f"{self.words.arg(f'up_{at.level}_{coarse}', 'up', at.level, coarse)}[{own}]"
            self._say(depth, f"c_{at.level}_{coarse} = {own}")

    def _open(self, s: Step, depth: int, *, filled: bool) -> None:
        """Begin a gather at nothing; ``filled``: every place of its row is about to be written."""
        if s.op == "correlated":
            a = s.args[0]
            room, width = self.words.arg(f"room_{a.level}", "room", a.level), a.axis.width if a.axis else 1
            self._say(depth, f"w{s.number} = np.empty({room} * {width})", f"i{s.number} = np.empty({room}, np.int64)")
            self._say(depth, f"m{s.number} = 0")
        elif s.axis is None:
            self._say(depth, f"t{s.number} = 0.0")
        else:
            self.words.place[s] = self.words.row(s.axis.room)
            if not filled:
                self._say(depth, f"for s in range(0, {s.axis.wide}, {LANES}):")
                self._say(depth + 1, f"store(R, {self.words.place[s]} + s, 0.0)")

    def _stages(self, spot: Spot, order: Sequence[Step], roots: Sequence[Step], into: Into, depth: int) -> None:
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
                    self._scalar(s, into, spot, depth)
            for axis in dict.fromkeys(s.axis for s in now if s.axis):
                along = [s for s in now if s.axis is axis]
                self._walks(axis, along, later, into, spot, depth)
            for s in now:
                self._counted(into.get(s, ()), spot, depth)

    def _scalar(self, s: Step, into: Into, at: Spot, depth: int) -> None:
        """A step without an axis, and its part in the gathers outside."""
        v = f"v{s.number}"
        if s.op == "column":
            column = self.words.arg(f"column{s.number}", "column", at.level, s.aux)
            self._say(depth, f"{v} = {column}[{at.index}]")
        elif s.op in REDUCES:
            self._say(depth, *self._ends.result(s, v))
        elif s.op in ELEMENTWISE:
            self._say(depth, f"{v} = {self.words.text(s, at, ())}")
        if s in into:
            self._added(into[s], self.words.see(s, at), at, depth)
            self._noted(s, self.words.see(s, at), depth)

    def _added(self, gathers: Iterable[Step], seen: str, at: Spot, depth: int) -> None:
        """A number of one group, or eight of its row, into the gathers outside."""
        for g in gathers:
            if g.op == "correlated":
                self.words.arg(f"classes_{at.level}", "classes", at.level)
                wide = f" * n{g.args[0].axis.number} + s" if g.args[0].axis else ""
                place = f"m{g.number}{wide}"
                self._say(depth, f"store(w{g.number}, {place}, {seen})" if wide else f"w{g.number}[{place}] = {seen}")
            elif g.axis is None:
                self._say(depth, f"t{g.number} += {seen}")
            else:
                place = f"{self.words.place[g]} + s"
                self._say(depth, f"store(R, {place}, load(R, {place}) + {seen})")

    def _counted(self, gathers: Iterable[Step], at: Spot, depth: int) -> None:
        """One more group of the correlated sums outside."""
        for g in gathers:
            if g.op == "correlated":
                self._say(depth, f"i{g.number}[m{g.number}] = classes_{at.level}[{at.index}]")
                self._say(depth, f"m{g.number} += 1")

    def _walks(self, axis: Length, along: Sequence[Step], later: set[Step], into: Into, at: Spot, depth: int) -> None:
        """Walks over the scenarios: one for what always counts, one for what a zero factor would leave at zero."""
        targets = [s for s in along if s in into or (s in later and not s.ends)]
        groups: dict[Step | None, list[Step]] = {}
        for s in targets:
            groups.setdefault(self._guard(s, later), []).append(s)
        for guard, mine in groups.items():
            inner = depth
            if guard is not None:
                self._say(depth, f"if {self.words.see(guard, at)} != 0.0:")
                inner += 1
            wanted = [s for s in _beneath(mine, set(along)) if not s.ends]
            for a in dict.fromkeys(a for s in wanted for a in s.args if a.constant and a.level and a.axis is None):
                self._say(inner, f"k{a.number} = {self.words.see(a, at)}")  # looked up once, ahead of the walk
            self._say(inner, f"for s in range(0, {axis.wide}, {LANES}):")
            for s in wanted:
                self._say(inner + 1, f"v{s.number} = {self.words.text(s, at, wanted)}")
            for s in mine:
                seen = self.words.see(s, at, wanted)
                if s in later and not s.ends:
                    self.words.place[s] = self.words.row(axis.room)
                    self._say(inner + 1, f"store(R, {self.words.place[s]} + s, {seen})")
                if s in into:
                    self._added(into[s], seen, at, inner + 1)
                    self._noted(s, seen, inner + 1)

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
