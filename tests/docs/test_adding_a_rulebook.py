"""The page on adding a rulebook, lived through: its files in an empty folder, its commands and its Python in order."""

import doctest
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from loadline.engine.verify import verify_file
from loadline.rulebooks.rulebook import SHIPPED, read_rulebook, rulebook_names
from tests.cli.running import run
from tests.conftest import ROOT
from tests.docs.pages import FENCE, Page

PAGE = ROOT / "docs" / "adding-a-rulebook.md"
FILES = ("toml", "python", "json")
OPTIONS = doctest.ELLIPSIS | doctest.REPORT_NDIFF


def typed(command: str, folder: Path) -> str:
    """What a command of the page writes, on a terminal 80 columns wide."""
    words = command.split()
    if words[0] == "loadline":
        done = run(words[1:])
        return done.out + done.err
    if words[0] == "cp":
        shutil.copy(words[1], words[2])
        return ""
    assert words[0] == "python", command
    path = f"{ROOT / 'src'}"
    done = subprocess.run(
        [sys.executable, *words[1:]], capture_output=True, text=True, env={"PYTHONPATH": path}, cwd=folder, check=False
    )
    return done.stdout + done.stderr


def lived_through(folder: Path) -> list[str]:
    """Take every block of the page in its order; what was otherwise than the page says."""
    names: dict[str, object] = {"__name__": "page"}
    runner, parser, off = doctest.DocTestRunner(optionflags=OPTIONS), doctest.DocTestParser(), []
    for n, (_, language, name, content) in enumerate(FENCE.findall(PAGE.read_text("utf-8"))):
        if name:
            assert language in FILES, f"```{language} {name}"
            (folder / name).write_text(content, "utf-8")
        elif language == "python":
            test = parser.get_doctest(content, names, f"block {n}", str(PAGE), 0)
            assert test.examples
            test.globs = names
            runner.run(test, out=off.append, clear_globs=False)
        elif language == "console":
            said = ""
            for command in [line[2:] for line in content.splitlines() if line.startswith("$ ")]:
                said += f"$ {command}\n" + typed(command, folder).rstrip() + "\n"
            plain = [line.rstrip() for line in said.splitlines() if line.strip()]
            if plain != [line.rstrip() for line in content.splitlines() if line.strip()]:
                off.append(f"block {n}:\n{content}\nbut now\n{said}")
    return off


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory):
    """The folder after everything on the page was done there."""
    place = tmp_path_factory.mktemp("toy")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(place)
        patch.setenv("COLUMNS", "80")
        off = lived_through(place)
    assert not off, "\n".join(off)
    return place


def test_the_page_shows_what_happens(folder: Path) -> None:
    made = {p.name for p in folder.iterdir() if p.is_file()}
    assert made >= {"toy.toml", "toy.py", "toy_twin.py", "make_cases.py", "market.json", "book.json", "cases.json"}


def test_nothing_of_it_is_in_the_package(folder: Path) -> None:
    assert "toy" not in SHIPPED and "toy" not in rulebook_names()


def test_the_cases_are_as_many_and_as_wide_as_asked_of_any_rulebook(folder: Path) -> None:
    cases = json.loads((folder / "cases.json").read_text("utf-8"))["vectors"]
    rule = read_rulebook(folder / "toy.toml")
    assert len(cases) >= 12
    assert {c["input"]["rulebook"] for c in cases} == {v.label for v in rule.versions}
    changed = [path.partition(".")[2] for c in cases for path in c["input"].get("overrides", {})]
    assert all(changed.count(p) == 2 for p in rule.versions[-1].parameters)


def test_the_cases_are_refused_without_the_rulebook(folder: Path) -> None:
    report = verify_file(folder / "cases.json")
    assert report.matched == 0 and any("no rulebook 'toy'" in n for r in report.replays for n in r.notes)


def test_every_choice_of_the_rule_decides_somewhere(folder: Path) -> None:
    """Scanning risk and the minimum, the charge and none, a haircut: else a line of the page is never shown to work."""
    parts = [c["expected"] for c in json.loads((folder / "cases.json").read_text("utf-8"))["vectors"]]
    lines = {path.rpartition("/")[2] for want in parts for path, value in want["components"].items() if value}
    assert {"scanning risk", "short option minimum", "concentration charge", "haircuts"} <= lines


def test_the_page_is_within_the_house() -> None:
    """It speaks to people: prose in lines of a readable length, and a rule as short as it asks for."""
    page = Page.of(PAGE)
    rule = next(content for name, content in page.blocks("python") if name == "toy.py")
    assert len(rule.splitlines()) <= 150
    assert all(len(line) <= 160 for line in page.prose.splitlines())
