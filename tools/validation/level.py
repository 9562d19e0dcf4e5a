"""The level of the expected shortfall: chosen by a rule on the dates before 2022, confirmed on those from 2022 on.

The rule: of ``delta_one.LEVELS`` the one whose breach rate, pooled over the accepted books at 1 and 2 days, is nearest
1 % on the dates whose end lies before 2022. Nothing later enters it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from loadline.backtest.study import RATE, Series, Verdict, judge, phased
from loadline.foundation.units import MS_PER_DAY, parse_time
from tools.crash_day import table
from tools.validation.bars import ACCEPTED, good
from tools.validation.delta_one import LEVELS, VAR_99, DeltaOne
from tools.validation.formats import p_value, percent
from tools.validation.models import LEVEL, es, var

CUT = parse_time("2022-01-01")
HORIZONS = (1, 2)


def early(found: DeltaOne, model: str) -> list[Series]:
    """Return the accepted books at both horizons on the dates whose end lies before 2022."""
    out = []
    for h in HORIZONS:
        for book in ACCEPTED:
            s = found.series(h, book, model)
            out.append(s.at_rows(np.flatnonzero(s.at + h * MS_PER_DAY < CUT)))
    return out


def late(found: DeltaOne, model: str) -> list[Verdict]:
    """Return the verdicts on the accepted books at both horizons, dates from 2022 on."""
    out = []
    for h in HORIZONS:
        for book in ACCEPTED:
            whole = found.series(h, book, model)
            s = whole.at_rows(np.flatnonzero(whole.at >= CUT))
            out.append(judge(s, phased(s, h)))
    return out


def pooled(found: Sequence[Series]) -> float:
    """Return the breach rate of all books and dates together."""
    return sum(int(s.breached.sum()) for s in found) / sum(len(s.at) for s in found)


def rates(found: DeltaOne) -> dict[float, float]:
    """Return the pooled breach rate of every level before 2022."""
    return {p: pooled(early(found, es(p))) for p in LEVELS}


def chosen(by: Mapping[float, float]) -> float:
    """Return the level that the rule picks from the rate of each; of two as near, the higher.

    >>> chosen({0.96: 0.012, 0.965: 0.0095, 0.97: 0.008})
    0.965
    """
    return min(sorted(by, reverse=True), key=lambda p: abs(by[p] - RATE))


def confirm(found: DeltaOne) -> tuple[float, float]:
    """Return the level that the rule picks and its rate; raises ``ValueError`` where calibrate writes another."""
    by = rates(found)
    picked = chosen(by)
    if picked != LEVEL:
        told = ", ".join(f"{p:g}: {100 * r:.3f} %" for p, r in by.items())
        raise ValueError(
            f"the rule picks expected shortfall at {picked:g}, loadline calibrate writes {LEVEL:g} ({told}): "
            "set engine.recipe.Recipe.level, and run again"
        )
    return picked, by[picked]


def cells(verdicts: Sequence[Verdict]) -> tuple[str, ...]:
    """Return rates, smallest p-values, most breaches in 250 dates, and how many meet the bars of point 1."""
    low, high = (percent(f(v.rate for v in verdicts), 2) for f in (min, max))
    return (f"{low} to {high}", p_value(min(v.kupiec for v in verdicts)), p_value(min(v.conditional for v in verdicts)),
            str(max(v.most for v in verdicts)), f"{sum(map(good, verdicts))} of {len(verdicts)}")  # fmt: skip


def level_table(found: DeltaOne) -> str:
    """The grid: what was chosen on, what confirms it, and all dates; raises as ``confirm`` does."""
    picked, _ = confirm(found)
    rows = []
    for name in (*map(es, LEVELS), var(VAR_99)):
        whole = [found.verdict(h, b, name) for h in HORIZONS for b in ACCEPTED]
        said = name.removeprefix("tail, ")
        rows.append((f"**{said}**" if name == es(picked) else said, percent(pooled(early(found, name)), 2),
                     *cells(late(found, name)), *cells(whole)))  # fmt: skip
    head = ("level", "2018 to 2021: breaches %", "from 2022: breaches %, by book", "Kupiec p", "Christoffersen p",
            "most in 250", "bars met", "all dates: breaches %, by book", "Kupiec p", "Christoffersen p", "most in 250",
            "bars met")  # fmt: skip
    return table(head, rows)


def level_text(found: DeltaOne) -> str:
    """What the rule picked, in words."""
    picked, rate = confirm(found)
    after = late(found, es(picked))
    met = sum(map(good, after))
    which = "all" if met == len(after) else str(met)
    return (
        f"The rule picks **{100 * picked:g} %** ({percent(rate, 2)} % of books and dates), which is what "
        "`loadline calibrate`\nwrites; a run that picks another stops with an error. From 2022 on "
        f"{which} of {len(after)} books and horizons meet the\nfour two-sided bars of point 1, at rates of "
        f"{cells(after)[0]} %."
    )
