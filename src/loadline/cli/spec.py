"""Commands and options as data: the parser, the help and the manual are all made from here."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum


class Takes(StrEnum):
    """What a word of the command line has to be; ``values.py`` reads each."""

    FLAG = "flag"
    TEXT = "text"
    FILE = "file"
    PLACE = "place"
    NEW_FILE = "new file"
    TIME = "time"
    SPAN = "span"
    DEPTH = "depth"
    WORKERS = "workers"
    RULEBOOK = "rulebook"
    SETTING = "setting"
    TRADE = "trade"
    CHOICE = "choice"


@dataclass(frozen=True, slots=True)
class Option:
    """One option: ``metavar`` stands for its value in help, ``example`` is a whole use of it, ``short`` its letter."""

    flag: str
    takes: Takes
    help: str
    metavar: str = ""
    example: str = ""
    many: bool = False
    required: bool = False
    default: str = ""
    choices: tuple[str, ...] = ()
    short: str = ""

    @property
    def name(self) -> str:
        """The key its value is found under."""
        return self.flag.lstrip("-").replace("-", "_")

    @property
    def usage(self) -> str:
        """The flag with its metavar."""
        flags = f"{self.short}, {self.flag}" if self.short else self.flag
        return f"{flags} {self.metavar}" if self.metavar else flags


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument by position, written in capitals in help."""

    metavar: str
    takes: Takes
    help: str
    many: bool = False

    @property
    def name(self) -> str:
        """The key its value is found under."""
        return self.metavar.lower()

    @property
    def usage(self) -> str:
        """How it stands in the usage line."""
        return f"{self.metavar}…" if self.many else self.metavar


@dataclass(frozen=True, slots=True)
class Command:
    """One command: ``words`` to type, ``body`` the ``module:function`` that answers, imported when it is asked for."""

    words: str
    summary: str
    details: str
    body: str
    arguments: tuple[Argument, ...] = ()
    options: tuple[Option, ...] = ()
    examples: tuple[tuple[str, str], ...] = ()

    @property
    def usage(self) -> str:
        """The usage line."""
        required = [o.usage.removeprefix(f"{o.short}, ") + (" …" if o.many else "") for o in self.options if o.required]
        free = ["[options]"] if any(not o.required for o in self.options) else []
        return " ".join(["loadline", self.words, *(a.usage for a in self.arguments), *required, *free])


BOOK = Argument(
    "BOOK",
    Takes.FILE,
    "What is held: CSV or Parquet with account, instrument, quantity (may be venue, entry price, unsettled pnl), "
    "JSON with positions, balances, orders and accounts, or a venue's get_positions response.",
)
MARKET = Option(
    "--market",
    Takes.FILE,
    "Market file: an option chain, a Loadline snapshot, a price file, or a venue's summary and instruments JSON. "
    "Repeatable; the files are taken at one time.",
    "FILE",
    "--market btc.parquet --market futures.csv",
    many=True,
    required=True,
)
AT = Option(
    "--at",
    Takes.TIME,
    "Take the snapshot at or before this time, UTC; without it the latest one. The answer names the time.",
    "T",
    "--at 2026-02-05T18:00:00Z",
)
RULEBOOK = Option(
    "--rulebook",
    Takes.RULEBOOK,
    "Rulebook, with the parameters in force at the snapshot or at a date; or the parameter file of one that is not "
    "installed, FILE.toml, whose module FILE.py is run. Repeatable. Without it each account's own, as its file or its "
    "venue says, and deribit-xpm for the others.",
    "NAME[@DATE]",
    "--rulebook derive@2026-01-21",
    many=True,
)
RULEBOOKS = replace(
    RULEBOOK,
    help="Rulebook to compare, with a date if wanted, or FILE.toml. Repeatable. Without it all that there are.",
)
RULEBOOKS_OF_CASES = replace(
    RULEBOOK,
    help="A rulebook that is not installed, FILE.toml, for the golden cases that name it. Repeatable.",
    metavar="FILE.toml",
    example="--rulebook toy.toml",
)
BALANCES = Option(
    "--balances", Takes.FILE, "Wallet cash: account, currency, amount.", "FILE", "--balances balances.csv"
)
ORDERS = Option(
    "--orders",
    Takes.FILE,
    "Open orders: account, instrument, side, quantity, limit price.",
    "FILE",
    "--orders orders.csv",
)
ACCOUNTS = Option(
    "--accounts",
    Takes.FILE,
    "Accounts: account, owner, venue, rulebook; all but the first may be absent.",
    "FILE",
    "--accounts accounts.csv",
)
ACCOUNT = Option("--account", Takes.TEXT, "Answer for this account alone.", "A", "--account market_maker")
SET = Option(
    "--set",
    Takes.SETTING,
    "Override a parameter for this run: rulebook (or its family), group, name, may be key; the value as in TOML. "
    "Repeatable. The result says so.",
    "PATH=VALUE",
    "--set derive.vol_shock.up=0.6",
    many=True,
)
SUM = Option(
    "--sum-duplicates", Takes.FLAG, "Add rows with one key up; otherwise they are defects.", example="--sum-duplicates"
)
STRICT = Option(
    "--strict",
    Takes.FLAG,
    "Refuse the whole book if any account cannot be answered; otherwise the others are.",
    example="--strict",
)
IMPLY = Option(
    "--imply-futures",
    Takes.FLAG,
    "Where the market has no futures: dated ones at the forward of their expiry, perpetuals at the index. "
    "Each result notes it.",
    example="--imply-futures",
)
MAX_AGE = Option(
    "--max-age",
    Takes.SPAN,
    "How far apart in time the market files may be (default 1h).",
    "SPAN",
    "--max-age 90m",
)
CHECK = Option("--check", Takes.FLAG, "Exit with 3 if any account is below its initial requirement.", example="--check")
EXPLAIN = Option("--explain", Takes.FLAG, "Show the arithmetic of each requirement as a tree.", example="--explain")
DEPTH = Option(
    "--depth",
    Takes.DEPTH,
    "How deep trees are shown: a number of levels, or all (default 3; in JSON all).",
    "N|all",
    "--depth all",
)
SIDE = Option(
    "--side",
    Takes.CHOICE,
    "Which requirement the tree or the contributions on the terminal explain (default initial; JSON has both).",
    "SIDE",
    "--side maintenance",
    choices=("initial", "maintenance"),
    default="initial",
)
CONTRIBUTIONS = Option(
    "--contributions",
    Takes.FLAG,
    "Show what each position has to do with the requirement: its component (the components add up to the requirement), "
    "the requirement of one contract more, and what would be saved without the position.",
    example="--contributions",
)
SCENARIOS_OUT = Option(
    "--scenarios-out",
    Takes.NEW_FILE,
    "Write the scenario set and the PnL of one contract of each instrument in every scenario, so that anyone can "
    "recompute the answer. For rulebooks that stand on scenarios; one rulebook at a time.",
    "FILE.parquet",
    "--rulebook tail --scenarios-out scenarios.parquet",
)
JSON = Option("--json", Takes.FLAG, "Answer in JSON; the default where output is not a terminal.", example="--json")
TABLE = Option("--table", Takes.FLAG, "Answer in tables even where output is not a terminal.", example="--table")
AGAINST = Option(
    "--against",
    Takes.RULEBOOK,
    "Rulebook of the right side, with a date if wanted; the left side has that of --rulebook.",
    "NAME[@DATE]",
    "--rulebook derive --against deribit-xpm",
)
AGAINST_MARKET = Option(
    "--against-market",
    Takes.FILE,
    "Market of the right side. Repeatable, as --market is.",
    "FILE",
    "--market yesterday.parquet --against-market today.parquet",
    many=True,
)
AGAINST_AT = Option(
    "--against-at",
    Takes.TIME,
    "Time of the right side's snapshot, UTC.",
    "T",
    "--at 2026-02-05 --against-at 2026-02-06",
)
TRADE = Option(
    "--trade",
    Takes.TRADE,
    "Signed quantity of an instrument, traded at its mark. Repeatable.",
    "INSTRUMENT=QTY",
    "--trade BTC-27MAR26-120000-C=-5",
    many=True,
    required=True,
)
PLOT = Option(
    "--plot",
    Takes.NEW_FILE,
    "Write the surface as a picture; .png needs the extra loadline[plot], .html nothing.",
    "FILE.png|.html",
    "--plot surface.html",
)
PICTURE = replace(
    PLOT,
    help="Write requirements by component and distances as a picture; .png needs the extra loadline[plot].",
    example="--plot compare.html",
)
AS_OF = Option(
    "--as-of",
    Takes.TIME,
    "Show the version in force at this time; without it the newest.",
    "D",
    "--as-of 2026-01-21",
)
HOLDINGS = Argument(
    "HOLDINGS",
    Takes.FILE,
    "What all accounts hold: Parquet or CSV with account, instrument, quantity (may be unsettled pnl), of any length.",
)
MARKETS = replace(
    MARKET,
    takes=Takes.PLACE,
    help="Market file, or a folder of them: option chains, Loadline snapshots, price files, or a venue's summary and "
    "instruments JSON. Repeatable; the files are taken at one time.",
    metavar="FILE|DIR",
)
ONE_RULEBOOK = replace(
    RULEBOOK,
    help="Rulebook of all accounts (default deribit-xpm), with the parameters in force at the snapshot or at a date; "
    "or FILE.toml, as in margin.",
    many=False,
)
OUT = Option(
    "--out",
    Takes.NEW_FILE,
    "Write one row per account: account, currency, equity, initial, maintenance, excess, status, and what is missing. "
    "The file is there whole or not at all.",
    "FILE.parquet|.csv|.json",
    "--out margins.parquet",
)
WORKERS = Option(
    "--workers",
    Takes.WORKERS,
    "How many threads, or workers of the cluster, compute at a time (default: all processors of this machine).",
    "N",
    "--workers 8",
)
ENGINE = Option(
    "--engine",
    Takes.CHOICE,
    "Who computes: local threads, or ray: the workers of a Ray cluster (needs the extra loadline[ray]). The numbers "
    "are the same to the last bit.",
    "ENGINE",
    "--engine ray",
    choices=("local", "ray"),
    default="local",
)
ADDRESS = Option(
    "--address",
    Takes.TEXT,
    "With --engine ray, the cluster to use: auto, HOST:PORT or ray://HOST:PORT; without it one is started here.",
    "ADDRESS",
    "--engine ray --address auto",
)
SHOWN = (JSON, TABLE)
INPUTS = (MARKET, AT, BALANCES, ORDERS, ACCOUNTS, ACCOUNT, IMPLY, MAX_AGE, SUM, STRICT)
