"""From a book, a market and wishes to a problem: candidates of every account, limits that keep the view, rates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from loadline.engine.engine import Chosen, choose_rulebook, margins
from loadline.engine.result import MarginResult
from loadline.foundation.errors import InputError
from loadline.foundation.units import DAYS_PER_YEAR
from loadline.model.market import Market
from loadline.model.positions import Portfolio
from loadline.optimize.asking import Limits
from loadline.optimize.collateral import Asset, concentration, postings
from loadline.optimize.credit import Credit, exposure_caps
from loadline.optimize.distance import guards
from loadline.optimize.problem import Ask, Bound, Candidates, Limit, Problem, StressCap
from loadline.optimize.stress import Stress, read_stress, stress_cap
from loadline.optimize.trading import Terms, Wishes, candidates, fees
from loadline.optimize.view import Sensitivities, Wish, sensitivities, view


@dataclass(frozen=True)
class Venue:
    """An own account: its rulebook, ``rate`` (cost of capital per year, None: as asked), ``cap`` in USD, its terms.

    ``credit``: that of who holds it.
    """

    account: str
    rulebook: Chosen
    rate: float | None = None
    cap: float = np.inf
    terms: Terms = field(default_factory=Terms)
    credit: Credit = field(default_factory=Credit)


def build(
    portfolio: Portfolio,
    market: Market,
    venues: Sequence[Venue],
    wishes: Wishes,
    limits: Limits | None = None,
    *,
    rate: float = 0.2,
    days: float = 30.0,
    lots: bool = False,
    most_trades: int | None = None,
    rescue: bool = False,
    assets: Sequence[Asset] = (),
    moving: bool = False,
    stresses: Sequence[Stress] = (),
    deadline: float = np.inf,
) -> Problem:
    """Return the problem of some own accounts, optimized together.

    ``rate``: cost of capital per year where a venue has none; ``days``: the horizon. ``rescue``: the cheapest trades
    after which equity covers maintenance, and no view but what ``limits`` say. ``assets``: posting decides what capital
    costs, and equity must cover the initial requirement. ``moving``: positions may move between the accounts at mark.
    ``stresses``: those that limits may name; ``deadline``: hours until what is posted must have arrived, the horizon if
    that is shorter.

    >>> from loadline.io.sample import sample
    >>> portfolio, market = sample()
    >>> venue = Venue("strangle", choose_rulebook("derive", market.as_of))
    >>> problem = build(portfolio, market, [venue], Wishes(size=5.0))
    >>> [limit.name for limit in problem.limits if limit.name.startswith("delta")]
    ['delta BTC', 'delta ETH']
    """
    limits = Limits() if limits is None else limits
    names = [v.account for v in venues]
    mine = portfolio.only(names)
    held = [_held(mine, name) for name in names]
    total: dict[str, float] = {}
    for part in held:
        for name, quantity in part.items():
            total[name] = total.get(name, 0.0) + quantity
    unknown = sorted(n for n in total if n not in market.instruments)
    if unknown:
        raise InputError(f"the market does not know {', '.join(unknown)}", remedy="add a market file that lists them")
    underlyings = sorted({str(market.instruments[i]["underlying"]) for i in total})
    listed = [candidates(market, v.account, h, underlyings, v.terms, wishes) for v, h in zip(venues, held, strict=True)]
    found = Candidates.concat(listed)
    if not len(found) and not assets:
        raise InputError("nothing can be traded", causes="no quotes, sizes below one lot", remedy="see --size, --sizes")
    s = sensitivities(market, [*total, *found.instrument.tolist()]) if total or len(found) else None
    kept = _limits(s, total, limits, rescue=rescue) if s is not None else ()
    kept += _sizes(s, mine, market, venues, limits) if s is not None and limits.sizes else ()
    bounds: list[Bound] = [*kept, *_stresses(mine, market, [*total, *found.instrument.tolist()], limits, stresses)]
    bounds += concentration(names, assets)
    bounds += exposure_caps(venues, limits.exposures)
    share = days / DAYS_PER_YEAR
    asks = [
        Ask(
            v.account,
            v.rulebook,
            0.0 if rescue or assets else (rate if v.rate is None else v.rate) * share,
            cap=v.cap,
            solvent=rescue or bool(assets),
            side="maintenance" if rescue else "initial",
        )
        for v in venues
    ]
    for cap in limits.caps:
        chosen = choose_rulebook(cap.rulebook, market.as_of)
        asks += [Ask(name, chosen, 0.0, cap=cap.most) for name in names]
    posted, notes = postings(mine, market, names, assets, share, deadline=min(deadline, 24.0 * days))
    return Problem(
        mine,
        market,
        found,
        tuple(asks),
        tuple(bounds),
        most_trades=most_trades,
        lots=lots,
        postings=posted,
        held={a.currency: a.held for a in assets},
        transfers=_moves(market, venues, listed) if moving else {},
        days=days,
        guards=guards(market, [(v.account, v.rulebook) for v in venues], limits.floors),
        notes=notes,
    )


def _held(portfolio: Portfolio, account: str) -> dict[str, float]:
    p = portfolio.positions
    out: dict[str, float] = {}
    for name, quantity in zip(
        p.instrument[p.account == account].tolist(), p.quantity[p.account == account], strict=True
    ):
        out[name] = out.get(name, 0.0) + float(quantity)
    return out


def _limits(s: Sensitivities, held: Mapping[str, float], limits: Limits, *, rescue: bool) -> tuple[Limit, ...]:
    off = [Wish(what, off=True) for what in ("delta", "vega", "gamma", "theta")]
    if not rescue:
        return view(s, held, limits.view)
    return view(s, held, (*off, *limits.view)) if limits.view else ()


def _sizes(
    s: Sensitivities, portfolio: Portfolio, market: Market, venues: Sequence[Venue], limits: Limits
) -> tuple[Limit, ...]:
    """Bounds on gross delta, USD; leverage is one on it with the equity that there is today."""
    price = {u: market.price(u) for u in set(s.underlying.tolist())}
    out = []
    for sized in limits.sizes:
        mine = (s.underlying == sized.underlying) | (sized.underlying == "")
        usd = [d * price[u] for d, u in zip(s.values["delta"][mine], s.underlying[mine].tolist(), strict=True)]
        weights = dict(zip(s.instrument[mine].tolist(), usd, strict=True))
        most = sized.most
        if sized.what == "leverage":
            found = [a for v in venues for a in margins(portfolio.only([v.account]), market, v.rulebook)]
            most *= sum(a.equity * a.usd for a in found if isinstance(a, MarginResult))
        name = " ".join(x for x in (sized.what, sized.underlying) if x)
        out.append(Limit(name, weights, -np.inf, most, "USD", gross=True))
    return tuple(out)


def _stresses(
    portfolio: Portfolio, market: Market, names: Sequence[str], limits: Limits, known: Sequence[Stress]
) -> list[StressCap]:
    """Bounds on the loss in stresses: as written, by name, or one for every name."""
    named = {s.name: s for s in known}
    out = []
    for want in limits.stresses:
        if not want.stress and not named:
            raise InputError("a limit on every stress, and no stresses", remedy="give --stresses FILE, or name moves")
        written = want.stress and want.stress not in named
        chosen = [read_stress(want.stress)] if written else [named[n] for n in named if want.stress in ("", n)]
        out += [stress_cap(s, want.most, portfolio, market, names) for s in chosen]
    return out


def _moves(market: Market, venues: Sequence[Venue], listed: Sequence[Candidates]) -> dict[str, float]:
    """USD per contract and side of a position moved at mark: the fee, the dearest of the accounts'."""
    found: dict[str, float] = {}
    for venue, c in zip(venues, listed, strict=True):
        rows = market.rows(c.instrument)
        for name, fee in zip(c.instrument.tolist(), fees(market, rows, venue.terms).tolist(), strict=True):
            found[name] = max(found.get(name, 0.0), fee)
    return found
