"""Forecasts as a drawing: one row a model, one dot a horizon, so that agreement and disagreement show."""

from __future__ import annotations

import html
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from loadline.cli.amounts import count
from loadline.cli.plan_plot import FONT, checked, opened, saved
from loadline.foundation.errors import MissingData

if TYPE_CHECKING:
    from loadline.cli.forecast_view import View

NAME, ROOM, HIGH = 240, 430, 20
COLOURS = {"1h": "#4d9221", "1d": "#2166ac", "2d": "#b2182b"}


def write_forecasts(path: Path, views: Sequence[View]) -> str:
    """Write the forecasts of every coin; say what was written. Raises ``AtWord`` for another suffix."""
    checked(path)
    vols = [v.vol(f.variance) for v in views for f in v.found if f.variance is not None]
    if not vols:
        raise MissingData("nothing to plot: no model has a forecast", remedy="see why with --table")
    most = max(vols) * 1.05
    legend = ", ".join(f"{h} {c}" for h, c in (("1h", "green"), ("1d", "blue"), ("2d", "red")))
    parts, y = [], 50
    for coin in dict.fromkeys(v.coin for v in views):
        mine = [v for v in views if v.coin == coin]
        parts.append(f'<text x="10" y="{y}" {FONT} font-weight="bold">{html.escape(coin)}</text>')
        for n, first in enumerate(mine[0].found):
            y += HIGH
            parts.append(
                f'<text x="{NAME - 10}" y="{y + 4}" {FONT} text-anchor="end">{html.escape(first.model)}</text>'
            )
            parts.append(f'<path d="M{NAME} {y}h{ROOM}" stroke="#e5e8eb"/>')
            for v in mine:
                variance = v.found[n].variance
                if variance is not None:
                    x = NAME + ROOM * v.vol(variance) / most
                    told = f"<title>{v.horizon}: {v.vol(variance):.1%}</title>"
                    parts.append(f'<circle cx="{x:.1f}" cy="{y}" r="5" fill="{COLOURS[v.horizon]}">{told}</circle>')
        y += 2 * HIGH
    for k in range(5):
        x = NAME + ROOM * k / 4
        parts.append(f'<text x="{x:.0f}" y="{y}" {FONT} text-anchor="middle">{most * k / 4:.0%}</text>')
    head = opened(y + 20, f"Volatility ahead, per year ({legend})")
    return saved(path, [head, *parts, "</svg>"], count(len({v.coin for v in views}), "coin"))
