"""A market snapshot: what is given at one instant. What a rule derives from it stands in the rule."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from typing import Any, TypeVar

import numpy as np

from loadline.foundation.errors import Defect, MissingData
from loadline.foundation.table import Floats, Ints, Table, Texts, content_hash
from loadline.model.instruments import Instruments, spot_rows
from loadline.model.smile import Columns, Smiles

Kept = TypeVar("Kept")
KEPT = 8
"""Things worked out from a snapshot that it remembers: the last ones asked for."""

LATER = ("funding", "delta")
"""Columns that joined after snapshots were written: where nothing is given, old identities hold."""


@dataclass(frozen=True, eq=False)
class Quotes(Table):
    """Market columns, one row per instrument of the snapshot, in its order. NaN: not given.

    ``forward``: price of the underlying for that expiry (a future's or perpetual's own mark; spot: its price),
    quote currency. ``vol``: mark implied volatility, 1/sqrt(year) as a decimal. ``mark``, ``bid``, ``ask``: price of
    one contract as the venue quotes it (coin options in coin). ``rate``: continuous, per year. ``fixed``: the part of
    the forward a settlement average has already fixed, quote currency. ``confidence``: 0..1 of the feed. ``funding``:
    of a perpetual, fraction of notional that longs pay to shorts over eight hours. ``delta``: the venue's own, coins
    per coin of contract, of an option without its premium. A rule that reads the last two says what it does without.

    >>> Quotes.of(np.array([84_000.0]), vol=np.array([0.45])).confidence.tolist()
    [1.0]
    """

    forward: Floats
    vol: Floats
    mark: Floats
    bid: Floats
    ask: Floats
    rate: Floats
    fixed: Floats
    confidence: Floats
    funding: Floats
    delta: Floats

    @cached_property
    def identity(self) -> str:
        """The content hash; a column of ``LATER`` in which nothing is given is as if it were not there."""
        told = [c for c in self.columns() if c not in LATER or np.isfinite(getattr(self, c)).any()]
        return content_hash(type(self).__name__, *(getattr(self, c) for c in told), *[c for c in told if c in LATER])

    @classmethod
    def of(cls, forward: Floats, **given: Floats) -> Quotes:
        """Return quotes from ``forward`` (N,) and any other columns (N,); the rest is not given (confidence 1)."""
        n = len(forward)
        blank = {c: np.full(n, 1.0 if c == "confidence" else np.nan) for c in cls.columns()}
        return cls(**(blank | {"forward": forward} | given))


@dataclass(frozen=True, eq=False)
class Market:
    """A snapshot at ``as_of`` (epoch ms UTC).

    ``index``: USD price per underlying. ``fx``: USD per unit of each currency (coins: their index).
    ``index_confidence``: 0..1 per underlying, 1 where not given. ``defects``: what was wrong with rows of the source;
    they matter only to a book that needs those rows. ``source`` names where it came from, ``notes`` what was assumed.
    ``chain``: the smiles of the whole market, where this is a part of it.

    >>> from loadline.io.sample import sample
    >>> market = sample()[1]
    >>> len(market.instruments), market.price("BTC"), market.price("USD")
    (822, 84000.0, 1.0)
    """

    as_of: int
    instruments: Instruments
    quotes: Quotes
    index: Mapping[str, float]
    fx: Mapping[str, float] = field(default_factory=dict)
    index_confidence: Mapping[str, float] = field(default_factory=dict)
    defects: tuple[Defect, ...] = ()
    source: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    chain: Smiles | None = None

    def price(self, ccy: str) -> float:
        """Return the USD price of one unit of a currency; NaN if the snapshot does not know it."""
        if ccy == "USD":
            return 1.0
        return float(self.fx.get(ccy, self.index.get(ccy, np.nan)))

    @cached_property
    def smiles(self) -> Smiles:
        """The smiles of all options that have a vol, those of ``chain`` where the market was cut down."""
        return self.chain or Smiles(partial(_columns, self))

    def rows(self, ids: Texts) -> Ints:
        """Return (N,) the row of each instrument; raises ``MissingData`` naming every unknown one."""
        where = self.instruments.index
        missing = sorted({i for i in ids.tolist() if i not in where})
        if missing:
            raise MissingData(
                "the market snapshot does not know", missing=missing, remedy="add a market file that lists them"
            )
        return np.array([where[i] for i in ids.tolist()], np.int64)

    def defects_of(self, subject: str) -> tuple[Defect, ...]:
        """Return the defects of one instrument, underlying or currency."""
        return self._defects_by_subject.get(subject, ())

    @cached_property
    def _defects_by_subject(self) -> dict[str, tuple[Defect, ...]]:
        found: dict[str, tuple[Defect, ...]] = {}
        for d in self.defects:
            found[d.subject] = (*found.get(d.subject, ()), d)
        return found

    def derived(self, name: str, make: Callable[[], Market]) -> Market:
        """Return a snapshot made from this one, the same object when asked for by the same name again."""
        if name not in self._derived:
            self._derived[name] = make()
        return self._derived[name]

    @cached_property
    def _derived(self) -> dict[str, Market]:
        return {}

    def kept(self, key: Hashable, make: Callable[[], Kept], small: Callable[[Kept], bool] = lambda made: True) -> Kept:
        """Return what was made from this snapshot under a key, made now if it is not among the last ``KEPT``.

        ``small``: whether it is worth its memory.
        """
        found: Kept | None = self._kept.pop(key, None)
        if found is None:
            found = make()
            if not small(found):
                return found
        self._kept[key] = found
        while len(self._kept) > KEPT:
            self._kept.pop(next(iter(self._kept)), None)
        return found

    @cached_property
    def _kept(self) -> dict[Hashable, Any]:
        return {}

    def with_wallet(self, currencies: list[str]) -> Market:
        """Return the snapshot with a spot row for each currency that has none, so that wallets are positions."""
        new = [c for c in currencies if c not in self.instruments]
        return self.derived(f"wallet {' '.join(new)}", lambda: self._with_rows(new)) if new else self

    def _with_rows(self, new: list[str]) -> Market:
        price = np.array([self.price(c) for c in new])
        confidence = np.array([self.index_confidence.get(c, 1.0) for c in new])
        quotes = Quotes.of(price, mark=price, bid=price, ask=price, confidence=confidence)
        return self.replace(
            instruments=Instruments.concat([self.instruments, spot_rows(new)]),
            quotes=Quotes.concat([self.quotes, quotes]),
        )

    def replace(self, **changes: object) -> Market:
        """Return a copy with some fields replaced."""
        return replace(self, **changes)  # type: ignore[arg-type]

    @cached_property
    def identity(self) -> str:
        """The content hash of everything that can move a number."""
        maps = [sorted(m.items()) for m in (self.index, self.fx, self.index_confidence)]
        return content_hash(self.as_of, self.instruments.identity, self.quotes.identity, *maps)


def _columns(market: Market) -> Columns:
    return market.instruments, market.quotes.forward, market.quotes.vol
