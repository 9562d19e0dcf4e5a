"""Every command of ``loadline``, in the order in which help lists them."""

from __future__ import annotations

from dataclasses import replace

from loadline.cli import backtest_spec, calibrate_spec, optimize_spec, spec, stress_spec
from loadline.cli.spec import Argument, Command, Takes

HERE = "loadline.cli.commands"
GROUPS = {"rulebook": "List rulebooks, show their parameters, compare two versions."}
"""Words that stand before several commands, with a line of help."""

COMMANDS = (
    Command(
        "margin",
        "Margin every account of a book, and explain the requirement.",
        "Answers one line per account (and per settlement currency, where a rulebook keeps wallets apart): equity, "
        "initial and maintenance requirement, excess over the initial one, and maintenance over equity. An account "
        "that cannot be answered is listed with everything it lacks; the others are answered.",
        f"{HERE}.margin:margin",
        (spec.BOOK,),
        (
            spec.MARKET,
            spec.RULEBOOK,
            *spec.INPUTS[1:],
            spec.SET,
            spec.EXPLAIN,
            spec.CONTRIBUTIONS,
            spec.DEPTH,
            spec.SIDE,
            spec.CHECK,
            spec.SCENARIOS_OUT,
            *spec.SHOWN,
        ),
        (
            ("loadline margin book.csv --market btc.parquet --rulebook derive", "every account, one rulebook"),
            (
                "loadline margin book.json --market m.json --rulebook tail --account carol --explain --depth 4",
                "the arithmetic of one account, four levels deep",
            ),
            (
                "loadline margin book.csv --market btc.parquet --rulebook tail --account carol --contributions",
                "what each position adds to it",
            ),
        ),
    ),
    Command(
        "compare",
        "Show what each venue would ask for a book, how near it is to liquidating it, and why they differ.",
        "For each account and rulebook, in USD: the requirements and their share of equity, the move of all prices and "
        "of all vols at which the venue liquidates, and what is saved of isolated margin. Below stand the rows of the "
        "aligned explanations that say most of each difference, against the first rulebook named, else against the "
        "one that asks least. A requirement includes haircuts on collateral where its rulebook charges them. Rulebooks "
        "that cannot answer stand below with their reason.",
        f"{HERE}.compare:compare",
        (spec.BOOK,),
        (spec.MARKET, spec.RULEBOOKS, *spec.INPUTS[1:], spec.SET, spec.PICTURE, *spec.SHOWN),
        (
            ("loadline compare book.csv --market btc.parquet", "all rulebooks, all accounts"),
            (
                "loadline compare book.csv --market btc.parquet --rulebook derive --rulebook okx --account carol",
                "two venues, one account",
            ),
        ),
    ),
    Command(
        "whatif",
        "Margin an account before and after trades, and show where the difference enters.",
        "Trades are done at the mark, premiums paid from or into the wallet, so equity does not jump. The tree shows "
        "the rows of the requirement that change.",
        f"{HERE}.whatif:whatif",
        (spec.BOOK,),
        (
            spec.MARKET,
            spec.TRADE,
            spec.RULEBOOK,
            *spec.INPUTS[1:],
            spec.SET,
            spec.DEPTH,
            spec.SIDE,
            spec.CHECK,
            *spec.SHOWN,
        ),
        (
            (
                "loadline whatif book.csv --market btc.parquet --rulebook derive --trade BTC-27MAR26-120000-C=-5",
                "five calls sold",
            ),
        ),
    ),
    Command(
        "diff",
        "Show why two answers differ: explanations aligned, row by row.",
        "Two saved results (margin --json --explain), two books, or one book under two rulebooks, two dates of a "
        "rulebook, in two markets or at two times. Rows of one name answer to each other, and so do the largest rows "
        "that chose from scenarios; a row that one side alone has stands on that side. At every row the changes below "
        "it add up to its own.",
        f"{HERE}.diff:diff",
        (
            Argument(
                "BOOK", Takes.FILE, "A book as for margin, or a saved result; two of them, left and right.", many=True
            ),
        ),
        (
            replace(spec.MARKET, required=False),
            spec.RULEBOOK,
            spec.AGAINST,
            spec.AGAINST_MARKET,
            spec.AGAINST_AT,
            *spec.INPUTS[1:],
            spec.SET,
            spec.DEPTH,
            spec.SIDE,
            *spec.SHOWN,
        ),
        (
            ("loadline diff book.csv --market btc.parquet --rulebook derive --against deribit-xpm", "two venues"),
            ("loadline diff yesterday.json today.json", "two results saved by margin --json --explain"),
        ),
    ),
    Command(
        "venue",
        "Margin every account of a whole venue at once, from files of any length.",
        "Holdings are read as a stream, the rule is compiled once and run for all accounts on every processor, or on a "
        "Ray cluster. Answers totals per currency, how many accounts are short, the ten largest shortfalls, and who "
        "cannot be answered and why; --out writes every account's numbers, which are bit for bit those of margin.",
        f"{HERE}.venue:venue",
        (spec.HOLDINGS,),
        (
            spec.MARKETS,
            spec.ONE_RULEBOOK,
            spec.AT,
            spec.BALANCES,
            spec.ORDERS,
            spec.IMPLY,
            spec.MAX_AGE,
            spec.SUM,
            spec.STRICT,
            spec.SET,
            spec.OUT,
            spec.WORKERS,
            spec.ENGINE,
            spec.ADDRESS,
            spec.CHECK,
            *spec.SHOWN,
        ),
        (
            (
                "loadline venue book.csv --market btc.parquet --rulebook derive --out margins.parquet",
                "totals on the screen, every account in a file",
            ),
            (
                "loadline venue book.csv --market btc.parquet --engine ray --address auto",
                "the same on the cluster that this machine belongs to",
            ),
        ),
    ),
    Command(
        "greeks",
        "Show net delta, gamma, vega and theta by underlying and expiry.",
        "Greeks of each account's positions summed by underlying and expiry, in units of the underlying and in USD.",
        f"{HERE}.greeks:greeks",
        (spec.BOOK,),
        (*spec.INPUTS, *spec.SHOWN),
        (("loadline greeks book.csv --market btc.parquet --account carol", "one account"),),
    ),
    Command(
        "surface",
        "Show PnL and excess over a spot × vol matrix, and the distance to liquidation.",
        "In every cell the whole market is shifted and the rulebook run again on it: what the account gains, and its "
        "excess over the initial requirement there. Below stands how far each price and vol is from liquidating it, "
        "and the liquidation price where there is one.",
        f"{HERE}.surface:surface",
        (spec.BOOK,),
        (spec.MARKET, spec.RULEBOOK, *spec.INPUTS[1:], spec.SET, spec.PLOT, *spec.SHOWN),
        (("loadline surface book.csv --market btc.parquet --account carol --plot s.html", "one account, and a page"),),
    ),
    *stress_spec.COMMANDS,
    *optimize_spec.COMMANDS,
    calibrate_spec.CALIBRATE,
    *backtest_spec.COMMANDS,
    Command(
        "rulebook list",
        "List the rulebooks with their versions and how far each is verified.",
        "Third parties add rulebooks as installed packages; they are listed with the shipped ones.",
        f"{HERE}.rulebook:show_all",
        (),
        spec.SHOWN,
        (("loadline rulebook list", ""),),
    ),
    Command(
        "rulebook show",
        "Show the parameters of one rulebook with their units and sources.",
        "The names are those that --set overrides, behind the rulebook's name.",
        f"{HERE}.rulebook:show",
        (Argument("NAME", Takes.RULEBOOK, "A rulebook of rulebook list, or FILE.toml; @DATE chooses a version."),),
        (spec.AS_OF, *spec.SHOWN),
        (("loadline rulebook show derive --as-of 2026-01-21", "the version in force that day"),),
    ),
    Command(
        "rulebook diff",
        "Show which parameters of a rulebook changed between two dates.",
        "Compares the versions in force at two dates: parameters that changed, came or went, structure and source.",
        f"{HERE}.rulebook:diff",
        (
            Argument("NAME", Takes.TEXT, "A rulebook, as rulebook list names it, or FILE.toml."),
            Argument("D1", Takes.TIME, "The earlier date."),
            Argument("D2", Takes.TIME, "The later date."),
        ),
        spec.SHOWN,
        (("loadline rulebook diff deribit-xpm 2025-12-01 2026-06-01", ""),),
    ),
    Command(
        "verify",
        "Replay case files: which published numbers this engine reproduces.",
        "Prints for each file how many cases match in every component, the worst relative error, and the first misses "
        "with the component that is off. Exits with 3 if anything is missed. A folder stands for its JSON files.",
        f"{HERE}.verify:verify",
        (Argument("FILE", Takes.PLACE, "Case file, or folder of case files.", many=True),),
        (spec.RULEBOOKS_OF_CASES, *spec.SHOWN),
        (("loadline verify cases", "our own golden cases"),),
    ),
    Command(
        "demo",
        "Margin the sample book: three generations of margin, two venues, a tree, a what-if.",
        "Everything is computed while you watch, from the sample that comes with the package. Text only, never JSON.",
        f"{HERE}.demo:demo",
        (),
        (),
        (("loadline demo", ""),),
    ),
)
