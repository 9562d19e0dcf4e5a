"""Write the study of the fall of 5 February 2026: what six accounts were asked for, and who would have been liquidated.

``python -m tools.crash_day --data FOLDER`` reads Deribit option chain snapshots, which are not part of the repository,
and writes ``docs/studies/crash_day.md`` and, where matplotlib is installed, ``crash_day.png`` beside it. ``--bars``
names five-minute bars of a spot exchange (``symbol, ts, open, high, low, close``), the prices that contracts expire at.
Every number on the page is computed here.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence
from pathlib import Path

from loadline.foundation.units import format_time, parse_time
from tools.crash_replay import (
    CALM,
    CRASH,
    RULES,
    Bars,
    Replay,
    delivery,
    liquidated,
    nearest,
    read,
    replay,
    snapshot,
)
from tools.real_books import CAPITAL, CHARACTERS, books

PAGE = Path(__file__).resolve().parent.parent / "docs" / "studies" / "crash_day.md"
EVE = parse_time("2026-02-04T23:59:59Z")
PLOTTED = {"isolated": "0.6", "static": "tab:olive", "tail": "tab:green", "derive": "tab:purple",
           "deribit-spm": "tab:orange", "deribit-xpm": "tab:blue"}  # fmt: skip
MARKS = {"ok": "", "below_initial": " ¹", "below_maintenance": " ²"}


def table(head: Sequence[str], rows: Iterable[Sequence[str]], texts: int = 1) -> str:
    """Return a Markdown table: ``texts`` columns to the left, the others, numbers, to the right."""
    lines = [head, [*["---"] * texts, *["---:"] * (len(head) - texts)], *rows]
    return "\n".join("| " + " | ".join(row) + " |" for row in lines)


def minute(at: int) -> str:
    """Return day and minute, UTC."""
    return f"{format_time(at)[5:10]} {format_time(at)[11:16]}"


def thousands(usd: float) -> str:
    """Return USD in thousands."""
    return f"{usd / 1000:,.0f}"


def day(folder: Path, at: int, seed: int) -> str:
    """Return the section of one snapshot: books opened there, margined under every rulebook."""
    market = snapshot(folder, nearest(folder, at))
    book = books(market, seed)
    found = {(r.account, r.rulebook): r for rule in RULES for r in read(book, market, rule)}
    asked, kept = [], []
    for account in CAPITAL:
        alone = found[account, "isolated"].initial
        cells = [found[account, rule] for rule in RULES]
        first = [account, thousands(cells[0].equity)]
        asked.append([*first, *(f"{thousands(r.initial)}{MARKS[r.status]}" for r in cells)])
        maintained = thousands(found[account, "deribit-xpm"].maintenance)
        kept.append([account, *(f"{1 - r.initial / alone:.0%}" for r in cells[1:]), maintained])
    prices = ", ".join(f"{coin} {price:,.0f}" for coin, price in market.index.items())
    listed = f"{len(market.instruments):,} instruments"
    return f"""Snapshot of {format_time(market.as_of)}, {listed}, index {prices} USD; the books are opened here.
Initial requirement, USD thousand:

{table(["account", "equity", *RULES], asked)}

Efficiency, 1 − initial / isolated initial; last column: X:PM's maintenance requirement, USD thousand:

{table(["account", *RULES[1:], "xpm maint."], kept)}"""


def through(run: Replay) -> str:
    """Return how close each account came, under each rulebook: maintenance over equity on the eve and at its worst."""
    rows = []
    for account in CAPITAL:
        for when in ("eve", "worst"):
            cells = []
            for rule in RULES:
                mine = [r for r in run.readings if (r.account, r.rulebook) == (account, rule)]
                eve = max((r for r in mine if r.at <= EVE), key=lambda r: r.at)
                chosen = eve if when == "eve" else max(mine, key=lambda r: r.level)
                cells.append("broke" if chosen.ratio is None else f"{chosen.ratio:.2f}")
            rows.append([f"{account}, {when}", *cells])
    return table(["maintenance / equity", *RULES], rows)


def fates(run: Replay) -> str:
    """Return when each account would have been liquidated under each rulebook, and what it then stood at."""
    hits = liquidated(run.readings)
    opening = min(r.at for r in run.readings)
    low = {r.account: min(x.equity for x in run.readings if x.account == r.account) for r in run.readings}
    rows = []
    for account in CAPITAL:
        cells = []
        for rule in RULES:
            hit = hits.get((account, rule))
            cells.append("—" if hit is None else "not admitted" if hit.at == opening else minute(hit.at))
        rows.append([account, thousands(low[account]), *cells])
    return table(["account", "lowest equity", *RULES], rows)


def expiries(run: Replay) -> str:
    """Return the prices that contracts expired at, beside what the index alone would have said."""
    rows = []
    for (coin, at), price in sorted(run.ledger.deliveries.items(), key=lambda item: (item[0][1], item[0][0])):
        before = max((m for m in run.markets if m.as_of < at), key=lambda m: m.as_of)
        after = min((m for m in run.markets if m.as_of >= at), key=lambda m: m.as_of)
        straight = delivery(before, after, coin, at)
        rows.append([f"{coin} {minute(at)}", f"{price:,.2f}", f"{straight:,.2f}", f"{straight / price - 1:+.2%}"])
    return table(["expiry", "delivery price, USD", "index, linear in time", "difference"], rows)


def picture(run: Replay, path: Path) -> bool:
    """Draw maintenance over equity through time, one panel per account; False where matplotlib is not installed."""
    try:
        import matplotlib
    except ImportError:
        return False
    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    start = run.markets[0].as_of
    days = [3 + (m.as_of - parse_time(format_time(start)[:10])) / 86_400_000 for m in run.markets]
    figure, axes = plt.subplots(2, 3, figsize=(9.6, 5.0), sharex=True, sharey=True)
    for axis, account in zip(axes.ravel(), CAPITAL, strict=True):
        axis.fill_between([days[0], days[-1]], 1, 1.6, color="tab:red", alpha=0.07, lw=0)
        for rule, colour in PLOTTED.items():
            levels = [r.level for r in run.readings if (r.account, r.rulebook) == (account, rule)]
            axis.plot(days, [min(x, 1.6) for x in levels], color=colour, lw=1.3, label=rule)
        axis.plot([], [], color="0.8", lw=0.9, label="BTC index (own scale)")
        axis.set_title(account, fontsize=9, loc="left")
        axis.set_ylim(0, 1.6)
        axis.tick_params(labelsize=7)
        price = axis.twinx()
        price.plot(days, [m.index["BTC"] / 1000 for m in run.markets], color="0.8", lw=0.9, zorder=0)
        price.set_yticks([])
    axes[0, 0].set_ylabel("maintenance / equity", fontsize=8)
    axes[1, 0].set_ylabel("maintenance / equity", fontsize=8)
    for axis in axes[1]:
        axis.set_xlabel("day of February 2026, UTC", fontsize=8)
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="upper center", ncol=7, fontsize=8, frameon=False)
    figure.tight_layout(rect=(0, 0, 1, 0.95))
    figure.savefig(path, dpi=80, metadata={"Software": None})
    plt.close(figure)
    return True


def page(folder: Path, run: Replay, seed: int, drawn: str, *, bars: bool) -> str:
    """Return the whole page."""
    legs = {a: sum(1 for x, _ in run.opening if x == a) for a in CAPITAL}
    wallets = {a: ", ".join(f"{v:,.10g} {c}" for c, v in w.items()) for a, w in CAPITAL.items()}
    who = [[a, CHARACTERS[a], wallets[a], str(legs[a])] for a in CAPITAL]
    first, last = run.markets[0], run.markets[-1]
    low = min(run.markets, key=lambda m: m.index["BTC"])
    eve = max(m.as_of for m in run.markets if m.as_of <= EVE)
    image = f"\n\n![maintenance over equity of each account through the crash]({drawn})" if drawn else ""
    source = "the mean of a spot exchange's five-minute bars over the half hour before"
    if not bars:
        source = "the index, linear in time between the snapshots around it"
    return f"""# Through the fall of 5 February 2026

<!-- written by tools/crash_day.py: change it there -->

Six accounts with characters hold positions in Bitcoin and Ether options, dated futures and perpetuals while Bitcoin
falls from {first.index["BTC"]:,.0f} to {low.index["BTC"]:,.0f} USD and comes part of the way back. Each is margined
under every rulebook at every snapshot. The prices are Deribit option chain snapshots, which are not part of this
repository; what is printed here is our margins on them.
`python -m tools.crash_day --data FOLDER --bars FILE` writes this page again (seed {seed}).

{table(["account", "what it does", "brings", "legs"], who, texts=3)}

## The crash day

{day(folder, CRASH, seed)}

¹ equity below initial, ² below maintenance. `deribit-spm` keeps wallets apart: its column is the sum over wallets in
USD, its mark that of the worst. Isolated charges look at one leg and nothing else: they add up short options that
cannot all lose at once, and ask two per cent of a future however far it may fall. So hedged books save under every rule
that nets, and a leveraged long or coins held outright are asked for more (efficiency below zero). The generations 2 and
3, `static` and `tail`, stand on volatilities of our own choosing, not on a venue's; of the hedged books they ask least.

## A calm day

{day(folder, CALM, seed)}

## Through the crash

Books opened at {format_time(first.as_of)} and held, untouched, to {format_time(last.as_of)}:
{len(run.markets)} snapshots, Bitcoin lowest at {minute(low.as_of)}. Maintenance requirement over equity (above 1:
liquidated), on the eve of the crash ({minute(eve)}) and at its worst:

{through(run)}

`deribit-spm`: the worst wallet.{image}

## Who would have been liquidated, and when

The first snapshot (month-day, UTC) at which equity was below the maintenance requirement; — never; *not admitted*:
already at the first. Lowest equity in USD thousand.

{fates(run)}

## What was assumed

* Futures and perpetuals are implied by the chain: dated ones at the forward of their expiry, perpetuals at the index.
* Positions are opened at mark at the first snapshot, without spread. Nobody trades and nobody is liquidated: an account
  that falls below maintenance is carried on, to see what would have become of it.
* An expired contract pays into the wallet, in its settlement currency, what it is worth at the delivery price, here
  {source}
  (the venue averages its own index over that half hour).
* Futures settle daily, at the first snapshot after 08:00 UTC. No funding, fees or interest.
* Snapshots are some six hours apart; what happened between them is not seen, and Bitcoin traded lower on 5 February
  than at any of them.
* Ether's rows of a snapshot were taken minutes after Bitcoin's; options that expire within hours feel it.

{expiries(run)}
"""


def main() -> None:
    """Write the page and the picture."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder of the monthly chain files")
    parser.add_argument("--bars", type=Path, help="five-minute bars of a spot exchange, Parquet")
    parser.add_argument("--out", type=Path, default=PAGE, help="the page; its picture goes beside it")
    parser.add_argument("--seed", type=int, default=7, help="of the market maker's book")
    given = parser.parse_args()
    run = replay(given.data, seed=given.seed, bars=Bars.read(given.bars) if given.bars else None, progress=True)
    given.out.parent.mkdir(parents=True, exist_ok=True)
    image = given.out.with_suffix(".png")
    drawn = image.name if picture(run, image) else ""
    given.out.write_text(page(given.data, run, given.seed, drawn, bars=bool(given.bars)), encoding="utf-8")
    print(f"wrote {given.out}" + (f" and {image.name}" if drawn else " (no picture: matplotlib is not installed)"))


if __name__ == "__main__":
    main()
