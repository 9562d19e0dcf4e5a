"""Tables fit their terminal, whatever its width, and never lose a digit."""

import re

import pytest

from loadline.cli.amounts import amount, factor, percent
from loadline.io.sample import sample_folder
from tests.cli.running import run
from tests.cli.test_snapshots import CASES, FOLDER, kept

NUMBER = re.compile(r"-?\d{1,3}(?:,\d{3})*\.\d{2}(?!\d)")
BOOK = ["book.json", "--market", "market.json"]
COMMANDS = [
    ["margin", *BOOK, "--rulebook", "derive", "--rulebook", "deribit-spm", "--explain", "--depth", "all"],
    ["compare", *BOOK, "--rulebook", "okx", "--rulebook", "derive", "--rulebook", "deribit-spm", "--account", "calls"],
    ["whatif", *BOOK, "--account", "strangle", "--trade", "BTC-26JUN26-70000-P=4", "--depth", "all"],
    ["diff", *BOOK, "--rulebook", "derive", "--against", "deribit-xpm", "--depth", "all"],
    ["greeks", *BOOK],
    ["surface", *BOOK, "--rulebook", "isolated", "--account", "calls"],
    ["rulebook", "list"],
    ["rulebook", "show", "deribit-xpm"],
    ["rulebook", "diff", "deribit-xpm", "2024-06-01", "2026-12-01"],
    ["verify", "cases.json"],
    ["margin", "flawed.csv", "--market", "market.json", "--rulebook", "derive"],
    ["--help"],
    ["whatif", "--help"],
]


@pytest.mark.parametrize("case", CASES)
def test_kept_output_fits_80_columns(case: str) -> None:
    for name in ("stdout.txt", "stderr.txt"):
        long = [line for line in kept(FOLDER / case / name).splitlines() if len(line) > 80]
        assert not long


WIDTHS = [56, 80, *(pytest.param(wide, marks=pytest.mark.slow) for wide in (100, 160))]


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("args", COMMANDS, ids=lambda args: " ".join(args)[:40])
def test_fits(args: list[str], width: int) -> None:
    ran = run(args, width=width)
    long = [line for line in ran.out.splitlines() if len(line) > width]
    assert not long


@pytest.mark.parametrize("args", COMMANDS[:4], ids=lambda args: args[0])
def test_no_number_is_lost_where_it_is_narrow(args: list[str]) -> None:
    wide = sorted(NUMBER.findall(run(args, width=160).out))
    for width in (80, 56):
        assert sorted(NUMBER.findall(run(args, width=width).out)) == wide


def test_sample_fits() -> None:
    folder = sample_folder()
    files = [f"--{name}={folder / name}.csv" for name in ("balances", "orders", "accounts")]
    ran = run(["margin", str(folder / "positions.csv"), "--market", str(folder / "market.json"), *files, "--explain"])
    assert max(map(len, ran.out.splitlines())) <= 80
    assert ran.out.isprintable() or all(c.isprintable() or c == "\n" for c in ran.out)


def test_plain_characters_where_the_terminal_has_no_others() -> None:
    ran = run(["margin", *BOOK, "--rulebook", "derive", "--explain"], unicode=False)
    assert "|-" in ran.out
    assert "├" not in ran.out


def test_colour_only_where_wanted() -> None:
    args = ["margin", *BOOK, "--rulebook", "derive-srm", "--explain"]
    assert "\x1b[" not in run(args).out
    coloured = run(args, color=True).out
    assert "\x1b[" in coloured
    plain = re.sub(r"\x1b\[[0-9;]*m", "", coloured)
    assert [x.rstrip() for x in plain.splitlines()] == [x.rstrip() for x in run(args).out.splitlines()]


@pytest.mark.parametrize(
    ("value", "ccy", "said"),
    [
        (1234567.891, "USD", "1,234,567.89"),
        (-0.004, "USD", "0.00"),
        (-1234.5, "USDC", "-1,234.50"),
        (1.23456789012, "BTC", "1.23456789"),
        (12.3456789012, "BTC", "12.3456789"),
        (-1234.56789, "ETH", "-1,234.56789"),
        (0.0, "BTC", "0.00000000"),
        (2e-10, "BTC", "2.0e-10"),
        (5e9, "USD", "5,000,000,000"),
        (5e13, "USD", "5.00000e+13"),
        (float("nan"), "USD", "n/a"),
    ],
)
def test_amounts(value: float, ccy: str, said: str) -> None:
    assert amount(value, ccy) == said


def test_shares_and_factors() -> None:
    assert (percent(0.5), percent(None), percent(-12.3)) == ("50.0%", "n/a", "-1,230%")
    assert (factor(1.0), factor(-0.8)) == ("", "× -0.8")
