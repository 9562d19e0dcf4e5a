"""Some accounts run again give what all of them gave, and nobody is passed over who stands on what moved."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadline.tape.frame import Classes, Frame
from loadline.tape.plan import Plan
from loadline.tape.subset import STALE, Kept, Listed
from loadline.tape.term import Axis, Term, column, constant
from tests.tape import toys

SUBSETS = [
    (9, toys.by_unit),
    (9, toys.layered),
    (200, toys.by_unit),
    pytest.param(200, toys.rule, marks=pytest.mark.slow),
]


@pytest.mark.parametrize(("scenarios", "rule"), SUBSETS)
def test_some_accounts_get_what_all_do(plans: Path, scenarios: int, rule: toys.Made) -> None:
    rng = np.random.default_rng(scenarios)
    listed = toys.classes(rng, 40)
    plan = Plan(rule(rng, listed, scenarios)(Frame.blank(listed, toys.COLUMNS)), listed, plans)
    assert (plan.other(Listed) is None) == (scenarios > 128)  # several passes: they go as a book of their own
    frame = toys.book(rng, listed, 700, 4.0)
    kept, want = Kept(frame), plan.run(frame)
    for workers, share in ((1, 0.0), (1, 0.02), (2, 0.9), (1, 1.0)):
        some, out = np.flatnonzero(rng.random(700) < share), np.full(want.shape, -7.0)
        kept.run(plan, some, out, workers)
        np.testing.assert_array_equal(out[some], want[some])
        assert (np.delete(out, some, 0) == -7.0).all()


def ticks_are_whole_runs(plans: Path, rule: toys.Made, seed: int, accounts: int, ticks: int) -> None:
    """Constants move here and there, columns too; after each tick the numbers are those of a run of everything."""
    rng = np.random.default_rng(seed)
    listed = toys.classes(rng, int(rng.integers(1, 60)))
    frame = toys.book(rng, listed, accounts, float(rng.choice([0.5, 4.0, 12.0])))
    frame.columns["position", "unsettled"] *= rng.random(len(frame.item)) < rng.choice([0.0, 0.1, 1.0])
    made = np.random.default_rng(seed)
    terms = rule(made, listed, 9)(Frame.blank(listed, toys.COLUMNS))
    plan, kept, out = Plan(terms, listed, plans), Kept(frame), np.zeros((accounts, len(terms)))
    kept.run(plan, np.arange(accounts), out)
    for _ in range(ticks):
        constants = numbers_of(terms)
        moving = [constants[n] for n in rng.permutation(len(constants))[: rng.integers(0, 4)]]
        before = [t.value for t in moving]
        for t in moving:
            assert t.value is not None
            t.value = t.value.copy()
            t.value[rng.integers(0, len(t.value))] *= 1.125
        later = plan.later(terms)
        items, rows = later.moved(plan), None
        if rng.random() < 0.3 and len(frame.item):
            rows = rng.integers(0, len(frame.item), 2)
            frame.columns["position", "unsettled"][rows] += 1.0
        touched = kept.touched(items, rows)
        moved = np.isin(np.arange(len(frame.item)), [] if rows is None else rows) | items[frame.item]
        assert touched.tolist() == (list(range(accounts)) if items.all() else sorted({*frame.owner[moved].tolist()}))
        kept.run(later, touched, out, int(rng.integers(1, 3)))
        np.testing.assert_array_equal(out, later.run(frame))
        np.testing.assert_array_equal(out, Plan(terms, listed, plans).run(frame))
        plan = later
        for t, value in zip(moving, before, strict=True):  # the next tick moves some back
            if rng.random() < 0.5:
                t.value = value


def numbers_of(terms: list[Term]) -> list[Term]:
    """The constants that terms stand on."""
    found: dict[int, Term] = {}
    stack = list(terms)
    while stack:
        t = stack.pop()
        if id(t) not in found:
            found[id(t)] = t
            stack.extend(t.args if t.frame is not None else ())
    return [t for t in found.values() if t.frame is None]


@pytest.mark.parametrize("rule", [toys.by_unit, toys.layered])
@given(seed=st.integers(0, 10**6), accounts=st.sampled_from([1, 7, 60]))
def test_ticks_are_whole_runs(plans: Path, rule: toys.Made, seed: int, accounts: int) -> None:
    ticks_are_whole_runs(plans, rule, seed, accounts, 3)


@pytest.mark.slow
@given(seed=st.integers(0, 10**6), accounts=st.integers(1, 100))
def test_ticks_are_whole_runs_whatever_the_operations(plans: Path, seed: int, accounts: int) -> None:
    ticks_are_whole_runs(plans, toys.rule, seed, accounts, 6)


def test_only_units_that_hold_what_moved_are_worked_out_again() -> None:
    rule, frame = small(1.0, 2.0, 1.0)
    plan, kept, out = Plan(rule, frame.classes_of), Kept(frame), np.zeros((4, 1))
    kept.run(plan, np.arange(4), out)
    assert (kept.state != STALE).all() and plan.other(Listed).width["unit"] == 1  # type: ignore[union-attr]
    again = kept.touched(plan.later(small(1.0, 2.5, 1.0)[0]).moved(plan))
    assert again.tolist() == [2] and np.flatnonzero(kept.state == STALE).tolist() == [3]


CODE = {"position": [0, 1, 2, 3, 4, 5], "strike": [0, 1, 2, 3, 4, 5], "expiry": [0, 0, 1, 1, 2, 2]}
CODES = {name: np.array(c) for name, c in (CODE | {"unit": [0, 0, 0, 0, 1, 1]}).items()}
SIX = Classes(CODES, {name: [str(i) for i in c] for name, c in CODES.items()})


def small(value: float, per_expiry: float, scale: float) -> tuple[list[Term], Frame]:
    """Six items in three expiries of two units, and four accounts; one cell, one charge and a scale to be moved."""
    cube = np.arange(18.0).reshape(6, 3)
    cube[5, 1] = value
    axis = Axis("scenario", ("a", "b", "c"))

    def rule(frame: Frame) -> list[Term]:
        held = column(frame, "quantity")
        pnl = (held * constant(cube, "position", axis)).net("expiry") * constant([1.0, per_expiry, 3.0], "expiry")
        return [pnl.net("unit").worst("scenario").net("account") * scale]

    frame = Frame(SIX, np.array([0, 1, 1, 2]), np.array([5, 1, 4, 2]), range(4))
    frame.columns["position", "quantity"] = np.ones(4)
    return rule(Frame.blank(SIX, ("quantity",))), frame


def test_what_moved_is_found_by_class() -> None:
    rule, frame = small(1.0, 2.0, 1.0)
    before = Plan(rule, SIX)

    def touched(*changes: float) -> tuple[list[int], list[int]]:
        items = before.later(small(*changes)[0]).moved(before)
        return np.flatnonzero(items).tolist(), Kept(frame).touched(items).tolist()

    assert touched(1.0, 2.0, 1.0) == ([], [])
    assert touched(9.0, 2.0, 1.0) == ([5], [0])
    assert touched(1.0, 2.5, 1.0) == ([2, 3], [2])
    assert touched(1.0, 2.0, 2.0) == ([0, 1, 2, 3, 4, 5], [0, 1, 2, 3])


def test_a_rule_that_reads_otherwise_is_planned_anew() -> None:
    rule, frame = small(1.0, 2.0, 1.0)
    plan = Plan(rule, SIX)
    later = plan.later([column(Frame.blank(SIX, ("quantity",)), "quantity").net("unit").losses().net("account")])
    assert later.text != plan.text and later.moved(plan).all() and plan.moved(plan).all()
    np.testing.assert_array_equal(later.run(frame), np.zeros((4, 1)))
