"""Keep the view: limits on how far trades may move delta, vega, gamma and theta.

Without them the optimum sells the book: it buys options that look free at the mark, and gives up what they earned.

A limit is a share of the book's own gross sensitivity (the sum of sizes over its positions), or a number.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from loadline.foundation.errors import InputError
from loadline.foundation.table import Texts
from loadline.model.greeks import unit_greeks
from loadline.model.market import Market
from loadline.model.universe import build_universe, expiry_label
from loadline.optimize.problem import Bound, Limit

SHARES: Mapping[str, float] = {"delta": 0.02, "vega": 0.10, "vega by expiry": 0.25, "gamma": 0.10, "theta": 0.10}
"""The view as it is kept where nothing else is asked for: shares of the gross sensitivity per underlying."""
COLUMNS = {"delta": "delta", "vega": "vega_usd", "gamma": "gamma_usd", "theta": "theta_usd"}
UNITS = {"delta": "{0}", "vega": "USD per vol point", "gamma": "USD of delta per 1%", "theta": "USD per day"}


@dataclass(frozen=True, slots=True)
class Wish:
    """A limit as a user says it: ``what`` (a greek), where (``""``: everywhere), bounds, or a share of the gross."""

    what: str
    underlying: str = ""
    expiry: str = ""
    low: float = 0.0
    high: float = 0.0
    share: float | None = None
    off: bool = False


@dataclass(frozen=True, eq=False)
class Sensitivities:
    """Per contract of every instrument named: ``delta`` in coins, the others in USD; underlying and expiry of each."""

    instrument: Texts
    underlying: Texts
    expiry: Texts
    values: Mapping[str, np.ndarray]


def sensitivities(market: Market, instruments: Iterable[str]) -> Sensitivities:
    """Return the sensitivities of some contracts."""
    names = np.array(sorted(set(instruments)), np.str_)
    u = build_universe(market, market.rows(names), lambda i: i.underlying)
    unit = unit_greeks(u)
    values = {what: getattr(unit, column) for what, column in COLUMNS.items()}
    return Sensitivities(u.instruments.id, u.instruments.underlying, expiry_label(u.instruments), values)


def view(s: Sensitivities, held: Mapping[str, float], wishes: Sequence[Wish] = ()) -> tuple[Limit, ...]:
    """Return the limits that keep the view of a book; ``held``: instrument -> contracts over all its accounts.

    ``wishes``: limits that replace the defaults they name. Raises ``InputError`` for one that names nothing.
    """
    quantity = np.array([held.get(i, 0.0) for i in s.instrument.tolist()])
    out = []
    for what in COLUMNS:
        for underlying in sorted(set(s.underlying.tolist())):
            mine = s.underlying == underlying
            gross = float(np.abs(quantity * s.values[what])[mine].sum())
            places = [""] if what != "vega" else ["", *sorted(set(s.expiry[mine & (s.values[what] != 0)].tolist()))]
            for expiry in places:
                default = Wish(what, share=SHARES["vega by expiry" if expiry else what])
                asked = [w for w in wishes if _fits(w, what, underlying, expiry)]
                wish = asked[-1] if asked else default
                if wish.off or not (mine & (s.values[what] != 0)).any():
                    continue
                low, high = (
                    (-wish.share * gross, wish.share * gross) if wish.share is not None else (wish.low, wish.high)
                )
                where = mine & (s.expiry == expiry) if expiry else mine
                weights = dict(zip(s.instrument[where].tolist(), s.values[what][where].tolist(), strict=True))
                name = " ".join(x for x in (what, underlying, expiry) if x)
                out.append(Limit(name, weights, low, high, UNITS[what].format(underlying)))
    for w in wishes:
        known = any(_fits(w, *_place(limit.name)) for limit in out)
        if not known and not w.off:
            where = ":".join(x for x in (w.what, w.underlying, w.expiry) if x)
            raise InputError(f"no limit {where} to set", remedy=f"name one of {', '.join(limit.name for limit in out)}")
    return tuple(out)


def _place(name: str) -> tuple[str, str, str]:
    what, underlying, *expiry = name.split(" ", 2)
    return what, underlying, expiry[0] if expiry else ""


def _fits(w: Wish, what: str, underlying: str, expiry: str) -> bool:
    if w.what != what or w.underlying not in ("", underlying):
        return False
    return w.expiry == expiry or (w.off and not w.expiry and not w.underlying)


def tightened(limits: Sequence[Bound], factor: float) -> tuple[Bound, ...]:
    """Return the same limits with those on what trades change scaled; bounds on what there is after them stay."""

    def scaled(limit: Bound) -> Bound:
        if not (isinstance(limit, Limit) and not limit.gross):
            return limit
        return replace(limit, low=limit.low * factor, high=limit.high * factor)

    return tuple(scaled(limit) for limit in limits)
