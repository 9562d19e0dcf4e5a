"""Where prices were on the way to a horizon: what expires before it pays at the price of its own day."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from loadline.foundation.errors import InputError
from loadline.foundation.table import Floats, Ints, content_hash


@dataclass(frozen=True, eq=False)
class Way:
    """``days``: (W,) since the start, rising and above 0; ``spot``: (W, S, U) fraction of price each had moved by then.

    Raises ``InputError`` for shapes that do not fit, days that do not rise or moves that are not numbers above -1.
    """

    days: Floats
    spot: Floats

    def __post_init__(self) -> None:
        if self.spot.ndim != 3 or not len(self.days) or len(self.spot) != len(self.days):
            raise InputError(f"{len(self.days)} days on the way, moves of shape {self.spot.shape}",
                             remedy="give (days, scenarios, underlyings), or no way at all")  # fmt: skip
        if not (np.diff(self.days, prepend=0.0) > 0).all():
            raise InputError("the days on the way do not rise from 0", remedy="sort them, each once")
        if not (self.spot > -1).all() or not np.isfinite(self.spot).all():
            raise InputError("a price on the way is not a number above 0", remedy="fill it by a rule first")

    @cached_property
    def identity(self) -> str:
        """The content hash."""
        return content_hash(self.days, self.spot)


def moved_by(
    days: float, end: Floats, horizon: float, partner: Ints, way: Way | None = None, column: int = 0
) -> Floats:
    """Return (S,) the fraction an underlying has moved by after ``days``: between known days, a bridge.

    ``end``: (S,) its move over its own ``horizon``, days; ``partner``: (S,) whose scenario's move between the same days
    stands in for what nobody saw; ``way``: what is known before the end, ``column`` its place.

    Equation, in logs, with ``s`` the share of the days between two known prices that has passed, ``g`` the move between
    them and ``g'`` the partner's: ``s g + sqrt(s (1 - s)) g'`` beyond the first. For independent moves of one size it
    has the variance of a walk, ``s``, and what is left until the second price ``1 - s``, unrelated to it.

    >>> half, alone = Way(np.array([1.0]), np.array([[[-0.5], [0.0]]])), np.array([1, 0])
    >>> [moved_by(d, np.zeros(2), 2.0, alone, half).round(6).tolist() for d in (0.0, 0.5, 1.0, 2.0)]
    [[0.0, 0.0], [-0.292893, -0.292893], [-0.5, 0.0], [0.0, 0.0]]
    """
    at, logs = np.array([0.0]), [np.zeros(len(end))]
    if way is not None:
        known = way.days < horizon
        at, logs = np.append(at, way.days[known]), [*logs, *np.log1p(way.spot[known, :, column])]
    at, logs = np.append(at, horizon), [*logs, np.log1p(end)]
    after = int(np.clip(np.searchsorted(at, days, "right"), 1, len(at) - 1))
    share = float(np.clip((days - at[after - 1]) / (at[after] - at[after - 1]), 0.0, 1.0))
    between = logs[after] - logs[after - 1]
    bridge = share * between + np.sqrt(share * (1.0 - share)) * between[partner]
    return np.asarray(np.expm1(logs[after - 1] + bridge))
