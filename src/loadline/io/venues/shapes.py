"""What a JSON response looks like, told without the models that its venue's reader holds it against."""

from __future__ import annotations

from typing import Any


def rows_of(payload: Any, *path: str) -> list[Any]:
    """Return the list that stands under nested keys, empty where there is none."""
    for key in path:
        payload = payload.get(key) if isinstance(payload, dict) else None
    return payload if isinstance(payload, list) else []


def has(rows: list[Any], *fields: str) -> bool:
    """Return whether the first row that is an object has all of some fields."""
    first = next((r for r in rows if isinstance(r, dict)), {})
    return all(f in first for f in fields)
