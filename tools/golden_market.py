"""The markets of the golden cases: stated prices and vols, marks by Black-76, nothing taken from anywhere.

``calm``: USDC at one dollar, every feed sure. ``doubt``: USDC off its peg, some feeds unsure, interest rates by expiry.
``depeg``: USDT broken. ``odd``: prices of futures with many digits; it has no options.
"""

import math
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.reference.rules.common import black

AS_OF = datetime(2026, 10, 1, 7, 54, tzinfo=UTC)
INDEX = {"BTC": 84_000.0, "ETH": 2_900.0, "SOL": 140.0, "HYPE": 38.0, "CL": 71.0}
PERPETUAL_ONLY = {
    "XRP": 2.4,
    "ZEC": 60.0,
    "LIT": 1.1,
    "PUMP": 0.005,
    "XAUT": 3_300.0,
    "CC": 0.12,
    "LINK": 15.0,
    "ADA": 0.7,
}
"""Coins with a linear perpetual and nothing else; ADA has no entry of its own in any rulebook's list."""
DATED = {
    "LTC": 92.0, "BCH": 410.0, "EOS": 0.71, "OKB": 51.0, "DOT": 5.2, "BSV": 38.0, "FIL": 4.4, "TRX": 0.26, "UNI": 8.1,
    "DOGE": 0.21, "PEPE": 1.1e-5, "BNB": 655.0, "SHIB": 1.3e-5, "ORDI": 9.3, "WLD": 1.25, "TON": 3.1, "XRP": 2.4,
    "ADA": 0.7, "LINK": 15.0,
}  # fmt: skip
"""Coins with a linear perpetual and a linear dated future; TON has no entry of its own in any rulebook's list."""
BASE_VOL = {"BTC": 0.42, "ETH": 0.66, "SOL": 0.85, "HYPE": 0.98, "CL": 0.45}
CARRY = 0.07
EXPIRIES = {
    "6m": AS_OF + timedelta(minutes=6),
    "9d": datetime(2026, 10, 10, 8, tzinfo=UTC),
    "30d": AS_OF + timedelta(days=30),
    "100d": datetime(2027, 1, 8, 8, tzinfo=UTC),
    "300d": datetime(2027, 7, 30, 8, tzinfo=UTC),
}
"""In the settlement window; short; exactly 30 days, where powers change; long; very long."""
LOW_VOL = {("BTC", "30d"): 0.21, ("SOL", "30d"): 0.3, ("HYPE", "30d"): 0.32, ("CL", "30d"): 0.2}
"""Under the floors that upward shocks have."""
MONEYNESS = (0.4, 0.8, 0.95, 1.0, 1.1, 1.3, 2.2)
MARK_OFF_MODEL = 1.01
RATES = {("BTC", "30d"): 0.02, ("BTC", "100d"): 0.12, ("BTC", "300d"): -0.01, ("ETH", "9d"): 0.3, ("ETH", "300d"): 0.25}
UNSURE = {
    "BTC_USDC-PERPETUAL": 0.56,
    "ETH_USDC-PERPETUAL": 0.3,
    ("BTC", "9d"): 0.56,
    ("BTC", "100d"): 0.4,
    ("ETH", "9d"): 0.2,
    "cbBTC": 0.56,
    "wstETH": 0.35,
}
UNSURE_INDEX = {"SOL": 0.56, "HYPE": 0.3}
COINS = {  # coins that a wallet may hold: what they move with, and their price as a multiple of it
    "cbBTC": ("BTC", 1.0), "LBTC": ("BTC", 1.001), "eBTC": ("BTC", 0.999), "SolvBTC": ("BTC", 1.002),
    "stETH": ("ETH", 0.999), "wstETH": ("ETH", 1.2), "weETH": ("ETH", 1.06), "rsETH": ("ETH", 1.05),
    "rswETH": ("ETH", 1.04), "pufETH": ("ETH", 1.03),
    "USYC": ("USD", 1.1), "BUIDL": ("USD", 1.0), "USDe": ("USD", 0.999), "sUSDe": ("USD", 1.17),
    "DAI": ("USD", 1.0), "sDAI": ("USD", 1.14), "fxUSDC": ("USD", 1.0),
}  # fmt: skip
BROKEN, ODD = 0.81, 1.00012345731
MINI = {"BTC-PERPETUAL": 10.0, "BTC_USDC-PERPETUAL": 0.01} | {
    f"BTC{settle}-{contract}": 0.1 for settle in ("", "_USDC") for contract in ("9d-110-C", "9d-95-P", "100d-110-C")
}
"""Contracts that are listed a second time in another size."""
MORE_COINS = {"UBTC": ("BTC", 1.0)}
ALONE = {"OP": 1.6, "DRV": 0.06, "OLAS": 1.3, "XYZ": 2.0}
"""Coins that no instrument stands on; XYZ is in no rulebook's list."""


def text(moment: datetime) -> str:
    """An ISO time."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def option_name(coin: str, expiry: str, moneyness: float, right: str, *, cash: bool) -> str:
    """The name of an option: ``BTC-9d-95-C``, ``BTC_USDC-9d-95-C`` if it settles in cash."""
    return f"{coin}{'_USDC' if cash else ''}-{expiry}-{round(moneyness * 100)}-{right}"


def forward_of(coin: str, expiry: str) -> float:
    """The forward: the index at a fixed carry."""
    years = (EXPIRIES[expiry] - AS_OF).total_seconds() / (365 * 86_400)
    return round(INDEX[coin] * math.exp(CARRY * years), 2)


def vol_of(coin: str, expiry: str, moneyness: float) -> float:
    """A smile around a level."""
    level = LOW_VOL.get((coin, expiry), BASE_VOL[coin])
    return round(level + 0.12 * abs(math.log(moneyness)), 4)


def _options(coin: str, *, doubt: bool) -> list[dict[str, Any]]:
    rows = []
    for expiry, moment in EXPIRIES.items():
        years = (moment - AS_OF).total_seconds() / (365 * 86_400)
        forward = forward_of(coin, expiry)
        feed: dict[str, Any] = {}
        if doubt and (coin, expiry) in RATES:
            feed["rate"] = RATES[coin, expiry]
        if doubt and (coin, expiry) in UNSURE:
            feed["confidence"] = UNSURE[coin, expiry]
        for moneyness in MONEYNESS:
            strike, vol = float(f"{INDEX[coin] * moneyness:.3g}"), vol_of(coin, expiry, moneyness)
            for right, sign, letter in (("call", 1, "C"), ("put", -1, "P")):
                value = black(forward, strike, vol, years, sign) * MARK_OFF_MODEL
                common = {
                    "underlying": coin,
                    "kind": "option",
                    "expiry": text(moment),
                    "strike": strike,
                    "right": right,
                }
                quotes = {"forward": forward, "vol": vol, **feed}
                for cash in (False, True):
                    settle = {"form": "cash_option" if cash else "coin_option", "settle": "USDC" if cash else coin}
                    settle["quote"] = "USDC" if cash else coin
                    mark = round(value, 4) if cash else round(value / forward, 6)
                    name = option_name(coin, expiry, moneyness, letter, cash=cash)
                    rows.append({"id": name, **common, **settle, **quotes, "mark": mark})
    return rows


def _futures(coin: str, *, doubt: bool) -> list[dict[str, Any]]:
    rows = []
    index = INDEX[coin]
    for name, form, settle, price in (
        (f"{coin}-PERPETUAL", "inverse", coin, 1.0004),
        (f"{coin}_USDC-PERPETUAL", "linear", "USDC", 0.9997),
    ):
        row = {"id": name, "underlying": coin, "kind": "perpetual", "form": form, "settle": settle}
        row |= {"quote": "USD" if form == "inverse" else "USDC", "forward": round(index * price, 4)}
        if doubt and name in UNSURE:
            row["confidence"] = UNSURE[name]
        rows.append(row)
    for expiry in ("6m", "100d"):
        row = {"id": f"{coin}-{expiry}", "underlying": coin, "kind": "future", "form": "inverse", "settle": coin}
        rows.append(row | {"quote": "USD", "expiry": text(EXPIRIES[expiry]), "forward": forward_of(coin, expiry) + 1.5})
    return rows


def market(name: str) -> dict[str, Any]:
    """The market of this name, as a snapshot file holds it; instruments are pruned by who uses it."""
    doubt = name == "doubt"
    rows: list[dict[str, Any]] = []
    for coin in INDEX:
        rows += _futures(coin, doubt=doubt) + _options(coin, doubt=doubt)
    rows += [r | {"id": f"{r['id']}-MINI", "multiplier": MINI[r["id"]]} for r in rows if r["id"] in MINI]
    cash = {"quote": "USDC", "settle": "USDC"}
    for coin, price in (PERPETUAL_ONLY | DATED).items():
        row = {"id": f"{coin}_USDC-PERPETUAL", "underlying": coin, "kind": "perpetual", "form": "linear"}
        rows.append(row | cash | {"forward": round(price * 1.001, 6)})
    for coin, price in DATED.items():
        row = {"id": f"{coin}_USDC-300d", "underlying": coin, "kind": "future", "form": "linear"}
        rows.append(row | cash | {"expiry": text(EXPIRIES["300d"]), "forward": round(price * 1.05, 9)})
    for coin in ("BTC", "ETH"):
        row = {"id": f"{coin}_USDT-PERPETUAL", "underlying": coin, "kind": "perpetual", "form": "linear"}
        rows.append(row | {"quote": "USDT", "settle": "USDT", "forward": round(INDEX[coin] * 1.0013, 4)})
    fx = {"USDC": 0.97 if doubt else 1.0, "USDT": BROKEN if name == "depeg" else 0.999} | ALONE
    for coin, (underlying, ratio) in (COINS | MORE_COINS).items():
        price = round(INDEX.get(underlying, 1.0) * ratio, 4)
        row = {"id": coin, "underlying": underlying, "kind": "spot", "form": "spot", "quote": "USD", "settle": "USD"}
        if doubt and coin in UNSURE:
            row["confidence"] = UNSURE[coin]
        rows.append(row | {"forward": price})
        fx[coin] = price
    index: dict[str, Any] = INDEX | PERPETUAL_ONLY | DATED | {"USD": 1.0}
    if name == "odd":  # protocols count in whole numbers: prices that do not end where their decimals do
        index = {u: x * ODD if u != "USD" else x for u, x in index.items()}
        rows = [row if row["kind"] == "spot" else row | {"forward": row["forward"] * ODD} for row in rows]
        fx["USDC"] = 1.0
    if doubt:
        index |= {u: {"price": INDEX[u], "confidence": c} for u, c in UNSURE_INDEX.items()}
    return {"format": "loadline market 1", "as_of": text(AS_OF), "index": index, "fx": fx, "instruments": rows}


def chains(whole: dict[str, Any], used: set[str]) -> set[str]:
    """All options that expire with one that is used."""
    options = [r for r in whole["instruments"] if r["kind"] == "option"]
    expiries = {(r["underlying"], r["expiry"]) for r in options if r["id"] in used}
    return {r["id"] for r in options if (r["underlying"], r["expiry"]) in expiries}


def pruned(whole: dict[str, Any], used: set[str], underlyings: set[str]) -> dict[str, Any]:
    """The same market with only the instruments, prices and currencies that are used."""
    rows = [r for r in whole["instruments"] if r["id"] in used]
    names = underlyings | {r["underlying"] for r in rows} | {r["settle"] for r in rows}
    index = {u: x for u, x in whole["index"].items() if u in names}
    fx = {c: x for c, x in whole["fx"].items() if c in used or c in names or c == "USDC"}
    return whole | {"index": index, "fx": fx, "instruments": rows}
