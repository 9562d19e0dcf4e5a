"""Generation 1: every position alone, no offsets. The comparator that shows what portfolio margin saves.

Formulas and parameters are those of Deribit's standard margin, inverse and linear. Charges in coin become USD at the
index. Sources per parameter in isolated.toml.
"""

from __future__ import annotations

import numpy as np

from loadline.foundation.table import Floats, Labels
from loadline.model.book import Book
from loadline.model.cube import Cube
from loadline.model.instruments import PayoffForm
from loadline.model.universe import STABLE, pair_of
from loadline.rulebooks import blocks
from loadline.rulebooks.parameters import Version
from loadline.rulebooks.rulebook import Requirement, Rulebook, no_scenarios, no_shock
from loadline.tape.term import Term


def short_option_charge(book: Book, p: Version) -> tuple[Floats, Floats]:
    """Return (N,) what one short option asks, initial and maintenance, in USD; 0 for what is not an option."""
    u = book.universe
    i, q, keys = u.instruments, u.quotes, u.pairs
    out, low, held = (p.each(f"option.{n}", keys) for n in ("initial", "initial_min", "maintenance"))
    coin, call = i.form == PayoffForm.COIN_OPTION, i.right > 0
    strike = np.nan_to_num(i.strike)
    away = np.maximum(i.right * (strike - q.forward), 0.0) / q.forward  # share by which it is out of the money
    # coin options: fractions of one coin, the mark in coin
    coin_put_held = np.maximum(held, held * q.mark) + q.mark
    coin_open = np.maximum(out - away, low) + q.mark
    coin_initial = np.where(call, coin_open, np.maximum(coin_open, coin_put_held)) * u.index
    coin_held = np.where(call, held + q.mark, coin_put_held) * u.index
    # cash options: fractions of the index, a put's floor in fractions of its strike
    put_open = np.maximum((out - away) * u.index, low * strike)
    cash_initial = np.where(call, np.maximum(out - away, low) * u.index, put_open) + q.mark
    cash_held = held * np.where(call, u.index, np.minimum(u.index, strike)) + q.mark
    cash_fx = np.where(coin, 1.0, u.fx)
    initial = np.where(coin, coin_initial, cash_initial * cash_fx)
    maintenance = np.where(coin, coin_held, cash_held * cash_fx)
    scale = np.where(u.option, i.multiplier, 0.0)
    return np.nan_to_num(initial) * scale, np.nan_to_num(maintenance) * scale


def margin(book: Book, cube: Cube, p: Version) -> Requirement:
    """Return initial and maintenance requirement: one line per position, summed."""
    u = book.universe
    charge = dict(zip(("initial", "maintenance"), short_option_charge(book, p), strict=True))
    # a coin that only lies in the wallet needs no rate
    keys = Labels.of(np.where(u.future, u.instruments.underlying, "USD")).mapped(pair_of)
    coins = book.each(np.where(u.future, u.size, 0.0))
    linear = u.future & u.settles.among(*STABLE)
    kind = np.where(linear, "linear", "inverse")

    def rates(name: str) -> Floats:
        each = {k: p.each(f"{k}.{name}", keys) for k in ("linear", "inverse")}
        return np.where(kind == "linear", each["linear"], each["inverse"])

    def alone(side: str, held: Term) -> Term:
        # futures: a rate that rises with the size of the position, of the size in coins, at the index
        futures = (held * coins).tiered(rate=book.each(rates(side)), ramp=book.each(rates("ramp")))
        options = held.losses() * book.each(charge[side])
        return futures * book.each(u.index) + options

    positions = book.quantity * book.each((~u.spot).astype(float))
    maintenance = alone("maintenance", positions).net("account")
    initial = alone("initial", positions).net("account")
    if book.has_orders:
        initial = initial + alone("initial", book.order).net("account").named("open orders")
    initial = initial + blocks.haircuts(book, p)
    return Requirement(
        initial=initial.named("initial"),
        maintenance=maintenance.named("maintenance"),
        equity=blocks.carried_equity(book),
    )


RULEBOOKS = {
    "isolated": Rulebook(
        name="isolated",
        title="Isolated margin, no offsets (generation 1; Deribit standard-margin formulas)",
        status="to display rounding",
        margin=margin,
        scenarios=no_scenarios,
        shock=no_shock,
        liquidated_as="deribit",
        needs=("index", "forward", "vol", "mark"),
        notes=("open orders: each charged as a position of its own, initial only",),
    )
}
