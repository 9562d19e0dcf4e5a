"""Bybit unified account, portfolio margin: a stress grid per base coin, and contingency components.

Step numbers follow the algorithm on the rulebook's page. The grid is the venue's to the last digits of its own example;
several contingency components have no public formula and are taken as given (``given.…``). Sources per parameter in
bybit.toml.
"""

from __future__ import annotations

import numpy as np

from loadline.foundation.table import Bools, Floats
from loadline.model.book import Book
from loadline.model.cube import Cube, Shocked, spot_moves, vol_instructions
from loadline.model.scenario_set import Scenarios
from loadline.model.universe import STABLE, Universe
from loadline.rulebooks import blocks
from loadline.rulebooks.brackets import check_tables, tiered_haircuts
from loadline.rulebooks.parameters import Version
from loadline.rulebooks.rulebook import Requirement, Rulebook
from loadline.tape.term import Axis, Term, worst_of

STATES = {"vol up": 1.0, "vol same": 0.0, "vol down": -1.0}
"""The three vol states in the venue's order, which settles ties."""


def moves(p: Version, name: str, *, needed: bool) -> list[float]:
    """Return the price moves of a coin (1); none for a stablecoin, nor for a coin not needed and without a range."""
    n, reach = int(p.number("grid.buckets")), p.parameter("grid.price_range").of(name)
    if name in STABLE or (reach is None and not needed):
        reach = 0.0
    elif reach is None:
        reach = p.get("grid.price_range", name)
    return [float(reach) * k / n for k in range(-n, n + 1)]


def scenarios(universe: Universe, p: Version) -> Scenarios:
    """Return every price move (1) under every vol state: state after state, so that each is a family of its own."""
    hedged = p.text("spot_hedge.counted") == "on"
    needed = {str(x) for x in universe.instruments.underlying[~universe.spot | hedged].tolist()}
    sets = {}
    for name in universe.underlyings.names:
        steps = moves(p, name, needed=name in needed)
        rows = [(f"spot {m:+.4g}", state, m, vol, 1.0) for state, vol in STATES.items() for m in steps]
        sets[name] = Scenarios.of(rows)
    return Scenarios.join(sets) if sets else Scenarios.of([("now", s, 0.0, v, 1.0) for s, v in STATES.items()])


def shock(universe: Universe, grid: Scenarios, p: Version) -> Shocked:
    """Return shocked forwards (3) and vols (2): ``σ (1 + shock (30 / days)^power)``, whole days, begun ones count."""
    days = np.maximum(np.ceil(universe.days), 1.0)
    q = np.power(30.0 / days, p.number("vol_shock.power"))[:, None]
    vol, state = np.nan_to_num(universe.quotes.vol)[:, None], vol_instructions(universe, grid)
    up, down = (blocks.traded_parameter(universe, p, f"vol_shock.{n}")[:, None] for n in ("up", "down"))
    shocked = vol * (1.0 + np.where(state > 0, up, np.where(state < 0, -down, 0.0)) * q)
    return Shocked(universe.quotes.forward[:, None] * (1.0 + spot_moves(universe, grid)), np.maximum(shocked, 0.0))


def by_state(cube: Cube, values: Floats) -> tuple[Axis, list[Floats]]:
    """Return the price moves as an axis, and (N, S) values as one (N, moves) array per vol state."""
    parts = [values[:, cube.rows(state)] for state in STATES]
    return Axis("scenario", tuple(cube.scenarios.label[cube.rows(next(iter(STATES)))].tolist())), parts


def margin(book: Book, cube: Cube, p: Version) -> Requirement:
    """Return the requirement: per base coin in USD, then per account."""
    u = book.universe
    # 3, 4. options from the venue's mark to the model's price, futures from their own mark; in USD at today's rate
    base = np.where(u.option, np.nan_to_num(u.quotes.mark) * u.instruments.multiplier, cube.base)
    axis, cells = by_state(cube, cube.unit_pnl("held", base=base))
    level = "expiry" if p.text("reading.vol_state") == "expiry" else "unit"

    def in_state(rows: Bools, n: int, to: str, held: Term = book.quantity) -> Term:
        return (held * book.each(cells[n] * rows[:, None], axis=axis)).net(to)

    def stress(options: list[Term]) -> Term:  # 7. the worst vol state of each price move
        option = worst_of(*options)
        return (option.net("unit") if level == "expiry" else option).named("options")

    options = [in_state(u.option, n, level).named(state) for n, state in enumerate(STATES)]
    option, futures = stress(options), in_state(u.future, 1, "unit").named("futures")
    parts, others = dict(zip(STATES, options, strict=True)) | {"option": option, "futures": futures}, futures
    # 5. spot of the coin as a hedge, where the account has that switched on
    if p.text("spot_hedge.counted") == "on":
        hedge = in_state(u.spot & ~u.underlyings.among(*STABLE), 1, "unit")
        hedge = -(-hedge).losses() if p.text("reading.hedge_losses") == "none" else hedge
        parts["hedge"] = hedge.named("spot hedge")
        others = others + parts["hedge"]
    total = (others + option).named("stress test")
    worst = total.worst("scenario").losses().named("maximum loss")

    # 8. contingency components: the two with a formula, and what the venue reports of the rest
    def each(name: str) -> Term:
        return book.each(blocks.traded_parameter(u, p, name) * u.index, "unit")

    size = book.each(u.size)
    short = (book.only(u.option) * size).net("unit").losses() * each("contingency.short_options")
    future = (book.only(u.future) * size).size().net("unit") * each("contingency.futures")
    given = sum(blocks.traded_parameter(u, p, f"given.{n}") for n in ("delta", "vega", "usdt_usdc"))
    extra = short.named("short option contingency") + future.named("futures contingency")
    coin = ~u.underlyings.among(*STABLE)
    extra = extra + book.each(-np.where(coin, given, 0.0), "unit", name="given contingencies")
    maintenance = (worst + extra).named("coin margin")

    # 9. initial is a multiple; open orders enter as losses of those that lose in a cell
    initial, factor = maintenance, book.each(blocks.traded_parameter(u, p, "factor.initial"), "unit")
    if book.has_orders:
        values = by_state(cube, cube.value * u.fx[:, None])[1]
        cost = book.order_cost * book.each(u.fx)
        fills = [(book.order * book.each(v, axis=axis) - cost).losses().net(level).named("orders") for v in values]
        filled = (others + stress([o + f for o, f in zip(options, fills, strict=True)])).named(
            "stress test with orders"
        )
        initial = (maintenance - worst + filled.worst("scenario").losses()).named("coin margin with orders")
    haircut = tiered_haircuts(book, p)
    parts |= {"total": total, "worst": worst, "short": short, "future": future}
    return Requirement(
        initial=((initial * factor).net("account") + haircut).named("initial"),
        maintenance=(maintenance.net("account") + haircut).named("maintenance"),
        equity=blocks.carried_equity(book),
        parts=parts,
    )


def check(p: Version) -> None:
    """Refuse tiers of collateral whose bounds and rates do not fit."""
    check_tables(p, ("collateral.bounds", "collateral.rates"))


RULEBOOKS = {
    "bybit": Rulebook(
        name="bybit",
        title="Bybit unified account, portfolio margin",
        status="stress grid to the last digit; other components template",
        margin=margin,
        scenarios=scenarios,
        shock=shock,
        check=check,
        notes=(
            "delta, vega and USDT-USDC contingencies have no public formula: none unless given (given.delta, ...)",
            "the short option contingency is a template: its coefficient is not public, 0 unless set",
            "open orders: each losing one filled in each cell, initial only (the venue's own formula is not public)",
        ),
    )
}
