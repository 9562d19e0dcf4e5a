"""How often a date would be hit if the model were right: from its own scenarios, which move all books at once.

A date is hit where any book loses more than its margin. Books of one market lose together, so the number of hits has no
simple law; but the model says itself what they lose together, scenario by scenario.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from loadline.engine.result import MarginResult
from loadline.foundation.errors import InputError
from loadline.foundation.table import Floats

SHORTFALLS = tuple(round(float(1.04**k), 12) for k in range(-18, 36))
"""By how much margins are divided to see what a test could find: 0.49 to 3.95, 1 among them."""
AS_IT_IS = SHORTFALLS.index(1.0)


@dataclass(frozen=True)
class Curve:
    """At one date, (K,) by ``SHORTFALLS``: the probability that it is hit, and that one book breaches, on average."""

    hit: tuple[float, ...]
    book: tuple[float, ...]

    def as_json(self) -> Mapping[str, Any]:
        """Return plain data."""
        return {"hit": self.hit, "book": self.book}

    @classmethod
    def read(cls, x: Mapping[str, Any]) -> Curve:
        """Return the curve of plain data."""
        return cls(tuple(x["hit"]), tuple(x["book"]))


def curve(results: Sequence[MarginResult], asked: Mapping[str, float], families: Sequence[str]) -> Curve:
    """Return the curve of a date from the model's scenarios of history, its books being those of some families.

    ``asked``: requirement of each account, USD. Raises ``InputError`` where the results are not of one evaluation over
    scenarios.
    """
    mine = [r for r in results if r.account.partition(" ")[2] in families]
    if not mine:
        raise InputError("no book has an answer", remedy="see the gaps")
    weight: Floats | None = None
    rows: list[Floats] = []
    for r in mine:  # of one evaluation, unless one book could not be answered and the others were asked one by one
        values, own = _history(r)
        if weight is not None and not np.array_equal(weight, own):
            raise InputError("the books were margined on unlike scenarios", remedy="take a set that all books share")
        weight, rows = own, [*rows, values[r.tape.row]]
    margin = np.array([max(asked[r.account], 0.0) for r in mine])
    assert weight is not None
    return of(-np.array(rows), margin, weight / weight.sum())


def _history(result: MarginResult) -> tuple[Floats, Floats]:
    """PnL of all accounts of a result's evaluation by scenario of history, (A, S), and their weights (S,)."""
    tape = result.tape
    pnl = tape.requirement.parts.get("scenario_pnl")
    if pnl is None:
        raise InputError("the rulebook has no PnL by scenario", remedy="ask tail, whose scenarios are of probability")
    values = pnl.numbers()
    family = tape.cube.scenarios.family
    history = family == "history" if (family == "history").any() else np.ones(len(family), np.bool_)
    if values.shape[1] == len(family):
        values = values[:, history]
    weight = tape.cube.scenarios.weight[history]
    if values.shape[1] != len(weight):
        raise InputError("the PnL by scenario is not that of history", remedy="report it: the rulebook's parts changed")
    return values, weight


def of(loss: Floats, margin: Floats, weight: Floats) -> Curve:
    """Return the curve of books that would lose ``loss`` (A, S) against margins (A,), scenarios weighing (S,).

    >>> one = of(np.array([[1.0, 3.0], [0.0, 1.0]]), np.array([2.0, 2.0]), np.array([0.5, 0.5]))
    >>> one.hit[AS_IT_IS], one.book[AS_IT_IS]
    (0.5, 0.25)
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(loss > 0, loss / margin[:, None], 0.0)
    # how far a margin can be divided before a scenario breaches it: sorted once, then read off for each divisor
    level = 1.0 / np.array(SHORTFALLS)
    books = np.array([(ratio > x).astype(np.float64).mean(0) @ weight for x in level])
    worst = ratio.max(0) if len(ratio) else np.zeros(len(weight))
    hits = np.array([(worst > x) @ weight for x in level])
    return Curve(tuple(np.minimum(hits, 1.0).tolist()), tuple(np.minimum(books, 1.0).tolist()))


def law(probability: Floats) -> Floats:
    """Return (T + 1,) the probability of each number of hits on independent dates, hit with these (T,).

    >>> law(np.array([0.5, 0.5])).tolist()
    [0.25, 0.5, 0.25]
    """
    chances = np.asarray(probability, np.float64).tolist()
    out = np.zeros(len(chances) + 1)
    out[0] = 1.0
    for p in chances:
        out[1:] += p * (out[:-1] - out[1:])
        out[0] *= 1.0 - p
    return out


def drawn(probability: Floats, draws: int, seed: int) -> Floats:
    """Return (T + 1,) the same by drawing a scenario per date, ``draws`` times: what ``law`` gives without chance.

    >>> float(abs(drawn(np.array([0.5, 0.5]), 4000, 1) - law(np.array([0.5, 0.5]))).max()) < 0.03
    True
    """
    p = np.asarray(probability, np.float64)
    hits = (np.random.default_rng(seed).random((draws, len(p))) < p).sum(1)
    return np.asarray(np.bincount(hits, minlength=len(p) + 1) / draws)
