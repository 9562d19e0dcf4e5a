"""What the user of the optimizer wants: numbers, limits and sizes, from the words of a request."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from loadline.cli.choosing import asked_for
from loadline.cli.faults import CommandLineError, at_word
from loadline.cli.inputs import Inputs
from loadline.cli.parser import Request
from loadline.cli.wish_files import depth, flows, text_of, venues

if TYPE_CHECKING:
    from loadline.optimize.asking import Limits
    from loadline.optimize.building import Venue
    from loadline.optimize.impact import Depth
    from loadline.optimize.trading import Wishes


@dataclass(frozen=True)
class Asked:
    """One optimization: accounts together, with what they may do; ``name`` for the report."""

    name: str
    venues: tuple[Venue, ...]


def number(request: Request, name: str, flag: str, default: float, *, least: float = 0.0) -> float:
    """Return a number that an option gives."""
    word = request.get(name)
    if word is None:
        return default
    with at_word(word, flag):
        try:
            found = float(word.replace("_", "?"))
        except ValueError:
            found = math.nan
        if not (math.isfinite(found) and found >= least):
            raise CommandLineError(f"{word!r} is not a number from {least:g}", remedy=f"write one, as in {flag} 5")
        return found


def most_trades(request: Request) -> int | None:
    """Return the most instruments to trade."""
    found = number(request, "max_trades", "--max-trades", 0.0, least=1.0 if request.get("max_trades") else 0.0)
    return int(found) or None


def wishes(request: Request) -> Wishes:
    """Return what may be traded at all."""
    from loadline.optimize.trading import Wishes

    size = number(request, "size", "--size", -1.0) if request.get("size") is not None else None
    return Wishes(
        size=size,
        depth=depth(request["sizes"]) if request.get("sizes") else {},
        never=request.get("no_trade", ()),
        buys=request.get("buy_only", ()),
        sells=request.get("sell_only", ()),
        reduce_only=bool(request.get("reduce_only")),
        flow=flow(request),
    )


def flow(request: Request) -> Depth | None:
    """Return how prices give way to size, by what trades on a day; None where no volumes are given."""
    from loadline.optimize.impact import Depth

    if not request.get("adv"):
        for name, flag in (("impact", "--impact"), ("participation", "--participation")):
            if request.get(name) is not None:
                raise CommandLineError(f"{flag} without volumes", remedy="give average daily volumes: --adv FILE")
        return None
    share = number(request, "participation", "--participation", 0.1)
    return Depth(flows(request["adv"]), number(request, "impact", "--impact", 1.0), share)


def deadline(request: Request) -> float:
    """Return the hours until what is posted must have arrived."""
    span = request.get("deadline")
    return math.inf if span is None else float(span) / 3_600_000.0


def limits(request: Request) -> Limits:
    """Return all limits, those of the file first."""
    from loadline.optimize.asking import lines, read_limits

    words = list(request.get("limit", ()))
    if request.get("limits"):
        words = [*lines(text_of(request["limits"], "--limits")), *words]
    for word in words:
        with at_word(word, "--limit"):
            read_limits([word])
    return read_limits(words)


def together(request: Request, inputs: Inputs) -> list[Asked]:
    """Return what is optimized together: the accounts of ``--venues``, or each account of the book alone."""
    from loadline.optimize.building import Venue

    if request.get("venues"):
        return [Asked("all accounts", venues(request, inputs))]
    found = []
    for chosen, accounts in asked_for(request, inputs.portfolio, inputs.market.as_of):
        found += [Asked(a, (Venue(a, chosen),)) for a in accounts if a not in inputs.lost]
    return sorted(found, key=lambda a: a.name)
