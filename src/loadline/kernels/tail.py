"""Worst scenario, quantile and tail mean of PnL, row by row.

PnL-signed throughout (a loss is negative), so the results add with other PnL. A *row* is one group (account, risk
unit, ...), a column one scenario. Inputs must be finite: the boundary checks, sorting would hide a NaN at the end.

Order and ties are part of the contract: scenarios are sorted ascending and *stably* (equal PnL in scenario order),
sums run from the worst scenario on, one at a time.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

__all__ = [
    "TailMeasure",
    "expected_shortfall",
    "smallest",
    "tail_count",
    "tail_mean",
    "tail_weights",
    "value_at_risk",
    "worst",
]

COUNT_NOISE = 1e-9  # 0.01 * 500 is 5.000000000000004: counts this close to an integer are that integer
WEIGHT_NOISE = 1e-12  # the same for sums of weights


def worst(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Give the smallest PnL of each row and the scenario it stands in, the first one if several tie.

    x: (G, S), PnL in any currency, S >= 1. Returns (value (G,) same unit, index (G,) int64).

    >>> import numpy as np
    >>> worst(np.array([[3.0, -2.0, -2.0]]))
    (array([-2.]), array([1]))
    """
    index = np.argmin(x, axis=1)
    return np.take_along_axis(x, index[:, None], axis=1)[:, 0], index


def smallest(x: np.ndarray, k: int) -> np.ndarray:
    """Give the scenarios of the k smallest PnL of each row, worst first, ties in scenario order.

    x: (G, S), PnL; k: 1 to S. Returns (G, k) int64, scenario numbers.

    >>> import numpy as np
    >>> smallest(np.array([[3.0, -2.0, 5.0, -2.0]]), 3)
    array([[1, 3, 0]])
    """
    # Sorting whole rows costs ten times as much: keep what lies below the k-th value and the first of its equals.
    kth = np.partition(x, k - 1, axis=1)[:, k - 1 : k]
    below, equal = x < kth, x == kth
    wanted = k - below.sum(axis=1, keepdims=True)
    columns = np.nonzero(below | (equal & (np.cumsum(equal, axis=1) <= wanted)))[1].reshape(-1, k)
    order = np.argsort(np.take_along_axis(x, columns, axis=1), axis=1, kind="stable")
    return np.take_along_axis(columns, order, axis=1)


def tail_count(scenarios: int, level: float) -> int:
    """Give the number of the order statistic that is the quantile at this level, 1 for the smallest.

    scenarios: n; level: confidence such as 0.99, 0 <= level < 1. Returns max(ceil(n (1 - level)), 1), where a product
    within 1e-9 of an integer counts as that integer.

    Source: the convention ceil(p n) of order statistics, e.g. Hull, *Options, Futures and Other Derivatives*,
    historical simulation (500 scenarios at 99 %: the fifth worst).

    >>> tail_count(500, 0.99), tail_count(715, 0.99)
    (5, 8)
    """
    return max(math.ceil(scenarios * (1.0 - level) - COUNT_NOISE), 1)


def tail_mean(x: np.ndarray, k: int) -> np.ndarray:
    """Give the mean of the k smallest PnL of each row, summed in ascending order.

    x: (G, S), PnL; k: 1 to S. Returns (G,), the unit of x: (((x(1) + x(2)) + ...) + x(k)) / k.

    >>> import numpy as np
    >>> tail_mean(np.array([[4.0, -3.0, -1.0, 2.0]]), 2)
    array([-2.])
    """
    low = np.sort(np.partition(x, k - 1, axis=1)[:, :k], axis=1)
    return np.cumsum(low, axis=1)[:, -1] / k


def value_at_risk(x: np.ndarray, level: float, weights: np.ndarray | None = None) -> np.ndarray:
    """Give the PnL quantile of each row as an order statistic, PnL-signed (value at risk is its negative).

    x: (G, S), PnL; level: confidence, 0 <= level < 1; weights: (S,), probabilities that sum to 1, or None for equal.
    Returns (G,), the unit of x.

    Equal weights: the PnL number ceil(S (1 - level)) in ascending order. Otherwise the smallest PnL up to which the
    weights add to at least 1 - level. No interpolation: the answer is a scenario somebody can look at.
    Source: Hull, *Options, Futures and Other Derivatives*, historical simulation with weights.

    >>> import numpy as np
    >>> value_at_risk(np.array([[4.0, -3.0, -1.0, 2.0]]), 0.5)
    array([-1.])
    """
    if weights is None:
        k = tail_count(x.shape[1], level)
        quantile: np.ndarray = np.partition(x, k - 1, axis=1)[:, k - 1]
        return quantile
    order = np.argsort(x, axis=1, kind="stable")
    reached = np.cumsum(weights[order], axis=1) >= 1.0 - level - WEIGHT_NOISE
    reached[:, -1] = True  # weights that add to a little less than 1
    column = np.argmax(reached, axis=1)
    chosen = np.take_along_axis(order, column[:, None], axis=1)
    quantile = np.take_along_axis(x, chosen, axis=1)[:, 0]
    return quantile


def _equal_shares(n: int, level: float) -> np.ndarray:
    """Give (k,) the shares in the tail mean of the k worst of n equally likely scenarios, worst first."""
    size = n * (1.0 - level)
    size = float(round(size)) if abs(size - round(size)) < COUNT_NOISE else size
    # Counted in scenarios, not probability: k whole scenarios then get exactly 1 / k each.
    return np.asarray(np.clip(size - np.arange(math.ceil(size)), 0.0, 1.0) / size)


def _tail(x: np.ndarray, level: float, weights: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    """Give the scenarios of each tail, worst first (G, k), and their shares in the tail mean, (G, k) or (1, k)."""
    if weights is None:
        share = _equal_shares(x.shape[1], level)
        return smallest(x, len(share)), share[None, :]
    order = np.argsort(x, axis=1, kind="stable")
    size = 1.0 - level
    mass = weights[order]
    before = np.cumsum(mass, axis=1) - mass
    left = np.where(size - before > WEIGHT_NOISE, size - before, 0.0)
    share = np.minimum(mass, left)
    return order, share / share.sum(axis=1, keepdims=True)


def tail_weights(x: np.ndarray, level: float, weights: np.ndarray | None = None) -> np.ndarray:
    """Give the weight of every scenario in the expected shortfall of each row; the weights of a row sum to 1.

    x: (G, S), PnL; level: confidence, 0 <= level < 1; weights: (S,), probabilities that sum to 1, or None for equal.
    Returns (G, S), 1.

    From the worst scenario on, each gets p_s / (1 - level); the scenario in which the probability 1 - level is
    reached gets what remains, the others 0. Expected shortfall is then Σ_s w_s x_s, and w is its gradient: a tail
    mean with a fraction of a scenario, which is coherent where "mean of the k worst" is not defined.
    Source: R. T. Rockafellar and S. Uryasev, *Conditional value-at-risk for general loss distributions*, Journal of
    Banking & Finance 26 (2002) 1443-1471, proposition 8.

    >>> import numpy as np
    >>> tail_weights(np.array([[4.0, -3.0, -1.0, 2.0]]), 0.625).round(4)
    array([[0.    , 0.6667, 0.3333, 0.    ]])
    """
    scenarios, share = _tail(x, level, weights)
    out = np.zeros(x.shape)
    np.put_along_axis(out, scenarios, np.broadcast_to(share, scenarios.shape), axis=1)
    return out


def expected_shortfall(x: np.ndarray, level: float, weights: np.ndarray | None = None) -> np.ndarray:
    """Give the mean PnL of the worst 1 - level of probability, PnL-signed, with a fraction of the last scenario.

    x: (G, S), PnL; level: confidence, 0 <= level < 1; weights: (S,), probabilities that sum to 1, or None for equal.
    Returns (G,), the unit of x: Σ_s tail_weights[s] x[s], summed from the worst scenario on.

    Where S (1 - level) is an integer k and the weights are equal this is `tail_mean(x, k)` up to rounding. Source as
    in `tail_weights`.

    >>> import numpy as np
    >>> expected_shortfall(np.array([[4.0, -3.0, -1.0, 2.0]]), 0.5)
    array([-2.])
    """
    scenarios, share = _tail(x, level, weights)
    return np.cumsum(np.take_along_axis(x, scenarios, axis=1) * share, axis=1)[:, -1]


def quantile_weights(x: np.ndarray, level: float, weights: np.ndarray | None = None) -> np.ndarray:
    """Give the weights (G, S) that pick each row's value at risk: 1 on the scenario of that order statistic, else 0.

    x: (G, S) PnL; level: confidence, say 0.99; weights: (S,) probabilities, equal if left out. The scenario is the
    number ceil(n (1 - level)) of the rising PnL, or the first whose cumulative weight reaches 1 - level; ties go to
    the earlier scenario. ``sum(quantile_weights(x) * x)`` is ``value_at_risk(x)``.

    >>> quantile_weights(np.array([[3.0, -2.0, 1.0, -5.0]]), 0.5)
    array([[0., 1., 0., 0.]])
    """
    order = np.argsort(x, axis=1, kind="stable")
    if weights is None:
        place = np.full(len(x), tail_count(x.shape[1], level) - 1)
    else:
        reached = np.cumsum(weights[order], axis=1) >= 1.0 - level - WEIGHT_NOISE
        place = np.where(reached.any(1), reached.argmax(1), x.shape[1] - 1)
    picked = np.zeros(x.shape)
    picked[np.arange(len(x)), order[np.arange(len(x)), place]] = 1.0
    return picked


@dataclass(frozen=True, eq=False)
class TailMeasure:
    """A tail measure: ``measure`` is ``"es"`` or ``"var"``, ``level`` a confidence, ``weights`` (S,) or None for equal.

    Called with PnL (G, S) it gives the weight of every scenario, (G, S): `tail_weights` or `quantile_weights`.

    >>> TailMeasure("var", 0.5)(np.array([[3.0, -2.0, 1.0, -5.0]]))
    array([[0., 1., 0., 0.]])
    """

    measure: str
    level: float
    weights: np.ndarray | None = None

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """Give the weight of every scenario of every row; the weights of a row sum to 1."""
        pick = tail_weights if self.measure == "es" else quantile_weights
        return pick(x, self.level, self.weights)

    def shares(self, scenarios: int) -> np.ndarray | None:
        """Give (k,) the share of the worst scenario, the second worst, ... in the measure.

        None where the shares depend on which scenarios those are, that is where scenarios are weighted. The measure
        is ((s_1 x(1) + s_2 x(2)) + ...) + s_k x(k) over the k smallest PnL in ascending order.

        >>> TailMeasure("es", 0.625).shares(4).round(4)
        array([0.6667, 0.3333])
        """
        if self.weights is not None:
            return None
        if self.measure == "es":
            return _equal_shares(scenarios, self.level)
        last = np.zeros(tail_count(scenarios, self.level))
        last[-1] = 1.0
        return last
