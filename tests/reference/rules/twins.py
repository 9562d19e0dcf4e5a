"""Every twin by the name of its rulebook, and the engine's components under the names that the twins use."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from loadline.engine.cases import golden
from loadline.engine.result import MarginResult
from tests.reference.rules import (
    bybit,
    bybit_regular,
    common,
    deribit,
    derive,
    derive_srm,
    isolated,
    okx,
    paradex,
    pooled,
    protocols,
    static,
    tail,
)

RULES = Path(golden.__file__).parents[2] / "rulebooks"
Answer = dict[str, float]
Twin = Callable[[common.Snapshot, common.Account, common.Parameters, str], Answer]

TWINS: dict[str, tuple[str, Twin]] = {
    "isolated": ("isolated", lambda m, a, p, currency: isolated.isolated(m, a, p)),
    "static": ("static", lambda m, a, p, currency: static.static(m, a, p)),
    "tail": ("tail", lambda m, a, p, currency: tail.tail(m, a, p, p.scenarios)),
    "derive": ("derive", lambda m, a, p, currency: derive.pmrm2(m, a, p)),
    "derive-v1": ("derive_v1", lambda m, a, p, currency: derive.pmrm1(m, a, p)),
    "derive-srm": ("derive_srm", lambda m, a, p, currency: derive_srm.srm(m, a, p)),
    "deribit-spm": ("deribit", deribit.segregated),
    "deribit-xpm": ("deribit", lambda m, a, p, currency: deribit.cross(m, a, p)),
    "paradex-pm": ("paradex", lambda m, a, p, currency: paradex.portfolio(m, a, p)),
    "paradex-xm": ("paradex_cross", lambda m, a, p, currency: paradex.cross(m, a, p)),
    "bybit": ("bybit", lambda m, a, p, currency: bybit.bybit(m, a, p)),
    "bybit-regular": ("bybit_regular", lambda m, a, p, currency: bybit_regular.regular(m, a, p)),
    "okx": ("okx", lambda m, a, p, currency: okx.okx(m, a, p)),
    "binance": ("binance", lambda m, a, p, currency: pooled.binance(m, a, p)),
    "hyperliquid": ("hyperliquid", lambda m, a, p, currency: pooled.hyperliquid(m, a, p)),
    "hyperliquid-pm": ("hyperliquid", lambda m, a, p, currency: pooled.hyperliquid_pm(m, a, p)),
    "dydx": ("dydx", lambda m, a, p, currency: protocols.dydx(m, a, p)),
    "drift": ("drift", lambda m, a, p, currency: protocols.drift(m, a, p)),
    "orderly": ("orderly", lambda m, a, p, currency: protocols.orderly(m, a, p)),
    "gmx": ("gmx", lambda m, a, p, currency: protocols.gmx(m, a, p)),
}
"""Rulebook -> its parameter file and its twin."""


def twin_of(name: str, given: dict[str, Any], snapshot: dict[str, Any], currency: str) -> Answer:
    """What the twin answers to a case's input; ``scenarios`` in it are a set written out."""
    bare, _, date = name.partition("@")
    stem, twin = TWINS[bare]
    market = common.snapshot(snapshot)
    p = common.Parameters(RULES / f"{stem}.toml", date or snapshot["as_of"], given.get("overrides"))
    p.scenarios = given.get("scenarios")
    return twin(market, common.account(given, market), p, currency)


def parts_of(answer: MarginResult) -> Answer:
    """The engine's main components, by the names that the twins use."""
    found = {side: getattr(answer, side) for side in ("equity", "initial", "maintenance")}
    row = answer.tape.row
    for ours, theirs in (
        ("worst", "worst case"),
        ("roll", "roll shock"),
        ("delta", "delta shock"),
        ("matrix", "risk matrix"),
        ("basis", "basis"),
        ("oracle", "oracle"),
        ("depeg", "depeg"),
        ("risk", "risk"),
        ("sd", "standard deviation"),
    ):
        if ours in answer.tape.requirement.parts:
            term = answer.tape.requirement.parts[ours]
            term = term if term.level == "account" else term.net("account")
            found[theirs] = -float(term.numbers()[row, 0])
    if answer.rulebook.startswith("derive") and "worst case" in found:
        found["worst"] = found.pop("worst case")
    return found
