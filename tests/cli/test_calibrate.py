"""Calibrating from the command line: the files it leaves margin a book, and every word it is given is checked."""

import csv
import json
import tomllib
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from loadline.engine.recipe import Recipe
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


def test_the_stressed_period_is_told_with_its_dates(model: Path) -> None:
    found, made_of = answer(HISTORY), tomllib.loads(model.read_text("utf-8"))["calibration"]
    with model.with_name("mine.moves.csv").open() as stream:
        dates = [row["label"] for row in csv.DictReader(stream) if row["family"] == "stress"]
    period = {"first": dates[0], "last": dates[-1]}
    assert found["stressed_period"] == made_of["stressed_period"] == period
    said = " ".join(run(["calibrate", HISTORY]).out.split())
    assert f"Stressed period: the 250 scenarios that begin {dates[0]} to {dates[-1]}; 25% of the requirement" in said
    short = " ".join(run(["calibrate", HISTORY, "--from", "2025-09-01", "--symbols", "BTC"]).out.split())
    assert "of a short history, not its worst year" in short


def test_what_is_drawn_has_no_dates_and_no_stressed_period(tmp_path: Path) -> None:
    out = tmp_path / "drawn.toml"
    found = answer(HISTORY, "--drawn", "400", "--tails", "student", "-o", str(out))
    assert found["stressed_period"] is None and found["recipe"]["stress"] == 0 == found["recipe"]["stress_weight"]
    assert {r["worst"]["start"] for r in found["results"]} == {None} == {r["best"]["start"] for r in found["results"]}
    assert found["recipe"]["tails"] == "student" and "stressed_period" not in out.read_text("utf-8")
    words = ["margin", str(FILES / "book.json"), "--market", str(FILES / "market.json"), "--rulebook", str(out)]
    assert run([*words, "--json"], terminal=False).code in (0, 2)
    told = run(["calibrate", HISTORY, "--drawn", "400"]).out
    assert "There is no stressed period." in " ".join(told.split())


def test_tools_against_procyclicality_are_flags() -> None:
    plain = answer(HISTORY)
    words = ("--stress-weight", "0.5", "--vol-floor", "0.25", "--long-run", "3650d", "--buffer", "0.25")
    found = answer(HISTORY, *words)
    said = found["recipe"]
    assert (said["stress_weight"], said["vol_floor"], said["long_run"], said["buffer"]) == (0.5, 0.25, 3650.0, 0.25)
    assert {"path": "stress.weight", "value": 0.5} in found["parameters"]
    pairs = zip(plain["results"], found["results"], strict=True)
    assert all(b["daily_volatility"] > a["daily_volatility"] for a, b in pairs)
    assert any("a buffer of 25% of margin" in r for r in found["rules"])


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
        ([HISTORY, "--horizon", "36h"], "for 1.5 days"),
        ([HISTORY, "--size", "many"], "'many' is no size"),
        ([HISTORY, "--size", "-1"], "'-1' is no size"),
        ([HISTORY, "--size", "0"], "write a number above 0"),
        ([HISTORY, "--from", "2027-01-01"], "scenarios that begin 2027-01-01"),
        ([HISTORY, "--from", "2026-01-01"], "moves of its own since 2026-01-01, 250"),
        ([HISTORY, "--as-of", "2023-07-01"], "moves of its own, 250"),
        ([HISTORY, "--buffer", "25"], "'25' is no buffer"),
        ([HISTORY, "--stress-weight", "2"], "'2' is no stress weight"),
        ([HISTORY, "--vol-floor", "-1"], "'-1' is no vol floor"),
        ([HISTORY, "--long-run", "ten"], "'ten'"),
        ([HISTORY, "--margins", "GARCH"], "--margins without --drawn"),
        ([HISTORY, "--tails", "student"], "--tails without --drawn"),
        ([HISTORY, "--drawn", "400", "--stress-weight", "0.25"], "--stress-weight with --drawn"),
        ([HISTORY, "--drawn", "400", "--half-life", "365d"], "--half-life with --drawn"),
        ([HISTORY, "--drawn", "400", "--set", "tail.stress.weight=0.25"], "without a stressed period"),
        ([HISTORY, "--drawn", "100000000"], "1,000,000 at most"),
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
