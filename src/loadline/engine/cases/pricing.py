"""Cases of the pricing kernels: Black-76 values and raw SVI vols."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from loadline.engine.cases.case import Replay, checks
from loadline.foundation.table import Floats
from loadline.foundation.units import MS_PER_YEAR


def _one(*values: float) -> list[Floats]:
    return [np.array([value], np.float64) for value in values]


def replay_black76(case: Mapping[str, Any], file: Mapping[str, Any], components: float, totals: float) -> Replay:
    """Return the checks of one pair of options: discounted call and put, and the call's undiscounted delta.

    ``totals``: relative tolerance; ``components`` is not used.
    """
    from loadline.kernels.black76 import greeks, value1  # compiled code: loaded on first use

    x = case["input"]
    state = (x["forward"], x["strike"], x["vol"], x["seconds"] * 1000.0 / MS_PER_YEAR)
    call, put = (x["discount"] * float(value1(*_one(*state, right))[0]) for right in (1.0, -1.0))
    delta = float(greeks(*_one(*state, 1.0))[0][0])
    got = {"call": call, "put": put, "undiscounted_call_delta": delta}
    return Replay(case["id"], checks(case["expected"], got, totals))


def replay_svi(case: Mapping[str, Any], file: Mapping[str, Any], components: float, totals: float) -> Replay:
    """Return the checks of one vol; digits that the source cut off after the sixth are compared so cut.

    ``totals``: relative tolerance of the others; ``components`` is not used.
    """
    from loadline.kernels.surface import svi_log_moneyness, svi_vol  # compiled code: loaded on first use

    x = case["input"]["svi"]
    strike, forward = _one(case["input"]["strike"], x["fwd"])
    a, b, sigma = x["a"], x["b"], x["sigma"]
    vol = float(svi_vol(strike, forward, x["tau"], a, b, x["rho"], x["m"], sigma)[0][0])
    moneyness = float(svi_log_moneyness(strike, forward, a, b, sigma)[0])
    want = case["expected"]
    exact = {"vol": vol, "log_moneyness": moneyness}
    cut = {f"{name}_trunc6": math.trunc(value * 1e6) / 1e6 for name, value in exact.items()}
    found = checks({k: v for k, v in want.items() if k in exact}, exact, totals)
    return Replay(case["id"], found + checks({k: v for k, v in want.items() if k not in exact}, cut, 0.0))
