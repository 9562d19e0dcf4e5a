"""Numbers other people printed, kept in ../shared: they are checked where they are at hand and never copied here."""

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from loadline.kernels import black76, parametric, surface, tail


def cases(shared: Path, file: str, *starts: str) -> list[dict[str, Any]]:
    found = json.loads((shared / "vectors" / file).read_text())["vectors"]
    return [case for case in found if case["id"].startswith(starts)]


def one(*values: float) -> list[np.ndarray]:
    return [np.array([value]) for value in values]


def test_black76(shared: Path) -> None:
    found = cases(shared, "derive_math.json", "black76")
    assert found
    for case in found:
        x, expected = case["input"], case["expected"]
        state = (x["forward"], x["strike"], x["vol"], x["seconds"] / (365 * 86400))
        call, put = (x["discount"] * black76.value1(*one(*state, w))[0] for w in (1.0, -1.0))
        assert call == pytest.approx(expected["call"], abs=1e-6), case["id"]
        assert put == pytest.approx(expected["put"], abs=1e-6), case["id"]
        if "undiscounted_call_delta" in expected:
            delta = black76.greeks(*one(*state, 1.0))[0][0]
            assert delta == pytest.approx(expected["undiscounted_call_delta"], abs=1e-9), case["id"]


def test_svi(shared: Path) -> None:
    found = cases(shared, "derive_math.json", "svi")
    assert found
    for case in found:
        x, expected = case["input"]["svi"], case["expected"]
        K, F = one(case["input"]["strike"], x["fwd"])
        vol, status = surface.svi_vol(K, F, x["tau"], x["a"], x["b"], x["rho"], x["m"], x["sigma"])
        assert status[0] == surface.SviStatus.OK
        if "vol" in expected:
            assert vol[0] == pytest.approx(expected["vol"], abs=1e-9), case["id"]
        else:  # printed with six digits, the rest cut off
            k = surface.svi_log_moneyness(K, F, x["a"], x["b"], x["sigma"])[0]
            assert np.trunc(k * 1e6) / 1e6 == expected["log_moneyness_trunc6"]
            assert np.trunc(vol[0] * 1e6) / 1e6 == expected["vol_trunc6"]


def test_closed_forms(shared: Path) -> None:
    found = cases(shared, "es_var.json", "CF-")
    assert len(found) >= 14
    for case in found:
        level, expected, kind = case["inputs"]["confidence"], case["expected"], case["id"].split("-")[1]
        if kind == "N":
            var, es = parametric.normal_var_es(level)
            assert var == pytest.approx(expected["var"], abs=1e-12), case["id"]
            assert es == pytest.approx(expected["es"], abs=1e-12), case["id"]
            continue
        nu = float(kind[1:])
        var, es = parametric.student_t_var_es(level, nu)
        unit = np.sqrt((nu - 2) / nu)
        for got, name in ((var, "var"), (es, "es"), (var * unit, "var_unit_variance"), (es * unit, "es_unit_variance")):
            assert got == pytest.approx(expected[name], abs=6e-11), (case["id"], name)


def hull(case: dict[str, Any]) -> np.ndarray:
    """The published losses in their places; the scenarios not printed gain something."""
    x = np.full((1, case["inputs"]["n"]), 1000.0)
    for scenario, loss in case["inputs"]["worst_losses"]:
        x[0, scenario - 1] = -loss
    return x


def test_historical_simulation_with_equal_weights(shared: Path) -> None:
    (case,) = cases(shared, "es_var.json", "HULL-02")
    x = hull(case)
    assert -tail.value_at_risk(x, 0.99)[0] == case["expected"]["var"]
    assert -tail.expected_shortfall(x, 0.99)[0] == pytest.approx(case["expected"]["es"], abs=1)
    assert tail.expected_shortfall(x, 0.99)[0] == pytest.approx(tail.tail_mean(x, 5)[0], rel=1e-15)


def test_historical_simulation_with_exponential_weights(shared: Path) -> None:
    (case,) = cases(shared, "es_var.json", "HULL-03")
    x, n, decay = hull(case), case["inputs"]["n"], case["inputs"]["lam"]
    weights = decay ** np.arange(n - 1, -1, -1) * (1 - decay) / (1 - decay**n)
    printed = [round(weights[scenario - 1], 5) for scenario, _ in case["inputs"]["worst_losses"][:5]]
    assert printed == case["expected"]["weights"]
    assert -tail.value_at_risk(x, 0.99, weights)[0] == case["expected"]["var"]
    assert -tail.expected_shortfall(x, 0.99, weights)[0] == pytest.approx(case["expected"]["es"], abs=1)
    assert -(tail.tail_weights(x, 0.99, weights) @ x[0])[0] == pytest.approx(case["expected"]["es"], abs=1)


def test_overlapping_ten_day_pnl(shared: Path) -> None:
    for case in cases(shared, "es_var.json", "ORE-HS-"):
        with (shared / "vectors" / case["inputs"]["pnl_file"]).open() as file:
            x = np.array([[float(row[case["inputs"]["column"]]) for row in csv.DictReader(file)]])
        assert x.shape[1] == case["inputs"]["n"]
        for p, expected in case["expected"]["quantiles"].items():
            assert tail.value_at_risk(x, 1 - float(p))[0] == pytest.approx(expected, abs=1e-5), (case["id"], p)
        for p, expected in case["expected"]["tail_means"].items():
            k = tail.tail_count(x.shape[1], 1 - float(p))
            assert tail.tail_mean(x, k)[0] == pytest.approx(expected, abs=1e-5), (case["id"], p)


def test_euler_allocation(shared: Path) -> None:
    (case,) = cases(shared, "es_var.json", "EULER-01")
    pnl, k, expected = np.array(case["inputs"]["pnl"]).T, case["inputs"]["tail_count"], case["expected"]
    total = pnl.sum(axis=0)[None, :]
    assert sorted(tail.smallest(total, k)[0]) == expected["tail_scenarios_0_based"]
    assert -tail.tail_mean(total, k)[0] == pytest.approx(expected["es_total"])
    weights = tail.tail_weights(total, 1 - k / total.size)[0]
    np.testing.assert_allclose(-(pnl @ weights), expected["contributions"])
    np.testing.assert_allclose(-tail.tail_mean(pnl, k), expected["standalone_es"])


def test_component_var(shared: Path) -> None:
    (case,) = cases(shared, "es_var.json", "JOR-01")
    x, expected = case["inputs"], case["expected"]
    delta, sigma = np.array(x["positions"]), np.array(x["sigma"])
    covariance = np.outer(sigma, sigma) * np.array([[1, x["corr"]], [x["corr"], 1]])
    got = parametric.parametric_var(delta, covariance, x["alpha"])
    assert got.total == pytest.approx(expected["portfolio_var"], abs=1)
    assert got.undiversified == pytest.approx(expected["undiversified"], abs=1)
    np.testing.assert_allclose(got.individual, expected["individual_var"], atol=1)
    np.testing.assert_allclose(got.marginal, expected["marginal_var"], atol=1e-4)
    np.testing.assert_allclose(got.component, expected["component_var"], atol=1)
    trade = np.array(x["increment"])
    assert got.marginal @ trade == pytest.approx(expected["incremental_approx"], abs=1)
    after = parametric.parametric_var(delta + trade, covariance, x["alpha"])
    assert after.total - got.total == pytest.approx(expected["incremental_exact"], abs=1)


def test_delta_gamma_normal(shared: Path) -> None:
    found = cases(shared, "es_var.json", "ORE-PV-")
    assert found
    for case in found:
        x = case["inputs"]
        gamma = np.zeros((len(x["delta"]), len(x["delta"])))
        for i, j, value in x["gamma_nonzero"]:
            gamma[i, j] = gamma[j, i] = value
        mean, deviation = parametric.delta_gamma_moments(np.array(x["delta"]), gamma, np.diag(x["variance_diag"]))
        for p, expected in case["expected"]["quantiles"].items():
            z = parametric.normal_var_es(float(p))[0]
            assert mean + z * deviation == pytest.approx(expected, abs=case["tolerance_abs"]), (case["id"], p)
