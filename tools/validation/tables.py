"""The tables of docs/validation.md: bars, tests, families, crashes, and what else was tried."""

# ruff: noqa: E501  the texts are the page's own lines

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from loadline.backtest.dates_hit import DatesHit
from loadline.backtest.day import Day
from loadline.backtest.families import FAMILIES, TWELVE, account
from loadline.backtest.frontier import pooled
from loadline.backtest.null import AS_IT_IS
from loadline.backtest.study import Series, series
from loadline.foundation.errors import InputError
from tools.crash_day import table
from tools.validation import bars as bars_of
from tools.validation.chains import STUDY, TRIED, VAR_95, WITH_TOOLS, Measured
from tools.validation.data import COINS, Data
from tools.validation.delta_one import CORE
from tools.validation.formats import p_value, percent
from tools.validation.hours import Hours
from tools.validation.models import DAMPING, HALF_LIFE, LEVEL, MORE, TOOLS, VENUES, Bar, es
from tools.validation.prediction import Score

ALL = (*TWELVE, *MORE)
SHOWN = (CORE, WITH_TOOLS, *VENUES)


def bar_table(found: Iterable[Bar]) -> str:
    """All bars with their verdicts."""
    rows = [(b.point, b.asked, b.measured, "reached" if b.reached else f"**not reached**: {b.why}") for b in found]
    return table(("point", "bar", "measured", "verdict"), rows, texts=4)


def hit_row(name: str, t: DatesHit, must: str) -> tuple[str, ...]:
    """One line of the table of tests."""
    powers = " / ".join("n/a" if p is None else f"{p:.2f}" for p in t.power.values())
    return (name, f"{np.median(t.dates):.0f}", " ".join(map(str, t.by_phase)), f"{t.hits:g}", f"{t.expected:.1f}",
            str(t.critical), p_value(t.p_value), powers, str(t.no_answer), must)  # fmt: skip


HIT_HEAD = ("model", "dates", "hit, by phase", "median", "expected", "critical", "p", "power at 2 / 3 / 5 %",
            "no answer", "verdict")  # fmt: skip


def tests_of(found: Measured) -> dict[str, DatesHit]:
    """Every dates-hit test, by name."""
    tests = {
        "tail": found.test("two", CORE),
        "with tools": found.test("two", WITH_TOOLS),
        "aside": found.test("two", CORE, aside=True),
        "tuning": found.test("two", CORE, aside=False),
        "spot only": found.test("controls", "spot only"),
        "no clock roll": found.test("controls", "no clock roll"),
        "accepted model / 1.25": found.test("two", CORE, divide=1.25),
        "accepted model / 1.5": found.test("two", CORE, divide=1.5),
        VAR_95: found.test("two", VAR_95),
        STUDY: found.test("two", STUDY),
    }
    if "one" in found.runs:
        tests["1 day"] = found.test("one", CORE, horizon=1.0)
    return tests


def hit_section(tests: Mapping[str, DatesHit], found: Measured) -> str:
    """The tests over all families together."""

    def verdict(name: str) -> str:
        return "passed" if tests[name].passed else "failed"

    rows = [hit_row(f"{es(LEVEL)}, 2 days", tests["tail"], verdict("tail"))]
    rows.append(hit_row("the same, weeks set aside", tests["aside"], verdict("aside")))
    rows.append(hit_row("the same, the other weeks", tests["tuning"], verdict("tuning")))
    rows.append(hit_row(f"{STUDY}, as the study had it", tests[STUDY], verdict(STUDY)))
    rows.append(hit_row("with tools", tests["with tools"], verdict("with tools")))
    if "1 day" in tests:
        rows.append(hit_row(f"{es(LEVEL)}, 1 day", tests["1 day"], verdict("1 day")))
    rows.append(hit_row(f"{VAR_95}, 2 days", tests[VAR_95], verdict(VAR_95)))
    for name in ("spot only", "no clock roll", "accepted model / 1.5"):
        said = "failed, as it must" if not tests[name].passed else "**passed, and must not**"
        rows.append(hit_row(f"control: {name}", tests[name], said))
    rows.append(hit_row("the accepted model / 1.25", tests["accepted model / 1.25"],
                        "passed" if tests["accepted model / 1.25"].passed else "failed"))  # fmt: skip
    share, hit = bars_of.efficiency(found.dates("two"), TWELVE)
    t = tests[VAR_95]
    said = (
        f"At 95 % single books breach on {percent(share)} % of dates instead of 5, and any book on {percent(hit)} %: the "
        f"grid is hit on {t.hits:g} dates where the model expects {t.expected:.1f} (probability of as few "
        f"{t.fewer:.2f}). That is what is left of prudence in this sample."
    )
    return table(HIT_HEAD, rows) + "\n\n" + said


def family_table(days: Sequence[Day]) -> str:
    """Breaches and mean requirement by family, both coins, under every model."""
    rows = []
    for family in ALL:
        cells = [family]
        for model in SHOWN:
            try:
                s = pooled(days, family, model)
            except InputError:
                cells.append("no answer")
                continue
            cells.append(f"{int(s.breached.sum())} · {percent(float(s.margin.mean()))}")
        rows.append(tuple(cells))
    return table(("family", *SHOWN), rows)


def steady_table(of: Mapping[str, Series]) -> str:
    """Peak to trough of outright and short-option books with the tools on."""
    rows = []
    for name in bars_of.OUTRIGHT:
        cells = [name]
        for coin in COINS:
            s = of[account(coin, name)]
            cells.append(f"{s.margin.max() / s.margin.min():.2f}")
        rows.append(tuple(cells))
    return table(("family", *COINS), rows)


def hours_table(found: Sequence[Hours]) -> str:
    """The crashes hour by hour, in short."""
    rows = [
        (h.event, h.coin, percent(h.margin[0]), percent(h.margin[max(h.low - 1, 0)]), percent(h.margin[h.low]),
         percent(h.loss), "no" if h.loss > h.margin[0] else "yes",
         "no" if h.margin[max(h.low - 1, 0)] < h.loss else "yes")
        for h in found
    ]  # fmt: skip
    head = ("crash", "coin", "requirement at the eve %", "an hour before the low %", "at the low %",
            "fall from the eve %", "covered from the eve", "reached before the low")  # fmt: skip
    return table(head, rows, texts=2)


def score_table(found: Sequence[Score]) -> str:
    """What prediction buys."""
    rows = [
        (f"{s.name}", f"{s.horizon}", f"{s.dates:,}", f"{100 * s.change:+.1f} %", "" if s.t == 0 else f"{s.t:+.1f}",
         f"{100 * (s.margin - 1):+.1f} %", percent(s.breaches, 2))
        for s in found
    ]  # fmt: skip
    head = ("volatility", "days ahead", "dates", "quantile score against EWMA 0.97", "t", "mean margin", "breaches %")
    return table(head, rows)


def tried_table(days: Sequence[Day]) -> str:
    """Other filters and weights of history, on the weeks that are not set aside."""
    rows = []
    for name, _, _ in TRIED:
        for measure in ("", ", VaR 99"):
            model = name + measure
            books = [series(days, account(c, f), model) for c in COINS for f in TWELVE]
            breaches = sum(int(s.breached.sum()) for s in books) / sum(len(s.at) for s in books)
            mild = [series(days, account(c, f), f"{name}, VaR 95") for c in COINS for f in TWELVE]
            at_95 = sum(int(s.breached.sum()) for s in mild) / sum(len(s.at) for s in mild)
            worst = sum(any(hit(d, model)) for d in days)
            mean = float(np.mean([s.margin.mean() for s in books]))
            expected = sum(c.hit[AS_IT_IS] for d in days if (c := d.models[model].hit) is not None)
            rows.append((model or name, percent(breaches, 2), percent(at_95, 2) if not measure else "", str(worst),
                         f"{expected:.1f}", percent(mean, 2)))  # fmt: skip
    head = ("model", "breaches %", "at VaR 95 %", "dates hit", "expected", "mean requirement %")
    return f"{len(days)} dates, one every two days.\n\n" + table(head, rows)


def hit(day: Day, model: str) -> list[bool]:
    """Whether each book of the twelve families lost more than its margin."""
    return [
        loss is not None and asked is not None and loss > asked
        for a, loss, asked in zip(day.accounts, day.loss, day.models[model].initial, strict=True)
        if a.partition(" ")[2] in TWELVE
    ]


def gap_text(found: Measured) -> str:
    """What has no answer, counted first."""
    lines = []
    for name, days in found.runs.items():
        counts = Counter(
            (key.partition("|")[2] or "loss", why.split(" under ")[0]) for d in days for key, why in d.gaps.items()
        )
        total = sum(counts.values())
        said = "; ".join(f"{n:,} × {model}: {why[:90]}" for (model, why), n in counts.most_common(6))
        lines.append(f"* `{name}`: {len(days):,} dates, {total:,} numbers missing" + (f" ({said})" if said else ""))
    return "\n".join(lines)


def recipe_text() -> str:
    """The model in a paragraph."""
    weights = "equal weights" if not HALF_LIFE else f"weights halving every {HALF_LIFE:g} days"
    return (
        f"`tail` as `loadline calibrate` makes it, anew at every date from what was known then: joint moves since 2018 "
        f"(at least 1,000 days), {weights}, each asset's rescaled by EWMA 0.97 volatility with damping {DAMPING:g} and a "
        f"cap of 3, expected shortfall at {100 * LEVEL:g} %: a level chosen on the books without options before 2022 (*The "
        "level*). Options are revalued with the clock rolled, what expires on the way at the price of its own "
        "moment, smiles moving with the price, the level of vol moving jointly with it and scaled by tenor, surface moves drawn from chains that had ended; a floor of 0.5 % of notional stands "
        "for basis. There are no charges for liquidity here, since losses are measured at marks; a calibrated model has "
        "them, and asks a little more. *Tools on*: what `loadline calibrate` has on by "
        f"default: {100 * TOOLS.stress_weight:g} % of the requirement is that of the most stressed {TOOLS.stress} moves, and "
        f"volatility may raise it by no more than {100 * TOOLS.rise:g} % a day."
    )


def hashes(data: Data) -> str:
    """Every file with its hash."""
    rows = [(f"`{name}`", f"`{value[:16]}`") for name, value in sorted(data.hashes.items())]
    return table(("file", "SHA-256, first 16 digits"), rows, texts=2)


def family_list() -> str:
    """What each family holds."""
    return table(("family", "what it holds", "risk"), [(n, FAMILIES[n].says, FAMILIES[n].shape) for n in ALL], texts=3)
