"""The tables of what coverage costs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from loadline.backtest.day import Day
from loadline.backtest.families import TWELVE, account
from loadline.backtest.frontier import Point, Ratio, point, pooled
from loadline.backtest.study import series
from loadline.foundation.errors import InputError
from tools.crash_day import table
from tools.validation import bars as bars_of
from tools.validation.chains import VAR_975
from tools.validation.data import COINS
from tools.validation.delta_one import CORE
from tools.validation.formats import percent
from tools.validation.models import GRADED, HEDGED, VENUES, large
from tools.validation.tables import ALL


def points(days: Sequence[Day], models: Sequence[str]) -> list[Point]:
    """Each model over the books of the twelve families."""
    out = []
    for model in models:
        found = []
        for coin in COINS:
            for family in TWELVE:
                try:
                    found.append(series(days, account(coin, family), model))
                except InputError:
                    continue
        if found:
            out.append(point(model, found, bars_of.OUTRIGHT))
    return out


def frontier_table(found: Sequence[Point]) -> str:
    """The frontier in numbers."""
    rows = [
        (p.model, f"{p.dates:,}", percent(p.coverage, 2), percent(p.mean),
         "n/a" if p.peak is None else f"{p.peak:.2f}", str(p.gaps))
        for p in found
    ]  # fmt: skip
    head = ("model", "books and dates", "covered %", "mean requirement %", "peak / trough, median", "no answer")
    return table(head, rows)


def ratio_table(found: bars_of.Costs) -> str:
    """Ratios to Deribit by family."""
    rows = []
    for family in ALL:
        cells = [family + (" *" if family in HEDGED else "")]
        for side in (found.small, found.small_tools, found.large, found.large_tools):
            r = side[family]
            cells += [cell(r, "nominal"), cell(r, "equal")]
        rows.append(tuple(cells))
    head = ("family (* hedged)", "1 m: nominal", "equal coverage", "1 m with tools: nominal", "equal coverage",
            "50 m: nominal", "equal coverage", "50 m with tools: nominal", "equal coverage")  # fmt: skip
    return table(head, rows)


def cell(r: Ratio, which: str) -> str:
    """A ratio with its interval."""
    i = getattr(r, which)
    return f"{i.value:.2f} ({i.low:.2f}–{i.high:.2f})"


def rivals(days: Sequence[Day], draws: int) -> str:
    """Ratios of the core model to each venue at equal coverage, 1 m USD, and at 50 m where those ask otherwise."""
    names = [v for v in VENUES if v != "isolated"]
    big = [large(v) for v in GRADED if v != "isolated"]
    rows = []
    for family in ALL:
        cells = [family]
        for rival in (*names, *big):
            try:
                r = bars_of.one(days, family, CORE, rival, draws)
                cells.append(f"{r.nominal.value:.2f} · {r.equal.value:.2f}" if np.isfinite(r.equal.value) else
                             f"{r.nominal.value:.2f} · n/a")  # fmt: skip
            except (InputError, ZeroDivisionError):
                cells.append("n/a")
        rows.append(tuple(cells))
    return table(("family", *names, *big), rows)


def asked_table(days: Sequence[Day], found: bars_of.Costs) -> str:
    """Ratios to Deribit of the model asked at the coverage that both are scaled to, beside the accepted one's."""
    rows = []
    for family in ALL:
        cells = [family + (" *" if family in HEDGED else "")]
        cells.append(percent(float(pooled(days, family, VAR_975).breached.mean()), 2))
        for asked, accepted in ((found.small_asked, found.small), (found.large_asked, found.large)):
            r = asked[family]
            cells += [cell(r, "nominal"), cell(r, "equal"), f"{accepted[family].equal.value:.2f}"]
        rows.append(tuple(cells))
    head = ("family (* hedged)", "breaches % as asked", "1 m: nominal", "equal coverage", "accepted model's",
            "50 m: nominal", "equal coverage", "accepted model's")  # fmt: skip
    return table(head, rows)


def asked_text(found: bars_of.Costs) -> str:
    """How much asking at VaR 97.5 % changes, in words."""
    sides = ((found.small_asked, found.small), (found.large_asked, found.large))
    moved = {f: max(abs(a[f].equal.value - b[f].equal.value) for a, b in sides) for f in ALL}
    most = max((f for f in ALL if f != "market-maker"), key=lambda f: moved[f])
    return (
        f"The ratio of the 200-leg book moves by {moved['market-maker']:.2f}, that of no other family by more than "
        f"{moved[most]:.2f} ({most})."
    )
