"""``loadline greeks``: net sensitivities by underlying and expiry."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from loadline.cli.amounts import amount
from loadline.cli.commands.margin import verdict
from loadline.cli.environment import Environment
from loadline.cli.inputs import insist, read_inputs, refused
from loadline.cli.json_out import answers_as_json, envelope
from loadline.cli.parser import Request
from loadline.cli.progress import working
from loadline.cli.render import Column, Outcome, Screen
from loadline.cli.tables import draw_gaps, draw_market, draw_warnings
from loadline.engine.greeks import DOLLARS, GreekRows, Greeks

UNITS = ("delta", "net_delta", "gamma", "vega", "theta")
HEADS = {
    "delta": "delta, coins",
    "net_delta": "net delta",
    "gamma": "gamma",
    "vega": "vega",
    "theta": "theta",
    "delta_usd": "delta",
    "gamma_usd": "gamma per 1%",
    "vega_usd": "vega per point",
    "theta_usd": "theta per day",
}
MEANING = (
    "Delta in coins; net delta is that of the worth in coins; gamma in coins per unit of the quote currency; vega per "
    "vol point and theta per day in the quote currency. In USD: delta per 100 %, gamma as the change of that delta per "
    "1 % of price."
)


def greeks(request: Request, env: Environment) -> Outcome:
    """Answer ``loadline greeks``."""
    from loadline.engine.greeks import greeks as sensitivities

    inputs = read_inputs(request, env)
    sound = inputs.sound()
    with working(env, "differentiating"):
        found = sensitivities(sound, inputs.market) if sound.names() else Greeks(GreekRows.empty())
    gaps = [*found.unavailable, *(refused(a, "greeks", d) for a, d in inputs.lost.items())]
    insist(request, gaps)

    def document() -> Mapping[str, Any]:
        rows = [found.rows.row(n) for n in range(len(found.rows))]
        return envelope(inputs.market, [*rows, *answers_as_json(gaps)], inputs.warnings)

    def draw(screen: Screen) -> None:
        draw_market(screen, inputs.market)
        for account in dict.fromkeys(found.rows.account.tolist()):
            draw_account(screen, Greeks(found.rows.take(found.rows.account == account)), account)
        draw_gaps(screen, gaps)
        screen.paragraph(MEANING, "dim")
        draw_warnings(screen, inputs.warnings)

    return Outcome(verdict(gaps, check=False), document, draw)


def draw_account(screen: Screen, found: Greeks, account: str) -> None:
    """Draw the sensitivities of one account in venue units, then in USD, both with sums by underlying."""
    rows = with_sums(found.rows, found.total("account", "underlying"))
    total = [r | {"underlying": "all"} for r in rows_of(found.total("account"))]
    screen.heading(account, "venue units")
    draw_table(screen, rows, UNITS)
    screen.say()
    screen.heading(account, "in USD")
    draw_table(screen, [*rows, *total], DOLLARS)
    screen.say()


def rows_of(rows: GreekRows) -> list[dict[str, Any]]:
    """Return the rows of a table as plain data."""
    return [rows.row(n) for n in range(len(rows))]


def with_sums(rows: GreekRows, sums: GreekRows) -> list[dict[str, Any]]:
    """Return the rows of each underlying, followed by their sum where there are several."""
    out: list[dict[str, Any]] = []
    for total in rows_of(sums):
        mine = [r for r in rows_of(rows) if r["underlying"] == total["underlying"]]
        out += mine + ([total | {"expiry": "sum"}] if len(mine) > 1 else [])
    return out


def draw_table(screen: Screen, rows: Sequence[Mapping[str, Any]], names: Sequence[str]) -> None:
    """Draw some columns of the rows."""
    usd = names is DOLLARS
    columns = [Column("underlying"), Column("expiry"), *(Column(HEADS[n], right=True) for n in names)]
    cells = [
        (r["underlying"], r["expiry"], *(amount(r[n], "USD") if usd else number(r[n], n) for n in names)) for r in rows
    ]
    screen.table(columns, cells)


def number(value: float, name: str) -> str:
    """Return a sensitivity in venue units: coins to four decimals, gamma to six digits, the rest as money."""
    if name == "gamma":
        return f"{value:.4g}" if value else "0"
    return amount(value, "USD") if name in ("vega", "theta") else amount(value, "", 4)
