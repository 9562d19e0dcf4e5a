"""Which rulebooks answer for which accounts, with which parameters changed by ``--set``."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from loadline.cli.faults import CommandLineError, at_word, nearest, unknown
from loadline.cli.parser import Request
from loadline.cli.values import Setting, file
from loadline.foundation.errors import LoadlineError, RuleError
from loadline.foundation.units import parse_time

if TYPE_CHECKING:
    from loadline.engine.engine import Chosen
    from loadline.model.positions import Portfolio

DEFAULT = "deribit-xpm"
"""The rulebook of an account that names none: instruments and units of a book are this venue's."""
VENUES: Mapping[str, str] = {"deribit": "deribit-xpm", "derive": "derive"}
"""Venue -> the rulebook of its accounts."""

END_OF_TIME = 253_402_300_799_000
"""The last second of the year 9999, epoch ms: later than any version."""


def known_rulebooks() -> list[str]:
    """Return the names of all rulebooks."""
    from loadline.rulebooks.rulebook import rulebook_names

    return rulebook_names()


def chosen_rulebook(word: str, as_of: int, flag: str = "--rulebook", *, typed: bool = False) -> Chosen:
    """Return the rulebook of ``NAME`` or ``NAME@DATE``; raises ``AtWord`` with the nearest name.

    ``typed``: the word was typed, so it may be ``PATH.toml``, ``PATH.toml@DATE`` or ``PATH.toml#NAME``. A word out of
    a data file may not: reading a rulebook from its files runs them.
    """
    from loadline.engine.engine import choose_rulebook
    from loadline.rulebooks.rulebook import ALIASES, SHIPPED

    path = re.fullmatch(r"(.+\.toml)(?:#([\w-]*))?(?:@(.+))?", word)
    if typed and path:
        return from_files(*path.groups(), as_of=as_of, flag=flag)
    bare, _, date = word.partition("@")
    if bare not in SHIPPED and bare not in ALIASES and bare not in known_rulebooks():
        raise unknown("rulebook", bare, known_rulebooks(), flag=flag)
    with at_word(date or bare, flag):
        try:
            return choose_rulebook(word, as_of)
        except ImportError as error:
            raise RuleError(
                f"the rulebook {bare} cannot be loaded: {error}",
                causes="a package that offers it is broken, or older than this version",
                remedy="install it again, or take another rulebook",
            ) from error


def from_files(path: str, name: str | None, date: str | None, *, as_of: int, flag: str) -> Chosen:
    """Return the rulebook of a file pair; raises ``AtWord`` where it cannot be read."""
    from loadline.engine.engine import choose_rulebook
    from loadline.rulebooks.rulebook import read_rulebook

    with at_word(path, flag):
        file(path)
        rule = read_rulebook(path, name or "")
    with at_word(date or path, flag):
        return choose_rulebook(rule, parse_time(date) if date else as_of)


def with_settings(chosen: Sequence[Chosen], settings: Sequence[Setting]) -> list[Chosen]:
    """Return the rulebooks with parameters overridden; raises ``AtWord`` for a setting that fits none of them."""
    found = list(chosen)
    for setting in settings:
        heads = {h for c in chosen for h in (c.rule.name, c.rule.name.split("-")[0])}
        if setting.head not in heads:
            names = known_rulebooks()
            near = nearest(setting.head, heads)
            if setting.head in {*names, *(n.split("-")[0] for n in names)}:
                what, remedy = f"no account is margined under {setting.head}", f"--rulebook {setting.head} does"
                with at_word(setting.head, "--set"):
                    raise CommandLineError(what, remedy=f"{remedy}; this run has {', '.join(sorted(heads))}")
            raise unknown("rulebook", setting.head, sorted(heads), flag="--set", at=near and setting.head)
        fits = [i for i, c in enumerate(found) if setting.head in (c.rule.name, c.rule.name.split("-")[0])]
        if len(fits) > 1:  # of a family, the rulebooks that have the parameter
            fits = [i for i in fits if has(found[i], setting.rest)] or fits[:1]
        for i in fits:
            found[i] = overridden(found[i], setting)
    return found


def has(chosen: Chosen, path: str) -> bool:
    """Return whether a rulebook has a parameter, or the one a key is given for."""
    parameters = chosen.version.parameters
    return path in parameters or path.rpartition(".")[0] in parameters


def overridden(chosen: Chosen, setting: Setting) -> Chosen:
    """Return a rulebook with one parameter replaced."""
    parameters = chosen.version.parameters
    if not has(chosen, setting.rest):
        near = nearest(setting.rest, parameters)
        remedy = f"did you mean {chosen.rule.name}.{near}?" if near else ""
        remedy = remedy or f"loadline rulebook show {chosen.rule.name} lists them"
        with at_word(setting.rest, "--set"):
            raise RuleError(f"{chosen.rule.name} has no parameter {setting.rest}", remedy=remedy)
    with at_word(setting.word, "--set"):
        try:
            version = chosen.version.override({setting.rest: setting.value})
            chosen.rule.check(version)
        except RuleError as error:
            remedy = error.remedy or f"loadline rulebook show {chosen.rule.name} has its unit and value"
            raise RuleError(error.what, where=error.where, causes=error.causes, remedy=remedy) from error
    note = f"parameter overridden: {version.overridden[-1]}"
    return replace(chosen, version=version, notes=(note, *chosen.notes))


def asked_for(request: Request, portfolio: Portfolio, as_of: int) -> list[tuple[Chosen, list[str]]]:
    """Return each rulebook of a request with the accounts it answers for.

    Without ``--rulebook`` each account has its own: the one its row names, else its venue's, else ``DEFAULT``.
    """
    words: dict[str, list[str]] = {}
    notes: dict[str, str] = {}
    accounts = portfolio.names()
    given = request.get("rulebook", ())
    for word in given:
        words[word] = accounts
    for account in [] if given else accounts:
        row = portfolio.accounts[account]
        word = row["rulebook"] or VENUES.get(row["venue"].lower(), "")
        if not word:
            word = DEFAULT
            notes[word] = f"no rulebook named: {DEFAULT} taken; --rulebook chooses, loadline rulebook list shows all"
        words.setdefault(word, []).append(account)
    chosen = [chosen_rulebook(word, as_of, typed=bool(given)) for word in words]
    chosen = [replace(c, notes=(*c.notes, notes[w])) if w in notes else c for c, w in zip(chosen, words, strict=True)]
    return list(zip(with_settings(chosen, request.get("set", ())), words.values(), strict=True))


def every_rulebook(as_of: int) -> tuple[list[Chosen], dict[str, LoadlineError]]:
    """Return all rulebooks that can be loaded, and why the others cannot."""
    found, failed = [], {}
    for name in known_rulebooks():
        try:
            found.append(chosen_rulebook(name, as_of))
        except LoadlineError as error:
            failed[name] = error
    return found, failed


def value_text(value: Any) -> str:
    """Return a parameter's value as people read it; of many rows the first and the last."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float | int):
        return f"{value:.10g}"
    if isinstance(value, list | tuple):
        texts = [value_text(v) for v in value]
        if len(texts) > 3 and sum(map(len, texts)) > 60:
            return f"{len(texts)} rows, {texts[0]} to {texts[-1]}"
        return "[" + ", ".join(texts) + "]"
    return str(value)
