"""Cells: what is a number, a time, a word, and what is refused."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadline.io.numbers import BadCell, exact_sum, moment, number, word


@pytest.mark.parametrize(
    ("cell", "value"),
    [("1e-3", 0.001), (" 1000 ", 1000.0), ("-.5", -0.5), ("+7.", 7.0), (3, 3.0), (Decimal("0.10"), 0.1), ("0e5", 0.0)],
)
def test_a_plain_decimal_is_read(cell, value):
    assert number(cell) == value


@pytest.mark.parametrize(
    "cell",
    ["1,000", "nan", "inf", "-Infinity", "", "  ", "1e400", "1e-400", "0x10", "1_000", "1 000", "1.2.3", "--1", "٣",
     "1e", "9" * 500, True, None, [1], {"a": 1}, float("nan"), float("inf"), 10**400, Decimal("NaN")],
)  # fmt: skip
def test_anything_else_is_refused_with_a_sentence(cell):
    with pytest.raises(BadCell, match=r"[a-z]{2,} .*[a-z]"):
        number(cell)


@pytest.mark.parametrize(
    "cell", ["0.1000000000000000055", "9007199254740993", 9007199254740993, Decimal("0.30000000000000000001")]
)
def test_quantities_keep_every_digit_or_are_refused(cell):
    assert number(cell) == float(cell)
    with pytest.raises(BadCell, match="more digits than a 64-bit float holds"):
        number(cell, exact=True)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_every_float_survives_its_own_text(value):
    assert number(repr(value), exact=True) == value


@given(st.text(max_size=20))
def test_no_text_gives_a_number_python_would_not_give(text):
    try:
        value = number(text)
    except BadCell:
        return
    assert value == float(text)


def test_times_are_utc_milliseconds():
    noon = 1_772_452_800_000
    for cell in ("2026-03-02T12:00:00Z", "2026-03-02 12:00", "2026-03-02T14:00:00+02:00", noon, str(noon)):
        assert moment(cell) == noon
    assert moment(datetime(2026, 3, 2, 12, 0, 0, 999_999, tzinfo=UTC)) == noon + 999
    assert moment(date(2026, 3, 2)) == noon - 43_200_000
    for cell in ("02/03/2026", "noon", 1_772_452_800, 10**18, True, "9999-99-99"):
        with pytest.raises(BadCell):
            moment(cell)


def test_a_word_is_a_text_or_a_whole_number():
    assert (word(" BTC "), word(7)) == ("BTC", "7")
    for cell in (1.5, True, ["a"], None):
        with pytest.raises(BadCell):
            word(cell)


def test_decimals_add_as_people_add_them():
    assert exact_sum([0.1, 0.2, -0.3]) == 0.0
    assert exact_sum([1.0, float("nan")]) != 1.0
