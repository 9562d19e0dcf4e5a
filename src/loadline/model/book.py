"""The book: positions joined to a universe once, sorted, and ready for arithmetic."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from loadline.foundation.errors import MissingData
from loadline.foundation.table import Bools, Floats, Ints, Texts
from loadline.model.instruments import Instruments, PayoffForm
from loadline.model.market import Market
from loadline.model.positions import Portfolio
from loadline.model.universe import Universe, build_universe
from loadline.tape.frame import Frame
from loadline.tape.term import Axis, NotPlannable, Term, column, constant


@dataclass(frozen=True, eq=False)
class Book:
    """Positions of all accounts on one universe.

    A row is a position, a wallet balance (a spot row) or an open order (quantity 0, its size in ``order``).
    """

    universe: Universe
    frame: Frame

    @property
    def quantity(self) -> Term:
        """Signed contracts per position row."""
        return column(self.frame, "quantity")

    @property
    def unsettled(self) -> Term:
        """PnL not yet in the wallet per position row, settlement currency."""
        return column(self.frame, "unsettled")

    @property
    def order(self) -> Term:
        """Signed contracts of the open order in a row."""
        return column(self.frame, "order")

    @property
    def order_cost(self) -> Term:
        """What the open order in a row would pay, settlement currency."""
        return column(self.frame, "order_cost")

    @property
    def has_orders(self) -> bool:
        """Whether any account has an open order; while recording, whether those of this variant do."""
        if self.frame.recorded is not None:
            return "order" in self.frame.recorded
        orders = self.frame.columns.get(("position", "order"))
        return orders is not None and bool(orders.any())

    @property
    def recording(self) -> bool:
        """Whether this book holds no numbers, and what a rule does with it is only noted."""
        return self.frame.recorded is not None

    @property
    def held(self) -> Bools:
        """(N,) which instruments some account of this book holds; raises ``NotPlannable`` while recording."""
        if self.recording:
            raise NotPlannable("the rule asks which instruments an account holds")
        found = np.zeros(len(self.universe), np.bool_)
        found[self.frame.item[self.frame.columns["position", "quantity"] != 0]] = True
        return found

    def each(self, values: Floats | float, level: str = "position", axis: Axis | None = None, name: str = "") -> Term:
        """Return per-instrument numbers as a constant of a level: each class takes its first one's.

        ``values``: (N,), or (N, S) with the axis of its columns, or one number; ``name`` stands in explanations.
        """
        if np.ndim(values) == 0:
            return constant(values, name=name)
        picked = np.asarray(values, np.float64)
        if level != "position":
            picked = picked[self.universe.classes.first(level)]
        return constant(picked, level, axis, name=name)

    def only(self, mask: Bools) -> Term:
        """Return the quantity where a per-instrument mask holds, 0 elsewhere."""
        return self.quantity * self.each(mask.astype(float))


def blank(universe: Universe, *, orders: bool = False) -> Book:
    """Return a book without positions, to record a rule on; ``orders``: for books that have open orders."""
    columns = {"quantity", "unsettled"} | ({"order", "order_cost"} if orders else set())
    return Book(universe, Frame.blank(universe.classes, columns))


def resolve(
    portfolio: Portfolio,
    market: Market,
    unit: Callable[[Instruments], Texts],
    accounts: tuple[str, ...],
    *,
    also: Texts | None = None,
    cash: bool = False,
) -> Book:
    """Return the book of some accounts; balances enter as spot rows, open orders as rows of quantity 0.

    ``unit`` names the risk unit of each instrument; ``also`` are instruments to include without a position (for
    what-ifs). Raises ``MissingData`` naming every instrument or currency that the market does not know.
    """
    names, place = held_names(portfolio, also)
    universe = build_universe(market, market.rows(names), unit, cash=cash)
    return lay_out(portfolio, universe, names, place, accounts)


def held_names(portfolio: Portfolio, also: Texts | None = None) -> tuple[Texts, Ints]:
    """Return what a portfolio holds or orders and ``also`` what is named, sorted, and which of these each row is.

    Rows are those of positions, balances and orders, in this order.
    """
    ids = [portfolio.positions.instrument, portfolio.balances.currency, portfolio.orders.instrument]
    names, place = np.unique(np.concatenate(ids if also is None else [*ids, also]), return_inverse=True)
    return names, place[: sum(map(len, ids))]


def lay_out(portfolio: Portfolio, universe: Universe, names: Texts, place: Ints, accounts: tuple[str, ...]) -> Book:
    """Return the book of some accounts on a universe of their instruments; see ``resolve``.

    ``names``, ``place``: what is held, and which of these each row is, as ``held_names`` gives them. Raises
    ``MissingData`` for accounts that were not asked for.
    """
    p, b, o = portfolio.positions, portfolio.balances, portfolio.orders
    rows = len(place)
    where = np.array([universe.instruments.index[n] for n in names.tolist()], np.int64)
    item = where[place]
    owners = {name: i for i, name in enumerate(accounts)}
    owner_names = np.concatenate([p.account, b.account, o.account])
    strangers = sorted(set(owner_names.tolist()) - set(owners))
    if strangers:
        raise MissingData("the book holds accounts that were not asked for", missing=strangers)
    owner = np.array([owners[a] for a in owner_names.tolist()], np.int64)
    from loadline.kernels.net import segment_sum  # compiled code: loaded on first use

    frame = Frame(universe.classes, owner, item, accounts, segment_sum)
    blank = np.zeros(rows)
    orders = slice(len(p) + len(b), rows)

    def fill(*parts: tuple[slice, Floats]) -> Floats:
        values = blank.copy()
        for where, numbers in parts:
            values[where] = numbers
        return values[frame.order]

    positions, wallets = slice(0, len(p)), slice(len(p), len(p) + len(b))
    frame.columns["position", "quantity"] = fill((positions, p.quantity), (wallets, b.amount))
    frame.columns["position", "unsettled"] = fill((positions, p.unsettled))
    frame.columns["position", "order"] = fill((orders, o.quantity))
    frame.columns["position", "order_cost"] = fill((orders, _cost(o.quantity, o.limit, universe, item[orders])))
    return Book(universe, frame)


def _cost(quantity: Floats, limit: Floats, universe: Universe, item: Ints) -> Floats:
    """What a filled order pays, in the settlement currency: the contract's value formula at the limit price."""
    i = universe.instruments
    inverse = i.form[item] == PayoffForm.INVERSE
    with np.errstate(divide="ignore"):
        price = np.where(inverse, -1.0 / np.where(inverse, limit, 1.0), limit)
    return np.asarray(quantity * i.multiplier[item] * price)
