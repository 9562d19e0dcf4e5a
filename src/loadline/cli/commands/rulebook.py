"""``loadline rulebook list``, ``show`` and ``diff``: which rules there are, with which parameters since when."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from rich.text import Text

from loadline.cli.amounts import count
from loadline.cli.choosing import END_OF_TIME, chosen_rulebook, known_rulebooks, value_text
from loadline.cli.environment import Environment, ExitCode
from loadline.cli.liquidation_view import draw_liquidation, liquidation_as_json
from loadline.cli.parser import Request
from loadline.cli.render import Column, Outcome, Screen
from loadline.foundation.errors import LoadlineError
from loadline.foundation.units import format_time

if TYPE_CHECKING:
    from loadline.engine.engine import Chosen
    from loadline.rulebooks.parameters import Parameter, Version


def show_all(request: Request, env: Environment) -> Outcome:
    """Answer ``loadline rulebook list``."""
    found: list[Chosen] = []
    failed: dict[str, LoadlineError] = {}
    for name in known_rulebooks():
        try:
            found.append(chosen_rulebook(name, END_OF_TIME, ""))
        except LoadlineError as error:
            failed[name] = error

    def document() -> Mapping[str, Any]:
        listed = [summary(c) for c in found]
        listed += [{"rulebook": name, "error": e.what} for name, e in failed.items()]
        return {"ok": True, "results": listed}

    def draw(screen: Screen) -> None:
        for c in found:
            dates = [day(v) for v in c.rule.versions]
            span = dates[0] if len(dates) == 1 else f"{dates[0]} to {dates[-1]}"
            screen.paragraph(c.rule.title, "bold", " " * 14, f"{c.rule.name:<14}")
            kept = "answers per settlement currency" if c.rule.segregated else f"in {c.rule.currency}"
            screen.paragraph(f"{count(len(dates), 'version')}, {span}; {kept}", indent=" " * 14)
            screen.paragraph(c.rule.status, "dim", " " * 14)
        for name, error in failed.items():
            screen.heading(name)
            screen.paragraph(error.what, "yellow", " " * 14)

    return Outcome(ExitCode.OK, document, draw)


def day(version: Version) -> str:
    """Return the date from which a version holds."""
    return format_time(version.effective)[:10]


def summary(chosen: Chosen) -> dict[str, Any]:
    """Return a rulebook without its parameters as plain data."""
    rule = chosen.rule
    return {
        "rulebook": rule.name,
        "title": rule.title,
        "status": rule.status,
        "currency": None if rule.segregated else rule.currency,
        "segregated": rule.segregated,
        "needs": list(rule.needs),
        "versions": [
            {"effective": format_time(v.effective), "structure": v.structure, "source": v.source} for v in rule.versions
        ],
    }


def show(request: Request, env: Environment) -> Outcome:
    """Answer ``loadline rulebook show``."""
    from loadline.rulebooks.liquidation_terms import liquidation_at

    as_of = request.get("as_of", END_OF_TIME)
    chosen = chosen_rulebook(request["name"], as_of, "", typed=True)
    version = chosen.version
    liquidation = liquidation_at(chosen.rule.liquidation, as_of)

    def document() -> Mapping[str, Any]:
        parameters = [parameter_as_json(p) for p in version.parameters.values()]
        about = version_as_json(version) | {"notes": list(chosen.notes), "parameters": parameters}
        about["liquidation"] = liquidation_as_json(liquidation, version) if liquidation else None
        return {"ok": True, "results": [summary(chosen) | {"version": about}]}

    def draw(screen: Screen) -> None:
        screen.heading(version.label, chosen.rule.title)
        screen.paragraph(f"structure {version.structure}", "dim")
        screen.paragraph(f"source: {version.source}", "dim", "  ", "")
        if version.note:
            screen.paragraph(f"note: {version.note}", "dim", "  ", "")
        screen.say()
        columns = (Column("parameter"), Column("value", folds=True), Column("unit", folds=True, style="dim"))
        screen.table(columns, [(p.name, valued(p), unit_of(p)) for p in version.parameters.values()])
        screen.say()
        if liquidation:
            draw_liquidation(screen, liquidation, version)
        notes = [f"{p.name}: {'; '.join(x for x in (p.note, p.source) if x)}" for p in version.parameters.values()]
        screen.dim_list("Notes and sources of single parameters", [n for n in notes if not n.endswith(": ")])
        screen.dim_list("Of the rulebook", chosen.notes)

    return Outcome(ExitCode.OK, document, draw)


def version_as_json(version: Version) -> dict[str, Any]:
    """Return a version without its parameters as plain data."""
    return {
        "label": version.label,
        "effective": format_time(version.effective),
        "structure": version.structure,
        "source": version.source,
        "note": version.note,
        "identity": version.identity,
    }


def parameter_as_json(p: Parameter) -> dict[str, Any]:
    """Return a parameter as plain data; a bound that is not set is null."""
    return {
        "name": p.name,
        "unit": p.unit,
        "value": p.value,
        "by_key": dict(p.by_key),
        "min": p.low if abs(p.low) < float("inf") else None,
        "max": p.high if abs(p.high) < float("inf") else None,
        "choices": list(p.choices),
        "note": p.note,
        "source": p.source,
    }


def unit_of(p: Parameter) -> str:
    """Return the unit of a parameter, or the words it may be."""
    return f"one of {', '.join(p.choices)}" if p.choices else p.unit


def valued(p: Parameter) -> str:
    """Return all values of a parameter in one text."""
    general = [value_text(p.value)] if p.value is not None else []
    return "; ".join([*general, *(f"{k} {value_text(v)}" for k, v in p.by_key.items())])


def diff(request: Request, env: Environment) -> Outcome:
    """Answer ``loadline rulebook diff``."""
    name = request["name"]
    old, new = (chosen_rulebook(name, request[d], "", typed=True) for d in ("d1", "d2"))
    changes = changed(old.version, new.version)

    def document() -> Mapping[str, Any]:
        versions = {"from": version_as_json(old.version), "to": version_as_json(new.version)}
        return {"ok": True, "rulebook": old.rule.name, **versions, "results": changes}

    def draw(screen: Screen) -> None:
        a, b = old.version, new.version
        screen.heading(f"{a.label} to {b.label}")
        for word, x, y in (("structure", a.structure, b.structure), ("source", a.source, b.source)):
            if x != y:
                screen.paragraph(f"{word}: {x} -> {y}", "dim", "  ", "")
        for c in (old, new):
            for note in c.notes:
                if note not in c.rule.notes:
                    screen.paragraph(note, "yellow", "  ", "")
        screen.say()
        if not changes:
            same = a.effective == b.effective
            screen.say("one version is in force at both dates" if same else "no parameter changed")
            return
        columns = (
            Column("parameter", folds=True),
            Column(day(a), right=True, folds=True),
            Column(day(b), right=True, folds=True),
            Column("unit", folds=True, style="dim"),
        )
        screen.table(columns, [row_of(c) for c in changes])

    return Outcome(ExitCode.OK, document, draw)


def changed(old: Version, new: Version) -> list[dict[str, Any]]:
    """Return every value that differs, came (before null) or went (after null), in the order of the newer version."""
    out = []
    for name in dict.fromkeys([*new.parameters, *old.parameters]):
        a, b = old.parameters.get(name), new.parameters.get(name)
        keys = dict.fromkeys(["", *(b.by_key if b else ()), *(a.by_key if a else ())])
        for key in keys:
            x, y = ((p and (p.by_key.get(key) if key else p.value)) for p in (a, b))
            if x != y:
                unit = (b or a).unit  # type: ignore[union-attr]
                out.append({"parameter": name, "key": key, "before": x, "after": y, "unit": unit})
    return out


def row_of(change: Mapping[str, Any]) -> tuple[str, str, str, Text]:
    """Return the line of one change."""
    name = f"{change['parameter']}.{change['key']}" if change["key"] else change["parameter"]
    x, y = (("-" if v is None else value_text(v)) for v in (change["before"], change["after"]))
    return name, x, y, Text(change["unit"])
