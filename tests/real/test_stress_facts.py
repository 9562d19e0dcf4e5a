"""The table of named stresses is what its tool computes from the data."""

from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from tools import stress_cited, stress_facts


@pytest.mark.slow
def test_the_table_is_what_the_data_says(shared: Path) -> None:
    folder = shared / "data" / "prices"
    if not folder.is_dir():
        pytest.skip("needs ../shared/data/prices (third-party bars, not in the repository)")
    assert stress_facts.table(folder) == stress_facts.PAGE.read_text("utf-8")


def test_cited_facts_are_of_stresses_and_windows_that_there_are() -> None:
    events = {e.name for e in stress_facts.EVENTS}
    for told in stress_cited.FACTS:
        assert told.stress in events and told.window in ("low", "day", "two_days") and told.source
        assert list(told.moves) == stress_facts.ordered(told.moves)


def test_the_lowest_basis_is_at_closes_or_at_the_lows_of_one_bar_that_is_no_stray_print() -> None:
    start = stress_facts.at(2025, 10, 10)
    ends = stress_facts.ms(start) + 300_000 * np.arange(4)
    spot = stress_facts.Series(ends, np.full(4, 100.0), np.array([100.0, 90.0, 80.0, 100.0]), np.zeros(4, bool))
    lows, stray = np.array([100.0, 81.0, 40.0, 100.0]), np.array([False, False, True, False])
    perpetual = stress_facts.Series(ends, np.array([100.0, 99.0, 98.0, 100.0]), lows, stray)
    end = start + timedelta(minutes=15)
    found = [stress_facts.basis(spot, perpetual, "low", start, end, lows=lows) for lows in (False, True)]
    assert found == pytest.approx([0.98, 0.9])
    assert stress_facts.basis(spot, perpetual, "day", start, end, lows=True) == 1.0
