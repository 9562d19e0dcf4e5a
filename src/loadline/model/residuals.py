"""Moves of a volatility surface that spot and level leave over: what happened to its shape, node by node."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from loadline.foundation.errors import InputError
from loadline.foundation.table import Floats, Ints, content_hash


@dataclass(frozen=True, eq=False)
class Residuals:
    """R dates on which whole surfaces moved, the same dates for every coin.

    ``tenor``: (A,) days to expiry, rising; ``moneyness``: (B,) ``ln(K / F) / (atm vol sqrt(years))``, rising;
    ``values``: coin -> (R, A, B) log moves of implied vol over the horizon, beyond those of level and spot;
    ``start``: (R,) epoch ms. Raises ``InputError`` for shapes that do not fit or values that are not numbers.
    """

    tenor: Floats
    moneyness: Floats
    start: Ints
    values: Mapping[str, Floats]

    def __post_init__(self) -> None:
        shape = (len(self.start), len(self.tenor), len(self.moneyness))
        wrong = [c for c, v in self.values.items() if v.shape != shape or not np.isfinite(v).all()]
        if wrong:
            raise InputError(
                f"surface moves of {', '.join(wrong)} are not {shape} numbers", remedy="leave out dates with gaps"
            )
        for name in ("tenor", "moneyness"):
            nodes = getattr(self, name)
            if not len(nodes) or not (np.diff(nodes) > 0).all():
                raise InputError(f"the nodes of {name} do not rise", remedy="sort them, each once")

    def __len__(self) -> int:
        return len(self.start)

    def at(self, coin: str, days: Floats, moneyness: Floats) -> Floats:
        """Return (N, R) the moves at N points, linear in ln(tenor) and moneyness, flat beyond the outermost nodes.

        ``days``: (N,) to expiry; ``moneyness``: (N,) in standard deviations. 0 for a coin whose surface is not known.

        >>> flat = Residuals(np.array([7.0, 30.0]), np.array([-1.0, 1.0]), np.zeros(1, int),
        ...     {"BTC": np.array([[[0.0, 0.2], [0.0, 0.2]]])})
        >>> flat.at("BTC", np.array([12.0, 90.0]), np.array([0.0, 5.0])).ravel().tolist()
        [0.1, 0.2]
        """
        if coin not in self.values:
            return np.zeros((len(days), len(self)))
        a, share_a = _between(np.log(self.tenor), np.log(np.maximum(days, 1e-9)))
        b, share_b = _between(self.moneyness, moneyness)
        v = self.values[coin]
        up_a, up_b = np.minimum(a + 1, len(self.tenor) - 1), np.minimum(b + 1, len(self.moneyness) - 1)
        low = v[:, a, b] * (1.0 - share_b) + v[:, a, up_b] * share_b
        high = v[:, up_a, b] * (1.0 - share_b) + v[:, up_a, up_b] * share_b
        return np.ascontiguousarray((low * (1.0 - share_a) + high * share_a).T)

    @cached_property
    def identity(self) -> str:
        """The content hash."""
        coins = sorted(self.values)
        return content_hash(self.tenor, self.moneyness, self.start, coins, *(self.values[c] for c in coins))


def _between(nodes: Floats, x: Floats) -> tuple[Ints, Floats]:
    """The node below each point, and how far it lies on the way to the next: 0 to 1, cut off at the ends."""
    below = np.clip(np.searchsorted(nodes, x, side="right") - 1, 0, max(len(nodes) - 2, 0))
    if len(nodes) == 1:
        return below, np.zeros(len(x))
    return below, np.clip((x - nodes[below]) / (nodes[below + 1] - nodes[below]), 0.0, 1.0)
