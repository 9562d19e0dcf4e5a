"""Hyperliquid: cross margin, and portfolio margin (alpha), in which coins that are supplied back what is borrowed.

Cross: maintenance is half of the initial margin at a position's maximum leverage; initial is at the leverage that the
account chose. Portfolio: ``ratio = (20 USDC + cross maintenance + borrowed) / (balance + what supplied coins count)``
may be 0.95 at most. With ``equity = balance - borrowed + value of coins`` that reads

``equity >= (20 + maintenance) / 0.95 + borrowed x (1 / 0.95 - 1) + (value of coins - what they count)``.

Sources: hyperliquid.toml.
"""

from __future__ import annotations

import numpy as np

from loadline.foundation.table import Floats
from loadline.model.book import Book
from loadline.model.cube import Cube
from loadline.model.universe import STABLE
from loadline.rulebooks import blocks
from loadline.rulebooks.brackets import charged, check_tables
from loadline.rulebooks.parameters import Version
from loadline.rulebooks.protocol import perpetuals_only
from loadline.rulebooks.rulebook import Requirement, Rulebook, no_scenarios, no_shock
from loadline.tape.term import Term, add_up, worst_of

CASH = (*STABLE, "USDH")


def perpetuals(book: Book, p: Version) -> dict[str, Term]:
    """Return initial and maintenance of the perpetuals, each alone, summed per account; refuses options."""
    u, listed = book.universe, perpetuals_only(book, "hyperliquid")
    dollars = np.where(listed, u.size * np.where(u.coin_settled, u.index, u.quotes.forward * u.fx), 0.0)
    notional, own = book.quantity * book.each(dollars), 1.0 / p.number("leverage.chosen")
    least = charged(notional, book, p, "maintenance", u.pairs)
    initial = worst_of(least * 2.0, notional.size() * own).net("account").named("perpetuals")
    if book.has_orders:
        ordered = (book.order * book.each(dollars)).size()
        initial = initial + (ordered * own).net("account").named("open orders")
    held = notional.size().net("account").named("held")
    return {"initial": initial, "maintenance": least.net("account").named("perpetuals"), "held": held}


def coin_rows(book: Book) -> Floats:
    """Return (N,) the USD price of coins in a wallet, 0 for all that is cash or a contract."""
    u = book.universe
    return np.where(u.spot & ~np.isin(u.instruments.id, CASH), u.quotes.forward, 0.0)


def cross(book: Book, cube: Cube, p: Version) -> Requirement:
    """Return the requirement of cross margin, USD: coins in the wallet back nothing."""
    asked = perpetuals(book, p)
    apart = (blocks.owned(book) * book.each(coin_rows(book))).net("account").named("coins")
    return Requirement(
        initial=(asked["initial"] + apart).named("initial"),
        maintenance=(asked["maintenance"] + apart).named("maintenance"),
        equity=blocks.carried_equity(book),
        parts=asked,
    )


def portfolio(book: Book, cube: Cube, p: Version) -> Requirement:
    """Return the requirement of portfolio margin, USD."""
    u, asked = book.universe, perpetuals(book, p)
    # cash of all dollars together with the pnl of perpetuals, and coins that are owed
    stable = u.spot & np.isin(u.instruments.id, CASH)
    cash = (book.quantity * book.each(np.where(stable, u.quotes.forward, 0.0))).net("account")
    cash = cash + (book.unsettled * book.each(u.fx)).net("account")
    prices = coin_rows(book)
    short = (book.quantity * book.each(prices)).losses().net("account")
    borrowed = (cash.losses().named("cash") + short.named("coins")).named("borrowed")

    def uncounted(side: str) -> Term:
        """The value of each coin beyond what it counts for: capped in coins, then in USD."""
        lost = []
        for row in np.flatnonzero(prices > 0).tolist():
            name, price = u.instruments.id[row].item(), float(prices[row])
            coins = -blocks.owned(book) * book.each((np.arange(len(u)) == row).astype(float))
            ltv = float(p.get("coin.ltv", name))
            share = ltv if side == "initial" else p.number("threshold.base") + p.number("threshold.slope") * ltv
            share = share if ltv else 0.0
            supplied = worst_of(coins, float(p.get("coin.supply_cap", name)))
            counts = worst_of(supplied * (price * share), p.number("borrow.cap"))
            lost.append((counts - coins * price).net("account").named(f"uncounted {name}"))
        return add_up(lost) if lost else borrowed * 0.0

    ratio = p.number("liquidation.ratio")
    # who holds and owes nothing is asked for nothing: the fixed sum counts up to the size of what there is
    fixed = -worst_of(-(asked["held"] + borrowed), p.number("floor.usdc"))
    maintenance = (asked["maintenance"] + fixed.named("fixed sum")) * (1.0 / ratio) + borrowed * (1.0 / ratio - 1.0)
    return Requirement(
        initial=(asked["initial"] + uncounted("initial")).named("initial"),
        maintenance=(maintenance + uncounted("maintenance")).named("maintenance"),
        equity=blocks.carried_equity(book),
        parts=asked | {"borrowed": borrowed},
    )


def check(p: Version) -> None:
    """Refuse tables whose bounds and rates do not fit."""
    check_tables(p, ("maintenance.bounds", "maintenance.rates"))


ORDERS = "open orders: each at the chosen leverage, initial only, assumed"
RULEBOOKS = {
    "hyperliquid": Rulebook(
        name="hyperliquid",
        title="Hyperliquid cross margin",
        status="to display rounding",
        margin=cross,
        scenarios=no_scenarios,
        shock=no_shock,
        needs=("index", "forward"),
        check=check,
        notes=(ORDERS, "hyperliquid: one maximum leverage per coin; the venue's tables by size are not at hand"),
    ),
    "hyperliquid-pm": Rulebook(
        name="hyperliquid-pm",
        title="Hyperliquid portfolio margin (alpha)",
        status="documented only",
        margin=portfolio,
        scenarios=no_scenarios,
        shock=no_shock,
        liquidated_as="hyperliquid_pm",
        needs=("index", "forward"),
        check=check,
        notes=(ORDERS, "hyperliquid: what is borrowed is summed over tokens, where the venue takes the worst token"),
    ),
}
