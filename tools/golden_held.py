"""Books that more than one rulebook is shown on."""

from tools import golden_books as made
from tools.golden_books import Book, Names
from tools.golden_case import merged

COIN, CASH = Names(cash=False), Names(cash=True)


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
