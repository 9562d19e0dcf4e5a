"""Writes a scenario set and the PnL of one contract of each instrument in it, so that anyone can recompute a tail."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from loadline.foundation.errors import InputError
from loadline.io.whole import whole
from loadline.model.cube import Cube


def write_cube(cube: Cube, path: Path | str) -> None:
    """Write one row per scenario as Parquet.

    Columns: ``label, family, weight``; ``spot.U, vol.U, dampening.U`` per underlying (fractions and instructions as the
    rulebook states them); ``settle.I`` and ``usd.I`` per instrument: PnL of one contract in its settlement currency,
    and in USD at the scenario's own prices, carried value revalued. Raises ``InputError`` for another suffix.
    """
    where = Path(path)
    if where.suffix != ".parquet":
        raise InputError(f"scenarios cannot be written as {where.suffix!r}", remedy="name the file .parquet")
    scenarios, ids = cube.scenarios, cube.universe.instruments.id.tolist()
    columns = {"label": scenarios.label, "family": scenarios.family, "weight": scenarios.weight}
    for name in ("spot", "vol", "dampening"):
        given = getattr(scenarios, name)
        columns |= {f"{name}.{u}": given[:, n] for n, u in enumerate(scenarios.underlyings)}
    for name, pnl in (("settle", cube.unit_pnl("settle")), ("usd", cube.unit_pnl("scenario"))):
        columns |= {f"{name}.{instrument}": pnl[n] for n, instrument in enumerate(ids)}
    with whole(where) as part:
        pl.DataFrame(columns).write_parquet(part)
