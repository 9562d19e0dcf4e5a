"""Nothing without its documentation: every command, option, exit code, and a page that is up to date."""

from pathlib import Path

import pytest

from loadline.cli.catalogue import COMMANDS, GROUPS
from loadline.cli.environment import ExitCode
from loadline.cli.parser import parse
from loadline.cli.spec import Command, Takes
from tools.docs import PARTS, renewed

PAGE = "docs/cli.md"


@pytest.mark.parametrize("command", COMMANDS, ids=lambda c: c.words)
def test_documented(command: Command, root: Path) -> None:
    page = (root / PAGE).read_text("utf-8")
    assert f"### `loadline {command.words}`" in page
    section = page.partition(f"### `loadline {command.words}`")[2].partition("\n### ")[0]
    assert command.summary.endswith(".") and command.details.endswith(".")
    assert command.examples
    for option in command.options:
        assert f"`{option.usage}`".replace("|", "\\|") in section
        assert option.help.endswith(".") and option.example.startswith("--")
        assert bool(option.metavar) == (option.takes is not Takes.FLAG)
    for argument in command.arguments:
        assert f"`{argument.usage}`" in section
        assert argument.help.endswith(".")


def test_page_is_up_to_date(root: Path) -> None:
    assert renewed(PAGE, PARTS[PAGE]) == (root / PAGE).read_text("utf-8")


def test_exit_codes_are_documented(root: Path) -> None:
    page = (root / PAGE).read_text("utf-8")
    for code in ExitCode:
        assert f"| {code:d} | {code.name} | {code.meaning} |" in page


def test_groups_stand_before_commands() -> None:
    assert {c.words.split()[0] for c in COMMANDS if " " in c.words} == set(GROUPS)


@pytest.mark.parametrize("command", COMMANDS, ids=lambda c: c.words)
def test_examples_can_be_typed(command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("book.csv", "book.json", "m.json", "btc.parquet", "yesterday.json", "today.json", "closes.parquet"):
        (tmp_path / name).touch()
    (tmp_path / "cases").mkdir()
    for example, _ in command.examples:
        words = example.split()
        assert words[0] == "loadline"
        assert parse(words[1:], 80, "0").command is command


def test_bodies_are_there() -> None:
    from importlib import import_module

    for command in COMMANDS:
        module, _, function = command.body.partition(":")
        assert callable(getattr(import_module(module), function))
