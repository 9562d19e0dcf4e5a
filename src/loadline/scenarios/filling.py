"""What a coin would have done before it was listed: its beta to the lead and a drawn remainder. A rule, and told."""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import numpy as np

from loadline.foundation.table import Bools, Floats


@dataclass(frozen=True, eq=False)
class Filled:
    """Moves without gaps: ``spot``, ``sigma`` (S, N), ``mask`` (S, N) which of them are by rule, ``beta`` (N,)."""

    spot: Floats
    sigma: Floats
    mask: Bools
    beta: Floats


def fill_spot(spot: Floats, sigma: Floats, names: tuple[str, ...], lead: int, seed: int) -> Filled:
    """Return moves with those from before a listing (or in a gap) filled by the lead's.

    ``spot``, ``sigma``: (S, N), NaN where missing, whole for ``lead``. In units of each one's own volatility,
    ``z = beta z_lead + remainder`` with beta by least squares through zero over the rows that both have; the remainder
    is one of those rows', drawn (``seed``, and the coin's name, so that no coin's draw depends on the others). The
    volatility is the lead's times the median ratio of the two.
    """
    z = spot / sigma
    out, vol, mask, beta = spot.copy(), sigma.copy(), ~(np.isfinite(spot) & np.isfinite(sigma)), np.ones(len(names))
    for n, name in enumerate(names):
        own, missing = ~mask[:, n], mask[:, n]
        beta[n] = float(z[own, n] @ z[own, lead] / (z[own, lead] @ z[own, lead]))
        if not missing.any():
            continue
        left = z[own, n] - beta[n] * z[own, lead]
        draw = np.random.default_rng([seed, zlib.crc32(name.encode())]).integers(len(left), size=len(mask))
        vol[missing, n] = float(np.median(sigma[own, n] / sigma[own, lead])) * sigma[missing, lead]
        out[missing, n] = (beta[n] * z[:, lead] + left[draw])[missing] * vol[missing, n]
    return Filled(out, vol, mask, beta)


def fill_way(way: Floats, share: Floats, filled: Filled, lead: int) -> Floats:
    """Return log moves on the way (W, S, N) without gaps.

    ``way``: NaN where missing; ``share``: (W, N) of each asset's own period that has passed by then, at most 1. A move
    that is by rule goes its beta's part as the lead went, and the remainder evenly; where a price on the way is missing
    between two that are known, all of the move goes evenly.
    """
    mine = share[:, None, :] * filled.spot
    whole = np.where(np.isfinite(way), way, mine)
    led = filled.beta * filled.sigma / filled.sigma[:, [lead]]
    by_rule = led * whole[:, :, [lead]] + share[:, None, :] * (filled.spot - led * filled.spot[:, [lead]])
    out = np.where(filled.mask & (share[:, None, :] < 1.0), by_rule, whole)
    return np.asarray(np.where(share[:, None, :] < 1.0, out, filled.spot))
