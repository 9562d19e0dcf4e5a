"""The performance page is rendered from results alone; what is counted in a plan's text is what runs."""

import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks import operations, report, words
from benchmarks.nets import framed, recorded
from benchmarks.pricing import SCENARIOS
from benchmarks.said import digits, seconds, size
from benchmarks.venue_data import held, market
from benchmarks.work import Figures, Rival, Work, beats, measured, under
from loadline.engine.bulk import Snapshot
from loadline.engine.engine import choose_rulebook
from loadline.kernels.tail import TailMeasure
from tests.conftest import ROOT

LIMITS = {
    "sizes": {"L1": 16_000, "L2": 400_000, "L3": 8e6, "memory": 1e8},
    "read": {level: {"straight": 1e11, "rows": 5e10} for level in ("L1", "L2", "L3", "memory")},
    "arithmetic": 3e10,
    "second core": 1.9,
    "divisions": 2e9,
    "exp": 2e-9,
    "log": 2e-9,
}
MACHINE: Figures = {
    "date": "2026-01-01", "processor": "A chip", "cores": 2, "vectors": "AVX2", "system": "Linux", "python": "3.11",
    "packages": {"numpy": "2.0", "jax": ""}, "caches": {"1": 32768, "2": 524288, "3": 33554432}, "load": 0.1,
    "seconds": 400.0, "others": 0.05, "busy": False,
}  # fmt: skip


AMOUNTS = {"instruments": 20, "accounts": 5}


def row(key: str, **more: object) -> Figures:
    """A row of results."""
    need = {"arithmetic": 100.0, "divisions": 5.0, "bytes": 4096.0, "size": 1e6, "touched": 800.0}
    rivals = [
        {"name": n, "processor": s, "wall": s, "note": ""}
        for n, s in (("quick", 4e-6), ("slow", 8e-6), ("third", 9e-6))
    ]
    plain = {"key": key, "title": f"the {key}", "per": "account", "count": 10, "processor": 2e-6, "wall": {"one": 2e-6}}
    facts = {
        "values": 10,
        "priced": 3,
        "touched": 4,
        "accounts": 10,
        "trades": 2,
        "legs": 3,
        "anew": 2.5,
        "shares": [{**AMOUNTS, "seconds": 1e-3}],
    }
    plain |= {"rivals": rivals, "missing": ["absent"], "need": need, "facts": facts}
    plain["aims"] = [{"text": "2.5× less", "value": 2.0, "bound": 2.5, "unit": "x", "wall": False, "reached": False}]
    return plain | more


@pytest.fixture
def results() -> Figures:
    rows = [row(key) for key in ("price", "worst", "es975", "derive", "book", "check derive", "unheard of")]
    return {"quick": False, "machine": MACHINE, "parts": {"limits": {"limits": LIMITS}, "nets": {"rows": rows}}}


def test_the_optimizers_page_quotes_its_own_rows(results: Figures, tmp_path: Path) -> None:
    results["parts"]["optimize"] = {"rows": [row("optimize es")]}
    for name in (report.PAGE, report.FIRST, report.OPTIMIZER):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(f"{report.BEGIN}\nwhat stood there\n{report.END}\n", "utf-8")
    (tmp_path / "docs/img").mkdir()
    report.write(results, tmp_path)
    text = (tmp_path / report.OPTIMIZER).read_text("utf-8")
    assert "| the optimize es | 2 µs | quick | 4 µs, 2× |" in text and "absent | not installed" in text


def test_the_page_is_made_from_the_results_alone(results: Figures, tmp_path: Path) -> None:
    (tmp_path / "docs/img").mkdir(parents=True)
    for name in (report.PAGE, report.FIRST):
        (tmp_path / name).write_text(f"above\n{report.BEGIN}\nwhat stood there\n{report.END}\nbelow\n", "utf-8")
    report.write(json.loads(json.dumps(results)), tmp_path)
    page = (tmp_path / report.PAGE).read_text("utf-8")
    assert page.startswith("above\n") and page.endswith("below\n") and "what stood there" not in page
    assert "| the worst | 2.5× less | 2× | **not reached**:" in page
    assert "absent | not installed" in page
    assert "| the price, per account | 100 | 4.1 kB in L3 | 800 B | 41 ns | reading from L3 | 2 µs | 49× |" in page
    assert "| the worst, 100,000 accounts × 10 positions | 200 ms | quick: 2×;" in (tmp_path / "README.md").read_text(
        "utf-8"
    )
    assert (tmp_path / "docs/img/speed.png").stat().st_size > 1000


@pytest.mark.parametrize("key", sorted({*words.GAP, *(key for key, _ in words.MISSED)}))
def test_every_sentence_can_be_said(key: str) -> None:
    said = [tell for (of, _), tell in words.MISSED.items() if of == key]
    said += [words.GAP[key]] if key in words.GAP else []
    around = {**LIMITS, **MACHINE, "rows": {"worst": 1e-6, "derive": 1e-6}}
    assert all(len(tell(words.Row(row(key), around))) > 40 for tell in said)


def test_a_busy_machine_is_told(results: Figures) -> None:
    results["machine"] = MACHINE | {"busy": True, "others": 1.25}
    results["parts"]["nets"]["rows"][0]["aims"][0]["wall"] = True
    said = "\n".join(report.page(results))
    assert "other work had 1.25 of its 2 cores" in said
    assert "but the machine was busy" in said


def test_a_page_without_marks_is_not_written(results: Figures) -> None:
    with pytest.raises(ValueError, match="begin benchmarks"):
        report.replaced("no marks", [])


@pytest.mark.parametrize("name", [report.PAGE, report.FIRST])
def test_pages_have_the_marks(name: str) -> None:
    text = (ROOT / name).read_text("utf-8")
    assert text.count(report.BEGIN) == text.count(report.END) == 1


def test_numbers_as_people_say_them() -> None:
    assert [seconds(x) for x in (1.234, 0.0996, 1.5e-5, 9.996e-4, 2.5e-9)] == [
        "1.23 s",
        "99.6 ms",
        "15 µs",
        "1 ms",
        "2.5 ns",
    ]
    assert [digits(x) for x in (0.0, 0.123, 12.3, 1234.0)] == ["0", "0.12", "12", "1,200"]
    assert size(2.5e6) == "2.5 MB"


def test_rivals_that_are_not_installed_are_no_failure() -> None:
    work = Work("k", "t", "call", 1, lambda _: None, aims=(beats("absent", 2.0), under(10.0)), missing=("absent",))
    assert [aim["reached"] for aim in measured(work, 1)["aims"]] == [None, True]
    beside = Work(
        "k", "t", "call", 1, lambda _: None, (Rival("other", lambda: sum(range(10_000)), 1),), (beats("other", 0.0),)
    )
    assert measured(beside, 1)["aims"][0]["reached"]


def test_operations_are_counted_in_the_text_that_runs() -> None:
    """Sums of ten legs over 512 scenarios, one multiplication and one addition each, and the tail of them."""
    book, measure = held(20), TailMeasure("es", 0.975)
    plan = recorded(lambda x: x.tail("scenario", measure, "shortfall"))
    done = operations.of_plan(plan, framed(book), 20)  # asserts that the twin gives the bits of the compiled plan
    legs = np.count_nonzero(book.quantity) / 20
    assert 2 * legs * SCENARIOS <= done.arithmetic <= 2 * 10 * SCENARIOS * 1.6
    assert legs * SCENARIOS <= done.cube <= 10 * SCENARIOS


@pytest.mark.parametrize("level", [0.9, 0.975, 0.99])
def test_every_lane_of_a_tail_has_a_twin(level: float) -> None:
    measure = TailMeasure("es", level)
    assert not operations.unknown(recorded(lambda x: x.tail("scenario", measure, "shortfall")).text)


@pytest.mark.parametrize("name", ["derive", "deribit-xpm"])
def test_every_lane_of_a_rulebook_has_a_twin(name: str) -> None:
    chosen = choose_rulebook(name, market().as_of)
    assert not operations.unknown(Snapshot(chosen, market(), np.arange(len(market().instruments))).plan().text)


def test_lanes_without_a_twin_are_told() -> None:
    assert operations.unknown("def run(x):\n    return lesser8(x, strange8(x))\n") == {"strange8"}


def test_a_value_takes_five_divisions() -> None:
    """ln(F/K)/v and the quotient inside the logarithm, and two rational functions."""
    done = operations.of_black76()
    assert done.divisions == 5.0 and 150 < done.arithmetic < 250
