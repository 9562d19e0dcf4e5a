"""A plan run again for some accounts of a book: those that stand on a constant which moved.

Parameters and market reach a plan only as constants by class. An account's numbers follow from its columns and the
constants of the classes that it holds, so where neither moved the numbers have not either, to the last bit.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from loadline.tape.compiled import compiled
from loadline.tape.frame import Floats, Frame, Ints
from loadline.tape.plan import Plan, _spread

PART = 512
"""Accounts that one call works on where there are several workers."""
HEAD, LOOP = "def run(lo, hi, out, ", "for account in range(lo, hi):"
"""Where a plan's text takes up its accounts; a plan of one pass does so once."""


@lru_cache(maxsize=64)
def some_text(text: str) -> str | None:
    """Return a plan's text with accounts taken from a list, ``which``; None where it passes over them several times."""
    body = text[text.index(HEAD) + len(HEAD) :]
    if body.count(LOOP) != 1 or len(re.findall(r"\b(?:lo|hi)\b", body)) != 2:
        return None
    start = body.index(LOOP)
    indent = " " * (start - body.rindex("\n", 0, start) - 1)
    listed = body.replace(LOOP, f"for listed in range(lo, hi):\n{indent}    account = which[listed]")
    return text[: text.index(HEAD)] + "def some(lo, hi, out, which, " + listed


def run_some(plan: Plan, frame: Frame, accounts: Ints, out: Floats, workers: int = 1) -> None:
    """Write into ``out`` (accounts of the frame, outputs) what the plan gives for some of them, rising.

    Bit for bit what ``plan.run`` gives there; the other rows of ``out`` stay. ``workers``: threads.
    """
    if not len(accounts):
        return
    if len(accounts) == len(frame.accounts):
        out[:] = plan.run(frame, workers)
        return
    text = some_text(plan.text)
    if text is None:  # blocks of scenarios pass by: better past all accounts together, as a book of their own
        out[accounts] = plan.run(frame.only(accounts), workers)
        return
    run = compiled(text, plan.cache, "some")
    given = (out, accounts, *plan._arguments(frame))
    if workers == 1:
        run(0, len(accounts), *given)
    else:
        _spread(run, range(0, len(accounts) + PART, PART), len(accounts), given, workers)


def moved_items(before: Plan, after: Plan) -> NDArray[np.bool_]:
    """Return (items,) those with a constant at any of their levels that differs between two plans of one rule.

    All of them where the rule itself reads otherwise, or a number that is the same for every account moved.
    """
    classes = after.classes
    found = np.zeros(classes.size["position"], np.bool_)
    if before.text != after.text or not all(map(_same, before.given, after.given)):
        return ~found
    for name, (kind, *key) in after.arguments.items():
        if name not in after.constant:
            continue
        old, new = before.constant[name], after.constant[name]
        if kind in ("table", "blocks"):
            level = key[0] if kind == "table" else key[0].level
            differs = _rows(old, new, 0 if kind == "table" else 1)
            if level is not None:
                found |= differs[classes.code[level]]
            elif differs.any():
                return np.ones(len(found), np.bool_)
        elif not _same(old, new):
            return np.ones(len(found), np.bool_)
    return found


def holders(frame: Frame, items: NDArray[np.bool_]) -> Ints:
    """Return the accounts of a book, rising, that have a row on any of some items; ``items``: (N,) a mask."""
    if items.all():
        return np.arange(len(frame.accounts))
    starts, owners = frame.by_item
    found = np.zeros(len(frame.accounts), np.bool_)
    for item in np.flatnonzero(items).tolist():
        found[owners[starts[item] : starts[item + 1]]] = True
    return np.flatnonzero(found)


def _rows(old: Floats, new: Floats, axis: int) -> NDArray[np.bool_]:
    """(classes,) where two tables differ; all where one has other columns."""
    if old.shape != new.shape:
        return np.ones(new.shape[axis], np.bool_)
    differs = old.view(np.int64) != new.view(np.int64)
    return np.asarray(differs.any(axis=tuple(k for k in range(new.ndim) if k != axis)))


def _same(old: Any, new: Any) -> bool:
    return old is new or bool(np.array_equal(old, new))
