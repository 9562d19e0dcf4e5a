"""Scenario sets that golden cases bring along: made up, drawn from a seed, a few digits a number."""

from typing import Any

import numpy as np

COINS = ("BTC", "ETH", "SOL")
PAST, STRESSED, DATES = 40, 8, 5
TENORS, MONEYNESS = (5.0, 30.0, 120.0), (-2.0, 0.0, 1.5)


def drawn(seed: int, *, weighted: bool = False, surface: bool = True) -> dict[str, Any]:
    """A set with a past, a stressed period and, if wanted, weights that differ and moves of surfaces."""
    draw = np.random.default_rng(seed)
    count = PAST + STRESSED
    common, own = draw.standard_t(4, (count, 1)), draw.standard_normal((count, len(COINS)))
    size = np.where(np.arange(count) < PAST, 0.03, 0.09)[:, None]
    spot = size * (0.8 * common + 0.6 * own)
    vol = -0.8 * spot + 0.05 * draw.standard_normal(spot.shape)
    share = 0.98 ** np.arange(PAST)[::-1] if weighted else np.ones(PAST)
    weight = [*(share / share.sum()).tolist(), *[1.0 / STRESSED] * STRESSED]
    found: dict[str, Any] = {
        "underlyings": list(COINS),
        "family": ["history"] * PAST + ["stress"] * STRESSED,
        "weight": weight,
        "spot": np.expm1(spot).round(5).tolist(),
        "vol": np.expm1(vol).round(5).tolist(),
    }
    if surface:
        halfway = 0.5 * spot + 0.5 * size * draw.standard_normal(spot.shape)
        found["way"] = {"days": [1.0], "spot": [np.expm1(halfway).round(5).tolist()]}
        values = {c: (0.06 * draw.standard_normal((DATES, 3, 3))).round(4).tolist() for c in COINS[:2]}
        nodes = {"tenor": list(TENORS), "moneyness": list(MONEYNESS), "start": list(range(DATES))}
        found["residual"] = nodes | {"values": values}
        found["pick"] = draw.integers(-1, DATES, count).tolist()
    return found


SETS = {"plain": drawn(1, surface=False), "surface": drawn(2), "weighted": drawn(3, weighted=True)}
