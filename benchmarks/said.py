"""Numbers as the pages say them."""

from __future__ import annotations


def digits(x: float, figures: int = 2) -> str:
    """A number with so many significant digits, more only where it is larger, thousands separated."""
    if x == 0:
        return "0"
    whole = f"{x:.{figures}g}"
    return f"{float(whole):,.0f}" if abs(float(whole)) >= 10 ** (figures - 1) else f"{float(whole):g}"


def seconds(x: float) -> str:
    """A time in the unit that a person would say it in, with three digits."""
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if x >= size * 0.9995:
            return f"{digits(x / size, 3)} {unit}"
    return f"{digits(x / 1e-9, 3)} ns"


def count(x: float) -> str:
    """A whole number, thousands separated; three digits of it where it is large."""
    return f"{float(f'{x:.3g}'):,.0f}"


def size(x: float) -> str:
    """Bytes, in decimal units."""
    for unit, many in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if x >= many:
            return f"{digits(x / many, 3)} {unit}"
    return f"{x:.0f} B"


def cache(x: float) -> str:
    """The size of a cache, as makers give it."""
    return f"{x / (1 << 20):g} MB" if x >= 1 << 20 else f"{x / (1 << 10):g} kB"


def rate(x: float) -> str:
    """Bytes per second."""
    return f"{x / 1e9:.0f} GB/s" if x >= 9.5e9 else f"{x / 1e9:.1f} GB/s"


def times(x: float) -> str:
    """A ratio."""
    return f"{digits(x, 2)}×"


def value(x: float, unit: str) -> str:
    """What an aim measured, in the aim's unit."""
    return times(x) if unit == "x" else f"{digits(x, 3)} {unit}"


def listed(words: list[str]) -> str:
    """Words with commas and a last 'and'."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
