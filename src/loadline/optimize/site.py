"""One account under one rulebook made ready: its tape, and its position rows as affine functions of the columns."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from loadline.engine.engine import SPLIT, evaluate, segregate, with_trades
from loadline.foundation.table import Floats
from loadline.model.market import Market
from loadline.model.positions import Balances, Portfolio, Positions
from loadline.model.shift import carry_over, model_values
from loadline.model.universe import CASH, Universe, restate_in_cash, restate_pending
from loadline.optimize.held import futures_seen, relaxed, seen, sure
from loadline.optimize.moves import Effect, Moves
from loadline.optimize.problem import Ask, Problem
from loadline.tape.affine import Affine
from loadline.tape.pull import in_order
from loadline.tape.ranges import Ranges
from loadline.tape.replay import Replay
from loadline.tape.rewrite import simplified
from loadline.tape.term import Term

QUANTITY = ("position", "quantity")
UNSETTLED = ("position", "unsettled")
TINY = 1e-12
"""A position held in name only: rules that look at what is held see every candidate, and refuse what they must."""
WATCHED = ("worst", "tail", "tiered", "power", "correlated", "losses", "signed", "bracketed", "min")


class Site:
    """``ask`` ready: ``initial``, ``maintenance``, ``equity`` are terms (sub-accounts, 1), ``usd`` per unit of each.

    ``settled``: whether the rule's constants are those of any trade; where they depend on what is held, the model
    looks at every candidate as if it were, and its bound certifies nothing. In a market that is not here yet
    (``ask.moved``) trades are still paid at today's prices, and what futures gain on the way is unsettled. ``above``:
    the same account under a rule that is not settled; this one then asks for no more than the rule will, whatever is
    held (``far``: by less, in a larger model).
    """

    def __init__(self, problem: Problem, ask: Ask, moves: Moves, above: Site | None = None, far: bool = False) -> None:
        self.ask, self.today, self.before = ask, problem.market, problem.portfolio.only([ask.account])
        self.market = problem.market if ask.moved is None else ask.moved.market
        rule, version = ask.rulebook.rule, ask.rulebook.version
        self.settled = not rule.alone(problem.market, version)
        effects = [e for e in moves.effects if e.account == ask.account]
        ready = _ready(problem, ask, effects)
        ready = ready if ask.moved is None else carry_over(ready, self.today, self.market)
        ready = segregate(ready, self.market) if rule.segregated else ready
        certain = None if above is None else sure(above.universe, *_spans(self.before, effects, moves))
        shown = ready
        if above is not None and certain is not None:
            shown = seen(ready, futures_seen(above.universe, certain))
        tape = evaluate(ask.rulebook, shown, self.market, ready.names())
        frame, req = tape.book.frame, tape.requirement
        self.frame = frame
        self.universe: Universe = tape.book.universe
        self.accounts = list(map(str, frame.accounts))
        self.currency = [a.partition(SPLIT)[2] or rule.currency for a in self.accounts]
        self.usd = np.array([self.market.price(c) for c in self.currency])
        self.initial, self.maintenance = simplified(req.initial), simplified(req.maintenance)
        if certain is not None:
            self.initial, self.maintenance = (
                relaxed(t, tape.book, certain, far=far) for t in (self.initial, self.maintenance)
            )
        self.equity = simplified(req.equity)
        amounts = [ready.positions.quantity, ready.balances.amount, np.zeros(len(ready.orders))]
        self.base = np.concatenate(amounts)[frame.order]
        self.base[np.abs(self.base) <= TINY] = 0.0
        self.quantity, self.leaves = _affine(self, effects), {}
        self.leaves[QUANTITY] = self.quantity
        if ask.moved is not None:
            self.leaves[UNSETTLED] = _gains(self, effects)
        roots = [self.side, self.equity] if ask.moved is not None else [self.initial, self.maintenance, self.equity]
        terms = {id(t): t for root in roots for t in in_order(root) if t.frame is not None}
        viewed = {id(a): a for t in terms.values() if t.op in WATCHED for a in (t, *t.args) if a.frame is not None}
        self._watched = list({id(t): t for t in (*roots, *viewed.values())}.values())
        self._replay = Replay(self._watched)

    @property
    def side(self) -> Term:
        """The requirement that counts."""
        return self.maintenance if self.ask.side == "maintenance" else self.initial

    def ranges(self, moves: Moves) -> Ranges:
        """Return what every element can be while the columns stay within their bounds."""
        found = {}
        for key, leaf in self.leaves.items():
            span, n = leaf.weight * moves.upper[leaf.col], len(leaf)
            low = leaf.constant + np.bincount(leaf.row, np.minimum(span, 0.0), n)
            found[key] = low, leaf.constant + np.bincount(leaf.row, np.maximum(span, 0.0), n)
        return Ranges(found)

    def values(self, z: Floats) -> Callable[[Term], Floats]:
        """Return the tape at a point: the value of any term that a lowering asks for."""
        found = self._replay.run({key: leaf.values(z) for key, leaf in self.leaves.items()})
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
        held = Portfolio(traded.positions, wallet, traded.orders, traded.accounts)
        return held if self.ask.moved is None else carry_over(held, self.today, self.market)

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


def _spans(
    mine: Portfolio, effects: list[Effect], moves: Moves
) -> tuple[dict[str, float], dict[str, tuple[float, float]]]:
    """What is held of each instrument, and the most that may be sold (negative) and bought of it."""
    own: dict[str, float] = {}
    for name, quantity in zip(mine.positions.instrument.tolist(), mine.positions.quantity.tolist(), strict=True):
        own[name] = own.get(name, 0.0) + quantity
    spans: dict[str, tuple[float, float]] = {}
    for e in effects:
        sold, bought = spans.get(e.item, (0.0, 0.0))
        most = e.quantity * float(moves.upper[e.column])
        spans[e.item] = sold + min(most, 0.0), bought + max(most, 0.0)
    return own, spans


def _places(site: Site) -> tuple[Callable[[str, str], int], dict[str, int]]:
    """Where the row of an item stands that belongs to what pays in a currency, and where each item is in the universe.

    Rows of open orders are none: they hold nothing.
    """
    i, frame = site.universe.instruments, site.frame
    orders, ids = frame.columns["position", "order"], i.id[frame.item].tolist()
    owners = [site.accounts[o] for o in frame.owner.tolist()]
    row = {key: n for n, key in reversed(list(enumerate(zip(owners, ids, strict=True)))) if not orders[n]}
    split = site.ask.rulebook.rule.segregated
    account = {c: a for a, c in zip(site.accounts, site.currency, strict=True)} if split else {}
    return lambda item, settle: row[account[settle] if split else site.ask.account, item], i.index


def _affine(site: Site, effects: list[Effect]) -> Affine:
    """Each position row: what is held, plus trades, less what the wallet pays for them today."""
    i = site.universe.instruments
    place, index = _places(site)
    premium, fx = _paid_today(site.today, site.ask.rulebook.rule.cash, i.id.tolist())
    rows, cols, weights = [], [], []
    for e in effects:
        k = index[e.item]
        settle = str(i.settle[k]) if e.priced else e.item
        rows.append(place(e.item, settle))
        cols.append(e.column)
        weights.append(e.quantity)
        if e.priced:
            rows.append(place(settle, settle))
            cols.append(e.column)
            weights.append(-e.quantity * float(premium[k]) - e.paid / float(fx[k]))
    to, at, weight = np.array(rows, np.int64), np.array(cols, np.int64), np.array(weights, np.float64)
    return Affine.gathered(to, at, weight, site.base).compact()


def _paid_today(market: Market, cash: bool, names: list[str]) -> tuple[Floats, Floats]:
    """(N,) premium of one contract in its settlement currency, 0 where none is paid; (N,) USD per unit of that."""
    known = market.with_wallet([n for n in names if n not in market.instruments])
    known = restate_in_cash(known) if cash else known
    rows = known.rows(np.array(names, np.str_))
    i, q = known.instruments.take(rows), known.quotes.take(rows)
    fx = np.array([known.price(c) for c in i.settle.tolist()], np.float64)
    return np.where(i.upfront, q.mark * i.multiplier, 0.0), fx


def _gains(site: Site, effects: list[Effect]) -> Affine:
    """Unsettled pnl of each row in the moved market: that of what is held, and what new futures gain on the way."""
    names = sorted({e.item for e in effects if e.priced and e.quantity})
    rows, after = site.today.rows(np.array(names, np.str_)), site.market.rows(np.array(names, np.str_))
    gain = model_values(site.market)[after] - model_values(site.today)[rows]
    gain = np.where(site.today.instruments.upfront[rows], 0.0, gain)
    blank = {"account": site.ask.account, "entry": float("nan"), "quantity": 0.0}
    one = Positions.from_rows(
        blank | {"instrument": n, "unsettled": g} for n, g in zip(names, gain.tolist(), strict=True)
    )
    if site.ask.rulebook.rule.cash:
        one = restate_pending(Portfolio(one, Balances.empty()), site.market).positions
    each = dict(zip(names, one.unsettled.tolist(), strict=True))
    place, index = _places(site)
    mine = [e for e in effects if e.priced and each.get(e.item, 0.0)]
    settle = site.universe.instruments.settle
    to = np.array([place(e.item, str(settle[index[e.item]])) for e in mine], np.int64)
    col = np.array([e.column for e in mine], np.int64)
    weight = np.array([e.quantity * each[e.item] for e in mine], np.float64)
    return Affine.gathered(to, col, weight, site.frame.columns[UNSETTLED]).compact()
