"""Accounts after a stress: what they lose, what is left, what the rulebook then asks, and whether it liquidates.

The whole market is shifted and the rule run again on it, as in ``surface``: a requirement moves with the market too.
The parameters in force now hold after the stress, and nobody trades, tops up or is liquidated on the way.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from loadline.engine.engine import Answer, Asked, choose_rulebook, margins
from loadline.engine.result import MarginResult, unavailable_as_json
from loadline.engine.surface import wallets
from loadline.foundation.errors import Unavailable
from loadline.model.market import Market
from loadline.model.positions import Portfolio
from loadline.model.shift import carry_over, only_rows, shifted, worth
from loadline.scenarios.stress import Trial


@dataclass(frozen=True, eq=False)
class Aftermath:
    """One account (or one wallet of it, where the rule keeps them apart) after one stress, in USD.

    ``pnl``: what positions and wallet gain, without haircuts, of which ``wallet`` by coins and cash; ``before``,
    ``after``: the rule's answers at the prices of each time.
    """

    account: str
    rulebook: str
    currency: str
    trial: Trial
    pnl: float
    wallet: float
    before: MarginResult
    after: Answer

    @property
    def answered(self) -> bool:
        """Whether the rule answers in the shifted market."""
        return isinstance(self.after, MarginResult)

    @property
    def equity(self) -> float:
        """Equity as the rule counts it after the stress, USD; NaN without an answer."""
        return self.after.equity * self.after.usd if isinstance(self.after, MarginResult) else np.nan

    @property
    def initial(self) -> float:
        """Initial requirement after the stress, USD; NaN without an answer."""
        return self.after.initial * self.after.usd if isinstance(self.after, MarginResult) else np.nan

    @property
    def maintenance(self) -> float:
        """Maintenance requirement after the stress, USD; NaN without an answer."""
        return self.after.maintenance * self.after.usd if isinstance(self.after, MarginResult) else np.nan

    @property
    def liquidated(self) -> bool:
        """Whether equity is below the maintenance requirement after the stress."""
        return bool(self.maintenance > self.equity)

    @property
    def verdict(self) -> str:
        """``ok``, ``below_initial``, ``liquidated``, ``wiped_out`` (nothing is left of equity) or ``unavailable``."""
        if not isinstance(self.after, MarginResult):
            return "unavailable"
        if self.liquidated:
            return "wiped_out" if self.equity <= 0 else "liquidated"
        return self.after.status.value

    def as_json(self) -> dict[str, Any]:
        """Return the aftermath as plain data, in USD."""
        known = self.answered
        return {
            "account": self.account,
            "rulebook": self.rulebook,
            "version": self.before.version,
            "currency": self.currency,
            "stress": self.trial.name,
            "unit": "USD",
            "pnl": self.pnl,
            "of_wallet": self.wallet,
            "equity_before": self.before.equity * self.before.usd,
            "equity": self.equity if known else None,
            "initial_before": self.before.initial * self.before.usd,
            "initial": self.initial if known else None,
            "maintenance_before": self.before.maintenance * self.before.usd,
            "maintenance": self.maintenance if known else None,
            "excess": self.equity - self.initial if known else None,
            "maintenance_excess": self.equity - self.maintenance if known else None,
            "liquidated": self.liquidated if known else None,
            "status": self.verdict,
            "unavailable": unavailable_as_json(self.after) if isinstance(self.after, Unavailable) else None,
        }


def names_of(portfolio: Portfolio, market: Market) -> list[str]:
    """Return the underlyings and currencies that a portfolio touches, sorted; unknown instruments are passed over.

    >>> from loadline.io.sample import sample
    >>> names_of(*sample())
    ['BTC', 'ETH', 'USD', 'USDC', 'USDT']
    """
    held = {*portfolio.positions.instrument.tolist(), *portfolio.orders.instrument.tolist()}
    rows = [market.instruments[i] for i in held if i in market.instruments]
    facts = {row[c] for row in rows for c in ("underlying", "quote", "settle")}
    return sorted({str(x) for x in facts} | set(portfolio.balances.currency.tolist()))


def stress(
    portfolio: Portfolio, market: Market, rulebook: Asked, trials: Sequence[Trial]
) -> tuple[list[Aftermath], list[Unavailable]]:
    """Return every account after every trial, by account and then by trial, and who cannot be answered today.

    ``trials``: moves of the whole market with their rules for coins that a stress does not name
    (``loadline.scenarios.stress``, ``loadline.scenarios.synthetic``). Raises ``RuleError`` for an unknown rulebook.

    >>> from loadline.io.sample import sample
    >>> from loadline.scenarios.synthetic import crash
    >>> found, gaps = stress(*sample(), "deribit-xpm", [crash(["BTC", "ETH"])])
    >>> [a.account for a in found if a.liquidated], gaps
    (['strangle'], [])
    """
    chosen = choose_rulebook(rulebook, market.as_of)
    held = portfolio.live()
    before = margins(held, market, chosen)
    gaps = [a for a in before if isinstance(a, Unavailable)]
    now = {(a.account, a.currency): a for a in before if isinstance(a, MarginResult)}
    alone = {account: wallets(held, market, chosen, account) for account in {a for a, _ in now}}
    parts = {
        (a, c): next((w.portfolio for w in alone[a] if w.currency == c or not chosen.rule.segregated), held.only([a]))
        for a, c in now
    }
    names = np.concatenate([held.positions.instrument, held.balances.currency, held.orders.instrument])
    near = only_rows(market, names)
    worths = {key: worth(part, near) for key, part in parts.items()}
    sound = held.only(sorted({a for a, _ in now}))
    found = []
    for trial in trials:
        after = shifted(near, trial.shift)
        answers = margins(carry_over(sound, near, after), after, chosen) if now else []
        by_key = {(a.account, getattr(a, "currency", None)): a for a in answers}
        for key, result in now.items():
            positions, cash = worth(carry_over(parts[key], near, after), after)
            wallet = cash - worths[key][1]
            gain = positions - worths[key][0] + wallet
            # a wallet that the rule cannot answer for is told under its account alone
            then = by_key.get(key) or next(a for a in answers if a.account == key[0] and isinstance(a, Unavailable))
            found.append(Aftermath(key[0], chosen.rule.name, key[1], trial, gain, wallet, result, then))
    order = {key: n for n, key in enumerate(now)}
    return sorted(found, key=lambda a: order[a.account, a.currency]), gaps
