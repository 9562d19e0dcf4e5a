"""What the user of the optimizer wants: numbers, limits, sizes, own accounts and assets, from words and files."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from loadline.cli.choosing import asked_for, chosen_rulebook
from loadline.cli.faults import CommandLineError, at_word, nearest
from loadline.cli.inputs import Inputs
from loadline.cli.parser import Request
from loadline.foundation.errors import InputError

if TYPE_CHECKING:
    from loadline.optimize.asking import Limits
    from loadline.optimize.building import Asset, Venue
    from loadline.optimize.trading import Wishes

VENUE_KEYS = ("rulebook", "rate", "cap", "option_fee", "option_fee_cap", "future_fee", "inverse_lot", "lots",
              "future_lots")  # fmt: skip
ASSET_KEYS = ("held", "yield", "move_cost", "accounts")


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
    )


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


def text_of(path: Path, flag: str) -> str:
    """Return a file's text; raises ``AtWord`` where it is none."""
    with at_word(str(path), flag):
        try:
            return path.read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"{path} is not a text file: {error}", remedy="write it in UTF-8") from error


def depth(path: Path) -> dict[str, tuple[float, float]]:
    """Return displayed sizes: instrument -> contracts at the bid, at the ask. A missing one is 0, not infinite."""
    rows = [line.split(",") for line in text_of(path, "--sizes").splitlines() if line.strip()]
    with at_word(str(path), "--sizes"):
        head = [cell.strip() for cell in rows[0]] if rows else []
        needed = ("instrument", "bid_size", "ask_size")
        if any(n not in head for n in needed):
            raise InputError(f"{path} lacks {', '.join(n for n in needed if n not in head)}", remedy="name the columns")
        places = [head.index(n) for n in needed]
        out = {}
        for count, row in enumerate(rows[1:], 1):
            try:
                name, bid, ask = (row[p].strip() for p in places)
                sizes = float(bid or 0.0), float(ask or 0.0)
            except (IndexError, ValueError):
                sizes, name = (math.nan, math.nan), ""
            if not all(math.isfinite(x) and x >= 0 for x in sizes):
                raise InputError(f"row {count} has no sizes", where=f"{path}:{count}", remedy="write numbers from 0")
            out[name] = sizes
        return out


def together(request: Request, inputs: Inputs) -> list[Asked]:
    """Return what is optimized together: the accounts of ``--venues``, or each account of the book alone."""
    from loadline.optimize.building import Venue

    if request.get("venues"):
        return [Asked("all accounts", venues(request, inputs))]
    found = []
    for chosen, accounts in asked_for(request, inputs.portfolio, inputs.market.as_of):
        found += [Asked(a, (Venue(a, chosen),)) for a in accounts if a not in inputs.lost]
    return sorted(found, key=lambda a: a.name)


def table_of(path: Path, flag: str, head: str, keys: Sequence[str]) -> Mapping[str, Mapping[str, Any]]:
    """Return the tables ``[head.NAME]`` of a TOML file; raises ``AtWord`` for keys that are not known."""
    with at_word(str(path), flag):
        try:
            content = tomllib.loads(text_of(path, flag))
        except tomllib.TOMLDecodeError as error:
            raise InputError(f"{path} is not TOML: {error}", remedy=f"write [{head}.NAME] and key = value") from error
        tables = content.get(head)
        if not isinstance(tables, dict) or not tables or not all(isinstance(t, dict) for t in tables.values()):
            raise InputError(f"{path} has no [{head}.NAME]", remedy=f"write [{head}.NAME], one for each {head}")
        strange = [k for k in content if k != head] + [k for t in tables.values() for k in t if k not in keys]
        if strange:
            near = nearest(strange[0], keys)
            raise InputError(
                f"{path}: no key {', '.join(strange)}",
                remedy=f"did you mean {near}?" if near else f"known: {', '.join(keys)}",
            )
        return tables


def venues(request: Request, inputs: Inputs) -> tuple[Venue, ...]:
    """Return the own accounts of a file."""
    from loadline.optimize.building import Venue
    from loadline.optimize.trading import Terms

    path, out = request["venues"], []
    for name, given in table_of(path, "--venues", "account", VENUE_KEYS).items():
        with at_word(str(path), "--venues"):
            if not isinstance(given.get("rulebook"), str):
                raise InputError(f"account {name} names no rulebook", remedy='write rulebook = "derive"')
            chosen = chosen_rulebook(given["rulebook"], inputs.market.as_of, "--venues")
            plain = {k: positive(path, name, k, given[k]) for k in VENUE_KEYS[1:7] if k in given}
            tables = {
                k: {u: positive(path, name, k, x) for u, x in given[k].items()} for k in VENUE_KEYS[7:] if k in given
            }
            terms = Terms(**{k: v for k, v in (plain | tables).items() if k not in ("rate", "cap")})  # type: ignore[arg-type]
            out.append(Venue(name, chosen, plain.get("rate"), plain.get("cap", math.inf), terms))
    return tuple(out)


def assets(request: Request) -> tuple[Asset, ...]:
    """Return the assets of a file that may be posted."""
    from loadline.optimize.building import Asset

    if not request.get("collateral"):
        return ()
    path, out = request["collateral"], []
    for name, given in table_of(path, "--collateral", "asset", ASSET_KEYS).items():
        with at_word(str(path), "--collateral"):
            held, yielding, move = (positive(path, name, k, given.get(k, 0.0)) for k in ASSET_KEYS[:3])
            out.append(Asset(name, held, yielding, move, tuple(given.get("accounts", ()))))
    return tuple(out)


def positive(path: Path, name: str, key: str, value: Any) -> float:
    """Return a number from 0."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not (math.isfinite(value) and value >= 0):
        raise InputError(f"{path}: {key} of {name} is {value!r}", remedy="write a number from 0")
    return float(value)
