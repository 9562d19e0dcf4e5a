"""Chains that move exactly as told: a smile kept in ln(K / F), a level scaled by tenor, and a shape on top."""

from functools import cache

import numpy as np

from loadline.foundation.units import MS_PER_DAY, MS_PER_YEAR
from loadline.scenarios.surface_moves import Surfaces, scaled, surfaces

DAY = MS_PER_DAY
T0 = 1_767_254_400_000  # 2026-01-01 08:00 UTC
EXPIRIES = T0 + DAY * np.array([6, 10, 14, 18, 25, 32, 45, 60, 75, 95, 130, 180, 240, 310])


def smile(x, days):
    """Vol at ln(K / F): skewed, steeper for short expiries."""
    return 0.5 + (0.12 * x * x - 0.06 * x) / np.sqrt(np.asarray(days) / 30.0)


@cache
def made(coin="BTC", snapshots=40, seed=1, powers=(0.5, 0.7), shape=None, hours=6):
    """Return surfaces, the log level (T,) and log price (T,) they follow.

    ``shape``: (snapshot, days, x) -> extra log vol. Vols are those of the first snapshot at the same ln(K / F), moved
    since then by every step of the level times what of it reached the expiry.
    """
    draw = np.random.default_rng(seed)
    steps, price = draw.normal(0, 0.02, snapshots), np.cumsum(draw.normal(0, 0.02, snapshots))
    rows, moved = [], dict.fromkeys(EXPIRIES.tolist(), 0.0)
    for n in range(snapshots):
        t = T0 + n * hours * 3_600_000
        forward = 50_000.0 * np.exp(price[n])
        for e in EXPIRIES[t + DAY // 2 < EXPIRIES]:
            days = (e - T0) / DAY
            moved[int(e)] += steps[n] * scaled(np.array([(e - t) / DAY]), powers)[0]
            x = np.linspace(-1.6, 1.6, 41) * np.sqrt(days / 60.0)
            vol = smile(x, days) * np.exp(moved[int(e)])
            if shape is not None:
                vol = vol * np.exp(shape(n, days, x))
            rows += [(t, e, forward * np.exp(k), v, forward) for k, v in zip(x, vol, strict=True)]
    t, e, k, v, f = (np.array(c) for c in zip(*rows, strict=True))
    return surfaces(coin, t.astype(np.int64), e.astype(np.int64), k, v, f), np.cumsum(steps), price


def years(expiry, at):
    return (expiry - at) / MS_PER_YEAR


__all__ = ["DAY", "EXPIRIES", "T0", "Surfaces", "made", "smile", "years"]
