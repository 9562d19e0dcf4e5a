"""``loadline calibrate``: a tail model from a history of prices, written as a rulebook."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from loadline.cli.environment import Environment, ExitCode
from loadline.cli.faults import AtWord, CommandLineError, at_word, refuse
from loadline.cli.parser import Request
from loadline.cli.progress import bar, working
from loadline.cli.render import Outcome, Screen
from loadline.cli.values import SPANS, file
from loadline.foundation.errors import Defect
from loadline.foundation.units import format_time

if TYPE_CHECKING:
    from loadline.engine.calibrate import Calibration
    from loadline.engine.recipe import Recipe
    from loadline.io.bars import Source
    from loadline.scenarios.surface_moves import Surfaces

SLACK = SPANS["h"] * 2
"""How far a bar may lie from its time where the bars are finer than days."""


def calibrate(request: Request, env: Environment) -> Outcome:
    """Answer ``loadline calibrate``."""
    from loadline.cli.calibrate_view import as_json, draw_calibration

    out: Path | None = request.get("out")
    if out is not None and out.suffix != ".toml":
        raise AtWord(
            CommandLineError(f"a model is not written as {out.suffix!r}", remedy="name it NAME.toml"), str(out)
        )
    how = recipe(request)
    with working(env, "reading bars"):
        history, defects = bars_of(request)
    chains, told, source = chains_of(request, env)
    with working(env, "calibrating"):
        from loadline.engine.calibrate import calibrate as calibrated

        found = calibrated(
            history,
            as_of=request.get("as_of"),
            chains=chains,
            names=symbols(request, history.names),
            recipe=how,
            source=source,
            slack_ms=SLACK if history.step < SPANS["d"] else 0,
            changes={s.path: s.value for s in request.get("set", ())},
        )
        written = write(found, out) if out is not None else []
    warnings = [*defects, *told]

    def document() -> Mapping[str, Any]:
        return as_json(found, written, warnings)

    def draw(screen: Screen) -> None:
        draw_calibration(screen, found, written, warnings)

    return Outcome(ExitCode.OK, document, draw)


def write(found: Calibration, out: Path) -> list[Path]:
    """Write the model, its scenarios and the moves of surfaces; return the files."""
    from loadline.cli.calibrate_view import facts
    from loadline.io.model_writer import write_model

    names = ", ".join(a.name for a in found.assets)
    first, last = (format_time(int(found.moves.start[n]))[:10] for n in (0, -1))
    kind = f"{found.recipe.drawn} draws" if found.recipe.drawn else f"moves of {first} to {last}"
    source = f"loadline calibrate: {kind} of {names}, from {', '.join(s.split(' ')[0] for s in found.files)}"
    return write_model(found.version, out, effective=found.as_of, source=source, facts=facts(found))


def recipe(request: Request) -> Recipe:
    """Return how to calibrate, from the options; raises ``AtWord`` for what cannot be."""
    from loadline.engine.recipe import Recipe

    plain = Recipe()
    return replace(
        chosen_recipe(request),
        start=request.get("from", plain.start),
        least=0.0 if request.get("from") is not None else plain.least,
        size=positive(request, "size", plain.size, above=True),
        drawn=drawn(request),
        margins=request.get("margins") or plain.margins,
        tails=request.get("tails") or plain.tails,
        seed=int(positive(request, "seed", plain.seed, whole=True)),
    )


def chosen_recipe(request: Request) -> Recipe:
    """Return what calibrations at one moment and at each date of a backtest choose alike."""
    from loadline.engine.recipe import Recipe

    plain = Recipe()
    days = request.get("horizon", plain.days * SPANS["d"]) / SPANS["d"]
    if days != int(days) or not 1 <= days <= 30:
        refuse(f"tail cannot be calibrated for {days:g} days", "take a --horizon of whole days, 1d to 30d")
    return Recipe(
        days=days,
        level=confidence(request, plain.level),
        damping=positive(request, "damping", plain.damping),
        half_life=request.get("half_life", 0.0) / SPANS["d"],
        rise=positive(request, "rise", plain.rise),
        stress_weight=share(request, "stress_weight", plain.stress_weight),
        vol_floor=share(request, "vol_floor", plain.vol_floor),
        long_run=request.get("long_run", plain.long_run * SPANS["d"]) / SPANS["d"],
        buffer=share(request, "buffer", plain.buffer),
        forecast=tuple(request.get("forecast", ())) or plain.forecast,
    )


def drawn(request: Request) -> int:
    """Return how many scenarios to draw, 0 for none; raises ``AtWord`` for a number that cannot be.

    Options that only one of both kinds of scenarios has are refused beside the other.
    """
    from loadline.engine.recipe import MOST_DRAWN

    many = int(positive(request, "drawn", 0, whole=True))
    if many % 2 or many > MOST_DRAWN:
        refuse(f"{many:,} scenarios", f"draw an even number, {MOST_DRAWN:,} at most: pairs are antithetic")
    for name, remedy in {"margins": "add --drawn 2000", "tails": "add --drawn 2000"}.items():
        if not many and request.get(name) is not None:
            refuse(f"--{name} without --drawn", f"it is of drawn scenarios: {remedy}, or leave it out")
    if many and share(request, "stress_weight", 0.0) > 0:
        refuse("--stress-weight with --drawn", "drawn scenarios have no stressed period: leave one of them out")
    if many and request.get("half_life"):
        refuse("--half-life with --drawn", "drawn scenarios have no age: leave one of them out")
    return many


def positive(request: Request, name: str, default: float, *, whole: bool = False, above: bool = False) -> float:
    """Return a number of the command line; raises ``AtWord`` for what is none, or negative, or 0 where ``above``."""
    word = request.get(name)
    if word is None:
        return default
    try:
        value = float(word)
    except ValueError:
        value = math.nan
    wrong = not math.isfinite(value) or value < 0 or (above and value == 0) or (whole and value != int(value))
    if wrong:
        kind = "a whole number" if whole else "a number"
        remedy = f"write {kind} above 0" if above else f"write {kind}, 0 or more"
        raise at_option(word, name, remedy)
    return value


def share(request: Request, name: str, default: float) -> float:
    """Return a share of the command line; raises ``AtWord`` for what is none between 0 and 1."""
    value = positive(request, name, default)
    if value > 1.0:
        raise at_option(str(request.get(name)), name, "write a share between 0 and 1, 0.25 for 25 %")
    return value


def at_option(word: str, name: str, remedy: str) -> AtWord:
    """Return the refusal of an option's word."""
    said = name.replace("_", " ")
    return AtWord(CommandLineError(f"{word!r} is no {said}", remedy=remedy), word, f"--{name.replace('_', '-')}")


def confidence(request: Request, default: float) -> float:
    """Return the level of the tail; raises ``AtWord`` for one that is not above 0.5 and below 1."""
    value = positive(request, "level", default)
    if not 0.5 < value < 1.0:
        remedy = "write a confidence above 0.5 and below 1, 0.965 for 96.5 %"
        raise at_option(str(request.get("level")), "level", remedy)
    return value


def source_of(word: str, request: Request, flag: str = "") -> Source:
    """Return the file of ``[COIN=]FILE``; raises ``AtWord`` where it is not there."""
    from loadline.io.bars import Source

    coin, equals, name = word.partition("=")
    with at_word(word, flag):
        path = file(name if equals else word)
    return Source(path, coin if equals else "", request["stamp"], request["volume"])


def bars_of(request: Request) -> tuple[Any, Sequence[Defect]]:
    """Return the history of all bar and vol files, and what is odd in it."""
    from loadline.io.history import read_history

    sources = [source_of(w, request) for w in request["history"]]
    sources += [source_of(w, request, "--implied") for w in request.get("implied", ())]
    found = read_history(sources, symbols=symbols(request))
    return found, found.defects


def symbols(request: Request, known: Sequence[str] | None = None) -> list[str] | None:
    """Return the coins asked for; with ``known``, as the history calls them."""
    from loadline.io.bars import factor_of

    word = request.get("symbols")
    if word is None:
        return None
    asked = [w.strip() for w in word.split(",") if w.strip()]
    if known is None:
        return asked
    return list(dict.fromkeys(a if a in known else factor_of(a) for a in asked))


def chains_of(request: Request, env: Environment) -> tuple[dict[str, Surfaces], Sequence[Defect], Sequence[str]]:
    """Return the vol surfaces of the chain files by coin, what was left out of them, and their hashes."""
    files = request.get("chain") or ()
    if not files:
        return {}, (), ()
    from loadline.io.chain_surfaces import read_surfaces

    return _of(read_surfaces(bar(env, "reading chains")(files)))


def _of(found: Any) -> tuple[dict[str, Surfaces], Sequence[Defect], Sequence[str]]:
    return found.by_coin, found.defects, found.source
