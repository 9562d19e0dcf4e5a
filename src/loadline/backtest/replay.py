"""Moments of the past as market snapshots: from option chains, or from a history of prices.

The coin of a chain snapshot is priced at its nearest forward, because the index of a recorded chain is often collected
minutes later than its quotes; perpetuals are implied at that price.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from loadline.foundation.errors import InputError
from loadline.foundation.table import content_hash
from loadline.foundation.units import MS_PER_DAY, format_time
from loadline.io.chain_times import chain_times
from loadline.io.implied import imply_futures
from loadline.io.market import read_market
from loadline.model.history import History
from loadline.model.instruments import NO_EXPIRY, Instruments, Kind, PayoffForm
from loadline.model.market import Market, Quotes

HOUR = 3_600_000
NEAREST = 2 * HOUR
"""A forward that prices the coin has at least so long to live: in its last hour an expiry averages its own index."""


@dataclass(frozen=True, eq=False)
class Chains:
    """Option chain files as one replay: ``times`` (T,) epoch ms of all snapshots, rising.

    Reading is deferred: ``market(at)`` reads one snapshot. Raises ``InputError`` where no file holds a snapshot.
    """

    files: tuple[Path, ...]
    times: tuple[int, ...]
    spans: tuple[tuple[int, int], ...]

    @classmethod
    def of(cls, paths: Sequence[Path], start: int | None = None, end: int | None = None) -> Chains:
        """Return the snapshots of some files from ``start`` to before ``end`` (epoch ms; all, if left out)."""
        found = {path: chain_times(path) for path in sorted(paths)}
        low, high = start if start is not None else -NO_EXPIRY, end if end is not None else NO_EXPIRY
        times = sorted({t for own in found.values() for t in own.tolist() if low <= t < high})
        if not times:
            raise InputError("no snapshot in the files at these times", remedy="give chain files that cover the dates")
        spans = tuple((int(own.min()), int(own.max())) for own in found.values())
        return cls(tuple(found), tuple(times), spans)

    def market(self, at: int) -> Market:
        """Return the snapshot at one of ``times``, with the futures that it implies."""
        mine = [f for f, (a, b) in zip(self.files, self.spans, strict=True) if a - HOUR <= at <= b + HOUR]
        return imply_futures(anchored(read_market(mine, at=at)))

    def __iter__(self) -> Iterator[Market]:
        return map(self.market, self.times)

    @property
    def identity(self) -> str:
        """The content hash of the files."""
        return content_hash(*sorted(file_hash(f) for f in self.files))


def file_hash(path: Path) -> str:
    """Return the SHA-256 of a file's content, as hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def anchored(market: Market) -> Market:
    """Return a chain snapshot whose coins are priced at the forward of their nearest expiry, not at the index."""
    i, q = market.instruments, market.quotes
    coin = (i.form == PayoffForm.COIN_OPTION) & (q.forward > 0) & (i.expiry - market.as_of >= NEAREST)
    index = dict(market.index)
    for name in np.unique(i.underlying[coin]).tolist():
        mine = coin & (i.underlying == name)
        first = i.expiry[mine].min()
        index[name] = float(np.median(q.forward[mine & (i.expiry == first)]))
    note = "coins priced at the forward of their nearest expiry"
    fx = {c: index.get(c, x) for c, x in market.fx.items()}
    return market.replace(index=index, fx=fx, notes=(*market.notes, note))


@dataclass(frozen=True, eq=False)
class Prices:
    """A history of prices as a replay: each bar is a market of linear perpetuals and coins at its closes."""

    history: History
    times: tuple[int, ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "times", tuple(self.history.time.tolist()))

    def between(self, start: int | None, end: int | None) -> Prices:
        """Return the bars from ``start`` to before ``end`` (epoch ms)."""
        t = self.history.time
        keep = (t >= (start if start is not None else t[0])) & (t < (end if end is not None else NO_EXPIRY))
        if not keep.any():
            raise InputError("the history has no bar at these times", remedy="give files that cover the dates")
        return Prices(self.history.rows(np.flatnonzero(keep)))

    def market(self, at: int) -> Market:
        """Return the market of the coins that have a close at one of ``times``."""
        row = int(np.searchsorted(self.history.time, at))
        if row >= len(self.history) or self.history.time[row] != at:
            raise InputError(f"the history has no bar at {format_time(at)}", remedy="ask for one of its times")
        close = self.history.close[row]
        return perpetuals(at, {n: float(c) for n, c in zip(self.history.names, close, strict=True) if np.isfinite(c)})

    def __iter__(self) -> Iterator[Market]:
        return map(self.market, self.times)

    @property
    def identity(self) -> str:
        """The content hash of the bars."""
        return self.history.identity


def perpetual(coin: str) -> str:
    """Return the name of a coin's linear perpetual."""
    return f"{coin}_USDC-PERPETUAL"


def perpetuals(at: int, price: dict[str, float]) -> Market:
    """Return a market of one linear perpetual per coin at these USD prices; stablecoins are worth 1 USD."""
    row: dict[str, object] = {
        "kind": Kind.PERPETUAL,
        "form": PayoffForm.LINEAR,
        "expiry": NO_EXPIRY,
        "strike": np.nan,
        "right": 0,
    }
    row |= {"multiplier": 1.0, "quote": "USDC", "settle": "USDC", "upfront": False}
    listed = Instruments.from_rows({**row, "id": perpetual(c), "underlying": c} for c in price)
    at_close = np.array(list(price.values()))
    stable = {"USDC": 1.0, "USDT": 1.0}
    return Market(at, listed, Quotes.of(at_close, mark=at_close), index=price, fx=stable, source=("closes",))


Replay = Chains | Prices


@dataclass(frozen=True)
class Window:
    """A date and what came after it up to its horizon: ``later`` are epoch ms, the last one the end point."""

    at: int
    later: tuple[int, ...]

    @property
    def end(self) -> int:
        """The end point."""
        return self.later[-1]

    def thinned(self, moments: int) -> Window:
        """Return the window with at most so many moments, evenly taken; the end point stays."""
        if len(self.later) <= moments:
            return self
        chosen = np.unique(np.linspace(0, len(self.later) - 1, max(moments, 1)).round().astype(int))
        return replace(self, later=tuple(self.later[i] for i in (chosen if moments > 1 else chosen * 0 - 1)))


def windows(times: Sequence[int], days: float, slack: float = 0.125) -> list[Window]:
    """Return the dates that have a snapshot ``days`` later, within ``slack`` days either way; the nearest one counts.

    >>> [(w.at, w.later) for w in windows([0, MS_PER_DAY, 2 * MS_PER_DAY, 9 * MS_PER_DAY], 2)]
    [(0, (86400000, 172800000))]
    """
    if not days > 0 or not 0 <= slack < days:
        raise InputError(f"a horizon of {days} days, {slack} days of slack", remedy="give a horizon above its slack")
    t = np.asarray(times, np.int64)
    found = []
    for i, at in enumerate(t.tolist()):
        due = at + days * MS_PER_DAY
        j = int(np.searchsorted(t, due))
        near = [k for k in (j - 1, j) if i < k < len(t) and abs(t[k] - due) <= slack * MS_PER_DAY]
        if near:
            end = min(near, key=lambda k: abs(t[k] - due))
            found.append(Window(at, tuple(t[i + 1 : end + 1].tolist())))
    return found
