"""A small market of every payoff form, and random books on it."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from loadline.foundation.units import MS_PER_DAY, MS_PER_YEAR
from loadline.kernels.black76 import value1
from loadline.model.instruments import NO_EXPIRY, Instruments, Kind, PayoffForm
from loadline.model.market import Market, Quotes
from loadline.model.positions import Balances, Orders, Portfolio, Positions

AS_OF = 1_780_300_800_000  # 2026-06-01T08:00:00Z
INDEX = {"BTC": 84_000.0, "ETH": 2_900.0}
STRIKES = {"BTC": (70_000.0, 85_000.0, 100_000.0), "ETH": (2_400.0, 3_000.0, 3_600.0)}
DAYS = (11, 116)
USDC = 0.9997


def names_of(coin: str) -> list[tuple[str, dict[str, object]]]:
    """Every contract on one coin, with what differs from a linear perpetual."""
    form = {"kind": Kind.PERPETUAL, "form": PayoffForm.INVERSE, "quote": "USD", "settle": coin}
    found: list[tuple[str, dict[str, object]]] = [(f"{coin}-PERPETUAL", form), (f"{coin}_USDC-PERPETUAL", {})]
    for days in DAYS:
        expiry = {"expiry": AS_OF + days * MS_PER_DAY}
        found.append((f"{coin}-{days}D", form | expiry | {"kind": Kind.FUTURE}))
        for strike in STRIKES[coin]:
            for right, letter in ((1, "C"), (-1, "P")):
                option = expiry | {"kind": Kind.OPTION, "strike": strike, "right": right, "upfront": True}
                coin_form = {"form": PayoffForm.COIN_OPTION, "quote": coin, "settle": coin}
                found.append((f"{coin}-{days}D-{strike:.0f}-{letter}", option | coin_form))
                found.append((f"{coin}_USDC-{days}D-{strike:.0f}-{letter}", option | {"form": PayoffForm.CASH_OPTION}))
    return found


def small_market() -> Market:
    """BTC and ETH, two expiries, three strikes, coin and cash; marks lie a little off the model."""
    rows, forward, vol = [], [], []
    plain: dict[str, object] = {
        "kind": Kind.PERPETUAL, "form": PayoffForm.LINEAR, "expiry": NO_EXPIRY, "strike": np.nan, "right": 0,
        "multiplier": 1.0, "quote": "USDC", "settle": "USDC", "upfront": False,
    }  # fmt: skip
    for coin, index in INDEX.items():
        for name, differs in names_of(coin):
            row = plain | {"id": name, "underlying": coin} | differs
            rows.append(row)
            years = 0.0 if row["expiry"] == NO_EXPIRY else (row["expiry"] - AS_OF) / MS_PER_YEAR  # type: ignore[operator]
            forward.append(index * np.exp(0.06 * years) / (1.0 if row["quote"] in ("USD", coin) else USDC) + 3.0)
            smile = abs(np.log(row["strike"] / forward[-1])) if row["right"] else 0.0  # type: ignore[operator]
            vol.append((0.45 if coin == "BTC" else 0.63) + 0.1 * smile if row["right"] else np.nan)
    instruments = Instruments.from_rows(rows)
    prices, vols = np.array(forward), np.array(vol)
    option, coin_option = instruments.right != 0, instruments.form == PayoffForm.COIN_OPTION
    tau = np.where(option, (instruments.expiry - AS_OF) / MS_PER_YEAR, 0.0)
    state = (prices, np.nan_to_num(instruments.strike, nan=1.0), np.nan_to_num(vols), tau)
    cash = value1(*state, instruments.right.astype(float))
    mark = np.where(option, np.round(cash / np.where(coin_option, prices, 1.0), 4), prices)
    fx = {"USDC": USDC, "USDT": 1.0004}
    return Market(AS_OF, instruments, Quotes.of(prices, vol=vols, mark=mark, bid=mark, ask=mark), INDEX, fx)


MARKET = small_market()
IDS = MARKET.instruments.id.tolist()
INVERSE = [i for i in IDS if MARKET.instruments[i]["form"] == PayoffForm.INVERSE]


def book(
    positions: dict[tuple[str, str], float],
    balances: dict[tuple[str, str], float] | None = None,
    orders: list[tuple[str, str, float, float]] | None = None,
) -> Portfolio:
    """A portfolio from (account, instrument) -> quantity, (account, currency) -> amount, and order rows."""
    return Portfolio(
        Positions.from_rows(
            {"account": a, "instrument": i, "quantity": q, "unsettled": 0.0, "entry": np.nan}
            for (a, i), q in positions.items()
        ),
        Balances.from_rows({"account": a, "currency": c, "amount": x} for (a, c), x in (balances or {}).items()),
        Orders.from_rows({"account": a, "instrument": i, "quantity": q, "limit": p} for a, i, q, p in orders or []),
    )


def quantities(instrument: str) -> st.SearchStrategy[float]:
    """Sizes that fit a contract: USD for inverse ones, coins for the others; cents and halves, both signs."""
    if instrument in INVERSE:
        return st.integers(-20_000, 20_000).map(lambda n: 10.0 * n)
    return st.integers(-400, 400).map(lambda n: n / 8.0)


@st.composite
def books(draw: st.DrawFn, accounts: tuple[str, ...] = ("a",), largest: int = 12) -> Portfolio:
    """Random books: some contracts of the small market, coins and stablecoins in the wallet."""
    held: dict[tuple[str, str], float] = {}
    cash: dict[tuple[str, str], float] = {}
    for account in accounts:
        for name in draw(st.lists(st.sampled_from(IDS), min_size=1, max_size=largest, unique=True)):
            held[account, name] = draw(quantities(name))
        for ccy in draw(st.lists(st.sampled_from(["BTC", "ETH", "USDC"]), unique=True)):
            cash[account, ccy] = draw(st.integers(0, 4000)) * {"BTC": 0.01, "ETH": 0.25, "USDC": 100.0}[ccy]
    unsettled = draw(st.sampled_from([0.0, 0.125]))
    found = book(held, cash)
    return Portfolio(found.positions.replace(unsettled=np.full(len(found.positions), unsettled)), found.balances)
