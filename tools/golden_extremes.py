"""The least and the most of every parameter, and the book that they are shown on."""

from collections.abc import Iterator
from typing import Any

from loadline.rulebooks.parameters import Parameter
from loadline.rulebooks.rulebook import load
from tools.golden_books import Book
from tools.golden_case import Case, merged, newest
from tools.golden_held import CASH_BOOKS, COIN_BOOKS, ETH_CASH, ETH_COIN, OPENING, OPENING_CASH, PERPETUALS, PROTOCOLS


def reference(name: str) -> Book:
    """The book that a rulebook's extremes are shown on: something of everything it has a parameter for."""
    if name in ("derive", "derive-v1"):
        wallet: Book = {"legs": {}, "balances": {"cbBTC": 0.5, "wstETH": 10.0, "USDT": 5_000.0, "BTC": 1.0}}
        return merged(CASH_BOOKS["everything"], ETH_CASH, wallet)
    if name == "derive-srm":
        wallet = {"legs": {}, "balances": {"BTC": 1.0, "USDT": 5_000.0, "cbBTC": 0.5}}
        return merged(CASH_BOOKS["everything"], ETH_CASH, wallet)
    if name in PROTOCOLS:
        return PERPETUALS["everything"]
    if name.startswith("paradex"):
        return merged(CASH_BOOKS["everything"], ETH_CASH, OPENING_CASH, {"legs": {}, "balances": {"BTC": 0.5}})
    whole = merged(COIN_BOOKS["everything"], CASH_BOOKS["delta_neutral"], ETH_COIN)
    if name == "okx":
        return merged(whole, OPENING, OPENING_CASH, {"legs": {}, "balances": {"USDT": -3_000.0}})
    if name == "bybit-regular":
        return merged(whole, OPENING, OPENING_CASH, {"legs": {}, "balances": {"BTC": 2.0, "USDT": -3_000.0}})
    if name == "bybit":
        return merged(whole, OPENING_CASH, {"legs": {}, "balances": {"USDT": 3_000.0}})
    if name.startswith("deribit"):
        return merged(whole, {"legs": {}, "balances": {"stETH": 10.0}}) if name == "deribit-xpm" else whole
    return merged(whole, {"legs": {}, "balances": {"stETH": 10.0, "USDT": 3_000.0}})


STATED: dict[str, dict[str, tuple[Any, Any]]] = {
    "okx": {
        "spot.moves": ([0.0], [0.3, 0.6, 0.99]),
        "minimum.bounds": ([0.0], [1e3, 1e12]),
        "minimum.multipliers": ([0.0, 0.0], [100.0, 100.0]),
        "depeg.bounds": ([0.0], [1e3, 1e12]),
        "depeg.rates": ([0.0, 0.0, 0.0], [1.0, 1.0, 1.0]),
        "collateral.bounds": ([0.0], [1.0, 1e12]),
        "collateral.discounts": ([0.0], [1.0]),
    },
    "binance": {
        "linear.bounds": ([0.0], [1e4, 1e12]),
        "linear.rates": ([0.0], [1.0]),
        "inverse.bounds": ([0.0], [0.2, 1e12]),
        "inverse.rates": ([0.0], [1.0]),
    },
    "bybit": {
        "linear.bounds": ([0.0], [1e4, 1e12]),
        "linear.rates": ([0.0], [1.0]),
        "inverse.bounds": ([0.0], [0.2, 1e12]),
        "inverse.rates": ([0.0], [1.0]),
        "collateral.bounds": ([0.0], [1.0, 1e12]),
        "collateral.rates": ([0.0], [1.0]),
    },
    "hyperliquid": {
        "maintenance.bounds": ([0.0], [1e4, 1e12]),
        "maintenance.rates": ([0.0], [1.0]),
        "coin.supply_cap": (None, 1e6),
        "borrow.cap": (None, 1e9),
    },
    "paradex": {"scenarios.grid": ([[0.0, 0.0, 1.0]], [[-0.9, -0.22, 1.0], [0.0, 2.0, 1.0], [9.0, 0.4, 1.0]])},
    "deribit": {
        "grid.extended_moves": ([-0.33], [-0.9, -0.33, 0.5, 10.0]),
        "dampener.usd": (None, 1e6),
        "pnl_offset.limit": (None, 1e9),
        "delta_shock.threshold": (None, 1e12),
        "delta_shock.slope": (None, 1.0),
        "addon.mmp": (None, 5.0),
        "addon.spot": (None, 5.0),
        "addon.orders": (None, 5.0),
        "observed.date": ("2000-01-01", "2100-01-01"),
    },
    "derive": {
        "scenarios.regular": ([[1.0, "none", 1.0]], [[0.1, "up", 1.0], [1.0, "down", 1.0], [3.0, "up", 1.0]]),
        "scenarios.tail": ([[1.0, "up", 0.0]], [[0.05, "up", 1.0], [11.0, "up", 1.0]]),
        "scenarios.skew": ([[1.0, "skew_linear", 0.0]], [[1.0, "skew_linear", 5.0], [1.0, "skew_abs", 5.0]]),
        "scenarios.basis": ([[1.0, "none", 1.0]], [[2.0, "none", 1.0], [0.2, "none", 1.0]]),
    },
    "tail": {
        "scenarios.count": (None, 5_000),
        "scenarios.seed": (None, 2_147_483_647),
        "scenarios.spot_nodes": (None, 101),
        "scenarios.vol_nodes": (None, 31),
        "scenarios.degrees": (0.0, None),
    },
}
"""Family -> parameter -> (least, most) where the file gives no bound, or none that is worth computing at."""
TWO = {"volatility.spot": 0.6}  # one number for all, so that only what is held is drawn: two coins may be opposites
FLAT = TWO | {"correlation.spot_vol": 0.0, "correlation.spot_vol_other": 0.0}
ALONG: dict[tuple[str, str], dict[str, Any]] = {
    ("minimum.bounds", "min"): {"minimum.multipliers": [1.0, 50.0]},
    ("minimum.bounds", "max"): {"minimum.multipliers": [1.0, 50.0, 60.0]},
    ("minimum.multipliers", ""): {"minimum.bounds": [1e3]},
    ("depeg.bounds", "min"): {"depeg.rates": [0.01, 0.02]},
    ("collateral.bounds", "min"): {"collateral.discounts": [0.0, 0.5], "collateral.rates": [0.0, 0.5]},
    ("collateral.bounds", "max"): {"collateral.discounts": [0.0, 0.5, 1.0], "collateral.rates": [0.0, 0.5, 1.0]},
    ("collateral.rates", ""): {"collateral.bounds": []},
    ("collateral.discounts", ""): {"collateral.bounds": []},
    **{(f"{group}.bounds", "min"): {f"{group}.rates": [0.0, 0.02]} for group in ("linear", "inverse", "maintenance")},
    **{
        (f"{group}.bounds", "max"): {f"{group}.rates": [0.01, 0.02, 0.5]}
        for group in ("linear", "inverse", "maintenance")
    },
    **{(f"{group}.rates", ""): {f"{group}.bounds": []} for group in ("linear", "inverse", "maintenance")},
    ("correlation.spot_spot", "min"): FLAT,
    ("correlation.spot_spot", "max"): FLAT,
    ("correlation.vol_vol", "min"): FLAT,
    ("correlation.vol_vol", "max"): FLAT,
    ("correlation.spot_vol", "min"): {"correlation.spot_vol_other": -0.8},
    ("correlation.spot_vol", "max"): {"correlation.spot_vol_other": 0.8},
    ("correlation.spot_vol_other", "min"): TWO | {"correlation.spot_vol": -0.8},
    ("correlation.spot_vol_other", "max"): TWO | {"correlation.spot_vol": 0.8},
    ("scenarios.spot_nodes", ""): {"scenarios.kind": "grid"},
    ("scenarios.vol_nodes", ""): {"scenarios.kind": "grid"},
    ("scenarios.reach", ""): {"scenarios.kind": "grid"},
    ("reading.hedge_losses", ""): {"spot_hedge.counted": "on"},
    ("open_interest.size", ""): {"open_interest.upper_cap": 1e9},
    ("open_interest.lower_cap", ""): {"open_interest.size": 1e6, "open_interest.upper_cap": 1e12},
    ("open_interest.upper_cap", ""): {"open_interest.size": 1e6},
    ("delta_shock.cap", ""): {"delta_shock.threshold": 0.0, "delta_shock.slope": 0.1},
    ("delta_shock.slope", ""): {"delta_shock.threshold": 0.0},
    ("delta_shock.threshold", ""): {"delta_shock.slope": 0.001},
    ("pnl_offset.limit", ""): {"pnl_offset.share": 1.0},
    ("liquidity.depth", ""): {"liquidity.impact": 1.0, "liquidity.volume": 1e6},
    ("liquidity.volume", ""): {"liquidity.impact": 1.0},
    ("liquidity.vol_power", ""): {"liquidity.vol_spread": 0.01},
}
"""(parameter, end) -> what else must be set for it to matter, or for correlations to be possible."""
FEW_DRAWS = {"scenarios.count": 200}
OF_A_SET = ("stress.weight", "options.residuals")
"""Parameters of ``tail`` that matter only to a set that comes with the version."""


def ends_of(family: str, parameter: Parameter) -> Iterator[tuple[str, Any]]:
    """(end, value) of one parameter: its least and its most, or its choices."""
    if parameter.choices:
        yield from ((f"choice {c}", c) for c in parameter.choices)
        return
    stated = STATED.get(family, {}).get(parameter.name, (None, None))
    for end, value, bound in (("min", stated[0], parameter.low), ("max", stated[1], parameter.high)):
        if value is None and bound in (float("inf"), float("-inf")):
            raise SystemExit(f"{family}.{parameter.name} has no {end}: state one in tools/golden_extremes.py")
        yield end, bound if value is None else value


def extremes(name: str) -> list[Case]:
    """A case for each parameter at its least and at its most, and for each choice."""
    rule, family, book = load(name), name.split("-")[0], reference(name)
    market = "doubt" if family in ("derive", "deribit") else "calm"
    found = []
    for parameter in rule.versions[-1].parameters.values():
        keyed = (parameter.name.startswith("scenarios.") and family == "derive") or parameter.name == "observed.date"
        for end, value in ends_of(family, parameter):
            changes = {f"{parameter.name}.{k}": value for k in ("BTC", "ETH")} if keyed else {parameter.name: value}
            along = ALONG.get((parameter.name, end), ALONG.get((parameter.name, ""), {}))
            changes |= {k: v for k, v in along.items() if k in rule.versions[-1].parameters}
            if name == "tail" and parameter.name != "scenarios.count":
                changes = FEW_DRAWS | changes
            if name == "static":
                changes = {k: v for k, v in changes.items() if not k.startswith("scenarios.")}
            found.append(
                Case(
                    name=f"{parameter.name} {end}",
                    rulebook=newest(name),
                    book=book,
                    market=market,
                    currency=CURRENCY.get(name, "USD"),
                    overrides={f"{family if '-' not in name else name}.{path}": v for path, v in changes.items()},
                    covers={"parameter": parameter.name, "end": end},
                    depth=2,
                    notes=parameter.name == "observed.date",
                    scenarios="surface" if name == "tail" and parameter.name in OF_A_SET else "",
                )
            )
    return found


CURRENCY = {
    "dydx": "USDC",
    "orderly": "USDC",
    "paradex-pm": "USDC",
    "paradex-xm": "USDC",
    "derive": "USDC",
    "derive-v1": "USDC",
    "derive-srm": "USDC",
    "deribit-spm": "BTC",
}
