"""A whole venue, planned, beside scipy, a hand-written kernel and the same rule on numbers: see ``venue.py``."""

from typing import Any

import pytest

from benchmarks.venue import Work, measured, works

ROUNDS = 3


@pytest.fixture(scope="module")
def table() -> dict[str, Work]:
    """Every row by its first word or two."""
    return {work.name: work for work in works()}


ROWS = (
    "worst of 512",
    "expected shortfall 97.5% of 512",
    "expected shortfall 99.0% of 512",
    "derive, whole, 35 scenarios",
    "deribit-xpm, whole, 35 scenarios",
    "building the book from unsorted columns",
    "derive: one more trade on 200 legs",
    "derive: 2000 candidate trades, each",
    "deribit-xpm: one more trade on 200 legs",
    "deribit-xpm: 2000 candidate trades, each",
)


@pytest.mark.parametrize("name", ROWS)
def test_venue(benchmark: Any, table: dict[str, Work], name: str) -> None:
    work = table[name]
    benchmark.group = f"{name}: {work.accounts:,} at a time"
    found = measured(work, ROUNDS)
    benchmark.pedantic(work.ours, args=(1,), rounds=ROUNDS)
    ours = found.pop("ours")
    benchmark.extra_info["µs per account, processor"] = round(ours, 3)
    for wall in ("wall, 1 worker", "wall, 2 workers"):
        benchmark.extra_info[f"µs per account, {wall}"] = round(found.pop(wall), 3)
    if found:
        rival = min(found, key=lambda name: found[name])
        benchmark.extra_info["rival"] = rival
        benchmark.extra_info["times faster than rival"] = round(found[rival] / ours, 2)
        benchmark.extra_info["µs per account, rivals"] = {name: round(us, 3) for name, us in found.items()}
