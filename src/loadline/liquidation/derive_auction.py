"""Derive's Dutch auction: what an account below maintenance is sold for, how much of it, and who pays.

Words of the venue: ``mtm`` is mark to market with cash, ``mm`` the net margin (equity less maintenance, negative below
it), ``reserved`` cash that earlier bids paid into the account; shares are fractions of what is left of the portfolio,
money is in USD. Source: the public auction contract of v2-core, re-expressed; parameters in derive_auction.toml.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from importlib import resources

from loadline.rulebooks.parameters import Version, in_force, parse_versions


@lru_cache
def versions() -> tuple[Version, ...]:
    """Return the dated parameters of the auction, oldest first."""
    file = resources.files("loadline.liquidation") / "derive_auction.toml"
    return parse_versions(file.read_text("utf-8"), "derive_auction", file.name)


def parameters(as_of: int) -> Version:
    """Return the parameters in force at an instant (epoch ms)."""
    return in_force(versions(), as_of)[0]


@dataclass(frozen=True, slots=True)
class State:
    """An account in auction: mark to market, net margin and reserved cash, USD."""

    mtm: float
    mm: float
    reserved: float = 0.0

    def after(self, share: float, paid: float) -> State:
        """Return the account after a bid took ``share`` of all but the reserved cash and ``paid`` for it.

        ``x' = (x - reserved) (1 - share) + reserved + paid`` for both, because margin is homogeneous in size.
        """
        kept = self.reserved + paid
        return State(
            (self.mtm - self.reserved) * (1.0 - share) + kept, (self.mm - self.reserved) * (1.0 - share) + kept, kept
        )


def buffer_margin(state: State, buffer: float) -> float:
    """Return the target of a liquidation, USD: ``mm + buffer (mm - mtm)``, below ``mm``; 0 ends the auction."""
    return state.mm + buffer * (state.mm - state.mtm)


def discount(elapsed: int, *, start: float, cutoff: float, fast: int, slow: int) -> float:
    """Return the factor on value after whole seconds of a solvent auction: fast to ``cutoff``, then slowly to 0.

    >>> discount(960, start=1.0, cutoff=0.8, fast=600, slow=7200)
    0.76
    """
    if elapsed < fast:
        return start - (start - cutoff) * elapsed / fast
    return max(cutoff - cutoff * (elapsed - fast) / slow, 0.0)


def bid_price(state: State, factor: float) -> float:
    """Return what the whole of a solvent account costs, USD: ``(mtm - reserved) factor``."""
    return (state.mtm - state.reserved) * factor


def most_for_sale(state: State, factor: float, buffer: float, small: float = 0.0) -> float:
    """Return the share that brings the buffer margin to 0 at the price paid: all of it where ``mtm < small``.

    ``b / (b - mtm factor - reserved (1 - factor))``, ``b`` the buffer margin; 0 where ``b >= 0``; at most 1.
    """
    b = buffer_margin(state, buffer)
    if b >= 0.0:
        return 0.0
    if state.mtm < small:
        return 1.0
    return min(b / (b - state.mtm * factor - state.reserved * (1.0 - factor)), 1.0)


def starting_fee(state: State, buffer: float, rate: float) -> float:
    """Return what goes to the insurance account when a solvent auction starts, USD; 0 for an insolvent account."""
    return most_for_sale(State(state.mtm, state.mm), 1.0, buffer) * state.mtm * rate if state.mtm > 0.0 else 0.0


@dataclass(frozen=True, slots=True)
class Bid:
    """What a bidder gets: the share of the portfolio, what it pays (negative: is paid), the account afterwards."""

    share: float
    paid: float
    state: State


def bid(state: State, wanted: float, factor: float, buffer: float, small: float = 0.0) -> Bid:
    """Return a bid for at most ``wanted`` of a solvent account."""
    share = min(wanted, most_for_sale(state, factor, buffer, small))
    paid = bid_price(state, factor) * share
    return Bid(share, paid, state.after(share, paid))


def cash_needed(state: State, share: float, paid: float, buffer: float) -> float:
    """Return the cash a bidder must hold, USD: what it pays and the margin of what it takes on."""
    return paid + abs(buffer_margin(state, buffer) - state.reserved) * share


def insolvent_payment(state: State, elapsed: int, length: int) -> float:
    """Return what a bidder is paid for the whole of an insolvent account, USD, from the insurance account.

    From ``-min(mtm, 0)`` to ``-mm``, linearly over ``length`` seconds.
    """
    first = -min(state.mtm, 0.0)
    return first + (-state.mm - first) * min(elapsed / length, 1.0)


def shortfall(paid: float, insurance: float) -> float:
    """Return the part of a payment that the insurance account lacks: minted, and borne by all who hold cash."""
    return max(paid - max(insurance, 0.0), 0.0)


def withdrawals_blocked(insolvent: list[State], insurance: float) -> bool:
    """Return whether cash is locked for everybody: insolvent accounts lack more than the insurance account holds."""
    return -sum(s.mm for s in insolvent) > insurance
