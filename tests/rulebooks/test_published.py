"""Every published case the engine has a rule for, replayed whole; nothing of it is copied here."""

import json
from pathlib import Path

import pytest

from loadline.engine.cases import tail
from loadline.engine.verify import FileReport, verify_file
from loadline.foundation.errors import InputError

REFUSED = "pmrm2/test_67_misc_skew_scenario_with_spot_move"
VECTORS = (
    "derive_pmrm.json",
    "derive_srm.json",
    "derive_math.json",
    "es_var.json",
    "paradex_pm.json",
    "paradex_docs.json",
)


def replayed(path: Path) -> FileReport:
    report = verify_file(path)
    assert report.misses == []
    assert [r.case for r in report.looked_at if not r.matched] == []
    assert report.ok
    return report


def test_derive_portfolio_margin(shared: Path) -> None:
    report = replayed(shared / "vectors" / "derive_pmrm.json")
    (refused,) = report.refused
    assert refused.case == REFUSED
    assert "a skew scenario may not move spot" in refused.refused
    assert {r.skipped for r in report.skipped} == {"computed by a port, not asserted by the source"}


def test_derive_standard_margin(shared: Path) -> None:
    report = replayed(shared / "vectors" / "derive_srm.json")
    assert not report.refused and not report.skipped


def test_derive_pricing(shared: Path) -> None:
    report = replayed(shared / "vectors" / "derive_math.json")
    assert not report.refused and not report.skipped
    assert report.worst_error < 1e-12


def test_tail_measures(shared: Path) -> None:
    report = replayed(shared / "vectors" / "es_var.json")
    assert not report.refused
    assert {r.case: r.skipped for r in report.skipped} == {"GARCH-FCP": tail.NOT_PUBLIC}
    prefixes = {prefix for r in report.looked_at for prefix in tail.KINDS if r.case.startswith(prefix)}
    assert prefixes == set(tail.KINDS)


def test_deribit_simulate_response(shared: Path) -> None:
    report = replayed(shared / "data" / "raw" / "deribit" / "pme_simulate_BTC_docs_2024-06-17.json")
    assert report.worst_error < 1e-12
    (replay,) = report.replays
    assert len(replay.checks) == 3 * (27 + 8) + 6  # two tables for two contracts and for both together, six scalars


def test_other_files_are_refused_or_say_what_they_skip(shared: Path) -> None:
    others = [p for p in (shared / "vectors").iterdir() if p.name not in VECTORS]
    others += [p for p in (shared / "data" / "raw" / "deribit").glob("*.json") if "pme_simulate" not in p.name]
    assert len(others) > 20
    said: list[str] = []
    for path in others:
        try:
            report = verify_file(path)
        except InputError as error:
            said.append(str(error))
        else:
            assert all(r.checks or r.skipped or r.refused for r in report.replays), path
    assert len(said) > 10
    assert all(any(s in line for s in ("not JSON", "not a case file", "no rule for model")) for line in said)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ("[]", "not a case file"),
        ('{"vectors": [1]}', "not a case file"),
        ('{"response": [], "result": 1}', "not a case file"),
        ('{"response": {"result": []}}', "not a case file"),
        ('{"vectors": []}', "no rule for model"),
        ('{"model": ["SRM"], "vectors": [{}]}', "no rule for model"),
    ],
)
def test_what_is_not_a_case_file(tmp_path: Path, content: str, said: str) -> None:
    path = tmp_path / "cases.json"
    path.write_text(content)
    with pytest.raises(InputError, match=said):
        verify_file(path)


def test_what_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "binary.json").write_bytes(b"\xff\xfe\x00")
    for name, said in (("absent.json", "no such file"), (".", "cannot be read"), ("binary.json", "not JSON")):
        with pytest.raises(InputError, match=said):
            verify_file(tmp_path / name)


@pytest.mark.parametrize("model", ["PMRM_2", "PMRM_1", "SRM", "black76", "svi_vol", "deribit-pme", "golden"])
def test_a_malformed_case_is_a_miss_with_a_reason(tmp_path: Path, model: str) -> None:
    path = tmp_path / "cases.json"
    path.write_text(json.dumps({"model": model, "vectors": [{"id": "x", "input": {"cash": None}}, {}]}))
    report = verify_file(path)
    assert not report.ok and report.matched == 0
    assert all("malformed" in r.notes[0] for r in report.replays)


def test_unknown_cases_beside_known_ones_are_skipped(tmp_path: Path) -> None:
    path = tmp_path / "cases.json"
    known = {"id": "a", "kind": "black76", "expected": {"call": 0.0, "put": 10.0}}
    known["input"] = {"forward": 100.0, "strike": 110.0, "vol": 0.0, "seconds": 0, "discount": 1.0}
    path.write_text(json.dumps({"vectors": [known, {"id": "b", "kind": "unheard of"}]}))
    report = verify_file(path)
    assert report.ok and report.matched == 1
    assert [r.skipped for r in report.skipped] == ["no rule for unheard of"]


def test_a_series_that_is_missing_is_a_miss(tmp_path: Path) -> None:
    case = {"id": "ORE-HS-X", "inputs": {"pnl_file": "absent.csv", "column": "All", "n": 1}, "expected": {}}
    path = tmp_path / "cases.json"
    path.write_text(json.dumps({"model": "VaR / ES / volatility", "vectors": [case]}))
    (replay,) = verify_file(path).replays
    assert not replay.matched and "series" in replay.notes[0]
