"""Deribit portfolio margin, version 4: the extended risk matrix, kept apart by wallet (S:PM) or across them (X:PM).

Step numbers follow the algorithm on the rulebook's page. What the venue does not publish is a *reading*: a parameter
``reading.NAME`` with its alternatives. Sources: the venue's API reference and documents, per parameter in deribit.toml.
"""

from __future__ import annotations

import numpy as np

from loadline.foundation.table import Labels, Texts
from loadline.foundation.units import parse_time
from loadline.model.book import Book
from loadline.model.cube import Cube, Shocked, spot_moves, vol_instructions
from loadline.model.instruments import Instruments, Kind
from loadline.model.scenario_set import Scenarios
from loadline.model.universe import STABLE, Universe
from loadline.rulebooks import blocks
from loadline.rulebooks.parameters import Version
from loadline.rulebooks.rulebook import Requirement, Rulebook
from loadline.tape.term import Term, worst_of


def scenarios(universe: Universe, p: Version) -> Scenarios:
    """Return the standard table (steps 1, 2: 9 moves x 3 vols) and the extended one (step 5: vol up)."""
    n, moves = int(p.number("grid.buckets")), p.parameter("grid.extended_moves").value
    words = {0.0: "same", 1.0: "up", -1.0: "down"}  # the middle state first: the venue names it on a tie
    sets = {}
    for name in universe.underlyings.names:
        reach = float(p.get("grid.price_range", "USD" if name in STABLE else name))
        rows = [
            (f"spot {reach * k / n:+.4g} vol {words[v]}", "standard", reach * k / n, v, 1.0)
            for k in range(-n, n + 1)
            for v in words
        ]
        rows += [
            (f"spot {m:+.4g} vol up (extended)", "extended", m if reach else 0.0, 1.0, 1.0) for m in map(float, moves)
        ]
        sets[name] = Scenarios.of(rows)
    return Scenarios.join(sets)


def shock(universe: Universe, grid: Scenarios, p: Version) -> Shocked:
    """Return shocked forwards, vols (step 2) and, in the index reading, the price that options become coin at."""
    q, keys = universe.quotes, universe.pairs
    move, step = spot_moves(universe, grid), vol_instructions(universe, grid).astype(np.int64) + 1
    up, down = blocks.power_rule(universe, p, inclusive=False)
    vol, least = np.nan_to_num(q.vol), p.each("vol_shock.min_vol_up", keys)
    on_input = p.text("reading.vol_floor") == "on_input"
    raised = np.maximum(vol, least) * up if on_input else np.maximum(vol * up, least)
    shocked = np.take_along_axis(np.stack([vol * down, vol, raised], axis=1), step, axis=1)
    conversion = universe.index[:, None] * (1.0 + move) if p.text("reading.option_coin") == "index" else None
    return Shocked(q.forward[:, None] * (1.0 + move), shocked, conversion=conversion)


def _margin(book: Book, cube: Cube, p: Version, cross: bool) -> Requirement:
    """Return the requirement per risk unit, in coin (a segregated coin wallet) or USD, then per account."""
    u, standard = book.universe, cube.rows("standard")
    i, keys = u.instruments, u.pairs
    coin = (u.coin_settled | (u.spot & ~u.underlyings.among(*STABLE))) & (not cross)  # which cells are in coin
    dollar = np.where(coin, 1.0 / u.index, 1.0)  # one USD in the unit of the cell
    reach, decay = p.each("grid.price_range", keys), blocks.settlement_decay(u, p.number("settlement.window"))
    traded = ~u.spot if not cross else np.ones(len(u), np.bool_)

    # 4. PnL per cell against the model's price or the mark, in coin as it is, in USD at the shocked price
    mark = np.where(u.option & (p.text("reading.base") == "mark"), u.quotes.mark * i.multiplier, cube.base)
    pnl = cube.unit_pnl("scenario" if cross else "settle", base=mark) * (decay * traded)[:, None]
    # 5. extended cells: scaled by range / move, coin at the edge of the standard range
    size = np.maximum(np.abs(cube.move), 1e-300)
    scale = np.where(size > reach[:, None], p.each("grid.extended_factor", keys)[:, None] * reach[:, None] / size, 1.0)
    edge = (1.0 + cube.move) / (1.0 + np.sign(cube.move) * reach[:, None])
    extended = np.ones(len(cube.scenarios), np.bool_)
    extended[standard] = False
    pnl = np.where(extended, pnl * scale * np.where(coin[:, None], edge, 1.0), pnl)
    # 6. one vector per risk unit; across wallets the coins held and owed are positions, their unsettled pnl too
    cells = (book.quantity * cube.term(pnl)).net("unit")
    if cross:
        cells = cells + (book.unsettled * cube.term(cube.fx - u.fx[:, None])).net("unit").named("unsettled pnl")
    cells = cells.named("risk vector")

    def finish(vector: Term) -> Term:
        # 7. dampener: extended cells shrink towards zero; 8. gains count in part, up to a limit; 9. worst, rounded
        steps = np.where(extended, np.maximum(size / np.maximum(reach, 1e-300)[:, None], 1.0) - 1.0, 0.0)
        damp = steps * (p.each("dampener.usd", _wallets(u, cross)) * dollar)[:, None]
        damp = damp / np.where(coin[:, None], 1.0 + np.sign(cube.move) * reach[:, None], 1.0)
        by = book.each(damp, "unit", cube.axis(), name="dampener")
        shrunk = ((vector + by).losses() - (by - vector).losses()).named("damped vector")
        keep = book.each(p.each("pnl_offset.share", _wallets(u, cross)), "unit")
        limit = book.each(p.each("pnl_offset.limit", _wallets(u, cross)) * dollar, "unit", name="offset limit")
        return worst_of(shrunk.signed_scale(gain=keep, loss=1.0), limit).named("aggregated vector")

    aggregated = finish(cells)
    worst = aggregated.worst("scenario").losses().rounded(9).named("worst case")

    # 10. roll shock: every expiry bucket's net delta, gross over buckets
    money = np.where(coin, 1.0, u.index)
    least, annual = p.each("roll.min_move", _wallets(u, cross)), p.each("roll.annual_move", _wallets(u, cross))
    tenor = np.expm1(annual * u.tau) if p.text("reading.roll") == "exp" else annual * u.tau
    rate = book.each(np.maximum(least, tenor) * money, "expiry")
    deltas = blocks.venue_deltas(u, p.text("reading.roll_options")) * decay
    roll = ((book.only(~u.spot) * book.each(deltas)).net("expiry").size() * rate).net("unit").named("roll shock")

    # 11. delta shock: long options may offset the delta of futures and short options, never turn or enlarge it
    option_delta = book.each(np.where(u.option, blocks.venue_deltas(u, "counted") * decay, 0.0))
    future_delta = (book.only(u.future) * book.each(u.size * decay)).net("unit")
    short = (book.only(u.option).losses() * option_delta).net("unit") + future_delta
    both = (book.only(u.option) * option_delta).net("unit") + future_delta
    delta = (-worst_of(-both, -short)).losses() - (-worst_of(both, short)).losses()
    start = p.each("delta_shock.threshold", keys) / u.index
    charge = delta.tiered(
        rate=0.0,
        ramp=book.each(p.each("delta_shock.slope", keys), "unit"),
        start=book.each(start, "unit"),
        cap=book.each(p.each("delta_shock.cap", keys), "unit"),
    )
    charge = (charge * book.each(money, "unit")).named("delta shock")

    # 13. totals: maintenance on the risk matrix alone; orders, protection and haircuts enter initial only
    matrix = (worst + roll + charge).named("risk matrix")
    extra = book.each(-(p.each("addon.mmp", keys) + p.each("addon.spot", keys) + p.each("addon.orders", keys)), "unit")
    initial = matrix + extra.named("given add-ons")
    if book.has_orders:
        fx = cube.fx if cross else np.ones(cube.fx.shape)
        fills = book.order * cube.term(cube.value * fx) - book.order_cost * cube.term(fx)
        filled = finish(cells + fills.losses().net("unit").named("orders that lose"))
        with_orders = filled.worst("scenario").losses().named("worst case with orders")
        initial = initial + (with_orders - worst).named("open orders")
    cut = u.quotes.forward * blocks.wallet_parameter(u, p, "collateral.haircut") * cross
    initial = initial - (book.only(u.spot) * book.each(cut)).net("unit").named("haircuts")
    cash = np.where(u.spot, u.quotes.forward, np.where(i.upfront, u.quotes.mark * i.multiplier * u.fx, 0.0)) * dollar
    equity = (book.quantity * book.each(cash)).net("account").named("balances and options")
    equity = equity + (book.unsettled * book.each(u.fx * dollar)).net("account").named("unsettled pnl")
    maintenance = matrix * p.number("factor.maintenance")
    return Requirement(
        initial=initial.net("account").rounded(9).named("initial"),
        maintenance=maintenance.net("account").named("maintenance"),
        equity=equity.named("equity"),
        parts={
            "cells": cells,
            "aggregated": aggregated,
            "worst": worst,
            "roll": roll,
            "delta": charge,
            "matrix": matrix,
        },
        notes=_observed(u, p),
    )


def _wallets(u: Universe, cross: bool) -> Labels:
    """The key of per-currency parameters: the coin whose wallet or matrix it is, or USD."""
    if cross or not u.settles.among(*STABLE).any():
        return u.pairs
    in_usd = u.settles.among(*STABLE) & ~u.spot
    return Labels.of(np.where(in_usd, "USD", u.instruments.underlying)).mapped(lambda n: "USD" if n in STABLE else n)


def _observed(u: Universe, p: Version) -> tuple[str, ...]:
    """Notes on parameters that were first seen after the moment they are used for."""
    seen = {n: p.parameter("observed.date").of(n) for n in u.pairs.names}
    late = {n: str(d) for n, d in seen.items() if d and parse_time(str(d)) > u.as_of}
    return tuple(f"deribit: {n} parameters are those first observed on {date}" for n, date in late.items())


def segregated(book: Book, cube: Cube, p: Version) -> Requirement:
    """Return the S:PM requirement, in the wallet's currency."""
    return _margin(book, cube, p, cross=False)


def cross(book: Book, cube: Cube, p: Version) -> Requirement:
    """Return the X:PM requirement, in USD."""
    return _margin(book, cube, p, cross=True)


def wallet_pair(instruments: Instruments, p: Version) -> Texts:
    """Return the risk unit inside a wallet: the coin, or the pair with the stablecoin it settles in."""
    pair = np.char.add(np.char.add(instruments.underlying, "_"), instruments.settle)
    own = (instruments.settle == instruments.underlying) | instruments.is_kind(Kind.SPOT)
    return np.where(own, instruments.underlying, pair)


ORDERS = "open orders: the worst subset filled in each cell (the venue's own formula is not published)"
RULEBOOKS = {
    "deribit-spm": Rulebook(
        name="deribit-spm",
        title="Deribit segregated portfolio margin (S:PM)",
        status="to the last digit for futures; documented only for options",
        margin=segregated,
        scenarios=scenarios,
        shock=shock,
        unit=wallet_pair,
        segregated=True,
        notes=(ORDERS,),
    ),
    "deribit-xpm": Rulebook(
        name="deribit-xpm",
        title="Deribit cross portfolio margin (X:PM)",
        status="to display rounding for futures; documented only for options",
        margin=cross,
        scenarios=scenarios,
        shock=shock,
        notes=(ORDERS,),
    ),
}
