"""Quantile and tail mean of one row of PnL, counted out scenario by scenario."""

from fractions import Fraction


def value_at_risk(pnl: list[float], p: Fraction, weights: list[Fraction]) -> float:
    """Give the smallest PnL up to which the weights add to at least p."""
    reached = Fraction(0)
    for s in sorted(range(len(pnl)), key=lambda s: pnl[s]):
        reached += weights[s]
        if reached >= p:
            return pnl[s]
    raise ValueError("weights add to less than p")


def tail_weights(pnl: list[float], p: Fraction, weights: list[Fraction]) -> list[Fraction]:
    """Give each scenario its share of the worst p of probability, the worst first, ties in their order."""
    out, left = [Fraction(0)] * len(pnl), p
    for s in sorted(range(len(pnl)), key=lambda s: pnl[s]):
        taken = min(weights[s], left)
        out[s], left = taken / p, left - taken
    return out


def tail_mean(pnl: list[float], k: int) -> float:
    total = 0.0
    for x in sorted(pnl)[:k]:
        total = total + x
    return total / k
