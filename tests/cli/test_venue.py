"""A venue on the command line: what margin says of every account, files in three forms, and an interrupted run."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from loadline.cli.environment import ExitCode, cache_folder
from tests.cli.running import FILES, PLANS, run

CALL = ("venue", "venue.csv", "--market", "market.json", "--balances", "balances.csv", "--rulebook")


@pytest.mark.parametrize("rulebook", ["isolated", "deribit-spm"])
def test_venue_says_what_margin_says(rulebook: str, tmp_path: Path) -> None:
    out = tmp_path / "out.json"
    ran = run([*CALL, rulebook, "--json", "--out", str(out)])
    assert ran.code == ExitCode.MISSING_DATA
    alone = run(["margin", *CALL[1:], rulebook, "--json"])
    want = {(r["account"], r.get("currency")): r for r in json.loads(alone.out)["results"]}
    rows = {(r["account"], r["currency"]): r for r in json.loads(out.read_text("utf-8"))}
    answered = 0
    for key, row in rows.items():
        if row["status"] == "unavailable":
            (other,) = (r for (account, _), r in want.items() if account == key[0])
            assert other["status"] == "unavailable" and "venue.csv:" in row["missing"]
        elif key in want:
            answered += 1
            assert all(row[f] == want[key][f] for f in ("equity", "initial", "maintenance", "excess", "status"))
        else:
            assert row["initial"] == row["equity"] == 0
    assert answered == sum(r["status"] != "unavailable" for r in want.values()) >= 4
    document = json.loads(ran.out)
    assert document["unavailable_total"] == 2 and document["written"] == [f"{out}: {len(rows)} rows"]
    assert sum(t["below_initial"] for t in document["results"]) == len(document["shortfalls"]) > 0


def test_files_in_three_forms_are_the_same(tmp_path: Path) -> None:
    frames = []
    for suffix, read in (("parquet", pl.read_parquet), ("csv", pl.read_csv), ("json", pl.read_json)):
        out = tmp_path / f"out.{suffix}"
        assert run([*CALL, "isolated", "--out", str(out)]).code == ExitCode.MISSING_DATA
        frames.append(read(out).with_columns(pl.col("missing").fill_null("")))
    assert frames[0].equals(frames[1]) and frames[0].equals(frames[2])
    assert frames[0]["status"].to_list() == [
        "below_maintenance", "unavailable", "unavailable", "below_maintenance", "ok", "ok",
    ]  # fmt: skip


def test_a_folder_of_market_files(tmp_path: Path) -> None:
    (tmp_path / "market.json").write_bytes((FILES / "market.json").read_bytes())
    (tmp_path / "notes.txt").write_text("nothing")
    words = list(CALL)
    words[3] = str(tmp_path)
    assert run([*words, "isolated"]).out == run([*CALL, "isolated"]).out
    (tmp_path / "market.json").unlink()
    assert "remedy: name the files" in run([*words, "isolated"]).err


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--strict"], "--strict: 2 of the answers"),
        (["--address", "auto"], "--address is that of a Ray cluster"),
        (["--engine", "ray", "--address", "127.0.0.1:1"], "nothing answers at 127.0.0.1:1"),
        (["--engine", "ray", "--address", "here"], "'here' is no address"),
        (["--workers", "0"], "'0' is not a number of workers"),
        (["--out", "margins.xlsx"], "cannot be written as '.xlsx'"),
        (["--engine", "spark"], "no engine 'spark'"),
    ],
)
def test_what_cannot_be_asked(more: list[str], said: str) -> None:
    ran = run([*CALL, "isolated", *more])
    assert said in ran.err and ran.code == (ExitCode.MISSING_DATA if more == ["--strict"] else ExitCode.ERROR)


def test_without_ray_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    ran = run([*CALL, "isolated", "--engine", "ray"])
    assert ran.code == ExitCode.ERROR and "Ray is not installed" in ran.err and "loadline[ray]" in ran.err


def test_progress_is_told_on_a_terminal() -> None:
    told = run([*CALL, "isolated"], error_terminal=True).err
    assert "reading rows" in told and "10 of 10" in told and "margining under isolated" in told
    assert run([*CALL, "isolated"]).err == ""


@pytest.mark.parametrize(
    ("given", "home", "folder"), [("", "/h", None), ("/x", "/h", "/x"), (None, "/h", "/h/loadline/plans")]
)
def test_where_compiled_rules_are_kept(
    given: str | None, home: str, folder: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("LOADLINE_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", home)
    if given is not None:
        monkeypatch.setenv("LOADLINE_CACHE", given)
    assert cache_folder() == (Path(folder) if folder else None)


INTERRUPTED = """
import signal, sys
import polars as pl
from loadline.cli.main import main

signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell may have started us without one

def half(frame, path):
    with open(path, "wb") as stream:
        stream.write(b"PAR1 half of it")
        stream.flush()
        print(path, file=sys.stderr, flush=True)  # the test may interrupt now
        sys.stdin.read()

pl.DataFrame.write_parquet = half
main()
"""


def test_ctrl_c_in_the_middle_of_writing_leaves_the_earlier_file(tmp_path: Path) -> None:
    out = tmp_path / "margins.parquet"
    out.write_bytes(b"the earlier file")
    command = [sys.executable, "-c", INTERRUPTED, *CALL, "isolated", "--out", str(out)]
    pipe = subprocess.PIPE
    known = {**os.environ, "PYTHONPATH": str(FILES.parents[2] / "src"), "LOADLINE_CACHE": str(PLANS)}
    with subprocess.Popen(command, cwd=FILES, env=known, stdin=pipe, stdout=pipe, stderr=pipe, text=True) as child:
        assert child.stderr is not None and child.stdout is not None
        part = Path(child.stderr.readline().strip())
        assert part.read_bytes() == b"PAR1 half of it" and part != out
        child.send_signal(signal.SIGINT)
        assert child.wait(60) == ExitCode.INTERRUPTED
        assert "interrupted" in child.stderr.read() and not child.stdout.read()
    assert [p.name for p in tmp_path.iterdir()] == ["margins.parquet"]
    assert out.read_bytes() == b"the earlier file"
