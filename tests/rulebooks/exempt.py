"""Numbers and operations of rulebooks whose change no case could notice, and why."""

import re

from tests.rulebooks.mutants import Mutant
from tests.rulebooks.operations import Turned

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
    "bybit": {},
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
    "okx": {
        r"(spot\.moves|extreme\.move|basis\.(annual|least)|minimum\.(future|option))\.USD.*": STABLECOIN,
        r"(2024-12-30|2025-01-06|2025-01-15) spot\.with=.*": "risk units are merged: spot has no other to belong to",
        r"2024-06-01 depeg\..*": "risk units are apart by currency: none holds two of which one could hedge the other",
    },
    "paradex-pm": {r"given\.delta\.(USD|USDC)": STABLECOIN},
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

STILL = "the scenario in which nothing happens is one of them: the worst of all is no gain"
ONE_SIDE = "one of them is 0, and brackets look at the size alone"
MASKED = "what it multiplies is 0 there already"
NO_ROWS = "a sum over no rows, where nothing lies in the wallet"
NO_GAIN_CHOSEN = "a gain in both basis moves stands above the grid's worst, so the lesser of the two is the same"
CENTS = "the ninth decimal of a coin: less than any check can see"
VALUES = "it prices contracts itself, and reads the moves, not the values, of a cube"
UNCOVERED = "positions alone leave one side uncovered or neither, and orders only add to it: this is no gain already"
COVERED = "of the larger side no more is uncovered than there is: this is no gain already"
FILL = "a fill's margin: the requirement asks for initial and maintenance alone"
STEPS = "a step of the protocol's own sum, which the rulebook writes by itself: test_drift.py compares the two"
COUNTED = "an order costs the same whatever its size, and none is smaller than a billionth of a coin"
PRICED_IN_USD = "wallets alone are carried there, and each is priced in USD: its rate is 1"
COSTS = "what is bought costs more than nothing, and the losses of the whole leave such a row out"
NO_OPERATION: dict[str, dict[str, str]] = {
    "derive": {
        r"derive\.margin: np\.where\(blocks\.cash_rows\(u\), 1\.0, .*\) \* u\.spot -> .*": MASKED,
        r"derive\.margin: moved\.losses\(\) -> moved": NO_GAIN_CHOSEN,
    },
    "derive-v1": {r"derive_v1\.margin: shift\.losses\(\) -> shift": NO_GAIN_CHOSEN},
    "deribit-spm": {
        r"deribit_matrix\.worst_case: vector\.worst\('scenario'\)\.losses\(\) -> .*": STILL,
        r"deribit\._margin: initial\.net\('account'\)\.rounded\(9\) -> .*": CENTS,
        r"deribit\.delta_shock: \(-worst_of\(-both, -short\)\)\.losses\(\) - .* \+ .*": ONE_SIDE,
    },
    "okx": {
        r"okx\.margin: cells\.worst\('scenario'\)\.losses\(\) -> .*": STILL,
        r"okx_charges\.hedge_cost: long \+ short -> long - short": ONE_SIDE,
        r"okx_charges\.discounts: book\.only\(u\.spot\) \* 0\.0 -> .*": NO_ROWS,
    },
    "bybit-regular": {
        r"bybit_regular\.margin_balance: u\.carried \* u\.fx -> .*": PRICED_IN_USD,
        r"bybit_regular\.margin: book\.only\(u\.spot\)\.net\('account'\) \* 0\.0 -> .*": NO_ROWS,
        r"bybit_regular\.margin: premium\.losses\(\) -> premium": COSTS,
    },
    "paradex-pm": {
        r"paradex_matrix\.shock: (interest|np\.where|universe\.index|1\.0 / growth).*": VALUES,
        r"paradex_matrix\.shock: 1\.0 \+ spot_moves\(universe, grid\) -> (1\.0 - )?spot_moves.*": VALUES,
        r"paradex\.uncovered: worst_of\(longs - held_shorts, shorts - held_longs\)\.losses\(\) -> .*": UNCOVERED,
        r"paradex\.uncovered: \(worst_of\(longs, shorts\) - unhedged\)\.losses\(\) -> .*": COVERED,
    },
    "drift": {
        r"drift_protocol\.of: .*": FILL,
        r"drift_protocol\.scaled_by_deposits: .*": "a snapshot says nothing of a venue's deposits: no weight shrinks",
        r"drift_protocol\.(value|pnl): .*": STEPS,
        r"drift\.markets: blocks\.stable_price\(u\) \* PRICE -> .*": "no one asks a perpetual what its quote is worth",
        r"drift\.margin\.side: \(book\.order \* float\(BASE\)\)\.rounded\(0\) -> .*": COUNTED,
    },
}
NO_OPERATION["deribit-xpm"] = NO_OPERATION["deribit-spm"]
"""Rulebook -> changed operations that move no answer, and why."""


def reason(name: str, mutant: Mutant) -> str:
    """Why nothing could notice a changed number, or ``""``."""
    dated = f"{mutant.version.partition('@')[2]} {mutant.where}"
    for pattern, why in NOTHING_TO_NOTICE.get(name, {}).items():
        if re.fullmatch(pattern, mutant.where) or re.fullmatch(pattern, dated):
            return why
    return ""


def excused(name: str, change: Turned) -> str:
    """Why nothing could notice a changed operation, or ``""``."""
    found = (why for pattern, why in NO_OPERATION.get(name, {}).items() if re.fullmatch(pattern, change.where))
    return next(found, "")
