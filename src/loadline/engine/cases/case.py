"""One case replayed: what was expected, what came out, component by component."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from numbers import Rational
from typing import Any

import numpy as np

from loadline.foundation.table import Floats
from loadline.model.instruments import NO_EXPIRY, Instruments, Kind, PayoffForm
from loadline.model.market import Market, Quotes
from loadline.model.positions import Portfolio, Positions


@dataclass(frozen=True, slots=True)
class Check:
    """One number: ``got`` against ``expected`` within ``tolerance``, relative to ``scale`` (at least 1)."""

    component: str
    expected: float
    got: float
    tolerance: float
    scale: float = 0.0

    @property
    def error(self) -> float:
        """``|got - expected| / max(1, |expected|, scale)``; infinite where either is not a number."""
        if not (math.isfinite(self.expected) and math.isfinite(self.got)):
            return math.inf
        return abs(self.got - self.expected) / max(1.0, abs(self.expected), self.scale)

    @property
    def ok(self) -> bool:
        """Whether the error is within the tolerance."""
        return self.error <= self.tolerance


@dataclass(frozen=True, slots=True)
class Replay:
    """The checks of one case; ``refused`` says why a case was refused, ``skipped`` why it was not looked at."""

    case: str
    checks: tuple[Check, ...] = ()
    refused: str = ""
    skipped: str = ""
    notes: tuple[str, ...] = field(default=())

    @property
    def matched(self) -> bool:
        """Whether every component matched (a case with nothing to check has not)."""
        return bool(self.checks) and all(c.ok for c in self.checks)


def checks(
    expected: Mapping[str, Any], got: Mapping[str, Any], tolerance: float, scale: float = 0.0
) -> tuple[Check, ...]:
    """Return one check per number of ``expected``; lists are compared element by element.

    ``tolerance``: relative to the largest of 1, the expected number and ``scale``.
    """
    found: list[Check] = []
    for name, want in expected.items():
        have = got.get(name)
        if isinstance(want, Sequence) and not isinstance(want, str):
            values = list(have) if have is not None else []
            values += [math.nan] * (len(want) - len(values))
            found += [
                Check(f"{name}[{i}]", float(w), float(h), tolerance, scale)
                for i, (w, h) in enumerate(zip(want, values, strict=False))
            ]
        else:
            found.append(Check(name, float(want), math.nan if have is None else float(have), tolerance, scale))
    return tuple(found)


def exactly(component: str, expected: Rational | float, got: Rational | float) -> Check:
    """Return the check that ``got`` is ``expected``, however large: a difference is never lost to a double."""
    want, have = float(expected), float(got)
    if have == want and got != expected:
        have = math.nextafter(want, math.inf if Fraction(got) > Fraction(expected) else -math.inf)
    return Check(component, want, have, 0.0)


def truncated(x: float) -> float:
    """Return ``x`` in whole units towards zero, forgiving the last places that float arithmetic leaves (824.999999)."""
    return float(math.trunc(x + math.copysign(1e-6, x)))


class Sketch:
    """A market and a portfolio of one account, written down row by row as a case lists them."""

    def __init__(self, underlying: str, as_of: int = 0) -> None:
        self.underlying, self.as_of = underlying, as_of
        self.rows: list[dict[str, Any]] = []
        self.quotes: list[dict[str, float]] = []
        self.held: list[dict[str, Any]] = []

    def add(
        self,
        name: str,
        quantity: float,
        *,
        kind: Kind,
        form: PayoffForm,
        underlying: str | None = None,
        seconds: float | None = None,
        strike: float = math.nan,
        right: int = 0,
        settle: str = "USDC",
        unsettled: float = 0.0,
        **quotes: float,
    ) -> None:
        """Add an instrument and the position in it.

        ``quantity``: signed contracts; ``seconds`` to expiry; ``strike``: quote currency; ``right``: +1 call, -1 put;
        ``unsettled``: settlement currency; quotes by column name.
        """
        row = {
            "id": name,
            "underlying": underlying or self.underlying,
            "kind": kind,
            "form": form,
            "expiry": NO_EXPIRY if seconds is None else self.as_of + round(seconds * 1000),
            "strike": strike,
            "right": right,
            "multiplier": 1.0,
            "quote": "USD",
            "settle": settle,
            "upfront": kind in (Kind.SPOT, Kind.OPTION),
        }
        self.rows.append(row)
        self.quotes.append(quotes)
        position = {"account": "case", "instrument": name, "quantity": quantity, "unsettled": unsettled}
        self.held.append(position | {"entry": math.nan})

    def market(self, index: Mapping[str, float], fx: Mapping[str, float], **more: Any) -> Market:
        """Return the market of the rows; ``index``, ``fx``: USD price by underlying and by currency."""
        names = {c for q in self.quotes for c in q}

        def column(name: str) -> Floats:
            blank = 1.0 if name == "confidence" else math.nan
            return np.array([q.get(name, blank) for q in self.quotes])

        quotes = Quotes.of(column("forward"), **{c: column(c) for c in names - {"forward"}})
        return Market(self.as_of, Instruments.from_rows(self.rows), quotes, index, fx, **more)

    def portfolio(self) -> Portfolio:
        """Return the portfolio of the rows."""
        return Portfolio(Positions.from_rows(self.held))


def right_of(word: str) -> int:
    """Return +1 for a call, -1 for a put."""
    return 1 if word.upper().startswith("C") else -1


def first_worst(errors: Iterable[Check]) -> Check | None:
    """Return the check with the largest error, or ``None``."""
    return max(errors, key=lambda c: c.error, default=None)
