"""Deribit's instrument names, both ways: what a name says a contract is, and the name of a contract.

| name | form | quote | settle |
|---|---|---|---|
| ``BTC-PERPETUAL``, ``BTC-27DEC24`` | inverse, 1 USD of quantity | USD | BTC |
| ``BTC-27DEC24-100000-C`` | coin option | BTC | BTC |
| ``BTC_USDC-PERPETUAL``, ``BTC_USDC-27DEC24`` | linear | USDC | USDC |
| ``BTC_USDC-27DEC24-90000-P``, ``XRP_USDC-30AUG24-0d55-C`` | cash option | USDC | USDC |
| ``BTC_USDC`` | spot | USDC | USDC |

Expiry is 08:00 UTC; ``d`` in a strike is the decimal point. Source: https://docs.deribit.com, "Naming".
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, TypedDict

import numpy as np

from loadline.model.instruments import NO_EXPIRY, Kind, PayoffForm

MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
NAME = re.compile(
    r"(?P<base>[A-Za-z0-9]{1,12})(?:_(?P<settle>[A-Za-z0-9]{1,12}))?"
    r"(?:-(?:(?P<perpetual>PERPETUAL)|(?P<day>[0-9]{1,2})(?P<month>[A-Z]{3})(?P<year>[0-9]{2})"
    r"(?:-(?P<strike>[0-9]{1,12}(?:d[0-9]{1,12})?)-(?P<right>[CP]))?))?\Z"
)
EXPIRY_HOUR = 8


class Contract(TypedDict):
    """One row of ``Instruments``."""

    id: str
    underlying: str
    kind: int
    form: int
    expiry: int
    strike: float
    right: int
    multiplier: float
    quote: str
    settle: str
    upfront: bool


@lru_cache(maxsize=65_536)
def parse_name(name: str) -> Contract | None:
    """Return what a Deribit name says, or None if it is none (combos and unknown shapes are none).

    >>> parse_name("XRP_USDC-30AUG24-0d55-C")["strike"]
    0.55
    """
    match = NAME.match(name)
    if match is None:
        return None
    part: dict[str, Any] = match.groupdict()
    expiry = NO_EXPIRY
    if part["day"]:
        try:
            day = (2000 + int(part["year"]), MONTHS.index(part["month"]) + 1, int(part["day"]))
            expiry = int(datetime(*day, EXPIRY_HOUR, tzinfo=UTC).timestamp() * 1000)
        except ValueError:
            return None
    kind = Kind.OPTION if part["right"] else Kind.FUTURE if part["day"] else Kind.PERPETUAL
    if not part["day"] and not part["perpetual"]:
        kind = Kind.SPOT
    return contract(
        name,
        part["base"],
        kind,
        expiry=expiry,
        strike=float(part["strike"].replace("d", ".")) if part["strike"] else np.nan,
        right={"C": 1, "P": -1, None: 0}[part["right"]],
        cash=part["settle"],
    )


def contract(
    name: str, base: str, kind: Kind, *, expiry: int, strike: float, right: int, cash: str | None
) -> Contract | None:
    """Return one row of ``Instruments``; ``cash`` is the settlement currency where it is not the coin ``base``."""
    if kind is Kind.SPOT and cash is None:
        return None
    forms = {
        Kind.SPOT: PayoffForm.SPOT,
        Kind.OPTION: PayoffForm.CASH_OPTION if cash else PayoffForm.COIN_OPTION,
        Kind.FUTURE: PayoffForm.LINEAR if cash else PayoffForm.INVERSE,
        Kind.PERPETUAL: PayoffForm.LINEAR if cash else PayoffForm.INVERSE,
    }
    return Contract(
        id=name,
        underlying=base,
        kind=int(kind),
        form=int(forms[kind]),
        expiry=expiry,
        strike=strike,
        right=right,
        multiplier=1.0,
        quote=cash or (base if kind is Kind.OPTION else "USD"),
        settle=cash or base,
        upfront=kind in (Kind.OPTION, Kind.SPOT),
    )


def future_name(base: str, expiry: int) -> str:
    """Return the name of a dated contract; ``expiry`` in epoch ms UTC.

    >>> future_name("BTC", 1_774_598_400_000)
    'BTC-27MAR26'
    """
    when = datetime.fromtimestamp(expiry / 1000, UTC)
    return f"{base}-{when.day}{MONTHS[when.month - 1]}{when.year % 100:02d}"


def option_name(base: str, expiry: int, strike: float, right: int) -> str:
    """Return the name of an option; ``strike`` in quote currency, ``right`` +1 call, -1 put.

    >>> option_name("BTC", 1_774_598_400_000, 90_000.0, -1)
    'BTC-27MAR26-90000-P'
    """
    return f"{future_name(base, expiry)}-{f'{strike:.12g}'.replace('.', 'd')}-{'C' if right > 0 else 'P'}"
