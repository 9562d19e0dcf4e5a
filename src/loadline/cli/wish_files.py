"""The files that describe what the optimizer may do: sizes, volumes, own accounts, assets, stresses."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from loadline.cli.choosing import chosen_rulebook
from loadline.cli.faults import at_word, nearest
from loadline.cli.inputs import Inputs
from loadline.cli.parser import Request
from loadline.foundation.errors import InputError

if TYPE_CHECKING:
    from loadline.optimize.building import Venue
    from loadline.optimize.collateral import Asset
    from loadline.optimize.impact import Flow
    from loadline.optimize.stress import Stress

TERMS = ("option_fee", "option_fee_cap", "future_fee", "inverse_lot")
LOTS = ("lots", "future_lots")
CREDIT = {
    "credit_weight": "weight",
    "exposure_cap": "most",
    "default_probability": "default_probability",
    "loss_given_default": "loss_given_default",
}
"""What the credit of an account's holder is called in a file, and in the optimizer."""
VENUE_KEYS = ("rulebook", "rate", "cap", *TERMS, *LOTS, *CREDIT, "held_by")
POSTED = {
    "held": "held",
    "yield": "yielding",
    "move_cost": "move_cost",
    "hours": "hours",
    "max_value": "most_value",
    "max_share": "most_share",
}
ASSET_KEYS = (*POSTED, "accounts")
STRESS_KEYS = ("spot", "vol")
SHARES = ("default_probability", "loss_given_default", "max_share")
"""Numbers that are no more than 1."""


def text_of(path: Path, flag: str) -> str:
    """Return a file's text; raises ``AtWord`` where it is none."""
    with at_word(str(path), flag):
        try:
            return path.read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"{path} is not a text file: {error}", remedy="write it in UTF-8") from error


def columns(
    path: Path, flag: str, needed: Sequence[str], optional: Sequence[str] = ()
) -> list[tuple[str, list[float]]]:
    """Return the rows of a CSV: the text of its first needed column, then the numbers of the others; blank is NaN.

    Raises ``AtWord`` for a column that is missing, or a cell that is no number from 0.
    """
    rows = [line.split(",") for line in text_of(path, flag).splitlines() if line.strip()]
    with at_word(str(path), flag):
        head = [cell.strip() for cell in rows[0]] if rows else []
        if any(n not in head for n in needed):
            raise InputError(f"{path} lacks {', '.join(n for n in needed if n not in head)}", remedy="name the columns")
        wanted = [head.index(n) if n in head else -1 for n in (*needed, *optional)]
        out = []
        for count, row in enumerate(rows[1:], 1):
            try:
                name, *cells = ("" if p < 0 else row[p].strip() for p in wanted)
                numbers = [float(c) if c else math.nan for c in cells]
            except (IndexError, ValueError):
                name, numbers = "", [-1.0]
            if any(x < 0 or math.isinf(x) for x in numbers):
                what = " and ".join(n.replace("_", " ") for n in (*needed, *optional)[1:])
                raise InputError(f"row {count} has no {what}", where=f"{path}:{count}", remedy="write numbers from 0")
            out.append((name, numbers))
        return out


def depth(path: Path) -> dict[str, tuple[float, float]]:
    """Return displayed sizes: instrument -> contracts at the bid, at the ask. A missing one is 0, not infinite."""
    found = columns(path, "--sizes", ("instrument", "bid_size", "ask_size"))
    return {name: (0.0 if bid != bid else bid, 0.0 if ask != ask else ask) for name, (bid, ask) in found}


def flows(path: Path) -> dict[str, Flow]:
    """Return what trades on an average day: instrument -> contracts, and the daily vol of its price where given."""
    from loadline.optimize.impact import Flow

    found = columns(path, "--adv", ("instrument", "adv"), ("daily_vol",))
    return {name: Flow(0.0 if adv != adv else adv, vol) for name, (adv, vol) in found}


def table_of(path: Path, flag: str, head: str, keys: Sequence[str]) -> Mapping[str, Mapping[str, Any]]:
    """Return the tables ``[head.NAME]`` of a TOML file; raises ``AtWord`` for keys that are not known."""
    with at_word(str(path), flag):
        try:
            content = tomllib.loads(text_of(path, flag))
        except tomllib.TOMLDecodeError as error:
            raise InputError(f"{path} is not TOML: {error}", remedy=f"write [{head}.NAME] and key = value") from error
        tables = content.get(head)
        if not isinstance(tables, dict) or not tables or not all(isinstance(t, dict) for t in tables.values()):
            raise InputError(f"{path} has no [{head}.NAME]", remedy=f"write [{head}.NAME], one for each {head}")
        strange = [k for k in content if k != head] + [k for t in tables.values() for k in t if k not in keys]
        if strange:
            near = nearest(strange[0], keys)
            raise InputError(
                f"{path}: no key {', '.join(strange)}",
                remedy=f"did you mean {near}?" if near else f"known: {', '.join(keys)}",
            )
        return tables


def venues(request: Request, inputs: Inputs) -> tuple[Venue, ...]:
    """Return the own accounts of a file."""
    from loadline.optimize.building import Venue
    from loadline.optimize.credit import Credit
    from loadline.optimize.trading import Terms

    path, out = request["venues"], []
    for name, given in table_of(path, "--venues", "account", VENUE_KEYS).items():
        with at_word(str(path), "--venues"):
            if not isinstance(given.get("rulebook"), str):
                raise InputError(f"account {name} names no rulebook", remedy='write rulebook = "derive"')
            chosen = chosen_rulebook(given["rulebook"], inputs.market.as_of, "--venues")
            plain = {k: positive(path, name, k, x) for k, x in given.items() if k in ("rate", "cap", *TERMS, *CREDIT)}
            tables = {k: {u: positive(path, name, k, x) for u, x in given[k].items()} for k in LOTS if k in given}
            terms = Terms(**{k: v for k, v in (plain | tables).items() if k in (*TERMS, *LOTS)})  # type: ignore[arg-type]
            holder = Credit(str(given.get("held_by", "")), **{CREDIT[k]: v for k, v in plain.items() if k in CREDIT})
            out.append(Venue(name, chosen, plain.get("rate"), plain.get("cap", math.inf), terms, holder))
    return tuple(out)


def assets(request: Request) -> tuple[Asset, ...]:
    """Return the assets of a file that may be posted."""
    from loadline.optimize.collateral import Asset

    if not request.get("collateral"):
        return ()
    path, out = request["collateral"], []
    for name, given in table_of(path, "--collateral", "asset", ASSET_KEYS).items():
        with at_word(str(path), "--collateral"):
            plain = {POSTED[k]: positive(path, name, k, x) for k, x in given.items() if k in POSTED}
            out.append(Asset(name, accounts=tuple(given.get("accounts", ())), **plain))
    return tuple(out)


def stresses(request: Request) -> tuple[Stress, ...]:
    """Return the named stresses of a file."""
    from loadline.optimize.stress import EVERY, Stress

    if not request.get("stresses"):
        return ()
    path, out = request["stresses"], []
    for name, given in table_of(path, "--stresses", "stress", STRESS_KEYS).items():
        with at_word(str(path), "--stresses"):
            moves = {k: x if isinstance(x, dict) else {EVERY: x} for k, x in given.items()}
            checked = {k: {u: above(path, name, k, x) for u, x in moves.get(k, {}).items()} for k in STRESS_KEYS}
            out.append(Stress(name, **checked))
    return tuple(out)


def positive(path: Path, name: str, key: str, value: Any) -> float:
    """Return a number from 0, to 1 where it is a share."""
    most = 1.0 if key in SHARES else math.inf
    words = "write a number from 0 to 1" if key in SHARES else "write a number from 0"
    return _number(path, name, key, value, lambda x: 0 <= x <= most, words)


def above(path: Path, name: str, key: str, value: Any) -> float:
    """Return a move, a fraction above -1."""
    return _number(path, name, key, value, lambda x: x > -1, "write a fraction, as -0.2 for a fall of 20 %")


def _number(path: Path, name: str, key: str, value: Any, good: Callable[[float], bool], remedy: str) -> float:
    plain = not isinstance(value, bool) and isinstance(value, int | float)
    if not (plain and math.isfinite(value) and good(float(value))):
        raise InputError(f"{path}: {key} of {name} is {value!r}", remedy=remedy)
    return float(value)
