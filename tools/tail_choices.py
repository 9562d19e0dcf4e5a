"""Write the study behind two choices of the tail model: what a vol stays with, and how fast margin may rise.

``python -m tools.tail_choices --data FOLDER`` reads option chains and prices, which are not part of the repository, and
writes ``docs/studies/tail_choices.md``. Every number on the page is computed here.
"""

from __future__ import annotations

import argparse
import hashlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl

from loadline.forecast.volatility import ewma
from loadline.foundation.units import MS_PER_DAY, MS_PER_YEAR, format_time
from loadline.io.chain_surfaces import read_surfaces
from loadline.kernels.tail import expected_shortfall, value_at_risk
from loadline.scenarios.historical import filtered
from loadline.scenarios.moves import Moves, stressed
from loadline.scenarios.surface_moves import POWERS, Smile, Surfaces
from loadline.scenarios.today import above_past, slowed, still_parts
from tools.crash_day import table

PAGE = Path(__file__).resolve().parent.parent / "docs" / "studies" / "tail_choices.md"
PRICES = "close_1d_BTC_2015_2026.parquet"
HORIZON, SLACK, EVERY = 2 * MS_PER_DAY, 7 * 3_600_000, MS_PER_DAY // 2
WIDE, LARGE, SHORTEST = 2.0, 0.05, MS_PER_DAY
LEVEL, DAMPING, CAP, WEIGHT, STRESS, RISE, QUANTILE = 0.975, 0.5, 3.0, 0.25, 250, 0.10, 0.25
FIRST, START = "2018-01-01", "2020-01-01"
ENOUGH = 1000
BEST = "0.75 and a year"
COINS = {"BTC": (PRICES, "BTC-USD"), "ETH": ("ohlcv_1d_yahoo_2014_2025.parquet", "ETH-USD")}
RULES = {
    "strikes keep their vols": (False, False),
    "the smile moves with the price": (True, False),
    "strikes, and expiries slide along the term structure": (False, True),
    "the smile moves, and expiries slide": (True, True),
}
"""Whether the smile stays with ``ln(K / F)``, and whether an expiry takes the vol of the tenor it will have."""


def pairs(of: Surfaces) -> Iterator[tuple[int, int]]:
    """Snapshots half a day apart at least, each with the one nearest to the horizon later."""
    last = -EVERY
    for n, t in enumerate(of.time.tolist()):
        later = int(np.argmin(np.abs(of.time - t - HORIZON)))
        if t - last >= EVERY and abs(int(of.time[later]) - t - HORIZON) <= SLACK:
            last = t
            yield n, later


def at_the_money(smiles: tuple[Smile, ...], time: int, expiry: int) -> float:
    """The vol that a chain has at the money for a tenor, its variance linear in time between expiries."""
    left = np.array([(s.expiry - time) / MS_PER_YEAR for s in smiles])
    total = np.array([float(s.at(0.0)) ** 2 for s in smiles]) * left
    own = (expiry - time) / MS_PER_YEAR
    return float(np.sqrt(np.interp(own, left, total) / own)) if own > left[0] else float(smiles[0].at(0.0))


def misses(of: Surfaces) -> tuple[dict[str, np.ndarray], np.ndarray, np.ndarray]:
    """By rule, vol foretold less vol that came (1/sqrt(year)); their weights (vega), and the move of the forward."""
    level = of.level()
    found: dict[str, list[np.ndarray]] = {rule: [] for rule in RULES}
    vegas, moved = [], []
    for n, m in pairs(of):
        change = np.log(level[m] / level[n])
        then, now = int(of.time[n]), int(of.time[m])
        later = {s.expiry: s for s in of.smiles[m]}
        for was in of.smiles[n]:
            came = later.get(was.expiry)
            if came is None or was.expiry - now < SHORTEST or not np.isfinite(change):
                continue
            days, left = (was.expiry - then) / MS_PER_DAY, (was.expiry - now) / MS_PER_YEAR
            width = float(came.at(0.0)) * np.sqrt(left)
            near = np.abs(came.x) <= WIDE * width
            x, vol = came.x[near], came.vol[near]
            scale = np.exp(change * (30.0 / days) ** POWERS[int(days > 30)])
            slid = at_the_money(of.smiles[n], then, then + was.expiry - now) / float(was.at(0.0))
            for rule, (moneyness, slides) in RULES.items():
                place = x if moneyness else x + np.log(came.forward / was.forward)
                found[rule].append(was.at(place) * scale * (slid if slides else 1.0) - vol)
            vegas.append(np.exp(-0.5 * (x / width) ** 2) * np.sqrt(left) * came.forward)
            moved.append(np.full(len(x), abs(np.log(came.forward / was.forward))))
    return {rule: np.concatenate(x) for rule, x in found.items()}, np.concatenate(vegas), np.concatenate(moved)


def smiles(folder: Path) -> list[str]:
    """The part of the page on smiles."""
    files = sorted((folder / "options").glob("deribit_*_chain_202[56]-*.parquet"))
    read = read_surfaces(files)
    rows = []
    for coin, of in read.by_coin.items():
        found, weight, moved = misses(of)
        for rule, miss in found.items():
            cells = []
            for some in (np.ones(len(miss), bool), moved > LARGE):
                cells.append(f"{100 * np.sqrt(np.average(miss[some] ** 2, weights=weight[some])):.2f}")
            rows.append((coin, rule, *cells, f"{len(miss):,}", f"{int((moved > LARGE).sum()):,}"))
    head = ("coin", "rule", "all", f"after moves above {LARGE:.0%}", "vols", "of them after such moves")
    return [table(head, rows), "", "Data: " + ", ".join(f"`{s.split(' ')[0]}`" for s in read.source) + "."]


def shortfall(gains: np.ndarray) -> float:
    """Expected shortfall at the level, positive."""
    size = len(gains) * (1.0 - LEVEL)
    return float(-(np.sort(gains) * np.clip(size - np.arange(len(gains)), 0.0, 1.0)).sum() / size)


def speeds(folder: Path) -> list[str]:
    """The part of the page on how fast margin may rise: one bitcoin, long and short, two days."""
    file = folder / "prices" / PRICES
    frame = pl.read_parquet(file).sort("ts")
    time, close = frame["ts"].dt.epoch("ms").to_numpy(), frame["close"].to_numpy()
    r = np.diff(np.log(close))
    daily = np.sqrt(ewma(r, 0.97, float((r[:60] ** 2).mean())))  # [t]: known at close t, of the day after
    two = np.log(close[2:] / close[:-2])
    first, start = (int(np.searchsorted(time, np.datetime64(d, "ms").astype(np.int64))) for d in (FIRST, START))
    sigma = daily * np.sqrt(2.0)
    floored = above_past(daily, QUANTILE) * np.sqrt(2.0)
    rows = []
    for name, weight, rise, floor in (
        ("the damped filter alone", 0.0, 0.0, False),
        ("with stress", WEIGHT, 0.0, False),
        ("with stress and speed limit", WEIGHT, RISE, False),
        ("with stress, speed limit and floor", WEIGHT, RISE, True),
    ):
        margins: dict[int, list[float]] = {1: [], -1: []}
        now, still = 0.0, 0.0
        for t in range(start, len(two)):
            past = slice(first, t - 1)  # moves that are over at close t
            spot, then = two[past], sigma[past]
            one = np.ones(1)
            m = Moves(
                time[past], time[past] + HORIZON, ("BTC",), 2 * one, spot[:, None], 0 * spot[:, None], then[:, None]
            )
            target = float((floored if floor else sigma)[t])
            if rise and t > start:
                still = float(still_parts(m, damping=DAMPING, level=LEVEL, stress=STRESS, stress_weight=weight)[0])
                target = float(slowed(np.array([now, target]), still, rise=rise)[1])
            now = target
            core = filtered(spot, then, now, damping=DAMPING, cap=CAP)
            worst = spot[stressed(m, STRESS)]
            for side, out in margins.items():
                out.append((1.0 - weight) * shortfall(side * core) + weight * shortfall(side * worst))
        for side, word in ((1, "long"), (-1, "short")):
            x, loss = np.array(margins[side]), -side * two[start:]
            said = [f"{x.mean():.2%}", f"{(loss > x).mean():.2%}", f"{x.max() / x.min():.2f}"]
            jumps = [f"{(x[n:] / x[:-n]).max() - 1.0:.0%}" for n in (1, 5)]
            rows.append((name, word, *said, *jumps))
    head = ("model", "side", "mean margin", "breaches", "peak / trough", "largest rise in 1 day", "in 5 days")
    span = f"{format_time(int(time[start]))[:10]} to {format_time(int(time[-1]))[:10]}"
    return [table(head, rows), "", f"Bitcoin, {span}, {len(two) - start:,} dates. Data: `{file.name}` {hashed(file)}."]


PAGE_TEXT = f"""# Two choices of the tail model

Made by `python -m tools.tail_choices --data FOLDER`; the data are not part of the repository.

## What a vol stays with

Given the forward and the level of 30-day vol that came two days later, how far off is the vol of each strike? Root mean
square in vol points, weighted by vega, strikes within two deviations of the money, expiries with a day left. The level
moves each expiry by `(30 / days)^p`, p 0.45 up to 30 days and 0.65 beyond.

SMILES

A smile that moves with the price is nearer, most of all after large moves; an expiry keeps its own at-the-money vol.
The calibrated model does both.

## How fast margin may rise

Expected shortfall of {LEVEL:.1%} over two days from moves since {FIRST}, half of each rescaled to today's volatility
(exponential weights, 0.97); {WEIGHT:.0%} of the tail of the {STRESS} most stressed days; a limit of {RISE:.0%} of
margin a day on what volatility raises; volatility not below the {QUANTILE:.0%} quantile of its past. Breaches by the
end of the two days, overlapping dates.

SPEEDS

The limit takes the largest rise of a day away and costs neither coverage nor mean margin: breaches come before the
rise. What is left of it on the long side is the crash itself entering the set two days later, which no limit on
volatility holds.

## How damped, and how much is remembered

The same without stress, floor or limit: the share of each move that stays as it came, and the age in days at which a
move counts half. From the 1,000th day on. Choices were looked at on these very data: BTC at two days first, ETH and one
day to see whether it holds.

HISTORY

More damping with a shorter memory ({BEST}) asks for less than the default (damping 0.5, all of history alike), is
nearer to 5 % of breaches at 95 %, and rises more slowly in all four; the worst loss is deeper in one, Bitcoin over a
day. What it forgets is March 2020, and no crash of that size has come since to say what that costs: it needs the
stressed period beside it.
"""


def history(folder: Path) -> list[str]:
    """The part of the page on damping and on the age of what is remembered: BTC and ETH, one and two days."""
    rows, said = [], []
    for coin, (name, symbol) in COINS.items():
        file = folder / "prices" / name
        frame = pl.read_parquet(file).filter(pl.col("symbol") == symbol).sort("ts")
        time, close = frame["ts"].dt.epoch("ms").to_numpy(), frame["close"].to_numpy()
        said.append(f"{coin} to {format_time(int(time[-1]))[:10]}, `{name}` {hashed(file)}")
        for days in (1, 2):
            for damping, half_life in ((0.0, 0), (0.5, 0), (0.5, 365), (0.75, 0), (0.75, 365)):
                rows.append((coin, f"{days}", f"{damping:g}", f"{half_life or 'none'}",
                             *remembered(time, close, days, damping, half_life)))  # fmt: skip
    head = ("coin", "days", "damping", "half-life", "breaches ES 97.5 %, long / short", "VaR 95 %, long / short",
            "mean margin", "peak / trough", "rise in 5 days", "worst loss / margin")  # fmt: skip
    return [table(head, rows), "", "Data: " + "; ".join(said) + "."]


def remembered(time: np.ndarray, close: np.ndarray, days: int, damping: float, half_life: int) -> list[str]:
    """What one choice comes to: the cells of a row, the mean or the larger of long and short where one is given."""
    r = np.diff(np.log(close))
    sigma = np.sqrt(ewma(r, 0.97, float((r[:60] ** 2).mean())) * days)
    moves = np.log(close[days:] / close[:-days])
    first = int(np.searchsorted(time, np.datetime64(FIRST, "ms").astype(np.int64)))
    dates = range(first + ENOUGH, len(moves))
    found: dict[tuple[int, str], list[float]] = {(side, kind): [] for side in (1, -1) for kind in ("es", "var")}
    for t in dates:
        past = slice(first, t - days + 1)  # moves that are over at close t
        set_ = filtered(moves[past], sigma[past], float(sigma[t]), damping=damping, cap=CAP)
        age = np.arange(len(set_))[::-1]
        weight = 0.5 ** (age / half_life) if half_life else np.ones(len(set_))
        weight = weight / weight.sum()
        for side in (1, -1):
            x = side * set_[None]
            found[side, "es"].append(-float(expected_shortfall(x, LEVEL, weight)[0]))
            found[side, "var"].append(-float(value_at_risk(x, 0.95, weight)[0]))
    margin = {k: np.array(v) for k, v in found.items()}
    loss = {side: -side * moves[dates.start :] for side in (1, -1)}
    hits = [" / ".join(f"{(loss[s] > margin[s, kind]).mean():.2%}" for s in (1, -1)) for kind in ("es", "var")]
    es = [margin[s, "es"] for s in (1, -1)]
    return [
        *hits,
        f"{np.mean(es):.2%}",
        f"{max(x.max() / x.min() for x in es):.2f}",
        f"{max((x[5:] / x[:-5]).max() - 1.0 for x in es):.0%}",
        f"{max((loss[s] / margin[s, 'es']).max() for s in (1, -1)):.2f}",
    ]


def hashed(file: Path) -> str:
    """The first digits of a file's hash."""
    return hashlib.sha256(file.read_bytes()).hexdigest()[:12]


def page(folder: Path) -> str:
    """The page."""
    text = PAGE_TEXT.replace("SMILES", "\n".join(smiles(folder))).replace("HISTORY", "\n".join(history(folder)))
    return text.replace("SPEEDS", "\n".join(speeds(folder)))


def main() -> None:
    """Write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    PAGE.write_text(page(parser.parse_args().data), "utf-8")


if __name__ == "__main__":
    main()
