"""dYdX v4 in the protocol's own integers: requirements, bankruptcy and fillable price, the insurance fund's part.

Amounts are quote quantums (1e-6 USDC) and base quantums (10^atomic_resolution coins), fractions are in ppm. Rounding
is part of the rule: a notional is cut towards zero, a requirement is rounded up at every multiplication. Source: the
public protocol repository (x/perpetuals, x/subaccounts, x/clob), re-expressed.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction

from loadline.rulebooks.protocol import PPM, QUOTE, ceil_div, cut_div


@dataclass(frozen=True, slots=True)
class Perpetual:
    """A market at one instant: oracle price ``price * 10^exponent`` USD, ``resolution``: log10 of a base quantum.

    ``open_interest`` in base quantums, its caps in quote quantums; ``funding_index`` in ppm of a quote quantum per
    base quantum.
    """

    price: int
    exponent: int
    resolution: int
    initial: int
    maintenance: int
    open_interest: int = 0
    lower_cap: int = 0
    upper_cap: int = 0
    funding_index: int = 0


@dataclass(frozen=True, slots=True)
class Position:
    """Signed base quantums in a perpetual, and the funding index they were last settled at."""

    perpetual: Perpetual
    quantums: int
    funding_index: int = 0


@dataclass(frozen=True, slots=True)
class Risk:
    """Net collateral, initial and maintenance requirement of an account, quote quantums."""

    collateral: int
    initial: int
    maintenance: int

    @property
    def liquidatable(self) -> bool:
        """Whether the account may be liquidated: ``maintenance > 0 and collateral < maintenance``."""
        return self.maintenance > 0 and self.collateral < self.maintenance


def notional(market: Perpetual, quantums: int) -> int:
    """Return the signed notional in quote quantums: ``cut(quantums * price * 10^(resolution + exponent + 6))``."""
    shift = market.resolution + market.exponent + QUOTE
    product = quantums * market.price
    return product * 10**shift if shift >= 0 else cut_div(product, 10**-shift)


def initial_ppm(base: int, open_interest: int, lower: int, upper: int) -> int:
    """Return the initial margin fraction, ppm, raised with open interest between two caps (quote quantums).

    ``base + floor((1e6 - base) (open_interest - lower) / (upper - lower))``; ``upper`` 0: no scaling.

    >>> initial_ppm(200_000, 1_500_000, 1_000_000, 2_000_000)
    600000
    """
    if upper == 0 or open_interest <= lower:
        return base
    if open_interest >= upper:
        return max(base, PPM)
    return base + (PPM - base) * (open_interest - lower) // (upper - lower)


def maintenance_ppm(initial: int, fraction: int) -> int:
    """Return a tier's maintenance fraction, ppm: ``floor(initial * fraction / 1e6)``."""
    return initial * fraction // PPM


def requirements(market: Perpetual, quantums: int, custom: int = 0) -> tuple[int, int]:
    """Return (initial, maintenance) of one position; ``custom``: the fraction an account chose for itself, ppm.

    ``initial = ceil(|notional| max(fraction, custom))``, ``maintenance = ceil(ceil(|notional| base) share)``: only
    initial scales with open interest.
    """
    size = abs(notional(market, quantums))
    interest = abs(notional(market, market.open_interest))
    fraction = max(initial_ppm(market.initial, interest, market.lower_cap, market.upper_cap), custom)
    held = ceil_div(ceil_div(size * market.initial, PPM) * market.maintenance, PPM)
    return ceil_div(size * fraction, PPM), held


def funding(position: Position) -> int:
    """Return the funding a position has coming, in ppm of a quote quantum: ``-(index now - index then) quantums``."""
    return -(position.perpetual.funding_index - position.funding_index) * position.quantums


def account_risk(quote: int, positions: Iterable[Position]) -> Risk:
    """Return the risk of an account: cash, funding and notional against the sum of requirements.

    ``quote``: quote quantums of USDC. Funding is settled for all positions together and rounded down.
    """
    held = [p for p in positions if p.quantums]
    asked = [requirements(p.perpetual, p.quantums) for p in held]
    worth = sum(notional(p.perpetual, p.quantums) for p in held)
    settled = sum(funding(p) for p in held) // PPM
    return Risk(quote + settled + worth, sum(i for i, _ in asked), sum(m for _, m in asked))


def bankruptcy_price(risk: Risk, market: Perpetual, quantums: int, delta: int) -> int:
    """Return the quote quantums at which closing ``delta`` leaves collateral / maintenance of the rest as it is.

    ``-d notional - floor(collateral |d maintenance| / maintenance)``; ``quantums``: the position before.
    """
    after = quantums + delta
    change = notional(market, after) - notional(market, quantums)
    freed = abs(requirements(market, after)[1] - requirements(market, quantums)[1])
    return -change - risk.collateral * freed // risk.maintenance


def fillable_price(risk: Risk, market: Perpetual, quantums: int, *, adjustment: int, spread: int) -> Fraction:
    """Return the worst price a liquidation order may fill at, quote quantums per base quantum.

    ``(notional - rate * spread * maintenance) / quantums``, ``rate = clamp((1 - collateral / total maintenance) *
    adjustment, 0, 1)``; ``maintenance`` of this position; ``adjustment``, ``spread``: ppm.
    """
    short = (1 - Fraction(risk.collateral, risk.maintenance)) * Fraction(adjustment, PPM)
    rate = min(max(short, Fraction(0)), Fraction(1))
    maintenance = requirements(market, quantums)[1]
    return (notional(market, quantums) - rate * Fraction(spread, PPM) * maintenance) / quantums


def insurance_delta(bankruptcy: int, filled: int, *, buys: bool, fee: int) -> int:
    """Return what the insurance fund gains (or pays, negative) in a liquidation fill, quote quantums.

    ``bankruptcy``: that price for the quantums filled; ``filled``: quote quantums of the fill; ``fee``: ppm of the
    fill that a gain is capped at.
    """
    delta = (-filled if buys else filled) - bankruptcy
    return min(delta, filled * fee // PPM)
