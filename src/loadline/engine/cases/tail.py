"""Cases of the tail measures: closed forms, historical simulation, component and parametric value at risk, Euler."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from loadline.engine.cases.case import Check, Replay, checks
from loadline.forecast.volatility import Garch, ewma, ewma_covariance
from loadline.foundation.errors import InputError
from loadline.foundation.table import Floats
from loadline.kernels import parametric
from loadline.scenarios.historical import filtered
from loadline.tape.frame import LEVELS, Classes, Frame
from loadline.tape.pull import account_leaf, pull
from loadline.tape.term import Axis, column, constant

NOT_PUBLIC = "the series that it was fitted to does not come with the case"


def replay_tail(case: Mapping[str, Any], file: Mapping[str, Any], components: float, totals: float) -> Replay:
    """Return the checks of one case, by the prefix of its name; losses are positive in these files.

    ``totals``: relative tolerance, where the case states none; ``components`` is not used.
    """
    name = str(case["id"])
    for prefix, replay in KINDS.items():
        if name.startswith(prefix):
            return Replay(name, replay(case, file, totals))
    if name.startswith("GARCH"):
        return Replay(name, skipped=NOT_PUBLIC)
    return Replay(name, skipped="not one of the tail measures this engine has")


def _near(case: Mapping[str, Any], got: Mapping[str, Any], tolerance: float, prefix: str = "") -> tuple[Check, ...]:
    """Checks within the absolute tolerance that a case states for numbers printed in short, or a relative one."""
    want = {k: v for k, v in case["expected"].items() if k in got}
    printed = case.get("tolerance_abs")
    found = checks(want, got, tolerance)
    if printed is None:
        return found
    return tuple(Check(prefix + c.component, c.expected, c.got, printed / max(1.0, abs(c.expected))) for c in found)


def _closed_form(case: Mapping[str, Any], file: Mapping[str, Any], tolerance: float) -> tuple[Check, ...]:
    level, kind = case["inputs"]["confidence"], case["id"].split("-")[1]
    if kind == "N":
        var, es = parametric.normal_var_es(level)
        return checks(case["expected"], {"var": var, "es": es}, tolerance)
    nu = float(kind.removeprefix("T"))
    var, es = parametric.student_t_var_es(level, nu)
    unit = ((nu - 2.0) / nu) ** 0.5
    got = {"var": var, "es": es, "var_unit_variance": var * unit, "es_unit_variance": es * unit}
    return checks(case["expected"], got, tolerance)


def _history(case: Mapping[str, Any], file: Mapping[str, Any], tolerance: float) -> tuple[Check, ...]:
    """The printed losses in their places; what is not printed gains more than anything lost."""
    from loadline.kernels import tail  # compiled code: loaded on first use

    given, n = case["inputs"], case["inputs"]["n"]
    x = np.full((1, n), 1e6)
    for scenario, loss in given["worst_losses"]:
        x[0, scenario - 1] = -loss
    weights = None
    got: dict[str, Any] = {}
    if "lam" in given:
        decay = given["lam"]
        weights = decay ** np.arange(n - 1, -1, -1) * (1 - decay) / (1 - decay**n)
        got["weights"] = [round(float(weights[s - 1]), 5) for s, _ in given["worst_losses"]]
    got["var"] = -float(tail.value_at_risk(x, given["confidence"], weights)[0])
    got["es"] = -float(tail.expected_shortfall(x, given["confidence"], weights)[0])
    return _near(case, got, tolerance)


def _simulated(case: Mapping[str, Any], file: Mapping[str, Any], tolerance: float) -> tuple[Check, ...]:
    """Quantiles and tail means of a PnL series that stands in a file beside the cases."""
    from loadline.kernels import tail  # compiled code: loaded on first use

    x = _series(Path(file["folder"]) / case["inputs"]["pnl_file"], case["inputs"]["column"])
    found: list[Check] = [Check("n", float(case["inputs"]["n"]), float(x.shape[1]), 0.0)]
    measures: dict[str, Callable[[float], Floats]] = {
        "quantiles": lambda p: tail.value_at_risk(x, 1.0 - p),
        "tail_means": lambda p: tail.tail_mean(x, tail.tail_count(x.shape[1], 1.0 - p)),
    }
    for name, measure in measures.items():
        for p, want in case["expected"][name].items():
            part = {"expected": {p: want}, "tolerance_abs": case["tolerance_abs"]}
            found += _near(part, {p: float(measure(float(p))[0])}, tolerance, prefix=f"{name} ")
    return tuple(found)


def _series(path: Path, name: str) -> Floats:
    """Return (1, S) one column of a comma-separated file of plain numbers."""
    try:
        lines = path.read_text("utf-8").split()
    except OSError as error:
        raise InputError(
            "the case's PnL series is not there", where=str(path), remedy="keep it by the cases"
        ) from error
    column_of = lines[0].split(",").index(name)
    return np.array([[float(line.split(",")[column_of]) for line in lines[1:]]])


def _euler(case: Mapping[str, Any], file: Mapping[str, Any], tolerance: float) -> tuple[Check, ...]:
    """Contributions through the tape: the tail of an account's PnL, pulled back to its positions."""
    from loadline.kernels import tail  # compiled code: loaded on first use

    pnl, k, want = np.array(case["inputs"]["pnl"]).T, case["inputs"]["tail_count"], case["expected"]
    n, s = pnl.shape
    place = np.arange(n)
    code = {level: place if level == "position" else np.zeros(n, np.int64) for level in LEVELS[:-1]}
    names = [f"position {i}" for i in range(n)]
    frame = Frame(Classes(code, dict.fromkeys(code, names)), np.zeros(n, np.int64), place, ["case"])
    frame.columns["position", "quantity"] = np.ones(n)
    axis = Axis("scenario", tuple(map(str, range(s))))
    total = (column(frame, "quantity") * constant(pnl, "position", axis)).net("account")
    shortfall = total.tail("scenario", partial(tail.tail_weights, level=1.0 - k / s), "expected shortfall")
    (leaf,) = pull(shortfall, "average")
    worst = sorted(tail.smallest(total.numbers(), k)[0].tolist())
    got = {
        "tail_scenarios_0_based": worst,
        "es_total": -float(shortfall),
        "contributions": [-amount for _, amount in account_leaf(leaf, frame, 0)],
        "standalone_es": (-tail.tail_mean(pnl, k)).tolist(),
    }
    return checks(want, got, tolerance)


def _ewma(case: Mapping[str, Any], file: Mapping[str, Any], tolerance: float) -> tuple[Check, ...]:
    given = case["inputs"]
    v0, c0 = given["v0"], given["c0"]
    start = np.array([[v0[0], c0], [c0, v0[1]]])
    path = ewma_covariance(np.array([given["x"], given["y"]]).T, given["lam"], start)
    rows = zip(path[1:], case["expected"]["path_var_x_var_y_cov"], strict=True)
    found: tuple[Check, ...] = ()
    for t, (m, want) in enumerate(rows):
        found += checks({f"t{t}": want}, {f"t{t}": [m[0, 0], m[1, 1], m[0, 1]]}, tolerance)
    return found


def _garch(case: Mapping[str, Any], file: Mapping[str, Any], tolerance: float) -> tuple[Check, ...]:
    g = case["inputs"]
    model = Garch(g["omega"], g["alpha"], g["beta"])
    variance = float(model.path(np.array([g["u_prev"]]), g["sigma_prev"] ** 2)[-1])
    got = {"variance": variance, "sigma": variance**0.5, "long_run_variance": model.long_run}
    return _near(case, got | {"long_run_sigma": model.long_run**0.5}, tolerance)


def _filtered(case: Mapping[str, Any], file: Mapping[str, Any], tolerance: float) -> tuple[Check, ...]:
    from loadline.kernels import tail  # compiled code: loaded on first use

    g, digits = case["inputs"], 5e-13
    r, k = np.array(g["returns"]), g["tail_count"]
    sigma = np.sqrt(ewma(r, g["lam"], g["initial_variance"]))
    got: dict[str, Any] = {"sigma_path": sigma.tolist(), "devolatilised": (r / sigma[:-1]).tolist()}
    for name, damping in (("full", 0.0), ("mid", 0.5)):
        scaled = filtered(r, sigma[:-1], sigma[-1], damping=damping, cap=np.inf)
        got[f"scaled_{name}"] = scaled.tolist()
        got[f"var_kth_worst_{name}"] = -float(np.sort(scaled)[k - 1])
        got[f"es_{name}"] = -float(tail.tail_mean(scaled[None], k)[0])
    return checks(case["expected"], got, digits)


def _component(case: Mapping[str, Any], file: Mapping[str, Any], tolerance: float) -> tuple[Check, ...]:
    given = case["inputs"]
    delta, sigma, trade = (np.array(given[name], np.float64) for name in ("positions", "sigma", "increment"))
    correlation = np.full((len(delta), len(delta)), float(given["corr"]))
    np.fill_diagonal(correlation, 1.0)
    covariance = correlation * np.outer(sigma, sigma)
    before, after = (parametric.parametric_var(x, covariance, given["alpha"]) for x in (delta, delta + trade))
    got = {
        "portfolio_var": before.total,
        "individual_var": before.individual.tolist(),
        "undiversified": before.undiversified,
        "component_var": before.component.tolist(),
        "incremental_approx": float(before.marginal @ trade),
        "incremental_exact": after.total - before.total,
    }
    # marginal figures are printed with four decimals, where a tolerance of one unit of money says nothing
    marginal = {"expected": {"marginal_var": case["expected"]["marginal_var"]}, "tolerance_abs": 1e-4}
    return _near(case, got, tolerance) + _near(marginal, {"marginal_var": before.marginal.tolist()}, tolerance)


def _delta_gamma(case: Mapping[str, Any], file: Mapping[str, Any], tolerance: float) -> tuple[Check, ...]:
    given = case["inputs"]
    gamma = np.zeros((len(given["delta"]), len(given["delta"])))
    for i, j, value in given["gamma_nonzero"]:
        gamma[i, j] = gamma[j, i] = value
    variance = np.diag(np.array(given["variance_diag"], np.float64))
    mean, deviation = parametric.delta_gamma_moments(np.array(given["delta"], np.float64), gamma, variance)
    quantiles = case["expected"]["quantiles"]
    got = {p: mean + parametric.normal_var_es(float(p))[0] * deviation for p in quantiles}
    part = {"expected": quantiles, "tolerance_abs": case["tolerance_abs"]}
    return _near(part, got, tolerance, prefix="quantile ")


KINDS: Mapping[str, Callable[[Mapping[str, Any], Mapping[str, Any], float], tuple[Check, ...]]] = {
    "CF-": _closed_form,
    "HULL-02": _history,
    "HULL-03": _history,
    "ORE-HS-": _simulated,
    "EULER-01": _euler,
    "JOR-01": _component,
    "ORE-PV-": _delta_gamma,
    "EWMA-": _ewma,
    "HULL-05": _garch,
    "FHS-": _filtered,
}
"""A case's prefix -> its checks."""
