"""How long a search may take: the clock is an argument, so that the answer never depends on one that was not given."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Budget:
    """``clock``: seconds, rising (processor time, say), or None for no limit; ``stopped``: the user wants no more.

    >>> Budget().left()
    inf
    """

    clock: Callable[[], float] | None = None
    until: float = np.inf
    stopped: Callable[[], bool] | None = None

    @classmethod
    def of(cls, seconds: float, clock: Callable[[], float] | None, stopped: Callable[[], bool] | None = None) -> Budget:
        """Return a budget that begins now."""
        return cls(clock, np.inf if clock is None else clock() + seconds, stopped)

    def left(self) -> float:
        """Return the seconds that are left."""
        if self.clock is None:
            return float(np.inf)
        return float(self.until - self.clock())

    def over(self) -> bool:
        """Return whether to stop."""
        return self.left() <= 0 or (self.stopped is not None and self.stopped())

    def within(self, seconds: float) -> Budget:
        """Return a part of what is left."""
        if self.clock is None:
            return self
        return Budget(self.clock, min(self.until, self.clock() + seconds), self.stopped)

    def less(self, seconds: float) -> Budget:
        """Return what is left when some of it is kept back, at most a tenth."""
        kept = min(max(seconds, 0.0), 0.1 * max(self.left(), 0.0))
        return Budget(self.clock, self.until - kept, self.stopped)
