"""Writes a version of ``tail`` with its scenarios as files that ``--rulebook NAME.toml`` reads again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from loadline.foundation.errors import InputError
from loadline.foundation.units import format_time
from loadline.io.whole import whole
from loadline.rulebooks.calibrated import tables_of
from loadline.rulebooks.parameters import Parameter, Version


def write_model(
    version: Version, path: Path | str, *, effective: int, source: str, facts: Mapping[str, Any] | None = None
) -> list[Path]:
    """Write ``NAME.toml``, ``NAME.moves.csv`` and, with moves of surfaces, ``NAME.surface.csv``; return their paths.

    ``effective``: epoch ms from which it holds; ``source``: what it was calibrated from, in a line; ``facts``: what
    people may want to know of it (names to texts, numbers, lists or further mappings), kept and not read. The same
    bytes for the same content. Raises ``InputError`` for a version without scenarios or another suffix.
    """
    place = Path(path)
    if place.suffix != ".toml":
        raise InputError(f"a model cannot be written as {place.name}", remedy="name the file NAME.toml")
    if version.scenarios is None:
        raise InputError("a version without scenarios", remedy="calibrate it, or use tail_with")
    moves, surface = tables_of(version.scenarios)
    tables = {"moves": moves} | ({"surface": surface} if surface is not None else {})
    head, written = ['rulebook = "tail"'], []
    for name, text in tables.items():
        beside = place.with_name(f"{place.stem}.{name}.csv")
        content = text.encode("utf-8")
        with whole(beside) as part:
            part.write_bytes(content)
        head.append(f'{name} = {{ file = "{beside.name}", sha256 = "{hashlib.sha256(content).hexdigest()}" }}')
        written.append(beside)
    body = [*head, ""]
    if facts:
        body += list(_facts("calibration", facts))
    body += ["[[version]]", f"effective = {format_time(effective)}"]
    body += [f"structure = {_value(version.structure)}", f"source = {_value(source)}"]
    groups: dict[str, list[Parameter]] = {}
    for p in version.parameters.values():
        groups.setdefault(p.name.rpartition(".")[0], []).append(p)
    for group, entries in groups.items():
        body += ["", f"[version.{group}]", *(f"{p.name.rpartition('.')[2]} = {_entry(p)}" for p in entries)]
    with whole(place) as part:
        part.write_text("\n".join(body) + "\n", "utf-8")
    return [place, *written]


def _facts(path: str, facts: Mapping[str, Any]) -> Iterator[str]:
    yield f"[{path}]"
    deeper = {k: v for k, v in facts.items() if isinstance(v, Mapping)}
    yield from (f"{_key(k)} = {_value(v)}" for k, v in facts.items() if k not in deeper and v is not None)
    yield ""
    for name, more in deeper.items():
        yield from _facts(f"{path}.{_key(name)}", more)


def _entry(p: Parameter) -> str:
    values = {} if p.value is None else {"value": p.value}
    bounds = {"min": p.low} if p.low > -float("inf") else {}
    bounds |= {"max": p.high} if p.high < float("inf") else {}
    words = {"choices": list(p.choices)} if p.choices else {}
    told: dict[str, Any] = {"unit": p.unit} | values | dict(p.by_key) | bounds | words
    told |= {k: v for k, v in (("note", p.note), ("source", p.source)) if v}
    return "{ " + ", ".join(f"{_key(k)} = {_value(v)}" for k, v in told.items()) + " }"


def _key(name: str) -> str:
    plain = name.replace("-", "").replace("_", "").isalnum() and name.isascii()
    return name if plain else json.dumps(name)


def _value(x: Any) -> str:
    """A value as TOML says it; text in JSON's escapes, which are TOML's too."""
    if isinstance(x, bool):
        return "true" if x else "false"
    if isinstance(x, str):
        return json.dumps(x, ensure_ascii=False)
    if isinstance(x, list | tuple):
        return "[" + ", ".join(_value(v) for v in x) + "]"
    if isinstance(x, int):
        return str(x)
    return repr(float(x))
