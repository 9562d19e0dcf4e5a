"""Does margin cover losses as often as it claims: tests of the number of exceedances and of their spacing.

An exceedance is a loss over the horizon larger than the margin at its start. Every test answers with its statistic
and p-value; ``power`` says what a test of that length could have seen, and belongs beside each of them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from loadline.foundation.errors import InputError

Zone = Literal["green", "yellow", "red"]

CRITICAL_5 = 3.841458820694124
"""The 95 % quantile of chi-squared with one degree of freedom."""
PLUS_FACTOR = {5: 0.40, 6: 0.50, 7: 0.65, 8: 0.75, 9: 0.85}
"""Basel 1996: what is added to the multiplier of 3 by exceptions in 250 days; below 5 nothing, from 10 on 1."""
MULTIPLIER = {5: 1.70, 6: 1.76, 7: 1.83, 8: 1.88, 9: 1.92}
"""Basel MAR32: the multiplier by exceptions in 250 days; below 5 1.5, from 10 on 2."""


@dataclass(frozen=True, slots=True)
class LikelihoodRatio:
    """A likelihood-ratio test: its statistic and the probability of a larger one if the claim holds."""

    statistic: float
    p_value: float


def _chi2_tail(x: float, freedom: int) -> float:
    """``P(chi2 > x)`` for one or two degrees of freedom."""
    x = max(x, 0.0)
    return math.erfc(math.sqrt(x / 2.0)) if freedom == 1 else math.exp(-x / 2.0)


def _xlogy(x: float, y: float) -> float:
    """``x ln y`` with ``0 ln 0 = 0``."""
    return 0.0 if x == 0 else x * math.log(y) if y > 0 else -math.inf


def _checked(exceedances: int, trials: int, rate: float) -> None:
    wrong = []
    if trials < 1:
        wrong.append(f"{trials} trials: at least one is needed")
    if not 0 <= exceedances <= max(trials, 0):
        wrong.append(f"{exceedances} exceedances of {trials} trials")
    if not 0.0 < rate < 1.0:
        wrong.append(f"an expected rate of {rate}: it must lie between 0 and 1")
    if wrong:
        raise InputError("; ".join(wrong), remedy="count one outcome per date, and give the rate as 0.01 for 99 %")


def kupiec(exceedances: int, trials: int, rate: float) -> LikelihoodRatio:
    """Test the number of exceedances, both too many and too few.

    ``rate``: the claimed probability of one, 0.01 for a margin of 99 %. Raises ``InputError`` for impossible counts.

    ``LR = -2 ln[(1-p)^(T-x) p^x / ((1-x/T)^(T-x) (x/T)^x)]``, chi-squared with 1 degree of freedom.
    Source: Kupiec (1995), Journal of Derivatives 3(2), 73-84.

    >>> round(kupiec(4, 250, 0.01).statistic, 4)
    0.7691
    """
    _checked(exceedances, trials, rate)
    x, n = exceedances, trials
    claimed = _xlogy(n - x, 1.0 - rate) + _xlogy(x, rate)
    seen = _xlogy(n - x, 1.0 - x / n) + _xlogy(x, x / n)
    statistic = max(-2.0 * (claimed - seen), 0.0)
    return LikelihoodRatio(statistic, _chi2_tail(statistic, 1))


def accepted(trials: int, rate: float, critical: float = CRITICAL_5) -> tuple[int, int]:
    """Return the least and the most exceedances that Kupiec's test does not reject.

    ``critical``: the largest statistic accepted. Raises ``InputError`` where no count is accepted.

    >>> accepted(255, 0.01)
    (1, 6)
    """
    _checked(0, trials, rate)
    kept = [x for x in range(trials + 1) if kupiec(x, trials, rate).statistic <= critical]
    if not kept:
        raise InputError(
            f"no number of exceedances in {trials} trials is accepted", remedy="ask a higher critical value"
        )
    return kept[0], kept[-1]


def first_failure(day: int, rate: float) -> LikelihoodRatio:
    """Test the day, from 1, on which the first exceedance came.

    ``LR = -2 ln[p (1-p)^(v-1) / ((1/v) (1-1/v)^(v-1))]``, chi-squared with 1 degree of freedom.
    Raises ``InputError`` for a day before 1. Source: Kupiec (1995).

    >>> round(first_failure(7, 0.01).statistic, 4)
    3.5893
    """
    _checked(1, day, rate)
    claimed = _xlogy(1, rate) + _xlogy(day - 1, 1.0 - rate)
    seen = _xlogy(1, 1.0 / day) + _xlogy(day - 1, 1.0 - 1.0 / day)
    statistic = max(-2.0 * (claimed - seen), 0.0)
    return LikelihoodRatio(statistic, _chi2_tail(statistic, 1))


@dataclass(frozen=True, slots=True)
class Christoffersen:
    """Do exceedances come in clusters: ``transitions[i][j]`` days in state *j* after state *i* (1: an exceedance).

    ``unconditional`` is Kupiec's test, ``independence`` tests the clusters, ``conditional`` both at once.
    """

    transitions: tuple[tuple[int, int], tuple[int, int]]
    unconditional: LikelihoodRatio
    independence: LikelihoodRatio
    conditional: LikelihoodRatio


def christoffersen(exceeded: Sequence[bool] | NDArray[np.bool_], rate: float) -> Christoffersen:
    """Test the number of exceedances and whether one makes the next more likely.

    ``exceeded``: (T,) one outcome per date, in order and without gaps; ``rate``: as in ``kupiec``. The first date only
    conditions the second. Raises ``InputError`` for fewer than two dates.

    ``LR_ind = -2 ln[L(pi) / L(pi01, pi11)]``, chi-squared(1); ``LR_cc = LR_uc + LR_ind``, chi-squared(2).
    Source: Christoffersen (1998), International Economic Review 39, 841-862.

    >>> round(christoffersen([False] * 245 + [True] * 5, 0.01).independence.statistic, 4)
    35.9806
    """
    hits = [int(h) for h in exceeded]
    if len(hits) < 2:
        raise InputError(f"{len(hits)} dates: independence needs two", remedy="test a longer history")
    n = [[0, 0], [0, 0]]
    for before, after in pairwise(hits):
        n[before][after] += 1
    (n00, n01), (n10, n11) = n
    pooled = (n01 + n11) / (len(hits) - 1)
    p01, p11 = (b / (a + b) if a + b else 0.0 for a, b in n)
    one = _xlogy(n00 + n10, 1.0 - pooled) + _xlogy(n01 + n11, pooled)
    two = _xlogy(n00, 1.0 - p01) + _xlogy(n01, p01) + _xlogy(n10, 1.0 - p11) + _xlogy(n11, p11)
    clusters = max(-2.0 * (one - two), 0.0)
    number = kupiec(sum(hits), len(hits), rate)
    both = number.statistic + clusters
    return Christoffersen(
        ((n00, n01), (n10, n11)),
        number,
        LikelihoodRatio(clusters, _chi2_tail(clusters, 1)),
        LikelihoodRatio(both, _chi2_tail(both, 2)),
    )


def binomial(most: int, trials: int, rate: float) -> float:
    """Return ``P(X <= most)`` of so many trials.

    >>> round(binomial(4, 250, 0.01), 4)
    0.8922
    """
    _checked(0, trials, rate)
    log_odds = math.log(rate) - math.log1p(-rate)
    start = trials * math.log1p(-rate)
    whole = math.lgamma(trials + 1)
    terms = (
        math.exp(start + x * log_odds + whole - math.lgamma(x + 1) - math.lgamma(trials - x + 1))
        for x in range(min(most, trials) + 1)
    )
    return min(math.fsum(terms), 1.0)


def too_many(exceedances: int, trials: int, rate: float) -> float:
    """Return the one-sided p-value ``P(X >= exceedances)``: small where margin covers less than it claims.

    >>> round(too_many(1, 250, 0.01), 4)
    0.9189
    """
    _checked(exceedances, trials, rate)
    return 1.0 if exceedances == 0 else max(1.0 - binomial(exceedances - 1, trials, rate), 0.0)


@dataclass(frozen=True, slots=True)
class TrafficLight:
    """Basel's zones: ``cumulative`` is ``P(X <= exceptions)``; the factors exist for 250 days at 99 % alone."""

    zone: Zone
    cumulative: float
    plus_factor: float | None
    multiplier: float | None


def traffic_light(exceptions: int, trials: int = 250, rate: float = 0.01) -> TrafficLight:
    """Return the zone of a number of exceptions: yellow from a cumulative probability of 95 %, red from 99.99 %.

    No exception is green: of a few trials even none has a cumulative probability above 95 %.
    Source: Basel Committee, Supervisory framework for the use of backtesting (1996); Basel Framework MAR32.

    >>> traffic_light(7).zone, traffic_light(7).multiplier
    ('yellow', 1.83)
    """
    _checked(exceptions, trials, rate)
    cumulative = binomial(exceptions, trials, rate)
    zone: Zone = "green" if not exceptions or cumulative < 0.95 else "yellow" if cumulative < 0.9999 else "red"
    if (trials, rate) != (250, 0.01):
        return TrafficLight(zone, cumulative, None, None)
    few = exceptions < 5
    plus = PLUS_FACTOR.get(exceptions, 0.0 if few else 1.0)
    return TrafficLight(zone, cumulative, plus, MULTIPLIER.get(exceptions, 1.5 if few else 2.0))


def power(trials: int, rate: float, true: float, critical: float = CRITICAL_5) -> float:
    """Return the probability that Kupiec's test rejects a margin whose exceedances really come at rate ``true``.

    Dates are taken as independent: overlapping horizons have less. Print it beside every p-value.

    >>> round(power(75, 0.01, 0.03), 2)
    0.39
    """
    least, most = accepted(trials, rate, critical)
    kept = binomial(most, trials, true) - (binomial(least - 1, trials, true) if least else 0.0)
    return 1.0 - kept


def most_in_window(exceeded: Sequence[bool] | NDArray[np.bool_], window: int = 250) -> int:
    """Return the most exceedances in any ``window`` dates in a row.

    >>> most_in_window([True, False, True, True], 2)
    2
    """
    if window < 1:
        raise InputError(f"a window of {window} dates", remedy="ask for one date or more")
    running = np.concatenate([[0], np.cumsum(np.asarray(exceeded, np.int64))])
    width = min(window, len(running) - 1)
    return int((running[width:] - running[: len(running) - width]).max(initial=0))
