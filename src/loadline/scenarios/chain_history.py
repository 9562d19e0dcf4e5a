"""What option chains add to a history of prices: the level of vol at each bar, and prices where the bars have ended."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from loadline.foundation.table import Floats, Ints
from loadline.foundation.units import format_time
from loadline.model.history import History
from loadline.scenarios.surface_moves import HOUR, Surfaces

OLDEST = 6 * HOUR
"""A snapshot counts for a bar that ends at most so much later."""


def with_chains(history: History, by_coin: Mapping[str, Surfaces]) -> tuple[History, tuple[str, ...]]:
    """Return the history with vol levels of chains, and bars continued by forwards; and a note for each coin.

    A bar takes the last snapshot at or before its end, no older than six hours (for prices no older than a step
    either), so a row still holds nothing that was not known at its time. Where a coin's bars end before its chains do,
    bars on the same step follow, with the forward of the nearest expiry, rescaled by the last bar that both have:
    joined in returns. Vols that the history already has stay.
    """
    known = {c: s for c, s in by_coin.items() if c in history.names and len(s) and len(history)}
    if not known:
        return history, ()
    last = max(int(s.time[-1]) for s in known.values())
    more = np.arange(int(history.time[-1]) + history.step, last + history.step, history.step)
    more = more[more <= last + min(OLDEST, history.step)]
    time = np.concatenate([history.time, more])
    grown = {c: _grown(getattr(history, c), len(more)) for c in ("close", "volume", "implied")}
    segment = np.concatenate([history.segment, np.repeat(history.segment[-1:], len(more), axis=0)])
    notes = []
    for coin, of in known.items():
        n = history.names.index(coin)
        level, forward = (
            np.where(at >= 0, x[at], np.nan)
            for x, oldest in ((of.level(), OLDEST), (of.near_forward(), min(OLDEST, history.step)))
            for at in [_before(of.time, time, oldest)]
        )
        mine = np.isnan(grown["implied"][:, n]) & np.isfinite(level)
        grown["implied"][mine, n] = level[mine]
        said = f"{coin}: vol levels of {int(mine.sum())} bars from option chains"
        close = grown["close"][:, n]
        both = np.flatnonzero(np.isfinite(close) & np.isfinite(forward))
        if len(both):
            end = int(np.flatnonzero(np.isfinite(close))[-1])
            after = np.arange(len(time)) > end
            new = after & np.isfinite(forward)
            grown["close"][new, n] = forward[new] * (close[both[-1]] / forward[both[-1]])
            segment[after, n] = segment[both[-1], n]
            if new.any():
                said += f", prices of {int(new.sum())} bars after {format_time(int(time[end]))} from their forwards"
        notes.append(said)
    rows = np.isfinite(grown["close"]).any(1) | (time <= int(history.time[-1]))
    columns = {c: x[rows] for c, x in grown.items()}
    found = History.of(
        time[rows], history.names, **columns, step=history.step, segment=segment[rows], defects=history.defects,
        source=history.source,
    )  # fmt: skip
    return found, tuple(notes)


def _grown(values: Floats, rows: int) -> Floats:
    return np.concatenate([values, np.full((rows, values.shape[1]), np.nan)])


def _before(snapshots: Ints, time: Ints, oldest: int) -> Ints:
    """(T,) the last snapshot at or before each time, -1 where it is older than ``oldest`` or there is none."""
    at = np.searchsorted(snapshots, time, "right") - 1
    return np.where((at >= 0) & (time - snapshots[np.maximum(at, 0)] <= oldest), at, -1)
