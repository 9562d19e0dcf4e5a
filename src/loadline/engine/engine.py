"""The public verbs: ``margin``, ``margins``, ``what_if`` and ``compare``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from loadline.engine.priced import Priced
from loadline.engine.requirements import unavailable
from loadline.engine.result import MarginResult, Side, Tape
from loadline.foundation.errors import InputError, LoadlineError, Reason, RuleError, Unavailable
from loadline.foundation.table import Floats, Texts
from loadline.foundation.units import parse_time
from loadline.model.book import held_names, lay_out
from loadline.model.market import Market
from loadline.model.positions import Balances, Portfolio, Positions
from loadline.model.universe import CASH, restate_in_cash, restate_pending
from loadline.rulebooks.parameters import Version
from loadline.rulebooks.rulebook import Rulebook, choose, load, rulebook_names
from loadline.tape.explain import Difference
from loadline.tape.explain import compare as align

Answer = MarginResult | Unavailable
CHUNK = 200
"""Accounts evaluated in one eager pass: enough to spread the cost of an operation, small enough to stay in cache."""


@dataclass(frozen=True)
class Chosen:
    """A rulebook with the version that answers, and what to say about the choice."""

    rule: Rulebook
    version: Version
    notes: tuple[str, ...] = ()


Asked = str | Rulebook | Chosen
"""How a rulebook is asked for: ``NAME``, ``NAME@DATE``, one that was read from files, or one already chosen."""


def choose_rulebook(name: Asked, as_of: int, overrides: Mapping[str, Any] | None = None) -> Chosen:
    """Return the rulebook ``NAME`` or ``NAME@DATE`` with its parameters in force, overrides applied.

    ``name`` may be a ``Rulebook`` itself (``read_rulebook``), of which the version in force at ``as_of`` is taken.
    ``as_of``: epoch ms; ``overrides``: parameter path -> value, for this rulebook; a rulebook's or family's name and a
    ``.`` in front (``derive.vol_shock.up``) say whose it is, and those of others are passed over. Raises ``RuleError``
    for an unknown rulebook or parameter, or a value out of bounds.
    """
    if isinstance(name, Chosen):
        return name
    bare, _, date = (name.name, "", "") if isinstance(name, Rulebook) else name.partition("@")
    rule = name if isinstance(name, Rulebook) else load(bare)
    version, notes = choose(rule, parse_time(date) if date else as_of)
    heads = {head for known in rulebook_names() for head in (known, known.split("-")[0])} if overrides else set()
    mine = {}
    for path, value in (overrides or {}).items():
        head, _, rest = path.partition(".")
        if head in (bare, rule.name, rule.name.split("-")[0]):
            mine[rest] = value
        elif head not in heads:
            mine[path] = value
    if mine:
        version = version.override(mine)
        rule.check(version)
        notes = (*notes, f"parameters overridden: {', '.join(version.overridden)}")
    return Chosen(rule, version, (*notes, *rule.notes))


def evaluate(
    chosen: Chosen, portfolio: Portfolio, market: Market, accounts: Sequence[str], also: Texts | None = None
) -> Tape:
    """Return the tape of some accounts in one pass: resolve, scenarios, cube, rule."""
    rule, version = chosen.rule, chosen.version
    wallet = sorted(set(portfolio.balances.currency.tolist()))
    if rule.cash and market.price(CASH) > 0:  # the price of cash matters to those who hold none, too
        wallet, also = sorted({*wallet, CASH}), np.append(np.empty(0, np.str_) if also is None else also, CASH)
    known = market.with_wallet(wallet)
    if rule.cash:
        portfolio, known = restate_pending(portfolio, known), restate_in_cash(known)
    names, place = held_names(portfolio, also)
    ready = known.kept((rule.name, rule.cash, names.tobytes()), lambda: Priced(chosen, known, names), Priced.is_small)
    if ready.chosen.version is not version or ready.chosen.rule is not rule:
        ready = Priced(chosen, known, names)
    book = lay_out(portfolio, ready.universe, names, place, tuple(accounts))
    return Tape(ready.requirement(book), book, ready.cube, 0)


def margins(
    portfolio: Portfolio,
    market: Market,
    rulebook: Asked,
    *,
    overrides: Mapping[str, Any] | None = None,
    also: Texts | None = None,
) -> list[Answer]:
    """Return the margin of every account under one rulebook, in order of account name.

    ``rulebook``: ``NAME``, ``NAME@DATE``, or one that ``read_rulebook`` gave. What cannot be answered is an
    ``Unavailable`` in its place; the others are answered. Segregated rulebooks answer once per account and settlement
    currency. Raises ``RuleError`` for an unknown rulebook or parameter.

    >>> from loadline.io.sample import sample
    >>> portfolio, market = sample()
    >>> [answer.account for answer in margins(portfolio, market, "tail")]
    ['basis', 'calendar', 'covered-call', 'maker', 'strangle']
    """
    chosen = choose_rulebook(rulebook, market.as_of, overrides)
    portfolio = portfolio.live()
    held = portfolio.by_account()
    gaps = {a: unavailable(a, mine, market, chosen.rule) for a, mine in held.items()}
    answers: dict[str, list[Answer]] = {a: [gap] for a, gap in gaps.items() if gap is not None}
    good = [a for a in held if a not in answers]
    ordering = set(portfolio.orders.account.tolist())  # a rule reads otherwise with open orders: not in one pass
    step = 1 if chosen.rule.alone(market, chosen.version) else CHUNK
    for some in ([a for a in good if a in ordering], [a for a in good if a not in ordering]):
        for first in range(0, len(some), step):
            chunk = some[first : first + step]
            mine = portfolio if len(chunk) == len(held) else portfolio.only(chunk)
            for answer in _answers(chosen, mine, chunk, market, also):
                answers.setdefault(answer.account, []).append(answer)
    return [a for account in held for a in answers.get(account, [])]


def _answers(
    chosen: Chosen, portfolio: Portfolio, accounts: list[str], market: Market, also: Texts | None
) -> list[Answer]:
    """Answer some accounts in one pass; where that is refused, find who cannot be answered and answer the others."""
    try:
        return _answer(chosen, portfolio, market, also)
    except (InputError, RuleError) as error:
        if len(accounts) == 1:
            return [_refused(accounts[0], chosen, error)]
        return [a for account in accounts for a in _answers(chosen, portfolio.only([account]), [account], market, also)]


def _refused(account: str, chosen: Chosen, error: LoadlineError) -> Unavailable:
    reason = Reason.NO_PARAMETERS if isinstance(error, RuleError) else Reason.UNSUPPORTED
    return Unavailable(account, chosen.rule.name, reason, (error.what,), error.remedy or "see the rulebook's page")


def _answer(chosen: Chosen, portfolio: Portfolio, market: Market, also: Texts | None) -> list[Answer]:
    """Evaluate some accounts in one pass and read off their results."""
    rule, version = chosen.rule, chosen.version
    split = segregate(portfolio, market) if rule.segregated else portfolio
    accounts = split.names()
    tape = evaluate(chosen, split, market, accounts, also)
    req = tape.requirement
    equity, initial, maintenance = (t.numbers()[:, 0] for t in (req.equity, req.initial, req.maintenance))
    if not all(np.isfinite(x).all() for x in (equity, initial, maintenance)):
        raise InputError("the rule gave a number that is not finite", remedy="check the book for absurd sizes")
    notes = tuple(dict.fromkeys((*chosen.notes, *market.notes, *req.notes)))
    out: list[Answer] = []
    for row, label in enumerate(accounts):
        account, _, settle = label.partition(SPLIT)
        currency = settle or rule.currency
        out.append(
            MarginResult(
                account=account,
                rulebook=rule.name,
                version=version.label,
                as_of=market.as_of,
                currency=currency,
                usd=market.price(currency),
                equity=float(equity[row]),
                initial=0.0 - float(initial[row]),  # the one place where PnL-signed becomes a requirement
                maintenance=0.0 - float(maintenance[row]),
                notes=notes,
                parameters=version,
                tape=Tape(req, tape.book, tape.cube, row),
            )
        )
    return out


SPLIT = "\x1f"
"""Between an account and a settlement currency, where a rulebook keeps wallets apart."""


def segregate(portfolio: Portfolio, market: Market) -> Portfolio:
    """Return the portfolio with one sub-account per settlement currency."""
    settle = dict(zip(market.instruments.id.tolist(), market.instruments.settle.tolist(), strict=True))

    def split(accounts: Texts, currencies: Iterable[str]) -> Texts:
        return np.array([a + SPLIT + c for a, c in zip(accounts.tolist(), currencies, strict=True)], np.str_)

    p, b, o = portfolio.positions, portfolio.balances, portfolio.orders
    return Portfolio(
        p.replace(account=split(p.account, (settle[i] for i in p.instrument.tolist()))),
        b.replace(account=split(b.account, b.currency.tolist())),
        o.replace(account=split(o.account, (settle[i] for i in o.instrument.tolist()))),
    )


def margin(
    portfolio: Portfolio, market: Market, rulebook: Asked, *, overrides: Mapping[str, Any] | None = None
) -> Answer:
    """Return the margin of a portfolio that has one answer under a rulebook; ``margins`` is for several.

    Raises ``InputError`` when there is none, or more than one (several accounts, or segregated wallets).

    >>> from loadline.io.sample import sample
    >>> portfolio, market = sample()
    >>> result = margin(portfolio.only(["basis"]), market, "deribit-xpm@2026-02-15")
    >>> result.currency, result.status.value, result.initial > result.maintenance > 0
    ('USD', 'ok', True)
    """
    found = margins(portfolio, market, rulebook, overrides=overrides)
    if len(found) != 1:
        raise InputError(
            f"{len(found)} answers where one was expected",
            causes="several accounts, or a rulebook that keeps wallets apart, or an empty book",
            remedy="call margins, or portfolio.only([account])",
        )
    return found[0]


@dataclass(frozen=True)
class WhatIf:
    """An account before and after some trades, and where in the tree the difference enters.

    >>> from loadline.io.sample import sample
    >>> portfolio, market = sample()
    >>> (asked,) = what_if(portfolio, market, "derive", {"BTC-PERPETUAL": 50_000.0}, account="basis")
    >>> rows = asked.differences("initial")
    >>> rows[0].change == asked.after.initial - asked.before.initial
    True
    """

    before: Answer
    after: Answer

    def differences(self, side: Side = "initial") -> list[Difference]:
        """Return the aligned rows of both explanations; empty where one of them is unavailable."""
        if isinstance(self.before, Unavailable) or isinstance(self.after, Unavailable):
            return []
        return align(self.before.explain(side), self.after.explain(side))


def with_trades(portfolio: Portfolio, trades: Mapping[str, float], account: str) -> Portfolio:
    """Return the portfolio after trades at mark: instrument -> signed quantity, no cash moving but at mark."""
    p = portfolio.positions
    quantity, new = _added(p.account, p.instrument, p.quantity, account, trades)
    blank = {"account": account, "unsettled": 0.0, "entry": float("nan")}
    rows = Positions.from_rows(blank | {"instrument": i, "quantity": q} for i, q in new.items())
    positions = Positions.concat([p.replace(quantity=quantity), rows])
    return Portfolio(positions, portfolio.balances, portfolio.orders, portfolio.accounts)


def _added(
    accounts: Texts, keys: Texts, values: Floats, account: str, changes: Mapping[str, float]
) -> tuple[Floats, dict[str, float]]:
    """Return values with changes added to the rows an account has, and the changes it has no row for."""
    mine = np.flatnonzero(accounts == account).tolist()
    row = {str(keys[n]): n for n in reversed(mine)}
    out = values.copy()
    for key, change in changes.items():
        if key in row:
            out[row[key]] += change
    return out, {key: change for key, change in changes.items() if key not in row}


def paid_at_mark(portfolio: Portfolio, market: Market, trades: Mapping[str, float], account: str) -> Portfolio:
    """Return the portfolio after trades at mark, premiums of upfront contracts paid from or into the wallet."""
    after = with_trades(portfolio, trades, account)
    paid: dict[str, float] = {}
    for name, quantity in trades.items():
        if name in market.instruments:
            i = market.instruments[name]
            if i["upfront"]:
                price = quantity * i["multiplier"] * float(market.quotes.mark[market.instruments.index[name]])
                paid[i["settle"]] = paid.get(i["settle"], 0.0) - price
    b = after.balances
    amount, new = _added(b.account, b.currency, b.amount, account, paid)
    rows = Balances.from_rows({"account": account, "currency": c, "amount": x} for c, x in new.items())
    return Portfolio(after.positions, Balances.concat([b.replace(amount=amount), rows]), after.orders, after.accounts)


def what_if(
    portfolio: Portfolio,
    market: Market,
    rulebook: Asked,
    trades: Mapping[str, float],
    *,
    account: str | None = None,
    overrides: Mapping[str, Any] | None = None,
) -> list[WhatIf]:
    """Return an account before and after trades at mark (premiums are paid from the wallet, so equity does not jump).

    ``trades``: instrument -> signed quantity; ``account`` may be left out where there is only one. Raises
    ``InputError`` when it is needed.

    >>> from loadline.io.sample import sample
    >>> portfolio, market = sample()
    >>> (asked,) = what_if(portfolio, market, "isolated", {"BTC-26JUN26-92000-C": -1.0}, account="covered-call")
    >>> asked.after.initial > asked.before.initial
    True
    """
    known = portfolio.names()
    if account is None and len(known) == 1:
        account = known[0]
    if account is None or account not in known:
        raise InputError("say which account trades", remedy=f"one of {', '.join(known)}")
    chosen = choose_rulebook(rulebook, market.as_of, overrides)
    mine = portfolio.only([account])
    before = margins(mine, market, chosen)
    after = margins(paid_at_mark(mine, market, trades, account), market, chosen)
    if len(before) == len(after):
        return [WhatIf(b, a) for b, a in zip(before, after, strict=True)]
    old = {getattr(b, "currency", ""): b for b in before}
    return [WhatIf(old.get(getattr(a, "currency", ""), before[0]), a) for a in after]


def compare(
    portfolio: Portfolio,
    market: Market,
    rulebooks: Sequence[Asked],
    *,
    overrides: Mapping[str, Any] | None = None,
) -> dict[str, list[Answer]]:
    """Return the answers of several rulebooks to one portfolio, by rulebook name.

    >>> from loadline.io.sample import sample
    >>> portfolio, market = sample()
    >>> found = compare(portfolio.only(["maker"]), market, ["isolated", "deribit-xpm"])
    >>> found["deribit-xpm"][0].initial < found["isolated"][0].initial
    True
    """
    found: dict[str, list[Answer]] = {}
    for name in rulebooks:
        chosen = choose_rulebook(name, market.as_of, overrides)
        found[chosen.rule.name] = margins(portfolio, market, chosen)
    return found
