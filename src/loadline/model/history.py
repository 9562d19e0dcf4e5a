"""What prices and implied vols were, bar by bar: with gaps where there was no bar, and every oddity named.

Nothing is filled. A symbol that came back after a delisting is another factor (``LUNA``, then ``LUNA#2``); no return
crosses the seam between two sources that have no bar in common.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from loadline.foundation.errors import Defect, InputError
from loadline.foundation.table import Floats, Ints, content_hash
from loadline.foundation.units import format_time


@dataclass(frozen=True, eq=False)
class History:
    """T bars of N factors.

    ``time``: (T,) epoch ms UTC, rising: when a row is known, which is the bar's close. ``names``: (N,) factors.
    ``close``: (T, N) USD, NaN where there is no bar; ``volume``: (T, N) USD traded in the bar, NaN where not known;
    ``implied``: (T, N) vol of 30 days at the money, 1/sqrt(year), NaN where not known; ``segment``: (T, N) returns are
    taken within one number only; ``step``: ms between bars. ``defects``: everything odd that was found, with symbol and
    time. ``source``: a line for each file or table, with its content hash.

    >>> bars = History.of([0, 86_400_000], ["BTC"], [[100.0], [110.0]], step=86_400_000)
    >>> bars.returns().round(4).tolist()
    [[nan], [0.0953]]
    """

    time: Ints
    names: tuple[str, ...]
    close: Floats
    volume: Floats
    implied: Floats
    segment: Ints
    step: int
    defects: tuple[Defect, ...] = ()
    source: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        shape = (len(self.time), len(self.names))
        for name in ("close", "volume", "implied", "segment"):
            if getattr(self, name).shape != shape:
                found = f"a history of {shape[0]} bars and {shape[1]} factors has {name} of {getattr(self, name).shape}"
                raise InputError(found, remedy="give one value per bar and factor, NaN where there is none")
        if (np.diff(self.time) <= 0).any():
            raise InputError("the times of a history do not rise", remedy="sort the bars and drop doubled ones")
        if len(set(self.names)) < len(self.names):
            raise InputError("a factor stands twice in a history", remedy="name a relisted symbol 'LUNA#2'")
        if self.step <= 0:
            raise InputError(f"a step of {self.step} ms", remedy="give the time between bars in milliseconds")
        with np.errstate(invalid="ignore"):
            bad = (self.close <= 0) | np.isinf(self.close) | (self.implied <= 0) | (self.volume < 0)
        if bad.any():
            t, n = (int(x[0]) for x in np.nonzero(bad))
            found = f"{self.names[n]} at {format_time(int(self.time[t]))}: a price, vol or volume that cannot be"
            raise InputError(
                found, remedy="read the file with io.history.read_history, which names and drops such bars"
            )
        for name in ("time", "close", "volume", "implied", "segment"):
            view = getattr(self, name).view()
            view.flags.writeable = False
            object.__setattr__(self, name, view)

    def __len__(self) -> int:
        return len(self.time)

    @classmethod
    def of(
        cls,
        time: Any,
        names: Sequence[str],
        close: Any,
        *,
        step: int,
        volume: Any = None,
        implied: Any = None,
        segment: Any = None,
        defects: Sequence[Defect] = (),
        source: Sequence[str] = (),
    ) -> History:
        """Return a history; what is left out is not known (NaN), and all of a factor is one segment."""
        prices = np.array(close, np.float64)
        unknown = np.full(prices.shape, np.nan)
        return cls(
            time=np.array(time, np.int64),
            names=tuple(names),
            close=prices,
            volume=unknown if volume is None else np.array(volume, np.float64),
            implied=unknown if implied is None else np.array(implied, np.float64),
            segment=np.zeros(prices.shape, np.int64) if segment is None else np.array(segment, np.int64),
            step=int(step),
            defects=tuple(defects),
            source=tuple(source),
        )

    def until(self, as_of: int) -> History:
        """Return the bars that were known at ``as_of`` (epoch ms): nothing later is left in it."""
        return self.rows(np.flatnonzero(self.time <= as_of))

    def rows(self, at: Ints) -> History:
        """Return the bars in the rows ``at`` (rising)."""
        columns = {c: getattr(self, c)[at] for c in ("time", "close", "volume", "implied", "segment")}
        return replace(self, **columns)

    def select(self, names: Sequence[str]) -> History:
        """Return the history of some factors, in this order; raises ``InputError`` naming those it has not."""
        missing = [n for n in names if n not in self.names]
        if missing:
            raise InputError(f"the history has no {', '.join(missing)}", remedy=f"it has {', '.join(self.names)}")
        at = [self.names.index(n) for n in names]
        columns = {c: getattr(self, c)[:, at] for c in ("close", "volume", "implied", "segment")}
        return replace(self, names=tuple(names), **columns)

    def every(self, step: int, *, ending: int | None = None) -> History:
        """Return bars of ``step`` ms that end at ``ending`` (the last bar if left out) and before it.

        A close that is missing at just that time stays missing; volume is the sum over the longer bar, NaN where a
        part of it is. Raises ``InputError`` for a step that is not a whole number of bars.
        """
        if step % self.step:
            found = f"bars of {self.step} ms cannot be joined to bars of {step} ms"
            raise InputError(found, remedy="ask for a whole number of bars")
        if step == self.step or not len(self):
            return self
        last = int(self.time[self.time <= ending][-1]) if ending is not None else int(self.time[-1])
        at = np.flatnonzero((self.time % step == last % step) & (self.time <= last))
        chosen, total = self.rows(at), np.full((len(at), len(self.names)), np.nan)
        traded = np.vstack([np.zeros(len(self.names)), np.cumsum(np.nan_to_num(self.volume), axis=0)])
        known = np.vstack([np.zeros(len(self.names)), np.cumsum(np.isfinite(self.volume), axis=0)])
        first = np.searchsorted(self.time, self.time[at] - step, "right")
        whole = known[at + 1] - known[first] == step // self.step
        total[whole] = (traded[at + 1] - traded[first])[whole]
        return replace(chosen, step=step, volume=np.maximum(total, 0.0))

    def returns(self, steps: int = 1) -> Floats:
        """Return (T, N) log returns over ``steps`` steps that **end** at each bar.

        NaN where either end is missing, where no bar lies exactly that long before, and across a seam. Raises
        ``InputError`` for fewer steps than one.
        """
        if steps < 1:
            raise InputError(f"returns over {steps} steps", remedy="ask for 1 or more")
        return self._change(np.log(self.close), steps)

    def level_moves(self, steps: int = 1) -> Floats:
        """Return (T, N) log moves of implied vol over ``steps`` steps that **end** at each bar; NaN as ``returns``."""
        return self._change(np.log(self.implied), steps)

    def _change(self, logs: Floats, steps: int) -> Floats:
        out = np.full(logs.shape, np.nan)
        if not len(self):
            return out
        before = self.time - steps * self.step
        at = np.minimum(np.searchsorted(self.time, before), len(self) - 1)
        held = (self.time[at] == before)[:, None] & (self.segment == self.segment[at])
        return np.where(held, logs - logs[at], out)

    @cached_property
    def identity(self) -> str:
        """The content hash of bars and names; defects and sources do not enter it."""
        return content_hash(self.time, self.names, self.close, self.volume, self.implied, self.segment, self.step)
