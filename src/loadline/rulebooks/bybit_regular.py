"""Bybit unified account, standard (cross) margin: every position by itself, tiers, borrowing, tiered collateral.

Step numbers follow the algorithm on the rulebook's page. All sums are in USD at the index. The venue's margin balance
leaves the value of options out, so equity here does too: a long option asks nothing and lends nothing, and a short
one's mark is part of what it asks. Sources per parameter in bybit_regular.toml.
"""

from __future__ import annotations

import numpy as np

from loadline.foundation.table import Floats
from loadline.model.book import Book
from loadline.model.cube import Cube
from loadline.model.instruments import PayoffForm
from loadline.model.universe import Universe
from loadline.rulebooks import blocks
from loadline.rulebooks.brackets import charged, check_tables, tiered_haircuts
from loadline.rulebooks.parameters import Version
from loadline.rulebooks.rulebook import Requirement, Rulebook, no_scenarios, no_shock
from loadline.tape.term import Term, add_up, worst_of


def option_mark(u: Universe) -> Floats:
    """Return (N,) the mark of one option contract in USD; 0 for what is no option."""
    return np.where(u.option, np.nan_to_num(u.quotes.mark) * u.instruments.multiplier * u.fx, 0.0)


def margin_balance(book: Book) -> Term:
    """Return balances and unsettled pnl, USD: the value of options is not in it."""
    u = book.universe
    carried = np.where(u.option, 0.0, u.carried * u.fx)
    held = (book.quantity * book.each(carried)).net("account").named("balances")
    return (held + (book.unsettled * book.each(u.fx)).net("account").named("unsettled pnl")).named("equity")


def short_option(u: Universe, p: Version) -> tuple[Floats, Floats]:
    """Return (N,) what one short option asks (2), initial and maintenance, in USD; 0 for what is no option.

    ``maintenance = max(m S, m mark) + mark + fee S``, ``initial = max(max(a S - OTM, b S) + mark, maintenance)``.
    """
    scale = np.where(u.option, u.instruments.multiplier, 0.0)
    mark = np.nan_to_num(u.quotes.mark) * u.fx  # of coin options in their coin, which fx prices
    strike = np.nan_to_num(u.instruments.strike) * np.where(u.coin_settled, 1.0, u.fx)
    away = np.maximum(u.instruments.right * (strike - u.index), 0.0)
    share, fee = (p.each(f"option.{n}", u.pairs) for n in ("maintenance", "liquidation_fee"))
    start, least = (p.each(f"option.{n}", u.pairs) for n in ("initial", "initial_min"))
    held = np.maximum(share * u.index, share * mark) + mark + fee * u.index
    opened = np.maximum(np.maximum(start * u.index - away, least * u.index) + mark, held)
    return opened * scale, held * scale


def margin(book: Book, cube: Cube, p: Version) -> Requirement:
    """Return initial and maintenance requirement: position by position, then per account."""
    u = book.universe
    inverse = u.instruments.form == PayoffForm.INVERSE
    # 1. futures: a linear value and its tiers are in the quote currency, an inverse one's in coins
    size = np.where(inverse, u.size, u.size * u.quotes.forward)
    dollars = np.where(inverse, u.index, u.fx)
    leverage = np.where(inverse, p.number("leverage.inverse"), p.number("leverage.linear"))
    value = book.each(np.where(u.future, size * dollars, 0.0))
    closing = (book.quantity * value).size() * p.number("fee.close")
    kept = []
    for side, mask in (("linear", u.future & ~inverse), ("inverse", u.future & inverse)):
        tiers = charged(book.only(mask) * book.each(size), book, p, side, u.pairs)
        kept.append((tiers * book.each(dollars)).named(f"{side} tiers"))
    tiers = add_up(kept)
    posted = book.each(np.where(u.future, size * dollars / leverage, 0.0))
    futures = (tiers + closing).net("account").named("futures maintenance")
    # no tier allows a leverage that would ask less than it keeps
    opened = (worst_of((book.quantity * posted).size(), tiers) + closing).net("account").named("futures initial")

    # 2. options: short ones alone
    charges = dict(zip(("initial", "maintenance"), (book.each(x) for x in short_option(u, p)), strict=True))
    options = {n: (book.quantity.losses() * x).net("account").named(f"options {n}") for n, x in charges.items()}

    # 3. what is owed, pending pnl in it; 4. what collateral does not count for
    owed = [x.losses() for x in blocks.assets(book).values()]
    loans = (add_up(owed) if owed else book.only(u.spot).net("account") * 0.0).named("borrowed")
    less = tiered_haircuts(book, p)
    maintenance = futures + options["maintenance"] + loans * p.number("loan.maintenance")
    initial = opened + options["initial"] + loans * p.number("loan.initial")
    parts = {"futures": futures, "futures initial": opened, "loans": loans, "haircuts": less}
    parts |= {f"options {n}": x for n, x in options.items()}

    if book.has_orders:  # 5. futures at their leverage, sold options as positions, bought ones at their price
        opening = (book.order * posted).size() + (book.order * value).size() * p.number("fee.close")
        premium = book.order_cost * book.each(np.where(u.option, u.fx, 0.0))
        sales = book.order.losses()
        above = (premium.losses() - sales * book.each(option_mark(u))).losses()  # the dearer of price and mark
        orders = opening + sales * charges["initial"] + above + (-premium).losses()
        parts["orders"] = orders.net("account").named("open orders")
        filled = book.order * book.each(np.where(u.future, cube.base * u.fx, 0.0))
        lost = (filled - book.order_cost * book.each(np.where(u.future, u.fx, 0.0))).losses()
        parts["order loss"] = lost.net("account").named("order loss")
        less, initial = less + parts["order loss"], initial + parts["orders"]
    return Requirement(
        initial=(initial + less).named("initial"),
        maintenance=(maintenance + less).named("maintenance"),
        equity=margin_balance(book),
        parts=parts,
    )


def check(p: Version) -> None:
    """Refuse tables whose bounds and rates do not fit."""
    check_tables(p, *((f"{group}.bounds", f"{group}.rates") for group in ("linear", "inverse", "collateral")))


ASSUMED = "a template: only the first tiers of BTC are at hand, leverage and what borrowing asks stand in"
RULEBOOKS = {
    "bybit-regular": Rulebook(
        name="bybit-regular",
        title="Bybit unified account, standard (cross) margin",
        status="template",
        margin=margin,
        scenarios=no_scenarios,
        shock=no_shock,
        needs=("index", "forward", "mark"),
        check=check,
        liquidated_as="bybit",
        notes=(ASSUMED, "equity is the venue's margin balance: the value of options is not in it"),
    )
}
