"""Carry the books through the fall of 5 February 2026, snapshot by snapshot, and margin them at each.

Reads Deribit option chain snapshots (``deribit_BTC_chain_2026-02.parquet`` and its siblings), which are not part of the
repository. The ledger is the only place where positions and wallets change.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import polars as pl
from rich.progress import track

import loadline as ll
from loadline.foundation.units import MS_PER_DAY, format_time, parse_time
from loadline.io.market import read_market
from loadline.model.instruments import Kind, PayoffForm
from tools.real_books import COINS, books

START, END = parse_time("2026-02-03T00:00:00Z"), parse_time("2026-02-08T00:00:00Z")
CRASH, CALM = parse_time("2026-02-05T18:00:00Z"), parse_time("2026-06-13T12:00:00Z")
RULES = ("isolated", "static", "tail", "derive", "derive-v1", "derive-srm", "deribit-spm", "deribit-xpm")
EXPIRY_HOUR_MS, SETTLEMENT_MS = 8 * 3_600_000, 1_800_000


def chain_files(folder: Path, at: int) -> list[Path]:
    """Return the chain files of the month that an instant lies in."""
    month = format_time(at)[:7]
    return [folder / f"deribit_{coin}_chain_{month}.parquet" for coin in COINS]


def times(folder: Path, start: int, end: int) -> list[int]:
    """Return the times of the snapshots from ``start`` to before ``end``, epoch ms."""
    ms = pl.col("ts").dt.timestamp("ms")
    found = pl.scan_parquet(chain_files(folder, start)[0]).select(ms.unique()).collect()["ts"]
    return sorted(t for t in found.to_list() if start <= t < end)


def nearest(folder: Path, at: int) -> int:
    """Return the time of the snapshot nearest to an instant, before or after it."""
    return min(times(folder, at - MS_PER_DAY, at + MS_PER_DAY), key=lambda t: abs(t - at))


def snapshot(folder: Path, at: int) -> ll.Market:
    """Return the market of both coins at a snapshot, with the futures that its options imply."""
    return read_market(chain_files(folder, at), at=at, imply_futures=True)


# --- the ledger: the only place where positions and wallets change


@dataclass
class Ledger:
    """What the accounts hold as time passes: positions, wallets, and the price futures were last settled at.

    Two steps take it from one snapshot to the next; nothing else moves. First, expired contracts pay in their currency:
    an option its intrinsic value at the delivery price, a future its pnl to it. Then, futures that remain settle daily,
    at the first snapshot after 08:00 UTC and at its marks (the venue: at 08:00); until then their pnl is unsettled. No
    funding, fees or interest; nobody trades and nobody is liquidated.
    """

    quantity: dict[tuple[str, str], float]
    wallet: dict[tuple[str, str], float]
    settled_at: dict[str, float]
    bars: Bars | None = None
    deliveries: dict[tuple[str, int], float] = field(default_factory=dict)

    @classmethod
    def open(cls, book: ll.Portfolio, bars: Bars | None = None) -> Ledger:
        """Return the ledger of a book just opened."""
        p, b = book.positions, book.balances
        return cls(
            dict(zip(zip(p.account.tolist(), p.instrument.tolist(), strict=True), p.quantity.tolist(), strict=True)),
            dict(zip(zip(b.account.tolist(), b.currency.tolist(), strict=True), b.amount.tolist(), strict=True)),
            dict(zip(p.instrument.tolist(), p.entry.tolist(), strict=True)),
            bars,
        )

    def credit(self, account: str, currency: str, amount: float) -> None:
        """Add to a wallet."""
        self.wallet[account, currency] = self.wallet.get((account, currency), 0.0) + amount

    def step(self, before: ll.Market, after: ll.Market) -> None:
        """Move from one snapshot to the next."""
        self.expire(before, after)
        day = (after.as_of - EXPIRY_HOUR_MS) // MS_PER_DAY * MS_PER_DAY + EXPIRY_HOUR_MS
        if before.as_of < day <= after.as_of:
            self.settle(after)

    def expire(self, before: ll.Market, after: ll.Market) -> None:
        """Let what expired between two snapshots pay into its wallet and leave the book."""
        for name in sorted({n for _, n in self.quantity}):
            contract = before.instruments[name]
            if contract["expiry"] > after.as_of:
                continue
            price = delivery(before, after, contract["underlying"], contract["expiry"], self.bars)
            self.deliveries[contract["underlying"], contract["expiry"]] = price
            paid = contract["multiplier"] * settlement(contract, price, self.settled_at[name])
            for account in sorted({a for a, n in self.quantity if n == name}):
                self.credit(account, contract["settle"], self.quantity.pop((account, name)) * paid)

    def settle(self, market: ll.Market) -> None:
        """Pay the pnl of futures into the wallets; from here on it counts from these marks."""
        for (account, name), amount in self.pending(market).items():
            self.credit(account, market.instruments[name]["settle"], amount)
        for _, name in self.quantity:
            self.settled_at[name] = mark(market, name)

    def pending(self, market: ll.Market) -> dict[tuple[str, str], float]:
        """Return the pnl of futures since their last settlement, in their settlement currency."""
        found = {}
        for (account, name), quantity in self.quantity.items():
            if name in market.instruments and market.instruments[name]["kind"] != Kind.OPTION:
                contract = market.instruments[name]
                gain = settlement(contract, mark(market, name), self.settled_at[name])
                found[account, name] = quantity * contract["multiplier"] * gain
        return found

    def portfolio(self, market: ll.Market) -> ll.Portfolio:
        """Return what is held at a snapshot."""
        pending = self.pending(market)
        return ll.Portfolio(
            ll.Positions.from_rows(
                {
                    "account": account,
                    "instrument": name,
                    "quantity": quantity,
                    "unsettled": pending.get((account, name), 0.0),
                    "entry": self.settled_at[name],
                }
                for (account, name), quantity in self.quantity.items()
            ),
            ll.Balances.from_rows(
                {"account": account, "currency": currency, "amount": amount}
                for (account, currency), amount in self.wallet.items()
            ),
        )


def mark(market: ll.Market, name: str) -> float:
    """Return the mark of a contract."""
    return float(market.quotes.mark[market.instruments.index[name]])


@dataclass(frozen=True)
class Bars:
    """Five-minute bars of a spot exchange: open times (epoch ms) and typical prices by coin."""

    times: dict[str, np.ndarray]
    prices: dict[str, np.ndarray]

    @classmethod
    def read(cls, path: Path) -> Bars:
        """Return the bars of our coins against a dollar stablecoin."""
        frame = pl.read_parquet(path).with_columns(ms=pl.col("ts").dt.timestamp("ms"))
        typical = (pl.col("open") + pl.col("high") + pl.col("low") + pl.col("close")) / 4
        mine = {c: frame.filter(pl.col("symbol") == f"{c}USDT").select("ms", p=typical).sort("ms") for c in COINS}
        return cls({c: f["ms"].to_numpy() for c, f in mine.items()}, {c: f["p"].to_numpy() for c, f in mine.items()})

    def average(self, coin: str, start: int, end: int) -> float | None:
        """Return the mean price of the bars inside a window, None where there are none."""
        inside = (self.times[coin] >= start) & (self.times[coin] < end)
        return float(self.prices[coin][inside].mean()) if inside.any() else None


def delivery(before: ll.Market, after: ll.Market, coin: str, expiry: int, bars: Bars | None = None) -> float:
    """Return the price a contract expires at: the mean of the bars over the half hour before.

    Without bars: the index, linear in time between the snapshots around the expiry. The venue takes its index averaged
    over that half hour.
    """
    fixed = bars.average(coin, expiry - SETTLEMENT_MS, expiry) if bars else None
    share = (expiry - before.as_of) / (after.as_of - before.as_of)
    return fixed or before.index[coin] + share * (after.index[coin] - before.index[coin])


def settlement(contract: dict, price: float, entry: float) -> float:  # type: ignore[type-arg]
    """Return what one contract pays at a price, per multiplier, in its settlement currency.

    Options: intrinsic value, in coin at that price; inverse futures ``1/entry - 1/price``; linear ``price - entry``.
    """
    form = contract["form"]
    if form in (PayoffForm.COIN_OPTION, PayoffForm.CASH_OPTION):
        cash = max(contract["right"] * (price - contract["strike"]), 0.0)
        return cash / price if form == PayoffForm.COIN_OPTION else cash
    return 1.0 / entry - 1.0 / price if form == PayoffForm.INVERSE else price - entry


# --- margins


@dataclass(frozen=True)
class Reading:
    """One account under one rulebook at one time, in USD.

    ``ratio``: maintenance over equity of its worst wallet, None where that has no equity but a requirement.
    """

    at: int
    account: str
    rulebook: str
    equity: float
    initial: float
    maintenance: float
    ratio: float | None
    status: str

    @property
    def level(self) -> float:
        """The ratio as a number: infinite where it is None."""
        return np.inf if self.ratio is None else self.ratio


WORST_FIRST = ("unavailable", "below_maintenance", "below_initial", "ok")


def read(book: ll.Portfolio, market: ll.Market, rulebook: str) -> list[Reading]:
    """Return one reading per account: wallets kept apart are summed in USD, and the worst of them decides."""
    found = []
    answers = ll.margins(book, market, rulebook)
    for account in book.names():
        mine = [a for a in answers if a.account == account]
        gaps = [a for a in mine if isinstance(a, ll.Unavailable)]
        if gaps:
            raise SystemExit(f"{format_time(market.as_of)}: {gaps[0]}")
        good = [a for a in mine if isinstance(a, ll.MarginResult)]
        levels = [np.inf if a.ratio is None else a.ratio for a in good]
        worst = max(levels)
        found.append(
            Reading(
                market.as_of,
                account,
                rulebook,
                sum(a.equity * a.usd for a in good),
                sum(a.initial * a.usd for a in good),
                sum(a.maintenance * a.usd for a in good),
                None if worst == np.inf else worst,
                min((str(a.status) for a in good), key=WORST_FIRST.index),
            )
        )
    return found


@dataclass(frozen=True)
class Replay:
    """What was read, and the ledger and markets it was read from."""

    readings: list[Reading]
    ledger: Ledger
    markets: list[ll.Market]
    opening: tuple[tuple[str, str], ...]
    """(account, instrument) of every leg at the start."""


def replay(
    folder: Path, *, rules: Sequence[str] = RULES, seed: int = 7, bars: Bars | None = None, progress: bool = False
) -> Replay:
    """Return the readings of every account under some rulebooks at every snapshot from ``START`` to ``END``."""
    readings: list[Reading] = []
    markets: list[ll.Market] = []
    ledger: Ledger | None = None
    opening: tuple[tuple[str, str], ...] = ()
    for at in track(times(folder, START, END), "snapshots", disable=not progress):
        market = snapshot(folder, at)
        if ledger is None:
            ledger = Ledger.open(books(market, seed), bars)
            opening = tuple(ledger.quantity)
        else:
            ledger.step(markets[-1], market)
        held = ledger.portfolio(market)
        for rule in rules:
            readings += read(held, market, rule)
        markets.append(market)
    if ledger is None:
        raise SystemExit(f"{folder}: no snapshot from {format_time(START)} to {format_time(END)}")
    return Replay(readings, ledger, markets, opening)


def liquidated(readings: Iterable[Reading]) -> dict[tuple[str, str], Reading]:
    """Return the first reading below maintenance of each (account, rulebook) that has one."""
    found: dict[tuple[str, str], Reading] = {}
    for r in sorted(readings, key=lambda r: r.at):
        if r.status == "below_maintenance":
            found.setdefault((r.account, r.rulebook), r)
    return found
