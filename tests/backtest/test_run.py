"""Runs over many dates: one line a date, no gap silent, and what was killed goes on to the same numbers."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import loadline as ll
from loadline.backtest.day import Day
from loadline.backtest.families import Size
from loadline.backtest.replay import Chains, Prices, windows
from loadline.backtest.run import Case, Shipped, run
from loadline.engine.cluster import Threads
from loadline.foundation.units import MS_PER_DAY
from loadline.model.history import History
from tests.backtest import made
from tests.conftest import ROOT

NAMES = ("perp-long", "short-strangle-weekly", "market-maker")
MODELS = (Shipped("tail", null=NAMES), Shipped("deribit-xpm"), Shipped("derive"))
CASE = Case(NAMES, ("BTC", "ETH"), Size(usd=1e6), MODELS, 1.0, seed=2)


@pytest.fixture(scope="module")
def days(chains: Chains) -> list[Day]:
    return run(CASE, chains, windows(chains.times, 1.0)[:8])


def test_every_date_has_every_book_and_model(chains: Chains, days: list[Day]) -> None:
    assert [d.at for d in days] == list(chains.times[:8])
    for day in days:
        assert day.end - day.at == 4 * made.SIX_HOURS
        assert len(day.accounts) == 6 == len(day.loss) and not day.gaps
        assert all(x is not None and x >= y for x, y in zip(day.worst, day.loss, strict=True) if y is not None)
        assert set(day.models) == {"tail", "deribit-xpm", "derive"}
        assert day.models["tail"].hit is not None and day.models["derive"].hit is None


def test_requirements_are_those_of_margins(chains: Chains, days: list[Day]) -> None:
    from loadline.backtest.families import books

    market = chains.market(days[0].at)
    opened = books(market, NAMES, ("BTC", "ETH"), CASE.size, CASE.seed)
    for rule in ("tail", "derive"):
        answers = ll.margins(opened.portfolio, market, rule)
        assert all(isinstance(a, ll.MarginResult) for a in answers)
        wanted = tuple(a.initial * a.usd for a in answers if isinstance(a, ll.MarginResult))
        assert days[0].models[rule].initial == pytest.approx(wanted, rel=1e-12)


def test_a_line_of_the_journal_keeps_every_bit(days: list[Day]) -> None:
    assert all(Day.read(d.as_json()) == d for d in days)


@pytest.mark.parametrize("cut", [0, 1, 3, 7])
def test_a_run_goes_on_from_its_journal_to_the_same_numbers(
    chains: Chains, days: list[Day], tmp_path: Path, cut: int
) -> None:
    journal, dates = tmp_path / "run.jsonl", windows(chains.times, 1.0)[:8]
    told: list[tuple[int, int]] = []
    assert run(CASE, chains, dates, journal=journal) == days
    lines = journal.read_text().splitlines(keepends=True)
    journal.write_text("".join(lines[: 1 + cut]) + lines[1 + cut][: len(lines[1 + cut]) // 2])  # killed while writing
    assert run(CASE, chains, dates, journal=journal, told=lambda a, b: told.append((a, b))) == days
    assert told[0] == (cut, 8) and told[-1] == (8, 8) and len(told) == 9 - cut
    assert sorted(journal.read_text().splitlines()) == sorted(x.strip() for x in lines)


@pytest.mark.parametrize("line", ["no date", '{"at": 1}', "[]"])
def test_a_line_that_is_no_date_is_named(chains: Chains, tmp_path: Path, line: str) -> None:
    journal, dates = tmp_path / "run.jsonl", windows(chains.times, 1.0)[:1]
    run(CASE, chains, dates, journal=journal)
    journal.write_text(journal.read_text() + line + "\n")
    with pytest.raises(ll.InputError, match="line 3 of the journal"):
        run(CASE, chains, dates, journal=journal)


def test_the_journal_of_another_question_is_refused(chains: Chains, tmp_path: Path) -> None:
    from dataclasses import replace

    journal, dates = tmp_path / "run.jsonl", windows(chains.times, 1.0)[:1]
    run(CASE, chains, dates, journal=journal)
    for other in (replace(CASE, seed=3), replace(CASE, models=MODELS[1:]), replace(CASE, size=Size(usd=2e6))):
        with pytest.raises(ll.InputError, match="another run"):
            run(other, chains, dates, journal=journal)


KILLED = """
import os, signal, sys
from pathlib import Path
from loadline.backtest.replay import Chains, windows
from loadline.backtest.run import run
from tests.backtest.test_run import CASE
chains = Chains.of([Path(p) for p in sys.argv[2:]])
def told(done, total):
    if done == 3:
        os.kill(os.getpid(), signal.SIGKILL)
run(CASE, chains, windows(chains.times, 1.0)[:8], journal=Path(sys.argv[1]), told=told)
"""


def test_a_killed_process_loses_nothing(chains: Chains, days: list[Day], tmp_path: Path) -> None:
    journal = tmp_path / "run.jsonl"
    words = [sys.executable, "-c", KILLED, str(journal), *map(str, chains.files)]
    killed = subprocess.run(words, cwd=ROOT, env=os.environ | {"PYTHONPATH": f"{ROOT / 'src'}:{ROOT}"}, check=False)
    assert killed.returncode == -signal.SIGKILL
    assert len(journal.read_text().splitlines()) == 1 + 3
    assert run(CASE, chains, windows(chains.times, 1.0)[:8], journal=journal) == days


def test_threads_give_the_same(chains: Chains, days: list[Day]) -> None:
    assert run(CASE, chains, windows(chains.times, 1.0)[:8], pool=Threads(2)) == days


def test_what_cannot_be_answered_is_told_and_counted() -> None:
    bars = Prices(made.history(6, coins=("BTC", "XYZ")))
    case = Case(("perp-long", "calendar"), ("BTC", "XYZ"), Size(usd=1e6), (Shipped("deribit-xpm"),), 1.0)
    (day, *_) = run(case, bars, windows(bars.times, 1.0))
    assert day.accounts == ("BTC perp-long", "XYZ perp-long")
    assert day.models["deribit-xpm"].initial[1] is None and day.models["deribit-xpm"].initial[0] is not None
    assert set(day.gaps) == {"BTC calendar|", "XYZ calendar|", "XYZ perp-long|deribit-xpm"}
    assert json.loads(day.as_json())["models"]["deribit-xpm"]["initial"][1] is None


def test_a_coin_that_comes_and_goes_is_a_gap_of_its_dates_and_ends_nothing() -> None:
    from dataclasses import replace

    import numpy as np

    whole = made.history(12, coins=("BTC", "XYZ"))
    close = whole.close.copy()
    close[:2, 1] = close[6, 1] = close[10:, 1] = np.nan
    bars = Prices(replace(whole, close=close))
    case = Case(("perp-long", "pair"), ("XYZ", "BTC"), Size(usd=1e6), (Shipped("static"),), 2.0)
    days = run(case, bars, windows(bars.times, 2.0))
    why = [d.gaps.get("XYZ perp-long|", "") for d in days]
    never, later = "no price of XYZ", "no price on the way: XYZ_USDC-PERPETUAL"
    assert why == [never, never, "", "", later, later, never, "", later, later]
    for day, reason in zip(days, why, strict=True):
        k = day.accounts.index("BTC perp-long")
        assert day.loss[k] is not None and ("XYZ perp-long" in day.accounts) == (reason != never)


def test_a_date_without_any_book_is_a_line_of_gaps() -> None:
    bars = Prices(made.history(4, coins=("BTC",)))
    case = Case(("perp-long",), ("XYZ",), Size(usd=1e6), (Shipped("tail", null=("perp-long",)),), 1.0)
    days = run(case, bars, windows(bars.times, 1.0))
    assert all(d.accounts == () and d.gaps == {"XYZ perp-long|": "no price of XYZ"} for d in days)
    assert all(Day.read(d.as_json()) == d for d in days)


def test_notes_are_kept_and_parameters_of_later_are_told() -> None:
    bars = Prices(made.history(3))
    late = Shipped("deribit-xpm@2026-01-01", label="late")
    case = Case(("perp-long",), ("BTC",), Size(usd=1e6), (late, Shipped("static")), 1.0)
    (day, *_) = run(case, bars, windows(bars.times, 1.0))
    assert day.models["late"].ahead is None and day.models["static"].notes
    assert Day.read(day.as_json()) == day
    old = Prices(_earlier(bars))
    (day, *_) = run(case, old, windows(old.times, 1.0))
    told = day.models["late"].ahead
    assert told is not None and told > day.at
    assert Day.read(day.as_json()) == day


def _earlier(bars: Prices, days: int = 3000) -> History:
    from dataclasses import replace

    return replace(bars.history, time=bars.history.time - days * MS_PER_DAY)


def test_the_journal_of_an_earlier_format_is_refused(tmp_path: Path) -> None:
    bars = Prices(made.history(3))
    case = Case(("perp-long",), ("BTC",), Size(usd=1e6), (Shipped("static"),), 1.0)
    journal, dates = tmp_path / "run.jsonl", windows(bars.times, 1.0)
    run(case, bars, dates, journal=journal)
    journal.write_text(journal.read_text().replace('"format": 2', '"format": 1', 1))
    with pytest.raises(ll.InputError, match="another run"):
        run(case, bars, dates, journal=journal)


def test_two_models_cannot_have_one_name(chains: Chains) -> None:
    case = Case(NAMES, ("BTC",), Size(usd=1.0), (Shipped("tail"), Shipped("tail")), 1.0)
    with pytest.raises(ll.InputError, match="one name"):
        run(case, chains, [])
