"""The thresholds of every check on what comes in, in one place, each of them overridable."""

from __future__ import annotations

from dataclasses import dataclass

MS_PER_HOUR = 3_600_000
MS_PER_MINUTE = 60_000


@dataclass(frozen=True, slots=True)
class Limits:
    """Thresholds beyond which an input is a defect; ``docs/formats.md`` lists them with their reasons.

    ``file_bytes``, ``file_rows``: a larger file is refused before it is read. ``max_age_ms``: files further apart are
    refused, rows older than that are stale. ``snapshot_gap_ms``: rows of one file closer than this in time belong to
    one snapshot. ``vol_low``, ``vol_high``: 1/sqrt(year). ``forward_gap``: of |forward / index - 1|. ``mark_slack``:
    how far a mark may lie outside its no-arbitrage bounds, as a fraction of the forward. ``rate``: absolute, per year.
    ``funding``: absolute, fraction over eight hours. ``delta``: absolute, coins per coin. ``price``: quote currency.
    ``quantity``, ``amount``: absolute, in the position's unit or the currency.

    >>> Limits(vol_high=5.0).vol_high
    5.0
    """

    file_bytes: int = 2_000_000_000
    file_rows: int = 20_000_000
    max_age_ms: int = MS_PER_HOUR
    snapshot_gap_ms: int = 15 * MS_PER_MINUTE
    vol_low: float = 0.01
    vol_high: float = 10.0
    forward_gap: float = 0.5
    mark_slack: float = 0.01
    rate: float = 2.0
    funding: float = 0.1
    delta: float = 1.1
    price: float = 1e9
    quantity: float = 1e12
    amount: float = 1e15
