"""Limits as people write them: ``delta:BTC=±2``, ``vega=±5%``, ``gamma=off``, ``gross:BTC=3e6``, ``tail=250000``."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from loadline.foundation.errors import InputError
from loadline.optimize.view import COLUMNS, Wish
from loadline.rulebooks.rulebook import ALIASES, rulebook_names

SIZES = ("gross", "leverage")
REMEDY = "write WHAT[:UNDERLYING[:EXPIRY]]=±X, LOW..HIGH, X% or off, such as delta:BTC=±2"


@dataclass(frozen=True, slots=True)
class Sized:
    """A bound on size after the trades: ``gross`` USD of delta, or ``leverage``, gross over equity."""

    what: str
    underlying: str
    most: float


@dataclass(frozen=True, slots=True)
class Capped:
    """A bound on what another rulebook asks, USD."""

    rulebook: str
    most: float


@dataclass(frozen=True)
class Limits:
    """All that was asked for, by kind."""

    view: tuple[Wish, ...] = ()
    sizes: tuple[Sized, ...] = ()
    caps: tuple[Capped, ...] = ()


def read_limits(words: Iterable[str]) -> Limits:
    """Return limits from words; raises ``InputError`` naming the first that cannot be read.

    >>> read_limits(["delta:BTC=±2", "vega=±5%", "gamma=off"]).view[0]
    Wish(what='delta', underlying='BTC', expiry='', low=-2.0, high=2.0, share=None, off=False)
    """
    found: list[Wish | Sized | Capped] = [_limit(word) for word in words]
    return Limits(
        tuple(x for x in found if isinstance(x, Wish)),
        tuple(x for x in found if isinstance(x, Sized)),
        tuple(x for x in found if isinstance(x, Capped)),
    )


def _limit(word: str) -> Wish | Sized | Capped:
    where, equals, value = (part.strip() for part in word.partition("="))
    what, underlying, expiry = [*where.split(":", 2), "", ""][:3]
    if not equals or not value:
        raise InputError(f"{word!r} is not a limit", remedy=REMEDY)
    if what in COLUMNS:
        return _wish(word, what, underlying, expiry, value)
    if what in SIZES and not expiry:
        return Sized(what, underlying, _number(word, value))
    if what.partition("@")[0] in (*rulebook_names(), *ALIASES) and not underlying:
        return Capped(what, _number(word, value))
    known = ", ".join((*COLUMNS, *SIZES))
    raise InputError(f"{what!r} cannot be limited", remedy=f"one of {known}, or a rulebook's name")


def _wish(word: str, what: str, underlying: str, expiry: str, value: str) -> Wish:
    if value == "off":
        return Wish(what, underlying, expiry, off=True)
    text = value.removeprefix("±").removeprefix("+-")
    if text.endswith("%"):
        return Wish(what, underlying, expiry, share=abs(_number(word, text[:-1])) / 100.0)
    low, dots, high = text.partition("..")
    ends = (_number(word, low), _number(word, high)) if dots else (-abs(_number(word, text)), abs(_number(word, text)))
    if ends[0] > ends[1]:
        raise InputError(f"{word!r}: the lower end is above the upper one", remedy=REMEDY)
    return Wish(what, underlying, expiry, *ends)


def _number(word: str, text: str) -> float:
    plain = text.strip().replace(",", "")
    if not re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", plain):
        raise InputError(f"{word!r}: {text.strip()!r} is not a number", remedy=REMEDY)
    return float(plain)


def lines(text: str) -> Sequence[str]:
    """Return the limits of a file: one to a line, ``#`` begins a remark."""
    return [line for line in (raw.partition("#")[0].strip() for raw in text.splitlines()) if line]
