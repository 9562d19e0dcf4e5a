"""Golden cases, our own: a small market and a book written out, and every figure of the answer.

``input``: ``rulebook`` (``NAME@DATE``), ``market`` (a snapshot as ``loadline.io`` writes it, or the name of one of the
file's ``markets``), ``positions`` rows of ``instrument, quantity`` and, where there is some, ``unsettled``;
``balances`` by currency; ``orders`` rows of ``instrument, quantity, limit``; ``overrides`` by parameter path;
``scenarios``, the name of one of the file's sets, for a rule that takes one.
``expected``: ``currency, equity, initial, maintenance``; ``components`` by explain path (roots ``equity``, ``initial``,
``maintenance``); ``parts`` of the rule, chosen or not, summed over the account, PnL-signed; ``notes``, all of them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from loadline.engine.cases.case import Check, Replay, checks
from loadline.engine.engine import Answer, Chosen, choose_rulebook, margins
from loadline.engine.result import MarginResult
from loadline.foundation.errors import InputError, Unavailable
from loadline.foundation.units import parse_time
from loadline.model.instruments import NO_EXPIRY, Instruments, Kind, PayoffForm
from loadline.model.market import Market, Quotes
from loadline.model.positions import Balances, Orders, Portfolio, Positions
from loadline.model.residuals import Residuals
from loadline.model.scenario_set import Scenarios
from loadline.model.way import Way
from loadline.rulebooks.rulebook import Rulebook

ACCOUNT = "case"
RIGHTS: Mapping[str | None, int] = {"call": 1, "put": -1, "": 0, None: 0}
SIDES = ("equity", "initial", "maintenance")


def replay_golden(
    case: Mapping[str, Any],
    file: Mapping[str, Any],
    components: float,
    totals: float,
    known: Mapping[str, Rulebook] | None = None,
) -> Replay:
    """Return the checks of one golden case: the totals, and every component by its path.

    ``known``: rulebooks by name that are not installed.
    """
    name, want = str(case["id"]), case["expected"]
    bare, _, date = str(case["input"]["rulebook"]).partition("@")
    chosen = None
    if known and bare in known:
        chosen = choose_rulebook(known[bare], parse_time(date), case["input"].get("overrides"))
    answer = answer_of(case, file, chosen)
    if isinstance(answer, Unavailable):
        return Replay(name, (Check("answer", 0.0, math.nan, 0.0),), notes=(str(answer),))
    found = [Check("currency is " + want["currency"], 1.0, float(answer.currency == want["currency"]), 0.0)]
    found += checks({side: want[side] for side in SIDES}, {side: getattr(answer, side) for side in SIDES}, totals)
    found += checks(want.get("components", {}), rows_of(answer), components)
    found += checks(want.get("parts", {}), parts_of(answer), components)
    if "notes" in want:
        said = dict.fromkeys((*want["notes"], *answer.notes))
        found += [Check(f"note {n!r}", float(n in want["notes"]), float(n in answer.notes), 0.0) for n in said]
    return Replay(name, tuple(found), notes=answer.notes)


def answer_of(case: Mapping[str, Any], file: Mapping[str, Any], chosen: Chosen | None = None) -> Answer:
    """Return the engine's answer to a case, in the currency expected where there is one answer per wallet.

    ``chosen`` stands in for the rulebook that the case names. Raises ``InputError`` where nothing is in that currency.
    """
    given, currency = case["input"], case["expected"]["currency"]
    market = market_of(given["market"], file)
    rule = chosen or choose_rulebook(given["rulebook"], market.as_of, given.get("overrides"))
    if "scenarios" in given:
        brought = scenarios_of(file["scenarios"][given["scenarios"]])
        rule = replace(rule, version=replace(rule.version, scenarios=brought))
    found = margins(portfolio_of(given), market, rule)
    for answer in found:
        if isinstance(answer, Unavailable) or answer.currency == currency:
            return answer
    raise InputError(f"no answer in {currency}", remedy="expect a currency that the account holds")


def rows_of(answer: MarginResult) -> dict[str, float]:
    """Return the value of every row of the three explanations by its path."""
    return {"/".join(row.path): row.value for side in SIDES for row in answer.explain(side)}  # type: ignore[arg-type]


def parts_of(answer: MarginResult) -> dict[str, Any]:
    """Return the rule's named parts summed over the account, PnL-signed: a number, or one per scenario."""
    found: dict[str, Any] = {}
    for name, part in answer.tape.requirement.parts.items():
        if part.frame is not None:
            term = part if part.level == "account" else part.net("account")
            row = (term.numbers()[answer.tape.row] + 0.0).tolist()
            found[name] = row if term.axis is not None else row[0]
    return found


def portfolio_of(given: Mapping[str, Any]) -> Portfolio:
    """Return the portfolio of a case's input."""
    account = {"account": ACCOUNT}
    blank = {"unsettled": 0.0, "entry": math.nan}
    return Portfolio(
        Positions.from_rows(account | blank | row for row in given.get("positions", [])),
        Balances.from_rows(account | {"currency": c, "amount": x} for c, x in given.get("balances", {}).items()),
        Orders.from_rows(account | row for row in given.get("orders", [])),
    )


def scenarios_of(raw: Mapping[str, Any]) -> Scenarios:
    """Return a scenario set that is written out: a row of moves by underlying for each scenario."""
    spot, residual, pick = np.array(raw["spot"], np.float64), None, None
    if "residual" in raw:
        surface = raw["residual"]
        values = {coin: np.array(x, np.float64) for coin, x in surface["values"].items()}
        tenor, moneyness = (np.array(surface[n], np.float64) for n in ("tenor", "moneyness"))
        residual = Residuals(tenor, moneyness, np.array(surface["start"], np.int64), values)
        pick = np.array(raw["pick"], np.int64)
    way = None
    if "way" in raw:
        way = Way(np.array(raw["way"]["days"], np.float64), np.array(raw["way"]["spot"], np.float64))
    return Scenarios(
        np.array([f"scenario {n}" for n in range(len(spot))]),
        np.array(raw["family"]),
        tuple(raw["underlyings"]),
        spot,
        np.array(raw["vol"], np.float64),
        np.ones(spot.shape),
        np.array(raw["weight"], np.float64),
        residual=residual,
        pick=pick,
        way=way,
    )


def market_of(snapshot: Mapping[str, Any] | str, file: Mapping[str, Any]) -> Market:
    """Return the market of a snapshot written out, or of the name of one of the file's ``markets``."""
    whole: Mapping[str, Any] = file["markets"][snapshot] if isinstance(snapshot, str) else snapshot
    rows = whole["instruments"]
    instruments = Instruments.from_rows(_instrument(row) for row in rows)

    def column(name: str) -> np.ndarray:
        return np.array([row.get(name, 1.0 if name == "confidence" else math.nan) for row in rows], np.float64)

    given = {u: x if isinstance(x, Mapping) else {"price": x} for u, x in whole.get("index", {}).items()}
    return Market(
        parse_time(whole["as_of"]),
        instruments,
        Quotes(**{name: column(name) for name in Quotes.columns()}),
        {u: float(x["price"]) for u, x in given.items()},
        {c: float(x) for c, x in whole.get("fx", {}).items()},
        {u: float(x["confidence"]) for u, x in given.items() if "confidence" in x},
    )


def _instrument(row: Mapping[str, Any]) -> dict[str, Any]:
    kind = Kind[row["kind"].upper()]
    return {
        **{name: row[name] for name in ("id", "underlying", "quote", "settle")},
        "kind": kind,
        "form": PayoffForm[row["form"].upper()],
        "expiry": parse_time(row["expiry"]) if row.get("expiry") else NO_EXPIRY,
        "strike": row.get("strike", math.nan),
        "right": RIGHTS[row.get("right")],
        "multiplier": row.get("multiplier", 1.0),
        "upfront": row.get("upfront", kind in (Kind.SPOT, Kind.OPTION)),
    }
