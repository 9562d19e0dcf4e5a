"""Generate the embedded history: daily bars of three coins over three years, vols of two, from the numbers below.

``python -m tools.sample_history`` writes ``src/loadline/data/history/history.csv``; the same numbers give the same
bytes. Nothing was ever traded: a market factor with GARCH variance and Student t shocks moves all coins, each adds its
own, and vols answer to the moves of the market. It holds what real files hold, too: missing bars, and a coin that is
listed late.
"""

import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from loadline.forecast.volatility import Garch
from loadline.foundation.units import MS_PER_DAY, parse_time
from tools.sample import AS_OF, COINS

FOLDER = Path(__file__).resolve().parent.parent / "src" / "loadline" / "data" / "history"
SEED = 20260602
DAYS = 1100
MARKET = Garch(8e-6, 0.08, 0.9)
DEGREES = 4.0
CRASHES = {180: -0.24, 640: -0.15, 642: 0.11, 900: -0.13}  # days from the start, log moves of the market
FIRST = 31_000.0  # of BTC, USD
GAPS = (400, 401, 777)


@dataclass(frozen=True)
class Made:
    """One coin: ``last`` close in USD, ``beta`` to the market, ``own`` daily sd, ``volume`` USD a day, ``vol`` now."""

    name: str
    last: float
    beta: float
    own: float
    volume: float
    vol: float | None = None
    listed: int = 0


SPOT = {c.name: c.spot for c in COINS}
MADE = (
    Made("BTC", SPOT["BTC"], 1.0, 0.004, 18e9, 0.44),
    Made("ETH", SPOT["ETH"], 1.25, 0.014, 9e9, 0.63),
    Made("SOL", 140.0, 1.3, 0.022, 40e6, None, 150),
)


def moves() -> tuple[np.ndarray, np.ndarray]:
    """The market's log moves, and (DAYS, 4) shocks of unit size for coins and vols."""
    draw = np.random.default_rng(SEED)
    unit = np.clip(draw.standard_t(DEGREES, DAYS) * np.sqrt((DEGREES - 2.0) / DEGREES), -3.5, 3.5)
    own = draw.standard_t(DEGREES, (DAYS, 4)) * np.sqrt((DEGREES - 2.0) / DEGREES)
    market, variance = np.empty(DAYS), MARKET.long_run
    for t in range(DAYS):
        market[t] = CRASHES.get(t, np.sqrt(variance) * unit[t])
        variance = MARKET.omega + MARKET.alpha * market[t] ** 2 + MARKET.beta * variance
    rise = np.log(SPOT["BTC"] / FIRST)
    return market + (rise - market.sum()) / DAYS, own


def rows() -> list[str]:
    """The lines of the file: long, by coin."""
    market, own = moves()
    first = parse_time(AS_OF[:10]) - DAYS * MS_PER_DAY
    out = ["ts,symbol,close,volume_usd,implied"]
    vol = np.empty(DAYS)
    level = 0.0
    for t in range(DAYS):  # vol reverts to its mean, falls with the price's rise and jumps with its size
        level = 0.97 * level - 0.5 * market[t] + 0.8 * max(abs(market[t]) - 0.03, 0.0) + 0.025 * own[t, 3]
        vol[t] = level
    for n, coin in enumerate(MADE):
        logs = np.cumsum(coin.beta * market + coin.own * (own[:, n] - own[:, n].mean()))
        close = coin.last * np.exp(logs - logs[-1])
        volume = coin.volume * np.exp(0.25 * own[:, (n + 1) % 3] + 8.0 * np.abs(market))
        for t in range(coin.listed, DAYS):
            if t in GAPS:
                continue
            ts = np.datetime_as_string(np.datetime64(first + t * MS_PER_DAY, "ms"), unit="D")
            implied = f"{coin.vol * np.exp(0.85 * (vol[t] - vol[-1])):.4f}" if coin.vol is not None and t >= 250 else ""
            out.append(f"{ts},{coin.name},{close[t]:.6g},{volume[t]:.4g},{implied}")
    return out


def main(folder: Path = FOLDER) -> None:
    """Write the file."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = rows()
    (folder / "history.csv").write_text("\n".join(lines) + "\n", "utf-8")
    print(f"{folder / 'history.csv'}: {len(lines) - 1} bars of {', '.join(c.name for c in MADE)}")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER)
