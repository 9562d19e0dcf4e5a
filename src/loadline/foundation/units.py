"""Currency amounts that refuse to be mixed, and the year all time is measured in.

Signs: inside the tape everything is PnL-signed (a loss is negative); at a result a requirement is positive.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from loadline.foundation.errors import InputError

Ccy = str
"""A currency code of any length: ``USD``, ``USDC``, ``BTC``, ``stETH``."""

SECONDS_PER_DAY = 86_400
MS_PER_DAY = 86_400_000
DAYS_PER_YEAR = 365.0
MS_PER_YEAR = DAYS_PER_YEAR * MS_PER_DAY


def year_fraction(from_ms: int, to_ms: int) -> float:
    """Return the time between two instants in years of 365 days; negative if it has passed.

    ``from_ms``, ``to_ms``: epoch milliseconds UTC. Equation: ``(to - from) / (365 * 86,400,000)``.

    >>> year_fraction(0, 86_400_000 * 73)
    0.2
    """
    return (to_ms - from_ms) / MS_PER_YEAR


def parse_time(text: str) -> int:
    """Return epoch milliseconds UTC for an ISO date or time; a text without a zone is read as UTC.

    Raises ``InputError`` for what is neither.

    >>> parse_time("2026-02-05") == parse_time("2026-02-05T00:00:00Z")
    True
    """
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError as error:
        raise InputError(
            f"{text!r} is not a time", causes="a local date format", remedy="write 2026-02-05 or 2026-02-05T18:00:00Z"
        ) from error
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)


def format_time(ms: int) -> str:
    """Return the ISO text of an instant ``ms`` in epoch milliseconds UTC, to the second.

    >>> format_time(1_770_314_400_000)
    '2026-02-05T18:00:00Z'
    """
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass(frozen=True, slots=True)
class Amount:
    """A number with its currency; unlike currencies do not add.

    Raises ``InputError`` for a value that is not a number.

    >>> Amount(1.5, "BTC") + Amount(0.5, "BTC")
    Amount(value=2.0, ccy='BTC')
    """

    value: float
    ccy: Ccy

    def __post_init__(self) -> None:
        if not math.isfinite(self.value):
            raise InputError(f"an amount of {self.value} {self.ccy} is not a number", remedy="find where it was lost")

    def __add__(self, other: Amount) -> Amount:
        if self.ccy != other.ccy:
            raise InputError(
                f"cannot add {other.ccy} to {self.ccy}",
                causes="a missing conversion",
                remedy="convert one of them first",
            )
        return Amount(self.value + other.value, self.ccy)

    def __neg__(self) -> Amount:
        return Amount(-self.value, self.ccy)

    def __sub__(self, other: Amount) -> Amount:
        return self + -other

    def to(self, ccy: Ccy, rate: float) -> Amount:
        """Return this amount in another currency at ``rate`` units of ``ccy`` per unit of this one.

        Raises ``InputError`` for a currency in itself at another rate than 1.
        """
        if ccy == self.ccy and rate != 1.0:
            raise InputError(
                f"converting {ccy} to itself at {rate}", remedy="a currency is worth exactly one of itself"
            )
        return Amount(self.value * rate, ccy)

    def __str__(self) -> str:
        return f"{self.value:,.8g} {self.ccy}" if abs(self.value) < 1 else f"{self.value:,.2f} {self.ccy}"


@dataclass(frozen=True, slots=True)
class Amounts:
    """Amounts of several currencies side by side, never summed without a rate.

    >>> Amounts({"BTC": 2.0, "USDC": 50_000.0}).total({"BTC": 100_000.0, "USDC": 1.0}, "USD")
    Amount(value=250000.0, ccy='USD')
    """

    by_ccy: Mapping[Ccy, float]

    def __iter__(self) -> Iterator[Amount]:
        return (Amount(value, ccy) for ccy, value in self.by_ccy.items())

    def total(self, rates: Mapping[Ccy, float], numeraire: Ccy) -> Amount:
        """Return the sum in ``numeraire``; ``rates``: units of the numeraire per unit of each currency.

        Raises ``InputError`` naming every currency without a rate.
        """
        missing = [ccy for ccy in self.by_ccy if ccy not in rates and ccy != numeraire]
        if missing:
            raise InputError(f"no rate for {', '.join(missing)}", remedy=f"give their price in {numeraire}")
        return Amount(sum(v * (1.0 if c == numeraire else rates[c]) for c, v in self.by_ccy.items()), numeraire)
