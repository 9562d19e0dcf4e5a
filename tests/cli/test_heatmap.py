"""The drawing of a surface: a cell for each number, a line where equity runs out, and nothing from elsewhere."""

import re
from xml.etree import ElementTree

import numpy as np

from loadline.cli.heatmap import HIGH, LEFT, TOP, WIDE, heatmap
from loadline.cli.plot import page
from loadline.engine.surface import Surface

SVG = "{http://www.w3.org/2000/svg}"


def drawn(excess: list[list[float]]) -> Surface:
    """A surface of 3 spot moves x 2 vol moves, with what is left over maintenance, 10 of initial besides."""
    left = np.array(excess)
    zero = np.zeros(left.shape)
    words = np.where(np.isnan(left), "unavailable", np.where(left < 0, "below_maintenance", "ok"))
    moves = np.array([-0.5, 0.0, 0.1]), np.array([0.0, 1.0])
    return Surface("a<b", "r", "r@1", "USD", 0, *moves, left * 2, zero, left, zero + 10.0, zero, words)


def test_every_cell_has_its_number_and_place() -> None:
    s = drawn([[-40.0, np.nan], [1500.0, 3.0], [2.5e6, 0.0]])
    root = ElementTree.fromstring(heatmap(s, s.pnl, 'one & "two"'))
    cells = root.findall(f"{SVG}g")
    assert [c.find(f"{SVG}text").text for c in cells] == ["-80", "n/a", "3k", "6", "5m", "0"]  # type: ignore[union-attr]
    corner = [(float(c.find(f"{SVG}rect").get("x")), float(c.find(f"{SVG}rect").get("y"))) for c in cells]  # type: ignore[union-attr,arg-type]
    assert corner[0] == (LEFT, TOP + 2 * HIGH) and corner[-1] == (LEFT + WIDE, TOP)  # spot upwards
    said = [c.find(f"{SVG}title").text for c in cells]  # type: ignore[union-attr]
    assert said[0] == "spot -50%, vol +0%: -80.00 USD, below_maintenance"
    assert said[1] == "spot -50%, vol +100%: no answer, unavailable"
    assert root.get("aria-label") == 'one & "two"'
    bold = [c.find(f"{SVG}text").get("font-weight") for c in cells]  # type: ignore[union-attr]
    assert bold == ["bold", *["normal"] * 5]


def test_the_solid_line_parts_the_liquidation_region() -> None:
    s = drawn([[-30.0, -30.0], [30.0, 30.0], [30.0, 30.0]])
    paths = ElementTree.fromstring(heatmap(s, s.pnl, "t")).findall(f"{SVG}path")
    dashed, solid = (re.findall(r"[ML]([\d.]+) ([\d.]+)", str(p.get("d"))) for p in paths)
    halfway = TOP + HIGH * 2.0  # between the middles of the lowest two rows
    assert sorted(solid) == sorted((f"{LEFT + WIDE * (v + 0.5):.1f}", f"{halfway:.1f}") for v in (0, 1))
    assert {float(y) for _, y in dashed} == {round(TOP + HIGH * (2.5 - 40 / 60), 1)}


def test_the_page_needs_nothing_else() -> None:
    text = page([drawn([[-1.0, 1.0], [1.0, 1.0], [1.0, 1.0]])] * 2)
    assert text.count("<svg") == 4 and "a&lt;b: PnL" in text
    links = set(re.findall(r"https?://[^\"' ]+", text))
    assert links == {"http://www.w3.org/2000/svg"}
    assert "<script" not in text and "url(" not in text


def test_a_surface_of_nothing_is_white() -> None:
    s = drawn([[0.0, 0.0], [0.0, 0.0], [0.0, 0.0]])
    assert heatmap(s, s.pnl, "t").count("rgb(255,255,255)") == 6
