"""How a venue liquidates, on a terminal and as plain data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from loadline.cli.choosing import value_text
from loadline.cli.render import Screen
from loadline.foundation.units import format_time

if TYPE_CHECKING:
    from loadline.rulebooks.liquidation_terms import Fee, Level, Liquidation, Quantity
    from loadline.rulebooks.parameters import Version


def liquidation_as_json(found: Liquidation, version: Version) -> dict[str, Any]:
    """Return a liquidation as plain data; what is a parameter stands with its value under the version."""

    def plain(value: Any) -> Any:
        if isinstance(value, dict):
            if "by_key" in value:  # a quantity
                own = value["value"]
                own = version.parameter(value["parameter"]).value if value["parameter"] else own
                return value | {"value": own}
            return {k: plain(v) for k, v in value.items()}
        return [plain(v) for v in value] if isinstance(value, list | tuple) else value

    said: dict[str, Any] = plain(asdict(found))
    return said | {"effective": format_time(found.effective)}


def draw_liquidation(screen: Screen, found: Liquidation, version: Version) -> None:
    """Draw trigger, warnings, steps and fees."""
    screen.heading("Liquidation", f"from {found.date}")
    lines = [("trigger", found.trigger), *((x.name, x) for x in found.levels)]
    for name, x in [*lines, *([("stops at", found.target)] if found.target else [])]:
        screen.paragraph(f"{name}: {told(x, version)}", indent="    ", first="  ")
    for n, step in enumerate(found.steps, 1):
        size = f" ({quantity(step.size, version)})" if step.size else ""
        screen.paragraph(f"{n}. {step.act}: {step.words}{size}", indent="     ", first="  ")
    for fee in found.fees:
        screen.paragraph(f"fee on {charged(fee, version)}, to {fee.to}", indent="    ", first="  ")
    texts: Mapping[str, str] = {"source": found.source, "note": found.note, "not known": "; ".join(found.unknown)}
    for head, text in texts.items():
        if text:
            screen.paragraph(f"{head}: {text}", "dim", "    ", "  ")
    screen.say()


def told(x: Level, version: Version) -> str:
    """Return a line in the venue's words, and as it is measured."""
    at = x.at.of(version) if x.at else None
    measured = f" [{x.formula} {x.side} {value_text(at)}]" if at is not None else ""
    return x.words + measured + (f": {x.effect}" if x.effect else "")


def quantity(q: Quantity, version: Version) -> str:
    """Return a quantity with its unit."""
    own = q.of(version)
    values = [f"{k} {value_text(v)}" for k, v in q.by_key.items()] + ([value_text(own)] if own is not None else [])
    return f"{', '.join(values)} {q.unit}"


def charged(fee: Fee, version: Version) -> str:
    """Return on what a fee is, and how much."""
    rate = quantity(fee.rate, version) if fee.rate else ""
    return f"{fee.on}: {'; '.join(t for t in (rate, fee.words) if t)}"
