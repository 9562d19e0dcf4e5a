"""Small markets and books drawn from a seed, written as golden cases write them."""

import random
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.reference.rules.common import black

AS_OF = datetime(2026, 6, 1, 8, tzinfo=UTC)
LEVEL = {"BTC": 84_000.0, "ETH": 2_900.0}
# inside the settlement window, a short one, both sides of 30 days and beyond
LEFT = (timedelta(minutes=12), timedelta(hours=13), timedelta(days=11), timedelta(days=30), timedelta(days=116))
PERPETUALS_ALONE = ("dydx", "drift", "orderly", "gmx", "binance", "hyperliquid", "hyperliquid-pm")
EXTRA = {"stETH": ("ETH", 0.998), "cbBTC": ("BTC", 1.001), "wstETH": ("ETH", 1.19)}


def text(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def market(draw: random.Random) -> dict[str, Any]:
    """A snapshot of BTC and ETH: every payoff form, five expiries, marks a little off the model, feeds in doubt."""
    rows: list[dict[str, Any]] = []
    index = {coin: round(price * draw.uniform(0.8, 1.25), 2) for coin, price in LEVEL.items()}
    doubt = draw.random() < 0.4

    def sure() -> dict[str, float]:
        return {"confidence": round(draw.uniform(0.1, 0.9), 3)} if doubt and draw.random() < 0.5 else {}

    def add(name: str, coin: str, kind: str, form: str, **more: Any) -> None:
        settle = coin if form in ("inverse", "coin_option") else "USD" if kind == "spot" else "USDC"
        quote = coin if form == "coin_option" else "USD"
        rows.append(
            {"id": name, "underlying": coin, "kind": kind, "form": form, "quote": quote, "settle": settle} | more
        )

    for coin, spot in index.items():
        for name, form in ((f"{coin}-PERPETUAL", "inverse"), (f"{coin}_USDC-PERPETUAL", "linear")):
            price = round(spot * draw.uniform(0.995, 1.005), 2)
            lot = 10.0 if form == "inverse" and draw.random() < 0.3 else 1.0
            add(name, coin, "perpetual", form, forward=price, multiplier=lot, **sure())
        for n, left in enumerate(LEFT):
            years, expiry = left.total_seconds() / (365 * 86_400), text(AS_OF + left)
            price = round(spot * (1.0 + draw.uniform(-0.1, 0.2) * years), 2)
            feed: dict[str, float] = sure()
            if draw.random() < 0.6:
                feed["rate"] = round(draw.uniform(-0.05, 0.3), 3)
            if n == 0 and draw.random() < 0.5:
                feed["fixed"] = round(price * draw.uniform(0.1, 0.6), 2)
            if n >= 2:
                add(f"{coin}-{n}", coin, "future", "inverse", forward=price, expiry=expiry)
            for moneyness in (0.75, 0.95, 1.0, 1.05, 1.4):
                strike, vol = round(spot * moneyness, -2), round(draw.uniform(0.25, 1.3), 4)
                for right, sign in (("call", 1), ("put", -1)):
                    value = black(price, strike, vol, years, sign) * draw.uniform(0.97, 1.03)
                    lot = 0.1 if draw.random() < 0.1 else 1.0
                    common = {"forward": price, "expiry": expiry, "strike": strike, "right": right, "vol": vol, **feed}
                    tail = f"{n}-{moneyness}-{right}"
                    mark = round(value / price, 6)
                    add(f"{coin}-{tail}", coin, "option", "coin_option", mark=mark, multiplier=lot, **common)
                    add(f"{coin}_USDC-{tail}", coin, "option", "cash_option", mark=round(value, 4), **common)
    told = random.Random(draw.random())
    for row in rows if told.random() < 0.5 else []:
        if row["kind"] == "perpetual" and told.random() < 0.7:
            row["funding"] = round(told.uniform(-0.001, 0.001), 6)
        if row["kind"] != "future" and told.random() < 0.7:
            row["delta"] = round(told.uniform(0.0, 1.0) * (-1 if row.get("right") == "put" else 1), 4)
    for name, (coin, ratio) in EXTRA.items():
        add(name, coin, "spot", "spot", forward=round(index[coin] * ratio, 2), **sure())
    priced: dict[str, Any] = dict(index)
    if doubt and draw.random() < 0.5:
        priced["ETH"] = {"price": index["ETH"], "confidence": round(draw.uniform(0.2, 0.9), 3)}
    fx = {"USDC": draw.choice([1.0, 0.9997, 0.953]), "USDT": 1.0004} | {r["id"]: r["forward"] for r in rows[-3:]}
    return {"format": "loadline market 1", "as_of": text(AS_OF), "index": priced, "fx": fx, "instruments": rows}


def case(draw: random.Random, snapshot: dict[str, Any], rulebook: str, *, orders: bool) -> dict[str, Any]:
    """A book of a few positions, a wallet and perhaps open orders, as a golden case's input."""
    coins = draw.choice([("BTC",), ("ETH",), ("BTC", "ETH")])
    listed = [r for r in snapshot["instruments"] if r["kind"] != "spot" and r["underlying"] in coins]
    if rulebook in PERPETUALS_ALONE:
        listed = [r for r in listed if r["kind"] == "perpetual"]
    index = {u: x["price"] if isinstance(x, dict) else x for u, x in snapshot["index"].items()}

    def quantity(row: dict[str, Any]) -> float:
        coins_held = draw.choice([-1, 1]) * draw.uniform(0.05, 20.0)
        if row["form"] == "inverse":
            return round(coins_held * index[row["underlying"]] / row.get("multiplier", 1.0), -1)
        return round(coins_held, 2)

    positions = []
    for row in draw.sample(listed, min(draw.randint(1, 9), len(listed))):
        position = {"instrument": row["id"], "quantity": quantity(row)}
        if row["kind"] != "option" and draw.random() < 0.4:
            pending = draw.uniform(-0.5, 0.5)
            position["unsettled"] = round(pending if row["settle"] in index else pending * 1e4, 4)
        positions.append(position)
    wallet = {"USDC": round(draw.uniform(-2e4, 2e5), 2)}
    for name, amount in (("BTC", 2.0), ("ETH", 50.0), ("USDT", 1e4), ("USD", 1e4)):
        if draw.random() < 0.4:
            wallet[name] = round(draw.uniform(-0.3, 1.0) * amount, 3)
    own = {"deribit": ["stETH"], "derive": ["cbBTC", "wstETH"]}.get(rulebook.split("-")[0], [])
    for name in own:
        if draw.random() < 0.4:
            wallet[name] = round(draw.uniform(0.0, 3.0), 3)
    given: dict[str, Any] = {"rulebook": rulebook, "market": "m", "positions": positions, "balances": wallet}
    if orders and draw.random() < 0.5:
        picked = draw.sample(listed, min(draw.randint(1, 3), len(listed)))
        given["orders"] = [
            {"instrument": r["id"], "quantity": quantity(r), "limit": limit(r) * draw.uniform(0.9, 1.1)} for r in picked
        ]
    return given


def limit(row: dict[str, Any]) -> float:
    """Somewhere near the mark."""
    return float(row["mark"] if row["kind"] == "option" else row["forward"])
