"""Which books under Paradex's, Bybit's and OKX's rulebooks and those of perpetuals alone."""

from typing import Any

from tools import golden_books as made
from tools.golden_books import Book
from tools.golden_case import Case, dated, merged, of_books, some
from tools.golden_extremes import CURRENCY
from tools.golden_held import (
    ACCOUNTS,
    CASH,
    CASH_BOOKS,
    COIN,
    COIN_BOOKS,
    ETH_CASH,
    MORE,
    OPENING,
    OPENING_CASH,
    PERPETUALS,
    UNUSUAL,
)


def paradex(name: str) -> dict[str, list[Case]]:
    """The files of one of the two rulebooks of Paradex."""
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


def bybit() -> dict[str, list[Case]]:
    """The files of ``bybit``."""
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


def bybit_regular() -> dict[str, list[Case]]:
    """The files of ``bybit-regular``."""
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


def okx() -> dict[str, list[Case]]:
    """The files of ``okx``."""
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


def protocol(name: str) -> dict[str, list[Case]]:
    """The files of a venue of perpetuals alone."""
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
