"""The rulebooks' pages: every rulebook, parameter and reading, and what they say of themselves."""

import re

import pytest

from loadline.rulebooks.rulebook import SHIPPED, load
from tools import docs_rulebooks

EVERY = pytest.mark.parametrize("name", SHIPPED)
SECTIONS = (
    "Verification",
    "The rule",
    "Scenarios",
    "Parameters",
    "What is not modelled",
    "Collateral",
    "Liquidation",
    "Open questions",
    "Sources",
)


def page(root, name):
    return (root / f"docs/rulebooks/{name}.md").read_text("utf-8")


@EVERY
def test_every_rulebook_has_a_whole_page(root, name):
    text = page(root, name)
    for title in SECTIONS:
        assert f"\n## {title}\n" in text or (title == "Scenarios" and name == "isolated"), title
    assert load(name).title in text
    assert f"[{name}]({name}.md)" in page(root, "README")
    assert "<!-- include" not in text
    assert len(re.findall(r"^1\. \*\*", text, re.M)) >= 1  # a numbered rule


@EVERY
def test_every_version_and_parameter_is_documented(root, name):
    parts = page(root, name).split("\n### From ")[1:]
    versions = load(name).versions
    assert len(parts) == len(versions)
    for version, rest in zip(versions, parts, strict=True):
        part = rest.partition("\n## ")[0]
        assert version.source in part
        for p in version.parameters.values():
            (row,) = re.findall(rf"^\| `{re.escape(p.name)}` \|.*$", part, re.M)
            assert p.unit in row
            assert p.note.replace("|", "\\|") in row
            for key in p.by_key:
                assert key in row


@EVERY
def test_every_parameter_says_what_it_is_in(name):
    for version in load(name).versions:
        for p in version.parameters.values():
            assert p.unit, p.name
            assert p.choices or p.name.startswith(("scenarios.", "observed.", "grid.extended_moves")) or p.low > -1e300


@EVERY
def test_every_parameter_of_a_rule_is_told_in_its_steps(root, name):
    """A name that only stands in the table of parameters is one that nobody explains."""
    text = page(root, name).partition("## Parameters")[0]
    prose = text + page(root, name).partition("\n## ")[2].rpartition("### From")[2].partition("\n## ")[2]
    told_by_group = ("observed.", "addon.")
    for p in load(name).versions[-1].parameters.values():
        group, _, short = p.name.rpartition(".")
        if p.name.startswith(told_by_group):
            continue
        assert re.search(rf"\b{short}|\b{group}\b", prose, re.I), p.name


@EVERY
def test_every_reading_is_explained(root, name):
    readings = page(root, name)
    for p in load(name).versions[-1].parameters.values():
        if not p.choices:
            continue
        assert re.search(rf"^- `{re.escape(p.name)}`:", readings, re.M), f"{p.name} is not explained"
        section = re.search(rf"^- `{re.escape(p.name)}`:.*?(?=^- |^$)", readings, re.M | re.S)
        for choice in p.choices:
            assert re.search(rf"[*`]{re.escape(choice)}[*`]", section[0]), f"{p.name}: {choice}"


@EVERY
def test_status_is_in_words_that_are_explained(name):
    assert any(word in load(name).status for word in docs_rulebooks.STATUS)


def test_exact_means_replayed():
    for name in SHIPPED:
        if load(name).status == "exact":
            entries = docs_rulebooks.verification()[name]
            assert all(e["matched"] == e["cases"] - e.get("refused", 0) - e.get("skipped", 0) for e in entries)


def test_every_template_is_used(root):
    text = "".join((docs_rulebooks.TEMPLATES / f"{name}.md").read_text("utf-8") for name in SHIPPED)
    for template in docs_rulebooks.TEMPLATES.iterdir():
        assert template.stem in SHIPPED or f"<!-- include {template.stem} -->" in text
