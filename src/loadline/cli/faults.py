"""Errors as people and programs see them: one shape in text, one in JSON, the offending word marked."""

from __future__ import annotations

import difflib
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NoReturn

from loadline.foundation.errors import Defect, InputError, LoadlineError, MissingData

SHOWN_DEFECTS = 20


class CommandLineError(LoadlineError):
    """The command line cannot be understood."""


class AtWord(LoadlineError):
    """An error with the word of the command line that led to it; ``flag`` is the option it belongs to, or empty."""

    def __init__(self, error: LoadlineError, word: str, flag: str = "") -> None:
        super().__init__(error.what, where=error.where, causes=error.causes, remedy=error.remedy)
        self.error, self.word, self.flag = error, word, flag


@contextmanager
def at_word(word: str, flag: str = "") -> Iterator[None]:
    """Blame a word of the command line for what goes wrong within."""
    try:
        yield
    except AtWord:
        raise
    except LoadlineError as error:
        raise AtWord(error, word, flag) from error


FEW, MANY = 12, 24
"""Known words up to which all are listed beside a likely one, and where nothing is likely."""


def nearest(word: str, known: Iterable[str]) -> str:
    """Return the known word that reads most like ``word``, or nothing."""
    listed = list(known)
    folded = {k.lower(): k for k in reversed(listed)}
    found = difflib.get_close_matches(word.lower(), folded, 1, 0.6)
    return folded[found[0]] if found else ""


def unknown(kind: str, word: str, known: Iterable[str], *, flag: str = "", at: str = "") -> AtWord:
    """Return the error of a word that is not among those known; ``at`` is the part of the command line to mark."""
    listed = list(known)
    near = nearest(word, listed)
    more = len(listed) - MANY
    told = "known: " + ", ".join([*listed[:MANY], f"and {more} more"] if more > 0 else listed)
    remedy = f"did you mean {near}?" + (f" ({told})" if len(listed) <= FEW else "") if near else told
    return AtWord(CommandLineError(f"no {kind} {word!r}", remedy=remedy), at or word, flag)


def refuse(what: str, remedy: str) -> NoReturn:
    """Raise the error of options that do not go together."""
    raise CommandLineError(what, remedy=remedy)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a word stands: the index of its argument, and the columns of the word within it."""

    argument: int
    start: int
    end: int


def place_of(args: Sequence[str], word: str, flag: str = "") -> Place | None:
    """Return where a word stands on the command line: as the option's value, alone, or as part of an argument."""
    for i, arg in enumerate(args):
        if flag and arg == flag and i + 1 < len(args) and word in args[i + 1]:
            start = args[i + 1].index(word)
            return Place(i + 1, start, start + len(word))
        if flag and arg.startswith(f"{flag}=") and word in arg[len(flag) :]:
            start = arg.index(word, len(flag))
            return Place(i, start, start + len(word))
    for i, arg in enumerate(args):
        if arg == word or (word.startswith("--") and arg.startswith(f"{word}=")):
            return Place(i, 0, len(word))
    for i, arg in enumerate(args):
        if word and word in arg:
            return Place(i, arg.index(word), arg.index(word) + len(word))
    return None


def marked(args: Sequence[str], place: Place, width: int) -> list[str]:
    """Return the command line with a caret line under the word, cut to the width around it."""
    before = " ".join(["loadline", *args[: place.argument]]) + " "
    line = before + " ".join(args[place.argument :])
    line = line.replace("\n", " ").replace("\t", " ")
    start, end = len(before) + place.start, len(before) + place.end
    room = width - 2
    if len(line) > room:
        first = min(max(start - room // 3, 0), len(line) - room)
        last = first + room
        line = ("…" if first else "") + line[first + bool(first) : last - (last < len(line))] + "…" * (last < len(line))
        start, end = start - first, min(end - first, room)
    return [f"  {line}", "  " + " " * start + "^" * max(1, end - start)]


def innermost(error: LoadlineError) -> LoadlineError:
    """Return the error behind one that only adds a word."""
    return error.error if isinstance(error, AtWord) else error


def as_text(error: LoadlineError, args: Sequence[str], width: int) -> str:
    """Return an error for people: what, where, the word marked, everything found, usual causes, the way out."""
    inner = innermost(error)
    listed = listing(inner)
    what = inner.what.removesuffix(": " + ", ".join(inner.missing)) if isinstance(inner, MissingData) else inner.what
    what = f"{inner.where}: {what}" if inner.where else what
    head, *below = what.splitlines() or [""]
    lines = wrapped(f"error: {head}", width, "  ")
    for line in below:
        lines += wrapped(f"  {line.strip()}", width, "    ")
    place = place_of(args, error.word, error.flag) if isinstance(error, AtWord) else None
    if place is not None:
        lines += marked(args, place, width)
    for text in listed[:SHOWN_DEFECTS]:
        lines += wrapped(f"  - {text}", width, "    ")
    if len(listed) > SHOWN_DEFECTS:
        lines.append(f"  and {len(listed) - SHOWN_DEFECTS} more; --json lists all")
    if inner.causes:
        lines += wrapped(f"  usual causes: {inner.causes}", width, "    ")
    if inner.remedy:
        lines += wrapped(f"  remedy: {inner.remedy}", width, "    ")
    return "\n".join(lines) + "\n"


def listing(error: LoadlineError) -> list[str]:
    """Return everything an error found, one text each; nothing where its sentence says it all."""
    if isinstance(error, InputError) and [d.what for d in error.defects] != [error.what]:
        return [str(d) for d in error.defects]
    return list(error.missing) if isinstance(error, MissingData) else []


def wrapped(text: str, width: int, indent: str) -> list[str]:
    """Return the lines of a text within a width; words longer than a line are broken."""
    return textwrap.wrap(text, width, subsequent_indent=indent, break_on_hyphens=False) or [text]


def as_json(error: LoadlineError, args: Sequence[str]) -> dict[str, Any]:
    """Return the one error shape."""
    inner = innermost(error)
    out: dict[str, Any] = {
        "type": type(inner).__name__,
        "what": inner.what,
        "where": inner.where,
        "causes": inner.causes,
        "remedy": inner.remedy,
        "defects": [defect_as_json(d) for d in inner.defects] if isinstance(inner, InputError) else [],
        "missing": list(inner.missing) if isinstance(inner, MissingData) else [],
    }
    if isinstance(error, AtWord):
        place = place_of(args, error.word, error.flag)
        out["word"] = {"text": error.word, "option": error.flag, "argument": place.argument + 1 if place else None}
    return {"ok": False, "error": out}


def defect_as_json(defect: Defect) -> dict[str, Any]:
    """Return one defect as plain data."""
    return {
        "reason": defect.reason.value,
        "what": defect.what,
        "remedy": defect.remedy,
        "file": defect.file,
        "row": defect.row,
        "column": defect.column,
        "subject": defect.subject,
    }
