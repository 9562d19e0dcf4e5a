"""A made-up venue: 2,000 instruments on two coins, and accounts that hold some of them at random."""

from dataclasses import dataclass
from functools import cache

import numpy as np

from loadline.engine.columns import Columns
from loadline.foundation.units import MS_PER_DAY
from loadline.kernels.black76 import value1
from loadline.model.instruments import NO_EXPIRY, Instruments, Kind, PayoffForm
from loadline.model.market import Market, Quotes

AS_OF = 1_780_300_800_000
INDEX = {"BTC": 84_000.0, "ETH": 2_900.0}
DAYS = (2, 9, 16, 30, 58, 121, 212, 303)
STRIKES = 62


@cache
def market() -> Market:
    """2,000 instruments: per coin 992 cash options, seven futures and a perpetual, settled in USDC."""
    plain = {"kind": Kind.FUTURE, "form": PayoffForm.LINEAR, "strike": np.nan, "right": 0, "multiplier": 1.0}
    plain |= {"quote": "USDC", "settle": "USDC", "upfront": False}
    rows, vol = [], []
    for coin, index in INDEX.items():
        rows.append(plain | {"id": f"{coin}-PERP", "underlying": coin, "kind": Kind.PERPETUAL, "expiry": NO_EXPIRY})
        rows += [plain | {"id": f"{coin}-{d}D", "underlying": coin, "expiry": AS_OF + d * MS_PER_DAY} for d in DAYS[1:]]
        vol += [np.nan] * len(DAYS)
        option = plain | {"kind": Kind.OPTION, "form": PayoffForm.CASH_OPTION, "underlying": coin, "upfront": True}
        for days in DAYS:
            for n, moneyness in enumerate(np.linspace(-0.6, 0.6, STRIKES)):
                strike = float(np.round(index * np.exp(moneyness), -1))
                for right, letter in ((1, "C"), (-1, "P")):
                    where = {"expiry": AS_OF + days * MS_PER_DAY, "strike": strike, "right": right}
                    rows.append(option | where | {"id": f"{coin}-{days}D-{n}-{letter}"})
                    vol.append(0.5 + 0.1 * abs(moneyness))
    listed = Instruments.from_rows(rows)
    tau = np.where(listed.right != 0, (listed.expiry - AS_OF) / (365 * MS_PER_DAY), 0.0)
    spot = np.array([INDEX[c] for c in listed.underlying.tolist()])
    forward, vols = spot * np.exp(0.05 * tau), np.array(vol)
    option_rows = listed.right != 0
    strike = np.where(option_rows, listed.strike, 1.0)
    value = value1(forward, strike, np.nan_to_num(vols), tau, listed.right.astype(float))
    mark = np.where(option_rows, value, forward)
    quotes = Quotes.of(forward, vol=vols, mark=mark, bid=mark, ask=mark, rate=np.full(len(listed), 0.04))
    return Market(AS_OF, listed, quotes, INDEX, {"USDC": 1.0, "USDT": 1.0})


@dataclass(frozen=True)
class Held:
    """Random holdings: ``legs`` instruments per account and some cash; (P,) arrays, accounts in order."""

    accounts: int
    legs: int
    account: np.ndarray
    instrument: np.ndarray
    quantity: np.ndarray

    @property
    def columns(self) -> Columns:
        """The same with a wallet of USDC for everybody."""
        everybody = np.arange(self.accounts)
        cash = (everybody, np.full(self.accounts, "USDC"), np.full(self.accounts, 1e6))
        return Columns.of(market(), self.account, self.instrument, self.quantity, wallets=cash)


def held(accounts: int = 100_000, legs: int = 10, seed: int = 0) -> Held:
    """Accounts with so many random legs each."""
    rng = np.random.default_rng(seed)
    n = len(market().instruments)
    account = np.repeat(np.arange(accounts), legs)
    return Held(
        accounts, legs, account, rng.integers(0, n, accounts * legs), np.round(rng.normal(0, 5, len(account)), 1)
    )
