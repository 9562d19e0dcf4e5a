"""Does any golden case notice when one number of a rulebook changes by a few per cent? Long tier."""

import re

import pytest

from tests.rulebooks.mutants import Mutant, census

STABLECOIN = "no contract stands on a stablecoin: the entry only fills the row of a wallet"
NO_GAIN = "share and limit are both 0: while one stays there, no gain counts whatever the other says"
LIQUIDATION = "said of a liquidation, not of a requirement: tests/liquidation and the rulebook's own tests look at it"
PORTFOLIO_ALONE = "portfolio margin alone reads it, cross margin does not"
NOTHING_TO_NOTICE: dict[str, dict[str, str]] = {
    "isolated": {r"(inverse|linear)\..*\.USD": STABLECOIN},
    "static": {r"volatility\..*\.USD": STABLECOIN},
    "tail": {r"volatility\..*\.USD": STABLECOIN},
    "derive": {r"scenarios\.basis\..*\.dampening": "the basis contingency damps nothing"},
    "derive-v1": {r"scenarios\..*\.dampening": "the first version damps nothing"},
    "derive-srm": {
        r"collateral\.factor\.(USDC|USD)": "cash counts whole",
        r"2023-12-01 collateral\.initial_scale": "it scales a factor of 0",
    },
    "bybit-regular": {
        r"(linear|inverse)\.rates\.USD.*": STABLECOIN,
        r"option\..*\.USD": STABLECOIN,
    },
    "deribit-spm": {
        r"(grid\.price_range|vol_shock\.up|delta_shock\.slope)\.USD": STABLECOIN,
        r"pnl_offset\.(share|limit)\.BTC": NO_GAIN,
        r"2024-06-17 pnl_offset\.(share|limit)\.USD": NO_GAIN,
        r"collateral\.haircut\..*": "a segregated wallet has no haircut",
    },
    "deribit-xpm": {
        r"(vol_shock\.up|dampener\.usd|pnl_offset\.(share|limit)|roll\..*|delta_shock\.slope)\.USD": STABLECOIN,
        r"pnl_offset\.(share|limit)\.BTC": NO_GAIN,
    },
    "paradex-xm": {},
    "binance": {r"(linear|inverse)\.rates\.USD.*": STABLECOIN},
    "hyperliquid": {
        r"maintenance\.rates\.USD.*": STABLECOIN,
        r"(floor|coin|threshold|borrow|liquidation)\..*": PORTFOLIO_ALONE,
    },
    "hyperliquid-pm": {r"maintenance\.rates\.USD.*": STABLECOIN},
    "dydx": {r"liquidation\..*": LIQUIDATION},
    "drift": {
        r"token\.(initial|maintenance)_(asset|liability)\.(USD|USDC)": "cash has no weight",
        r"pnl\.size_factor": "a profit that is large enough for it counts 100 USD at most, whatever the factor",
    },
    "orderly": {},
    "gmx": {},
}
"""Rulebook -> numbers (with a version's date where it concerns one) that move no answer, and why."""


def reason(name: str, mutant: Mutant) -> str:
    """Why nothing could notice a mutant, or ``""``."""
    dated = f"{mutant.version.partition('@')[2]} {mutant.where}"
    for pattern, why in NOTHING_TO_NOTICE[name].items():
        if re.fullmatch(pattern, mutant.where) or re.fullmatch(pattern, dated):
            return why
    return ""


@pytest.mark.slow
@pytest.mark.parametrize("name", NOTHING_TO_NOTICE)
def test_every_number_is_noticed(name: str) -> None:
    found = census(name, lambda mutant: bool(reason(name, mutant)))
    missed = [f"{m.version} {m.where}" for m in found.missed if not reason(name, m)]
    assert missed == []
    needless = [f"{m.version} {m.where}" for m in found.caught if reason(name, m)]
    assert needless == [], "these are noticed after all: take them off the list"
