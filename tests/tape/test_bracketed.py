"""A table of marginal brackets: each part of a size at its own rate, re-adding when explained or attributed."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadline.tape.explain import explain
from loadline.tape.pull import pull
from loadline.tape.term import column, constant
from tests.tape.test_portion import frame

MONEY = st.floats(-1e7, 1e7).map(lambda x: round(x, 2))
TABLES = st.lists(st.tuples(st.floats(1.0, 1e6), st.floats(0.0, 1.0)), min_size=1, max_size=5)
FIRST = st.floats(0.0, 1.0)


def cost(x: float, bounds: list[float], rates: list[float]) -> float:
    """What a reader of the table adds up, bracket by bracket."""
    total, low = 0.0, 0.0
    for high, rate in zip([*bounds, np.inf], rates, strict=True):
        total += max(min(abs(x), high) - low, 0.0) * rate
        low = high
    return total


def table(drawn: list[tuple[float, float]], first: float) -> tuple[list[float], list[float]]:
    return sorted(b for b, _ in drawn), [first, *(r for _, r in drawn)]


@given(values=st.lists(MONEY, min_size=1, max_size=4), drawn=TABLES, first=FIRST)
def test_each_part_is_charged_at_its_own_rate(
    values: list[float], drawn: list[tuple[float, float]], first: float
) -> None:
    bounds, rates = table(drawn, first)
    got = column(frame(values), "quantity").bracketed(bounds, rates).numbers()[:, 0]
    assert got.tolist() == pytest.approx([-cost(v, bounds, rates) for v in values], rel=1e-9, abs=1e-6)


@given(values=st.lists(MONEY, min_size=1, max_size=4), drawn=TABLES, first=FIRST)
def test_rows_and_leaves_add_up_again(values: list[float], drawn: list[tuple[float, float]], first: float) -> None:
    root = column(frame(values), "quantity").bracketed(*table(drawn, first)).net("account").named("total")
    total = float(root)
    children = [r.factor * r.value for r in explain(root, 0) if len(r.path) == 2]
    if total:
        assert sum(children) == pytest.approx(total, rel=1e-9)
    shares = [float(leaf.contribution.sum()) for leaf in pull(root, "average")]
    assert sum(shares) == pytest.approx(total, rel=1e-9, abs=1e-9)


@given(value=MONEY.filter(lambda x: abs(x) > 1.0), drawn=TABLES, first=FIRST)
def test_the_marginal_weight_is_the_slope(value: float, drawn: list[tuple[float, float]], first: float) -> None:
    bounds, rates = table(drawn, first)
    step = 1e-3
    if any(abs(abs(value) - b) <= 2 * step for b in bounds):
        return  # at a kink there are two slopes
    root = column(frame([value]), "quantity").bracketed(bounds, rates).net("account")
    up, down = (-cost(value + d, bounds, rates) for d in (step, -step))
    weight = sum(leaf.weight[0] for leaf in pull(root, mode="marginal"))  # no leaf where nothing is charged
    assert weight == pytest.approx((up - down) / (2 * step), abs=1e-4)


def test_a_class_may_have_fewer_brackets() -> None:
    held = column(frame([300.0, -300.0]), "quantity")
    bounds = constant(np.array([100.0, np.inf]), "position"), constant(np.array([200.0, np.inf]), "position")
    rates = constant(np.array([0.1, 0.5]), "position"), constant(np.array([0.2, 0.5]), "position"), 0.5
    assert held.bracketed(bounds, rates).numbers()[:, 0].tolist() == pytest.approx([-80.0, -150.0])


def test_the_venues_own_arithmetic() -> None:
    """OKX: 30,000 under x1 to 10,000 and x2 to 70,000 is 50,000; a hedge of 10 M costs 202,500."""
    held = column(frame([30_000.0, 10e6]), "quantity")
    assert held.bracketed([10e3, 70e3], [1.0, 2.0, 4.0]).numbers()[0, 0] == pytest.approx(-50_000.0, rel=1e-15)
    assert held.bracketed([1e6, 5e6], [0.0075, 0.0175, 0.025]).numbers()[1, 0] == pytest.approx(-202_500.0, rel=1e-12)


def test_bounds_and_rates_must_fit() -> None:
    with pytest.raises(TypeError, match="brackets"):
        column(frame([1.0]), "quantity").bracketed([1.0], [0.1])
