import json
from pathlib import Path

import pytest

from loadline.backtest.cases import REPLAYERS, decimals
from loadline.engine.verify import verify_file


@pytest.mark.parametrize(("name", "cases"), [("backtests", 37), ("procyclicality", 2)])
def test_published_cases(shared: Path, name: str, cases: int) -> None:
    report = verify_file(shared / "vectors" / f"{name}.json", more=REPLAYERS)
    assert [r.case for r in report.replays if not r.matched] == []
    assert len(report.replays) == cases


def test_a_wrong_expectation_is_noticed(tmp_path: Path) -> None:
    case = {"id": "one", "inputs": {"T": 250, "p": 0.01, "x": 5}, "expected": {"zone": "green", "kupiec_lr": 1.9568}}
    path = tmp_path / "cases.json"
    path.write_text(json.dumps({"model": "VaR/ES and margin coverage backtests", "vectors": [case]}), "utf-8")
    (replay,) = verify_file(path, more=REPLAYERS).replays
    assert [(c.component, c.ok) for c in replay.checks] == [("zone green", False), ("kupiec_lr", True)]


def test_decimals_as_written() -> None:
    assert [decimals(x) for x in (0.30, 12.0, 1e-8, 2.5)] == [1, 0, 8, 1]
