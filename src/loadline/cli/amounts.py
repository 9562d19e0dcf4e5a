"""Numbers as people read them: thousands separated, cents for money, nine significant digits for coins."""

from __future__ import annotations

import math
from collections.abc import Iterable

MONEY = frozenset({"USD", "USDC", "USDT", "EUR", "USDE", "DAI"})
SIGNIFICANT = 9


def decimals(values: Iterable[float], ccy: str) -> int:
    """Return how many decimals a column of amounts is shown with: 2 for money, up to 8 for coins."""
    if ccy.upper() in MONEY:
        return 2
    largest = max((abs(v) for v in values if math.isfinite(v)), default=0.0)
    whole = len(str(int(largest))) if largest < 1e15 else 16
    return min(8, max(2, SIGNIFICANT - whole))


def amount(value: float, ccy: str, places: int | None = None) -> str:
    """Return an amount without its currency, which stands at the head of the column.

    >>> amount(1234567.891, "USD"), amount(-0.0000001, "USD"), amount(1.23456789012, "BTC")
    ('1,234,567.89', '0.00', '1.23456789')
    """
    if not math.isfinite(value):
        return "n/a"
    if abs(value) >= 1e12:
        return f"{value:.5e}"
    shown = decimals([value], ccy) if places is None else places
    if abs(value) >= 1e9:
        shown = min(shown, 0)
    text = f"{value:,.{shown}f}"
    if any(c in "123456789" for c in text):
        return text
    return f"{value:.1e}" if value and ccy.upper() not in MONEY else text.lstrip("-")


def with_currency(value: float, ccy: str) -> str:
    """Return an amount with its currency."""
    return f"{amount(value, ccy)} {ccy}"


def percent(value: float | None) -> str:
    """Return a share in percent.

    >>> percent(0.4567), percent(None)
    ('45.7%', 'n/a')
    """
    if value is None or not math.isfinite(value):
        return "n/a"
    return f"{value:.1%}" if abs(value) < 10 else f"{value:,.0%}" if abs(value) < 1000 else ">100,000%"


def factor(value: float) -> str:
    """Return a factor; nothing for 1.

    >>> factor(1.0), factor(-0.8), factor(1.25)
    ('', '× -0.8', '× 1.25')
    """
    return "" if value == 1.0 else f"× {value:.5g}"


def count(number: int, noun: str) -> str:
    """Return a number with its noun.

    >>> count(1, "row"), count(1200, "row")
    ('1 row', '1,200 rows')
    """
    return f"{number:,} {noun}" + ("" if number == 1 else "s")
