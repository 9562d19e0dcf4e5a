"""Calibrating from the command line: the files it leaves margin a book, and every word it is given is checked."""

import csv
import json
import tomllib
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from loadline.engine.calibrate import Recipe
from loadline.foundation.units import MS_PER_DAY, format_time
from loadline.io.history import sample_history
from tests.cli.running import FILES, Ran, run
from tests.io.test_history import days, walk, write
from tests.scenarios.made_chains import made

HISTORY = str(sample_history())


def answer(*words: str) -> dict:
    ran = run(["calibrate", *words, "--json"], terminal=False)
    assert ran.err == "" and ran.code == 0, ran.err
    return json.loads(ran.out)


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("model") / "mine.toml"
    found = answer(HISTORY, "-o", str(path))
    assert found["written"] == [str(path), str(path.with_suffix("")) + ".moves.csv"]
    return path


def test_the_model_margins_a_book_and_says_which_it_is(model: Path) -> None:
    words = ["margin", str(FILES / "book.json"), "--market", str(FILES / "market.json"), "--rulebook", str(model)]
    ran = run([*words, "--json"], terminal=False)
    results = json.loads(ran.out)["results"]
    assert ran.code in (0, 2) and results and all(r["rulebook"] == "tail-mine" for r in results)
    assert all(r["initial"] > 0 for r in results if r["status"] != "unavailable")
    table = run(words)
    assert "tail-mine@2026-06-01" in table.out


def test_the_model_says_how_it_came_about(model: Path) -> None:
    told = tomllib.loads(model.read_text("utf-8"))
    made_of = told["calibration"]
    assert made_of["data"][0].startswith("history.csv sha256:") and made_of["as_of"] == "2026-06-01T00:00:00Z"
    assert made_of["recipe"]["seed"] == 20260101 and made_of["coins"]["SOL"]["liquidation_days"] == 3.0
    assert any(r.startswith("SOL: 152 of 1031 scenarios") for r in made_of["rules"])
    assert "moves of 2023-07" in told["version"][0]["source"]
    with model.with_name("mine.moves.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == sum(made_of["scenarios"].values()) and {r["family"] for r in rows} == {"history", "stress"}


def test_the_level_is_written(model: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.toml"
    assert answer(HISTORY, "--level", "0.99", "-o", str(other))["recipe"]["level"] == 0.99
    for path, level in ((model, Recipe().level), (other, 0.99)):
        told = tomllib.loads(path.read_text("utf-8"))
        assert told["version"][0]["measure"]["level"]["value"] == level == told["calibration"]["recipe"]["level"]


def test_the_same_words_leave_the_same_bytes(model: Path, tmp_path: Path) -> None:
    answer(HISTORY, "--out", str(tmp_path / "mine.toml"))
    for name in ("mine.toml", "mine.moves.csv"):
        assert (tmp_path / name).read_bytes() == (model.parent / name).read_bytes()


def test_what_came_later_is_not_looked_at(tmp_path: Path) -> None:
    lines = sample_history().read_text("utf-8").splitlines()
    cut = tmp_path / "history.csv"
    cut.write_text("\n".join([lines[0], *(x for x in lines[1:] if x < "2025-12-31")]) + "\n", "utf-8")
    at = ("--as-of", "2025-12-31")
    whole, short = (answer(f, *at) for f in (HISTORY, str(cut)))
    assert whole["results"] == short["results"] and whole["parameters"] == short["parameters"]


def test_bars_and_vols_of_one_coin_in_files_of_their_own(tmp_path: Path) -> None:
    rows = days(walk(700))
    bars = write(tmp_path / "bars.csv", [{"ts": r["ts"], "close": r["close"]} for r in rows])
    level = 60 + 10 * np.sin(np.arange(300) / 9)
    vols = write(tmp_path / "vols.csv", [{"ts": r["ts"], "dvol": v} for r, v in zip(rows[-300:], level, strict=True)])
    found = answer(f"BTC={bars}", "--implied", f"BTC={vols}")
    assert found["results"][0]["coin"] == "BTC" and 0.4 < found["results"][0]["level_filled"] < 0.7
    assert [s.split()[0] for s in found["source"]] == ["bars.csv", "vols.csv"]


def test_chains_give_levels_shapes_and_the_latest_prices(tmp_path: Path) -> None:
    of, _, _ = made("BTC", snapshots=60)
    rows = []
    for t, smiles in zip(of.time.tolist(), of.smiles, strict=True):
        for s in smiles:
            day = pl.from_epoch(pl.Series([s.expiry]), "ms").dt.strftime("%-d%b%y")[0].upper()
            rows += [
                {"ts": t, "instrument": f"BTC-{day}-{k:.0f}-C", "mark_iv": v, "forward": s.forward}
                for k, v in zip((s.forward * np.exp(s.x)).round(), s.vol, strict=True)
            ]
    pl.DataFrame(rows).write_parquet(tmp_path / "chain.parquet")
    first = int(of.time[0]) // MS_PER_DAY * MS_PER_DAY
    bars = write(tmp_path / "bars.csv", days(walk(400, start=50_000.0), start=first - 395 * MS_PER_DAY))
    out = tmp_path / "m.toml"
    words = ["calibrate", str(bars), "--chain", str(tmp_path / "chain.parquet"), "-o", str(out)]
    ran = run([*words, "--json"], terminal=False, error_terminal=True)
    found = json.loads(ran.out)
    assert "reading chains" in ran.err
    assert found["written"][2].endswith("m.surface.csv") and found["surfaces"][0]["coin"] == "BTC"
    assert found["as_of"] == format_time((int(of.time[-1]) // MS_PER_DAY) * MS_PER_DAY)
    assert any("prices of" in r and "from their forwards" in r for r in found["rules"])
    assert "Vol surfaces" in run(words[:-2]).out


def refusal(*words: str) -> Ran:
    ran = run(["calibrate", *words])
    assert ran.code == 1 and ran.out == ""
    return ran


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "calibrate needs HISTORY"),
        (["nothing.csv"], "no file 'nothing.csv'"),
        ([f"BTC={HISTORY}"], "more than BTC"),
        ([HISTORY, "--symbols", "DOGE"], "no bars of DOGE"),
        ([HISTORY, "--horizon", "36h"], "a horizon of 1.5 days"),
        ([HISTORY, "--size", "many"], "'many' is no size"),
        ([HISTORY, "--size", "-1"], "'-1' is no size"),
        ([HISTORY, "--level", "96.5"], "'96.5' is no level"),
        ([HISTORY, "--level", "0.5"], "'0.5' is no level"),
        ([HISTORY, "--level", "high"], "'high' is no level"),
        ([HISTORY, "--drawn", "7"], "7 scenarios"),
        ([HISTORY, "--seed", "1.5"], "'1.5' is no seed"),
        ([HISTORY, "--set", "tail.stress.weight=7"], "stress.weight"),
        ([HISTORY, "--implied", HISTORY, "--as-of", "2020-01-01"], "no bar by then"),
        ([HISTORY, "-o", "no/such/folder/m.toml"], "cannot be written"),
    ],
)
def test_words_that_cannot_be(words, said) -> None:
    assert said in refusal(*words).err
