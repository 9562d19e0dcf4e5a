"""``loadline stress`` and ``loadline forecast``: pictures, words that are refused, and answers that agree."""

import json
import re
from pathlib import Path

import pytest

from loadline.cli.environment import ExitCode
from tests.cli.running import run

STRESS = ["stress", "book.json", "--market", "market.json", "--rulebook", "derive", "--account", "strangle"]


@pytest.fixture(autouse=True)
def _here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(Path(__file__).parent / "files")


def test_a_page_with_a_bar_for_today_and_for_each_stress(tmp_path: Path) -> None:
    path = tmp_path / "s.html"
    ran = run([*STRESS, "--named", "ftx", "--named", "terra", "--plot", str(path)])
    page = path.read_text("utf-8")
    assert ran.code is ExitCode.OK and "1 wallet" in ran.out
    assert page.count("<rect") == 3 and "2022-11-09" in page and "#b2182b" in page and "strangle" in page


def test_a_png(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    path = tmp_path / "s.png"
    assert run([*STRESS, "--named", "ftx", "--plot", str(path)]).code is ExitCode.OK
    assert path.read_bytes()[:4] == b"\x89PNG"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--plot", "x.pdf"], "no picture of the kind '.pdf'"),
        (["--window", "week"], "no window 'week'"),
        (["--unlisted", "guess"], "no unlisted 'guess'"),
        (["--named", "2"], "more than one stress '2'"),
        (["--history", "closes.csv"], "--history without --reverse"),
    ],
)
def test_words_that_are_refused(words: list[str], said: str) -> None:
    ran = run([*STRESS, *words])
    assert ran.code is not ExitCode.OK and said in ran.err.replace("\n    ", " ")


def test_the_table_says_what_the_document_says() -> None:
    words = [*STRESS, "--named", "2024-08", "--window", "day"]
    document = json.loads(run([*words, "--json"]).out)
    (result,) = document["results"]
    (row,) = [line for line in run(words).out.splitlines() if line.startswith("2024-08-05")]
    numbers = [float(x.replace(",", "")) for x in re.findall(r"(?<= )-?[\d,]+(?= )", row)]
    expected = [result[k] for k in ("pnl", "equity", "initial", "maintenance")]
    assert numbers == pytest.approx(expected, abs=0.5)
    assert document["stresses"][0]["moves"][0]["name"] == "BTC" and result["status"] in ("liquidated", "ok")


def test_a_coin_that_nobody_can_margin_is_told_and_exits_so() -> None:
    ran = run(["stress", "book.json", "--market", "market.json", "--rulebook", "gmx", "--named", "ftx"])
    assert ran.code is ExitCode.MISSING_DATA and "Unavailable" in ran.out


@pytest.mark.slow
def test_a_history_tells_how_prices_move() -> None:
    words = ["stress", "book.json", "--market", "market.json", "--rulebook", "isolated", "--account", "calls"]
    words += ["--named", "ftx", "--reverse", "--history", "closes.csv", "--json"]
    (found,) = json.loads(run(words).out)["reverse"]
    assert found["liquidation"]["covariance"].startswith("history to 2026-") and found["shares"][0]["stress"]


def test_a_drawing_of_forecasts(tmp_path: Path) -> None:
    path = tmp_path / "f.svg"
    ran = run(["forecast", "hours.csv", "--model", "ewma 0.9", "--plot", str(path)])
    assert ran.code is ExitCode.OK and path.read_text("utf-8").count("<circle") == 2


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--coin", "DOGE"], "no coin 'DOGE'"),
        (["--horizon", "1w"], "no horizon '1w'"),
        (["--at", "2020-01-01"], "no forecast can be made"),
    ],
)
def test_forecasts_that_are_refused(words: list[str], said: str) -> None:
    ran = run(["forecast", "hours.csv", *words])
    assert ran.code is not ExitCode.OK and said in ran.err
