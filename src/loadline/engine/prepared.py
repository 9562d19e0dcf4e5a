"""One account made ready for many small questions, answered without running the rule again."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from loadline.engine.engine import Asked, Chosen, choose_rulebook, evaluate, margins
from loadline.engine.result import MarginResult, Side
from loadline.foundation.errors import InputError, MissingData, Unavailable
from loadline.foundation.table import Floats
from loadline.model.market import Market
from loadline.model.positions import Balances, Portfolio, Positions
from loadline.tape.replay import Replay


@dataclass(frozen=True, slots=True)
class Numbers:
    """Equity and requirements (positive) of an account after a change, in the rulebook's currency."""

    equity: float
    initial: float
    maintenance: float

    @property
    def excess(self) -> float:
        """Equity less initial requirement."""
        return self.equity - self.initial


class Prepared:
    """An account, a market and a rulebook, with some instruments that it might trade.

    Raises ``InputError`` for rulebooks whose constants depend on what is held (they must be run again) or that keep
    wallets apart, ``MissingData`` for instruments that the market does not know.
    """

    def __init__(self, portfolio: Portfolio, market: Market, rulebook: Asked, candidates: Sequence[str] = ()) -> None:
        accounts = portfolio.names()
        if len(accounts) != 1:
            raise InputError(f"{len(accounts)} accounts where one was expected", remedy="portfolio.only([account])")
        chosen = choose_rulebook(rulebook, market.as_of)
        if chosen.rule.segregated or chosen.rule.alone(market, chosen.version):
            raise InputError(f"{chosen.rule.name} cannot be prepared", remedy="call what_if, which runs the rule again")
        self.account, self.market, self.chosen = accounts[0], market, chosen
        held = set(portfolio.positions.instrument.tolist())
        new = [c for c in dict.fromkeys(candidates) if c not in held]
        missing = [c for c in new if c not in market.instruments]
        if missing:
            raise MissingData("the market snapshot does not know", missing=missing, remedy="leave them out")
        wallets = set(portfolio.balances.currency.tolist())
        settle = {str(market.instruments[i]["settle"]) for i in (*held, *new)}
        blank = {"account": self.account, "unsettled": 0.0, "entry": float("nan"), "quantity": 0.0}
        positions = Positions.from_rows(blank | {"instrument": c} for c in new)
        balances = Balances.from_rows(
            {"account": self.account, "currency": c, "amount": 0.0} for c in sorted(settle - wallets)
        )
        ready = Portfolio(
            Positions.concat([portfolio.positions, positions]),
            Balances.concat([portfolio.balances, balances]),
            portfolio.orders,
            portfolio.accounts,
        )
        self.tape = evaluate(chosen, ready, market, accounts)
        frame, req = self.tape.book.frame, self.tape.requirement
        self._quantity = frame.columns["position", "quantity"]
        ids = self.tape.book.universe.instruments.id[frame.item].tolist()
        orders = frame.columns["position", "order"]
        self._row = {name: n for n, name in reversed(list(enumerate(ids))) if not orders[n]}
        self._replay = Replay([req.equity, req.initial, req.maintenance])

    @property
    def positions(self) -> list[str]:
        """The instruments and wallet currencies that have a row, in order."""
        return list(self._row)

    def _numbers(self, quantity: Floats) -> Numbers:
        equity, initial, maintenance = self._replay.run({("position", "quantity"): quantity})
        return Numbers(float(equity[0, 0]), 0.0 - float(initial[0, 0]), 0.0 - float(maintenance[0, 0]))

    def now(self) -> Numbers:
        """Return the account as it is."""
        return self._numbers(self._quantity)

    def after(self, trades: Mapping[str, float]) -> Numbers:
        """Return the account after trades at mark (instrument -> signed quantity), premiums paid from the wallet.

        Raises ``MissingData`` for an instrument that is neither held nor a candidate.
        """
        quantity = self._quantity.copy()
        missing = [name for name in trades if name not in self._row]
        if missing:
            raise MissingData("neither held nor a candidate", missing=missing, remedy="name them as candidates")
        for name, traded in trades.items():
            quantity[self._row[name]] += traded
            row = self.market.instruments.index[name]
            if self.market.instruments.upfront[row]:
                i, mark = self.market.instruments, float(self.market.quotes.mark[row])
                quantity[self._row[str(i.settle[row])]] -= traded * float(i.multiplier[row]) * mark
        return self._numbers(quantity)

    def without(self, name: str) -> Numbers:
        """Return the account as if a position (or a wallet currency) were not there."""
        quantity = self._quantity.copy()
        quantity[self._row[name]] = 0.0
        return self._numbers(quantity)


@dataclass(frozen=True, slots=True)
class Contribution:
    """What one position has to do with a requirement, in the rulebook's currency, requirement-signed.

    ``component``: its exact share, with that of its open orders and of what is unsettled on it; the shares add up.
    ``marginal``: the change of the requirement per contract more (per unit of a wallet's currency). ``incremental``:
    the requirement with it less the requirement without it, its open orders left. Both are ``None`` on lines that are
    no position (a dampener, a rounding), ``incremental`` also where the rule has no answer without the position.
    """

    position: str
    quantity: float
    component: float
    marginal: float | None
    incremental: float | None


def contributions(
    portfolio: Portfolio,
    market: Market,
    result: MarginResult,
    side: Side = "initial",
    *,
    rulebook: Asked | None = None,
) -> list[Contribution]:
    """Return component, marginal and incremental requirement of each position of an answered account.

    ``portfolio``, ``market``: those that were answered; ``rulebook``: what answered, where it is not installed. Where
    a rule cannot be prepared, it is run again without each position. Raises ``RuleError`` for an unknown rulebook.
    Equations: component ``q_i dR/dq_i + x_i dR/dx`` (Euler; R homogeneous; ``x_i``: unsettled on it, of a wallet that
    moves), marginal ``dR/dq_i``, incremental ``R(q) - R(q, q_i = 0)``.
    Source: Tasche, *Capital allocation to business units* (1999). For ``tail`` these are the component, marginal
    and incremental expected shortfall or value at risk.

    >>> from loadline.engine.engine import margin
    >>> from loadline.io.sample import sample
    >>> portfolio, market = sample()
    >>> result = margin(portfolio.only(["basis"]), market, "tail")
    >>> found = contributions(portfolio, market, result)
    >>> abs(sum(c.component for c in found) - result.initial) < 1e-6 * result.initial
    True
    """
    rule = choose_rulebook(rulebook or result.rulebook, market.as_of).rule
    chosen, mine = Chosen(rule, result.parameters), portfolio.only([result.account])
    held = {*mine.positions.instrument.tolist(), *mine.balances.currency.tolist()}
    left = _again(mine, market, chosen, result, side)
    if not (rule.segregated or rule.alone(market, result.parameters)):
        left = _replayed(Prepared(mine, market, chosen), side)
    whole = getattr(result, side)
    found = []
    for share in result.attribution(side):
        gone = left(share.label) if share.label in held else None
        marginal = share.gradient if share.label in held else None
        incremental = None if gone is None else whole - gone
        found.append(Contribution(share.label, share.quantity, share.amount, marginal, incremental))
    return found


def _replayed(prepared: Prepared, side: Side) -> Callable[[str], float | None]:
    """Return what answers the requirement without a position by replay."""
    return lambda name: getattr(prepared.without(name), side) if name in prepared.positions else None


def _again(
    mine: Portfolio, market: Market, chosen: Chosen, result: MarginResult, side: Side
) -> Callable[[str], float | None]:
    """Return what runs the rule again without a position; ``None`` where that has no answer."""

    def without(name: str) -> float | None:
        p, b = mine.positions, mine.balances
        left = Portfolio(p.take(p.instrument != name), b.take(b.currency != name), mine.orders, mine.accounts)
        answers = margins(left, market, chosen)
        if any(isinstance(a, Unavailable) for a in answers):
            return None
        same = [a for a in answers if isinstance(a, MarginResult) and a.currency == result.currency]
        return float(getattr(same[0], side)) if same else 0.0

    return without
