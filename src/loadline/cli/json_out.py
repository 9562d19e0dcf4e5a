"""Answers as JSON: one document on stdout, never a NaN, never a list at the top."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from loadline.cli.environment import Environment
from loadline.cli.faults import defect_as_json
from loadline.foundation.errors import Defect, Unavailable
from loadline.foundation.units import format_time

if TYPE_CHECKING:
    from loadline.engine.engine import Answer
    from loadline.engine.result import Side
    from loadline.model.market import Market

MOST_WARNINGS = 100
"""Warnings listed one by one; ``warnings_total`` counts them all."""


def write_document(document: Mapping[str, Any], env: Environment) -> None:
    """Write one JSON document; raises ``ValueError`` for a number that is none."""
    env.stdout.write(laid_out(document, "", ascii_only=not env.unicode) + "\n")


def laid_out(value: Any, indent: str, *, ascii_only: bool) -> str:
    """Return JSON text, indented; a list of plain values stands on one line."""
    inner = indent + "  "
    if isinstance(value, Mapping) and value:
        keys = [json.dumps(str(k), ensure_ascii=ascii_only) for k in value]
        texts = [laid_out(v, inner, ascii_only=ascii_only) for v in value.values()]
        body = [f"{inner}{k}: {v}" for k, v in zip(keys, texts, strict=True)]
        return "{\n" + ",\n".join(body) + f"\n{indent}}}"
    if isinstance(value, list | tuple) and any(isinstance(v, Mapping | list | tuple) for v in value):
        body = [inner + laid_out(v, inner, ascii_only=ascii_only) for v in value]
        return "[\n" + ",\n".join(body) + f"\n{indent}]"
    return json.dumps(value, ensure_ascii=ascii_only, allow_nan=False)


def envelope(market: Market, results: Sequence[Any], warnings: Sequence[Defect], **more: Any) -> dict[str, Any]:
    """Return the envelope of every answer that stands on a snapshot."""
    return {
        "ok": True,
        "as_of": format_time(market.as_of),
        "source": list(market.source),
        "index": dict(market.index),
        **more,
        "results": list(results),
        "warnings": [defect_as_json(d) for d in warnings[:MOST_WARNINGS]],
        "warnings_total": len(warnings),
    }


def answer_as_json(answer: Answer, *, explained: bool = False, depth: int | None = None) -> dict[str, Any]:
    """Return one answer; ``depth`` cuts its explanation."""
    from loadline.engine.result import unavailable_as_json

    if isinstance(answer, Unavailable):
        return unavailable_as_json(answer)
    out = answer.as_json(explained=explained)
    if explained and depth is not None:
        sides: tuple[Side, ...] = ("initial", "maintenance")
        rows = [row for side in sides for row in answer.explain(side)]  # in the order of as_json
        out["explain"] = [said for row, said in zip(rows, out["explain"], strict=True) if len(row.path) <= depth + 1]
    return out


def answers_as_json(found: Iterable[Answer], *, explained: bool = False, depth: int | None = None) -> list[Any]:
    """Return answers in order."""
    return [answer_as_json(a, explained=explained, depth=depth) for a in found]
