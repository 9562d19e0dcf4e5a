"""Write the study of volatility forecasts: which model was nearest to what came, out of sample, BTC and ETH.

``python -m tools.volatility_study --data FOLDER`` reads price files, which are not part of the repository, and writes
``docs/studies/volatility.md``. Every number on the page is computed here; forecasts have seen nothing later.
"""

from __future__ import annotations

import argparse
import hashlib
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import polars as pl

from loadline.forecast.realised import DAY, realised
from loadline.forecast.scores import scored
from loadline.foundation.units import format_time
from tools import volatility_spikes
from tools.crash_day import table
from tools.volatility_models import REFIT, WINDOW, History, models

PAGE = Path(__file__).resolve().parent.parent / "docs" / "studies" / "volatility.md"
HOUR, FIVE_MINUTES = 3_600_000, 300_000
RIVAL, SIZE, SEED = "EWMA 0.97", 0.10, 1
DAILY = {
    "BTC": ("ohlcv_1h_binance_spot_BTC_ETH_2017_2022", "ohlcv_1h_binance_spot_BTC_2021_2026"),
    "ETH": ("ohlcv_1h_binance_spot_BTC_ETH_2017_2022", "close_1h_binance_spot_2021_2025",
            "ohlcv_1h_binance_usdm_perp_2023_2026"),
}  # fmt: skip
HOURLY = "ohlcv_5m_binance_spot_BTC_ETH_2025-01_2026-02"
IMPLIED = "dvol_BTC_1d_2022_2025"

INTRODUCTION = f"""# Which volatility forecast was nearest

Made by `python -m tools.volatility_study --data FOLDER`; the prices are not part of the repository.

Target: variance realised over the horizon, from bars. Every forecast was made with what was known at the end of its
day (or hour), refitted as time passes: HAR every week on 1,000 days at most, GARCH every {REFIT} days on {WINDOW:,}.
QLIKE is nil for a right forecast; *t* is Diebold and Mariano's against {RIVAL}, below -2 is better beyond chance; the
last column is the model confidence set by QLIKE. The squared error is decided by a few days of crash. Days left out are
passed over: the next one takes their place. The implied level is that of the day before (or of the last day that has
one: one is missing), since the hour at which it was taken is not known."""


def date(at: int) -> str:
    """A day, UTC."""
    return format_time(int(at))[:10]


def bars(folder: Path, names: Iterable[str], symbol: str) -> tuple[np.ndarray, np.ndarray]:
    """Times (epoch ms) and closes of one symbol, each file from where the one before ends."""
    times, closes, end = [], [], -1
    for name in names:
        frame = pl.read_parquet(folder / "prices" / f"{name}.parquet").filter(pl.col("symbol") == symbol).sort("ts")
        t, p = frame["ts"].dt.epoch("ms").to_numpy(), frame["close"].to_numpy()
        times.append(t[t > end])
        closes.append(p[t > end])
        end = int(t[-1])
    return np.concatenate(times), np.concatenate(closes)


def daily(folder: Path, coin: str) -> History:
    """Days of an asset, variance realised from hourly bars; implied variance of the day before where there is one."""
    t, p = bars(folder, DAILY[coin], f"{coin}USDT")
    found = realised(t, p, bar=HOUR)
    last = np.flatnonzero(np.diff(t // DAY, append=t[-1] // DAY + 1))
    close = dict(zip((t[last] // DAY * DAY).tolist(), p[last].tolist(), strict=True))
    c = np.array([close[d] for d in found.day.tolist()])
    implied = None
    if coin == "BTC":
        frame = pl.read_parquet(folder / "derivs" / f"{IMPLIED}.parquet")
        level = dict(zip((frame["ts"].dt.epoch("ms") // DAY * DAY).to_list(), frame["dvol"].to_list(), strict=True))
        newest = max(level)
        known = [d - DAY if d - DAY in level else d - 2 * DAY for d in found.day.tolist()]
        implied = np.array([level.get(d, np.nan) if d <= newest else np.nan for d in known])
        implied = (implied / 100.0) ** 2 / 365.0
    return History(coin, found, np.diff(np.log(c), prepend=np.log(c[0])), implied=implied)


def hourly(folder: Path, coin: str) -> History:
    """Hours of an asset, variance realised from five-minute bars: an hour is handed over as if it were a day."""
    t, p = bars(folder, [HOURLY], f"{coin}USDT")
    scale = DAY // HOUR
    found = realised(t * scale, p, bar=FIVE_MINUTES * scale)
    last = np.flatnonzero(np.diff(t // HOUR, append=t[-1] // HOUR + 1))
    c = p[last][np.isin(t[last] // HOUR * DAY, found.day)]
    return History(coin, found, np.diff(np.log(c), prepend=np.log(c[0])), spans=(1, 24, 168), refit=168)


def section(history: History, horizon: int, title: str, scale: int = 1) -> str:
    """One table: every model's scores on the dates that all of them forecast."""
    made = dict(models(history, horizon))
    target, part = history.after(horizon), ""
    if "log-HAR + implied" in made:  # a shorter sample of its own
        part = "\n\n" + compared(
            made, target, history, horizon, scale, "With the implied level, on the days that have it"
        )
        del made["log-HAR + implied"]
    return f"### {title}\n\n" + compared(made, target, history, horizon, scale, "") + part


def compared(
    made: dict[str, np.ndarray], target: np.ndarray, history: History, horizon: int, scale: int, also: str
) -> str:
    """The table of some models on their common dates."""
    common = np.isfinite(target) & np.all([np.isfinite(f) for f in made.values()], axis=0) & (target > 0)
    found = scored(target, made, horizon, rival=RIVAL, size=SIZE, seed=SEED)
    if found.why:
        raise SystemExit(found.why)
    base, rows = found.models[RIVAL].qlike, []
    for name, one in sorted(found.models.items(), key=lambda pair: pair[1].qlike):
        less = 100 * (1 - one.qlike / base)
        t = "" if one.test is None else f"{one.test.statistic:+.1f}"
        rows.append((name, f"{one.qlike:.4f}", f"{less:+.1f} %", t, f"{one.mse:.3g}", "yes" if one.kept else ""))
    days = history.realised.day[common] // scale
    said = f"{also + ': ' if also else ''}{common.sum():,} forecasts, {date(days[0])} to {date(days[-1])}."
    head = ("model", "QLIKE", f"less than {RIVAL}", "t", "MSE", f"in the {1 - SIZE:.0%} set")
    return said + "\n\n" + table(head, rows)


def main() -> None:
    """Write the page."""
    parser = argparse.ArgumentParser(description="Write the study of volatility forecasts.")
    parser.add_argument("--data", type=Path, required=True, help="folder with prices/ and derivs/")
    parser.add_argument("--spikes-alone", action="store_true", help="make only the part on spikes anew")
    asked = parser.parse_args()
    folder, spikes = asked.data, volatility_spikes.section(asked.data, DAILY)
    if asked.spikes_alone:
        before, _, rest = PAGE.read_text("utf-8").partition("## Spikes\n")
        after = (rest or before).partition("## Data\n")[2]
        before = before if rest else before.partition("## Data\n")[0]
        PAGE.write_text(f"{before}{spikes}\n\n## Data\n{after}", encoding="utf-8")
        return
    parts = []
    for coin in DAILY:
        history = daily(folder, coin)
        lacking = len(history.realised.lacking)
        parts.append(
            f"## {coin}\n\nDays {date(history.realised.day[0])} to {date(history.realised.day[-1])} from hourly bars; "
            f"{lacking} days with fewer than 90 % of their bars are left out; a jump is flagged on "
            f"{100 * history.realised.jump.mean():.1f} % of days."
        )
        parts += [section(history, n, f"{coin}, {n} day{'s' if n > 1 else ''} ahead") for n in (1, 2)]
        fine = hourly(folder, coin)
        parts.append(section(fine, 1, f"{coin}, 1 hour ahead, from five-minute bars", DAY // HOUR))
    files = sorted(
        {f"prices/{n}.parquet" for names in DAILY.values() for n in (*names, HOURLY)}
        | {f"derivs/{IMPLIED}.parquet", f"derivs/{volatility_spikes.FUNDING}.parquet"}
    )
    hashes = [(f"`{f}`", f"`{hashlib.sha256((folder / f).read_bytes()).hexdigest()[:16]}`") for f in files]
    text = [INTRODUCTION, *parts, spikes, "## Data", table(("file", "SHA-256, first 16 digits"), hashes, texts=2)]
    PAGE.write_text("\n\n".join(text) + "\n", encoding="utf-8")
    print(f"{PAGE} written")


if __name__ == "__main__":
    main()
