"""The commands of stress and forecast as data, beside the catalogue."""

from __future__ import annotations

from dataclasses import replace

from loadline.cli import spec
from loadline.cli.spec import Argument, Command, Option, Takes

HERE = "loadline.cli.commands"

NAMED = Option(
    "--named",
    Takes.TEXT,
    "A crash that happened, by its date or a part of its title. Repeatable; without it all eight.",
    "NAME",
    "--named ftx --named 2020-03-12",
    many=True,
)
SYNTHETIC = Option(
    "--synthetic",
    Takes.FLAG,
    "Also moves that nobody has seen: spot -60 % with vol +150 %, correlation to one and to nil, basis blown out, "
    "vol alone, each stablecoin at 0.65.",
    example="--synthetic",
)
REVERSE = Option(
    "--reverse",
    Takes.FLAG,
    "Also the nearest scenario that liquidates each account and the one that wipes it out, in standard deviations of "
    "prices and vols together, and the share of each crash that would do. Takes seconds per account.",
    example="--reverse",
)
WINDOW = Option(
    "--window",
    Takes.CHOICE,
    "How long the crash lasts: from its eve to the lowest price of each coin, or its worst 24 or 48 hours (default "
    "low).",
    "WINDOW",
    "--window two_days",
    choices=("low", "day", "two_days"),
    default="low",
)
UNLISTED = Option(
    "--unlisted",
    Takes.CHOICE,
    "What a coin does that was not traded then: by its beta to BTC in other crashes, as the worst coin that was, or "
    "nothing (default beta). The notes name every such coin.",
    "RULE",
    "--unlisted worst",
    choices=("beta", "worst", "still"),
    default="beta",
)
HISTORY = Option(
    "--history",
    Takes.FILE,
    "With --reverse, take the covariance of prices from this file of bars, as known at the snapshot; without it that "
    "of a calibrated rulebook's own model, else the parameters of tail.",
    "FILE",
    "--reverse --history bars.parquet",
)
PICTURE = replace(
    spec.PLOT,
    help="Write equity and maintenance after each stress as a picture; .png needs the extra loadline[plot], .html "
    "nothing.",
    example="--plot stress.html",
)

COMMANDS: tuple[Command, ...] = (
    Command(
        "stress",
        "Show what crashes that happened, synthetic ones and the nearest fatal one do to each account.",
        "For every stress the whole market is shifted (coins, stablecoins, the basis of perpetuals, vols by tenor) and "
        "the rulebook run again on it: what the account gains or loses, its equity and requirements after, and "
        "whether it is liquidated. The facts of crashes are rounded moves with their sources; what was not known "
        "then is decided by a rule that the notes name. Time stands still, and nobody trades on the way.",
        f"{HERE}.stress:stress",
        (spec.BOOK,),
        (
            spec.MARKET,
            spec.RULEBOOK,
            NAMED,
            SYNTHETIC,
            REVERSE,
            WINDOW,
            UNLISTED,
            HISTORY,
            *spec.INPUTS[1:],
            spec.SET,
            PICTURE,
            *spec.SHOWN,
        ),
        (
            ("loadline stress book.csv --market btc.parquet --synthetic", "eight crashes and the synthetic ones"),
            (
                "loadline stress book.csv --market btc.parquet --named ftx --account carol --reverse",
                "one crash, one account, and the nearest move that liquidates it",
            ),
        ),
    ),
)

FORECAST = (
    Command(
        "forecast",
        "Show what every volatility model says of the next hour, day or two days.",
        "From a file of bars: the volatility that each model forecasts as of the last bar or an earlier time, fitted "
        "to what was known by then, next to each other; and the probability that volatility doubles within a day. A "
        "model that lacks data says so. Where bars are finer than the period, what was realised last stands below, "
        "with and without jumps. With --scores, how good each has been on this history, out of sample, refitted as "
        "time passed: QLIKE and squared error, Diebold and Mariano's test, the model confidence set; and of the spike "
        "the area under precision against recall and how early alarms came.",
        f"{HERE}.forecast:forecast",
        (
            Argument(
                "HISTORY",
                Takes.FILE,
                "Bars of one or more coins: Parquet, CSV or JSON with time, symbol, close, and may be volume and "
                "implied vol; or sample, the embedded daily history.",
            ),
        ),
        (
            Option(
                "--horizon",
                Takes.CHOICE,
                "How far ahead; without it all that the bars allow: an hour needs bars finer than that.",
                "SPAN",
                "--horizon 2d",
                choices=("1h", "1d", "2d"),
            ),
            Option(
                "--model",
                Takes.TEXT,
                "A model by its name in the table, or a part of it. Repeatable; without it all.",
                "NAME",
                "--model garch --model log-har",
                many=True,
            ),
            Option(
                "--coin",
                Takes.TEXT,
                "A coin of the history. Repeatable; without it all.",
                "COIN",
                "--coin BTC",
                many=True,
            ),
            replace(
                spec.AT, help="Forecast as of this time, UTC: bars after it are not looked at; without it the last bar."
            ),
            Option(
                "--scores",
                Takes.FLAG,
                "Also how good every model has been on this history. Fits GARCH hundreds of times: minutes.",
                example="--scores",
            ),
            replace(
                spec.PLOT,
                help="Write the forecasts as a picture, each model's range over the horizons.",
                metavar="FILE.svg",
                example="--plot forecast.svg",
            ),
            *spec.SHOWN,
        ),
        (
            ("loadline forecast btc.parquet --coin BTC", "every model, every horizon"),
            ("loadline forecast btc.parquet --horizon 1d --model log-har --scores", "one model, and how good it was"),
        ),
    ),
)
COMMANDS += FORECAST
