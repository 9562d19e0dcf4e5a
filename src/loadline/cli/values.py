"""Words of the command line into values; every error names the word."""

from __future__ import annotations

import math
import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from loadline.cli.faults import CommandLineError, at_word, nearest, unknown
from loadline.cli.spec import Argument, Option, Takes
from loadline.foundation.units import parse_time

SPANS = {"s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
MOST_WORKERS = 10_000
ALL = 1_000_000
"""A depth that no tree has."""


@dataclass(frozen=True, slots=True)
class Setting:
    """One ``--set``: ``word`` as typed, ``path`` with the rulebook in front, the value as TOML reads it."""

    word: str
    path: str
    value: Any

    @property
    def head(self) -> str:
        """The rulebook or family it speaks of."""
        return self.path.partition(".")[0]

    @property
    def rest(self) -> str:
        """The parameter."""
        return self.path.partition(".")[2]


@dataclass(frozen=True, slots=True)
class Trade:
    """One ``--trade``: signed quantity of an instrument."""

    word: str
    instrument: str
    quantity: float


def file(word: str) -> Path:
    """Return the path of a file that is there."""
    path = place(word)
    if path.is_dir():
        raise CommandLineError(f"{word} is a folder", remedy="name a file")
    return path


def place(word: str) -> Path:
    """Return the path of a file or folder that is there."""
    path = Path(word)
    try:
        there = path.exists()
    except (OSError, ValueError):
        there = False
    if not there:
        remedy = "check the path"
        if path.parent.is_dir():
            near = nearest(path.name, [p.name for p in path.parent.iterdir()])
            remedy = f"did you mean {path.parent / near}?" if near else remedy
        raise CommandLineError(f"no file {word!r}", remedy=remedy)
    return path


def new_file(word: str) -> Path:
    """Return the path of a file that can be written."""
    path = Path(word)
    if path.is_dir() or not path.parent.is_dir():
        raise CommandLineError(f"{word!r} cannot be written", remedy="name a file in a folder that is there")
    return path


def span(word: str) -> int:
    """Return milliseconds.

    >>> span("90m")
    5400000
    """
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([smhd]?)", word.strip())
    if not found:
        raise CommandLineError(f"{word!r} is not a time span", remedy="write 3600, 90m, 1h or 2d")
    return int(float(found[1]) * SPANS[found[2] or "s"])


def depth(word: str) -> int:
    """Return a number of levels."""
    if word.lower() == "all":
        return ALL
    if not (word.isdecimal() and word.isascii()):
        raise CommandLineError(f"{word!r} is not a depth", remedy="write a number of levels, or all")
    return min(int(word[:9]), ALL)


def setting(word: str) -> Setting:
    """Return the path and value of ``PATH=VALUE``, the value as TOML would read it; a plain word is a text.

    >>> setting("derive.vol_shock.up=0.6").value
    0.6
    """
    path, equals, text = word.partition("=")
    path, text = path.strip(), text.strip()
    remedy = "write RULEBOOK.GROUP.NAME=VALUE, such as derive.vol_shock.up=0.6"
    if not equals or not text or not re.fullmatch(r"[\w-]+(\.[\w-]+)+", path):
        raise CommandLineError(f"{word!r} does not set a parameter", remedy=remedy)
    try:
        value = tomllib.loads(f"value = {text}\n")["value"]
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        if not re.fullmatch(r"[A-Za-z][\w ./-]*", text):
            raise CommandLineError(
                f"{text!r} is not a value",
                causes="a number with thousands separators, an open bracket",
                remedy="write a number, a text, or a list in brackets",
            ) from error
        value = text
    return Setting(word, path, value)


def trade(word: str) -> Trade:
    """Return the instrument and signed quantity of ``INSTRUMENT=QTY``."""
    instrument, equals, text = word.rpartition("=")
    remedy = "write INSTRUMENT=QTY, such as BTC-PERPETUAL=-1000; a sale is negative"
    if not equals or not instrument.strip():
        raise CommandLineError(f"{word!r} is not a trade", remedy=remedy)
    try:
        quantity = float(text.replace("_", "?"))
    except ValueError:
        quantity = math.nan
    if not math.isfinite(quantity):
        raise CommandLineError(f"{text!r} is not a quantity", remedy=remedy)
    return Trade(word, instrument.strip(), quantity)


def whole_number(word: str) -> int:
    """Return a number of workers: at least 1.

    >>> whole_number("4")
    4
    """
    if not (word.isdecimal() and word.isascii() and 0 < int(word[:6]) <= MOST_WORKERS and len(word) < 6):
        raise CommandLineError(f"{word!r} is not a number of workers", remedy=f"write 1 to {MOST_WORKERS:,}")
    return int(word)


SAMPLE = "sample"
"""The word for the file of the embedded sample, where no file of that name is there."""
SAMPLES: Mapping[str, str] = {
    "history": "history/history.csv",
    "data": "history/history.csv",
    "book": "sample/positions.csv",
    "market": "sample/market.json",
    "balances": "sample/balances.csv",
    "orders": "sample/orders.csv",
    "accounts": "sample/accounts.csv",
}
"""Option or argument -> its file in the package's data."""


def embedded(what: Option | Argument, word: str) -> str:
    """Return a word, or the embedded file that ``sample`` stands for; a file of that name goes before it."""
    if word != SAMPLE or what.name not in SAMPLES or Path(word).exists():
        return word
    return str(Path(str(resources.files("loadline"))) / "data" / SAMPLES[what.name])


READERS: Mapping[Takes, Callable[[str], Any]] = {
    Takes.TEXT: str,
    Takes.FILE: file,
    Takes.PLACE: place,
    Takes.NEW_FILE: new_file,
    Takes.TIME: parse_time,
    Takes.SPAN: span,
    Takes.DEPTH: depth,
    Takes.WORKERS: whole_number,
    Takes.RULEBOOK: str,
    Takes.SETTING: setting,
    Takes.TRADE: trade,
}


def read(what: Option | Argument, word: str) -> Any:
    """Return the value of one word; raises ``AtWord``."""
    flag = what.flag if isinstance(what, Option) else ""
    if isinstance(what, Option) and what.takes is Takes.CHOICE:
        if word not in what.choices:
            raise unknown(what.name, word, what.choices, flag=flag)
        return word
    with at_word(word, flag):
        return READERS[what.takes](embedded(what, word))
