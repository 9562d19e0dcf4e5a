"""Whole numbers divided as protocols divide them, and powers: re-adding when explained or attributed."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadline.tape.explain import explain
from loadline.tape.frame import Classes, Frame
from loadline.tape.plan import Plan
from loadline.tape.pull import pull
from loadline.tape.term import NotPlannable, Term, column, constant


def frame(values: list[float]) -> Frame:
    n = len(values)
    code = {level: np.arange(n) for level in ("position", "strike", "expiry", "unit")}
    made = Frame(
        Classes(code, {level: [f"{i}" for i in range(n)] for level in code}), np.zeros(n, int), np.arange(n), "a"
    )
    made.columns["position", "quantity"] = np.array(values, float)
    return made


def cut(x: int, part: int, whole: int, away: bool) -> int:
    size = abs(x) * part
    out = -(-size // whole) if away else size // whole
    return -out if x < 0 else out


SIZES = st.lists(st.integers(-(2**53), 2**53), min_size=1, max_size=4)


@given(values=SIZES, part=st.integers(0, 2**40), whole=st.integers(1, 2**40), away=st.booleans())
def test_it_is_the_integer_quotient(values: list[int], part: int, whole: int, away: bool) -> None:
    got = column(frame([float(v) for v in values]), "quantity").portion(part, whole, away=away).numbers()[:, 0]
    assert got.tolist() == [float(cut(v, part, whole, away)) for v in values]
    assert not np.signbit(got[got == 0]).any()


@given(values=st.lists(st.integers(-(10**6), 10**6), min_size=1, max_size=4), away=st.booleans())
def test_rows_and_leaves_add_up_again(values: list[int], away: bool) -> None:
    held = column(frame([float(v) for v in values]), "quantity")
    parts = constant(np.arange(1.0, 1.0 + len(values)), "position")
    root = held.portion(parts, 7, away=away).net("account").portion(3, 11).named("total")
    rows = explain(root, 0)
    total = float(root)
    children = [r.factor * r.value for r in rows if len(r.path) == 2]
    if total:
        assert sum(children) == pytest.approx(total, abs=1e-9)
    assert sum(float(leaf.contribution.sum()) for leaf in pull(root)) == pytest.approx(total, abs=1e-6)


def test_it_scales_with_its_slope() -> None:
    held = column(frame([10.0]), "quantity")
    root: Term = held.portion(3, 4).net("account")
    (rounding, leaf) = pull(root)
    assert leaf.weight.tolist() == [0.75] and rounding.contribution.tolist() == [-0.5]


@given(values=st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=4), exponent=st.floats(1.0, 3.0))
def test_a_power_adds_up_again_and_has_its_slope(values: list[float], exponent: float) -> None:
    root = column(frame(values), "quantity").power(exponent).net("account").named("total")
    total = float(root)
    assert total == pytest.approx(-sum(abs(v) ** exponent for v in values))
    assert sum(r.factor * r.value for r in explain(root, 0) if len(r.path) == 2) == pytest.approx(total)
    assert sum(float(leaf.contribution.sum()) for leaf in pull(root, "average")) == pytest.approx(total)
    slopes = sum(float(leaf.contribution.sum()) for leaf in pull(root, "marginal"))
    assert slopes == pytest.approx(exponent * total)


def planned(frame_of: Frame, plans: Path) -> tuple[Term, float]:
    """A rule of portions and a power, on numbers and planned."""

    def rule(frame: Frame) -> Term:
        x = column(frame, "quantity")
        parts = constant(np.array([1.0, 10.0**9, 3.0 * 2**50, 7.0]), "position")
        cut = x.portion(parts, constant(np.array([1e6, 3e9 + 1, 2.0**53, 2.0**62 + 2**12]), "position"))
        large = x.portion(constant(np.array([1.0, 2.0**53 - 1, 3.0 * 2**50, 7.0]), "position"), 3, away=True)
        powers = x.power(1.8).net("account") * 1e-9
        return cut.net("unit").portion(3, 7, away=True).net("account") + powers + large.net("account")

    plan = Plan([rule(Frame.blank(frame_of.classes_of, ("quantity",)))], frame_of.classes_of, plans)
    return rule(frame_of), float(plan.run(frame_of)[0, 0])


@given(values=st.lists(st.integers(-(2**62), 2**62) | st.integers(-(2**52), 2**52), min_size=4, max_size=4))
def test_whole_numbers_are_planned_to_the_last_one(plans: Path, values: list[int]) -> None:
    want, found = planned(frame([float(int(v) if abs(v) < 2**20 else v >> 9 << 9) for v in values]), plans)
    assert found == float(want)


def test_numbers_that_no_machine_word_holds_are_refused(plans: Path) -> None:
    with pytest.raises(NotPlannable, match="2\\*\\*63"):
        planned(frame([2.0**70, 1.0, 1.0, 1.0]), plans)


def test_a_power_beyond_all_doubles_is_infinite() -> None:
    assert float(column(frame([1e300]), "quantity").power(1.8).net("account")) == -np.inf
