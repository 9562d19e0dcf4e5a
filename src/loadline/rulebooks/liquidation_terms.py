"""How a venue liquidates, as dated data: when it starts, in which order it goes on, who is paid what.

A file ``<rulebook>.liquidation.toml`` beside the parameters holds ``[[liquidation]]`` tables: ``effective`` (with its
zone), ``source``, ``note``, ``unknown`` (what is not public), ``[liquidation.trigger]``, ``[liquidation.target]`` and
lists of ``[[liquidation.level]]``, ``[[liquidation.step]]`` and ``[[liquidation.fee]]``. A number is ``{ unit = "...",
value = ... }``, or ``{ unit = "...", parameter = "group.name" }`` where the rule itself has it: never twice.
"""

from __future__ import annotations

import tomllib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from loadline.foundation.errors import Defect, Reason, RuleError
from loadline.foundation.units import format_time
from loadline.rulebooks.parameters import Version

FORMULAS: Mapping[str, str] = {
    "maintenance / equity": "maintenance margin over margin balance: 1 is the trigger of most venues",
    "equity / maintenance": "health: equity over maintenance margin, the inverse",
    "equity - maintenance": "what is left above the maintenance requirement",
    "initial / equity": "initial margin over margin balance",
    "equity - initial": "what is left above the initial requirement",
}
"""What a level may be measured by; ``loadline.engine.triggers`` evaluates each from a result."""
SIDES = ("above", "at or above", "below", "at or below")
ACTS = (
    "restrict",
    "cancel",
    "repay",
    "hedge",
    "reduce",
    "close",
    "auction",
    "takeover",
    "insurance",
    "adl",
    "socialise",
)
"""What a step may do, in the order in which venues tend to go."""
HEAD = ("effective", "source", "note", "unknown")
LEVEL = ("name", "words", "formula", "side", "at", "effect", "deducts", "adds")


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number of a liquidation with its unit: its own, by key where keys differ, or that of a parameter."""

    unit: str
    value: float | None = None
    by_key: Mapping[str, float] = field(default_factory=dict)
    parameter: str = ""

    def of(self, version: Version) -> float | None:
        """Return the general value under a version of the rulebook; ``None`` where it has none."""
        found = version.parameter(self.parameter).value if self.parameter else self.value
        return None if found is None else float(found)


@dataclass(frozen=True, slots=True)
class Level:
    """A line that an account may cross: ``formula`` on a ``side`` of ``at``, and what happens there, in words.

    ``deducts``: terms that the rule adds to its requirement and the venue takes from equity instead (haircuts): both
    sides of a ratio are less by them. ``adds``: parts of the rule by which both sides of the venue's ratio are more
    (what is borrowed). A level without a formula is told in words alone.
    """

    name: str
    words: str
    formula: str = ""
    side: str = ""
    at: Quantity | None = None
    effect: str = ""
    deducts: tuple[str, ...] = ()
    adds: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a liquidation: ``act`` is one of ``ACTS``; ``size`` how much at a time, where that is a number."""

    act: str
    words: str
    size: Quantity | None = None


@dataclass(frozen=True, slots=True)
class Fee:
    """A fee of a liquidation: on what, at which rate, paid to whom."""

    on: str
    to: str
    rate: Quantity | None = None
    words: str = ""


@dataclass(frozen=True, slots=True)
class Liquidation:
    """How a venue liquidates from one instant (epoch ms) on."""

    effective: int
    source: str
    trigger: Level
    levels: tuple[Level, ...] = ()
    steps: tuple[Step, ...] = ()
    fees: tuple[Fee, ...] = ()
    target: Level | None = None
    unknown: tuple[str, ...] = ()
    note: str = ""

    @property
    def date(self) -> str:
        """The day from which it holds."""
        return format_time(self.effective)[:10]


class _Reader:
    """Reads one table, every fault noted."""

    def __init__(self, where: str, parameters: Collection[str], faults: list[Defect]) -> None:
        self.where, self.parameters, self.faults = where, parameters, faults

    def fault(self, what: str, remedy: str, reason: Reason = Reason.INVALID_VALUE) -> None:
        self.faults.append(Defect(reason, what, remedy, file=self.where))

    def text(self, entry: Mapping[str, Any], key: str, name: str, *, needed: bool = True) -> str:
        value = entry.get(key, "")
        if not isinstance(value, str) or (needed and not value.strip()):
            self.fault(f"{name}.{key} is missing or no text", "Say it in words.", Reason.MISSING_DATA)
            return ""
        return value

    def texts(self, entry: Mapping[str, Any], key: str, name: str) -> tuple[str, ...]:
        value = entry.get(key, [])
        if not isinstance(value, list) or not all(isinstance(v, str) and v for v in value):
            self.fault(f"{name}.{key} is no list of texts", 'Write ["...", "..."].')
            return ()
        return tuple(value)

    def only(self, entry: Mapping[str, Any], known: Collection[str], name: str) -> None:
        for key in entry.keys() - set(known):
            self.fault(f"{name} has an entry {key!r}", f"Known: {', '.join(known)}.")

    def quantity(self, entry: Any, name: str) -> Quantity | None:
        if entry is None:
            return None
        if not isinstance(entry, Mapping):
            self.fault(f"{name} is a bare value", "Write { unit = ..., value = ... }.")
            return None
        unit, parameter = self.text(entry, "unit", name), entry.get("parameter", "")
        numbers = {k: v for k, v in entry.items() if k not in ("unit", "parameter")}
        for key, value in numbers.items():
            if isinstance(value, bool) or not isinstance(value, int | float) or abs(value) == float("inf"):
                self.fault(f"{name}.{key} is {value!r}, not a number", f"Its unit is {unit}.")
                numbers[key] = 0.0
            elif value != value or value < 0:
                self.fault(f"{name}.{key} is {value:g}", "Give a number of at least 0.")
            elif "fraction" in unit and value > 1:
                self.fault(f"{name}.{key} is {value:g}, more than all of it", f"Its unit is {unit}.")
        if parameter and parameter not in self.parameters:
            self.fault(f"{name} takes the parameter {parameter}, which the rulebook lacks", "Name one that it has.")
        if bool(parameter) == bool(numbers):
            self.fault(f"{name} has no value, or two", "Give a value, values by key, or a parameter.")
        own = numbers.pop("value", None)
        return Quantity(unit, None if own is None else float(own), {k: float(v) for k, v in numbers.items()}, parameter)

    def level(self, entry: Any, name: str, *, measured: bool = False) -> Level:
        if not isinstance(entry, Mapping):
            self.fault(f"{name} is missing or no table", "Say when it is crossed.", Reason.MISSING_DATA)
            return Level(name, "")
        self.only(entry, LEVEL, name)
        formula, side = entry.get("formula", ""), entry.get("side", "")
        at = self.quantity(entry.get("at"), f"{name}.at")
        if formula and formula not in FORMULAS:
            self.fault(f"{name}.formula is {formula!r}", f"Choose {', '.join(FORMULAS)}.")
        if formula and side not in SIDES:
            self.fault(f"{name}.side is {side!r}", f"Choose {', '.join(SIDES)}.")
        if (measured and not formula) or bool(formula) != bool(at):
            self.fault(f"{name} has no formula, or none to go with its number", "Give formula, side and at together.")
        parts = (self.texts(entry, k, name) for k in ("deducts", "adds"))
        words, effect = self.text(entry, "words", name), self.text(entry, "effect", name, needed=False)
        return Level(str(entry.get("name", name)), words, formula, side, at, effect, *parts)

    def rows(self, entry: Mapping[str, Any], key: str) -> Iterable[tuple[str, Mapping[str, Any]]]:
        rows = entry.get(key, [])
        if not isinstance(rows, list) or not all(isinstance(r, Mapping) for r in rows):
            self.fault(f"{key} is no list of tables", f"Write [[liquidation.{key}]] above each.")
            return
        for n, row in enumerate(rows, 1):
            yield f"{key} {n}", row

    def step(self, name: str, row: Mapping[str, Any]) -> Step:
        self.only(row, ("act", "words", "size"), name)
        if row.get("act") not in ACTS:
            self.fault(f"{name}.act is {row.get('act')!r}", f"Choose {', '.join(ACTS)}.")
        return Step(str(row.get("act")), self.text(row, "words", name), self.quantity(row.get("size"), f"{name}.size"))

    def fee(self, name: str, row: Mapping[str, Any]) -> Fee:
        self.only(row, ("on", "to", "rate", "words"), name)
        rate = self.quantity(row.get("rate"), f"{name}.rate")
        words = self.text(row, "words", name, needed=rate is None)
        return Fee(self.text(row, "on", name), self.text(row, "to", name), rate, words)


def parse_liquidations(text: str, parameters: Collection[str], file: str = "") -> tuple[Liquidation, ...]:
    """Return what a TOML text says of liquidation, oldest first; ``parameters``: names that the rulebook has.

    Raises ``RuleError`` listing every fault at once.
    """
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise RuleError(f"not TOML: {error}", where=file, remedy="mend the line it names") from error
    faults: list[Defect] = []
    found: list[Liquidation] = []
    reader = _Reader(file, parameters, faults)
    reader.only(raw, ("liquidation",), "the file")
    for n, (name, entry) in enumerate(reader.rows(raw, "liquidation"), 1):
        reader.where = f"{file} liquidation {n}"
        reader.only(entry, (*HEAD, "trigger", "target", "level", "step", "fee"), name)
        effective = entry.get("effective")
        dated = isinstance(effective, datetime) and effective.tzinfo is not None
        if not dated:
            reader.fault("effective is missing or has no zone", "Write 2025-01-06T08:00:00Z.", Reason.MISSING_DATA)
        found.append(
            Liquidation(
                int(effective.timestamp() * 1000) if dated else n,  # type: ignore[union-attr]
                reader.text(entry, "source", name),
                reader.level(entry.get("trigger"), "trigger", measured=True),
                tuple(reader.level(row, at) for at, row in reader.rows(entry, "level")),
                tuple(reader.step(at, row) for at, row in reader.rows(entry, "step")),
                tuple(reader.fee(at, row) for at, row in reader.rows(entry, "fee")),
                reader.level(entry["target"], "target") if "target" in entry else None,
                reader.texts(entry, "unknown", name),
                reader.text(entry, "note", name, needed=False),
            )
        )
    if not found:
        faults.append(Defect(Reason.MISSING_DATA, "no [[liquidation]]", "Give at least one.", file=file))
    for at in {x.effective for x in found}:
        if sum(x.effective == at for x in found) > 1:
            what = f"two take effect at {format_time(at)}"
            faults.append(Defect(Reason.DUPLICATE, what, "Date them apart.", file=file))
    if faults:
        raise RuleError(f"{file}: liquidation cannot be used:\n" + "\n".join(f"  - {f}" for f in faults))
    return tuple(sorted(found, key=lambda x: x.effective))


def liquidation_at(found: Iterable[Liquidation], as_of: int) -> Liquidation | None:
    """Return what holds at ``as_of``, epoch ms: the last that began, else the earliest known; ``None`` if none is."""
    ordered = sorted(found, key=lambda x: x.effective)
    return next((x for x in reversed(ordered) if x.effective <= as_of), ordered[0] if ordered else None)


def liquidation_beside(module: str, stem: str, versions: Iterable[Version]) -> tuple[Liquidation, ...]:
    """Return what the file beside a rulebook's module says of liquidation, nothing where there is none.

    ``module``: the module's file; ``stem``: the name of another rulebook's file in that folder, "" for its own. Raises
    ``RuleError`` listing every fault at once.
    """
    file = Path(module).with_name(f"{stem or Path(module).stem}.liquidation.toml")
    if not file.is_file():
        return ()
    known = [set(v.parameters) for v in versions]
    return parse_liquidations(file.read_text("utf-8"), set.intersection(*known) if known else (), file.name)
