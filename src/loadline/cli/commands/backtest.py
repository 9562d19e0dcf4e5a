"""``loadline backtest``: books replayed over many dates, and whether margin covered what they lost."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from loadline.cli.backtest_report import Asked, Report
from loadline.cli.backtest_view import draw_report
from loadline.cli.choosing import chosen_rulebook, with_settings
from loadline.cli.commands.venue import SUFFIXES, workers
from loadline.cli.environment import Environment, ExitCode
from loadline.cli.faults import AtWord, CommandLineError, at_word, refuse
from loadline.cli.parser import Request
from loadline.cli.progress import counting, working
from loadline.cli.render import Outcome, Screen
from loadline.foundation.errors import Defect, LoadlineError
from loadline.foundation.units import MS_PER_DAY

if TYPE_CHECKING:
    from loadline.backtest.families import Size
    from loadline.backtest.measured import Measure
    from loadline.backtest.replay import Replay, Window
    from loadline.backtest.run import Case, Model
    from loadline.backtest.walk import Walk

DEFAULT_MODELS = ("tail", "deribit-xpm")
PHASES = 8
"""Of the grid of dates that do not overlap, where snapshots come several times a day."""


def backtest(request: Request, env: Environment) -> Outcome:
    """Answer ``loadline backtest``."""
    from loadline.backtest.run import run

    if request.get("address") and request.get("engine") != "ray":
        refuse("--address is that of a Ray cluster", "add --engine ray")
    with working(env, "reading the data"):
        replay, dates, chains = read(request)
        case, measures, odd = asked(request, env, replay, dates, chains=chains)
        how = Asked(PHASES if chains else max(round(case.days), 1), rise(request), measures, rival(request, case))
    if request.get("plot"):
        from loadline.cli.backtest_plot import checked

        checked(request["plot"])  # before the work, not after it
    with workers(request, env) as pool, counting(env, f"{len(dates):,} dates") as told:
        days = run(case, replay, dates, pool=pool, journal=request.get("resume"), told=told)
    with working(env, "judging"):
        report = Report.of(case, days, how, replay.identity, rules(case, dates[-1].at), odd)
    written = [picture(request["plot"], report)] if request.get("plot") else []

    def document() -> Mapping[str, Any]:
        return {**report.as_json(), **({"written": written} if written else {})}

    def draw(screen: Screen) -> None:
        draw_report(screen, report, explained=bool(request.get("explain")))
        for text in written:
            screen.paragraph(text, "dim")

    return Outcome(ExitCode.MISSING_DATA if report.gaps else ExitCode.OK, document, draw)


def picture(path: Path, report: Report) -> str:
    """Write the frontier of a run; say what was written."""
    from loadline.cli.backtest_plot import write_frontier

    points = [m.point for m in report.models if m.point]
    with at_word("--plot"):
        return write_frontier(path, points, f"{len(report.days):,} dates, {report.case.days:g} days ahead")


def rise(request: Request) -> float:
    """Return within how many days a rise is looked for."""
    from loadline.backtest.study import RISE_DAYS

    word = str(request.get("rise_days", f"{RISE_DAYS:g}"))
    days = float(word) if re.fullmatch(r"\d{1,5}(\.\d+)?", word) else 0.0
    if not days > 0:
        error = CommandLineError(f"{word!r} is no number of days", remedy="write a number above 0, 5")
        raise AtWord(error, word, "--rise-days")
    return days


def rival(request: Request, case: Case) -> str | None:
    """Return the model that the others are held against, if any."""
    word = request.get("against")
    names = [m.name for m in case.models]
    if word is None:
        return None
    if word not in names or len(names) < 2:
        error = CommandLineError(f"{word} is not one of several models", remedy=f"name one of {', '.join(names)}")
        raise AtWord(error, word, "--against")
    return str(word)


def read(request: Request) -> tuple[Replay, list[Window], bool]:
    """Return the replay, its dates, and whether it is one of chains."""
    from loadline.backtest.replay import Chains, Prices, windows
    from loadline.io.chain_times import holds_chain
    from loadline.io.history import read_history

    files = [f for place in request["data"] for f in inside(place)]
    kinds = {f: holds_chain(f) for f in files}
    if len(set(kinds.values())) > 1:
        odd = next(f for f, chain in kinds.items() if not chain)
        error = CommandLineError(f"{odd.name} is no option chain, others are", remedy="name files of one kind")
        raise AtWord(error, str(odd), "--data")
    start, end = request.get("from"), request.get("to")
    if start is not None and end is not None and start >= end:
        refuse("--from is not before --to", "give the earlier time to --from")
    days = request.get("horizon", 2 * MS_PER_DAY) / MS_PER_DAY
    if not days > 0:
        raise AtWord(CommandLineError("a horizon of nothing", remedy="write 1d or 2d"), "0", "--horizon")
    chains = kinds[files[0]]
    replay: Replay = Chains.of(files, start, end) if chains else Prices(read_history(files)).between(start, end)
    found = windows(replay.times, days, slack=min(0.125, days / 4))
    every = request.get("every", 0 if chains else MS_PER_DAY)
    kept: list[Window] = []
    for window in found:
        if not kept or window.at - kept[-1].at >= every:
            kept.append(window)
    if not kept:
        refuse(f"no date has data {days:g} days after it", "give longer data, or a shorter --horizon")
    return replay, kept, chains


def inside(place: Path) -> list[Path]:
    """Return a file, or the files of a folder."""
    found = [p for p in sorted(place.iterdir()) if p.suffix in SUFFIXES] if place.is_dir() else [place]
    if not found:
        raise AtWord(CommandLineError(f"{place} holds no data file", remedy="name the files"), str(place), "--data")
    return found


def asked(
    request: Request, env: Environment, replay: Replay, dates: Sequence[Window], *, chains: bool
) -> tuple[Case, dict[str, Measure | str], list[Defect]]:
    """Return what is asked of every date, what each model measures, and what is odd in the bars and chains.

    Raises ``AtWord`` for a word that is not known.
    """
    from loadline.backtest.families import FAMILIES, family
    from loadline.backtest.measured import variants_of
    from loadline.backtest.replay import Prices
    from loadline.backtest.run import Case

    first = replay.market(dates[0].at)
    names = tuple(request.get("family", ()))
    for name in names:
        with at_word(name, "--family"):
            family(name)
    coins = tuple(request.get("coin", ())) or tuple(first.index)
    known = replay.history.names if isinstance(replay, Prices) else tuple(first.index)
    for coin in coins:
        if coin not in known:
            remedy = f"the data have {', '.join(known)}"
            raise AtWord(CommandLineError(f"no price of {coin}", remedy=remedy), coin, "--coin")
    several = len(known) > 1
    able = tuple(n for n, f in FAMILIES.items() if (chains or f.needs == "prices") and (several or f.alone))
    seed = whole(str(request.get("seed", "0")))
    days = request.get("horizon", 2 * MS_PER_DAY) / MS_PER_DAY
    chosen, measures, odd = models(request, env, names or able)
    odd = [*(replay.history.defects if isinstance(replay, Prices) else ()), *odd]
    silent = tuple(name for measure in measures.values() for name in variants_of(measure))
    large = size(str(request.get("size", "1e6")))
    return Case(names or able, coins, large, chosen, days, seed, silent=silent), measures, list(dict.fromkeys(odd))


def rules(case: Case, at: int) -> list[str]:
    """Return by which rules a model was made that is calibrated at each date: those of the last one (epoch ms)."""
    from loadline.backtest.walk import Walk

    try:
        return [note for m in case.models if isinstance(m, Walk) for note in m.notes(at)]
    except LoadlineError:
        return []  # why it has no answer then stands among the gaps


def models(
    request: Request, env: Environment, families: Sequence[str]
) -> tuple[tuple[Model, ...], dict[str, Measure | str], list[Defect]]:
    """Return the models, by name what each measures, and what is odd in the files one is calibrated from.

    ``tail`` is calibrated at every date where ``--history`` is given.
    """
    from loadline.backtest.measured import measure_of, variants_of
    from loadline.backtest.run import Shipped
    from loadline.engine.engine import choose_rulebook
    from loadline.rulebooks.rulebook import read_rulebook

    settings = request.get("set", ())
    words = list(request.get("model") or DEFAULT_MODELS)
    insist_on_history(request, words)
    chosen = [chosen_rulebook(w, 0, "--model", typed=True) for w in words]
    chosen = with_settings(chosen, settings)  # every word of them fits some model, or is told here
    out: list[Model] = []
    odd: list[Defect] = []
    measures: dict[str, Measure | str] = {}
    for word, one in zip(words, chosen, strict=True):
        changes = {s.rest: s.value for s in settings if s.head in (one.rule.name, one.rule.name.split("-")[0])}
        scenarios = one.rule.name.split("-")[0] == "tail" or one.version.scenarios is not None
        null = tuple(families) if scenarios else ()
        if scenarios and request.get("history") and word == "tail":
            walk, odd = calibrated(request, env, null, changes)
            level = {"measure.level": walk.recipe.level, **changes}
            measure = measures[word] = measure_of(word, choose_rulebook("tail", 0, level).version)
            out.append(replace(walk, variants=variants_of(measure)))
            continue
        measure = measures[word] = measure_of(word, one.version)
        path = re.fullmatch(r"(.+\.toml)(?:#([\w-]*))?", word)
        rule = read_rulebook(path[1], path[2] or "") if path else None
        out.append(Shipped(word, null=null, rule=rule, overrides=changes, variants=variants_of(measure)))
    return tuple(out), measures, odd


def insist_on_history(request: Request, words: Sequence[str]) -> None:
    """Refuse options of a calibration where nothing is calibrated."""
    from loadline.cli.backtest_spec import CALIBRATED

    if request.get("history"):
        if "tail" not in words:
            refuse("--history without the model tail", "add --model tail, which is calibrated from it, or leave it out")
        return
    for option in CALIBRATED:
        if request.get(option.name) not in (None, (), option.default):
            remedy = "it is of tail as it is calibrated at every date: add --history, or leave it out"
            refuse(f"{option.flag} without --history", remedy)


def calibrated(
    request: Request, env: Environment, null: tuple[str, ...], changes: Mapping[str, Any]
) -> tuple[Walk, list[Defect]]:
    """Return ``tail`` as ``loadline calibrate`` would have made it at each date, and what is odd in its files."""
    from loadline.backtest.walk import walked
    from loadline.cli.commands.calibrate import SLACK, bars_of, chains_of, chosen_recipe

    bars, odd = bars_of(request)
    chains, left_out, _ = chains_of(request, env)
    recipe = chosen_recipe(request)
    if request.get("seed") is not None:
        recipe = replace(recipe, seed=whole(str(request["seed"])))
    slack = SLACK if bars.step < MS_PER_DAY else 0
    walk = walked("tail", bars, recipe=recipe, chains=chains, null=null, parameters=changes, slack_ms=slack)
    return walk, [*odd, *left_out]


def size(word: str) -> Size:
    """Return how large books are: ``1e6`` USD, or ``10coins``.

    >>> size("10coins").amount, size("1e6").usd
    (10.0, 1000000.0)
    """
    from loadline.backtest.families import Size

    coins = word.endswith("coins")
    try:
        number = float(word.removesuffix("coins").replace("_", "?"))
    except ValueError:
        number = math.nan
    if not (math.isfinite(number) and number > 0):
        error = CommandLineError(f"{word!r} is not a size", remedy="write USD of notional, 1e6, or coins, 10coins")
        raise AtWord(error, word, "--size")
    return Size(amount=number) if coins else Size(usd=number)


def whole(word: str) -> int:
    """Return a seed."""
    if not (word.isdecimal() and word.isascii() and len(word) <= 18):
        raise AtWord(CommandLineError(f"{word!r} is not a seed", remedy="write a whole number"), word, "--seed")
    return int(word)
