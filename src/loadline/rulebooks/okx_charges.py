"""OKX charges that no scenario makes: stablecoin hedges (MR9), borrowing (MR8), discounts on coins; their tables."""

from __future__ import annotations

import numpy as np

from loadline.model.book import Book
from loadline.rulebooks import blocks
from loadline.rulebooks.brackets import check_tables, table
from loadline.rulebooks.parameters import Version
from loadline.tape.term import Term, add_up, worst_of

CASH = ("USDT", "USDC")


def hedge_cost(cash: dict[str, Term], book: Book, p: Version) -> Term:
    """Return MR9: the part of one stablecoin's delta that another's offsets, in the venue's order, at rising rates."""
    u, found = book.universe, []
    low = {c: min([1.0, *u.fx[u.instruments.settle == c].tolist()]) for c in CASH} | {"USD": 1.0}
    for a, b in (("USDT", "USD"), ("USDT", "USDC"), ("USDC", "USD")):
        long = worst_of(-(-cash[a]).losses(), -cash[b].losses())  # of a, against short b
        short = worst_of(-cash[a].losses(), -(-cash[b]).losses())
        cash |= {a: cash[a] - long + short, b: cash[b] + long - short}
        broken = min(low[a], low[b]) <= p.number("depeg.broken_price")
        least = p.number("depeg.broken_rate") if broken else 0.0
        bounds, rates = table(p, "depeg.bounds"), [max(r, least) for r in table(p, "depeg.rates")]
        found.append((long + short).bracketed(bounds, rates).named(f"hedge of {a} by {b}"))
    return add_up(found).named("MR9 stablecoins")


def borrowed(book: Book) -> Term:
    """Return what each currency owes, summed in USD: cash and pending pnl of one currency together, where negative."""
    u, owed = book.universe, []
    wallets = u.instruments.id[u.spot].tolist()
    for name in dict.fromkeys([*wallets, *u.settles.names]):
        cash = book.quantity * book.each(np.where(u.spot & (u.instruments.id == name), u.quotes.forward, 0.0))
        pending = book.unsettled * book.each(np.where(~u.spot & (u.instruments.settle == name), u.fx, 0.0))
        owed.append((cash + pending).net("account").losses().named(f"owed {name}"))
    return add_up(owed).named("owed")


def discounts(book: Book, p: Version) -> Term:
    """Return what the tiers of discount take from coins that are owned."""
    u, found = book.universe, []
    for row in np.flatnonzero(u.spot).tolist():
        name, mine = u.instruments.id[row].item(), np.zeros(len(u))
        mine[row] = 1.0
        tiers = (table(p, f"collateral.{what}", name) for what in ("bounds", "discounts"))
        lost = (blocks.owned(book) * book.each(mine)).net("account").bracketed(*tiers)
        found.append((lost * float(u.quotes.forward[row])).named(f"discount of {name}"))
    return add_up(found).named("discounts") if found else (book.only(u.spot) * 0.0).net("account")


def check(p: Version) -> None:
    """Refuse tables whose bounds and rates do not fit."""
    tables = (("minimum.bounds", "minimum.multipliers"), ("depeg.bounds", "depeg.rates"))
    check_tables(p, *tables, ("collateral.bounds", "collateral.discounts"))
