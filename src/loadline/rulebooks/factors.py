"""Risk factors of the parametric and tail rulebooks: their covariance, and how their vol reaches each tenor."""

from __future__ import annotations

import numpy as np

from loadline.foundation.table import Floats, Labels
from loadline.model.universe import Universe
from loadline.rulebooks.parameters import Version


def factor_covariance(units: Labels, p: Version) -> Floats:
    """Return (U, 3, U, 3): covariance of spot and vol factors over the horizon, and of squared spot moves."""
    days = p.each("horizon.days", units)
    spot = p.each("volatility.spot", units) * np.sqrt(days / p.number("horizon.year"))
    vol = p.each("volatility.vol", units) * np.sqrt(days)
    names = ("spot_spot", "vol_vol", "spot_vol", "spot_vol_other")
    between, vols, own, cross = (p.number(f"correlation.{n}") for n in names)
    same = np.eye(len(units))
    corr = {"ss": between + (1 - between) * same, "vv": vols + (1 - vols) * same, "sv": cross + (own - cross) * same}
    out = np.zeros((len(units), 3, len(units), 3))
    out[:, 0, :, 0] = corr["ss"] * np.outer(spot, spot)
    out[:, 1, :, 1] = corr["vv"] * np.outer(vol, vol)
    out[:, 0, :, 1] = corr["sv"] * np.outer(spot, vol)
    out[:, 1, :, 0] = out[:, 0, :, 1].T
    out[:, 2, :, 2] = 0.5 * out[:, 0, :, 0] ** 2
    return out


def tenor_scale(u: Universe, p: Version) -> Floats:
    """Return (N,) the vol move of each option per unit of 30-day move: ``(30 / max(days, 1))^power``.

    The power is another beyond 30 days where the parameters name one.
    """
    power = p.each("volatility.tenor_power", u.pairs)
    if "volatility.long_power" in p.parameters:
        power = np.where(u.days > 30.0, p.each("volatility.long_power", u.pairs), power)
    return np.where(u.option, (30.0 / np.maximum(u.days, 1.0)) ** power, 0.0)
