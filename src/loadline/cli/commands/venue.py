"""``loadline venue``: every account of a venue under one rulebook, from files of any length."""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from loadline.cli.amounts import count
from loadline.cli.choosing import DEFAULT, chosen_rulebook, with_settings
from loadline.cli.environment import Environment, ExitCode
from loadline.cli.faults import AtWord, CommandLineError, refuse
from loadline.cli.inputs import insist, refused
from loadline.cli.json_out import answers_as_json, envelope
from loadline.cli.parser import Request
from loadline.cli.progress import counting, working
from loadline.cli.render import Outcome, Screen
from loadline.cli.venue_view import Answered, draw_venue
from loadline.foundation.errors import Defect, Unavailable

if TYPE_CHECKING:
    from loadline.engine.bulk import Venue
    from loadline.engine.cluster import Pool
    from loadline.engine.engine import Chosen
    from loadline.io.venue_book import VenueBook
    from loadline.model.market import Market

MOST_LISTED = 100
"""Accounts that are not answered, listed one by one; all of them are counted, and stand in the file of ``--out``."""
PATIENCE = 5.0
"""Seconds to wait for a cluster to answer at all."""
SUFFIXES = (".parquet", ".csv", ".json")


def venue(request: Request, env: Environment) -> Outcome:
    """Answer ``loadline venue``."""
    out = request.get("out")
    if out is not None and out.suffix not in SUFFIXES:
        error = CommandLineError(
            f"a venue cannot be written as {out.suffix!r}", remedy=f"name it {', '.join(SUFFIXES)}"
        )
        raise AtWord(error, str(out), "--out")
    if request.get("address") and request.get("engine") != "ray":
        refuse("--address is that of a Ray cluster", "add --engine ray")
    market, book = read(request, env)
    chosen = with_settings([rulebook(request, market)], request.get("set", ()))[0]
    gaps = stopped(book, chosen)
    insist(request, gaps)
    with workers(request, env) as pool:
        found = margined(chosen, market, book, pool, env)
        answer = Answered(chosen, market, book, found, request["engine"], pool.workers)
    gaps = [*gaps, *(named(gap, book) for gap in found.refused.values())]
    insist(request, gaps)
    written = [write(out, answer, gaps, env)] if out is not None else []

    def document() -> Mapping[str, Any]:
        listed = answers_as_json(gaps[:MOST_LISTED])
        more = answer.as_json() | {"unavailable": listed} | ({"written": written} if written else {})
        return envelope(market, answer.totals_as_json(), [*book.warnings, *market.defects], **more)

    def draw(screen: Screen) -> None:
        draw_venue(screen, answer, gaps)
        for text in written:
            screen.paragraph(text, "dim")

    return Outcome(verdict(answer, check=bool(request.get("check"))), document, draw)


def read(request: Request, env: Environment) -> tuple[Market, VenueBook]:
    """Return the market and the holdings; raises ``InputError`` where a file cannot be used as a whole."""
    with working(env, "reading the market"):
        from loadline.io.market import read_market

        market = read_market(
            files(request["market"]),
            at=request.get("at"),
            max_age_ms=request.get("max_age"),
            imply_futures=bool(request.get("imply_futures")),
        )
    with counting(env, "reading rows") as told:
        from loadline.io.venue_book import read_venue

        book = read_venue(
            request["holdings"],
            market,
            balances=request.get("balances"),
            orders=request.get("orders"),
            sum_duplicates=bool(request.get("sum_duplicates")),
            told=told,
        )
    return market, book


def files(places: Sequence[Path]) -> list[Path]:
    """Return the files, a folder replaced by the CSV, JSON and Parquet files in it."""
    out: list[Path] = []
    for place in places:
        inside = (p for p in sorted(place.iterdir()) if p.suffix in SUFFIXES) if place.is_dir() else (place,)
        found = list(inside)
        if not found:
            error = CommandLineError(f"{place} holds no market file", remedy="name the files")
            raise AtWord(error, str(place), "--market")
        out += found
    return out


def rulebook(request: Request, market: Market) -> Chosen:
    """Return the one rulebook asked for."""
    word = request.get("rulebook")
    chosen = chosen_rulebook(word or DEFAULT, market.as_of, typed=True)
    note = f"no rulebook named: {DEFAULT} taken; --rulebook chooses, loadline rulebook list shows all"
    return chosen if word else replace(chosen, notes=(*chosen.notes, note))


@contextmanager
def workers(request: Request, env: Environment) -> Iterator[Pool]:
    """Yield the threads of this machine, or the workers of a Ray cluster."""
    from loadline.engine.cluster import Threads, ray_cluster

    many = request.get("workers") or env.cores
    if request.get("engine") != "ray":
        yield Threads(many)
        return
    reached(request.get("address") or "")
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing is reported to anybody unless the user wants it
    with ExitStack() as stack:
        with working(env, "starting Ray" if not request.get("address") else "connecting to Ray"):
            pool = stack.enter_context(ray_cluster(many, request.get("address")))
        yield pool


def reached(address: str) -> None:
    """See that something answers at ``HOST:PORT``: Ray itself would try for minutes. Raises ``AtWord``."""
    found = re.fullmatch(r"(?:ray://)?([^:/]+):(\d{1,5})", address)
    if found is None:
        if address not in ("", "auto"):
            error = CommandLineError(f"{address!r} is no address", remedy="write auto, HOST:PORT or ray://HOST:PORT")
            raise AtWord(error, address, "--address")
        return
    try:
        socket.create_connection((found[1], int(found[2])), PATIENCE).close()
    except (OSError, OverflowError) as error:
        remedy = "ray start --head on one machine, ray start --address=HOST:6379 on the others"
        said = CommandLineError(f"nothing answers at {address}", causes="the cluster is not started", remedy=remedy)
        raise AtWord(said, address, "--address") from error


def margined(chosen: Chosen, market: Market, book: VenueBook, pool: Pool, env: Environment) -> Venue:
    """Return the margins of all accounts."""
    from loadline.engine.bulk import venue as margins

    with counting(env, f"margining under {chosen.rule.name}") as told:
        return margins(chosen, market, book.held, len(book), pool=pool, cache=env.cache, told=told)


def stopped(book: VenueBook, chosen: Chosen) -> list[Unavailable]:
    """Return the accounts that defects of their rows stop, as far as these are listed."""
    by_account: dict[str, list[Defect]] = {}
    for defect in book.defects:
        by_account.setdefault(defect.subject, []).append(defect)
    return [refused(account, chosen.rule.name, defects) for account, defects in by_account.items()]


def named(gap: Unavailable, book: VenueBook) -> Unavailable:
    """Return a non-answer under the account's name instead of its number."""
    return replace(gap, account=book.names[int(gap.account)])


def write(out: Path, answer: Answered, gaps: Sequence[Unavailable], env: Environment) -> str:
    """Write the rows; say what was written."""
    from loadline.io.venue_writer import write_venue

    with working(env, f"writing {out.name}"):
        rows = write_venue(answer.found, answer.book.names, answer.book.stopped, out, gaps)
    return f"{out}: {count(rows, 'row')}"


def verdict(answer: Answered, *, check: bool) -> ExitCode:
    """Return how the run ended; a breach goes before what is missing, because it is certain."""
    if check and any(t.below_initial for t in answer.totals):
        return ExitCode.BREACH
    return ExitCode.MISSING_DATA if answer.unavailable else ExitCode.OK
