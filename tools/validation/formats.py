"""How numbers are written on the page."""

from __future__ import annotations

from loadline.foundation.units import format_time


def date(at: int) -> str:
    """A day, UTC."""
    return format_time(at)[:10]


def percent(x: float, places: int = 1) -> str:
    """A fraction in percent, without the sign."""
    return f"{100 * x:.{places}f}"


def p_value(x: float) -> str:
    """A p-value, none of them 0."""
    return f"{x:.3f}" if x >= 0.001 else "<0.001"
