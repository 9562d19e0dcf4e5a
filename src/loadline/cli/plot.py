"""Surfaces as pictures: PNG by matplotlib, which is an extra, or one HTML page that needs nothing."""

from __future__ import annotations

import html
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from loadline.cli.amounts import count
from loadline.cli.faults import AtWord, CommandLineError
from loadline.cli.heatmap import heatmap
from loadline.foundation.errors import LoadlineError, MissingData
from loadline.foundation.table import Floats
from loadline.foundation.units import format_time
from loadline.io.whole import whole

if TYPE_CHECKING:
    from loadline.engine.surface import Surface

STYLE = """
body { font: 14px/1.4 system-ui, sans-serif; margin: 2em; color: #222; }
h2 { font-size: 1.1em; margin: 2em 0 .3em; }
svg { max-width: 100%; height: auto; font-variant-numeric: tabular-nums; }
p { color: #666; max-width: 50em; }
"""


def write_plot(path: Path, found: Sequence[Surface]) -> str:
    """Write the surfaces that there are; say what was written. Raises ``AtWord`` for another suffix."""
    known = [s for s in found if (s.status != "unavailable").any()]
    if path.suffix not in (".png", ".html"):
        error = CommandLineError(f"no picture of the kind {path.suffix!r}", remedy="name the file .png or .html")
        raise AtWord(error, str(path), "--plot")
    if not known:
        raise MissingData("nothing to plot: no account is answered", remedy="see why with --table")
    if path.suffix == ".html":
        with whole(path) as part:
            part.write_text(page(known), "utf-8")
    else:
        write_png(path, known)
    return f"{path}: {count(len(known), 'surface')}"


def page(found: Sequence[Surface]) -> str:
    """Return one page with two grids for each surface; it needs nothing but a browser."""
    parts = [part for s in found for part in (grid(s, "PnL", s.pnl), grid(s, "Excess over initial", s.excess))]
    legend = "Upwards: moves of spot; across: relative moves of vol. USD. Solid line: the maintenance requirement just "
    legend += "met, beyond it (bold) the liquidation region; dashed line: the initial requirement just met."
    head = f'<!doctype html><html lang="en"><meta charset="utf-8"><title>Loadline</title><style>{STYLE}</style>'
    when = f"<p>As of {format_time(found[0].as_of)}. {legend}</p>"
    return "\n".join([head, "<h1>Spot × vol</h1>", when, *parts, "</html>", ""])


def grid(s: Surface, title: str, values: Floats) -> str:
    """Return one grid under its title."""
    said = f"{s.account}: {title}, {s.version}, {s.currency}"
    return f"<h2>{html.escape(said)}</h2>\n{heatmap(s, values, said)}"


def write_png(path: Path, found: Sequence[Surface]) -> None:
    """Write one row of two maps for each surface, with the lines where the account falls short."""
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.colors import CenteredNorm
        from matplotlib.figure import Figure
    except ImportError as error:
        remedy = "pip install 'loadline[plot]', or write .html, which needs nothing"
        raise AtWord(LoadlineError("PNG needs matplotlib", remedy=remedy), str(path), "--plot") from error
    figure = Figure(figsize=(11, 4.2 * len(found)), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(len(found), 2, squeeze=False)
    for pair, s in zip(axes, found, strict=True):
        for axis, title, values in zip(pair, ("PnL", "excess over initial"), (s.pnl, s.excess), strict=True):
            image = axis.imshow(
                values, origin="lower", aspect="auto", cmap="RdBu", norm=CenteredNorm(0.0), interpolation="nearest"
            )
            axis.set_xticks(range(len(s.vol_moves)), [f"{v:+.0%}" for v in s.vol_moves.tolist()])
            step = range(0, len(s.spot_moves), 2)
            axis.set_yticks(step, [f"{s.spot_moves[n]:+.0%}" for n in step])
            for level, style in ((s.excess, "dashed"), (s.maintenance_excess, "solid")):
                if (level > 0).any() and (level < 0).any():
                    axis.contour(level, levels=[0.0], colors="black", linestyles=style)
            axis.set(xlabel="vol", ylabel="spot", title=f"{s.account}: {title}\n{s.version}, {s.currency}")
            figure.colorbar(image, ax=axis, label="USD", format="{x:,.0f}")
    figure.supxlabel(
        "dashed: initial requirement just met; solid: maintenance, beyond it liquidation", fontsize="small"
    )
    with whole(path) as part:
        figure.savefig(part, dpi=110)
