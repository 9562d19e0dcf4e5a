"""A plan gives the bits of the eager run, whatever the books, scenarios, workers and chunks; or it says why not."""

import sys
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadline.kernels.tail import TailMeasure
from loadline.tape.compiled import compiled
from loadline.tape.frame import Classes, Frame
from loadline.tape.plan import Plan, chunks
from loadline.tape.term import Axis, NotPlannable, Term, column, constant, worst_of
from loadline.tape.trades import addresses
from tests.tape import toys

LENGTHS = (57, 200, 513)
"""A text of every operation takes tens of seconds to compile: 200 and 513 share one, 57 the one of 64 below."""
ALL_LENGTHS = (1, 2, 8, 63, 64, 65, 127, 128, 129, 160, 161, 200, 511, 512, 513, 1025)


def planned(rng: np.random.Generator, listed: Classes, rule: toys.Rule, cache: Path) -> Plan:
    return Plan(rule(Frame.blank(listed, toys.COLUMNS)), listed, cache)


def agree(seed: int, scenarios: int, accounts: int, cache: Path, made: toys.Made = toys.rule) -> None:
    rng = np.random.default_rng(seed)
    listed = toys.classes(rng, int(rng.integers(1, 50)))
    rule = made(rng, listed, scenarios)
    plan = planned(rng, listed, rule, cache)
    frame = toys.book(rng, listed, accounts, float(rng.choice([0.3, 4, 12])))
    eager = np.hstack([t.numbers() for t in rule(frame)])
    for workers, chunk in ((1, 2048), (2, 17), (1, 1)):
        assert np.array_equal(plan.run(frame, workers, chunk), eager)


@pytest.mark.parametrize("scenarios", LENGTHS)
@given(seed=st.integers(0, 10**6), accounts=st.sampled_from([0, 1, 7, 60]))
def test_planned_is_eager_bit_for_bit(plans: Path, scenarios: int, seed: int, accounts: int) -> None:
    agree(seed, scenarios, accounts, plans)


@given(seed=st.integers(0, 10**6), accounts=st.sampled_from([0, 1, 7, 60]))
def test_an_axis_may_hold_one_scenario(plans: Path, seed: int, accounts: int) -> None:
    agree(seed, 1, accounts, plans, toys.by_unit)


@pytest.mark.slow
@pytest.mark.parametrize("scenarios", ALL_LENGTHS)
@given(seed=st.integers(0, 10**6), accounts=st.integers(0, 100))
def test_planned_is_eager_for_every_length(plans: Path, scenarios: int, seed: int, accounts: int) -> None:
    agree(seed, scenarios, accounts, plans)


def test_part_of_a_book_gives_part_of_the_answer(plans: Path) -> None:
    rng = np.random.default_rng(3)
    listed = toys.classes(rng, 30)
    plan = planned(rng, listed, toys.rule(rng, listed, 64), plans)
    frame = toys.book(rng, listed, 50, 5.0)
    assert np.array_equal(plan.run(frame.take(11, 38)), plan.run(frame)[11:38])
    nobody = Frame(listed, np.empty(0, np.int64), np.empty(0, np.int64), range(0))
    for name in toys.COLUMNS:
        nobody.columns["account" if name == "cash" else "position", name] = np.empty(0)
    assert plan.run(nobody).shape == (0, 3)
    assert len(plan._run.signatures) == 1  # type: ignore[attr-defined]  # compiled once, whatever the book


def test_parameters_and_scenarios_do_not_change_the_text() -> None:
    texts = []
    for seed, scenarios in ((1, 57), (2, 64), (3, 60), (4, 129), (5, 512), (6, 5000)):
        rng = np.random.default_rng(seed)
        listed = toys.classes(rng, 20 + seed)
        texts.append(Plan(toys.rule(rng, listed, scenarios)(Frame.blank(listed, toys.COLUMNS)), listed).text)
    assert len(set(texts[:3])) == len(set(texts[3:])) == 1


@given(st.lists(st.integers(0, 400), max_size=60), st.integers(1, 50))
def test_chunks_cover_every_account_once(legs: list[int], size: int) -> None:
    starts = np.concatenate([[0], np.cumsum(np.array(legs, np.int64))])
    cuts = chunks(starts, size)
    assert cuts[0] == 0 and cuts[-1] == len(legs) and cuts == sorted(set(cuts))
    assert all(b - a <= size for a, b in pairwise(cuts))


AXIS = Axis("scenario", ("a", "b", "c"))
LONG = Axis("long", tuple(map(str, range(150))))
LISTED = Classes({level: np.arange(3) for level in ("position", "strike", "expiry", "unit")}, {})


def cube(axis: Axis = AXIS) -> Term:
    return constant(np.ones((3, len(axis.labels))), "position", axis)


REFUSED: dict[str, tuple[Callable[[Frame], Term], str]] = {
    "not per account": (lambda f: column(f, "quantity").net("unit"), "not one number per account"),
    "an axis left": (lambda f: (column(f, "quantity") * cube()).net("account"), "not one number per account"),
    "a number": (lambda f: constant(float(column(f, "quantity").net("account"))), "asks for a number"),
    "a branch": (
        lambda f: column(f, "quantity").net("account") if column(f, "quantity") else column(f, "cash", "account"),
        "may not branch",
    ),
    "weighted tail": (
        lambda f: (
            (column(f, "quantity") * cube())
            .net("account")
            .tail("scenario", TailMeasure("es", 0.5, np.array([0.2, 0.3, 0.5])), "shortfall")
        ),
        "weighted scenarios",
    ),
    "opaque tail": (
        lambda f: (column(f, "quantity") * cube()).net("account").tail("scenario", lambda x: x * 0.0, "nothing"),
        "weighted scenarios",
    ),
    "long correlation": (
        lambda f: (column(f, "quantity") * cube(LONG)).net("unit").correlated(np.eye(450), "account"),
        "correlated over more than",
    ),
    "class at an account": (
        lambda f: column(f, "quantity").net("account") * constant(np.ones(3), "unit"),
        "already per account",
    ),
    "no text": (lambda f: Term("unheard of", (column(f, "cash", "account"),), level="account", frame=f), "unheard of"),
    "not finite": (
        lambda f: (column(f, "quantity") * (cube() * np.inf)).net("account").worst("scenario"),
        "not finite",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_planned_says_why(name: str) -> None:
    rule, reason = REFUSED[name]
    with pytest.raises(NotPlannable, match=reason):
        Plan([rule(Frame.blank(LISTED, ("quantity",)))], LISTED)


def test_a_book_without_a_column_is_refused() -> None:
    plan = Plan([column(Frame.blank(LISTED, ("margin",)), "margin").net("account")], LISTED)
    frame = Frame(LISTED, np.zeros(1, np.int64), np.zeros(1, np.int64), ["a"])
    with pytest.raises(NotPlannable, match="no column margin"):
        plan.run(frame)


def test_zero_factors_add_nothing_and_ties_take_the_least(plans: Path) -> None:
    """What a zero factor would add is left out: totals begin at +0, so not even a sign can tell."""
    axis = Axis("scenario", ("a", "b"))

    def rule(frame: Frame) -> list[Term]:
        x = column(frame, "quantity") * constant(np.array([[-1.0, 1.0], [0.0, -0.0], [2.0, 2.0]]), "position", axis)
        per_unit = x.net("unit")
        return [worst_of(per_unit, -per_unit).net("account").worst("scenario"), x.net("account").total("scenario")]

    frame = Frame(LISTED, np.zeros(4, np.int64), np.array([0, 1, 1, 2]), ["a"])
    frame.columns["position", "quantity"] = np.array([0.0, -0.0, -3.0, 0.0])
    plan = Plan(rule(Frame.blank(LISTED, ("quantity",))), LISTED, plans)
    assert np.array_equal(plan.run(frame), np.hstack([t.numbers() for t in rule(frame)]))


def test_only_rows_that_compiled_loops_can_read_are_handed_over() -> None:
    assert addresses([3, np.zeros((2, 5))])[:, 1:].tolist() == [[0, 0, 0], [2, 5, 0]]
    for wrong in (np.zeros(3, np.float32), np.zeros((4, 4)).T[1:]):
        with pytest.raises(ValueError, match="doubles or of whole numbers"):
            addresses([wrong])


# ---- compiled text on disk
TEXT = "from numba import njit\n\n\n@njit(OPTIONS)\ndef run(x):\n    return x + {}\n"


def test_text_is_written_once_for_its_owner_alone(tmp_path: Path) -> None:
    folder = tmp_path / "plans"
    run = compiled(TEXT.format(1.5), folder)
    assert run(1.0) == 2.5
    (file,) = folder.glob("*.py")
    assert folder.stat().st_mode & 0o077 == 0 and file.stat().st_mode & 0o077 == 0
    assert file.stem in sys.modules and list(folder.glob("*.nbi*")) + list(folder.glob("**/*.nbi"))


def test_a_folder_others_may_read_is_closed_to_them(tmp_path: Path) -> None:
    folder = tmp_path / "plans"
    folder.mkdir(mode=0o755)
    assert compiled(TEXT.format(5.5), folder)(1.0) == 6.5
    assert folder.stat().st_mode & 0o077 == 0 and len(list(folder.glob("*.py"))) == 1
    assert not [f for f in folder.iterdir() if f.suffix not in (".py", ".nbi", ".nbc") and not f.is_dir()]


def test_a_file_that_holds_another_text_is_not_used(tmp_path: Path) -> None:
    folder = tmp_path / "plans"
    assert compiled(TEXT.format(2.5), folder)(1.0) == 3.5
    (file,) = folder.glob("*.py")
    file.write_text("raise SystemExit('not ours')")
    compiled.cache_clear()
    assert compiled(TEXT.format(2.5), folder)(1.0) == 3.5
    assert "not ours" not in file.read_text()


def test_a_folder_others_may_write_to_is_not_used(tmp_path: Path) -> None:
    folder = tmp_path / "plans"
    folder.mkdir()
    folder.chmod(0o777)
    assert compiled(TEXT.format(3.5), folder)(1.0) == 4.5
    assert not list(folder.iterdir())


def test_a_folder_that_cannot_be_made_is_done_without(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert compiled(TEXT.format(4.5), tmp_path / "file" / "plans")(1.0) == 5.5
