"""Cases of coverage tests and of anti-procyclicality tools, for ``verify``: they stand above the engine."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

import numpy as np

from loadline.backtest import coverage
from loadline.backtest.shortfall import acerbi_szekely, critical_values
from loadline.engine.cases.case import Check, Replay
from loadline.engine.verify import Replayer
from loadline.forecast.antiprocyclical import floored, stress_weighted

Given = Mapping[str, Any]
Kind = Callable[[Given], dict[str, float]]
DRAWS, SEED = 40_000, 1
"""Of the critical values of Z1 and Z2: enough for the 0.02 that the file allows at 5 %."""


def _kupiec(g: Given) -> dict[str, float]:
    least, most = coverage.accepted(g["T"], g["p"], g["chi2_crit"])
    return {"reject_if_failures_at_most": least - 1, "reject_if_failures_at_least": most + 1}


def _basel(g: Given) -> dict[str, float]:
    light, number = coverage.traffic_light(g["x"], g["T"], g["p"]), coverage.kupiec(g["x"], g["T"], g["p"])
    assert light.plus_factor is not None and light.multiplier is not None
    return {
        f"zone {light.zone}": 1.0,
        "plus_factor_1996": light.plus_factor,
        "multiplier_2019": light.multiplier,
        "cumulative_probability_pct": 100.0 * light.cumulative,
        "kupiec_lr": number.statistic,
        "kupiec_p": number.p_value,
    }


def _christoffersen(g: Given) -> dict[str, float]:
    exceeded = np.zeros(g["T"], np.bool_)
    exceeded[np.array(g["violation_days_1_based"], np.int64) - 1] = True
    found = coverage.christoffersen(exceeded, g["p"])
    (n00, n01), (n10, n11) = found.transitions
    return {
        "n00": n00,
        "n01": n01,
        "n10": n10,
        "n11": n11,
        "p01": n01 / (n00 + n01),
        "p11": n11 / (n10 + n11),
        "p": (n01 + n11) / (g["T"] - 1),
        "lr_uc": found.unconditional.statistic,
        "lr_ind": found.independence.statistic,
        "lr_cc": found.conditional.statistic,
        "p_uc": found.unconditional.p_value,
        "p_ind": found.independence.p_value,
        "p_cc": found.conditional.p_value,
    }


def _first_failure(g: Given) -> dict[str, float]:
    found = coverage.first_failure(g["v"], g["p"]).statistic
    return {"lr": found, "accept_95": float(found <= coverage.CRITICAL_5)}


def _statistics(g: Given) -> dict[str, float]:
    found = acerbi_szekely(np.array(g["pnl"]), np.array(g["var"]), np.array(g["es"]), g["alpha"])
    return {"exceptions": found.exceedances, "z1": float(found.z1 or 0.0), "z2": found.z2}


def _critical(g: Given) -> dict[str, float]:
    freedom = float(g["dist"].removeprefix("student_t(").removesuffix(")"))
    found = critical_values(g["T"], g["alpha"], freedom, size=0.05, draws=DRAWS, seed=SEED)
    return {"z1_5pct_simulated": found.z1, "z2_5pct": found.z2}


def _stress(g: Given) -> dict[str, float]:
    current = np.array(g["current"], np.float64)
    plain = stress_weighted(current, g["stress"], weight=g["w"]).tolist()
    above = stress_weighted(current, g["stress"], weight=g["w"], floored=True).tolist()
    return _listed("margin", plain) | _listed("margin_floored_at_current", above)


def _floor(g: Given) -> dict[str, float]:
    return _listed("margin_pct", (g["multiplier"] * floored(np.array(g["sigma_now"]), g["sigma_10y"])).tolist())


def _listed(name: str, values: list[float]) -> dict[str, float]:
    return {f"{name}[{n}]": x for n, x in enumerate(values)}


KINDS: tuple[tuple[str, Kind], ...] = (
    ("chi2_crit", _kupiec),
    ("x", _basel),
    ("violation_days_1_based", _christoffersen),
    ("v", _first_failure),
    ("pnl", _statistics),
    ("dist", _critical),
    ("stress", _stress),
    ("sigma_10y", _floor),
)
"""An input that only one kind of case has -> what it asks for."""
UNSURE = "z2_0_01pct_simulated"
"""A column that its source calls noisy (0.3): four of 40,000 histories would decide it."""


def wanted(expected: Given) -> dict[str, float]:
    """Return the numbers that a case asserts, words and lists spelled out."""
    found: dict[str, float] = {}
    for name, value in expected.items():
        if isinstance(value, str):
            found[f"{name} {value}"] = 1.0
        elif isinstance(value, list):
            found |= _listed(name, [float(x) for x in value])
        elif name != UNSURE:
            found[name] = float(value)
    return found


def decimals(value: float) -> int:
    """Return how many decimals a number was written with.

    >>> decimals(8.11), decimals(4.0), decimals(1e-08)
    (2, 0, 8)
    """
    exponent = Decimal(repr(float(value))).normalize().as_tuple().exponent
    return max(-int(exponent), 0)


def precisions(file: Mapping[str, Any]) -> dict[str, float]:
    """Return half of the last decimal that a number of a name is written with anywhere in a file."""
    places: dict[str, int] = {}
    for case in file["vectors"]:
        for name, value in wanted(case["expected"]).items():
            places[name] = max(places.get(name, 0), decimals(value))
    return {name: 0.5 * 10.0**-n for name, n in places.items()}


def replay_coverage(case: Mapping[str, Any], file: Mapping[str, Any], components: float, totals: float) -> Replay:
    """Return the checks of one case, within what it was written with or the tolerance that it states."""
    given, written = case["inputs"], precisions(file)
    answer = next(kind for name, kind in KINDS if name in given)
    got, found = answer(given), []
    for name, want in wanted(case["expected"]).items():
        allowed = case.get("tolerance_abs", written[name] * 1.000001)
        found.append(Check(name, want, got.get(name, float("nan")), allowed / max(1.0, abs(want))))
    notes = (f"{UNSURE} is noisy by its source's own words: not looked at",) if UNSURE in case["expected"] else ()
    return Replay(case["id"], tuple(found), notes=notes)


REPLAYERS: Mapping[str, Replayer] = {
    "VaR/ES and margin coverage backtests": replay_coverage,
    "anti-procyclicality tools and metrics": replay_coverage,
}
"""A file's ``model`` -> how its cases are replayed."""
