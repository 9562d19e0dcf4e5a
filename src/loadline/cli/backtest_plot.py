"""The frontier of a run as a picture: coverage against mean requirement and against peak to trough, a point a model."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from loadline.cli.amounts import count
from loadline.cli.faults import AtWord, CommandLineError
from loadline.cli.plot import STYLE
from loadline.foundation.errors import LoadlineError, MissingData
from loadline.io.whole import whole

if TYPE_CHECKING:
    from loadline.backtest.frontier import Point

LEFT, WIDE, TOP, LOW, LINE = 60, 340, 30, 46, 16
"""Pixels: room of numbers, of the points; above, below, and of a line of text."""
COLOURS = ("#2166ac", "#b2182b", "#4d9221", "#c57a00", "#762a83", "#1b9e9e", "#8c564b", "#555555")
"""Of points, their lines and names, in turn."""
CLAIM = 99.0
"""What margins are held against, %."""
UPWARD = "dates covered, %"


@dataclass(frozen=True)
class Panel:
    """Points (across, % covered) with their names, and the ends of both axes; ``start``: the least there can be."""

    title: str
    across: str
    names: tuple[str, ...]
    points: tuple[tuple[float, float], ...]
    start: float = 0.0
    left_out: tuple[str, ...] = ()

    @property
    def wide(self) -> tuple[float, float]:
        """The ends across: from ``start`` to beyond the furthest."""
        most = max((x - self.start for x, _ in self.points), default=0.0) or 1.0
        return self.start - 0.03 * most, self.start + 1.08 * most

    @property
    def high(self) -> tuple[float, float]:
        """The ends upward: the claim is always within them."""
        least = min([CLAIM, *(y for _, y in self.points)])
        return least - 0.08 * (100.0 - least), 100.0 + 0.04 * (100.0 - least)

    @property
    def heights(self) -> tuple[float, ...]:
        """Where the names stand beside the points, as shares of the height from below; no two on one line."""
        low, high = self.high
        return spread([(y - low) / (high - low) for _, y in self.points], LINE / tall(len(self.names)))


def panels(points: Sequence[Point]) -> tuple[Panel, Panel]:
    """Return both panels; a model whose requirement is 0 on some date has no peak to trough, and is named so."""
    named = [(f"{p.model} ({p.gaps:,} gaps)" if p.gaps else p.model, p) for p in points]
    peaked = [(n, p, p.peak) for n, p in named if p.peak is not None]
    cost = Panel("cost", "mean requirement, % of notional", tuple(n for n, _ in named),
                 tuple((100 * p.mean, 100 * p.coverage) for _, p in named))  # fmt: skip
    moved = Panel("procyclicality", "peak to trough of the requirement, median of books", tuple(n for n, *_ in peaked),
                  tuple((x, 100 * p.coverage) for _, p, x in peaked), 1.0,
                  tuple(n for n, p in named if p.peak is None))  # fmt: skip
    return cost, moved


def spread(places: Sequence[float], gap: float) -> tuple[float, ...]:
    """Return places between 0 and 1, moved as little as it takes for none to be nearer than ``gap`` to another.

    >>> [round(x, 2) for x in spread([0.5, 0.5, 0.98], 0.1)]
    [0.5, 0.6, 0.98]
    >>> [round(x, 2) for x in spread([0.97, 0.98, 0.99], 0.1)]
    [0.8, 0.9, 1.0]
    """
    order = sorted(range(len(places)), key=lambda k: places[k])
    out = list(places)
    for before, k in zip([None, *order], order, strict=False):
        out[k] = max(places[k], 0.0 if before is None else out[before] + gap)
    room = 1.0
    for k in reversed(order):
        out[k] = min(out[k], room)
        room = out[k] - gap
    return tuple(out)


def tall(names: int) -> int:
    """Return the pixels of a panel's points upward: enough that all names fit."""
    return max(300, LINE * (names + 1))


def checked(path: Path) -> None:
    """Raise ``AtWord`` for a file that is no picture of a kind that can be written here."""
    if path.suffix not in (".png", ".html"):
        error = CommandLineError(f"no picture of the kind {path.suffix!r}", remedy="name the file .png or .html")
        raise AtWord(error, str(path), "--plot")
    if path.suffix == ".png":
        canvas(path)


def write_frontier(path: Path, points: Sequence[Point], said: str) -> str:
    """Write the frontier; say what was written. Raises ``MissingData`` where no model has an answer."""
    if not points:
        raise MissingData("nothing to plot: no model has an answer", remedy="see why with --table")
    both = panels(points)
    with whole(path) as part:
        if path.suffix == ".html":
            part.write_text(page(both, said), "utf-8")
        else:
            write_png(path, part, both, said)
    return f"{path}: {count(len(points), 'model')}"


def page(both: Sequence[Panel], said: str) -> str:
    """Return one page with a drawing for each panel; it needs nothing but a browser."""
    head = f'<!doctype html><html lang="en"><meta charset="utf-8"><title>Loadline</title><style>{STYLE}</style>'
    told = f"<p>{html.escape(said)}. All books together; dashed: {CLAIM:g} %. Up and to the left is better.</p>"
    parts = [f"<h2>{html.escape(p.title)}</h2>\n{drawing(p)}" for p in both]
    return "\n".join([head, "<h1>What coverage costs</h1>", told, *parts, "</html>", ""])


def drawing(p: Panel) -> str:
    """Return one panel as an SVG element: points, and their names in a column beside them, joined by thin lines."""
    high = tall(len(p.names))
    (x0, x1), (y0, y1) = p.wide, p.high
    right = LEFT + WIDE + 30 + 8 * max((len(n) for n in p.names), default=0)
    size = f'viewBox="0 0 {right} {TOP + high + LOW}" width="{right}"'
    title = f'role="img" aria-label="{html.escape(p.title)}"'
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" {size} {title} font-size="12">']

    def across(x: float) -> float:
        return LEFT + WIDE * (x - x0) / (x1 - x0)

    def up(share: float) -> float:
        return TOP + high * (1.0 - share)

    for k in range(5):
        x, y = x0 + (x1 - x0) * k / 4, y0 + (y1 - y0) * k / 4
        out.append(f'<line x1="{LEFT}" x2="{LEFT + WIDE}" y1="{up(k / 4):.1f}" y2="{up(k / 4):.1f}" stroke="#e5e8eb"/>')
        out.append(f'<text x="{LEFT - 6}" y="{up(k / 4) + 4:.1f}" text-anchor="end">{y:.2f}</text>')
        out.append(f'<text x="{across(x):.1f}" y="{TOP + high + 18}" text-anchor="middle">{x:.3g}</text>')
    claim = up((CLAIM - y0) / (y1 - y0))
    dashed = 'stroke="#888" stroke-dasharray="5 4"'
    out.append(f'<line x1="{LEFT}" x2="{LEFT + WIDE}" y1="{claim:.1f}" y2="{claim:.1f}" {dashed}/>')
    out.append(f'<text x="{LEFT}" y="{TOP - 12}">{UPWARD}</text>')
    out.append(f'<text x="{LEFT}" y="{TOP + high + 38}">{html.escape(p.across)}{html.escape(without(p))}</text>')
    for n, (name, (x, y), share) in enumerate(zip(p.names, p.points, p.heights, strict=True)):
        colour = COLOURS[n % len(COLOURS)]
        at, level, beside = across(x), up((y - y0) / (y1 - y0)), up(share)
        thin = f'stroke="{colour}" stroke-opacity="0.4"'
        out.append(f'<path d="M{at:.1f} {level:.1f}L{LEFT + WIDE + 14} {beside:.1f}" {thin}/>')
        told = html.escape(f"{name}: {y:.2f} % covered, {x:.3g}")
        out.append(f'<circle cx="{at:.1f}" cy="{level:.1f}" r="4" fill="{colour}"><title>{told}</title></circle>')
        place = f'x="{LEFT + WIDE + 18}" y="{beside + 4:.1f}" fill="{colour}"'
        out.append(f"<text {place}>{html.escape(name)}</text>")
    return "\n".join([*out, "</svg>"])


def without(p: Panel) -> str:
    """Return whom a panel leaves out, in words."""
    return f" (none: {', '.join(p.left_out)})" if p.left_out else ""


def canvas(path: Path) -> tuple[Any, Any]:
    """Return matplotlib's figure and canvas; raises ``AtWord`` where it is not installed."""
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as error:
        remedy = "pip install 'loadline[plot]', or write .html, which needs nothing"
        raise AtWord(LoadlineError("PNG needs matplotlib", remedy=remedy), str(path), "--plot") from error
    return Figure, FigureCanvasAgg


def write_png(path: Path, part: Path, both: Sequence[Panel], said: str) -> None:
    """Write both panels side by side, names in a column beside the points as in the page."""
    new, put = canvas(path)
    figure = new(figsize=(13, 1.3 + max(tall(len(p.names)) for p in both) / 72), layout="constrained")
    put(figure)
    for axis, p in zip(figure.subplots(1, 2), both, strict=True):
        axis.set(xlim=p.wide, ylim=p.high, ylabel=UPWARD, xlabel=p.across + without(p))
        axis.axhline(CLAIM, color="0.5", linestyle="--", linewidth=0.8)
        axis.grid(alpha=0.3)
        for n, (name, at, share) in enumerate(zip(p.names, p.points, p.heights, strict=True)):
            colour = COLOURS[n % len(COLOURS)]
            axis.plot(*at, "o", color=colour, markersize=6)
            thin = {"arrowstyle": "-", "color": colour, "alpha": 0.4, "linewidth": 0.7}
            axis.annotate(name, at, xytext=(1.03, share), textcoords="axes fraction", fontsize=8, va="center",
                          color=colour, arrowprops=thin, annotation_clip=False)  # fmt: skip
    figure.suptitle(f"What coverage costs: {said}", fontsize=10)
    figure.savefig(part, dpi=110, format="png")
