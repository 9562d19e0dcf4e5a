"""How prices and vols move together, for reverse stress: from a rulebook's own model, from ``tail``, or a history."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from loadline.engine.engine import Chosen, choose_rulebook
from loadline.engine.reverse import Factors
from loadline.forecast.correlation import correlation_of
from loadline.forecast.volatility import ewma
from loadline.foundation.errors import InputError
from loadline.foundation.table import Floats, Labels
from loadline.foundation.units import MS_PER_DAY, format_time
from loadline.model.history import History
from loadline.model.scenario_set import Scenarios
from loadline.rulebooks import factors
from loadline.rulebooks.parameters import Version
from loadline.scenarios.moves import STRESS

MODEL = "tail"
APART = 0.01
"""Volatilities further apart than this share of one another are told."""


def given_factors(
    coins: Sequence[str], vols: Sequence[str], as_of: int, *, days: float = 2.0, chosen: Chosen | None = None
) -> Factors:
    """Return the covariance of a rulebook's own model over ``days``, where it has one, else that of ``tail``.

    ``coins``, ``vols``: underlyings whose prices and whose 30-day vols move; ``as_of``: epoch ms; ``chosen``: the
    rulebook that is asked, ``tail`` at this time if left out. A calibrated one is measured by its own volatilities and
    scenarios (``_of_scenarios``), ``tail`` by its parameters, any other rulebook by those of ``tail``. A coin without
    parameters moves as the wildest that has some, and the notes say so.

    >>> found = given_factors(["BTC"], ["BTC"], 1_780_300_800_000, days=1.0)
    >>> found.labels, float(np.sqrt(found.covariance[0, 0] * 365).round(2))
    (['BTC price', 'BTC vol'], 0.55)
    """
    own = chosen is not None and (chosen.version.scenarios is not None or chosen.rule.name == MODEL)
    base = chosen.version if chosen is not None and own else choose_rulebook(MODEL, as_of).version
    names = sorted({*coins, *vols})
    timed = base.parameter("horizon.days").by_key
    version = base.override({"horizon.days": days, **{f"horizon.days.{n}": days for n in names if n in timed}})
    known = [n for n in version.parameter("volatility.spot").by_key if n != "USD"]
    strangers = [n for n in names if n not in known]
    if strangers:
        version = _with(version, known, strangers)
    every = factors.factor_covariance(Labels.ordered(names), version)[:, :2, :, :2]
    place = [(names.index(c), 0) for c in coins] + [(names.index(c), 1) for c in vols]
    covariance = np.array([[every[*a, *b] for b in place] for a in place])
    notes = (
        (f"no parameters for {', '.join(strangers)}: as wild as the wildest coin that has some",) if strangers else ()
    )
    said = f"parameters of {base.label}, {days:g} days"
    found = Factors(tuple(coins), tuple(vols), covariance, days, said, notes)
    return found if base.scenarios is None else _of_scenarios(found, base, base.scenarios)


def _of_scenarios(given: Factors, version: Version, scenarios: Scenarios) -> Factors:
    """The factors of a calibrated model, as far as its scenarios know them.

    Prices have its volatility of the day it was calibrated on, which its scenarios are rescaled to. How factors move
    together, and how far vols move, is what its scenarios weigh, without those of the stressed period.
    """
    usual, k = scenarios.family != STRESS, len(given.coins)
    weight = scenarios.weight[usual] / scenarios.weight[usual].sum()
    both = np.log1p(np.stack([scenarios.spot[usual], scenarios.vol[usual]]))
    column = {c: n for n, c in enumerate(scenarios.underlyings)}
    named = (*given.coins, *given.vols)
    moves = {n: both[int(n >= k), :, column[c]] for n, c in enumerate(named) if c in column}
    moves = {n: x - weight @ x for n, x in moves.items()}
    wide = {n: float(np.sqrt(weight @ x**2)) for n, x in moves.items()}
    rows = [n for n in moves if wide[n] > 0.0]  # a vol that the scenarios leave alone keeps its parameters
    sd = np.sqrt(np.diag(given.covariance))
    correlation = given.covariance / np.outer(sd, sd)
    if rows:
        z = np.column_stack([moves[n] / wide[n] for n in rows])
        correlation[np.ix_(rows, rows)] = z.T @ (weight[:, None] * z)
    for n in (n for n in rows if n >= k):
        sd[n] = wide[n] * np.sqrt(given.days / float(version.get("horizon.days", named[n])))
    lacking = [label for n, label in enumerate(given.labels) if n not in rows]
    notes = (*given.notes, *((f"not in its scenarios: {', '.join(lacking)}: {given.source}",) if lacking else ()))
    said = f"volatility of {version.label} and how its {int(usual.sum())} scenarios move, {given.days:g} days"
    return replace(given, covariance=_nearest_semidefinite(correlation) * np.outer(sd, sd), source=said, notes=notes)


def _with(version: Version, known: Sequence[str], strangers: Sequence[str]) -> Version:
    """The version with parameters for coins that it has none for."""
    most = {g: max(float(version.get(f"volatility.{g}", n)) for n in known) for g in ("spot", "vol")}
    return version.override({f"volatility.{g}.{n}": most[g] for g in most for n in strangers})


def history_factors(given: Factors, history: History, as_of: int, *, decay: float = 0.97) -> Factors:
    """Return factors whose prices move as a history says, as far as it knows the coins.

    ``given``: what holds for vols, for coins the history lacks, and between the two; ``history``: bars that divide a
    day; ``as_of``: epoch ms; ``decay``: weight kept per day. Variances are exponentially weighted, correlations shrunk.
    Directions that do not fit together are cut to nil. Raises ``InputError`` where the history has none of the coins.
    """
    known = history.until(as_of)
    mine = [c for c in given.coins if c in known.names]
    if not mine or not len(known):
        raise InputError(f"the history has none of {', '.join(given.coins)} before this time",
                         remedy=f"it has {', '.join(history.names)}")  # fmt: skip
    daily = known.select(mine).every(MS_PER_DAY)
    returns = daily.returns()
    sigma = np.array([_sigma(returns[:, n], decay) for n in range(len(mine))]) * np.sqrt(given.days)
    together = correlation_of(daily, as_of=as_of, decay=decay)
    sd = np.sqrt(np.diag(given.covariance))
    correlation = given.covariance / np.outer(sd, sd)
    rows = [given.coins.index(c) for c in mine]
    correlation[np.ix_(rows, rows)] = together.values
    root = float(np.sqrt(given.days))
    other = [f"{c} {s / root:.2%}, not {sd[n] / root:.2%}" for c, n, s in zip(mine, rows, sigma.tolist(), strict=True)
             if abs(s / sd[n] - 1.0) > APART]  # fmt: skip
    sd[rows] = sigma
    lacking = [c for c in given.coins if c not in mine]
    notes = (*given.notes, *together.notes)
    notes += (f"not in the history: {', '.join(lacking)}: {given.source}",) if lacking else ()
    notes += (f"a day's volatility is {'; '.join(other)} as by the {given.source}",) if other else ()
    notes += (f"vols and how they follow prices: {given.source}",) if given.vols else ()
    said = f"history to {format_time(int(daily.time[-1]))}, exponentially weighted {decay:g} a day, {given.days:g} days"
    covariance = _nearest_semidefinite(correlation) * np.outer(sd, sd)
    return replace(given, covariance=covariance, source=said, notes=notes)


def _sigma(returns: Floats, decay: float) -> float:
    """Daily volatility as it stands after the last return; gaps are passed over."""
    r = returns[np.isfinite(returns)]
    if len(r) < 20:
        raise InputError(f"{len(r)} daily returns of a coin", remedy="give a history of 20 days or more")
    return float(np.sqrt(ewma(r, decay, float(np.mean(r[:20] ** 2)))[-1]))


def _nearest_semidefinite(correlation: Floats) -> Floats:
    """A correlation whose negative directions are cut, with ones on its diagonal again."""
    values, vectors = np.linalg.eigh(correlation)
    if values[0] >= 0.0:
        return correlation
    cut = (vectors * np.maximum(values, 0.0)) @ vectors.T
    scale = np.sqrt(np.diag(cut))
    return np.asarray(cut / np.outer(scale, scale))
