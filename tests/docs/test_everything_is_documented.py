"""What there is, is documented: public names, operations, reasons, fields of JSON, options of the command line."""

import json
import re

import pytest

import loadline
from loadline.cli.catalogue import COMMANDS
from loadline.foundation.errors import LoadlineError, Reason
from loadline.tape import ops
from tests.conftest import ROOT
from tests.docs.pages import Page
from tools import docs_api

DOCS = ROOT / "docs"
JSON_FILES = sorted((ROOT / "tests/cli/snapshots").glob("*/stdout.json"))


def text(name: str) -> str:
    return Page.of(DOCS / name).text


def test_every_public_name_stands_once_with_a_line_and_an_example() -> None:
    listed = [n for names in docs_api.GROUPS.values() for n in names]
    assert sorted(listed) == sorted(loadline.__all__)
    rooms = [n for names in docs_api.ROOMS.values() for n in names]
    page = text("api.md")
    for name in [*listed, *rooms]:
        assert docs_api.first(name).endswith("."), name
        assert docs_api.example(name), f"{name} has no example in its docstring"
        assert f"\n### `{docs_api.called(name)}`\n" in page


@pytest.mark.parametrize("op", ops.VALUE)
def test_every_operation_has_its_equations(op: str) -> None:
    rows = re.findall(r"^\|(.+?)\|(.+)\|$", text("methods.md"), re.M)
    assert any(f"`{op}`" in first for first, _ in rows)


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_is_told(reason: Reason) -> None:
    assert f"| `{reason.value}` |" in text("json.md")


def test_every_error_is_told() -> None:
    kinds = {LoadlineError, *LoadlineError.__subclasses__()}
    for kind in kinds - {k for k in kinds if k.__name__ == "AtWord"}:  # wraps another one
        assert f"`{kind.__name__}`" in text("json.md")


def fields(value: object) -> set[str]:
    """Return every key of a document, but not those that are data (underlyings, currencies)."""
    if isinstance(value, list):
        return set().union(*map(fields, value)) if value else set()
    if not isinstance(value, dict):
        return set()
    inner = [fields(v) for k, v in value.items() if k not in ("index", "by_key", "not_loaded")]
    return set(value).union(*inner)


@pytest.mark.parametrize("path", JSON_FILES, ids=lambda p: p.parent.name)
def test_every_field_of_json_is_told(path) -> None:
    page = text("json.md")
    told = set(re.findall(r"`(?:error\.)?(\w+)`", page))
    assert fields(json.loads(path.read_text("utf-8"))) <= told


def test_every_command_is_told_in_json() -> None:
    page = text("json.md")
    for command in COMMANDS:
        assert any(o.name == "json" for o in command.options) == (f"`{command.words}`" in page), command.words


def test_every_option_has_help_and_stands_in_the_manual() -> None:
    page = text("cli.md")
    for command in COMMANDS:
        for option in command.options:
            assert option.help.endswith("."), option.flag
            assert f"`{option.flag}" in page, option.flag


def test_pages_say_nothing_of_this_machine() -> None:
    for path in [*ROOT.glob("*.md"), *DOCS.rglob("*.md"), *DOCS.rglob("*.toml")]:
        found = re.search(r"/(?:work|home|tmp|root)/", path.read_text("utf-8"))
        assert found is None, f"{path.name}: {found}"
