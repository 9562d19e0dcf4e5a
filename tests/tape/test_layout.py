"""A large book is laid out by compiled loops as a small one is by numpy."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadline.tape import frame as frames
from loadline.tape.frame import LEVELS, Frame
from tests.tape.toys import classes


def alike(found: Frame, want: Frame) -> None:
    """Whether two books have the same rows in the same groups."""
    for name in ("item", "owner"):
        np.testing.assert_array_equal(getattr(found, name), getattr(want, name))
    assert found.size == want.size
    for level in LEVELS[:-1]:
        np.testing.assert_array_equal(found.classes[level], want.classes[level])
        np.testing.assert_array_equal(found.owner_of[level], want.owner_of[level])
    for n, fine in enumerate(LEVELS):
        for coarse in LEVELS[n + 1 :]:
            np.testing.assert_array_equal(found.starts(fine, coarse), want.starts(fine, coarse))
    assert found.columns.keys() == want.columns.keys()
    for key, values in want.columns.items():
        np.testing.assert_array_equal(found.columns[key], values)


@given(seed=st.integers(0, 10**6), accounts=st.integers(1, 60), rows=st.integers(0, 400), lopsided=st.booleans())
def test_compiled_layout_is_numpys(seed: int, accounts: int, rows: int, lopsided: bool) -> None:
    rng = np.random.default_rng(seed)
    listed = classes(rng, int(rng.integers(1, 80)))
    owner, item = rng.integers(0, accounts, rows), rng.integers(0, listed.size["position"], rows)
    owner = np.where(rng.random(rows) < 0.6 * lopsided, 0, owner)  # somebody holds more than fits a short sort
    want = Frame(listed, owner, item, range(accounts))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(frames, "FEW", 0)
        found = Frame(listed, owner.astype(np.int32), item, range(accounts))
        alike(found, want)
    np.testing.assert_array_equal(found.order, want.order)
    np.testing.assert_array_equal(found.order, np.lexsort((np.arange(rows), item, owner)))


def test_rows_of_no_account_or_item_are_refused() -> None:
    listed = classes(np.random.default_rng(1), 5)
    owner, item = np.zeros(frames.FEW + 1, np.int64), np.zeros(frames.FEW + 1, np.int64)
    item[-1] = -1
    with pytest.raises(IndexError, match="number -1 or 0 of 5"):
        Frame(listed, owner, item, range(1))
