"""What both of Paradex's margins count alike: marks, account value, fee provisions and coins in the wallet."""

from __future__ import annotations

import numpy as np

from loadline.foundation.table import Floats
from loadline.model.book import Book
from loadline.model.universe import Universe
from loadline.rulebooks import blocks
from loadline.rulebooks.parameters import Version
from loadline.tape.term import Term


def marks(universe: Universe) -> Floats:
    """Return (N,) the venue's mark of one unit, quote currency: what PnL is measured from."""
    return np.where(universe.option, np.nan_to_num(universe.quotes.mark), universe.quotes.forward)


def fees(universe: Universe, p: Version) -> Floats:
    """Return (N,) the fee provision of one coin (8): a share of the mark, of options of spot, capped."""
    mark, rate = marks(universe), p.number("fee.rate")
    option = np.minimum(rate * universe.index, p.number("fee.option_cap") * mark)
    return np.where(universe.spot, 0.0, np.where(universe.option, option, rate * mark))


def spot_charge(book: Book) -> Term:
    """Return what coins in the wallet cost, owned or owed (9): all that they are worth, per risk unit."""
    u = book.universe
    worth = np.where(blocks.cash_rows(u), 0.0, u.quotes.forward)
    return (book.only(u.spot).size() * book.each(worth)).net("unit").named("spot balances")


def equity(book: Book) -> Term:
    """Return account value: cash, coins and options at mark, and unsettled pnl; USDC counts as one dollar."""
    u = book.universe
    worth = np.where(u.option, marks(u) * u.size, np.where(u.spot, u.quotes.forward, 0.0))
    worth = np.where(blocks.cash_rows(u), 1.0, worth)
    held = (book.quantity * book.each(worth)).net("account").named("balances and options")
    rate = np.where(u.settles.among(*blocks.CASH), 1.0, u.fx)
    return (held + (book.unsettled * book.each(rate)).net("account").named("unsettled pnl")).named("equity")
