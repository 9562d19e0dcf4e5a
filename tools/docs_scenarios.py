"""The scenarios of a rulebook, as its page lists them."""

from typing import Any

import numpy as np

from loadline.model.book import resolve
from loadline.model.instruments import NO_EXPIRY, Instruments, Kind, PayoffForm
from loadline.model.market import Market, Quotes
from loadline.model.positions import Portfolio, Positions
from loadline.model.scenario_set import Scenarios
from loadline.rulebooks.parameters import Version
from loadline.rulebooks.rulebook import Rulebook
from tools.docs_text import date, number, table

MOST_SCENARIOS = 100
"""Sets with more scenarios than this are described by their template, not listed."""


def underlyings(rule: Rulebook, version: Version) -> list[str]:
    """Return the underlyings that a version has scenarios or grids for, in order of appearance."""
    found: dict[str, None] = {}
    for p in version.parameters.values():
        if p.name.startswith(("scenarios.", "grid.")):
            found |= dict.fromkeys(p.by_key)
    return [u for u in found if u != "USD"] or ["BTC"]


def scenarios_of(rule: Rulebook, version: Version, underlying: str) -> Scenarios:
    """Return the scenarios of a book that holds one perpetual of an underlying."""
    name = f"{underlying}-PERPETUAL"
    row: dict[str, Any] = {"id": name, "underlying": underlying, "kind": Kind.PERPETUAL, "form": PayoffForm.LINEAR}
    row |= {"expiry": NO_EXPIRY, "strike": np.nan, "right": 0, "multiplier": 1.0, "quote": "USD", "settle": "USDC"}
    position = {"account": "a", "instrument": name, "quantity": 1.0, "unsettled": 0.0, "entry": np.nan}
    instruments = Instruments.from_rows([row | {"upfront": False}])
    market = Market(version.effective, instruments, Quotes.of(np.ones(1)), {underlying: 1.0}, {"USDC": 1.0})
    held = Portfolio(Positions.from_rows([position]))
    book = resolve(held, market, lambda i: rule.unit(i, version), ("a",))
    return rule.scenarios(book.universe, version)


def signed(move: float) -> str:
    """Return a move of price in percent."""
    return "0" if abs(move) < 1e-12 else f"{100 * move:+.6g} %"


def vol_word(label: str) -> str:
    """Return what a scenario's label says of vol."""
    return label.partition(" vol ")[2].partition(" (")[0].replace("_", " ") or "none"


def listed(found: Scenarios) -> list[tuple[str, str, str, str]]:
    """Return family, price move, vols and dampening of each scenario; vols of one move share a row."""
    rows: dict[tuple[str, float, float], list[str]] = {}
    for n, label in enumerate(found.label.tolist()):
        key = (str(found.family[n]), round(float(found.spot[n, 0]), 12), float(found.dampening[n, 0]))
        rows.setdefault(key, []).append(vol_word(label))
    return [(f, signed(m), ", ".join(v), number(d)) for (f, m, d), v in rows.items()]


def scenarios(rule: Rulebook) -> str:
    """Return the scenarios of each version, underlyings and versions with the same ones together."""
    sets: dict[tuple[Any, ...], list[str]] = {}
    for version in rule.versions:
        for u in underlyings(rule, version):
            found = scenarios_of(rule, version, u)
            if len(found) > MOST_SCENARIOS or len(found) == 1:
                continue
            rows = (len(found), *listed(found))
            sets.setdefault(rows, []).append(u if len(rule.versions) == 1 else f"{u} from {date(version)}")
    head = ("family", "price", "vol", "dampening")
    return "\n\n".join(
        f"{', '.join(names)}: {rows[0]} scenarios.\n\n{table(head, rows[1:])}" for rows, names in sets.items()
    )
