"""dYdX v4, Orderly, GMX v2 and Drift v2 once more: position by position, in whole numbers where the venue counts so."""

import math
from collections import defaultdict
from fractions import Fraction

from tests.reference.rules.common import CASH, Account, Contract, Holding, Parameters, Snapshot

Answer = dict[str, float]


def nearest(x: float) -> int:
    return round(x)


def up(x: Fraction) -> int:
    return math.ceil(x)


def down(x: Fraction) -> int:
    return math.floor(x)


def toward_zero(x: Fraction) -> int:
    return math.trunc(x)


def pending(h: Holding, market: Snapshot) -> float:
    """Unsettled pnl in USDC: coin pnl at the price of the coin."""
    coin = h.contract.form in ("inverse", "coin_option")
    return h.unsettled * (market.price(h.contract.settle) / market.price("USDC") if coin else 1.0)


def wallet_cash(held: Account) -> int:
    return sum(nearest(h.quantity * 1e6) for h in held.wallet if h.contract.id in CASH)


# ---- dYdX v4
def dydx(market: Snapshot, held: Account, p: Parameters) -> Answer:
    initial = maintenance = 0
    for h in held.positions:
        coin = h.contract.underlying
        lots, ticks = p("precision.size", coin), p("precision.price", coin)
        price = nearest(market.price(coin) * 10.0**ticks)
        unit = Fraction(price) * Fraction(10) ** (6 - lots - ticks)
        size = abs(toward_zero(nearest(h.quantity * (h.contract.coins * 10.0**lots)) * unit))
        base = Fraction(int(p("initial.fraction", coin)), 10**6)
        interest = toward_zero(nearest(p("open_interest.size", coin) * 10.0**lots) * unit)
        low, high = (nearest(p(f"open_interest.{n}_cap", coin) * 1e6) for n in ("lower", "upper"))
        fraction = base
        if high and interest >= high:
            fraction = max(base, Fraction(1))
        elif high and interest > low:
            rise = Fraction(interest - low, high - low)
            fraction = base + Fraction(down((1 - base) * 10**6 * rise), 10**6)
        fraction = max(fraction, Fraction(int(p("initial.custom")), 10**6))
        initial += up(size * fraction)
        maintenance += up(up(size * base) * Fraction(int(p("maintenance.share", coin)), 10**6))
    equity = wallet_cash(held) + sum(nearest(pending(h, market) * 1e6) for h in held.positions)
    coins = [h.quantity * h.contract.forward / market.price("USDC") for h in held.wallet if h.contract.id not in CASH]
    cut = sum(max(x, 0.0) for x in coins)
    return {"equity": equity / 1e6 + sum(coins), "initial": initial / 1e6 + cut, "maintenance": maintenance / 1e6 + cut}


# ---- Orderly Network
def counted(held: Account, p: Parameters) -> float:
    """What a haircut takes off the wallet, USD."""
    return sum(max(h.quantity, 0.0) * h.contract.forward * p("collateral.haircut", h.contract.id) for h in held.wallet)


def usd(held: Account, market: Snapshot) -> float:
    wallet = sum(h.quantity * h.contract.forward for h in held.wallet)
    return wallet + sum(pending(h, market) for h in held.positions) * market.price("USDC")


def orderly(market: Snapshot, held: Account, p: Parameters) -> Answer:
    worth: dict[str, float] = defaultdict(float)
    buys: dict[str, float] = defaultdict(float)
    sells: dict[str, float] = defaultdict(float)

    def notional(c: Contract, quantity: float) -> float:
        return quantity * c.coins * c.forward

    for h in held.positions:
        worth[h.contract.underlying] += notional(h.contract, h.quantity)
    for o in held.orders:
        side = buys if o.quantity > 0 else sells
        side[o.contract.underlying] += notional(o.contract, o.quantity)
    initial = maintenance = 0.0
    power = p("initial.power")
    for coin in {*worth, *buys, *sells}:
        base, floor, factor = p("maintenance.base", coin), p("initial.base", coin), p("initial.factor", coin)
        least = max(floor, 1.0 / p("initial.leverage", coin))
        size = abs(worth[coin])
        maintenance += size * max(base, base / floor * factor * size**power)
        sizes = [size, abs(worth[coin] + buys[coin]), abs(worth[coin] + sells[coin])]
        initial += max(x * max(least, factor * x**power) for x in sizes)
    cash = market.price("USDC")
    haircut = counted(held, p) / cash
    return {"equity": usd(held, market) / cash, "initial": initial + haircut, "maintenance": maintenance + haircut}


# ---- GMX v2
def gmx(market: Snapshot, held: Account, p: Parameters) -> Answer:
    asked = {"initial": 0.0, "maintenance": 0.0}
    for h in held.positions:
        coin = h.contract.underlying
        now = h.quantity * h.contract.coins * market.price(coin)
        size = abs(nearest((now - pending(h, market) * market.price("USDC")) * 1e6)) / 1e6
        costs = size * (p("cost.fee", coin) + p("cost.impact", coin))
        least = p("collateral.least") if size else 0.0
        for side in asked:
            asked[side] += max(size * p(f"{side}.factor", coin), least) + costs
    return {"equity": usd(held, market), **asked}


# ---- Drift v2
def root(size: int) -> int:
    return math.isqrt(10 * size + 1)


def dearer(weight: int, size: int, factor: int) -> int:
    """A liability weight or a margin ratio, in 1e-4, that grows with the root of size (9 decimals)."""
    return weight if not factor else max(weight, weight - weight // 5 + root(size) * factor // 10**7)


def cheaper(weight: int, size: int, factor: int) -> int:
    """An asset weight that shrinks with the root of size."""
    return weight if not factor else min(weight, 11 * 10**9 // (10**6 + root(size) * factor // 10**5))


def drift(market: Snapshot, held: Account, p: Parameters) -> Answer:
    equity = 0
    own = int(p("account.least_ratio"))
    cash = nearest(market.price("USDC") * 1e6)
    excess = {"initial": 0, "maintenance": 0}
    tokens: dict[str, int] = defaultdict(int)
    prices: dict[str, float] = {}
    for h in held.wallet:
        tokens[h.contract.id] += nearest(h.quantity * 10.0 ** p("token.decimals", h.contract.id))
        prices[h.contract.id] = h.contract.forward
    for name, amount in tokens.items():
        digits, factor = int(p("token.decimals", name)), int(p("token.size_factor", name))
        price = nearest(prices[name] * 1e6)
        value = amount * price // 10**digits  # rounded down, also below zero
        nine = abs(amount) * 10**9 // 10**digits if digits <= 9 else abs(amount) // 10 ** (digits - 9)
        equity += value
        for side in excess:
            chosen = own if side == "initial" else 0
            if name in CASH:
                weight = 10**4
            elif value > 0:
                weight = cheaper(int(p(f"token.{side}_asset", name)), nine, factor)
                weight = min(weight, max(10**4 - chosen, 0)) if chosen else weight
            else:
                weight = dearer(int(p(f"token.{side}_liability", name)), nine, factor)
                weight = max(weight, 10**4 + chosen) if chosen else weight
            excess[side] += toward_zero(Fraction(value * weight, 10**4))
    base: dict[str, int] = defaultdict(int)
    buys: dict[str, int] = defaultdict(int)
    sells: dict[str, int] = defaultdict(int)
    pnl: dict[str, int] = defaultdict(int)
    orders = 0
    for h in held.positions:
        base[h.contract.underlying] += nearest(h.quantity * (h.contract.coins * 1e9))
        pnl[h.contract.underlying] += nearest(pending(h, market) * 1e6)
    for o in held.orders:
        orders += 1
        side_of = buys if o.quantity > 0 else sells
        side_of[o.contract.underlying] += nearest(o.quantity * (o.contract.coins * 1e9))
    for coin in {*base, *buys, *sells}:
        price, gain = nearest(market.price(coin) * 1e6), pnl[coin]
        size = max(abs(base[coin]), abs(base[coin] + buys[coin]), abs(base[coin] + sells[coin]))
        value = size * price // 10**9 * cash // 10**6
        equity += gain
        for side in excess:
            ratio = dearer(int(p(f"perpetual.{side}", coin)), size, int(p("perpetual.size_factor", coin)))
            ratio = max(ratio, own if side == "initial" else 0)
            weight = 10**4
            if gain > 0:
                weight = int(p(f"pnl.{side}"))
                if side == "initial":
                    weight = cheaper(weight, gain * 1_000, int(p("pnl.size_factor")))
            share = toward_zero(Fraction(toward_zero(Fraction(gain * weight, 10**4)) * cash, 10**6))
            share = min(share, 100 * 10**6) if side == "initial" else share
            excess[side] += share - value * ratio // 10**4
    asked = {side: (equity - free + orders * 10_000) / 1e6 for side, free in excess.items()}
    return {"equity": equity / 1e6, **asked}
