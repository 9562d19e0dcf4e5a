"""The books of the golden cases: what each holds, by name; a rulebook takes those that its venue could list."""

from typing import Any

from tools.golden_market import ALONE, COINS, DATED, INDEX, PERPETUAL_ONLY, option_name

Legs = dict[str, float]
Book = dict[str, Any]


class Names:
    """How a settlement names its contracts: options and perpetuals that pay in coin, or in cash."""

    def __init__(self, *, cash: bool) -> None:
        self.cash = cash

    def call(self, expiry: str, moneyness: float, coin: str = "BTC") -> str:
        """A call."""
        return option_name(coin, expiry, moneyness, "C", cash=self.cash)

    def put(self, expiry: str, moneyness: float, coin: str = "BTC") -> str:
        """A put."""
        return option_name(coin, expiry, moneyness, "P", cash=self.cash)

    def perpetual(self, coin: str = "BTC") -> str:
        """The perpetual of the same settlement."""
        return f"{coin}_USDC-PERPETUAL" if self.cash else f"{coin}-PERPETUAL"

    def future(self, coins: float, coin: str = "BTC") -> Legs:
        """A position of so many coins in the perpetual, in its own unit."""
        return {self.perpetual(coin): coins if self.cash else round(coins * INDEX[coin], -1)}


def books(n: Names) -> dict[str, Book]:
    """Books of one coin in one settlement: options alone, futures, and both."""
    found: dict[str, Legs] = {
        "short_call": {n.call("9d", 1.1): -10},
        "short_put": {n.put("9d", 0.95): -10},
        "in_the_money_put": {n.put("100d", 2.2): -4},
        "long_call": {n.call("100d", 1.0): 5},
        "long_put": {n.put("30d", 1.0): 5},
        "short_straddle": {n.call("30d", 1.0): -8, n.put("30d", 1.0): -8},
        "long_strangle": {n.call("9d", 1.1): 12, n.put("9d", 0.8): 12},
        "call_spread": {n.call("9d", 1.0): -6, n.call("9d", 1.1): 6},
        "put_spread": {n.put("100d", 1.0): 6, n.put("100d", 0.8): -6},
        "calendar": {n.call("9d", 1.0): -7, n.call("100d", 1.0): 7},
        "box": {n.call("100d", 0.95): 4, n.put("100d", 0.95): -4, n.call("100d", 1.1): -4, n.put("100d", 1.1): 4},
        "short_box": {n.call("300d", 0.95): -4, n.put("300d", 0.95): 4, n.call("300d", 1.1): 4, n.put("300d", 1.1): -4},
        "synthetic_forward": {n.call("300d", 1.0): 3, n.put("300d", 1.0): -3},
        "ratio_spread": {n.call("9d", 1.0): 5, n.call("9d", 1.1): -12},
        "nearly_paired": {n.call("9d", 1.0): 11, n.call("9d", 1.1): -12},
        "iron_condor": {n.put("9d", 0.8): 9, n.put("9d", 0.95): -9, n.call("9d", 1.1): -9, n.call("9d", 1.3): 9},
        "far_wings": {n.call("100d", 2.2): -60, n.put("100d", 0.4): -60},
        "settling_now": {n.call("6m", 1.0): -10, n.put("6m", 1.0): 4, n.call("6m", 0.95): 2},
        "long_perpetual": n.future(3.0),
        "short_perpetual": n.future(-40.0),
        "pending_pnl": n.future(2.0) | {n.call("9d", 1.0): -1},
        "covered_call": n.future(10.0) | {n.call("9d", 1.1): -10},
        "protective_put": n.future(10.0) | {n.put("30d", 0.95): 10},
        "delta_neutral": n.future(-4.0) | {n.call("100d", 1.0): 9, n.call("9d", 1.1): -6, n.put("9d", 0.8): 3},
        "everything": n.future(6.0)
        | {
            n.call("6m", 1.0): -3,
            n.put("9d", 0.95): 5,
            n.call("9d", 1.1): -6,
            n.call("30d", 1.0): -4,
            n.put("30d", 0.8): -2,
            n.call("100d", 1.3): 8,
            n.put("100d", 0.8): -7,
            n.call("300d", 1.0): -2,
        },
    }
    wallet = {"USDC": 250_000.0} if n.cash else {"BTC": 4.0}
    made: dict[str, Book] = {name: {"legs": legs, "balances": wallet} for name, legs in found.items()}
    made["pending_pnl"]["unsettled"] = {n.perpetual(): 1_250.0 if n.cash else 0.0125}
    return made


def both_settlements() -> dict[str, Book]:
    """Books across coins and settlements, for rulebooks that see a whole account."""
    coin, cash = Names(cash=False), Names(cash=True)
    two: Legs = coin.future(-5.0) | cash.future(5.5) | {coin.call("9d", 1.1): -6, cash.call("9d", 1.1): 4}
    eth: Legs = coin.future(-60.0, "ETH") | {coin.put("9d", 0.95, "ETH"): -90, cash.call("100d", 1.1, "ETH"): 70}
    basis: Legs = coin.future(20.0) | {"BTC-100d": -1_680_000.0}
    return {
        "two_settlements": {"legs": two, "balances": {"BTC": 2.0, "USDC": 50_000.0}},
        "two_coins": {"legs": two | eth, "balances": {"BTC": 1.5, "ETH": -20.0, "USDC": 150_000.0}},
        "long_and_short_coin": {
            "legs": coin.future(10.0) | coin.future(-290.0, "ETH"),
            "balances": {"BTC": 1.0, "USDC": -10_000.0},
        },
        "basis_trade": {"legs": basis, "balances": {"BTC": 3.0, "USDC": 1_000.0}},
        "large": {
            "legs": coin.future(1_300.0) | {coin.call("100d", 1.1): 400, coin.put("9d", 0.95): -150},
            "balances": {"BTC": 300.0, "USDC": 5e6},
        },
        "pending_coin": {
            "legs": coin.future(2.0) | cash.future(-1.0, "ETH") | {coin.put("30d", 1.0): -2},
            "unsettled": {"BTC-PERPETUAL": 0.75, "ETH_USDC-PERPETUAL": -2_000.0},
            "balances": {"USDC": 60_000.0, "USDT": 5_000.0},
        },
        "wallet_alone": {"legs": {}, "balances": {"BTC": 1.0, "ETH": 10.0, "USDC": 1_000.0, "USDT": 500.0}},
        "in_debt": {"legs": coin.future(1.0), "balances": {"BTC": 2.0, "ETH": -8.0, "USDC": -30_000.0}},
    }


def large_accounts() -> dict[str, Book]:
    """Sizes at which the charges on large deltas, their caps and the limits on gains begin."""
    coin, cash = Names(cash=False), Names(cash=True)
    return {
        "large_eth": {"legs": coin.future(-20_000.0, "ETH"), "balances": {"ETH": 4_000.0}},
        "huge_eth": {"legs": coin.future(-80_000.0, "ETH"), "balances": {"ETH": 9_000.0}},
        "large_usdc": {"legs": cash.future(-240.0), "balances": {"USDC": 5e6}},
    }


def listed_perpetuals() -> Book:
    """A perpetual on every coin that has nothing else."""
    legs = {f"{coin}_USDC-PERPETUAL": round(25_000.0 / price, 1) for coin, price in PERPETUAL_ONLY.items()}
    return {"legs": legs, "balances": {"USDC": 100_000.0}}


def dated_alts() -> Book:
    """A dated future on every coin that has one, long and short by turns."""
    sizes = [float(f"{25_000.0 / price:.3g}") for price in DATED.values()]
    legs = {f"{coin}_USDC-300d": (-1) ** n * size for n, (coin, size) in enumerate(zip(DATED, sizes, strict=True))}
    return {"legs": legs, "balances": {"USDC": 2_000_000.0}}


def unusual() -> dict[str, Book]:
    """Contracts of another size, and pnl pending in a currency that is neither coin nor cash."""
    coin, cash = Names(cash=False), Names(cash=True)

    def minis(n: Names, perpetual: float) -> Legs:
        small = {n.perpetual(): perpetual, n.call("9d", 1.1): -35.0, n.put("9d", 0.95): -20.0}
        small |= {n.call("100d", 1.1): 15.0}
        return {f"{i}-MINI": q for i, q in small.items()}

    orders = [
        {"instrument": f"{cash.perpetual()}-MINI", "quantity": 60.0, "limit": 85_900.0},
        {"instrument": f"{cash.call('9d', 1.1)}-MINI", "quantity": -8.0, "limit": 310.0},
    ]
    pending = {"BTC_USDT-PERPETUAL": 900.0}
    return {
        "minis_cash": {"legs": minis(cash, 150.0), "balances": {"USDC": 90_000.0}},
        "minis_ordered": {"legs": minis(cash, -20.0), "balances": {"USDC": 90_000.0}, "orders": orders},
        "minis_coin": {"legs": minis(coin, 1_700.0), "balances": {"BTC": 1.0}},
        "pending_usdt": {"legs": {"BTC_USDT-PERPETUAL": 2.0}, "balances": {"USDC": 90_000.0}, "unsettled": pending},
    }


def paired_minis() -> Book:
    """Calls sold in a smaller size than the calls that cover them, but for a little."""
    cash = Names(cash=True)
    legs = {cash.call("9d", 1.0): 6.0, f"{cash.call('9d', 1.1)}-MINI": -65.0, cash.call("9d", 1.3): 0.1}
    return {"legs": legs, "balances": {"USDC": 90_000.0}}


def large_options() -> dict[str, Book]:
    """Large futures positions with long options that offset them, turn them or would enlarge them."""
    n = Names(cash=False)
    found: dict[str, Book] = {}
    for side, sign in (("short", -1.0), ("long", 1.0)):
        futures = n.future(sign * 20_000.0, "ETH") | {"ETH-6m": sign * 20e6}
        for name, option, size in (
            ("hedged", n.call if sign < 0 else n.put, 9_000.0),
            ("turned", n.call if sign < 0 else n.put, 90_000.0),
            ("enlarged", n.put if sign < 0 else n.call, 9_000.0),
        ):
            legs = futures | {option("30d", 1.0, "ETH"): size, n.call("9d", 1.1, "ETH"): -700.0 * sign}
            found[f"{side}_{name}"] = {"legs": legs, "balances": {"ETH": 9_000.0}}
    return found


def stablecoins() -> dict[str, Book]:
    """Contracts that pay in one stablecoin against those that pay in another, or in coin: each pair, by size."""
    coin, cash = Names(cash=False), Names(cash=True)

    def against(usdt: float, usdc: float, usd: float, asset: str = "BTC") -> Legs:
        return {f"{asset}_USDT-PERPETUAL": usdt} | cash.future(usdc, asset) | coin.future(usd, asset)

    return {
        "three_dollars": {
            "legs": against(90.0, -70.0, -40.0) | against(-1_500.0, 1_200.0, 700.0, "ETH"),
            "balances": {"USDC": 5e6, "USDT": 1e6},
        },
        "small_hedge": {
            "legs": against(2.0, 3.0, -4.0) | against(-30.0, 90.0, -110.0, "ETH"),
            "balances": {"USDC": 40_000.0, "USDT": 30_000.0, "USD": 5_000.0, "BTC": 2.5},
        },
        "in_turn": {
            "legs": against(120.0, -70.0, -40.0) | against(-300.0, 900.0, -1_100.0, "ETH"),
            "balances": {"USDC": 5e6, "USDT": 1e6},
        },
        "one_sided": {"legs": cash.future(-15_000.0), "balances": {"USDC": 4e8}},
    }


def more_perpetuals() -> dict[str, Book]:
    """Perpetuals with other wallets, in dust, and on coins with entries of their own."""
    coin, cash = Names(cash=False), Names(cash=True)
    legs: Legs = cash.future(0.4) | cash.future(-9.0, "ETH")
    wallet = {"USDC": 0.0012345678, "USD": 0.0023456789, "USDT": 0.0345678912, "BTC": 1.2345678912e-6}
    wallet |= {"ETH": 1.2345678912e-5, "cbBTC": 1.2345678912e-6}
    orders = [
        {"instrument": cash.perpetual(), "quantity": 0.5, "limit": 83_500.0},
        {"instrument": cash.perpetual(), "quantity": -2.0, "limit": 84_900.0},
        {"instrument": cash.perpetual(), "quantity": 0.7, "limit": 85_900.0},
    ]
    lost = {cash.perpetual(): -2_900.25, coin.perpetual(): -0.03}
    dust = {"BTC": 0.00012345678951, "ETH": -0.0012345678951, "SOL": 0.0123456789}
    return {
        "dollars": {"legs": legs, "balances": {"USD": 7_000.0, "USDT": 3_000.0, "USDC": 20_000.0}},
        "owed_dollars": {"legs": legs, "balances": {"USD": 90_000.0, "USDT": -3_000.0, "USDC": -20_000.0}},
        "owed_coins": {"legs": legs, "balances": {"USDC": 150_000.0, "BTC": -0.4, "ETH": -3.0, "SOL": -40.0}},
        "staked_coins": {"legs": legs, "balances": {"USDC": 9_000.0, "BTC": 0.3, "UBTC": 0.5, "HYPE": 300.0}},
        "whale": {"legs": legs, "balances": {"USDC": 9_000.0, "BTC": 23.0, "UBTC": 24.0, "HYPE": 61_000.0}},
        "pending_small": {"legs": legs, "balances": {"USDC": 20_000.0}, "unsettled": {cash.perpetual(): 40.5}},
        "pending_loss": {"legs": legs | coin.future(0.2), "balances": {"USDC": 500.0}, "unsettled": lost},
        "dust_owed": {"legs": {cash.perpetual(c): q for c, q in dust.items()}, "balances": {"USDC": -3.0}},
        "dusty_wallet": {"legs": {}, "balances": wallet},
        "selling": {"legs": cash.future(-0.3), "balances": {"USDC": 90_000.0}, "orders": orders},
        "dog": {"legs": {"DOGE_USDC-PERPETUAL": -120_000.0}, "balances": {"USDC": 9_000.0}},
        "dust": {"legs": {cash.perpetual(c): q for c, q in dust.items()}, "balances": {"USDC": 50.0}},
    }


def tiny() -> Book:
    """So little of everything, some of it owed, that every rounding to a protocol's decimals shows."""
    cash = Names(cash=True)
    legs = {cash.perpetual(): 0.000123456, cash.perpetual("ETH"): -0.00234567}
    wallet = {"USDC": 5.0, "BTC": -0.00012345, "ETH": -0.00123457, "SOL": 2.0123456789}
    orders = [
        {"instrument": cash.perpetual(), "quantity": 0.00023456789051, "limit": 83_500.0},
        {"instrument": cash.perpetual("ETH"), "quantity": -0.0034567890151, "limit": 2_950.0},
        {"instrument": cash.perpetual("SOL"), "quantity": 0.000000002, "limit": 141.0},
    ]
    pending = {cash.perpetual(): 0.12345678, cash.perpetual("ETH"): -0.02345678}
    return {"legs": legs, "balances": wallet, "orders": orders, "unsettled": pending}


def perpetuals() -> dict[str, Book]:
    """Books of perpetuals alone, for venues that list nothing else."""
    coin, cash = Names(cash=False), Names(cash=True)
    wallet = {"USDC": 150_000.0}
    both: Legs = cash.future(2.0) | cash.future(-45.0, "ETH")
    alts: Legs = cash.future(900.0, "SOL") | {"XRP_USDC-PERPETUAL": -20_000.0, "ADA_USDC-PERPETUAL": 30_000.0}
    orders = [
        {"instrument": cash.perpetual(), "quantity": 1.5, "limit": 83_500.0},
        {"instrument": cash.perpetual(), "quantity": -4.0, "limit": 84_900.0},
        {"instrument": cash.perpetual("SOL"), "quantity": -120.0, "limit": 141.0},
    ]
    pending = {cash.perpetual(): 3_250.5, cash.perpetual("ETH"): -1_875.25, coin.perpetual(): -0.03}
    found: dict[str, Book] = {
        "long": {"legs": cash.future(1.25), "balances": wallet},
        "short": {"legs": cash.future(-300.0), "balances": wallet},
        "fraction": {"legs": cash.future(0.0123457), "balances": {"USDC": 100.0}},
        "inverse": {"legs": coin.future(-3.0) | coin.future(20.0, "ETH"), "balances": wallet},
        "netted": {"legs": coin.future(4.0) | cash.future(-4.5), "balances": wallet},
        "two_coins": {"legs": both, "balances": wallet},
        "alt_coins": {"legs": alts, "balances": wallet},
        "large": {"legs": cash.future(2_500.0) | cash.future(-60_000.0, "ETH"), "balances": {"USDC": 5e7}},
        "pending": {"legs": both | coin.future(0.5), "balances": wallet, "unsettled": pending},
        "coins": {"legs": both, "balances": {"BTC": 1.0, "ETH": 10.0, "SOL": 50.0, "USDC": 20_000.0, "USDT": 500.0}},
        "in_debt": {"legs": cash.future(0.4), "balances": {"ETH": -6.0, "SOL": -10.5, "BTC": 2.0, "USDC": -30_000.0}},
        "wallet_alone": {"legs": {}, "balances": {"BTC": 0.5, "USDC": 1_000.0}},
        "orders": {"legs": both, "balances": wallet, "orders": orders},
    }
    whole = {"legs": both | alts | coin.future(0.5), "unsettled": pending, "orders": orders}
    found["everything"] = whole | {"balances": found["coins"]["balances"] | {"ETH": -12.0}}
    return found


def alt_coins(*coins: str) -> dict[str, Book]:
    """Books on the other coins, which have parameters of their own."""
    cash = Names(cash=True)
    made: dict[str, Book] = {}
    for coin in coins:
        legs = cash.future(-400.0, coin) | {
            cash.call("6m", 1.0, coin): -50,
            cash.call("9d", 1.1, coin): -300,
            cash.put("9d", 0.95, coin): -250,
            cash.put("30d", 0.8, coin): 400,
            cash.call("100d", 1.3, coin): -500,
            cash.put("100d", 0.4, coin): -700,
            cash.call("300d", 2.2, coin): 350,
        }
        wallet = {"USDC": 60_000.0} | ({coin: 100.0} if coin in INDEX else {})
        made[coin.lower()] = {"legs": legs, "balances": wallet}
    return made


def deep_options() -> Book:
    """Options far in the money, bought and sold, where caps on their charges decide."""
    cash = Names(cash=True)
    legs = {
        cash.call("100d", 0.4, "HYPE"): 40.0,
        cash.call("100d", 0.8, "ETH"): -20.0,
        cash.put("9d", 1.3, "ETH"): -15.0,
    }
    return {"legs": legs, "balances": {"USDC": 90_000.0}}


def alt_inverse(coin: str) -> Book:
    """A coin's inverse perpetual beside its linear one and a coin option."""
    n = Names(cash=False)
    legs = n.future(900.0, coin) | {f"{coin}_USDC-PERPETUAL": -1_100.0, n.call("9d", 1.1, coin): -300}
    return {"legs": legs | {n.put("9d", 0.8, coin): -200}, "balances": {"USDC": 40_000.0, coin: 30.0}}


def collateral(*coins: str) -> Book:
    """A wallet of every coin of a haircut list, over a small position."""
    chosen = coins or (*COINS, *ALONE)
    wallet = {c: round(20_000.0 / price_of(c), 2) for c in chosen}
    return {"legs": Names(cash=True).future(0.5), "balances": {"USDC": 10_000.0} | wallet}


def price_of(coin: str) -> float:
    """About what a coin costs."""
    if coin in COINS:
        underlying, ratio = COINS[coin]
        return INDEX.get(underlying, 1.0) * ratio
    return (INDEX | ALONE).get(coin, 1.0)


def orders(n: Names) -> list[dict[str, Any]]:
    """Open orders around the market: some would lose at once, some only after a move."""
    small = 0.02 if not n.cash else 1_700.0
    return [
        {"instrument": n.call("9d", 1.1), "quantity": -4.0, "limit": small},
        {"instrument": n.put("100d", 0.8), "quantity": 3.0, "limit": small * 2.5},
        {"instrument": n.perpetual(), "quantity": 1.5 if n.cash else 126_000.0, "limit": 84_600.0},
        {"instrument": n.perpetual(), "quantity": -2.0 if n.cash else -168_000.0, "limit": 83_500.0},
    ]
