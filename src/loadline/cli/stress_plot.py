"""Stresses as a picture: equity after each as a bar, and a mark where maintenance lies; HTML, or PNG by matplotlib."""

from __future__ import annotations

import html
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from loadline.cli.amounts import count
from loadline.cli.faults import AtWord, CommandLineError
from loadline.cli.heatmap import short
from loadline.cli.plot import STYLE
from loadline.foundation.errors import LoadlineError, MissingData
from loadline.foundation.units import format_time
from loadline.io.whole import whole

if TYPE_CHECKING:
    from loadline.engine.stress import Aftermath

COLOURS = {"ok": "#2166ac", "below_initial": "#c57a00", "liquidated": "#b2182b", "wiped_out": "#7f0000"}
NAME, ROOM, HIGH = 130, 480, 22
"""Pixels: of a name, of the bars from the least to the largest number, of a line."""
LEGEND = "Bars: equity after the stress, USD; black marks: the maintenance requirement there. Blue: fine; amber: below "
LEGEND += "initial; red: liquidated; dark red: nothing left. The first bar is today."


def write_stress(path: Path, found: Sequence[Aftermath], as_of: int) -> str:
    """Write the picture; say what was written. Raises ``AtWord`` for another suffix."""
    if path.suffix not in (".png", ".html"):
        error = CommandLineError(f"no picture of the kind {path.suffix!r}", remedy="name the file .png or .html")
        raise AtWord(error, str(path), "--plot")
    parts: dict[str, list[Aftermath]] = {}
    for a in found:
        if a.answered:
            parts.setdefault(f"{a.account}, {a.before.version}, {a.currency}", []).append(a)
    if not parts:
        raise MissingData("nothing to plot: no account is answered", remedy="see why with --table")
    if path.suffix == ".html":
        with whole(path) as part:
            part.write_text(page(parts, as_of), "utf-8")
    else:
        write_png(path, parts)
    return f"{path}: {count(len(parts), 'wallet')}"


def lines(mine: Sequence[Aftermath]) -> list[tuple[str, float, float, str]]:
    """Return (name, equity, maintenance, verdict) of today and of each stress."""
    b = mine[0].before
    word = "liquidated" if b.status.value == "below_maintenance" else b.status.value
    today = ("now", b.equity * b.usd, b.maintenance * b.usd, word)
    return [today, *((a.trial.name, a.equity, a.maintenance, a.verdict) for a in mine)]


def page(parts: dict[str, list[Aftermath]], as_of: int) -> str:
    """Return one page with a drawing for each wallet; it needs nothing but a browser."""
    head = f'<!doctype html><html lang="en"><meta charset="utf-8"><title>Loadline</title><style>{STYLE}</style>'
    drawings = [f"<h2>{html.escape(name)}</h2>\n{drawing(name, mine)}" for name, mine in parts.items()]
    when = f"<p>As of {format_time(as_of)}. {LEGEND}</p>"
    return "\n".join([head, "<h1>After a stress</h1>", when, *drawings, "</html>", ""])


def drawing(name: str, mine: Sequence[Aftermath]) -> str:
    """Return the bars of one wallet."""
    rows = lines(mine)
    low = min(0.0, *(e for _, e, _, _ in rows))
    high = max(0.0, *(max(e, m) for _, e, m, _ in rows))
    scale = ROOM / ((high - low) or 1.0)
    zero = NAME - low * scale
    tall = HIGH * len(rows) + 8
    size = f'viewBox="0 0 {NAME + ROOM + 90} {tall}" width="{NAME + ROOM + 90}"'
    out = [f'<svg {size} role="img" aria-label="{html.escape(name, quote=True)}" font-size="12">']
    for n, (what, equity, held, verdict) in enumerate(rows):
        y = 4 + HIGH * n
        left, wide = (zero, equity * scale) if equity >= 0 else (zero + equity * scale, -equity * scale)
        at = zero + held * scale
        out.append(f'<text x="{NAME - 8}" y="{y + 14}" text-anchor="end">{html.escape(what)}</text>')
        out.append(f'<rect x="{left:.1f}" y="{y + 3}" width="{wide:.1f}" height="14" fill="{COLOURS[verdict]}"/>')
        out.append(f'<path d="M{at:.1f} {y + 1}v18" stroke="black" stroke-width="2"/>')
        out.append(f'<text x="{NAME + ROOM + 8}" y="{y + 14}">{short(equity)}</text>')
    out.append(f'<path d="M{zero:.1f} 0v{tall}" stroke="#888"/></svg>')
    return "\n".join(out)


def write_png(path: Path, parts: dict[str, list[Aftermath]]) -> None:
    """Write one row of bars for each wallet."""
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as error:
        remedy = "pip install 'loadline[plot]', or write .html, which needs nothing"
        raise AtWord(LoadlineError("PNG needs matplotlib", remedy=remedy), str(path), "--plot") from error
    tall = sum(1.2 + 0.26 * (len(mine) + 1) for mine in parts.values())
    figure = Figure(figsize=(9, tall), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(len(parts), 1, squeeze=False)[:, 0]
    for axis, (name, mine) in zip(axes, parts.items(), strict=True):
        rows = lines(mine)[::-1]
        axis.barh([r[0] for r in rows], [r[1] for r in rows], color=[COLOURS[r[3]] for r in rows])
        axis.plot([r[2] for r in rows], range(len(rows)), "k|", markersize=12, label="maintenance")
        axis.axvline(0.0, color="grey", linewidth=0.8)
        axis.set(title=f"{name}: equity after, USD")
        axis.xaxis.set_major_formatter("{x:,.0f}")
        axis.legend(loc="best", fontsize="small")
    with whole(path) as part:
        figure.savefig(part, dpi=110)
