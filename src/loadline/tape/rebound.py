"""A rule's terms recorded once and given the numbers of any book: the same operations on the same constants.

What depends on parameters and market alone was worked out while recording, so only what meets a book is left to do. The
result is a tape like any other: it explains, attributes and differentiates.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from loadline.tape import ops
from loadline.tape.frame import Frame
from loadline.tape.pull import in_order
from loadline.tape.term import Term, column, lifted


class Recorded:
    """Some terms that stand on a blank book, in order, each with where its arguments are found."""

    def __init__(self, roots: Sequence[Term]) -> None:
        self._terms: list[Term] = []  # kept: their numbers as objects are what they are known by
        place: dict[int, int] = {}
        for root in roots:
            for t in in_order(root):
                if id(t) not in place:
                    place[id(t)] = len(self._terms)
                    self._terms.append(t)
        first: dict[Any, int] = {}
        self._steps: list[tuple[Term, tuple[tuple[int, bool], ...], int]] = []
        for n, t in enumerate(self._terms):
            arguments = tuple((place[id(a)], a.frame is None and a.level is not None) for a in t.args)
            alias = (t.op, arguments, id(t.aux), t.level, t.axis)
            same = first.setdefault(alias, n) if t.args else n  # another name for the same
            self._steps.append((t, arguments, same))
        self._roots = [place[id(root)] for root in roots]

    def on(self, frame: Frame) -> list[Term]:
        """Return the roots with the numbers of a book of the classes that they were recorded for, as the rule would."""
        made: list[Term] = []
        for n, (t, arguments, same) in enumerate(self._steps):
            if t.frame is None:
                made.append(t)
                continue
            level, axis = t.level, t.axis
            if t.op == "column":
                assert level is not None
                found = column(frame, str(t.aux), level)
                made.append(found.named(t.name) if t.name else found)
                continue
            args = tuple([made[a] for a, _ in arguments])
            new = Term(t.op, args, t.aux, level=level, axis=axis, frame=frame, name=t.name)
            if same != n:
                new.value = made[same].value
            else:
                given = [
                    a.numbers() if a.frame is not None or a.level is None else lifted(a, level, frame) for a in args
                ]
                new.value = ops.VALUE[t.op](new, *given)
            made.append(new)
        return [made[n] for n in self._roots]
