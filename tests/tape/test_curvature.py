"""Ranges hold every value, declared curvature is never refuted, and rewriting changes no value."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadline.kernels.tail import TailMeasure
from loadline.tape.curvature import AFFINE, CONCAVE, CONVEX, Curvature
from loadline.tape.frame import Frame
from loadline.tape.pull import in_order
from loadline.tape.ranges import Ranges
from loadline.tape.replay import Replay
from loadline.tape.rewrite import simplified
from loadline.tape.term import Axis, Term, column, constant, worst_of
from tests.tape import toys

HELD = ("position", "quantity")


def toy(seed: int) -> tuple[Frame, list[Term], np.random.Generator]:
    """A random book under a rule with every operation."""
    rng = np.random.default_rng(seed)
    listed = toys.classes(rng, int(rng.integers(2, 25)))
    frame = toys.book(rng, listed, 3, 6.0)
    return frame, toys.rule(rng, listed, 12)(frame), rng


def every(roots: list[Term]) -> list[Term]:
    found = {id(t): t for root in roots for t in in_order(root) if t.frame is not None}
    return list(found.values())


@given(seed=st.integers(0, 10**6))
def test_values_stay_within_their_ranges(seed: int) -> None:
    frame, roots, rng = toy(seed)
    q = frame.columns[HELD]
    low, high = q - rng.uniform(0, 5, len(q)), q + rng.uniform(0, 5, len(q))
    ranges, terms = Ranges({HELD: (low, high)}), every(roots)
    replay = Replay(terms)
    for at in (low, high, *(rng.uniform(low, high) for _ in range(2))):
        for t, value in zip(terms, replay.run({HELD: at}), strict=True):
            least, most = ranges.of(t)
            room = 1e-9 * (1.0 + np.abs(value))
            assert (value >= least - room).all() and (value <= most + room).all(), t


@given(seed=st.integers(0, 10**6))
def test_declared_curvature_is_not_refuted_at_midpoints(seed: int) -> None:
    frame, roots, rng = toy(seed)
    q = frame.columns[HELD]
    low, high = q - rng.uniform(0, 5, len(q)), q + rng.uniform(0, 5, len(q))
    curvature = Curvature(Ranges({HELD: (low, high)}))
    rough = {id(t) for t in every(roots) if any(x.op == "rounded" for x in in_order(t))}
    terms = [t for t in every(roots) if id(t) not in rough]  # rounding is declared up to half a step
    replay = Replay(terms)
    for _ in range(3):
        a, b = rng.uniform(low, high), rng.uniform(low, high)
        ends = zip(*(replay.run({HELD: x}) for x in (a, b, 0.5 * (a + b))), strict=True)
        for t, (left, right, middle) in zip(terms, ends, strict=True):
            bits = curvature.of(t)
            room = 1e-9 * (1.0 + np.abs(left) + np.abs(right))
            assert (middle >= 0.5 * (left + right) - room)[(bits & CONCAVE) > 0].all(), t
            assert (middle <= 0.5 * (left + right) + room)[(bits & CONVEX) > 0].all(), t


def small() -> tuple[Frame, Term]:
    rng = np.random.default_rng(1)
    frame = toys.book(rng, toys.classes(rng, 8), 1, 8.0)
    return frame, column(frame, "quantity")


def bits(t: Term, reach: float = 100.0) -> set[int]:
    q = t.frame.columns[HELD]  # type: ignore[union-attr]
    return set(Curvature(Ranges({HELD: (q - reach, q + reach)})).of(t).ravel().tolist())


def test_each_operation_declares_its_curvature() -> None:
    _, held = small()
    axis = Axis("scenario", ("a", "b", "c", "d"))
    moves = constant(np.array([1.0, -2.0, 3.0, 0.5]), None, axis)
    net, pnl = held.net("account"), (held * moves).net("account")
    assert bits(net) == bits(pnl) == bits(pnl.total("scenario")) == {AFFINE}
    assert bits(net.losses()) == bits(net.size()) == bits(pnl.worst("scenario")) == {CONCAVE}
    assert bits(-net.losses()) == bits(-pnl.worst("scenario")) == {CONVEX}
    assert bits(net.signed_scale(gain=0.5, loss=1.0)) == {CONCAVE}
    assert bits(net.signed_scale(gain=1.0, loss=0.5)) == {CONVEX}
    assert bits(net.signed_scale(gain=0.5, loss=1.0).size()) == {0}
    assert bits(pnl.tail("scenario", TailMeasure("es", 0.5), "")) == {CONCAVE}
    assert bits(pnl.tail("scenario", TailMeasure("var", 0.5), "")) == {0}
    assert bits(-worst_of(-net, -net.losses())) == {0}
    assert bits(net.tiered(rate=0.1, ramp=0.1)) == bits(net.power(1.5)) == {CONCAVE}
    assert bits(net.tiered(rate=0.1, ramp=0.1, cap=0.2)) == {0}
    assert bits(net.tiered(rate=0.0, ramp=0.1, start=1e9, cap=0.2)) == {AFFINE}
    assert bits(net.bracketed([1.0], [0.1, 0.2])) == {CONCAVE}
    assert bits(net.bracketed([1.0], [0.2, 0.1])) == {0}
    assert bits(net.rounded(9)) == {AFFINE} and bits(net.rounded(2)) == {0}


def test_kinks_that_are_never_reached_are_straight() -> None:
    frame, held = small()
    q = frame.columns[HELD]
    q[:] = 10.0 + np.arange(len(q))
    assert bits(held.losses(), 5.0) == bits(held.signed_scale(gain=2.0, loss=1.0), 5.0) == {AFFINE}


def damped(rng: np.random.Generator) -> tuple[Frame, Term]:
    """A matrix as one venue writes it: shrunk towards 0, gains cut and limited, the worst cell, rounded."""
    frame = toys.book(rng, toys.classes(rng, 10), 2, 6.0)
    axis = Axis("scenario", tuple("abcde"))
    vector = (column(frame, "quantity") * constant(rng.normal(size=(10, 5)), "position", axis)).net("unit")
    by = constant(np.abs(rng.normal(size=(1, 5))), None, axis)
    shrunk = (vector + by).losses() - (by - vector).losses()
    cells = worst_of(shrunk.signed_scale(gain=0.8, loss=1.0), 4.0)
    worst = cells.worst("scenario").losses().rounded(9)
    more = (vector * 1.5).worst("scenario").losses()
    return frame, (worst + (more - worst)).net("account")


@given(seed=st.integers(0, 10**6))
def test_rewriting_changes_no_value(seed: int) -> None:
    rng = np.random.default_rng(seed)
    made: list[Any] = [damped(rng)]
    frame, roots, _ = toy(seed)
    made += [(frame, root) for root in roots]
    for frame, root in made:
        new = simplified(root)
        for _ in range(4):
            at = {HELD: rng.normal(0, 3, len(frame.item))}
            for a, b in zip(*(Replay([t]).run(at) for t in (root, new)), strict=True):
                assert a == pytest.approx(b, rel=1e-12, abs=1e-9)


def test_rewriting_makes_a_damped_matrix_concave() -> None:
    frame, root = damped(np.random.default_rng(0))
    q = frame.columns[HELD]
    wide = Ranges({HELD: (q - 10, q + 10)})
    assert not Curvature(wide).concave(root)
    assert Curvature(wide).concave(simplified(root))
