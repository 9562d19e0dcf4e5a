"""The project's Markdown pages: their links, headings and examples."""

import doctest
import io
import re
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path

FENCE = re.compile(r"^(```+)(\S*)[ \t]*(\S*)\n(.*?)^\1[ \t]*$", re.M | re.S)
LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)|!\[[^\]]*\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#{1,6} (.+)$", re.M)


@dataclass(frozen=True)
class Page:
    """A Markdown page of the repository."""

    path: Path
    text: str

    @classmethod
    def of(cls, path: Path) -> "Page":
        return cls(path, path.read_text("utf-8"))

    @property
    def prose(self) -> str:
        """The text without code blocks."""
        return FENCE.sub("", self.text)

    @property
    def links(self) -> list[str]:
        return [a or b for a, b in LINK.findall(self.prose)]

    @property
    def anchors(self) -> set[str]:
        """The anchors of the headings, as the usual renderers make them."""
        found: dict[str, int] = {}
        out = set()
        for heading in HEADING.findall(self.prose):
            plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading)
            anchor = re.sub(r"[^\w\- ]", "", plain.lower()).replace(" ", "-")
            times = found[anchor] = found.get(anchor, -1) + 1
            out.add(f"{anchor}-{times}" if times else anchor)
        return out

    def blocks(self, language: str) -> list[tuple[str, str]]:
        """Name (the word after the language) and content of every block in a language."""
        return [(name, content) for _, lang, name, content in FENCE.findall(self.text) if lang == language]

    def run(self) -> str:
        """Run the Python blocks, which share their names: those with prompts as doctests, others as they are.

        Returns what doctest has to say of differences, nothing if there are none.
        """
        names: dict[str, object] = {"__name__": "page"}
        parser, said = doctest.DocTestParser(), []
        for n, (_, code) in enumerate(self.blocks("python")):
            at = f"{self.path.name}[{n}]"
            if ">>>" in code:
                test = parser.get_doctest(code, {}, at, str(self.path), 0)
                test.globs = names
                runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
                runner.run(test, out=said.append, clear_globs=False)
            else:
                with redirect_stdout(io.StringIO()):
                    exec(compile(code, at, "exec"), names)
        return "".join(said)


def pages(root: Path) -> list[Page]:
    """Every page of the repository that is not a template."""
    places = [*root.glob("*.md"), *(root / "docs").rglob("*.md")]
    return [Page.of(p) for p in sorted(places) if "_rules" not in p.parts]
