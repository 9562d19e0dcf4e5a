"""A calibration on the terminal and as plain data: what was measured of each coin, its surfaces, the rules used."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from loadline.cli.amounts import count
from loadline.cli.faults import defect_as_json
from loadline.cli.json_out import MOST_WARNINGS
from loadline.cli.render import Column, Screen
from loadline.cli.tables import SHOWN
from loadline.foundation.errors import Defect, Reason
from loadline.foundation.units import format_time
from loadline.scenarios.moves import HISTORY, STRESS

if TYPE_CHECKING:
    from loadline.engine.calibrate import Calibration
    from loadline.engine.calibration_facts import Asset, Surface

ORDER = (Reason.ABSURD, Reason.DUPLICATE, Reason.INVALID_VALUE, Reason.UNPARSABLE, Reason.MISSING_DATA, Reason.STALE)
COINS = (
    Column("coin"),
    Column("vol a day", right=True),
    Column("days", right=True),
    Column("traded", right=True),
    Column("capped", right=True),
    Column("by rule", right=True),
    Column("worst", right=True),
    Column("best", right=True),
)
MEANING = (
    "Volatility of a day from now on; liquidation period in days; USD traded on a day (the median of 90); scenarios in "
    "which the cap on rescaling bites, and from before a listing; the worst move of price with its date; the best."
)
HALF = 0.5
"""Share of history above which a stressed period is told to be most of it."""
OF_SURFACES = (
    "Standard deviation of the log move of 30-day vol, its correlation with the price; the powers by which it reaches "
    "tenors up to 30 days and beyond; principal components of all moves, with the share of variance each explains."
)
SURFACES = (
    Column("coin"),
    Column("chains", right=True),
    Column("sd", right=True),
    Column("corr.", right=True),
    Column("to 30d", right=True),
    Column("beyond", right=True),
    Column("components"),
)


def draw_calibration(screen: Screen, found: Calibration, written: Sequence[Path], warnings: Sequence[Defect]) -> None:
    """Draw what a calibration found."""
    s = found.scenarios
    many = f"{len(s.family_rows(HISTORY)):,} scenarios, {len(s.family_rows(STRESS)):,} stressed"
    screen.heading(f"As of {format_time(found.as_of)}", many)
    screen.say()
    screen.table(COINS, [coin_row(a) for a in found.assets])
    screen.say()
    if found.stressed is not None:
        screen.paragraph(of_stress(found))
        screen.say()
    if found.surfaces:
        screen.heading("Vol surfaces", "moves of a day")
        screen.table(SURFACES, [surface_row(x) for x in found.surfaces])
        screen.paragraph(OF_SURFACES, "dim")
        screen.say()
    if found.recipe.drawn:
        screen.paragraph(of_draws(found))
        screen.say()
    screen.paragraph(MEANING, "dim")
    screen.say()
    screen.dim_list("Rules used", found.notes)
    draw_defects(screen, warnings)
    for path in written:
        screen.say(f"written: {path}", "dim")


def of_stress(found: Calibration) -> str:
    """Return what the stressed period is, in words."""
    assert found.stressed is not None
    many = counted(found)
    first, last = found.stressed
    said = (f"Stressed period: the {many[STRESS]:,} scenarios that begin {first} to {last}; "
            f"{found.version.number('stress.weight'):.0%} of the requirement is theirs.")  # fmt: skip
    if many[STRESS] == many[HISTORY]:
        return said + " It is all of history: there is no calm to tell it from."
    if many[STRESS] > HALF * many[HISTORY]:
        return said + f" It is {many[STRESS] / many[HISTORY]:.0%} of a short history, not its worst year."
    return said


def of_draws(found: Calibration) -> str:
    """Return how scenarios were drawn, in words."""
    variance = "exponential weights" if found.recipe.margins == "own" else found.recipe.margins
    tail = "a Student t" if found.recipe.tails == "student" else "its own past moves"
    held = "" if found.degrees is None else f", from a Student t copula of {found.degrees:g} degrees of freedom"
    return f"Drawn{held}; variance of each coin by {variance}, its tail by {tail}. There is no stressed period."


def draw_defects(screen: Screen, found: Sequence[Defect]) -> None:
    """Draw how much is odd in the data, and the gravest of it: what was split before what was left out."""
    if not found:
        return
    first = sorted(found, key=lambda d: ORDER.index(d.reason) if d.reason in ORDER else len(ORDER))[:SHOWN]
    said = count(len(found), "defect") + " in the data, left out or split, none filled"
    screen.say(said + (f"; the gravest {SHOWN}" if len(found) > SHOWN else ""), "dim bold")
    for defect in first:
        screen.paragraph(str(defect), "dim", "  ", "- ")
    screen.say()


def coin_row(a: Asset) -> list[str]:
    """Return one coin's cells."""
    return [
        a.name,
        f"{a.daily:.2%}",
        f"{a.days:g}",
        short(a.volume),
        f"{a.capped:.1%}",
        f"{a.filled:.1%}",
        f"{a.worst:+.1%} {a.worst_of}".rstrip(),
        f"{a.best:+.1%}",
    ]


def short(usd: float) -> str:
    """Return an amount in USD to three digits, in thousands, millions or billions.

    >>> short(19.52e9), short(45_100_000.0), short(float("nan"))
    ('19.5 bn', '45.1 m', 'unknown')
    """
    if not math.isfinite(usd):
        return "unknown"
    for size, name in ((1e9, " bn"), (1e6, " m"), (1e3, " k")):
        if usd >= size:
            return f"{usd / size:.3g}{name}"
    return f"{usd:.3g}"


def surface_row(x: Surface) -> list[str]:
    """Return one surface's cells."""
    parts = zip(x.components.word, x.components.share.tolist(), strict=True)
    return [
        x.coin,
        f"{x.snapshots:,}",
        f"{x.level_sd:.1%}",
        f"{x.spot_vol:+.2f}",
        f"{x.powers[0]:.2f}",
        f"{x.powers[1]:.2f}",
        ", ".join(f"{word} {share:.0%}" for word, share in parts),
    ]


def as_json(found: Calibration, written: Sequence[Path], warnings: Sequence[Defect]) -> dict[str, Any]:
    """Return the answer as plain data, without a NaN."""
    return {
        "ok": True,
        "as_of": format_time(found.as_of),
        "source": list(found.source),
        "scenarios": counted(found),
        "stressed_period": period_as_json(found),
        "recipe": how(found),
        "copula_degrees": found.degrees,
        "written": [str(p) for p in written],
        "results": [coin_as_json(a) for a in found.assets],
        "surfaces": [surface_as_json(x) for x in found.surfaces],
        "parameters": [{"path": p, "value": v} for p, v in found.changes.items()],
        "rules": list(found.notes),
        "warnings": [defect_as_json(d) for d in warnings[:MOST_WARNINGS]],
        "warnings_total": len(warnings),
    }


def facts(found: Calibration) -> dict[str, Any]:
    """Return what the model's file says of its own making; nothing of it is read again."""
    coins = {
        a.name: {k: v for k, v in coin_as_json(a).items() if k not in ("coin", "worst", "best")} for a in found.assets
    }
    return {
        "as_of": format_time(found.as_of),
        "data": list(found.source),
        "rules": list(found.notes),
        "level_model": found.measured.level_model.source,
        "recipe": how(found),
        "scenarios": counted(found),
        **({} if found.stressed is None else {"stressed_period": period_as_json(found)}),
        "coins": coins,
    }


def counted(found: Calibration) -> dict[str, int]:
    """Return how many scenarios there are by family."""
    s = found.scenarios
    return {HISTORY: len(s.family_rows(HISTORY)), STRESS: len(s.family_rows(STRESS))}


def period_as_json(found: Calibration) -> dict[str, str] | None:
    """Return the dates on which the first and the last scenario of the stressed period begin; None without one."""
    return None if found.stressed is None else dict(zip(("first", "last"), found.stressed, strict=True))


def how(found: Calibration) -> dict[str, Any]:
    """Return the recipe, seeds and all, its start as a date; what is drawn has no stressed period."""
    none = {"stress": 0, "stress_weight": 0.0} if found.recipe.drawn else {}
    return asdict(found.recipe) | {"start": format_time(found.recipe.start)} | none


def coin_as_json(a: Asset) -> dict[str, Any]:
    """Return one coin; what is not known is null."""
    return {
        "coin": a.name,
        "close": a.close,
        "daily_volatility": a.daily,
        "liquidation_days": a.days,
        "volume_usd": a.volume if math.isfinite(a.volume) else None,
        "beta": a.beta,
        "capped": a.capped,
        "filled": a.filled,
        "level_filled": a.level_filled,
        "worst": {"move": a.worst, "start": a.worst_of or None},
        "best": {"move": a.best, "start": a.best_of or None},
    }


def surface_as_json(x: Surface) -> dict[str, Any]:
    """Return one coin's surface."""
    c = x.components
    return {
        "coin": x.coin,
        "snapshots": x.snapshots,
        "moves": x.moves,
        "level_sd": x.level_sd,
        "spot_vol_correlation": x.spot_vol,
        "vol_half_spread": x.spread if math.isfinite(x.spread) else None,
        "tenor_beta": [{"days": d, "beta": b} for d, b in x.beta],
        "tenor_powers": {"to_30_days": x.powers[0], "beyond": x.powers[1]},
        "components": [{"word": w, "share": s} for w, s in zip(c.word, c.share.tolist(), strict=True)],
    }
