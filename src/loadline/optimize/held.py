"""A valid bound for Derive's SRM, which looks at the strikes and futures that are held after the trades.

The model of a plan sees every candidate as held, so it may ask for too much: a settlement beyond the highest strike
held counts, and so does the dearest future of a unit. The model of the bound never asks for more than the rule will:

* With x(K) the payoff of an expiry at settlement K, n its calls net, u = max(-n, 0) the unpaired short ones, points
  beyond K* count as ``x(K) + u (K - K*)``. K* is the highest strike that no trade can give up, or the lowest at which
  a call can be short, if that is higher: with u > 0 the highest strike held, H, is at least K*. Where H >= K, x(K) lies
  between payoffs at strikes held (and 0), and more than that is never worse. Where H < K, x(K) = x(H) + n (K - H): with
  n >= 0 not below x(H), and with n = -u the point counts as x(H) + u (H - K*), which is not either.
* Of the futures of a unit those are seen as held that must be, or the one with the least forward: the rule takes the
  dearest that is held.

Nothing is written twice: the rule runs on a book where that is held, and one term of it is replaced.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from loadline.foundation.table import Bools, Floats
from loadline.model.book import Book
from loadline.model.positions import Portfolio
from loadline.model.universe import Universe
from loadline.tape.pull import in_order
from loadline.tape.term import Term, _make, constant, worst_of

RULES = ("derive-srm",)
"""Rulebooks that there is such a bound for."""
TOGETHER, CALLS, POINTS = "maximum loss", "unpaired short calls", "settlement"
"""Names of its terms, and of the axis of settlement prices."""


def seen(portfolio: Portfolio, futures: dict[str, bool]) -> Portfolio:
    """Return a portfolio with 0 in every future that is not to be seen as held; ``futures``: instrument -> seen."""
    p = portfolio.positions
    hidden = np.array([not futures.get(n, True) for n in p.instrument.tolist()], np.bool_)
    return replace(portfolio, positions=p.replace(quantity=np.where(hidden, 0.0, p.quantity)))


@dataclass(frozen=True, eq=False)
class Sure:
    """(N,) which instruments are held whatever is traded, ``held``, and which can be short after it, ``short``."""

    held: Bools
    short: Bools


def sure(u: Universe, held: dict[str, float], spans: dict[str, tuple[float, float]]) -> Sure:
    """Return what is known of each instrument before any trade.

    ``held``: instrument -> contracts; ``spans``: instrument -> the most that may be sold (negative) and bought of it.
    """
    ends = []
    for name in u.instruments.id.tolist():
        sold, bought = spans.get(name, (0.0, 0.0))
        ends.append((held.get(name, 0.0) + sold, held.get(name, 0.0) + bought))
    low, high = np.array(ends, np.float64).reshape(-1, 2).T
    return Sure(np.asarray((low > 0) | (high < 0)), np.asarray(low < 0))


def futures_seen(u: Universe, certain: Sure) -> dict[str, bool]:
    """Return which futures a bound may see as held: those that are, and the cheapest of each unit.

    Where the futures of a unit are not equally sure of their prices none but the certain ones are.
    """
    codes = u.classes.code["unit"]
    out: dict[str, bool] = {}
    for unit in np.unique(codes[u.future]):
        rows = np.flatnonzero(u.future & (codes == unit))
        alike = len(np.unique(np.nan_to_num(u.quotes.confidence[rows], nan=1.0))) == 1
        cheapest = rows[np.argmin(u.quotes.forward[rows])] if alike else -1
        out |= {str(u.instruments.id[r]): bool(certain.held[r]) or r == cheapest for r in rows.tolist()}
    return out


def relaxed(root: Term, book: Book, certain: Sure, *, far: bool) -> Term:
    """Return a requirement's term with the maximum loss of each expiry replaced by one that is never more severe.

    ``far``: look at settlements so far beyond K*, too, that the charge of unpaired calls does not outweigh what is
    added there: the bound is sharper, and the model needs a choice for each of them.
    """
    terms = in_order(root)
    calls = next((t for t in terms if t.name == CALLS), None)
    known: dict[int, Term] = {}
    for t in terms:
        args = tuple(known[id(a)] for a in t.args)
        new = t
        if calls is not None and t.name == TOGETHER:
            new = _loss(t, known[id(calls)], book, certain, far)
        elif any(a is not b for a, b in zip(args, t.args, strict=True)):
            new = _make(t.op, args, t.aux, t.level, t.axis)
            new.name = t.name
        known[id(t)] = new
    return known[id(root)]


def _loss(t: Term, calls: Term, book: Book, certain: Sure, far: bool) -> Term:
    """``min(worst(x), 0) + k c`` with c the unpaired calls, at most 0, as ``min(k c, worst(x + (k - beyond) c))``.

    The rate k is that of the lowest forward in an expiry, and so is never too high.
    """
    u = book.universe
    worst = next(x for x in in_order(t) if x.op == "worst" and x.args[0].axis is not None)
    x, axis = worst.args[0], worst.args[0].axis
    scaled = t.args[1]
    assert axis is not None and axis.name == POINTS and scaled.op == "scale" and t.op == "add"
    k = scaled.args[1].numbers() * _lowest(u)[:, None]
    beyond = np.maximum(_points(u, book.held) - _top(u, certain)[:, None], 0.0)
    counts = (beyond <= k) | far  # fewer points are never more severe
    x = x * constant(counts.astype(np.float64), "expiry", axis)
    slope = constant(np.where(counts, k - beyond, k), "expiry", axis)
    return worst_of(calls * constant(k, "expiry"), (x + calls * slope).worst(POINTS)).named(TOGETHER)


def _points(u: Universe, held: Bools) -> Floats:
    """(expiries, J) the settlement prices that the rule looks at: 0 and the strikes held, the last one repeated."""
    codes, strike = u.classes.code["expiry"], u.instruments.strike
    lists = {int(e): np.unique(strike[(codes == e) & u.option & held]) for e in np.unique(codes[u.option])}
    width = max((len(k) for k in lists.values()), default=0) + 1
    out = np.zeros((u.classes.size["expiry"], width))
    for e, strikes in lists.items():
        if len(strikes):
            out[e, 1:] = np.append(strikes, np.repeat(strikes[-1], width - 1 - len(strikes)))
    return out


def _top(u: Universe, certain: Sure) -> Floats:
    """(expiries,) the strike that the highest one held is not below where calls are short; infinite if none can be."""
    codes, strike = u.classes.code["expiry"], u.instruments.strike
    out, lowest = np.zeros(u.classes.size["expiry"]), np.full(u.classes.size["expiry"], np.inf)
    mine, calls = u.option & certain.held, u.option & (u.instruments.right > 0) & certain.short
    np.maximum.at(out, codes[mine], strike[mine])
    np.minimum.at(lowest, codes[calls], strike[calls])
    return np.maximum(out, lowest)


def _lowest(u: Universe) -> Floats:
    """(expiries,) the lowest forward of an expiry's options as a share of the first one's; 1 without options."""
    codes, size = u.classes.code["expiry"], u.classes.size["expiry"]
    out, first = np.full(size, np.inf), np.full(size, np.nan)
    np.minimum.at(out, codes[u.option], u.quotes.forward[u.option])
    found, at = np.unique(codes[u.option], return_index=True)
    first[found] = u.quotes.forward[u.option][at]
    return np.where(np.isfinite(out), out / np.where(np.isfinite(first), first, 1.0), 1.0)
