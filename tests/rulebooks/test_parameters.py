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
    assert "2 versions overlap: all take effect at 2025-01-06T00:00:00Z" in said
    elsewhere = GOOD.replace("2025-01-06T00:00:00Z", "2025-01-06T01:00:00+01:00")
    assert "2 versions overlap" in faults(GOOD + elsewhere)[0]  # the same instant by another clock


def test_what_is_no_toml_and_what_is_empty() -> None:
    with pytest.raises(RuleError, match="not TOML"):
        parse_versions("[[version]\n", "made", "made.toml")
    assert "no [[version]]" in faults("")[0]
    with pytest.raises(RuleError):
        parse_versions("version = 3", "made", "made.toml")


def one(entry: str, name: str = "shock.up") -> list[str]:
    """What is said about a file with this one parameter."""
    group, _, key = name.partition(".")
    return faults(HEAD.format(date="2025-01-06T00:00:00Z") + f"[version.{group}]\n{key} = {{ {entry} }}\n")


@pytest.mark.parametrize(
    ("name", "entry", "said", "remedy"),
    [
        ("shock.up", "unit = 5, value = 0.5", "unit is 5, not a text", "fraction of index"),
        ("shock.up", 'unit = " ", value = 0.5', "shock.up has no unit", "Name it"),
        ("shock.up", 'unit = "%", value = 15', "shock.up is in '%'", "5 % is 0.05"),
        ("shock.up", 'unit = "percent of index", value = 15', "is in 'percent of index'", "5 % is 0.05"),
        ("shock.up", 'unit = "bps", value = 15', "is in 'bps'", "5 % is 0.05"),
        ("shock.up", 'unit = "fraction", value = 0.5, min = "a"', "min is 'a', not a number", "leave it out"),
        ("shock.up", 'unit = "fraction", value = 0.5, max = nan', "max is nan, not a number", "leave it out"),
        ("shock.up", 'unit = "fraction", value = 0.5, max = true', "max is True, not a number", "leave it out"),
        ("shock.up", 'unit = "fraction", value = 0.5, max = [1]', "max is [1], not a number", "leave it out"),
        ("shock.up", 'unit = "fraction", value = 0.5, min = 1, max = 0', "min 1 is above max 0", "Turn them round"),
        ("shock.up", 'unit = "fraction", value = 1.5, max = 1', "is 1.5, outside -inf .. 1", "unit is fraction"),
        ("shock.up", 'unit = "fraction", value = -inf', "holds -inf", "finite"),
        ("shock.up", 'unit = "fraction", value = [0.1, nan]', "holds nan", "finite"),
        ("shock.up", 'unit = "fraction", value = true', "is True, not a number", "Give a number"),
        ("shock.up", 'unit = "fraction", value = 2025-01-01', "not a number", "Give a number"),
        ("shock.up", 'unit = "fraction", value = [1, "2"]', "not all numbers", "list of numbers"),
        ("shock.up", 'unit = "fraction", value = [1, [2]]', "not all numbers", "list of numbers"),
        ("shock.up", 'unit = "fraction", vaule = 0.5', "unknown key vaule", "Did you mean value?"),
        ("shock.up", 'unit = "fraction", value = 1, Max = 1', "unknown key Max", "Did you mean max?"),
        ("shock.up", 'unit = "fraction", value = 1, btc = 1', "unknown key btc", "underlyings or currencies"),
        ("shock.up", 'unit = "fraction", value = 1, source = ""', "source is ''", "leave it out"),
        ("shock.up", 'unit = "fraction", value = 1, note = 3', "note is 3", "in words"),
        ("shock.up", 'unit = "choice", value = "a"', "a choice without choices", "List them"),
        ("shock.up", 'unit = "choice", value = "a", choices = "ab"', "choices is 'ab'", "list of texts"),
        ("tier.bounds", 'unit = "USD", value = [1e6, 1e5]', "bounds must rise", "the least first"),
        ("tier.bounds", 'unit = "USD", value = [1e5, 1e5]', "bounds must rise", "the least first"),
        ("tier.bounds", 'unit = "USD", value = [1e5], BTC = [3.0, 2.0]', "bounds must rise", "the least first"),
        ("tier.bounds", 'unit = "USD", value = [1e5, "2e5"]', "not all numbers", "list of numbers"),
        ("tier.bounds", 'unit = "USD", value = ["1e5"]', "bounds must rise", "the least first"),
        ("wallet.haircut", 'unit = "fraction", value = 1.01', "is 1.01", "it takes all at most"),
        ("wallet.haircut", 'unit = "fraction", value = 0.0, BTC = -0.1, max = 5', "is -0.1", "0 to 1"),
        ("wallet.haircut_initial", 'unit = "fraction", value = 7', "is 7", "0 to 1"),
    ],
)
def test_each_fault_of_a_parameter(name: str, entry: str, said: str, remedy: str) -> None:
    lines = one(entry, name)
    assert any(said in line and remedy in line for line in lines), lines
    assert all("made.toml version 1" in line for line in lines)


@pytest.mark.parametrize(
    ("extra", "said"),
    [
        ("efective = 2025-01-06T00:00:00Z\n", "unknown key efective. Did you mean effective?"),
        ("until = 2025-01-06T00:00:00Z\n", "unknown key until. A version has effective, structure, source, note"),
        ("[version.shock]\n", "shock is empty"),
        ('[version.shock]\nup = { unit = "1", value = 1 }\n[version]\n', "not TOML"),
        ('"shock.up" = { unit = "1", value = 1 }\n[version.shock]\nup = { unit = "1", value = 1 }\n', "given 2 times"),
        ("", "no parameters"),
    ],
)
def test_faults_of_a_version(extra: str, said: str) -> None:
    with pytest.raises(RuleError) as error:
        parse_versions(HEAD.format(date="2025-01-06T00:00:00Z") + extra, "made", "made.toml")
    assert said in str(error.value)


@pytest.mark.parametrize("blank", ['source = ""', 'source = "  "', "source = 3", ""])
def test_a_version_without_a_source(blank: str) -> None:
    assert any("source is missing" in line for line in faults(GOOD.replace('source = "made up"', blank)))


def test_all_stands_under_version() -> None:
    (said,) = faults(GOOD.replace("[[version]]", "[[versions]]").replace("[version.", "[versions."))[:1]
    assert "unknown key versions. Did you mean version?" in said


def test_versions_that_do_not_go_together() -> None:
    other = GOOD.replace("2025-01-06", "2025-02-06")
    assert len(parse_versions(GOOD + other, "made")) == 2
    (said,) = faults(GOOD + other.replace('unit = "fraction"', 'unit = "fraction of index"'))
    assert "made@2025-02-06: shock.up is in 'fraction of index', before in 'fraction'" in said
    cut = other[: other.index("[version.reading]")]
    (said,) = faults(GOOD + cut)
    assert "made@2025-02-06 lacks reading.roll, which made@2025-01-06 of the same structure has" in said
    (said,) = faults(cut + GOOD)
    assert "made@2025-02-06 lacks reading.roll" in said
    assert len(parse_versions(GOOD + cut.replace('"plain"', '"plainer"'), "made")) == 2


@pytest.mark.parametrize(
    ("text", "said", "causes"),
    [
        (GOOD.replace("max = 1 }", "max = 1", 1), "not TOML", "cut off"),
        (GOOD + '[version.shock]\nup = { unit = "1", value = 1 }\n', "not TOML", "a name given twice"),
        (GOOD.replace("BTC = 0.4", "BTC = 0.4, BTC = 0.5"), "not TOML", "a name given twice"),
        (GOOD[: GOOD.index("0.4")], "not TOML", "cut off"),
        (GOOD[: GOOD.rindex("linear")], "not TOML", "cut off"),
        (GOOD.replace("0.4", "0,4"), "not TOML", ""),
        (GOOD.replace("0.4", "1.000.0"), "not TOML", ""),
    ],
)
def test_what_toml_cannot_read_is_said_with_its_line(text: str, said: str, causes: str) -> None:
    with pytest.raises(RuleError) as error:
        parse_versions(text, "made", "made.toml")
    assert said in error.value.what and causes in error.value.causes and error.value.where == "made.toml"
    assert "line" in error.value.what or "end of document" in error.value.what


def test_a_file_cut_off_anywhere_is_refused_or_whole() -> None:
    """A cut never gives a number that was not written, and no error but ours."""
    text = GOOD + GOOD.replace("2025-01-06", "2025-02-06").replace("made up", "made up later")
    whole = {v.identity for v in parse_versions(text, "made", "made.toml")}
    read = 0
    for end in range(len(text)):
        try:
            versions = parse_versions(text[:end], "made", "made.toml")
        except RuleError:
            continue
        read += 1
        held = {n: p for v in versions for n, p in v.parameters.items()}
        if set(held) == {"shock.up", "shock.rows", "reading.roll"}:
            assert {v.identity for v in versions} <= whole, text[:end][-60:]
    assert 0 < read < 100  # only between whole lines


def test_many_faults_are_said_together() -> None:
    """One reading tells everything, so that nobody mends a file ten times."""
    text = (
        HEAD.format(date="2025-01-06").replace('source = "made up"', "")
        + """
[version.shock]
up = { unit = "percent", value = 15, min = 1, max = 0 }
[version.tier]
bounds = { unit = "USD", value = [2e6, 1e6], min = "low" }
[version.collateral]
haircut = { unit = "fraction of value", value = 1.2, vlaue = 0.1, source = "" }
cut = { unit = "fraction of value", value = nan }
"""
        + GOOD
        + GOOD.replace("max = 1 }", "max = 0.3 }", 1)
    )
    said = faults(text)
    for what in (
        "effective is missing",
        "source is missing",
        "shock.up is in 'percent'",
        "shock.up: min 1 is above max 0",
        "shock.up is 15, outside 1 .. 0",
        "tier.bounds: min is 'low', not a number",
        "tier.bounds is [2000000.0, 1000000.0]: bounds must rise",
        "collateral.haircut is 1.2",
        "collateral.haircut: unknown key vlaue. Did you mean value?",
        "collateral.haircut: source is ''",
        "collateral.cut holds nan",
        "shock.up is 0.5, outside 0 .. 0.3",
        "2 versions overlap",
    ):
        assert any(what in line for line in said), what
    assert len(said) >= 13


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
