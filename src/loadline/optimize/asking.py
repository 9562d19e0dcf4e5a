"""Limits as people write them: ``delta:BTC=±2``, ``vega=±5%``, ``gamma=off``, ``gross:BTC=3e6``, ``tail=250000``.

And ``stress:BTC-20%=50000``, ``liquidation:BTC=15%``, ``exposure:ACCOUNT=1e6``, ``expected-loss=2000``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from loadline.foundation.errors import InputError
from loadline.optimize.distance import Floor
from loadline.optimize.stress import read_stress
from loadline.optimize.view import COLUMNS, Wish
from loadline.rulebooks.rulebook import ALIASES, rulebook_names

SIZES = ("gross", "leverage")
STRESS, LIQUIDATION, EXPOSURE, LOSS = "stress", "liquidation", "exposure", "expected-loss"
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


@dataclass(frozen=True, slots=True)
class Stressed:
    """A bound on what the book loses in a stress, USD: moves as written, a name, or ``""`` for all that are named."""

    stress: str
    most: float


@dataclass(frozen=True, slots=True)
class Exposed:
    """A bound on the weighted exposure to who holds an account, USD; or (``account`` empty) on the expected loss."""

    account: str
    most: float


Kind = Wish | Sized | Capped | Stressed | Floor | Exposed


@dataclass(frozen=True)
class Limits:
    """All that was asked for, by kind."""

    view: tuple[Wish, ...] = ()
    sizes: tuple[Sized, ...] = ()
    caps: tuple[Capped, ...] = ()
    stresses: tuple[Stressed, ...] = ()
    floors: tuple[Floor, ...] = ()
    exposures: tuple[Exposed, ...] = ()


def read_limits(words: Iterable[str]) -> Limits:
    """Return limits from words; raises ``InputError`` naming the first that cannot be read.

    >>> read_limits(["delta:BTC=±2", "vega=±5%", "gamma=off"]).view[0]
    Wish(what='delta', underlying='BTC', expiry='', low=-2.0, high=2.0, share=None, off=False)
    """
    found: list[Kind] = [_limit(word) for word in words]
    return Limits(
        tuple(x for x in found if isinstance(x, Wish)),
        tuple(x for x in found if isinstance(x, Sized)),
        tuple(x for x in found if isinstance(x, Capped)),
        tuple(x for x in found if isinstance(x, Stressed)),
        tuple(x for x in found if isinstance(x, Floor)),
        tuple(x for x in found if isinstance(x, Exposed)),
    )


def _limit(word: str) -> Kind:
    where, equals, value = (part.strip() for part in word.partition("="))
    what, underlying, expiry = [*where.split(":", 2), "", ""][:3]
    if not equals or not value:
        raise InputError(f"{word!r} is not a limit", remedy=REMEDY)
    if what == STRESS:
        stress = where.partition(":")[2].strip()
        if stress.endswith("%"):
            read_stress(stress)
        return Stressed(stress, _number(word, value))
    if what == LIQUIDATION and not expiry:
        return _floor(word, underlying, value)
    if (what == LOSS and not underlying) or (what == EXPOSURE and underlying):
        return Exposed("" if what == LOSS else where.partition(":")[2].strip(), _number(word, value))
    if what in COLUMNS:
        return _wish(word, what, underlying, expiry, value)
    if what in SIZES and not expiry:
        return Sized(what, underlying, _number(word, value))
    if what.partition("@")[0] in (*rulebook_names(), *ALIASES) and not underlying:
        return Capped(what, _number(word, value))
    known = ", ".join((*COLUMNS, *SIZES, STRESS, LIQUIDATION, f"{EXPOSURE}:ACCOUNT", LOSS))
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


def _floor(word: str, underlying: str, value: str) -> Floor:
    """A share of the price either way, or from a fall to a rise."""
    low, dots, high = value.partition("..")
    ends = (low, high) if dots else (f"-{value.removeprefix('±').removeprefix('+-')}", value.removeprefix("±"))
    if not all(end.strip().endswith("%") for end in ends):
        raise InputError(f"{word!r}: moves of price are in %", remedy="write liquidation:BTC=15% or =-20%..30%")
    fall, rise = (_number(word, end.strip()[:-1].removeprefix("+-")) / 100.0 for end in ends)
    if not -1.0 < fall <= 0.0 <= rise or fall == rise:
        raise InputError(f"{word!r}: not a fall above -100% and a rise", remedy="write liquidation:BTC=-20%..30%")
    return Floor(underlying, fall, rise)


def _number(word: str, text: str) -> float:
    plain = text.strip().replace(",", "")
    if not re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", plain):
        raise InputError(f"{word!r}: {text.strip()!r} is not a number", remedy=REMEDY)
    return float(plain)


def lines(text: str) -> Sequence[str]:
    """Return the limits of a file: one to a line, ``#`` begins a remark."""
    return [line for line in (raw.partition("#")[0].strip() for raw in text.splitlines()) if line]
