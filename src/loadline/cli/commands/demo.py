"""``loadline demo``: the embedded sample, margined while you watch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.text import Text

from loadline.cli.amounts import amount, count, percent
from loadline.cli.choosing import chosen_rulebook
from loadline.cli.commands.compare import ISOLATED, Line, compared
from loadline.cli.commands.whatif import draw_one, draw_trades
from loadline.cli.environment import Environment, ExitCode
from loadline.cli.explain_view import draw_rows
from loadline.cli.inputs import Inputs, answers
from loadline.cli.parser import Request
from loadline.cli.progress import working
from loadline.cli.render import Cell, Column, Outcome, Screen
from loadline.cli.tables import STYLES, draw_verdicts
from loadline.engine.result import MarginResult, Status

if TYPE_CHECKING:
    from loadline.engine.engine import Answer, Chosen
    from loadline.model.market import Market
    from loadline.model.positions import Portfolio

GENERATIONS = (ISOLATED, "static", "tail")
VENUES = ("deribit-xpm", "derive")
ACCOUNT, VENUE = "strangle", "derive"
"""Whose tree is shown and who trades, and under which rulebook."""
WINGS = {"BTC-26JUN26-70000-P": 12.0, "BTC-26JUN26-100000-C": 12.0}
"""What it buys in the what-if: an option further out for each it has sold."""
CHARACTERS = {
    "covered-call": "owns coins, sells calls on them",
    "strangle": "sells puts and calls far from the money",
    "calendar": "sells near options, owns far ones",
    "maker": "makes markets, two hundred legs, flat in delta",
    "basis": "owns coins, sells dated futures",
}


def demo(request: Request, env: Environment) -> Outcome:
    """Answer ``loadline demo``."""

    def draw(screen: Screen) -> None:
        started = env.clock()
        with working(env, "reading the sample"):
            from loadline.io.sample import sample, sample_folder

            portfolio, market = sample()
        inputs = Inputs(market, portfolio, {}, ())
        book = {name: rulebook(name, market) for name in (*GENERATIONS, *VENUES)}
        introduce(screen, portfolio, market)
        found = {name: answers(inputs, chosen, env) for name, chosen in book.items()}
        generations(screen, inputs, [a for name in GENERATIONS for a in found[name]])
        venues(screen, inputs, {name: found[name] for name in VENUES})
        mine = next(a for a in found[VENUE] if a.account == ACCOUNT)
        if isinstance(mine, MarginResult):
            explained(screen, mine)
            traded(screen, env, inputs, book[VENUE], mine.account)
        seconds = env.clock() - started
        screen.heading(f"{len(book)} rulebooks, {len(inputs.accounts)} accounts, computed live in {seconds:.1f} s")
        farewell(screen, str(sample_folder()))

    return Outcome(ExitCode.OK, dict, draw)


def rulebook(name: str, market: Market) -> Chosen:
    """Return a rulebook in force at the sample's time."""
    return chosen_rulebook(name, market.as_of, "")


def part(screen: Screen, number: int, title: str, text: str) -> None:
    """Write the head of a part and what it shows."""
    rule = ("─" if screen.unicode else "-") * min(screen.width, 80)
    screen.say(rule, "dim")
    screen.heading(f"{number}. {title}")
    screen.paragraph(text, "dim")
    screen.say()


def introduce(screen: Screen, portfolio: Portfolio, market: Market) -> None:
    """Say what the sample is."""
    index = " and ".join(f"{u} at {amount(p, 'USD')} USD" for u, p in market.index.items())
    screen.heading("Loadline", "a portfolio margin engine that shows its arithmetic")
    screen.paragraph(
        f"The sample: {count(len(market.instruments), 'instrument')}, {index}. Made up, never quoted. "
        f"{count(len(portfolio.names()), 'account')}:"
    )
    legs = portfolio.positions.account.tolist()
    rows = [
        (a, portfolio.accounts[a]["owner"], count(legs.count(a), "position"), CHARACTERS.get(a, ""))
        for a in portfolio.names()
    ]
    columns = (Column("account"), Column("owner"), Column("holds", right=True), Column("character", folds=True))
    screen.say()
    screen.table(columns, rows)
    screen.say()


def generations(screen: Screen, inputs: Inputs, found: Sequence[Answer]) -> None:
    """Draw the same accounts under three generations of margin."""
    part(
        screen,
        1,
        "Three generations of margin",
        "Initial requirement in USD. Isolated: each position on its own. Static: fixed vols and correlations, delta, "
        "gamma, vega. Tail: expected shortfall, every option repriced in every scenario. Beside them the share of the "
        "isolated requirement that is saved.",
    )
    lines = {(x.account, x.rulebook): x for x in compared(found)}
    rows: list[Sequence[Cell]] = []
    for account in inputs.accounts:
        row: list[Cell] = [account]
        for name in GENERATIONS:
            line = lines.get((account, name))
            row += [required(line)] + ([saved(line)] if name != ISOLATED else [])
        rows.append(row)
    heads = [h for name in GENERATIONS for h in ([name] if name == ISOLATED else [name, "saved"])]
    screen.table((Column("account"), *(Column(h, right=True) for h in heads)), rows)
    screen.say()


def required(line: Line | None) -> Cell:
    """Return an initial requirement in USD, coloured by where the account stands."""
    if line is None:
        return "n/a"
    return Text(amount(line.initial, "USD"), "" if line.status is Status.OK else STYLES[line.status])


def saved(line: Line | None) -> Cell:
    """Return the share of isolated margin that is saved."""
    return Text(percent(line.efficiency) if line else "", "dim")


def venues(screen: Screen, inputs: Inputs, found: Mapping[str, Sequence[Answer]]) -> None:
    """Draw the same accounts under the published rules of two venues."""
    names = " and ".join(VENUES)
    part(
        screen,
        2,
        "One book, two venues",
        f"The same positions under the rules that two venues publish, {names}, parameters in force at the snapshot. "
        "In USD.",
    )
    lines = {(x.account, x.rulebook): x for x in compared([a for v in found.values() for a in v])}
    rows: list[Sequence[Cell]] = []
    for account in inputs.accounts:
        row: list[Cell] = [account]
        for name in VENUES:
            line = lines.get((account, name))
            style = STYLES[line.status] if line else ""
            row += [required(line), Text(amount(line.excess, "USD"), style) if line else ""]
        rows.append(row)
    heads = [h for name in VENUES for h in (name, "excess")]
    screen.table((Column("account"), *(Column(h, right=True) for h in heads)), rows)
    short = [a for v in found.values() for a in v if isinstance(a, MarginResult) and a.status is not Status.OK]
    if short:
        screen.say()
        draw_verdicts(screen, short)
    screen.say()


def explained(screen: Screen, result: MarginResult) -> None:
    """Draw the tree of one requirement, and which positions ask for most of it."""
    part(
        screen,
        3,
        f"Why: {result.account} under {result.version}",
        "The arithmetic is the explanation: at every row the children, times their factors, add up to it.",
    )
    draw_rows(screen, result.explain("initial"), result.currency, 3)
    screen.say()
    screen.paragraph("What each position asks for (shares add up to the requirement), and one contract more of it:")
    columns = (
        Column("position"),
        Column("quantity", right=True),
        Column(f"share, {result.currency}", right=True),
        Column("per contract", right=True),
    )
    top = largest(result, 5)
    rest = result.initial - sum(s.amount for s in top)
    rows = [(s.label, f"{s.quantity:,.10g}", amount(s.amount, "USD"), amount(s.gradient, "USD")) for s in top]
    rows.append(("all others", "", amount(rest, "USD"), ""))
    screen.table(columns, rows)
    screen.say()


def largest(result: MarginResult, number: int) -> list[Any]:
    """Return the positions that ask for most."""
    shares = [s for s in result.attribution() if s.quantity]
    return sorted(shares, key=lambda s: -s.amount)[:number]


def traded(screen: Screen, env: Environment, inputs: Inputs, chosen: Chosen, account: str) -> None:
    """Buy the wings, and show where the requirement falls."""
    from loadline.engine.engine import what_if

    part(
        screen,
        4,
        "What if it buys the wings?",
        "For the options sold for 26 June, one further out each, at the mark. Only the rows that change are shown.",
    )
    draw_trades(screen, WINGS, inputs.market)
    with working(env, "margining twice"):
        found = what_if(inputs.portfolio, inputs.market, chosen, WINGS, account=account)
    for w in found:
        draw_one(screen, w, "initial", 3)


def farewell(screen: Screen, folder: str) -> None:
    """Say what to type next."""
    screen.paragraph("The sample's files, to try the other commands on, are in:")
    screen.console.print(f"  {folder}", soft_wrap=True)
    screen.paragraph("loadline --help lists the commands; loadline rulebook list the rulebooks.")
