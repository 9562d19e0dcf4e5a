"""The golden cases: all replayed, every parameter at its least and most, the files as their maker writes them."""

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from loadline.engine.cases import golden
from loadline.engine.verify import verify_file
from loadline.io.market import read_market
from loadline.rulebooks.rulebook import SHIPPED, load
from tools import golden as maker
from tools.golden_extremes import ends_of

FOLDER = Path(__file__).resolve().parents[2] / "cases"
FILES = sorted(FOLDER.glob("*/*.json"))
LEAST_CASES = 12
LARGEST_FOLDER = 4_000_000
QUICK = ("isolated", "derive-srm")
"""Rulebooks whose files are made anew on every run; the long tier makes all."""


@cache
def content(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return found


def cases_of(name: str) -> list[dict[str, Any]]:
    return [case for path in sorted((FOLDER / name).glob("*.json")) for case in content(path)["vectors"]]


@pytest.mark.parametrize("path", FILES, ids=lambda p: f"{p.parent.name}/{p.stem}")
def test_every_case_is_reproduced(path: Path) -> None:
    report = verify_file(path)
    assert report.misses == []
    assert report.ok and not report.refused and not report.skipped
    assert report.matched == report.total == content(path)["verification"]["vectors"]


@pytest.mark.parametrize("name", SHIPPED)
def test_every_rulebook_has_cases(name: str) -> None:
    cases = cases_of(name)
    assert len(cases) >= LEAST_CASES
    assert len({case["id"] for case in cases}) == len(cases)
    assert {case["input"]["rulebook"].partition("@")[0] for case in cases} == {name}
    dates = {case["input"]["rulebook"].partition("@")[2] for case in cases}
    assert dates == {v.label.rpartition("@")[2] for v in load(name).versions}


@pytest.mark.parametrize("name", SHIPPED)
def test_every_parameter_has_a_least_and_a_most(name: str) -> None:
    family = name.split("-")[0]
    covered = {}
    for case in cases_of(name):
        if "covers" in case:
            changes = {path.partition(".")[2]: value for path, value in case["input"]["overrides"].items()}
            parameter = case["covers"]["parameter"]
            values = [v for path, v in changes.items() if path == parameter or path.startswith(parameter + ".")]
            covered[parameter, case["covers"]["end"]] = values
    wanted = {
        (parameter.name, end): value
        for parameter in load(name).versions[-1].parameters.values()
        for end, value in ends_of(family, parameter)
    }
    assert set(covered) == set(wanted)
    for key, value in wanted.items():
        assert covered[key] and all(v == value for v in covered[key]), key


@pytest.mark.parametrize("path", FILES, ids=lambda p: f"{p.parent.name}/{p.stem}")
def test_the_market_is_a_snapshot_that_io_reads(path: Path, tmp_path: Path) -> None:
    for name, snapshot in content(path)["markets"].items():
        file = tmp_path / f"{name}.json"
        file.write_text(json.dumps(snapshot))
        read, made = read_market(file), golden.market_of(name, content(path))
        assert not read.defects
        # a reader adds stablecoins that the file does not price
        assert read.replace(fx={c: read.fx[c] for c in made.fx}).identity == made.identity


def test_the_files_stay_small() -> None:
    assert sum(path.stat().st_size for path in FILES) < LARGEST_FOLDER


@pytest.mark.parametrize("name", QUICK)
def test_the_files_are_as_their_maker_writes_them(name: str) -> None:
    assert maker.main(["--check", name]) == 0


@pytest.mark.slow
def test_all_files_are_as_their_maker_writes_them() -> None:
    assert maker.main(["--check"]) == 0


def test_a_wrong_number_is_found(tmp_path: Path) -> None:
    whole = content(FOLDER / "isolated" / "books_coin.json")
    for path in ("equity", "components", "parts", "currency", "notes"):
        spoiled = json.loads(json.dumps(whole))
        want = spoiled["vectors"][0]["expected"]
        if path == "equity":
            want["equity"] *= 1.0 + 1e-8
        elif path == "components":
            want["components"]["initial"] *= 1.0 + 1e-7
        elif path == "parts":
            want["parts"] = {"nothing": 1.0}
        elif path == "currency":
            want["currency"] = "EUR"
        else:
            want["notes"] = ["never said"]
        file = tmp_path / "spoiled.json"
        file.write_text(json.dumps(spoiled))
        report = verify_file(file)
        assert not report.ok and report.matched == report.total - 1, path


def test_an_account_that_cannot_be_answered_is_a_miss(tmp_path: Path) -> None:
    whole = json.loads(json.dumps(content(FOLDER / "isolated" / "books_coin.json")))
    whole["vectors"][0]["input"]["positions"][0]["instrument"] = "BTC-NEVER-LISTED"
    (tmp_path / "cases.json").write_text(json.dumps(whole))
    report = verify_file(tmp_path / "cases.json")
    assert report.matched == report.total - 1
    assert any("BTC-NEVER-LISTED" in note for r in report.replays for note in r.notes)
