"""From scenario instructions to shocked vols: the term-structure rule venues share, and the tilt of a smile."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def power_shift(
    days: Floats,
    *,
    range_up: Floats | float,
    range_down: Floats | float,
    short_power: Floats | float,
    long_power: Floats | float,
    boundary_days: float = 30.0,
    inclusive: bool,
    floor_days: float = 0.0,
) -> tuple[Floats, Floats]:
    """Return the factors an implied vol is multiplied by when it is shocked up and down, (N,) each.

    ``days``: (N,), days to expiry; ranges: fraction of vol at 30 days; the short power holds below ``boundary_days``
    (and at it, if ``inclusive``); ``floor_days``: least days. Equation: ``up = 1 + range_up q``,
    ``down = max(0, 1 - range_down q)``, ``q = (30 / max(days, floor))^p``. Source: Derive PMRM_2 and Deribit PM
    documents (the 30-day power rule).

    >>> power_shift(np.array([30.0]), range_up=0.5, range_down=0.25, short_power=0.3, long_power=0.13, inclusive=True)
    (array([1.5]), array([0.75]))
    """
    short = days <= boundary_days if inclusive else days < boundary_days
    q = np.power(30.0 / np.maximum(np.maximum(days, floor_days), 1e-9), np.where(short, short_power, long_power))
    return 1.0 + range_up * q, np.maximum(0.0, 1.0 - range_down * q)


def smile_tilt(
    moneyness: Floats,
    root_tau: Floats,
    *,
    base_cap: Floats | float,
    cap_slope: Floats | float,
    min_width: Floats | float,
    width_scale: Floats | float,
    vol_static: Floats | float,
    vol_slope: Floats | float,
) -> Floats:
    """Return the factor (N,) on vol when the smile is tilted linearly in moneyness, up to a cap.

    ``moneyness``: (N,), ln(K/F) or its size; ``root_tau``: (N,), sqrt(years). Equations: ``cap = base_cap +
    cap_slope sqrt(tau)``, ``k* = max(min_width, sqrt(tau) width_scale (vol_static + vol_slope sqrt(tau)))``,
    ``factor = max(0, 1 + clamp(k cap / k*, -cap, cap))``. Source: Derive PMRM_2, skew scenarios.

    >>> smile_tilt(np.array([0.0, 9.0]), np.ones(2), base_cap=0.25, cap_slope=-0.1, min_width=0.01, width_scale=4.0,
    ...     vol_static=0.6, vol_slope=0.0)
    array([1.  , 1.15])
    """
    cap = cap_slope * root_tau + base_cap
    k_star = np.maximum(min_width, root_tau * width_scale * (vol_static + root_tau * vol_slope))
    with np.errstate(divide="ignore", invalid="ignore"):  # a width of 0 tilts by the whole cap at once, and not at 0
        tilt = np.where(moneyness == 0, 0.0, moneyness * cap / k_star)
    return np.maximum(0.0, 1.0 + np.where(moneyness >= 0, np.minimum(cap, tilt), np.maximum(-cap, tilt)))
