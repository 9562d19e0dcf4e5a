"""Dated parameters: read from a rulebook's TOML file, validated whole, chosen by date, overridden by name.

A file holds ``[[version]]`` tables: ``effective`` (with its zone), ``structure``, ``source``, and groups of
parameters. A parameter is ``{unit = "...", value = ..., BTC = ..., min = ..., max = ..., note = ..., source = ...}``:
``value`` holds for every underlying or currency that has no entry of its own.
"""

from __future__ import annotations

import difflib
import math
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from typing import Any

import numpy as np

from loadline.foundation.errors import Defect, Reason, RuleError
from loadline.foundation.table import Floats, Labels, content_hash
from loadline.foundation.units import format_time
from loadline.model.scenario_set import Scenarios
from loadline.rulebooks.parameter_faults import (
    HEAD,
    RESERVED,
    Fault,
    between_versions,
    bounds_of,
    doubled,
    entry_faults,
    near,
    not_toml,
    value_faults,
)

Value = Any
"""A number, a text, a list of numbers, or a list of rows: what TOML can say in one parameter."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter: its unit, its general value and its values by key (underlying or currency)."""

    name: str
    unit: str
    value: Value = None
    by_key: Mapping[str, Value] = field(default_factory=dict)
    low: float = -math.inf
    high: float = math.inf
    choices: tuple[str, ...] = ()
    note: str = ""
    source: str = ""

    def of(self, key: str) -> Value:
        """Return the value for a key, or the general one, or ``None``."""
        return self.by_key.get(key, self.value)

    @property
    def any(self) -> bool:
        """Whether any value is other than 0 (or nothing)."""
        return any(self.values())

    def values(self) -> Iterator[Value]:
        """Yield every value it holds."""
        if self.value is not None:
            yield self.value
        yield from self.by_key.values()


@dataclass(frozen=True)
class Version:
    """The parameters of a rulebook from one instant on (epoch ms), the structure they go with and their source.

    ``scenarios``: a calibrated set that comes with them, for rules that do not make their own.
    """

    rulebook: str
    effective: int
    structure: str
    source: str
    parameters: Mapping[str, Parameter]
    note: str = ""
    overridden: tuple[str, ...] = ()
    scenarios: Scenarios | None = None

    @cached_property
    def label(self) -> str:
        """``name@date``, with the time of day unless that is midnight: what chooses exactly this version."""
        return f"{self.rulebook}@{format_time(self.effective).removesuffix('T00:00:00Z')}"

    @cached_property
    def identity(self) -> str:
        """The content hash of everything that can move a number."""
        rows = sorted((p.name, repr(p.value), repr(sorted(p.by_key.items()))) for p in self.parameters.values())
        given = () if self.scenarios is None else (self.scenarios.identity,)
        return content_hash(self.rulebook, self.structure, rows, *given)

    def parameter(self, name: str) -> Parameter:
        """Return one parameter; raises ``RuleError`` with the nearest name."""
        if name not in self.parameters:
            near = difflib.get_close_matches(name, self.parameters, 1)
            hint = f"did you mean {near[0]}?" if near else f"loadline rulebook show {self.rulebook} lists them"
            raise RuleError(f"{self.rulebook} has no parameter {name}", remedy=hint)
        return self.parameters[name]

    def number(self, name: str) -> float:
        """Return a parameter that is one number for all."""
        return float(self.parameter(name).value)

    def text(self, name: str) -> str:
        """Return a parameter that is one of its choices."""
        return str(self.parameter(name).value)

    def get(self, name: str, key: str) -> Value:
        """Return a parameter's value for one underlying or currency; raises ``RuleError`` where it has none."""
        value = self.parameter(name).of(key)
        if value is None:
            raise RuleError(
                f"{self.rulebook} has no {name} for {key}",
                causes="the venue does not margin it, or its parameters were never captured",
                remedy=f"--set {self.rulebook}.{name}.{key}=VALUE supplies one for this run",
            )
        return value

    def each(self, name: str, keys: Labels) -> Floats:
        """Return (N,) a parameter's number for each key."""
        if not len(keys):
            return np.zeros(0)
        found = [float(self.get(name, k)) for k in keys.names]
        return np.full(len(keys), found[0]) if len(found) == 1 else np.array(found, np.float64)[keys.place]

    def speaks_of(self, key: str) -> bool:
        """Whether every keyed parameter has a value for an underlying."""
        return all(p.of(key) is not None for p in self.parameters.values())

    def override(self, changes: Mapping[str, Value]) -> Version:
        """Return the version with parameters replaced: ``group.name`` for all keys, ``group.name.KEY`` for one.

        Raises ``RuleError`` listing every unknown name, and every value of another kind or outside its bounds.
        """
        parameters = dict(self.parameters)
        faults: list[Defect] = []
        for path, value in changes.items():
            name, _, key = (path, "", "") if path in parameters else path.rpartition(".")
            if name not in parameters:
                near = difflib.get_close_matches(path, parameters, 1)
                hint = f"Did you mean {near[0]}?" if near else f"See loadline rulebook show {self.rulebook}."
                faults.append(Defect(Reason.INVALID_VALUE, f"{self.rulebook} has no parameter {path}", hint))
                continue
            old = parameters[name]
            held = {key: value} if key else {}
            new = Parameter(
                name,
                old.unit,
                old.value if key else value,
                {**(old.by_key if key else {}), **held},
                old.low,
                old.high,
                old.choices,
                old.note,
                "override",
            )
            faults += _defects(value_faults(new, old), self.rulebook)
            parameters[name] = new
        if faults:
            raise RuleError("parameters cannot be overridden so:\n" + "\n".join(f"  - {f}" for f in faults))
        said = tuple(f"{self.rulebook}.{path}={value}" for path, value in changes.items())
        return replace(self, parameters=parameters, overridden=(*self.overridden, *said))


def _defects(faults: Iterable[Fault], where: str, reason: Reason = Reason.INVALID_VALUE) -> Iterator[Defect]:
    return (Defect(reason, what, remedy, file=where) for what, remedy in faults)


def _parameters(group: Mapping[str, Any], path: str, file: str, faults: list[Defect]) -> Iterator[Parameter]:
    for key, entry in group.items():
        name = f"{path}.{key}" if path else key
        if not isinstance(entry, Mapping):
            what, remedy = f"{name} is a bare value", "Write { unit = ..., value = ... }."
            if not path:
                what, remedy = f"unknown key {name}", f"{near(name, HEAD)}A version has {', '.join(HEAD)} and groups."
            faults.append(Defect(Reason.INVALID_VALUE, what, remedy, file=file))
        elif "unit" in entry:
            faults += _defects(entry_faults(name, entry), file)
            low, high = bounds_of(entry)
            choices = entry.get("choices", ())
            found = Parameter(
                name,
                str(entry["unit"]),
                entry.get("value"),
                {k: v for k, v in entry.items() if k not in RESERVED},
                low,
                high,
                tuple(str(c) for c in choices) if isinstance(choices, list) else (),
                str(entry.get("note", "")),
                str(entry.get("source", "")),
            )
            if not list(found.values()):
                faults.append(Defect(Reason.MISSING_DATA, f"{name} has no value", "Give one.", file=file))
            faults += _defects(value_faults(found), file)
            yield found
        elif any(isinstance(v, Mapping) for v in entry.values()):
            yield from _parameters(entry, name, file, faults)
        elif entry:
            faults.append(Defect(Reason.MISSING_DATA, f"{name} has no unit", "Name its unit.", file=file))
        else:
            faults.append(
                Defect(Reason.MISSING_DATA, f"{name} is empty", "Give its parameters, or drop it.", file=file)
            )


def parse_versions(text: str, rulebook: str, file: str = "", *, also: tuple[str, ...] = ()) -> tuple[Version, ...]:
    """Return the versions a TOML text holds, oldest first; raises ``RuleError`` listing every fault at once.

    ``also``: keys beside them that are read elsewhere.
    """
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        what, causes = not_toml(text, str(error))
        raise RuleError(what, where=file, causes=causes, remedy="mend the line it names") from error
    faults: list[Defect] = []
    versions: list[Version] = []
    tables = raw.pop("version", [])
    if not (isinstance(tables, list) and all(isinstance(entry, dict) for entry in tables)):
        raise RuleError("version is not a list of tables", where=file, remedy="write [[version]] above each set")
    for key in (k for k in raw if k not in also):
        remedy = f"{near(key, ('version',))}All stands under [[version]]."
        faults.append(Defect(Reason.INVALID_VALUE, f"unknown key {key}", remedy, file=file))
    for n, entry in enumerate(tables, 1):
        head = {k: entry.pop(k, None) for k in HEAD}
        where = f"{file} version {n}"
        effective = head["effective"]
        if not isinstance(effective, datetime) or effective.tzinfo is None:
            what = "effective is missing or has no zone"
            faults.append(Defect(Reason.MISSING_DATA, what, "Write 2025-01-06T08:00:00Z.", file=where))
        for k in ("structure", "source"):
            if not (isinstance(head[k], str) and head[k].strip()):
                faults.append(Defect(Reason.MISSING_DATA, f"{k} is missing", "Every version names it.", file=where))
        parameters = list(_parameters(entry, "", where, faults))
        faults += _defects(doubled(parameters), where, Reason.DUPLICATE)
        if not parameters and not entry:
            faults.append(Defect(Reason.MISSING_DATA, "no parameters", "Give some.", file=where))
        if isinstance(effective, datetime) and effective.tzinfo is not None:
            ms = int(effective.timestamp() * 1000)
            named = {p.name: p for p in parameters}
            note = str(head["note"] or "")
            versions.append(Version(rulebook, ms, str(head["structure"]), str(head["source"]), named, note))
    if not versions and not faults:
        faults.append(Defect(Reason.MISSING_DATA, "no [[version]]", "Give at least one.", file=file))
    faults += _defects(between_versions(versions), file)
    if faults:
        raise RuleError(f"{rulebook}: parameters cannot be used:\n" + "\n".join(f"  - {f}" for f in faults))
    return tuple(sorted(versions, key=lambda v: v.effective))


def in_force(versions: Iterable[Version], as_of: int) -> tuple[Version, tuple[str, ...]]:
    """Return the version in force at ``as_of``, epoch ms, and notes; where none is so old, the earliest observed."""
    ordered = sorted(versions, key=lambda v: v.effective)
    past = [v for v in ordered if v.effective <= as_of]
    if past:
        return past[-1], ()
    first = ordered[0]
    note = (
        f"{first.rulebook}: no parameters dated as early as {format_time(as_of)}; "
        f"the earliest observed, {format_time(first.effective)[:10]}, are used"
    )
    return first, (note,)
