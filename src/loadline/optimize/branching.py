"""Which column to branch on: those that little is known of are tried on both sides; of the others what was seen counts.

Pseudo-costs with tests until they are reliable, after Achterberg, Koch and Martin (2005).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from loadline.foundation.table import Floats, Ints

TESTED = 8
"""Columns at a node whose two sides are solved before one of them is chosen, while little is known of them."""
KNOWN = 2
"""Tests of a column after which what they said is believed."""
LEAST = 1e-9
"""The rise of a bound, relative, below which there is none."""


class Branching:
    """``groups``: columns that count others; to begin with they are tried first."""

    def __init__(self, groups: Ints) -> None:
        self.groups = set(groups.tolist())
        self.gains: dict[int, tuple[list[float], list[float]]] = {}

    def choose(
        self,
        loose: Ints,
        z: Floats,
        bound: float,
        cutoff: float,
        sides: Callable[[int], tuple[float, float]],
        stop: Callable[[], bool],
    ) -> tuple[int, tuple[float, float]]:
        """Return a column among ``loose``, (N,), and bounds below and above it, USD; ``z``: (columns,) the point.

        ``sides``: solves the two sides of a column; ``bound``: that of the node; one side cut off ends the choice.
        """
        least, best, tests = LEAST * max(1.0, abs(bound)), -1.0, 0
        chosen, values = int(loose[0]), (bound, bound)
        for c in sorted(loose.tolist(), key=lambda c: -self._promise(c, float(z[c]))):
            down, up = float(z[c] - np.floor(z[c])), float(np.ceil(z[c]) - z[c])
            gains = self.gains.setdefault(c, ([], []))
            if min(map(len, gains)) >= KNOWN:
                rises = [sum(g) / len(g) * step for g, step in zip(gains, (down, up), strict=True)]
                found = (bound, bound)
            elif tests >= TESTED or stop():
                break
            else:
                found, tests = sides(c), tests + 1
                rises = [min(value, cutoff) - bound if np.isfinite(min(value, cutoff)) else 0.0 for value in found]
                for gain, rise, step in zip(gains, rises, (down, up), strict=True):
                    gain.append(rise / step)
            if max(found) >= cutoff:
                return c, found
            score = max(rises[0], least) * max(rises[1], least)
            if score > best:
                best, chosen, values = score, c, found
        return chosen, values

    def _promise(self, c: int, x: float) -> float:
        """What to look at first: what has proved well, groups that nobody tried, then what is traded most."""
        away = min(x - np.floor(x), np.ceil(x) - x)
        gains = self.gains.get(c, ([], []))
        if min(map(len, gains)):
            return max(sum(gains[0]) / len(gains[0]), LEAST) * max(sum(gains[1]) / len(gains[1]), LEAST)
        return 1e6 * away if c in self.groups else 1e-6 * x
