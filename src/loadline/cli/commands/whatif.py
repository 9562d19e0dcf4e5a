"""``loadline whatif``: an account before and after trades, and where in the tree the difference enters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.text import Text

from loadline.cli.amounts import amount, decimals, percent
from loadline.cli.choosing import asked_for
from loadline.cli.commands.margin import DEPTH, verdict
from loadline.cli.environment import Environment
from loadline.cli.explain_view import differences, draw_differences, signed, tone
from loadline.cli.faults import refuse, unknown
from loadline.cli.inputs import Inputs, insist, read_inputs, refused
from loadline.cli.json_out import answer_as_json, envelope
from loadline.cli.parser import Request
from loadline.cli.progress import working
from loadline.cli.render import Cell, Column, Outcome, Screen
from loadline.cli.tables import STYLES, draw_gaps, draw_market, draw_notes, draw_warnings
from loadline.engine.result import MarginResult, Side
from loadline.foundation.errors import Unavailable

if TYPE_CHECKING:
    from loadline.engine.engine import Chosen, WhatIf
    from loadline.model.market import Market
    from loadline.tape.explain import Difference

SIDES: tuple[Side, ...] = ("initial", "maintenance")
NUMBERS = ("equity", "initial", "maintenance", "excess", "maintenance_excess")
COLUMNS = tuple(Column(head, right=head != "") for head in ("", "before", "after", "change"))


def whatif(request: Request, env: Environment) -> Outcome:
    """Answer ``loadline whatif``."""
    inputs = read_inputs(request, env)
    account = trading_account(request, inputs)
    inputs = inputs.only([account])
    trades = known_trades(request, inputs.market)
    found: list[WhatIf] = []
    for chosen, _ in asked_for(request, inputs.portfolio, inputs.market.as_of):
        with working(env, f"margining {account} twice under {chosen.rule.name}"):
            found += answered(inputs, chosen, trades, account)
    after = [w.after for w in found]
    insist(request, [a for w in found for a in (w.before, w.after)])

    def document() -> Mapping[str, Any]:
        results = [as_json(w, request.get("depth")) for w in found]
        return envelope(inputs.market, results, inputs.warnings, trades=trades_as_json(trades, inputs.market))

    def draw(screen: Screen) -> None:
        draw_market(screen, inputs.market)
        draw_trades(screen, trades, inputs.market)
        for w in found:
            draw_one(screen, w, request.get("side", "initial"), request.get("depth", DEPTH))
        draw_gaps(screen, [a for w in found for a in (w.before, w.after) if isinstance(a, Unavailable)])
        draw_notes(screen, after, inputs.market)
        draw_warnings(screen, inputs.warnings)

    return Outcome(verdict(after, check=bool(request.get("check"))), document, draw)


def trading_account(request: Request, inputs: Inputs) -> str:
    """Return the account that trades: the one asked for, or the only one."""
    names = inputs.accounts
    if len(names) > 1:
        refuse(f"the book has {len(names)} accounts: which one trades?", f"--account, one of {', '.join(names)}")
    return names[0]


def known_trades(request: Request, market: Market) -> dict[str, float]:
    """Return instrument -> quantity, several trades of one instrument added; unknown ones are refused."""
    trades: dict[str, float] = {}
    for trade in request["trade"]:
        if trade.instrument not in market.instruments:
            raise unknown("instrument", trade.instrument, near_names(trade.instrument, market), flag="--trade")
        trades[trade.instrument] = trades.get(trade.instrument, 0.0) + trade.quantity
    return trades


def near_names(name: str, market: Market) -> list[str]:
    """Return the instruments to look among: those that begin alike, or all."""
    ids: list[str] = market.instruments.id.tolist()
    head = name.split("-")[0]
    return [i for i in ids if i.split("-")[0] == head] or ids


def answered(inputs: Inputs, chosen: Chosen, trades: Mapping[str, float], account: str) -> list[WhatIf]:
    """Return before and after under one rulebook, per settlement currency where wallets are kept apart."""
    from loadline.engine.engine import WhatIf, what_if

    if account in inputs.lost:
        gap = refused(account, chosen.rule.name, inputs.lost[account])
        return [WhatIf(gap, gap)]
    return what_if(inputs.portfolio, inputs.market, chosen, trades, account=account)


def trades_as_json(trades: Mapping[str, float], market: Market) -> list[dict[str, Any]]:
    """Return the trades with the marks they are done at."""
    out = []
    for name, quantity in trades.items():
        mark = float(market.quotes.mark[market.instruments.index[name]])
        quote = market.instruments[name]["quote"]
        out.append({"instrument": name, "quantity": quantity, "mark": mark if mark == mark else None, "quote": quote})
    return out


def as_json(w: WhatIf, depth: int | None) -> dict[str, Any]:
    """Return one what-if as plain data: both answers, their change, and every row that differs."""
    out: dict[str, Any] = {"before": answer_as_json(w.before), "after": answer_as_json(w.after)}
    rows: list[tuple[Side, Difference]] = []
    if isinstance(w.before, MarginResult) and isinstance(w.after, MarginResult):
        out["change"] = {n: getattr(w.after, n) - getattr(w.before, n) for n in NUMBERS}
        for side in SIDES:
            found = differences(w.before.explain(side), w.after.explain(side))
            rows += [(side, d) for d in found if d.change]
    out["differences"] = [
        {
            "side": side,
            "path": "/".join(d.path),
            "before": d.before,
            "after": d.after,
            "change": d.change,
            "note": d.note,
        }
        for side, d in rows
        if depth is None or len(d.path) <= depth + 1
    ]
    return out


def draw_trades(screen: Screen, trades: Mapping[str, float], market: Market) -> None:
    """Say what is traded at which mark."""
    for t in trades_as_json(trades, market):
        verb = "buy" if t["quantity"] > 0 else "sell"
        at = f"{t['mark']:,.10g} {t['quote']}" if t["mark"] is not None else "an unknown mark"
        screen.paragraph(f"{verb} {abs(t['quantity']):,.10g} {t['instrument']} at {at}", indent="  ", first="")
    screen.say()


def draw_one(screen: Screen, w: WhatIf, side: Side, depth: int) -> None:
    """Draw one rulebook's before and after, and the rows of the requirement that change."""
    before, after = w.before, w.after
    if not (isinstance(before, MarginResult) and isinstance(after, MarginResult)):
        return
    ccy = after.currency
    screen.heading(f"{after.account} under {after.version}, in {ccy}")
    pairs = [(n, getattr(before, n), getattr(after, n)) for n in NUMBERS[:4]]
    places = decimals([x for _, a, b in pairs for x in (a, b)], ccy)
    rows: list[Sequence[Cell]] = []
    for name, a, b in pairs:
        # more equity or excess is good, a larger requirement is not
        style = tone(b - a if name in SIDES else a - b, 10.0**-places / 2)
        change = Text(signed(b - a, ccy, places), style)
        rows.append((name, amount(a, ccy, places), amount(b, ccy, places), change))
    rows.append(("ratio", percent(before.ratio), percent(after.ratio), ""))
    words = [Text(r.status.value.replace("_", " "), STYLES[r.status]) for r in (before, after)]
    rows.append(("status", *words, ""))
    screen.table(COLUMNS, rows)
    screen.say()
    screen.say(f"where the {side} requirement changes: contributions, factors applied", "dim bold")
    draw_differences(screen, differences(before.explain(side), after.explain(side)), ccy, depth)
    screen.say()
