"""The command that calibrates a model as data, beside the catalogue."""

from __future__ import annotations

from loadline.cli import spec
from loadline.cli.spec import Argument, Command, Option, Takes

HERE = "loadline.cli.commands"
HISTORY = Argument(
    "HISTORY",
    Takes.TEXT,
    "Price bars: CSV, Parquet or JSON with ts, symbol, close (may be volume, implied), or ts and a column for each "
    "symbol; COIN=FILE for a file without symbols. The first file that has a coin stands, later ones extend it, joined "
    "in returns.",
    many=True,
)
OUT = Option(
    "--out",
    Takes.NEW_FILE,
    "Write the model here: its dated parameters with the data's hashes, and NAME.moves.csv beside it. --rulebook "
    "NAME.toml then margins with it. Without it nothing is written.",
    "NAME.toml",
    "--out model.toml",
    short="-o",
)
IMPLIED = Option(
    "--implied",
    Takes.TEXT,
    "Implied vol of 30 days at the money: ts with implied (decimals) or dvol (vol points); COIN=FILE where the file "
    "does not say whose. A value counts as known a day after its time. Repeatable.",
    "[COIN=]FILE",
    "--implied BTC=dvol.csv",
    many=True,
)
CHAIN = Option(
    "--chain",
    Takes.FILE,
    "Option chains of many snapshots: vol levels, moves of the surface's shape, and prices after the bars have ended. "
    "Repeatable.",
    "FILE",
    "--chain btc-2026-01.parquet --chain btc-2026-02.parquet",
    many=True,
)
AS_OF = Option(
    "--as-of",
    Takes.TIME,
    "Calibrate as it could have been done at this time, UTC: nothing later is looked at. Without it at the end of the "
    "data.",
    "T",
    "--as-of 2026-02-05T16:00:00Z",
)
SINCE = Option("--from", Takes.TIME, "The first scenario begins then (default 2018-01-01).", "T", "--from 2020-01-01")
HORIZON = Option(
    "--horizon",
    Takes.SPAN,
    "Liquidation period of every coin at least, in whole days (default 2d).",
    "SPAN",
    "--horizon 1d",
)
SYMBOLS = Option(
    "--symbols",
    Takes.TEXT,
    "Coins or symbols to read, commas between them; without it all with 250 moves of their own, stablecoins apart.",
    "LIST",
    "--symbols BTC,ETH,SOL",
)
SIZE = Option(
    "--size",
    Takes.TEXT,
    "USD of one coin to be closed within its liquidation period, above 0, at a tenth of what trades on a day; a coin "
    "that needs longer gets longer, ten days at most (default 10e6).",
    "USD",
    "--size 50e6",
)
STAMP = Option(
    "--stamp",
    Takes.CHOICE,
    "What the time of a bar is: when it opens, as venues have it, or when it closes (default open).",
    "STAMP",
    "--stamp close",
    choices=("open", "close"),
    default="open",
)
VOLUME = Option(
    "--volume",
    Takes.CHOICE,
    "The unit of a column volume (default coin; volume_usd and quote_volume are USD anyway).",
    "UNIT",
    "--volume usd",
    choices=("coin", "usd"),
    default="coin",
)
DRAWN = Option(
    "--drawn",
    Takes.TEXT,
    "Draw this many scenarios from a Student t copula in place of those of history, an even number, 1,000,000 at most. "
    "They have no stressed period.",
    "N",
    "--drawn 2000",
)
MARGINS = Option(
    "--margins",
    Takes.CHOICE,
    "With --drawn, what the variance of each coin goes by: own (exponential weights), GARCH, or GJR, which is GARCH "
    'with leverage; both are fitted by maximum likelihood and need pip install "loadline[forecast]" (default own).',
    "KIND",
    "--margins GJR",
    choices=("own", "GARCH", "GJR"),
)
TAILS = Option(
    "--tails",
    Takes.CHOICE,
    "With --drawn, how far the moves of each coin reach: empirical (as its own have) or student, a Student t fitted to "
    "them (default empirical).",
    "KIND",
    "--tails student",
    choices=("empirical", "student"),
)
STRESS_WEIGHT = Option(
    "--stress-weight",
    Takes.TEXT,
    "Share of the requirement that is the tail of the stressed period, 0 to 1 (default 0.25).",
    "SHARE",
    "--stress-weight 0.5",
)
VOL_FLOOR = Option(
    "--vol-floor",
    Takes.TEXT,
    "Quantile of its own past that the volatility of now does not fall below, 0 to 1; 0 for none (default 0).",
    "P",
    "--vol-floor 0.25",
)
LONG_RUN = Option(
    "--long-run",
    Takes.SPAN,
    "Volatility of now does not fall below that of this long a period, or as far as forecasts reach back (they begin "
    "240 days before the first scenario). Without it there is no such floor.",
    "SPAN",
    "--long-run 3650d",
)
BUFFER = Option(
    "--buffer",
    Takes.TEXT,
    "Margin on top in calm times, as a share of it, used up while volatility rises; 0 for none (default 0).",
    "SHARE",
    "--buffer 0.25",
)
DAMPING = Option(
    "--damping",
    Takes.TEXT,
    "Share of each past move that stays as it came; the rest is rescaled to the volatility of now (default 0.5).",
    "SHARE",
    "--damping 0.75",
)
LEVEL = Option(
    "--level",
    Takes.TEXT,
    "Confidence of the expected shortfall, above 0.5 and below 1 (default 0.965).",
    "P",
    "--level 0.975",
)
HALF_LIFE = Option(
    "--half-life",
    Takes.SPAN,
    "Age at which a move of history counts half; those of the stressed period count alike. Without it all count alike.",
    "SPAN",
    "--half-life 365d",
)
FORECAST = Option(
    "--forecast",
    Takes.TEXT,
    "What the volatility of now is forecast by: own (exponential weights, default), implied, or a model of loadline "
    "forecast such as log-HAR, which needs hourly bars. Repeatable: mixed by variance.",
    "NAME",
    "--forecast own --forecast implied",
    many=True,
)
RISE = Option(
    "--rise",
    Takes.TEXT,
    "Most that volatility may raise margin by in a day, a fraction; 0 for no limit (default 0.1).",
    "SHARE",
    "--rise 0.05",
)
SEED = Option("--seed", Takes.TEXT, "Seed of everything that is drawn (default 20260101).", "N", "--seed 7")

CALIBRATE = Command(
    "calibrate",
    "Calibrate the tail model on a history of prices, and write it as a rulebook.",
    "Scenarios are the joint moves of all coins over their liquidation periods since 2018, each rescaled half way from "
    "the volatility of its day to that of now (exponential weights, 0.97), and the worst 250 days on end as they came. "
    "Vols move as they did, where known; else by a regression on the price move. What is odd in the data is named and "
    "left out, never filled; what had to be filled by rule is told. --set tail.… changes a parameter of the model.",
    f"{HERE}.calibrate:calibrate",
    (HISTORY,),
    (
        *(OUT, IMPLIED, CHAIN, AS_OF, SINCE, HORIZON, SYMBOLS, SIZE, STAMP, VOLUME),
        *(LEVEL, DAMPING, HALF_LIFE, FORECAST, STRESS_WEIGHT, RISE, VOL_FLOOR, LONG_RUN, BUFFER),
        *(DRAWN, MARGINS, TAILS, SEED, spec.SET, *spec.SHOWN),
    ),
    (
        ("loadline calibrate bars.csv --implied BTC=dvol.csv -o model.toml", "from daily bars and a vol index"),
        (
            "loadline calibrate bars.csv --chain btc.parquet --as-of 2026-02-05T16:00:00Z --symbols BTC,ETH",
            "as it could have been done then, on bars and chains, two coins; nothing is written",
        ),
    ),
)
