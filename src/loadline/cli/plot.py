"""Surfaces as pictures: PNG by matplotlib, which is an extra, or one HTML page that needs nothing."""

from __future__ import annotations

import html
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from loadline.cli.amounts import count
from loadline.cli.faults import AtWord, CommandLineError
from loadline.foundation.errors import LoadlineError, MissingData
from loadline.foundation.table import Floats
from loadline.foundation.units import format_time

if TYPE_CHECKING:
    from loadline.engine.surface import Surface

LOSS, GAIN = (178, 24, 43), (33, 102, 172)
"""The ends of the colours: dark red and dark blue, told apart by those who do not see red and green."""
STYLE = """
body { font: 14px/1.4 system-ui, sans-serif; margin: 2em; color: #222; }
h2 { font-size: 1.1em; margin: 2em 0 .3em; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
td, th { padding: .2em .7em; text-align: right; }
th { font-weight: normal; color: #666; }
td.below_initial { outline: 1px dashed #222; outline-offset: -2px; }
td.below_maintenance { outline: 2px solid #222; outline-offset: -2px; font-weight: bold; }
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
        path.write_text(page(known), "utf-8")
    else:
        write_png(path, known)
    return f"{path}: {count(len(known), 'surface')}"


def page(found: Sequence[Surface]) -> str:
    """Return one page with a table for each surface."""
    parts = [part for s in found for part in (table(s, "PnL", s.pnl), table(s, "Excess over initial", s.excess))]
    legend = "Rows: moves of spot; columns: relative moves of vol. USD. Dashed: below the initial requirement; "
    legend += "solid: below the maintenance requirement, the liquidation region."
    head = f'<!doctype html><html lang="en"><meta charset="utf-8"><title>Loadline</title><style>{STYLE}</style>'
    when = f"<p>As of {format_time(found[0].as_of)}. {legend}</p>"
    return "\n".join([head, "<h1>Spot × vol</h1>", when, *parts, "</html>", ""])


def table(s: Surface, title: str, values: Floats) -> str:
    """Return one grid as a table."""
    largest = max((abs(x) for x in values.ravel().tolist() if x == x), default=1.0) or 1.0
    heads = "".join(f"<th>{v:+.0%}</th>" for v in s.vol_moves.tolist())
    lines = [f"<h2>{html.escape(f'{s.account}: {title}, {s.version}, {s.currency}')}</h2>", "<table>"]
    lines.append(f"<tr><th></th>{heads}</tr>")
    for spot, row, statuses in zip(s.spot_moves.tolist(), values.tolist(), s.status.tolist(), strict=True):
        cells = "".join(cell(x, largest, status) for x, status in zip(row, statuses, strict=True))
        lines.append(f"<tr><th>{spot:+.0%}</th>{cells}</tr>")
    return "\n".join([*lines, "</table>"])


def cell(value: float, largest: float, status: str) -> str:
    """Return one cell, coloured by its value and outlined by its status."""
    if value != value:
        return f'<td class="{status}">n/a</td>'
    share = min(1.0, abs(value) / largest) ** 0.6
    red, green, blue = (round(255 + (end - 255) * share) for end in (GAIN if value > 0 else LOSS))
    ink = "#fff" if share > 0.6 else "#222"
    return f'<td class="{status}" style="background:rgb({red},{green},{blue});color:{ink}">{value:,.0f}</td>'


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
    figure.savefig(path, dpi=110)
