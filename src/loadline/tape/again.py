"""A plan's loops for a book that is run again: a group that nothing has touched since adds up what it gave last time.

What a group adds to those outside it depends on its own columns and constants alone, so it is kept, number by number,
and added again in its turn: the same additions in the same order, so the same bits. Only what finer groups add straight
to coarser ones, past the group that is kept, is worked out again.
"""

from __future__ import annotations

from collections.abc import Sequence

from loadline.tape.loops import Into, Loops
from loadline.tape.recorded import LANES, Pass, Recording, Step
from loadline.tape.spelling import Spot


class Again(Loops):
    """The text of a recording of one pass, whose groups at some levels are passed over where they are not stale.

    ``levels``: coarse to fine; ``also``: others that keep numbers; ``rows``: whether rows of scenarios are kept too,
    not only single numbers; ``width``: how many numbers are kept per group of a level. Beside its own arguments the
    function takes ``kept_level`` (groups * width,), what groups gave, and ``stale_level`` (groups,), 1 where they are
    to be worked out.
    """

    levels: tuple[str, ...] = ()

    def __init__(self, recording: Recording, levels: Sequence[str], also: Sequence[str] = (), *, rows: bool) -> None:
        self.levels, self.width = tuple(levels), dict.fromkeys((*levels, *also), 0)
        self._rows, self._slots, self._passed_over = rows, dict[Step, int](), False
        super().__init__(recording)

    def _pass(self, job: Pass) -> None:
        super()._pass(job)
        self._ends.before += [f"wide_{level} = {n}" for level, n in self.width.items()]

    def _kept(self, s: Step) -> str:
        """Where among the numbers kept of its level a root's are, for the group at hand."""
        if s not in self._slots:
            self._slots[s] = self.width[str(s.level)]
            self.width[str(s.level)] += s.axis.width if s.axis else 1
        return f"{s.level} * wide_{s.level} + {self._slots[s]}"

    def _visit(self, spot: Spot, child: str, into: Into, deeper: Sequence[Step], depth: int) -> None:
        over = self._passed_over
        kept = {s: g for s, g in into.items() if (s in self._slots if over else self._keeps(s, g))}
        for s in kept:
            self._kept(s)
        if not kept or not (over or child in self.levels):
            super()._visit(spot, child, into, deeper, depth)
            return
        here = Spot(child, child)
        self._say(depth, *self._every(child, *self.words.groups(child, spot.level, spot.index)))
        depth += 1
        if not over:
            before, after, instead = self._around(child, deeper)
            self._say(depth, f"if stale_{child}[{child}] == 1:", *before)
            self._body(here, list(into), into, depth + 1, deeper)
            self._say(depth, *after, "else:", *instead)
            depth += 1
        self._passed_over = True
        for s, gathers in kept.items():
            self._recalled(s, gathers, here, depth)
        rest = {s: gathers for s, gathers in into.items() if s not in kept}
        only = "" if rest else self._needed(deeper)
        if only:
            self._say(depth, only)
        if rest or deeper:
            self._body(here, list(rest), rest, depth + bool(only), deeper)
        self._passed_over = over

    def _keeps(self, s: Step, gathers: Sequence[Step]) -> bool:
        """Whether a root keeps what it gives to some gathers."""
        return s.level in self.levels and (s.axis is None or self._rows)

    def _around(self, level: str, deeper: Sequence[Step]) -> tuple[list[str], list[str], list[str]]:
        """Lines ahead of the body of a stale group, after it, and ahead of what is said of one that is not."""
        return [], [], []

    def _needed(self, deeper: Sequence[Step]) -> str:
        """The condition on which finer groups of one passed over are walked over for these gathers, if there is one."""
        return ""

    def _recalled(self, s: Step, gathers: Sequence[Step], at: Spot, depth: int) -> None:
        """What a group gave last time, into the gathers outside."""
        if s.axis is None:
            self._added(gathers, f"kept_{s.level}[{self._kept(s)}]", at, depth)
        else:
            self._say(depth, f"for s in range(0, {s.axis.wide}, {LANES}):")
            self._added(gathers, f"load(kept_{s.level}, {self._kept(s)} + s)", at, depth + 1)
        self._counted(gathers, at, depth)

    def _noted(self, s: Step, seen: str, depth: int) -> None:
        if s not in self._slots or self._passed_over:
            return
        if s.axis is None:
            self._say(depth, f"kept_{s.level}[{self._kept(s)}] = {seen}")
        else:
            self._say(depth, f"store(kept_{s.level}, {self._kept(s)} + s, {seen})")
