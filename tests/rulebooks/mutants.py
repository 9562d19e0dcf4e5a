"""Parameters changed a little, one number at a time, and whether any golden case of their version notices."""

import json
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from loadline.engine.cases import golden
from loadline.engine.cases.case import checks
from loadline.engine.engine import Chosen, margins
from loadline.engine.result import MarginResult
from loadline.engine.verify import COMPONENTS, TOTALS
from loadline.foundation.errors import LoadlineError
from loadline.model.market import Market
from loadline.model.positions import Portfolio
from loadline.model.scenario_set import Scenarios
from loadline.rulebooks.parameters import Parameter, Version
from loadline.rulebooks.rulebook import SHIPPED, Rulebook, load
from tests.rulebooks.operations import Turned, built, family, mutations

FOLDER = Path(__file__).resolve().parents[2] / "cases"
SHARE = 1.03
BUMP = 0.03
LATEST = "2100-01-01"
A_FEW = 5


@dataclass(frozen=True)
class Mutant:
    """One number of one version changed: ``where`` names the parameter, its key and the place in a list."""

    version: str
    parameter: str
    where: str
    changed: Version


def number(x: float, p: Parameter) -> float:
    """A number a few per cent away, inside its bounds; a whole number stays whole."""
    whole = isinstance(x, int) and not isinstance(x, bool) and abs(x) > 1
    if p.unit.startswith("decimals"):
        new: float = x - 2  # one more, or one fewer of many, changes less than a check can see
    elif whole:
        new = x + (2 if x % 2 == 0 else 1)  # an even count stays even
    elif x == 0:
        new = BUMP * (p.high if 0 < p.high <= 10 else 1.0 if p.high < math.inf else 1e4)
        if isinstance(x, int) and 10 < p.high < math.inf:  # of what is counted in small units a small part is nothing
            new = round(BUMP * p.high)
    else:
        new = x * SHARE
    if new > p.high or new < p.low:
        new = x - 2 if whole else x / SHARE
    return new


def values(value: Any, p: Parameter) -> Iterator[tuple[str, Any]]:
    """(place, value with one number changed) for every number in it; other choices and dates for texts."""
    if isinstance(value, str):
        yield from ((f"={c}", c) for c in (p.choices or (LATEST,)) if c != value)
    elif isinstance(value, list):
        for i, item in enumerate(value):
            if isinstance(item, list) and not any(isinstance(x, str) for x in item):  # [spot, vol, weight]
                for n, x in enumerate(item):
                    moved = [*item[:n], x * SHARE or BUMP, *item[n + 1 :]]
                    yield f"[{i}][{n}]", [*value[:i], moved, *value[i + 1 :]]
            elif isinstance(item, list):  # [spot factor, vol, dampening]
                moved = 1.0 + (item[0] - 1.0) * SHARE if item[0] != 1 else None
                if moved is not None:
                    yield f"[{i}].spot", [*value[:i], [moved, *item[1:]], *value[i + 1 :]]
                yield f"[{i}].dampening", [*value[:i], [item[0], item[1], item[2] * SHARE], *value[i + 1 :]]
            else:
                yield f"[{i}]", [*value[:i], item * SHARE if item else number(item, p), *value[i + 1 :]]
    else:
        yield "", number(value, p)


def mutants(name: str) -> Iterator[Mutant]:
    """Every mutant of every version of a rulebook."""
    for version in load(name).versions:
        for p in version.parameters.values():
            held = ([("", p.value)] if p.value is not None else []) + list(p.by_key.items())
            for key, value in held:
                for place, new in values(value, p):
                    changed = replace(p, by_key=p.by_key | {key: new}) if key else replace(p, value=new)
                    parameters = version.parameters | {p.name: changed}
                    where = f"{p.name}{'.' if key else ''}{key}{place}"
                    yield Mutant(version.label, p.name, where, replace(version, parameters=parameters))


@dataclass(frozen=True)
class Ready:
    """A golden case with its market and portfolio read."""

    name: str
    rulebook: str
    currency: str
    market: Market
    portfolio: Portfolio
    overrides: dict[str, Any]
    expected: dict[str, Any]
    scenarios: Scenarios | None = None


def ready(name: str) -> list[Ready]:
    """Every golden case of a rulebook, books first."""
    found = []
    for path in sorted((FOLDER / name).glob("*.json")):
        file = json.loads(path.read_text("utf-8"))
        markets = {m: golden.market_of(m, file) for m in file["markets"]}
        sets = {n: golden.scenarios_of(raw) for n, raw in file.get("scenarios", {}).items()}
        for case in file["vectors"]:
            given, want = case["input"], case["expected"]
            changes = {k.partition(".")[2]: v for k, v in given.get("overrides", {}).items()}
            market, held = markets[given["market"]], golden.portfolio_of(given)
            brought = sets.get(given.get("scenarios", ""))
            found.append(Ready(case["id"], given["rulebook"], want["currency"], market, held, changes, want, brought))
    return found


@cache
def rule_of(name: str) -> Rulebook:
    """A rulebook, read once."""
    return load(name)


def notices(case: Ready, mutant: Mutant) -> bool:
    """Whether a case's answer moves beyond its tolerance when the mutant stands in."""
    return moves(case, rule_of(mutant.version.partition("@")[0]), mutant.changed)


def moves(case: Ready, rule: Rulebook, version: Version) -> bool:
    """Whether a case's answer moves beyond its tolerance under a rulebook and a version."""
    try:
        version = replace(version.override(case.overrides), scenarios=case.scenarios)
        rule.check(version)
        said = (f"parameters overridden: {', '.join(version.overridden)}",) if case.overrides else ()
        found = margins(case.portfolio, case.market, Chosen(rule, version, (*said, *rule.notes)))
    except LoadlineError:
        return True
    answer = next((a for a in found if isinstance(a, MarginResult) and a.currency == case.currency), None)
    if answer is None:
        return True
    totals = {side: case.expected[side] for side in golden.SIDES}
    if not all(c.ok for c in checks(totals, {side: getattr(answer, side) for side in golden.SIDES}, TOTALS)):
        return True
    parts = checks(case.expected["parts"], golden.parts_of(answer), COMPONENTS)
    if not all(c.ok for c in parts):
        return True
    if case.expected.get("notes", list(answer.notes)) != list(answer.notes):
        return True
    return not all(c.ok for c in checks(case.expected["components"], golden.rows_of(answer), COMPONENTS))


@dataclass(frozen=True)
class Census:
    """Which mutants of a rulebook were noticed."""

    caught: list[Any]
    missed: list[Any]

    @property
    def rate(self) -> float:
        """The share noticed."""
        return len(self.caught) / (len(self.caught) + len(self.missed))


def census(name: str, hopeless: Callable[[Mutant], bool]) -> Census:
    """Try every mutant of a rulebook on the cases of its version, the one that noticed last first.

    Those that are said to be ``hopeless`` are tried on a few.
    """
    cases: dict[str, list[Ready]] = {}
    for case in ready(name):
        cases.setdefault(case.rulebook, []).append(case)
    for version in rule_of(name).versions:
        same = Mutant(version.label, "", "nothing changed", version)
        noisy = [case.name for case in cases.get(version.label, []) if notices(case, same)]
        assert not noisy, f"these cases notice nothing at all: {noisy}"
    caught, missed = [], []
    for mutant in mutants(name):
        mine = cases.get(mutant.version, [])
        for n, case in enumerate(mine[: A_FEW if hopeless(mutant) else None]):
            if notices(case, mutant):
                mine.insert(0, mine.pop(n))
                caught.append(mutant)
                break
        else:
            missed.append(mutant)
    return Census(caught, missed)


def operations_census(name: str, hopeless: Callable[[Turned], bool] = lambda change: False) -> Census:
    """Try every changed operation of a rulebook on its cases, the one that noticed last first.

    What it shares with other rulebooks is tried on theirs too. Those said to be ``hopeless`` are tried on a few.
    """
    cases = {name: ready(name)}
    versions = {v.label: v for n in SHIPPED for v in rule_of(n).versions}
    noisy = [c.name for c in cases[name] if moves(c, rule_of(name), versions[c.rulebook])]
    assert not noisy, f"these cases notice nothing at all: {noisy}"

    def noticed(change: Turned, by: str) -> bool:
        """Whether a case of a rulebook notices; it is asked first next time."""
        mine = cases.get(by) or ready(by)
        cases[by] = mine
        try:
            rule = built(by, change)
        except Exception:  # it cannot even be read: nobody would overlook that
            return True
        for n, case in enumerate(mine[: A_FEW if hopeless(change) else None]):
            if fails(case, rule, versions[case.rulebook]):
                mine.insert(0, mine.pop(n))
                return True
        return False

    caught, missed = [], []
    for change in mutations(name):
        others = [n for n in SHIPPED if n != name and change.module in family(n)]
        found = any(noticed(change, by) for by in (name, *others))
        (caught if found else missed).append(change)
    return Census(caught, missed)


def fails(case: Ready, rule: Rulebook, version: Version) -> bool:
    """Whether a case is answered otherwise, or no longer at all."""
    try:
        return moves(case, rule, version)
    except Exception:  # an operation that no longer fits its arguments
        return True
