"""The extended risk matrix that both of Deribit's portfolio margins stand on: steps 1 to 9 of the rulebook's page."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from loadline.foundation.table import Bools, Floats, Labels
from loadline.model.book import Book
from loadline.model.cube import Cube, Shocked, spot_moves, vol_instructions
from loadline.model.instruments import PayoffForm
from loadline.model.scenario_set import Scenarios
from loadline.model.universe import STABLE, Universe
from loadline.rulebooks import blocks
from loadline.rulebooks.parameters import Version
from loadline.tape.term import Term, worst_of

TINY = np.finfo(np.float64).tiny


def scenarios(universe: Universe, p: Version) -> Scenarios:
    """Return the standard table (steps 1, 2: 9 moves x 3 vols) and the extended one (step 5: vol up)."""
    n, moves = int(p.number("grid.buckets")), p.parameter("grid.extended_moves").value
    words = {0.0: "same", 1.0: "up", -1.0: "down"}  # the middle state first: the venue names it on a tie
    sets = {}
    for name in universe.underlyings.names:
        reach = float(p.get("grid.price_range", "USD" if name in STABLE else name))
        rows = [
            (f"spot {blocks.percent(reach * k / n)} vol {words[v]}", "standard", reach * k / n, v, 1.0)
            for k in range(-n, n + 1)
            for v in words
        ]
        rows += [
            (f"spot {blocks.percent(m)} vol up (extended)", "extended", m if reach else 0.0, 1.0, 1.0)
            for m in map(float, moves)
        ]
        sets[name] = Scenarios.of(rows)
    return Scenarios.join(sets)


def shock(universe: Universe, grid: Scenarios, p: Version) -> Shocked:
    """Return shocked forwards, vols (step 2) and, in the index reading, the price that options become coin at."""
    q, keys = universe.quotes, universe.pairs
    move, step = spot_moves(universe, grid), vol_instructions(universe, grid).astype(np.int64) + 1
    up, down = blocks.power_rule(universe, p, float(p.text("reading.dte_floor") == "1 day"), inclusive=False)
    vol, least = np.nan_to_num(q.vol), p.each("vol_shock.min_vol_up", keys)
    on_input = p.text("reading.vol_floor") == "on_input"
    raised = np.maximum(vol, least) * up if on_input else np.maximum(vol * up, least)
    shocked = np.take_along_axis(np.stack([vol * down, vol, raised], axis=1), step, axis=1)
    conversion = universe.index[:, None] * (1.0 + move) if p.text("reading.option_coin") == "index" else None
    return Shocked(q.forward[:, None] * (1.0 + move), shocked, conversion=conversion)


def wallets(u: Universe, cross: bool) -> Labels:
    """The key of per-currency parameters: the coin whose wallet or matrix it is, or USD."""
    if cross or not u.settles.among(*STABLE).any():
        return u.pairs
    in_usd = u.settles.among(*STABLE) & ~u.spot
    return Labels.of(np.where(in_usd, "USD", u.instruments.underlying)).mapped(lambda n: "USD" if n in STABLE else n)


@dataclass(frozen=True, eq=False)
class Matrix:
    """What the cells of a book are measured in and how they are weighed.

    ``coin``: (N,) whether a row's cells are in coin (a segregated coin wallet); ``dollar``: (N,) one USD in the unit of
    the cells; ``reach``: (N,) the price range; ``weight``: (N, S) factor on PnL: extended cells count as range / move,
    converted at the edge of the range where they are in coin (step 5); ``live``: the same times ``decay``, (N,), the
    share of exposure that a settlement average has left.
    """

    coin: Bools
    dollar: Floats
    reach: Floats
    extended: Bools
    weight: Floats
    live: Floats
    decay: Floats


def matrix_of(book: Book, cube: Cube, p: Version, *, cross: bool) -> Matrix:
    """Return the units and weights of a book's cells; ``cross``: all in USD."""
    u, move = book.universe, cube.move
    coin = (u.coin_settled | (u.spot & ~u.underlyings.among(*STABLE))) & (not cross)
    reach, decay = p.each("grid.price_range", u.pairs), blocks.settlement_decay(u, p.number("settlement.window"))
    extended = cube.scenarios.family == "extended"
    scale = p.each("grid.extended_factor", u.pairs)[:, None] * reach[:, None] / np.maximum(np.abs(move), TINY)
    edge = (1.0 + move) / (1.0 + np.sign(move) * reach[:, None])
    scale = np.where(coin[:, None], scale * edge, scale)
    weight = np.where(extended & (move != 0.0), scale, 1.0)
    own = np.where(u.spot, u.quotes.forward, u.fx)  # USD per unit of the wallet's currency
    dollar = np.ones(len(u)) if cross else 1.0 / own
    return Matrix(coin, dollar, reach, extended, weight, weight * decay[:, None], decay)


def unit_cells(cube: Cube, p: Version, m: Matrix, *, cross: bool) -> Floats:
    """Return (N, S) PnL of one contract in each cell: steps 4 and 5.

    In coin as it is, in USD at the shocked price. In the reading ``extended = cash`` an extended cell of a coin option
    takes the change of its cash value, unconverted, instead of its coin PnL at the shocked price.
    """
    u = cube.universe
    use_mark = u.option & (p.text("reading.base") == "mark")
    base = np.where(use_mark, u.quotes.mark * u.instruments.multiplier, cube.base)
    pnl = cube.unit_pnl("scenario" if cross else "settle", base=base)
    if p.text("reading.extended") == "cash":
        coin_option = u.instruments.form == PayoffForm.COIN_OPTION
        cash = cube.value * (1.0 + cube.move) - base[:, None]  # coin at today's forward, which cancels below
        cash = cash * u.index[:, None] if cross else cash / (1.0 + cube.move)
        pnl = np.where(m.extended & coin_option[:, None], cash, pnl)
    return pnl * m.live


def risk_vector(book: Book, cube: Cube, p: Version, m: Matrix, *, cross: bool) -> Term:
    """Return PnL per risk unit and cell: step 6.

    Across wallets the coins held and owed are positions, and so is pnl not yet settled in coin.
    """
    held = book.quantity if cross else book.only(~book.universe.spot)
    cells = (held * cube.term(unit_cells(cube, p, m, cross=cross))).net("unit")
    if cross:
        moved = (cube.fx - book.universe.fx[:, None]) * m.weight
        cells = cells + (book.unsettled * cube.term(moved)).net("unit").named("unsettled pnl")
    return cells.named("risk vector")


def order_losses(book: Book, cube: Cube, m: Matrix, *, cross: bool) -> Term:
    """Return what the open orders that lose in a cell would lose there if filled, per risk unit and cell."""
    fx = cube.fx if cross else np.ones(cube.fx.shape)
    fills = book.order * cube.term(cube.value * fx * m.live) - book.order_cost * cube.term(fx * m.live)
    return fills.losses().net("unit").named("orders that lose")


def aggregated(book: Book, cube: Cube, p: Version, m: Matrix, vector: Term, *, cross: bool) -> Term:
    """Return the vector after the dampener on extended cells (7) and the limit on gains (8)."""
    keys = wallets(book.universe, cross)
    steps = np.maximum(np.abs(cube.move) / np.maximum(m.reach, TINY)[:, None], 1.0) - 1.0
    damp = np.where(m.extended, steps, 0.0) * (p.each("dampener.usd", keys) * m.dollar)[:, None]
    damp = damp / np.where(m.coin[:, None], 1.0 + np.sign(cube.move) * m.reach[:, None], 1.0)
    by = book.each(damp, "unit", cube.axis(), name="dampener")
    shrunk = ((vector + by).losses() - (by - vector).losses()).named("damped vector")  # towards zero, never across
    keep = book.each(p.each("pnl_offset.share", keys), "unit")
    limit = book.each(p.each("pnl_offset.limit", keys) * m.dollar, "unit", name="offset limit")
    return worst_of(shrunk.signed_scale(gain=keep, loss=1.0), limit).named("aggregated vector")


def worst_case(vector: Term, name: str) -> Term:
    """Return the worst cell, never a gain, rounded to nine digits before anything is added to it (9)."""
    return vector.worst("scenario").losses().rounded(9).named(name)
