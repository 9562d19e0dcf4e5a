"""Which books under the models of our own, Derive's rulebooks and Deribit's."""

from typing import Any

from tools import golden_books as made
from tools.golden_books import Book
from tools.golden_case import Case, dated, merged, of_books, some
from tools.golden_held import (
    ACCOUNTS,
    ALT_OF_SRM,
    CASH,
    CASH_BOOKS,
    COIN,
    COIN_BOOKS,
    DERIBIT_COINS,
    DOLLARS,
    ETH_COIN,
    LARGE,
    OPENING,
    OPENING_CASH,
    RC,
    UNCONVERTED,
    UNUSUAL,
)


def isolated() -> dict[str, list[Case]]:
    """The files of ``isolated``."""
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


def static() -> dict[str, list[Case]]:
    """The files of ``static``."""
    coin = some(COIN_BOOKS, "short_call", "long_put", "short_straddle", "calendar", "far_wings", "pending_pnl")
    coin |= some(COIN_BOOKS, "covered_call", "delta_neutral", "everything")
    alts = {"sol": made.alt_inverse("SOL"), "collateral": made.collateral("BTC", "ETH", "SOL", "USDT", "stETH")}
    alts["owned_dollars"] = {"legs": COIN.future(1.0), "balances": {"USD": 5_000.0, "USDC": 4_000.0}}
    alts["uncounted"] = {"legs": COIN.future(1.0), "balances": {"wstETH": 3.0, "BTC": 1.0}}
    return {
        "books_coin": of_books("static", coin),
        "books_accounts": of_books("static", ACCOUNTS | alts, market="doubt"),
    }


WHOLE_MODEL = {
    "tail.options.smile": "moneyness",
    "tail.options.roll": "on",
    "tail.options.compounding": "log",
    "tail.volatility.long_power": 0.65,
    "tail.stress.weight": 0.25,
    "tail.correlation_break.weight": 0.2,
    "tail.floor.notional": 0.005,
    "tail.liquidity.spread": 0.0004,
    "tail.liquidity.impact": 0.8,
    "tail.liquidity.vol_spread": 0.006,
}
"""A tail model with everything turned on."""
BASIS: dict[str, Book] = {
    "basis": {"legs": COIN.future(-2.0) | CASH.future(2.01), "balances": {"USDC": 50_000.0}},
    "basis_short": {"legs": COIN.future(2.0) | CASH.future(-2.01), "balances": {"USDC": 50_000.0}},
    "outright": {"legs": CASH.future(3.0), "balances": {"USDC": 200_000.0}},
}


def tail() -> dict[str, list[Case]]:
    """The files of ``tail``."""
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
    past = some(COIN_BOOKS, "short_straddle", "calendar", "far_wings", "covered_call", "everything") | BASIS
    past |= {"orders": alts["orders"], "sol": alts["sol"], "two_coins": merged(CASH_BOOKS["delta_neutral"], ETH_COIN)}
    past |= {"no_surface": merged(COIN_BOOKS["calendar"], made.alt_coins("SOL")["sol"])}
    past |= {"cash": CASH_BOOKS["everything"], "collateral": alts["collateral"]}
    core = {f"{n}_core": past[n] for n in ("everything", "calendar")}
    shown = some(COIN_BOOKS, "short_straddle", "delta_neutral")
    return {
        "books_coin": of_books("tail", coin, overrides=few, vectors=True),
        "books_accounts": of_books("tail", ACCOUNTS | alts, market="doubt", overrides=few),
        "books_drawn": of_books("tail", whole),
        "books_history": of_books("tail", past, scenarios="surface", overrides=WHOLE_MODEL)
        + of_books("tail", core, scenarios="weighted", vectors=True)
        + of_books(
            "tail",
            {"value_at_risk": past["two_coins"]},
            scenarios="weighted",
            overrides=WHOLE_MODEL | {"tail.measure.kind": "var"},
        )
        + of_books("tail", {"without_surface": past["everything"]}, scenarios="plain", overrides=WHOLE_MODEL),
        "books_grid": of_books("tail", shown, overrides=grid, vectors=True)
        + of_books("tail", {"value_at_risk": COIN_BOOKS["everything"]}, overrides=grid | {"tail.measure.kind": "var"})
        + of_books("tail", {"always_gains": straddle}, overrides=grid | two)
        + of_books("tail", {"full_grid": COIN_BOOKS["delta_neutral"]}, overrides={"tail.scenarios.kind": "grid"}),
    }


def derive() -> dict[str, list[Case]]:
    """The files of ``derive``."""
    more = {"currency": "USDC"}
    alts = made.alt_coins("SOL", "HYPE", "ETH") | {"btc": CASH_BOOKS["everything"]}
    wallets = {"risk_cancelling": made.collateral(*RC), "dollars": made.collateral(*DOLLARS)}
    wallets["cash"] = {"legs": CASH.future(1.0), "balances": {"USD": 5_000.0, "USDC": -4_000.0}}
    return {
        "books_options": of_books("derive", CASH_BOOKS, vectors=True, **more),
        "books_accounts": of_books("derive", ACCOUNTS | wallets, **more),
        "books_doubt": of_books("derive", ACCOUNTS | alts | wallets | UNUSUAL, market="doubt", vectors=True, **more),
    }


def derive_v1() -> dict[str, list[Case]]:
    """The files of ``derive-v1``."""
    more = {"currency": "USDC"}
    wallets = {"base": made.collateral("BTC", "ETH", "cbBTC"), "eth": made.alt_coins("ETH")["eth"]}
    wallets["btc"] = CASH_BOOKS["everything"]
    return {
        "books_options": of_books("derive-v1", CASH_BOOKS, vectors=True, **more),
        "books_accounts": of_books("derive-v1", ACCOUNTS, **more),
        "books_doubt": of_books("derive-v1", ACCOUNTS | wallets | UNUSUAL, market="doubt", vectors=True, **more),
    }


def derive_srm() -> dict[str, list[Case]]:
    """The files of ``derive-srm``."""
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


def spm() -> dict[str, list[Case]]:
    """The files of ``deribit-spm``, wallet by wallet."""
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


def xpm() -> dict[str, list[Case]]:
    """The files of ``deribit-xpm``."""
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
