"""A joint spot x vol grid whose nodes carry probabilities."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from loadline.foundation.errors import InputError
from loadline.foundation.table import Floats
from loadline.model.scenario_set import Scenarios


def grid(
    underlyings: Sequence[str],
    spot_sd: Floats,
    vol_sd: Floats,
    *,
    correlation: float,
    spot_nodes: int,
    vol_nodes: int,
    reach: float,
) -> Scenarios:
    """Return a grid of standard-normal nodes, one common factor for prices and one for vols.

    ``spot_sd``, ``vol_sd``: (U,) standard deviations of log price and relative vol over the horizon; ``correlation``
    between the two factors; ``reach``: how many deviations the outermost node lies out. Weights: the bivariate normal
    density at each node, normalised. All underlyings move together, which is prudent for a book of one sign and not for
    a spread: ``montecarlo`` is for those. Raises ``InputError`` for a correlation of 1 or -1.

    >>> set_ = grid(["BTC"], np.array([0.05]), np.array([0.2]), correlation=-0.5, spot_nodes=5, vol_nodes=3, reach=3)
    >>> len(set_), round(float(set_.weight.sum()), 12)
    (15, 1.0)
    """
    if not -1.0 < correlation < 1.0:
        raise InputError(
            f"a grid needs price and vol that can move apart, not a correlation of {correlation:g}",
            remedy="choose a correlation between -1 and 1, or montecarlo",
        )
    z, y = (np.linspace(-reach, reach, n) if n > 1 else np.zeros(1) for n in (spot_nodes, vol_nodes))
    a, b = (x.ravel() for x in np.meshgrid(z, y, indexing="ij"))
    quadratic = (a * a - 2 * correlation * a * b + b * b) / (1.0 - correlation**2)
    weight = np.exp(-0.5 * quadratic)
    labels = np.array([f"spot {s:+.2f} sd vol {v:+.2f} sd" for s, v in zip(a, b, strict=True)])
    spot, vol = np.expm1(np.outer(a, spot_sd)), np.expm1(np.outer(b, vol_sd))
    family = np.full(len(a), "grid")
    return Scenarios(labels, family, tuple(underlyings), spot, vol, np.ones(spot.shape), weight / weight.sum())
