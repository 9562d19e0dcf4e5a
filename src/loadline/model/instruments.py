"""What a contract is: one row per instrument, and the five payoff forms."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import ClassVar

import numpy as np

from loadline.foundation.table import Bools, Floats, Ints, Table, Texts

NO_EXPIRY = np.iinfo(np.int64).max
"""The ``expiry`` of what never expires: spot and perpetuals (epoch milliseconds)."""


class Kind(IntEnum):
    """What a venue calls the contract.

    >>> Kind["OPTION"] is Kind.OPTION
    True
    """

    SPOT = 0
    PERPETUAL = 1
    FUTURE = 2
    OPTION = 3


class PayoffForm(IntEnum):
    """How one contract's value in its settlement currency follows from price (see ``kernels.payoff``).

    >>> [form.name.lower() for form in PayoffForm]
    ['spot', 'linear', 'inverse', 'coin_option', 'cash_option']
    """

    SPOT = 0
    LINEAR = 1
    INVERSE = 2
    COIN_OPTION = 3
    CASH_OPTION = 4


@dataclass(frozen=True, eq=False)
class Instruments(Table):
    """The reference data of contracts.

    Columns: ``id`` the venue's name; ``underlying`` the coin; ``kind`` a ``Kind``; ``form`` a ``PayoffForm``;
    ``expiry`` epoch ms UTC or ``NO_EXPIRY``; ``strike`` quote currency, NaN without; ``right`` +1 call, -1 put, 0;
    ``multiplier`` units of underlying (USD for inverse) per 1 of quantity; ``quote`` the currency prices are in;
    ``settle`` the currency a contract pays in; ``upfront`` whether its value is carried in equity (options, spot).

    >>> row = {"id": "BTC-PERPETUAL", "underlying": "BTC", "kind": Kind.PERPETUAL, "form": PayoffForm.INVERSE,
    ...     "expiry": NO_EXPIRY, "strike": float("nan"), "right": 0, "multiplier": 1.0, "quote": "USD", "settle": "BTC"}
    >>> Instruments.from_rows([row | {"upfront": False}])["BTC-PERPETUAL"]["settle"]
    'BTC'
    """

    label: ClassVar[str] = "id"

    id: Texts
    underlying: Texts
    kind: Ints
    form: Ints
    expiry: Ints
    strike: Floats
    right: Ints
    multiplier: Floats
    quote: Texts
    settle: Texts
    upfront: Bools

    def is_kind(self, *kinds: Kind) -> Bools:
        """Return (N,) whether each row is one of the kinds."""
        return np.isin(self.kind, kinds)


def spot_rows(currencies: list[str], numeraire: str = "USD") -> Instruments:
    """Return one spot row per currency: how a wallet balance enters a book as a position.

    >>> spot_rows(["BTC"])["BTC"]["settle"]
    'USD'
    """
    return Instruments.from_rows(
        {
            "id": ccy,
            "underlying": ccy,
            "kind": Kind.SPOT,
            "form": PayoffForm.SPOT,
            "expiry": NO_EXPIRY,
            "strike": np.nan,
            "right": 0,
            "multiplier": 1.0,
            "quote": numeraire,
            "settle": numeraire,
            "upfront": True,
        }
        for ccy in currencies
    )
