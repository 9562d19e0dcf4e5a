"""Plans and frontiers as drawings: SVG, written by hand, which any browser shows."""

from __future__ import annotations

import html
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from loadline.cli.amounts import amount, count
from loadline.cli.faults import AtWord, CommandLineError
from loadline.io.whole import whole

if TYPE_CHECKING:
    from loadline.optimize.plan import Plan

WIDTH, HEIGHT, LEFT, TOP, BOTTOM = 720, 420, 110, 40, 60
FONT = 'font-family="system-ui, sans-serif" font-size="13"'
BLUE, GREY = "#2563a8", "#9aa4ae"


def write_plans(path: Path, plans: Sequence[tuple[str, Plan]]) -> str:
    """Write requirements before and after as bars; say what was written. Raises ``AtWord`` for another suffix."""
    checked(path)
    bars = [(f"{a.account}, {a.rulebook}", a.usd(a.before), a.usd(a.after)) for _, plan in plans for a in plan.accounts]
    most = max((max(b, a) for _, b, a in bars), default=1.0) or 1.0
    height = TOP + 56 * len(bars) + 20
    parts = [opened(height, "Initial requirement before (grey) and after (blue), USD")]
    for n, (name, before, after) in enumerate(bars):
        y = TOP + 56 * n
        parts.append(f'<text x="10" y="{y + 12}" {FONT}>{html.escape(name)}</text>')
        for k, (value, colour) in enumerate(((before, GREY), (after, BLUE))):
            long = 500 * value / most
            parts.append(f'<rect x="10" y="{y + 17 + 13 * k}" width="{long:.1f}" height="11" fill="{colour}"/>')
            at = f'x="{16 + long:.1f}" y="{y + 27 + 13 * k}"'
            parts.append(f'<text {at} {FONT} font-size="11">{amount(value, "USD")}</text>')
    return saved(path, [*parts, "</svg>"], count(len(bars), "account"))


def write_curve(path: Path, points: Sequence[tuple[float, float]], across: str, upward: str) -> str:
    """Write a curve through points; say what was written. Raises ``AtWord`` for another suffix."""
    checked(path)
    right, top = max(x for x, _ in points) or 1.0, max(y for _, y in points) or 1.0
    wide, high = WIDTH - LEFT - 30, HEIGHT - TOP - BOTTOM

    def place(x: float, y: float) -> tuple[float, float]:
        return LEFT + wide * x / right, TOP + high * (1.0 - y / top)

    parts = [opened(HEIGHT, f"{upward} against {across}")]
    for k in range(6):
        x, y = place(right * k / 5, top * k / 5)
        parts.append(f'<line x1="{LEFT}" y1="{y:.1f}" x2="{WIDTH - 30}" y2="{y:.1f}" stroke="#e5e8eb"/>')
        parts.append(f'<text x="{LEFT - 8}" y="{y + 4:.1f}" {FONT} text-anchor="end">{top * k / 5:,.0f}</text>')
        parts.append(
            f'<text x="{x:.1f}" y="{HEIGHT - BOTTOM + 20}" {FONT} text-anchor="middle">{right * k / 5:,.4g}</text>'
        )
    ordered = sorted(points)
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in (place(*p) for p in ordered))
    parts.append(f'<polyline points="{line}" fill="none" stroke="{BLUE}" stroke-width="2"/>')
    parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{BLUE}"/>' for x, y in (place(*p) for p in ordered)]
    parts.append(
        f'<text x="{LEFT + wide / 2}" y="{HEIGHT - 12}" {FONT} text-anchor="middle">{html.escape(across)}</text>'
    )
    return saved(path, [*parts, "</svg>"], count(len(points), "point"))


def opened(height: float, title: str) -> str:
    """Return the head of a drawing."""
    size = f'width="{WIDTH}" height="{height:g}" viewBox="0 0 {WIDTH} {height:g}"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {size}><rect width="100%" height="100%" fill="white"/>'
    return f'{head}\n<text x="10" y="22" {FONT} font-weight="bold">{html.escape(title)}</text>'


def checked(path: Path) -> None:
    """Raise ``AtWord`` for a file that is no drawing."""
    if path.suffix != ".svg":
        error = CommandLineError(f"no picture of the kind {path.suffix!r}", remedy="name the file .svg")
        raise AtWord(error, str(path), "--plot")


def saved(path: Path, parts: Sequence[str], what: str) -> str:
    """Write the drawing and say so."""
    with whole(path) as part:
        part.write_text("\n".join(parts) + "\n", "utf-8")
    return f"{path}: {what}"
