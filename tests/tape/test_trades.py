"""One account with one more trade, of which only the groups touched are worked out, is that account laid out anew."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadline.kernels.net import segment_sum
from loadline.tape.frame import Classes, Frame
from loadline.tape.picked import ByExpiry, ByUnit
from loadline.tape.plan import Plan
from loadline.tape.term import NotPlannable, Term, column
from loadline.tape.trades import Trades
from tests.tape import toys

COLUMNS = ("quantity", "unsettled")


def straight(rng: np.random.Generator, listed: Classes, scenarios: int) -> toys.Rule:
    """Positions go straight to the account: nothing of it can be kept."""

    def run(frame: Frame) -> list[Term]:
        held, unsettled = column(frame, "quantity"), column(frame, "unsettled")
        return [held.losses().net("account"), held.net("strike").net("account") + unsettled.net("account")]

    return run


KINDS: dict[str, tuple[toys.Made, list[bool]]] = {
    "by expiry": (toys.layered, [True, True]),
    "by unit": (toys.by_unit, [False, True]),
    "whole": (straight, [False, False]),
}


def one(listed: Classes, item: np.ndarray, columns: dict[str, np.ndarray]) -> Frame:
    """A book of one account."""
    frame = Frame(listed, np.zeros(len(item), np.int64), item, range(1), segment_sum)
    for name, values in columns.items():
        frame.columns["position", name] = values[frame.order]
    return frame


def laid_out(
    listed: Classes, frame: Frame, free: np.ndarray, item: int, amount: float, payer: int, paid: float
) -> Frame:
    """The account with one more trade in it, as its owner would write it down."""
    columns = {name: frame.columns["position", name].copy() for name in COLUMNS}
    rows = np.flatnonzero((frame.item == item) & free)
    if payer >= 0 and not (len(rows) and rows[0] == payer):
        columns["quantity"][payer] -= paid
    if len(rows):
        columns["quantity"][rows[0]] += amount
        return one(listed, frame.item, columns)
    at = int(np.searchsorted(frame.item, item))
    new = {"quantity": 0.0 + amount, "unsettled": 0.0}
    return one(listed, np.insert(frame.item, at, item), {n: np.insert(c, at, new[n]) for n, c in columns.items()})


@pytest.mark.parametrize("kind", KINDS)
@given(seed=st.integers(0, 10**6), legs=st.sampled_from([0, 1, 2, 9, 40]))
def test_a_trade_is_the_account_laid_out_anew(plans: Path, kind: str, seed: int, legs: int) -> None:
    rng = np.random.default_rng(seed)
    made, fits = KINDS[kind]
    items = int(rng.integers(1, 60))
    listed = toys.classes(rng, items)
    rule = made(rng, listed, 9)
    plan = Plan(rule(Frame.blank(listed, COLUMNS)), listed, plans)
    texts = [plan.other(ByExpiry), plan.other(ByUnit)]
    assert [text is not None and text.fits for text in texts] == fits
    columns = {n: np.round(rng.normal(0, 5, legs), 2) * (rng.random(legs) > 0.1) for n in COLUMNS}
    frame = one(listed, rng.integers(0, items, legs), columns)
    free = rng.random(legs) < 0.8
    ready, count = Trades(plan, frame, free), 40
    item, amount, paid = rng.integers(0, items, count), np.round(rng.normal(0, 5, count), 2), rng.normal(0, 50, count)
    payer = rng.integers(-1, legs, count)
    found = ready.after(item, amount, payer, paid)
    for n in range(count):
        mine = int(item[n]), float(amount[n]), int(payer[n]), float(paid[n])
        book = laid_out(listed, frame, free, *mine)
        np.testing.assert_array_equal(found[n : n + 1], plan.run(book))
        np.testing.assert_array_equal(found[n], np.hstack([t.numbers() for t in rule(book)])[0])
    many = np.arange(7 * count) % count
    again = ready.after(item[many], amount[many], payer[many], paid[many], workers=2)
    np.testing.assert_array_equal(again, found[many])
    np.testing.assert_array_equal(ready.after(item[-1:], amount[-1:], payer[-1:], paid[-1:]), found[-1:])


def test_trades_are_those_of_one_account_without_columns_of_its_own() -> None:
    rng = np.random.default_rng(1)
    listed = toys.classes(rng, 5)
    two = Frame(listed, np.array([0, 1]), np.array([0, 1]), range(2))
    two.columns["position", "quantity"] = np.ones(2)
    plan = Plan([column(Frame.blank(listed, ("quantity",)), "quantity").net("account")], listed)
    with pytest.raises(ValueError, match="one account"):
        Trades(plan, two, np.ones(2, np.bool_))
    cash = Plan([column(Frame.blank(listed, ("cash",)), "cash", "account")], listed)
    with pytest.raises(NotPlannable, match="does not follow a trade"):
        Trades(cash, one(listed, np.zeros(1, np.int64), {"quantity": np.ones(1)}), np.ones(1, np.bool_))
