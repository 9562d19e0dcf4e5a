"""What one contract gains as the market moves: delta, gamma, vega and theta in venue units and in US dollars.

Two readings of delta live side by side, because a coin contract pays in what it is exposed to. With V(F) the cash
value of an option on one coin, v(F) the value of a contract in its settlement currency, S the index and c the value
already carried in equity:

* ``delta`` is what the venue shows: dV/dF for options, the size in coins for futures. Of USD equity it is the slope,
  ``d[(c + v(F) - v0) S]/dS`` with forwards moving by the same fraction as the index; a coin in the wallet has 1.
* ``net_delta`` is the slope of the worth in coins, ``F dv/dF``: ``dV/dF - V/F`` for a coin option (premium-adjusted),
  the size for futures, nothing for a wallet. For contracts settled in cash the two agree.

Vols stay with their strike (sticky strike); nothing is discounted.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from loadline.foundation.table import Floats
from loadline.foundation.units import DAYS_PER_YEAR
from loadline.model.instruments import PayoffForm
from loadline.model.universe import STABLE, Universe


@dataclass(frozen=True, eq=False)
class UnitGreeks:
    """Sensitivities of one contract of each instrument, (N,) each.

    Venue units: ``delta``, ``net_delta`` in coins; ``gamma`` in coins per 1 of quote currency; ``vega`` per vol point
    (0.01) and ``theta`` per calendar day, cash (what the venue's ticker shows, also for coin options).
    Dollars: ``delta_usd`` per 100 % of price; ``gamma_usd`` change of ``delta_usd`` per 1 % of price; ``vega_usd`` per
    vol point; ``theta_usd`` per calendar day.
    """

    delta: Floats
    net_delta: Floats
    gamma: Floats
    vega: Floats
    theta: Floats
    delta_usd: Floats
    gamma_usd: Floats
    vega_usd: Floats
    theta_usd: Floats

    @classmethod
    def names(cls) -> tuple[str, ...]:
        """Return the names of the columns in order."""
        return tuple(f.name for f in fields(cls))


def unit_greeks(universe: Universe) -> UnitGreeks:
    """Return the sensitivities of one contract of each instrument; stablecoins in a wallet have none.

    Equations, per multiplier m, with Black-76 delta Δ, gamma Γ, vega ν, theta Θ (per year) of cash value V, x the
    fraction that price moves by, and U the USD equity of one contract: ``delta_usd = dU/dx``,
    ``gamma_usd = d²U/dx² / 100``, ``vega_usd = dU/dσ / 100``, ``theta_usd = dU/dt / 365``. For a coin option
    ``U = S (1 + x) (mark + V(F (1 + x)) / F (1 + x) - V(F) / F)``, for an inverse future ``S (1 + x) m (1/F -
    1 / F (1 + x)) = S m x / F``, which has no curvature: its coin PnL has, and conversion takes it away.
    """
    from loadline.kernels import black76  # compiled code: loaded on first use

    i, q, fx = universe.instruments, universe.quotes, universe.fx
    n = len(i)
    blank = {name: np.zeros(n) for name in UnitGreeks.names()}
    still = universe.spot & np.isin(i.underlying, STABLE)
    inverse = i.form == PayoffForm.INVERSE
    coins = np.where(still, 0.0, universe.size)
    blank["delta"] = coins.copy()
    blank["net_delta"] = np.where(universe.spot, 0.0, coins)
    blank["delta_usd"] = coins * fx * np.where(inverse, 1.0, q.forward)

    o = np.flatnonzero(universe.option)
    if len(o):
        f, m, rate = q.forward[o], i.multiplier[o], fx[o]
        state = (f, i.strike[o], np.maximum(q.vol[o], 0.0), universe.tau[o], i.right[o].astype(float))
        worth, (delta, gamma, vega, theta) = black76.value1(*state), black76.greeks(*state)
        coin = i.form[o] == PayoffForm.COIN_OPTION
        held = np.where(coin, worth / f, 0.0)
        carried = np.where(coin & np.isfinite(q.mark[o]), q.mark[o], held)
        usd = m * np.where(coin, rate / f, rate)  # USD per unit of cash value
        blank["delta"][o], blank["net_delta"][o], blank["gamma"][o] = m * delta, m * (delta - held), m * gamma
        blank["vega"][o], blank["theta"][o] = m * vega / 100.0, m * theta / DAYS_PER_YEAR
        blank["delta_usd"][o] = usd * f * (delta - held + carried)
        blank["gamma_usd"][o] = usd * gamma * f * f / 100.0
        blank["vega_usd"][o], blank["theta_usd"][o] = usd * vega / 100.0, usd * theta / DAYS_PER_YEAR
    return UnitGreeks(**blank)
