"""A rulebook that is not installed: read from its two files, asked for by value, never registered."""

import json
import sys
from pathlib import Path

import pytest

from loadline.engine.engine import choose_rulebook, compare, margins
from loadline.engine.prepared import contributions
from loadline.engine.result import MarginResult
from loadline.foundation.errors import RuleError
from loadline.io.sample import sample
from loadline.rulebooks import rulebook
from loadline.rulebooks.rulebook import read_rulebook, rulebook_names
from tests.cli.running import FILES, run

CODE = """
from dataclasses import dataclass
from loadline.rulebooks import blocks
from loadline.rulebooks.rulebook import Requirement, Rulebook, no_scenarios, no_shock

@dataclass(frozen=True)
class Kept:
    rate: "float"

def margin(book, cube, p):
    u = book.universe
    rate = Kept(p.number("kept.rate")).rate
    asked = (book.only(~u.spot).size() * book.each(u.size * u.index * rate)).net("account").named("maintenance")
    return Requirement(asked * 2.0, asked, blocks.carried_equity(book))

RULEBOOKS = {
    n: Rulebook(n, "A share of everything", "template", margin, no_scenarios, no_shock, needs=("index",)) for n in NAMES
}
"""
PARAMETERS = """
[[version]]
effective = 2024-01-01T00:00:00Z
structure = "one"
source = "made up"
[version.kept]
rate = { unit = "fraction of notional", value = 0.1, min = 0, max = 1 }
[[version]]
effective = 2026-03-01T00:00:00Z
structure = "one"
source = "made up, later"
[version.kept]
rate = { unit = "fraction of notional", value = 0.2, min = 0, max = 1 }
"""


def pair(folder: Path, code: str = CODE, parameters: str = PARAMETERS, names: str = '("share",)') -> Path:
    """Write a file pair; the path of its parameters."""
    (folder / "share.py").write_text(code.replace("NAMES", names), "utf-8")
    (folder / "share.toml").write_text(parameters, "utf-8")
    return folder / "share.toml"


def test_it_is_passed_wherever_a_name_is(tmp_path: Path) -> None:
    rule = read_rulebook(pair(tmp_path))
    portfolio, market = sample()
    (answer,) = margins(portfolio.only(["basis"]), market, rule)
    assert isinstance(answer, MarginResult) and answer.version == choose_rulebook(rule, market.as_of).version.label
    assert answer.initial == 2.0 * answer.maintenance > 0.0
    (higher,) = margins(portfolio.only(["basis"]), market, rule, overrides={"share.kept.rate": 0.5})
    rate = answer.parameters.number("kept.rate")
    assert higher.maintenance == pytest.approx(answer.maintenance * 0.5 / rate)
    assert set(compare(portfolio, market, ["isolated", rule])) == {"isolated", "share"}
    assert contributions(portfolio.only(["basis"]), market, answer, rulebook=rule)


def test_nothing_is_registered(tmp_path: Path) -> None:
    before = rulebook_names(), set(sys.modules)
    read_rulebook(pair(tmp_path))
    assert rulebook_names() == before[0]
    assert {m for m in set(sys.modules) - before[1] if "share" in m} == set()
    with pytest.raises(RuleError, match="no rulebook 'share'"):
        choose_rulebook("share", 0)


def test_it_is_read_anew(tmp_path: Path) -> None:
    path = pair(tmp_path)
    first = read_rulebook(path)
    pair(tmp_path, parameters=PARAMETERS.replace("0.2", "0.3"), code=CODE.replace("A share", "Another share"))
    second = read_rulebook(path)
    assert (first.versions[-1].number("kept.rate"), second.versions[-1].number("kept.rate")) == (0.2, 0.3)
    assert first.title == "A share of everything" and second.title == "Another share of everything"


@pytest.mark.parametrize(
    ("code", "names", "said", "remedy"),
    [
        ("x = 1\n", "", "no RULEBOOKS in it", "RULEBOOKS ="),
        ("RULEBOOKS = {}\n", "", "no RULEBOOKS in it", "RULEBOOKS ="),
        ("RULEBOOKS = {'share': 1}\n", "", "no RULEBOOKS in it", "RULEBOOKS ="),
        ("x = 1\nx = y\n", "", "NameError: name 'y' is not defined", "mend it"),
        ("def x(:\n", "", "SyntaxError", "mend it"),
        ("import neighbour_of_nobody\n", "", "ModuleNotFoundError", "not the files beside it"),
        (CODE, '("derive",)', "the name derive is taken", "choose another"),
        (CODE, '("deribit",)', "the name deribit is taken", "choose another"),
        (CODE, '("a@b",)', "a@b cannot be the name", "one word"),
        (CODE, '("a.b", "c")', "a.b cannot be the name", "one word"),
        (CODE, '("a", "b")', "2 rulebooks in it: a, b", "share.toml#a"),
    ],
)
def test_what_cannot_be_read_is_said(tmp_path: Path, code: str, names: str, said: str, remedy: str) -> None:
    path = pair(tmp_path, code, names=names)
    with pytest.raises(RuleError) as error:
        read_rulebook(path)
    assert said in error.value.what and remedy in error.value.remedy
    assert "share.py" in error.value.where


def test_the_line_that_fails_is_named(tmp_path: Path) -> None:
    with pytest.raises(RuleError) as error:
        read_rulebook(pair(tmp_path, "x = 1\nx = y\n"))
    assert error.value.where.endswith("share.py:2")


def test_missing_files_are_named_together(tmp_path: Path) -> None:
    with pytest.raises(RuleError, match=r"share\.toml and share\.py not found"):
        read_rulebook(tmp_path / "share.toml")
    with pytest.raises(RuleError, match=r"share\.py is not a parameter file"):
        read_rulebook(tmp_path / "share.py")


def test_a_file_cut_short_is_said_to_be(tmp_path: Path) -> None:
    path = tmp_path / "model.toml"
    path.write_text('rulebook = "tail"\n[version]\nlev', "utf-8")
    with pytest.raises(RuleError, match=r"model\.toml is not TOML: .*at end of document") as error:
        read_rulebook(path)
    assert "cut short" in error.value.causes and "model.py" not in str(error.value)


def test_one_of_several(tmp_path: Path) -> None:
    path = pair(tmp_path, names='("a", "b")')
    assert read_rulebook(path, "b").name == "b"
    with pytest.raises(RuleError, match="no rulebook 'c' in it"):
        read_rulebook(path, "c")
    assert run(["rulebook", "show", f"{path}#b", "--table"]).out.startswith("b@2026-03-01")


def test_every_fault_of_parameters_is_listed(tmp_path: Path) -> None:
    bad = PARAMETERS.replace("value = 0.1", "value = 1.5").replace('source = "made up, later"', "")
    with pytest.raises(RuleError) as error:
        read_rulebook(pair(tmp_path, parameters=bad))
    assert "kept.rate is 1.5" in str(error.value) and "source is missing" in str(error.value)


def test_every_fault_that_the_rule_finds_is_listed(tmp_path: Path) -> None:
    refusing = """
from loadline.foundation.errors import RuleError

def check(p):
    raise RuleError(f"{p.label}: never good")
"""
    code = refusing + CODE.replace('needs=("index",)', 'needs=("index",), check=check')
    with pytest.raises(RuleError) as error:
        read_rulebook(pair(tmp_path, code))
    assert "share@2024-01-01: never good" in str(error.value) and "share@2026-03-01: never good" in str(error.value)


def test_the_command_line_takes_a_path(tmp_path: Path) -> None:
    path = str(pair(tmp_path))
    old = run(["rulebook", "show", f"{path}@2025-01-01"])
    assert old.out.startswith("share@2024-01-01") and run(["rulebook", "show", path]).out.startswith("share@2026-03-01")
    assert "kept.rate" in run(["rulebook", "diff", path, "2025-01-01", "2026-04-01"]).out
    assert "did you mean" in run(["rulebook", "show", path.replace("share.toml", "shares.toml")]).err


def test_a_data_file_cannot_name_a_path(tmp_path: Path) -> None:
    """Reading a rulebook runs it: only who types a path asks for that."""
    ran = tmp_path / "ran"
    path = pair(tmp_path, f"open({str(ran)!r}, 'w').close()\n" + CODE)
    book, market = tmp_path / "book.json", FILES / "market.json"
    held = json.loads((FILES / "book.json").read_text("utf-8"))
    account = held["positions"][0]["account"]
    book.write_text(json.dumps(held | {"accounts": [{"account": account, "rulebook": str(path)}]}), "utf-8")
    done = run(["margin", str(book), "--market", str(market)])
    assert "no rulebook" in done.err and done.code != 0 and not ran.exists()
    typed = run(["margin", str(book), "--market", str(market), "--rulebook", str(path)])
    assert typed.code == 0 and ran.exists()


class Point:
    """An entry point of another package."""

    def __init__(self, name: str, value: str) -> None:
        self.name, self.value = name, value


def test_an_installed_package_offers_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from importlib import metadata

    pair(tmp_path)
    (tmp_path / "bare.py").write_text("RULEBOOKS = {}\n", "utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    points = [Point("share", "share"), Point("bare", "bare")]
    monkeypatch.setattr(metadata, "entry_points", lambda group: points if group == rulebook.GROUP else [])
    rulebook.load.cache_clear()
    try:
        assert rulebook_names()[-2:] == ["bare", "share"]
        assert rulebook.load("share").versions[-1].label == "share@2026-03-01"
        with pytest.raises(RuleError, match=r"no bare\.toml beside its module"):
            rulebook.load("bare")
    finally:
        rulebook.load.cache_clear()
        for name in ("share", "bare"):
            sys.modules.pop(name, None)
