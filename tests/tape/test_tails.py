"""The generated code that keeps the least numbers of an axis, beside sorting them all."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadline.tape.helpers import ROOM, helpers


@pytest.fixture(scope="module")
def tails() -> dict[str, Any]:
    found: dict[str, Any] = {}
    exec(helpers(tails=True).replace("OPTIONS", 'nogil=True, error_model="numpy"'), found)
    return found


@given(seed=st.integers(0, 10**6), n=st.integers(1, 512), blocks=st.integers(1, 3), most=st.sampled_from([8, 33, 200]))
def test_tails_are_those_of_all_sorted(tails: dict[str, Any], seed: int, n: int, blocks: int, most: int) -> None:
    rng = np.random.default_rng(seed)
    k = int(rng.integers(1, min(n * blocks, most) + 1))
    shares, ties = rng.random(k), rng.integers(-3, 3, n * blocks) * 1.0
    for x in (rng.normal(size=n * blocks), ties, np.sort(ties), np.zeros(n * blocks)):
        kept, work = np.empty(k), np.full(ROOM + 2 * k, np.nan)
        row = np.concatenate([x, np.full(64, -9.0)])  # what lies beyond the row must not count
        tails["begin"](kept, 0, shares)
        for b in range(blocks):
            tails["take"](row, b * n, n, kept, 0, shares, work)
        assert tails["tail"](kept, 0, shares) == np.add.accumulate(np.sort(x)[:k] * shares)[-1]
