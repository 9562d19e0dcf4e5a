"""A rulebook of ours with parameters and scenarios of its own, read from files: what a calibration leaves on disk.

``NAME.toml`` names the rulebook it belongs to and holds its dated version like any parameter file; ``NAME.moves.csv``
beside it holds a row for each scenario, ``NAME.surface.csv`` the moves of vol surfaces where there are some. The first
names both with their SHA-256, so that a set that was changed is not taken for the one that was calibrated.
"""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from loadline.foundation.errors import InputError, RuleError
from loadline.foundation.table import Floats, Ints
from loadline.model.residuals import Residuals
from loadline.model.scenario_set import Scenarios
from loadline.model.way import Way
from loadline.rulebooks.parameters import parse_versions
from loadline.rulebooks.rulebook import Rulebook, load

HEAD = ("rulebook", "moves", "surface", "calibration")
"""What such a file has at its top beside versions: whose it is, its two tables, and facts that only people read."""
TAKES_SCENARIOS = ("tail",)
"""Rulebooks whose scenarios may come with the version."""
COLUMNS = ("label", "family", "weight", "pick")
NODES = ("coin", "start", "tenor")
AFTER = " days."
"""What stands between days and coin in the name of a column of prices on the way."""
AGAIN = "calibrate it again: loadline calibrate"


def name_of(path: Path, rulebook: str) -> str:
    """Return what a calibrated rulebook is called: the file's name, behind that of the rulebook it belongs to.

    >>> name_of(Path("2026-08.toml"), "tail"), name_of(Path("tail-btc.toml"), "tail")
    ('tail-2026-08', 'tail-btc')
    """
    stem = "".join(c if c.isalnum() or c in "-_" else "-" for c in path.stem)
    return stem if stem.partition("-")[0] == rulebook and stem != rulebook else f"{rulebook}-{stem}"


def is_calibrated(text: str) -> bool:
    """Return whether the text of a parameter file says whose rulebook it belongs to."""
    try:
        return isinstance(tomllib.loads(text).get("rulebook"), str)
    except tomllib.TOMLDecodeError:
        return False


def read_calibrated(path: Path) -> Rulebook:
    """Return the rulebook of a calibrated file; raises ``RuleError`` naming what is missing, changed or unknown."""
    text = path.read_text("utf-8")
    head = {k: v for k, v in tomllib.loads(text).items() if k != "version"}
    owner = str(head["rulebook"])
    if owner not in TAKES_SCENARIOS:
        what = f"no scenarios can come with {owner!r}"
        raise RuleError(what, where=str(path), remedy=f"write rulebook = {' or '.join(TAKES_SCENARIOS)!r}")
    rule, name = load(owner), name_of(path, owner)
    versions = parse_versions(text, name, path.name, also=HEAD)
    for version in versions:
        lacking = [n for n in rule.versions[-1].parameters if n not in version.parameters]
        if lacking:
            what = f"{version.label} lacks {', '.join(lacking)}"
            raise RuleError(what, where=str(path), causes="it was calibrated by an earlier release", remedy=AGAIN)
        rule.check(version)
    try:
        found = read_moves(_told(path, head, "moves"), _told(path, head, "surface") if "surface" in head else None)
    except InputError as error:
        raise RuleError(f"the scenarios cannot be used: {error.what}", where=str(path), remedy=AGAIN) from error
    title = f"{rule.title}, calibrated"
    return replace(rule, name=name, title=title, versions=tuple(replace(v, scenarios=found) for v in versions))


def _told(path: Path, head: Mapping[str, Any], what: str) -> str:
    """The text of a table beside the file, if it is the one that the file names."""
    named = head.get(what)
    if not (isinstance(named, Mapping) and {"file", "sha256"} <= set(named)):
        raise RuleError(f"it does not name its {what}", where=str(path), remedy=f"{AGAIN}, or write {what} = "
                        '{ file = "NAME.csv", sha256 = "..." }')  # fmt: skip
    place = path.parent / Path(str(named["file"])).name
    if not place.is_file():
        raise RuleError(f"{place.name} is not beside it", where=str(path), remedy="keep the files together")
    content = place.read_bytes()
    if hashlib.sha256(content).hexdigest() != named["sha256"]:
        raise RuleError(f"{place.name} is not the file that was calibrated", where=str(path),
                        causes="it was edited, or belongs to another calibration", remedy=AGAIN)  # fmt: skip
    return content.decode("utf-8")


def read_moves(moves: str, surface: str | None = None) -> Scenarios:
    """Return the set that two tables hold, as ``tables_of`` writes them; raises ``InputError`` for one that is none."""
    names, rows = _rows(moves, COLUMNS[:3])
    coins = [n.partition(".")[2] for n in names if n.startswith("spot.")]
    at = {n: k for k, n in enumerate(names)}

    def column(name: str) -> Floats:
        if name not in at:
            raise InputError(f"a set of scenarios without a column {name}", remedy=AGAIN)
        return _numbers(row[at[name]] for row in rows)

    spot, vol = (np.array([column(f"{kind}.{c}") for c in coins]).T.reshape(len(rows), -1) for kind in ("spot", "vol"))
    label, family = (np.array([row[at[n]] for row in rows], np.str_) for n in COLUMNS[:2])
    residual = None if surface is None else _surface(surface)
    pick = None if residual is None else column("pick").astype(np.int64)
    ones = np.ones(spot.shape)
    return Scenarios(label, family, tuple(coins), spot, vol, ones, column("weight"), residual=residual, pick=pick,
                     way=_way(names, coins, column, len(rows)))  # fmt: skip


def _way(names: list[str], coins: list[str], column: Callable[[str], Floats], scenarios: int) -> Way | None:
    """The prices on the way that a table holds, if it does."""
    heads = list(dict.fromkeys(n.partition(AFTER)[0] for n in names if AFTER in n))
    if not heads:
        return None
    days = _numbers(h.partition(" ")[2] for h in heads)
    spot = [column(f"{h}{AFTER}{c}") for h in heads for c in coins]
    return Way(days, np.array(spot).reshape(len(days), len(coins), scenarios).transpose(0, 2, 1))


def tables_of(found: Scenarios) -> tuple[str, str | None]:
    """Return a set as two CSV texts, the second None without moves of surfaces; every number as it is, to the bit.

    Moves: ``label, family, weight, pick`` and ``spot.COIN``, ``vol.COIN`` for each, then ``after D days.COIN`` for each
    day on the way that it knows. Surface: ``coin, start, tenor`` and a column for each moneyness.
    """
    pick = found.pick if found.pick is not None else np.full(len(found), -1)
    names = [f"{kind}.{c}" for kind in ("spot", "vol") for c in found.underlyings]
    told = zip(found.label.tolist(), found.family.tolist(), found.weight.tolist(), pick.tolist(), strict=True)
    on_way = [] if found.way is None else list(zip(found.way.days.tolist(), found.way.spot, strict=True))
    names += [f"after {day!r}{AFTER}{c}" for day, _ in on_way for c in found.underlyings]
    numbers = np.hstack([found.spot, found.vol, *(x for _, x in on_way)]).tolist()
    moves = _text([*COLUMNS, *names], ([*head, *row] for head, row in zip(told, numbers, strict=True)))
    if found.residual is None:
        return moves, None
    r = found.residual
    lines = [
        [coin, start, tenor, *values[n, a].tolist()]
        for coin, values in r.values.items()
        for n, start in enumerate(r.start.tolist())
        for a, tenor in enumerate(r.tenor.tolist())
    ]
    return moves, _text([*NODES, *r.moneyness.tolist()], lines)


def _text(head: list[Any], rows: Any) -> str:
    """Lines of plain cells with commas between; floats as Python writes them, which is every bit."""
    lines = [[str(cell) for cell in line] for line in (head, *rows)]
    wrong = sorted({cell for line in lines for cell in line if any(c in cell for c in ',"\n\r')})
    if wrong:
        raise InputError(f"{wrong[0]!r} cannot stand in a table", remedy="use labels and names without , and quotes")
    return "".join(",".join(line) + "\n" for line in lines)


def _rows(text: str, needed: tuple[str, ...]) -> tuple[list[str], list[list[str]]]:
    names, *rows = [line.split(",") for line in text.splitlines()] or [[]]
    if tuple(names[: len(needed)]) != needed or not rows or any(len(row) != len(names) for row in rows):
        raise InputError(f"not a table of {', '.join(needed)} and so on", remedy=AGAIN)
    return names, rows


def _numbers(cells: Any) -> Floats:
    try:
        return np.array([float(x) for x in cells], np.float64)
    except ValueError as error:
        raise InputError(f"a cell that is no number: {error}", remedy=AGAIN) from error


def _surface(text: str) -> Residuals:
    names, rows = _rows(text, NODES)
    coins = list(dict.fromkeys(row[0] for row in rows))
    start: Ints = np.array(list(dict.fromkeys(int(row[1]) for row in rows)), np.int64)
    tenor = np.array(list(dict.fromkeys(float(row[2]) for row in rows)))
    values = np.array([_numbers(row[3:]) for row in rows])
    if len(rows) != len(coins) * len(start) * len(tenor):
        raise InputError("moves of surfaces with gaps", remedy=AGAIN)
    whole = values.reshape(len(coins), len(start), len(tenor), len(names) - 3)
    return Residuals(tenor, _numbers(names[3:]), start, dict(zip(coins, whole, strict=True)))
