"""One account under one rulebook made ready: its tape, and its position rows as affine functions of the columns."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from loadline.engine.engine import SPLIT, evaluate, segregate, with_trades
from loadline.foundation.table import Floats
from loadline.model.positions import Balances, Portfolio, Positions
from loadline.model.universe import CASH
from loadline.optimize.moves import Effect, Moves
from loadline.optimize.problem import Ask, Problem
from loadline.tape.affine import Affine
from loadline.tape.pull import in_order
from loadline.tape.ranges import Ranges
from loadline.tape.replay import Replay
from loadline.tape.rewrite import simplified
from loadline.tape.term import Term

QUANTITY = ("position", "quantity")
TINY = 1e-12
"""A position held in name only: rules that look at what is held see every candidate, and refuse what they must."""
WATCHED = ("worst", "tail", "tiered", "power", "correlated", "losses", "signed", "bracketed", "min")


class Site:
    """``ask`` ready: ``initial``, ``maintenance``, ``equity`` are terms (sub-accounts, 1), ``usd`` per unit of each.

    ``settled``: whether the rule's constants are those of any trade; where they depend on what is held, the model
    looks at every candidate as if it were, and its bound certifies nothing.
    """

    def __init__(self, problem: Problem, ask: Ask, moves: Moves) -> None:
        self.ask, self.market, self.before = ask, problem.market, problem.portfolio.only([ask.account])
        rule, version = ask.rulebook.rule, ask.rulebook.version
        self.settled = not rule.alone(problem.market, version)
        effects = [e for e in moves.effects if e.account == ask.account]
        ready = _ready(problem, ask, effects)
        ready = segregate(ready, problem.market) if rule.segregated else ready
        tape = evaluate(ask.rulebook, ready, problem.market, ready.names())
        frame, req = tape.book.frame, tape.requirement
        self.frame, self.universe = frame, tape.book.universe
        self.accounts = list(map(str, frame.accounts))
        self.currency = [a.partition(SPLIT)[2] or rule.currency for a in self.accounts]
        self.usd = np.array([problem.market.price(c) for c in self.currency])
        self.initial, self.maintenance = simplified(req.initial), simplified(req.maintenance)
        self.equity = simplified(req.equity)
        self.base = frame.columns[QUANTITY].copy()
        self.base[np.abs(self.base) <= TINY] = 0.0
        self.quantity = _affine(self, effects, moves)
        roots = [self.initial, self.maintenance, self.equity]
        terms = {id(t): t for root in roots for t in in_order(root) if t.frame is not None}
        seen = {id(a): a for t in terms.values() if t.op in WATCHED for a in (t, *t.args) if a.frame is not None}
        self._watched = list({id(t): t for t in (*roots, *seen.values())}.values())
        self._replay = Replay(self._watched)

    @property
    def side(self) -> Term:
        """The requirement that counts."""
        return self.maintenance if self.ask.side == "maintenance" else self.initial

    def ranges(self, moves: Moves) -> Ranges:
        """Return what every element can be while the columns stay within their bounds."""
        span = self.quantity.weight * moves.upper[self.quantity.col]
        n = len(self.base)
        low = self.base + np.bincount(self.quantity.row, np.minimum(span, 0.0), n)
        high = self.base + np.bincount(self.quantity.row, np.maximum(span, 0.0), n)
        return Ranges({QUANTITY: (low, high)})

    def values(self, z: Floats) -> Callable[[Term], Floats]:
        """Return the tape at a point: the value of any term that a lowering asks for."""
        found = self._replay.run({QUANTITY: self.quantity.values(z)})
        by = {id(t): v for t, v in zip(self._watched, found, strict=True)}
        return lambda t: by[id(t)]

    def after(self, z: Floats) -> Portfolio:
        """Return what the account holds after a point, to be margined from the start."""
        i, frame = self.universe.instruments, self.frame
        change = self.quantity.values(z) - self.base
        mine = self.before
        moved: dict[str, float] = {}
        for name, by in zip(i.id[frame.item].tolist(), change.tolist(), strict=True):
            if by:
                moved[name] = moved.get(name, 0.0) + by
        listed = self.market.instruments.index
        trades = {k: v for k, v in moved.items() if k in listed}
        traded = with_trades(mine, trades, self.ask.account) if trades else mine
        cash = {k: v for k, v in moved.items() if k not in listed}
        b = traded.balances
        known = dict(zip(b.currency.tolist(), b.amount.tolist(), strict=True))
        rows = {c: known.get(c, 0.0) + cash.get(c, 0.0) for c in [*known, *(c for c in cash if c not in known)]}
        wallet = Balances.from_rows({"account": self.ask.account, "currency": c, "amount": a} for c, a in rows.items())
        return Portfolio(traded.positions, wallet, traded.orders, traded.accounts)

    def requirement(self, value: Callable[[Term], Floats]) -> float:
        """Return the requirement that counts, USD, positive."""
        return float(-(value(self.side)[:, 0] @ self.usd))

    def shortfall(self, value: Callable[[Term], Floats]) -> Floats:
        """Return (sub-accounts,) USD by which equity falls short of the requirement; negative where it covers it."""
        return np.asarray(-(value(self.equity)[:, 0] + value(self.side)[:, 0]) * self.usd)


def _ready(problem: Problem, ask: Ask, effects: list[Effect]) -> Portfolio:
    """The account with a row for everything it may trade and every wallet that may pay."""
    mine, i = problem.portfolio.only([ask.account]), problem.market.instruments
    held = set(mine.positions.instrument.tolist())
    new = [e for e in dict.fromkeys(e.item for e in effects) if e not in held and e in i.index]
    wallets = set(mine.balances.currency.tolist())
    named = [*held, *new, *mine.orders.instrument.tolist()]
    settle = {str(i.settle[i.index[n]]) for n in named if n in i.index}
    settle |= {e.item for e in effects if e.item not in i.index} | ({CASH} if ask.rulebook.rule.cash else set())
    settle = {c for c in settle if problem.market.price(c) > 0} or {"USD"}
    blank = {"account": ask.account, "unsettled": 0.0, "entry": float("nan"), "quantity": TINY}
    rows = Positions.from_rows(blank | {"instrument": n} for n in new)
    cash = Balances.from_rows({"account": ask.account, "currency": c, "amount": 0.0} for c in sorted(settle - wallets))
    positions, balances = Positions.concat([mine.positions, rows]), Balances.concat([mine.balances, cash])
    return Portfolio(positions, balances, mine.orders, mine.accounts)


def _affine(site: Site, effects: list[Effect], moves: Moves) -> Affine:
    """Each position row: what is held, plus trades, less what the wallet pays for them."""
    i, frame = site.universe.instruments, site.frame
    orders = frame.columns["position", "order"]
    ids = i.id[frame.item].tolist()
    owners = [site.accounts[o] for o in frame.owner.tolist()]
    row = {key: n for n, key in reversed(list(enumerate(zip(owners, ids, strict=True)))) if not orders[n]}
    split = site.ask.rulebook.rule.segregated
    account = {c: a for a, c in zip(site.accounts, site.currency, strict=True)} if split else {}
    upfront = np.where(i.upfront, site.universe.quotes.mark * i.multiplier, 0.0)
    place, cols, weights = [], [], []
    for e in effects:
        k = i.index[e.item]
        settle = str(i.settle[k]) if e.priced else e.item
        owner = account.get(settle, site.ask.account) if split else site.ask.account
        place.append(row[owner, e.item])
        cols.append(e.column)
        weights.append(e.quantity)
        if e.priced:
            cash = row[owner, settle]
            place.append(cash)
            cols.append(e.column)
            weights.append(-e.quantity * float(upfront[k]) - e.paid / float(site.universe.fx[k]))
    to, at, weight = np.array(place, np.int64), np.array(cols, np.int64), np.array(weights, np.float64)
    return Affine.gathered(to, at, weight, site.base).compact()
