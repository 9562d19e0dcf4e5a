"""Whose parameter an override means, and what is refused."""

import pytest

from loadline.engine.engine import choose_rulebook
from loadline.foundation.errors import RuleError

NOW = 1_780_000_000_000


@pytest.mark.parametrize("path", ["vol_shock.up", "derive.vol_shock.up"])
def test_with_or_without_the_rulebook_in_front(path: str) -> None:
    chosen = choose_rulebook("derive", NOW, {path: 0.9})
    assert chosen.version.get("vol_shock.up", "BTC") == 0.9
    assert any("vol_shock.up=0.9" in note for note in chosen.notes)


def test_those_of_other_rulebooks_are_passed_over() -> None:
    plain, other = choose_rulebook("derive", NOW), choose_rulebook("derive", NOW, {"tail.measure.level": 0.99})
    assert plain.version.identity == other.version.identity


@pytest.mark.parametrize("path", ["vol_shok.up", "derive.vol_shok.up", "drive.vol_shock.up"])
def test_what_nobody_has_is_refused_with_the_nearest(path: str) -> None:
    with pytest.raises(RuleError, match=r"vol_shock\.up"):
        choose_rulebook("derive", NOW, {path: 0.9})


def test_a_venue_name_alone_stands_for_its_rulebook() -> None:
    chosen = choose_rulebook("deribit", NOW, {"deribit.reading.roll": "exp"})
    assert chosen.rule.name == "deribit-xpm"
    assert chosen.version.text("reading.roll") == "exp"
