"""Ordered sums, bit for bit."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadline.kernels import net, net_loops
from loadline.kernels.arrays import plain
from loadline.kernels.net import group_starts, segment_sum
from tests.reference import net as twin

lengths = st.lists(st.integers(0, 13), max_size=12)


@given(lengths, st.sampled_from([1, 2, 7, 8, 9, 64]), st.integers(0, 2**32 - 1))
def test_equals_the_loop_bit_for_bit(counts: list[int], width: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    starts = np.concatenate(([0], np.cumsum(counts))).astype(np.int64)
    x = rng.normal(size=(starts[-1], width)) * 10.0 ** rng.uniform(-12, 12, (starts[-1], width))
    expected = twin.segment_sum(x, starts)
    assert segment_sum(x, starts).tobytes() == expected.tobytes()
    if starts[-1]:
        assert segment_sum(x[:, 0], starts).tobytes() == expected[:, 0].tobytes()
    out = np.empty(expected.shape)
    for way in (net._with_numpy, net_loops.sum_rows):
        way(plain(x), starts, out)
        assert out.tobytes() == expected.tobytes()


def test_starts_from_zero_so_that_minus_zero_disappears() -> None:
    x = np.array([[-0.0], [-0.0]])
    got = segment_sum(x, np.array([0, 1, 1, 2]))
    assert not np.signbit(got).any()


def test_takes_strided_rows_and_part_of_the_rows() -> None:
    x = np.arange(24.0).reshape(6, 4)
    np.testing.assert_array_equal(segment_sum(x[:, ::2], np.array([1, 3, 6])), [[12, 16], [48, 54]])
    np.testing.assert_array_equal(segment_sum(x.T.copy().T, np.array([0, 6])), [x.sum(axis=0)])
    assert segment_sum(x, np.array([0])).shape == (0, 4)


@pytest.mark.parametrize("starts", [[], [0, 7], [-1, 3]])
def test_segments_outside_the_rows_are_refused(starts: list[int]) -> None:
    with pytest.raises(ValueError, match="6 rows"):
        segment_sum(np.zeros((6, 2)), np.array(starts, dtype=np.int64))


@given(lengths)
def test_group_starts_finds_every_group(counts: list[int]) -> None:
    codes = np.repeat(np.arange(len(counts)), counts)
    dense = group_starts(codes, groups=len(counts))
    np.testing.assert_array_equal(np.diff(dense), counts)
    runs = group_starts(codes)
    np.testing.assert_array_equal(np.diff(runs), [c for c in counts if c])
    assert dense.dtype == runs.dtype == np.int64
