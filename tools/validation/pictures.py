"""The figures of the validation, drawn by matplotlib."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from loadline.backtest.frontier import Point
from loadline.cli.backtest_plot import spread
from loadline.foundation.units import MS_PER_DAY
from tools.validation.delta_one import CORE, WITH_TOOLS, DeltaOne
from tools.validation.hours import Hours
from tools.validation.models import LEVEL

SIZE = (10.0, 4.2)
DOTS = 100
LINE = {"arrowstyle": "-", "color": "0.75", "linewidth": 0.5, "relpos": (0.0, 0.5)}
"""From a point to its name."""
WIDE = 20.0
"""Rates that differ by more than so many times stand on a logarithmic axis."""


def frontier(points: Sequence[Point], path: Path, title: str, ours: Sequence[str] = ()) -> None:
    """Draw breaches against mean requirement, and against peak to trough; ``ours``: models that are ours, too."""
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(1, 2, figsize=(12.0, 4.8), dpi=DOTS)
    for axis, name in zip(axes, ("mean", "peak"), strict=True):
        named: list[tuple[str, float, float]] = []
        for p in points:
            x = 100 * p.mean if name == "mean" else p.peak
            if x is None:
                continue
            mine = p.model.startswith("tail") or p.model in ours
            y = 100 * (1.0 - p.coverage)
            axis.plot([x], [y], "o" if mine else "s", color="C0" if mine else "C3", markersize=6)
            named.append((p.model, x, y))
        axis.axhline(1.0, color="0.6", linewidth=0.8, linestyle="--")
        rates = [y for *_, y in named]
        if max(rates) > WIDE * max(min(rates), 1e-9):
            axis.set_yscale("symlog", linthresh=0.1)
            axis.set_ylim(-0.01, 1.3 * max(rates))
        else:
            axis.set_ylim(0.0, 1.1 * max(rates))
        axis.set_ylabel("breaches, % of books and dates")
        axis.set_xlabel("mean requirement, % of notional" if name == "mean" else "peak to trough (median over books)")
        axis.grid(alpha=0.3)
        heights = [float(axis.transAxes.inverted().transform(axis.transData.transform((x, y)))[1]) for _, x, y in named]
        for (model, x, y), beside in zip(named, spread(heights, 0.045), strict=True):
            axis.annotate(model, (x, y), xytext=(1.03, beside), textcoords="axes fraction", fontsize=6.5, va="center",
                          arrowprops=LINE)  # fmt: skip
    figure.suptitle(title, fontsize=10)
    _write(figure, path)


def delta_one(found: DeltaOne, path: Path) -> None:
    """Draw the requirement of long bitcoin over the years, losses of two days, and where they went beyond it."""
    from matplotlib import pyplot as plt

    figure, axis = plt.subplots(figsize=SIZE, dpi=DOTS)
    s, limited = (found.series(2, "BTC long", model) for model in (CORE, WITH_TOOLS))
    when = (s.at / MS_PER_DAY).astype("datetime64[D]")
    axis.bar(when, 100 * np.maximum(s.loss, 0.0), width=1.0, color="0.75", label="loss over the next two days")
    axis.plot(when, 100 * s.margin, color="C0", linewidth=1.0, label="requirement, core")
    axis.plot(when, 100 * limited.margin, color="C1", linewidth=1.0, label="with the tools on")
    axis.plot(when[s.breached], 100 * s.loss[s.breached], "x", color="C3", markersize=5, label="breach of the core")
    axis.set_ylabel("% of notional")
    axis.set_title(f"Long bitcoin, 2 days, ES {100 * LEVEL:g} %", fontsize=10)
    axis.legend(fontsize=7, loc="upper right")
    axis.grid(alpha=0.3)
    _write(figure, path)


def crashes(found: Sequence[Hours], path: Path) -> None:
    """Draw bitcoin's fall since the eve and the requirement, hour by hour."""
    from matplotlib import pyplot as plt

    mine = [h for h in found if h.coin == "BTC"]
    figure, axes = plt.subplots(1, len(mine), figsize=(SIZE[0], 3.2), dpi=DOTS, sharey=True)
    for axis, h in zip(axes, mine, strict=True):
        hours = np.arange(len(h.time))
        axis.plot(hours, [100 * (1 - c / h.close[0]) for c in h.close], color="C3", linewidth=1.0, label="fall")
        axis.plot(hours, [100 * m for m in h.margin], color="C0", linewidth=1.2, label="requirement")
        axis.set_title(h.event, fontsize=9)
        axis.set_xlabel("hours since the eve", fontsize=8)
        axis.grid(alpha=0.3)
    axes[0].set_ylabel("%")
    axes[0].legend(fontsize=7)
    _write(figure, path)


def ratios(found: Mapping[str, tuple[float, float, float]], path: Path, title: str) -> None:
    """Draw ratios by family with their intervals."""
    from matplotlib import pyplot as plt

    figure, axis = plt.subplots(figsize=SIZE, dpi=DOTS)
    names = list(found)
    for k, name in enumerate(names):
        value, low, high = found[name]
        axis.plot([low, high], [k, k], color="C0", linewidth=2)
        axis.plot([value], [k], "o", color="C0")
    axis.set_yticks(range(len(names)), names, fontsize=8)
    axis.axvline(1.0, color="0.6", linestyle="--", linewidth=0.8)
    axis.set_title(title, fontsize=10)
    axis.grid(alpha=0.3, axis="x")
    _write(figure, path)


def _write(figure: object, path: Path) -> None:
    from matplotlib import pyplot as plt

    path.parent.mkdir(parents=True, exist_ok=True)
    figure.tight_layout()  # type: ignore[attr-defined]
    figure.savefig(path, metadata={"Software": None})  # type: ignore[attr-defined]
    plt.close(figure)  # type: ignore[arg-type]
