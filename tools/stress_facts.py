"""Write the table of named stresses: how far each coin, perpetual and implied vol moved in crashes that happened.

``python -m tools.stress_facts --data FOLDER`` reads price files, which are not part of the repository, and writes
``src/loadline/scenarios/stresses.toml``: one rounded percentage per coin and window, each with its venue and bars.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

import numpy as np
import polars as pl

from tools.stress_cited import cited

PAGE = Path(__file__).resolve().parent.parent / "src" / "loadline" / "scenarios" / "stresses.toml"
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
STABLE = ("USDT", "USDC", "TUSD", "USDP", "FDUSD", "USDE", "USD1", "USTC")
NO_COIN = ("EUR",)
STRAY = 0.5
"""A low below this share of both ends of its bar is a print of one venue's empty book, which no index follows."""
WITHIN = 5
"""Minutes: lows of a perpetual and of spot within bars as short as this are compared, those within an hour are not."""
OLD_LUNA = {"LUNA": "LUNC"}
"""What was traded as LUNA until May 2022 is called LUNC today."""


@dataclass(frozen=True)
class Source:
    """Bars of one kind at one venue: the file, the part of a symbol behind the coin, and what the table calls them.

    ``beside``: hourly spot that perpetuals are compared with, where the table's spot is in another currency.
    """

    said: str
    file: str
    minutes: int
    what: str = "spot"
    tail: str = "USDT"
    venue: str = ""
    only: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    inverse: bool = False
    beside: str = ""

    def coins(self, folder: Path) -> Iterator[tuple[str, str]]:
        """Yield (coin, symbol)."""
        for symbol in sorted(self.bars(folder)["symbol"].unique().to_list()):
            coin = symbol.removesuffix(self.tail).removesuffix("-")
            if (
                symbol.endswith(self.tail)
                and coin not in (*NO_COIN, *self.without)
                and (not self.only or coin in self.only)
            ):
                yield coin, symbol

    def bars(self, folder: Path) -> pl.DataFrame:
        """The rows of the file, of the venue."""
        found = read(folder / f"{self.file}.parquet")
        return found.filter(pl.col("venue") == self.venue) if self.venue else found


@dataclass(frozen=True)
class Event:
    """A stress: where its low window begins and ends, whose fall leads it, and where its facts come from."""

    name: str
    title: str
    start: datetime
    end: datetime
    lead: str
    sources: tuple[Source, ...]
    old_luna: bool = False
    implied: str = ""
    unknown: tuple[str, ...] = ()
    about: tuple[str, ...] = ()


def spot(file: str, minutes: int, **more: object) -> Source:
    """Return Binance's spot bars."""
    bars = {5: "five-minute bars", 60: "hourly bars"}[minutes]
    closes = ", closes alone" if file.startswith("close") else ""
    return Source(f"Binance spot against USDT, {bars}{closes}", file, minutes, **more)  # type: ignore[arg-type]


def perpetual(file: str, minutes: int, **more: object) -> Source:
    """Return Binance's bars of USDT perpetuals, as moves of their own (``alone``) or beyond spot."""
    bars = {5: "five-minute bars", 60: "hourly bars"}[minutes]
    said = f"Binance USDT perpetuals beyond spot, {bars}"
    return Source(said, file, minutes, what="perpetual", **more)  # type: ignore[arg-type]


OLD_BTC, OLD_ALTS = "ohlcv_1h_binance_spot_BTC_ETH_2017_2022", "ohlcv_1h_binance_spot_alts_2017_2022"
BTC, CLOSES = "ohlcv_1h_binance_spot_BTC_2021_2026", "close_1h_binance_spot_2021_2025"
PERPS, COINBASE = "ohlcv_1h_binance_usdm_perp_2023_2026", "ohlcv_1d_coinbase_spot_2020_2025"
DEPEG = "ohlcv_1m_usdc_depeg_2023-03"
DAILY = Source("Coinbase spot against USD, daily bars", COINBASE, 1440, tail="USD")
AS_SPOT = Source("Binance USDT perpetuals (their spot is not in the data), hourly bars", PERPS, 60)
DVOL = "Deribit DVOL, daily closes: the last before the window, the highest or last in it"


def at(year: int, month: int, day: int) -> datetime:
    """Midnight UTC."""
    return datetime(year, month, day, tzinfo=UTC)


EVENTS = (
    Event(
        "2020-03-12", "Black Thursday: everything sold at once", at(2020, 3, 12), at(2020, 3, 14), "BTC",
        (spot(OLD_BTC, 60), spot(OLD_ALTS, 60), DAILY),
        unknown=(
            "implied vol: no option data in or just before the window", "stablecoins: no bars",
            "perpetuals: BTC, ETH and LTC alone",
        ),
    ),
    Event(
        "2021-05-19", "Deleveraging after the spring of 2021", at(2021, 5, 19), at(2021, 5, 21), "BTC",
        (spot("ohlcv_5m_binance_spot_event_2021-05", 5), spot(OLD_ALTS, 60), spot(CLOSES, 60), DAILY),
        old_luna=True, unknown=("implied vol: no option data in May 2021",),
    ),
    Event(
        "2022-05-12", "Terra: LUNA and its stablecoin", at(2022, 5, 9), at(2022, 5, 13), "BTC",
        (
            spot(OLD_BTC, 60), spot(OLD_ALTS, 60), spot(CLOSES, 60, without=("USDC",)),
            Source("Binance spot USDC/USDT with USDC at a dollar, hourly closes", CLOSES, 60, only=("USDC",),
                   inverse=True),
        ),
        old_luna=True,
        unknown=("implied vol: no option data", "TerraUSD itself: no bars of its fall"),
        about=("LUNC", "USTC"),
    ),
    Event(
        "2022-11-09", "FTX", at(2022, 11, 7), at(2022, 11, 11), "BTC",
        (spot(BTC, 60), spot(CLOSES, 60)), implied="BTC", about=("FTT", "SOL"),
        unknown=("stablecoins: no bars, USDT by the press at its low alone",),
    ),
    Event(
        "2023-03-11", "USDC loses its peg: Silicon Valley Bank", at(2023, 3, 10), at(2023, 3, 13), "USDC",
        (
            Source("Coinbase spot against USD, one-minute bars", DEPEG, 1, tail="USD", venue="coinbase", only=("BTC",)),
            Source("Kraken spot against USD, one-minute bars", DEPEG, 1, tail="USD", venue="kraken",
                   only=("USDC", "USDT")),
            spot(CLOSES, 60, without=("BTC", "USDC", "TUSD", "USDP", "USTC")),
            perpetual(PERPS, 60, without=("BTC",)), perpetual(PERPS, 60, only=("BTC",), beside=CLOSES),
        ),
        implied="BTC", unknown=("TUSD, USDP: relisted at Binance within the window",),
    ),
    Event(
        "2024-08-05", "Yen carry trade unwound", at(2024, 8, 4), at(2024, 8, 6), "BTC",
        (
            spot("ohlcv_5m_binance_spot_event_2024-08", 5, without=("LUNA",)), spot(CLOSES, 60, without=("LUNA",)),
            perpetual(PERPS, 60),
        ),
        implied="BTC",
    ),
    Event(
        "2025-10-10", "Tariffs at night: the largest liquidation so far", at(2025, 10, 10), at(2025, 10, 12), "BTC",
        (
            spot("ohlcv_5m_binance_spot_event_2025-10", 5),
            Source("Binance spot against USDT, one-minute bars", "ohlcv_1m_binance_USDE_2025-10-08_15", 1),
            Source("Binance USDT perpetuals (their spot is not in the data), five-minute bars",
                   "ohlcv_5m_binance_usdm_perp_event_2025-10", 5, only=("HYPE", "WLFI")),
            AS_SPOT,
            perpetual("ohlcv_5m_binance_usdm_perp_event_2025-10", 5),
        ),
        implied="BTC",
    ),
    Event(
        "2026-02-05", "The slide of early 2026", at(2026, 2, 5), at(2026, 2, 7), "BTC",
        (
            spot("ohlcv_5m_binance_spot_event_2026-02", 5),
            Source("Binance USDT perpetuals (their spot is not in the data), five-minute bars",
                   "ohlcv_5m_binance_usdm_perp_event_2026-02", 5, only=("HYPE", "WLFI")),
            AS_SPOT,
            perpetual("ohlcv_5m_binance_usdm_perp_event_2026-02", 5),
        ),
        implied="chain", unknown=("stablecoins: no bars but those of USD1",),
    ),
)  # fmt: skip


@cache
def read(path: Path) -> pl.DataFrame:
    """The file's rows; low: of the bar where there is one and it is no stray print, else close."""
    frame = pl.read_parquet(path)
    if "low" not in frame.columns:
        return frame.with_columns(low=pl.col("close"), stray=False)
    nearer = pl.min_horizontal("open", "close")
    stray = pl.col("low") < STRAY * nearer
    return frame.with_columns(low=pl.when(stray).then(nearer).otherwise(pl.col("low")), stray=stray)


@dataclass(frozen=True)
class Series:
    """One symbol's bars by the time at which each ends; ``stray``: whose low was a stray print."""

    ends: np.ndarray
    close: np.ndarray
    low: np.ndarray
    stray: np.ndarray

    def at(self, when: datetime) -> float:
        """The close of the bar that ends then; NaN where there is none."""
        n = int(np.searchsorted(self.ends, ms(when)))
        return float(self.close[n]) if n < len(self.ends) and self.ends[n] == ms(when) else float("nan")

    def lowest(self, start: datetime, end: datetime) -> float:
        """The lowest low of the bars that end within; NaN where they do not reach the end."""
        inside = (self.ends > ms(start)) & (self.ends <= ms(end))
        return float(self.low[inside].min()) if inside.any() and self.at(end) == self.at(end) else float("nan")


def ms(when: datetime) -> int:
    """Epoch milliseconds."""
    return int(when.timestamp()) * 1000


def series(folder: Path, source: Source, symbol: str) -> Series:
    """The bars of one symbol; of a ratio turned over, the highest is the low."""
    frame = source.bars(folder).filter(pl.col("symbol") == symbol).sort("ts")
    ends = frame["ts"].dt.epoch("ms").to_numpy() + source.minutes * 60_000
    close, low, stray = (frame[c].to_numpy() for c in ("close", "low", "stray"))
    return Series(ends, 1.0 / close, 1.0 / close, stray) if source.inverse else Series(ends, close, low, stray)


def worst(lead: Series, event: Event, length: timedelta) -> tuple[datetime, datetime]:
    """The window of a length, a day either side of the low window, in which the lead fell most by hourly closes."""
    hours = int((event.end - event.start) / HOUR) + 48
    starts = [event.start - DAY + n * HOUR for n in range(hours)]
    starts = [s for s in starts if s + length <= event.end + DAY]
    falls = [lead.at(s + length) / lead.at(s) for s in starts]
    first = starts[int(np.nanargmin(falls))]
    return first, first + length


def fact(left: float) -> float:
    """A move from what is left of a price: four decimals, or two digits of what is left where that is next to nothing.

    >>> fact(0.47678), fact(0.0000123)
    (-0.5232, -0.999988)
    """
    return round(left - 1.0, 4) + 0.0 if left > 0.005 else round(float(f"{left:.2g}") - 1.0, 9)


def moves(
    folder: Path, event: Event, kind: str, start: datetime, end: datetime
) -> list[tuple[str, str, dict[str, float]]]:
    """(what, source, coin -> move) of one window; the first source that has a coin tells it."""

    def left(s: Series) -> float:
        return (s.lowest(start, end) if kind == "low" else s.at(end)) / s.at(start)

    out: list[tuple[str, str, dict[str, float]]] = []
    spots: dict[str, Series | None] = {}  # None: told by the perpetual alone, which has no basis to itself
    for source in event.sources:
        told: dict[str, float] = {}
        for coin, symbol in source.coins(folder):
            name = "USDT" if source.inverse else OLD_LUNA.get(coin, coin) if event.old_luna else coin
            bars = series(folder, source, symbol)
            if source.what == "spot" and name not in spots and (now := left(bars)) == now:
                told[name] = fact(now)
                spots[name] = bars if "perpetuals" not in source.said else None
            beside = spots.get(name) if source.what == "perpetual" else None
            if source.beside:
                beside = series(folder, spot(source.beside, 60), symbol)
            lows = source.minutes <= WITHIN
            if beside is not None and (now := basis(beside, bars, kind, start, end, lows=lows)) == now:
                told[name] = fact(now)
        if told:
            how = {"spot": "the lowest low", "perpetual": "the lowest at closes"}[source.what]
            how = "the lowest at closes, or at the lows of one bar" if source.what == "perpetual" and lows else how
            said = f"{source.said}; {how if kind == 'low' else 'close to close'}"
            same = next((x for what, text, x in out if (what, text) == (source.what, said)), None)
            if same is None:
                out.append((source.what, said, told))
            else:
                same.update(told)
    return out


def basis(spot: Series, perpetual: Series, kind: str, start: datetime, end: datetime, *, lows: bool = False) -> float:
    """What is left of a perpetual's price over spot's: at the end, or at the lowest of the closes both have.

    ``lows``: of the lows of one bar, too, unless either was a stray print. They need not be of one moment; while the
    perpetual was at its low, spot was at its own or above, so that the gap of that moment was no narrower.
    """
    ends, a, b = np.intersect1d(spot.ends, perpetual.ends, return_indices=True)
    ratio = perpetual.close[b] / spot.close[a]
    sound = ~(spot.stray[a] | perpetual.stray[b]) & lows
    least = np.where(sound, np.minimum(ratio, perpetual.low[b] / spot.low[a]), ratio)
    found = Series(ends, ratio, least, ~sound)
    return (found.lowest(start, end) if kind == "low" else found.at(end)) / found.at(start)


def vols(
    folder: Path, event: Event, kind: str, start: datetime, end: datetime
) -> list[tuple[str, str, dict[str, float]]]:
    """The move of 30-day implied vol over a window, where it is known."""
    if event.implied == "chain":
        return [chain_vols(folder.parent / "options", kind, start, end)]
    if not event.implied:
        return []
    frame = pl.read_parquet(folder.parent / "derivs" / "dvol_BTC_1d_2022_2025.parquet").sort("ts")
    closes, level = frame["ts"].dt.epoch("ms").to_numpy() + ms(at(1970, 1, 2)), frame["dvol"].to_numpy()
    before = float(level[closes <= ms(start)][-1])
    inside = level[(closes > ms(start)) & (closes < ms(end) + ms(at(1970, 1, 2)))]
    return [("vol", DVOL, {"BTC": fact(float(inside.max() if kind == "low" else inside[-1]) / before)})]


def chain_vols(folder: Path, kind: str, start: datetime, end: datetime) -> tuple[str, str, dict[str, float]]:
    """At-the-money vol at 30 days from option chains: the last snapshot before the window against those in it."""
    told = {}
    for coin in ("BTC", "ETH"):
        frame = pl.concat(
            read_chain(folder / f"deribit_{coin}_chain_{month:%Y-%m}.parquet") for month in months(start - DAY, end)
        ).filter((pl.col("ts") > start - DAY) & (pl.col("ts") <= end + HOUR))
        levels = {t: thirty_days(part) for (t,), part in sorted(frame.group_by("ts"), key=lambda x: x[0])}
        before = [v for t, v in levels.items() if t <= start]
        inside = [v for t, v in levels.items() if t > start]
        told[coin] = fact((max(inside) if kind == "low" else inside[-1]) / before[-1])
    last = "the highest" if kind == "low" else "the last"
    return "vol", f"Deribit option chains, 30-day at the money: the last snapshot before, {last} inside", told


@cache
def read_chain(path: Path) -> pl.DataFrame:
    """The columns that at-the-money vol needs."""
    return pl.read_parquet(path, columns=["ts", "expiry", "strike", "mark_iv", "forward", "mark"])


def months(start: datetime, end: datetime) -> list[datetime]:
    """The months that a span touches."""
    return sorted({datetime(d.year, d.month, 1, tzinfo=UTC) for d in (start, end)})


def thirty_days(part: pl.DataFrame) -> float:
    """At-the-money vol at 30 days: total variance interpolated between expiries, vol between strikes."""
    points = []
    for (expiry,), rows in part.filter(pl.col("mark") > 0).group_by("expiry"):
        days = (expiry - rows["ts"][0]).total_seconds() / 86_400
        near = rows.group_by("strike").agg(pl.col("mark_iv").mean(), pl.col("forward").mean()).sort("strike")
        if days > 1 and len(near) > 2:
            vol = np.interp(float(near["forward"][0]), near["strike"].to_numpy(), near["mark_iv"].to_numpy())
            points.append((days, float(vol) ** 2 * days))
    points.sort()
    days, variance = (np.array(x) for x in zip(*points, strict=True))
    return float(np.sqrt(np.interp(30.0, days, variance) / 30.0))


def windows(folder: Path, event: Event) -> dict[str, tuple[datetime, datetime]]:
    """The three windows of a stress."""
    lead = spot_of(folder, event, event.lead)
    assert lead is not None
    return {
        "low": (event.start, event.end),
        "day": worst(lead, event, DAY),
        "two_days": worst(lead, event, 2 * DAY),
    }


def spot_of(folder: Path, event: Event, coin: str) -> Series | None:
    """The bars of an hour or less that tell a coin's spot, where there are some."""
    found = (
        series(folder, s, symbol)
        for s in event.sources if s.minutes <= 60 and s.what == "spot"
        for name, symbol in s.coins(folder) if name == coin
    )  # fmt: skip
    return next(found, None)


def table(folder: Path) -> str:
    """The whole file."""
    out = [HEAD]
    for event in EVENTS:
        out.append(f'[[stress]]\nname = "{event.name}"\ntitle = "{event.title}"\nlead = "{event.lead}"')
        out.append(f"about = {list(event.about)}".replace("'", '"'))
        out.append(f"unknown = [{', '.join(repr(u).replace(chr(39), chr(34)) for u in event.unknown)}]")
        for kind, (start, end) in windows(folder, event).items():
            out.append(f"\n[stress.{kind}]\nfrom = {start:%Y-%m-%dT%H:%M:%SZ}\nto = {end:%Y-%m-%dT%H:%M:%SZ}")
            found = moves(folder, event, kind, start, end) + cited(event.name, kind)
            for what, said, told in found + vols(folder, event, kind, start, end):
                values = ", ".join(f"{coin} = {told[coin]:.10g}" for coin in ordered(told))
                out.append(f'\n[[stress.{kind}.facts]]\nof = "{what}"\nsource = "{said}"\nmoves = {{ {values} }}')
        out.append("")
    return "\n".join(out)


def ordered(coins: dict[str, float]) -> list[str]:
    """BTC, ETH, stablecoins, then the others by name."""
    first = ("BTC", "ETH", *STABLE)
    return [c for c in first if c in coins] + sorted(c for c in coins if c not in first)


HEAD = """# Named stresses: how far coins, perpetuals and implied vols moved in crashes that happened. Plain facts, one
# rounded fraction each, made by `python -m tools.stress_facts`; nothing here is estimated and nothing is filled in.
#
# low: from the close before `from` to the lowest price until `to`; lows of different coins need not be simultaneous,
# and a print at less than half of both ends of its bar, which no index follows, is left out.
# day, two_days: close to close over the 24 and 48 hours in which the lead fell most by hourly closes, for all coins.
# spot: of the price, against what its source says; perpetual: of its price beyond that of spot, at closes, or at the
# lows that both had in the same five minutes, which need not be of one moment;
# vol: of 30-day at-the-money implied vol. about: coins whose own end the stress was; unknown: what no data tells.
# LUNC is what was traded as LUNA until May 2022.

renamed = { POL = "MATIC", USDe = "USDE", WBTC = "BTC", cbBTC = "BTC", LBTC = "BTC", tBTC = "BTC", WETH = "ETH", \
stETH = "ETH", wstETH = "ETH", weETH = "ETH", rETH = "ETH", cbETH = "ETH", WBETH = "ETH", BNSOL = "SOL", WSOL = "SOL" }
""".replace("\\\n", "")


def main() -> None:
    """Write the table."""
    parser = argparse.ArgumentParser(description="Write the table of named stresses.")
    parser.add_argument("--data", type=Path, required=True, help="folder with prices/, derivs/ and options/")
    PAGE.write_text(table(parser.parse_args().data / "prices"), encoding="utf-8")
    print(f"{PAGE} written")


if __name__ == "__main__":
    main()
