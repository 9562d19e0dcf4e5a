"""Risk factors of the parametric and tail rulebooks: their covariance, and sensitivities to them in USD."""

from __future__ import annotations

import numpy as np

from loadline.foundation.table import Floats, Labels
from loadline.model.instruments import PayoffForm
from loadline.model.universe import STABLE, Universe
from loadline.rulebooks.parameters import Version


def factor_covariance(units: Labels, p: Version) -> Floats:
    """Return (U, 3, U, 3): covariance of spot and vol factors over the horizon, and of squared spot moves."""
    spot = p.each("volatility.spot", units) * np.sqrt(p.number("horizon.days") / p.number("horizon.year"))
    vol = p.each("volatility.vol", units) * np.sqrt(p.number("horizon.days"))
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
    """Return (N,) the relative vol move of each option per unit of 30-day move: ``(30 / max(days, 1))^power``."""
    power = p.each("volatility.tenor_power", u.pairs)
    return np.where(u.option, (30.0 / np.maximum(u.days, 1.0)) ** power, 0.0)


def dollar_greeks(u: Universe) -> tuple[Floats, Floats, Floats]:
    """Return (N,) delta, gamma and vega per contract in USD: per unit return, per return squared, per 1.00 of vol.

    Coin-settled contracts are seen as USD values: PnL in coin at the shocked price, and the carried coin revalued.
    Equations: options ``c F D``, ``c F^2 G``, ``c V`` with c = multiplier x (index / F for coin options, else the
    currency's price) and undiscounted Black-76 delta D, gamma G, vega V; delta-one ``c F``; spot coins their value.
    """
    from loadline.kernels.black76 import greeks, value1  # compiled code: loaded on first use

    i, q = u.instruments, u.quotes
    delta, gamma, vega = np.zeros(len(u)), np.zeros(len(u)), np.zeros(len(u))
    moving = ~u.underlyings.among(*STABLE)
    delta = np.where(u.future & (i.form == PayoffForm.LINEAR), i.multiplier * q.forward * u.fx, delta)
    delta = np.where(i.form == PayoffForm.INVERSE, i.multiplier * u.index / q.forward, delta)
    delta = np.where(u.spot & moving, i.multiplier * q.forward, delta)
    rows = np.flatnonzero(u.option)
    if len(rows):
        o, oq, index = i.take(rows), q.take(rows), u.index[rows]
        inputs = (oq.forward, o.strike, oq.vol, u.tau[rows], o.right.astype(np.float64))
        d, g, v, _ = greeks(*inputs)
        coin = o.form == PayoffForm.COIN_OPTION
        scale = o.multiplier * np.where(coin, index / oq.forward, u.fx[rows])
        off_model = np.where(coin, o.multiplier * (oq.mark - value1(*inputs) / oq.forward) * index, 0.0)
        delta[rows] = scale * oq.forward * d + off_model
        gamma[rows] = scale * oq.forward**2 * g
        vega[rows] = scale * v
    return delta, gamma, vega
