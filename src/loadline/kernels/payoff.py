"""The value of one contract in its own settlement currency: the only place that maps a payoff form to money.

Forms (codes of ``PayoffForm``): 0 spot and 1 linear ``c F``; 2 inverse ``-c / F``; 3 coin option ``c V / F``;
4 cash option ``c V``, with c the multiplier, F the forward, V the cash value of the option on one unit.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from loadline.kernels import black76

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

SPOT, LINEAR, INVERSE, COIN_OPTION, CASH_OPTION = range(5)


def contract_values(
    form: Ints,
    multiplier: Floats,
    forward: Floats,
    strike: Floats,
    vol: Floats,
    tau: Floats,
    right: Ints,
    *,
    discount: Floats | None = None,
    conversion: Floats | None = None,
) -> Floats:
    """Return the value of one contract of each instrument in each scenario.

    ``form``, ``right``: (N,); ``multiplier``: (N,), units of underlying (USD for inverse) per contract; ``forward``:
    (N, S), quote currency; ``strike``: (N,), quote currency; ``vol``: (N, S), 1/sqrt(year); ``tau``: (N,), years;
    ``discount``: (N,), 1 if left out; ``conversion``: (N, S), the price at which a coin option's cash value becomes
    coin, the forward if left out. Returns (N, S) in each instrument's settlement currency.

    >>> contract_values(np.array([1, 2]), np.ones(2), np.array([[100.0, 125.0]] * 2), np.full(2, np.nan),
    ...     np.zeros((2, 2)), np.zeros(2), np.zeros(2, int)).tolist()
    [[100.0, 125.0], [-0.01, -0.008]]
    """
    out = multiplier[:, None] * forward
    inverse = np.flatnonzero(form == INVERSE)
    if len(inverse):
        out[inverse] = -multiplier[inverse, None] / forward[inverse]
    options = np.flatnonzero(form >= COIN_OPTION)
    if len(options) == 0:
        return out
    all_options = len(options) == len(form)
    o = slice(None) if all_options else options
    cash = black76.value(forward[o], strike[o], vol[o], tau[o], right[o].astype(np.float64))
    scale = multiplier[o] if discount is None else multiplier[o] * discount[o]
    if not (scale == 1.0).all():
        cash *= scale[:, None]
    coin = form[o] == COIN_OPTION
    if coin.any():
        price = forward if conversion is None else conversion
        cash[coin] /= price[o][coin]
    if all_options:
        return cash
    out[options] = cash
    return out
