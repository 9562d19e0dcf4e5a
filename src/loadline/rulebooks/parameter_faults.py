"""What a parameter may not be: every fault of its unit, bounds, keys and values in words, with the way out.

Found all together when a file is read; values are looked at again when one is overridden.
"""

from __future__ import annotations

import difflib
import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise
from typing import TYPE_CHECKING, Any, TypeGuard

from loadline.foundation.units import format_time

if TYPE_CHECKING:
    from loadline.rulebooks.parameters import Parameter, Version

RESERVED = ("unit", "value", "min", "max", "note", "source", "choices")
HEAD = ("effective", "structure", "source", "note")
HUNDREDTHS = re.compile(r"%|\bper ?cent\b|\bpercent(age)?s?\b|\bpct\b|\bbps?\b|\bbasis points?\b", re.I)
"""Units in which a number is a hundred times, or ten thousand times, what the rule means."""
Fault = tuple[str, str]
"""What is wrong, and what to do."""


def is_number(x: Any) -> TypeGuard[float]:
    """Return whether a TOML value is a number; true and false are none."""
    return isinstance(x, int | float) and not isinstance(x, bool)


def numbers(value: Any) -> Iterator[float]:
    """Yield every number in a value, also those within lists."""
    if is_number(value):
        yield float(value)
    elif isinstance(value, list | tuple):
        for v in value:
            yield from numbers(v)


def kind_of(value: Any) -> str:
    """Return what a value is: number, str, list, or the name of what TOML has besides."""
    if is_number(value):
        return "number"
    return "list" if isinstance(value, list | tuple) else type(value).__name__


def near(word: str, known: Iterable[str]) -> str:
    """Return the known word that one may be a slip of, as a question, or nothing."""
    found = difflib.get_close_matches(word.lower(), list(known), 1, 0.7)
    return f"Did you mean {found[0]}? " if found else ""


def entry_faults(name: str, entry: Mapping[str, Any]) -> Iterator[Fault]:
    """Yield what is wrong with an entry as written: its unit, bounds, choices, words and keys."""
    unit = entry["unit"]
    if not isinstance(unit, str):
        yield f"{name}: unit is {unit!r}, not a text", 'Write "fraction of index", "days", "USD".'
    elif not unit.strip():
        yield f"{name} has no unit", "Name it."
    elif HUNDREDTHS.search(unit):
        yield f"{name} is in {unit!r}", "Write fractions: 5 % is 0.05, in a unit such as fraction of index."
    for bound in ("min", "max"):
        if bound in entry and not (is_number(entry[bound]) and not math.isnan(entry[bound])):
            yield f"{name}: {bound} is {entry[bound]!r}, not a number", "Give a number, or leave it out."
    low, high = bounds_of(entry)
    if low > high:
        yield f"{name}: min {low:g} is above max {high:g}", "Turn them round."
    choices = entry.get("choices", ())
    if "choices" in entry and not (isinstance(choices, list) and choices and all(isinstance(c, str) for c in choices)):
        yield f"{name}: choices is {choices!r}", 'Write a list of texts: ["one", "other"].'
    if unit == "choice" and not choices:
        yield f"{name} is a choice without choices", 'List them: choices = ["one", "other"].'
    for word in ("note", "source"):
        if word in entry and not (isinstance(entry[word], str) and entry[word].strip()):
            yield f"{name}: {word} is {entry[word]!r}", "Say it in words, or leave it out."
    for key in entry:
        if key not in RESERVED and (key.islower() or key.lower() in RESERVED):
            yield f"{name}: unknown key {key}", f"{near(key, RESERVED)}Keys of values are underlyings or currencies."


def bounds_of(entry: Mapping[str, Any]) -> tuple[float, float]:
    """Return the least and the most that an entry allows; one that is not a number bounds nothing."""
    low, high = entry.get("min"), entry.get("max")
    return (
        float(low) if is_number(low) and not math.isnan(low) else -math.inf,
        float(high) if is_number(high) and not math.isnan(high) else math.inf,
    )


def value_faults(new: Parameter, like: Parameter | None = None) -> Iterator[Fault]:
    """Yield what is wrong with the values of a parameter; ``like``: the one it replaces, whose kind it must have."""
    last = new.name.rpartition(".")[2]
    kinds = {kind_of(v) for v in (like or new).values()}
    if like is None and len(kinds) > 1:
        yield f"{new.name} mixes {' and '.join(sorted(kinds))}", "Give every key a value of one kind."
    for value in new.values():
        kind = kind_of(value)
        if like is not None and kinds and kind not in kinds:
            yield f"{new.name} is {value!r}, not a {' or '.join(sorted(kinds))}", "Give a value of the same kind."
        elif kind not in ("number", "str", "list"):
            yield f"{new.name} is {value!r}, not a number", "Give a number, a text or a list of numbers."
        if kind == "list" and len({kind_of(v) for v in value}) > 1:
            yield f"{new.name} holds {value!r}: not all numbers", "Give a list of numbers, of texts, or of rows."
        if last == "bounds" and kind == "list" and list(value) != sorted(set(numbers(value))):
            yield f"{new.name} is {value!r}: bounds must rise", "Write the upper ends of tiers, the least first."
        for x in numbers(value):
            if not math.isfinite(x):
                yield f"{new.name} holds {x}", "Give a finite number."
            elif not new.low <= x <= new.high:
                yield f"{new.name} is {x:g}, outside {new.low:g} .. {new.high:g}", f"Its unit is {new.unit}."
            elif "haircut" in last and not 0.0 <= x <= 1.0:
                yield f"{new.name} is {x:g}", "A haircut is a share of the value, 0 to 1: it takes all at most."
        if new.choices and value not in new.choices:
            yield f"{new.name} is {value!r}", f"Choose {', '.join(new.choices)}."


def doubled(parameters: Iterable[Parameter]) -> Iterator[Fault]:
    """Yield the names that one version gives twice, by a dot in quotes or a table of that name."""
    for name, times in Counter(p.name for p in parameters).items():
        if times > 1:
            yield f"{name} is given {times} times", "Keep one."


def between_versions(versions: Iterable[Version]) -> Iterator[Fault]:
    """Yield what does not go together: two versions of one instant, other units, and parameters that are missing."""
    ordered = sorted(versions, key=lambda v: v.effective)
    for at, times in Counter(v.effective for v in ordered).items():
        if times > 1:
            yield f"{times} versions overlap: all take effect at {format_time(at)}", "Date them apart."
    for old, new in pairwise(ordered):
        if old.effective == new.effective:
            continue
        for p in new.parameters.values():
            before = old.parameters.get(p.name)
            if before is not None and before.unit != p.unit:
                yield f"{new.label}: {p.name} is in {p.unit!r}, before in {before.unit!r}", "Write both in one unit."
        if old.structure == new.structure:
            for a, b in ((old, new), (new, old)):
                missing = [n for n in a.parameters if n not in b.parameters]
                if missing:
                    what = f"{b.label} lacks {', '.join(missing)}, which {a.label} of the same structure has"
                    yield what, "Carry what a notice does not mention over, or name another structure."


def not_toml(text: str, message: str) -> tuple[str, str]:
    """Return what is wrong with a text that TOML cannot read, and its usual causes; ``message``: what TOML said."""
    found = re.search(r"line (\d+)", message)
    lines = text.splitlines()
    line = lines[int(found[1]) - 1].strip() if found and 0 < int(found[1]) <= len(lines) else ""
    shown = f", {line[:60]!r}" if line else ""
    if re.search("overwrite|[Dd]uplicate|declare|mutate", message):
        return f"not TOML: {message}{shown}", "a name given twice"
    if "end of document" in message:
        return f"not TOML: {message}", "a file that is cut off: a bracket or quote is left open"
    return f"not TOML: {message}{shown}", "a bracket or quote left open, a file that is cut off"
