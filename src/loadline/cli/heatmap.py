"""A surface as a drawing that any browser shows by itself: coloured cells, their numbers, and where equity runs out."""

from __future__ import annotations

import html
import math
from typing import TYPE_CHECKING

import numpy as np

from loadline.foundation.table import Floats

if TYPE_CHECKING:
    from loadline.engine.surface import Surface

WIDE, HIGH = 76, 24
"""Pixels of one cell."""
LEFT, TOP = 64, 34
LOSS, GAIN, WHITE, NONE = (178, 24, 43), (33, 102, 172), (255, 255, 255), (238, 238, 238)
"""Dark red and dark blue, told apart by those who do not see red and green."""
LINES = {"initial": "4 3", "maintenance": ""}
STEPS = ((1e9, "bn"), (1e6, "m"), (1e3, "k"))


def heatmap(surface: Surface, values: Floats, title: str) -> str:
    """Return one grid of a surface as an SVG element: spot upwards, vol to the right.

    values: (S, V), the numbers of the cells in USD, NaN where there is no answer. A solid line runs where equity equals
    the maintenance requirement, a dashed one where it equals the initial; beyond the solid line numbers are bold.
    """
    rows, columns = values.shape
    finite = values[np.isfinite(values)]
    largest = float(np.abs(finite).max()) if finite.size else 1.0
    width, height = LEFT + WIDE * columns + 8, TOP + HIGH * rows + 8
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
    parts = [head + f'role="img" aria-label="{html.escape(title)}" font-size="12" text-anchor="middle">']
    for v, move in enumerate(surface.vol_moves.tolist()):
        parts.append(f'<text x="{across(v):.1f}" y="{TOP - 10}" fill="#666">vol {percent(move)}</text>')
    for s, move in enumerate(surface.spot_moves.tolist()):
        y = down(s, rows) + 4
        weight = "bold" if move == 0.0 else "normal"
        parts.append(f'<text x="{LEFT - 28}" y="{y:.1f}" fill="#666" font-weight="{weight}">{percent(move)}</text>')
        for v in range(columns):
            parts.append(square(surface, float(values[s, v]), largest, s, v))
    for side, dash in LINES.items():
        parts.append(
            f'<path d="{line(surface, side)}" fill="none" stroke="#000" stroke-width="2" stroke-dasharray="{dash}"/>'
        )
    return "\n".join([*parts, "</svg>"])


def across(column: float) -> float:
    """Return the pixel of a column's middle."""
    return LEFT + WIDE * (column + 0.5)


def down(row: float, rows: int) -> float:
    """Return the pixel of a row's middle; the first row stands at the bottom."""
    return TOP + HIGH * (rows - row - 0.5)


def square(surface: Surface, value: float, largest: float, row: int, column: int) -> str:
    """Return one cell: its colour, its number, and all of it for the pointer."""
    x, y = LEFT + WIDE * column, TOP + HIGH * (len(surface.spot_moves) - 1 - row)
    weight = "bold" if surface.region[row, column] else "normal"
    red, green, blue = colour(value, largest)
    ink = "#fff" if red + green + blue < 380 else "#222"
    spot, vol = (percent(float(m)) for m in (surface.spot_moves[row], surface.vol_moves[column]))
    said = f"spot {spot}, vol {vol}: {value:,.2f} USD, {surface.status[row, column]}"
    return (
        f"<g><title>{html.escape(said.replace('nan USD', 'no answer'))}</title>"
        f'<rect x="{x}" y="{y}" width="{WIDE - 1}" height="{HIGH - 1}" fill="rgb({red},{green},{blue})"/>'
        f'<text x="{x + WIDE / 2:g}" y="{y + HIGH / 2 + 4:g}" fill="{ink}" font-weight="{weight}">'
        f"{short(value)}</text></g>"
    )


def colour(value: float, largest: float) -> tuple[int, int, int]:
    """Return red, green and blue of a cell: white at 0, darker towards the largest number.

    >>> colour(0.0, 5.0), colour(5.0, 5.0)
    ((255, 255, 255), (33, 102, 172))
    """
    if math.isnan(value):
        return NONE
    share = min(1.0, abs(value) / largest) ** 0.6 if largest else 0.0
    ends = zip(WHITE, GAIN if value > 0 else LOSS, strict=True)
    red, green, blue = (round(a + (b - a) * share) for a, b in ends)
    return red, green, blue


def line(surface: Surface, side: str) -> str:
    """Return the path along which equity equals a requirement; empty where it nowhere does."""
    from loadline.engine.liquidation import edge

    rows, columns = surface.pnl.shape
    found = []
    for a, b in edge(surface, "initial" if side == "initial" else "maintenance"):
        points = []
        for spot, vol in (a, b):
            row = np.interp(spot, surface.spot_moves, np.arange(rows))
            column = np.interp(vol, surface.vol_moves, np.arange(columns))
            points.append(f"{across(float(column)):.1f} {down(float(row), rows):.1f}")
        found.append(f"M{points[0]}L{points[1]}")
    return "".join(found)


def percent(move: float) -> str:
    """Return a move as people read it.

    >>> percent(-0.05), percent(0.125)
    ('-5%', '+12.5%')
    """
    return f"{100 * move:+.4g}%"


def short(value: float) -> str:
    """Return a number in four characters or so.

    >>> short(-1234567.0), short(640.2), short(float("nan"))
    ('-1.23m', '640', 'n/a')
    """
    if math.isnan(value):
        return "n/a"
    for step, unit in STEPS:
        if abs(value) >= 0.9995 * step:
            return f"{value / step:.3g}{unit}"
    return f"{value:.0f}".replace("-0", "0") if abs(value) < 0.5 else f"{value:.0f}"
