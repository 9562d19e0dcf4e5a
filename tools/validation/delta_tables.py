"""The tables of the books without options."""

from __future__ import annotations

import numpy as np

from loadline.backtest.shortfall import acerbi_szekely
from tools.crash_day import table
from tools.validation.delta_one import BOOKS, CORE, WITH_TOOLS, DeltaOne
from tools.validation.formats import p_value, percent
from tools.validation.models import LEVEL, var


def delta_section(found: DeltaOne) -> str:
    """Tables of the books without options."""
    parts = []
    for model in (CORE, WITH_TOOLS):
        for h in (1, 2):
            rows = []
            for b in BOOKS:
                v = found.verdict(h, b, model)
                s = found.series(h, b, model)
                known = np.isfinite(s.worst)
                path = float((s.worst[known] > s.margin[known]).mean()) if known.any() else float("nan")
                counts = " / ".join(f"{p.breaches} of {p.dates:,}" for p in v.phases)
                power = min(p.power[0.02] for p in v.phases)
                rows.append(
                    (b, counts, percent(v.rate, 2), p_value(v.kupiec), p_value(v.too_many), p_value(v.conditional),
                     f"{power:.2f}", str(v.most), percent(path, 2), percent(v.mean), f"{v.ratio:.1f}",
                     f"{v.peak_to_trough:.2f}", f"{v.rise:.2f}")
                )  # fmt: skip
            head = ("book", "breaches by phase", "%", "Kupiec p", "too many p", "Christoffersen p", "power at 2 %",
                    "most in 250", "worst path %", "mean margin %", "worst loss / margin", "peak / trough",
                    "5-day rise")  # fmt: skip
            title = "core" if model == CORE else "with tools"
            parts.append(f"### {h} day{'s' if h > 1 else ''}, {title}\n\n" + table(head, rows))
    return "\n\n".join(parts)


def shortfall_table(found: DeltaOne) -> str:
    """Acerbi and Székely's statistics of the core model."""
    rows = []
    for b in BOOKS:
        cells = [b]
        for h in (1, 2):
            tail, quantile = found.series(h, b, CORE), found.series(h, b, var(LEVEL))
            t = acerbi_szekely(-tail.loss, quantile.margin, tail.margin, 1.0 - LEVEL)
            cells += [str(t.exceedances), "none" if t.z1 is None else f"{t.z1:+.2f}", f"{t.z2:+.2f}"]
        rows.append(tuple(cells))
    head = ("book", "1 day: exceedances", "Z1", "Z2", "2 days: exceedances", "Z1", "Z2")
    return table(head, rows)
