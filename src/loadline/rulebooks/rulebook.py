"""What a rulebook is, and how one is found by name and date."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from importlib import import_module, resources

import numpy as np

from loadline.foundation.errors import RuleError
from loadline.foundation.table import Texts
from loadline.model.book import Book
from loadline.model.cube import Cube, Shocked
from loadline.model.instruments import Instruments
from loadline.model.market import Market
from loadline.model.scenario_set import Scenarios
from loadline.model.universe import Universe
from loadline.rulebooks.parameters import Version, in_force, parse_versions
from loadline.tape.term import Term

SHIPPED: Mapping[str, str] = {
    "isolated": "isolated",
    "static": "static",
    "tail": "tail",
    "derive": "derive",
    "derive-v1": "derive_v1",
    "derive-srm": "derive_srm",
    "deribit-spm": "deribit",
    "deribit-xpm": "deribit",
    "paradex-pm": "paradex",
    "paradex-xm": "paradex_cross",
    "bybit": "bybit",
    "okx": "okx",
    "binance": "binance",
    "hyperliquid": "hyperliquid",
    "hyperliquid-pm": "hyperliquid",
    "dydx": "dydx",
    "drift": "drift",
    "orderly": "orderly",
    "gmx": "gmx",
}
"""The rulebooks of this package: name -> module; a module is imported when its rulebook is first asked for."""
ALIASES: Mapping[str, str] = {"deribit": "deribit-xpm"}
"""A venue's name alone: the rulebook meant by it."""
GROUP = "loadline.rulebooks"
"""The entry-point group that third parties register modules under."""


def by_underlying(instruments: Instruments, version: Version) -> Texts:
    """Return the underlying as the risk unit."""
    return instruments.underlying


@dataclass(frozen=True, eq=False)
class Requirement:
    """What a rule answers, PnL-signed terms at level account: a requirement is a loss, so it is negative here.

    ``parts`` are named intermediates (any level) that golden cases and reports look at.
    """

    initial: Term
    maintenance: Term
    equity: Term
    parts: Mapping[str, Term] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Rulebook:
    """A named rule: where its scenarios come from, how they shock a universe, and the arithmetic of the margin.

    ``unit`` names the risk unit; ``segregated`` rules answer per account and settlement currency, in that currency;
    ``cash`` rules know only cash-settled contracts (others are restated); ``needs`` are the market columns that must
    be there; ``alone`` says when a rule must look at one account at a time; ``status`` is how far it is verified.
    """

    name: str
    title: str
    status: str
    margin: Callable[[Book, Cube, Version], Requirement]
    scenarios: Callable[[Universe, Version], Scenarios]
    shock: Callable[[Universe, Scenarios, Version], Shocked]
    unit: Callable[[Instruments, Version], Texts] = by_underlying
    needs: tuple[str, ...] = ("index", "forward", "vol", "mark")
    currency: str = "USD"
    segregated: bool = False
    cash: bool = False
    alone: Callable[[Market, Version], bool] = lambda market, version: False
    check: Callable[[Version], None] = lambda version: None
    notes: tuple[str, ...] = ()
    versions: tuple[Version, ...] = ()


def _registered() -> dict[str, str]:
    """The rulebooks of other packages: name -> module."""
    from importlib import metadata  # slow to import, and needed only where a name is not ours

    return {e.name: e.value for e in metadata.entry_points(group=GROUP)}


def rulebook_names() -> list[str]:
    """Return every rulebook that can be loaded: shipped ones first, then registered ones.

    >>> rulebook_names()[:3]
    ['isolated', 'static', 'tail']
    """
    return [*SHIPPED, *sorted(_registered())]


@lru_cache
def load(name: str) -> Rulebook:
    """Return a rulebook with all its versions; raises ``RuleError`` offering the nearest name."""
    name = ALIASES.get(name, name)
    if name in SHIPPED:
        module = import_module(f"loadline.rulebooks.{SHIPPED[name]}")
        file = resources.files("loadline.rulebooks") / f"{SHIPPED[name]}.toml"
    else:
        points = _registered()
        if name not in points:
            near = difflib.get_close_matches(name, rulebook_names(), 1)
            hint = f"did you mean {near[0]}? " if near else ""
            raise RuleError(f"no rulebook {name!r}", remedy=f"{hint}known: {', '.join(rulebook_names())}")
        module = import_module(points[name])
        package, _, stem = points[name].rpartition(".")
        file = resources.files(package) / f"{stem}.toml"
    rule: Rulebook = module.RULEBOOKS[name]
    versions = parse_versions(file.read_text("utf-8"), name, file.name)
    for version in versions:
        rule.check(version)
    return replace(rule, versions=versions)


def choose(rule: Rulebook, as_of: int) -> tuple[Version, tuple[str, ...]]:
    """Return the version of a rulebook in force at ``as_of`` (epoch ms), with notes."""
    return in_force(rule.versions, as_of)


def no_scenarios(universe: Universe, version: Version) -> Scenarios:
    """Return the one scenario in which nothing happens, for rules that look at no others."""
    return Scenarios.of([("now", "regular", 0.0, 0.0, 1.0)])


def no_shock(universe: Universe, scenarios: Scenarios, version: Version) -> Shocked:
    """Return the universe as it is."""
    return Shocked(universe.quotes.forward[:, None].copy(), np.nan_to_num(universe.quotes.vol)[:, None])
