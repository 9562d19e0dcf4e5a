"""Named stresses: crashes that happened, as tables of plain facts with their sources, made ready for a market.

``stresses.toml`` beside this module holds what is known and nothing else. What a coin did that was not traded then is
decided by a rule that the caller names, and every use of the rule is told.
"""

from __future__ import annotations

import math
import statistics
import tomllib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any, Literal, get_args

from loadline.foundation.errors import InputError
from loadline.foundation.table import Floats
from loadline.model.shift import Shift

Span = Literal["low", "day", "two_days"]
"""From the eve to the lowest price; over the 24 or the 48 hours in which the lead fell most, close to close."""
Rule = Literal["beta", "worst", "still"]
"""What a coin does that was not listed: by its beta to BTC in other stresses, as the worst that was, or nothing."""

STABLECOINS = frozenset(
    (
        *("USD", "USDC", "USDT", "USDE", "USDe", "DAI", "USDS", "FDUSD", "TUSD", "USDP", "PYUSD", "USD1", "USDH"),
        *("BUSD", "USDG", "RLUSD", "GUSD", "LUSD", "FRAX", "crvUSD", "sUSDe", "sDAI", "sUSDS", "USDD"),
        *("EUR", "EURC", "EURT", "EURS", "EURI"),
    )
)
"""Currencies that are meant to stand still: a crash of coins does not move them, a fact about them does."""


@dataclass(frozen=True, slots=True)
class Fact:
    """A fraction, and who says so."""

    move: float
    source: str


@dataclass(frozen=True)
class Window:
    """What moved between two times (epoch ms): coin -> fact, of spot, of perpetuals beyond spot, of 30-day vol."""

    start: int
    end: int
    spot: Mapping[str, Fact]
    perpetual: Mapping[str, Fact]
    vol: Mapping[str, Fact]


@dataclass(frozen=True, eq=False)
class Stress:
    """A crash: its name is a date; ``lead`` is the coin its windows follow, ``about`` whose own end it was."""

    name: str
    title: str
    lead: str
    about: tuple[str, ...]
    unknown: tuple[str, ...]
    windows: Mapping[Span, Window]


@dataclass(frozen=True)
class Trial:
    """A stress ready for a market: the shift, and what had to be decided by rule to make it."""

    name: str
    title: str
    shift: Shift
    notes: tuple[str, ...] = ()
    family: str = "named"
    sources: tuple[str, ...] = field(default=(), repr=False)


@cache
def stresses() -> tuple[Stress, ...]:
    """Return the packaged stresses, oldest first.

    >>> [s.name for s in stresses()][:2], stresses()[0].windows["low"].spot["BTC"].move
    (['2020-03-12', '2021-05-19'], -0.5233)
    """
    return tuple(_stress(row) for row in _document()["stress"])


@cache
def _document() -> dict[str, Any]:
    return tomllib.loads((files("loadline.scenarios") / "stresses.toml").read_text("utf-8"))


def _stress(row: Mapping[str, Any]) -> Stress:
    windows = {span: _window(row[span]) for span in get_args(Span)}
    return Stress(row["name"], row["title"], row["lead"], tuple(row["about"]), tuple(row["unknown"]), windows)


def _window(row: Mapping[str, Any]) -> Window:
    told: dict[str, dict[str, Fact]] = {"spot": {}, "perpetual": {}, "vol": {}}
    for facts in row["facts"]:
        told[facts["of"]] |= {coin: Fact(float(x), facts["source"]) for coin, x in facts["moves"].items()}
    start, end = (int(row[k].timestamp()) * 1000 for k in ("from", "to"))
    return Window(start, end, told["spot"], told["perpetual"], told["vol"])


def named(name: str) -> Stress:
    """Return the stress of a name, or of the only name or title that a part of it is in; raises ``InputError``.

    >>> named("ftx").name
    '2022-11-09'
    """
    found = [s for s in stresses() if s.name == name]
    found = found or [s for s in stresses() if name.lower() in f"{s.name} {s.title}".lower()]
    if len(found) != 1:
        known = ", ".join(f"{s.name} ({s.title.partition(':')[0]})" for s in found or stresses())
        raise InputError(f"{'no' if not found else 'more than one'} stress {name!r}", remedy=f"one of {known}")
    return found[0]


def same_as(coin: str) -> str:
    """Return the coin that a coin counts as where it has no fact of its own: its old name, or what it wraps.

    >>> same_as("wstETH"), same_as("POL"), same_as("SOL")
    ('ETH', 'MATIC', 'SOL')
    """
    renamed: Mapping[str, str] = _document()["renamed"]
    return renamed.get(coin, coin)


def beta(coin: str, span: Span = "low") -> float:
    """Return the median, over stresses that tell both, of a coin's log move over BTC's; NaN where none does.

    Stresses in which BTC fell by less than a twentieth tell nothing of it, nor those that were about the coin itself.

    >>> beta("BTC"), 1.0 < beta("ETH") < 2.0, beta("no such coin")
    (1.0, True, nan)
    """
    found = []
    for stress in stresses():
        told = stress.windows[span].spot
        if coin in told and coin not in stress.about and told["BTC"].move < -0.05:
            found.append(math.log1p(told[coin].move) / math.log1p(told["BTC"].move))
    return statistics.median(found) if found else math.nan


def trial(stress: Stress, names: Collection[str], *, span: Span = "low", unlisted: Rule = "beta") -> Trial:
    """Return a stress for the coins and currencies of a market.

    ``names``: underlyings and currencies; ``span``: which window; ``unlisted``: what coins do that have no fact.
    Vols of underlyings without a fact move as BTC's; where that is not known either, as in the worst stress that
    tells it (``still``: not at all). Stablecoins without a fact stay, perpetuals without one move with spot.

    >>> made = trial(named("2020-03-12"), ["BTC", "SOL", "USDC"])
    >>> made.shift.spot["BTC"], made.shift.spot["SOL"] < -0.6, made.notes[0]
    (-0.5233, True, 'not traded then: SOL, moved by its beta to BTC in other stresses')
    """
    window, mine = stress.windows[span], sorted(set(names) - {"USD"})
    spot: dict[str, float] = {}
    sources: dict[str, None] = {}
    by_rule, wrapped, still = [], [], []
    for coin in mine:
        known = coin if coin in window.spot else same_as(coin)
        if known in window.spot:
            spot[coin] = window.spot[known].move
            sources[window.spot[known].source] = None
            wrapped += [f"{coin} as {known}"] if known != coin else []
        elif coin in STABLECOINS:
            still.append(coin)
        elif unlisted == "still":
            by_rule.append(coin)
        else:
            spot[coin] = worst(stress, span) if unlisted == "worst" else by_beta(stress, known, span)
            by_rule.append(coin)
    coins = [c for c in mine if c not in STABLECOINS]
    vol, said = vol_moves(stress, coins, span, unlisted)
    perpetual = {c: window.perpetual[same_as(c)].move for c in coins if same_as(c) in window.perpetual}
    rule = {
        "beta": "moved by its beta to BTC in other stresses",
        "worst": "moved as the worst coin that was",
        "still": "left where it is",
    }[unlisted]
    strangers = [c for c in by_rule if unlisted == "beta" and math.isnan(beta(same_as(c), span))]
    by_rule = [c for c in by_rule if c not in strangers]
    notes = [f"not traded then: {', '.join(by_rule)}, {rule}"] if by_rule else []
    notes += [f"in no stress: {', '.join(strangers)}, moved as the worst coin that was"] if strangers else []
    notes += [f"counted alike: {', '.join(wrapped)}"] if wrapped else []
    notes += [f"no fact: {', '.join(still)}, left at today's price"] if still else []
    notes += said
    lacking = [c for c in coins if c not in perpetual]
    whose = f" of {', '.join(lacking)}" if perpetual else ""
    if lacking:
        notes.append(f"perpetuals{whose}: basis not known, they move with spot")
    sources |= {f.source: None for told in (window.perpetual, window.vol) for f in told.values()}
    shift = Shift(spot, vol, perpetual, by_tenor=True)
    return Trial(stress.name, stress.title, shift, tuple(notes), sources=tuple(sources))


def worst(stress: Stress, span: Span = "low") -> float:
    """Return the move of the coin that fell most, those aside whose own end the stress was."""
    told = stress.windows[span].spot
    return min(f.move for c, f in told.items() if c not in stress.about and c not in STABLECOINS)


def by_beta(stress: Stress, coin: str, span: Span = "low") -> float:
    """Return the move that a coin's beta to BTC makes of this stress; of a coin in no stress, that of the worst."""
    steep = beta(coin, span)
    if math.isnan(steep):
        return worst(stress, span)
    return math.expm1(steep * math.log1p(stress.windows[span].spot["BTC"].move))


def vol_moves(stress: Stress, coins: Collection[str], span: Span, rule: Rule) -> tuple[dict[str, float], list[str]]:
    """Return the move of each underlying's 30-day vol, and what was decided by rule."""
    told = stress.windows[span].vol
    if "BTC" in told:
        other = [c for c in coins if same_as(c) not in told]
        notes = [f"vol of {', '.join(other)}: not known, moved as BTC's"] if other else []
        return {c: told.get(same_as(c), told["BTC"]).move for c in coins}, notes
    if rule == "still":
        return {}, ["vol: not known, left where it is"]
    most = max((s for s in stresses() if "BTC" in s.windows[span].vol), key=lambda s: s.windows[span].vol["BTC"].move)
    rise = most.windows[span].vol["BTC"].move
    said = f"vol: not known then; {rise:+.0%} as on {most.name}, the largest rise known (prudent for sellers alone)"
    return dict.fromkeys(coins, rise), [said] if coins else []


def factor_moves(made: Trial, names: Collection[str]) -> Floats:
    """Return (2N,) log moves of prices and then of vols, 0 where the trial moves nothing.

    >>> factor_moves(Trial("", "", Shift(spot={"BTC": -0.5})), ["BTC"]).round(4).tolist()
    [-0.6931, 0.0]
    """
    import numpy as np

    moves = [*(made.shift.spot.get(n, 0.0) for n in names), *(made.shift.vol.get(n, 0.0) for n in names)]
    return np.log1p(np.array(moves, np.float64))
