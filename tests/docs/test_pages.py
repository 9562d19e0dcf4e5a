"""Pages that are made from the code are up to date, links resolve, and Python on pages runs."""

import pytest

from tests.conftest import ROOT
from tests.docs.pages import Page, pages
from tools import docs

PAGES = pages(ROOT)
NAMES = [p.path.relative_to(ROOT).as_posix() for p in PAGES]
LIVED_THROUGH = "adding-a-rulebook.md"
"""Its blocks need each other's files and commands: tests/docs/test_adding_a_rulebook.py takes them in order."""
EVERY = pytest.mark.parametrize("page", PAGES, ids=NAMES)


@pytest.mark.parametrize("name", [*docs.PARTS, *docs.PAGES])
def test_generated_pages_are_up_to_date(name: str) -> None:
    made = docs.renewed(name, docs.PARTS[name]) if name in docs.PARTS else docs.PAGES[name]()
    assert made == (ROOT / name).read_text("utf-8"), f"{name} is out of date: run `make docs`"


def test_no_page_is_left_over() -> None:
    folder = ROOT / "docs/rulebooks"
    assert {p.relative_to(ROOT).as_posix() for p in folder.glob("*.md")} == {n for n in docs.PAGES if "rulebooks" in n}


@EVERY
def test_links_resolve(page: Page) -> None:
    anchors = {p.path: p.anchors for p in PAGES}
    for link in page.links:
        place, _, anchor = link.partition("#")
        if "://" in place or place.startswith("mailto:"):
            continue
        target = (page.path.parent / place).resolve() if place else page.path
        assert target.exists(), link
        assert ROOT in target.parents, f"{link} leaves the repository"
        if anchor:
            assert anchor in anchors[target], link


@EVERY
def test_python_on_pages_runs(page: Page, tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The blocks of a page share their names; files that a page shows (```csv NAME) stand beside them."""
    if not page.blocks("python") or page.path.name == LIVED_THROUGH:
        pytest.skip("no Python on it, or a test of its own")
    for language in ("csv", "json", "toml"):
        for name, content in page.blocks(language):
            if name:
                (tmp_path / name).write_text(content, "utf-8")
    monkeypatch.chdir(tmp_path)
    assert page.run() == ""


def test_examples_that_are_wrong_are_found(tmp_path) -> None:
    path = tmp_path / "page.md"
    path.write_text("```python\nx = 1\nprint(x)\n```\n\n```python\n>>> x\n2\n\n```\n", "utf-8")
    assert "Expected:\n    2\nGot:\n    1\n" in Page.of(path).run()
