"""Drift v2 cross margin: weighted tokens against perpetuals at ratios that grow with size, in the protocol's integers.

The venue compares weighted collateral with a requirement; here equity is at full value, and what weights take away is
part of the requirement, so that the excess is the venue's free collateral. Weights depend on how much an account
holds: they are read off its own book, one account at a time. The same arithmetic on plain integers, with spot orders
and the strict prices, is drift_protocol.py. Sources in drift.toml.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from loadline.foundation.table import Floats, Labels
from loadline.model.book import Book
from loadline.model.cube import Cube
from loadline.model.universe import Universe
from loadline.rulebooks import blocks
from loadline.rulebooks import drift_protocol as drift
from loadline.rulebooks.drift_protocol import BASE, PRICE, WEIGHT, Side
from loadline.rulebooks.parameters import Version
from loadline.rulebooks.protocol import QUOTE, perpetuals_only, whole
from loadline.rulebooks.rulebook import Requirement, Rulebook, no_scenarios, no_shock
from loadline.tape.term import Term, constant, worst_of

TOKEN = ("initial_asset", "maintenance_asset", "initial_liability", "maintenance_liability", "size_factor")


def by_size(sizes: Term, weigh: Callable[[int, int], int]) -> Term:
    """Return a weight per market held, from its size; ``weigh(class, size)``: the size in the protocol's integers."""
    frame, level = sizes.frame, sizes.level
    assert frame is not None and level is not None
    found = np.zeros(frame.classes_of.size[level])
    for group, x in zip(frame.classes[level].tolist(), sizes.numbers()[:, 0].tolist(), strict=True):
        found[group] = weigh(group, int(x))
    return constant(found, level)


def named(u: Universe) -> tuple[Labels, Floats]:
    """Return (N,) the key of each row's parameters, a token's own name, and (N,) its price at six decimals."""
    keys = np.where(u.spot, u.instruments.id, u.instruments.underlying)
    return Labels.of(keys), whole(np.where(u.spot, u.quotes.forward, u.index), QUOTE)


def markets(book: Book, p: Version) -> tuple[list[drift.Spot], list[drift.Perpetual]]:
    """Return what the protocol knows of each row as a token, and of each class of level strike as a perpetual.

    Tokens are not netted: several may stand on one underlying, each with weights of its own.
    """
    u, first = book.universe, book.universe.classes.first("strike")
    keys, prices = named(u)
    quote = round(blocks.stable_price(u) * PRICE)
    token = {n: p.each(f"token.{n}", keys) for n in (*TOKEN, "decimals")}
    perpetual = {n: p.each(f"perpetual.{n}", keys)[first] for n in ("initial", "maintenance", "size_factor")}
    early, late, shrink = (int(p.number(f"pnl.{n}")) for n in ("initial", "maintenance", "size_factor"))
    cash = blocks.cash_rows(u)
    spots, perpetuals = [], []
    for k, price in enumerate(prices.astype(int).tolist()):
        out, kept, into, owing, factor = (int(token[n][k]) for n in TOKEN)
        same = (int(token["decimals"][k]), price, price, price)
        spots.append(drift.Spot(*same, out, kept, into, owing, factor, quote=bool(cash[k])))
    for k, price in enumerate(prices[first].astype(int).tolist()):
        opening, holding, growth = (int(column[k]) for column in perpetual.values())
        perpetuals.append(drift.Perpetual(price, opening, holding, growth, early, late, shrink, quote, quote))
    return spots, perpetuals


def margin(book: Book, cube: Cube, p: Version) -> Requirement:
    """Return initial and maintenance requirement: market by market, summed."""
    u = book.universe
    held = perpetuals_only(book, "Drift")
    spots, perpetuals = markets(book, p)
    # 1. tokens, sizes and prices as the protocol stores them
    keys, prices = named(u)
    digits, price = p.each("token.decimals", keys), book.each(prices, "strike")
    tokens = (book.only(u.spot) * book.each(10.0**digits)).rounded(0)
    base = (book.only(held) * book.each(u.size * BASE)).rounded(0).net("strike")
    pnl = (book.unsettled * 10.0**QUOTE).rounded(0).net("strike").named("unsettled pnl")
    # 2. what is owned is worth its price cut down, what is owed rounded up
    each, worth_of = book.each(10.0**digits), book.each(prices)
    owned = tokens.signed_scale(gain=1.0, loss=0.0).portion(worth_of, each).named("owned")
    owed = tokens.losses().portion(worth_of, each, away=True).named("owed")
    quote = round(blocks.stable_price(u) * PRICE)

    def side(name: Side, own: int) -> tuple[Term, Term]:
        # 3. weights of tokens, by their size; cash has none
        def weight_owned(k: int, x: int) -> int:
            least = spots[k].asset_weight(abs(x), name)
            return WEIGHT if spots[k].quote else min(least, max(WEIGHT - own, 0)) if own else least

        def weight_owed(k: int, x: int) -> int:
            most = spots[k].liability_weight(abs(x), name)
            return WEIGHT if spots[k].quote else max(most, WEIGHT + own) if own else most

        weighted = owned.portion(by_size(tokens, weight_owned), WEIGHT).net("strike")
        asked = owed.portion(by_size(tokens, weight_owed), WEIGHT).net("strike").named("tokens owed")
        # 4. perpetuals: the larger position that orders could make, at a ratio that grows with size
        worst = base.size()
        if book.has_orders:
            order = book.order * book.each(np.where(held, u.size * BASE, 0.0))
            sides = (order.losses(), order.signed_scale(gain=1.0, loss=0.0))
            worst = worst_of(worst, *((base + o.rounded(0).net("strike")).size() for o in sides))
        ratio = by_size(worst, lambda k, x: max(perpetuals[k].ratio(abs(x), name), own))
        value = worst.portion(price, BASE).portion(quote, PRICE)
        asked = asked + value.portion(ratio, WEIGHT).named("perpetuals")
        if book.has_orders:
            some = (book.order * float(BASE)).rounded(0).size().portion(1.0, 2.0**62, away=True)
            asked = asked + (some.net("strike") * float(drift.ORDER)).named("open orders")
        # 5. unrealised profits count less, and for initial only so much of each
        share = by_size(pnl, lambda k, x: perpetuals[k].pnl_weight(x, name))
        counted = pnl.portion(share, WEIGHT).portion(quote, PRICE)
        if name is Side.INITIAL:
            counted = worst_of(counted, float(drift.MOST_PNL))
        return asked, (weighted + counted).named("weighted collateral")

    worth = ((owned + owed).net("strike") + pnl).named("at full value")
    least = {Side.INITIAL: int(p.number("account.least_ratio")), Side.MAINTENANCE: 0}
    sides = {s: side(s, own) for s, own in least.items()}
    # excess = weighted collateral - requirement, written as equity - (requirement + what weights take away)
    ours = {s: (asked + (counted - worth)).net("account") * 10.0**-QUOTE for s, (asked, counted) in sides.items()}
    parts = {f"requirement {s.value}": asked for s, (asked, _) in sides.items()}
    parts |= {f"collateral {s.value}": counted for s, (_, counted) in sides.items()}
    return Requirement(
        initial=ours[Side.INITIAL].named("initial"),
        maintenance=ours[Side.MAINTENANCE].named("maintenance"),
        equity=(worth.net("account") * 10.0**-QUOTE).named("equity"),
        parts=parts,
    )


RULEBOOKS = {
    "drift": Rulebook(
        name="drift",
        title="Drift v2 cross margin",
        status="exact",
        margin=margin,
        scenarios=no_scenarios,
        shock=no_shock,
        needs=("index",),
        currency="USD",
        cash=True,
        alone=lambda market, p: True,
        notes=(
            "open orders: the larger of position, all bids and all asks filled, on both sides, and 0.01 USD each",
            "oracle prices only: the strict check against a five-minute average is not in a snapshot",
        ),
    )
}
