"""From the words of a request to a market, a portfolio and rulebooks; what cannot be used is told, not dropped."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from loadline.cli.environment import Environment
from loadline.cli.faults import unknown
from loadline.cli.parser import Request
from loadline.foundation.errors import Defect, MissingData, Reason, Unavailable

if TYPE_CHECKING:
    from loadline.engine.engine import Answer, Chosen
    from loadline.model.market import Market
    from loadline.model.positions import Portfolio


@dataclass(frozen=True)
class Inputs:
    """What a command works on.

    ``lost``: account -> defects of its rows, for accounts that are not margined. ``warnings``: defects in rows that
    the book does not need.
    """

    market: Market
    portfolio: Portfolio
    lost: dict[str, tuple[Defect, ...]]
    warnings: tuple[Defect, ...]

    @property
    def accounts(self) -> list[str]:
        """Every account asked for, sorted."""
        return self.portfolio.names()

    def only(self, accounts: Iterable[str]) -> Inputs:
        """Return the same for some accounts."""
        kept = list(accounts)
        lost = {a: d for a, d in self.lost.items() if a in kept}
        return Inputs(self.market, self.portfolio.only(kept), lost, self.warnings)

    def sound(self) -> Portfolio:
        """Return what is held by the accounts whose rows can be used."""
        return self.portfolio.only([a for a in self.accounts if a not in self.lost])


def read_inputs(request: Request, env: Environment) -> Inputs:
    """Read the files of a request; raises ``InputError`` where one of them cannot be used as a whole."""
    from loadline.cli.progress import working

    with working(env, "reading files"):
        from loadline.io.book import read_portfolio
        from loadline.io.market import read_market

        market = read_market(
            request["market"],
            at=request.get("at"),
            max_age_ms=request.get("max_age"),
            imply_futures=bool(request.get("imply_futures")),
        )
        portfolio, defects = read_portfolio(
            request["book"],
            balances=request.get("balances"),
            orders=request.get("orders"),
            accounts=request.get("accounts"),
            sum_duplicates=bool(request.get("sum_duplicates")),
        )
    return gathered(market, portfolio, defects, request)


def gathered(market: Market, portfolio: Portfolio, defects: Sequence[Defect], request: Request) -> Inputs:
    """Return the inputs of the accounts asked for, with their defects sorted into those that matter and warnings."""
    account = request.get("account")
    if account is not None:
        if account not in portfolio.names():
            raise unknown("account", account, portfolio.names(), flag="--account")
        portfolio = portfolio.only([account])
    if not portfolio.names():
        raise MissingData("the book holds nothing", remedy="give positions, or balances beside them")
    names = set(portfolio.names())
    lost: dict[str, tuple[Defect, ...]] = {}
    for defect in defects:
        if defect.subject in names:
            lost[defect.subject] = (*lost.get(defect.subject, ()), defect)
    needed = needs(market, portfolio)
    warnings = [d for d in defects if d.subject not in names]
    warnings += [d for d in market.defects if d.subject not in needed]
    return Inputs(market, portfolio, lost, tuple(warnings))


def needs(market: Market, portfolio: Portfolio) -> set[str]:
    """Return the instruments, underlyings and currencies that a portfolio touches."""
    held = {*portfolio.positions.instrument.tolist(), *portfolio.orders.instrument.tolist()}
    known = [market.instruments[i] for i in held if i in market.instruments]
    contracts = {x for row in known for x in (row["underlying"], row["settle"], row["quote"])}
    return held | contracts | set(portfolio.balances.currency.tolist())


def answers(inputs: Inputs, chosen: Chosen, env: Environment) -> list[Answer]:
    """Return the answer of every account under one rulebook, in order of account name."""
    from loadline.cli.progress import working
    from loadline.engine.engine import margins

    sound = inputs.sound()
    with working(env, f"margining {len(sound.names())} accounts under {chosen.rule.name}"):
        found = margins(sound, inputs.market, chosen) if sound.names() else []
    found += [refused(account, chosen.rule.name, defects) for account, defects in inputs.lost.items()]
    return sorted((with_remedy(a, inputs.market) for a in found), key=lambda a: a.account)


def with_remedy(answer: Answer, market: Market) -> Answer:
    """Return a non-answer with the way out that the command line has where a market knows options alone."""
    from loadline.model.instruments import Kind

    if not isinstance(answer, Unavailable) or answer.reason is not Reason.UNKNOWN_INSTRUMENT:
        return answer
    options_alone = not market.instruments.is_kind(Kind.FUTURE, Kind.PERPETUAL).any()
    if not options_alone or not any(re.search(r"(?<!-[CP]) is not in the market", what) for what in answer.missing):
        return answer
    return replace(answer, remedy=f"{answer.remedy}; or --imply-futures takes futures from the options' forwards")


def refused(account: str, rulebook: str, defects: Sequence[Defect]) -> Unavailable:
    """Return the answer of an account whose rows have defects."""
    missing = tuple(f"{d.where()}: {d.what}" for d in defects)
    remedy = "; ".join(dict.fromkeys(d.remedy for d in defects))
    return Unavailable(account, rulebook, defects[0].reason if defects else Reason.INVALID_VALUE, missing, remedy)


def insist(request: Request, found: Iterable[Answer]) -> None:
    """Raise ``MissingData`` under ``--strict`` where any account is unavailable."""
    gaps = [a for a in found if isinstance(a, Unavailable)]
    if gaps and request.get("strict"):
        raise MissingData(
            f"--strict: {len(gaps)} of the answers cannot be given, so none is",
            missing=[f"{g.account} under {g.rulebook}: {'; '.join(g.missing)}" for g in gaps],
            remedy="; ".join(dict.fromkeys(g.remedy for g in gaps)),
        )
