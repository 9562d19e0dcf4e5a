"""Facts of named stresses whose sources are not among the price files: each is written down here with its source.

Those of perpetuals were computed from hourly bars that two public repositories hold, against the spot bars of the
table. ``python -m tools.stress_cited --data FOLDER --bars FOLDER`` computes them again, ``--bars`` being
``COMMIT/COIN_USDT-1h-futures.json`` as taken from ``user_data/data/binance/futures`` there, and says what differs.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np

EARLY, LATE = "8bd2def13ffa", "48c07fc22d58"
"""Commits of github.com/MoonEyes/freqtrade: bars to May 2022 (BTC, ETH: to January 2023), and from October 2022 on."""


@dataclass(frozen=True)
class Cited:
    """What one source says of one window: ``moves`` by coin, fractions."""

    stress: str
    window: str
    of: str
    source: str
    moves: dict[str, float]
    commit: str = ""


def perpetuals(stress: str, commit: str, low: dict[str, float], day: dict[str, float], two: dict[str, float]) -> tuple[
    Cited, Cited, Cited
]:  # fmt: skip
    """Return the facts of perpetuals in the three windows of a stress."""
    said = f"Binance USDT perpetuals beyond spot, hourly bars (MoonEyes/freqtrade at {commit})"
    return (
        Cited(stress, "low", "perpetual", f"{said}; the lowest at closes", low, commit),
        Cited(stress, "day", "perpetual", f"{said}; close to close", day, commit),
        Cited(stress, "two_days", "perpetual", f"{said}; close to close", two, commit),
    )


FACTS = (
    *perpetuals(
        "2020-03-12", EARLY,
        {"BTC": -0.0262, "ETH": -0.0113, "LTC": -0.0135},
        {"BTC": -0.017, "ETH": -0.0103, "LTC": -0.014},
        {"BTC": -0.0169, "ETH": -0.0094, "LTC": -0.0129},
    ),
    *perpetuals(
        "2021-05-19", EARLY,
        {"BTC": -0.0067, "ETH": -0.0136, "ADA": -0.0104, "BNB": -0.0037,
         "DOGE": -0.0137, "LTC": -0.0404, "SOL": -0.1118},
        {"BTC": -0.0056, "ETH": -0.0152, "ADA": -0.0117, "BNB": -0.0015,
         "DOGE": -0.0136, "LTC": 0.0003, "SOL": -0.114},
        {"BTC": -0.0012, "ETH": -0.0006, "ADA": -0.003, "BNB": -0.001,
         "DOGE": -0.0021, "LTC": -0.0005, "SOL": 0.0008},
    ),
    *perpetuals(
        "2022-05-12", EARLY,
        {"BTC": -0.0013, "ETH": -0.0015, "ADA": -0.0027, "BNB": -0.0066,
         "DOGE": -0.0047, "LTC": -0.0025, "SOL": -0.0037},
        {"BTC": -0.0003, "ETH": -0.0009, "ADA": -0.0001, "BNB": -0.001,
         "DOGE": 0.0004, "LTC": 0.0003, "SOL": -0.0014},
        {"BTC": -0.0009, "ETH": -0.0009, "ADA": -0.0025, "BNB": -0.0041,
         "DOGE": -0.0022, "LTC": 0.0005, "SOL": -0.0031},
    ),
    *perpetuals(
        "2022-11-09", EARLY,
        {"BTC": -0.0029, "ETH": -0.0023},
        {"BTC": -0.0006, "ETH": -0.0005},
        {"BTC": -0.0028, "ETH": -0.0011},
    ),
    *perpetuals(
        "2022-11-09", LATE,
        {"BNB": -0.0038, "SOL": -0.2387},
        {"BNB": -0.0022, "SOL": -0.1996},
        {"BNB": -0.0005, "SOL": -0.1995},
    ),
    Cited(
        "2022-11-09", "low", "spot",
        "CoinDesk, 10 November 2022: nearly 0.97 at several venues; 0.93 for seconds at Kraken alone is left out",
        {"USDT": -0.03},
    ),
)  # fmt: skip
"""Coins stand in the order of the table."""


def cited(stress: str, window: str) -> list[tuple[str, str, dict[str, float]]]:
    """Return (what, source, coin -> move) of one window."""
    return [(f.of, f.source, f.moves) for f in FACTS if (f.stress, f.window) == (stress, window)]


def again(data: Path, bars: Path) -> list[tuple[Cited, dict[str, float]]]:
    """Return every fact of perpetuals, and what the bars say of all coins whose spot is known by the hour."""
    from tools.stress_facts import EVENTS, Series, basis, fact, ordered, spot_of, windows

    events, out = {e.name: e for e in EVENTS}, []
    for told in (f for f in FACTS if f.commit):
        event = events[told.stress]
        start, end = windows(data, event)[told.window]
        found = {}
        for path in sorted((bars / told.commit).glob("*_USDT-1h-futures.json")):
            coin = path.name.partition("_")[0]
            spot, rows = spot_of(data, event, coin), np.array(json.loads(path.read_text("utf-8")))
            if spot is None:
                continue
            perpetual = Series(rows[:, 0] + 3_600_000, rows[:, 4], rows[:, 3], np.zeros(len(rows), bool))
            left = basis(spot, perpetual, told.window, start, end)
            if left == left:
                found[coin] = fact(left)
        out.append((told, {c: found[c] for c in ordered(found)}))
    return out


def main() -> int:
    """Compute again what can be; return 1 where it differs."""
    parser = argparse.ArgumentParser(description="Compute the cited facts of perpetuals again.")
    parser.add_argument("--data", type=Path, required=True, help="folder with prices/")
    parser.add_argument("--bars", type=Path, required=True, help="folder with COMMIT/COIN_USDT-1h-futures.json")
    asked = parser.parse_args()
    wrong = 0
    for told, found in again(asked.data / "prices", asked.bars):
        same = all(found.get(c) == x for c, x in told.moves.items())
        wrong += not same
        print(told.stress, told.window, told.commit, "as written" if same else f"differs: {found}")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
