"""The smiles of a market: vols by moneyness of every expiry, from all options it lists, held or not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from loadline.foundation.table import Floats, Ints
from loadline.model.instruments import Instruments, Kind

Key = tuple[str, int]
"""Underlying and expiry (epoch ms)."""


Columns = tuple[Instruments, Floats, Floats]
"""Instruments, with the forward and vol of each, (N,)."""


@dataclass(frozen=True, eq=False)
class Smiles:
    """The smiles of the options among some columns; nothing is worked out before a smile is asked for."""

    source: Callable[[], Columns]

    @cached_property
    def columns(self) -> Columns:
        """What the smiles are made of."""
        return self.source()

    @cached_property
    def rows(self) -> dict[Key, Ints]:
        """Which rows have a vol, by underlying and expiry."""
        i, forward, vol = self.columns
        known = (vol > 0) & np.isfinite(vol) & (forward > 0)
        rows = np.flatnonzero(i.is_kind(Kind.OPTION) & known)
        if not len(rows):
            return {}
        names, coin = np.unique(i.underlying[rows], return_inverse=True)
        order = np.lexsort((i.expiry[rows], coin))
        rows, coin = rows[order], coin[order]
        ends = np.flatnonzero((np.diff(coin) != 0) | (np.diff(i.expiry[rows]) != 0)) + 1
        groups = np.split(rows, ends)
        first = np.concatenate([[0], ends])
        return {(str(names[coin[f]]), int(i.expiry[rows[f]])): g for f, g in zip(first, groups, strict=True)}

    def of(self, underlying: str, expiry: int) -> tuple[Floats, Floats]:
        """Return (M,) ln(strike / forward), rising, and (M,) the vol at each strike, the mean of those quoted there.

        Empty where no option of the expiry has a vol.
        """
        rows = self.rows.get((underlying, expiry), np.empty(0, np.int64))
        i, forward, vol = self.columns
        strikes, place = np.unique(i.strike[rows], return_inverse=True)
        count = np.bincount(place, minlength=len(strikes))
        x = np.bincount(place, np.log(i.strike[rows] / forward[rows]), len(strikes)) / count
        return x, np.bincount(place, vol[rows], len(strikes)) / count

    def at_the_money(self, underlying: str, expiry: int) -> float:
        """Return the vol of an expiry at its forward, linear between strikes; NaN where there is no smile."""
        x, vol = self.of(underlying, expiry)
        return float(np.interp(0.0, x, vol)) if len(x) else np.nan
