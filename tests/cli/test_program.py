"""How a run ends, what is imported when, and what goes where."""

import json
import os
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from loadline.cli import catalogue, main
from loadline.cli.environment import Environment, ExitCode
from tests.cli.running import FILES, run

MARGIN = ["margin", "book.json", "--market", "market.json", "--rulebook", "derive"]
PROCESS = os.environ | {"PYTHONPATH": str(Path(main.__file__).parents[2])}
HEAVY = ("numba", "llvmlite", "polars", "rich", "pydantic", "matplotlib")


def python(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=PROCESS)
    return done.stdout


def test_the_package_runs_as_a_module() -> None:
    words = [sys.executable, "-m", "loadline", "--version"]
    done = subprocess.run(words, capture_output=True, text=True, check=True, env=PROCESS)
    assert done.stdout.startswith("loadline ")


@pytest.mark.parametrize("words", [["--help"], ["margin", "--help"], ["rulebook"], ["--version"]])
def test_help_imports_nothing_heavy(words: list[str]) -> None:
    code = (
        "import sys, io\nfrom loadline.cli.main import program\nfrom loadline.cli.environment import Environment\n"
        f"env = Environment(io.StringIO(), io.StringIO())\nassert program({words!r}, env) == 0\n"
        f"print([m for m in {HEAVY!r} if m in sys.modules])"
    )
    assert python(code).strip() == "[]"


def test_help_of_every_command_names_every_option() -> None:
    for command in catalogue.COMMANDS:
        ran = run([*command.words.split(), "--help"])
        assert ran.code is ExitCode.OK
        words = ran.out.split()
        for option in command.options:
            assert option.flag in words
        for argument in command.arguments:
            assert argument.usage in words


@pytest.mark.parametrize("asked", [[], ["-h"], ["--help"], ["rulebook"], ["rulebook", "-h"]])
def test_help_is_no_error(asked: list[str]) -> None:
    ran = run(asked, terminal=False)
    assert ran.code is ExitCode.OK
    assert ran.out.startswith("Usage: loadline")


def test_version() -> None:
    from loadline import __version__

    assert run(["--version"]).out == f"loadline {__version__}\n"


def test_json_when_piped_and_tables_when_asked() -> None:
    asked, piped = run([*MARGIN, "--json"]), run(MARGIN, terminal=False)
    assert asked.out == piped.out
    assert json.loads(piped.out)["ok"] is True
    assert run([*MARGIN, "--table"], terminal=False).out == run(MARGIN).out


def test_check_turns_a_breach_into_an_exit_code() -> None:
    below = ["margin", "book.json", "--market", "market.json", "--rulebook", "derive-srm"]
    assert run(below).code is ExitCode.OK
    assert run([*below, "--check"]).code is ExitCode.BREACH
    assert run([*MARGIN, "--check"]).code is ExitCode.OK


def test_unavailable_accounts_give_missing_data_and_leave_the_others() -> None:
    ran = run(["margin", "flawed.csv", "--market", "market.json", "--rulebook", "derive", "--json"])
    results = {r["account"]: r for r in json.loads(ran.out)["results"]}
    assert ran.code is ExitCode.MISSING_DATA
    assert {a: r["status"] for a, r in results.items()} == {
        "basis": "below_maintenance",
        "calls": "unavailable",
        "old": "unavailable",
        "strangle": "unavailable",
    }
    summed = run(
        ["margin", "flawed.csv", "--market", "market.json", "--rulebook", "derive", "--json", "--sum-duplicates"]
    )
    assert {r["account"]: r["status"] for r in json.loads(summed.out)["results"]}["old"] == "below_maintenance"


def test_strict_refuses_all() -> None:
    ran = run(["margin", "flawed.csv", "--market", "market.json", "--rulebook", "derive", "--strict", "--json"])
    document = json.loads(ran.out)
    assert ran.code is ExitCode.MISSING_DATA
    assert document["error"]["type"] == "MissingData"
    assert len(document["error"]["missing"]) == 3


def test_interrupt_ends_cleanly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(main, "answered", interrupted)
    ran = run(MARGIN)
    assert ran.code == 130
    assert ran.err == "\ninterrupted\n"


def interrupted(*_: object) -> ExitCode:
    raise KeyboardInterrupt


def test_our_own_failures_are_said_to_be_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(main, "answered", broken)
    ran = run(MARGIN, debug=False)
    assert ran.code is ExitCode.ERROR
    assert "this should not happen: ZeroDivisionError" in ran.err
    assert "LOADLINE_DEBUG=1" in ran.err
    with pytest.raises(ZeroDivisionError):
        run(MARGIN)


def broken(*_: object) -> ExitCode:
    raise ZeroDivisionError("division by zero")


def test_a_reader_that_leaves_is_no_error() -> None:
    code = "from loadline.cli.main import main; main()"
    command = f'"{sys.executable}" -c "{code}" rulebook show derive --table | head -1'
    done = subprocess.run(command, shell=True, capture_output=True, text=True, cwd=FILES, env=PROCESS, check=True)
    assert done.stdout.startswith("derive@")
    assert done.stderr == ""


def test_progress_is_told_on_a_terminal_only() -> None:
    assert run(MARGIN).err == ""
    assert "margining 3 accounts under derive" in run(MARGIN, error_terminal=True).err
    assert "cases.json" in run(["verify", "cases.json"], error_terminal=True).err
    assert run(["verify", "cases.json"]).err == ""


def test_compiling_is_announced(monkeypatch: pytest.MonkeyPatch) -> None:
    from numba.core import event

    from loadline.cli.progress import COMPILING, told_of_compiling, working
    from tests.cli.running import Stream

    said: list[str] = []
    with told_of_compiling(lambda: said.append(COMPILING)), event.trigger_event("numba:compile"):
        pass
    assert said == [COMPILING]
    err = Stream(True)
    env = replace(Environment(Stream(True), err), error_terminal=True, width=100)
    with working(env, "margining"), event.trigger_event("numba:compile"):
        pass
    assert COMPILING in err.getvalue()


def test_compiling_is_announced_though_nobody_has_loaded_the_compiler_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    import numba
    from numba.core import event

    from loadline.cli.progress import told_of_compiling

    monkeypatch.delitem(sys.modules, "numba")
    told = threading.Event()
    with told_of_compiling(told.set):
        with event.trigger_event("numba:compile"):
            assert not told.is_set()
        monkeypatch.setitem(sys.modules, "numba", numba)
        for _ in range(200):
            with event.trigger_event("numba:compile"):
                if told.wait(0.05):
                    break
        assert told.is_set()
    told.clear()
    with event.trigger_event("numba:compile"):
        assert not told.is_set()


def test_a_small_book_needs_no_compiler_and_a_document_no_terminal() -> None:
    """Compiled loops are loaded by who asks for much; half a second of import is what a small book would wait for."""
    without = "assert not {'numba', 'rich', 'polars', 'pydantic', 'importlib.metadata'} & set(sys.modules)"
    code = f"import sys; from loadline.cli.main import main\ntry: main()\nfinally: {without}"
    done = subprocess.run([sys.executable, "-c", code, *MARGIN], capture_output=True, text=True, cwd=FILES, env=PROCESS)
    assert done.returncode == 0 and done.stderr == "" and "initial" in done.stdout


def test_environment_of_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    env = Environment.of_process()
    assert not env.color
    assert env.width >= 1


def test_scenarios_are_written(tmp_path: Path) -> None:
    import polars as pl

    out = tmp_path / "s.parquet"
    words = ["margin", "book.json", "--market", "market.json", "--rulebook", "tail", "--account", "strangle"]
    ran = run([*words, "--scenarios-out", str(out), "--json"])
    assert ran.code is ExitCode.OK
    written, (result,) = pl.read_parquet(out), json.loads(ran.out)["results"]
    quantity = {"BTC-26JUN26-100000-C": -8.0, "BTC-26JUN26-70000-P": -8.0, "ETH-26JUN26-2500-P": -100.0}
    pnl = sum(written[f"usd.{name}"].to_numpy() * q for name, q in quantity.items())
    worst = sorted(pnl)[: int(len(pnl) * 0.025)]
    assert -sum(worst) / len(worst) == pytest.approx(result["initial"], rel=1e-9)


def test_settings_reach_the_rulebooks_of_a_family() -> None:
    words = ["compare", "book.json", "--market", "market.json", "--account", "calls", "--json"]
    plain, changed = (
        {r["rulebook"]: r["initial"] for r in json.loads(run([*words, *more]).out)["results"] if "initial" in r}
        for more in ([], ["--set", "derive.vol_shock.up=0.9"])
    )
    moved = {name for name in plain if plain[name] != changed[name]}
    assert "derive" in moved
    assert moved <= {"derive", "derive-v1"}  # the standard manager has no such parameter


def test_surfaces_are_plotted(tmp_path: Path) -> None:
    words = ["surface", "book.json", "--market", "market.json", "--rulebook", "isolated", "--account", "calls"]
    for name, head in (("s.html", b"<!doctype html>"), ("s.png", b"\x89PNG")):
        ran = run([*words, "--plot", str(tmp_path / name), "--json"])
        assert ran.code is ExitCode.OK
        assert (tmp_path / name).read_bytes().startswith(head)
        assert json.loads(ran.out)["written"] == [f"{tmp_path / name}: 1 surface"]
    assert run([*words, "--plot", str(tmp_path / "s.svg")]).code is ExitCode.ERROR


def test_plots_without_matplotlib_say_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    words = ["surface", "book.json", "--market", "market.json", "--rulebook", "isolated", "--account", "calls"]
    ran = run([*words, "--plot", str(tmp_path / "s.png")])
    assert ran.code is ExitCode.ERROR
    assert "pip install 'loadline[plot]'" in ran.err
