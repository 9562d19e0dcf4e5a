"""``loadline diff``: why two answers differ, their explanations aligned."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from loadline.cli.choosing import asked_for
from loadline.cli.commands.margin import DEPTH
from loadline.cli.diff_view import draw_diff
from loadline.cli.environment import Environment, ExitCode
from loadline.cli.faults import AtWord, CommandLineError, refuse, unknown
from loadline.cli.inputs import answers, insist, read_inputs
from loadline.cli.json_out import answers_as_json
from loadline.cli.parser import Request
from loadline.cli.render import Outcome, Screen
from loadline.cli.tables import draw_gaps
from loadline.engine.result import MarginResult
from loadline.foundation.errors import InputError, Unavailable
from loadline.foundation.units import format_time

if TYPE_CHECKING:
    from loadline.engine.diff import Diff

OTHERS = {"against": "rulebook", "against_market": "market", "against_at": "at"}
"""Options that say what is other on the right side -> the option of the left side that each stands for."""
Answers = dict[tuple[str, str], list[Any]]
"""(account, rulebook) -> its answers, one for each wallet."""


@dataclass(frozen=True)
class Source:
    """One side: where it comes from, in words, its answers, and what could not be answered."""

    told: str
    found: Answers
    gaps: tuple[Unavailable, ...] = ()

    @property
    def accounts(self) -> list[str]:
        """The accounts that have answers, in order."""
        return list(dict.fromkeys(account for account, _ in self.found))

    @property
    def rulebooks(self) -> list[str]:
        """The rulebooks that answered, in order."""
        return list(dict.fromkeys(name for _, name in self.found))


def diff(request: Request, env: Environment) -> Outcome:
    """Answer ``loadline diff``."""
    left, right = sides(request, env)
    pairs, alone = paired(left, right)
    if not pairs and not (left.gaps or right.gaps):
        refuse(f"no account on both sides: {'; '.join(alone)}", "name books or results of the same accounts")
    from loadline.engine.diff import diff as aligned

    side, depth = request.get("side", "initial"), request.get("depth")
    found = [{s: aligned(a, b, s) for s in ("initial", "maintenance")} for a, b in pairs]
    gaps = [*left.gaps, *right.gaps]
    insist(request, gaps)
    about = [f"left: {left.told}", f"right: {right.told}"]

    def document() -> Mapping[str, Any]:
        results = [as_json(both, depth) for both in found]
        return {
            "ok": True,
            "left": left.told,
            "right": right.told,
            "only": alone,
            "results": [*results, *answers_as_json(gaps)],
        }

    def draw(screen: Screen) -> None:
        for both in found:
            draw_diff(screen, both[side], request.get("depth", DEPTH), about)
        for text in alone:
            screen.paragraph(text, "yellow", "  ", "")
        draw_gaps(screen, gaps)

    return Outcome(ExitCode.MISSING_DATA if gaps else ExitCode.OK, document, draw)


def as_json(both: Mapping[str, Diff], depth: int | None) -> dict[str, Any]:
    """Return one difference as plain data: the ends, and the rows of both requirements."""
    one = both["initial"]
    change = {n: getattr(one.right, n) - getattr(one.left, n) for n in ("equity", "initial", "maintenance")}
    rows = [{"side": side} | row for side, d in both.items() for row in d.as_json(depth)["rows"]]
    ends = {"left": one.left.as_json(), "right": one.right.as_json()}
    return {"account": one.left.account, "currency": one.currency} | ends | {"change": change, "differences": rows}


def sides(request: Request, env: Environment) -> tuple[Source, Source]:
    """Return both sides of a request: two saved results, or a book and what is other about the right side."""
    books: Sequence[Path] = request["book"]
    if len(books) > 2:
        raise AtWord(CommandLineError(f"{len(books)} files", remedy="give one book, or two"), str(books[2]))
    saved = [saved_results(b) for b in books]
    if any(s is not None for s in saved):
        if len(books) != 2 or None in saved:
            refuse("a saved result is compared with another saved result", "loadline diff yesterday.json today.json")
        for name in ("market", *OTHERS):
            if request.get(name):
                refuse("saved results stand by themselves", f"leave --{name.replace('_', '-')} out")
        account = request.get("account")
        left, right = (source_of(p.name, s or {}, account) for p, s in zip(books, saved, strict=True))
        return left, right
    if not request.get("market"):
        refuse("a book needs a market", "--market FILE; or name two results that margin --json --explain saved")
    others = {own: request[name] for name, own in OTHERS.items() if request.get(name)}
    if len(books) == 1 and not others:
        flags = ", ".join(f"--{n.replace('_', '-')}" for n in OTHERS)
        refuse("both sides are the same", f"give a second book, or one of {flags}")
    if "rulebook" in others and len(request.get("rulebook", ())) != 1:
        refuse("--against needs one --rulebook to hold against", "--rulebook derive --against deribit-xpm")
    if "rulebook" in others:
        others["rulebook"] = (others["rulebook"],)
    return answered(request, env, {"book": books[0]}), answered(request, env, {"book": books[-1]} | others)


def answered(request: Request, env: Environment, changes: Mapping[str, Any]) -> Source:
    """Return the answers of a request with some of its words changed."""
    mine = Request(request.command, {**request.values, **changes})
    inputs = read_inputs(mine, env)
    found: Answers = {}
    gaps: list[Unavailable] = []
    for chosen, accounts in asked_for(mine, inputs.portfolio, inputs.market.as_of):
        for answer in answers(inputs.only(accounts), chosen, env):
            if isinstance(answer, MarginResult):
                found.setdefault((answer.account, answer.rulebook), []).append(answer)
            else:
                gaps.append(answer)
    for gap in gaps:  # an account of which a wallet is unavailable has no whole to compare
        found.pop((gap.account, gap.rulebook), None)
    when = format_time(inputs.market.as_of)
    return Source(f"{mine['book'].name}, market of {when}", found, tuple(gaps))


def saved_results(path: Path) -> dict[str, Any] | None:
    """Return a document that ``loadline margin --json`` wrote; ``None`` for any other file."""
    if path.suffix != ".json":
        return None
    try:
        content = json.loads(path.read_text("utf-8"))
    except (UnicodeDecodeError, json.JSONDecodeError):
        return None  # its own reader says what is wrong with it
    if not isinstance(content, dict) or "ok" not in content or "results" not in content:
        return None
    if content["ok"] is not True:
        raise InputError(f"{path} holds an error, no result", remedy="save it again")
    return content


def source_of(name: str, content: Mapping[str, Any], account: str | None) -> Source:
    """Return the answers of a saved document, of one account if it is named."""
    found: Answers = {}
    for result in content["results"]:
        if not isinstance(result, dict) or "account" not in result:
            raise InputError(f"{name} holds no margins", remedy="save loadline margin --json --explain")
        if result.get("status") != "unavailable" and account in (None, result["account"]):
            found.setdefault((result["account"], str(result.get("rulebook"))), []).append(result)
    if account is not None and not found:
        raise unknown("account", account, [r["account"] for r in content["results"]], flag="--account")
    return Source(f"{name}, market of {content.get('as_of', 'an unknown time')}", found)


def paired(left: Source, right: Source) -> tuple[list[tuple[Any, Any]], list[str]]:
    """Return the answers to compare, and what stands on one side alone."""
    a, b = dict(left.found), dict(right.found)
    one = len(left.rulebooks) == len(right.rulebooks) == 1
    if one:  # one rulebook against another: accounts answer to each other
        a, b = ({(account, ""): v for (account, _), v in x.items()} for x in (a, b))
    if one and len(a) == len(b) == 1:  # an account against another
        return [(next(iter(a.values())), next(iter(b.values())))], []
    lost = {gap.account for gap in (*left.gaps, *right.gaps)}  # those are told with their reason
    alone = [said(k, "left") for k in a if k not in b and k[0] not in lost]
    alone += [said(k, "right") for k in b if k not in a and k[0] not in lost]
    return [(a[k], b[k]) for k in a if k in b], alone


def said(key: tuple[str, str], where: str) -> str:
    """Return what stands on one side alone."""
    account, rulebook = key
    return f"{account}{f' under {rulebook}' if rulebook else ''} stands on the {where} alone"
