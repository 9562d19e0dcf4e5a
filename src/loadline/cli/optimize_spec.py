"""The commands of the optimizer as data, beside the catalogue."""

from __future__ import annotations

from loadline.cli import spec
from loadline.cli.spec import Command, Option, Takes

HERE = "loadline.cli.commands"
VENUES = Option(
    "--venues",
    Takes.FILE,
    "Own accounts to be optimized together, TOML: [account.NAME] with rulebook, rate, cap, fees and lots; and who "
    "holds it: held_by, credit_weight, exposure_cap (USD, weighted), default_probability (a year), loss_given_default. "
    "The view is then kept over all of them. Without it each account of the book is optimized alone.",
    "FILE",
    "--venues venues.toml",
)
LIMIT = Option(
    "--limit",
    Takes.TEXT,
    "A limit: WHAT[:UNDERLYING[:EXPIRY]]=±X, LOW..HIGH, X% of the gross, or off. WHAT: delta (coins), vega, gamma, "
    "theta (USD), of what trades change; gross or leverage after them; a rulebook's name caps what it asks, USD; "
    "stress:BTC-20%,vol+30% caps what positions and wallets lose then; liquidation:BTC=15% keeps equity above "
    "maintenance within that move; exposure:ACCOUNT caps what lies there, USD by credit; expected-loss that of all, "
    "USD a year. Repeatable; replaces the default it names.",
    "LIMIT",
    "--limit delta:BTC=±2 --limit vega=±5% --limit liquidation:BTC=15%",
    many=True,
)
LIMITS = Option("--limits", Takes.FILE, "A file of limits, one to a line; # begins a remark.", "FILE", "--limits l.txt")
SIZE = Option(
    "--size",
    Takes.TEXT,
    "Coins that can be traded at each quote, where --depth does not say. One of the two is needed.",
    "COINS",
    "--size 5",
)
DEPTH = Option(
    "--sizes",
    Takes.FILE,
    "Displayed sizes: CSV with instrument, bid_size, ask_size, in contracts.",
    "FILE",
    "--sizes sizes.csv",
)
ADV = Option(
    "--adv",
    Takes.FILE,
    "What trades on a day: CSV with instrument, adv (contracts), daily_vol (a fraction of the price; options may leave "
    "it blank). More than is displayed may then be traded, and every trade costs square-root impact.",
    "FILE",
    "--adv volumes.csv",
)
IMPACT = Option(
    "--impact",
    Takes.TEXT,
    "With --adv: Y in an impact of Y × daily vol × price × sqrt(size / adv) (default 1).",
    "Y",
    "--impact 0.7",
)
PARTICIPATION = Option(
    "--participation",
    Takes.TEXT,
    "With --adv: share of a day's volume that may be traded, where more is not displayed (default 0.1).",
    "SHARE",
    "--participation 0.05",
)
STRESSES = Option(
    "--stresses",
    Takes.FILE,
    "Named stresses, TOML: [stress.NAME] with spot and vol, fractions, for all underlyings or {BTC = -0.2}. "
    "--limit stress:NAME=USD bounds the loss in one, stress=USD in each.",
    "FILE",
    "--stresses stresses.toml",
)
DEADLINE = Option(
    "--deadline",
    Takes.SPAN,
    "When collateral must have arrived: an asset that takes longer stays where it is (default: the horizon).",
    "SPAN",
    "--deadline 4h",
)
MAX_TRADES = Option("--max-trades", Takes.TEXT, "At most this many instruments.", "K", "--max-trades 8")
LOTS = Option("--lots", Takes.FLAG, "Whole lots only.", example="--lots")
RATE = Option("--rate", Takes.TEXT, "Cost of capital per year, a fraction (default 0.2).", "R", "--rate 0.12")
DAYS = Option("--days", Takes.TEXT, "Horizon over which capital is saved, days (default 30).", "D", "--days 7")
NEVER = Option(
    "--no-trade", Takes.TEXT, "Leave this instrument alone. Repeatable.", "I", "--no-trade BTC-PERPETUAL", many=True
)
BUY_ONLY = Option("--buy-only", Takes.TEXT, "Only buy this instrument. Repeatable.", "I", "--buy-only X", many=True)
SELL_ONLY = Option("--sell-only", Takes.TEXT, "Only sell this instrument. Repeatable.", "I", "--sell-only X", many=True)
REDUCE = Option("--reduce-only", Takes.FLAG, "Only trades that make a position smaller.", example="--reduce-only")
RESCUE = Option(
    "--rescue",
    Takes.FLAG,
    "Answer a margin call: the cheapest trades after which equity covers maintenance. Keeps no view but what --limit "
    "says.",
    example="--rescue",
)
COLLATERAL = Option(
    "--collateral",
    Takes.FILE,
    "Assets that may be posted or withdrawn, TOML: [asset.CURRENCY] with held, yield, move_cost, hours (until it "
    "arrives), max_value (USD in one account), max_share (of what lies there), accounts. Equity must then cover the "
    "initial requirement, and what is posted costs its yield instead of --rate.",
    "FILE",
    "--collateral assets.toml",
)
MOVE = Option(
    "--move-positions",
    Takes.FLAG,
    "With --venues: positions may be moved between own accounts at mark, for a fee on either side.",
    example="--move-positions",
)
TIME = Option("--time", Takes.SPAN, "How long to search, processor time (default 10s).", "SPAN", "--time 30s")
PLOT = Option("--plot", Takes.NEW_FILE, "Write a picture, .svg, which needs nothing.", "FILE.svg", "--plot plan.svg")
AGAINST = Option(
    "--against",
    Takes.CHOICE,
    "What the requirement is weighed against (default cost): the cost of trading, or how far the view may move.",
    "WHAT",
    "--against view",
    choices=("cost", "view"),
    default="cost",
)
WISHES = (
    SIZE,
    DEPTH,
    ADV,
    IMPACT,
    PARTICIPATION,
    VENUES,
    LIMIT,
    LIMITS,
    STRESSES,
    RATE,
    DAYS,
    NEVER,
    BUY_ONLY,
    SELL_ONLY,
    REDUCE,
)

COMMANDS = (
    Command(
        "optimize",
        "Find the trades that free the most capital per dollar of cost, and prove how near the best they are.",
        "Minimises cost of capital × initial requirement + half spreads + fees + impact, within limits on what the "
        "trades change: delta 2%, vega 10% (25% in an expiry), gamma and theta 10% of the book's gross, unless --limit "
        "says otherwise. The plan is margined again from the start; its bound says how much better any plan could "
        "be. Ctrl-C returns the best plan so far.",
        f"{HERE}.optimize:optimize",
        (spec.BOOK,),
        (
            spec.MARKET,
            spec.RULEBOOK,
            *spec.INPUTS[1:],
            spec.SET,
            *WISHES,
            MAX_TRADES,
            LOTS,
            RESCUE,
            COLLATERAL,
            DEADLINE,
            MOVE,
            TIME,
            PLOT,
            *spec.SHOWN,
        ),
        (
            (
                "loadline optimize book.csv --market btc.parquet --rulebook derive --size 5 --max-trades 8 --lots",
                "eight trades in lots",
            ),
            ("loadline optimize book.csv --market btc.parquet --account carol --size 5 --rescue", "a margin call"),
        ),
    ),
    Command(
        "frontier",
        "Show what requirement can be had at what cost of trading, or for how much of the view.",
        "Each row is the optimum at another cost of capital, or with all limits on the view scaled. Nothing below the "
        "curve can be had within the limits.",
        f"{HERE}.frontier:frontier",
        (spec.BOOK,),
        (spec.MARKET, spec.RULEBOOK, *spec.INPUTS[1:], spec.SET, *WISHES, AGAINST, TIME, PLOT, *spec.SHOWN),
        (("loadline frontier book.csv --market btc.parquet --account carol --size 5 --plot f.svg", "a picture"),),
    ),
)
