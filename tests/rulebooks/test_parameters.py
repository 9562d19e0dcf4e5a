"""Dated parameters: what a file may not hold, which version is chosen, and what may be overridden."""

import math
from dataclasses import replace

import pytest

from loadline.engine.engine import choose_rulebook
from loadline.foundation.errors import RuleError
from loadline.foundation.table import Labels
from loadline.foundation.units import parse_time
from loadline.rulebooks import rulebook
from loadline.rulebooks.parameters import in_force, parse_versions

HEAD = """
[[version]]
effective = {date}
structure = "plain"
source = "made up"
note = "for a test"
"""
GOOD = (
    HEAD.format(date="2025-01-06T00:00:00Z")
    + """
[version.shock]
up = { unit = "fraction", value = 0.5, BTC = 0.4, min = 0, max = 1 }
rows = { unit = "[spot factor, vol, dampening]", value = [[1.1, "up", 1.0], [0.9, "none", 0.5]] }
[version.reading]
roll = { unit = "choice", value = "linear", choices = ["linear", "exp"], note = "how", source = "nobody" }
"""
)


def faults(text: str) -> list[str]:
    """What is said about a text, line by line."""
    with pytest.raises(RuleError) as error:
        parse_versions(text, "made", "made.toml")
    return str(error.value).splitlines()[1:]


def test_a_good_file() -> None:
    (version,) = parse_versions(GOOD, "made", "made.toml")
    assert version.label == "made@2025-01-06"
    assert (version.structure, version.source, version.note) == ("plain", "made up", "for a test")
    up = version.parameter("shock.up")
    assert (up.unit, up.low, up.high, up.of("BTC"), up.of("ETH")) == ("fraction", 0.0, 1.0, 0.4, 0.5)
    assert version.number("shock.up") == 0.5 and version.get("shock.up", "BTC") == 0.4
    assert version.each("shock.up", Labels.ordered(["ETH", "BTC"])).tolist() == [0.5, 0.4]
    assert version.text("reading.roll") == "linear" and version.parameter("reading.roll").note == "how"
    assert version.speaks_of("ETH")


def test_every_fault_is_listed_at_once() -> None:
    text = (
        HEAD.format(date="2025-01-06")
        + """
[version.shock]
bare = 0.5
unitless = { value = 0.5 }
blank = { unit = "", value = 0.5 }
empty = { unit = "fraction", min = 0 }
nan = { unit = "fraction", value = nan }
infinite = { unit = "fraction", BTC = inf }
low = { unit = "fraction", value = -0.1, min = 0 }
high = { unit = "fraction", value = 0.5, ETH = 1.5, max = 1 }
inside = { unit = "rows", value = [[1.1, "up", 1.0], [0.9, "none", nan]] }
mixed = { unit = "fraction", value = 0.5, BTC = [0.5] }
[version.reading]
roll = { unit = "choice", value = "cubic", choices = ["linear", "exp"] }
"""
    )
    said = "\n".join(faults(text.replace('source = "made up"', "").replace('structure = "plain"', "")))
    for what in (
        "effective is missing or has no zone",
        "structure is missing",
        "source is missing",
        "shock.bare is a bare value",
        "shock.unitless has no unit",
        "shock.blank has no unit",
        "shock.empty has no value",
        "shock.nan holds nan",
        "shock.infinite holds inf",
        "shock.low is -0.1, outside 0 .. inf",
        "shock.high is 1.5, outside -inf .. 1",
        "shock.inside holds nan",
        "shock.mixed mixes list and number",
        "reading.roll is 'cubic'",
        "Choose linear, exp.",
        "made.toml version 1",
    ):
        assert what in said, what
    assert len(said.splitlines()) >= 13


@pytest.mark.parametrize("date", ['"2025-01-06"', "2025-01-06T08:00:00", "2025-01-06", "20250106"])
def test_a_date_needs_its_zone(date: str) -> None:
    assert any("effective" in line for line in faults(GOOD.replace("2025-01-06T00:00:00Z", date)))


def test_a_missing_date() -> None:
    assert any("effective" in line for line in faults(GOOD.replace("effective = 2025-01-06T00:00:00Z", "")))


def test_two_versions_of_one_instant() -> None:
    (said,) = faults(GOOD + GOOD)
    assert "two versions take effect at 2025-01-06T00:00:00Z" in said
    elsewhere = GOOD.replace("2025-01-06T00:00:00Z", "2025-01-06T01:00:00+01:00")
    assert "two versions" in faults(GOOD + elsewhere)[0]  # the same instant by another clock


def test_what_is_no_toml_and_what_is_empty() -> None:
    with pytest.raises(RuleError, match="not TOML"):
        parse_versions("[[version]\n", "made", "made.toml")
    assert "no [[version]]" in faults("")[0]
    with pytest.raises(RuleError):
        parse_versions("version = 3", "made", "made.toml")


def test_versions_come_oldest_first() -> None:
    late = GOOD.replace("2025-01-06", "2026-03-01").replace("BTC = 0.4", "BTC = 0.6")
    first, second = parse_versions(late + GOOD, "made", "made.toml")
    assert (first.label, second.label) == ("made@2025-01-06", "made@2026-03-01")
    assert first.identity != second.identity
    assert first.identity == replace(first, source="elsewhere", effective=0).identity


@pytest.mark.parametrize(
    ("at", "label"),
    [
        ("2025-01-06T00:00:00Z", "made@2025-01-06"),
        ("2026-02-28T23:59:59Z", "made@2025-01-06"),
        ("2026-03-01T00:00:00Z", "made@2026-03-01"),
        ("2030-01-01", "made@2026-03-01"),
    ],
)
def test_the_version_in_force(at: str, label: str) -> None:
    versions = parse_versions(GOOD + GOOD.replace("2025-01-06", "2026-03-01"), "made", "made.toml")
    version, notes = in_force(reversed(versions), parse_time(at))
    assert version.label == label and notes == ()


def test_before_the_first_version_the_earliest_observed_is_used_and_said() -> None:
    versions = parse_versions(GOOD, "made", "made.toml")
    version, (note,) = in_force(versions, parse_time("2020-01-01"))
    assert version is versions[0]
    assert "no parameters dated as early as 2020-01-01T00:00:00Z" in note
    assert "the earliest observed, 2025-01-06, are used" in note


def test_a_shipped_rulebook_by_date() -> None:
    spring, summer = parse_time("2026-03-01"), parse_time("2026-10-01")
    assert choose_rulebook("deribit-xpm", spring).version.label == "deribit-xpm@2026-02-15"
    assert choose_rulebook("deribit-xpm", summer).version.label == "deribit-xpm@2026-09-23"
    assert choose_rulebook("deribit-xpm@2026-02-15", summer).version.label == "deribit-xpm@2026-02-15"
    early = choose_rulebook("deribit-spm", parse_time("2021-01-01"))
    assert any("earliest observed" in note for note in early.notes)


def test_overrides_replace_all_keys_or_one() -> None:
    (version,) = parse_versions(GOOD, "made", "made.toml")
    whole, one = version.override({"shock.up": 0.7}), version.override({"shock.up.ETH": 0.7})
    assert [whole.get("shock.up", k) for k in ("BTC", "ETH", "SOL")] == [0.7, 0.7, 0.7]
    assert [one.get("shock.up", k) for k in ("BTC", "ETH", "SOL")] == [0.4, 0.7, 0.5]
    assert version.get("shock.up", "BTC") == 0.4  # the version itself stays
    assert one.overridden == ("made.shock.up.ETH=0.7",)
    assert len({v.identity for v in (version, whole, one)}) == 3
    again = one.override({"reading.roll": "exp"})
    assert again.text("reading.roll") == "exp" and len(again.overridden) == 2


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"shock.upp": 0.5}, "Did you mean shock.up?"),
        ({"nothing": 1.0}, "loadline rulebook show made"),
        ({"shock.up": 1.5}, "outside 0 .. 1"),
        ({"shock.up.ETH": -1.0}, "outside 0 .. 1"),
        ({"shock.up": math.nan}, "holds nan"),
        ({"shock.up": "high"}, "not a number"),
        ({"shock.up": True}, "not a number"),
        ({"shock.up": [0.5]}, "not a number"),
        ({"shock.rows": 0.5}, "not a list"),
        ({"reading.roll": "cubic"}, "Choose linear, exp"),
    ],
)
def test_what_cannot_be_overridden(changes: dict[str, object], said: str) -> None:
    (version,) = parse_versions(GOOD, "made", "made.toml")
    with pytest.raises(RuleError, match="cannot be overridden") as error:
        version.override(changes)
    assert said in str(error.value)


def test_all_bad_overrides_are_listed_at_once() -> None:
    (version,) = parse_versions(GOOD, "made", "made.toml")
    with pytest.raises(RuleError) as error:
        version.override({"shock.upp": 0.5, "shock.up": 2.0, "reading.roll": "cubic"})
    assert len(str(error.value).splitlines()) == 4


def test_a_parameter_that_is_not_there() -> None:
    (version,) = parse_versions(GOOD, "made", "made.toml")
    with pytest.raises(RuleError, match=r"made has no parameter shock\.upp") as error:
        version.parameter("shock.upp")
    assert "did you mean shock.up?" in str(error.value)
    bare = GOOD.replace("value = 0.5, BTC", "BTC")
    (version,) = parse_versions(bare, "made", "made.toml")
    with pytest.raises(RuleError, match=r"made has no shock\.up for ETH") as error:
        version.get("shock.up", "ETH")
    assert "--set made.shock.up.ETH=VALUE" in str(error.value)
    assert not version.speaks_of("ETH") and version.speaks_of("BTC")


def test_overrides_go_to_the_rulebook_they_name() -> None:
    at = parse_time("2026-10-01")
    asked = {"derive.vol_shock.up": 0.6, "isolated.option.initial": 0.3, "derive-srm.peg.factor": 1.0}
    derive, isolated = choose_rulebook("derive", at, asked), choose_rulebook("isolated", at, asked)
    assert derive.version.get("vol_shock.up", "BTC") == 0.6
    assert isolated.version.get("option.initial", "BTC") == 0.3
    assert any("derive.vol_shock.up=0.6" in note for note in derive.notes)
    assert not any("vol_shock" in note for note in isolated.notes)


@pytest.mark.parametrize("name", rulebook.SHIPPED)
def test_shipped_files_say_unit_source_and_date(name: str) -> None:
    versions = rulebook.load(name).versions
    assert versions
    for version in versions:
        assert version.source and version.structure and version.parameters
        assert all(p.unit for p in version.parameters.values())
    names = [set(v.parameters) for v in versions]
    assert all(n == names[0] for n in names), "a field missing from a captured set is carried from the one before"


def test_an_unknown_rulebook_offers_the_nearest() -> None:
    with pytest.raises(RuleError, match="no rulebook 'derivve'") as error:
        rulebook.load("derivve")
    assert "did you mean derive?" in str(error.value)
