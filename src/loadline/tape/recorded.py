"""A recorded rule as numbered steps: equal steps are one, and what no plan can do is refused with its reason.

What depends on parameters and market alone was computed while recording and is a constant here, so two recordings with
other numbers but the same operations have the same steps.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from loadline.tape.frame import LEVELS, Classes, Floats
from loadline.tape.term import NotPlannable, Term

LANES = 8
"""Numbers worked on side by side: short axes are padded to a multiple."""
TILE = 32
"""Scenarios of a long axis whose totals stay in registers while positions are added up."""
BLOCK = 512
"""The most scenarios of a long axis worked on at a time: a row of them is kept in the first cache."""
TABLE = 1 << 24
"""Bytes of one block of a table that are expected to stay in the last cache."""
SINGLE = 128
"""The longest axis that is one block of a literal length; a longer one is reduced in a pass of its own."""

WHOLE = 2.0**63
"""Whole numbers are divided as such up to here."""

GATHERS = ("net", "correlated")
"""Operations that take the groups of a finer level: where one loop ends in another."""
REDUCES = ("worst", "total", "tail")
"""Operations that end an axis."""
ELEMENTWISE = ("add", "sub", "scale", "signed", "losses", "tiered", "bracketed", "rounded", "portion", "power", "min")


@dataclass(eq=False, slots=True)
class Length:
    """One axis: its number in the plan, scenarios, and scenarios per block; ``items``: rows of its largest table."""

    number: int
    scenarios: int
    items: int
    width: int = field(init=False)

    def __post_init__(self) -> None:
        self.width = -(-self.scenarios // LANES) * LANES
        if self.long:
            most = min(max(TABLE // 8 // max(self.items, 1) // TILE, 1) * TILE, BLOCK)
            blocks = -(-self.scenarios // most)
            self.width = -(-self.scenarios // (blocks * TILE)) * TILE

    @property
    def room(self) -> int:
        """Places of one row of scratch: literal in the text, so that the count of many scenarios does not matter."""
        return BLOCK + LANES if self.long else self.width

    @property
    def wide(self) -> str:
        """How the text spells the width of a block."""
        return f"wide{self.number}" if self.long else str(self.width)

    @property
    def long(self) -> bool:
        """Whether the axis passes by in several blocks."""
        return self.scenarios > SINGLE


@dataclass(eq=False, slots=True)
class Step:
    """One operation of the recording. ``value`` is that of a constant, ``shares`` those of a tail.

    ``stored``: a reduction of a long axis, whose state outlives the pass that it ends.
    """

    number: int
    op: str
    args: tuple[Step, ...]
    level: str | None
    axis: Length | None
    aux: Any
    value: Floats | None
    shares: Floats | None = None

    @property
    def constant(self) -> bool:
        """Whether it holds numbers that are the same for every account."""
        return self.value is not None

    @property
    def stored(self) -> bool:
        """Whether it reduces a long axis."""
        return self.op in REDUCES and self.args[0].axis is not None and self.args[0].axis.long

    @property
    def ends(self) -> bool:
        """Whether what it stands on is worked out elsewhere: in an inner loop or an earlier pass."""
        return self.op in GATHERS or self.stored


@dataclass(frozen=True, slots=True)
class Pass:
    """One loop nest: reductions of a long axis at a level, or (no axis) the outputs themselves."""

    level: str
    axis: Length | None
    steps: tuple[Step, ...]


class Recording:
    """The steps of some outputs, arguments before results, and the passes that they take.

    Raises ``NotPlannable`` naming what stands in the way.
    """

    def __init__(self, outputs: Sequence[Term], classes: Classes) -> None:
        self.classes = classes
        self.axes: list[Length] = []
        self._axis_of: dict[Any, Length] = {}
        self._same_axis: dict[int, Length] = {}
        self._forms: list[Any] = []
        self._known: dict[Any, Step] = {}
        self._of: dict[int, Step] = {}
        self.steps: list[Step] = []
        for t in outputs:
            if t.frame is None or t.level != "account" or t.axis is not None:
                raise NotPlannable(f"{t!r} is not one number per account")
        self.outputs = [self._add(t) for t in outputs]

    def _length(self, t: Term) -> Length | None:
        if t.axis is None:
            return None
        if id(t.axis) not in self._same_axis:  # to compare labels takes longer
            if t.axis not in self._axis_of:
                self._axis_of[t.axis] = Length(len(self.axes), len(t.axis.labels), self.classes.size["position"])
                self.axes.append(self._axis_of[t.axis])
            self._same_axis[id(t.axis)] = self._axis_of[t.axis]
        return self._same_axis[id(t.axis)]

    def _add(self, t: Term) -> Step:
        """The step of a term: a name or a second mention makes no second step."""
        if id(t) in self._of:
            return self._of[id(t)]
        constant = t.frame is None
        args = () if constant else tuple(self._add(a) for a in t.args)
        axis = self._length(t)
        what = id(t.value) if constant else t.aux if t.op == "column" else id(t.aux)
        key = ("const" if constant else t.op, tuple(a.number for a in args), what, t.level, axis)
        if key not in self._known:
            step = Step(len(self.steps), key[0], args, t.level, axis, t.aux, t.numbers() if constant else None)
            _check(step)
            self._known[key] = step
            self.steps.append(step)
            said = t.aux if key[0] in ("column", "portion") else None  # what stands in a text; the rest is bound to it
            self._forms.append((key[0], key[1], said, t.level, None if axis is None else axis.number))
        self._of[id(t)] = self._known[key]
        return self._known[key]

    def reads_as(self, other: Recording) -> bool:
        """Whether both have the same steps, constants aside, so that the same loops are written of them."""

        def beside(r: Recording) -> Any:
            return [(x.width, x.long) for x in r.axes], [s.number for s in r.outputs]

        return self._forms == other._forms and beside(self) == beside(other)

    @cached_property
    def passes(self) -> list[Pass]:
        """Long reductions grouped by how many others they stand on, then the outputs."""
        depth: dict[Step, int] = {}
        for s in self.steps:
            depth[s] = max((depth[a] for a in s.args), default=0) + s.stored
        jobs: dict[tuple[int, str, Length], list[Step]] = {}
        for s in self.steps:
            if s.stored:
                assert s.level is not None and s.args[0].axis is not None
                jobs.setdefault((depth[s], s.level, s.args[0].axis), []).append(s)
        order = sorted(jobs, key=lambda job: job[0])
        return [Pass(job[1], job[2], tuple(jobs[job])) for job in order] + [Pass("account", None, tuple(self.outputs))]


def _check(s: Step) -> None:
    """Refuse what has no text, saying why."""
    if s.constant or s.op == "column":
        return
    if s.op not in (*ELEMENTWISE, *GATHERS, *REDUCES):
        raise NotPlannable(f"{s.op} has no compiled form")
    if s.level == "account" and any(a.constant and a.level for a in s.args):
        raise NotPlannable(f"{s.op}: a constant per {s.args[-1].level} meets a term that is already per account")
    if s.op in ("portion", "power") and s.axis is not None:
        raise NotPlannable(f"{s.op} along an axis has no compiled form")
    if s.op == "portion" and not all(a.value is not None and (a.value < WHOLE).all() for a in s.args[1:]):
        raise NotPlannable("a portion of 2**63 or more")
    if s.op == "correlated" and s.args[0].axis is not None and s.args[0].axis.long:
        raise NotPlannable(f"correlated over more than {SINGLE} columns")
    if s.op == "tail":
        axis = s.args[0].axis
        assert axis is not None
        fixed = getattr(s.aux[0], "shares", None)
        s.shares = fixed(axis.scenarios) if fixed is not None else None
        if s.shares is None:
            raise NotPlannable("a tail whose weights depend on which scenarios are in it (weighted scenarios)")


def local(roots: Iterable[Step]) -> list[Step]:
    """Return what is worked out in one body: from the roots down to where an inner loop or an earlier pass ends."""
    found: dict[Step, None] = {}
    stack = [(r, False) for r in reversed(list(roots))]
    while stack:
        s, done = stack.pop()
        if done:
            found[s] = None
        elif s not in found and not s.constant:
            stack.append((s, True))
            if not s.ends:
                stack.extend((a, False) for a in reversed(s.args))
    return sorted(found, key=lambda s: s.number)


def block_table(s: Step, before: Floats | None = None, moved: Any = None) -> Floats:
    """Return a constant with an axis as (blocks, classes, width), the last scenario repeated, 64-byte aligned.

    ``before``: the same of which only the classes ``moved``, (classes,) a mask, are to be made anew.
    """
    assert s.value is not None and s.axis is not None
    n, width = s.axis.scenarios, s.axis.width
    blocks = -(-n // width)
    values = np.broadcast_to(s.value, (len(s.value), n))
    room = np.empty(blocks * len(values) * width + LANES)
    at = -(room.ctypes.data // 8) % LANES
    out = room[at : at + blocks * len(values) * width].reshape(blocks, len(values), width)
    rows: Any = slice(None)
    if before is not None:
        out[:] = before
        rows = np.flatnonzero(moved)
    for k in range(blocks):
        part = values[rows, k * width : (k + 1) * width]
        out[k, rows, : part.shape[1]] = part
        out[k, rows, part.shape[1] :] = part[:, -1:]
    return out


def coarsest(levels: Iterable[str]) -> str:
    """Return the coarsest of some levels."""
    return max(levels, key=LEVELS.index)
