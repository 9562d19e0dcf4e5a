"""``loadline forecast``: relisted and silent coins, jumps, scores, and JSON that holds no NaN."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from loadline.cli.environment import ExitCode
from loadline.forecast import scores as scoring
from loadline.foundation.errors import InputError
from loadline.foundation.units import format_time
from tests.cli.running import run

HOUR, START = 3_600_000, 1_700_000_400_000 // 3_600_000 * 3_600_000
BARS = 2600


def prices(seed: int, count: int, wild: int = 150) -> list[float]:
    """Hours whose volatility jumps at times."""
    draw = np.random.default_rng(seed)
    rough = np.zeros(count)
    for start in draw.integers(0, count, count // wild):
        rough[start : start + 24] = 1.0
    return list(100 * np.exp(np.cumsum(draw.standard_normal(count) * np.where(rough > 0, 0.03, 0.008))))


@pytest.fixture(scope="module")
def bars(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """BTC without a gap; LUNA relisted as another asset; GONE, whose bars end long before the last."""
    rows = ["time,symbol,close"]

    def write(coin: str, first: int, closes: list[float]) -> None:
        rows.extend(
            f"{format_time(START + (first + n) * HOUR)},{coin},{close!r}" for n, close in enumerate(map(float, closes))
        )

    write("BTC", 0, prices(1, BARS))
    write("GONE", 0, prices(2, BARS - 400))
    write("LATE", 0, prices(3, BARS - 60))
    write("LUNA", 0, prices(4, 800))
    write("LUNA", 1200, [x * 1e-4 for x in prices(5, BARS - 1200)])
    path = tmp_path_factory.mktemp("bars") / "bars.csv"
    path.write_text("\n".join(rows) + "\n", "utf-8")
    return path


def answer(bars: Path, *words: str) -> dict[str, Any]:
    ran = run(["forecast", str(bars), "--model", "EWMA 0.97", *words, "--json"])
    assert ran.code is ExitCode.OK, ran.out + ran.err

    def refused(text: str) -> None:
        raise AssertionError(text)

    return json.loads(ran.out, parse_constant=refused)


def test_a_relisted_symbol_means_what_trades_under_it(bars: Path) -> None:
    assert "known: BTC, GONE, LATE, LUNA\n" in run(["forecast", str(bars), "--coin", "DOGE"]).err
    found = answer(bars, "--horizon", "1d", "--coin", "LUNA")
    assert found["notes"] == ["LUNA is LUNA#2: what traded under it before was another asset"]
    assert found["results"][0]["periods"] == (BARS - 1200) // 24
    by_number = answer(bars, "--horizon", "1d", "--coin", "LUNA#2")
    assert by_number["results"] == found["results"]
    shown = run(["forecast", str(bars), "--horizon", "1d", "--model", "EWMA 0.97", "--coin", "LUNA"])
    assert "LUNA is LUNA#2" in shown.out


def test_before_it_was_relisted_the_name_means_what_traded_then(bars: Path) -> None:
    found = answer(bars, "--horizon", "1d", "--coin", "LUNA", "--at", format_time(START + 790 * HOUR))
    assert found["notes"] == [] and found["results"][0]["periods"] in (32, 33)  # of 791 hours, the first day not whole


def test_a_coin_without_bars_lately_has_no_answer_but_a_reason(bars: Path) -> None:
    found = answer(bars, "--horizon", "1d", "--coin", "GONE", "--coin", "BTC")
    gone = found["results"][0]
    assert gone["models"] == [] and gone["realised"] is None and gone["why"].startswith("no bar of GONE since ")
    assert found["spikes"][0]["probability"] is None and "GONE" in found["spikes"][0]["why"]
    assert 0 < found["spikes"][1]["probability"] < 1


def test_a_spike_that_cannot_be_told_is_told_so_never_nan(bars: Path) -> None:
    spike = answer(bars, "--horizon", "1d", "--coin", "LATE")["spikes"][0]
    assert spike["probability"] is None and "lacks bars in the last 168" in spike["why"]
    assert "nan" not in run(["forecast", str(bars), "--model", "EWMA 0.97", "--coin", "LATE"]).out.lower()


def test_a_jump_is_shown(tmp_path: Path) -> None:
    draw = np.random.default_rng(7)
    moves = draw.standard_normal(24 * 90 + 1) * 0.002
    moves[-5] = 0.08
    rows = [
        f"{format_time(START + n * HOUR)},BTC,{c!r}" for n, c in enumerate((100 * np.exp(np.cumsum(moves))).tolist())
    ]
    path = tmp_path / "bars.csv"
    path.write_text("time,symbol,close\n" + "\n".join(rows) + "\n", "utf-8")
    found = answer(path, "--horizon", "1d")["results"][0]["realised"]
    assert found["jump"] is True and 0 < found["bipower"] < 0.5 * found["vol"] and 0 < found["jump_rate"] < 0.1
    assert "a jump is flagged" in run(["forecast", str(path), "--horizon", "1d", "--model", "EWMA 0.97"]).out


def test_daily_bars_tell_no_jump() -> None:
    found = json.loads(run(["forecast", "closes.csv", "--model", "ewma 0.97", "--json"]).out)
    assert {r["realised"] for r in found["results"]} == {None}


def test_scores_have_both_losses_a_test_and_why_there_is_no_set(bars: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(*_: object, **__: object) -> list[str]:
        raise InputError("none here")

    monkeypatch.setattr(scoring, "confidence_set", absent)
    words = ["forecast", str(bars), "--horizon", "1d", "--coin", "BTC", "--model", "ewma", "--model", "har", "--scores"]
    found = json.loads(run([*words, "--json"]).out)
    (view,) = found["results"]
    told = {m["model"]: m for m in view["models"] if "qlike" in m}
    assert view["confidence_set"] == "none here" and {m["in_confidence_set"] for m in told.values()} == {None}
    assert told["EWMA 0.97"]["against_rival"] is None and told["EWMA 0.94"]["against_rival"]["p_value"] <= 1
    assert all(m["mse"] > 0 and m["scored"] > 10 for m in told.values())
    spike = found["spikes"][0]
    assert spike["scores"] is None and "a first fit needs" in spike["scores_why"]
    shown = run(words).out
    assert "MSE" in shown and "no confidence set: none here" in shown and "no scores of it" in shown


def test_models_of_the_set_are_marked(bars: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scoring, "confidence_set", lambda losses, **_: list(losses)[:1])
    words = ["forecast", str(bars), "--horizon", "1d", "--coin", "BTC", "--model", "ewma", "--scores"]
    lines = [line for line in run(words).out.partition("90% set")[2].splitlines() if line.startswith("EWMA")]
    assert sorted(line.endswith("yes") for line in lines) == [False, False, True]
    marked = json.loads(run([*words, "--json"]).out)["results"][0]["models"]
    assert [m.get("in_confidence_set") for m in marked] == [True, False, False, None]


def test_sample_is_a_word_for_the_embedded_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(["forecast", "sample", "--model", "ewma 0.97"]).code is ExitCode.OK
    ran = run(["margin", "sample", "--market", "sample", "--balances", "sample", "--account", "basis", "--json"])
    assert json.loads(ran.out)["results"][0]["status"] == "ok"
    assert run(["calibrate", "sample", "--symbols", "BTC"]).code is ExitCode.OK
    replayed = ["backtest", "--data", "sample", "--family", "perp-long", "--model", "isolated", "--from", "2026-05-20"]
    assert run([*replayed, "--coin", "BTC", "--horizon", "1d", "--workers", "1"]).code is ExitCode.OK
    (tmp_path / "sample").write_text("time,close\n", "utf-8")
    assert run(["forecast", "sample"]).code is ExitCode.ERROR  # a file of that name goes before it
