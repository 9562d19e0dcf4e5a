"""Does any golden case notice when a number of a rulebook changes by a few per cent, or one of its operations?"""

import pytest

from loadline.rulebooks.rulebook import SHIPPED
from tests.rulebooks.exempt import NO_OPERATION, NOTHING_TO_NOTICE, excused, reason
from tests.rulebooks.mutants import census, operations_census
from tests.rulebooks.operations import family, mutations
from tools.mutations import MORE_NUMBERS, UNFINISHED, counted, known


@pytest.mark.slow
@pytest.mark.parametrize("name", [n for n in NOTHING_TO_NOTICE if n not in MORE_NUMBERS])
def test_every_number_is_noticed(name: str) -> None:
    found = census(name, lambda mutant: bool(reason(name, mutant)))
    missed = [f"{m.version} {m.where}" for m in found.missed if not reason(name, m)]
    assert missed == []
    needless = [f"{m.version} {m.where}" for m in found.caught if reason(name, m)]
    assert needless == [], "these are noticed after all: take them off the list"
    if name not in UNFINISHED:
        told = known()[name]["numbers"]
        assert told == counted(found, lambda m: reason(name, m)), "run python -m tools.mutations"


@pytest.mark.slow
@pytest.mark.parametrize("name", [n for n in SHIPPED if n not in UNFINISHED])
def test_every_operation_is_noticed(name: str) -> None:
    found = operations_census(name, lambda change: bool(excused(name, change)))
    missed = [m.where for m in found.missed if not excused(name, m)]
    assert missed == []
    needless = [m.where for m in found.caught if excused(name, m)]
    assert needless == [], "these are noticed after all: take them off the list"
    assert known()[name]["operations"] == counted(found, lambda m: excused(name, m)), "run python -m tools.mutations"


@pytest.mark.parametrize("name", SHIPPED)
def test_a_rate_is_told_of_every_rulebook(name: str) -> None:
    rates = known().get(name)
    if rates is None:
        assert name in UNFINISHED, "run python -m tools.mutations"
        return
    for kind in ("numbers", "operations"):
        told = rates[kind]
        assert told["changed"] == told["noticed"] + told["excused"] + told["missed"] > 0
        assert told["missed"] == 0 or name in UNFINISHED


def test_excuses_speak_of_rulebooks_that_there_are() -> None:
    assert set(NOTHING_TO_NOTICE) | set(NO_OPERATION) <= set(SHIPPED)


def test_operations_are_found_and_told_apart() -> None:
    """Few and quick: the smallest rulebook's, every one of them another change."""
    found = [change.where for change in mutations("gmx")]
    assert len(found) > 20 and len(set(found)) > 20
    assert any("worst_of(" in where for where in found) and any(" + " in where for where in found)
    assert family("deribit-xpm") == ["deribit_matrix", "deribit"]
    assert family("paradex-xm")[-1] == "paradex_cross" and "drift_liquidation" not in family("drift")
