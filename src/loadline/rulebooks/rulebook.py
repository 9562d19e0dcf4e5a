"""What a rulebook is, and how one is found by name and date."""

from __future__ import annotations

import difflib
import re
import sys
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from importlib import import_module, resources
from pathlib import Path
from traceback import extract_tb
from types import ModuleType

import numpy as np

from loadline.foundation.errors import RuleError
from loadline.foundation.table import Texts
from loadline.model.book import Book
from loadline.model.cube import Cube, Shocked
from loadline.model.instruments import Instruments
from loadline.model.market import Market
from loadline.model.scenario_set import Scenarios
from loadline.model.universe import Universe
from loadline.rulebooks.liquidation_terms import Liquidation, liquidation_beside
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
    "bybit-regular": "bybit_regular",
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
    be there; ``alone`` says when a rule must look at one account at a time; ``status`` is how far it is verified;
    ``liquidated_as`` is the rulebook file whose ``.liquidation.toml`` tells how the venue liquidates, if not its own.
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
    liquidated_as: str = ""
    liquidation: tuple[Liquidation, ...] = ()


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
        file = (resources.files(package) if package else Path(str(module.__file__)).parent) / f"{stem}.toml"
        if not file.is_file():
            raise RuleError(f"the rulebook {name} has no {stem}.toml beside its module {points[name]}", remedy=PAIR)
    return _assembled(module, name, file.read_text("utf-8"), file.name)


def _offered(module: ModuleType) -> dict[str, Rulebook]:
    """The rulebooks that a module offers by name; raises ``RuleError`` where it offers none, or under a wrong name."""
    found, where = getattr(module, "RULEBOOKS", None), str(module.__file__)
    if not (isinstance(found, Mapping) and found and all(isinstance(r, Rulebook) for r in found.values())):
        raise RuleError("no RULEBOOKS in it", where=where, remedy='end it with RULEBOOKS = {"NAME": Rulebook(...)}')
    wrong = [str(n) for n, r in found.items() if n != r.name or not re.fullmatch(r"[A-Za-z][\w-]*", r.name)]
    if wrong:
        remedy = "its key and its name are one word: letters, digits, - and _"
        raise RuleError(f"{', '.join(wrong)} cannot be the name of a rulebook", where=where, remedy=remedy)
    return dict(found)


def _assembled(module: ModuleType, name: str, text: str, file: str) -> Rulebook:
    """The rulebook of a module with the versions of its parameter file; raises ``RuleError`` with every fault."""
    offered = _offered(module)
    if name not in offered:
        remedy = f"it offers {', '.join(offered)}"
        raise RuleError(f"no rulebook {name!r} in it", where=str(module.__file__), remedy=remedy)
    versions = parse_versions(text, name, file)
    faults = []
    for version in versions:
        try:
            offered[name].check(version)
        except RuleError as error:
            faults.append(error.what)
    if faults:
        raise RuleError(f"{name}: parameters cannot be used:\n" + "\n".join(f"  - {f}" for f in faults), where=file)
    told = liquidation_beside(str(module.__file__), offered[name].liquidated_as, versions)
    return replace(offered[name], versions=versions, liquidation=told)


PAIR = "a rulebook is two files side by side: NAME.py and NAME.toml"


def read_rulebook(path: str | Path, name: str = "") -> Rulebook:
    """Return a rulebook that is not installed, from ``toy.toml`` and the ``toy.py`` beside it, or a calibrated one.

    A file that says whose rulebook it belongs to (``rulebook = "tail"``) needs no module: ``calibrated``. ``name``:
    which one, where the module offers several. Reading it runs the module, like any import; nothing is registered, and
    the file is read anew on every call. Raises ``RuleError`` naming all that is missing.
    """
    file = Path(path)
    if file.suffix != ".toml":
        raise RuleError(f"{file.name} is not a parameter file", where=str(file), remedy=f"name NAME.toml; {PAIR}")
    code = file.with_suffix(".py")
    if file.is_file() and not code.is_file():
        from loadline.rulebooks.calibrated import is_calibrated, read_calibrated  # it asks for rulebooks by name

        if is_calibrated(_whole(file)):
            return read_calibrated(file)
    missing = [f.name for f in (file, code) if not f.is_file()]
    if missing:
        raise RuleError(f"{' and '.join(missing)} not found", where=str(file.parent), remedy=PAIR)
    module = _run(code)
    offered = _offered(module)
    taken = [n for n in offered if n in SHIPPED or n in ALIASES]
    if taken:
        what, remedy = f"the name {', '.join(taken)} is taken", "a shipped rulebook has it: choose another"
        raise RuleError(what, where=str(code), remedy=remedy)
    if not name and len(offered) > 1:
        remedy = f"say which: {file.name}#{next(iter(offered))}"
        raise RuleError(f"{len(offered)} rulebooks in it: {', '.join(offered)}", where=str(code), remedy=remedy)
    return _assembled(module, name or next(iter(offered)), file.read_text("utf-8"), file.name)


def _whole(file: Path) -> str:
    """The text of a parameter file; raises ``RuleError`` where it is no TOML, as half of one is not."""
    try:
        text = file.read_text("utf-8")
        tomllib.loads(text)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        causes, remedy = "the file is cut short, or was edited", "calibrate or copy it again, or mend the line"
        raise RuleError(f"{file.name} is not TOML: {error}", where=str(file), causes=causes, remedy=remedy) from error
    return text


def _run(code: Path) -> ModuleType:
    """A module run from its file; raises ``RuleError`` with the line that fails."""
    module = ModuleType(f"loadline_rulebook_{code.stem}")
    module.__file__ = str(code)
    sys.modules[module.__name__] = module  # while it runs: dataclasses look their own module up there
    try:
        exec(compile(code.read_text("utf-8"), str(code), "exec"), module.__dict__)
    except Exception as error:
        lines = [f.lineno for f in extract_tb(error.__traceback__) if f.filename == str(code)]
        line = error.lineno if isinstance(error, SyntaxError) else lines[-1] if lines else None
        at = f"{code}:{line}" if line else str(code)
        what = f"the rulebook's module cannot be run: {type(error).__name__}: {error}"
        remedy = "mend it; it may import installed packages, not the files beside it"
        raise RuleError(what, where=at, remedy=remedy) from error
    finally:
        del sys.modules[module.__name__]
    return module


def choose(rule: Rulebook, as_of: int) -> tuple[Version, tuple[str, ...]]:
    """Return the version of a rulebook in force at ``as_of`` (epoch ms), with notes."""
    return in_force(rule.versions, as_of)


def no_scenarios(universe: Universe, version: Version) -> Scenarios:
    """Return the one scenario in which nothing happens, for rules that look at no others."""
    return Scenarios.of([("now", "regular", 0.0, 0.0, 1.0)])


def no_shock(universe: Universe, scenarios: Scenarios, version: Version) -> Shocked:
    """Return the universe as it is."""
    return Shocked(universe.quotes.forward[:, None].copy(), np.nan_to_num(universe.quotes.vol)[:, None])
