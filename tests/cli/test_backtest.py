"""``loadline backtest`` on made-up closes: gaps, look-ahead, tests that cannot be made, cost, and its pictures."""

import json
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from loadline.backtest.frontier import Point
from loadline.backtest.remarks import Remark
from loadline.cli.backtest_plot import LINE, drawing, panels, spread, tall, write_frontier
from loadline.cli.backtest_view import shared_notes
from loadline.foundation.units import format_time
from tests.backtest import made
from tests.cli.running import run

BASE = ["backtest", "--data", "closes.csv", "--family", "perp-long", "--family", "perp-short"]


@pytest.fixture(scope="module")
def closes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Closes of two coins, the second without some days."""
    bars = made.history(400, coins=("BTC", "XYZ"))
    path = tmp_path_factory.mktemp("bars") / "made.csv"
    rows = ["time,symbol,close"]
    for k, at in enumerate(bars.time.tolist()):
        for n, coin in enumerate(bars.names):
            if coin == "BTC" or k < 380:
                rows.append(f"{format_time(at)},{coin},{bars.close[k, n]:.6g}")
    path.write_text("\n".join(rows) + "\n")
    return path


def document(*words: str) -> dict:
    ran = run([*words, "--json"])
    assert ran.err == "", ran.err
    return json.loads(ran.out)


def test_a_coin_that_ends_is_counted_and_ends_nothing(closes: Path) -> None:
    found = document("backtest", "--data", str(closes), "--family", "perp-long", "--model", "isolated", "--from",
                     "2026-01-01", "--coin", "BTC", "--coin", "XYZ")  # fmt: skip
    said = {(g["account"], g["reason"]): g["dates"] for g in found["gaps"] if not g["model"]}
    assert said["XYZ perp-long", "no price of XYZ"] == 18
    assert said["XYZ perp-long", "no price on the way: XYZ_USDC-PERPETUAL"] == 2
    assert [r["gaps"] for r in found["results"]] == [0]


def test_reasons_that_differ_in_figures_are_one_kind_and_dates_hit_says_what_it_leaves_out(closes: Path) -> None:
    words = ["backtest", "--data", str(closes), "--history", str(closes), "--model", "tail", "--coin", "BTC",
             "--family", "perp-long", "--family", "perp-short", "--horizon", "1d", "--every", "15d"]  # fmt: skip
    found = document(*words)
    assert len(found["gaps"]) == 2 and found["gaps"][0]["dates"] == found["gaps"][1]["dates"] > 5
    assert "…" in found["gaps"][0]["reason"] and re.search(r"\d", found["gaps"][0]["example"])
    (test,) = found["dates_hit"]
    assert test["left_out"] == found["gaps"][0]["dates"] and test["passed"] is not None and test["why"] is None
    (first, _) = found["results"]
    assert first["shortfall"]["why"] is None and first["coverage"] == 1.0 - first["rate"]
    assert found["look_ahead"] == []  # made from what was known at each date
    drawn = run(words, terminal=True).out
    assert f"{test['left_out']} dates without an answer" in " ".join(drawn.split()) and "others differ" in drawn


def test_dates_hit_says_why_it_cannot_be_made() -> None:
    found = document(*BASE, "--model", "static")
    assert "how likely" in found["dates_hit"][0]["why"]
    early = document(*BASE, "--model", "tail", "--history", "closes.csv", "--coin", "BTC")
    assert early["dates_hit"][0]["why"] == "no date has an answer" and not early["results"]


def test_parameters_of_later_are_flagged_loudly(closes: Path) -> None:
    words = ["backtest", "--data", str(closes), "--family", "perp-long", "--coin", "BTC", "--model",
             "derive@2026-02-01", "--from", "2025-06-01", "--to", "2025-06-20"]  # fmt: skip
    found = document(*words)
    (late,) = found["look_ahead"]
    assert late["dates"] == late["of"] == found["dates"] and late["effective"] > late["last"]
    drawn = " ".join(run(words, terminal=True).out.split())
    assert "LOOK-AHEAD: derive@2026-02-01 on all dates" in drawn


def test_cost_against_a_model_and_the_rise(tmp_path: Path) -> None:
    both = [*BASE, "--model", "static", "--model", "tail", "--against", "static"]
    found = document(*both, "--rise-days", "20", "--plot", str(tmp_path / "f.html"))
    ours, theirs = {f["model"]: f["cost"] for f in found["frontier"]}.values(), found["frontier"][0]["cost"]
    assert theirs is None and found["rise_days"] == 20.0 and found["written"]
    (cost,) = [c for c in ours if c]
    assert cost["rival"] == "static" and cost["nominal"]["low"] <= cost["nominal"]["value"] <= cost["nominal"]["high"]
    for words, told in ((("--against", "derive"), "not one of"), (("--rise-days", "none"), "no number of days"),
                        (("--plot", "f.pdf"), "no picture")):  # fmt: skip
        ran = run([*BASE, "--model", "static", *words])
        assert told in ran.err and ran.out == ""


def test_one_coin_has_no_basket(closes: Path, tmp_path: Path) -> None:
    lonely = tmp_path / "one.csv"
    lonely.write_text("".join(x for x in closes.read_text().splitlines(keepends=True) if "XYZ" not in x))
    found = document("backtest", "--data", str(lonely), "--model", "static", "--from", "2026-02-01")
    assert {r["account"] for r in found["results"]} == {"BTC perp-long", "BTC perp-short"} and not found["gaps"]


MANY = [
    Point(f"model {k}", 100, 0.99 - 1e-4 * (k % 3), 0.1 + 1e-3 * k, 1.5 if k % 4 else None, k % 2) for k in range(30)
]


def test_names_never_overprint() -> None:
    for panel in panels(MANY):
        heights = np.sort(panel.heights)
        assert (np.diff(heights) >= LINE / tall(len(panel.names)) - 1e-9).all() and 0 <= heights[0] <= heights[-1] <= 1
        drawn = drawing(panel)
        assert all(f">{name}</text>" in drawn for name in panel.names)
    assert len(panels(MANY)[1].names) == 22 and "model 0" in panels(MANY)[1].left_out
    assert spread([], 0.1) == () and spread([0.4], 0.1) == (0.4,)


def test_both_kinds_of_picture_are_written(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    for points in (MANY, MANY[1:2], [Point("free", 5, 1.0, 0.0, None, 0)]):
        for name in ("f.png", "f.html"):
            assert "model" in write_frontier(tmp_path / name, points, "2 dates")
            assert (tmp_path / name).stat().st_size > 500
    assert (tmp_path / "f.png").read_bytes().startswith(b"\x89PNG")


def test_without_a_model_named_both_defaults_are_asked() -> None:
    words = [*BASE, "--coin", "BTC"]
    assert [f["model"] for f in document(*words)["frontier"]] == ["tail", "deribit-xpm"]
    assert "deribit-xpm" in run(words, terminal=True).out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--level", "0.99"], "--level without --history"),
        (["--stamp", "close"], "--stamp without --history"),
        (["--model", "isolated", "--history", "closes.csv"], "--history without the model tail"),
    ],
)
def test_what_would_change_nothing_is_refused(words: list[str], said: str) -> None:
    ran = run([*BASE, *words])
    assert ran.code == 1 and said in ran.err


def test_what_is_odd_in_the_data_and_the_rules_of_the_last_calibration_are_told() -> None:
    words = ["backtest", "--data", "sample", "--history", "sample", "--model", "tail", "--forecast", "log-HAR",
             "--family", "perp-long", "--coin", "BTC", "--from", "2026-05-26"]  # fmt: skip
    found = document(*words)
    said = "BTC: no forecast 'log-HAR': it stands on bars finer than a day"
    assert said in found["rules"] and found["warnings_total"] == len(found["warnings"]) == 6
    drawn = " ".join(run(words, terminal=True).out.split())
    assert said in drawn and "Rules of the calibration of 2026-05-30" in drawn and "6 defects in the data" in drawn
    assert "2 more rules" in drawn and "more rule" not in run([*words, "--explain"], terminal=True).out
    early = document(*BASE, "--model", "tail", "--history", "closes.csv", "--coin", "BTC")
    assert early["rules"] == [] and early["gaps"]


def test_a_note_that_all_models_share_is_said_for_the_one_that_has_it_most_often() -> None:
    def judged(*dates: int) -> Any:
        return SimpleNamespace(notes=[Remark("m", "a kind", "its words", list(dates))])

    assert [n.count for n in shared_notes([judged(1), judged(1, 2, 3), judged(1, 2)])] == [3]
    assert shared_notes([judged(1)]) == []
