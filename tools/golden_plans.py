"""Which books under which rulebook, and the least and most of every parameter."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from loadline.rulebooks.parameters import Parameter
from loadline.rulebooks.rulebook import load
from tools import golden_books as made
from tools.golden_books import Book, Names
from tools.golden_market import COINS

COIN, CASH = Names(cash=False), Names(cash=True)


@dataclass(frozen=True)
class Case:
    """One golden case before it is answered."""

    name: str
    rulebook: str
    book: Book
    market: str = "calm"
    currency: str = "USD"
    overrides: dict[str, Any] = field(default_factory=dict)
    covers: dict[str, str] = field(default_factory=dict)
    depth: int = 3
    vectors: bool = False
    notes: bool = False


def version_dates(name: str) -> list[str]:
    """The dates of a rulebook's versions, newest last."""
    return [v.label.rpartition("@")[2] for v in load(name).versions]


def newest(name: str) -> str:
    """``NAME@DATE`` of the newest version."""
    return f"{name}@{version_dates(name)[-1]}"


def of_books(name: str, found: dict[str, Book], *, date: str = "", **more: Any) -> list[Case]:
    """A case for each book under one version."""
    rulebook = f"{name}@{date}" if date else newest(name)
    return [Case(book, rulebook, legs, **more) for book, legs in found.items()]


def dated(name: str, books: dict[str, Book], **more: Any) -> list[Case]:
    """A case for each book under every older version."""
    return [
        Case(f"{book}_{date}", f"{name}@{date}", legs, **more)
        for date in version_dates(name)[:-1]
        for book, legs in books.items()
    ]


def some(books: dict[str, Book], *names: str) -> dict[str, Book]:
    """A few books by name."""
    return {name: books[name] for name in names}


def merged(*books: Book) -> Book:
    """All books in one account."""
    whole: Book = {"legs": {}, "balances": {}, "unsettled": {}, "orders": []}
    for book in books:
        whole["orders"] += book.get("orders", [])
        for part in ("legs", "balances", "unsettled"):
            for key, amount in book.get(part, {}).items():
                whole[part][key] = whole[part].get(key, 0.0) + amount
    return whole


ETH_COIN: Book = {
    "legs": COIN.future(-30.0, "ETH")
    | {COIN.call("9d", 1.1, "ETH"): -60, COIN.put("100d", 0.8, "ETH"): -80, COIN.call("300d", 1.0, "ETH"): 40},
    "balances": {"ETH": 25.0},
}
ETH_CASH: Book = {
    "legs": CASH.future(-30.0, "ETH")
    | {CASH.call("9d", 1.1, "ETH"): -60, CASH.put("100d", 0.8, "ETH"): -80, CASH.call("300d", 1.0, "ETH"): 40},
    "balances": {"ETH": 25.0},
}
COIN_BOOKS, CASH_BOOKS, ACCOUNTS = made.books(COIN), made.books(CASH), made.both_settlements()
OPENING: Book = {"legs": {}, "orders": made.orders(COIN)}
OPENING_CASH: Book = {"legs": {}, "orders": made.orders(CASH)}
RC = ("BTC", "cbBTC", "LBTC", "eBTC", "SolvBTC", "ETH", "wstETH", "weETH", "rsETH", "rswETH", "pufETH", "HYPE")
DOLLARS = ("USDT", "sUSDe", "USDe", "DAI", "sDAI", "OP", "DRV", "OLAS", "fxUSDC", "XYZ")
LARGE = made.large_accounts()
UNCONVERTED = merged(COIN_BOOKS["far_wings"], COIN_BOOKS["covered_call"])
DERIBIT_COINS = made.collateral("BTC", "ETH", "stETH", "USYC", "BUIDL", "USDe", "USDT", "USD")
ALT_OF_SRM = ("SOL", "HYPE")


PROTOCOLS = ("dydx", "drift", "orderly", "gmx", "binance", "hyperliquid", "hyperliquid-pm")
"""Venues of perpetuals alone."""
PERPETUALS = made.perpetuals()
MORE = made.more_perpetuals()
UNUSUAL = made.unusual()


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
}
"""(parameter, end) -> what else must be set for it to matter, or for correlations to be possible."""
FEW_DRAWS = {"scenarios.count": 200}


def ends_of(family: str, parameter: Parameter) -> Iterator[tuple[str, Any]]:
    """(end, value) of one parameter: its least and its most, or its choices."""
    if parameter.choices:
        yield from ((f"choice {c}", c) for c in parameter.choices)
        return
    stated = STATED.get(family, {}).get(parameter.name, (None, None))
    for end, value, bound in (("min", stated[0], parameter.low), ("max", stated[1], parameter.high)):
        if value is None and bound in (float("inf"), float("-inf")):
            raise SystemExit(f"{family}.{parameter.name} has no {end}: state one in tools/golden_plans.py")
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


def families(name: str) -> dict[str, list[Case]]:
    """The files of one rulebook: ``family_what`` -> cases."""
    found = BOOKS[name]()
    return found | {"parameters_extremes": extremes(name)}


def _isolated() -> dict[str, list[Case]]:
    few = some(CASH_BOOKS, "short_call", "short_put", "long_call", "iron_condor", "long_perpetual", "short_perpetual")
    coin = some(COIN_BOOKS, "short_call", "short_put", "short_straddle", "call_spread", "iron_condor", "far_wings")
    coin |= some(COIN_BOOKS, "long_perpetual", "short_perpetual", "pending_pnl", "covered_call", "everything")
    coin |= some(COIN_BOOKS, "in_the_money_put")
    alts = {coin: made.alt_inverse(coin) for coin in ("ETH", "SOL")} | {"collateral": made.collateral()}
    alts |= {"orders": merged(ACCOUNTS["two_settlements"], OPENING, OPENING_CASH)}
    alts["sol_options"] = {"legs": made.alt_coins("SOL")["sol"]["legs"], "balances": {"SOL": 5.0, "USD": 1_000.0}}
    return {
        "books_coin": of_books("isolated", coin),
        "books_cash": of_books("isolated", few, market="doubt"),
        "books_accounts": of_books("isolated", ACCOUNTS | alts | UNUSUAL),
    }


def _static() -> dict[str, list[Case]]:
    coin = some(COIN_BOOKS, "short_call", "long_put", "short_straddle", "calendar", "far_wings", "pending_pnl")
    coin |= some(COIN_BOOKS, "covered_call", "delta_neutral", "everything")
    alts = {"sol": made.alt_inverse("SOL"), "collateral": made.collateral("BTC", "ETH", "SOL", "USDT", "stETH")}
    alts["owned_dollars"] = {"legs": COIN.future(1.0), "balances": {"USD": 5_000.0, "USDC": 4_000.0}}
    alts["uncounted"] = {"legs": COIN.future(1.0), "balances": {"wstETH": 3.0, "BTC": 1.0}}
    return {
        "books_coin": of_books("static", coin),
        "books_accounts": of_books("static", ACCOUNTS | alts, market="doubt"),
    }


def _tail() -> dict[str, list[Case]]:
    few = {"tail.scenarios.count": 40}
    straddle: Book = {"legs": {CASH.call("9d", 1.0): 5.0, CASH.put("9d", 1.0): 5.0}, "balances": {"USDC": 9_000.0}}
    two = {"tail.scenarios.spot_nodes": 2, "tail.scenarios.vol_nodes": 1}
    grid = {"tail.scenarios.kind": "grid", "tail.scenarios.spot_nodes": 9, "tail.scenarios.vol_nodes": 3}
    coin = some(COIN_BOOKS, "short_call", "long_put", "short_straddle", "calendar", "far_wings", "pending_pnl")
    coin |= some(COIN_BOOKS, "covered_call", "delta_neutral", "everything")
    alts = {"sol": made.alt_inverse("SOL"), "collateral": made.collateral("BTC", "ETH", "SOL", "USDT", "stETH")}
    alts["orders"] = merged(ACCOUNTS["two_settlements"], OPENING, OPENING_CASH)
    alts["owned_dollars"] = {"legs": COIN.future(1.0), "balances": {"USD": 5_000.0, "USDC": 4_000.0}}
    alts["uncounted"] = {"legs": COIN.future(1.0), "balances": {"wstETH": 3.0, "BTC": 1.0}}
    whole = some(COIN_BOOKS, "short_straddle", "everything")
    shown = some(COIN_BOOKS, "short_straddle", "delta_neutral")
    return {
        "books_coin": of_books("tail", coin, overrides=few, vectors=True),
        "books_accounts": of_books("tail", ACCOUNTS | alts, market="doubt", overrides=few),
        "books_drawn": of_books("tail", whole),
        "books_grid": of_books("tail", shown, overrides=grid, vectors=True)
        + of_books("tail", {"value_at_risk": COIN_BOOKS["everything"]}, overrides=grid | {"tail.measure.kind": "var"})
        + of_books("tail", {"always_gains": straddle}, overrides=grid | two)
        + of_books("tail", {"full_grid": COIN_BOOKS["delta_neutral"]}, overrides={"tail.scenarios.kind": "grid"}),
    }


def _derive() -> dict[str, list[Case]]:
    more = {"currency": "USDC"}
    alts = made.alt_coins("SOL", "HYPE", "ETH") | {"btc": CASH_BOOKS["everything"]}
    wallets = {"risk_cancelling": made.collateral(*RC), "dollars": made.collateral(*DOLLARS)}
    wallets["cash"] = {"legs": CASH.future(1.0), "balances": {"USD": 5_000.0, "USDC": -4_000.0}}
    return {
        "books_options": of_books("derive", CASH_BOOKS, vectors=True, **more),
        "books_accounts": of_books("derive", ACCOUNTS | wallets, **more),
        "books_doubt": of_books("derive", ACCOUNTS | alts | wallets | UNUSUAL, market="doubt", vectors=True, **more),
    }


def _derive_v1() -> dict[str, list[Case]]:
    more = {"currency": "USDC"}
    wallets = {"base": made.collateral("BTC", "ETH", "cbBTC"), "eth": made.alt_coins("ETH")["eth"]}
    wallets["btc"] = CASH_BOOKS["everything"]
    return {
        "books_options": of_books("derive-v1", CASH_BOOKS, vectors=True, **more),
        "books_accounts": of_books("derive-v1", ACCOUNTS, **more),
        "books_doubt": of_books("derive-v1", ACCOUNTS | wallets | UNUSUAL, market="doubt", vectors=True, **more),
    }


def _derive_srm() -> dict[str, list[Case]]:
    more = {"currency": "USDC"}
    alts = made.alt_coins(*ALT_OF_SRM, "ETH") | {"btc": CASH_BOOKS["everything"]}
    alts["collateral"] = made.collateral("BTC", "ETH", "USDT", "wstETH", "XYZ")
    alts["cash"] = {"legs": CASH.future(1.0), "balances": {"USD": 5_000.0, "USDC": -4_000.0}}
    alts["listed_perpetuals"] = made.listed_perpetuals()
    alts["paired_minis"] = made.paired_minis()
    return {
        "books_options": of_books("derive-srm", CASH_BOOKS, **more),
        "books_accounts": of_books("derive-srm", ACCOUNTS | alts | UNUSUAL, market="doubt", **more)
        + dated("derive-srm", some(ACCOUNTS | alts, "btc", "eth", "sol", "collateral"), market="doubt", **more)
        + dated("derive-srm", some(CASH_BOOKS, "short_call", "short_put", "in_the_money_put", "nearly_paired"), **more),
    }


def _spm() -> dict[str, list[Case]]:
    wallets = {
        currency: {f"{name}_{currency.lower()}": book for name, book in ACCOUNTS.items() if name in held}
        for currency, held in (
            ("BTC", ("two_coins", "basis_trade", "large")),
            ("ETH", ("two_coins", "long_and_short_coin")),
            ("USDC", ("two_settlements", "pending_coin", "in_debt")),
        )
    }
    opening = {"BTC": merged(COIN_BOOKS["delta_neutral"], OPENING), "USDC": merged(CASH_BOOKS["box"], OPENING_CASH)}
    old = some(COIN_BOOKS, "everything", "far_wings") | some(ACCOUNTS, "large")
    ether: dict[str, Any] = {"currency": "ETH", "vectors": True}
    accounts = [c for x, books in wallets.items() for c in of_books("deribit-spm", books, currency=x)]
    accounts += of_books("deribit-spm", {"orders_btc": opening["BTC"]}, currency="BTC", notes=True)
    accounts += of_books("deribit-spm", {"orders_usdc": opening["USDC"]}, currency="USDC")
    accounts += of_books("deribit-spm", {"eth": ETH_COIN} | some(LARGE, "large_eth", "huge_eth"), notes=True, **ether)
    accounts += of_books("deribit-spm", some(LARGE, "large_usdc"), currency="USDC", vectors=True)
    accounts += of_books("deribit-spm", made.large_options(), **ether)
    accounts += of_books("deribit-spm", some(UNUSUAL, "minis_coin"), currency="BTC", vectors=True)
    accounts += of_books("deribit-spm", some(UNUSUAL, "minis_cash"), currency="USDC", vectors=True)
    for label, book, reading in (
        ("unconverted", UNCONVERTED, {"extended": "cash"}),
        ("minis_marked", UNUSUAL["minis_coin"], {"base": "mark"}),
    ):
        changes = {f"deribit-spm.reading.{k}": v for k, v in reading.items()}
        accounts += of_books("deribit-spm", {label: book}, overrides=changes, currency="BTC", vectors=True)
    usdc = some(CASH_BOOKS, "everything", "delta_neutral")
    return {
        "books_coin": of_books("deribit-spm", COIN_BOOKS, currency="BTC", vectors=True),
        "books_cash": of_books("deribit-spm", usdc, market="doubt", currency="USDC", vectors=True)
        + of_books("deribit-spm", some(CASH_BOOKS, "short_straddle", "far_wings", "long_perpetual"), currency="USDC"),
        "books_accounts": accounts,
        "books_earlier": dated("deribit-spm", old, currency="BTC", vectors=True, notes=True)
        + dated("deribit-spm", {"eth": ETH_COIN} | some(LARGE, "large_eth", "huge_eth"), notes=True, **ether)
        + dated("deribit-spm", some(LARGE, "large_usdc"), currency="USDC", vectors=True)
        + dated("deribit-spm", {"usdc": CASH_BOOKS["everything"]}, currency="USDC", vectors=True),
    }


def _xpm() -> dict[str, list[Case]]:
    orders = {"orders": merged(ACCOUNTS["two_settlements"], OPENING, OPENING_CASH), "collateral": DERIBIT_COINS}
    large = some(LARGE, "large_eth", "huge_eth") | some(ACCOUNTS, "large", "two_coins")
    old = some(COIN_BOOKS, "everything", "far_wings") | large
    wallets = {"2024-06-17": ("BTC", "ETH", "stETH", "USDT", "USD")}
    wallets["2026-02-15"] = (*wallets["2024-06-17"], "USYC", "BUIDL")
    unconverted = {"deribit-xpm.reading.extended": "cash"}
    return {
        "books_coin": of_books("deribit-xpm", COIN_BOOKS, vectors=True),
        "books_accounts": of_books("deribit-xpm", ACCOUNTS | orders | UNUSUAL, market="doubt", notes=True),
        "books_large": of_books("deribit-xpm", large, vectors=True)
        + of_books("deribit-xpm", {"unconverted": UNCONVERTED}, overrides=unconverted, vectors=True),
        "books_earlier": dated("deribit-xpm", old, vectors=True, notes=True)
        + [
            Case(f"collateral_{date}", f"deribit-xpm@{date}", made.collateral(*coins))
            for date, coins in wallets.items()
        ],
    }


def _paradex(name: str) -> dict[str, list[Case]]:
    more: dict[str, Any] = {"currency": "USDC"}
    orders = {"orders": merged(CASH_BOOKS["delta_neutral"], OPENING_CASH), "orders_alone": OPENING_CASH}
    orders["orders_hedged"] = merged(CASH_BOOKS["long_perpetual"], ETH_CASH, OPENING_CASH)
    accounts, cells = ACCOUNTS | orders | UNUSUAL, {"vectors": name == "paradex-pm"} | more
    coins = made.alt_coins("HYPE") | {"eth": merged(ETH_CASH, OPENING_CASH)} | some(CASH_BOOKS | orders, "everything")
    coins |= some(CASH_BOOKS, "settling_now") | {"hedged_eth": ETH_CASH, "deep": made.deep_options()}
    coins |= made.alt_coins("CL") if name == "paradex-pm" else {}
    readings: list[Case] = []
    if name == "paradex-pm":
        floored = {"paradex-pm.reading.vol_floor": "shock"}
        funded = {"paradex-pm.given.funding": 0.0004}
        readings += dated(name, {"floored_eth": ETH_CASH}, overrides=floored, **cells)
        readings += dated(name, {"funded": orders["orders"]}, overrides=funded, **cells)
        paid = {"paradex-pm.given.funding": -0.0004}
        readings += dated(name, some(UNUSUAL, "minis_ordered"), overrides=paid, **cells)
        cheap = {"legs": {}, "orders": [{"instrument": CASH.put("9d", 0.95), "quantity": 1.0, "limit": 1.0}]}
        readings += of_books(name, {"gaining_order": merged(CASH_BOOKS["short_box"], cheap)}, **cells)
    return {
        "books_options": of_books(name, CASH_BOOKS, vectors=name == "paradex-pm", **more),
        "books_accounts": of_books(name, accounts, market="doubt", **more),
        "books_coins": of_books(name, coins, **cells) + dated(name, coins, **cells) + readings,
    }


def _bybit() -> dict[str, list[Case]]:
    orders = {"orders": merged(CASH_BOOKS["delta_neutral"], OPENING_CASH), "orders_alone": OPENING_CASH}
    hedged = merged(CASH_BOOKS["covered_call"], {"legs": {}, "balances": {"BTC": -2.0}})
    given = {"bybit.spot_hedge.counted": "on"}
    short = {"bybit.contingency.short_options": 0.01}
    asked = merged(CASH_BOOKS["short_box"], A_LITTLE_MORE)
    charged = {f"{n}_charged": (UNUSUAL | CASH_BOOKS)[n] for n in ("minis_cash", "minis_ordered", "long_call")}
    wallets = {"collateral": made.collateral("BTC", "ETH", "USDT", "stETH"), "whale": WHALE, "dollars": THREE_DOLLARS}
    return {
        "books_collateral": of_books("bybit", wallets) + dated("bybit", wallets),
        "books_options": of_books("bybit", CASH_BOOKS, vectors=True)
        + of_books("bybit", UNUSUAL | {"box_and_order": asked})
        + of_books("bybit", charged, overrides=short),
        "books_accounts": of_books("bybit", ACCOUNTS | orders, market="doubt")
        + of_books("bybit", {"spot_hedge": hedged, "spot_hedge_long": ACCOUNTS["large"]}, overrides=given)
        + dated("bybit", some(CASH_BOOKS, "everything", "far_wings", "long_call") | {"eth": ETH_CASH}, vectors=True)
        + dated("bybit", {"spot_hedge": hedged}, vectors=True, overrides=given),
    }


def _bybit_regular() -> dict[str, list[Case]]:
    whole = merged(ACCOUNTS["two_settlements"], OPENING, OPENING_CASH)
    orders = {"orders": whole, "orders_alone": OPENING_CASH, "orders_of_perpetuals": PERPETUALS["orders"]}
    wallets = {"collateral": made.collateral("BTC", "ETH", "USDT", "stETH"), "in_debt": PERPETUALS["in_debt"]}
    wallets |= {"dollars": THREE_DOLLARS, "whale": WHALE}
    tiers = {f"tier_{n}": {"legs": CASH.future(-size), "balances": {"USDC": 1e6}} for n, size in enumerate(TIERS)}
    return {
        "books_options": of_books("bybit-regular", CASH_BOOKS)
        + of_books("bybit-regular", UNUSUAL | {"orders_off_the_mark": UNEVEN})
        + of_books("bybit-regular", {"off_the_peg": CASH_BOOKS["short_straddle"], "uneven": UNEVEN}, market="doubt"),
        "books_futures": of_books("bybit-regular", PERPETUALS | tiers),
        "books_accounts": of_books("bybit-regular", ACCOUNTS | orders | wallets, market="doubt"),
    }


UNEVEN: Book = {
    "legs": CASH.future(0.1),
    "orders": [
        {"instrument": CASH.call("9d", 1.1), "quantity": -3.0, "limit": 90.0},
        {"instrument": f"{CASH.call('9d', 1.1)}-MINI", "quantity": -30.0, "limit": 2_900.0},
        {"instrument": f"{CASH.put('9d', 0.95)}-MINI", "quantity": -50.0, "limit": 3_100.0},
        {"instrument": f"{CASH.put('9d', 0.95)}-MINI", "quantity": 25.0, "limit": 400.0},
    ],
    "balances": {"USDC": 90_000.0},
}
"""Sold far below the mark and far above it, in contracts of another size."""
A_LITTLE_MORE: Book = {"legs": {}, "orders": [{"instrument": CASH.perpetual(), "quantity": 0.01, "limit": 84_000.0}]}
THREE_DOLLARS: Book = {"legs": CASH.future(1.0), "balances": {"USD": 5_000.0, "USDC": 4_000.0, "USDT": 3_000.0}}
WHALE: Book = {"legs": CASH.future(1.0), "balances": {"BTC": 1_200_000.0}}
TIERS = (20.0, 27.0, 35.0, 42.0, 60.0)
"""Bitcoin in each of the tiers at hand, at 84,000 USD."""


SETTLING_CALENDAR: Book = {
    "legs": {COIN.call("6m", 1.0): -300.0, COIN.call("100d", 1.0): 30.0},
    "balances": {"BTC": 20.0},
}
SPOT_IN_USE: Book = {"legs": {"BTC_USDT-PERPETUAL": -3.0}, "balances": {"BTC": 2.0, "USDT": 9_000.0}}


def _okx() -> dict[str, list[Case]]:
    stable, alts = made.stablecoins(), {"alts": made.dated_alts()}
    unsure = some(stable, "three_dollars", "small_hedge")
    older = some(COIN_BOOKS, "settling_now", "calendar") | some(ACCOUNTS, "long_and_short_coin", "wallet_alone")
    older |= {"settling_calendar": SETTLING_CALENDAR, "spot_in_use": SPOT_IN_USE}
    orders = {"orders": merged(ACCOUNTS["two_settlements"], OPENING, OPENING_CASH)}
    orders["collateral"] = made.collateral("BTC", "ETH", "SOL", "USDT", "stETH")
    whole = some(ACCOUNTS | orders, "two_coins", "basis_trade", "large", "orders")
    return {
        "books_coin": of_books("okx", COIN_BOOKS),
        "books_accounts": of_books("okx", ACCOUNTS | orders | {"sol": made.alt_coins("SOL")["sol"]}, market="doubt")
        + dated("okx", whole | some(COIN_BOOKS, "everything")),
        "books_units": of_books("okx", stable | alts | UNUSUAL, vectors=True)
        + of_books("okx", some(MORE, "pending_loss"))
        + of_books("okx", {"settling_long": {"legs": {COIN.call("6m", 1.0): 10.0}, "balances": {"BTC": 1.0}}})
        + of_books("okx", {f"{n}_depeg": b for n, b in unsure.items()}, market="depeg")
        + dated("okx", stable | alts | {"sol": made.alt_coins("SOL")["sol"]}, vectors=True)
        + dated("okx", {f"{n}_depeg": b for n, b in unsure.items()}, market="depeg")
        + dated("okx", older, vectors=True)
        + of_books("okx", {"broken": stable["three_dollars"]}, overrides={"okx.depeg.broken_price": 0.9995})
        + dated("okx", {"broken": stable["three_dollars"]}, overrides={"okx.depeg.broken_price": 0.9995}),
    }


def _protocol(name: str) -> dict[str, list[Case]]:
    more: dict[str, Any] = {"currency": CURRENCY.get(name, "USD")}
    grown: list[Case] = []
    if name == "dydx":
        caps = {"lower_cap": 1e6, "upper_cap": 4e8}
        coarse = {"dydx.precision.size": 1, "dydx.precision.price": 2}
        for label, changed, more_changes in (
            ("interest", {"size": 1e6}, {}),
            ("caps", {"lower_cap": 1.0, "upper_cap": 1e3}, {}),
            ("between", caps | {"size": 1e6}, {}),
            ("coarse", caps | {"size": 1e6}, coarse),
        ):
            changes = {f"dydx.open_interest.{k}": v for k, v in changed.items()} | more_changes
            grown += of_books(name, {f"open_{label}": PERPETUALS["alt_coins"]}, overrides=changes, **more)
    if name == "drift":
        changes = {"drift.pnl.initial": 7_501, "drift.pnl.maintenance": 8_123, "drift.perpetual.initial": 12_345}
        changes |= {"drift.token.decimals.SOL": 12, "drift.token.size_factor.SOL": 1_000_000}
        for market in ("odd", "doubt"):
            grown += of_books(name, {f"tiny_{market}": made.tiny()}, market=market, **more)
        grown += of_books(name, {"tiny_weighed": made.tiny()}, market="doubt", overrides=changes, **more)
    odd = MORE | some(PERPETUALS, "two_coins", "alt_coins", "large", "coins")
    return {
        "books_perpetuals": of_books(name, PERPETUALS | MORE, **more) + grown,
        "books_odd": of_books(name, odd, market="odd", **more),
        "books_doubt": of_books(name, some(PERPETUALS, "pending", "in_debt", "everything"), market="doubt", **more),
    }


BOOKS: dict[str, Callable[[], dict[str, list[Case]]]] = {
    "isolated": _isolated,
    "static": _static,
    "tail": _tail,
    "derive": _derive,
    "derive-v1": _derive_v1,
    "derive-srm": _derive_srm,
    "deribit-spm": _spm,
    "deribit-xpm": _xpm,
    "paradex-pm": lambda: _paradex("paradex-pm"),
    "paradex-xm": lambda: _paradex("paradex-xm"),
    "bybit": _bybit,
    "bybit-regular": _bybit_regular,
    "okx": _okx,
    **{name: partial(_protocol, name) for name in PROTOCOLS},
}
assert set(COINS) >= set(RC) - {"BTC", "ETH", "HYPE"}
