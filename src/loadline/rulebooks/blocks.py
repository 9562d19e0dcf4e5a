"""Paragraphs that several rulebooks share. Each returns numbers or terms; none knows a venue."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from loadline.foundation.table import Bools, Floats, Labels
from loadline.kernels.shock import power_shift
from loadline.model.book import Book
from loadline.model.cube import Cube
from loadline.model.greeks import unit_greeks
from loadline.model.instruments import NO_EXPIRY, Kind, PayoffForm
from loadline.model.market import Market
from loadline.model.scenario_set import Scenarios
from loadline.model.universe import Universe
from loadline.rulebooks.parameters import Version
from loadline.tape.term import Axis, Term, constant

CASH = ("USD", "USDC")
"""Wallet currencies that are the unit of account where USDC is cash."""


RESTATED = "coin contracts count as cash contracts of equal size, dated futures as perpetuals: the venue lists neither"
"""What rulebooks say that know only cash-settled options and perpetuals."""


def percent(move: float) -> str:
    """Return a move as signed per cent, as few digits as say it: +4.5%, -66%, +500%."""
    return f"{100 * move:+.4g}%"


def along(axis: Axis, values: Floats) -> Term:
    """Return ``values`` (S,), one number per scenario, as a constant for every instrument."""
    return constant(values, None, axis)


def by_scenario(book: Book, cube: Cube, values: Floats, level: str, *families: str) -> Term:
    """Return ``values`` (S, U), scenarios by underlyings, as a constant (classes of ``level``, some families)."""
    columns = cube.scenarios.columns(book.universe.underlyings)
    picked = values[cube.rows(*families)][:, columns].T
    return book.each(picked, level, cube.axis(*families))


def cash_rows(universe: Universe) -> Bools:
    """Return (N,) which rows are wallet balances in the unit of account."""
    found, rows = np.zeros(len(universe), np.bool_), np.flatnonzero(universe.spot)
    found[rows] = np.isin(universe.instruments.id[rows], CASH)  # by name: other coins may stand on the dollar, too
    return found


def wallet_parameter(universe: Universe, p: Version, name: str) -> Floats:
    """Return (N,) a parameter keyed by wallet currency on spot rows, 0 on all others."""
    found = np.zeros(len(universe))
    rows = np.flatnonzero(universe.spot)
    found[rows] = p.each(name, Labels.of(universe.instruments.id[rows]))
    return found


def traded_parameter(universe: Universe, p: Version, name: str) -> Floats:
    """Return (N,) a parameter keyed by underlying; where only a wallet holds an underlying, it may have none: 0."""
    keys = universe.underlyings
    traded = np.zeros(len(keys.names), np.bool_)
    traded[keys.place[~universe.spot]] = True
    found = [p.get(name, k) if t else p.parameter(name).of(k) or 0.0 for k, t in zip(keys.names, traded, strict=True)]
    return np.array(found, np.float64)[keys.place]


def of_the_moment(universe: Universe, p: Version, name: str, quoted: Floats) -> Floats:
    """Return (N,) a parameter that the market may know: set by hand, else ``quoted`` (N,), else the parameter's own."""
    keys = universe.underlyings
    told = {said.partition("=")[0].removeprefix(f"{p.rulebook}.") for said in p.overridden}
    by_hand = np.array([name in told or f"{name}.{key}" in told for key in keys.names], np.bool_)
    own = traded_parameter(universe, p, name)
    return np.where(by_hand[keys.place] | np.isnan(quoted), own, quoted) if len(quoted) else own


def owned(book: Book) -> Term:
    """Return less the amount of each balance that is owned, 0 for one that is owed: a haircut forgives no debt."""
    return (-book.only(book.universe.spot)).losses()


def assets(book: Book) -> dict[str, Term]:
    """Return per currency, in USD, what is owned and owed: wallets net of loans, with pending pnl in it."""
    u, found = book.universe, {}
    for name in dict.fromkeys([*u.instruments.id[u.spot].tolist(), *u.settles.names]):
        cash = book.quantity * book.each(np.where(u.spot & (u.instruments.id == name), u.quotes.forward, 0.0))
        pending = book.unsettled * book.each(np.where(~u.spot & (u.instruments.settle == name), u.fx, 0.0))
        found[name] = (cash + pending).net("account").named(name)
    return found


def haircuts(book: Book, p: Version) -> Term:
    """Return what haircuts on the wallet cost, per account, PnL-signed."""
    lost = book.universe.quotes.forward * wallet_parameter(book.universe, p, "collateral.haircut")
    return (owned(book) * book.each(lost)).net("account").named("haircuts")


def carried_equity(book: Book, unit: Floats | float = 1.0) -> Term:
    """Return equity per account: balances and options at mark, and unsettled pnl; ``unit``: per USD, 1 for USD."""
    u = book.universe
    carried = (book.quantity * book.each(u.carried * u.fx * unit)).net("account").named("balances and options")
    unsettled = (book.unsettled * book.each(u.fx * unit)).net("account").named("unsettled pnl")
    return (carried + unsettled).named("equity")


def stable_price(universe: Universe) -> float:
    """Return the USD price of USDC as the universe knows it, 1 where it holds none."""
    row = universe.instruments.index.get("USDC")
    return 1.0 if row is None else float(universe.quotes.forward[row])


def cash_rate(universe: Universe) -> Floats:
    """Return (N,) units of the cash asset per unit of settlement currency: 1 for cash itself."""
    return np.where(universe.settles.among(*CASH), 1.0, universe.fx / stable_price(universe))


def damped_grid(universe: Universe, p: Version, vols: Mapping[str, float], families: Sequence[str]) -> Scenarios:
    """Return the scenarios of ``scenarios.FAMILY`` parameters, rows of [spot factor, vol word, dampening].

    ``vols``: vol word -> vol instruction. Underlyings that only a wallet holds and that have no grid do not move. A
    shorter family repeats its last row, which is harmless under a worst.
    """
    names = universe.underlyings.names
    traded = np.zeros(len(names), np.bool_)
    traded[universe.underlyings.place[~universe.spot]] = True
    rows: dict[tuple[str, str], list[tuple[str, str, float, float, float]]] = {}
    for name, needed in zip(names, traded, strict=True):
        for family in families:
            listed = p.parameter(f"scenarios.{family}").of(name)
            if listed is None and needed:
                listed = p.get(f"scenarios.{family}", name)
            moves = [(float(factor) - 1.0, word, float(damp)) for factor, word, damp in listed or ()]
            rows[name, family] = [(f"spot {percent(m)} vol {w}", family, m, vols[w], d) for m, w, d in moves]
    sets: dict[str, list[tuple[str, str, float, float, float]]] = {name: [] for name in names}
    for family in families:  # filled up one by one, so that each family stays in its own rows
        used = any(p.parameter(f"scenarios.{family}").values())
        longest = max(int(used), *(len(rows[name, family]) for name in names))
        for name, listed in sets.items():
            mine = rows[name, family] or [("now", family, 0.0, vols["none"], 1.0)]
            listed += (mine + mine[-1:] * longest)[:longest]
    if not any(sets.values()):
        return Scenarios.of([("now", families[0], 0.0, vols["none"], 1.0)])
    return Scenarios.join({name: Scenarios.of(listed) for name, listed in sets.items()})


def settled_part(universe: Universe, window: float) -> Floats:
    """Return (N,) the part of each forward that a settlement average over ``window`` seconds has already fixed.

    The venue's own number where the market gives one, else the elapsed share of the window times the forward.
    """
    q = universe.quotes
    dated = universe.seconds > 0
    elapsed = np.where(dated, np.maximum(window - universe.seconds, 0.0) / window, 0.0)
    return np.where(np.isfinite(q.fixed), q.fixed, elapsed * q.forward)


def power_rule(universe: Universe, p: Version, floor_days: float, *, inclusive: bool) -> tuple[Floats, Floats]:
    """Return (N,) the factors on vol up and down by the 30-day power rule, from the ``vol_shock`` parameters.

    ``floor_days``: least days to expiry; ``inclusive``: whether day 30 takes the short power. Equation and source:
    ``kernels.shock.power_shift``.
    """
    keys = universe.pairs
    up, down, short, long = (p.each(f"vol_shock.{n}", keys) for n in ("up", "down", "short_power", "long_power"))
    return power_shift(
        universe.days,
        range_up=up,
        range_down=down,
        short_power=short,
        long_power=long,
        inclusive=inclusive,
        floor_days=floor_days,
    )


def spread_in_expiry(universe: Universe, values: Floats, rows: Bools) -> Floats:
    """Return (N,) for each expiry one of ``values`` (N,), that at the first of ``rows`` (N,) in it; NaN without one."""
    codes = universe.classes.code["expiry"]
    found, first = np.unique(codes[rows], return_index=True)
    by_expiry = np.full(universe.classes.size["expiry"], np.nan)
    by_expiry[found] = values[rows][first]
    return by_expiry[codes]


def rate(universe: Universe, p: Version) -> Floats:
    """Return (N,) the interest rate of each expiry, floored at 0; the parameter stands in where there is no feed."""
    fed = spread_in_expiry(universe, universe.quotes.rate, ~np.isnan(universe.quotes.rate))
    return np.maximum(np.where(np.isnan(fed), p.number("rate.no_feed"), fed), 0.0)


def doubt(confidence: Floats, p: Version) -> Floats:
    """Return (N,) the share of notional an unsure oracle costs: ``(1 - c) * margin`` below the threshold, else 0.

    ``confidence``: (N,) c, 0..1. Source: Derive, oracle contingency.
    """
    charge = (1.0 - confidence) * p.number("oracle.margin")
    return np.where(confidence < p.number("oracle.threshold"), charge, 0.0)


def held_confidence(book: Book) -> Floats:
    """Return (N,) the confidence of spot, or of the perpetual where this book holds one and it is lower.

    A recording takes every perpetual as held: it is made only where none is so unsure that it costs anything
    (``doubtful_perpetuals``), and there the two agree.
    """
    u = book.universe
    held = np.ones(len(u), np.bool_) if book.recording else book.held
    lowest = u.index_confidence.copy()
    for name in np.unique(u.instruments.underlying[u.perpetual & held]):
        mine = u.instruments.underlying == name
        lowest[mine] = np.minimum(lowest[mine], u.quotes.confidence[mine & u.perpetual & held].min())
    return lowest


def doubtful_perpetuals(market: Market, p: Version) -> bool:
    """Whether a perpetual's feed could cost those who hold one: then each account has confidences of its own."""
    futures = market.instruments.is_kind(Kind.PERPETUAL, Kind.FUTURE)
    return bool((market.quotes.confidence[futures] < p.number("oracle.threshold")).any())


def worst_in_unit(book: Book, values: Floats, mask: Bools) -> Floats:
    """Return (N,) the largest of ``values`` (N,) where ``mask`` (N,), spread over each risk unit; 0 if none."""
    codes = book.universe.classes.code["unit"]
    largest = np.zeros(book.universe.classes.size["unit"])
    np.maximum.at(largest, codes[mask], values[mask])
    return largest[codes]


def settlement_decay(universe: Universe, window: float) -> Floats:
    """Return (N,) the share of exposure left while a settlement average runs: seconds left / window, else 1."""
    running = (universe.instruments.expiry != NO_EXPIRY) & (universe.seconds < window)
    return np.where(running, universe.seconds / window, 1.0)


def venue_deltas(universe: Universe, options: str) -> Floats:
    """Return (N,) delta per contract in coins; ``options``: ``counted`` (Black delta), ``net_of_premium`` or ``none``.

    Source: Black (1976), ``delta = right N(right d1)``; net of premium subtracts the mark of a coin option.
    """
    i, q = universe.instruments, universe.quotes
    if options == "none" or not universe.option.any():
        return np.where(universe.future, universe.size, 0.0)
    premium = np.where(i.form == PayoffForm.COIN_OPTION, np.nan_to_num(q.mark), 0.0) * i.multiplier
    delta = unit_greeks(universe).delta - (premium if options == "net_of_premium" else 0.0)
    return np.where(universe.spot, 0.0, delta)
