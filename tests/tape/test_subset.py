"""Some accounts run again give what all of them gave, and nobody is passed over who stands on what moved."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from loadline.tape.frame import Classes, Frame
from loadline.tape.plan import Plan
from loadline.tape.subset import holders, moved_items, run_some, some_text
from loadline.tape.term import Axis, Term, column, constant
from tests.tape import toys


def few_operations(rng: np.random.Generator, listed: Classes, scenarios: int) -> toys.Rule:
    """A rule that compiles quickly."""
    cube = np.round(rng.normal(size=(listed.size["position"], scenarios)), 2)
    axis = Axis("scenario", tuple(map(str, range(scenarios))))

    def run(frame: Frame) -> list[Term]:
        pnl = (column(frame, "quantity") * constant(cube, "position", axis)).net("unit").worst("scenario")
        return [pnl.losses().net("account"), column(frame, "unsettled").net("expiry").losses().net("account")]

    return run


@pytest.mark.parametrize(("scenarios", "rule"), [(9, few_operations), (200, toys.rule)])
def test_some_accounts_get_what_all_do(
    plans: Path, scenarios: int, rule: Callable[[np.random.Generator, Classes, int], toys.Rule]
) -> None:
    rng = np.random.default_rng(scenarios)
    listed = toys.classes(rng, 40)
    plan = Plan(rule(rng, listed, scenarios)(Frame.blank(listed, toys.COLUMNS)), listed, plans)
    assert (some_text(plan.text) is None) == (scenarios > 128)  # several passes: they go as a book of their own
    frame = toys.book(rng, listed, 700, 4.0)
    want = plan.run(frame)
    for workers, share in ((1, 0.0), (1, 0.02), (2, 0.9), (1, 1.0)):
        some, out = np.flatnonzero(rng.random(700) < share), np.full(want.shape, -7.0)
        run_some(plan, frame, some, out, workers)
        np.testing.assert_array_equal(out[some], want[some])
        assert (np.delete(out, some, 0) == -7.0).all()


def small(value: float, per_expiry: float, scale: float) -> tuple[Plan, Frame]:
    """Six items in three expiries of two units, and four accounts; one cell, one charge and a scale to be moved."""
    code = {"position": [0, 1, 2, 3, 4, 5], "strike": [0, 1, 2, 3, 4, 5], "expiry": [0, 0, 1, 1, 2, 2]}
    codes = {name: np.array(c) for name, c in (code | {"unit": [0, 0, 0, 0, 1, 1]}).items()}
    listed = Classes(codes, {name: [str(i) for i in c] for name, c in codes.items()})
    cube = np.arange(18.0).reshape(6, 3)
    cube[5, 1] = value
    axis = Axis("scenario", ("a", "b", "c"))

    def rule(frame: Frame) -> list:
        held = column(frame, "quantity")
        pnl = (held * constant(cube, "position", axis)).net("expiry") * constant([1.0, per_expiry, 3.0], "expiry")
        return [pnl.net("account").worst("scenario") * scale]

    frame = Frame(listed, np.array([0, 1, 1, 2]), np.array([5, 1, 4, 2]), range(4))
    frame.columns["position", "quantity"] = np.ones(4)
    return Plan(rule(Frame.blank(listed, ("quantity",))), listed), frame


def test_what_moved_is_found_by_class() -> None:
    before, frame = small(1.0, 2.0, 1.0)

    def touched(*changes: float) -> tuple[list[int], list[int]]:
        after = small(*changes)[0]
        items = moved_items(before, after)
        return np.flatnonzero(items).tolist(), holders(frame, items).tolist()

    assert touched(1.0, 2.0, 1.0) == ([], [])
    assert touched(9.0, 2.0, 1.0) == ([5], [0])
    assert touched(1.0, 2.5, 1.0) == ([2, 3], [2])
    assert touched(1.0, 2.0, 2.0) == ([0, 1, 2, 3, 4, 5], [0, 1, 2, 3])
