"""Run recorded arithmetic again on other columns: the same operations in the same order, nothing explained.

A rule builds its constants each time it runs; a replay keeps them and only follows the operations. It is for many small
changes of one book: what-ifs, incremental contributions, the steps of an optimizer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from loadline.tape import ops
from loadline.tape.frame import Floats
from loadline.tape.pull import in_order
from loadline.tape.term import Term, lifted


class Replay:
    """The terms that some roots stand on, in order, with every constant already spread over its groups.

    Valid while only columns change: a rule whose constants depend on what is held must be run again.
    """

    def __init__(self, roots: Sequence[Term]) -> None:
        order: dict[int, Term] = {}
        for root in roots:
            order |= {id(t): t for t in in_order(root)}
        self._columns: list[tuple[int, tuple[str, str], Floats]] = []
        self._steps: list[tuple[Callable[..., Any], Term, int, tuple[int, ...]]] = []
        slots: dict[int, int] = {}
        self._values: list[Any] = []
        for key, term in order.items():
            if term.frame is None:
                continue  # constants are spread where they are used
            if term.op == "column":
                assert term.level is not None
                self._columns.append((len(self._values), (term.level, str(term.aux)), term.numbers()))
            else:
                places = []
                for a in term.args:
                    if a.frame is None:
                        places.append(len(self._values))
                        self._values.append(lifted(a, term.level, term.frame))
                    else:
                        places.append(slots[id(a)])
                self._steps.append((ops.VALUE[term.op], term, len(self._values), tuple(places)))
            slots[key] = len(self._values)
            self._values.append(None)
        self._roots = [slots[id(root)] for root in roots]

    def run(self, columns: Mapping[tuple[str, str], Floats]) -> list[Floats]:
        """Return the roots' values, (groups, 1) each, with some columns (level, name) -> (groups,) replaced.

        Bit for bit what the rule would give on a book with these columns.
        """
        values = self._values.copy()
        for slot, key, kept in self._columns:
            given = columns.get(key)
            values[slot] = kept if given is None else given[:, None]
        for compute, term, slot, places in self._steps:
            values[slot] = compute(term, *[values[i] for i in places])
        return [values[i] for i in self._roots]
