"""How a line of generated text spells things: arguments, constants by class, rows of scratch, results of steps.

``P`` numbers, ``K_level`` numbers per class, ``A`` numbers per (block, class, scenario), ``n`` scenarios of an axis,
``v`` what a step gives, ``t`` a net's running total, ``c`` the class of a group, ``k`` a number named before a walk.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any

from loadline.tape.recorded import ELEMENTWISE, Step

TEXT = {
    "add": "{0} + {1}",
    "sub": "{0} - {1}",
    "scale": "{0} * {1}",
    "signed": "{0} * by_sign({0}, {1}, {2})",
    "losses": "lesser(0.0, {0})",
    "tiered": "-absolute({0}) * lesser({1} + {2} * greater(absolute({0}) - {3}, 0.0), {4})",
    "rounded": "rint({0} * {1}) / {1}",
    "portion": "portion({0}, {1}, {2}, {aux})",
    "power": "-(absolute({0}) ** {1})",
}
FUNCTIONS = re.compile(r"\b(by_sign|lesser|greater|absolute|rint|bracket)\(")
"""What has another name for eight numbers than for one."""


@dataclass(frozen=True, slots=True)
class Spot:
    """Where a line of text stands: a level, how its group is spelled, and the first of eight scenarios."""

    level: str
    index: str
    lane: str = "s"


class Words:
    """The names of one generated text.

    ``args``: what to bind to each argument's name; ``tables``: the constants that are columns of a level's table;
    ``place``: the literal offsets in the scratch array where steps keep a row of scenarios; ``rows``: its size.
    """

    def __init__(self) -> None:
        self.args: dict[str, tuple[Any, ...]] = {}
        self.tables: dict[str | None, list[Step]] = {}
        self.place: dict[Step, int] = {}
        self.rows = 0

    def arg(self, name: str, *what: Any) -> str:
        """Return a name after noting what is to be bound to it."""
        self.args[name] = what
        return name

    def row(self, n: int) -> int:
        """Return the literal offset of ``n`` new places in the scratch array."""
        self.rows += n
        return self.rows - n

    def groups(self, fine: str, coarse: str, index: str) -> tuple[str, str]:
        """Return the first group of a finer level in the coarser one ``index``, and the one after its last."""
        starts = self.arg(f"starts_{fine}_{coarse}", "starts", fine, coarse)
        after = "hi" if index == "lo" else f"{index} + 1"
        return f"{starts}[{index}]", f"{starts}[{after}]"

    def text(self, s: Step, at: Spot, now: Sequence[Step]) -> str:
        """Return what an elementwise step computes; ``now`` as for ``see``."""
        seen = [self.see(a, at, now) for a in s.args]
        if s.op == "min":
            said = reduce("lesser({0}, {1})".format, seen)
        elif s.op == "bracketed":
            size, n = f"absolute({seen[0]})", len(seen) // 2
            bounds, rates = seen[1:n], seen[n:]
            said = f"({rates[0]} + 0.0 * {size})"
            for bound, below, rate in zip(bounds, rates, rates[1:], strict=False):
                said = f"bracket({said}, {size}, {bound}, {below}, {rate})"
            said = f"-{size} * {said}"
        else:
            said = TEXT[s.op].format(*seen, aux=s.aux)
        return FUNCTIONS.sub(r"\g<1>8(", said) if s.axis is not None else said

    def see(self, a: Step, at: Spot, now: Sequence[Step] = ()) -> str:
        """Return how a line at ``at`` spells a step; ``now``: those that have a value inside this walk."""
        if not a.constant:
            if a.axis is not None and a not in now:
                return f"load(R, {self.place[a]} + {at.lane})"
            return f"t{a.number}" if a.op in ("net", "correlated") else f"v{a.number}"
        code = f"c_{at.level}_{a.level}" if a.level else "0"
        if a.axis is not None:
            return f"pick({self.arg(f'A{a.number}', 'blocks', a)}, {'k' if a.axis.long else 0}, {code}, {at.lane})"
        if a.level is not None and now:
            return f"k{a.number}"
        table = self.tables.setdefault(a.level, [])
        if a not in table:
            table.append(a)
        if a.level is None:
            return f"p{table.index(a)}"
        return f"{self.arg(f'K_{a.level}', 'table', a.level)}[{code}, {table.index(a)}]"


assert set(TEXT) | {"min", "bracketed"} == set(ELEMENTWISE)
