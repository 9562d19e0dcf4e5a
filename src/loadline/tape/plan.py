"""One rule for a whole venue: a recording compiled once per structure and run for many accounts, chunk by chunk.

Each account is one thread's work from first to last and nothing is added up across threads, so neither the number of
workers nor the size of the chunks can change a bit of any result.
"""

from __future__ import annotations

import copy
import weakref
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from loadline.tape.compiled import Run, compiled
from loadline.tape.frame import Classes, Floats, Frame, Ints
from loadline.tape.loops import Loops
from loadline.tape.recorded import Recording, Step, block_table
from loadline.tape.term import NotPlannable, Term

CHUNK = 2048
"""Accounts that one call works on: fewer, and calls cost; more, and the last worker is waited for."""
LEGS = 16
"""Positions per account of a chunk of ordinary accounts; chunks of larger accounts hold fewer of them."""


@dataclass(frozen=True, slots=True)
class Text:
    """A text of a plan's recording, what it is given, and how many numbers it keeps per level; see ``Again``."""

    text: str
    arguments: Mapping[str, tuple[Any, ...]]
    width: Mapping[str, int]
    fits: bool = True

    @classmethod
    def of(cls, loops: Loops) -> Text:
        """The text of some loops, without the numbers that they were written from."""
        return cls(loops.text, _unread(loops.words.args), getattr(loops, "width", {}), getattr(loops, "fits", True))


class Plan:
    """The outputs of a rule that was recorded on a blank book, ready to run on any book of the same classes.

    ``cache``: a private folder for compiled code, or None to compile in memory. Raises ``NotPlannable``.
    """

    def __init__(self, outputs: Sequence[Term], classes: Classes, cache: Path | None = None) -> None:
        recording = Recording(outputs, classes)
        loops = Loops(recording)
        self.classes, self.text, self.width, self.cache = classes, loops.text, len(outputs), cache
        self._texts: dict[type[Loops], Any] = {}  # later plans of the rule have them too
        self.arguments, self._tables, self._guarded = loops.words.args, loops.words.tables, loops.guarded
        self._run = compiled(loops.text, cache)
        self._read: dict[str, list[Any]] = {}
        self.constant: dict[str, Any] = {}
        self.given: list[Any] = []
        self._since: Callable[[], Plan | None] = lambda: None
        self._take(recording)

    def later(self, outputs: Sequence[Term]) -> Plan:
        """Return the plan of the same rule recorded again: where only numbers differ nothing is written anew."""
        recording = Recording(outputs, self.classes)
        if not recording.reads_as(self.recording):
            return Plan(outputs, self.classes, self.cache)
        found = copy.copy(self)
        found._take(recording)
        found._since = weakref.ref(self)
        return found

    def moved(self, before: Plan) -> NDArray[np.bool_]:
        """Return (items,) those with a constant at any of their levels that differs from those of a plan ``before``.

        All of them where this is no later plan of that one, or a number that is the same for every account moved.
        """
        found = np.zeros(self.classes.size["position"], np.bool_)
        if self._since() is not before:
            return ~found
        for level, differs in self._differs:
            if level is not None:
                found |= differs[self.classes.code[level]]
            elif differs.any():
                return np.ones(len(found), np.bool_)
        return found

    def other(self, kind: type[Loops]) -> Text | None:
        """Return the same recording as loops of another kind; None where it takes several passes."""
        if kind not in self._texts:
            loops = kind(self.recording) if len(self.recording.passes) == 1 else None
            if loops is not None and _numbered(loops.words.tables) != _numbered(self._tables):
                raise AssertionError("two texts of one recording look up other columns of its tables")
            self._texts[kind] = None if loops is None else Text.of(loops)
        found: Text | None = self._texts[kind]
        return found

    @property
    def own(self) -> Text:
        """The plan's text itself."""
        return Text(self.text, _unread(self.arguments), {})

    def _take(self, recording: Recording) -> None:
        """Bind the constants of a recording, and note which differ from those before, by level and class."""
        self.recording, step = recording, recording.steps
        self.arguments = {
            name: tuple(step[x.number] if isinstance(x, Step) else x for x in what)
            for name, what in self.arguments.items()
        }
        self._tables = {level: [step[s.number] for s in table] for level, table in self._tables.items()}
        self._guarded = [step[s.number] for s in self._guarded]
        lengths = [(x.scenarios, x.width) for x in recording.axes]
        scalars = [_number(s) for s in self._tables.get(None, ())]
        given = np.array(lengths, np.int64).reshape(-1, 2), np.array(scalars, np.float64)
        everywhere = np.array([not all(map(_same, given, self.given))])
        self.given = [plain(x) for x in given]
        self._differs: list[tuple[str | None, NDArray[np.bool_]]] = [(None, everywhere)]
        was, kept, self._read, self.constant = self._read, self.constant, {}, {}
        for name, (kind, *key) in self.arguments.items():
            if kind in _BY_MARKET:
                read = [s.value for s in self._tables[key[0]]] if kind == "table" else _numbers(kind, key[0])
                self._read[name] = read
                self.constant[name] = self._bound_again(kind, key, read, was.get(name), kept.get(name))
        for s in self._guarded:
            if not np.isfinite(s.value if s.value is not None else 0.0).all():
                raise NotPlannable("a factor per scenario is not finite")

    def _bound_again(self, kind: str, key: list[Any], read: list[Any], was: list[Any] | None, kept: Any) -> Any:
        """An argument that reads some arrays, where it read others before: what has not changed is not made anew."""
        if was is None:
            return plain(self._bind(kind, *key))
        if kind == "near":  # what is asked for ahead of time changes no result
            return kept
        level, size = None, 1
        if kind in ("table", "blocks"):
            level = key[0] if kind == "table" else key[0].level
            size = self.classes.size[level] if level else 1
        differs = np.zeros(size, np.bool_)
        for a, b in zip(read, was, strict=True):
            if a.shape != b.shape:
                differs[:] = True
            elif a is not b:
                rows = _rows(a, b)
                differs |= rows if level else rows.any()
        if not differs.any():
            return kept
        self._differs.append((level, differs))
        if kind == "blocks" and len(key[0].value) == size:
            return plain(block_table(key[0], kept, differs))
        return plain(self._bind(kind, *key))

    def _bind(self, kind: str, *key: Any) -> NDArray[Any] | int:
        """What an argument holds that depends on parameters and market alone."""
        if kind == "table":
            out = np.empty((self.classes.size[key[0]], len(self._tables[key[0]])))
            for j, s in enumerate(self._tables[key[0]]):
                out[:, j : j + 1] = s.value
            return out
        if kind == "blocks":
            return block_table(key[0])
        if kind == "up":
            return self.classes.up(*key)
        if kind == "room":
            return self.classes.size[key[0]]
        if kind == "near":  # of a table with hardly a row that counts none is asked for but the first
            return int(2 * np.count_nonzero(key[0].value.any(1)) > len(key[0].value))
        return np.asarray(*_numbers(kind, key[0]))

    def bound(self, frame: Frame, text: Text | None = None) -> list[Any]:
        """Return what the loops (or those of another text) are given of parameters, market and a book, in order."""
        if frame.classes_of is not self.classes:
            raise ValueError("a plan runs on books of the classes that it was recorded for")
        found = list(self.given)
        for name, (kind, *key) in (self.arguments if text is None else text.arguments).items():
            if kind == "starts":
                found.append(plain(frame.starts(*key)))
            elif kind == "classes":
                found.append(plain(frame.classes[key[0]]))
            elif kind == "most":
                found.append(len(frame.classes[key[0]]) - 1)
            elif kind == "column":
                level, column = key
                if (level, column) not in frame.columns:
                    raise NotPlannable(f"this book has no column {column}")
                found.append(plain(frame.columns[level, column]))
            else:
                found.append(self.constant[name])
        return found

    def run(self, frame: Frame, workers: int = 1, chunk: int = CHUNK) -> Floats:
        """Return (accounts, outputs), bit for bit what the rule gives when it is run on numbers.

        ``workers``: threads; ``chunk``: accounts in one pass of one of them.
        """
        out = np.empty((len(frame.accounts), self.width))
        arguments = self.bound(frame)
        cuts = chunks(frame.starts("position", "account"), chunk)
        spread(self._run, cuts, cuts[-1], (out, *arguments), workers)
        return out


def spread(run: Run, cuts: Sequence[int], most: int, given: Sequence[Any], workers: int) -> None:
    """Run the parts between rising ``cuts``, up to ``most``, on several threads if there are several of both.

    ``given``: what every call is given after where its part begins and ends. Raises ``NotPlannable`` on overflow.
    """
    parts = [(lo, min(hi, most)) for lo, hi in pairwise(cuts) if lo < most]
    try:
        if workers == 1 or len(parts) <= 1:
            for lo, hi in parts:
                run(lo, hi, *given)
            return
        with ThreadPoolExecutor(workers) as pool:
            for done in [pool.submit(run, lo, hi, *given) for lo, hi in parts]:
                done.result()
    except OverflowError as error:
        raise NotPlannable(str(error)) from error


_BY_MARKET = ("table", "blocks", "up", "room", "near", "shares", "matrix")


def chunks(starts: Ints, size: int = CHUNK) -> list[int]:
    """Return where to cut accounts into chunks of at most ``size``, fewer where they are large.

    ``starts``: (A + 1,) the first position of each account.

    >>> chunks(np.array([0, 1, 2, 40, 41]), 2)
    [0, 1, 2, 3, 4]
    """
    accounts = len(starts) - 1
    cost = starts[1:] // LEGS + np.arange(1, accounts + 1)  # both an account and its positions take time
    last = np.arange(accounts) if size == 1 else np.flatnonzero(np.diff(cost // size, append=-1))
    return [0, *(last + 1).tolist()]


def _numbers(kind: str, key: Any) -> list[Any]:
    """The numbers that an argument is made of, a table aside; none where it depends on the classes alone."""
    if kind in ("up", "room"):
        return []
    return [key.shares if kind == "shares" else np.asarray(key.aux, np.float64) if kind == "matrix" else key.value]


def _rows(a: Floats, b: Floats) -> NDArray[np.bool_]:
    """(rows,) where two tables hold other bits: to a sum -0.0 is another number than 0.0."""
    differs = a.view(np.int64) != b.view(np.int64)
    return differs if differs.ndim < 2 else np.asarray(differs.any(axis=1))


def _same(a: Any, b: Any) -> bool:
    return bool(np.array_equal(a, b))


def _unread(arguments: Mapping[str, tuple[Any, ...]]) -> dict[str, tuple[Any, ...]]:
    """Arguments without the numbers that they were written from."""
    return {name: what[:1] if what[0] in _BY_MARKET else what for name, what in arguments.items()}


def _numbered(tables: Mapping[str | None, Sequence[Step]]) -> dict[str | None, list[int]]:
    return {level: [s.number for s in table] for level, table in tables.items()}


def _number(s: Step) -> float:
    assert s.value is not None
    return float(s.value.item())


def plain(x: Any) -> Any:
    """Return an argument in the one layout: Numba compiles once per combination of types, and read-only is a type."""
    if isinstance(x, int):
        return x
    out = np.ascontiguousarray(x).view()
    out.flags.writeable = False
    return out
