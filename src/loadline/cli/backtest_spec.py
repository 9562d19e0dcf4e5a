"""The command of the backtest as data, beside the catalogue."""

from __future__ import annotations

from dataclasses import replace

from loadline.cli import calibrate_spec as c
from loadline.cli import spec
from loadline.cli.spec import Command, Option, Takes

DATA = Option(
    "--data",
    Takes.PLACE,
    "Option chain files of many snapshots, or files of price bars; or a folder of them. Repeatable.",
    "FILE|DIR",
    "--data chains/",
    many=True,
    required=True,
)
FAMILY = Option(
    "--family",
    Takes.TEXT,
    "A book recipe, opened anew at every date, such as perp-long, covered-call or short-strangle-weekly. Repeatable; "
    "without it all that the data can carry. An unknown name lists them.",
    "NAME",
    "--family calendar --family market-maker",
    many=True,
)
MODEL = replace(
    spec.RULEBOOK,
    flag="--model",
    help="A rulebook, with the parameters in force at each date or at one date; or FILE.toml, as in margin. With "
    "--history, tail is calibrated anew at every date. Repeatable (default tail and deribit-xpm).",
    example="--model tail --model derive",
)
COIN = Option(
    "--coin",
    Takes.TEXT,
    "A coin that the books are on. Repeatable (default: all that the first snapshot prices).",
    "COIN",
    "--coin BTC",
    many=True,
)
FROM = Option("--from", Takes.TIME, "The first date, UTC; without it the first in the data.", "T", "--from 2026-01-01")
TO = Option("--to", Takes.TIME, "Dates before this time, UTC.", "T", "--to 2026-03-01")
HORIZON = Option(
    "--horizon",
    Takes.SPAN,
    "Over which time losses count (default 2d). A date without data that long after it is left out.",
    "SPAN",
    "--horizon 1d",
)
EVERY = Option(
    "--every",
    Takes.SPAN,
    "The least time between dates (default: every snapshot of chains, a day of bars).",
    "SPAN",
    "--every 12h",
)
SIZE = Option(
    "--size",
    Takes.TEXT,
    "How large each book is: USD of notional (1e6, the default), or coins (10coins).",
    "USD|Ncoins",
    "--size 50e6",
)
HISTORY = Option(
    "--history",
    Takes.TEXT,
    "Price bars, as calibrate takes them: tail is calibrated from them anew at every date, by what was known then. The "
    "options below are those of calibrate. Repeatable.",
    "[COIN=]FILE",
    "--history closes.parquet",
    many=True,
)
CALIBRATED = tuple(
    replace(o, help=f"With --history: {o.help[0].lower()}{o.help[1:]}")
    for o in (c.IMPLIED, c.CHAIN, c.STAMP, c.VOLUME, c.LEVEL, c.DAMPING, c.HALF_LIFE, c.FORECAST, c.STRESS_WEIGHT,
              c.RISE, c.VOL_FLOOR, c.LONG_RUN, c.BUFFER)
)  # fmt: skip
"""How tail is calibrated: options of calibrate."""
RISE = Option(
    "--rise-days",
    Takes.TEXT,
    "Within how many days the largest rise of each requirement is looked for (default 5).",
    "N",
    "--rise-days 20",
)
AGAINST = Option(
    "--against",
    Takes.TEXT,
    "One of the models, as named in --model: what the others cost over it, as asked and at equal coverage, with "
    "bootstrap intervals by whole weeks.",
    "MODEL",
    "--model tail --model derive --against derive",
)
EXPLAIN = replace(
    spec.EXPLAIN, help="Show every kind of gap and note, and the tests of every grid of dates that do not overlap."
)
PLOT = replace(
    spec.PLOT,
    help="Write coverage against mean requirement and against peak to trough as a picture, a point for each model; "
    ".png needs the extra loadline[plot], .html nothing.",
    example="--plot frontier.html",
)
SEED = Option("--seed", Takes.TEXT, "Of drawn books (default 0) and of tail's surface moves.", "N", "--seed 6")
RESUME = Option(
    "--resume",
    Takes.NEW_FILE,
    "A journal: each finished date is written to it, and dates that are in it are not computed again. Made if it is "
    "not there; that of another run is refused.",
    "FILE",
    "--resume run.jsonl",
)
COMMANDS = (
    Command(
        "backtest",
        "Replay books over many dates: did margin cover what was lost, and at what cost.",
        "At every date each book is opened by its recipe and asked for its requirement under every model; its loss is "
        "the change of its worth over the horizon, and the largest on the way there. Answers breaches with the tests "
        "of their number and spacing, each with the power of a test of that length, losses beyond margin, mean "
        "requirement and how much it moves; for models with scenarios of history also on how many dates any book is "
        "hit, against what the model itself expects, and Acerbi and Székely's tests where they measure expected "
        "shortfall. What has no answer is counted first, by its reason; parameters from after a date are told.",
        "loadline.cli.commands.backtest:backtest",
        (),
        (
            DATA,
            FAMILY,
            MODEL,
            COIN,
            FROM,
            TO,
            HORIZON,
            EVERY,
            SIZE,
            HISTORY,
            *CALIBRATED,
            RISE,
            AGAINST,
            SEED,
            spec.SET,
            RESUME,
            spec.WORKERS,
            spec.ENGINE,
            spec.ADDRESS,
            EXPLAIN,
            PLOT,
            *spec.SHOWN,
        ),
        (
            (
                "loadline backtest --data btc.parquet --family calendar --model deribit-xpm --resume run.jsonl",
                "one family on all snapshots; run again, it goes on",
            ),
            (
                "loadline backtest --data closes.parquet --history closes.parquet --model tail --horizon 1d",
                "perpetuals on daily closes, tail calibrated at every date",
            ),
        ),
    ),
)
