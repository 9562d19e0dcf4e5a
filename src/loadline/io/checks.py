"""Checks of market rows and of a book against a market: pure functions from tables to defects.

How bad a defect is depends on who needs the row: a check only says what is wrong, and blanks what cannot be used.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from difflib import SequenceMatcher, get_close_matches

import numpy as np

from loadline.foundation.errors import Defect, Reason
from loadline.foundation.table import Bools, Floats, Ints, Texts
from loadline.foundation.units import format_time
from loadline.io.limits import Limits
from loadline.model.instruments import Instruments, Kind, PayoffForm
from loadline.model.market import Quotes

PRICES = ("forward", "vol", "mark", "bid", "ask")


@dataclass(frozen=True)
class Snapshot:
    """What is checked: market rows with where they stand. ``times`` (N,) epoch ms or 0; ``index``, ``fx`` in USD."""

    as_of: int
    instruments: Instruments
    quotes: Quotes
    times: Ints
    files: Texts
    rows: Ints
    index: Mapping[str, float]
    fx: Mapping[str, float]


@dataclass(frozen=True)
class Finding:
    """What one check found: ``mask`` (N,) the rows, ``what(i)`` the sentence, ``blank`` the quotes that go."""

    mask: Bools
    reason: Reason
    what: Callable[[int], str]
    remedy: str
    column: str
    blank: tuple[str, ...] = ()


def contracts(s: Snapshot, limits: Limits) -> Iterator[Finding]:
    """Find contracts that cannot be: expired, without a strike, without a multiplier, listed twice."""
    i, option = s.instruments, s.instruments.is_kind(Kind.OPTION)
    ids, strike, expiry = i.id, i.strike, i.expiry
    gone = expiry <= s.as_of
    yield Finding(
        gone,
        Reason.EXPIRED,
        lambda n: f"{ids[n]} expired {format_time(int(expiry[n]))}, the snapshot is of {format_time(s.as_of)}",
        "use a snapshot from before the expiry, or drop the row",
        "expiry",
    )
    bad = option & ~(strike > 0)
    said = "write the strike as a positive number"
    yield Finding(bad, Reason.INVALID_VALUE, lambda n: f"a strike of {strike[n]:g}", said, "strike", PRICES)
    bad = ~(i.multiplier > 0)
    said = "write the units of underlying in one contract"
    yield Finding(bad, Reason.INVALID_VALUE, lambda n: f"a multiplier of {i.multiplier[n]:g}", said, "multiplier")
    bad = i.is_kind(Kind.OPTION) & (i.right == 0)
    yield Finding(bad, Reason.INVALID_VALUE, lambda n: "an option without a right", "write call or put", "right")


def quotes(s: Snapshot, limits: Limits) -> Iterator[Finding]:
    """Find numbers that no market quotes: negative, zero, absurd or absent where needed; crossed and stale rows."""
    q, option = s.quotes, s.instruments.is_kind(Kind.OPTION)
    missing, invalid, absurd = Reason.MISSING_DATA, Reason.INVALID_VALUE, Reason.ABSURD
    everyone = np.ones(len(option), np.bool_)
    needs = (("forward", everyone), ("vol", option), ("mark", option))
    for column, who in needs:
        given = getattr(q, column)
        yield Finding(who & np.isnan(given), missing, say(f"no {column}"), f"give its {column}", column)
    for column in ("forward", "mark", "vol"):
        given = getattr(q, column)
        # A mark of zero is real: an option so far out of the money that the venue rounds it away.
        low = (given < 0) | ((given == 0) & (~option if column == "mark" else everyone))
        remedy = f"give a positive {column}"
        yield Finding(low, invalid, told(f"a {column} of", given), remedy, column, (column,))
    for column in ("forward", "mark", "bid", "ask"):
        high = getattr(q, column) > limits.price
        remedy = "check the unit, or raise the limit price"
        yield Finding(high, absurd, told(f"a {column} of", getattr(q, column)), remedy, column, (column,))
    odd = (q.vol > 0) & ((q.vol < limits.vol_low) | (q.vol > limits.vol_high))
    remedy = "write 65 % as 0.65, or move the limits vol_low and vol_high"
    yield Finding(odd, absurd, told("a vol of", q.vol), remedy, "vol", ("vol",))
    for column in ("bid", "ask"):
        given = getattr(q, column)
        yield Finding(given < 0, invalid, told(f"the {column} is", given), f"drop the {column}", column, (column,))
    crossed = q.bid > q.ask
    what = crossing(q)
    yield Finding(crossed, Reason.CROSSED, what, "drop the quote, or take a later snapshot", "bid", ("bid", "ask"))
    odd = np.abs(q.rate) > limits.rate
    yield Finding(
        odd, absurd, told("a rate of", q.rate), "write 5 % as 0.05, or raise the limit rate", "rate", ("rate",)
    )
    for column, remedy in (("funding", "write 0.01 % over eight hours as 0.0001"), ("delta", "write coins per coin")):
        given, most = getattr(q, column), getattr(limits, column)
        said = told(f"a {column} of", given)
        yield Finding(np.abs(given) > most, absurd, said, f"{remedy}, or raise the limit {column}", column, (column,))
    yield Finding(q.fixed < 0, invalid, told("a fixed part of", q.fixed), "give a positive price", "fixed", ("fixed",))
    odd = ~((q.confidence >= 0) & (q.confidence <= 1))
    remedy = "write a number from 0 to 1"
    yield Finding(odd, invalid, told("a confidence of", q.confidence), remedy, "confidence", ("confidence",))
    old = (s.times > 0) & (s.as_of - s.times > limits.max_age_ms)
    remedy = "take a fresh quote, or raise the limit max_age_ms"
    yield Finding(old, Reason.STALE, lambda n: f"the row is {age(s.as_of - int(s.times[n]))} old", remedy, "ts")


def relations(s: Snapshot, limits: Limits) -> Iterator[Finding]:
    """Find forwards far from their index, and marks no vol can give."""
    i, q, option = s.instruments, s.quotes, s.instruments.is_kind(Kind.OPTION)
    coin = (i.form == PayoffForm.COIN_OPTION) | (i.form == PayoffForm.INVERSE)
    rate = np.array([1.0 if c else s.fx.get(ccy, np.nan) for c, ccy in zip(coin, i.quote.tolist(), strict=True)])
    rate = np.where(rate > 0, rate, np.nan)
    index = np.array([s.index.get(u, np.nan) for u in i.underlying.tolist()])
    gap = q.forward * rate / np.where(index > 0, index, np.nan) - 1
    far = (q.forward > 0) & (np.abs(gap) > limits.forward_gap)
    remedy = "find which of the two is wrong, or raise the limit forward_gap"
    yield Finding(
        far, Reason.ABSURD, lambda n: f"the forward is {gap[n]:+.0%} from the index", remedy, "forward", ("forward",)
    )
    forward = np.where(q.forward > 0, q.forward, np.nan)
    unit = np.where(coin, 1.0, forward)
    share = np.where(i.strike > 0, i.strike, np.nan) / forward
    lower = unit * np.maximum(np.where(i.right > 0, 1 - share, share - 1), 0.0)
    upper = unit * np.where(i.right > 0, 1.0, share)
    outside = np.maximum(lower - q.mark, q.mark - upper)
    beyond = option & (outside > limits.mark_slack * unit)
    remedy = "check that mark and forward are of one moment and in the right currency, or raise the limit mark_slack"
    yield Finding(
        beyond,
        Reason.ABSURD,
        lambda n: f"a mark of {q.mark[n]:g} outside its bounds {lower[n]:.6g} to {upper[n]:.6g}",
        remedy,
        "mark",
        ("mark",),
    )


CHECKS = (contracts, quotes, relations)


def check_rows(s: Snapshot, known: Iterable[Defect], limits: Limits) -> tuple[Quotes, list[Defect]]:
    """Return the quotes with what cannot be used as NaN, and the defects of all checks.

    known: defects of reading; what they explain is not said again.
    """
    said = {(d.subject, d.column.replace("mark_iv", "vol")) for d in known}
    columns: dict[str, Floats] = {c: getattr(s.quotes, c).copy() for c in Quotes.columns()}
    found = []
    with np.errstate(all="ignore"):
        for check in CHECKS:
            for f in check(s, limits):
                for n in np.flatnonzero(f.mask).tolist():
                    subject = s.instruments.id[n].item()
                    if (subject, f.column) in said and f.reason is Reason.MISSING_DATA:
                        continue
                    place = (s.files[n].item(), int(s.rows[n]), f.column, subject)
                    found.append(Defect(f.reason, f.what(n), f.remedy, *place))
                for column in f.blank:
                    columns[column][f.mask] = np.nan
    return Quotes(**columns), found


def check_prices(index: Mapping[str, float], fx: Mapping[str, float], underlyings: Iterable[str]) -> list[Defect]:
    """Return a defect for every index or currency price that is absent, or not a positive number."""
    found = []
    for name in dict.fromkeys(underlyings):
        if name not in index:
            remedy = f"add a price file with the row currency,usd: {name},..."
            found.append(Defect(Reason.MISSING_DATA, f"no index of {name}", remedy, subject=name, column="index"))
    for table, prices in (("index", index), ("fx", fx)):
        for name, price in prices.items():
            if not 0 < price < np.inf:
                what, remedy = f"a price of {price:g} for {name}", "give a positive price in USD"
                found.append(Defect(Reason.INVALID_VALUE, what, remedy, column=table, subject=name))
    return found


def nearest(name: str, candidates: Iterable[str], n: int = 3) -> list[str]:
    """Return up to ``n`` candidates that read most like a name, those of the same first part before others.

    >>> nearest("BTC-27MAR26-9000-C", ["BTC-27MAR26-90000-C", "ETH-27MAR26-9000-C", "BTC-PERPETUAL"], 1)
    ['BTC-27MAR26-90000-C']
    """
    listed, parts = list(candidates), name.split("-")
    for head in (parts[:2], parts[:1]):
        alike = [c for c in listed if c.split("-")[: len(head)] == head]
        near = [(SequenceMatcher(None, name, c).ratio(), shared_start(name, c), c) for c in alike]
        good = [
            c for ratio, _, c in sorted(near, key=lambda scored: (-scored[0], -scored[1], scored[2])) if ratio > 0.6
        ]
        if good:
            return good[:n]
    return get_close_matches(name, listed, n=n)


def shared_start(a: str, b: str) -> int:
    """Return how many characters two texts have in common at their start."""
    return next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))


def say(text: str) -> Callable[[int], str]:
    """Return the same sentence for every row."""
    return lambda n: text


def told(text: str, values: Floats) -> Callable[[int], str]:
    """Return a sentence that ends in the row's number."""
    return lambda n: f"{text} {values[n]:g}"


def crossing(q: Quotes) -> Callable[[int], str]:
    """Return the sentence of a crossed quote."""
    return lambda n: f"crossed: bid {q.bid[n]:g} above ask {q.ask[n]:g}"


def age(ms: int) -> str:
    """Return a time span as people say it.

    >>> age(5_400_000)
    '1.5 h'
    """
    return f"{ms / 60_000:.0f} min" if ms < 5_400_000 else f"{ms / 3_600_000:.1f} h"
