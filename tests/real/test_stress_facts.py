"""The table of named stresses is what its tool computes from the data."""

from pathlib import Path

import pytest

from tools import stress_facts


@pytest.mark.slow
def test_the_table_is_what_the_data_says(shared: Path) -> None:
    folder = shared / "data" / "prices"
    if not folder.is_dir():
        pytest.skip("needs ../shared/data/prices (third-party bars, not in the repository)")
    assert stress_facts.table(folder) == stress_facts.PAGE.read_text("utf-8")
