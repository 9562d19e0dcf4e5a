"""Two pictures: every row between its limit and its rivals, and how cost grows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure

from benchmarks.limits import permitted
from benchmarks.work import Figures

INK, OURS, RIVAL, LIMIT = "#333333", "#0b6e4f", "#c0504d", "#8a8a8a"
SHOWN = ("price", "worst", "es975", "es99", "derive", "deribit-xpm", "book", "check derive", "checks derive")
STYLE = {
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": INK,
    "text.color": INK,
    "svg.hashsalt": "loadline",
}


def draw(results: Figures, folder: Path) -> None:
    """Write the pictures."""
    with mpl.rc_context(STYLE):
        save(speed(results), folder / "speed.png")
        if "growth" in results["parts"]:
            save(growth(results["parts"]["growth"]["growth"]), folder / "growth.png")


def save(figure: Figure, path: Path) -> None:
    """Write one picture without what would change from run to run by itself."""
    figure.savefig(path, dpi=130, metadata={"Software": None})


def speed(results: Figures) -> Figure:
    """A line per row: what the machine permits, Loadline, and rivals, on one scale of processor time."""
    around = {**results["parts"]["limits"]["limits"], "caches": results["machine"]["caches"]}
    every = [row for part in results["parts"].values() for row in part.get("rows", ())]
    rows = [row for row in every if row["key"] in SHOWN]
    figure = Figure(figsize=(8.2, 0.55 + 0.42 * len(rows)), layout="constrained")
    axes = figure.subplots()
    for n, row in enumerate(rows):
        ours, rivals = row["processor"], [r["processor"] for r in row["rivals"]]
        limit = permitted(row["need"], around)["limit"] if row["need"] else None
        ends = [ours, *rivals, *([limit] if limit else [])]
        axes.plot([min(ends), max(ends)], [n, n], color="#dddddd", zorder=1)
        if limit:
            axes.plot([limit], [n], "|", color=LIMIT, markersize=14, markeredgewidth=2, label="machine's limit")
        axes.plot([ours], [n], "o", color=OURS, markersize=8, label="Loadline")
        axes.plot(rivals, [n] * len(rivals), "o", mfc="white", color=RIVAL, markersize=7, label="rivals")
    axes.set_yticks(range(len(rows)), [f"{row['title'].split(' in ')[0]}, per {row['per']}" for row in rows])
    axes.invert_yaxis()
    axes.set_xscale("log")
    scale(axes)
    axes.set_xlabel("processor time of one core")
    axes.grid(axis="x", color="#eeeeee")
    known: dict[str, Any] = {}
    for handle, label in zip(*axes.get_legend_handles_labels(), strict=True):
        known.setdefault(label, handle)
    axes.legend(known.values(), known.keys(), loc="upper right", frameon=False)
    return figure


def scale(axes: Any) -> None:
    """Say times as people do."""
    marks = [(1e-9, "1 ns"), (1e-8, "10 ns"), (1e-7, "100 ns"), (1e-6, "1 µs"), (1e-5, "10 µs"), (1e-4, "100 µs")]
    marks += [(1e-3, "1 ms"), (1e-2, "10 ms"), (1e-1, "100 ms"), (1.0, "1 s")]
    low, high = axes.get_xlim()
    inside = [(at, said) for at, said in marks if low <= at <= high]
    axes.set_xticks([at for at, _ in inside], [said for _, said in inside])


def growth(found: Figures) -> Figure:
    """Two panels, each with the slope of its lines."""
    figure = Figure(figsize=(8.2, 3.4), layout="constrained")
    for axes, (what, curves) in zip(figure.subplots(1, 2), found.items(), strict=True):
        for c, color, mark in zip(curves, (OURS, RIVAL), ("o", "s"), strict=False):
            label = f"{c['title']}: slope {c['slope']:.2f}"
            axes.plot(c["x"], [1e3 * s for s in c["seconds"]], mark, ls="-", color=color, markersize=5, label=label)
        middle = curves[0]["x"][len(curves[0]["x"]) // 2]
        at = 1e3 * curves[0]["seconds"][len(curves[0]["x"]) // 2] * 3.0
        ends = [curves[0]["x"][0], curves[0]["x"][-1]]
        axes.plot(ends, [at * x / middle for x in ends], ":", color=LIMIT, label="slope 1")
        axes.set(xscale="log", yscale="log", xlabel=what, ylabel="processor time, ms")
        axes.grid(color="#eeeeee")
        axes.legend(frameon=False, fontsize=8)
    return figure
