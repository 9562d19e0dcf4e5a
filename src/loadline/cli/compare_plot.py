"""The comparison as a picture: what each requirement is made of, and the moves of price that liquidate."""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from loadline.cli.amounts import count
from loadline.cli.compare_view import Table, whole
from loadline.cli.faults import AtWord, CommandLineError
from loadline.cli.plot import STYLE
from loadline.foundation.errors import LoadlineError, MissingData
from loadline.foundation.units import format_time

if TYPE_CHECKING:
    from loadline.engine.offers import Offer
    from loadline.model.market import Market

COLOURS = ("#2166ac", "#b2182b", "#4d9221", "#c57a00", "#762a83", "#8c8c8c")
"""Of the parts of a bar, the largest first; the last is for the others."""
NAME, BAR, HIGH, MOVES = 120, 460, 30, 220
"""Pixels: room of a name, of the longest bar, of a line, of the moves."""
Part = tuple[str, float]


def components(offer: Offer, most: int = len(COLOURS) - 1) -> list[Part]:
    """Return what an initial requirement is made of, USD: rows two levels down, of one name added up, the rest last.

    What lowers the requirement is negative.
    """
    found: dict[str, float] = {}
    for result in offer.results:
        rows = result.explain("initial")
        scale: dict[tuple[str, ...], float] = {}
        inner = {r.path[:-1] for r in rows}
        for row in rows:
            scale[row.path] = scale.get(row.path[:-1], result.usd) * row.factor
            shown = len(row.path) == 3 or (len(row.path) < 3 and row.path not in inner)
            if shown:
                found[row.label] = found.get(row.label, 0.0) + scale[row.path] * row.value
    ordered = sorted(found.items(), key=lambda x: -abs(x[1]))
    rest = sum(v for _, v in ordered[most:])
    return [*ordered[:most], *([("others", rest)] if rest else [])]


def write_comparison(path: Path, tables: Sequence[Table], market: Market) -> str:
    """Write the comparison of every account; say what was written. Raises ``AtWord`` for another suffix."""
    if path.suffix not in (".png", ".html"):
        error = CommandLineError(f"no picture of the kind {path.suffix!r}", remedy="name the file .png or .html")
        raise AtWord(error, str(path), "--plot")
    if not tables:
        raise MissingData("nothing to plot: no account is answered", remedy="see why with --table")
    if path.suffix == ".html":
        path.write_text(page(tables, market), "utf-8")
    else:
        write_png(path, tables)
    return f"{path}: {count(len(tables), 'account')}"


def page(tables: Sequence[Table], market: Market) -> str:
    """Return one page with a drawing for each account; it needs nothing but a browser."""
    head = f'<!doctype html><html lang="en"><meta charset="utf-8"><title>Loadline</title><style>{STYLE}</style>'
    when = (
        f"<p>As of {format_time(market.as_of)}. Initial requirement in USD by component; on the right the moves of all "
    )
    when += "prices together at which each venue liquidates, from -60 % to +100 %.</p>"
    parts = [f"<h2>{html.escape(t.account)}</h2>\n{drawing(t)}" for t in tables]
    return "\n".join([head, "<h1>Venues</h1>", when, *parts, "</html>", ""])


def drawing(table: Table) -> str:
    """Return one account as an SVG element: a bar for each rulebook, its parts in the order of their size."""
    width, height = NAME + BAR + 90 + MOVES, HIGH * len(table.offers) + 24
    title = html.escape(f"{table.account}: requirements and distances")
    box = f'viewBox="0 0 {width} {height}" width="{width}" height="{height}"'
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" {box} role="img" aria-label="{title}" font-size="12">']
    longest = max(max(v for v in (o.initial, raised(components(o)))) for o in table.offers) or 1.0
    for n, o in enumerate(table.offers):
        y = 20 + HIGH * n
        out.append(f'<text x="0" y="{y + 15}">{html.escape(o.rulebook)}</text>')
        out += bars(components(o), y, BAR / longest)
        out.append(f'<text x="{NAME + BAR + 6}" y="{y + 15}">{whole(o.initial)}</text>')
        out += reaches(o, y)
    return "\n".join([*out, "</svg>"])


def raised(parts: Iterable[Part]) -> float:
    """Return what the parts that raise a requirement add up to."""
    return sum(v for _, v in parts if v > 0.0)


def bars(parts: Sequence[Part], y: int, scale: float) -> list[str]:
    """Return the bars of one requirement: parts side by side, those that lower it in a thin line below."""
    out, right, left = [], float(NAME), float(NAME)
    for (name, value), colour in zip(parts, COLOURS, strict=False):
        size, low = abs(value) * scale, value < 0.0
        x, top, high = (left, y + 20, 4) if low else (right, y + 2, 17)
        title = html.escape(f"{name}: {value:,.0f}")
        place = f'x="{x:.1f}" y="{top}" width="{size:.1f}" height="{high}" fill="{colour}"'
        out.append(f"<rect {place}><title>{title}</title></rect>")
        if not low and size > 7 * len(name):
            out.append(f'<text x="{x + 4:.1f}" y="{y + 15}" fill="#fff">{html.escape(name)}</text>')
        left, right = (left + size, right) if low else (left, right + size)
    return out


def reaches(o: Offer, y: int) -> list[str]:
    """Return the moves of price that liquidate, on a line from -60 % to +100 %."""
    start, zero = NAME + BAR + 90, NAME + BAR + 90 + MOVES * 0.6 / 1.6
    out = [
        f'<line x1="{start}" y1="{y + 11}" x2="{start + MOVES}" y2="{y + 11}" stroke="#ccc"/>',
        f'<line x1="{zero:.1f}" y1="{y + 4}" x2="{zero:.1f}" y2="{y + 18}" stroke="#666"/>',
    ]
    if o.spot is None:
        return out
    for reach in (o.spot.down, o.spot.up):
        if reach.move is not None:
            x = zero + reach.move * MOVES / 1.6
            out.append(f'<circle cx="{x:.1f}" cy="{y + 11}" r="4" fill="#b2182b"/>')
            out.append(f'<text x="{x:.1f}" y="{y + 3}" font-size="9" text-anchor="middle">{reach.move:+.0%}</text>')
    return out


def write_png(path: Path, tables: Sequence[Table]) -> None:
    """Write one row of two charts for each account."""
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as error:
        remedy = "pip install 'loadline[plot]', or write .html, which needs nothing"
        raise AtWord(LoadlineError("PNG needs matplotlib", remedy=remedy), str(path), "--plot") from error
    tall = sum(1.0 + 0.42 * len(t.offers) for t in tables)
    figure: Any = Figure(figsize=(12, tall), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(
        len(tables), 2, squeeze=False, width_ratios=(3, 2), height_ratios=[1.0 + 0.42 * len(t.offers) for t in tables]
    )
    for (left, right), table in zip(axes, tables, strict=True):
        names = [o.rulebook for o in table.offers]
        for n, o in enumerate(table.offers):
            up = down = 0.0
            for (name, value), colour in zip(components(o), COLOURS, strict=False):
                left.barh(n, value, left=up if value > 0 else down, color=colour, height=0.7)
                middle = (up if value > 0 else down) + value / 2
                if abs(value) > 0.16 * max(x.initial for x in table.offers):
                    left.text(middle, n, name[:24], ha="center", va="center", fontsize=6, color="white")
                up, down = (up + value, down) if value > 0 else (up, down + value)
            for reach in (o.spot.down, o.spot.up) if o.spot else ():
                if reach.move is not None:
                    right.plot([0, reach.move], [n, n], color="#b2182b")
                    right.plot(reach.move, n, "o", color="#b2182b")
        left.set_yticks(range(len(names)), names, fontsize=8)
        right.set_yticks(range(len(names)), [""] * len(names))
        for axis in (left, right):
            axis.invert_yaxis()
        left.xaxis.set_major_formatter("{x:,.0f}")
        right.set_xlim(-0.6, 1.0)
        right.set_ylim(left.get_ylim())
        right.axvline(0.0, color="#666", linewidth=0.8)
        right.xaxis.set_major_formatter(lambda x, _: f"{x:+.0%}")
        left.set_title(f"{table.account}: initial requirement, USD, by component", fontsize=9)
        right.set_title("move of all prices that liquidates", fontsize=9)
    figure.savefig(path, dpi=110)
